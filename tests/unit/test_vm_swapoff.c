/* SPDX-License-Identifier: MIT */
/* test_vm_swapoff.c - every page of a device home, or none lost. */
#include <time.h>

#include "support_call.h"
#include "support_machine.h"
#include "support_threads.h"

#include "base/inject.h"

#define PAGES 20

static void expect_all(struct zc_vm_space *of)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        expect_page(of, page * 29, page);
}

static zc_status swap_off(void)
{
    return zc_vm_swap_off(machine.vm, machine.type);
}

static unsigned swap_on(unsigned managed)
{
    unsigned type = 99;

    assert_status(
        zc_swap_on(machine.cache,
                   ZC_SWAP_OPTIONS(.slot_count = 100, .managed = managed),
                   &type),
        ZC_OK);
    return type;
}

static void swap_out(void)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        support_vm_write(space, page * 29, page);
    support_vm_reclaim_all(&machine);
}

static void begin(uint64_t frames)
{
    machine_begin(&(const struct support_vm_kind){.frames = frames}, 600);
    swap_out();
}

static void end(void)
{
    expect_all(space);
    machine_end();
}

/* Pages that are out; afterwards each is what it was. */
#define TEST_OF_PAGES(name, frames) TEST_BETWEEN(name, begin(frames), end())

TEST_OF_PAGES(all_pages_are_present_afterwards, 64)
{
    uint64_t page;

    assert_status(swap_off(), ZC_OK);
    support_vm_check(&machine);
    assert_int_equal(zc_zswap_stored_pages(&machine.cache->zswap), 0);
    for (page = 0; page < PAGES; page++)
        assert_int_equal(touch(space, page * 29, false), ZC_FAULT_NONE);
    assert_status(swap_off(), ZC_INVALID);
    assert_status(zc_vm_swap_off(machine.vm, ZC_SWP_TYPE_COUNT), ZC_INVALID);
    assert_status(zc_vm_swap_off(NULL, 0), ZC_INVALID);
    /* There is nowhere to go now, and then the next device takes them. */
    support_vm_reclaim_all(&machine);
    assert_int_equal(stats().frames_free, 64 - PAGES);
    assert_int_equal(swap_on(1), machine.type);
    support_vm_reclaim_all(&machine);
    assert_int_equal(slots_used(), PAGES);
}

TEST_OF_PAGES(pages_in_the_cache_and_on_the_device_come_home, 64)
{
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    expect_page(space, 29, 1); /* cached, and mapped */
    assert_status(swap_off(), ZC_OK);
    support_vm_expect_zeros(space, 30);
}

/* Page 29 of `space` and page 2 of `other`, of owner 3, are one page, out. */
static void merge(void)
{
    char bytes[SUPPORT_VM_PAGE];

    other = support_vm_space_of(&machine, 3, 4, 0);
    support_vm_fill(bytes, 29, 1);
    assert_status(zc_vm_write(other, 2, 0, bytes, sizeof(bytes), NULL), ZC_OK);
    support_vm_write(space, 29, 1);
    assert_status(zc_vm_merge(space, 29, other, 2), ZC_OK);
    support_vm_reclaim_all(&machine);
}

TEST_OF_PAGES(every_mapping_gets_its_page, 64)
{
    struct zc_vm_space *child = NULL;

    merge();
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    assert_status(swap_off(), ZC_OK);
    support_vm_check(&machine);
    expect_all(child);
    (void)support_vm_expect(other, 2, 29, 1);
    /* Parent and child share their frames, and the unrelated space has a copy.
     */
    assert_int_equal(frames_of(0), PAGES);
    assert_int_equal(frames_of(3), 1);
    support_vm_write(child, 29, 8);
    (void)support_vm_expect(other, 2, 29, 1);
    zc_vm_space_destroy(child);
}

TEST_OF_PAGES(another_device_keeps_its_pages, 64)
{
    assert_status(zc_vm_swap_off(machine.vm, swap_on(1)), ZC_OK);
    assert_int_equal(slots_used(), PAGES);
}

/* The caller of zc_cache_store() names its slots; no page table does. */
TEST_OF_PAGES(a_device_that_is_not_managed_is_not_for_it, 64)
{
    const unsigned type = swap_on(0);
    const zc_swp slot = zc_swp_make(type, 3);
    char page[SUPPORT_VM_PAGE];

    assert_status(zc_vm_swap_off(machine.vm, type), ZC_INVALID);
    support_vm_fill(page, 7, 1);
    assert_status(zc_cache_store(machine.cache, slot, page), ZC_OK);
    assert_status(zc_vm_swap_off(machine.vm, type), ZC_INVALID);
    /* Nothing has changed: it takes pages, and has those that it had. */
    assert_status(zc_cache_store(machine.cache, zc_swp_make(type, 4), page),
                  ZC_OK);
    memset(page, 0, sizeof(page));
    assert_status(zc_cache_load(machine.cache, slot, page), ZC_OK);
    assert_true(support_vm_is(page, 7, 1));
    assert_status(zc_cache_invalidate_type(machine.cache, type), ZC_OK);
    assert_status(zc_swap_off(machine.cache, type, NULL, NULL), ZC_OK);
}

/* ---- refused ---- */

