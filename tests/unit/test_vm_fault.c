/* SPDX-License-Identifier: MIT */
/*
 * test_vm_fault.c - first touch, and a write to a page that others share.
 *
 * Frames are asked for by a function that is listened to: what a test wants to
 * happen between a fault's look at the entry and its change happens there.
 */
#include "support_test.h"
#include "support_vm.h"

#include "base/inject.h"
#include "vm/vm.h"

#define PAGE 2

static struct support_vm machine;
static struct zc_vm_space *space;
static struct zc_vm_space *child;
static void (*meanwhile)(void);

struct zc_vm_frame *__real_zc_frame_alloc(struct zc_vm *vm, unsigned owner,
                                          enum zc_frame_wait wait);
struct zc_vm_frame *__wrap_zc_frame_alloc(struct zc_vm *vm, unsigned owner,
                                          enum zc_frame_wait wait);

struct zc_vm_frame *__wrap_zc_frame_alloc(struct zc_vm *vm, unsigned owner,
                                          enum zc_frame_wait wait)
{
    void (*act)(void) = meanwhile;

    meanwhile = NULL;
    if (act != NULL)
        act();
    return __real_zc_frame_alloc(vm, owner, wait);
}

static void begin(void)
{
    const struct support_vm_kind kind = {.frames = 64};

    machine = support_vm_make(&kind);
    space = support_vm_space(&machine, 8);
    child = NULL;
}

