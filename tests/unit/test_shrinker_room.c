/* SPDX-License-Identifier: MIT */
/*
 * test_shrinker_room.c - stores that find no room: they make some, or a worker
 * does, and few of them try where the device fails all writes.
 */
#include <limits.h>
#include <sched.h>

#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

#define PAGES 256
#define STORES (10 * ZC_SHRINK_TRY_EVERY)
#define WRITES_MAX 4

static struct support_device *const device = &rig.device;

#define SHAPE(mode, where, workers)                                            \
    {                                                                          \
        .cache = {.lru_mode = ZC_LRU_##mode,                                   \
                  .placement = ZC_PLACEMENT_##where,                           \
                  .segment_bytes = 16 * 4096,                                  \
                  .writes_max = WRITES_MAX},                                   \
        .io_workers = (workers)                                                \
    }

static const struct rig_options shapes[] = {
    SHAPE(ENTRY, KERNEL, 0),  SHAPE(ENTRY, DENSE, 0),   SHAPE(ENTRY, DENSE, 2),
    SHAPE(ZSPAGE, KERNEL, 0), SHAPE(ZSPAGE, KERNEL, 2), SHAPE(ZSPAGE, DENSE, 0),
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* To a page below what there is: the next store finds no room. */
static void lower_limit(void)
{
    zc_zswap_apply_limit(&rig.zswap, (rig_pool_pages() - 1) * rig.page_size,
                         75);
}

static zc_status store(uint64_t offset)
{
    char page[ZC_PAGE_SIZE_MIN];

    support_make_page(page, sizeof(page), SUPPORT_HALVES, offset);
    return rig_store(offset, page, 0);
}

static void set_limit(unsigned owner, uint64_t bytes)
{
    zc_atomic_u64_store_relaxed(
        &zc_lru_owner(&rig.zswap.lru, owner)->limit_bytes, bytes);
}

/* ---- a store makes room ---- */

TEST(a_store_makes_room_for_itself)
{
    unsigned i;

    for (i = 0; i < SHAPES; i++) {
        rig_begin(&shapes[i]);
        rig_fill(0, PAGES, 0);
        lower_limit();
        rig_set(PAGES, SUPPORT_HALVES);
        /* But for what the store itself has taken. */
        assert_in_range(zc_zswap_excess_pages(&rig.zswap), 0, 1);
        assert_true(rig_has_entry(PAGES));
        assert_int_equal(rig_stat(ZC_STAT_DISK_WRITES), 0);
        assert_in_range(rig_stat(ZC_STAT_ZSWPWB), PAGES / 8, PAGES / 2);
        rig_settle();
        rig_expect_all(PAGES + 1);
        rig_end();
    }
}

/* The coldest page is of the slot that its own storer has pinned. */
TEST(the_slot_of_the_caller_is_passed_over)
{
    unsigned i;

    for (i = 0; i < SHAPES; i++) {
        rig_begin(&shapes[i]);
        rig_fill(0, PAGES, 0);
        lower_limit();
        assert_status(store(0), ZC_OK);
        rig_settle();
        rig_expect_all(PAGES);
        rig_end();
    }
}

/* The storing thread has its slot pinned. */
RIG_TEST(a_store_sleeps_for_no_other_write, .io_workers = 1,
         .cache = {.placement = ZC_PLACEMENT_KERNEL, .writes_max = WRITES_MAX})
{
    rig_fill(0, PAGES, 0);
    lower_limit();
    support_device_hold(device); /* for the worker */
    rig_set(PAGES, SUPPORT_HALVES);
    assert_int_equal(rig_writes_under_way(), WRITES_MAX);
    assert_true(device->tries > 20);
    support_device_let_go(device);
    rig_settle();
    rig_expect_all(PAGES + 1);
}

RIG_TEST(an_owner_over_its_limit_gives_up_its_own, .io_workers = 0)
{
    rig_fill(0, 32, 3);
    rig_fill(32, 32, 5);
    set_limit(3, rig_charged(3) / 2);
    rig_fill(64, 1, 3);
    assert_true(rig_has_entry(64));
    assert_int_equal(rig_entries(32, 32), 32);
    assert_in_range(rig_entries(0, 32), 15, 16);
    /* Nothing of this owner's may go: so its page does. */
    rig_forbid(5);
    set_limit(5, 1);
    assert_false(zc_shrinker_make_room(&rig.shrinker, rig_slot(65), 5));
    assert_int_equal(rig_entries(32, 32), 32);
}

RIG_TEST(an_owner_over_its_limit_costs_one_zspage,
         .cache = {.lru_mode = ZC_LRU_ZSPAGE, .placement = ZC_PLACEMENT_KERNEL})
{
    rig_fill(0, 64, 3);
    set_limit(5, 1);
    rig_fill(64, 2, 5);
    assert_true(rig_has_entry(65));
    assert_in_range(rig_entries(0, 64), 40, 63);
}

/* ---- a device that fails all writes ---- */

static unsigned stored; /* pages in a full pool */

/* Whether the pool has room for one object more like those it has. */
static bool has_room(void)
{
    const struct zc_entries *entries = &rig.zswap.entries;
    static const char bytes[ZC_PAGE_SIZE_MIN];
    zc_handle handle;

    if (entries->pool_ops->put(entries->pool, bytes, rig_charged(0) / stored,
                               &handle) != ZC_OK)
        return false;
    entries->pool_ops->free(entries->pool, handle);
    return true;
}

/* A full pool, and a device that fails all. */
static void begin_failing(const struct rig_options *shape)
{
    rig_begin(shape);
    rig_fill(0, PAGES, 0);
    stored = PAGES;
    zc_zswap_apply_limit(&rig.zswap, rig_pool_pages() * rig.page_size, 75);
    for (; has_room(); stored++)
        rig_set(stored, SUPPORT_HALVES);
    zc_atomic_u32_store_relaxed(&rig.zswap.is_full, 1);
    atomic_store(&device->failing_writes, UINT_MAX);
}

static void end_failing(void)
{
    rig_settle();
    rig_expect_all(stored);
    rig_end();
}

/* One store that finds no room, and nothing but its looking for some. */
static bool look_for_room(unsigned owner)
{
    bool has_written =
        zc_shrinker_make_room(&rig.shrinker, rig_slot(stored), owner);

    rig_settle();
    return has_written;
}

/* Until the device is known to fail all.  Returns the writes so far. */
static unsigned fail_all(unsigned owner)
{
    while (zc_pageio_failures(&rig.pageio) < ZC_SHRINK_ERRORS_MAX)
        (void)look_for_room(owner);
    assert_in_range(device->tries, ZC_SHRINK_ERRORS_MAX,
                    ZC_SHRINK_ERRORS_MAX + WRITES_MAX);
    return device->tries;
}

/* One owner's pages are looked through each time, for a limit of its own. */
static void try_seldom(unsigned owner)
{
    unsigned tried;
    unsigned i;
    unsigned k;

    for (i = 0; i < SHAPES; i++) {
        begin_failing(&shapes[i]);
        if (owner != ZC_OWNER_ANY)
            set_limit(owner, 1);
        tried = fail_all(owner);
        for (k = 1; k <= STORES; k++) {
            (void)look_for_room(owner);
            if (owner == ZC_OWNER_ANY)
                assert_int_equal(device->tries - tried,
                                 k / ZC_SHRINK_TRY_EVERY);
        }
        assert_int_equal(device->tries - tried, STORES / ZC_SHRINK_TRY_EVERY);
        end_failing();
    }
}

TEST(one_store_of_many_tries_a_device_that_fails_all)
{
    try_seldom(ZC_OWNER_ANY);
}

TEST(one_store_of_many_of_an_owner_tries_it)
{
    try_seldom(0);
}

/* The page of a refused store goes to the device, and fails there as well. */
TEST(refused_stores_cost_little_more_than_themselves)
{
    unsigned i;

    begin_failing(&shapes[0]);
    for (i = 0; i < STORES; i++)
        assert_status(store(stored + i), ZC_IO_ERROR);
    assert_in_range(device->tries - STORES, STORES / ZC_SHRINK_TRY_EVERY,
                    STORES / ZC_SHRINK_TRY_EVERY + ZC_SHRINK_ERRORS_MAX);
    end_failing();
}

/* A write that succeeds ends the back-off at once, or for the next store. */
TEST(a_device_that_is_well_again_is_found)
{
    unsigned first;
    unsigned i;
    unsigned k;

    for (first = 0; first < ZC_SHRINK_TRY_EVERY; first += 21) {
        for (i = 0; i < SHAPES; i++) {
            begin_failing(&shapes[i]);
            (void)fail_all(ZC_OWNER_ANY);
            for (k = 0; k < first; k++)
                (void)look_for_room(ZC_OWNER_ANY);
            atomic_store(&device->failing_writes, 0);
            for (k = 0; k < ZC_SHRINK_TRY_EVERY; k++)
                if (look_for_room(ZC_OWNER_ANY))
                    break;
            assert_true(k < ZC_SHRINK_TRY_EVERY);
            assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
            if (shapes[i].io_workers != 0)
                (void)look_for_room(ZC_OWNER_ANY);
            assert_int_equal(zc_zswap_excess_pages(&rig.zswap), 0);
            end_failing();
        }
    }
}

TEST(the_success_of_any_write_ends_the_back_off)
{
    begin_failing(&shapes[0]);
    (void)fail_all(ZC_OWNER_ANY);
    assert_false(look_for_room(ZC_OWNER_ANY));
    atomic_store(&device->failing_writes, 0);
    /* Refused, and so written. */
    assert_status(store(stored + 1), ZC_OK);
    assert_false(rig_has_entry(stored + 1));
    assert_true(look_for_room(ZC_OWNER_ANY));
    assert_int_equal(zc_zswap_excess_pages(&rig.zswap), 0);
    end_failing();
}

/* A shrink that the caller asks for has its full number of tries. */
TEST(a_shrink_that_was_asked_for_is_not_held_back)
{
    const struct zc_writeback_options all = {.struct_size = sizeof(all)};
    unsigned tried;
    uint64_t pages;
    size_t bytes;

    begin_failing(&shapes[0]);
    tried = fail_all(ZC_OWNER_ANY);
    assert_status(zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 8, &pages),
                  ZC_AGAIN);
    assert_int_equal(device->tries - tried, ZC_SHRINK_ERRORS_MAX);
    assert_status(zc_shrinker_writeback(&rig.shrinker, &all, &bytes), ZC_AGAIN);
    assert_int_equal(device->tries - tried, 2 * ZC_SHRINK_ERRORS_MAX);
    end_failing();
}

