/* SPDX-License-Identifier: MIT */
/* test_vm_space.c - spaces: made, mapped, unmapped, ended; their tables. */
#include <sys/mman.h>

#include "support_machine.h"

#include "base/inject.h"

TEST_IN_SPACE(an_entry_holds_every_slot_and_frame, 0)
{
    const zc_swp slots[] = {
        zc_swp_make(0, 0), zc_swp_make(0, 1),
        zc_swp_make(ZC_SWP_TYPE_COUNT - 1, 0),
        zc_swp_make(3, (UINT64_C(1) << 32) - 1),
        zc_swp_make(ZC_SWP_TYPE_COUNT - 1, (UINT64_C(1) << 51) - 1)};
    size_t i;
    zc_pte pte;

    for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        pte = zc_pte_of_slot(slots[i]);
        assert_int_equal(zc_pte_slot(pte | ZC_PTE_KEPT).value, slots[i].value);
        assert_true((pte & ZC_PTE_SWAP) != 0);
        assert_true((pte & (ZC_PTE_PRESENT | ZC_PTE_KEPT)) == 0);
    }
    for (i = 0; i < 64; i++) {
        pte = zc_pte_of_frame(machine.vm, &machine.vm->frames[i]);
        assert_ptr_equal(zc_pte_frame(machine.vm, pte | ZC_PTE_WRITE),
                         &machine.vm->frames[i]);
    }
    assert_true(zc_pte_same(5, 5 | ZC_PTE_DIRTY | ZC_PTE_ACCESSED));
    assert_false(zc_pte_same(ZC_PTE_MAPPED, ZC_PTE_MAPPED | ZC_PTE_WRITE));
    assert_false(zc_pte_same(ZC_PTE_PRESENT, ZC_PTE_PRESENT | 1u << 8));
}

TEST_IN_SPACE(mapping_what_is_mapped_changes_nothing, 1025)
{
    support_vm_write(space, 511, 1);
    support_vm_write(space, 1024, 2);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_map(space, 0, 1025, ZC_VM_LOCKED), ZC_OK);
    expect_page(space, 511, 1);
    expect_page(space, 1024, 2);
    support_vm_reclaim_all(&machine);
    assert_true(is_out(space, 511)); /* not locked */
    support_vm_expect_zeros(space, 512);
    assert_status(zc_vm_map(space, 0, 0, 0), ZC_OK);
    assert_status(zc_vm_unmap(space, 1025, 0), ZC_OK);
}

