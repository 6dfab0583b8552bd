/* SPDX-License-Identifier: MIT */
/*
 * test_outputs.c - a call that fails leaves its outputs alone, as types.h
 * promises: every public function that has one, in the ways it can fail.
 *
 * The list of functions comes from the headers, so a new one must come here.
 */
#include "support_cache.h"
#include "support_device.h"
#include "support_pool.h"
#include "support_test.h"
#include "support_vm.h"

#include <dirent.h>
#include <stdio.h>

#include "base/inject.h"

#define FUNCTIONS_MAX 64

/* What all calls write to; it begins with a struct_size where one is asked. */
static union {
    struct zc_zspool *pool;
    struct zc_cache *cache;
    struct zc_vm *vm;
    struct zc_vm_space *space;
    zc_handle handle;
    struct zc_zspool_read read;
    struct zc_zspool_stats pool_stats;
    struct zc_zspool_class row;
    struct zc_compact_result result;
    struct zc_cache_stats cache_stats;
    struct zc_cache_accounting accounting;
    struct zc_swap_stats swap_stats;
    struct zc_vm_stats vm_stats;
    enum zc_fault_kind kind;
    uint64_t pages;
    size_t size;
    unsigned number;
    char bytes[4096];
} out, before;

static const char *failed[FUNCTIONS_MAX]; /* functions that were called */
static unsigned failed_count;

static void prepare(size_t struct_size)
{
    memset(&out, 0xa5, sizeof(out));
    if (struct_size != 0)
        memcpy(&out, &struct_size, sizeof(struct_size));
    before = out;
}

static void judge(const char *name, zc_status status, const char *file,
                  int line)
{
    unsigned i;

    if (status == ZC_OK || status == ZC_AGAIN) {
        print_error("%s is %s\n", name, zc_status_name(status));
        _fail(file, line);
    }
    if (memcmp(&out, &before, sizeof(out)) != 0) {
        print_error("%s wrote an output and is %s\n", name,
                    zc_status_name(status));
        _fail(file, line);
    }
    for (i = 0; i < failed_count; i++)
        if (strcmp(failed[i], name) == 0)
            return;
    assert_true(failed_count < FUNCTIONS_MAX);
    failed[failed_count++] = name;
}

/* The call fails and leaves `out` alone. */
#define FAILS(function, ...) FAILS_SIZED(0, function, __VA_ARGS__)

