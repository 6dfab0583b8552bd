/* SPDX-License-Identifier: MIT */
/* test_vm_reclaim.c - frames out: which go, which are written, which stay. */
#include "support_device.h"
#include "support_test.h"
#include "support_vm.h"

#include <sched.h>

#include "base/inject.h"
#include "vm/vm.h"

static struct support_vm machine;
static struct zc_vm_space *space;
static struct support_device device;

static void begin_kind(const struct support_vm_kind *kind, uint64_t pages)
{
    uint64_t page;

    machine = support_vm_make(kind);
    space = support_vm_space(&machine, pages);
    for (page = 0; page < pages; page++)
        support_vm_write(space, page, 1);
}

static void begin(uint64_t pages)
{
    const struct support_vm_kind kind = {.frames = 64};

    begin_kind(&kind, pages);
}

static void end(void)
{
    support_vm_check(&machine);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

static bool is_out(uint64_t page)
{
    return (support_vm_entry(space, page) & ZC_PTE_SWAP) != 0;
}

static void reclaim(uint64_t goal)
{
    uint64_t freed = 0;

    assert_status(zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT, goal, &freed),
                  ZC_OK);
    assert_int_equal(freed, goal);
}

TEST(who_was_used_gets_a_second_chance)
{
    begin(4);
    /* All are marked; the first one is met again without. */
    reclaim(1);
    assert_true(is_out(0));
    assert_false(is_out(1) || is_out(2) || is_out(3));
    assert_status(zc_vm_touch(space, 1, false, NULL), ZC_OK);
    reclaim(1);
    assert_true(is_out(2));
    assert_false(is_out(1) || is_out(3));
    assert_int_equal(support_vm_stats(&machine).reclaim_freed, 2);
    assert_int_equal(support_vm_stats(&machine).reclaim_scanned, 5 + 2);
    assert_int_equal(support_vm_stats(&machine).swapped_out, 2);
    end();
}

TEST(a_use_by_any_mapping_counts)
{
    struct zc_vm_space *child = NULL;

    begin(2);
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    reclaim(1);
    assert_true(is_out(0));
    assert_status(zc_vm_touch(child, 1, false, NULL), ZC_OK);
    assert_status(zc_vm_reclaim(machine.vm, 0, 1, NULL), ZC_OK);
    assert_true(is_out(1)); /* the second look of one call */
    zc_vm_space_destroy(child);
    end();
}

/* Also of the oldest of many, which is looked at last. */
TEST(a_use_by_the_last_of_many_mappings_counts)
{
    struct zc_vm_space *children[40];
    unsigned i;

    begin(2);
    for (i = 0; i < 40; i++)
        assert_status(zc_vm_fork(space, &children[i]), ZC_OK);
    /* The marks of both go, then one page, and the other is used again. */
    reclaim(1);
    assert_true(is_out(0));
    assert_status(zc_vm_touch(space, 1, false, NULL), ZC_OK);
    assert_true((support_vm_entry(space, 1) & ZC_PTE_ACCESSED) != 0);
    assert_status(zc_vm_reclaim(machine.vm, 0, 1, NULL), ZC_OK);
    assert_int_equal(support_vm_stats(&machine).reclaim_scanned, 3 + 2);
    for (i = 0; i < 40; i++)
        zc_vm_space_destroy(children[i]);
    end();
}

TEST(a_goal_that_cannot_be_met_is_said)
{
    uint64_t freed = 99;

    begin(3);
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
    end();
}

TEST(one_owners_frames_are_taken_alone)
{
    struct zc_vm_space *other;

    begin(3);
    other = support_vm_space_of(&machine, 9, 3, 0);
    support_vm_write(other, 0, 1);
    support_vm_write(other, 1, 1);
    assert_status(zc_vm_reclaim(machine.vm, 9, 5, NULL), ZC_AGAIN);
    assert_true((support_vm_entry(other, 0) & ZC_PTE_SWAP) != 0);
    assert_true((support_vm_entry(other, 1) & ZC_PTE_SWAP) != 0);
    assert_false(is_out(0) || is_out(1) || is_out(2));
    (void)support_vm_expect(other, 0, 0, 1);
    (void)support_vm_expect(other, 1, 1, 1);
    /* Of all, they take turns; the first looks take the marks. */
    reclaim(4);
    assert_true(is_out(0) && is_out(1));
    assert_true((support_vm_entry(other, 0) & ZC_PTE_SWAP) != 0);
    zc_vm_space_destroy(other);
    end();
}

