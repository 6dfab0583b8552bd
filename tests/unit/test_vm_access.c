/* SPDX-License-Identifier: MIT */
/*
 * test_vm_access.c - reads, writes and touches as a processor does them; the
 * first touch, and a write to a page that others share.
 */
#include "support_machine.h"
#include "support_threads.h"

#include "base/inject.h"

#define PAGE 2

TEST_IN_SPACE(parts_of_a_page_are_where_they_belong, 8)
{
    char bytes[SUPPORT_VM_PAGE];
    enum zc_fault_kind kind = ZC_FAULT_KINDS;

    assert_status(zc_vm_write(space, 1, 0, "head", 4, NULL), ZC_OK);
    assert_status(zc_vm_write(space, 1, SUPPORT_VM_PAGE - 4, "tail", 4, NULL),
                  ZC_OK);
    assert_status(zc_vm_write(space, 1, 100, "middle", 6, &kind), ZC_OK);
    assert_int_equal(kind, ZC_FAULT_NONE);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_read(space, 1, 0, bytes, sizeof(bytes), NULL), ZC_OK);
    assert_memory_equal(bytes, "head", 5);
    assert_memory_equal(bytes + 99, "\0middle", 8);
    assert_memory_equal(bytes + SUPPORT_VM_PAGE - 4, "tail", 4);
    assert_status(zc_vm_read(space, 1, 102, bytes, 2, NULL), ZC_OK);
    assert_memory_equal(bytes, "dd", 2);
    /* A read of no bytes only checks the entry. */
    assert_status(zc_vm_read(space, 1, SUPPORT_VM_PAGE, bytes, 0, NULL), ZC_OK);
}

TEST_IN_SPACE(what_is_no_access_is_refused, 600)
{
    const struct {
        uint64_t page;
        size_t offset;
        size_t size;
    } cases[] = {
        {3, 0, 1}, /* unmapped below */
        {600, 0, 1},      {0, SUPPORT_VM_PAGE, 1}, {0, 1, SUPPORT_VM_PAGE},
        {0, SIZE_MAX, 2},
    };
    char bytes[2];
    size_t i;

    assert_status(zc_vm_unmap(space, 3, 1), ZC_OK);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_status(zc_vm_read(space, cases[i].page, cases[i].offset, bytes,
                                 cases[i].size, NULL),
                      ZC_INVALID);
        assert_status(zc_vm_write(space, cases[i].page, cases[i].offset, bytes,
                                  cases[i].size, NULL),
                      ZC_INVALID);
    }
    assert_status(zc_vm_read(NULL, 0, 0, bytes, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_read(space, 0, 0, NULL, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_write(NULL, 0, 0, bytes, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_write(space, 0, 0, NULL, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_touch(NULL, 0, false, NULL), ZC_INVALID);
    assert_status(zc_vm_touch(space, 600, false, NULL), ZC_INVALID);
    assert_status(zc_vm_space_create(machine.vm, 0, 600, &other), ZC_OK);
    assert_status(zc_vm_read(other, 599, 0, bytes, 1, NULL), ZC_INVALID);
}

/* V1: writes that overlap in time, one of them whole. */
static void write_whole_pages(struct support_worker *worker)
{
    char bytes[SUPPORT_VM_PAGE];
    uint64_t sequence;

    for (sequence = 1; !support_is_stopped(worker); sequence++) {
        support_vm_fill(bytes, worker->index, sequence);
        if (zc_vm_write(space, 0, 0, bytes, sizeof(bytes), NULL) != ZC_OK)
            support_mistake(worker, "write");
        worker->operations++;
    }
}

static void read_whole_pages(struct support_worker *worker)
{
    char bytes[SUPPORT_VM_PAGE];
    uint64_t sequence;
    uint64_t owner;

    while (!support_is_stopped(worker)) {
        if (zc_vm_read(space, 0, 0, bytes, sizeof(bytes), NULL) != ZC_OK)
            support_mistake(worker, "read");
        else if (!support_is_whole(bytes, SUPPORT_VM_PAGE / 2, &owner,
                                   &sequence))
            support_mistake(worker, "half of one page and half of another");
        (void)zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT, 1, NULL);
        worker->operations++;
    }
}

TEST_IN_SPACE(writes_are_seen_whole, 8)
{
    struct support_crew crew;

    support_vm_write(space, 0, 1);
    support_crew_init(&crew);
    support_crew_add(&crew, write_whole_pages, NULL);
    support_crew_add(&crew, write_whole_pages, NULL);
    support_crew_add(&crew, read_whole_pages, NULL);
    support_crew_stress(&crew, 200);
}

/* ---- first touch ---- */

TEST_IN_SPACE(the_first_touch_gets_zeros, 8)
{
    /* A frame that was used before. */
    support_vm_write(space, PAGE, 1);
    assert_status(zc_vm_unmap(space, PAGE, 1), ZC_OK);
    assert_status(zc_vm_map(space, PAGE, 1, 0), ZC_OK);
    assert_int_equal(touch(space, PAGE, false), ZC_FAULT_ZERO);
    assert_int_equal(touch(space, PAGE, true), ZC_FAULT_NONE);
    support_vm_expect_zeros(space, PAGE);
}

TEST_IN_SPACE(without_a_frame_nothing_changes, 8)
{
    unsigned i;

    for (i = 0; i < 2; i++) { /* a first touch, and a copy */
        zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
        assert_status(zc_vm_touch(space, PAGE, true, NULL), ZC_NO_MEMORY);
        zc_inject_disarm();
        support_vm_check(&machine);
        if (i == 0) {
            support_vm_write(space, PAGE, 1);
            fork_space();
        }
    }
    assert_int_equal(touch(space, PAGE, true), ZC_FAULT_COPY);
    expect_page(other, PAGE, 1);
    expect_page(space, PAGE, 1);
}

/*
 * What another thread does while a fault waits for a frame: the owner is at its
 * limit, and the fault writes out page 0, the coldest, itself.
 */
static void begin_at_limit(void (*action)(void))
{
    assert_status(zc_cache_set_limit(machine.cache, 1, 0), ZC_OK);
    support_vm_write(space, 0, 1);
    if (action != NULL)
        assert_status(zc_vm_set_owner_limit(machine.vm, 0, frames_of(0)),
                      ZC_OK);
    meanwhile = action;
}

static void lift_limit(void)
{
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 0), ZC_OK);
}

