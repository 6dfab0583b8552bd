/* SPDX-License-Identifier: MIT */
/*
 * support_swap.h - swap devices without a cache above them.
 *
 * The test's own frames are counted, and last_put() notes the slot of its last
 * call; both can call the test.  A test fails if it leaves slots in use, users
 * of a device, or frames.
 */
#ifndef ZC_TESTS_SUPPORT_SWAP_H
#define ZC_TESTS_SUPPORT_SWAP_H

#include <stdatomic.h>

#include "support_claim.h"
#include "swap/slots.h"

#define SUPPORT_SWAP_PAGE 4096

/* The slots of the largest device in memory that fits every address space:
 * 2^40, or 2^32 where pointers have 4 bytes. */
#define SUPPORT_SLOTS_LOG (sizeof(void *) < 8 ? 32 : 40)
#define SUPPORT_SLOTS_MOST (UINT64_C(1) << SUPPORT_SLOTS_LOG)

struct support_swap {
    struct zc_swap swap;
    atomic_uint frames; /* not yet given back */
    atomic_uint last_puts;
    _Atomic(uint64_t) last_put; /* the slot of the last call */
    /* NULL: nothing.  Called before the frame is made, and in last_put(). */
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
/* Turns the device off; asserts that no slot is in use. */
void support_swap_off(struct support_swap *support, unsigned type);

/* Users of a type's device; its slots in use. */
uint32_t support_swap_users(const struct support_swap *support, unsigned type);
uint64_t support_swap_used(const struct support_swap *support, unsigned type);

/* Flags and references now, while no other thread changes them. */
unsigned support_slot_flags(struct support_swap *support, zc_swp slot);
uint32_t support_folio_references(const struct zc_folio *folio);

/* Return when a thread sleeps for the slot's pin; for the folio. */
void support_await_slot(struct support_swap *support, zc_swp slot);
void support_await_folio(const struct zc_folio *folio);

/* A locked folio that no other thread knows. */
struct zc_folio *support_folio(struct support_swap *support);

/* A managed slot with a count of 1, not cached. */
zc_swp support_slot(struct support_swap *support);

/* A new folio of a slot in use: cached, locked, with a reference. */
struct zc_folio *support_cached(struct support_swap *support, zc_swp slot);

#endif
