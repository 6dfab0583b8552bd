/* SPDX-License-Identifier: MIT */
/*
 * test_model_pool.c - random operations on a pool and on a plain array.
 *
 * The array has the handle, size, tags and last content of each object.  Every
 * answer of the pool must agree with the array, in every shape of pool, also
 * when the system or the limit refuses memory; and from time to time all
 * objects of the pool are checked.
 *
 * ZC_TEST_SEED repeats a run; ZC_MODEL_STEPS makes it longer.
 */
#include "base/inject.h"
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#include <stdlib.h>

static int disarm(void **state);

#define OBJECTS 800
/* Cells that are ever in use at once, or free in one of the groups. */
#define CELLS (OBJECTS + 16 * 256)
#define FREED 64
#define READS 4
#define STEPS (SUPPORT_SANITIZED ? 3000 : 12000)
#define TIDE 1000 /* steps of filling, then of emptying */
#define LOOK 500  /* steps from one look at everything to the next */

struct object {
    zc_handle handle;
    size_t size; /* 0: not there */
    uint64_t sequence;
    unsigned tags;
    unsigned readers;
    unsigned visits;
};

/* A reading that lasts over other operations. */
struct reading {
    struct zc_zspool_read read; /* data NULL: none */
    struct object *object;
};

struct model {
    struct zc_zspool *pool;
    struct support_random random;
    uint64_t sequence;
    struct object objects[OBJECTS];
    struct object *by_cell[CELLS];
    struct reading readings[READS];
    zc_handle freed[FREED];
    uint64_t free_count;
    uint64_t payload_bytes;
    uint64_t object_count;
    uint64_t rejects;
    bool filling;
    unsigned refusals; /* of memory, that the pool met */
};

static uint64_t below(struct model *model, uint64_t limit)
{
    return support_random_below(&model->random, limit);
}

static uint64_t owner_of(const struct model *model, const struct object *object)
{
    return (uint64_t)(object - model->objects);
}

static void check_content(const struct model *model,
                          const struct object *object, const void *data,
                          size_t size)
{
    assert_int_equal(size, object->size);
    assert_true(support_has_stamp(data, size, owner_of(model, object),
                                  object->sequence));
}

/* ---- operations on one object ---- */

/* Allocates; half the time memory is refused if new pages are needed. */
static void do_alloc(struct model *model, struct object *object)
{
    const size_t size =
        support_random_size(&model->random, model->pool->page_size);
    static char bytes[ZC_PAGE_SIZE_MAX];
    zc_handle handle = {0};
    uint32_t refused;
    zc_status status;

    if (below(model, 2) == 0)
        zc_inject_arm(below(model, 2) == 0 ? ZC_INJECT_MALLOC : ZC_INJECT_PAGES,
                      (uint32_t)below(model, 3), 1);
    support_stamp(bytes, size, owner_of(model, object), ++model->sequence);
    if (below(model, 2) == 0) {
        status = zc_zspool_put(model->pool, bytes, size, &handle);
    } else {
        status = zc_zspool_alloc(model->pool, size, &handle);
        if (status == ZC_OK)
            assert_status(zc_zspool_write(model->pool, handle, bytes, size),
                          ZC_OK);
    }
    refused = zc_inject_failures();
    zc_inject_disarm();
    if (refused != 0) {
        assert_status(status, ZC_NO_MEMORY);
        model->refusals++;
    } else if (status == ZC_REJECTED) {
        /* Not even the pages for this object were within the limit. */
        assert_true(zc_zspool_page_count(model->pool) +
                        support_pages_for(model->pool, size) >
                    zc_arena_limit(&model->pool->arena));
        model->rejects++;
    } else {
        assert_status(status, ZC_OK);
    }
    if (status != ZC_OK) {
        assert_int_equal(handle.value, 0);
        return;
    }
    *object = (struct object){
        .handle = handle, .size = size, .sequence = model->sequence};
    assert_in_range(zc_handle_cell(handle), 0, CELLS - 1);
    model->by_cell[zc_handle_cell(handle)] = object;
    model->object_count++;
    model->payload_bytes += size;
}

