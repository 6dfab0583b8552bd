/* SPDX-License-Identifier: MIT */
/* test_shrinker.c - the order of victims, the goals, and failures. */
#include <limits.h>

#include "support_rig.h"
#include "support_test.h"

#define PAGES 256

static struct rig rig;

static void begin(unsigned lru_mode, enum zc_placement placement,
                  unsigned io_workers)
{
    struct rig_options options = rig_defaults();

    options.cache.lru_mode = lru_mode;
    options.cache.placement = placement;
    options.cache.segment_bytes = 16 * 4096;
    options.cache.writes_max = 4;
    options.io_workers = io_workers;
    rig_init(&rig, &options);
}

static void begin_entries(void)
{
    begin(ZC_LRU_ENTRY, ZC_PLACEMENT_KERNEL, 0);
}

static void fill_for(unsigned first, unsigned count, unsigned owner)
{
    unsigned i;

    for (i = first; i < first + count; i++)
        rig_set_for(&rig, i, SUPPORT_HALVES, owner);
}

static void fill(unsigned count)
{
    fill_for(0, count, 0);
}

static void expect_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        rig_expect(&rig, i, SUPPORT_HALVES);
}

static unsigned count_entries(unsigned first, unsigned count)
{
    unsigned entries = 0;
    unsigned i;

    for (i = first; i < first + count; i++)
        if (rig_has_entry(&rig, i))
            entries++;
    return entries;
}

static uint64_t pool_pages(void)
{
    const struct zc_entries *entries = &rig.zswap.entries;

    return entries->pool_ops->page_count(entries->pool);
}

static void forbid(unsigned owner)
{
    zc_atomic_u32_store_relaxed(
        &zc_lru_owner(&rig.zswap.lru, owner)->no_writeback, 1);
}

/* Shrinks by so many pages, which the pool must have lost. */
static uint64_t shrink(unsigned owner, uint64_t goal, zc_status expected)
{
    const uint64_t before = pool_pages();
    uint64_t pages = 77;

    assert_status(zc_shrinker_shrink(&rig.shrinker, owner, goal, &pages),
                  expected);
    assert_int_equal(pool_pages() + pages, before);
    return pages;
}

/* ---- goals ---- */

static const struct {
    unsigned lru_mode;
    enum zc_placement placement;
} shapes[] = {
    {ZC_LRU_ENTRY, ZC_PLACEMENT_KERNEL},
    {ZC_LRU_ENTRY, ZC_PLACEMENT_DENSE},
    {ZC_LRU_ZSPAGE, ZC_PLACEMENT_KERNEL},
    {ZC_LRU_ZSPAGE, ZC_PLACEMENT_DENSE},
};

TEST(gives_back_what_is_asked_for)
{
    unsigned i;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        begin(shapes[i].lru_mode, shapes[i].placement, i % 3);
        fill(PAGES);
        assert_int_equal(shrink(ZC_OWNER_ANY, 0, ZC_OK), 0);
        assert_int_equal(rig_stat(&rig, ZC_STAT_ZSWPWB), 0);
        assert_true(shrink(ZC_OWNER_ANY, 40, ZC_OK) >= 40);
        /* Two objects fit in a page, or hardly. */
        assert_in_range(rig_stat(&rig, ZC_STAT_ZSWPWB), 60, 140);
        expect_all(PAGES);
        /* All that there is, and then there is no more. */
        (void)shrink(ZC_OWNER_ANY, UINT64_MAX, ZC_AGAIN);
        assert_int_equal(pool_pages(), 0);
        assert_int_equal(shrink(ZC_OWNER_ANY, 1, ZC_AGAIN), 0);
        rig_settle(&rig);
        expect_all(PAGES);
        assert_int_equal(rig_stat(&rig, ZC_STAT_ZSWPWB), PAGES);
        rig_end(&rig);
    }
}

