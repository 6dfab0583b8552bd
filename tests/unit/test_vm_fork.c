/* SPDX-License-Identifier: MIT */
/* test_vm_fork.c - a child sees what was there, and then each its own. */
#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include "base/inject.h"
#include "vm/vm.h"

#define PAGES 1100 /* three tables */

static struct support_vm machine;
static struct zc_vm_space *parent;
static struct zc_vm_space *child;

static void begin(uint64_t pages)
{
    const struct support_vm_kind kind = {.frames = 512};

    machine = support_vm_make(&kind);
    parent = support_vm_space(&machine, pages);
    child = NULL;
}

static void end(void)
{
    zc_vm_space_destroy(parent);
    zc_vm_space_destroy(child);
    support_vm_end(&machine);
}

TEST(a_child_has_each_kind_of_entry)
{
    uint64_t before;
    char byte;

    begin(PAGES);
    assert_status(zc_vm_unmap(parent, 5, 1), ZC_OK);
    support_vm_write(parent, 0, 1);    /* swapped out */
    support_vm_write(parent, 1099, 1); /* swapped out, and in again */
    support_vm_reclaim_all(&machine);
    (void)support_vm_expect(parent, 1099, 1099, 1);
    support_vm_write(parent, 600, 1); /* present */
    before = support_vm_stats(&machine).pages_forked;
    assert_status(zc_vm_fork(parent, &child), ZC_OK);
    assert_int_equal(support_vm_stats(&machine).pages_forked - before,
                     PAGES - 1);
    assert_int_equal(support_vm_stats(&machine).spaces, 2);
    support_vm_check(&machine);
    assert_int_equal(support_vm_slot(parent, 0).value,
                     support_vm_slot(child, 0).value);
    assert_int_equal(zc_slot_count(zc_slot_find(&machine.cache->swap,
                                                support_vm_slot(parent, 0))),
                     2);
    assert_ptr_equal(support_vm_frame(parent, 600),
                     support_vm_frame(child, 600));
    assert_true((support_vm_entry(parent, 600) & ZC_PTE_WRITE) == 0);
    assert_true((support_vm_entry(child, 600) & ZC_PTE_WRITE) == 0);
    assert_status(zc_vm_read(child, 5, 0, &byte, 1, NULL), ZC_INVALID);
    support_vm_expect_zeros(child, 7);
    (void)support_vm_expect(child, 0, 0, 1);
    (void)support_vm_expect(child, 600, 600, 1);
    (void)support_vm_expect(child, 1099, 1099, 1);
    end();
}

TEST(what_is_mapped_of_a_space_is_what_a_child_has)
{
    char byte;

    begin(PAGES);
    assert_status(zc_vm_unmap(parent, 0, PAGES), ZC_OK);
    zc_vm_space_destroy(parent);
    assert_status(zc_vm_space_create(machine.vm, 3, PAGES, &parent), ZC_OK);
    /* The first table is not there. */
    assert_status(zc_vm_map(parent, 700, 2, 0), ZC_OK);
    support_vm_write(parent, 700, 4);
    assert_status(zc_vm_fork(parent, &child), ZC_OK);
    assert_int_equal(child->owner, 3);
    assert_null(zc_vm_table_find(child, 0));
    (void)support_vm_expect(child, 700, 700, 4);
    assert_status(zc_vm_read(child, 702, 0, &byte, 1, NULL), ZC_INVALID);
    end();
}

TEST(locks_are_not_inherited)
{
    begin(1);
    zc_vm_space_destroy(parent);
    parent = support_vm_space_of(&machine, 0, 1, ZC_VM_LOCKED);
    support_vm_write(parent, 0, 1);
    assert_status(zc_vm_fork(parent, &child), ZC_OK);
    assert_true((support_vm_entry(parent, 0) & ZC_PTE_LOCKED) != 0);
    assert_true((support_vm_entry(child, 0) & ZC_PTE_LOCKED) == 0);
    zc_vm_space_destroy(parent);
    parent = NULL;
    support_vm_reclaim_all(&machine);
    (void)support_vm_slot(child, 0);
    end();
}

