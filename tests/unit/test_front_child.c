/* SPDX-License-Identifier: MIT */
/*
 * test_front_child.c - a child after fork() may destroy the caches and pools of
 * its parent, promptly and without any effect on the parent, and is refused
 * everything else.
 */
#include "support_backing.h"
#include "support_front.h"
#include "support_process.h"
#include "support_threads.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/cache.h"
#include "zspool.h"

#define PAGES 300

/* A directory for the file of a cache; empty before and after. */
static char directory[64];

static int begin_directory(void **state)
{
    support_directory_make(directory);
    return begin_cache(state);
}

static int end_directory(void **state)
{
    (void)end_cache(state);
    support_directory_remove(directory, 0);
    return 0;
}

#define TEST_OF_CHILD(name) TEST_WITH(name, begin_directory, end_directory)

#define CHECK_REFUSED(call) support_check((call) == ZC_UNSUPPORTED, #call)

/* Whether this process has a file below the directory open. */
static bool has_open_file(void)
{
    DIR *all = opendir("/proc/self/fd");
    struct dirent *item;
    char name[300];
    char target[600];
    ssize_t length;
    bool found = false;

    if (all == NULL)
        return false;
    while ((item = readdir(all)) != NULL) {
        (void)snprintf(name, sizeof(name), "/proc/self/fd/%s", item->d_name);
        length = readlink(name, target, sizeof(target) - 1);
        target[length < 0 ? 0 : length] = '\0';
        found |= strstr(target, directory) != NULL;
    }
    (void)closedir(all);
    return found;
}

/* ---- what a child may do ---- */

static bool has_file; /* in the directory */

/* The pool is at least a chunk: 2 MiB are mapped. */
static void destroy_in_child(void *unused)
{
    const uint64_t before = support_mapped_bytes();

    (void)unused;
    if (has_file && access("/proc/self/fd", F_OK) == 0)
        support_check(has_open_file(), "the child has no file");
    zc_cache_destroy(cache);
    support_check(!has_open_file(), "its descriptor is open");
    if (!SUPPORT_SANITIZED && before != 0)
        support_check(support_mapped_bytes() + (1 << 20) < before,
                      "still mapped");
}

static void store_all(void)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++)
        store(i, i % 3 == 0 ? SUPPORT_NOISE : SUPPORT_TEXT, i);
}

static void expect_all(void)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++)
        expect(i, i % 3 == 0 ? SUPPORT_NOISE : SUPPORT_TEXT, i);
}

/* Two children, one after the other; and then all is as it was. */
static void check_parent(void)
{
    struct stat before;
    struct stat after;
    char path[80];
    bool is_named;

    (void)snprintf(path, sizeof(path), "%s/pages", directory);
    store_all();
    (void)zc_cache_shrink(cache, 1, NULL);
    assert_true(cache_stat(pool_total_size) != 0);
    is_named = stat(path, &before) == 0;
    support_run_child(destroy_in_child, NULL);
    expect_all();
    support_run_child(destroy_in_child, NULL);
    if (is_named) {
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        /* The parent's workers may have written meanwhile. */
        assert_true(after.st_size > 0 && after.st_size >= before.st_size);
    }
    expect_all();
    store_all();
    expect_all();
}

TEST_OF_CHILD(a_destroy_leaves_the_parent_its_pages)
{
    static const struct {
        unsigned io_workers;
        unsigned shrink_worker;
        unsigned lru_mode;
    } rows[] = {{0, 0, ZC_LRU_ENTRY},
                {2, 0, ZC_LRU_ENTRY},
                {0, 1, ZC_LRU_ENTRY},
                {3, 1, ZC_LRU_ENTRY},
                {2, 1, ZC_LRU_NONE}};
    unsigned i;

    has_file = true;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        renew(ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10,
                               .backing_path = directory,
                               .io_workers = rows[i].io_workers,
                               .shrink_worker = rows[i].shrink_worker,
                               .lru_mode = rows[i].lru_mode));
        check_parent();
    }
}

