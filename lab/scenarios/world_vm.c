/* SPDX-License-Identifier: MIT */
/* world_vm.c - a simulated machine. */
#include <string.h>

#include "lab_platform.h"
#include "oracle/history.h"
#include "vm/vm.h"
#include "world_internal.h"

#define CONTEXTS 4
#define JUNK 0x5a

static void make_machine(unsigned swap_in, unsigned slots, unsigned lru_mode,
                         bool synchronous)
{
    unsigned type;

    world_must(
        zc_vm_create(
            ZC_CACHE_OPTIONS(.page_size = WORLD_PAGE,
                             .placement = ZC_PLACEMENT_KERNEL,
                             .slot_count = WORLD_SLOTS,
                             .context_count = CONTEXTS, .no_same_filled = 1,
                             .compressor_name = "lz4", .lru_mode = lru_mode),
            ZC_VM_OPTIONS(.frame_count = WORLD_FRAMES, .swap_in = swap_in),
            &world.vm),
        "no machine");
    world.cache = zc_vm_cache(world.vm);
    lab_history_name_pages();
    world_must(
        zc_swap_on(world.cache,
                   ZC_SWAP_OPTIONS(.slot_count = slots,
                                   .synchronous = synchronous, .managed = 1),
                   &type),
        "no device");
}

void world_machine(unsigned swap_in, unsigned slots)
{
    make_machine(swap_in, slots, ZC_LRU_NONE, true);
}

void world_machine_with_lru(unsigned swap_in, unsigned slots)
{
    make_machine(swap_in, slots, ZC_LRU_ENTRY, true);
}

void world_machine_slow(unsigned slots)
{
    make_machine(ZC_SWAP_IN_CACHED, slots, ZC_LRU_ENTRY, false);
}

void world_hold_frames(void)
{
    unsigned i = 0;

    while (zc_frames_free(world.vm) > world.vm->reserve)
        world.held[i++] =
            &zc_frame_alloc(world.vm, 0, ZC_FRAME_MAY_WAIT)->folio;
}

void world_release_frames(void)
{
    for (unsigned i = 0; i < WORLD_FRAMES && world.held[i] != NULL; i++)
        zc_folio_put(zc_vm_swap(world.vm), world.held[i]);
}

void world_space(unsigned space, unsigned pages)
{
    world_must(zc_vm_space_create(world.vm, space, pages, &world.spaces[space]),
               "no space");
    world_must(zc_vm_map(world.spaces[space], 0, pages, 0), "no mapping");
}

/* The number of a page of a space in the history. */
static unsigned name_of(unsigned space, unsigned page)
{
    return 10 * space + page;
}

void world_write(unsigned space, unsigned page, unsigned version)
{
    zc_status status;

    WORLD_ENTER("zc_vm_write(%c:%u, version %u)", 'A' + (int)space, page,
                version);
    lab_history_begin(LAB_STORE, name_of(space, page), version);
    status = zc_vm_write(world.spaces[space], page, 0,
                         world_page(page, version), WORLD_PAGE, NULL);
    if (status != ZC_INVALID) /* not mapped any more */
        world_must(status, "write failed");
    lab_history_end(status, version);
    world_leave();
}

void world_inherit(unsigned space, unsigned page, unsigned version)
{
    lab_history_begin(LAB_STORE, name_of(space, page), version);
    lab_history_end(ZC_OK, version);
}

zc_status world_read_page(unsigned space, unsigned page)
{
    static char bytes[LAB_THREADS][WORLD_PAGE];
    char *own = bytes[lab_thread()];
    unsigned version = LAB_NO_VERSION;
    zc_status status;

    WORLD_ENTER("zc_vm_read(%c:%u)", 'A' + (int)space, page);
    lab_history_begin(LAB_LOAD, name_of(space, page), LAB_NO_VERSION);
    status = zc_vm_read(world.spaces[space], page, 0, own, WORLD_PAGE, NULL);
    if (status == ZC_OK && world_is_lost(own))
        lab_fail("page lost", "%c:%u is nowhere: zeros are read",
                 'A' + (int)space, page);
    else if (status == ZC_OK)
        version = world_check_page(page, own);
    /* ZC_INVALID: not mapped any more, so the page is gone.  An error of the
     * device, or of memory, is no answer. */
    if (status == ZC_IO_ERROR || status == ZC_NO_MEMORY)
        lab_history_end(ZC_BUSY, version);
    else
        lab_history_end(status == ZC_INVALID ? ZC_MISSING : status, version);
    world_leave();
    return status;
}

void world_refuse(void)
{
    world_must(zc_cache_set_limit(world.cache, 1, 0), "no limit");
}

void world_lose_bytes(unsigned space, unsigned page)
{
    const struct zc_vm_table *table =
        zc_vm_table_find(world.spaces[space], page);
    struct zc_vm_frame *frame =
        zc_pte_frame(world.vm, table->entries[zc_vm_index(page)]);

    zc_folio_clear(&frame->folio, ZC_FOLIO_UPTODATE);
    memset(frame->folio.data, JUNK, WORLD_PAGE);
}

void world_unmap(unsigned space, unsigned page)
{
    zc_status status;

    WORLD_ENTER("zc_vm_unmap(%c:%u)", 'A' + (int)space, page);
    lab_history_begin(LAB_INVALIDATE, name_of(space, page), LAB_NO_VERSION);
    status = zc_vm_unmap(world.spaces[space], page, 1);
    world_must(status, "unmap failed");
    lab_history_end(status, LAB_NO_VERSION);
    world_leave();
}

void world_fork(unsigned space, unsigned child)
{
    WORLD_ENTER("zc_vm_fork(%c)", 'A' + (int)space);
    world_must(zc_vm_fork(world.spaces[space], &world.spaces[child]),
               "fork failed");
    world_leave();
}

void world_merge(unsigned space, unsigned other, unsigned page)
{
    world_must(
        zc_vm_merge(world.spaces[space], page, world.spaces[other], page),
        "merge failed");
}

zc_status world_swap_out(unsigned owner, unsigned frames)
{
    zc_status status;

    if (owner == ZC_OWNER_COUNT)
        WORLD_ENTER("zc_vm_reclaim(%u)", frames);
    else
        WORLD_ENTER("zc_vm_reclaim(%c, %u)", 'A' + (int)owner, frames);
    status = zc_vm_reclaim(world.vm, owner, frames, NULL);
    world_leave();
    return status;
}

void world_page_out(unsigned swap_in, unsigned slots)
{
    world_machine(swap_in, slots);
    world_space(0, 1);
    world_write(0, 0, 1);
    (void)world_swap_out(0, 1);
    world_watch_cache();
}

void world_machine_off(void)
{
    zc_status status;

    WORLD_ENTER("zc_vm_swap_off(0)");
    status = zc_vm_swap_off(world.vm, 0);
    if (status != ZC_BUSY) /* another change is under way */
        world_must(status, "swapoff failed");
    world_leave();
}

void world_check_vm(void)
{
    char text[200] = "";

    lab_quiet = true;
    if (zc_vm_check(world.vm, text, sizeof(text)) != ZC_OK)
        lab_fail("the machine does not agree with itself", "%s", text);
    lab_quiet = false;
}

void world_empty_vm(void)
{
    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        zc_vm_space_destroy(world.spaces[i]);
        world.spaces[i] = NULL;
    }
}
