/* SPDX-License-Identifier: MIT */
/*
 * support_swap.h - swap devices without a cache above them.
 *
 * Frames come from here and are counted, and what last_put() is called for is
 * noted; both can be given something to do.  What a test leaves behind fails
 * it: slots in use, users of a device, frames.
 */
#ifndef ZC_TESTS_SUPPORT_SWAP_H
#define ZC_TESTS_SUPPORT_SWAP_H

#include <stdatomic.h>

#include "support_claim.h"
#include "swap/slots.h"

#define SUPPORT_SWAP_PAGE 4096

/* Slots of the largest device in memory that every address space has room
 * for: 2^40, and where pointers have 4 bytes 2^32. */
#define SUPPORT_SLOTS_LOG (sizeof(void *) < 8 ? 32 : 40)
#define SUPPORT_SLOTS_MOST (UINT64_C(1) << SUPPORT_SLOTS_LOG)

struct support_swap {
    struct zc_swap swap;
    atomic_uint frames; /* not given back */
    atomic_uint last_puts;
    _Atomic(uint64_t) last_put; /* the slot of the last one */
    /* NULL: nothing to do.  Called before the frame is made, and in
     * last_put(). */
    void (*on_alloc)(struct support_swap *support);
    void (*on_last_put)(struct support_swap *support, zc_swp slot);
    void *context; /* the test's own */
};

void support_swap_begin(struct support_swap *support);
void support_swap_end(struct support_swap *support);

/* A device in memory.  managed: in an order of enum zc_slot_order. */
void support_swap_on(struct support_swap *support, unsigned type,
                     uint64_t slot_count);
void support_swap_on_managed(struct support_swap *support, unsigned type,
                             uint64_t slot_count, unsigned order);
/* No slot is in use. */
void support_swap_off(struct support_swap *support, unsigned type);

/* Users of a type's device. */
uint32_t support_swap_users(const struct support_swap *support, unsigned type);
uint64_t support_swap_used(const struct support_swap *support, unsigned type);

/* Flags and references now; nobody changes them. */
unsigned support_slot_flags(struct support_swap *support, zc_swp slot);
uint32_t support_folio_references(const struct zc_folio *folio);

/* Come back when somebody sleeps for the slot's pin, or the folio. */
void support_await_slot(struct support_swap *support, zc_swp slot);
void support_await_folio(const struct zc_folio *folio);

/* A locked folio that nobody else knows. */
struct zc_folio *support_folio(struct support_swap *support);

/* A managed slot with a count of 1, not cached. */
zc_swp support_slot(struct support_swap *support);

/* The folio of a slot in use, new, locked, with a reference. */
struct zc_folio *support_cached(struct support_swap *support, zc_swp slot);

#endif