/* What a device has a copy of is not written again. */
TEST(a_clean_page_is_not_written)
{
    const struct support_vm_kind kind = {.frames = 64,
                                         .backing_ops = &support_device_ops,
                                         .backing_user = &device};
    zc_swp slot;
    char byte = 9;

    support_device_init(&device);
    begin_kind(&kind, 1);
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    assert_int_equal(atomic_load(&device.writes), 1);
    slot = support_vm_slot(space, 0);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_DEVICE);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_slot(space, 0).value, slot.value);
    assert_int_equal(support_vm_stats(&machine).swapped_out, 1);
    assert_int_equal(zc_zswap_stored_pages(&machine.cache->zswap), 0);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_DEVICE);
    /* A write makes it dirty, and its copy worthless. */
    assert_status(zc_vm_write(space, 0, SUPPORT_VM_PAGE - 1, &byte, 1, NULL),
                  ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_stats(&machine).swapped_out, 2);
    assert_status(zc_vm_read(space, 0, SUPPORT_VM_PAGE - 1, &byte, 1, NULL),
                  ZC_OK);
    assert_int_equal(byte, 9);
    end();
    support_device_fini(&device);
}

TEST(a_frame_with_many_mappings_goes_out_whole)
{
    struct zc_vm_space *children[20];
    unsigned i;

    begin(1);
    for (i = 0; i < 20; i++)
        assert_status(zc_vm_fork(space, &children[i]), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(zc_slot_count(zc_slot_find(&machine.cache->swap,
                                                support_vm_slot(space, 0))),
                     21);
    assert_int_equal(support_vm_stats(&machine).swapped_out, 1);
    support_vm_check(&machine);
    for (i = 0; i < 20; i++) {
        (void)support_vm_expect(children[i], 0, 0, 1);
        zc_vm_space_destroy(children[i]);
    }
    end();
}

TEST(locked_pages_stay)
{
    struct zc_vm_space *child = NULL;
    uint64_t freed;

    begin(1);
    zc_vm_space_destroy(space);
    space = support_vm_space_of(&machine, 0, 2, ZC_VM_LOCKED);
    support_vm_write(space, 0, 1);
    support_vm_reclaim_all(&machine);
    assert_false(is_out(0));
    /* A child's mapping of it does not make it go either. */
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_reclaim(machine.vm, 0, 1, &freed), ZC_AGAIN);
    assert_false(is_out(0));
    (void)support_vm_frame(child, 0);
    support_vm_check(&machine);
    (void)support_vm_expect(child, 0, 0, 1);
    zc_vm_space_destroy(child);
    end();
}

/* More mappings than reclaim looks at first: the locked one is met later. */
TEST(a_locked_page_among_many_stays)
{
    struct zc_vm_space *children[20];
    unsigned i;

    begin(1);
    zc_vm_space_destroy(space);
    space = support_vm_space_of(&machine, 0, 1, ZC_VM_LOCKED);
    support_vm_write(space, 0, 1);
    for (i = 0; i < 20; i++)
        assert_status(zc_vm_fork(space, &children[i]), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_false(is_out(0));
    support_vm_check(&machine);
    for (i = 0; i < 20; i++) {
        (void)support_vm_expect(children[i], 0, 0, 1);
        zc_vm_space_destroy(children[i]);
    }
    end();
}

TEST(a_frame_that_somebody_has_locked_is_left)
{
    struct zc_folio *folio;

    begin(1);
    folio = &support_vm_frame(space, 0)->folio;
    zc_folio_get(folio);
    assert_true(zc_folio_trylock(folio));
    support_vm_reclaim_all(&machine);
    assert_false(is_out(0));
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    support_vm_reclaim_all(&machine);
    assert_true(is_out(0));
    end();
}

TEST(without_a_slot_pages_stay)
{
    const struct support_vm_kind kind = {.frames = 64, .slots = 1};

    begin_kind(&kind, 2);
    support_vm_reclaim_all(&machine);
    assert_int_equal(is_out(0) + is_out(1), 1);
    assert_int_equal(support_vm_slots_used(&machine), 1);
    (void)support_vm_expect(space, 0, 0, 1);
    (void)support_vm_expect(space, 1, 1, 1);
    end();
}

/* No failure leaves a page nowhere. */
TEST(a_failure_on_the_way_out_loses_nothing)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_MALLOC, ZC_INJECT_PAGES, ZC_INJECT_COMPRESS, ZC_INJECT_WRITE};
    uint32_t failures;
    uint32_t countdown;
    uint64_t page;
    size_t i;

    for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        countdown = 0;
        do {
            begin(5);
            zc_inject_arm(points[i], countdown++, UINT32_MAX);
            support_vm_reclaim_all(&machine);
            (void)zc_cache_writeback(machine.cache, NULL, NULL);
            failures = zc_inject_failures();
            zc_inject_disarm();
            support_vm_check(&machine);
            for (page = 0; page < 5; page++)
                (void)support_vm_expect(space, page, page, 1);
            end();
        } while (failures != 0);
        assert_true(countdown > 1);
    }
}

