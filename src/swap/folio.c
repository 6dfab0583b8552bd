/* SPDX-License-Identifier: MIT */
/*
 * folio.c - page frames: made, referenced, locked.
 *
 * The lock is a bit of the flag word, and so is writeback; a third bit,
 * WAITERS, says that a thread sleeps for either.  No wake-up is lost; otherwise
 * a thread would sleep for ever.  The waiting thread sets WAITERS, by a CAS
 * that succeeds only while the bit that it waits for is set, and then sleeps
 * only while the word is unchanged (platform/park.h).  The thread that ends the
 * lock or the writeback clears its bit and WAITERS in one atomic step, and
 * wakes all sleepers if WAITERS was set.  One of the two is first:
 *
 *     the CAS     the ending thread finds WAITERS and wakes; if the waiting
 *                 thread does not sleep yet, it finds the word changed
 *     the clear   the CAS fails, and the waiting thread looks at the bit again
 *
 * Sleepers that still have to wait set WAITERS again.
 *
 * A thread that holds the lock has a reference, and so has a write under way.
 * So a folio that only the table of the swap cache references is neither locked
 * nor being written.  The thread that removes such a folio and a thread that
 * looks it up both hold the cluster's lock (swapcache.c), so no thread gets a
 * reference during the removal.  Otherwise a slot could be freed while a thread
 * reads or writes its page.
 */
#include "base/inject.h"
#include "platform/memory.h"
#include "rules.h"
#include "swap/slots.h"

/* A frame in memory of the system: the folio, and its page behind it. */
struct frame {
    struct zc_folio folio;
    _Alignas(ZC_CACHE_LINE) char page[];
};

static struct zc_folio *alloc_frame(size_t page_size)
{
    struct frame *frame = zc_malloc(sizeof(*frame) + page_size);

    if (frame == NULL)
        return NULL;
    zc_atomic_u32_store_relaxed(&frame->folio.references, 1);
    zc_atomic_u32_store_relaxed(&frame->folio.flags, 0);
    frame->folio.swap.value = 0;
    frame->folio.data = frame->page;
    return &frame->folio;
}

struct zc_folio *zc_folio_alloc(struct zc_swap *swap, bool may_reclaim)
{
    zc_may_block();
    if (zc_inject(ZC_INJECT_FRAME))
        return NULL;
    if (swap->frames.alloc != NULL)
        return swap->frames.alloc(swap->frames.context, may_reclaim);
    return alloc_frame(swap->page_size);
}

void zc_folio_get(struct zc_folio *folio)
{
    uint32_t before = zc_atomic_u32_get(&folio->references, UINT32_MAX);

    ZC_ASSERT(before > 0);
}

bool zc_folio_put(struct zc_swap *swap, struct zc_folio *folio)
{
    uint32_t left = zc_atomic_u32_put(&folio->references, UINT32_MAX, 1);

    ZC_ASSERT(left < UINT32_MAX);
    if (left == 0)
        zc_folio_free(swap, folio);
    return left == 1;
}

void zc_folio_free(struct zc_swap *swap, struct zc_folio *folio)
{
    zc_may_block();
    ZC_ASSERT(!zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_WRITEBACK));
    ZC_ASSERT(!zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    if (swap->frames.free != NULL)
        swap->frames.free(swap->frames.context, folio);
    else
        zc_free(folio);
}

void zc_folio_lock(struct zc_swap *swap, struct zc_folio *folio)
{
    zc_bit_lock(&swap->parking, &folio->flags, ZC_FOLIO_LOCKED,
                ZC_FOLIO_WAITERS);
}

bool zc_folio_trylock(struct zc_folio *folio)
{
    return zc_bit_trylock(&folio->flags, ZC_FOLIO_LOCKED);
}

void zc_folio_lock_new(struct zc_folio *folio)
{
    zc_atomic_u32_store_relaxed(&folio->flags, ZC_FOLIO_LOCKED);
}

void zc_folio_unlock(struct zc_swap *swap, struct zc_folio *folio)
{
    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    zc_bit_unlock(&swap->parking, &folio->flags, ZC_FOLIO_LOCKED,
                  ZC_FOLIO_WAITERS);
}

void zc_folio_set(struct zc_folio *folio, uint32_t flags)
{
    (void)zc_atomic_u32_or(&folio->flags, flags);
}

void zc_folio_clear(struct zc_folio *folio, uint32_t flags)
{
    (void)zc_atomic_u32_and(&folio->flags, ~flags);
}

bool zc_folio_has(const struct zc_folio *folio, uint32_t flags)
{
    return (zc_atomic_u32_load_acquire(&folio->flags) & flags) != 0;
}

void zc_folio_end_writeback(struct zc_swap *swap, struct zc_folio *folio)
{
    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_WRITEBACK));
    zc_bit_unlock(&swap->parking, &folio->flags, ZC_FOLIO_WRITEBACK,
                  ZC_FOLIO_WAITERS);
}

void zc_folio_wait_writeback(struct zc_swap *swap, struct zc_folio *folio)
{
    zc_bit_wait_clear(&swap->parking, &folio->flags, ZC_FOLIO_WRITEBACK,
                      ZC_FOLIO_WAITERS);
}

bool zc_folio_is_of(const struct zc_folio *folio, zc_swp slot)
{
    bool cached = zc_folio_has(folio, ZC_FOLIO_SWAPCACHE) ||
                  !ZC_RULE(RECHECK_IN_SWAPCACHE);
    bool same = folio->swap.value == slot.value || !ZC_RULE(RECHECK_SAME_ENTRY);

    return cached && same;
}
