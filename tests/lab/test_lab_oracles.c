/* SPDX-License-Identifier: MIT */
/*
 * test_lab_oracles.c - each oracle of the pool and the cache sees its damage,
 * done here by hand, at the unlock that follows; and nothing that an execution
 * has done is there in the next.
 */
#include "cache/cache.h"
#include "platform/memory.h"
#include "pool/kernel.h"
#include "watch.h"
#include "zspool.h"

#define BYTES 1000 /* kernel: four to a zspage */

static struct zc_zspage *zspage_of(unsigned object, uint64_t *location_out)
{
    struct zc_cell_view view;

    (void)zc_handles_look(&world.pool->handles, world.objects[object].handle,
                          &view);
    *location_out = view.location;
    return zc_location_zspage(&world.pool->arena, view.location);
}

static struct zc_group *group_of(unsigned object)
{
    uint64_t location;

    return zspage_of(object, &location)->group.value;
}

/* Damage, under the lock that guards it. */
static void damage(void (*change)(struct zc_group *, struct zc_zspage *,
                                  uint64_t))
{
    struct zc_group *group = group_of(0);
    uint64_t location;
    struct zc_zspage *zspage = zspage_of(0, &location);

    zc_spinlock_lock(&group->lock);
    change(group, zspage, location);
    zc_spinlock_unlock(&group->lock);
}

static void add_object(struct zc_group *group, struct zc_zspage *zspage,
                       uint64_t location)
{
    (void)group;
    (void)location;
    zspage->objects++;
}

static void cut_free_list(struct zc_group *group, struct zc_zspage *zspage,
                          uint64_t location)
{
    (void)group;
    (void)location;
    zspage->first_free = (uint16_t)ZC_SLOT_NONE;
}

static void tie_free_list(struct zc_group *group, struct zc_zspage *zspage,
                          uint64_t location) ZC_NO_LOCK_ANALYSIS
{
    uint32_t first = zspage->first_free;

    (void)location;
    zc_slot_set_header(
        &world.pool->arena, group, zspage,
        zc_slot_location(&world.pool->arena, group, zspage, first),
        (uint64_t)first << 3);
}

static void tag(struct zc_group *group, struct zc_zspage *zspage,
                uint64_t location, unsigned tags) ZC_NO_LOCK_ANALYSIS
{
    uint64_t header =
        zc_slot_header(&world.pool->arena, group, zspage, location);

    zc_slot_set_header(&world.pool->arena, group, zspage, location,
                       (header & ~(uint64_t)ZC_OBJECT_TAGS) | tags);
}

static void tag_both(struct zc_group *group, struct zc_zspage *zspage,
                     uint64_t location)
{
    tag(group, zspage, location, ZC_OBJECT_TAGS);
}

static void tag_deferred(struct zc_group *group, struct zc_zspage *zspage,
                         uint64_t location)
{
    tag(group, zspage, location, ZC_OBJECT_DEFERRED);
    zspage->objects--;
}

static void move_cell(struct zc_group *group, struct zc_zspage *zspage,
                      uint64_t location)
{
    (void)group;
    (void)zspage;
    zc_handles_move(&world.pool->handles,
                    zc_handle_cell(world.objects[0].handle), location + 1);
}

static void free_cell(struct zc_group *group, struct zc_zspage *zspage,
                      uint64_t location)
{
    (void)zspage;
    (void)location;
    (void)zc_handles_free(&world.pool->handles, &group->cells,
                          world.objects[0].handle);
}

#define ACTOR(name)                                                            \
    static void do_##name(void *context)                                       \
    {                                                                          \
        (void)context;                                                         \
        damage(name);                                                          \
    }

ACTOR(add_object)
ACTOR(cut_free_list)
ACTOR(tie_free_list)
ACTOR(tag_both)
ACTOR(tag_deferred)
ACTOR(move_cell)
ACTOR(free_cell)

static void setup_kernel(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, BYTES);
    world_put(1, BYTES);
    lab_watch_pool(world.pool, BYTES);
}

static void setup_dense(void)
{
    world_pool(ZC_PLACEMENT_DENSE, false);
    world_put(0, BYTES);
    world_put(1, BYTES);
    lab_watch_pool(world.pool, BYTES);
}

static void setup_cache(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, 1);
    world_watch_cache();
}

