/* SPDX-License-Identifier: MIT */
/*
 * test_lru.c - entries by age: lists, second chances, owners.
 *
 * Pages 0, 1, 2 ... are stored in this order, so that 0 is the coldest.
 */
#include "support_test.h"
#include "support_threads.h"
#include "support_zswap.h"

#include <limits.h>

#include "base/inject.h"
#include "platform/memory.h"
#include "platform/processor.h"

#define MANY 200

static struct zc_zswap *begin(unsigned count)
{
    struct zc_zswap *zswap = support_zswap_create(
        (struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY});
    unsigned i;

    for (i = 0; i < count; i++)
        support_zswap_store(zswap, i, 0, SUPPORT_TEXT, i);
    return zswap;
}

/* The next candidate of owner 0, passing over others; -1: none in two rounds.
 */
static int next_candidate(struct zc_zswap *zswap, unsigned min_age)
{
    const uint32_t visits = 2 * zc_lru_count(&zswap->lru, 0);
    struct zc_lru_candidate candidate;
    zc_status status;
    uint32_t i;

    for (i = 0; i < visits; i++) {
        status = zc_lru_scan(&zswap->lru, 0, min_age, &candidate);
        if (status == ZC_OK)
            return (int)zc_swp_offset(candidate.slot);
        assert_status(status, ZC_AGAIN);
    }
    return -1;
}

/* One visit: the page that is the candidate, or -1 for a second chance. */
static int visit(struct zc_zswap *zswap, unsigned min_age)
{
    struct zc_lru_candidate candidate;
    zc_status status = zc_lru_scan(&zswap->lru, 0, min_age, &candidate);

    if (status == ZC_AGAIN)
        return -1;
    assert_status(status, ZC_OK);
    return (int)zc_swp_offset(candidate.slot);
}

static void spend_chances(struct zc_zswap *zswap)
{
    uint32_t i;

    for (i = zc_lru_count(&zswap->lru, 0); i > 0; i--)
        assert_int_equal(visit(zswap, 0), -1);
}

static void load(struct zc_zswap *zswap, uint64_t offset)
{
    char page[4096];

    assert_status(zc_zswap_load(zswap, support_slot(offset), page), ZC_OK);
}

/* The list is these pages from cold to hot, and holds together. */
static void expect_order(struct zc_zswap *zswap, unsigned owner,
                         const uint64_t *wanted, unsigned count)
{
    const struct zc_owner *record = zc_lru_find_owner(&zswap->lru, owner);
    uint32_t colder = ZC_LRU_END;
    uint32_t name = record->coldest;
    const struct zc_lru_link *link;
    unsigned i;

    assert_int_equal(zc_lru_count(&zswap->lru, owner), count);
    for (i = 0; i < count; i++) {
        assert_int_not_equal(name, ZC_LRU_END);
        assert_int_equal(zc_swp_offset(zc_entry_slot(
                             zc_entry_at(&zswap->entries, name - 1))),
                         wanted[i]);
        link = zc_records_at(&zswap->entries.links, name - 1);
        assert_int_equal(link->colder, colder);
        colder = name;
        name = link->hotter;
    }
    assert_int_equal(name, ZC_LRU_END);
    assert_int_equal(record->hottest, colder);
}

/* ---- lists ---- */

TEST(the_one_stored_first_is_the_coldest)
{
    static const uint64_t order[] = {0, 1, 2};
    struct zc_zswap *zswap = begin(3);
    struct zc_lru_candidate candidate;
    int i;

    expect_order(zswap, 0, order, 3);
    spend_chances(zswap);
    expect_order(zswap, 0, order, 3);
    for (i = 0; i < 3; i++)
        assert_int_equal(visit(zswap, 0), i);

    assert_status(zc_lru_scan(&zswap->lru, 0, 0, &candidate), ZC_OK);
    assert_int_equal(candidate.slot.value, support_slot(0).value);
    assert_ptr_equal(zc_entry_at(&zswap->entries, candidate.token),
                     support_zswap_peek(zswap, 0));
    support_zswap_destroy(zswap);
}

