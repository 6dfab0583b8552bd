/* SPDX-License-Identifier: MIT */
/* test_vm_swapoff.c - every page of a device home, or none lost. */
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include "base/inject.h"
#include "vm/vm.h"

#define PAGES 20

static struct support_vm machine;
static struct zc_vm_space *space;

static void begin_kind(const struct support_vm_kind *kind)
{
    uint64_t page;

    machine = support_vm_make(kind);
    space = support_vm_space(&machine, 600);
    for (page = 0; page < PAGES; page++)
        support_vm_write(space, page * 29, page);
    support_vm_reclaim_all(&machine);
}

static void begin(void)
{
    const struct support_vm_kind kind = {.frames = 64};

    begin_kind(&kind);
}

static void expect_all(struct zc_vm_space *whose)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        (void)support_vm_expect(whose, page * 29, page * 29, page);
}

static void end(void)
{
    support_vm_check(&machine);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

static zc_status swap_off(void)
{
    return zc_vm_swap_off(machine.vm, machine.type);
}

TEST(all_pages_are_present_afterwards)
{
    enum zc_fault_kind kind;
    uint64_t page;

    begin();
    assert_status(swap_off(), ZC_OK);
    support_vm_check(&machine);
    assert_int_equal(zc_zswap_stored_pages(&machine.cache->zswap), 0);
    for (page = 0; page < PAGES; page++) {
        assert_status(zc_vm_touch(space, page * 29, false, &kind), ZC_OK);
        assert_int_equal(kind, ZC_FAULT_NONE);
    }
    expect_all(space);
    assert_status(swap_off(), ZC_INVALID);
    assert_status(zc_vm_swap_off(machine.vm, ZC_SWP_TYPE_COUNT), ZC_INVALID);
    assert_status(zc_vm_swap_off(NULL, 0), ZC_INVALID);
    /* There is nowhere to go now. */
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_stats(&machine).frames_free, 64 - PAGES);
    end();
}

TEST(every_mapping_gets_its_page)
{
    struct zc_vm_space *child = NULL;
    struct zc_vm_space *stranger;
    char bytes[SUPPORT_VM_PAGE];

    begin();
    stranger = support_vm_space_of(&machine, 3, 4, 0);
    (void)support_vm_expect(space, 29, 29, 1);
    support_vm_fill(bytes, 29, 1);
    assert_status(zc_vm_write(space, 29, 0, bytes, sizeof(bytes), NULL), ZC_OK);
    assert_status(zc_vm_write(stranger, 2, 0, bytes, sizeof(bytes), NULL),
                  ZC_OK);
    assert_status(zc_vm_merge(space, 29, stranger, 2), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    assert_status(swap_off(), ZC_OK);
    support_vm_check(&machine);
    expect_all(space);
    expect_all(child);
    (void)support_vm_expect(stranger, 2, 29, 1);
    /* Parent and child share the frame, and the unrelated space has a copy. */
    assert_ptr_equal(support_vm_frame(space, 29), support_vm_frame(child, 29));
    assert_ptr_not_equal(support_vm_frame(space, 29),
                         support_vm_frame(stranger, 2));
    assert_int_equal(support_vm_frame(stranger, 2)->owner, 3);
    assert_int_equal(support_vm_frame(space, 29)->owner, 0);
    support_vm_write(child, 29, 8);
    (void)support_vm_expect(space, 29, 29, 1);
    (void)support_vm_expect(stranger, 2, 29, 1);
    zc_vm_space_destroy(child);
    zc_vm_space_destroy(stranger);
    end();
}

TEST(pages_in_the_cache_and_on_the_device_come_home)
{
    begin();
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    (void)support_vm_expect(space, 29, 29, 1); /* cached, and mapped */
    assert_status(swap_off(), ZC_OK);
    expect_all(space);
    support_vm_expect_zeros(space, 30);
    end();
}

TEST(the_next_device_takes_them_again)
{
    unsigned type = 99;

    begin();
    assert_status(swap_off(), ZC_OK);
    assert_status(zc_swap_on(machine.cache,
                             ZC_SWAP_OPTIONS(.slot_count = 100, .managed = 1),
                             &type),
                  ZC_OK);
    assert_int_equal(type, machine.type);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_slots_used(&machine), PAGES);
    support_vm_check(&machine);
    expect_all(space);
    end();
}

TEST(another_device_keeps_its_pages)
{
    unsigned type = 99;

    begin();
    assert_status(zc_swap_on(machine.cache,
                             ZC_SWAP_OPTIONS(.slot_count = 100, .managed = 1),
                             &type),
                  ZC_OK);
    assert_status(zc_vm_swap_off(machine.vm, type), ZC_OK);
    assert_int_equal(support_vm_slots_used(&machine), PAGES);
    end();
}

