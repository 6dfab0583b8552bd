/* SPDX-License-Identifier: MIT */
/* inject.c - fault injection of testing builds; empty in others. */
#include "base/inject.h"

#if defined(ZC_TESTING) && ZC_TESTING

#include "platform/atomic.h"

/* One word per point, so that a call is one atomic step: the countdown in the
 * high half, the repeat in the low half. */
static zc_atomic_u64 armed[ZC_INJECT_POINT_COUNT];
static zc_atomic_u32 failures;

bool zc_inject(enum zc_inject_point point)
{
    uint64_t word = zc_atomic_u64_load_relaxed(&armed[point]);
    uint64_t next;
    bool fails;

    do {
        if ((uint32_t)word == 0)
            return false;
        fails = word >> 32 == 0;
        next = fails ? word - 1 : word - (UINT64_C(1) << 32);
    } while (!zc_atomic_u64_exchange_if(&armed[point], &word, next));
    if (fails)
        (void)zc_atomic_u32_add(&failures, 1);
    return fails;
}

void zc_inject_arm(enum zc_inject_point point, uint32_t countdown,
                   uint32_t repeat)
{
    zc_atomic_u32_store_relaxed(&failures, 0);
    zc_atomic_u64_store_relaxed(&armed[point],
                                (uint64_t)countdown << 32 | repeat);
}

void zc_inject_disarm(void)
{
    unsigned i;

    for (i = 0; i < ZC_INJECT_POINT_COUNT; i++)
        zc_atomic_u64_store_relaxed(&armed[i], 0);
    zc_atomic_u32_store_relaxed(&failures, 0);
}

uint32_t zc_inject_failures(void)
{
    return zc_atomic_u32_load_relaxed(&failures);
}

#else

/* A translation unit must declare something. */
typedef int zc_inject_is_absent;

#endif
