/* SPDX-License-Identifier: MIT */
/* test_vm_space.c - spaces: made, mapped, unmapped, ended; their tables. */
#include <sys/mman.h>

#include "support_test.h"
#include "support_vm.h"

#include "base/inject.h"
#include "vm/vm.h"

static struct support_vm machine;

static void begin(void)
{
    const struct support_vm_kind kind = {.frames = 64};

    machine = support_vm_make(&kind);
}

TEST(an_entry_holds_every_slot_and_frame)
{
    const zc_swp slots[] = {
        zc_swp_make(0, 0), zc_swp_make(0, 1),
        zc_swp_make(ZC_SWP_TYPE_COUNT - 1, 0),
        zc_swp_make(3, (UINT64_C(1) << 32) - 1),
        zc_swp_make(ZC_SWP_TYPE_COUNT - 1, (UINT64_C(1) << 51) - 1)};
    size_t i;
    zc_pte pte;

    begin();
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
    support_vm_end(&machine);
}

TEST(mapping_what_is_mapped_changes_nothing)
{
    struct zc_vm_space *space;

    begin();
    space = support_vm_space(&machine, 1025);
    support_vm_write(space, 511, 1);
    support_vm_write(space, 1024, 2);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_map(space, 0, 1025, ZC_VM_LOCKED), ZC_OK);
    assert_true((support_vm_entry(space, 0) & ZC_PTE_LOCKED) == 0);
    (void)support_vm_expect(space, 511, 511, 1);
    (void)support_vm_expect(space, 1024, 1024, 2);
    support_vm_expect_zeros(space, 512);
    assert_status(zc_vm_map(space, 0, 0, 0), ZC_OK);
    assert_status(zc_vm_unmap(space, 1025, 0), ZC_OK);
    assert_status(zc_vm_unmap(space, 1025, 1), ZC_INVALID);
    assert_status(zc_vm_unmap(space, UINT64_MAX, 2), ZC_INVALID);
    assert_status(zc_vm_map(space, 1, UINT64_MAX, 0), ZC_INVALID);
    assert_status(zc_vm_map(NULL, 0, 1, 0), ZC_INVALID);
    assert_status(zc_vm_unmap(NULL, 0, 1), ZC_INVALID);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(unmapped_pages_leave_nothing)
{
    struct zc_vm_space *space;
    char byte;

    begin();
    space = support_vm_space(&machine, 1025);
    support_vm_write(space, 0, 1);
    support_vm_write(space, 600, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(space, 1, 1);
    (void)support_vm_expect(space, 600, 600, 1); /* in the swap cache */
    assert_int_equal(support_vm_slots_used(&machine), 2);
    assert_status(zc_vm_unmap(space, 0, 601), ZC_OK);
    assert_int_equal(support_vm_slots_used(&machine), 0);
    assert_int_equal(support_vm_stats(&machine).frames_free, 64);
    assert_int_equal(zc_zswap_stored_pages(&machine.cache->zswap), 0);
    assert_status(zc_vm_read(space, 600, 0, &byte, 1, NULL), ZC_INVALID);
    support_vm_expect_zeros(space, 601);
    assert_status(zc_vm_map(space, 600, 1, 0), ZC_OK);
    support_vm_expect_zeros(space, 600);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

/* A page that is present and still has its slot; the test has its folio locked.
 */
static struct zc_vm_space *space_with_page_in_cache(struct zc_folio **folio_out)
{
    struct zc_vm_space *space = support_vm_space(&machine, 1);

    support_vm_write(space, 0, 1);
    support_vm_reclaim_all(&machine);
    (void)support_vm_expect(space, 0, 0, 1);
    *folio_out = &support_vm_frame(space, 0)->folio;
    zc_folio_get(*folio_out);
    assert_true(zc_folio_trylock(*folio_out));
    return space;
}

/* The folio of an unmapped page is locked: it is freed later. */
TEST(a_page_unmapped_while_locked_goes_later)
{
    struct zc_vm_space *space;
    struct zc_folio *folio;

    begin();
    space = space_with_page_in_cache(&folio);
    assert_status(zc_vm_unmap(space, 0, 1), ZC_OK);
    assert_int_equal(support_vm_slots_used(&machine), 1);
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    /* Reclaim finds it, or the end of the machine. */
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_slots_used(&machine), 0);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(the_end_takes_what_is_left_in_the_cache)
{
    struct zc_vm_space *space;
    struct zc_folio *folio;

    begin();
    space = space_with_page_in_cache(&folio);
    zc_vm_space_destroy(space);
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    assert_int_equal(support_vm_slots_used(&machine), 1);
    zc_vm_destroy(machine.vm);
}

TEST(tables_are_used_again)
{
    struct zc_vm_space *space;
    struct zc_vm_table *table;

    begin();
    space = support_vm_space(&machine, 600);
    support_vm_write(space, 599, 1);
    table = zc_vm_table_find(space, 0);
    assert_ptr_equal(zc_vm_table_find(space, 511), table);
    assert_ptr_not_equal(zc_vm_table_find(space, 512), table);
    assert_int_equal(zc_vm_table_find(space, 512)->first, 512);
    zc_vm_space_destroy(space);
    /* The one given back last comes first. */
    space = support_vm_space(&machine, 10);
    assert_ptr_equal(zc_vm_table_find(space, 0), table);
    assert_int_equal(table->first, 0);
    assert_ptr_equal(table->space, space);
    support_vm_expect_zeros(space, 9);
    support_vm_check(&machine);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

/* A space may be far larger than what is mapped of it: nothing goes through all
 * places for page tables. */
TEST(a_large_space_costs_what_is_mapped)
{
    const uint64_t pages = UINT64_C(1) << 30;
    const size_t bytes = (size_t)(pages >> ZC_TABLE_SHIFT) * sizeof(void *);
    const size_t edge = (size_t)1 << 20;
    struct zc_vm_space *space = NULL;
    struct zc_vm_space *child = NULL;
    uintptr_t middle;

    begin();
    assert_status(zc_vm_space_create(machine.vm, 0, pages, &space), ZC_OK);
    /* An access there ends the test. */
    middle = ((uintptr_t)space->tables + edge) & ~(uintptr_t)(edge - 1);
    assert_int_equal(mprotect((void *)middle, bytes - 2 * edge, PROT_NONE), 0);
    assert_status(zc_vm_map(space, 0, 2, 0), ZC_OK);
    assert_status(zc_vm_map(space, pages - 2, 2, 0), ZC_OK);
    support_vm_write(space, 1, 1);
    support_vm_write(space, pages - 1, 2);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    support_vm_check(&machine);
    assert_status(zc_vm_swap_off(machine.vm, machine.type), ZC_OK);
    (void)support_vm_expect(space, 1, 1, 1);
    (void)support_vm_expect(child, pages - 1, pages - 1, 2);
    zc_vm_space_destroy(space);
    zc_vm_space_destroy(child);
    support_vm_end(&machine);
}

TEST(spaces_and_mappings_without_memory_leave_nothing)
{
    struct zc_vm_space *space = NULL;
    uint32_t countdown;
    zc_status status;
    char byte;

    begin();
    for (countdown = 0;; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        status = zc_vm_space_create(machine.vm, 0, 2000, &space);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_null(space);
        assert_int_equal(support_vm_stats(&machine).spaces, 0);
    }
    assert_in_range(countdown, 2, 5);
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
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(impossible_spaces_are_refused)
{
    struct zc_vm_space *space = NULL;

    begin();
    assert_status(zc_vm_space_create(NULL, 0, 1, &space), ZC_INVALID);
    assert_status(zc_vm_space_create(machine.vm, 0, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_space_create(machine.vm, 0, 0, &space), ZC_INVALID);
    assert_status(
        zc_vm_space_create(machine.vm, 0, ZC_VM_PAGES_MAX + 1, &space),
        ZC_INVALID);
    assert_status(zc_vm_space_create(machine.vm, ZC_OWNER_COUNT, 1, &space),
                  ZC_INVALID);
    assert_null(space);
    assert_status(zc_vm_space_create(machine.vm, ZC_OWNER_COUNT - 1, 1, &space),
                  ZC_OK);
    zc_vm_space_destroy(space);
    zc_vm_space_destroy(NULL);
    zc_vm_destroy(NULL);
    support_vm_end(&machine);
}

/* Whatever is missing, of the machine or of its cache: nothing is left. */
TEST(a_machine_without_memory_is_none)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_MALLOC, ZC_INJECT_PAGES, ZC_INJECT_THREAD};
    struct zc_vm *vm = NULL;
    uint32_t countdown;
    zc_status status;
    unsigned i;

    for (i = 0; i < 3; i++) {
        for (countdown = 0;; countdown++) {
            zc_inject_arm(points[i], countdown, 1);
            status = zc_vm_create(
                ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .shrink_worker = 1),
                ZC_VM_OPTIONS(.frame_count = 16, .background_reclaim = 1), &vm);
            zc_inject_disarm();
            if (status == ZC_OK)
                break;
            assert_true(status == ZC_NO_MEMORY);
            assert_null(vm);
        }
        assert_true(countdown > 0);
        zc_vm_destroy(vm);
        vm = NULL;
    }
    assert_int_equal(countdown, 2); /* the worker, and the reclaimer */
}

TEST(a_machine_of_all_defaults)
{
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};
    struct zc_vm *vm = NULL;

    assert_status(zc_vm_create(NULL, NULL, &vm), ZC_OK);
    assert_status(zc_vm_get_stats(vm, &stats), ZC_OK);
    assert_int_equal(stats.frame_count, 16384);
    assert_int_equal(stats.frames_free, 16384);
    assert_status(zc_vm_get_stats(NULL, &stats), ZC_INVALID);
    assert_status(zc_vm_get_stats(vm, NULL), ZC_INVALID);
    assert_status(zc_vm_set_owner_limit(NULL, 0, 1), ZC_INVALID);
    zc_vm_destroy(vm);
}