/* The same, where `out` begins with a struct_size. */
#define FAILS_SIZED(struct_size, function, ...)                                \
    do {                                                                       \
        prepare(struct_size);                                                  \
        judge(#function, function(__VA_ARGS__), __FILE__, __LINE__);           \
    } while (0)

/* And where the n-th request for memory fails, for every n that is met. */
#define FAILS_WITHOUT_MEMORY(point, end, function, ...)                        \
    do {                                                                       \
        uint32_t countdown = 0;                                                \
        for (;;) {                                                             \
            zc_status status;                                                  \
                                                                               \
            prepare(0);                                                        \
            zc_inject_arm((point), countdown++, 1);                            \
            status = function(__VA_ARGS__);                                    \
            zc_inject_disarm();                                                \
            if (status == ZC_OK)                                               \
                break;                                                         \
            judge(#function, status, __FILE__, __LINE__);                      \
        }                                                                      \
        assert_true(countdown > 1);                                            \
        end;                                                                   \
    } while (0)

/* ---- pools ---- */

static struct zc_zspool *full_pool(enum zc_placement placement)
{
    const struct support_shape shape = {"full", placement, 4096, 0, 4, 64};
    struct zc_zspool *pool = support_pool_new(&shape);
    zc_handle handle;
    zc_status status;

    do
        status = zc_zspool_alloc(pool, 4000, &handle);
    while (status == ZC_OK);
    assert_status(status, ZC_REJECTED);
    return pool;
}

TEST(making_pools)
{
    struct zc_zspool *pool;

    FAILS(zc_zspool_create, ZC_ZSPOOL_OPTIONS(.page_size = 5000), &out.pool);
    FAILS(zc_zspool_create, ZC_ZSPOOL_OPTIONS(.chain_length = 99), &out.pool);
    FAILS_WITHOUT_MEMORY(ZC_INJECT_MALLOC, zc_zspool_destroy(out.pool),
                         zc_zspool_create, NULL, &out.pool);
    pool = support_pool_new(SUPPORT_KERNEL);
    FAILS_WITHOUT_MEMORY(ZC_INJECT_PAGES, (void)0, zc_zspool_alloc, pool, 100,
                         &out.handle);
    FAILS_WITHOUT_MEMORY(ZC_INJECT_MALLOC, (void)0, zc_zspool_put, pool, "abc",
                         3, &out.handle);
    zc_zspool_destroy(pool);
}

TEST(objects_of_pools)
{
    enum zc_placement placement;
    struct zc_zspool *pool;
    zc_handle stale = {0};
    zc_handle foreign = {12345};

    for (placement = ZC_PLACEMENT_DENSE; placement <= ZC_PLACEMENT_KERNEL;
         placement++) {
        pool = full_pool(placement);
        FAILS(zc_zspool_alloc, pool, 4000, &out.handle);
        FAILS(zc_zspool_put, pool, out.bytes, 4000, &out.handle);
        FAILS(zc_zspool_alloc, pool, 0, &out.handle);
        FAILS(zc_zspool_put, pool, NULL, 10, &out.handle);
        zc_zspool_destroy(pool);

        pool = support_pool_new(
            placement == ZC_PLACEMENT_DENSE ? SUPPORT_DENSE : SUPPORT_KERNEL);
        stale = support_object_new(pool, 100, 1, 1);
        support_object_free(pool, stale);
        FAILS(zc_zspool_read_begin, pool, stale, &out.read);
        FAILS(zc_zspool_read_begin, pool, foreign, &out.read);
        FAILS(zc_zspool_object_size, pool, stale, &out.size);
        FAILS(zc_zspool_object_size, pool, foreign, &out.size);
        FAILS(zc_zspool_change_tags, pool, stale, 0, 1, &out.number);
        FAILS(zc_zspool_change_tags, pool, foreign, 0, 1, &out.number);
        FAILS(zc_zspool_change_tags, pool, stale, 0, 4, &out.number);
        zc_zspool_destroy(pool);
    }
}

static zc_status never(void *context, zc_handle handle)
{
    (void)context;
    (void)handle;
    return ZC_BUSY;
}

TEST(work_and_counters_of_pools)
{
    struct zc_zspool *pool = support_pool_new(SUPPORT_KERNEL);
    const size_t result_size = sizeof(struct zc_compact_result);
    const struct zc_compact_budget small = {.struct_size = 1};

    zc_mutex_lock(&pool->compaction);
    FAILS_SIZED(result_size, zc_zspool_compact, pool, NULL, &out.result);
    zc_mutex_unlock(&pool->compaction);
    FAILS_SIZED(result_size, zc_zspool_compact, pool, &small, &out.result);
    FAILS_SIZED(3, zc_zspool_compact, pool, NULL, &out.result);
    FAILS(zc_zspool_reclaim, pool, never, NULL, 1, &out.pages);
    FAILS(zc_zspool_reclaim, pool, NULL, NULL, 1, &out.pages);
    FAILS_SIZED(3, zc_zspool_get_stats, pool, &out.pool_stats);
    FAILS_SIZED(sizeof(out.pool_stats), zc_zspool_get_stats, NULL,
                &out.pool_stats);
    FAILS_SIZED(sizeof(out.row), zc_zspool_get_class, pool, 1000000, &out.row);
    FAILS_SIZED(3, zc_zspool_get_class, pool, 0, &out.row);
    assert_status(zc_zspool_get_class(pool, pool->class_count - 2, &out.row),
                  ZC_MISSING);
    assert_memory_equal(&out, &before, sizeof(out));
    zc_zspool_destroy(pool);
}

/* ---- caches ---- */

TEST(making_caches)
{
    FAILS(zc_cache_create, ZC_CACHE_OPTIONS(.compressor_name = "none"),
          &out.cache);
    FAILS(zc_cache_create, ZC_CACHE_OPTIONS(.page_size = 5000), &out.cache);
    FAILS_WITHOUT_MEMORY(ZC_INJECT_MALLOC, zc_cache_destroy(out.cache),
                         zc_cache_create, NULL, &out.cache);
}

TEST(pages_of_caches)
{
    const zc_swp beyond = zc_swp_make(0, ZC_SLOT_COUNT_MAX);
    const zc_swp empty = zc_swp_make(0, 7);
    struct zc_cache *cache = NULL;

    assert_status(zc_cache_create(NULL, &cache), ZC_OK);
    FAILS(zc_cache_load, cache, beyond, out.bytes);
    FAILS(zc_cache_load, cache, empty, out.bytes);
    FAILS(zc_cache_take, cache, beyond, out.bytes);
    FAILS(zc_cache_take, cache, empty, out.bytes);
    zc_cache_destroy(cache);
}

TEST(work_and_counters_of_caches)
{
    const struct zc_writeback_options small = {.struct_size = 1};
    const struct zc_recompress_options bad = {.struct_size = sizeof(bad),
                                              .retry = 2};
    struct zc_cache *cache = NULL;

    assert_status(
        zc_cache_create(ZC_CACHE_OPTIONS(.pool_ops = &zc_pool_malloc), &cache),
        ZC_OK);
    FAILS(zc_cache_shrink, cache, 1, &out.pages);
    FAILS(zc_cache_shrink, NULL, 1, &out.pages);
    FAILS(zc_cache_writeback, cache, NULL, &out.size);
    FAILS(zc_cache_writeback, cache, &small, &out.size);
    FAILS(zc_cache_recompress, NULL, NULL, &out.pages);
    FAILS(zc_cache_recompress, cache, &bad, &out.pages);
    FAILS_SIZED(sizeof(out.result), zc_cache_compact, cache, NULL, &out.result);
    FAILS_SIZED(sizeof(out.result), zc_cache_compact, NULL, NULL, &out.result);
    FAILS_SIZED(3, zc_cache_get_stats, cache, &out.cache_stats);
    FAILS_SIZED(3, zc_cache_account, cache, &out.accounting);
    FAILS_SIZED(sizeof(out.accounting), zc_cache_account, NULL,
                &out.accounting);
    zc_cache_destroy(cache);
}

TEST(devices)
{
    static struct support_device device;
    struct zc_cache *cache = NULL;

    assert_status(zc_cache_create(NULL, &cache), ZC_OK);
    support_device_init(&device);
    atomic_store(&device.fails_open, true);
    FAILS(zc_swap_on, cache,
          ZC_SWAP_OPTIONS(.backing_ops = &support_device_ops,
                          .backing_user = &device),
          &out.number);
    FAILS(zc_swap_on, cache, ZC_SWAP_OPTIONS(.slot_order = 77), &out.number);
    FAILS_SIZED(sizeof(out.swap_stats), zc_swap_get_stats, cache, 0,
                &out.swap_stats);
    FAILS_SIZED(sizeof(out.swap_stats), zc_swap_get_stats, cache, 99,
                &out.swap_stats);
    support_device_fini(&device);
    zc_cache_destroy(cache);
}

/* ---- machines ---- */

TEST(machines_and_spaces)
{
    const struct support_vm_kind kind = {.frames = 64};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = support_vm_space(&machine, 8);

    FAILS(zc_vm_create, NULL, ZC_VM_OPTIONS(.frame_count = 1), &out.vm);
    FAILS(zc_vm_create, ZC_CACHE_OPTIONS(.page_size = 1), NULL, &out.vm);
    FAILS(zc_vm_space_create, machine.vm, ZC_OWNER_COUNT, 8, &out.space);
    FAILS_WITHOUT_MEMORY(ZC_INJECT_MALLOC, zc_vm_space_destroy(out.space),
                         zc_vm_space_create, machine.vm, 0, 8, &out.space);
    FAILS(zc_vm_fork, NULL, &out.space);
    FAILS_WITHOUT_MEMORY(ZC_INJECT_MALLOC, zc_vm_space_destroy(out.space),
                         zc_vm_fork, space, &out.space);
    FAILS(zc_vm_reclaim, machine.vm, ZC_OWNER_COUNT + 1, 1, &out.pages);
    FAILS_SIZED(3, zc_vm_get_stats, machine.vm, &out.vm_stats);
    FAILS(zc_vm_check, NULL, out.bytes, sizeof(out.bytes));
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(accesses)
{
    const struct support_vm_kind kind = {.frames = 64};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = support_vm_space(&machine, 8);

    FAILS(zc_vm_read, space, 8, 0, out.bytes, 10, NULL);
    FAILS(zc_vm_read, space, 0, SUPPORT_VM_PAGE, out.bytes, 10, NULL);
    FAILS(zc_vm_read, space, 8, 0, &before, 0, &out.kind);
    FAILS(zc_vm_write, space, 8, 0, "abc", 3, &out.kind);
    FAILS(zc_vm_touch, space, 8, true, &out.kind);
    FAILS(zc_vm_where, space, 8, &out.kind);
    support_vm_write(space, 1, 1);
    support_vm_reclaim_all(&machine);
    zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, 100);
    FAILS(zc_vm_read, space, 1, 0, out.bytes, 10, NULL);
    FAILS(zc_vm_read, space, 1, 0, &before, 0, &out.kind);
    FAILS(zc_vm_write, space, 1, 0, "abc", 3, &out.kind);
    FAILS(zc_vm_touch, space, 1, true, &out.kind);
    assert_int_equal(zc_inject_failures(), 4);
    zc_inject_disarm();
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

/* ---- and none was left out ---- */

/* Functions without a status, whose outputs have no failure. */
static const char *const exempt[] = {"zc_zspool_print_classes",
                                     "zc_cache_compressor"};

static bool was_called(const char *name, size_t length)
{
    unsigned i;

    for (i = 0; i < failed_count; i++)
        if (strlen(failed[i]) == length && memcmp(failed[i], name, length) == 0)
            return true;
    for (i = 0; i < sizeof(exempt) / sizeof(exempt[0]); i++)
        if (strlen(exempt[i]) == length && memcmp(exempt[i], name, length) == 0)
            return true;
    return false;
}

/* Looks at each declaration: from ZC_API to a semicolon, the name in front of
 * the first parenthesis that is none of an attribute. */
static unsigned check_header(char *text)
{
    unsigned functions = 0;
    char *end;
    char *name;
    size_t length;
    char *at;

    for (at = strstr(text, "\nZC_API"); at != NULL;
         at = strstr(end, "\nZC_API")) {
        end = strchr(at, ';');
        assert_non_null(end);
        *end++ = '\0';
        name = strchr(at, '(');
        if (name == NULL || strstr(name, "_out") == NULL)
            continue;
        for (length = 0;
             name[-1] == '_' || (name[-1] >= '0' && name[-1] <= 'z'); length++)
            name--;
        functions++;
        if (!was_called(name, length))
            fail_msg("%.*s has an output and is not called here", (int)length,
                     name);
    }
    return functions;
}

TEST(every_function_with_an_output_was_called)
{
    static char text[1 << 16];
    unsigned functions = 0;
    const struct dirent *entry;
    char path[4096];
    size_t length;
    FILE *file;
    DIR *headers = opendir(PUBLIC_HEADERS);

    assert_non_null(headers);
    while ((entry = readdir(headers)) != NULL) {
        if (strstr(entry->d_name, ".h") == NULL)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", PUBLIC_HEADERS,
                       entry->d_name);
        file = fopen(path, "r");
        assert_non_null(file);
        length = fread(text, 1, sizeof(text) - 1, file);
        assert_true(length < sizeof(text) - 1);
        text[length] = '\0';
        (void)fclose(file);
        functions += check_header(text);
    }
    (void)closedir(headers);
    assert_in_range(functions, 25, FUNCTIONS_MAX);
}
