/* SPDX-License-Identifier: MIT */
/*
 * test_pool_ops.c - what a cache requires of a pool, of each pool there is: the
 * zspool, malloc, and the pool that other tests plug in.
 */
#include "support_bump.h"
#include "support_cache.h"
#include "support_threads.h"

#include "base/inject.h"

#define OBJECTS 200
#define WORKERS 4
#define TURNS 1500

static void *new_pool(const struct zc_pool_ops *ops, unsigned placement,
                      size_t page_size)
{
    const struct zc_pool_config config = {.struct_size = sizeof(config),
                                          .page_size = page_size,
                                          .placement = placement};
    void *pool = NULL;

    assert_status(ops->create(&config, &pool), ZC_OK);
    assert_non_null(pool);
    return pool;
}

static void check_table(const struct zc_pool_ops *ops)
{
    assert_int_equal(ops->struct_size, sizeof(*ops));
    assert_non_null(ops->name);
    assert_non_null(ops->create);
    assert_non_null(ops->destroy);
    assert_non_null(ops->put);
    assert_non_null(ops->free);
    assert_non_null(ops->read_begin);
    assert_non_null(ops->read_end);
    assert_non_null(ops->page_count);
    assert_non_null(ops->usage);
}

struct object {
    zc_handle handle;
    size_t size;
    uint64_t owner;
    uint64_t sequence;
};

static zc_status make(const struct zc_pool_ops *ops, void *pool,
                      struct object *object)
{
    char bytes[ZC_PAGE_SIZE_MAX];

    support_stamp(bytes, object->size, object->owner, object->sequence);
    return ops->put(pool, bytes, object->size, &object->handle);
}

static bool is_as_written(const struct zc_pool_ops *ops, void *pool,
                          const struct object *object)
{
    struct zc_zspool_read read;
    bool same;

    if (ops->read_begin(pool, object->handle, &read) != ZC_OK)
        return false;
    same = read.size == object->size && (uintptr_t)read.data % 4 == 0 &&
           support_has_stamp(read.data, read.size, object->owner,
                             object->sequence);
    ops->read_end(pool, &read);
    return same;
}

static size_t size_of(unsigned index, size_t page_size)
{
    static const size_t small[] = {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33};
    const unsigned count = sizeof(small) / sizeof(small[0]);

    if (index < count)
        return small[index];
    if (index < 2 * count)
        return page_size - small[index - count] + 1;
    return 1 + (size_t)index * 7919 % page_size;
}

/* Objects of 1 byte to a page keep their bytes while others are put and freed;
 * freed ones leave nothing. */
static void do_what_a_cache_asks(const struct zc_pool_ops *ops,
                                 unsigned placement, size_t page_size)
{
    void *pool = new_pool(ops, placement, page_size);
    struct zc_pool_usage usage = {.struct_size = sizeof(usage)};
    struct object objects[OBJECTS];
    uint64_t payload = 0;
    unsigned i;

    check_table(ops);
    assert_int_equal(ops->page_count(pool), 0);
    for (i = 0; i < OBJECTS; i++) {
        objects[i] = (struct object){.size = size_of(i, page_size), .owner = i};
        assert_status(make(ops, pool, &objects[i]), ZC_OK);
        assert_true(objects[i].handle.value != 0);
        payload += objects[i].size;
    }
    assert_true(ops->page_count(pool) * page_size >= payload);
    ops->usage(pool, &usage);
    assert_int_equal(usage.payload_bytes, payload);
    for (i = 0; i < OBJECTS; i += 2) {
        ops->free(pool, objects[i].handle);
        objects[i].size = size_of((i + 1) * 31, page_size);
        objects[i].sequence = 1;
        assert_status(make(ops, pool, &objects[i]), ZC_OK);
    }
    if (ops->compact != NULL)
        assert_status(ops->compact(pool, NULL, NULL), ZC_OK);
    for (i = 0; i < OBJECTS; i++)
        assert_true(is_as_written(ops, pool, &objects[i]));
    ops->usage(pool, &usage);
    assert_int_equal(usage.pages, ops->page_count(pool));
    for (i = 0; i < OBJECTS; i++)
        ops->free(pool, objects[i].handle);
    assert_int_equal(ops->page_count(pool), 0);
    ops->destroy(pool);
}

