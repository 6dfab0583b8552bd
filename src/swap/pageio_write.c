/* SPDX-License-Identifier: MIT */
/*
 * pageio_write.c - a folio out: where to, the request, and its completion.
 *
 *     all zeros?        zero bit set, the older entry goes
 *     else              zero bit cleared, before anything else is stored
 *     zswap takes it?   done
 *     else              the older entry has gone (FAILED_STORE_ERASES_OLD),
 *                       and the page goes to the device
 *
 * A read asks the zero bit, zswap, and the device, in this order.  A place is
 * written after those that are asked earlier were cleared, so a read never
 * finds an old page before a new one.
 *
 * A write under way:
 *
 *     prepared -> WRITEBACK, not dirty, unlocked -> submitted -> completed
 *
 * The request has a reference to the folio and one to the device.  WRITEBACK
 * takes the place of the lock: a thread that gives up the slot or the folio's
 * bytes waits for its end.  The folio is unlocked before the request is
 * submitted; after that the submitting thread touches neither of them
 * (NOTHING_AFTER_SUBMIT): the completion may have run already.
 *
 * A thread that writes back pages of adjacent slots collects their requests in
 * a run, and one step transfers them all (zc_pageio_submit_in_run()).  The
 * folios are unlocked and under WRITEBACK meanwhile, as during any transfer.
 *
 * DIRTY is cleared before the transfer, not after: a thread that sets it
 * meanwhile has changed the folio, so the copy on the device is old.
 *
 * Completion runs on a worker of the device, or inline on the thread that
 * submitted.  It never waits for a folio's lock: the holder may wait for a
 * transfer that only this worker can do; inline, the holder may be this same
 * thread, further up its stack.  Completion tries the lock once, and leaves the
 * rest to zc_pageio_retry().
 */
#include <string.h>

#include "platform/memory.h"
#include "swap.h"

/* ---- the request ---- */

/* Counts one write less.  True: waiters are to be woken. */
static bool count_out(struct zc_pageio *pageio)
{
    const uint32_t writes_max = pageio->writes_max;
    zc_atomic_u32 *word = &pageio->writes;
    uint32_t before = zc_atomic_u32_load_relaxed(word);
    uint32_t count;
    uint32_t after;

    do {
        count = before & ~ZC_WRITES_WAITERS;
        ZC_ASSERT(count > 0);
        after = before - 1;
        /* The thresholds of zc_pageio_throttle() and zc_pageio_drain(). */
        if (count == writes_max || count == 1)
            after &= ~ZC_WRITES_WAITERS;
        /* Pairs with wait_for_fewer(). */
    } while (!zc_atomic_u32_exchange_if(word, &before, after));
    return ((before ^ after) & ZC_WRITES_WAITERS) != 0;
}

/* pageio is not touched after the count, and the device not after its reference
 * is dropped.  The parking is the swap's. */
static void end_write(struct zc_pageio *pageio, struct zc_swap_device *device)
{
    struct zc_swap *swap = pageio->swap;
    const zc_atomic_u32 *word = &pageio->writes;

    if (count_out(pageio))
        zc_unpark_all(&swap->parking, word);
    zc_swap_device_put(swap, device);
}

static void complete_write(struct zc_io *io, zc_status status)
{
    struct zc_page_write *write = ZC_CONTAINER(io, struct zc_page_write, io);
    struct zc_pageio *pageio = write->pageio;
    struct zc_swap_device *device = write->device;

    zc_pageio_note_write(pageio, status);
    if (status == ZC_OK) {
        zc_folio_end_writeback(pageio->swap, write->folio);
        /* The folio leaves the cache if only the table references it. */
        zc_swapcache_put_on(pageio->swap, device, write->slot, write->folio);
        zc_free(write);
    } else {
        zc_pageio_keep_stuck(write);
    }
    end_write(pageio, device);
}

zc_status zc_pageio_prepare_write(struct zc_pageio *pageio,
                                  struct zc_slot_ref slot, unsigned owner,
                                  struct zc_page_write **write_out)
{
    struct zc_swap_device *device = zc_swap_device_get(pageio->swap, slot.name);
    struct zc_page_write *write;

    if (device == NULL)
        return ZC_INVALID;
    write = zc_malloc(sizeof(*write));
    if (write == NULL || (zc_pageio_has_sums(pageio) &&
                          zc_slot_reserve_sum(pageio->swap, slot) != ZC_OK)) {
        zc_free(write);
        zc_swap_device_put(pageio->swap, device);
        return ZC_NO_MEMORY;
    }
    write->pageio = pageio;
    write->device = device;
    write->folio = NULL;
    write->slot = slot.name;
    write->owner = owner;
    zc_list_init(&write->link);
    *write_out = write;
    return ZC_OK;
}

void zc_pageio_cancel_write(struct zc_page_write *write)
{
    zc_swap_device_put(write->pageio->swap, write->device);
    zc_free(write);
}

/* Everything of a submission but the transfer: until that begins the request is
 * ours, and keeps folio and device.  Returns the number of writes under way
 * before. */
