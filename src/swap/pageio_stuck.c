/* SPDX-License-Identifier: MIT */
/*
 * pageio_stuck.c - folios whose write failed.
 *
 * The entry was unlinked before the write, so such a folio is the only copy of
 * its page.  It stays in the swap cache, dirty, where a thread that needs the
 * page finds it.  It should leave soon, because it takes a whole page frame.
 *
 *     write fails -> DIRTY, STUCK -> WRITEBACK ends -> attempt -> stored, gone
 *                                                       |   ^
 *                                               failed  v   |  later
 *                                                    on the list
 *
 * Completion tries once to store the folio into zswap, even beyond the pool's
 * limit.  If that fails, the request goes on the list as a record, with its
 * reference to the folio.  Later a thread that begins a shrink or a reclaim
 * calls zc_pageio_retry(): it takes the oldest records off the list and tries
 * each again: into zswap, and if zswap refuses the page, to the device.
 * stuck_lock guards the list; a record that is off the list belongs to the
 * thread that took it.
 *
 * An attempt needs the folio's lock, and only tries it.  Completion must not
 * sleep for it: the thread that holds it may wait for a transfer that only this
 * worker of the device can do, or be this same thread, further up its stack.
 *
 * The thread that tries again and a thread that replaces, takes or deletes the
 * page: the second clears STUCK (zc_pageio_forget_stuck()) or takes the folio
 * out of the cache, under the folio's lock, and does not touch the list.  The
 * first checks both under the same lock.  If the folio is no longer stuck or
 * cached, the first only frees the record; otherwise it would store an old page
 * over a newer one.
 *
 * A record has no device reference, so it does not keep swapoff waiting.
 * Swapoff empties the slot like any other.  A later attempt finds no device, or
 * the folio out of the cache, and frees the record.
 */
#include "platform/memory.h"
#include "swap.h"

/* Clears STUCK, counted at this slot's device.  The folio is locked. */
static void clear_stuck(struct zc_pageio *pageio, struct zc_folio *folio,
                        zc_swp slot)
{
    if (!zc_folio_has(folio, ZC_FOLIO_STUCK))
        return;
    zc_folio_clear(folio, ZC_FOLIO_STUCK);
    zc_counter_subtract(&zc_pageio_device(pageio, slot)->stuck, 1);
}

void zc_pageio_forget_stuck(struct zc_pageio *pageio, struct zc_folio *folio)
{
    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    clear_stuck(pageio, folio, folio->swap);
}

/* Stores the locked folio into zswap and takes it out of the swap cache. */
static zc_status store_again(struct zc_page_write *write)
{
    struct zc_pageio *pageio = write->pageio;
    struct zc_folio *folio = write->folio;
    zc_status status = zc_zswap_store(pageio->zswap, write->slot, folio->data,
                                      write->owner, true);

    if (status != ZC_OK)
        return status;
    zc_stats_add(pageio->stats, ZC_STAT_STORED_AGAIN, 1);
    zc_pageio_forget_stuck(pageio, folio);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    zc_swapcache_delete(pageio->swap, folio);
    return ZC_OK;
}

/* Frees a record that is not needed any more. */
static void end_record(struct zc_page_write *write)
{
    struct zc_pageio *pageio = write->pageio;

    (void)zc_atomic_u32_add(&pageio->stuck_count, UINT32_MAX);
    zc_swapcache_put(pageio->swap, write->slot, write->folio);
    zc_free(write);
}

static void keep_record(struct zc_page_write *write)
{
    struct zc_pageio *pageio = write->pageio;

    zc_spinlock_lock(&pageio->stuck_lock);
    zc_list_add_last(&pageio->stuck, &write->link);
    zc_spinlock_unlock(&pageio->stuck_lock);
}

/* Whether the folio is still stuck for this record.  The folio is locked. */
static bool is_stuck(const struct zc_page_write *write)
{
    return zc_folio_is_of(write->folio, write->slot) &&
           zc_folio_has(write->folio, ZC_FOLIO_STUCK);
}