TEST(not_without_an_order_by_age)
{
    const struct zc_writeback_options any = {.struct_size = sizeof(any)};
    uint64_t pages = 77;
    size_t bytes = 77;

    begin(ZC_LRU_NONE, ZC_PLACEMENT_DENSE, 0);
    fill(8);
    assert_status(zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 1, &pages),
                  ZC_UNSUPPORTED);
    assert_int_equal(pages, 0);
    assert_status(zc_shrinker_writeback(&rig.shrinker, &any, &bytes),
                  ZC_UNSUPPORTED);
    assert_int_equal(bytes, 0);
    assert_false(
        zc_shrinker_make_room(&rig.shrinker, rig_slot(1), ZC_OWNER_ANY));
    rig_end(&rig);
    begin(ZC_LRU_ZSPAGE, ZC_PLACEMENT_DENSE, 0);
    assert_status(zc_shrinker_writeback(&rig.shrinker, &any, &bytes),
                  ZC_UNSUPPORTED);
    rig_end(&rig);
}

/* ---- order ---- */

TEST(coldest_first_with_a_second_chance)
{
    unsigned i;

    begin_entries();
    fill(PAGES);
    /* Each entry had its second chance; these pages are used again. */
    (void)shrink(ZC_OWNER_ANY, 1, ZC_OK);
    for (i = 0; i < PAGES / 2; i++)
        rig_expect(&rig, i, SUPPORT_HALVES);
    (void)shrink(ZC_OWNER_ANY, 60, ZC_OK);
    assert_true(count_entries(0, PAGES / 2) >= PAGES / 2 - 24);
    assert_true(count_entries(PAGES / 2, PAGES / 2) <= PAGES / 2 - 80);
    rig_end(&rig);
}

TEST(owners_take_turns)
{
    begin_entries();
    fill_for(0, 60, 3);
    fill_for(60, 60, 500);
    fill_for(120, 60, 1023);
    (void)shrink(ZC_OWNER_ANY, 45, ZC_OK);
    assert_in_range(count_entries(0, 60), 20, 34);
    assert_in_range(count_entries(60, 60), 20, 34);
    assert_in_range(count_entries(120, 60), 20, 34);
    rig_end(&rig);
}

TEST(of_one_owner_only)
{
    begin_entries();
    fill_for(0, 60, 3);
    fill_for(60, 60, 5);
    (void)shrink(5, UINT64_MAX, ZC_AGAIN);
    assert_int_equal(count_entries(0, 60), 60);
    assert_int_equal(count_entries(60, 60), 0);
    assert_int_equal(shrink(77, 1, ZC_AGAIN), 0);
    rig_end(&rig);
}

TEST(who_forbids_it_is_passed_over)
{
    begin_entries();
    fill_for(0, 60, 3);
    fill_for(60, 60, 5);
    fill_for(120, 60, 7);
    forbid(3);
    forbid(7);
    (void)shrink(ZC_OWNER_ANY, UINT64_MAX, ZC_AGAIN);
    assert_int_equal(count_entries(0, 60), 60);
    assert_int_equal(count_entries(60, 60), 0);
    assert_int_equal(count_entries(120, 60), 60);
    (void)shrink(3, 1, ZC_AGAIN);
    assert_int_equal(rig_stat(&rig, ZC_STAT_ZSWPWB), 60);
    rig_end(&rig);

    begin(ZC_LRU_ZSPAGE, ZC_PLACEMENT_KERNEL, 0);
    fill_for(0, 60, 3);
    forbid(3);
    assert_int_equal(shrink(ZC_OWNER_ANY, UINT64_MAX, ZC_AGAIN), 0);
    assert_int_equal(rig_stat(&rig, ZC_STAT_ZSWPWB), 0);
    assert_int_equal(rig_writes(&rig), 0);
    rig_end(&rig);
}

/* ---- shrinks that fail ---- */

static void pin_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        assert_status(
            zc_slot_pin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(i))),
            ZC_OK);
}

static void unpin_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        zc_slot_unpin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(i)));
}