static uint32_t begin_write(struct zc_page_write *write, struct zc_folio *folio)
{
    struct zc_pageio *pageio = write->pageio;
    struct zc_io *io = &write->io;
    uint32_t before;

    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    ZC_ASSERT(!zc_folio_has(folio, ZC_FOLIO_WRITEBACK));
    ZC_ASSERT(folio->swap.value == write->slot.value);
    write->folio = folio;
    zc_list_init(&io->link);
    io->is_write = true;
    io->slot = zc_swp_offset(write->slot);
    io->data = folio->data;
    io->complete = complete_write;
    zc_pageio_forget_stuck(pageio, folio);
    zc_pageio_note_sum(pageio, write->slot, folio->data);
    zc_folio_set(folio, ZC_FOLIO_WRITEBACK);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    before = zc_atomic_u32_add(&pageio->writes, 1) & ~ZC_WRITES_WAITERS;
    zc_folio_unlock(pageio->swap, folio);
    return before;
}

void zc_pageio_submit_write(struct zc_page_write *write, struct zc_folio *folio)
{
    struct zc_backing *backing = write->device->backing;
    struct zc_io *io = &write->io;
    const uint32_t before = begin_write(write, folio);

    if (before < write->pageio->writes_max && zc_backing_has_workers(backing))
        zc_backing_submit(backing, io);
    else
        complete_write(io, zc_backing_write(backing, io->slot, io->data));
}

/* ---- runs ---- */

void zc_pageio_end_run(struct zc_write_run *run)
{
    struct zc_io *ios[ZC_BACKING_RUN_MAX];
    const unsigned count = run->count;
    unsigned i;

    if (count == 0)
        return;
    run->count = 0;
    for (i = 0; i < count; i++)
        ios[i] = &run->writes[i]->io;
    /* The last request keeps the device until its own `complete`. */
    zc_backing_write_run(run->writes[0]->device->backing, ios, count);
}

/* Whether a write goes on where the run ends. */
static bool is_next(const struct zc_write_run *run,
                    const struct zc_page_write *write)
{
    const struct zc_page_write *last = run->writes[run->count - 1];

    return write->device == last->device &&
           zc_swp_offset(write->slot) == zc_swp_offset(last->slot) + 1;
}

void zc_pageio_submit_in_run(struct zc_write_run *run,
                             struct zc_page_write *write,
                             struct zc_folio *folio)
{
    /* While writes fail, each is tried by itself, so that the shrinker sees at
     * once how it ended. */
    if (run == NULL || !zc_backing_takes_runs(write->device->backing) ||
        zc_pageio_failures(write->pageio) != 0) {
        zc_pageio_submit_write(write, folio);
        return;
    }
    if (run->count != 0 && !is_next(run, write))
        zc_pageio_end_run(run);
    (void)begin_write(write, folio);
    run->writes[run->count++] = write;
    if (run->count == ZC_BACKING_RUN_MAX)
        zc_pageio_end_run(run);
}

/* ---- a folio out ---- */

/* If the first word is zero, and each equals the next, all are.  The last word
 * is read first: it often shows that a page is not all zeros. */
static bool is_zero(const void *page, size_t page_size)
{
    const char *bytes = page;
    uint64_t word;

    memcpy(&word, bytes + page_size - sizeof(word), sizeof(word));
    if (word != 0)
        return false;
    memcpy(&word, bytes, sizeof(word));
    return word == 0 &&
           memcmp(bytes, bytes + sizeof(word), page_size - sizeof(word)) == 0;
}

/* The page is stored, by its zero bit or in zswap: unlocks the folio. */
static void unlock_stored(struct zc_pageio *pageio, struct zc_folio *folio)
{
    zc_pageio_forget_stuck(pageio, folio);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    zc_folio_unlock(pageio->swap, folio);
}

/* Sends a page that zswap refused to the device, and unlocks the folio. */
static zc_status write_out(struct zc_pageio *pageio, struct zc_folio *folio,
                           struct zc_slot_ref slot, unsigned owner)
{
    struct zc_page_write *write;
    zc_status status;

    if (zc_zswap_owner_forbids(pageio->zswap, owner))
        status = ZC_REJECTED;
    else
        status = zc_pageio_prepare_write(pageio, slot, owner, &write);
    if (status != ZC_OK) {
        /* No other place has the page now. */
        zc_folio_set(folio, ZC_FOLIO_DIRTY);
        zc_folio_unlock(pageio->swap, folio);
        return status;
    }
    zc_stats_add(pageio->stats, ZC_STAT_DISK_WRITES, 1);
    zc_folio_get(folio);
    zc_pageio_submit_write(write, folio);
    return ZC_OK;
}

zc_status zc_pageio_write(struct zc_pageio *pageio, struct zc_folio *folio,
                          unsigned owner)
{
    struct zc_zswap *zswap = pageio->zswap;
    const struct zc_slot_ref slot = zc_slot_find(pageio->swap, folio->swap);

    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    zc_folio_wait_writeback(pageio->swap, folio);
    if (is_zero(folio->data, zswap->page_size)) {
        zc_slot_set_zero(slot, true);
        (void)zc_zswap_invalidate(zswap, slot.name);
        zc_stats_add(pageio->stats, ZC_STAT_SWPOUT_ZERO, 1);
        unlock_stored(pageio, folio);
        return ZC_OK;
    }
    zc_slot_set_zero(slot, false);
    if (zc_zswap_store(zswap, slot.name, folio->data, owner, false) != ZC_OK)
        return write_out(pageio, folio, slot, owner);
    unlock_stored(pageio, folio);
    return ZC_OK;
}
