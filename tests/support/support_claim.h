/* SPDX-License-Identifier: MIT */
/*
 * support_claim.h - slots that a test chooses, claimed and released.
 */
#ifndef ZC_TESTS_SUPPORT_CLAIM_H
#define ZC_TESTS_SUPPORT_CLAIM_H

#include "swap.h"

/* zc_slot_claim() of a slot in any state, and its release. */
static inline zc_status support_slot_claim(struct zc_swap *swap, zc_swp slot,
                                           struct zc_folio **folio_out)
{
    struct zc_claimed claimed;
    zc_status status = zc_slot_claim(swap, slot, false, &claimed);

    if (status == ZC_OK)
        *folio_out = claimed.folio;
    return status;
}

static inline void support_slot_release(struct zc_swap *swap, zc_swp slot,
                                        struct zc_folio *folio, bool in_use)
{
    zc_slot_release(
        swap,
        &(struct zc_claimed){.slot = zc_slot_find(swap, slot), .folio = folio},
        in_use);
}

#endif
