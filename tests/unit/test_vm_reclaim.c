/* SPDX-License-Identifier: MIT */
/*
 * test_vm_reclaim.c - frames out: which go, which are written, which stay; the
 * limits of owners, and the frames that are kept free.
 */
#include "support_device.h"
#include "support_machine.h"
#include "support_threads.h"

#include "base/inject.h"

static struct support_device device;

static void write_pages(uint64_t pages)
{
    uint64_t page;

    for (page = 0; page < pages; page++)
        support_vm_write(space, page, 1);
}

static void expect_pages(uint64_t pages)
{
    uint64_t page;

    for (page = 0; page < pages; page++)
        expect_page(space, page, 1);
}

static void reclaim(uint64_t goal)
{
    uint64_t freed = 0;

    assert_status(zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT, goal, &freed),
                  ZC_OK);
    assert_int_equal(freed, goal);
}

/* Space 0 of one mlocked page, which was written. */
static void lock_page(void)
{
    zc_vm_space_destroy(space);
    space = support_vm_space_of(&machine, 0, 1, ZC_VM_LOCKED);
    support_vm_write(space, 0, 1);
}

/* ---- which go ---- */

TEST_IN_SPACE(a_page_that_was_used_gets_a_second_chance, 4)
{
    write_pages(4);
    /* All are marked; the first one is met again without. */
    reclaim(1);
    assert_true(is_out(space, 0));
    assert_false(is_out(space, 1) || is_out(space, 2) || is_out(space, 3));
    (void)touch(space, 1, false);
    reclaim(1);
    assert_true(is_out(space, 2));
    assert_false(is_out(space, 1) || is_out(space, 3));
    assert_int_equal(stats().reclaim_freed, 2);
    assert_int_equal(stats().reclaim_scanned, 5 + 2);
    assert_int_equal(stats().swapped_out, 2);
}

/* Also the oldest of many, which is looked at last. */
TEST_IN_SPACE(a_use_by_any_of_many_mappings_counts, 3)
{
    struct zc_vm_space *children[40];
    unsigned i;

    write_pages(3);
    for (i = 0; i < 40; i++)
        assert_status(zc_vm_fork(space, &children[i]), ZC_OK);
    reclaim(1);
    assert_true(is_out(space, 0));
    (void)touch(space, 1, false);
    reclaim(1);
    assert_true(is_out(space, 2));
    assert_false(is_out(space, 1));
    assert_int_equal(stats().reclaim_scanned, 4 + 2);
    for (i = 0; i < 40; i++)
        zc_vm_space_destroy(children[i]);
}

TEST_IN_SPACE(a_goal_that_cannot_be_met_is_said, 3)
{
    uint64_t freed = 99;

    write_pages(3);
    assert_status(zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT, 0, &freed), ZC_OK);
    assert_int_equal(freed, 0);
    assert_status(zc_vm_reclaim(machine.vm, 3, 1, &freed), ZC_AGAIN);
    assert_int_equal(freed, 0);
    assert_status(zc_vm_reclaim(machine.vm, 0, UINT64_MAX, &freed), ZC_AGAIN);
    assert_int_equal(freed, 3);
    assert_status(zc_vm_reclaim(machine.vm, 0, 1, NULL), ZC_AGAIN);
    assert_status(zc_vm_reclaim(NULL, 0, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT + 1, 1, &freed),
                  ZC_INVALID);
    assert_int_equal(freed, 3); /* as it was */
}

TEST_IN_SPACE(frames_are_taken_of_one_owner_or_of_all_in_turn, 3)
{
    write_pages(3);
    other = support_vm_space_of(&machine, 9, 3, 0);
    support_vm_write(other, 0, 1);
    support_vm_write(other, 1, 1);
    assert_status(zc_vm_reclaim(machine.vm, 9, 5, NULL), ZC_AGAIN);
    assert_true(is_out(other, 0) && is_out(other, 1));
    assert_false(is_out(space, 0) || is_out(space, 1) || is_out(space, 2));
    expect_page(other, 0, 1);
    expect_page(other, 1, 1);
    /* Of all, they take turns; the first looks take the marks. */
    reclaim(4);
    assert_true(is_out(space, 0) && is_out(space, 1));
    assert_true(is_out(other, 0) && is_out(other, 1));
}

