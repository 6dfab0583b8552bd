/* SPDX-License-Identifier: MIT */
/* test_shrinker_trial.c - stores that find no room, and a device that fails. */
#include <limits.h>
#include <sched.h>

#include "support_rig.h"
#include "support_test.h"

#define PAGES 256 /* and as many as then fit */
#define STORES (10 * ZC_SHRINK_TRY_EVERY)
#define WRITES_MAX 4

static struct rig rig;
static unsigned stored; /* pages in it */

static const struct shape {
    unsigned lru_mode;
    enum zc_placement placement;
    unsigned io_workers;
} shapes[] = {
    {ZC_LRU_ENTRY, ZC_PLACEMENT_KERNEL, 0},
    {ZC_LRU_ENTRY, ZC_PLACEMENT_DENSE, 0},
    {ZC_LRU_ENTRY, ZC_PLACEMENT_DENSE, 2},
    {ZC_LRU_ZSPAGE, ZC_PLACEMENT_KERNEL, 0},
    {ZC_LRU_ZSPAGE, ZC_PLACEMENT_KERNEL, 2},
    {ZC_LRU_ZSPAGE, ZC_PLACEMENT_DENSE, 0},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* Whether the pool has room for one object more like those it has. */
static bool has_room(void)
{
    const struct zc_entries *entries = &rig.zswap.entries;
    static const char bytes[ZC_PAGE_SIZE_MIN];
    zc_handle handle;

    if (entries->pool_ops->put(entries->pool, bytes,
                               rig_charged(&rig, 0) / stored, &handle) != ZC_OK)
        return false;
    entries->pool_ops->free(entries->pool, handle);
    return true;
}

/* A full pool, and a device that fails all. */
static void begin(const struct shape *shape, unsigned shrink_worker)
{
    const struct zc_entries *entries = &rig.zswap.entries;
    struct rig_options options = rig_defaults();

    options.cache.lru_mode = shape->lru_mode;
    options.cache.placement = shape->placement;
    options.cache.segment_bytes = 16 * 4096;
    options.cache.writes_max = WRITES_MAX;
    options.cache.shrink_worker = shrink_worker;
    options.io_workers = shape->io_workers;
    rig_init(&rig, &options);
    for (stored = 0; stored < PAGES; stored++)
        rig_set(&rig, stored, SUPPORT_HALVES);
    zc_zswap_apply_limit(
        &rig.zswap,
        entries->pool_ops->page_count(entries->pool) * rig.page_size, 75);
    for (; has_room(); stored++)
        rig_set(&rig, stored, SUPPORT_HALVES);
    zc_atomic_u32_store_relaxed(&rig.zswap.is_full, 1);
    rig_fail_writes(&rig, UINT_MAX);
}

static void end(void)
{
    unsigned i;

    rig_settle(&rig);
    for (i = 0; i < stored; i++)
        rig_expect(&rig, i, SUPPORT_HALVES);
    rig_end(&rig);
}

/* One store that finds no room, and nothing but its looking for some. */
static bool look_for_room(unsigned owner)
{
    bool has_written =
        zc_shrinker_make_room(&rig.shrinker, rig_slot(stored), owner);

    rig_settle(&rig);
    return has_written;
}

/* Until the device is known to fail all. */
static void fail_all(void)
{
    while (zc_pageio_failures(&rig.pageio) < ZC_SHRINK_ERRORS_MAX)
        (void)look_for_room(ZC_OWNER_ANY);
}

TEST(few_stores_try)
{
    unsigned tried;
    unsigned i;
    unsigned k;

    for (i = 0; i < SHAPES; i++) {
        begin(&shapes[i], 0);
        fail_all();
        assert_in_range(rig_writes(&rig), ZC_SHRINK_ERRORS_MAX,
                        ZC_SHRINK_ERRORS_MAX + WRITES_MAX);
        tried = rig_writes(&rig);
        for (k = 1; k <= STORES; k++) {
            (void)look_for_room(ZC_OWNER_ANY);
            assert_int_equal(rig_writes(&rig) - tried, k / ZC_SHRINK_TRY_EVERY);
        }
        end();
    }
}

/* The page of a refused store goes to the device, and fails there as well. */
TEST(refused_stores_cost_little_more_than_themselves)
{
    char page[ZC_PAGE_SIZE_MIN];
    unsigned i;

    begin(&shapes[0], 0);
    support_make_page(page, sizeof(page), SUPPORT_HALVES, stored);
    for (i = 0; i < STORES; i++)
        assert_status(rig_store(&rig, rig_slot(stored + i), page, 0),
                      ZC_IO_ERROR);
    assert_in_range(rig_writes(&rig) - STORES, STORES / ZC_SHRINK_TRY_EVERY,
                    STORES / ZC_SHRINK_TRY_EVERY + ZC_SHRINK_ERRORS_MAX);
    end();
}

/* One owner's pages are looked through each time, for a limit of its own. */
TEST(few_stores_of_an_owner_try)
{
    unsigned tried;
    unsigned i;
    unsigned k;

    for (i = 0; i < SHAPES; i++) {
        begin(&shapes[i], 0);
        zc_atomic_u64_store_relaxed(
            &zc_lru_owner(&rig.zswap.lru, 0)->limit_bytes, 1);
        while (zc_pageio_failures(&rig.pageio) < ZC_SHRINK_ERRORS_MAX)
            (void)look_for_room(0);
        tried = rig_writes(&rig);
        assert_true(tried <= ZC_SHRINK_ERRORS_MAX + WRITES_MAX);
        for (k = 0; k < STORES; k++)
            (void)look_for_room(0);
        assert_int_equal(rig_writes(&rig) - tried,
                         STORES / ZC_SHRINK_TRY_EVERY);
        end();
    }
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

    begin(&shapes[0], 1);
    assert_false(look_for_room(ZC_OWNER_ANY));
    await_failures(ZC_SHRINK_ERRORS_MAX);
    rig_settle(&rig);
    tried = rig_writes(&rig);
    assert_int_equal(tried, ZC_SHRINK_ERRORS_MAX);
    for (i = 1; i <= STORES; i++) {
        assert_false(look_for_room(ZC_OWNER_ANY));
        await_failures(tried + i / ZC_SHRINK_TRY_EVERY);
    }
    rig_settle(&rig);
    assert_int_equal(rig_writes(&rig) - tried, STORES / ZC_SHRINK_TRY_EVERY);
    rig_fail_writes(&rig, 0);
    for (i = 0; i < ZC_SHRINK_TRY_EVERY; i++)
        assert_false(look_for_room(ZC_OWNER_ANY));
    while (zc_zswap_excess_pages(&rig.zswap) != 0)
        sched_yield();
    end();
}

/* A write that succeeds ends the back-off at once, or for the next store. */
TEST(a_device_that_is_well_again_is_found)
{
    unsigned first;
    unsigned i;
    unsigned k;

    for (first = 0; first < ZC_SHRINK_TRY_EVERY; first += 21) {
        for (i = 0; i < SHAPES; i++) {
            begin(&shapes[i], 0);
            fail_all();
            for (k = 0; k < first; k++)
                (void)look_for_room(ZC_OWNER_ANY);
            rig_fail_writes(&rig, 0);
            for (k = 0; k < ZC_SHRINK_TRY_EVERY; k++)
                if (look_for_room(ZC_OWNER_ANY))
                    break;
            assert_true(k < ZC_SHRINK_TRY_EVERY);
            assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
            if (shapes[i].io_workers != 0)
                (void)look_for_room(ZC_OWNER_ANY);
            assert_int_equal(zc_zswap_excess_pages(&rig.zswap), 0);
            end();
        }
    }
}

/* A success of any thread's write counts. */
TEST(any_success_ends_it)
{
    char page[ZC_PAGE_SIZE_MIN];

    begin(&shapes[0], 0);
    fail_all();
    assert_false(look_for_room(ZC_OWNER_ANY));
    rig_fail_writes(&rig, 0);
    support_make_page(page, sizeof(page), SUPPORT_HALVES, stored + 1);
    /* Refused, and so written. */
    assert_status(rig_store(&rig, rig_slot(stored + 1), page, 0), ZC_OK);
    assert_false(rig_has_entry(&rig, stored + 1));
    assert_true(look_for_room(ZC_OWNER_ANY));
    assert_int_equal(zc_zswap_excess_pages(&rig.zswap), 0);
    end();
}

/* A shrink that the caller asks for has its full number of tries. */
TEST(a_shrink_that_was_asked_for_is_not_held_back)
{
    unsigned tried;
    uint64_t pages;
    size_t bytes;

    begin(&shapes[0], 0);
    fail_all();
    tried = rig_writes(&rig);
    assert_status(zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 8, &pages),
                  ZC_AGAIN);
    assert_int_equal(rig_writes(&rig) - tried, ZC_SHRINK_ERRORS_MAX);
    assert_status(zc_shrinker_writeback(
                      &rig.shrinker,
                      &(struct zc_writeback_options){
                          .struct_size = sizeof(struct zc_writeback_options)},
                      &bytes),
                  ZC_AGAIN);
    assert_int_equal(rig_writes(&rig) - tried, 2 * ZC_SHRINK_ERRORS_MAX);
    end();
}
