/* SPDX-License-Identifier: MIT */
/*
 * broken.h - what the library does where a rule is broken, as far as it is more
 * than one statement: the smallest wrong step of the historic code.
 *
 * src/rules.h reaches these by ZC_BROKEN(), in the lab alone.  The callers have
 * asked for the rule.
 */
#ifndef LAB_BROKEN_H
#define LAB_BROKEN_H

#include <stdbool.h>
#include <stdint.h>

#include <zcache/types.h>

struct zc_compressor;
struct zc_context;
struct zc_entry;
struct zc_folio;
struct zc_generation;
struct zc_handles;
struct zc_lru;
struct zc_lru_candidate;
struct zc_pageio;
struct zc_slot_ref;
struct zc_swap;
struct zc_swap_device;
struct zc_vm_fault;
struct zc_vm_frame;
struct zc_write_run;
struct zc_zswap;
struct zc_zswap_token;

/* CONTEXT_OUTLIVES_USER: the contexts go when their generation is no longer the
 * current one.  `free_context` ends one. */
void lab_broken_free_contexts(
    struct zc_generation *generation,
    void (*free_context)(const struct zc_compressor *compressor,
                         struct zc_context *context));

/* DEFERRED_HANDLE_IN_HEADER: handles that are freed under reclaim are a list
 * through their cells: each has the one before it where its location was, the
 * first has 0. */
void lab_broken_chain(struct zc_handles *handles, uint32_t cell);
/* Ends the list; before each execution. */
void lab_broken_reset(void);

/* ENTRY_KNOWN_BY_REF: drops the reference, looks the slot up again and takes an
 * entry at the same address for the same entry.  False: the slot has another
 * one; else the caller holds a reference again. */
bool lab_broken_find_again(struct zc_zswap *zswap, zc_swp slot,
                           struct zc_entry *entry);

/* WRITEBACK_RECHECKS_TREE: the token's entry, whether or not the tree has it at
 * this slot. */
struct zc_entry *lab_broken_trust_token(struct zc_zswap *zswap, zc_swp slot,
                                        const struct zc_zswap_token *token);

/* REPLACED_ONLY_UNCHANGED: links the smaller entry as a store would, whatever
 * the slot has meanwhile.  True. */
bool lab_broken_replace_any(struct zc_zswap *zswap, struct zc_entry *smaller);

/* NO_SHRINK_WITH_CONTEXT: makes room while it holds a context. */
bool lab_broken_make_room(struct zc_zswap *zswap, zc_swp slot, unsigned owner);

/* CANDIDATE_ROTATED: a candidate that was isolated goes back to its list. */
void lab_broken_put_back(struct zc_lru *lru,
                         const struct zc_lru_candidate *candidate);

/* COPY_LIVES_UNTIL_SWAP_FREE: the reader has the page, so the slot's copy goes.
 */
void lab_broken_drop_copy(struct zc_pageio *pageio, zc_swp slot);

/* DEVICE_REF_AROUND_TREE: the device of the slot, without a reference; NULL:
 * there is none. */
struct zc_swap_device *lab_broken_device_of(struct zc_swap *swap, zc_swp slot);

/* WRITEBACK_PINS_FIRST: looks the entry up, and then pins the slot.
 * `write_pinned` does the rest. */
zc_status lab_broken_find_first(
    struct zc_pageio *pageio, struct zc_write_run *run, struct zc_slot_ref slot,
    const struct zc_zswap_token *token,
    zc_status (*write_pinned)(struct zc_pageio *pageio,
                              struct zc_write_run *run, struct zc_slot_ref slot,
                              struct zc_entry *entry, struct zc_folio *folio));

/* SHRINK_SKIPS_CALLERS_SLOT, in writeback: the slot was found pinned.  Waits
 * for the thread that has it pinned, which may be the calling thread itself: it
 * pinned the slot and then shrinks to get memory.  Then a locked folio in the
 * swap cache. */
zc_status lab_broken_wait_for_slot(struct zc_swap *swap,
                                   struct zc_slot_ref slot,
                                   struct zc_folio **folio_out);

/* SHRINK_SKIPS_CALLERS_SLOT, in a swap-in: the frame is taken, which may
 * shrink, while the slot is pinned. */
struct zc_vm_frame *lab_broken_frame_under_pin(struct zc_vm_fault *fault,
                                               struct zc_slot_ref slot);

#endif
