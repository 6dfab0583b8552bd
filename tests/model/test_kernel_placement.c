/* SPDX-License-Identifier: MIT */
/*
 * test_kernel_placement.c - kernel placement against a model of its rules.
 *
 * The model is simpler and slower: arrays for lists, and a clock for the order
 * in them.  Random allocations and frees must choose the same zspage in both,
 * and so have the same number of pages after every step.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#include <stdlib.h>

#define MODEL_ZSPAGES 1024
#define MODEL_OBJECTS 2500

struct model_zspage {
    const struct zc_zspage *real;
    uint32_t objects; /* 0: not there */
    unsigned fullness;
    uint64_t filed; /* when it came to the head of its list */
};

struct model_object {
    zc_handle handle;
    size_t size; /* 0: not there */
    struct model_zspage *zspage;
};

struct model {
    struct zc_zspool *pool;
    uint64_t clock;
    uint64_t pages;
    struct model_zspage zspages[MODEL_ZSPAGES];
    const struct zc_group *groups[MODEL_ZSPAGES]; /* of each zspage */
    struct model_object objects[MODEL_OBJECTS];
};

static void file_zspage(struct model *model, struct model_zspage *zspage)
{
    const struct zc_group *group = model->groups[zspage - model->zspages];
    unsigned percent = 100 * zspage->objects / group->slot_count;
    unsigned fullness = zspage->objects == 0 ? 0
                        : zspage->objects == group->slot_count
                            ? 11
                            : percent / 10 + 1;

    if (zspage->fullness == fullness)
        return;
    zspage->fullness = fullness;
    zspage->filed = ++model->clock;
}

static struct model_zspage *choose_zspage(struct model *model,
                                          const struct zc_group *group)
{
    struct model_zspage *unused = NULL;
    struct model_zspage *best = NULL;
    struct model_zspage *zspage;
    unsigned i;

    for (i = 0; i < MODEL_ZSPAGES; i++) {
        zspage = &model->zspages[i];
        if (zspage->objects == 0)
            unused = zspage;
        else if (model->groups[i] == group && zspage->fullness < 11 &&
                 (best == NULL || zspage->fullness > best->fullness ||
                  (zspage->fullness == best->fullness &&
                   zspage->filed > best->filed)))
            best = zspage;
    }
    if (best != NULL)
        return best;
    assert_non_null(unused);
    memset(unused, 0, sizeof(*unused));
    model->groups[unused - model->zspages] = group;
    model->pages += group->zspage_pages;
    return unused;
}

static void model_alloc(struct model *model, struct model_object *object,
                        size_t size)
{
    const struct zc_group *group = zc_group_of(model->pool, size);
    struct model_zspage *zspage = choose_zspage(model, group);

    object->handle = support_object_new(model->pool, size, size, 0);
    object->size = size;
    object->zspage = zspage;
    if (zspage->objects == 0)
        zspage->real = support_zspage_of(model->pool, object->handle);
    zspage->objects++;
    file_zspage(model, zspage);
    assert_ptr_equal(support_zspage_of(model->pool, object->handle),
                     zspage->real);
}

static void model_free(struct model *model, struct model_object *object)
{
    struct model_zspage *zspage = object->zspage;

    support_object_check(model->pool, object->handle, object->size,
                         object->size, 0);
    support_object_free(model->pool, object->handle);
    object->size = 0;
    zspage->objects--;
    if (zspage->objects == 0)
        model->pages -= model->groups[zspage - model->zspages]->zspage_pages;
    file_zspage(model, zspage);
}

/* Sizes of a few classes, so that zspages fill, and some of all. */
static size_t random_size(struct support_random *random)
{
    static const size_t common[] = {60, 500, 900, 1000, 1300, 2500, 3300, 4096};

    if (support_random_below(random, 8) == 0)
        return 1 + (size_t)support_random_below(random, 4096);
    return common[support_random_below(random, 8)];
}

TEST(random_objects_go_where_the_rules_say)
{
    struct model *model = calloc(1, sizeof(*model));
    struct support_random random = {support_seed(0x5eed)};
    struct model_object *object;
    unsigned target;
    unsigned step;

    assert_non_null(model);
    model->pool = support_pool_new(SUPPORT_KERNEL);
    for (step = 0; step < 60000; step++) {
        /* More allocations, then more frees: zspages fill and empty. */
        target = step / 10000 % 2 == 0 ? 70 : 30;
        object = &model->objects[support_random_below(&random, MODEL_OBJECTS)];
        if (object->size == 0 && support_random_below(&random, 100) < target)
            model_alloc(model, object, random_size(&random));
        else if (object->size != 0 &&
                 support_random_below(&random, 100) >= target)
            model_free(model, object);
        assert_int_equal(zc_zspool_page_count(model->pool), model->pages);
        if (step % 3000 == 0)
            support_pool_check(model->pool);
    }
    support_pool_end(model->pool);
    free(model);
}
