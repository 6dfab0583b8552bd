/* SPDX-License-Identifier: MIT */
/*
 * test_lru.c - entries by age: lists, second chances, owners.
 *
 * Pages 0, 1, 2 ... are stored in this order, so that 0 is the coldest.
 */
#include "support_threads.h"
#include "support_zcache.h"

#include <limits.h>

#include "base/inject.h"
#include "platform/memory.h"
#include "platform/processor.h"

#define MANY 200

static struct zc_zcache *begin(unsigned count)
{
    struct zc_zcache *zcache = support_zcache_create(
        (struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY});
    unsigned i;

    for (i = 0; i < count; i++)
        support_zcache_store(zcache, i, 0, SUPPORT_TEXT, i);
    return zcache;
}

/* The next candidate of owner 0, passing over others; -1: none in two rounds.
 */
static int next_candidate(struct zc_zcache *zcache, unsigned min_age)
{
    const uint32_t visits = 2 * zc_lru_count(&zcache->lru, 0);
    struct zc_lru_candidate candidate;
    zc_status status;
    uint32_t i;

    for (i = 0; i < visits; i++) {
        status = zc_lru_scan(&zcache->lru, 0, min_age, &candidate);
        if (status == ZC_OK)
            return (int)zc_swp_offset(candidate.slot);
        assert_status(status, ZC_AGAIN);
    }
    return -1;
}

/* One visit: the page that is the candidate, or -1 for a second chance. */
static int visit(struct zc_zcache *zcache, unsigned min_age)
{
    struct zc_lru_candidate candidate;
    zc_status status = zc_lru_scan(&zcache->lru, 0, min_age, &candidate);

    if (status == ZC_AGAIN)
        return -1;
    assert_status(status, ZC_OK);
    return (int)zc_swp_offset(candidate.slot);
}

static void spend_chances(struct zc_zcache *zcache)
{
    uint32_t i;

    for (i = zc_lru_count(&zcache->lru, 0); i > 0; i--)
        assert_int_equal(visit(zcache, 0), -1);
}

static void load(struct zc_zcache *zcache, uint64_t offset)
{
    char page[4096];

    assert_status(zc_zcache_load(zcache, support_slot(offset), page), ZC_OK);
}

/* The list is these pages from cold to hot, and holds together. */
static void expect_order(struct zc_zcache *zcache, unsigned owner,
                         const uint64_t *wanted, unsigned count)
{
    const struct zc_owner *record = zc_lru_find_owner(&zcache->lru, owner);
    uint32_t colder = ZC_LRU_END;
    uint32_t name = record->coldest;
    const struct zc_lru_link *link;
    unsigned i;

    assert_int_equal(zc_lru_count(&zcache->lru, owner), count);
    for (i = 0; i < count; i++) {
        assert_int_not_equal(name, ZC_LRU_END);
        assert_int_equal(zc_swp_offset(zc_entry_slot(
                             zc_entry_at(&zcache->entries, name - 1))),
                         wanted[i]);
        link = zc_records_at(&zcache->entries.links, name - 1);
        assert_int_equal(link->colder, colder);
        colder = name;
        name = link->hotter;
    }
    assert_int_equal(name, ZC_LRU_END);
    assert_int_equal(record->hottest, colder);
}

/* ---- lists ---- */

static void the_one_stored_first_is_the_coldest(void **state)
{
    static const uint64_t order[] = {0, 1, 2};
    struct zc_zcache *zcache = begin(3);
    struct zc_lru_candidate candidate;
    int i;

    (void)state;
    expect_order(zcache, 0, order, 3);
    spend_chances(zcache);
    expect_order(zcache, 0, order, 3);
    for (i = 0; i < 3; i++)
        assert_int_equal(visit(zcache, 0), i);

    assert_status(zc_lru_scan(&zcache->lru, 0, 0, &candidate), ZC_OK);
    assert_int_equal(candidate.slot.value, support_slot(0).value);
    assert_ptr_equal(zc_entry_at(&zcache->entries, candidate.token),
                     support_zcache_peek(zcache, 0));
    support_zcache_destroy(zcache);
}

/* CANDIDATE_ROTATED */
static void a_candidate_stays_on_the_list_at_its_hot_end(void **state)
{
    static const uint64_t order[] = {1, 2, 0};
    struct zc_zcache *zcache = begin(3);
    struct zc_lru_candidate candidate;

    (void)state;
    spend_chances(zcache);

    assert_status(zc_lru_scan(&zcache->lru, 0, 0, &candidate), ZC_OK);

    expect_order(zcache, 0, order, 3);
    zc_lru_put_back(&zcache->lru, &candidate);
    expect_order(zcache, 0, order, 3);
    support_zcache_destroy(zcache);
}