static void write_it(void)
{
    lift_limit();
    support_vm_write(space, PAGE, 7);
}

static void unmap_it(void)
{
    lift_limit();
    assert_status(zc_vm_unmap(space, PAGE, 1), ZC_OK);
}

#define TEST_AT_LIMIT(name)                                                    \
    TEST_OF_MACHINE(name, 8, .backing_ops = &meanwhile_device)

TEST_AT_LIMIT(a_first_touch_that_comes_second_is_none)
{
    begin_at_limit(write_it);
    /* What is written meanwhile is not written out by this fault. */
    assert_status(zc_vm_unmap(space, PAGE, 1), ZC_OK);
    assert_status(zc_vm_map(space, PAGE, 1, ZC_VM_LOCKED), ZC_OK);
    assert_int_equal(touch(space, PAGE, true), ZC_FAULT_NONE);
    assert_int_equal(stats().fault_retries, 1);
    assert_int_equal(stats().installs_failed, 0);
    expect_page(space, PAGE, 7);
}

static void share_at_limit(void (*action)(void))
{
    support_vm_write(space, 0, 1);
    support_vm_write(space, PAGE, 1);
    fork_space();
    begin_at_limit(action);
}

TEST_AT_LIMIT(a_copy_of_what_is_gone_is_dropped)
{
    share_at_limit(unmap_it);
    assert_status(zc_vm_touch(space, PAGE, true, NULL), ZC_INVALID);
    assert_int_equal(stats().fault_retries, 1);
    expect_page(other, PAGE, 1);
}

/* The fault writes out the very page, after page 0. */
TEST_AT_LIMIT(a_copy_of_what_is_swapped_out_is_dropped)
{
    share_at_limit(lift_limit);
    support_vm_write(space, PAGE, 9);
    assert_true(stats().fault_retries >= 1);
    expect_page(other, PAGE, 1);
    expect_page(space, PAGE, 9);
}

/* ---- a write to what is not writable ---- */

TEST_IN_SPACE(a_shared_page_is_copied_by_the_first_writer, 8)
{
    support_vm_write(space, PAGE, 1);
    fork_space();
    assert_int_equal(touch(other, PAGE, true), ZC_FAULT_COPY);
    assert_int_equal(touch(space, PAGE, true), ZC_FAULT_REUSE);
    assert_int_equal(stats().frames_free, 62);
    support_vm_write(space, PAGE, 2);
    expect_page(other, PAGE, 1);
}

TEST_IN_SPACE(the_last_space_of_a_page_reuses_its_frame, 8)
{
    support_vm_write(space, PAGE, 1);
    fork_space();
    end_space(&space);
    assert_int_equal(touch(other, PAGE, true), ZC_FAULT_REUSE);
    expect_page(other, PAGE, 1);
}

/* A thread that looks at the frame, and one that has its folio locked too. */
TEST_IN_SPACE(a_frame_in_use_by_a_thread_is_copied, 8)
{
    struct zc_folio *folio;
    unsigned i;

    for (i = 0; i < 2; i++) {
        support_vm_write(space, PAGE, 1);
        fork_space();
        end_space(&other);
        folio = &support_vm_frame(space, PAGE)->folio;
        zc_folio_get(folio);
        assert_true(i == 0 || zc_folio_trylock(folio));
        assert_int_equal(touch(space, PAGE, true), ZC_FAULT_COPY);
        if (i == 1)
            zc_folio_unlock(&machine.cache->swap, folio);
        zc_folio_put(&machine.cache->swap, folio);
        support_vm_check(&machine);
    }
}

/* ---- a write to a page that has a slot ---- */

TEST_IN_SPACE(a_write_gives_up_the_slot_of_an_own_page, 8)
{
    support_vm_write(space, PAGE, 1);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_expect(space, PAGE, PAGE, 1), ZC_FAULT_POOL);
    assert_false(is_writable(space, PAGE));
    assert_int_equal(slots_used(), 1);
    assert_int_equal(touch(space, PAGE, true), ZC_FAULT_REUSE);
    assert_int_equal(slots_used(), 0);
    /* It is dirty now: it is written out again. */
    support_vm_reclaim_all(&machine);
    assert_int_equal(stats().swapped_out, 2);
    expect_page(space, PAGE, 1);
}

TEST_IN_SPACE(a_write_copies_a_page_whose_slot_is_shared, 8)
{
    support_vm_write(space, PAGE, 1);
    fork_space();
    support_vm_reclaim_all(&machine);
    expect_page(space, PAGE, 1);
    assert_int_equal(touch(space, PAGE, true), ZC_FAULT_COPY);
    support_vm_write(space, PAGE, 2);
    expect_page(other, PAGE, 1);
    expect_page(space, PAGE, 2);
}