/* Also where one device stands behind another, or several are on. */
TEST_OF_CHILD(a_destroy_leaves_devices_alone)
{
    char path[80];
    struct zc_backing_file file = {
        .struct_size = sizeof(file), .path = path, .keep = 1};
    struct zc_backing_faults faults = {.struct_size = sizeof(faults),
                                       .ops = &zc_backing_file,
                                       .user = &file,
                                       .full_after = 100000};
    unsigned type;

    has_file = true;
    (void)snprintf(path, sizeof(path), "%s/pages", directory);
    renew(ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10, .lru_mode = ZC_LRU_ENTRY));
    assert_status(
        zc_swap_on(cache,
                   ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_faulty,
                                   .backing_user = &faults, .io_workers = 2),
                   &swap_type),
        ZC_OK);
    assert_status(zc_swap_on(cache, NULL, &type), ZC_OK);
    check_parent();
    end();
    assert_int_equal(unlink(path), 0);
}

/* ---- what is the embedder's ---- */

/* What an embedder's device is told; shared with children. */
static struct told {
    unsigned closes;
    unsigned leaves;
    void *left;
} * told;

static void count_close(void *backing)
{
    told->closes++;
    support_device_ops.close(backing);
}

static void count_leave(void *backing)
{
    told->leaves++;
    told->left = backing;
}

TEST_OF_CHILD(a_device_of_the_embedder_is_left_and_not_closed)
{
    struct zc_backing_ops ops = support_device_ops;
    unsigned leaves;

    has_file = false;
    told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(told != MAP_FAILED);
    ops.struct_size = sizeof(ops);
    ops.close = count_close;
    for (leaves = 0; leaves <= 2; leaves += 2) {
        memset(told, 0, sizeof(*told));
        ops.leave_in_child = leaves == 0 ? NULL : count_leave;
        support_device_init(&disk);
        renew(ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10,
                               .lru_mode = ZC_LRU_ENTRY));
        assert_status(
            zc_swap_on(cache,
                       ZC_SWAP_OPTIONS(.backing_ops = &ops,
                                       .backing_user = &disk, .io_workers = 1),
                       &swap_type),
            ZC_OK);
        check_parent();
        assert_int_equal(told->closes, 0);
        assert_int_equal(told->leaves, leaves);
        assert_true(leaves == 0 || told->left == &disk);
        end();
        assert_int_equal(told->closes, 1);
        assert_int_equal(told->leaves, leaves);
        support_device_fini(&disk);
    }
    (void)munmap(told, sizeof(*told));
}

static void destroy_with_other_pool(void *unused)
{
    (void)unused;
    zc_cache_destroy(cache);
    support_check(spied.destroys == 0, "the embedder's pool was destroyed");
}

TEST_OF_CHILD(a_pool_of_the_embedder_is_left_alone)
{
    renew_over(SUPPORT_OVER_BUMP);
    store_all();
    support_run_child(destroy_with_other_pool, NULL);
    expect_all();
}

/* ---- whatever is held at the fork ---- */

static pthread_barrier_t barrier;

/* Each lock that a cache with a file has, as another thread's. */
static void hold_locks(void) ZC_NO_LOCK_ANALYSIS
{
    struct zc_zspool *pool = cache->zswap.entries.pool;
    unsigned i;

    for (i = 0; i < pool->group_count; i++)
        (void)zc_spinlock_trylock(&pool->groups[i].lock);
    (void)zc_spinlock_trylock(&pool->lru_lock);
    (void)zc_spinlock_trylock(&pool->arena.lock);
    (void)zc_spinlock_trylock(&pool->handles.lock);
    (void)zc_mutex_trylock(&pool->compaction);
    (void)zc_spinlock_trylock(&cache->pageio.stuck_lock);
    (void)zc_mutex_trylock(&cache->shrinker.lock);
    (void)zc_bit_trylock(&cache->swap.change, 1);
}

static void let_locks_go(void) ZC_NO_LOCK_ANALYSIS
{
    struct zc_zspool *pool = cache->zswap.entries.pool;
    unsigned i;

    for (i = 0; i < pool->group_count; i++)
        zc_spinlock_unlock(&pool->groups[i].lock);
    zc_spinlock_unlock(&pool->lru_lock);
    zc_spinlock_unlock(&pool->arena.lock);
    zc_spinlock_unlock(&pool->handles.lock);
    zc_mutex_unlock(&pool->compaction);
    zc_spinlock_unlock(&cache->pageio.stuck_lock);
    zc_mutex_unlock(&cache->shrinker.lock);
    (void)zc_atomic_u32_and(&cache->swap.change, 0);
}

static void *be_holder(void *unused)
{
    (void)unused;
    hold_locks();
    (void)pthread_barrier_wait(&barrier); /* they are held */
    (void)pthread_barrier_wait(&barrier); /* the child has ended */
    let_locks_go();
    return NULL;
}

