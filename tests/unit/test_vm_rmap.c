/* SPDX-License-Identifier: MIT */
/* test_vm_rmap.c - from a frame to its mappings, and where it is at home. */
#include "support_test.h"
#include "support_vm.h"

#include "vm/vm.h"

#define CHILDREN 5

static struct support_vm machine;
static struct zc_vm_space *spaces[CHILDREN];

/* Frames of the machine, one mapped by all. */
static struct zc_vm_frame *begin(void)
{
    const struct support_vm_kind kind = {.frames = 64};
    unsigned i;

    machine = support_vm_make(&kind);
    spaces[0] = support_vm_space(&machine, 600);
    support_vm_write(spaces[0], 513, 1);
    for (i = 1; i < CHILDREN; i++)
        assert_status(zc_vm_fork(spaces[0], &spaces[i]), ZC_OK);
    return support_vm_frame(spaces[0], 513);
}

static void end(void)
{
    unsigned i;

    for (i = 0; i < CHILDREN; i++)
        zc_vm_space_destroy(spaces[i]);
    support_vm_end(&machine);
}

static bool is_known(struct zc_vm_frame *frame, const struct zc_vm_space *space)
{
    struct zc_vm_place place = zc_rmap_first(machine.vm, frame);

    while (place.table != NULL && place.table->space != space)
        place = zc_rmap_next(machine.vm, frame, place);
    return place.table != NULL && place.index == 1;
}

TEST(a_frame_knows_each_of_its_mappings)
{
    struct zc_vm_frame *frame = begin();
    struct zc_vm_place place = zc_rmap_first(machine.vm, frame);
    unsigned i;

    assert_int_equal(zc_rmap_count(machine.vm, frame), CHILDREN);
    for (i = CHILDREN; i-- > 0;) { /* the newest first, and no more */
        assert_ptr_equal(place.table, zc_vm_table_find(spaces[i], 513));
        place = zc_rmap_next(machine.vm, frame, place);
    }
    assert_null(place.table);
    for (i = 0; i < CHILDREN; i++)
        assert_true(is_known(frame, spaces[i]));
    end();
}

TEST(mappings_go_in_any_order)
{
    static const unsigned order[CHILDREN] = {2, 0, 4, 1, 3};
    struct zc_vm_frame *frame = begin();
    unsigned i;
    unsigned j;

    for (i = 0; i < CHILDREN - 1; i++) {
        assert_status(zc_vm_unmap(spaces[order[i]], 513, 1), ZC_OK);
        assert_int_equal(zc_rmap_count(machine.vm, frame), CHILDREN - 1 - i);
        for (j = 0; j < CHILDREN; j++)
            assert_int_equal(is_known(frame, spaces[order[j]]), j > i);
        support_vm_check(&machine);
    }
    end();
}

TEST(all_are_unmapped_by_reclaim)
{
    struct zc_vm_frame *frame = begin();
    unsigned i;

    support_vm_reclaim_all(&machine);
    assert_int_equal(frame->mapped, 0);
    for (i = 0; i < CHILDREN; i++)
        assert_int_equal(support_vm_slot(spaces[i], 513).value,
                         support_vm_slot(spaces[0], 513).value);
    assert_int_equal(
        zc_slot_count(zc_slot_find(&machine.cache->swap,
                                   support_vm_slot(spaces[0], 513))),
        CHILDREN);
    for (i = 0; i < CHILDREN; i++)
        (void)support_vm_expect(spaces[i], 513, 513, 1);
    end();
}

TEST(home_is_where_a_frame_was_mapped_first)
{
    struct zc_vm_frame *frame = begin();
    struct zc_vm_space *stranger = support_vm_space(&machine, 600);
    char page[SUPPORT_VM_PAGE];

    assert_int_equal(frame->home_page, 513);
    assert_int_equal(frame->home_family, spaces[0]->family);
    assert_int_equal(spaces[3]->family, spaces[0]->family);
    assert_int_not_equal(stranger->family, spaces[0]->family);
    assert_false(zc_rmap_is_foreign(machine.vm, frame, spaces[0], 513));
    assert_false(zc_rmap_is_foreign(machine.vm, frame, spaces[4], 513));
    assert_true(zc_rmap_is_foreign(machine.vm, frame, spaces[0], 512));
    assert_true(zc_rmap_is_foreign(machine.vm, frame, stranger, 513));
    /* It has a home, and settles nowhere else. */
    zc_rmap_settle(machine.vm, frame, stranger, 5);
    assert_true(zc_rmap_is_foreign(machine.vm, frame, stranger, 5));
    /* Nor does a page that is merged into it change that. */
    support_vm_fill(page, 513, 1);
    assert_status(zc_vm_write(stranger, 4, 0, page, sizeof(page), NULL), ZC_OK);
    assert_status(zc_vm_merge(spaces[0], 513, stranger, 4), ZC_OK);
    assert_ptr_equal(support_vm_frame(stranger, 4), frame);
    assert_false(zc_rmap_is_foreign(machine.vm, frame, spaces[0], 513));
    assert_true(zc_rmap_is_foreign(machine.vm, frame, stranger, 4));
    zc_vm_space_destroy(stranger);
    end();
}

TEST(a_frame_without_a_home_is_nobodys)
{
    struct zc_vm_frame *frame;

    (void)begin();
    /* The one freed last, which was at home somewhere. */
    support_vm_write(spaces[1], 7, 1);
    assert_status(zc_vm_unmap(spaces[1], 7, 1), ZC_OK);
    frame = zc_frame_alloc(machine.vm, 0, ZC_FRAME_MAY_WAIT);
    assert_non_null(frame);
    assert_int_equal(frame->home_family, 0);
    assert_false(zc_rmap_is_foreign(machine.vm, frame, spaces[0], 5));
    zc_rmap_settle(machine.vm, frame, spaces[0], 5);
    assert_false(zc_rmap_is_foreign(machine.vm, frame, spaces[0], 5));
    assert_true(zc_rmap_is_foreign(machine.vm, frame, spaces[0], 6));
    zc_folio_put(&machine.cache->swap, &frame->folio);
    end();
}
