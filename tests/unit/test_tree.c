/* SPDX-License-Identifier: MIT */
/* test_tree.c - finding the entry of a slot. */
#include "support_cache.h"

#include "base/inject.h"
#include "support_threads.h"
#include "zswap.h"

#define SLOT_COUNT (UINT64_C(1) << 40)
#define BLOCK_SLOTS (UINT64_C(1) << (ZC_SHARD_SHIFT + 9))

/* A tree over entries that have no objects. */
struct fixture {
    struct zc_entries entries;
    struct zc_tree tree;
};

/* Offsets on either side of every edge: leaf, shard, block, end. */
static const uint64_t edges[] = {
    0,
    1,
    ZC_LEAF_SLOTS - 1,
    ZC_LEAF_SLOTS,
    ZC_SHARD_SLOTS - 1,
    ZC_SHARD_SLOTS,
    BLOCK_SLOTS - 1,
    BLOCK_SLOTS,
    2 * BLOCK_SLOTS + 5 * ZC_SHARD_SLOTS + 3,
    SLOT_COUNT - 1,
};

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static void begin(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->entries.page_size = 4096;
    assert_status(zc_entries_init(&fixture->entries), ZC_OK);
    zc_tree_init(&fixture->tree, &fixture->entries, SLOT_COUNT);
}

static void end(struct fixture *fixture)
{
    zc_tree_destroy(&fixture->tree);
    zc_entries_destroy(&fixture->entries);
}

static uint32_t references_of(const struct zc_entry *entry)
{
    return zc_atomic_u32_load_relaxed(&entry->references);
}

/* Links a new entry, which only the tree then holds. */
static struct zc_entry *link_new(struct fixture *fixture, unsigned type,
                                 uint64_t offset, struct zc_entry **old_out)
{
    struct zc_entry *entry = NULL;

    assert_status(zc_entry_create_filled(&fixture->entries,
                                         zc_swp_make(type, offset), 0, 0,
                                         &entry),
                  ZC_OK);
    assert_status(zc_tree_exchange(&fixture->tree, entry, old_out), ZC_OK);
    assert_int_equal(references_of(entry), 2);
    zc_entry_put(&fixture->entries, entry);
    return entry;
}

static struct zc_entry *link_first(struct fixture *fixture, unsigned type,
                                   uint64_t offset)
{
    struct zc_entry *old = NULL;
    struct zc_entry *entry = link_new(fixture, type, offset, &old);

    assert_null(old);
    return entry;
}

static void erase(struct fixture *fixture, unsigned type, uint64_t offset)
{
    struct zc_entry *entry =
        zc_tree_erase(&fixture->tree, zc_swp_make(type, offset));

    assert_non_null(entry);
    assert_int_equal(references_of(entry), 1);
    zc_entry_put(&fixture->entries, entry);
}

TEST(an_empty_tree_has_nothing_anywhere)
{
    struct fixture fixture;
    size_t i;

    begin(&fixture);

    for (i = 0; i < EDGES; i++) {
        assert_null(zc_tree_get(&fixture.tree, zc_swp_make(31, edges[i])));
        assert_null(zc_tree_erase(&fixture.tree, zc_swp_make(0, edges[i])));
    }
    assert_null(zc_tree_erase_next(&fixture.tree, 0, 0, SLOT_COUNT));
    assert_int_equal(zc_tree_bytes(&fixture.tree), 0);
    end(&fixture);
}

TEST(slots_are_there_up_to_the_count_of_32_types)
{
    struct fixture fixture;

    begin(&fixture);

    assert_true(zc_tree_has_slot(&fixture.tree, zc_swp_make(0, 0)));
    assert_true(
        zc_tree_has_slot(&fixture.tree, zc_swp_make(31, SLOT_COUNT - 1)));
    assert_false(zc_tree_has_slot(&fixture.tree, zc_swp_make(32, 0)));
    assert_false(zc_tree_has_slot(&fixture.tree, zc_swp_make(63, 0)));
    assert_false(zc_tree_has_slot(&fixture.tree, zc_swp_make(0, SLOT_COUNT)));
    end(&fixture);
}