TEST(each_writes_his_own)
{
    struct zc_vm_space *grandchild = NULL;

    begin(3);
    support_vm_write(parent, 0, 1);
    support_vm_write(parent, 1, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(parent, 1, 2);
    assert_status(zc_vm_fork(parent, &child), ZC_OK);
    assert_status(zc_vm_fork(child, &grandchild), ZC_OK);
    support_vm_write(child, 0, 3);
    support_vm_write(grandchild, 1, 4);
    support_vm_reclaim_all(&machine);
    support_vm_check(&machine);
    (void)support_vm_expect(parent, 0, 0, 1);
    (void)support_vm_expect(parent, 1, 1, 2);
    (void)support_vm_expect(child, 0, 0, 3);
    (void)support_vm_expect(child, 1, 1, 2);
    (void)support_vm_expect(grandchild, 0, 0, 1);
    (void)support_vm_expect(grandchild, 1, 1, 4);
    zc_vm_space_destroy(parent);
    parent = NULL;
    (void)support_vm_expect(grandchild, 0, 0, 1);
    zc_vm_space_destroy(grandchild);
    end();
}

/* The count of a slot grows beyond its byte, and beyond its tables. */
TEST(a_slot_has_as_many_counts_as_children)
{
    enum {
        CHILDREN = 600
    };
    static struct zc_vm_space *children[CHILDREN];
    unsigned i;

    begin(1);
    support_vm_write(parent, 0, 9);
    support_vm_reclaim_all(&machine);
    for (i = 0; i < CHILDREN; i++)
        assert_status(zc_vm_fork(parent, &children[i]), ZC_OK);
    assert_int_equal(zc_slot_count(zc_slot_find(&machine.cache->swap,
                                                support_vm_slot(parent, 0))),
                     CHILDREN + 1);
    support_vm_check(&machine);
    for (i = 0; i < CHILDREN; i++) {
        (void)support_vm_expect(children[i], 0, 0, 9);
        zc_vm_space_destroy(children[i]);
    }
    end();
}

TEST(a_fork_without_memory_leaves_no_child)
{
    struct zc_vm_space *more[300];
    uint32_t countdown = 0;
    zc_status status;
    unsigned i;

    begin(PAGES);
    support_vm_write(parent, 0, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(parent, 1099, 1);
    /* The next count needs memory. */
    for (i = 0; i < 254; i++)
        assert_status(zc_vm_fork(parent, &more[i]), ZC_OK);
    do {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown++, 1);
        status = zc_vm_fork(parent, &child);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_null(child);
        support_vm_check(&machine);
    } while (countdown < 100);
    /* The space, its tables of tables, and counts beyond a byte; page tables
     * of those that failed are used again. */
    assert_in_range(countdown, 4, 99);
    (void)support_vm_expect(child, 0, 0, 1);
    (void)support_vm_expect(parent, 1099, 1099, 1);
    while (i > 0)
        zc_vm_space_destroy(more[--i]);
    end();
}

/* A fork while the parent's page goes out and comes in: reclaim on a thread. */
static void reclaim_always(struct support_worker *worker)
{
    while (!support_is_stopped(worker))
        (void)zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT, 8, NULL);
}

static void write_and_fork(struct support_worker *worker)
{
    struct zc_vm_space *mine;
    char bytes[SUPPORT_VM_PAGE];
    uint64_t sequence;
    zc_status status;

    for (sequence = 1; !support_is_stopped(worker); sequence++) {
        support_vm_fill(bytes, 0, sequence);
        status = zc_vm_write(parent, 0, 0, bytes, sizeof(bytes), NULL);
        if (status == ZC_OK)
            status = zc_vm_fork(parent, &mine);
        if (status != ZC_OK) {
            support_mistake(worker, "%s", zc_status_name(status));
            return;
        }
        status = zc_vm_read(mine, 0, 0, bytes, sizeof(bytes), NULL);
        if (status != ZC_OK || !support_vm_is(bytes, 0, sequence))
            support_mistake(worker, "a child has another page");
        zc_vm_space_destroy(mine);
        worker->operations++;
    }
}

TEST(forks_and_reclaim_go_side_by_side)
{
    struct support_crew crew;

    begin(1);
    support_crew_init(&crew);
    support_crew_add(&crew, write_and_fork, NULL);
    support_crew_add(&crew, reclaim_always, NULL);
    support_crew_run(&crew, 200);
    assert_true(crew.workers[0].operations > 0);
    end();
}

TEST(bad_arguments_are_refused)
{
    begin(1);
    assert_status(zc_vm_fork(NULL, &child), ZC_INVALID);
    assert_status(zc_vm_fork(parent, NULL), ZC_INVALID);
    end();
}