/* The caller of zc_cache_store() names its slots; no page table does. */
TEST(a_device_that_is_not_managed_is_not_for_it)
{
    char page[SUPPORT_VM_PAGE];
    unsigned type = 99;
    zc_swp slot;

    begin();
    assert_status(
        zc_swap_on(machine.cache, ZC_SWAP_OPTIONS(.slot_count = 64), &type),
        ZC_OK);
    assert_status(zc_vm_swap_off(machine.vm, type), ZC_INVALID);
    slot = zc_swp_make(type, 3);
    support_vm_fill(page, 7, 1);
    assert_status(zc_cache_store(machine.cache, slot, page), ZC_OK);
    assert_status(zc_vm_swap_off(machine.vm, type), ZC_INVALID);
    /* Nothing has changed: it takes pages, and has those that it had. */
    assert_status(zc_cache_store(machine.cache, zc_swp_make(type, 4), page),
                  ZC_OK);
    memset(page, 0, sizeof(page));
    assert_status(zc_cache_load(machine.cache, slot, page), ZC_OK);
    assert_true(support_vm_is(page, 7, 1));
    assert_status(zc_swap_off(machine.cache, type, NULL, NULL), ZC_BUSY);
    assert_status(zc_cache_invalidate_type(machine.cache, type), ZC_OK);
    assert_status(zc_swap_off(machine.cache, type, NULL, NULL), ZC_OK);
    end();
}

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
            begin();
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
            expect_all(space);
            end();
        } while (status != ZC_OK);
        assert_int_equal(countdown, PAGES * cases[i].passages + 1);
    }
}

/* The copy for an unrelated space cannot be made. */
TEST(a_copy_that_fails_refuses_it)
{
    struct zc_vm_space *stranger;
    char bytes[SUPPORT_VM_PAGE];
    zc_status status;

    begin();
    stranger = support_vm_space(&machine, 4);
    support_vm_fill(bytes, 29, 1);
    assert_status(zc_vm_write(stranger, 2, 0, bytes, sizeof(bytes), NULL),
                  ZC_OK);
    assert_status(zc_vm_write(space, 29, 0, bytes, sizeof(bytes), NULL), ZC_OK);
    assert_status(zc_vm_merge(space, 29, stranger, 2), ZC_OK);
    support_vm_reclaim_all(&machine);
    (void)support_vm_expect(space, 29, 29, 1);
    zc_inject_arm(ZC_INJECT_FRAME, 0, UINT32_MAX);
    status = swap_off();
    zc_inject_disarm();
    assert_status(status, ZC_NO_MEMORY);
    assert_false(
        zc_folio_has(&support_vm_frame(space, 29)->folio, ZC_FOLIO_LOCKED));
    support_vm_check(&machine);
    (void)support_vm_expect(stranger, 2, 29, 1);
    assert_status(swap_off(), ZC_OK);
    expect_all(space);
    zc_vm_space_destroy(stranger);
    end();
}

TEST(no_frames_or_no_right_to_them_refuses_it)
{
    const struct support_vm_kind kind = {.frames = 16};

    begin_kind(&kind);
    assert_status(swap_off(), ZC_NO_MEMORY);
    support_vm_check(&machine);
    expect_all(space);
    end();
    begin();
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, PAGES - 5), ZC_OK);
    assert_status(swap_off(), ZC_NO_MEMORY);
    assert_true(machine.vm->owners[0].frames <= PAGES - 5);
    support_vm_check(&machine);
    expect_all(space);
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 0), ZC_OK);
    assert_status(swap_off(), ZC_OK);
    expect_all(space);
    end();
}

/* ---- while a count is in the hand of a thread ---- */

struct swapoff {
    pthread_t thread;
    atomic_int id; /* of the thread, for the system; 0: not yet */
    zc_status status;
};

static void *run_swap_off(void *argument)
{
    struct swapoff *off = argument;

    atomic_store(&off->id, (int)syscall(SYS_gettid));
    off->status = swap_off();
    return NULL;
}

/* What the system says that a thread does: 'S' where it sleeps. */
static char state_of(int id)
{
    char path[64];
    char line[256];
    char *end = NULL;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", id);
    file = fopen(path, "r");
    if (file != NULL && fgets(line, sizeof(line), file) != NULL)
        end = strrchr(line, ')');
    if (file != NULL)
        assert_int_equal(fclose(file), 0);
    return end == NULL ? 0 : end[2];
}

#define LOOKS 50 /* in a row, a millisecond apart, that find it asleep */

/* Returns when the swapoff sleeps, for good and not for a moment. */
static void await_sleep(struct swapoff *off)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    unsigned asleep = 0;
    unsigned i;

    for (i = 0; asleep < LOOKS && i < 20000; i++) {
        (void)nanosleep(&moment, NULL);
        if (atomic_load(&off->id) != 0)
            asleep = state_of(atomic_load(&off->id)) == 'S' ? asleep + 1 : 0;
    }
    if (asleep < LOOKS)
        fail_msg("it does not sleep");
}