/* CANDIDATE_ROTATED */
TEST(a_candidate_stays_on_the_list_at_its_hot_end)
{
    static const uint64_t order[] = {1, 2, 0};
    struct zc_zswap *zswap = begin(3);
    struct zc_lru_candidate candidate;

    spend_chances(zswap);

    assert_status(zc_lru_scan(&zswap->lru, 0, 0, &candidate), ZC_OK);

    expect_order(zswap, 0, order, 3);
    support_zswap_destroy(zswap);
}

TEST(an_entry_that_goes_leaves_the_list_whole)
{
    static const struct {
        unsigned gone;
        uint64_t left[2];
    } rows[] = {{0, {1, 2}}, {1, {0, 2}}, {2, {0, 1}}};
    struct zc_lru_candidate candidate;
    size_t i;

    for (i = 0; i < 3; i++) {
        struct zc_zswap *zswap = begin(3);

        assert_status(zc_zswap_invalidate(zswap, support_slot(rows[i].gone)),
                      ZC_OK);
        expect_order(zswap, 0, rows[i].left, 2);
        zc_zswap_invalidate_range(zswap, 0, 0, 3);
        expect_order(zswap, 0, NULL, 0);
        assert_status(zc_lru_scan(&zswap->lru, 0, 0, &candidate), ZC_MISSING);
        support_zswap_destroy(zswap);
    }
}

TEST(removing_twice_or_what_is_on_no_list_does_nothing)
{
    static const uint64_t order[] = {0, 2};
    struct zc_zswap *zswap = begin(3);
    struct zc_entry *entry = support_zswap_peek(zswap, 1);

    zc_lru_remove(&zswap->lru, entry);
    expect_order(zswap, 0, order, 2);
    zc_lru_remove(&zswap->lru, entry);
    expect_order(zswap, 0, order, 2);
    assert_status(zc_zswap_invalidate(zswap, support_slot(1)), ZC_OK);
    expect_order(zswap, 0, order, 2);
    support_zswap_destroy(zswap);
}

/* Removing is the first act of freeing, and not of unlinking. */
TEST(an_entry_somebody_uses_is_on_the_list_until_freed)
{
    struct zc_zswap *zswap = begin(2);
    struct zc_entry *entry = zc_tree_get(&zswap->tree, support_slot(1));

    assert_status(zc_zswap_invalidate(zswap, support_slot(1)), ZC_OK);
    assert_int_equal(zc_lru_count(&zswap->lru, 0), 2);

    zc_entry_put(&zswap->entries, entry);

    assert_int_equal(zc_lru_count(&zswap->lru, 0), 1);
    support_zswap_destroy(zswap);
}

/* Random steps against an array in order of age. */
struct model {
    uint64_t order[MANY];
    unsigned count;
};

static void model_drop(struct model *model, unsigned place)
{
    memmove(&model->order[place], &model->order[place + 1],
            (model->count - place - 1) * sizeof(model->order[0]));
    model->count--;
}

static void model_step(struct zc_zswap *zswap, struct model *model,
                       struct support_random *random, unsigned step)
{
    unsigned place = (unsigned)support_random_below(random, MANY);
    uint64_t coldest;

    if (place < model->count && step % 3 == 0) {
        assert_status(
            zc_zswap_invalidate(zswap, support_slot(model->order[place])),
            ZC_OK);
        model_drop(model, place);
    } else if (model->count > 0 && step % 3 == 1) {
        coldest = model->order[0];
        (void)visit(zswap, 0);
        model_drop(model, 0);
        model->order[model->count++] = coldest;
    } else if (model->count < MANY) {
        support_zswap_store(zswap, step, 0, SUPPORT_TEXT, step);
        model->order[model->count++] = step;
    }
}

TEST(any_steps_keep_the_order_of_age)
{
    static struct model model;
    struct support_random random = {77};
    struct zc_zswap *zswap = begin(0);
    unsigned step;

    for (step = 0; step < 3000; step++) {
        model_step(zswap, &model, &random, step);
        expect_order(zswap, 0, model.order, model.count);
    }
    support_zswap_destroy(zswap);
}

/* ---- chances ---- */

