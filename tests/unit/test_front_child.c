/* SPDX-License-Identifier: MIT */
/*
 * test_front_child.c - a child after fork() may destroy the caches and pools of
 * its parent, promptly and without any effect on the parent, and is refused
 * everything else.  A child that hangs is ended by SIGALRM.
 */
#include "support_backing.h"
#include "support_bump.h"
#include "support_cache.h"
#include "support_device.h"
#include "support_process.h"
#include "support_threads.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/cache.h"
#include "zspool.h"

#define PAGES 300
#define SECONDS 30 /* that a child may take on the slowest machine */

/* What the child has of the parent. */
struct inherited {
    struct zc_cache *cache;
    unsigned type;
    const char *directory; /* of the file; NULL: there is none */
    bool has_chunk;        /* of the pool: 2 MiB are mapped */
};

/* In a child: ends it with a text that the parent finds. */
static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s", what);
    _exit(1);
}

static void expect_refused(zc_status status, const char *what)
{
    expect(status == ZC_UNSUPPORTED, what);
}

static void run(void (*action)(void *context), void *context)
{
    struct support_end end;

    support_run_child(action, context, &end);
    assert_string_equal(end.errors, "");
    assert_true(end.exited);
    assert_int_equal(end.number, 0);
}

/* Whether this process has a file below the directory open. */
static bool has_open(const char *directory)
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
        if (strstr(target, directory) != NULL)
            found = true;
    }
    (void)closedir(all);
    return found;
}

/* ---- what a child may do ---- */

static void destroy_in_child(void *context)
{
    const struct inherited *inherited = context;
    const uint64_t before = support_mapped_bytes();

    (void)alarm(SECONDS);
    if (inherited->directory != NULL && access("/proc/self/fd", F_OK) == 0)
        expect(has_open(inherited->directory), "the child has no file");
    zc_cache_destroy(inherited->cache);
    if (inherited->directory != NULL)
        expect(!has_open(inherited->directory), "its descriptor is open");
    if (!SUPPORT_SANITIZED && before != 0 && inherited->has_chunk)
        expect(support_mapped_bytes() + (1 << 20) < before, "still mapped");
}

static void store_all(struct zc_cache *cache, unsigned type)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++)
        support_store(cache, zc_swp_make(type, i),
                      i % 3 == 0 ? SUPPORT_NOISE : SUPPORT_TEXT, i);
}

static void expect_all(struct zc_cache *cache, unsigned type)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++)
        support_expect(cache, zc_swp_make(type, i),
                       i % 3 == 0 ? SUPPORT_NOISE : SUPPORT_TEXT, i);
}

/* Two children, one after the other; and then all is as it was. */
static void check_parent(struct inherited *inherited)
{
    struct stat before;
    struct stat after;
    char path[128];
    bool is_named;

    (void)snprintf(path, sizeof(path), "%s/pages",
                   inherited->directory == NULL ? "" : inherited->directory);
    store_all(inherited->cache, inherited->type);
    (void)zc_cache_shrink(inherited->cache, 1, NULL);
    inherited->has_chunk =
        support_cache_stat(inherited->cache, pool_total_size) != 0;
    assert_true(inherited->has_chunk);
    is_named = stat(path, &before) == 0;
    run(destroy_in_child, inherited);
    expect_all(inherited->cache, inherited->type);
    run(destroy_in_child, inherited);
    if (is_named) {
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        /* The parent's workers may have written meanwhile. */
        assert_true(after.st_size > 0 && after.st_size >= before.st_size);
    }
    expect_all(inherited->cache, inherited->type);
    store_all(inherited->cache, inherited->type);
    expect_all(inherited->cache, inherited->type);
}

