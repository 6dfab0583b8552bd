/* SPDX-License-Identifier: MIT */
/* support_ops.c - what a cache requires of any pool. */
#include "support_ops.h"

#include "support_threads.h"

#define OBJECTS 200
#define WORKERS 4
#define TURNS 1500

void *support_ops_begin(const struct zc_pool_ops *ops, unsigned placement,
                        size_t page_size)
{
    struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = page_size == 0 ? ZC_PAGE_SIZE_MIN : page_size,
        .placement = placement,
    };
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

void support_ops_do_what_a_cache_asks(const struct zc_pool_ops *ops,
                                      unsigned placement, size_t page_size)
{
    void *pool = support_ops_begin(ops, placement, page_size);
    struct zc_pool_usage usage = {.struct_size = sizeof(usage)};
    struct object objects[OBJECTS];
    uint64_t payload = 0;
    unsigned i;

    if (page_size == 0)
        page_size = ZC_PAGE_SIZE_MIN;
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

void support_ops_serve_many_threads(const struct zc_pool_ops *ops,
                                    unsigned placement)
{
    struct crew_context context = {ops, NULL};
    struct support_crew crew;
    unsigned i;

    context.pool = support_ops_begin(ops, placement, 4096);
    support_crew_init(&crew);
    for (i = 0; i < WORKERS; i++)
        support_crew_add(&crew, use_objects, &context);

    support_crew_run(&crew, 0);

    assert_int_equal(ops->page_count(context.pool), 0);
    ops->destroy(context.pool);
}