struct crew_context {
    const struct zc_pool_ops *ops;
    void *pool;
};

static void use_objects(struct support_worker *worker)
{
    const struct crew_context *context = worker->context;
    struct object objects[16];
    unsigned turn;
    unsigned i;

    memset(objects, 0, sizeof(objects));
    for (turn = 0; turn < TURNS && !support_is_stopped(worker); turn++) {
        i = (unsigned)support_random_below(&worker->random, 16);
        if (objects[i].size != 0) {
            if (!is_as_written(context->ops, context->pool, &objects[i]))
                support_mistake(worker, "not as written, turn %u", turn);
            context->ops->free(context->pool, objects[i].handle);
        }
        objects[i].size = support_random_size(&worker->random, 4096);
        objects[i].owner = worker->index;
        objects[i].sequence = turn;
        if (make(context->ops, context->pool, &objects[i]) != ZC_OK) {
            support_mistake(worker, "no memory, turn %u", turn);
            return;
        }
        if (turn % 64 == 63 && context->ops->compact != NULL)
            (void)context->ops->compact(context->pool, NULL, NULL);
    }
    for (i = 0; i < 16; i++)
        if (objects[i].size != 0)
            context->ops->free(context->pool, objects[i].handle);
}

static void serve_many_threads(const struct zc_pool_ops *ops,
                               unsigned placement)
{
    struct crew_context context = {ops, NULL};
    struct support_crew crew;
    unsigned i;

    context.pool = new_pool(ops, placement, 4096);
    support_crew_init(&crew);
    for (i = 0; i < WORKERS; i++)
        support_crew_add(&crew, use_objects, &context);

    support_crew_run(&crew, 0);

    assert_int_equal(ops->page_count(context.pool), 0);
    ops->destroy(context.pool);
}

static const struct {
    const struct zc_pool_ops *ops;
    unsigned placement;
} pools[] = {
    {&zc_pool_zspool, ZC_PLACEMENT_DENSE},
    {&zc_pool_zspool, ZC_PLACEMENT_KERNEL},
    {&zc_pool_malloc, 0},
    {&support_bump_pool, 0},
};

#define POOLS (sizeof(pools) / sizeof(pools[0]))

TEST(a_pool_does_what_a_cache_asks_with_pages_of_any_size)
{
    size_t page_size;
    unsigned i;

    for (i = 0; i < POOLS; i++)
        for (page_size = 4096; page_size <= 65536; page_size *= 2)
            do_what_a_cache_asks(pools[i].ops, pools[i].placement, page_size);
}

TEST(many_threads_may_use_a_pool_at_once)
{
    unsigned i;

    for (i = 0; i < POOLS; i++)
        serve_many_threads(pools[i].ops, pools[i].placement);
}

static void refuse_create(const struct zc_pool_ops *ops,
                          struct zc_pool_config config, zc_status expected)
{
    void *pool = &pool;

    config.struct_size = sizeof(config);
    assert_status(ops->create(&config, &pool), expected);
    assert_ptr_equal(pool, &pool);
}

TEST(a_config_that_cannot_be_served_is_refused)
{
    const struct zc_pool_config config = {.page_size = 4096};

    refuse_create(
        &zc_pool_zspool,
        (struct zc_pool_config){.page_size = 4096, .placement = UINT32_MAX},
        ZC_INVALID);
    refuse_create(&zc_pool_zspool,
                  (struct zc_pool_config){.page_size = 4096,
                                          .placement = ZC_PLACEMENT_KERNEL,
                                          .chain_length = 17},
                  ZC_INVALID);
    refuse_create(&zc_pool_zspool, (struct zc_pool_config){.page_size = 4097},
                  ZC_INVALID);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 2);
    refuse_create(&zc_pool_zspool, config, ZC_NO_MEMORY);
    refuse_create(&zc_pool_malloc, config, ZC_NO_MEMORY);
    zc_inject_disarm();
}

static const char bytes[1000]; /* whatever they are */

static void put_many(const struct zc_pool_ops *ops, void *pool, size_t size,
                     unsigned count, zc_handle *handles_out)
{
    unsigned i;

    for (i = 0; i < count; i++)
        assert_status(ops->put(pool, bytes, size, &handles_out[i]), ZC_OK);
}