/*
 * One attempt to store the folio of a record that is on no list.  The caller
 * has a reference to its device.  ZC_OK: the record is gone; ZC_BUSY: another
 * thread has the folio locked; else the status of zswap, and the folio is
 * locked.
 */
static zc_status try_record(struct zc_page_write *write)
{
    struct zc_swap *swap = write->pageio->swap;
    zc_status status = ZC_OK;

    if (!zc_folio_trylock(write->folio))
        return ZC_BUSY;
    if (is_stuck(write))
        status = store_again(write);
    else if (!zc_folio_has(write->folio, ZC_FOLIO_SWAPCACHE))
        clear_stuck(write->pageio, write->folio, write->slot);
    if (status != ZC_OK)
        return status;
    zc_folio_unlock(swap, write->folio);
    end_record(write);
    return ZC_OK;
}

void zc_pageio_keep_stuck(struct zc_page_write *write)
{
    struct zc_pageio *pageio = write->pageio;
    struct zc_folio *folio = write->folio;
    zc_status status;

    (void)zc_atomic_u32_add(&pageio->stuck_count, 1);
    /* During writeback no other thread changes these, or gives up the slot. */
    zc_counter_add(&write->device->stuck, 1);
    zc_folio_set(folio, ZC_FOLIO_DIRTY | ZC_FOLIO_STUCK);
    zc_folio_end_writeback(pageio->swap, folio);
    write->device = NULL; /* completion drops the reference */
    status = try_record(write);
    if (status == ZC_OK)
        return;
    if (status != ZC_BUSY)
        zc_folio_unlock(pageio->swap, folio);
    keep_record(write);
}

/* Takes the oldest record off the list; NULL: there is none. */
static struct zc_page_write *take_record(struct zc_pageio *pageio)
{
    struct zc_page_write *write = NULL;

    zc_spinlock_lock(&pageio->stuck_lock);
    if (!zc_list_is_empty(&pageio->stuck)) {
        write = ZC_CONTAINER(pageio->stuck.next, struct zc_page_write, link);
        zc_list_remove(&write->link);
    }
    zc_spinlock_unlock(&pageio->stuck_lock);
    return write;
}

/* Writes a locked stuck folio once more; the record becomes a request again. */
static void write_again(struct zc_page_write *write,
                        struct zc_swap_device *device)
{
    struct zc_pageio *pageio = write->pageio;

    (void)zc_atomic_u32_add(&pageio->stuck_count, UINT32_MAX);
    write->device = device;
    zc_pageio_submit_write(write, write->folio);
}

static void retry_record(struct zc_page_write *write)
{
    struct zc_swap *swap = write->pageio->swap;
    struct zc_swap_device *device = zc_swap_device_get(swap, write->slot);
    zc_status status;

    if (device == NULL) {
        /* Swapoff has emptied the device, of this folio too. */
        end_record(write);
        return;
    }
    status = try_record(write);
    if (status != ZC_OK && status != ZC_BUSY) {
        if (zc_swap_device_accepts(device)) {
            write_again(write, device);
            return;
        }
        zc_folio_unlock(swap, write->folio);
    }
    if (status != ZC_OK)
        keep_record(write);
    zc_swap_device_put(swap, device);
}

uint32_t zc_pageio_retry(struct zc_pageio *pageio, uint32_t count)
{
    uint32_t stuck = zc_atomic_u32_load_relaxed(&pageio->stuck_count);
    struct zc_page_write *write;

    zc_may_block();
    /* Each record once: one that stays goes to the end of the list. */
    for (; stuck > 0 && count > 0; stuck--, count--) {
        write = take_record(pageio);
        if (write == NULL)
            break;
        retry_record(write);
    }
    return zc_atomic_u32_load_relaxed(&pageio->stuck_count);
}

void zc_pageio_drop_stuck(struct zc_pageio *pageio)
{
    struct zc_page_write *write;

    while ((write = take_record(pageio)) != NULL)
        end_record(write);
    ZC_ASSERT(zc_atomic_u32_load_relaxed(&pageio->stuck_count) == 0);
}
