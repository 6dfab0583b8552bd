/* SPDX-License-Identifier: MIT */
/*
 * test_vm_share.c - frames that several pages share, after a fork or a merge:
 * each page sees what was there, and then its own writes (V2, V3).
 */
#include "support_machine.h"

#include "base/inject.h"

#define PAGES 1100 /* three tables */

/* ---- fork ---- */

TEST_OF_MACHINE(a_child_has_each_kind_of_entry, PAGES, .frames = 512)
{
    const uint64_t before = stats().pages_forked;
    char byte;

    assert_status(zc_vm_unmap(space, 5, 1), ZC_OK);
    support_vm_write(space, 0, 1);    /* swapped out */
    support_vm_write(space, 1099, 1); /* swapped out, and in again */
    support_vm_reclaim_all(&machine);
    expect_page(space, 1099, 1);
    support_vm_write(space, 600, 1); /* present */
    fork_space();
    assert_int_equal(stats().pages_forked - before, PAGES - 1);
    assert_int_equal(stats().spaces, 2);
    support_vm_check(&machine);
    assert_int_equal(slot_count(space, 0), 2);
    assert_int_equal(support_vm_slot(space, 0).value,
                     support_vm_slot(other, 0).value);
    assert_ptr_equal(support_vm_frame(space, 600),
                     support_vm_frame(other, 600));
    assert_status(zc_vm_read(other, 5, 0, &byte, 1, NULL), ZC_INVALID);
    support_vm_expect_zeros(other, 7);
    expect_page(other, 0, 1);
    expect_page(other, 600, 1);
    expect_page(other, 1099, 1);
}

