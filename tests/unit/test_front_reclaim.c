/* SPDX-License-Identifier: MIT */
/*
 * test_front_reclaim.c - pages written back because the caller says so: how
 * many, which first, and whose.
 */
#include "support_front.h"
#include "support_threads.h"

#include "base/inject.h"
#include "platform/processor.h"

#define PAGES 200

static const unsigned modes[] = {ZC_LRU_ENTRY, ZC_LRU_ZSPAGE};

static void renew_mode(unsigned lru_mode)
{
    renew_device(ZC_CACHE_OPTIONS(.lru_mode = lru_mode,
                                  .placement = ZC_PLACEMENT_KERNEL),
                 NULL);
}

static int begin_ages(void **state)
{
    (void)begin_cache(state);
    renew_mode(ZC_LRU_ENTRY);
    return 0;
}

#define TEST_OF_AGES(name) TEST_WITH(name, begin_ages, end_cache)

static uint64_t pool_pages(void)
{
    return cache_stat(pool_total_size) / 4096;
}

/* Writes back with these options; returns how many pages. */
static size_t write_back(struct zc_writeback_options options)
{
    size_t bytes = 12345;

    options.struct_size = sizeof(options);
    assert_status(zc_cache_writeback(cache, &options, &bytes), ZC_OK);
    assert_int_equal(bytes % 4096, 0);
    return bytes / 4096;
}

#define WRITE_BACK(...) write_back((struct zc_writeback_options){__VA_ARGS__})

/* ---- shrink ---- */

TEST_OF_AGES(a_shrink_gives_pages_back)
{
    uint64_t before;
    uint64_t given;
    unsigned i;

    for (i = 0; i < 2; i++) {
        renew_mode(modes[i]);
        store_pages(0, PAGES);
        before = pool_pages();
        assert_status(zc_cache_shrink(cache, 20, &given), ZC_OK);
        assert_true(given >= 20);
        assert_true(pool_pages() <= before - 20);
        assert_true(pool_pages() > 0);
        expect_pages(0, PAGES);
        assert_status(zc_cache_shrink(cache, 1, NULL), ZC_OK);
        expect_pages(0, PAGES);
    }
}

TEST_OF_AGES(a_goal_beyond_what_there_is_says_again)
{
    uint64_t given = 12345;

    assert_status(zc_cache_shrink(cache, 0, &given), ZC_OK);
    assert_int_equal(given, 0);
    assert_status(zc_cache_shrink(cache, 1, &given), ZC_AGAIN);
    assert_int_equal(given, 0);
    store_pages(0, PAGES);
    assert_status(zc_cache_shrink(cache, UINT64_MAX, &given), ZC_AGAIN);
    assert_true(given > 0);
    expect_pages(0, PAGES);
}

/* Were it ZC_AGAIN, a loop that waits for its end would not end. */
TEST_OF_CACHE(without_a_device_there_is_nowhere_to_write)
{
    uint64_t given = 12345;
    size_t bytes = 12345;
    unsigned type;
    unsigned i;

    for (i = 0; i < 2; i++) {
        renew(ZC_CACHE_OPTIONS(.lru_mode = modes[i]));
        store(1, SUPPORT_TEXT, 1);
        assert_status(zc_cache_shrink(cache, 1, &given), ZC_UNSUPPORTED);
        assert_status(zc_cache_writeback(cache, NULL, &bytes), ZC_UNSUPPORTED);
        assert_int_equal(given, 12345);
        assert_int_equal(bytes, 12345);
        expect(1, SUPPORT_TEXT, 1);
        forget(1);
        /* Where there was one before, too. */
        assert_status(zc_swap_on(cache, NULL, &type), ZC_OK);
        support_store(cache, zc_swp_make(type, 1), SUPPORT_TEXT, 1);
        (void)zc_cache_shrink(cache, 1, NULL);
        assert_int_equal(cache_stat(zswpwb), 1);
        assert_status(zc_cache_invalidate_type(cache, type), ZC_OK);
        assert_status(zc_swap_off(cache, type, NULL, NULL), ZC_OK);
        assert_status(zc_cache_shrink(cache, 1, &given), ZC_UNSUPPORTED);
    }
}

/* ---- which pages ---- */

TEST_OF_AGES(writeback_keeps_to_its_budget)
{
    store_pages(0, PAGES);
    assert_int_equal(WRITE_BACK(.budget_bytes = 5 * 4096), 5);
    assert_int_equal(count_on_device(0, PAGES), 5);
    assert_int_equal(WRITE_BACK(.budget_bytes = 0), PAGES - 5);
    assert_int_equal(count_on_device(0, PAGES), PAGES);
    assert_int_equal(cache_stat(zswpwb), PAGES);
    expect_pages(0, PAGES);
}

