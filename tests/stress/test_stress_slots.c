/* SPDX-License-Identifier: MIT */
/*
 * test_stress_slots.c - slots used by all threads while devices go on and off.
 *
 * Each slot has a plain word.  Only the thread that has the slot pinned, either
 * way, or that frees it writes the word.  So ThreadSanitizer reports two such
 * threads at once, and the word shows a slot that was allocated twice, freed
 * twice, or used after it was freed.
 */
#include <inttypes.h>
#include <sched.h>

#include "support_swap.h"
#include "support_test.h"
#include "support_threads.h"

#define RUN_MS (SUPPORT_SANITIZED ? 2500 : 1000)
#define WORKERS 4
#define TYPE 5
#define SLOTS 48
#define OWN_MAX 12
#define MAILBOXES 8

static struct zc_swap_device *const device = &support.swap.devices[TYPE];
static uint64_t stride;         /* from one slot to the next */
static uint64_t content[SLOTS]; /* [pin] 0: free, or nothing is stored */
static atomic_uint failures;    /* to turn the device on */
static atomic_bool leaving;     /* swapoff wants every reference dropped */
/* References that change hands: slot value + 1; 0: none. */
static _Atomic(uint64_t) mailboxes[MAILBOXES];

static uint64_t below(struct support_worker *worker, uint64_t limit)
{
    return support_random_below(&worker->random, limit);
}

static bool chance(struct support_worker *worker, unsigned of)
{
    return below(worker, of) == 0;
}

static zc_swp slot_at(uint64_t index)
{
    return zc_swp_make(TYPE, index * stride);
}

static struct zc_slot_ref find(zc_swp slot)
{
    return zc_slot_find(swap, slot);
}

static uint64_t *content_of(zc_swp slot)
{
    return &content[zc_swp_offset(slot) / stride];
}

static void forget(zc_swp slot)
{
    *content_of(slot) = 0;
}

static void turn_on(bool managed)
{
    if (zc_swap_device_on(
            swap, TYPE,
            ZC_SWAP_OPTIONS(.slot_count = SLOTS * stride, .managed = managed,
                            .slot_order = ZC_SLOT_ORDER_LAST_FREED)) != ZC_OK)
        atomic_fetch_add(&failures, 1);
}

/* ---- slots that the caller names ---- */

/* What a store, a load that takes, or an invalidate does. */
static void claim_one(struct support_worker *worker, zc_swp slot)
{
    uint64_t *own = content_of(slot);
    struct zc_folio *folio = NULL;

    if (support_slot_claim(swap, slot, &folio) != ZC_OK) {
        support_mistake(worker, "no memory");
        return;
    }
    if (zc_slot_count(find(slot)) != (*own != 0))
        support_mistake(worker, "count %u, content %" PRIu64,
                        zc_slot_count(find(slot)), *own);
    if (folio != NULL) {
        zc_folio_wait_writeback(swap, folio);
        if (!zc_folio_is_of(folio, slot))
            support_mistake(worker, "a claimed folio is of another slot");
    }
    if (zc_swap_device_accepts(device) && !chance(worker, 3))
        *own = below(worker, UINT64_C(1) << 40) + 1;
    else if (chance(worker, 2))
        *own = 0;
    if (folio != NULL)
        zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    support_slot_release(swap, slot, folio, *own != 0);
}

/* What a writeback does. */
static void write_one(struct support_worker *worker, zc_swp slot)
{
    struct zc_folio *folio = NULL;
    uint64_t before;

    if (zc_swapcache_create(swap, find(slot), &folio) != ZC_OK)
        return;
    before = *content_of(slot);
    if (before == 0)
        support_mistake(worker, "a slot with a count has no content");
    zc_folio_set(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_WRITEBACK);
    zc_folio_get(folio);
    zc_folio_unlock(swap, folio);
    zc_swapcache_put(swap, slot, folio);
    if (chance(worker, 4))
        (void)sched_yield();
    zc_folio_end_writeback(swap, folio);
    zc_swapcache_put(swap, slot, folio);
}

static void use_named(struct support_worker *worker)
{
    zc_swp slot;

    while (!support_is_stopped(worker)) {
        slot = slot_at(below(worker, SLOTS));
        if (zc_swap_device_get(swap, slot) == NULL)
            continue;
        if (chance(worker, 3))
            write_one(worker, slot);
        else
            claim_one(worker, slot);
        zc_swap_device_put(swap, device);
        worker->operations++;
    }
}

