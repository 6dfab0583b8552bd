/* SPDX-License-Identifier: MIT */
/*
 * support_swap.h - swap devices without a cache above them, one set in a
 * process.
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
    zc_swp slot;        /* of a SLOT_TEST */
    atomic_uint frames; /* not yet given back */
    atomic_uint last_puts;
    _Atomic(uint64_t) last_put; /* the slot of the last call */
    /* NULL: nothing.  Called before the frame is made, and in last_put(). */
    void (*on_alloc)(void);
    void (*on_last_put)(zc_swp slot);
};

extern struct support_swap support;
extern struct zc_swap *const swap; /* &support.swap */

void support_swap_begin(void);
void support_swap_end(void);

/* SWAP_TEST(what_holds) { ... }: a test without devices at first. */
#define SWAP_TEST(name)                                                        \
    TEST_BETWEEN(name, support_swap_begin(), support_swap_end())

/*
 * SLOT_TEST(what_holds) { ... }: a test with a managed slot, support.slot, that
 * has a count of 1 and is not cached; its device has 1000 slots and gives out
 * the lowest.  A count that is left is dropped after the test, which fails
 * unless the slot is freed by then, once.
 */
#define SLOT_TEST(name)                                                        \
    TEST_BETWEEN(name, support_slot_begin(), support_slot_end())

void support_slot_begin(void);
void support_slot_end(void);

/* ---- devices ---- */

/* A device in memory.  managed: in an order of enum zc_slot_order. */
void support_swap_on(unsigned type, uint64_t slot_count);
void support_swap_on_managed(unsigned type, uint64_t slot_count,
                             unsigned order);
/* Turns the device off; asserts that no slot is in use. */
void support_swap_off(unsigned type);

/* Users of a type's device; its slots in use. */
uint32_t support_swap_users(unsigned type);
uint64_t support_swap_used(unsigned type);

/* ---- slots ---- */

/* A managed slot with a count of 1, not cached. */
zc_swp support_slot(void);

/* Of support.slot: found; its count; and a pin, which must end so. */
struct zc_slot_ref support_here(void);
uint32_t support_count(void);
void support_pin(zc_status expected);
void support_unpin(void);
void support_drop(void);
void support_expect_in_use(void); /* and never freed */

/* Flags and references now, while no other thread changes them. */
unsigned support_slot_flags(zc_swp slot);
uint32_t support_folio_references(const struct zc_folio *folio);

/* Return when a thread sleeps for the pin of support.slot; for the folio. */
void support_await_slot(void);
void support_await_folio(const struct zc_folio *folio);

/* ---- folios ---- */

/* A locked folio that no other thread knows. */
struct zc_folio *support_folio(void);
/* A new folio of support.slot: cached, locked, with a reference. */
struct zc_folio *support_cached(void);
/* Unlocks a folio that is not cached any more, and drops the reference. */
void support_unlock(struct zc_folio *folio);

#endif
