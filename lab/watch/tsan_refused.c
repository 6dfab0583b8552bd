/* SPDX-License-Identifier: MIT */
/*
 * tsan_refused.c - atomics of 16 bytes: the lab's words have eight.
 *
 * A program that has some links, and ends at the first one.
 */
#include "platform/lab_platform.h"
#include "tsan.h"

/* Only the compiler declares these. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"

static void refuse(const void *pc)
{
    lab_fail("16-byte atomic", "at %s: the lab explores 1, 2, 4 and 8 bytes",
             lab_place_of(pc));
    lab_platform_leave();
}

/* The parameters do not matter: no call returns. */
#define REFUSED(name)                                                          \
    void __tsan_atomic128_##name(void)                                         \
    {                                                                          \
        refuse(__builtin_return_address(0));                                   \
    }

REFUSED(load)
REFUSED(store)
REFUSED(exchange)
REFUSED(compare_exchange_strong)
REFUSED(compare_exchange_weak)
REFUSED(compare_exchange_val)
REFUSED(fetch_add)
REFUSED(fetch_sub)
REFUSED(fetch_and)
REFUSED(fetch_or)
REFUSED(fetch_xor)
REFUSED(fetch_nand)