static void an_entry_that_goes_leaves_the_list_whole(void **state)
{
    static const struct {
        unsigned gone;
        uint64_t left[2];
    } rows[] = {{0, {1, 2}}, {1, {0, 2}}, {2, {0, 1}}};
    struct zc_lru_candidate candidate;
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        struct zc_zcache *zcache = begin(3);

        assert_status(zc_zcache_invalidate(zcache, support_slot(rows[i].gone)),
                      ZC_OK);
        expect_order(zcache, 0, rows[i].left, 2);
        zc_zcache_invalidate_range(zcache, 0, 0, 3);
        expect_order(zcache, 0, NULL, 0);
        assert_status(zc_lru_scan(&zcache->lru, 0, 0, &candidate), ZC_MISSING);
        support_zcache_destroy(zcache);
    }
}

static void removing_twice_or_what_is_on_no_list_does_nothing(void **state)
{
    static const uint64_t order[] = {0, 2};
    struct zc_zcache *zcache = begin(3);
    struct zc_entry *entry = support_zcache_peek(zcache, 1);

    (void)state;
    zc_lru_remove(&zcache->lru, entry);
    expect_order(zcache, 0, order, 2);
    zc_lru_remove(&zcache->lru, entry);
    expect_order(zcache, 0, order, 2);
    assert_status(zc_zcache_invalidate(zcache, support_slot(1)), ZC_OK);
    expect_order(zcache, 0, order, 2);
    support_zcache_destroy(zcache);
}

/* Removing is the first act of freeing, and not of unlinking. */
static void an_entry_somebody_uses_is_on_the_list_until_freed(void **state)
{
    struct zc_zcache *zcache = begin(2);
    struct zc_entry *entry = zc_tree_get(&zcache->tree, support_slot(1));

    (void)state;
    assert_status(zc_zcache_invalidate(zcache, support_slot(1)), ZC_OK);
    assert_int_equal(zc_lru_count(&zcache->lru, 0), 2);

    zc_entry_put(&zcache->entries, entry);

    assert_int_equal(zc_lru_count(&zcache->lru, 0), 1);
    support_zcache_destroy(zcache);
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

static void model_step(struct zc_zcache *zcache, struct model *model,
                       struct support_random *random, unsigned step)
{
    unsigned place = (unsigned)support_random_below(random, MANY);
    uint64_t coldest;

    if (place < model->count && step % 3 == 0) {
        assert_status(
            zc_zcache_invalidate(zcache, support_slot(model->order[place])),
            ZC_OK);
        model_drop(model, place);
    } else if (model->count > 0 && step % 3 == 1) {
        coldest = model->order[0];
        (void)visit(zcache, 0);
        model_drop(model, 0);
        model->order[model->count++] = coldest;
    } else if (model->count < MANY) {
        support_zcache_store(zcache, step, 0, SUPPORT_TEXT, step);
        model->order[model->count++] = step;
    }
}

static void any_steps_keep_the_order_of_age(void **state)
{
    static struct model model;
    struct support_random random = {77};
    struct zc_zcache *zcache = begin(0);
    unsigned step;

    (void)state;
    for (step = 0; step < 3000; step++) {
        model_step(zcache, &model, &random, step);
        expect_order(zcache, 0, model.order, model.count);
    }
    support_zcache_destroy(zcache);
}

/* ---- chances ---- */

static void a_store_is_a_chance_and_one_only(void **state)
{
    struct zc_zcache *zcache = begin(1);

    (void)state;
    assert_int_equal(visit(zcache, 0), -1);
    assert_int_equal(visit(zcache, 0), 0);
    assert_int_equal(visit(zcache, 0), 0);
    support_zcache_destroy(zcache);
}

static void a_load_is_a_chance_too(void **state)
{
    struct zc_zcache *zcache = begin(3);

    (void)state;
    spend_chances(zcache);
    load(zcache, 0);
    load(zcache, 0);

    assert_int_equal(visit(zcache, 0), -1);
    assert_int_equal(visit(zcache, 0), 1);
    assert_int_equal(visit(zcache, 0), 2);
    assert_int_equal(visit(zcache, 0), 0);
    support_zcache_destroy(zcache);
}

static void the_young_are_passed_over(void **state)
{
    struct zc_zcache *zcache = begin(3);

    (void)state;
    spend_chances(zcache);
    assert_int_equal(next_candidate(zcache, 100), -1);

    zc_clock_advance(50);
    load(zcache, 1);
    assert_int_equal(next_candidate(zcache, 100), -1);
    zc_clock_advance(60);

    assert_int_equal(next_candidate(zcache, 100), 0);
    assert_int_equal(next_candidate(zcache, 100), 2);
    assert_int_equal(next_candidate(zcache, 100), 0);
    zc_clock_advance(50);
    assert_int_equal(next_candidate(zcache, 100), 1);
    support_zcache_destroy(zcache);
}

static void a_chance_does_not_make_younger(void **state)
{
    struct zc_zcache *zcache = begin(1);

    (void)state;
    zc_clock_advance(100);

    assert_int_equal(visit(zcache, 100), -1);
    assert_int_equal(visit(zcache, 100), 0);
    support_zcache_destroy(zcache);
}

/* Whatever the clock says: the stamp has 15 bits, and so has the difference. */
static void ages_reach_to_eight_hours_at_any_time(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 10; i++) {
        struct zc_zcache *zcache = begin(1);

        spend_chances(zcache);
        zc_clock_advance(ZC_AGE_SECONDS_MAX - 100);
        assert_int_equal(visit(zcache, ZC_AGE_SECONDS_MAX), -1);
        assert_int_equal(visit(zcache, ZC_AGE_SECONDS_MAX - 100), 0);
        zc_clock_advance(100);
        assert_int_equal(visit(zcache, ZC_AGE_SECONDS_MAX), 0);
        support_zcache_destroy(zcache);
    }
}