TEST(a_destroy_leaves_the_parent_its_pages)
{
    static const struct {
        unsigned io_workers;
        unsigned shrink_worker;
        unsigned lru_mode;
    } cases[] = {{0, 0, ZC_LRU_ENTRY},
                 {2, 0, ZC_LRU_ENTRY},
                 {0, 1, ZC_LRU_ENTRY},
                 {3, 1, ZC_LRU_ENTRY},
                 {2, 1, ZC_LRU_NONE}};
    struct inherited inherited = {.type = 0};
    char directory[64];
    unsigned i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        support_directory_make(directory);
        inherited.directory = directory;
        inherited.cache = support_cache_create(
            ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10,
                             .backing_path = directory,
                             .io_workers = cases[i].io_workers,
                             .shrink_worker = cases[i].shrink_worker,
                             .lru_mode = cases[i].lru_mode));
        check_parent(&inherited);
        zc_cache_destroy(inherited.cache);
        support_directory_remove(directory, 0);
    }
}

/* Whatever the device is of, and however many stand one behind another. */
TEST(a_destroy_leaves_devices_alone)
{
    char directory[64];
    char path[96];
    struct zc_backing_file file = {
        .struct_size = sizeof(file), .path = path, .keep = 1};
    struct zc_backing_faults faults = {.struct_size = sizeof(faults),
                                       .ops = &zc_backing_file,
                                       .user = &file,
                                       .full_after = 100000};
    struct inherited inherited = {.directory = directory};
    unsigned type;

    support_directory_make(directory);
    (void)snprintf(path, sizeof(path), "%s/pages", directory);
    inherited.cache = support_cache_create(
        ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10, .lru_mode = ZC_LRU_ENTRY));
    assert_status(
        zc_swap_on(inherited.cache,
                   ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_faulty,
                                   .backing_user = &faults, .io_workers = 2),
                   &inherited.type),
        ZC_OK);
    assert_status(zc_swap_on(inherited.cache, NULL, &type), ZC_OK);
    check_parent(&inherited);
    zc_cache_destroy(inherited.cache);
    assert_int_equal(unlink(path), 0);
    support_directory_remove(directory, 0);
}

/* ---- what is the embedder's ---- */

struct told {
    unsigned closes;
    unsigned leaves;
    void *left;
};

static struct told *told; /* shared with children */
static struct support_device device;

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

TEST(a_device_of_the_embedder_is_left_and_not_closed)
{
    struct zc_backing_ops ops = support_device_ops;
    struct inherited inherited = {.directory = NULL};
    unsigned leaves;

    told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(told != MAP_FAILED);
    ops.struct_size = sizeof(ops);
    ops.close = count_close;
    for (leaves = 0; leaves <= 2; leaves += 2) {
        memset(told, 0, sizeof(*told));
        ops.leave_in_child = leaves == 0 ? NULL : count_leave;
        support_device_init(&device);
        inherited.cache =
            support_cache_create(ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10,
                                                  .lru_mode = ZC_LRU_ENTRY));
        assert_status(zc_swap_on(inherited.cache,
                                 ZC_SWAP_OPTIONS(.backing_ops = &ops,
                                                 .backing_user = &device,
                                                 .io_workers = 1),
                                 &inherited.type),
                      ZC_OK);
        check_parent(&inherited);
        assert_int_equal(told->closes, 0);
        assert_int_equal(told->leaves, leaves);
        assert_true(leaves == 0 || told->left == &device);
        zc_cache_destroy(inherited.cache);
        assert_int_equal(told->closes, 1);
        assert_int_equal(told->leaves, leaves);
        support_device_fini(&device);
    }
    (void)munmap(told, sizeof(*told));
}

static struct support_bump_control *bump;

static void destroy_with_other_pool(void *context)
{
    (void)alarm(SECONDS);
    zc_cache_destroy(context);
    expect(bump->destroys == 0, "the embedder's pool was destroyed");
}

TEST(a_pool_of_the_embedder_is_left_alone)
{
    struct support_bump_control control = {.destroys = 0};
    struct zc_cache *cache;

    bump = &control;
    cache =
        support_cache_create(ZC_CACHE_OPTIONS(.pool_ops = &support_bump_pool,
                                              .pool_user = &control));
    store_all(cache, 0);
    run(destroy_with_other_pool, cache);
    expect_all(cache, 0);
    zc_cache_destroy(cache);
    assert_int_equal(control.destroys, 1);
}