/* ---- malloc ---- */

TEST(malloc_cannot_compact_and_stores_up_to_a_page)
{
    assert_null(zc_pool_malloc.compact);
    assert_null(zc_pool_malloc.huge_class_size);
    assert_string_equal(zc_pool_malloc.name, "malloc");
}

TEST(pages_of_malloc_are_the_blocks_as_it_rounds_them)
{
    struct zc_pool_usage usage = {.struct_size = sizeof(usage)};
    void *pool = new_pool(&zc_pool_malloc, 0, 4096);
    zc_handle refused = {77};
    zc_handle handles[100];
    unsigned i;

    put_many(&zc_pool_malloc, pool, 1000, 100, handles);
    zc_pool_malloc.usage(pool, &usage);
    assert_in_range(usage.pages, 25, 27);
    assert_int_equal(usage.pages, zc_pool_malloc.page_count(pool));
    assert_int_equal(usage.handle_bytes, 0);
    assert_in_range(usage.metadata_bytes, 16, 64);

    for (i = 0; i < 100; i++)
        zc_pool_malloc.free(pool, handles[i]);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_pool_malloc.put(pool, bytes, 100, &refused), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_int_equal(refused.value, 77);
    assert_int_equal(zc_pool_malloc.page_count(pool), 0);
    zc_pool_malloc.destroy(pool);
}

/* ---- the zspool ---- */

TEST(usage_and_compaction_are_the_zspools)
{
    static zc_handle handles[2000];
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_pool_usage usage = {.struct_size = sizeof(usage)};
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    void *pool = new_pool(&zc_pool_zspool, 0, 4096);
    unsigned i;

    put_many(&zc_pool_zspool, pool, 500, 2000, handles);
    zc_pool_zspool.usage(pool, &usage);
    assert_status(zc_zspool_get_stats(pool, &stats), ZC_OK);
    assert_true(stats.pages_allocated > 240);
    assert_int_equal(usage.pages, stats.pages_allocated);
    assert_int_equal(usage.payload_bytes, 2000 * 500);
    assert_int_equal(usage.handle_bytes, stats.handle_bytes);
    assert_int_equal(usage.metadata_bytes, stats.metadata_bytes);
    for (i = 0; i < 2000; i++)
        if (i % 4 != 0)
            zc_pool_zspool.free(pool, handles[i]);

    assert_status(zc_pool_zspool.compact(pool, NULL, &result), ZC_OK);
    assert_true(result.objects_moved > 0);
    assert_true(result.pages_freed > stats.pages_allocated / 2);
    assert_int_equal(zc_pool_zspool.page_count(pool),
                     stats.pages_allocated - result.pages_freed);
    zc_pool_zspool.destroy(pool);
}

struct emptied {
    void *pool;
    unsigned calls;
};

static zc_status free_it(void *context, zc_handle handle)
{
    struct emptied *emptied = context;

    emptied->calls++;
    zc_pool_zspool.free(emptied->pool, handle);
    return ZC_OK;
}

TEST(reclaim_is_the_zspools_where_ages_are_kept)
{
    struct zc_pool_config config = {
        .struct_size = sizeof(config), .page_size = 4096, .keep_lru = 1};
    struct emptied emptied = {NULL, 0};
    zc_handle handles[1000];
    uint64_t pages = 77;
    uint64_t before;

    assert_status(zc_pool_zspool.create(&config, &emptied.pool), ZC_OK);
    put_many(&zc_pool_zspool, emptied.pool, 1000, 1000, handles);
    before = zc_pool_zspool.page_count(emptied.pool);

    assert_status(
        zc_pool_zspool.reclaim(emptied.pool, free_it, &emptied, 1, &pages),
        ZC_OK);
    assert_true(pages >= 1);
    assert_true(emptied.calls > 0);
    assert_int_equal(zc_pool_zspool.page_count(emptied.pool), before - pages);
    zc_pool_zspool.destroy(emptied.pool);

    config.keep_lru = 0;
    assert_status(zc_pool_zspool.create(&config, &emptied.pool), ZC_OK);
    assert_status(
        zc_pool_zspool.reclaim(emptied.pool, free_it, &emptied, 1, &pages),
        ZC_UNSUPPORTED);
    zc_pool_zspool.destroy(emptied.pool);
}