static void end(void)
{
    assert_null(meanwhile);
    zc_vm_space_destroy(child);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

static enum zc_fault_kind touch(struct zc_vm_space *whose, bool is_write)
{
    enum zc_fault_kind kind = ZC_FAULT_KINDS;

    assert_status(zc_vm_touch(whose, PAGE, is_write, &kind), ZC_OK);
    return kind;
}

static void share_it(void)
{
    support_vm_write(space, PAGE, 1);
    assert_status(zc_vm_fork(space, &child), ZC_OK);
}

/* ---- first touch ---- */

TEST(the_first_touch_gets_zeros)
{
    char bytes[SUPPORT_VM_PAGE];

    begin();
    /* A frame that was used before. */
    support_vm_write(space, PAGE, 1);
    assert_status(zc_vm_unmap(space, PAGE, 1), ZC_OK);
    assert_status(zc_vm_map(space, PAGE, 1, 0), ZC_OK);
    assert_int_equal(touch(space, false), ZC_FAULT_ZERO);
    assert_int_equal(touch(space, true), ZC_FAULT_NONE);
    assert_status(zc_vm_read(space, PAGE, 0, bytes, sizeof(bytes), NULL),
                  ZC_OK);
    support_vm_expect_zeros(space, PAGE);
    assert_int_equal(support_vm_stats(&machine).faults[ZC_FAULT_ZERO], 2);
    end();
}

static void write_it(void)
{
    support_vm_write(space, PAGE, 7);
}

TEST(a_first_touch_that_comes_second_is_none)
{
    begin();
    meanwhile = write_it;
    assert_int_equal(touch(space, true), ZC_FAULT_NONE);
    assert_int_equal(support_vm_stats(&machine).fault_retries, 1);
    assert_int_equal(support_vm_stats(&machine).installs_failed, 0);
    assert_int_equal(support_vm_stats(&machine).frames_free, 63);
    (void)support_vm_expect(space, PAGE, PAGE, 7);
    end();
}

TEST(without_a_frame_nothing_changes)
{
    uint64_t before;

    begin();
    zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
    before = support_vm_entry(space, PAGE);
    assert_status(zc_vm_touch(space, PAGE, false, NULL), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_int_equal(support_vm_entry(space, PAGE), before);
    share_it();
    before = support_vm_entry(space, PAGE);
    zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
    assert_status(zc_vm_touch(space, PAGE, true, NULL), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_int_equal(support_vm_entry(space, PAGE), before);
    assert_false(
        zc_folio_has(&support_vm_frame(space, PAGE)->folio, ZC_FOLIO_LOCKED));
    support_vm_check(&machine);
    end();
}

/* ---- a write to what is not writable ---- */

TEST(a_shared_page_is_copied_by_who_writes_first)
{
    struct zc_vm_frame *frame;

    begin();
    share_it();
    frame = support_vm_frame(space, PAGE);
    assert_ptr_equal(support_vm_frame(child, PAGE), frame);
    assert_int_equal(touch(child, true), ZC_FAULT_COPY);
    assert_ptr_not_equal(support_vm_frame(child, PAGE), frame);
    assert_int_equal(touch(space, true), ZC_FAULT_REUSE);
    assert_ptr_equal(support_vm_frame(space, PAGE), frame);
    support_vm_write(space, PAGE, 2);
    (void)support_vm_expect(child, PAGE, PAGE, 1);
    support_vm_check(&machine);
    end();
}

TEST(who_is_left_alone_reuses)
{
    begin();
    share_it();
    zc_vm_space_destroy(child);
    child = NULL;
    assert_int_equal(touch(space, true), ZC_FAULT_REUSE);
    (void)support_vm_expect(space, PAGE, PAGE, 1);
    end();
}

TEST(a_child_that_is_left_alone_is_at_home)
{
    struct zc_vm_frame *frame;

    begin();
    share_it();
    frame = support_vm_frame(child, PAGE);
    frame->home_page = 77; /* as if it had been merged from elsewhere */
    zc_vm_space_destroy(space);
    space = child;
    child = NULL;
    assert_int_equal(touch(space, true), ZC_FAULT_REUSE);
    assert_int_equal(frame->home_page, PAGE);
    assert_int_equal(frame->home_family, space->family);
    end();
}

TEST(a_frame_that_somebody_looks_at_is_copied)
{
    struct zc_folio *folio;

    begin();
    share_it();
    zc_vm_space_destroy(child);
    child = NULL;
    folio = &support_vm_frame(space, PAGE)->folio;
    zc_folio_get(folio);
    assert_int_equal(touch(space, true), ZC_FAULT_COPY);
    zc_folio_put(&machine.cache->swap, folio);
    support_vm_check(&machine);
    end();
}

TEST(a_frame_that_is_locked_is_copied)
{
    struct zc_folio *folio;

    begin();
    share_it();
    zc_vm_space_destroy(child);
    child = NULL;
    folio = &support_vm_frame(space, PAGE)->folio;
    zc_folio_get(folio);
    assert_true(zc_folio_trylock(folio));
    assert_int_equal(touch(space, true), ZC_FAULT_COPY);
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    end();
}

static void unmap_it(void)
{
    assert_status(zc_vm_unmap(space, PAGE, 1), ZC_OK);
}

TEST(a_copy_of_what_is_gone_is_dropped)
{
    begin();
    share_it();
    meanwhile = unmap_it;
    assert_status(zc_vm_touch(space, PAGE, true, NULL), ZC_INVALID);
    assert_int_equal(support_vm_stats(&machine).fault_retries, 1);
    assert_int_equal(support_vm_stats(&machine).frames_free, 63);
    (void)support_vm_expect(child, PAGE, PAGE, 1);
    end();
}

/* The entry is not what the fault saw, before it has taken anything. */
TEST(a_look_that_is_old_is_taken_again)
{
    struct zc_vm_fault fault = {.page = PAGE, .index = PAGE, .is_write = true};

    begin();
    share_it();
    fault.space = space;
    fault.table = zc_vm_table_find(space, PAGE);
    fault.pte = support_vm_entry(space, PAGE);
    zc_vm_space_destroy(child);
    child = NULL;
    unmap_it();
    assert_status(zc_vm_handle_fault(&fault), ZC_AGAIN);
    assert_int_equal(support_vm_stats(&machine).frames_free, 64);
    end();
}

static void reclaim_it(void)
{
    support_vm_reclaim_all(&machine);
}

/* The entry is a swap entry by the time that the copy is made. */
TEST(a_copy_of_what_is_swapped_out_is_dropped)
{
    begin();
    share_it();
    meanwhile = reclaim_it;
    support_vm_write(space, PAGE, 9);
    assert_int_equal(support_vm_stats(&machine).fault_retries, 1);
    (void)support_vm_expect(child, PAGE, PAGE, 1);
    (void)support_vm_expect(space, PAGE, PAGE, 9);
    end();
}

/* ---- reuse of a page with a slot ---- */

TEST(a_write_gives_up_the_slot_of_an_own_page)
{
    begin();
    support_vm_write(space, PAGE, 1);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_expect(space, PAGE, PAGE, 1), ZC_FAULT_POOL);
    assert_int_equal(support_vm_slots_used(&machine), 1);
    assert_int_equal(touch(space, true), ZC_FAULT_REUSE);
    assert_int_equal(support_vm_slots_used(&machine), 0);
    assert_true(
        zc_folio_has(&support_vm_frame(space, PAGE)->folio, ZC_FOLIO_DIRTY));
    (void)support_vm_expect(space, PAGE, PAGE, 1);
    end();
}

TEST(a_write_copies_a_page_whose_slot_is_shared)
{
    begin();
    share_it();
    support_vm_reclaim_all(&machine);
    (void)support_vm_expect(space, PAGE, PAGE, 1);
    assert_int_equal(touch(space, true), ZC_FAULT_COPY);
    support_vm_write(space, PAGE, 2);
    (void)support_vm_expect(child, PAGE, PAGE, 1);
    (void)support_vm_expect(space, PAGE, PAGE, 2);
    support_vm_check(&machine);
    end();
}

TEST(a_kind_has_a_name)
{
    unsigned kind;

    for (kind = 0; kind < ZC_FAULT_KINDS; kind++)
        assert_string_not_equal(zc_fault_kind_name((enum zc_fault_kind)kind),
                                "unknown");
    assert_string_equal(zc_fault_kind_name(ZC_FAULT_KINDS), "unknown");
    assert_string_equal(zc_fault_kind_name(ZC_FAULT_POOL), "pool");
}