TEST(a_store_is_a_chance_and_one_only)
{
    struct zc_zswap *zswap = begin(1);

    assert_int_equal(visit(zswap, 0), -1);
    assert_int_equal(visit(zswap, 0), 0);
    assert_int_equal(visit(zswap, 0), 0);
    support_zswap_destroy(zswap);
}

TEST(a_load_is_a_chance_too)
{
    struct zc_zswap *zswap = begin(3);

    spend_chances(zswap);
    load(zswap, 0);
    load(zswap, 0);

    assert_int_equal(visit(zswap, 0), -1);
    assert_int_equal(visit(zswap, 0), 1);
    assert_int_equal(visit(zswap, 0), 2);
    assert_int_equal(visit(zswap, 0), 0);
    support_zswap_destroy(zswap);
}

TEST(the_young_are_passed_over)
{
    struct zc_zswap *zswap = begin(3);

    spend_chances(zswap);
    assert_int_equal(next_candidate(zswap, 100), -1);

    zc_clock_advance(50);
    load(zswap, 1);
    assert_int_equal(next_candidate(zswap, 100), -1);
    zc_clock_advance(60);

    assert_int_equal(next_candidate(zswap, 100), 0);
    assert_int_equal(next_candidate(zswap, 100), 2);
    assert_int_equal(next_candidate(zswap, 100), 0);
    zc_clock_advance(50);
    assert_int_equal(next_candidate(zswap, 100), 1);
    support_zswap_destroy(zswap);
}

TEST(a_chance_does_not_make_younger)
{
    struct zc_zswap *zswap = begin(1);

    zc_clock_advance(100);

    assert_int_equal(visit(zswap, 100), -1);
    assert_int_equal(visit(zswap, 100), 0);
    support_zswap_destroy(zswap);
}

/* Whatever the clock says: the stamp has 15 bits, and so has the difference. */
TEST(ages_reach_to_eight_hours_at_any_time)
{
    unsigned i;

    for (i = 0; i < 10; i++) {
        struct zc_zswap *zswap = begin(1);

        spend_chances(zswap);
        zc_clock_advance(ZC_AGE_SECONDS_MAX - 100);
        assert_int_equal(visit(zswap, ZC_AGE_SECONDS_MAX), -1);
        assert_int_equal(visit(zswap, ZC_AGE_SECONDS_MAX - 100), 0);
        zc_clock_advance(100);
        assert_int_equal(visit(zswap, ZC_AGE_SECONDS_MAX), 0);
        support_zswap_destroy(zswap);
    }
}

/* ---- owners ---- */

TEST(each_owner_has_a_list_of_its_own)
{
    static const uint64_t of_3[] = {0, 2};
    static const uint64_t of_last[] = {1};
    struct zc_zswap *zswap = begin(0);
    struct zc_lru_candidate candidate;

    support_zswap_store(zswap, 0, 3, SUPPORT_TEXT, 0);
    support_zswap_store(zswap, 1, ZC_OWNER_COUNT - 1, SUPPORT_TEXT, 1);
    support_zswap_store(zswap, 2, 3, SUPPORT_TEXT, 2);

    expect_order(zswap, 3, of_3, 2);
    expect_order(zswap, ZC_OWNER_COUNT - 1, of_last, 1);
    assert_int_equal(zc_entry_owner(support_zswap_peek(zswap, 1)),
                     ZC_OWNER_COUNT - 1);
    assert_int_equal(zc_lru_count(&zswap->lru, 0), 0);
    assert_int_equal(zc_lru_count(&zswap->lru, 4), 0);
    assert_null(zc_lru_find_owner(&zswap->lru, 4));
    assert_status(zc_lru_scan(&zswap->lru, 4, 0, &candidate), ZC_MISSING);
    assert_status(zc_lru_scan(&zswap->lru, 0, 0, &candidate), ZC_MISSING);
    assert_status(zc_lru_scan(&zswap->lru, 3, 0, &candidate), ZC_AGAIN);
    support_zswap_destroy(zswap);
}