/* Each failure at each place: refused, in use as before, every page there. */
TEST(a_refused_swapoff_loses_nothing)
{
    static const struct {
        enum zc_inject_point point;
        zc_status status;
        bool is_written;   /* to the device, first */
        unsigned passages; /* for each page */
    } cases[] = {
        {ZC_INJECT_FRAME, ZC_NO_MEMORY, false, 2},
        {ZC_INJECT_DECOMPRESS, ZC_CORRUPT, false, 1},
        {ZC_INJECT_READ, ZC_IO_ERROR, true, 1},
        {ZC_INJECT_FRAME, ZC_NO_MEMORY, true, 2},
    };
    uint32_t countdown;
    zc_status status;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        countdown = 0;
        do {
            begin(64);
            if (cases[i].is_written)
                assert_status(zc_cache_writeback(machine.cache, NULL, NULL),
                              ZC_OK);
            zc_inject_arm(cases[i].point, countdown++, 1);
            status = swap_off();
            zc_inject_disarm();
            assert_true(status == ZC_OK || status == cases[i].status);
            support_vm_check(&machine);
            if (countdown % 2 == 0 && status != ZC_OK)
                assert_status(swap_off(), ZC_OK);
            end();
        } while (status != ZC_OK);
        assert_int_equal(countdown, PAGES * cases[i].passages + 1);
    }
}

/* The copy for an unrelated space cannot be made. */
TEST_OF_PAGES(a_copy_that_fails_refuses_it, 64)
{
    zc_status status;

    merge();
    expect_page(space, 29, 1);
    zc_inject_arm(ZC_INJECT_FRAME, 0, UINT32_MAX);
    status = swap_off();
    zc_inject_disarm();
    assert_status(status, ZC_NO_MEMORY);
    support_vm_check(&machine); /* no folio is locked */
    (void)support_vm_expect(other, 2, 29, 1);
    assert_status(swap_off(), ZC_OK);
}

TEST_OF_PAGES(too_few_frames_refuse_it, 16)
{
    assert_status(swap_off(), ZC_NO_MEMORY);
    support_vm_check(&machine);
}

TEST_OF_PAGES(the_limit_of_an_owner_refuses_it, 64)
{
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, PAGES - 5), ZC_OK);
    assert_status(swap_off(), ZC_NO_MEMORY);
    assert_true(frames_of(0) <= PAGES - 5);
    support_vm_check(&machine);
    expect_all(space);
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 0), ZC_OK);
    assert_status(swap_off(), ZC_OK);
}

/* ---- while a count is in the hand of a thread ---- */

static void run_swap_off(void *argument)
{
    *(zc_status *)argument = swap_off();
}

/* As an exit that has cleared its entry and not dropped the count yet. */
static void drop_count(zc_swp slot)
{
    zc_vm_drop_pte(machine.vm, zc_pte_of_slot(slot));
}

/* As a fork that has taken the count and sets the child's entry at last. */
static void set_entry(zc_swp slot)
{
    struct zc_vm_table *table = zc_vm_table_find(other, 0);

    zc_spinlock_lock(&table->lock);
    table->entries[0] = zc_pte_of_slot(slot) | ZC_PTE_MAPPED;
    zc_spinlock_unlock(&table->lock);
    zc_vm_wake_swapoff(machine.vm);
}

/* It has not ended, and in a tenth of a second it takes no time of a
 * processor. */
static void expect_sleep(pthread_t thread)
{
    struct timespec before;
    struct timespec after;
    unsigned tries = 0;
    clockid_t clock;

    assert_int_equal(pthread_getcpuclockid(thread, &clock), 0);
    do {
        assert_int_equal(clock_gettime(clock, &before), 0);
        support_sleep_ns(100000000);
        assert_int_equal(clock_gettime(clock, &after), 0);
    } while (
        (before.tv_sec != after.tv_sec || before.tv_nsec != after.tv_nsec) &&
        ++tries < 100);
    assert_in_range(tries, 0, 99);
}

static void sleeps_until(void (*done)(zc_swp slot))
{
    zc_status status = ZC_UNSUPPORTED;
    struct support_call call;
    zc_swp slot;

    other = support_vm_space(&machine, 1);
    slot = support_vm_slot(space, 29);
    assert_status(zc_slot_dup(&machine.cache->swap, slot), ZC_OK);
    support_call_start(&call, run_swap_off, &status);
    /* Past those before it. */
    while (stats().frames_free > 64 - 2)
        support_sleep_ns(1000000);
    expect_sleep(call.thread);
    done(slot);
    support_call_join(&call);
    assert_status(status, ZC_OK);
}

TEST_OF_PAGES(it_sleeps_until_an_exit_drops_its_count, 64)
{
    sleeps_until(drop_count);
}

TEST_OF_PAGES(it_sleeps_until_a_fork_sets_its_entry, 64)
{
    sleeps_until(set_entry);
    (void)support_vm_expect(other, 0, 29, 1);
}

/* Each of the two says so when it is done with a count. */
TEST_OF_PAGES(a_fork_and_an_exit_wake_it, 64)
{
    zc_atomic_u32 *word = &machine.vm->swapoff_waits;

    zc_atomic_u32_store_relaxed(word, 1);
    fork_space();
    assert_int_equal(zc_atomic_u32_load_relaxed(word), 0);
    zc_atomic_u32_store_relaxed(word, 1);
    end_space(&other);
    assert_int_equal(zc_atomic_u32_load_relaxed(word), 0);
}
