/* SPDX-License-Identifier: MIT */
/* support_vm.c - machines with a managed device, for tests. */
#include "support_vm.h"

#include "support_test.h"

#include "vm/vm.h"

#define STAMPED 2048 /* bytes of noise in a page; the rest is zeros */

void support_vm_fill(void *page, uint64_t owner, uint64_t sequence)
{
    memset(page, 0, SUPPORT_VM_PAGE);
    support_stamp(page, STAMPED, owner, sequence);
}

bool support_vm_is(const void *page, uint64_t owner, uint64_t sequence)
{
    const char *bytes = page;
    size_t i;

    for (i = STAMPED; i < SUPPORT_VM_PAGE; i++)
        if (bytes[i] != 0)
            return false;
    return support_has_stamp(page, STAMPED, owner, sequence);
}

struct support_vm support_vm_make(const struct support_vm_kind *kind)
{
    struct support_vm machine = {0};

    assert_status(
        zc_vm_create(
            ZC_CACHE_OPTIONS(.limit_bytes = kind->limit_bytes,
                             .lru_mode = kind->lru_mode == 0 ? ZC_LRU_ENTRY
                                                             : kind->lru_mode,
                             .placement = kind->placement,
                             .checksums = kind->checksums,
                             .compressor_name = kind->compressor,
                             .slot_count = UINT64_C(1) << 24),
            ZC_VM_OPTIONS(.frame_count = kind->frames == 0 ? 64 : kind->frames,
                          .swap_in = kind->swap_in,
                          .background_reclaim = kind->background_reclaim),
            &machine.vm),
        ZC_OK);
    machine.cache = zc_vm_cache(machine.vm);
    assert_status(
        zc_swap_on(
            machine.cache,
            ZC_SWAP_OPTIONS(.backing_ops = kind->backing_ops,
                            .backing_user = kind->backing_user,
                            .slot_count = kind->slots == 0 ? 4096 : kind->slots,
                            .io_workers = kind->io_workers,
                            .synchronous = kind->synchronous, .managed = 1,
                            .slot_order = kind->slot_order),
            &machine.type),
        ZC_OK);
    return machine;
}

void support_vm_check(struct support_vm *machine)
{
    char text[200] = "";

    if (zc_vm_check(machine->vm, text, sizeof(text)) != ZC_OK)
        fail_msg("the machine does not agree with itself: %s", text);
}

void support_vm_end(struct support_vm *machine)
{
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};

    /* Failed writes keep frames until reclaim looks at them. */
    (void)zc_vm_reclaim(machine->vm, ZC_OWNER_COUNT, 1, NULL);
    support_vm_check(machine);
    assert_status(zc_vm_get_stats(machine->vm, &stats), ZC_OK);
    assert_int_equal(stats.spaces, 0);
    assert_int_equal(stats.frames_free, stats.frame_count);
    zc_vm_destroy(machine->vm);
}

struct zc_vm_space *support_vm_space_of(struct support_vm *machine,
                                        unsigned owner, uint64_t pages,
                                        unsigned flags)
{
    struct zc_vm_space *space = NULL;

    assert_status(zc_vm_space_create(machine->vm, owner, pages, &space), ZC_OK);
    assert_status(zc_vm_map(space, 0, pages, flags), ZC_OK);
    return space;
}

struct zc_vm_space *support_vm_space(struct support_vm *machine, uint64_t pages)
{
    return support_vm_space_of(machine, 0, pages, 0);
}

void support_vm_reclaim_all(struct support_vm *machine)
{
    const uint64_t all = machine->vm->frame_count;
    unsigned i;

    for (i = 0; i < 3; i++)
        (void)zc_vm_reclaim(machine->vm, ZC_OWNER_COUNT, all, NULL);
    zc_pageio_drain(&machine->cache->pageio);
}

struct zc_vm_stats support_vm_stats(struct support_vm *machine)
{
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_vm_get_stats(machine->vm, &stats), ZC_OK);
    return stats;
}

uint64_t support_vm_slots_used(struct support_vm *machine)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_swap_get_stats(machine->cache, machine->type, &stats),
                  ZC_OK);
    return stats.slots_used;
}

uint64_t support_vm_entry(struct zc_vm_space *space, uint64_t page)
{
    struct zc_vm_table *table = zc_vm_table_find(space, page);
    zc_pte pte;

    assert_non_null(table);
    zc_spinlock_lock(&table->lock);
    pte = table->entries[zc_vm_index(page)];
    zc_spinlock_unlock(&table->lock);
    return pte;
}

zc_swp support_vm_slot(struct zc_vm_space *space, uint64_t page)
{
    const zc_pte pte = support_vm_entry(space, page);

    assert_true((pte & ZC_PTE_SWAP) != 0);
    return zc_pte_slot(pte);
}

struct zc_vm_frame *support_vm_frame(struct zc_vm_space *space, uint64_t page)
{
    const zc_pte pte = support_vm_entry(space, page);

    assert_true((pte & ZC_PTE_PRESENT) != 0);
    return zc_pte_frame(space->vm, pte);
}

void support_vm_write(struct zc_vm_space *space, uint64_t page,
                      uint64_t sequence)
{
    char bytes[SUPPORT_VM_PAGE];

    support_vm_fill(bytes, page, sequence);
    assert_status(zc_vm_write(space, page, 0, bytes, sizeof(bytes), NULL),
                  ZC_OK);
}

enum zc_fault_kind support_vm_expect(struct zc_vm_space *space, uint64_t page,
                                     uint64_t owner, uint64_t sequence)
{
    enum zc_fault_kind kind = ZC_FAULT_KINDS;
    char bytes[SUPPORT_VM_PAGE];

    assert_status(zc_vm_read(space, page, 0, bytes, sizeof(bytes), &kind),
                  ZC_OK);
    assert_true(support_vm_is(bytes, owner, sequence));
    return kind;
}

void support_vm_expect_zeros(struct zc_vm_space *space, uint64_t page)
{
    const char zeros[SUPPORT_VM_PAGE] = {0};
    char bytes[SUPPORT_VM_PAGE];

    assert_status(zc_vm_read(space, page, 0, bytes, sizeof(bytes), NULL),
                  ZC_OK);
    assert_memory_equal(bytes, zeros, sizeof(bytes));
}
