/* SPDX-License-Identifier: MIT */
/*
 * writeback.h - one entry from compressed memory to its slot on the device.
 */
#ifndef ZC_SWAP_WRITEBACK_H
#define ZC_SWAP_WRITEBACK_H

#include "swap/pageio.h"

/*
 * Writes back the page of a slot if it still is the one that the token names.
 * The caller holds nothing: slot and token are all that is known of the
 * candidate.  May block, but never for a slot that somebody has pinned.
 *
 * ZC_OK: unlinked and submitted; ZC_BUSY: somebody is swapping it in, leave it;
 * ZC_MISSING: the slot is free or has another page by now; ZC_INVALID: it has
 * no device that accepts pages; ZC_REJECTED: its owner's pages never go to one;
 * ZC_NO_MEMORY; ZC_CORRUPT: it cannot be decompressed, and stays.  Follows
 * zswap_writeback_entry().
 */
zc_status zc_writeback_page(struct zc_pageio *pageio, zc_swp slot,
                            const struct zc_zcache_token *token);

#endif