/* ---- whatever is held at the fork ---- */

static pthread_barrier_t barrier;

/* Each lock that a cache with a file has, as another thread's. */
static void hold_locks(struct zc_cache *cache, bool holds) ZC_NO_LOCK_ANALYSIS
{
    struct zc_zspool *pool = cache->zswap.entries.pool;
    unsigned i;

    if (!holds) {
        for (i = 0; i < pool->group_count; i++)
            zc_spinlock_unlock(&pool->groups[i].lock);
        zc_spinlock_unlock(&pool->lru_lock);
        zc_spinlock_unlock(&pool->arena.lock);
        zc_spinlock_unlock(&pool->handles.lock);
        zc_mutex_unlock(&pool->compaction);
        zc_spinlock_unlock(&cache->pageio.stuck_lock);
        zc_mutex_unlock(&cache->shrinker.lock);
        (void)zc_atomic_u32_and(&cache->swap.change, 0);
        return;
    }
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

static void *be_holder(void *context)
{
    hold_locks(context, true);
    (void)pthread_barrier_wait(&barrier); /* they are held */
    (void)pthread_barrier_wait(&barrier); /* the child has ended */
    hold_locks(context, false);
    return NULL;
}

TEST(a_destroy_takes_no_lock)
{
    char directory[64];
    struct inherited inherited = {.directory = directory};
    pthread_t holder;

    support_directory_make(directory);
    inherited.cache = support_cache_create(
        ZC_CACHE_OPTIONS(.limit_bytes = 512 << 10, .backing_path = directory,
                         .io_workers = 2, .shrink_worker = 1));
    store_all(inherited.cache, 0);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&holder, NULL, be_holder, inherited.cache),
                     0);
    (void)pthread_barrier_wait(&barrier);
    run(destroy_in_child, &inherited);
    (void)pthread_barrier_wait(&barrier);
    assert_int_equal(pthread_join(holder, NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
    expect_all(inherited.cache, 0);
    zc_cache_destroy(inherited.cache);
    support_directory_remove(directory, 0);
}

/* A transfer stands still in the middle, for ever as far as the child sees. */
TEST(a_destroy_waits_for_no_transfer)
{
    struct inherited inherited = {.directory = NULL};

    support_device_init(&device);
    inherited.cache = support_cache_create(
        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .shrink_worker = 1));
    assert_status(
        zc_swap_on(inherited.cache,
                   ZC_SWAP_OPTIONS(.backing_ops = &support_device_ops,
                                   .backing_user = &device, .io_workers = 2),
                   &inherited.type),
        ZC_OK);
    store_all(inherited.cache, inherited.type);
    support_device_hold(&device);
    (void)zc_cache_writeback(
        inherited.cache,
        &(struct zc_writeback_options){
            .struct_size = sizeof(struct zc_writeback_options),
            .budget_bytes = 2 * 4096},
        NULL);
    support_device_await_held(&device, 2);
    run(destroy_in_child, &inherited);
    support_device_let_go(&device);
    expect_all(inherited.cache, inherited.type);
    zc_cache_destroy(inherited.cache);
    support_device_fini(&device);
}

#define BUSY_SLOTS 64

static void be_busy(struct support_worker *worker)
{
    struct zc_cache *cache = worker->context;
    char page[4096];
    zc_status status;
    zc_swp slot;

    while (!support_is_stopped(worker)) {
        slot = support_slot(worker->index * BUSY_SLOTS +
                            support_random_below(&worker->random, BUSY_SLOTS));
        support_stamp_page(page, sizeof(page), slot, 1);
        status = zc_cache_store(cache, slot, page);
        if (status != ZC_OK)
            support_mistake(worker, "store: %s", zc_status_name(status));
        status = zc_cache_load(cache, slot, page);
        if (status != ZC_OK)
            support_mistake(worker, "load: %s", zc_status_name(status));
        if (support_random_below(&worker->random, 4) == 0)
            (void)zc_cache_invalidate(cache, slot);
        worker->operations++;
    }
}