TEST_IN_SPACE(unmapped_pages_leave_nothing, 1025)
{
    char byte;

    support_vm_write(space, 0, 1);
    support_vm_write(space, 600, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(space, 1, 1);
    expect_page(space, 600, 1); /* in the swap cache */
    assert_int_equal(slots_used(), 2);
    assert_status(zc_vm_unmap(space, 0, 601), ZC_OK);
    assert_int_equal(slots_used(), 0);
    assert_int_equal(stats().frames_free, 64);
    assert_int_equal(zc_zswap_stored_pages(&machine.cache->zswap), 0);
    assert_status(zc_vm_read(space, 600, 0, &byte, 1, NULL), ZC_INVALID);
    support_vm_expect_zeros(space, 601);
    assert_status(zc_vm_map(space, 600, 1, 0), ZC_OK);
    support_vm_expect_zeros(space, 600);
}

/* A range goes from table to table: it begins in a table and ends in another,
 * and some in it have no table. */
TEST_IN_SPACE(a_range_has_all_pages_of_all_its_tables, 0)
{
    const uint64_t pages[] = {512, 1535, 1536, 2048};
    char byte;
    unsigned i;

    assert_status(zc_vm_space_create(machine.vm, 0, 4096, &space), ZC_OK);
    assert_status(zc_vm_map(space, 512, 1, 0), ZC_OK);
    assert_status(zc_vm_map(space, 1535, 514, 0), ZC_OK);
    for (i = 0; i < 4; i++)
        support_vm_write(space, pages[i], i);
    assert_status(zc_vm_unmap(space, 0, 4096), ZC_OK);
    for (i = 0; i < 4; i++)
        assert_status(zc_vm_read(space, pages[i], 0, &byte, 1, NULL),
                      ZC_INVALID);
}

/* The folio of a page that is present, and still has its slot, is locked: it
 * goes later, when reclaim finds it or the machine ends. */
TEST(a_page_unmapped_while_locked_goes_later)
{
    const struct support_vm_kind kind = {.frames = 64};
    struct zc_folio *folio;
    unsigned i;

    for (i = 0; i < 2; i++) {
        machine_begin(&kind, 1);
        support_vm_write(space, 0, 1);
        support_vm_reclaim_all(&machine);
        expect_page(space, 0, 1);
        folio = &support_vm_frame(space, 0)->folio;
        zc_folio_get(folio);
        assert_true(zc_folio_trylock(folio));
        end_space(&space);
        assert_int_equal(slots_used(), 1);
        zc_folio_unlock(&machine.cache->swap, folio);
        zc_folio_put(&machine.cache->swap, folio);
        assert_int_equal(slots_used(), 1);
        if (i == 1) {
            zc_vm_destroy(machine.vm);
            break;
        }
        support_vm_reclaim_all(&machine);
        assert_int_equal(slots_used(), 0);
        machine_end();
    }
}

/* The tables of a space that has ended serve the next one. */
TEST_IN_SPACE(tables_are_used_again, 600)
{
    const struct zc_vm_table *table = zc_vm_table_find(space, 0);

    support_vm_write(space, 599, 1);
    end_space(&space);
    space = support_vm_space(&machine, 10);
    assert_ptr_equal(zc_vm_table_find(space, 0), table);
    support_vm_expect_zeros(space, 9);
}

/* A space may be far larger than what is mapped of it: nothing goes through all
 * places for page tables. */
TEST_IN_SPACE(a_large_space_costs_what_is_mapped, 0)
{
    const uint64_t pages = UINT64_C(1) << 30;
    const size_t bytes = (size_t)(pages >> ZC_TABLE_SHIFT) * sizeof(void *);
    const size_t edge = (size_t)1 << 20;
    uintptr_t middle;

    assert_status(zc_vm_space_create(machine.vm, 0, pages, &space), ZC_OK);
    /* An access there ends the test. */
    middle = ((uintptr_t)space->tables + edge) & ~(uintptr_t)(edge - 1);
    assert_int_equal(mprotect((void *)middle, bytes - 2 * edge, PROT_NONE), 0);
    assert_status(zc_vm_map(space, 0, 2, 0), ZC_OK);
    assert_status(zc_vm_map(space, pages - 2, 2, 0), ZC_OK);
    support_vm_write(space, 1, 1);
    support_vm_write(space, pages - 1, 2);
    support_vm_reclaim_all(&machine);
    fork_space();
    support_vm_check(&machine);
    assert_status(zc_vm_swap_off(machine.vm, machine.type), ZC_OK);
    expect_page(space, 1, 1);
    expect_page(other, pages - 1, 2);
}

TEST_IN_SPACE(spaces_and_mappings_without_memory_leave_nothing, 0)
{
    uint32_t countdown = 0;
    zc_status status;
    char byte;

    do {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown++, 1);
        status = zc_vm_space_create(machine.vm, 0, 2000, &space);
        zc_inject_disarm();
        assert_true(status == ZC_OK || status == ZC_NO_MEMORY);
        assert_int_equal(status == ZC_OK, space != NULL);
        assert_int_equal(stats().spaces, space != NULL);
    } while (status != ZC_OK);
    assert_in_range(countdown, 3, 6);
    for (countdown = 0;; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, UINT32_MAX);
        status = zc_vm_map(space, 100, 1800, 0);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_status(zc_vm_read(space, 100, 0, &byte, 1, NULL), ZC_INVALID);
        support_vm_check(&machine);
    }
    assert_in_range(countdown, 1, 4); /* what was made stays for the next */
    support_vm_expect_zeros(space, 1899);
}

TEST_IN_SPACE(impossible_spaces_and_ranges_are_refused, 0)
{
    static const struct {
        unsigned owner;
        uint64_t pages;
        zc_status status;
    } spaces[] = {
        {0, 0, ZC_INVALID},
        {0, ZC_VM_PAGES_MAX + 1, ZC_INVALID},
        {ZC_OWNER_COUNT, 1, ZC_INVALID},
        {ZC_OWNER_COUNT - 1, 1025, ZC_OK},
    };
    static const struct {
        uint64_t first;
        uint64_t count;
        unsigned flags;
    } ranges[] = {
        {1025, 1, 0},       {1024, 2, 0}, {1, UINT64_MAX, 0},
        {UINT64_MAX, 2, 0}, {0, 1, 8},
    };
    size_t i;

    assert_status(zc_vm_space_create(NULL, 0, 1, &space), ZC_INVALID);
    assert_status(zc_vm_space_create(machine.vm, 0, 1, NULL), ZC_INVALID);
    for (i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        assert_null(space);
        assert_status(zc_vm_space_create(machine.vm, spaces[i].owner,
                                         spaces[i].pages, &space),
                      spaces[i].status);
    }
    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        assert_status(
            zc_vm_map(space, ranges[i].first, ranges[i].count, ranges[i].flags),
            ZC_INVALID);
        if (ranges[i].flags == 0)
            assert_status(zc_vm_unmap(space, ranges[i].first, ranges[i].count),
                          ZC_INVALID);
    }
    assert_status(zc_vm_map(NULL, 0, 1, 0), ZC_INVALID);
    assert_status(zc_vm_unmap(NULL, 0, 1), ZC_INVALID);
    assert_status(
        zc_vm_get_stats(NULL, &(struct zc_vm_stats){.struct_size = 8}),
        ZC_INVALID);
    assert_status(zc_vm_get_stats(machine.vm, NULL), ZC_INVALID);
}