/* Pages of an owner in order of age, as the cache must keep them. */
#define OWNERS 3
#define MOST 40

static struct ages {
    uint64_t pages[MOST]; /* the coldest first */
    bool used[MOST];      /* since a scan passed it: it gets a second chance */
    unsigned count;
} ages[OWNERS];

static void drop_age(struct ages *own, unsigned i)
{
    own->count--;
    memmove(&own->pages[i], &own->pages[i + 1],
            (own->count - i) * sizeof(own->pages[0]));
    memmove(&own->used[i], &own->used[i + 1], own->count - i);
}

static void add_age(struct ages *own, uint64_t page, bool used)
{
    own->pages[own->count] = page;
    own->used[own->count++] = used;
}

/* One page of the owner goes, and it is the right one. */
static void write_one(unsigned owner)
{
    struct ages *own = &ages[owner];
    uint64_t page;
    unsigned i;

    while (own->used[0]) {
        page = own->pages[0];
        drop_age(own, 0);
        add_age(own, page, false);
    }
    page = own->pages[0];
    drop_age(own, 0);
    assert_int_equal(
        WRITE_BACK(.one_owner = 1, .owner = owner, .budget_bytes = 4096), 1);
    assert_true(support_device_has(&disk, page));
    for (owner = 0; owner < OWNERS; owner++)
        for (i = 0; i < ages[owner].count; i++)
            assert_false(support_device_has(&disk, ages[owner].pages[i]));
}

/* Random steps against an array for each owner. */
TEST_OF_AGES(the_coldest_goes_first_and_a_use_is_one_more_chance)
{
    struct support_random random = {support_seed(77)};
    uint64_t step;

    memset(ages, 0, sizeof(ages));
    for (step = 0; step < 3000; step++) {
        unsigned owner = (unsigned)support_random_below(&random, OWNERS);
        struct ages *own = &ages[owner];
        unsigned i = (unsigned)support_random_below(&random, MOST);

        if (i >= own->count && own->count < MOST) {
            store_for(owner, step, 1);
            add_age(own, step, true);
        } else if (step % 4 == 0) {
            write_one(owner);
        } else if (step % 4 == 1) {
            forget(own->pages[i]);
            drop_age(own, i);
        } else {
            expect(own->pages[i], SUPPORT_TEXT, own->pages[i]);
            own->used[i] = true;
        }
    }
}

TEST_OF_AGES(writeback_takes_what_is_old)
{
    store_pages(0, 10);
    assert_int_equal(WRITE_BACK(.min_age_seconds = 100), 0);
    zc_clock_advance(200);
    store_pages(10, 10);
    expect_pages(3, 1);
    assert_int_equal(WRITE_BACK(.min_age_seconds = 100), 9);
    assert_false(support_device_has(&disk, 3));
    assert_int_equal(count_on_device(10, 10), 0);
    expect_pages(0, 20);
}

/* The stamp of an entry has 15 bits, and so has the difference. */
TEST_OF_AGES(ages_reach_to_eight_hours_at_any_time)
{
    unsigned i;

    for (i = 0; i < 10; i++) {
        store_pages(i, 1);
        /* A few seconds of the real clock may pass. */
        zc_clock_advance(ZC_AGE_SECONDS_MAX - 100);
        assert_int_equal(WRITE_BACK(.min_age_seconds = ZC_AGE_SECONDS_MAX), 0);
        zc_clock_advance(100);
        assert_int_equal(WRITE_BACK(.min_age_seconds = ZC_AGE_SECONDS_MAX), 1);
    }
}

/* ---- owners ---- */

TEST_OF_AGES(writeback_takes_one_owners)
{
    store_for(3, 0, 10);
    store_for(ZC_OWNER_COUNT - 1, 10, 5);
    store_for(0, 15, 5);
    /* A page that another owner stores is that owner's. */
    store_for(0, 14, 1);
    assert_int_equal(WRITE_BACK(.one_owner = 1, .owner = ZC_OWNER_COUNT - 1),
                     4);
    assert_int_equal(count_on_device(10, 4), 4);
    assert_int_equal(count_on_device(0, 20), 4);
    assert_int_equal(WRITE_BACK(.one_owner = 1, .owner = 4), 0);
    expect_pages(0, 20);
}