/* ---- owners ---- */

static void each_owner_has_a_list_of_its_own(void **state)
{
    static const uint64_t of_3[] = {0, 2};
    static const uint64_t of_last[] = {1};
    struct zc_zcache *zcache = begin(0);
    struct zc_lru_candidate candidate;

    (void)state;
    support_zcache_store(zcache, 0, 3, SUPPORT_TEXT, 0);
    support_zcache_store(zcache, 1, ZC_OWNER_COUNT - 1, SUPPORT_TEXT, 1);
    support_zcache_store(zcache, 2, 3, SUPPORT_TEXT, 2);

    expect_order(zcache, 3, of_3, 2);
    expect_order(zcache, ZC_OWNER_COUNT - 1, of_last, 1);
    assert_int_equal(zc_entry_owner(support_zcache_peek(zcache, 1)),
                     ZC_OWNER_COUNT - 1);
    assert_int_equal(zc_lru_count(&zcache->lru, 0), 0);
    assert_int_equal(zc_lru_count(&zcache->lru, 4), 0);
    assert_null(zc_lru_find_owner(&zcache->lru, 4));
    assert_status(zc_lru_scan(&zcache->lru, 4, 0, &candidate), ZC_MISSING);
    assert_status(zc_lru_scan(&zcache->lru, 0, 0, &candidate), ZC_MISSING);
    assert_status(zc_lru_scan(&zcache->lru, 3, 0, &candidate), ZC_AGAIN);
    support_zcache_destroy(zcache);
}

/* The slot goes to another owner: so does the page. */
static void a_page_stored_by_another_changes_lists(void **state)
{
    struct zc_zcache *zcache = begin(1);

    (void)state;
    support_zcache_store(zcache, 0, 9, SUPPORT_TEXT, 1);

    assert_int_equal(zc_lru_count(&zcache->lru, 0), 0);
    assert_int_equal(zc_lru_count(&zcache->lru, 9), 1);
    support_zcache_destroy(zcache);
}

