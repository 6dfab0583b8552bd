/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the atomics that protocols are made of.
 *
 * Contract for an implementation (platform_impl/atomic_impl.h) of the types
 * zc_atomic_u32, zc_atomic_u64 and zc_atomic_pointer, with
 *
 *   init (sets the word before anybody else knows it),
 *   load_relaxed, load_acquire, store_relaxed, store_release,
 *   add, or, and (u32 only; return the value before; acquire and release),
 *   exchange_if (compare and swap: acquire and release on success, relaxed on
 *   failure, when *expected is what was found; may not fail spuriously)
 *
 * No fences.  Every use names the access it pairs with.
 *
 * zc_counter is a number for statistics: relaxed, no part of any protocol, and
 * no scheduling point in the lab.
 */
#ifndef ZC_PLATFORM_ATOMIC_H
#define ZC_PLATFORM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "platform_impl/atomic_impl.h"

#endif