/* The first worker forks, while the others use the cache. */
static void be_parent(struct support_worker *worker)
{
    struct inherited inherited = {.cache = worker->context};
    struct support_end end;

    while (!support_is_stopped(worker)) {
        support_run_child(destroy_in_child, &inherited, &end);
        if (!end.exited || end.number != 0)
            support_mistake(worker, "child %u %d: %s", (unsigned)end.exited,
                            end.number, end.errors);
        worker->operations++;
    }
}

TEST(a_fork_in_the_middle_of_everything_is_survived)
{
    char directory[64];
    struct support_crew crew;
    struct zc_cache *cache;
    unsigned i;

    support_directory_make(directory);
    cache = support_cache_create(
        ZC_CACHE_OPTIONS(.limit_bytes = 256 << 10, .backing_path = directory,
                         .io_workers = 2, .shrink_worker = 1));
    store_all(cache, 0); /* a chunk is there */
    support_crew_init(&crew);
    support_crew_add(&crew, be_parent, cache);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, be_busy, cache);
    support_crew_run(&crew, support_stress_milliseconds(1000));
    for (i = 0; i < crew.count; i++)
        assert_true(crew.workers[i].operations > 0);
    zc_cache_destroy(cache);
    support_directory_remove(directory, 0);
}

/* ---- what a child may not do ---- */

static void call_everything(void *context)
{
    struct zc_cache *cache = context;
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    struct zc_cache_accounting bytes = {.struct_size = sizeof(bytes)};
    struct zc_swap_stats swap = {.struct_size = sizeof(swap)};
    struct zc_owner_options owner = {.struct_size = sizeof(owner)};
    char page[4096] = "";
    unsigned type = 99;
    const zc_swp slot = support_slot(1);

    (void)alarm(SECONDS);
    expect_refused(zc_cache_store(cache, slot, page), "store");
    expect_refused(zc_cache_store_for(cache, 1, slot, page), "store_for");
    expect_refused(zc_cache_load(cache, slot, page), "load");
    expect_refused(zc_cache_take(cache, slot, page), "take");
    expect_refused(zc_cache_invalidate(cache, slot), "invalidate");
    expect_refused(zc_cache_invalidate_range(cache, slot, 2), "range");
    expect_refused(zc_cache_invalidate_type(cache, 0), "type");
    expect_refused(zc_cache_set_owner(cache, 1, &owner), "set_owner");
    expect_refused(zc_cache_set_compressor(cache, "lz4", 0), "compressor");
    expect_refused(zc_cache_set_limit(cache, 1 << 20, 0), "limit");
    expect_refused(zc_cache_shrink(cache, 1, NULL), "shrink");
    expect_refused(zc_cache_writeback(cache, NULL, NULL), "writeback");
    expect_refused(zc_cache_compact(cache, NULL, NULL), "compact");
    expect_refused(zc_cache_get_stats(cache, &stats), "get_stats");
    expect_refused(zc_cache_account(cache, &bytes), "account");
    expect_refused(zc_swap_on(cache, NULL, &type), "swap_on");
    expect(type == 99, "an output of a refused call");
    expect_refused(zc_swap_off(cache, 0, NULL, NULL), "swap_off");
    expect_refused(zc_swap_get_stats(cache, 0, &swap), "swap stats");
    expect(zc_cache_zspool(cache) == NULL, "zspool");
}

static void say_why(void *context)
{
    char reason[ZC_REASON_SIZE] = "";
    unsigned type;

    expect_refused(zc_swap_on(context,
                              ZC_SWAP_OPTIONS(.reason = reason,
                                              .reason_size = sizeof(reason)),
                              &type),
                   "swap_on");
    expect(strstr(reason, "another process") != NULL, reason);
}

TEST(a_child_is_refused_everything_else)
{
    char directory[64];
    struct zc_cache *cache;

    support_directory_make(directory);
    cache = support_cache_create(ZC_CACHE_OPTIONS(.backing_path = directory));
    store_all(cache, 0);
    run(call_everything, cache);
    run(say_why, cache);
    expect_all(cache, 0);
    zc_cache_destroy(cache);
    support_directory_remove(directory, 0);
}