/* ---- which are written ---- */

#define TEST_ON_DEVICE(name, pages, ...)                                       \
    TEST_OF_MACHINE(name, pages, .backing_ops = &support_device_ops,           \
                    .backing_user = begin_device(), __VA_ARGS__)

static struct support_device *begin_device(void)
{
    support_device_init(&device);
    return &device;
}

/* What a device has a copy of is not written again. */
TEST_ON_DEVICE(a_clean_page_is_not_written, 1, .frames = 64)
{
    zc_swp slot;
    char byte = 9;

    write_pages(1);
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    assert_int_equal(atomic_load(&device.writes), 1);
    slot = support_vm_slot(space, 0);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_DEVICE);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_slot(space, 0).value, slot.value);
    assert_int_equal(stats().swapped_out, 1);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_DEVICE);
    /* A write makes it dirty, and its copy worthless. */
    assert_status(zc_vm_write(space, 0, SUPPORT_VM_PAGE - 1, &byte, 1, NULL),
                  ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(stats().swapped_out, 2);
    byte = 0;
    assert_status(zc_vm_read(space, 0, SUPPORT_VM_PAGE - 1, &byte, 1, NULL),
                  ZC_OK);
    assert_int_equal(byte, 9);
}

/* No failure leaves a page nowhere. */
TEST(a_failure_on_the_way_out_loses_nothing)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_MALLOC, ZC_INJECT_PAGES, ZC_INJECT_COMPRESS, ZC_INJECT_WRITE};
    const struct support_vm_kind kind = {.frames = 64};
    uint32_t failures;
    uint32_t countdown;
    size_t i;

    for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        countdown = 0;
        do {
            machine_begin(&kind, 5);
            write_pages(5);
            zc_inject_arm(points[i], countdown++, UINT32_MAX);
            support_vm_reclaim_all(&machine);
            (void)zc_cache_writeback(machine.cache, NULL, NULL);
            failures = zc_inject_failures();
            zc_inject_disarm();
            support_vm_check(&machine);
            expect_pages(5);
            machine_end();
        } while (failures != 0);
        assert_true(countdown > 1);
    }
}

/* A device that fails writes: the page is the folio's, and goes later. */
TEST_ON_DEVICE(a_page_whose_write_failed_is_still_there, 6, .frames = 64)
{
    const struct zc_owner_options miser = {.struct_size = sizeof(miser),
                                           .limit_bytes = 1};

    write_pages(6);
    atomic_store(&device.fails_writes, true);
    assert_status(zc_vm_reclaim(machine.vm, 0, 1, NULL), ZC_OK);
    assert_status(zc_cache_set_owner(machine.cache, 0, &miser), ZC_OK);
    support_vm_reclaim_all(&machine);
    support_vm_check(&machine);
    expect_page(space, 3, 1);
    atomic_store(&device.fails_writes, false);
    support_vm_reclaim_all(&machine);
    support_vm_reclaim_all(&machine);
    assert_int_equal(stats().frames_free, 64);
    expect_pages(6);
}

/* A page that was refused is in the swap cache alone: reclaim finds it there.
 */