static void do_free(struct model *model, struct object *object)
{
    if (object->readers != 0)
        return; /* the caller keeps these apart */
    support_object_free(model->pool, object->handle);
    model->freed[model->free_count++ % FREED] = object->handle;
    model->object_count--;
    model->payload_bytes -= object->size;
    object->size = 0;
}

static void do_write(struct model *model, struct object *object)
{
    static char bytes[ZC_PAGE_SIZE_MAX];

    if (object->readers != 0)
        return;
    object->sequence = ++model->sequence;
    support_stamp(bytes, object->size, owner_of(model, object),
                  object->sequence);
    assert_status(
        zc_zspool_write(model->pool, object->handle, bytes, object->size),
        ZC_OK);
    if (object->size > 1)
        assert_status(zc_zspool_write(model->pool, object->handle, bytes,
                                      object->size - 1),
                      ZC_INVALID);
}

static void do_read(struct model *model, const struct object *object)
{
    struct zc_zspool_read read;

    assert_status(zc_zspool_read_begin(model->pool, object->handle, &read),
                  ZC_OK);
    check_content(model, object, read.data, read.size);
    zc_zspool_read_end(model->pool, &read);
}

static void do_tags(struct model *model, struct object *object)
{
    unsigned clear = (unsigned)below(model, 4);
    unsigned set = (unsigned)below(model, 4);
    unsigned previous;

    assert_status(zc_zspool_change_tags(model->pool, object->handle, clear, set,
                                        &previous),
                  ZC_OK);
    assert_int_equal(previous, object->tags);
    object->tags = (object->tags & ~clear) | set;
}

static void do_size(const struct model *model, const struct object *object)
{
    size_t size;

    assert_status(zc_zspool_object_size(model->pool, object->handle, &size),
                  ZC_OK);
    assert_int_equal(size, object->size);
}

/* Ends the reading in this place, or begins one of the object. */
static void do_long_read(struct model *model, struct object *object)
{
    struct reading *reading = &model->readings[below(model, READS)];

    if (reading->read.data != NULL) {
        check_content(model, reading->object, reading->read.data,
                      reading->read.size);
        zc_zspool_read_end(model->pool, &reading->read);
        reading->object->readers--;
    } else if (object->size != 0) {
        assert_status(
            zc_zspool_read_begin(model->pool, object->handle, &reading->read),
            ZC_OK);
        reading->object = object;
        object->readers++;
    }
}

/* ---- operations on the pool ---- */

static void do_stale(struct model *model)
{
    zc_handle handle = model->freed[below(model, FREED)];
    const zc_status expected = handle.value == 0 ? ZC_INVALID : ZC_STALE;
    struct zc_zspool_read read;
    size_t size;

    assert_status(zc_zspool_free(model->pool, handle), expected);
    assert_status(zc_zspool_write(model->pool, handle, "x", 1), expected);
    assert_status(zc_zspool_read_begin(model->pool, handle, &read), expected);
    assert_status(zc_zspool_object_size(model->pool, handle, &size), expected);
    assert_status(zc_zspool_change_tags(model->pool, handle, 3, 0, NULL),
                  expected);
}

static void do_compact(struct model *model)
{
    const struct zc_compact_budget budget = {
        .struct_size = sizeof(budget),
        .objects = below(model, 3) == 0 ? 0 : 1 + below(model, 60),
        .microseconds = below(model, 4) == 0 ? 1 + below(model, 50) : 0};
    const uint64_t pages = zc_zspool_page_count(model->pool);
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    const void *before[READS];
    zc_status status;
    unsigned i;

    for (i = 0; i < READS; i++)
        before[i] = model->readings[i].read.data;
    status = zc_zspool_compact(model->pool, &budget, &result);
    assert_true(status == ZC_OK || status == ZC_AGAIN);
    if (budget.objects != 0)
        assert_true(result.objects_moved <= budget.objects);
    assert_int_equal(zc_zspool_page_count(model->pool),
                     pages - result.pages_freed);
    for (i = 0; i < READS; i++)
        if (before[i] != NULL)
            check_content(model, model->readings[i].object, before[i],
                          model->readings[i].read.size);
}

