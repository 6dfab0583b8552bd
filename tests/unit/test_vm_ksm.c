/* SPDX-License-Identifier: MIT */
/* test_vm_ksm.c - equal pages in one frame, until one is written to. */
#include "support_test.h"
#include "support_vm.h"

#include "vm/vm.h"

static struct support_vm machine;
static struct zc_vm_space *one;
static struct zc_vm_space *two;

static void fill_page(struct zc_vm_space *space, uint64_t page,
                      uint64_t sequence)
{
    char bytes[SUPPORT_VM_PAGE];

    support_vm_fill(bytes, 7, sequence);
    assert_status(zc_vm_write(space, page, 0, bytes, sizeof(bytes), NULL),
                  ZC_OK);
}

static void begin(void)
{
    const struct support_vm_kind kind = {.frames = 64};

    machine = support_vm_make(&kind);
    one = support_vm_space_of(&machine, 1, 4, 0);
    two = support_vm_space_of(&machine, 2, 4, 0);
    fill_page(one, 0, 5);
    fill_page(two, 3, 5);
}

static void end(void)
{
    support_vm_check(&machine);
    zc_vm_space_destroy(one);
    zc_vm_space_destroy(two);
    support_vm_end(&machine);
}

TEST(equal_pages_become_one_frame)
{
    begin();
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_OK);
    assert_ptr_equal(support_vm_frame(one, 0), support_vm_frame(two, 3));
    assert_int_equal(support_vm_stats(&machine).pages_merged, 1);
    assert_int_equal(support_vm_stats(&machine).frames_free, 63);
    assert_true((support_vm_entry(one, 0) & ZC_PTE_WRITE) == 0);
    assert_true((support_vm_entry(two, 3) & ZC_PTE_WRITE) == 0);
    assert_status(zc_vm_merge(two, 3, one, 0), ZC_OK); /* it was before */
    assert_status(zc_vm_merge(one, 0, one, 0), ZC_OK);
    assert_int_equal(support_vm_stats(&machine).pages_merged, 1);
    end();
}

TEST(what_differs_or_is_not_there_is_missing)
{
    begin();
    assert_status(zc_vm_merge(one, 1, two, 3), ZC_MISSING);
    assert_status(zc_vm_merge(one, 0, two, 0), ZC_MISSING);
    fill_page(two, 3, 6);
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_MISSING);
    fill_page(two, 3, 5);
    assert_status(zc_vm_write(two, 3, SUPPORT_VM_PAGE - 1, "x", 1, NULL),
                  ZC_OK);
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_MISSING);
    support_vm_check(&machine);
    /* It was made read-only to be compared, and is its owner's still. */
    fill_page(two, 3, 5);
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_OK);
    assert_status(zc_vm_merge(one, 4, two, 3), ZC_INVALID);
    assert_status(zc_vm_merge(one, 0, two, 4), ZC_INVALID);
    assert_status(zc_vm_merge(NULL, 0, two, 3), ZC_INVALID);
    assert_status(zc_vm_merge(one, 0, NULL, 3), ZC_INVALID);
    end();
}

TEST(a_space_without_tables_has_nothing_to_merge)
{
    struct zc_vm_space *empty = NULL;

    begin();
    assert_status(zc_vm_space_create(machine.vm, 0, 4, &empty), ZC_OK);
    assert_status(zc_vm_merge(one, 0, empty, 0), ZC_MISSING);
    assert_status(zc_vm_merge(empty, 0, one, 0), ZC_MISSING);
    zc_vm_space_destroy(empty);
    end();
}

static void expect_busy_while_locked(struct zc_vm_space *space, uint64_t page)
{
    struct zc_folio *folio = &support_vm_frame(space, page)->folio;

    zc_folio_get(folio);
    assert_true(zc_folio_trylock(folio));
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_BUSY);
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    assert_false(
        zc_folio_has(&support_vm_frame(one, 0)->folio, ZC_FOLIO_LOCKED));
}

TEST(what_is_being_used_is_busy)
{
    begin();
    expect_busy_while_locked(one, 0);
    expect_busy_while_locked(two, 3);
    support_vm_check(&machine);
    /* With a slot it is in the swap cache. */
    support_vm_reclaim_all(&machine);
    (void)support_vm_expect(one, 0, 7, 5);
    fill_page(two, 3, 5);
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_BUSY);
    assert_status(zc_vm_merge(two, 3, one, 0), ZC_BUSY);
    fill_page(one, 0, 5);
    assert_status(zc_vm_merge(two, 3, one, 0), ZC_OK);
    end();
}

TEST(a_write_breaks_them_apart)
{
    enum zc_fault_kind kind;

    begin();
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_OK);
    assert_status(zc_vm_touch(two, 3, true, &kind), ZC_OK);
    assert_int_equal(kind, ZC_FAULT_COPY);
    fill_page(two, 3, 6);
    (void)support_vm_expect(one, 0, 7, 5);
    (void)support_vm_expect(two, 3, 7, 6);
    assert_status(zc_vm_touch(one, 0, true, &kind), ZC_OK);
    assert_int_equal(kind, ZC_FAULT_REUSE);
    end();
}

TEST(who_is_left_copies_when_it_comes_back)
{
    begin();
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_OK);
    /* Unmaps the home of the frame, which stays mapped at the other page: that
     * one is reclaimed, and faults in without a copy. */
    assert_status(zc_vm_unmap(one, 0, 1), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_expect(two, 3, 7, 5), ZC_FAULT_POOL);
    assert_int_equal(support_vm_stats(&machine).ksm_copies, 0);
    end();
}

TEST(merged_pages_go_out_under_one_slot_and_come_apart)
{
    zc_swp slot;

    begin();
    fill_page(one, 2, 5);
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_OK);
    assert_status(zc_vm_merge(one, 0, one, 2), ZC_OK);
    support_vm_reclaim_all(&machine);
    slot = support_vm_slot(one, 0);
    assert_int_equal(support_vm_slot(two, 3).value, slot.value);
    assert_int_equal(support_vm_slot(one, 2).value, slot.value);
    assert_int_equal(zc_slot_count(zc_slot_find(&machine.cache->swap, slot)),
                     3);
    assert_int_equal(support_vm_slots_used(&machine), 1);
    support_vm_check(&machine);
    /* Another page of the same space is as foreign as another space. */
    (void)support_vm_expect(one, 2, 7, 5);
    (void)support_vm_expect(one, 0, 7, 5);
    (void)support_vm_expect(two, 3, 7, 5);
    assert_int_equal(support_vm_stats(&machine).ksm_copies, 2);
    assert_ptr_not_equal(support_vm_frame(one, 0), support_vm_frame(one, 2));
    end();
}

/* What was never written since it came in has no other copy once merged. */
TEST(a_merged_frame_is_written_out_again)
{
    begin();
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    fill_page(one, 0, 5);
    fill_page(two, 3, 5);
    assert_status(zc_vm_merge(one, 0, two, 3), ZC_OK);
    assert_status(zc_vm_unmap(one, 0, 1), ZC_OK);
    support_vm_reclaim_all(&machine);
    (void)support_vm_expect(two, 3, 7, 5);
    end();
}

TEST(machines_do_not_share)
{
    const struct support_vm_kind kind = {.frames = 64};
    struct support_vm elsewhere = support_vm_make(&kind);
    struct zc_vm_space *three = support_vm_space(&elsewhere, 4);

    begin();
    fill_page(three, 0, 5);
    assert_status(zc_vm_merge(one, 0, three, 0), ZC_INVALID);
    end();
    zc_vm_space_destroy(three);
    support_vm_end(&elsewhere);
}