TEST(every_edge_is_a_place_of_its_own)
{
    struct zc_entry *kept[EDGES];
    struct fixture fixture;
    struct zc_entry *found;
    size_t i;

    begin(&fixture);
    for (i = 0; i < EDGES; i++)
        kept[i] = link_first(&fixture, 5, edges[i]);

    for (i = 0; i < EDGES; i++) {
        found = zc_tree_get(&fixture.tree, zc_swp_make(5, edges[i]));
        assert_ptr_equal(found, kept[i]);
        assert_int_equal(references_of(found), 2);
        zc_entry_put(&fixture.entries, found);
        assert_null(zc_tree_get(&fixture.tree, zc_swp_make(4, edges[i])));
    }
    for (i = 0; i < EDGES; i++)
        erase(&fixture, 5, edges[i]);
    end(&fixture);
}

TEST(an_exchange_hands_over_the_old_entry)
{
    struct fixture fixture;
    struct zc_entry *first;
    struct zc_entry *old = NULL;

    begin(&fixture);
    first = link_first(&fixture, 0, 9);

    (void)link_new(&fixture, 0, 9, &old);

    assert_ptr_equal(old, first);
    assert_int_equal(references_of(old), 1);
    zc_entry_put(&fixture.entries, old);
    erase(&fixture, 0, 9);
    end(&fixture);
}

TEST(unlinking_takes_the_entry_meant_and_no_other)
{
    struct fixture fixture;
    struct zc_entry *first;
    struct zc_entry *second;
    struct zc_entry *old = NULL;

    begin(&fixture);
    first = link_first(&fixture, 0, 9);
    second = link_new(&fixture, 0, 9, &old);
    assert_ptr_equal(old, first);

    assert_false(zc_tree_unlink(&fixture.tree, first));
    assert_true(zc_tree_unlink(&fixture.tree, second));
    assert_false(zc_tree_unlink(&fixture.tree, second));

    zc_entry_put(&fixture.entries, first);
    zc_entry_put(&fixture.entries, second);
    end(&fixture);
}

TEST(a_leaf_lives_as_long_as_it_names_an_entry)
{
    struct fixture fixture;
    uint64_t without_leaf;
    uint64_t one_leaf;
    unsigned i;

    begin(&fixture);
    (void)link_first(&fixture, 0, ZC_LEAF_SLOTS);
    erase(&fixture, 0, ZC_LEAF_SLOTS);
    without_leaf = zc_counter_read(&fixture.tree.bytes);

    (void)link_first(&fixture, 0, 0);
    one_leaf = zc_counter_read(&fixture.tree.bytes);
    assert_in_range(one_leaf - without_leaf, sizeof(struct zc_leaf),
                    sizeof(struct zc_leaf) + 32);
    for (i = 1; i < ZC_LEAF_SLOTS; i++)
        (void)link_first(&fixture, 0, i);
    assert_int_equal(zc_counter_read(&fixture.tree.bytes), one_leaf);
    for (i = 1; i < ZC_LEAF_SLOTS; i++)
        erase(&fixture, 0, i);
    assert_int_equal(zc_counter_read(&fixture.tree.bytes), one_leaf);
    erase(&fixture, 0, 0);

    assert_int_equal(zc_counter_read(&fixture.tree.bytes), without_leaf);
    end(&fixture);
}

TEST(replacing_is_not_counted_as_one_more)
{
    struct fixture fixture;
    struct zc_entry *old = NULL;
    uint64_t without_leaf;
    unsigned i;

    begin(&fixture);
    (void)link_first(&fixture, 0, 0);
    erase(&fixture, 0, 0);
    without_leaf = zc_counter_read(&fixture.tree.bytes);

    (void)link_first(&fixture, 0, 3);
    for (i = 0; i < 10; i++) {
        (void)link_new(&fixture, 0, 3, &old);
        zc_entry_put(&fixture.entries, old);
    }
    erase(&fixture, 0, 3);

    assert_int_equal(zc_counter_read(&fixture.tree.bytes), without_leaf);
    end(&fixture);
}

