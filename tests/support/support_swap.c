/* SPDX-License-Identifier: MIT */
/* support_swap.c - see support_swap.h. */
#include "support_swap.h"

#include <sched.h>
#include <stdlib.h>

#include "support_test.h"

struct frame {
    struct zc_folio folio;
    char page[SUPPORT_SWAP_PAGE];
};

static struct zc_folio *alloc_frame(void *context, bool may_reclaim)
{
    struct support_swap *support = context;
    struct frame *frame;

    (void)may_reclaim;
    zc_may_block();
    if (support->on_alloc != NULL)
        support->on_alloc(support);
    frame = calloc(1, sizeof(*frame));
    if (frame == NULL)
        return NULL;
    zc_atomic_u32_store_relaxed(&frame->folio.references, 1);
    frame->folio.data = frame->page;
    atomic_fetch_add(&support->frames, 1);
    return &frame->folio;
}

static void free_frame(void *context, struct zc_folio *folio)
{
    struct support_swap *support = context;

    zc_may_block();
    atomic_fetch_sub(&support->frames, 1);
    free(folio);
}

static void note_last_put(void *context, zc_swp slot)
{
    struct support_swap *support = context;

    zc_may_block();
    atomic_fetch_add(&support->last_puts, 1);
    atomic_store(&support->last_put, slot.value);
    if (support->on_last_put != NULL)
        support->on_last_put(support, slot);
}

void support_swap_begin(struct support_swap *support)
{
    memset(support, 0, sizeof(*support));
    atomic_init(&support->frames, 0);
    atomic_init(&support->last_puts, 0);
    atomic_init(&support->last_put, UINT64_MAX);
    support->swap.page_size = SUPPORT_SWAP_PAGE;
    support->swap.frames.alloc = alloc_frame;
    support->swap.frames.free = free_frame;
    support->swap.frames.context = support;
    support->swap.last_put = note_last_put;
    support->swap.context = support;
    assert_status(zc_swap_init(&support->swap), ZC_OK);
}

void support_swap_end(struct support_swap *support)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        if (zc_swap_has_device(&support->swap, type))
            support_swap_off(support, type);
    assert_int_equal(atomic_load(&support->frames), 0);
    assert_int_equal(zc_swap_bytes(&support->swap), 0);
    zc_swap_destroy(&support->swap);
}

static void turn_on(struct support_swap *support, unsigned type,
                    const struct zc_swap_options *options)
{
    zc_status status;

    status = zc_swap_device_on(&support->swap, type, options);
    assert_status(status, ZC_OK);
}

void support_swap_on(struct support_swap *support, unsigned type,
                     uint64_t slot_count)
{
    turn_on(support, type, ZC_SWAP_OPTIONS(.slot_count = slot_count));
}

void support_swap_on_managed(struct support_swap *support, unsigned type,
                             uint64_t slot_count, unsigned order)
{
    turn_on(support, type,
            ZC_SWAP_OPTIONS(.slot_count = slot_count, .managed = 1,
                            .slot_order = order));
}

void support_swap_off(struct support_swap *support, unsigned type)
{
    struct zc_swap_device *device = &support->swap.devices[type];
    uint64_t offset = 0;

    assert_int_equal(support_swap_users(support, type), 0);
    zc_swap_device_stop(device);
    if (zc_swap_device_next(device, &offset))
        fail_msg("slot %llu of type %u is in use", (unsigned long long)offset,
                 type);
    zc_swap_device_end(&support->swap, device);
    assert_int_equal(zc_counter_read(&device->used), 0);
    assert_int_equal(zc_counter_read(&device->cached), 0);
    assert_int_equal(zc_counter_read(&device->bytes), 0);
}

uint32_t support_swap_users(const struct support_swap *support, unsigned type)
{
    return zc_atomic_u32_load_acquire(&support->swap.devices[type].users) &
           ~ZC_DEVICE_ON;
}

uint64_t support_swap_used(const struct support_swap *support, unsigned type)
{
    return zc_counter_read(&support->swap.devices[type].used);
}

unsigned support_slot_flags(struct support_swap *support, zc_swp slot)
{
    struct zc_cluster *cluster = zc_slot_find(&support->swap, slot).cluster;
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

void support_await_slot(struct support_swap *support, zc_swp slot)
{
    while ((support_slot_flags(support, slot) & ZC_SLOT_WAITERS) == 0)
        (void)sched_yield();
}

void support_await_folio(const struct zc_folio *folio)
{
    while (!zc_folio_has(folio, ZC_FOLIO_WAITERS))
        (void)sched_yield();
}

struct zc_folio *support_folio(struct support_swap *support)
{
    struct zc_folio *folio = zc_folio_alloc(&support->swap, true);

    assert_non_null(folio);
    zc_folio_lock(&support->swap, folio);
    return folio;
}

zc_swp support_slot(struct support_swap *support)
{
    struct zc_folio *folio = support_folio(support);
    zc_swp slot = {UINT64_MAX};

    assert_status(zc_slot_alloc(&support->swap, folio, &slot), ZC_OK);
    assert_status(zc_slot_dup(&support->swap, slot), ZC_OK);
    zc_swapcache_delete(&support->swap, folio);
    zc_folio_unlock(&support->swap, folio);
    zc_folio_put(&support->swap, folio);
    return slot;
}

struct zc_folio *support_cached(struct support_swap *support, zc_swp slot)
{
    struct zc_folio *folio = NULL;

    assert_status(zc_swapcache_create(&support->swap,
                                      zc_slot_find(&support->swap, slot),
                                      &folio),
                  ZC_OK);
    return folio;
}