TEST_OF_AGES(an_owner_may_keep_its_pages_in_memory)
{
    struct zc_owner_options options = {.struct_size = sizeof(options),
                                       .no_writeback = 1};

    assert_status(zc_cache_set_owner(cache, 3, &options), ZC_OK);
    store_for(3, 0, 10);
    store_for(4, 10, 10);
    assert_int_equal(WRITE_BACK(.budget_bytes = 0), 10);
    assert_int_equal(count_on_device(0, 10), 0);
    assert_int_equal(count_on_device(10, 10), 10);
    expect_pages(0, 20);
    options.no_writeback = 0;
    assert_status(zc_cache_set_owner(cache, 3, &options), ZC_OK);
    assert_int_equal(WRITE_BACK(.budget_bytes = 0), 10);
    expect_pages(0, 20);
}

TEST_OF_AGES(an_owner_over_its_limit_writes_back_its_own)
{
    const struct zc_owner_options options = {.struct_size = sizeof(options),
                                             .limit_bytes = 8 * 4096};

    store_pages(0, 50);
    assert_status(zc_cache_set_owner(cache, 3, &options), ZC_OK);
    store_for(3, 50, 100);
    assert_int_equal(count_on_device(0, 50), 0);
    assert_true(count_on_device(50, 100) > 40);
    assert_int_equal(cache_stat(reject_owner_limit), 0);
    expect_pages(0, 150);
    /* NULL: no limit again. */
    assert_status(zc_cache_set_owner(cache, 3, NULL), ZC_OK);
    store_for(3, 50, 100);
}

static void store_for_all(struct support_worker *worker)
{
    unsigned owner;

    for (owner = 1; owner < ZC_OWNER_COUNT; owner++)
        if (try_store_for(owner, owner * 2 + worker->index, SUPPORT_TEXT, 1) !=
            ZC_OK)
            support_mistake(worker, "no page of owner %u", owner);
}

/* A page on the list of a second record of its owner would be found never. */
TEST_OF_AGES(of_two_threads_that_make_an_owner_both_get_the_same)
{
    unsigned owner;

    support_crowd(2, store_for_all, NULL, 0);
    for (owner = 1; owner < ZC_OWNER_COUNT; owner++)
        assert_int_equal(WRITE_BACK(.one_owner = 1, .owner = owner), 2);
}

/* ---- bad input ---- */

TEST_OF_AGES(modes_that_keep_no_order_say_so)
{
    uint64_t pages = 12345;
    size_t bytes = 12345;

    renew_mode(ZC_LRU_NONE);
    assert_status(zc_cache_shrink(cache, 1, &pages), ZC_UNSUPPORTED);
    assert_status(zc_cache_writeback(cache, NULL, &bytes), ZC_UNSUPPORTED);
    renew_mode(ZC_LRU_ZSPAGE);
    assert_status(zc_cache_writeback(cache, NULL, &bytes), ZC_UNSUPPORTED);
    assert_int_equal(pages, 12345);
    assert_int_equal(bytes, 12345);
}

TEST_OF_AGES(bad_options_are_refused)
{
    static const struct zc_writeback_options bad[] = {
        {.min_age_seconds = ZC_AGE_SECONDS_MAX + 1},
        {.one_owner = 2},
        {.one_owner = 1, .owner = ZC_OWNER_COUNT},
        {.owner = ZC_OWNER_COUNT},
    };
    struct {
        struct zc_writeback_options known;
        uint64_t more;
    } newer = {{.struct_size = sizeof(newer)}, 1};
    struct zc_owner_options owner = {.struct_size = sizeof(owner)};
    struct zc_writeback_options options;
    size_t bytes = 12345;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options = bad[i];
        options.struct_size = sizeof(options);
        assert_status(zc_cache_writeback(cache, &options, &bytes), ZC_INVALID);
    }
    assert_status(zc_cache_writeback(cache, &newer.known, &bytes),
                  ZC_UNSUPPORTED);
    assert_int_equal(bytes, 12345);
    assert_status(zc_cache_writeback(NULL, NULL, NULL), ZC_INVALID);
    assert_status(zc_cache_shrink(NULL, 1, NULL), ZC_INVALID);
    assert_status(zc_cache_set_owner(NULL, 0, &owner), ZC_INVALID);
    assert_status(zc_cache_set_owner(cache, ZC_OWNER_COUNT, &owner),
                  ZC_INVALID);
    assert_status(try_store_for(ZC_OWNER_COUNT, 1, SUPPORT_TEXT, 1),
                  ZC_INVALID);
    owner.no_writeback = 2;
    assert_status(zc_cache_set_owner(cache, 0, &owner), ZC_INVALID);
    owner.struct_size = 1;
    assert_status(zc_cache_set_owner(cache, 0, &owner), ZC_INVALID);
}

TEST_OF_AGES(an_owner_without_memory_is_not_made)
{
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_cache_set_owner(cache, 9, NULL), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_status(zc_cache_set_owner(cache, 9, NULL), ZC_OK);
}
