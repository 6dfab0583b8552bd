/* SPDX-License-Identifier: MIT */
/* test_shrinker_worker.c - a thread that shrinks when it is told to. */
#include <sched.h>

#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

#define PAGES 200

static struct rig rig;

static void begin(unsigned io_workers)
{
    struct rig_options options = rig_defaults();

    options.cache.shrink_worker = 1;
    options.cache.placement = ZC_PLACEMENT_KERNEL;
    options.io_workers = io_workers;
    rig_init(&rig, &options);
}

static void fill(unsigned first, unsigned count)
{
    unsigned i;

    for (i = first; i < first + count; i++)
        rig_set(&rig, i, SUPPORT_HALVES);
}

static uint64_t pool_bytes(void)
{
    const struct zc_entries *entries = &rig.zswap.entries;

    return entries->pool_ops->page_count(entries->pool) * rig.page_size;
}

/* As zswap does: the store is refused, the worker makes room for later ones. */
TEST(a_store_at_the_limit_wakes_it)
{
    char page[ZC_PAGE_SIZE_MIN];
    unsigned i;

    begin(0);
    fill(0, PAGES);
    zc_zswap_apply_limit(&rig.zswap, pool_bytes() - 1, 50);
    support_make_page(page, sizeof(page), SUPPORT_HALVES, PAGES);
    /* Or the worker may be done before the store looks once more. */
    rig_hold(&rig);
    assert_status(zc_zswap_store(&rig.zswap, rig_slot(PAGES), page, 0, false),
                  ZC_REJECTED);
    rig_let_go(&rig);
    while (zc_zswap_excess_pages(&rig.zswap) != 0)
        sched_yield();
    rig_set(&rig, PAGES, SUPPORT_HALVES);
    assert_true(rig_has_entry(&rig, PAGES));
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 0);
    assert_true(rig_stat(&rig, ZC_STAT_ZSWPWB) >= PAGES / 3);
    for (i = 0; i <= PAGES; i++)
        rig_expect(&rig, i, SUPPORT_HALVES);
    rig_end(&rig);
}

/*
 * A wake that comes while the worker shrinks starts another shrink: each of the
 * two ends after the same number of busy slots in a row.
 */
TEST(woken_while_it_works)
{
    bool pinned[PAGES];
    unsigned i;

    begin(0);
    fill(0, PAGES);
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
    rig_hold(&rig);
    zc_shrinker_wake(&rig.shrinker);
    rig_wait_for_waiting(&rig, 1);
    for (i = 0; i < PAGES; i++)
        pinned[i] = zc_slot_pin(&rig.swap,
                                zc_slot_find(&rig.swap, rig_slot(i))) == ZC_OK;
    zc_shrinker_wake(&rig.shrinker);
    rig_let_go(&rig);
    while (rig_stat(&rig, ZC_STAT_WRITEBACK_BUSY) <
           UINT64_C(2) * ZC_SHRINK_RETRIES_MAX)
        sched_yield();
    for (i = 0; i < PAGES; i++)
        if (pinned[i])
            zc_slot_unpin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(i)));
    rig_end(&rig);
}

/* The end does not wait for the threshold. */
TEST(ends_in_the_middle)
{
    unsigned written;

    begin(0);
    fill(0, PAGES);
    rig_hold(&rig);
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
    zc_shrinker_wake(&rig.shrinker);
    rig_wait_for_waiting(&rig, 1);
    zc_atomic_u32_store_relaxed(&rig.shrinker.is_ending, 1);
    rig_let_go(&rig);
    zc_shrinker_stop(&rig.shrinker);
    rig.shrinker.has_worker = false;
    written = rig_writes(&rig);
    assert_true(written >= 1);
    assert_true(written <= 2);
    rig_end(&rig);
}

TEST(starts_and_stops)
{
    struct zc_shrinker shrinker;
    unsigned i;

    begin(0);
    for (i = 0; i < 300; i++) {
        memset(&shrinker, 0, sizeof(shrinker));
        assert_status(zc_shrinker_init(&shrinker, &rig.pageio, true), ZC_OK);
        if (i % 3 == 0)
            zc_shrinker_wake(&shrinker);
        if (i % 2 == 0)
            sched_yield();
        zc_shrinker_destroy(&shrinker);
    }
    rig_end(&rig);
}

TEST(cannot_start)
{
    struct zc_shrinker shrinker;

    begin(0);
    memset(&shrinker, 0, sizeof(shrinker));
    zc_inject_arm(ZC_INJECT_THREAD, 0, 1);
    assert_status(zc_shrinker_init(&shrinker, &rig.pageio, true), ZC_NO_MEMORY);
    zc_inject_disarm();
    rig_end(&rig);
}
