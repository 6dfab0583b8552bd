/* SPDX-License-Identifier: MIT */
/* broken.c - the library with one rule broken; compiled as the library is. */
#include "broken/broken.h"

#include "codec/generation.h"
#include "pool/handle.h"
#include "swap.h"
#include "vm/vm.h"
#include "zswap.h"

void lab_broken_free_contexts(
    struct zc_generation *generation,
    void (*free_context)(const struct zc_compressor *compressor,
                         struct zc_context *context))
{
    unsigned i;

    for (i = 0; i < generation->context_count; i++)
        free_context(generation->compressor, &generation->contexts[i]);
}

/* --- pool ------------------------------------------------------------ */

static uint32_t last_deferred; /* a cell and 1; 0: the list is empty */

void lab_broken_chain(struct zc_handles *handles, uint32_t cell)
{
    zc_handles_move(handles, cell, last_deferred);
    last_deferred = cell + 1;
}

void lab_broken_reset(void)
{
    last_deferred = 0;
}

/* --- zswap ----------------------------------------------------------- */

bool lab_broken_find_again(struct zc_zswap *zswap, zc_swp slot,
                           struct zc_entry *entry)
{
    struct zc_entry *found;

    zc_entry_put(&zswap->entries, entry);
    found = zc_tree_get(&zswap->tree, slot);
    if (found == entry)
        return true;
    if (found != NULL)
        zc_entry_put(&zswap->entries, found);
    return false;
}

struct zc_entry *lab_broken_trust_token(struct zc_zswap *zswap, zc_swp slot,
                                        const struct zc_zswap_token *token)
{
    return token->by_handle ? zc_tree_find(&zswap->tree, slot)
                            : zc_entry_at(&zswap->entries, token->index);
}

bool lab_broken_replace_any(struct zc_zswap *zswap, struct zc_entry *smaller)
{
    struct zc_entry *old;

    if (zc_tree_exchange(&zswap->tree, smaller, &old) == ZC_OK && old != NULL)
        zc_zswap_forget(zswap, old, ZC_STAT_RECOMPRESSED, 0);
    zc_entry_put(&zswap->entries, smaller);
    return true;
}

bool lab_broken_make_room(struct zc_zswap *zswap, zc_swp slot, unsigned owner)
{
    struct zc_generation *generation =
        zc_generations_get(&zswap->generations, 0);
    struct zc_context *context = zc_generation_lock_context(generation, 0);
    bool has_written = zswap->make_room(zswap->context, slot, owner);

    zc_generation_unlock_context(context);
    zc_generation_put(generation, 0);
    return has_written;
}

void lab_broken_put_back(struct zc_lru *lru,
                         const struct zc_lru_candidate *candidate)
{
    zc_lru_add(lru, zc_entry_at(lru->entries, candidate->token));
}

/* --- swap ------------------------------------------------------------ */

void lab_broken_drop_copy(struct zc_pageio *pageio, zc_swp slot)
{
    (void)zc_zswap_invalidate(pageio->zswap, slot);
    zc_backing_discard(zc_pageio_device(pageio, slot)->backing,
                       zc_swp_offset(slot));
}

struct zc_swap_device *lab_broken_device_of(struct zc_swap *swap, zc_swp slot)
{
    const unsigned type = zc_swp_type(slot);

    return zc_swap_has_device(swap, type) ? &swap->devices[type] : NULL;
}

zc_status lab_broken_find_first(
    struct zc_pageio *pageio, struct zc_write_run *run, struct zc_slot_ref slot,
    const struct zc_zswap_token *token,
    zc_status (*write_pinned)(struct zc_pageio *pageio,
                              struct zc_write_run *run, struct zc_slot_ref slot,
                              struct zc_entry *entry, struct zc_folio *folio))
{
    struct zc_zswap *zswap = pageio->zswap;
    struct zc_entry *entry = zc_tree_get(&zswap->tree, slot.name);
    struct zc_folio *folio;
    zc_status status = ZC_MISSING;

    if (entry == NULL)
        return ZC_MISSING;
    if (zc_zswap_find(zswap, slot.name, token) == entry)
        status = zc_swapcache_create(pageio->swap, slot, &folio);
    if (status == ZC_OK)
        status = write_pinned(pageio, run, slot, entry, folio);
    zc_entry_put(&zswap->entries, entry);
    return status;
}

zc_status lab_broken_wait_for_slot(struct zc_swap *swap,
                                   struct zc_slot_ref slot,
                                   struct zc_folio **folio_out)
{
    struct zc_folio *folio;
    zc_status status;

    do {
        folio = zc_swapcache_look_up(slot);
        if (folio != NULL) {
            zc_swapcache_put(swap, slot.name, folio);
            return ZC_BUSY;
        }
        zc_slot_wait(swap, slot);
        status = zc_swapcache_create(swap, slot, folio_out);
    } while (status == ZC_BUSY);
    return status;
}

/* --- vm -------------------------------------------------------------- */

struct zc_vm_frame *lab_broken_frame_under_pin(struct zc_vm_fault *fault,
                                               struct zc_slot_ref slot)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_swap *swap = zc_vm_swap(vm);
    const bool is_pinned = zc_slot_pin(swap, slot, NULL) == ZC_OK;
    struct zc_vm_frame *frame =
        zc_frame_alloc(vm, fault->space->owner, ZC_FRAME_MAY_WAIT);

    if (is_pinned)
        zc_slot_unpin(swap, slot);
    return frame;
}
