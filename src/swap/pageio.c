/* SPDX-License-Identifier: MIT */
/*
 * pageio.c - making and ending page I/O, and how many writes may be under way.
 *
 * A page is in one of three places: a bit of its slot says that it is all
 * zeros, or zswap has an entry for the slot, or the device has it.  A read asks
 * them in this order; a write to one of them clears those that are asked
 * earlier.  A thread that reads or writes a page has its slot pinned: it has
 * locked the slot's folio in the swap cache, or it has a bare pin, which is a
 * bit of the slot.  So a reader never comes between the two steps of a write,
 * where it would find an old page or none.
 *
 * A write counts as under way until its completion no longer touches struct
 * zc_pageio: zc_pageio_destroy() waits for 0, and would otherwise destroy the
 * struct under the completion.  A thread that may sleep waits, before it takes
 * anything, until fewer than writes_max are under way (zc_pageio_throttle()).
 * A thread that has a slot pinned does not wait for writes of other slots: if
 * the thread that has to do one of them waited for that slot, neither would go
 * on.  Instead, past the limit it does each transfer itself, one after another.
 * It may also have a run: writes to adjacent slots that it collects for one
 * transfer (pageio_write.c).  So beyond writes_max a thread adds at most one
 * write and one run.
 *
 * The waiting thread and a write that ends: no wake-up is lost, or the first
 * would sleep for ever.  The waiting thread sets WAITERS in the counter word by
 * a CAS on the count that it found too high, and then sleeps only while the
 * word is unchanged.  Two thresholds are waited for: below writes_max, and 0.
 * The count falls in steps of one, so it reaches both.  The decrement that
 * reaches either clears WAITERS in the same exchange, and its thread wakes all
 * sleepers if WAITERS was set; those still above their threshold set it again.
 */
#include "swap.h"

zc_status zc_pageio_init(struct zc_pageio *pageio)
{
    ZC_ASSERT(pageio->writes_max > 0);
    zc_list_init(&pageio->stuck);
    zc_atomic_u32_store_relaxed(&pageio->stuck_count, 0);
    zc_atomic_u32_store_relaxed(&pageio->writes, 0);
    zc_atomic_u32_store_relaxed(&pageio->failures, 0);
    return zc_spinlock_init(&pageio->stuck_lock, ZC_RANK_STUCK, "stuck");
}

/* Sleeps until fewer than `count` are under way; acquires what the writes that
 * ended did. */
static void wait_for_fewer(struct zc_pageio *pageio, uint32_t count)
{
    zc_atomic_u32 *word = &pageio->writes;
    uint32_t writes;

    for (;;) {
        writes = zc_atomic_u32_load_acquire(word);
        if ((writes & ~ZC_WRITES_WAITERS) < count)
            return;
        if ((writes & ZC_WRITES_WAITERS) != 0 ||
            zc_atomic_u32_exchange_if(word, &writes,
                                      writes | ZC_WRITES_WAITERS))
            zc_park_while(&pageio->swap->parking, word,
                          writes | ZC_WRITES_WAITERS);
    }
}

void zc_pageio_drain(struct zc_pageio *pageio)
{
    wait_for_fewer(pageio, 1);
}

void zc_pageio_destroy(struct zc_pageio *pageio)
{
    zc_pageio_drain(pageio);
    zc_pageio_drop_stuck(pageio);
    zc_spinlock_destroy(&pageio->stuck_lock);
}

void zc_pageio_throttle(struct zc_pageio *pageio)
{
    zc_may_block();
    wait_for_fewer(pageio, pageio->writes_max);
}

void zc_pageio_throttle_run(struct zc_pageio *pageio, struct zc_write_run *run)
{
    const uint32_t writes = zc_atomic_u32_load_relaxed(&pageio->writes) &
                            ~ZC_WRITES_WAITERS;

    /* Others may fill it up now: then there is one write more for this thread,
     * which does not sleep with a run. */
    if (writes < pageio->writes_max)
        return;
    zc_pageio_end_run(run);
    zc_pageio_throttle(pageio);
}

void zc_pageio_note_write(struct zc_pageio *pageio, zc_status status)
{
    if (status != ZC_OK) {
        (void)zc_atomic_u32_add(&pageio->failures, 1);
        zc_stats_add(pageio->stats, ZC_STAT_WRITE_ERRORS, 1);
    } else if (zc_pageio_failures(pageio) != 0) {
        zc_atomic_u32_store_relaxed(&pageio->failures, 0);
    }
}

void zc_pageio_note_sum(struct zc_pageio *pageio, zc_swp slot, const void *page)
{
    if (zc_pageio_has_sums(pageio))
        zc_slot_set_sum(zc_slot_find(pageio->swap, slot),
                        zc_checksum(page, pageio->zswap->page_size));
}

static bool is_as_written(const struct zc_pageio *pageio,
                          struct zc_slot_ref slot, const void *page)
{
    return !zc_pageio_has_sums(pageio) ||
           zc_slot_has_sum(slot, zc_checksum(page, pageio->zswap->page_size));
}

zc_status zc_pageio_read_device(struct zc_pageio *pageio,
                                struct zc_slot_ref slot, void *page_out)
{
    zc_status status =
        zc_backing_read(zc_pageio_device(pageio, slot.name)->backing,
                        zc_swp_offset(slot.name), page_out);

    if (status != ZC_OK)
        return status;
    if (!is_as_written(pageio, slot, page_out)) {
        zc_stats_add(pageio->stats, ZC_STAT_DISK_CORRUPT, 1);
        return ZC_CORRUPT;
    }
    zc_stats_add(pageio->stats, ZC_STAT_DISK_SWAPINS, 1);
    return ZC_OK;
}

zc_status zc_pageio_write_device(struct zc_pageio *pageio,
                                 struct zc_slot_ref slot, const void *page)
{
    zc_status status = ZC_OK;

    if (zc_pageio_has_sums(pageio))
        status = zc_slot_reserve_sum(pageio->swap, slot);
    if (status != ZC_OK)
        return status;
    zc_slot_set_zero(slot, false);
    zc_pageio_note_sum(pageio, slot.name, page);
    status = zc_backing_write(zc_pageio_device(pageio, slot.name)->backing,
                              zc_swp_offset(slot.name), page);
    zc_pageio_note_write(pageio, status);
    if (status == ZC_OK)
        zc_stats_add(pageio->stats, ZC_STAT_DISK_WRITES, 1);
    return status;
}