/* ---- the worker ---- */

static const struct rig_options with_worker = {
    .cache = {.placement = ZC_PLACEMENT_KERNEL, .shrink_worker = 1}};

static void await_room(void)
{
    while (zc_zswap_excess_pages(&rig.zswap) != 0)
        sched_yield();
}

static void await_failures(uint32_t count)
{
    while (zc_pageio_failures(&rig.pageio) < count)
        sched_yield();
}

/* Only the stores that try wake the worker. */
TEST(the_worker_tries_as_seldom)
{
    unsigned tried;
    unsigned i;

    begin_failing(&with_worker);
    assert_false(look_for_room(ZC_OWNER_ANY));
    await_failures(ZC_SHRINK_ERRORS_MAX);
    rig_settle();
    tried = device->tries;
    assert_int_equal(tried, ZC_SHRINK_ERRORS_MAX);
    for (i = 1; i <= STORES; i++) {
        assert_false(look_for_room(ZC_OWNER_ANY));
        await_failures(tried + i / ZC_SHRINK_TRY_EVERY);
    }
    rig_settle();
    assert_int_equal(device->tries - tried, STORES / ZC_SHRINK_TRY_EVERY);
    atomic_store(&device->failing_writes, 0);
    for (i = 0; i < ZC_SHRINK_TRY_EVERY; i++)
        assert_false(look_for_room(ZC_OWNER_ANY));
    await_room();
    end_failing();
}