/* Empties the device as swapoff does, and turns it on again. */
static void cycle_named(struct support_worker *worker)
{
    struct zc_folio *folio;
    uint64_t offset;
    zc_swp slot;

    while (!support_is_stopped(worker)) {
        zc_swap_device_stop(device);
        for (offset = 0; zc_swap_device_next(device, &offset); offset = 0) {
            slot = zc_swp_make(TYPE, offset);
            if (support_slot_claim(swap, slot, &folio) != ZC_OK) {
                support_mistake(worker, "no memory");
                break;
            }
            if (folio != NULL)
                zc_folio_wait_writeback(swap, folio);
            support_slot_release(swap, slot, folio, false);
        }
        zc_swap_device_end(swap, device);
        turn_on(false);
        worker->operations++;
        (void)sched_yield();
    }
}

/* ---- slots that are given out ---- */

struct owned {
    zc_swp slots[OWN_MAX];
    unsigned count;
};

static void touch(zc_swp slot)
{
    (*content_of(slot))++;
}

/* One reference into a mailbox, or to oneself; drops what does not fit. */
static void keep(struct support_worker *worker, struct owned *owned,
                 zc_swp slot)
{
    uint64_t other = slot.value + 1;

    if (chance(worker, 2))
        other = atomic_exchange(&mailboxes[below(worker, MAILBOXES)], other);
    if (other == 0)
        return;
    slot.value = other - 1;
    if (owned->count < OWN_MAX)
        owned->slots[owned->count++] = slot;
    else
        zc_slot_drop(swap, slot);
}

/* As vm/frame.c does: the slot may be freed with the folio, and then only a
 * reference keeps the device. */
static void delete_folio(struct support_worker *worker, zc_swp slot,
                         struct zc_folio *folio)
{
    if (zc_swap_device_get(swap, slot) == NULL) {
        support_mistake(worker, "a cached folio does not keep its device");
        return;
    }
    zc_swapcache_delete(swap, folio);
    zc_swap_device_put(swap, device);
}

/* What reclaim does: a slot for a folio, references for page tables. */
static void swap_out(struct support_worker *worker, struct owned *owned)
{
    struct zc_folio *folio = zc_folio_alloc(swap, true);
    uint64_t i;
    zc_swp slot;

    zc_folio_lock(swap, folio);
    if (zc_slot_alloc(swap, folio, &slot) != ZC_OK) {
        zc_folio_unlock(swap, folio);
        zc_folio_put(swap, folio);
        return;
    }
    if (*content_of(slot) != 0)
        support_mistake(worker, "slot %" PRIu64 " was given out before",
                        zc_swp_offset(slot));
    touch(slot);
    zc_folio_set(folio, ZC_FOLIO_UPTODATE);
    if (chance(worker, 3))
        zc_folio_set(folio, ZC_FOLIO_DIRTY);
    for (i = below(worker, 4); i > 0; i--) {
        if (zc_slot_dup(swap, slot) != ZC_OK)
            support_mistake(worker, "no reference");
        keep(worker, owned, slot);
    }
    if (chance(worker, 4))
        delete_folio(worker, slot, folio);
    zc_folio_unlock(swap, folio);
    zc_swapcache_put(swap, slot, folio);
}

/* What a fault does with the folio it gets. */
static void swap_in(struct support_worker *worker, zc_swp slot)
{
    struct zc_folio *folio = NULL;
    bool created = false;

    if (zc_swapcache_get(swap, find(slot), &folio, &created) != ZC_OK) {
        support_mistake(worker, "a slot with a count is missing");
        return;
    }
    if (*content_of(slot) == 0)
        support_mistake(worker, "a slot with a count was freed");
    touch(slot);
    zc_folio_set(folio, ZC_FOLIO_UPTODATE);
    if (chance(worker, 4))
        zc_folio_set(folio, ZC_FOLIO_DIRTY);
    else
        zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    if (zc_swapcache_try_free_slot(swap, folio))
        support_mistake(worker, "freed under a reference");
    zc_folio_unlock(swap, folio);
    zc_swapcache_put(swap, slot, folio);
}