static void assert_sees(void (*setup)(void), void (*actor)(void *),
                        const char *what)
{
    const struct world_case own = {.setup = setup};
    const struct lab_actor actors[] = {{"actor", actor}};
    const struct lab_program program = {WORLD_PROGRAM("oracle", actors, &own)};
    const struct lab_options options = {.mode = LAB_SLEEP};
    struct lab_result result;

    memset(&result, 0, sizeof(result));
    assert_true(world_break(NULL));
    assert_true(lab_explore(&program, &options, &result));
    assert_true(result.finished);
    if (what == NULL) {
        assert_int_equal(result.failures, 0);
        return;
    }
    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, what);
}

static void test_pool(void **state)
{
    (void)state;
    assert_sees(setup_kernel, do_add_object, "zspage miscounted");
    assert_sees(setup_kernel, do_cut_free_list, "free list broken");
    assert_sees(setup_kernel, do_tie_free_list, "free list broken");
    assert_sees(setup_kernel, do_tag_both, "both tags");
    assert_sees(setup_kernel, do_tag_deferred, "deferred object left behind");
    assert_sees(setup_kernel, do_move_cell, "cell leads elsewhere");
    assert_sees(setup_kernel, do_free_cell, "header without a cell");
    assert_sees(setup_dense, do_add_object, "zspage miscounted");
    assert_sees(setup_dense, do_move_cell, "cell leads elsewhere");
    /* Walking a segment looks at the cells, and finds it first. */
    assert_sees(setup_dense, do_free_cell, "assertion failed");
}

/* --- the cache ------------------------------------------------------- */

/* The entry of slot 1, one reference more or less. */
static void forget_entry(void *context)
{
    struct zc_entry *entry;

    (void)context;
    entry = zc_tree_get(&world.cache->zswap.tree, zc_swp_make(0, 1));
    zc_entry_put(&world.cache->zswap.entries, entry);
    zc_entry_put(&world.cache->zswap.entries, entry);
    (void)world_store(2, 1);
}

static void keep_entry(void *context)
{
    (void)context;
    (void)zc_tree_get(&world.cache->zswap.tree, zc_swp_make(0, 1));
}

static void store_other(void *context)
{
    (void)context;
    (void)world_store(1, 2);
    (void)zc_cache_invalidate(world.cache, zc_swp_make(0, 1));
    (void)world_load(1);
}

/* Slot 1 gets the page of slot 2, with one byte changed; at 0: none is. */
static void store_wrong(unsigned slot, size_t changed)
{
    static char page[WORLD_PAGE];

    if (zc_cache_load(world.cache, zc_swp_make(0, 2), page) != ZC_OK)
        return;
    if (changed != 0)
        page[changed] = (char)(page[changed] + 1);
    if (zc_cache_store(world.cache, zc_swp_make(0, slot), page) == ZC_OK)
        (void)world_load(slot);
}

static void store_foreign(void *context)
{
    (void)context;
    store_wrong(1, 0);
}

static void store_mixed(void *context)
{
    (void)context;
    store_wrong(2, 2000);
}

static void store_unstamped(void *context)
{
    (void)context;
    store_wrong(2, 4);
}

static void setup_two(void)
{
    setup_cache();
    (void)world_store(2, 1);
}

static void test_pages(void **state)
{
    (void)state;
    assert_sees(setup_two, store_foreign, "page of another slot");
    assert_sees(setup_two, store_mixed, "page of mixed versions");
    assert_sees(setup_two, store_unstamped, "page without a stamp");
}

static void test_cache(void **state)
{
    (void)state;
    assert_sees(setup_cache, forget_entry, "freed entry is linked");
    assert_sees(setup_cache, keep_entry, "reference miscounted");
    /* An invalidate that the history does not know of. */
    assert_sees(setup_cache, store_other, "answers that no order explains");
}

/* --- executions ------------------------------------------------------ */

/* Words in pages where nothing else is, too many to be poisoned. */
static struct {
    char before[8 * 4096];
    zc_counter counter;
    char between[8 * 4096];
    uint64_t plain;
    char behind[8 * 4096];
} * alone;

static void setup_alone(void)
{
    alone = zc_calloc(1, sizeof(*alone));
}

static void count_once(void *context)
{
    uint64_t one = 1;

    (void)context;
    if (zc_counter_read(&alone->counter) != 0 || alone->plain != 0)
        lab_fail("left over", "from another execution");
    zc_counter_add(&alone->counter, 1);
    __tsan_memcpy(&alone->plain, &one, sizeof(one));
    (void)lab_pick(3, "again");
    zc_free(alone);
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    assert_sees(setup_alone, count_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