/* A device that fails writes: the page is the folio's, and goes later. */
TEST(a_page_whose_write_failed_is_still_there)
{
    const struct support_vm_kind kind = {.frames = 64,
                                         .backing_ops = &support_device_ops,
                                         .backing_user = &device};
    const struct zc_owner_options miser = {.struct_size = sizeof(miser),
                                           .limit_bytes = 1};

    support_device_init(&device);
    begin_kind(&kind, 6);
    atomic_store(&device.fails_writes, true);
    assert_status(zc_vm_reclaim(machine.vm, 0, 1, NULL), ZC_OK);
    assert_status(zc_cache_set_owner(machine.cache, 0, &miser), ZC_OK);
    support_vm_reclaim_all(&machine);
    support_vm_check(&machine);
    (void)support_vm_expect(space, 3, 3, 1);
    atomic_store(&device.fails_writes, false);
    support_vm_reclaim_all(&machine);
    support_vm_reclaim_all(&machine);
    support_vm_check(&machine);
    (void)support_vm_expect(space, 1, 1, 1);
    (void)support_vm_expect(space, 4, 4, 1);
    end();
    support_device_fini(&device);
}

TEST(a_fault_reclaims_for_itself)
{
    uint64_t page;

    begin(200); /* of 64 frames */
    assert_true(support_vm_stats(&machine).direct_reclaims > 0);
    assert_in_range(support_vm_stats(&machine).frames_free, machine.vm->reserve,
                    63);
    for (page = 0; page < 200; page++)
        (void)support_vm_expect(space, page, page, 1);
    end();
}

TEST(an_owner_at_his_limit_reclaims_his_own)
{
    struct zc_vm_space *other;
    uint64_t page;

    begin(10);
    assert_status(zc_vm_set_owner_limit(machine.vm, 4, 5), ZC_OK);
    other = support_vm_space_of(&machine, 4, 30, 0);
    for (page = 0; page < 30; page++) {
        support_vm_write(other, page, 2);
        assert_in_range(machine.vm->owners[4].frames, 1, 5);
    }
    for (page = 0; page < 30; page++) {
        (void)support_vm_expect(other, page, page, 2);
        assert_in_range(machine.vm->owners[4].frames, 1, 5);
    }
    for (page = 0; page < 10; page++)
        assert_false(is_out(page));
    zc_vm_space_destroy(other);
    end();
}

TEST(the_reclaimer_keeps_frames_free)
{
    const struct support_vm_kind kind = {.frames = 256,
                                         .background_reclaim = 1};
    struct zc_vm *vm;
    uint64_t page;
    unsigned i;

    machine = support_vm_make(&kind);
    vm = machine.vm;
    assert_true(vm->reserve < vm->low && vm->low < vm->high);
    space = support_vm_space(&machine, 500);
    for (page = 0; page < 256 - vm->low - 1; page++)
        support_vm_write(space, page, 1);
    assert_int_equal(support_vm_stats(&machine).swapped_out, 0);
    for (; page < 500; page++) {
        support_vm_write(space, page, 1);
        for (i = 0; i < 1000000 && zc_frames_free(vm) < vm->low; i++)
            sched_yield();
        assert_true(zc_frames_free(vm) >= vm->low);
    }
    /* No thread had to reclaim directly. */
    assert_int_equal(support_vm_stats(&machine).direct_reclaims, 0);
    for (page = 0; page < 500; page++)
        (void)support_vm_expect(space, page, page, 1);
    end();
}

/* As a fault leaves it that has read the page and then could not map it. */
TEST(a_page_read_for_nothing_goes_out_again)
{
    struct zc_folio *folio = NULL;
    enum zc_page_source source;
    bool is_created = false;
    struct zc_swap *swap;
    zc_swp slot;

    begin(1);
    reclaim(1);
    swap = zc_vm_swap(machine.vm);
    slot = support_vm_slot(space, 0);
    assert_status(
        zc_swapcache_get(swap, zc_slot_find(swap, slot), &folio, &is_created),
        ZC_OK);
    assert_status(zc_pageio_read(&machine.cache->pageio, folio,
                                 zc_slot_find(machine.cache->pageio.swap, slot),
                                 &source),
                  ZC_OK);
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_int_equal(zc_frame_of(folio)->owner, ZC_OWNER_COUNT);
    zc_frame_age(machine.vm, zc_frame_of(folio));
    zc_folio_unlock(swap, folio);
    zc_swapcache_put(swap, slot, folio);
    reclaim(1);
    support_vm_check(&machine);
    (void)support_vm_expect(space, 0, 0, 1);
    end();
}
