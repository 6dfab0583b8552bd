/* SPDX-License-Identifier: MIT */
/*
 * support_slots.h - swap devices without a cache above them.
 *
 * Frames come from here and are counted, and what last_put() is called for is
 * noted; both can be given something to do.  What a test leaves behind fails
 * it: slots in use, users of a device, frames.
 */
#ifndef ZC_TESTS_SUPPORT_SLOTS_H
#define ZC_TESTS_SUPPORT_SLOTS_H

#include <stdatomic.h>

#include "swapslots_internal.h"

#define SUPPORT_SLOTS_PAGE 4096

struct support_slots {
    struct zc_swap swap;
    atomic_uint frames; /* not given back */
    atomic_uint last_puts;
    _Atomic(uint64_t) last_put; /* the slot of the last one */
    /* NULL: nothing to do.  Called before the frame is made, and in
     * last_put(). */
    void (*on_alloc)(struct support_slots *support);
    void (*on_last_put)(struct support_slots *support, zc_swp slot);
    void *context; /* the test's own */
};

void support_slots_begin(struct support_slots *support);
void support_slots_end(struct support_slots *support);

/* A device in memory.  managed: in an order of enum zc_slot_order. */
void support_slots_on(struct support_slots *support, unsigned type,
                      uint64_t slot_count);
void support_slots_on_managed(struct support_slots *support, unsigned type,
                              uint64_t slot_count, unsigned order);
/* No slot is in use. */
void support_slots_off(struct support_slots *support, unsigned type);

/* Users of a type's device. */
uint32_t support_slots_users(const struct support_slots *support,
                             unsigned type);
uint64_t support_slots_used(const struct support_slots *support, unsigned type);

/* Flags and references now; nobody changes them. */
unsigned support_slot_flags(struct support_slots *support, zc_swp slot);
uint32_t support_folio_references(const struct zc_folio *folio);

/* Come back when somebody sleeps for the slot's pin, or the folio. */
void support_await_slot(struct support_slots *support, zc_swp slot);
void support_await_folio(const struct zc_folio *folio);

/* A locked folio that nobody else knows. */
struct zc_folio *support_folio(struct support_slots *support);

/* A managed slot with a count of 1, not cached. */
zc_swp support_slot_in_use(struct support_slots *support);

/* The folio of a slot in use, new, locked, with a reference. */
struct zc_folio *support_cached(struct support_slots *support, zc_swp slot);

#endif