TEST_IN_SPACE(a_page_that_was_refused_goes_out_later, 2)
{
    struct zc_owner_options miser = {
        .struct_size = sizeof(miser), .limit_bytes = 1, .no_writeback = 1};

    support_vm_write(space, 1, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(space, 0, 1);
    assert_status(zc_cache_set_owner(machine.cache, 0, &miser), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_true(is_out(space, 0));
    assert_int_equal(stats().frames_free, 63);
    support_vm_check(&machine);
    miser.limit_bytes = 0;
    assert_status(zc_cache_set_owner(machine.cache, 0, &miser), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(stats().frames_free, 64);
    expect_pages(2);
}

static void unmap_it(void)
{
    assert_status(zc_vm_unmap(space, 0, 1), ZC_OK);
}

/* The fault could not map it, and it is no owner's: the child has it. */
TEST_OF_MACHINE(a_page_read_for_nothing_goes_out_again, 1,
                .compressor = "meanwhile")
{
    char byte;

    write_pages(1);
    support_vm_reclaim_all(&machine);
    fork_space();
    meanwhile = unmap_it;
    zc_inject_arm(ZC_INJECT_INSTALL, 0, 1);
    assert_status(zc_vm_read(space, 0, 0, &byte, 1, NULL), ZC_INVALID);
    zc_inject_disarm();
    assert_int_equal(stats().frames_free, 63);
    support_vm_check(&machine);
    support_vm_reclaim_all(&machine);
    assert_int_equal(stats().frames_free, 64);
    assert_int_equal(support_vm_expect(other, 0, 0, 1), ZC_FAULT_POOL);
}

/* ---- which stay ---- */

/* One lock keeps the page where it is for all that share it, however many. */
TEST_IN_SPACE(a_locked_page_keeps_every_mapping, 1)
{
    static const unsigned counts[] = {0, 1, 15, 16, 17, 100};
    struct zc_vm_space *children[100];
    unsigned i;
    unsigned j;

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        lock_page();
        for (j = 0; j < counts[i]; j++)
            assert_status(zc_vm_fork(space, &children[j]), ZC_OK);
        support_vm_reclaim_all(&machine);
        assert_status(zc_vm_reclaim(machine.vm, 0, 1, NULL), ZC_AGAIN);
        assert_int_equal(touch(space, 0, false), ZC_FAULT_NONE);
        for (j = 0; j < counts[i]; j++) {
            assert_int_equal(touch(children[j], 0, false), ZC_FAULT_NONE);
            zc_vm_space_destroy(children[j]);
        }
        assert_int_equal(stats().swapped_out, 0);
    }
}

TEST_IN_SPACE(a_lock_is_not_inherited, 1)
{
    lock_page();
    fork_space();
    end_space(&space);
    reclaim(1);
    assert_true(is_out(other, 0));
}

TEST_IN_SPACE(a_frame_that_a_thread_has_locked_is_left, 1)
{
    struct zc_folio *folio;

    write_pages(1);
    folio = &support_vm_frame(space, 0)->folio;
    zc_folio_get(folio);
    assert_true(zc_folio_trylock(folio));
    support_vm_reclaim_all(&machine);
    assert_false(is_out(space, 0));
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    support_vm_reclaim_all(&machine);
    assert_true(is_out(space, 0));
}

TEST_OF_MACHINE(without_a_slot_pages_stay, 2, .slots = 1)
{
    write_pages(2);
    support_vm_reclaim_all(&machine);
    assert_int_equal(is_out(space, 0) + is_out(space, 1), 1);
    assert_int_equal(slots_used(), 1);
    expect_pages(2);
}

/* ---- frames for a fault ---- */

TEST_IN_SPACE(a_fault_reclaims_for_itself, 200)
{
    write_pages(200);
    assert_true(stats().direct_reclaims > 0);
    assert_in_range(stats().frames_free, 4, 63);
    expect_pages(200);
}

/* The last frames are for reclaim itself: writing a page back takes one. */
TEST_IN_SPACE(the_last_frames_are_not_for_faults, 0)
{
    char page[SUPPORT_VM_PAGE];
    unsigned type = 99;
    uint64_t count = 0;

    assert_status(zc_swap_on(machine.cache, ZC_SWAP_OPTIONS(0), &type), ZC_OK);
    support_vm_fill(page, 1, 1);
    assert_status(zc_cache_store(machine.cache, zc_swp_make(type, 3), page),
                  ZC_OK);
    space = support_vm_space_of(&machine, 0, 64, ZC_VM_LOCKED);
    while (zc_vm_touch(space, count, true, NULL) == ZC_OK)
        count++;
    assert_int_equal(count, 64 - 4);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    assert_status(zc_cache_invalidate(machine.cache, zc_swp_make(type, 3)),
                  ZC_OK);
    assert_status(zc_swap_off(machine.cache, type, NULL, NULL), ZC_OK);
}

TEST_IN_SPACE(an_owner_at_its_limit_reclaims_its_own, 10)
{
    uint64_t page;

    write_pages(10);
    assert_status(zc_vm_set_owner_limit(machine.vm, ZC_OWNER_COUNT, 1),
                  ZC_INVALID);
    assert_status(zc_vm_set_owner_limit(NULL, 0, 1), ZC_INVALID);
    assert_status(zc_vm_set_owner_limit(machine.vm, 4, 5), ZC_OK);
    other = support_vm_space_of(&machine, 4, 30, 0);
    for (page = 0; page < 30; page++) {
        support_vm_write(other, page, 2);
        assert_in_range(frames_of(4), 1, 5);
    }
    for (page = 0; page < 30; page++) {
        expect_page(other, page, 2);
        assert_in_range(frames_of(4), 1, 5);
    }
    for (page = 0; page < 10; page++)
        assert_false(is_out(space, page));
}

TEST_IN_SPACE(a_limit_without_pages_to_reclaim_is_no_memory, 10)
{
    uint64_t page;

    other = support_vm_space_of(&machine, 5, 5, ZC_VM_LOCKED);
    assert_status(zc_vm_set_owner_limit(machine.vm, 5, 3), ZC_OK);
    for (page = 0; page < 3; page++)
        (void)touch(other, page, true);
    assert_status(zc_vm_touch(other, 3, true, NULL), ZC_NO_MEMORY);
    (void)touch(space, 0, true); /* another owner */
    assert_status(zc_vm_unmap(other, 2, 1), ZC_OK);
    (void)touch(other, 3, true);
    assert_status(zc_vm_set_owner_limit(machine.vm, 5, 0), ZC_OK);
    (void)touch(other, 4, true);
}

TEST_OF_MACHINE(the_reclaimer_keeps_frames_free, 500, .frames = 256,
                .background_reclaim = 1)
{
    struct zc_vm *vm = machine.vm;
    uint64_t page;
    unsigned i;

    assert_true(vm->reserve < vm->low && vm->low < vm->high);
    write_pages(256 - vm->low - 1);
    assert_int_equal(stats().swapped_out, 0);
    for (page = 256 - vm->low - 1; page < 500; page++) {
        support_vm_write(space, page, 1);
        for (i = 0; i < 600000 && stats().frames_free < vm->low; i++)
            support_sleep_ns(100000);
        assert_true(stats().frames_free >= vm->low);
    }
    /* A check holds it off, also when it has just been woken. */
    for (i = 0; i < 100; i++) {
        zc_vm_reclaimer_wake(vm);
        support_vm_check(&machine);
    }
    /* No thread had to reclaim directly. */
    assert_int_equal(stats().direct_reclaims, 0);
    expect_pages(500);
}

/* ---- waiting for writes ---- */

#define HELD 20

/* Every page goes to a device whose writes stand still; a few are on their
 * way. */
static void hold_writes(void)
{
    assert_status(zc_cache_set_limit(machine.cache, 1, 0), ZC_OK);
    write_pages(HELD);
    support_device_hold(&device);
    (void)zc_vm_reclaim(machine.vm, 0, 3, NULL);
    support_device_await_held(&device, 1);
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 1), ZC_OK);
}

/* A caller with a folio locked must not wait: a write may wait for that folio.
 */
TEST_ON_DEVICE(a_caller_that_must_not_wait_does_not, HELD, .io_workers = 1)
{
    hold_writes();
    assert_null(zc_frame_alloc(machine.vm, 0, ZC_FRAME_NO_WAIT));
    support_device_let_go(&device);
    expect_pages(HELD);
}

static void write_one(struct support_worker *worker)
{
    if (zc_vm_touch(space, HELD, true, NULL) != ZC_OK)
        support_mistake(worker, "no frame, though one is being written");
}

static void let_go_later(struct support_worker *worker)
{
    (void)worker;
    support_sleep_ns(50000000);
    support_device_let_go(&device);
}

TEST_ON_DEVICE(a_fault_gets_what_is_written, HELD + 1, .io_workers = 1)
{
    struct support_crew crew;

    /* The waiting thread needs all of them. */
    hold_writes();
    support_crew_init(&crew);
    support_crew_add(&crew, write_one, NULL);
    support_crew_add(&crew, let_go_later, NULL);
    support_crew_run(&crew, 0);
    expect_pages(HELD);
}