/* Erases by range and checks that the first one in it was meant. */
static void expect_next(struct fixture *fixture, uint64_t first, uint64_t end,
                        uint64_t offset)
{
    struct zc_entry *entry = zc_tree_erase_next(&fixture->tree, 7, first, end);

    assert_non_null(entry);
    assert_int_equal(zc_swp_offset(zc_entry_slot(entry)), offset);
    zc_entry_put(&fixture->entries, entry);
}

TEST(a_range_is_from_its_first_to_before_its_end)
{
    struct fixture fixture;
    size_t i;

    begin(&fixture);
    for (i = 0; i < EDGES; i++) {
        (void)link_first(&fixture, 7, edges[i]);

        assert_null(zc_tree_erase_next(&fixture.tree, 7, 0, edges[i]));
        assert_null(
            zc_tree_erase_next(&fixture.tree, 7, edges[i] + 1, SLOT_COUNT));
        assert_null(zc_tree_erase_next(&fixture.tree, 7, edges[i], edges[i]));
        assert_null(zc_tree_erase_next(&fixture.tree, 6, 0, SLOT_COUNT));
        expect_next(&fixture, edges[i], edges[i] + 1, edges[i]);
    }
    end(&fixture);
}

TEST(a_range_is_walked_in_order_over_all_edges)
{
    struct fixture fixture;
    size_t i;

    begin(&fixture);
    for (i = EDGES; i > 0; i--)
        (void)link_first(&fixture, 7, edges[i - 1]);

    for (i = 0; i < EDGES; i++)
        expect_next(&fixture, 0, SLOT_COUNT, edges[i]);

    assert_null(zc_tree_erase_next(&fixture.tree, 7, 0, SLOT_COUNT));
    end(&fixture);
}

/* Three blocks, shard and leaf can each be refused; each attempt keeps
 * what it got, so the next one comes one further. */
TEST(a_link_without_memory_can_be_tried_again)
{
    const zc_swp slot = zc_swp_make(1, 12345678);
    struct fixture fixture;
    struct zc_entry *entry = NULL;
    struct zc_entry *old = NULL;
    unsigned attempts;
    zc_status status;

    begin(&fixture);
    assert_status(zc_entry_create_filled(&fixture.entries, slot, 0, 0, &entry),
                  ZC_OK);
    for (attempts = 0;; attempts++) {
        /* What an attempt made before it failed is there for the next. */
        zc_inject_arm(ZC_INJECT_MALLOC, attempts > 0, 1);
        status = zc_tree_exchange(&fixture.tree, entry, &old);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_int_equal(references_of(entry), 1);
        assert_null(zc_tree_get(&fixture.tree, slot));
        assert_null(zc_tree_erase_next(&fixture.tree, 1, 0, SLOT_COUNT));
    }

    assert_int_equal(attempts, 5);
    assert_null(old);
    zc_entry_put(&fixture.entries, entry);
    erase(&fixture, 1, 12345678);
    end(&fixture);
}

/* ---- many at once ---- */

#define RACERS 4
#define PLACES 64

struct race {
    struct fixture fixture;
    struct support_meeting meeting;
    atomic_uint linked;
    atomic_uint unlinked;
};

/* All threads link and erase at the same new places, so that they make the
 * directories, blocks, shards and leaves at the same time. */