/* As zswap does: the store is refused, the worker makes room for later ones. */
RIG_TEST(a_refused_store_wakes_the_worker, .cache = with_worker.cache)
{
    char page[ZC_PAGE_SIZE_MIN];

    rig_fill(0, PAGES, 0);
    zc_zswap_apply_limit(&rig.zswap, rig_pool_pages() * rig.page_size - 1, 50);
    support_make_page(page, sizeof(page), SUPPORT_HALVES, PAGES);
    /* Or the worker may be done before the store looks once more. */
    support_device_hold(device);
    assert_status(zc_zswap_store(&rig.zswap, rig_slot(PAGES), page, 0, false),
                  ZC_REJECTED);
    support_device_let_go(device);
    await_room();
    rig_set(PAGES, SUPPORT_HALVES);
    assert_true(rig_has_entry(PAGES));
    assert_int_equal(rig_stat(ZC_STAT_DISK_WRITES), 0);
    assert_true(rig_stat(ZC_STAT_ZSWPWB) >= PAGES / 3);
    rig_expect_all(PAGES + 1);
}

/* The worker shrinks, and stands still in the middle of a write. */
static void begin_shrinking(void)
{
    rig_fill(0, PAGES, 0);
    support_device_hold(device);
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
    zc_shrinker_wake(&rig.shrinker);
    support_device_await_held(device, 1);
}

