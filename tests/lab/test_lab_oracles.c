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

    (void)zc_handles_read(&world.pool->handles, world.objects[object].handle,
                          &view);
    *location_out = view.location;
    return zc_location_zspage(&world.pool->arena, view.location);
}

/* DAMAGE(name) { ... }: an actor that changes a group, a zspage of it, and the
 * location of object 0 in it, under the lock that guards them. */
#define DAMAGE(name)                                                           \
    static void name##_locked(struct zc_group *group,                          \
                              struct zc_zspage *zspage, uint64_t location);    \
    static void name(void *context) ZC_NO_LOCK_ANALYSIS                        \
    {                                                                          \
        uint64_t location;                                                     \
        struct zc_zspage *zspage = zspage_of(0, &location);                    \
        struct zc_group *group = zspage->group.value;                          \
                                                                               \
        (void)context;                                                         \
        zc_spinlock_lock(&group->lock);                                        \
        name##_locked(group, zspage, location);                                \
        zc_spinlock_unlock(&group->lock);                                      \
    }                                                                          \
    static void name##_locked(                                                 \
        __attribute__((unused)) struct zc_group *group,                        \
        __attribute__((unused)) struct zc_zspage *zspage,                      \
        __attribute__((unused)) uint64_t location) ZC_NO_LOCK_ANALYSIS

DAMAGE(add_object)
{
    zspage->objects++;
}

DAMAGE(cut_free_list)
{
    zspage->first_free = (uint16_t)ZC_SLOT_NONE;
}

DAMAGE(tie_free_list)
{
    uint32_t first = zspage->first_free;

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

DAMAGE(tag_both)
{
    tag(group, zspage, location, ZC_OBJECT_TAGS);
}

DAMAGE(tag_deferred)
{
    tag(group, zspage, location, ZC_OBJECT_DEFERRED);
    zspage->objects--;
}

DAMAGE(move_cell)
{
    zc_handles_move(&world.pool->handles,
                    zc_handle_cell(world.objects[0].handle), location + 1);
}

DAMAGE(free_cell)
{
    zc_handles_free(&world.pool->handles, &group->cells,
                    world.objects[0].handle);
}

static void setup_pool(unsigned placement)
{
    world_pool(placement, false);
    world_put(0, BYTES);
    world_put(1, BYTES);
    lab_watch_pool(world.pool, BYTES);
}

static void setup_kernel(void)
{
    setup_pool(ZC_PLACEMENT_KERNEL);
}

static void setup_dense(void)
{
    setup_pool(ZC_PLACEMENT_DENSE);
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

TEST(damage_of_the_pool_is_seen)
{
    static const struct {
        void (*setup)(void);
        void (*actor)(void *context);
        const char *what;
    } cases[] = {
        {setup_kernel, add_object, "zspage miscounted"},
        {setup_kernel, cut_free_list, "free list broken"},
        {setup_kernel, tie_free_list, "free list broken"},
        {setup_kernel, tag_both, "both tags"},
        {setup_kernel, tag_deferred, "deferred object left behind"},
        {setup_kernel, move_cell, "cell leads elsewhere"},
        {setup_kernel, free_cell, "header without a cell"},
        {setup_dense, add_object, "zspage miscounted"},
        {setup_dense, move_cell, "cell leads elsewhere"},
        /* Walking a segment looks at the cells, and finds it first. */
        {setup_dense, free_cell, "assertion failed"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_sees(cases[i].setup, cases[i].actor, cases[i].what);
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

TEST(damage_of_a_page_is_seen)
{
    assert_sees(setup_two, store_foreign, "page of another slot");
    assert_sees(setup_two, store_mixed, "page of mixed versions");
    assert_sees(setup_two, store_unstamped, "page without a stamp");
}

TEST(damage_of_the_cache_is_seen)
{
    assert_sees(setup_cache, forget_entry, "freed entry is linked");
    assert_sees(setup_cache, keep_entry, "reference miscounted");
    /* An invalidate that the history does not know of. */
    assert_sees(setup_cache, store_other, "page lost");
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

TEST(nothing_is_left_of_an_execution)
{
    assert_sees(setup_alone, count_once, NULL);
}