static void owners_take_turns(void **state)
{
    struct zc_zcache *zcache = begin(0);
    unsigned owner = UINT_MAX;

    (void)state;
    assert_false(zc_lru_next_owner(&zcache->lru, &owner));
    assert_int_equal(owner, UINT_MAX);
    support_zcache_store(zcache, 0, 5, SUPPORT_TEXT, 0);
    support_zcache_store(zcache, 1, ZC_OWNER_COUNT - 1, SUPPORT_TEXT, 1);
    support_zcache_store(zcache, 2, 0, SUPPORT_TEXT, 2);
    support_zcache_store(zcache, 3, 7, SUPPORT_SAME, 3); /* on no list */

    assert_true(zc_lru_next_owner(&zcache->lru, &owner));
    assert_int_equal(owner, 0);
    assert_true(zc_lru_next_owner(&zcache->lru, &owner));
    assert_int_equal(owner, 5);
    assert_true(zc_lru_next_owner(&zcache->lru, &owner));
    assert_int_equal(owner, ZC_OWNER_COUNT - 1);
    assert_true(zc_lru_next_owner(&zcache->lru, &owner));
    assert_int_equal(owner, 0);

    assert_status(zc_zcache_invalidate(zcache, support_slot(1)), ZC_OK);
    assert_status(zc_zcache_invalidate(zcache, support_slot(2)), ZC_OK);
    owner = 5;
    assert_true(zc_lru_next_owner(&zcache->lru, &owner));
    assert_int_equal(owner, 5);
    support_zcache_destroy(zcache);
}

static void an_owner_without_memory_can_be_asked_for_again(void **state)
{
    struct zc_zcache *zcache = begin(0);
    size_t bytes = zc_lru_bytes(&zcache->lru);
    struct zc_owner *owner;

    (void)state;
    assert_int_equal(bytes, zc_malloc_size(zc_lru_find_owner(&zcache->lru, 0)));
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_null(zc_lru_owner(&zcache->lru, 1));
    zc_inject_disarm();
    assert_null(zc_lru_find_owner(&zcache->lru, 1));
    assert_int_equal(zc_lru_bytes(&zcache->lru), bytes);

    owner = zc_lru_owner(&zcache->lru, 1);
    assert_non_null(owner);
    assert_ptr_equal(zc_lru_owner(&zcache->lru, 1), owner);
    assert_int_equal(zc_atomic_u64_load_relaxed(&owner->limit_bytes),
                     UINT64_MAX);
    assert_int_equal(zc_lru_bytes(&zcache->lru), bytes + zc_malloc_size(owner));
    support_zcache_destroy(zcache);
}

/* Somebody else was quicker: his is the record. */
static void who_makes_an_owner_that_there_is_gets_that(void **state)
{
    struct zc_zcache *zcache = begin(1);
    struct zc_owner *owner = zc_lru_find_owner(&zcache->lru, 0);

    (void)state;
    assert_ptr_equal(zc_lru_make_owner(&zcache->lru, 0), owner);
    assert_ptr_equal(zc_lru_find_owner(&zcache->lru, 0), owner);
    assert_int_equal(zc_lru_count(&zcache->lru, 0), 1);
    support_zcache_destroy(zcache);
}

static void make_owners(struct support_worker *worker)
{
    struct zc_zcache *zcache = worker->context;
    unsigned i;

    for (i = 1; i < ZC_OWNER_COUNT; i++)
        if (zc_lru_owner(&zcache->lru, i) != zc_lru_find_owner(&zcache->lru, i))
            support_mistake(worker, "owner %u has two records", i);
}

static void of_two_who_make_an_owner_both_get_the_same(void **state)
{
    struct zc_zcache *zcache = begin(0);
    struct support_crew crew;
    unsigned i;

    (void)state;
    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, make_owners, zcache);
    support_crew_run(&crew, 0);
    support_zcache_destroy(zcache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_stored_first_is_the_coldest),
        cmocka_unit_test(a_candidate_stays_on_the_list_at_its_hot_end),
        cmocka_unit_test(an_entry_that_goes_leaves_the_list_whole),
        cmocka_unit_test(removing_twice_or_what_is_on_no_list_does_nothing),
        cmocka_unit_test(an_entry_somebody_uses_is_on_the_list_until_freed),
        cmocka_unit_test(any_steps_keep_the_order_of_age),
        cmocka_unit_test(a_store_is_a_chance_and_one_only),
        cmocka_unit_test(a_load_is_a_chance_too),
        cmocka_unit_test(the_young_are_passed_over),
        cmocka_unit_test(a_chance_does_not_make_younger),
        cmocka_unit_test(ages_reach_to_eight_hours_at_any_time),
        cmocka_unit_test(each_owner_has_a_list_of_its_own),
        cmocka_unit_test(a_page_stored_by_another_changes_lists),
        cmocka_unit_test(owners_take_turns),
        cmocka_unit_test(an_owner_without_memory_can_be_asked_for_again),
        cmocka_unit_test(who_makes_an_owner_that_there_is_gets_that),
        cmocka_unit_test(of_two_who_make_an_owner_both_get_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