/* The slot goes to another owner: so does the page. */
TEST(a_page_stored_by_another_changes_lists)
{
    struct zc_zswap *zswap = begin(1);

    support_zswap_store(zswap, 0, 9, SUPPORT_TEXT, 1);

    assert_int_equal(zc_lru_count(&zswap->lru, 0), 0);
    assert_int_equal(zc_lru_count(&zswap->lru, 9), 1);
    support_zswap_destroy(zswap);
}

TEST(owners_take_turns)
{
    struct zc_zswap *zswap = begin(0);
    unsigned owner = UINT_MAX;

    assert_false(zc_lru_next_owner(&zswap->lru, &owner));
    assert_int_equal(owner, UINT_MAX);
    support_zswap_store(zswap, 0, 5, SUPPORT_TEXT, 0);
    support_zswap_store(zswap, 1, ZC_OWNER_COUNT - 1, SUPPORT_TEXT, 1);
    support_zswap_store(zswap, 2, 0, SUPPORT_TEXT, 2);
    support_zswap_store(zswap, 3, 7, SUPPORT_SAME, 3); /* on no list */

    assert_true(zc_lru_next_owner(&zswap->lru, &owner));
    assert_int_equal(owner, 0);
    assert_true(zc_lru_next_owner(&zswap->lru, &owner));
    assert_int_equal(owner, 5);
    assert_true(zc_lru_next_owner(&zswap->lru, &owner));
    assert_int_equal(owner, ZC_OWNER_COUNT - 1);
    assert_true(zc_lru_next_owner(&zswap->lru, &owner));
    assert_int_equal(owner, 0);

    assert_status(zc_zswap_invalidate(zswap, support_slot(1)), ZC_OK);
    assert_status(zc_zswap_invalidate(zswap, support_slot(2)), ZC_OK);
    owner = 5;
    assert_true(zc_lru_next_owner(&zswap->lru, &owner));
    assert_int_equal(owner, 5);
    support_zswap_destroy(zswap);
}

TEST(an_owner_without_memory_can_be_asked_for_again)
{
    struct zc_zswap *zswap = begin(0);
    size_t bytes = zc_lru_bytes(&zswap->lru);
    struct zc_owner *owner;

    assert_int_equal(bytes, zc_malloc_size(zc_lru_find_owner(&zswap->lru, 0)));
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_null(zc_lru_owner(&zswap->lru, 1));
    zc_inject_disarm();
    assert_null(zc_lru_find_owner(&zswap->lru, 1));
    assert_int_equal(zc_lru_bytes(&zswap->lru), bytes);

    owner = zc_lru_owner(&zswap->lru, 1);
    assert_non_null(owner);
    assert_ptr_equal(zc_lru_owner(&zswap->lru, 1), owner);
    assert_int_equal(zc_atomic_u64_load_relaxed(&owner->limit_bytes),
                     UINT64_MAX);
    assert_int_equal(zc_lru_bytes(&zswap->lru), bytes + zc_malloc_size(owner));
    support_zswap_destroy(zswap);
}

/* Another thread set a record first: the caller gets that one. */
TEST(who_makes_an_owner_that_there_is_gets_that)
{
    struct zc_zswap *zswap = begin(1);
    struct zc_owner *owner = zc_lru_find_owner(&zswap->lru, 0);

    assert_ptr_equal(zc_lru_make_owner(&zswap->lru, 0), owner);
    assert_ptr_equal(zc_lru_find_owner(&zswap->lru, 0), owner);
    assert_int_equal(zc_lru_count(&zswap->lru, 0), 1);
    support_zswap_destroy(zswap);
}

static void make_owners(struct support_worker *worker)
{
    struct zc_zswap *zswap = worker->context;
    unsigned i;

    for (i = 1; i < ZC_OWNER_COUNT; i++)
        if (zc_lru_owner(&zswap->lru, i) != zc_lru_find_owner(&zswap->lru, i))
            support_mistake(worker, "owner %u has two records", i);
}

TEST(of_two_who_make_an_owner_both_get_the_same)
{
    struct zc_zswap *zswap = begin(0);
    struct support_crew crew;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, make_owners, zswap);
    support_crew_run(&crew, 0);
    support_zswap_destroy(zswap);
}