/* What a fault past the swap cache does. */
static void swap_in_bare(struct support_worker *worker, zc_swp slot)
{
    switch (zc_slot_pin(swap, find(slot), NULL)) {
    case ZC_OK:
        touch(slot);
        zc_slot_unpin(swap, find(slot));
        break;
    case ZC_BUSY:
        zc_slot_wait(swap, find(slot));
        break;
    default:
        support_mistake(worker, "a slot with a count is missing");
        break;
    }
}

static void drop_one(struct owned *owned, unsigned i)
{
    zc_swp slot = owned->slots[i];

    owned->slots[i] = owned->slots[--owned->count];
    zc_slot_drop(swap, slot);
}

static void drop_all(struct owned *owned)
{
    uint64_t found;
    unsigned i;

    while (owned->count > 0)
        drop_one(owned, 0);
    for (i = 0; i < MAILBOXES; i++) {
        found = atomic_exchange(&mailboxes[i], 0);
        if (found != 0)
            zc_slot_drop(swap, (zc_swp){found - 1});
    }
}

static void use_one(struct support_worker *worker, struct owned *owned)
{
    unsigned i = (unsigned)below(worker, owned->count);
    struct zc_folio *folio;
    zc_swp slot = owned->slots[i];

    switch (below(worker, 6)) {
    case 0:
        if (zc_slot_dup(swap, slot) == ZC_OK)
            keep(worker, owned, slot);
        break;
    case 1:
        swap_in(worker, slot);
        break;
    case 2:
        swap_in_bare(worker, slot);
        break;
    case 3:
        folio = zc_swapcache_look_up(find(slot));
        if (folio != NULL)
            zc_swapcache_put(swap, slot, folio);
        break;
    default:
        drop_one(owned, i);
        break;
    }
}

static void use_managed(struct support_worker *worker)
{
    struct owned owned = {.count = 0};

    while (!support_is_stopped(worker)) {
        if (atomic_load(&leaving))
            drop_all(&owned);
        if (owned.count == 0 || chance(worker, 4))
            swap_out(worker, &owned);
        else
            use_one(worker, &owned);
        worker->operations++;
    }
    drop_all(&owned);
}

/* Waits until the workers have freed every slot. */
static void cycle_managed(struct support_worker *worker)
{
    uint64_t offset = 0;

    while (!support_is_stopped(worker)) {
        zc_swap_device_stop(device);
        atomic_store(&leaving, true);
        while (!support_is_stopped(worker) &&
               zc_swap_device_next(device, &offset)) {
            offset = 0;
            (void)sched_yield();
        }
        offset = 0;
        if (!zc_swap_device_next(device, &offset)) {
            zc_swap_device_end(swap, device);
            turn_on(true);
            worker->operations++;
        }
        zc_swap_device_restart(device);
        atomic_store(&leaving, false);
        (void)sched_yield();
    }
}

/* ---- */

/* Also drops what the workers have left. */
static void run(support_work use, support_work cycle, bool managed)
{
    struct support_crew crew;
    unsigned i;

    stride = managed ? 1 : 300;
    support.on_last_put = forget;
    turn_on(managed);
    support_crew_init(&crew);
    for (i = 0; i < WORKERS; i++)
        support_crew_add(&crew, use, NULL);
    support_crew_add(&crew, cycle, NULL);

    support_crew_stress(&crew, RUN_MS);

    for (i = 0; i < crew.count; i++)
        print_message("worker %u: %" PRIu64 " operations\n", i,
                      crew.workers[i].operations);
    assert_int_equal(atomic_load(&failures), 0);
    for (i = 0; managed && i < MAILBOXES; i++)
        if (atomic_load(&mailboxes[i]) != 0)
            zc_slot_drop(swap, (zc_swp){atomic_exchange(&mailboxes[i], 0) - 1});
    for (i = 0; !managed && i < SLOTS; i++)
        if (zc_slot_count(find(slot_at(i))) != 0)
            zc_slot_drop(swap, slot_at(i));
    assert_int_equal(support_swap_used(TYPE), 0);
}

SWAP_TEST(a_named_slot_is_used_by_one_thread_at_a_time)
{
    run(use_named, cycle_named, false);
}

SWAP_TEST(a_slot_that_is_given_out_is_in_no_other_use)
{
    run(use_managed, cycle_managed, true);
}