static void link_and_erase(struct support_worker *worker)
{
    struct race *race = worker->context;
    struct zc_entry *entry;
    struct zc_entry *old;
    unsigned i;

    for (i = 0; i < PLACES; i++) {
        zc_swp slot = zc_swp_make(i % 4, i * (BLOCK_SLOTS / 8));

        if (zc_entry_create_filled(&race->fixture.entries, slot, 0, 0,
                                   &entry) != ZC_OK ||
            zc_tree_exchange(&race->fixture.tree, entry, &old) != ZC_OK) {
            support_mistake(worker, "no memory at %u", i);
            return;
        }
        atomic_fetch_add(&race->linked, 1);
        if (old != NULL) {
            atomic_fetch_add(&race->unlinked, 1);
            zc_entry_put(&race->fixture.entries, old);
        }
        if (zc_tree_unlink(&race->fixture.tree, entry)) {
            atomic_fetch_add(&race->unlinked, 1);
            zc_entry_put(&race->fixture.entries, entry);
        }
        zc_entry_put(&race->fixture.entries, entry);
    }
}

TEST(every_linked_entry_is_unlinked_by_exactly_one)
{
    static struct race race;
    struct support_crew crew;
    unsigned round;
    unsigned i;

    for (round = 0; round < 5; round++) {
        begin(&race.fixture);
        atomic_init(&race.linked, 0);
        atomic_init(&race.unlinked, 0);
        support_crew_init(&crew);
        for (i = 0; i < RACERS; i++)
            support_crew_add(&crew, link_and_erase, &race);

        support_crew_run(&crew, 0);

        assert_int_equal(atomic_load(&race.linked), RACERS * PLACES);
        assert_int_equal(atomic_load(&race.unlinked), RACERS * PLACES);
        end(&race.fixture);
    }
}

/* Each in a block of its own of a directory that both make at once: what one of
 * them published must be seen whole by the other, which gives its own up. */
static void link_far_apart(struct support_worker *worker)
{
    struct race *race = worker->context;
    struct zc_entry *entry;
    struct zc_entry *old;
    zc_status status;
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        zc_swp slot = zc_swp_make(type, worker->index * BLOCK_SLOTS);

        status =
            zc_entry_create_filled(&race->fixture.entries, slot, 0, 0, &entry);
        support_meet(worker, &race->meeting);
        if (status == ZC_OK)
            status = zc_tree_exchange(&race->fixture.tree, entry, &old);
        if (status != ZC_OK) {
            support_mistake(worker, "no memory for type %u", type);
            continue; /* the other waits for us */
        }
        if (old != NULL || zc_tree_erase(&race->fixture.tree, slot) != entry)
            support_mistake(worker, "another entry of type %u", type);
        zc_entry_put(&race->fixture.entries, entry);
        zc_entry_put(&race->fixture.entries, entry);
    }
}

TEST(of_two_that_make_a_directory_both_use_one)
{
    static struct race race;
    struct support_crew crew;
    uint64_t bytes = 0;
    unsigned round;
    unsigned i;

    for (round = 0; round < 2; round++) {
        begin(&race.fixture);
        support_crew_init(&crew);
        for (i = 0; i < 2; i++)
            support_crew_add(&crew, link_far_apart, &race);
        support_crew_run(&crew, 0);
        if (round > 0)
            assert_int_equal(zc_tree_bytes(&race.fixture.tree), bytes);
        bytes = zc_tree_bytes(&race.fixture.tree);
        end(&race.fixture);
    }
}

TEST(a_type_is_known_by_its_entries)
{
    struct zc_entry *old = NULL;
    struct fixture fixture;
    size_t i;

    begin(&fixture);
    assert_false(zc_tree_has_type(&fixture.tree, 3));
    for (i = 0; i < EDGES; i++) {
        (void)link_new(&fixture, 3, edges[i], &old);
        assert_true(zc_tree_has_type(&fixture.tree, 3));
        assert_false(zc_tree_has_type(&fixture.tree, 2));
        zc_entry_put(&fixture.entries,
                     zc_tree_erase(&fixture.tree, zc_swp_make(3, edges[i])));
        assert_false(zc_tree_has_type(&fixture.tree, 3));
    }
    end(&fixture);
}