static bool visit(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    struct model *model = context;
    struct object *object;

    assert_in_range(zc_handle_cell(handle), 0, CELLS - 1);
    object = model->by_cell[zc_handle_cell(handle)];
    assert_non_null(object);
    assert_int_equal(object->handle.value, handle.value);
    check_content(model, object, data, size);
    object->visits++;
    return true;
}

static void look_at_everything(struct model *model)
{
    const struct zc_zspool_stats stats = support_stats(model->pool);
    unsigned i;

    support_pool_check(model->pool);
    assert_int_equal(stats.objects, model->object_count);
    assert_int_equal(stats.payload_bytes, model->payload_bytes);
    assert_int_equal(stats.limit_rejects, model->rejects);
    for (i = 0; i < OBJECTS; i++)
        model->objects[i].visits = 0;
    assert_status(zc_zspool_iterate(model->pool, visit, model), ZC_OK);
    for (i = 0; i < OBJECTS; i++)
        assert_int_equal(model->objects[i].visits, model->objects[i].size != 0);
}

/* ---- the run ---- */

static void step(struct model *model)
{
    struct object *object = &model->objects[below(model, OBJECTS)];
    uint64_t dice = below(model, 100);

    if (dice < 2) {
        do_compact(model);
    } else if (dice < 4) {
        do_stale(model);
    } else if (dice < 8) {
        do_long_read(model, object);
    } else if (object->size == 0) {
        if (model->filling || dice < 25)
            do_alloc(model, object);
    } else if (dice < (model->filling ? 20 : 70)) {
        do_free(model, object);
    } else if (dice < 80) {
        do_read(model, object);
    } else if (dice < 88) {
        do_write(model, object);
    } else if (dice < 96) {
        do_tags(model, object);
    } else {
        do_size(model, object);
    }
}

/* Ends every reading and frees every object. */
static void empty(struct model *model)
{
    unsigned i;

    for (i = 0; i < READS; i++)
        if (model->readings[i].read.data != NULL) {
            zc_zspool_read_end(model->pool, &model->readings[i].read);
            model->readings[i].object->readers--;
        }
    (void)support_compact(model->pool, NULL);
    look_at_everything(model);
    for (i = 0; i < OBJECTS; i++)
        if (model->objects[i].size != 0)
            do_free(model, &model->objects[i]);
    support_pool_check_empty(model->pool);
}

/* Returns how often the pool was refused memory or refused an object. */
static unsigned run(const struct support_shape *shape, uint64_t seed)
{
    const char *text = getenv("ZC_MODEL_STEPS");
    unsigned long steps = text == NULL ? STEPS : strtoul(text, NULL, 10);
    static struct model model;
    unsigned long i;

    print_message("%s%s\n", shape->name,
                  shape->limit_pages == 0 ? "" : ", limited");
    memset(&model, 0, sizeof(model));
    model.random.state = seed;
    model.pool = support_pool_new(shape);
    for (i = 0; i < steps; i++) {
        model.filling = i / TIDE % 2 == 0;
        if (i % (2UL * TIDE) == 0)
            empty(&model);
        step(&model);
        if (i % LOOK == 0)
            look_at_everything(&model);
    }
    empty(&model);
    zc_zspool_destroy(model.pool);
    return shape->limit_pages != 0 ? (unsigned)model.rejects : model.refusals;
}

TEST_AFTER(every_answer_is_what_the_array_says, disarm)
{
    const uint64_t seed = support_seed(0x60de1);
    unsigned refusals = 0;
    unsigned i;

    for (i = 0; i < support_shape_count; i++)
        refusals += run(&support_shapes[i], seed + i);
    /* Else the sweep would prove nothing. */
    assert_true(refusals > support_shape_count);
}

TEST_AFTER(so_it_is_within_a_limit, disarm)
{
    const uint64_t seed = support_seed(0x11317);
    struct support_shape shape;
    unsigned i;

    for (i = 0; i < support_shape_count; i += 3) {
        shape = support_shapes[i];
        shape.limit_pages = 150;
        assert_true(run(&shape, seed + i) > 0);
    }
}

static int disarm(void **state)
{
    (void)state;
    zc_inject_disarm();
    return 0;
}