static bool visit(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    (void)context;
    (void)handle;
    (void)data;
    (void)size;
    return true;
}

static zc_status evict(void *context, zc_handle handle)
{
    (void)context;
    (void)handle;
    return ZC_OK;
}

struct inherited_pool {
    struct zc_zspool *pool;
    zc_handle handle;
    struct zc_zspool_read read;
};

static void call_pool(void *context)
{
    const struct inherited_pool *inherited = context;
    struct zc_zspool *pool = inherited->pool;
    struct zc_zspool_read read = inherited->read;
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    const zc_handle handle = inherited->handle;
    zc_handle fresh;
    char text[64] = "x";
    size_t size;

    (void)alarm(SECONDS);
    expect_refused(zc_zspool_alloc(pool, 10, &fresh), "alloc");
    expect_refused(zc_zspool_put(pool, text, 4, &fresh), "put");
    expect_refused(zc_zspool_free(pool, handle), "free");
    expect_refused(zc_zspool_write(pool, handle, text, 4), "write");
    expect_refused(zc_zspool_read_begin(pool, handle, &read), "read_begin");
    zc_zspool_read_end(pool, &read);
    expect_refused(zc_zspool_object_size(pool, handle, &size), "size");
    expect_refused(zc_zspool_change_tags(pool, handle, 0, 1, NULL), "tags");
    expect_refused(zc_zspool_iterate(pool, visit, NULL), "iterate");
    expect_refused(zc_zspool_compact(pool, NULL, NULL), "compact");
    expect_refused(zc_zspool_reclaim(pool, evict, NULL, 1, NULL), "reclaim");
    expect_refused(zc_zspool_get_stats(pool, &stats), "stats");
    expect_refused(zc_zspool_get_class(pool, 0, &row), "class");
    expect(zc_zspool_page_count(pool) == 0, "page_count");
    expect(zc_zspool_huge_class_size(pool) == 0, "huge_class_size");
    expect(zc_zspool_print_classes(pool, text, sizeof(text)) == 0 &&
               text[0] == '\0',
           "print_classes");
    zc_zspool_destroy(pool);
}

TEST(a_child_may_only_destroy_a_pool)
{
    static const unsigned placements[] = {ZC_PLACEMENT_DENSE,
                                          ZC_PLACEMENT_KERNEL};
    struct inherited_pool inherited;
    unsigned i;

    for (i = 0; i < 2; i++) {
        assert_status(
            zc_zspool_create(
                ZC_ZSPOOL_OPTIONS(.placement = placements[i], .keep_lru = 1),
                &inherited.pool),
            ZC_OK);
        assert_status(
            zc_zspool_put(inherited.pool, "four", 4, &inherited.handle), ZC_OK);
        assert_status(zc_zspool_read_begin(inherited.pool, inherited.handle,
                                           &inherited.read),
                      ZC_OK);
        run(call_pool, &inherited);
        assert_int_equal(inherited.read.size, 4);
        assert_memory_equal(inherited.read.data, "four", 4);
        zc_zspool_read_end(inherited.pool, &inherited.read);
        assert_status(zc_zspool_free(inherited.pool, inherited.handle), ZC_OK);
        assert_int_equal(zc_zspool_page_count(inherited.pool), 0);
        zc_zspool_destroy(inherited.pool);
    }
}

static void use_own(void *context)
{
    struct zc_cache *own = NULL;
    char page[4096];

    (void)alarm(SECONDS);
    zc_cache_destroy(context);
    expect(zc_cache_create(NULL, &own) == ZC_OK, "no cache of its own");
    support_stamp_page(page, sizeof(page), support_slot(1), 1);
    expect(zc_cache_store(own, support_slot(1), page) == ZC_OK, "store");
    expect(zc_cache_take(own, support_slot(1), page) == ZC_OK, "take");
    zc_cache_destroy(own);
}

TEST(a_child_has_caches_of_its_own)
{
    struct zc_cache *cache = support_cache_create(NULL);

    run(use_own, cache);
    zc_cache_destroy(cache);
}
