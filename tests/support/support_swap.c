/* SPDX-License-Identifier: MIT */
/* support_swap.c - see support_swap.h. */
#include "support_swap.h"

#include <sched.h>
#include <stdlib.h>

#include "support_test.h"

struct support_swap support;
struct zc_swap *const swap = &support.swap;

struct frame {
    struct zc_folio folio;
    char page[SUPPORT_SWAP_PAGE];
};

static struct zc_folio *alloc_frame(void *context, bool may_reclaim)
{
    struct frame *frame;

    (void)context;
    (void)may_reclaim;
    zc_may_block();
    if (support.on_alloc != NULL)
        support.on_alloc();
    frame = calloc(1, sizeof(*frame));
    if (frame == NULL)
        return NULL;
    zc_atomic_u32_store_relaxed(&frame->folio.references, 1);
    frame->folio.data = frame->page;
    atomic_fetch_add(&support.frames, 1);
    return &frame->folio;
}

static void free_frame(void *context, struct zc_folio *folio)
{
    (void)context;
    zc_may_block();
    atomic_fetch_sub(&support.frames, 1);
    free(folio);
}

static void note_last_put(void *context, zc_swp slot)
{
    (void)context;
    zc_may_block();
    atomic_fetch_add(&support.last_puts, 1);
    atomic_store(&support.last_put, slot.value);
    if (support.on_last_put != NULL)
        support.on_last_put(slot);
}

void support_swap_begin(void)
{
    memset(&support, 0, sizeof(support));
    atomic_init(&support.frames, 0);
    atomic_init(&support.last_puts, 0);
    atomic_init(&support.last_put, UINT64_MAX);
    swap->page_size = SUPPORT_SWAP_PAGE;
    swap->frames.alloc = alloc_frame;
    swap->frames.free = free_frame;
    swap->last_put = note_last_put;
    assert_status(zc_swap_init(swap), ZC_OK);
}

void support_swap_end(void)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        if (zc_swap_has_device(swap, type))
            support_swap_off(type);
    assert_int_equal(atomic_load(&support.frames), 0);
    assert_int_equal(zc_swap_bytes(swap), 0);
    zc_swap_destroy(swap);
}

static void turn_on(unsigned type, const struct zc_swap_options *options)
{
    zc_status status;

    status = zc_swap_device_on(swap, type, options);
    assert_status(status, ZC_OK);
}

void support_swap_on(unsigned type, uint64_t slot_count)
{
    turn_on(type, ZC_SWAP_OPTIONS(.slot_count = slot_count));
}

void support_swap_on_managed(unsigned type, uint64_t slot_count, unsigned order)
{
    turn_on(type, ZC_SWAP_OPTIONS(.slot_count = slot_count, .managed = 1,
                                  .slot_order = order));
}

void support_swap_off(unsigned type)
{
    struct zc_swap_device *device = &swap->devices[type];
    uint64_t offset = 0;

    assert_int_equal(support_swap_users(type), 0);
    zc_swap_device_stop(device);
    if (zc_swap_device_next(device, &offset))
        fail_msg("slot %llu of type %u is in use", (unsigned long long)offset,
                 type);
    zc_swap_device_end(swap, device);
    assert_int_equal(zc_counter_read(&device->used), 0);
    assert_int_equal(zc_counter_read(&device->cached), 0);
    assert_int_equal(zc_counter_read(&device->bytes), 0);
}

uint32_t support_swap_users(unsigned type)
{
    return zc_atomic_u32_load_acquire(&swap->devices[type].users) &
           ~ZC_DEVICE_ON;
}

uint64_t support_swap_used(unsigned type)
{
    return zc_counter_read(&swap->devices[type].used);
}

unsigned support_slot_flags(zc_swp slot)
{
    struct zc_cluster *cluster = zc_slot_find(swap, slot).cluster;
    unsigned flags;

    if (cluster == NULL)
        return 0;
    zc_spinlock_lock(&cluster->lock);
    flags = cluster->flags[zc_slot_index(slot)];
    zc_spinlock_unlock(&cluster->lock);
    return flags;
}

uint32_t support_folio_references(const struct zc_folio *folio)
{
    return zc_atomic_u32_load_acquire(&folio->references);
}

void support_await_slot(void)
{
    while ((support_slot_flags(support.slot) & ZC_SLOT_WAITERS) == 0)
        (void)sched_yield();
}

void support_await_folio(const struct zc_folio *folio)
{
    while (!zc_folio_has(folio, ZC_FOLIO_WAITERS))
        (void)sched_yield();
}

struct zc_folio *support_folio(void)
{
    struct zc_folio *folio = zc_folio_alloc(swap, true);

    assert_non_null(folio);
    zc_folio_lock(swap, folio);
    return folio;
}

void support_unlock(struct zc_folio *folio)
{
    zc_folio_unlock(swap, folio);
    zc_folio_put(swap, folio);
}

zc_swp support_slot(void)
{
    struct zc_folio *folio = support_folio();
    zc_swp slot = {UINT64_MAX};

    assert_status(zc_slot_alloc(swap, folio, &slot), ZC_OK);
    assert_status(zc_slot_dup(swap, slot), ZC_OK);
    zc_swapcache_delete(swap, folio);
    support_unlock(folio);
    return slot;
}

/* ---- the slot of a test ---- */

void support_slot_begin(void)
{
    support_swap_begin();
    support_swap_on_managed(0, 1000, ZC_SLOT_ORDER_LOWEST);
    support.slot = support_slot();
}

void support_slot_end(void)
{
    if (support_count() != 0)
        support_drop();
    assert_int_equal(atomic_load(&support.last_puts), 1);
    assert_int_equal(atomic_load(&support.last_put), support.slot.value);
    assert_int_equal(support_slot_flags(support.slot), 0);
    assert_int_equal(support_swap_used(0), 0);
    support_swap_end();
}

struct zc_slot_ref support_here(void)
{
    return zc_slot_find(swap, support.slot);
}

uint32_t support_count(void)
{
    return zc_slot_count(support_here());
}

void support_pin(zc_status expected)
{
    assert_status(zc_slot_pin(swap, support_here(), NULL), expected);
}

void support_unpin(void)
{
    zc_slot_unpin(swap, support_here());
}

void support_drop(void)
{
    zc_slot_drop(swap, support.slot);
}

void support_expect_in_use(void)
{
    assert_int_equal(atomic_load(&support.last_puts), 0);
    assert_int_equal(support_swap_used(zc_swp_type(support.slot)), 1);
}

struct zc_folio *support_cached(void)
{
    struct zc_folio *folio = NULL;

    assert_status(zc_swapcache_create(swap, support_here(), &folio), ZC_OK);
    return folio;
}