TEST_OF_MACHINE(a_child_has_the_tables_and_the_owner_of_its_parent, 0,
                .frames = 64)
{
    char byte;

    assert_status(zc_vm_space_create(machine.vm, 3, PAGES, &space), ZC_OK);
    /* The first table is not there. */
    assert_status(zc_vm_map(space, 700, 2, 0), ZC_OK);
    support_vm_write(space, 700, 4);
    fork_space();
    support_vm_write(other, 700, 5);
    assert_int_equal(frames_of(3), 2);
    expect_page(space, 700, 4);
    assert_status(zc_vm_read(other, 702, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_read(other, 1, 0, &byte, 1, NULL), ZC_INVALID);
}

TEST_IN_SPACE(each_space_of_a_family_has_its_own_writes, 3)
{
    struct zc_vm_space *grandchild = NULL;

    support_vm_write(space, 0, 1);
    support_vm_write(space, 1, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(space, 1, 2);
    fork_space();
    assert_status(zc_vm_fork(other, &grandchild), ZC_OK);
    support_vm_write(other, 0, 3);
    support_vm_write(grandchild, 1, 4);
    support_vm_reclaim_all(&machine);
    support_vm_check(&machine);
    expect_page(space, 0, 1);
    expect_page(space, 1, 2);
    expect_page(other, 0, 3);
    expect_page(other, 1, 2);
    expect_page(grandchild, 0, 1);
    expect_page(grandchild, 1, 4);
    support_vm_expect_zeros(grandchild, 2);
    end_space(&space);
    expect_page(grandchild, 0, 1);
    zc_vm_space_destroy(grandchild);
}

/* The count of a slot grows beyond its byte, and beyond its tables; a frame
 * goes out with all its mappings, and each child ends in its turn. */
TEST_IN_SPACE(one_page_has_as_many_users_as_children, 1)
{
    static const unsigned counts[] = {1, 20, 600};
    static struct zc_vm_space *children[600];
    unsigned i;
    unsigned j;

    for (i = 0; i < 2 * sizeof(counts) / sizeof(counts[0]); i++) {
        const unsigned count = counts[i / 2];
        const uint64_t out = stats().swapped_out;

        support_vm_write(space, 0, 9);
        if (i % 2 == 0) /* forks of a swap entry; else of a present page */
            support_vm_reclaim_all(&machine);
        for (j = 0; j < count; j++)
            assert_status(zc_vm_fork(space, &children[j]), ZC_OK);
        support_vm_reclaim_all(&machine);
        assert_int_equal(stats().swapped_out, out + 1);
        assert_int_equal(slot_count(space, 0), count + 1);
        support_vm_check(&machine);
        /* Some from the middle first. */
        for (j = 0; j < count; j++) {
            expect_page(children[(j + count / 2) % count], 0, 9);
            zc_vm_space_destroy(children[(j + count / 2) % count]);
            if (j % 100 == 0)
                support_vm_check(&machine);
        }
    }
}

TEST_OF_MACHINE(a_fork_without_memory_leaves_no_child, PAGES, .frames = 512)
{
    struct zc_vm_space *more[254];
    uint32_t countdown = 0;
    zc_status status;
    unsigned i;

    support_vm_write(space, 0, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(space, 1099, 1);
    /* The next count needs memory. */
    for (i = 0; i < 254; i++)
        assert_status(zc_vm_fork(space, &more[i]), ZC_OK);
    do {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown++, 1);
        status = zc_vm_fork(space, &other);
        zc_inject_disarm();
        assert_true(status == ZC_OK || status == ZC_NO_MEMORY);
        assert_int_equal(status == ZC_OK, other != NULL);
        support_vm_check(&machine);
    } while (status != ZC_OK);
    /* The space, its tables of tables, and counts beyond a byte; page tables
     * of those that failed are used again. */
    assert_in_range(countdown, 5, 99);
    expect_page(other, 0, 1);
    expect_page(space, 1099, 1);
    while (i > 0)
        zc_vm_space_destroy(more[--i]);
}

/* ---- merging ---- */

/* Content that pages of any number have. */
static void fill_page(struct zc_vm_space *of, uint64_t page, uint64_t sequence)
{
    char bytes[SUPPORT_VM_PAGE];

    support_vm_fill(bytes, 7, sequence);
    assert_status(zc_vm_write(of, page, 0, bytes, sizeof(bytes), NULL), ZC_OK);
}

static enum zc_fault_kind expect_filled(struct zc_vm_space *of, uint64_t page,
                                        uint64_t sequence)
{
    return support_vm_expect(of, page, 7, sequence);
}

static zc_status merge(void)
{
    return zc_vm_merge(space, 0, other, 3);
}

/* Page 0 of `space` and page 3 of `other`, of owner 2, are equal. */
static void make_equal(void)
{
    other = support_vm_space_of(&machine, 2, 4, 0);
    fill_page(space, 0, 5);
    fill_page(other, 3, 5);
}

TEST_IN_SPACE(equal_pages_become_one_frame_until_a_write, 4)
{
    make_equal();
    assert_status(merge(), ZC_OK);
    assert_int_equal(stats().frames_free, 63);
    assert_status(zc_vm_merge(other, 3, space, 0), ZC_OK); /* it was before */
    assert_status(zc_vm_merge(space, 0, space, 0), ZC_OK);
    assert_int_equal(stats().pages_merged, 1);
    support_vm_check(&machine);
    assert_int_equal(touch(other, 3, true), ZC_FAULT_COPY);
    fill_page(other, 3, 6);
    (void)expect_filled(space, 0, 5);
    (void)expect_filled(other, 3, 6);
    assert_int_equal(touch(space, 0, true), ZC_FAULT_REUSE);
}

TEST_IN_SPACE(pages_that_differ_or_are_not_there_are_not_merged, 4)
{
    struct zc_vm_space *empty = NULL;

    make_equal();
    assert_status(zc_vm_merge(space, 1, other, 3), ZC_MISSING);
    assert_status(zc_vm_merge(space, 0, other, 0), ZC_MISSING);
    fill_page(other, 3, 6);
    assert_status(merge(), ZC_MISSING);
    fill_page(other, 3, 5);
    assert_status(zc_vm_write(other, 3, SUPPORT_VM_PAGE - 1, "x", 1, NULL),
                  ZC_OK);
    assert_status(merge(), ZC_MISSING);
    support_vm_check(&machine);
    /* It was made read-only to be compared, and is its owner's still. */
    fill_page(other, 3, 5);
    assert_status(merge(), ZC_OK);
    assert_status(zc_vm_space_create(machine.vm, 0, 4, &empty), ZC_OK);
    assert_status(zc_vm_merge(space, 0, empty, 0), ZC_MISSING);
    assert_status(zc_vm_merge(empty, 0, space, 0), ZC_MISSING);
    zc_vm_space_destroy(empty);
}

static void expect_busy_while_locked(struct zc_vm_space *of, uint64_t page)
{
    struct zc_folio *folio = &support_vm_frame(of, page)->folio;

    zc_folio_get(folio);
    assert_true(zc_folio_trylock(folio));
    assert_status(merge(), ZC_BUSY);
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    support_vm_check(&machine); /* no folio is locked */
}

TEST_IN_SPACE(pages_in_use_are_not_merged, 4)
{
    make_equal();
    expect_busy_while_locked(space, 0);
    expect_busy_while_locked(other, 3);
    /* With a slot it is in the swap cache. */
    support_vm_reclaim_all(&machine);
    (void)expect_filled(space, 0, 5);
    fill_page(other, 3, 5);
    assert_status(merge(), ZC_BUSY);
    assert_status(zc_vm_merge(other, 3, space, 0), ZC_BUSY);
    fill_page(space, 0, 5);
    assert_status(zc_vm_merge(other, 3, space, 0), ZC_OK);
}

TEST_IN_SPACE(merged_pages_go_out_under_one_slot_and_come_apart, 4)
{
    make_equal();
    fill_page(space, 2, 5);
    assert_status(merge(), ZC_OK);
    assert_status(zc_vm_merge(space, 0, space, 2), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(slot_count(space, 0), 3);
    assert_int_equal(slots_used(), 1);
    support_vm_check(&machine);
    /* Another page of the same space is as foreign as another space, and a page
     * of its own is no other's. */
    assert_int_equal(expect_filled(space, 2, 5), ZC_FAULT_POOL);
    assert_int_equal(expect_filled(space, 0, 5), ZC_FAULT_CACHED);
    assert_int_equal(expect_filled(other, 3, 5), ZC_FAULT_CACHED);
    assert_int_equal(stats().ksm_copies, 2);
    assert_int_equal(stats().frames_free, 61);
    assert_true(is_writable(other, 3));
    assert_int_equal(frames_of(2), 1);
}

/* The frame's home is unmapped, and it stays mapped at the other page: that one
 * is written out, although it was never written to, and needs no copy when it
 * comes back. */
TEST_IN_SPACE(the_last_of_merged_pages_is_nothing_special, 4)
{
    make_equal();
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    fill_page(space, 0, 5);
    fill_page(other, 3, 5);
    assert_status(merge(), ZC_OK);
    assert_status(zc_vm_unmap(space, 0, 1), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(expect_filled(other, 3, 5), ZC_FAULT_POOL);
    assert_int_equal(stats().ksm_copies, 0);
}

/* Also where it comes back from the swap cache: the write made the page the
 * frame's home. */
TEST_IN_SPACE(a_page_that_was_written_alone_is_not_copied, 4)
{
    const struct zc_owner_options miser = {
        .struct_size = sizeof(miser), .limit_bytes = 1, .no_writeback = 1};

    make_equal();
    fill_page(space, 1, 1);
    support_vm_reclaim_all(&machine);
    fill_page(space, 0, 5);
    fill_page(other, 3, 5);
    assert_status(merge(), ZC_OK);
    assert_status(zc_vm_unmap(space, 0, 1), ZC_OK);
    assert_int_equal(touch(other, 3, true), ZC_FAULT_REUSE);
    /* It gets a slot, and no place behind it: the frame is still owner 0's. */
    assert_status(zc_cache_set_owner(machine.cache, 0, &miser), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_true(is_out(other, 3));
    assert_int_equal(expect_filled(other, 3, 5), ZC_FAULT_CACHED);
    assert_int_equal(stats().ksm_copies, 0);
}

TEST_IN_SPACE(machines_do_not_share, 4)
{
    const struct support_vm_kind kind = {.frames = 64};
    struct support_vm elsewhere = support_vm_make(&kind);
    struct zc_vm_space *stranger = support_vm_space(&elsewhere, 4);

    make_equal();
    fill_page(stranger, 0, 5);
    assert_status(zc_vm_merge(space, 0, stranger, 0), ZC_INVALID);
    zc_vm_space_destroy(stranger);
    support_vm_end(&elsewhere);
}

TEST_IN_SPACE(bad_arguments_are_refused, 4)
{
    struct zc_vm_space *child = NULL;

    make_equal();
    assert_status(zc_vm_merge(space, 4, other, 3), ZC_INVALID);
    assert_status(zc_vm_merge(space, 0, other, 4), ZC_INVALID);
    assert_status(zc_vm_merge(NULL, 0, other, 3), ZC_INVALID);
    assert_status(zc_vm_merge(space, 0, NULL, 3), ZC_INVALID);
    assert_status(zc_vm_fork(NULL, &child), ZC_INVALID);
    assert_null(child);
    assert_status(zc_vm_fork(space, NULL), ZC_INVALID);
}