TEST(ends_when_all_are_busy)
{
    begin_entries();
    fill(64);
    pin_all(64);
    assert_int_equal(shrink(ZC_OWNER_ANY, 8, ZC_AGAIN), 0);
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITEBACK_BUSY),
                     ZC_SHRINK_RETRIES_MAX);
    unpin_all(64);
    (void)shrink(ZC_OWNER_ANY, 8, ZC_OK);
    rig_end(&rig);

    begin(ZC_LRU_ZSPAGE, ZC_PLACEMENT_KERNEL, 0);
    fill(64);
    pin_all(64);
    assert_int_equal(shrink(ZC_OWNER_ANY, 8, ZC_AGAIN), 0);
    assert_int_equal(rig_writes(&rig), 0);
    unpin_all(64);
    (void)shrink(ZC_OWNER_ANY, 8, ZC_OK);
    rig_end(&rig);
}

/* In turn: those that are not busy keep it going. */
TEST(some_are_busy)
{
    unsigned i;

    begin_entries();
    fill(PAGES);
    for (i = 0; i < PAGES; i += 4)
        assert_status(
            zc_slot_pin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(i))),
            ZC_OK);
    (void)shrink(ZC_OWNER_ANY, 85, ZC_OK);
    for (i = 0; i < PAGES; i += 4) {
        assert_true(rig_has_entry(&rig, i));
        zc_slot_unpin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(i)));
    }
    assert_true(rig_stat(&rig, ZC_STAT_WRITEBACK_BUSY) > ZC_SHRINK_RETRIES_MAX);
    expect_all(PAGES);
    rig_end(&rig);
}

/* Each page would come back to the pool, and be the coldest in its turn. */
TEST(ends_when_the_device_fails_all)
{
    unsigned workers;
    unsigned i;

    for (workers = 0; workers <= 2; workers += 2) {
        for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
            begin(shapes[i].lru_mode, shapes[i].placement, workers);
            fill(PAGES);
            rig_fail_writes(&rig, UINT_MAX);
            (void)zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 60,
                                     &(uint64_t){0});
            rig_settle(&rig);
            assert_in_range(rig_writes(&rig), ZC_SHRINK_ERRORS_MAX,
                            ZC_SHRINK_ERRORS_MAX + 4);
            assert_int_equal(count_entries(0, PAGES), PAGES);
            expect_all(PAGES);
            /* Each shrink tries anew. */
            rig_fail_writes(&rig, 3);
            (void)shrink(ZC_OWNER_ANY, 60, ZC_OK);
            rig_settle(&rig);
            expect_all(PAGES);
            rig_end(&rig);
        }
    }
}

/* ---- room for a store ---- */

/* To a page below what there is: the next store finds no room. */
static void lower_limit(void)
{
    zc_zswap_apply_limit(&rig.zswap, (pool_pages() - 1) * rig.page_size, 75);
}

TEST(a_store_makes_room)
{
    unsigned i;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        begin(shapes[i].lru_mode, shapes[i].placement, i % 2 * 2);
        fill(PAGES);
        lower_limit();
        rig_set(&rig, PAGES, SUPPORT_HALVES);
        /* But for what the store itself has taken. */
        assert_in_range(zc_zswap_excess_pages(&rig.zswap), 0, 1);
        assert_true(rig_has_entry(&rig, PAGES));
        assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 0);
        assert_in_range(rig_stat(&rig, ZC_STAT_ZSWPWB), PAGES / 8, PAGES / 2);
        rig_settle(&rig);
        expect_all(PAGES + 1);
        rig_end(&rig);
    }
}

/* Z16: the coldest page is of the slot that its own storer has pinned. */
TEST(the_callers_slot_is_passed_over)
{
    char page[ZC_PAGE_SIZE_MIN];
    unsigned i;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        begin(shapes[i].lru_mode, shapes[i].placement, 0);
        fill(PAGES);
        lower_limit();
        support_make_page(page, sizeof(page), SUPPORT_HALVES, 0);
        /* With a bare pin, by rig_store(). */
        assert_status(rig_store(&rig, rig_slot(0), page, 0), ZC_OK);
        rig_settle(&rig);
        expect_all(PAGES);
        rig_end(&rig);
    }
}

