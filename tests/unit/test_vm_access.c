/* SPDX-License-Identifier: MIT */
/* test_vm_access.c - reads, writes and touches as a processor does them. */
#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include "vm/vm.h"

static struct support_vm machine;
static struct zc_vm_space *space;

static void begin(void)
{
    const struct support_vm_kind kind = {.frames = 64};

    machine = support_vm_make(&kind);
    space = support_vm_space(&machine, 8);
}

static void end(void)
{
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(parts_of_a_page_are_where_they_belong)
{
    char bytes[SUPPORT_VM_PAGE];
    enum zc_fault_kind kind = ZC_FAULT_KINDS;

    begin();
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
    end();
}

TEST(accesses_leave_their_marks)
{
    char byte = 1;

    begin();
    support_vm_write(space, 1, 1);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_read(space, 1, 0, &byte, 1, NULL), ZC_OK);
    assert_true((support_vm_entry(space, 1) & ZC_PTE_ACCESSED) != 0);
    assert_true((support_vm_entry(space, 1) & ZC_PTE_DIRTY) == 0);
    assert_true((support_vm_entry(space, 1) & ZC_PTE_WRITE) == 0);
    assert_status(zc_vm_write(space, 1, 0, &byte, 1, NULL), ZC_OK);
    assert_true((support_vm_entry(space, 1) & ZC_PTE_DIRTY) != 0);
    assert_int_equal(support_vm_stats(&machine).faults[ZC_FAULT_POOL], 1);
    end();
}

TEST(a_touch_makes_a_page_present)
{
    enum zc_fault_kind kind = ZC_FAULT_KINDS;

    begin();
    assert_status(zc_vm_touch(space, 0, false, NULL), ZC_OK);
    (void)support_vm_frame(space, 0);
    assert_status(zc_vm_touch(space, 0, true, &kind), ZC_OK);
    assert_int_equal(kind, ZC_FAULT_NONE);
    assert_true((support_vm_entry(space, 0) & ZC_PTE_DIRTY) != 0);
    end();
}

TEST(what_is_no_access_is_refused)
{
    struct zc_vm_space *bare = NULL;
    char byte = 1;

    begin();
    assert_status(zc_vm_read(NULL, 0, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_read(space, 0, 0, NULL, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_write(space, 0, 0, NULL, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_write(NULL, 0, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_touch(NULL, 0, false, NULL), ZC_INVALID);
    assert_status(zc_vm_touch(space, 8, false, NULL), ZC_INVALID);
    assert_status(zc_vm_read(space, 8, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_read(space, 0, SUPPORT_VM_PAGE, &byte, 1, NULL),
                  ZC_INVALID);
    assert_status(zc_vm_read(space, 0, 1, &byte, SUPPORT_VM_PAGE, NULL),
                  ZC_INVALID);
    assert_status(zc_vm_read(space, 0, SIZE_MAX, &byte, 2, NULL), ZC_INVALID);
    assert_status(zc_vm_space_create(machine.vm, 0, 600, &bare), ZC_OK);
    assert_status(zc_vm_read(bare, 599, 0, &byte, 1, NULL), ZC_INVALID);
    zc_vm_space_destroy(bare);
    end();
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

TEST(writes_are_seen_whole)
{
    struct support_crew crew;

    begin();
    support_vm_write(space, 0, 1);
    support_crew_init(&crew);
    support_crew_add(&crew, write_whole_pages, NULL);
    support_crew_add(&crew, write_whole_pages, NULL);
    support_crew_add(&crew, read_whole_pages, NULL);
    support_crew_run(&crew, 200);
    assert_true(crew.workers[2].operations > 0);
    end();
}