/* As an exit that has cleared its entry and not dropped the count yet. */
TEST(it_sleeps_until_an_exit_drops_its_count)
{
    struct swapoff off = {.status = ZC_AGAIN};
    zc_swp slot;

    if (access("/proc/self/task", R_OK) != 0)
        skip();
    begin();
    slot = support_vm_slot(space, 29);
    assert_status(zc_slot_dup(&machine.cache->swap, slot), ZC_OK);
    assert_int_equal(pthread_create(&off.thread, NULL, run_swap_off, &off), 0);
    await_sleep(&off);
    zc_vm_drop_pte(machine.vm, zc_pte_of_slot(slot));
    assert_int_equal(pthread_join(off.thread, NULL), 0);
    assert_status(off.status, ZC_OK);
    expect_all(space);
    end();
}

/* As a fork that has taken the count and sets the child's entry at last. */
TEST(it_sleeps_until_a_fork_sets_its_entry)
{
    struct swapoff off = {.status = ZC_AGAIN};
    struct zc_vm_space *child;
    struct zc_vm_table *table;
    zc_swp slot;

    if (access("/proc/self/task", R_OK) != 0)
        skip();
    begin();
    child = support_vm_space(&machine, 1);
    slot = support_vm_slot(space, 29);
    assert_status(zc_slot_dup(&machine.cache->swap, slot), ZC_OK);
    assert_int_equal(pthread_create(&off.thread, NULL, run_swap_off, &off), 0);
    await_sleep(&off);
    table = zc_vm_table_find(child, 0);
    zc_spinlock_lock(&table->lock);
    table->entries[0] = zc_pte_of_slot(slot) | ZC_PTE_MAPPED;
    zc_spinlock_unlock(&table->lock);
    zc_vm_wake_swapoff(machine.vm);
    assert_int_equal(pthread_join(off.thread, NULL), 0);
    assert_status(off.status, ZC_OK);
    (void)support_vm_expect(child, 0, 29, 1);
    expect_all(space);
    zc_vm_space_destroy(child);
    end();
}

/* Each of the two says so when it is done with a count. */
TEST(a_fork_and_an_exit_wake_it)
{
    zc_atomic_u32 *word;
    struct zc_vm_space *child = NULL;

    begin();
    word = &machine.vm->swapoff_waits;
    zc_atomic_u32_store_relaxed(word, 1);
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    assert_int_equal(zc_atomic_u32_load_relaxed(word), 0);
    zc_atomic_u32_store_relaxed(word, 1);
    zc_vm_space_destroy(child);
    assert_int_equal(zc_atomic_u32_load_relaxed(word), 0);
    end();
}

/* ---- while all goes on ---- */

/* Each does something, however little time it gets. */
static bool goes_on(const struct support_worker *worker)
{
    return !support_is_stopped(worker) || worker->operations < 2;
}

static void use(struct support_worker *worker)
{
    uint64_t page;
    char bytes[SUPPORT_VM_PAGE];

    while (goes_on(worker)) {
        page = support_random_below(&worker->random, PAGES);
        if (zc_vm_read(space, page * 29, 0, bytes, sizeof(bytes), NULL) !=
                ZC_OK ||
            !support_vm_is(bytes, page * 29, page))
            support_mistake(worker, "page %u", (unsigned)page);
        (void)zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT, 2, NULL);
        worker->operations++;
    }
}

static void fork_and_exit(struct support_worker *worker)
{
    struct zc_vm_space *child;

    while (goes_on(worker)) {
        if (zc_vm_fork(space, &child) != ZC_OK) {
            support_mistake(worker, "fork");
            return;
        }
        zc_vm_space_destroy(child);
        worker->operations++;
    }
}

static void switch_device(struct support_worker *worker)
{
    unsigned type = machine.type;
    zc_status status;

    while (goes_on(worker)) {
        status = zc_vm_swap_off(machine.vm, type);
        if (status == ZC_OK)
            status = zc_swap_on(
                machine.cache,
                ZC_SWAP_OPTIONS(.slot_count = 100, .managed = 1,
                                .synchronous = worker->operations % 2),
                &type);
        if (status != ZC_OK)
            support_mistake(worker, "swap: %s", zc_status_name(status));
        worker->operations++;
    }
}

TEST(it_may_happen_at_any_time)
{
    struct support_crew crew;
    unsigned i;

    begin();
    support_crew_init(&crew);
    support_crew_add(&crew, use, NULL);
    support_crew_add(&crew, use, NULL);
    support_crew_add(&crew, fork_and_exit, NULL);
    support_crew_add(&crew, switch_device, NULL);
    support_crew_run(&crew, 400);
    for (i = 0; i < crew.count; i++)
        assert_true(crew.workers[i].operations > 1);
    expect_all(space);
    end();
}