static void renew_busy(void)
{
    has_file = true;
    renew(ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10, .backing_path = directory,
                           .io_workers = 2, .shrink_worker = 1));
    store_all();
}

TEST_OF_CHILD(a_destroy_takes_no_lock)
{
    pthread_t holder;

    renew_busy();
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&holder, NULL, be_holder, NULL), 0);
    (void)pthread_barrier_wait(&barrier);
    support_run_child(destroy_in_child, NULL);
    (void)pthread_barrier_wait(&barrier);
    assert_int_equal(pthread_join(holder, NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
    expect_all();
}

/* A transfer stands still in the middle, for ever as far as the child sees. */
TEST_OF_CHILD(a_destroy_waits_for_no_transfer)
{
    has_file = false;
    renew_device(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .shrink_worker = 1),
                 ZC_SWAP_OPTIONS(.io_workers = 2));
    store_all();
    support_device_hold(&disk);
    (void)zc_cache_writeback(
        cache,
        &(struct zc_writeback_options){
            .struct_size = sizeof(struct zc_writeback_options),
            .budget_bytes = 2 * 4096},
        NULL);
    support_device_await_held(&disk, 2);
    support_run_child(destroy_in_child, NULL);
    support_device_let_go(&disk);
    expect_all();
}

#define BUSY_SLOTS 64

static void be_busy(struct support_worker *worker)
{
    char page[4096];
    zc_swp slot;

    while (!support_is_stopped(worker)) {
        slot = at(worker->index * BUSY_SLOTS +
                  support_random_below(&worker->random, BUSY_SLOTS));
        support_stamp_page(page, sizeof(page), slot, 1);
        if (zc_cache_store(cache, slot, page) != ZC_OK ||
            zc_cache_load(cache, slot, page) != ZC_OK)
            support_mistake(worker, "a page is not stored and loaded");
        if (support_random_below(&worker->random, 4) == 0)
            (void)zc_cache_invalidate(cache, slot);
        worker->operations++;
    }
}

/* The first worker forks, while the others use the cache. */
static void be_parent(struct support_worker *worker)
{
    support_run_children(worker, destroy_in_child);
}

TEST_OF_CHILD(a_fork_in_the_middle_of_everything_is_survived)
{
    struct support_crew crew;
    unsigned i;

    renew_busy();
    support_crew_init(&crew);
    support_crew_add(&crew, be_parent, NULL);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, be_busy, NULL);
    support_crew_stress(&crew, 1000);
}

/* ---- what a child may not do ---- */

static void call_everything(void *unused)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    struct zc_cache_accounting bytes = {.struct_size = sizeof(bytes)};
    struct zc_swap_stats swap = {.struct_size = sizeof(swap)};
    struct zc_owner_options owner = {.struct_size = sizeof(owner)};
    char reason[ZC_REASON_SIZE] = "";
    char page[4096] = "";
    unsigned type = 99;
    const zc_swp slot = at(1);

    (void)unused;
    CHECK_REFUSED(zc_cache_store(cache, slot, page));
    CHECK_REFUSED(zc_cache_store_for(cache, 1, slot, page));
    CHECK_REFUSED(zc_cache_load(cache, slot, page));
    CHECK_REFUSED(zc_cache_take(cache, slot, page));
    CHECK_REFUSED(zc_cache_invalidate(cache, slot));
    CHECK_REFUSED(zc_cache_invalidate_range(cache, slot, 2));
    CHECK_REFUSED(zc_cache_invalidate_type(cache, 0));
    CHECK_REFUSED(zc_cache_set_owner(cache, 1, &owner));
    CHECK_REFUSED(zc_cache_set_compressor(cache, "lz4", 0));
    CHECK_REFUSED(zc_cache_set_limit(cache, 1 << 20, 0));
    CHECK_REFUSED(zc_cache_shrink(cache, 1, NULL));
    CHECK_REFUSED(zc_cache_writeback(cache, NULL, NULL));
    CHECK_REFUSED(zc_cache_recompress(cache, NULL, NULL));
    CHECK_REFUSED(zc_cache_compact(cache, NULL, NULL));
    CHECK_REFUSED(zc_cache_get_stats(cache, &stats));
    CHECK_REFUSED(zc_cache_account(cache, &bytes));
    CHECK_REFUSED(zc_swap_on(
        cache, ZC_SWAP_OPTIONS(.reason = reason, .reason_size = sizeof(reason)),
        &type));
    support_check(strstr(reason, "another process") != NULL, reason);
    support_check(type == 99, "an output of a refused call");
    CHECK_REFUSED(zc_swap_off(cache, 0, NULL, NULL));
    CHECK_REFUSED(zc_swap_get_stats(cache, 0, &swap));
    support_check(zc_cache_zspool(cache) == NULL, "zspool");
}