/* The storing thread has its slot pinned, and sleeps for no other's write. */
TEST(does_not_sleep_with_a_pin)
{
    begin(ZC_LRU_ENTRY, ZC_PLACEMENT_KERNEL, 1);
    fill(PAGES);
    lower_limit();
    rig_hold(&rig); /* for the worker; at most four writes wait for it */
    rig_set(&rig, PAGES, SUPPORT_HALVES);
    assert_int_equal(zc_atomic_u32_load_relaxed(&rig.pageio.writes), 4);
    assert_true(rig_writes(&rig) > 20);
    rig_let_go(&rig);
    rig_settle(&rig);
    expect_all(PAGES + 1);
    rig_end(&rig);
}

static void set_limit(unsigned owner, uint64_t bytes)
{
    zc_atomic_u64_store_relaxed(
        &zc_lru_owner(&rig.zswap.lru, owner)->limit_bytes, bytes);
}

TEST(room_for_an_owner)
{
    begin_entries();
    fill_for(0, 32, 3);
    fill_for(32, 32, 5);
    set_limit(3, rig_charged(&rig, 3) / 2);
    rig_set_for(&rig, 64, SUPPORT_HALVES, 3);
    assert_true(rig_has_entry(&rig, 64));
    assert_int_equal(count_entries(32, 32), 32);
    assert_in_range(count_entries(0, 32), 15, 16);
    /* Nothing of this owner's may go: so its page does. */
    forbid(5);
    set_limit(5, 1);
    assert_false(zc_shrinker_make_room(&rig.shrinker, rig_slot(65), 5));
    assert_int_equal(count_entries(32, 32), 32);
    rig_end(&rig);

    /* One zspage, and not all of the pool. */
    begin(ZC_LRU_ZSPAGE, ZC_PLACEMENT_KERNEL, 0);
    fill_for(0, 64, 3);
    set_limit(5, 1);
    fill_for(64, 2, 5);
    assert_true(rig_has_entry(&rig, 65));
    assert_in_range(count_entries(0, 64), 40, 63);
    rig_end(&rig);
}

/*
 * The coldest pages lie scattered: without compaction the pool would have to
 * lose most of them to give back a tenth of its segments.
 */
TEST(holes_become_pages)
{
    struct support_random random = {7};
    unsigned round;
    unsigned i;

    begin(ZC_LRU_ENTRY, ZC_PLACEMENT_DENSE, 0);
    fill(2048);
    for (round = 0; round < 2; round++)
        for (i = 0; i < 2048; i++)
            rig_set(&rig, support_random_below(&random, 2048), SUPPORT_HALVES);
    zc_zswap_apply_limit(&rig.zswap, pool_pages() * rig.page_size, 90);
    rig_set(&rig, 2048, SUPPORT_HALVES);
    print_message("%u pages written back\n",
                  (unsigned)rig_stat(&rig, ZC_STAT_ZSWPWB));
    assert_true(rig_stat(&rig, ZC_STAT_ZSWPWB) <= 2048 / 4);
    rig_end(&rig);
}

/* ---- stuck folios ---- */

/* A shrink begins with what is stuck. */
TEST(stuck_folios_first)
{
    struct zc_folio *folio;

    begin(ZC_LRU_ENTRY, ZC_PLACEMENT_KERNEL, 1);
    fill(4);
    folio = rig_make_stuck(&rig, 1);
    zc_folio_unlock(&rig.swap, folio);
    zc_swapcache_put(&rig.swap, rig_slot(1), folio);
    assert_int_equal(shrink(ZC_OWNER_ANY, 0, ZC_OK), 0);
    assert_true(rig_has_entry(&rig, 1));
    assert_int_equal(rig_stuck(&rig), 0);
    rig_end(&rig);
}