/*
 * A wake that comes while the worker shrinks starts another shrink: each of the
 * two ends after the same number of busy slots in a row.
 */
RIG_TEST(a_wake_during_a_shrink_starts_another, .cache = with_worker.cache)
{
    bool pinned[PAGES];
    unsigned i;

    begin_shrinking();
    for (i = 0; i < PAGES; i++)
        pinned[i] = zc_slot_pin(&rig.swap, rig_at(i), NULL) == ZC_OK;
    zc_shrinker_wake(&rig.shrinker);
    support_device_let_go(device);
    while (rig_stat(ZC_STAT_WRITEBACK_BUSY) <
           UINT64_C(2) * ZC_SHRINK_RETRIES_MAX)
        sched_yield();
    for (i = 0; i < PAGES; i++)
        if (pinned[i])
            zc_slot_unpin(&rig.swap, rig_at(i));
}

/* The end does not wait for the threshold. */
RIG_TEST(the_worker_ends_in_the_middle, .cache = with_worker.cache)
{
    begin_shrinking();
    zc_atomic_u32_store_relaxed(&rig.shrinker.is_ending, 1);
    support_device_let_go(device);
    zc_shrinker_stop(&rig.shrinker);
    rig.shrinker.has_worker = false;
    assert_in_range(device->tries, 1, 2);
}

RIG_TEST(a_worker_starts_and_stops, .cache = with_worker.cache)
{
    struct zc_shrinker shrinker;
    unsigned i;

    for (i = 0; i < 300; i++) {
        memset(&shrinker, 0, sizeof(shrinker));
        assert_status(
            zc_shrinker_init(&shrinker, &rig.pageio, &with_worker.cache),
            ZC_OK);
        if (i % 3 == 0)
            zc_shrinker_wake(&shrinker);
        if (i % 2 == 0)
            sched_yield();
        zc_shrinker_destroy(&shrinker);
    }
    memset(&shrinker, 0, sizeof(shrinker));
    zc_inject_arm(ZC_INJECT_THREAD, 0, 1);
    assert_status(zc_shrinker_init(&shrinker, &rig.pageio, &with_worker.cache),
                  ZC_NO_MEMORY);
    zc_inject_disarm();
}