TEST_OF_CHILD(a_child_is_refused_everything_else)
{
    renew(ZC_CACHE_OPTIONS(.backing_path = directory));
    store_all();
    support_run_child(call_everything, NULL);
    expect_all();
}

static bool visit(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    (void)context;
    (void)handle;
    (void)data;
    return size != 0;
}

static zc_status evict(void *context, zc_handle handle)
{
    (void)context;
    (void)handle;
    return ZC_OK;
}

static struct {
    struct zc_zspool *pool;
    zc_handle handle;
    struct zc_zspool_read read;
} inherited;

static void call_pool(void *unused)
{
    struct zc_zspool *pool = inherited.pool;
    struct zc_zspool_read read = inherited.read;
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    const zc_handle handle = inherited.handle;
    zc_handle fresh;
    char text[64] = "x";
    size_t size;

    (void)unused;
    CHECK_REFUSED(zc_zspool_alloc(pool, 10, &fresh));
    CHECK_REFUSED(zc_zspool_put(pool, text, 4, &fresh));
    CHECK_REFUSED(zc_zspool_free(pool, handle));
    CHECK_REFUSED(zc_zspool_write(pool, handle, text, 4));
    CHECK_REFUSED(zc_zspool_read_begin(pool, handle, &read));
    zc_zspool_read_end(pool, &read);
    CHECK_REFUSED(zc_zspool_object_size(pool, handle, &size));
    CHECK_REFUSED(zc_zspool_change_tags(pool, handle, 0, 1, NULL));
    CHECK_REFUSED(zc_zspool_iterate(pool, visit, NULL));
    CHECK_REFUSED(zc_zspool_compact(pool, NULL, NULL));
    CHECK_REFUSED(zc_zspool_reclaim(pool, evict, NULL, 1, NULL));
    CHECK_REFUSED(zc_zspool_get_stats(pool, &stats));
    CHECK_REFUSED(zc_zspool_get_class(pool, 0, &row));
    support_check(zc_zspool_page_count(pool) == 0, "page_count");
    support_check(zc_zspool_huge_class_size(pool) == 0, "huge_class_size");
    support_check(zc_zspool_print_classes(pool, text, sizeof(text)) == 0 &&
                      text[0] == '\0',
                  "print_classes");
    zc_zspool_destroy(pool);
}

TEST(a_child_may_only_destroy_a_pool)
{
    unsigned placement;

    for (placement = ZC_PLACEMENT_DENSE; placement <= ZC_PLACEMENT_KERNEL;
         placement++) {
        assert_status(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = placement,
                                                         .keep_lru = 1),
                                       &inherited.pool),
                      ZC_OK);
        assert_status(
            zc_zspool_put(inherited.pool, "four", 4, &inherited.handle), ZC_OK);
        assert_status(zc_zspool_read_begin(inherited.pool, inherited.handle,
                                           &inherited.read),
                      ZC_OK);
        support_run_child(call_pool, NULL);
        assert_int_equal(inherited.read.size, 4);
        assert_memory_equal(inherited.read.data, "four", 4);
        zc_zspool_read_end(inherited.pool, &inherited.read);
        assert_status(zc_zspool_free(inherited.pool, inherited.handle), ZC_OK);
        assert_int_equal(zc_zspool_page_count(inherited.pool), 0);
        zc_zspool_destroy(inherited.pool);
    }
}

static void use_own(void *unused)
{
    char page[4096];

    (void)unused;
    zc_cache_destroy(cache);
    support_check(zc_cache_create(NULL, &cache) == ZC_OK,
                  "no cache of its own");
    support_stamp_page(page, sizeof(page), at(1), 1);
    support_check(zc_cache_store(cache, at(1), page) == ZC_OK, "store");
    support_check(try_take(1) == ZC_OK, "take");
    zc_cache_destroy(cache);
}

/* Over every pool. */
TEST_OF_CHILD(a_child_has_caches_of_its_own)
{
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        renew_over(over);
        store_all();
        support_run_child(use_own, NULL);
        expect_all();
    }
}
