/* SPDX-License-Identifier: MIT */
/*
 * test_vm_swapin.c - a fault on a swap entry, and what others do meanwhile.
 *
 * The reads of pages are listened to: what a test wants to happen between the
 * read and the entry's change happens there, on the thread of the fault.
 */
#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include <sched.h>

#include "base/inject.h"
#include "vm/vm.h"

#define POLICIES 3

static const unsigned policies[POLICIES] = {
    ZC_SWAP_IN_CACHED, ZC_SWAP_IN_BYPASS, ZC_SWAP_IN_STORE_AGAIN};

/* What a test is about; one page, 2, of one space. */
static struct support_vm machine;
static struct zc_vm_space *space;
static struct zc_vm_space *other;
static void (*meanwhile)(zc_swp slot);

/* Declared by the type of what they stand for, which the compiler holds the
 * definition against. */
__typeof__(zc_pageio_read) __real_zc_pageio_read;
__typeof__(zc_pageio_read) __wrap_zc_pageio_read;

zc_status __wrap_zc_pageio_read(struct zc_pageio *pageio,
                                struct zc_folio *folio, struct zc_slot_ref slot,
                                enum zc_page_source *source_out)
{
    void (*act)(zc_swp slot) = meanwhile;
    zc_status status;

    meanwhile = NULL;
    status = __real_zc_pageio_read(pageio, folio, slot, source_out);
    if (act != NULL)
        act(slot.name);
    return status;
}

/* Overwrites free frames, so that no test passes by their old content. */
static void spoil_free_frames(void)
{
    struct zc_vm *vm = machine.vm;
    struct zc_list *link;

    zc_spinlock_lock(&vm->frames_lock);
    for (link = vm->free.next; link != &vm->free; link = link->next)
        memset(ZC_CONTAINER(link, struct zc_vm_frame, age)->folio.data, 0x5a,
               vm->page_size);
    zc_spinlock_unlock(&vm->frames_lock);
}

/* A page that is out, in compressed memory. */
static void begin(const struct support_vm_kind *kind)
{
    machine = support_vm_make(kind);
    space = support_vm_space(&machine, 8);
    other = NULL;
    support_vm_write(space, 2, 6);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_slots_used(&machine), 1);
    spoil_free_frames();
}

static void end(void)
{
    assert_null(meanwhile);
    if (other != NULL)
        zc_vm_space_destroy(other);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

static void begin_policy(unsigned i)
{
    const struct support_vm_kind kind = {
        .frames = 512, .synchronous = 1, .swap_in = policies[i]};

    begin(&kind);
}

static struct zc_folio *look_up(zc_swp slot)
{
    struct zc_folio *folio =
        zc_swapcache_look_up(zc_slot_find(&machine.cache->swap, slot));

    if (folio != NULL)
        zc_folio_put(&machine.cache->swap, folio);
    return folio;
}

/* ---- the slot is pinned, one way or the other ---- */

static void expect_bare_pin(zc_swp slot)
{
    assert_null(look_up(slot));
    assert_status(zc_slot_pin(&machine.cache->swap,
                              zc_slot_find(&machine.cache->swap, slot)),
                  ZC_BUSY);
}

static void expect_folio(zc_swp slot)
{
    struct zc_folio *folio = look_up(slot);

    assert_non_null(folio);
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
}

TEST(each_policy_pins_the_slot_its_way)
{
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        meanwhile = policies[i] == ZC_SWAP_IN_CACHED ? expect_folio
                                                     : expect_bare_pin;
        assert_int_equal(support_vm_expect(space, 2, 2, 6), ZC_FAULT_POOL);
        /* A synchronous device gets its slot back at once, whatever way. */
        assert_int_equal(support_vm_slots_used(&machine), 0);
        assert_int_equal(support_vm_stats(&machine).fault_retries, 0);
        end();
    }
}

TEST(the_default_goes_past_the_cache)
{
    const struct support_vm_kind kind = {.frames = 512, .synchronous = 1};

    begin(&kind);
    meanwhile = expect_bare_pin;
    (void)support_vm_expect(space, 2, 2, 6);
    end();
}

TEST(a_slow_device_goes_through_the_cache)
{
    const struct support_vm_kind kind = {.frames = 512,
                                         .swap_in = ZC_SWAP_IN_BYPASS};

    begin(&kind);
    meanwhile = expect_folio;
    (void)support_vm_expect(space, 2, 2, 6);
    end();
}

TEST(a_shared_slot_goes_through_the_cache)
{
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        assert_status(zc_vm_fork(space, &other), ZC_OK);
        meanwhile = expect_folio;
        assert_int_equal(support_vm_expect(space, 2, 2, 6), ZC_FAULT_POOL);
        assert_int_equal(support_vm_expect(other, 2, 2, 6), ZC_FAULT_CACHED);
        /* One family, one page: they share the frame. */
        assert_ptr_equal(support_vm_frame(space, 2),
                         support_vm_frame(other, 2));
        assert_int_equal(support_vm_slots_used(&machine), 0);
        end();
    }
}

/* ---- the entry changes between read and map ---- */

static void unmap_it(zc_swp slot)
{
    (void)slot;
    assert_status(zc_vm_unmap(space, 2, 1), ZC_OK);
}

TEST(a_page_unmapped_meanwhile_is_not_mapped)
{
    char byte;
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        meanwhile = unmap_it;
        assert_status(zc_vm_read(space, 2, 0, &byte, 1, NULL), ZC_INVALID);
        assert_int_equal(support_vm_stats(&machine).installs_failed, 1);
        assert_int_equal(support_vm_stats(&machine).fault_retries, 1);
        assert_int_equal(support_vm_slots_used(&machine), 0);
        assert_int_equal(support_vm_stats(&machine).frames_free, 512);
        end();
    }
}

static void write_it_anew(zc_swp slot)
{
    unmap_it(slot);
    assert_status(zc_vm_map(space, 2, 1, 0), ZC_OK);
    support_vm_write(space, 2, 7);
}

TEST(a_page_written_meanwhile_is_the_new_one)
{
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        meanwhile = write_it_anew;
        (void)support_vm_expect(space, 2, 2, 7);
        assert_int_equal(support_vm_stats(&machine).installs_failed, 1);
        end();
    }
}

static void fork_it(zc_swp slot)
{
    (void)slot;
    assert_status(zc_vm_fork(space, &other), ZC_OK);
}

/* The child has a count by then, so its copy has to stay. */
TEST(a_page_forked_meanwhile_is_the_childs_too)
{
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        meanwhile = fork_it;
        support_vm_write(space, 2, 8);
        assert_null(meanwhile);
        assert_int_equal(support_vm_slots_used(&machine), 1);
        support_vm_check(&machine);
        (void)support_vm_expect(other, 2, 2, 6);
        (void)support_vm_expect(space, 2, 2, 8);
        end();
    }
}

/* ---- failures ---- */

TEST(a_page_that_cannot_be_mapped_is_tried_again)
{
    uint32_t failures;
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        zc_inject_arm(ZC_INJECT_INSTALL, 0, 3);
        (void)support_vm_expect(space, 2, 2, 6);
        failures = zc_inject_failures();
        zc_inject_disarm();
        assert_int_equal(failures, 3);
        assert_int_equal(support_vm_stats(&machine).installs_failed, 3);
        assert_int_equal(support_vm_stats(&machine).fault_retries, 3);
        end();
    }
}

/* A page that was read past the swap cache is writable at once, unless it may
 * have to be stored again while a thread writes to it. */
TEST(a_page_of_its_own_is_writable)
{
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        (void)support_vm_expect(space, 2, 2, 6);
        assert_int_equal((support_vm_entry(space, 2) & ZC_PTE_WRITE) != 0,
                         policies[i] == ZC_SWAP_IN_BYPASS);
        end();
    }
}

/* COPY_LIVES_UNTIL_SWAP_FREE: what cannot be mapped is where it was. */
TEST(what_is_past_the_cache_is_not_taken)
{
    begin_policy(1);
    zc_inject_arm(ZC_INJECT_COMPRESS, 0, UINT32_MAX);
    zc_inject_arm(ZC_INJECT_INSTALL, 0, 1);
    (void)support_vm_expect(space, 2, 2, 6);
    /* The install alone: nothing had to be compressed again. */
    assert_int_equal(zc_inject_failures(), 1);
    zc_inject_disarm();
    end();
}

TEST(without_a_frame_the_page_stays_out)
{
    zc_swp slot;
    char byte;
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        slot = support_vm_slot(space, 2);
        zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
        assert_status(zc_vm_read(space, 2, 0, &byte, 1, NULL), ZC_NO_MEMORY);
        zc_inject_disarm();
        assert_int_equal(support_vm_slot(space, 2).value, slot.value);
        support_vm_check(&machine);
        (void)support_vm_expect(space, 2, 2, 6);
        end();
    }
}

TEST(what_cannot_be_read_stays_where_it_is)
{
    zc_swp slot;
    char byte;
    unsigned i;

    for (i = 0; i < POLICIES; i++) {
        begin_policy(i);
        slot = support_vm_slot(space, 2);
        zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, 1);
        assert_status(zc_vm_read(space, 2, 0, &byte, 1, NULL), ZC_CORRUPT);
        zc_inject_disarm();
        assert_int_equal(support_vm_slot(space, 2).value, slot.value);
        assert_null(look_up(slot));
        assert_int_equal(support_vm_stats(&machine).frames_free, 512);
        support_vm_check(&machine);
        assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
        zc_inject_arm(ZC_INJECT_READ, 0, 1);
        assert_status(zc_vm_read(space, 2, 0, &byte, 1, NULL), ZC_IO_ERROR);
        zc_inject_disarm();
        support_vm_check(&machine);
        assert_int_equal(support_vm_expect(space, 2, 2, 6), ZC_FAULT_DEVICE);
        end();
    }
}

/* ---- faults that wait ---- */

static void read_it(struct support_worker *worker)
{
    char bytes[SUPPORT_VM_PAGE];
    zc_status status = zc_vm_read(other != NULL ? other : space, 2, 0, bytes,
                                  sizeof(bytes), NULL);

    if (status != ZC_OK)
        support_mistake(worker, "read: %s", zc_status_name(status));
    else if (!support_vm_is(bytes, 2, 6))
        support_mistake(worker, "another page");
}

static void sleep_a_little(void)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    (void)nanosleep(&pause, NULL);
}

static void unpin_when_awaited(struct support_worker *worker)
{
    const zc_swp slot = support_vm_slot(space, 2);

    while (support_vm_stats(&machine).pin_waits == 0)
        sched_yield();
    sleep_a_little();
    if (support_vm_stats(&machine).pin_waits > 2)
        support_mistake(worker, "the thread that lost the pin did not sleep");
    zc_slot_unpin(&machine.cache->swap,
                  zc_slot_find(&machine.cache->swap, slot));
}

/* PIN_LOSER_SLEEPS, from the fault's side. */
TEST(who_loses_the_pin_sleeps_and_looks_again)
{
    struct support_crew crew;

    begin_policy(1);
    assert_status(zc_slot_pin(&machine.cache->swap,
                              zc_slot_find(&machine.cache->swap,
                                           support_vm_slot(space, 2))),
                  ZC_OK);
    support_crew_init(&crew);
    support_crew_add(&crew, read_it, NULL);
    support_crew_add(&crew, unpin_when_awaited, NULL);
    support_crew_run(&crew, 0);
    assert_in_range(support_vm_stats(&machine).pin_waits, 1, 2);
    assert_true(support_vm_stats(&machine).fault_retries >= 1);
    end();
}

static struct zc_folio *made;

static void delete_when_awaited(struct support_worker *worker)
{
    struct zc_swap *swap = &machine.cache->swap;

    (void)worker;
    while (!zc_folio_has(made, ZC_FOLIO_WAITERS))
        sched_yield();
    zc_swapcache_delete(swap, made);
    zc_folio_unlock(swap, made);
    zc_folio_put(swap, made);
}

/* RECHECK_IN_SWAPCACHE: the folio that the fault waited for has left the cache.
 */
TEST(who_waits_for_a_folio_rechecks_it)
{
    const struct support_vm_kind kind = {.frames = 512};
    struct support_crew crew;

    begin(&kind);
    assert_status(zc_swapcache_create(&machine.cache->swap,
                                      zc_slot_find(&machine.cache->swap,
                                                   support_vm_slot(space, 2)),
                                      &made),
                  ZC_OK);
    memset(made->data, 0x55, SUPPORT_VM_PAGE);
    support_crew_init(&crew);
    support_crew_add(&crew, read_it, NULL);
    support_crew_add(&crew, delete_when_awaited, NULL);
    support_crew_run(&crew, 0);
    end();
}

/* ---- merged pages ---- */

/* Two spaces with one slot between them. */
static void begin_merged(void)
{
    const struct support_vm_kind kind = {.frames = 512};
    char page[SUPPORT_VM_PAGE];

    begin(&kind);
    (void)support_vm_expect(space, 2, 2, 6);
    other = support_vm_space_of(&machine, 1, 8, 0);
    support_vm_fill(page, 2, 6);
    assert_status(zc_vm_write(other, 2, 0, page, sizeof(page), NULL), ZC_OK);
    support_vm_write(space, 2, 6);
    assert_status(zc_vm_merge(space, 2, other, 2), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_slot(space, 2).value,
                     support_vm_slot(other, 2).value);
    spoil_free_frames();
}

TEST(an_unrelated_space_copies)
{
    begin_merged();
    assert_int_equal(support_vm_expect(space, 2, 2, 6), ZC_FAULT_POOL);
    assert_int_equal(support_vm_expect(other, 2, 2, 6), ZC_FAULT_CACHED);
    assert_ptr_not_equal(support_vm_frame(space, 2),
                         support_vm_frame(other, 2));
    assert_int_equal(support_vm_stats(&machine).ksm_copies, 1);
    /* The copy has one mapping, which is writable. */
    assert_true((support_vm_entry(other, 2) & ZC_PTE_WRITE) != 0);
    support_vm_check(&machine);
    end();
}

TEST(a_copy_that_fails_leaves_both_unlocked)
{
    static const enum zc_inject_point points[] = {ZC_INJECT_FRAME,
                                                  ZC_INJECT_INSTALL};
    struct zc_folio *folio;
    zc_status status;
    unsigned i;
    char byte;

    for (i = 0; i < 2; i++) {
        begin_merged();
        (void)support_vm_expect(space, 2, 2, 6);
        folio = look_up(support_vm_slot(other, 2));
        assert_non_null(folio);
        zc_inject_arm(points[i], 0, 1);
        status = zc_vm_read(other, 2, 0, &byte, 1, NULL);
        assert_int_equal(zc_inject_failures(), 1);
        zc_inject_disarm();
        /* An install that fails is tried again. */
        assert_status(status, i == 0 ? ZC_NO_MEMORY : ZC_OK);
        assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED));
        support_vm_check(&machine);
        (void)support_vm_expect(other, 2, 2, 6);
        end();
    }
}

/* The folio of the slot that the fault has just failed to read. */
static void await_waiter(zc_swp slot)
{
    struct zc_folio *folio = look_up(slot);

    while (!zc_folio_has(folio, ZC_FOLIO_WAITERS))
        sched_yield();
}

static zc_status first_status;
static zc_status second_status;

static void read_first(struct support_worker *worker)
{
    char byte;

    (void)worker;
    first_status = zc_vm_read(space, 2, 0, &byte, 1, NULL);
}

static void read_second(struct support_worker *worker)
{
    char byte;

    (void)worker;
    /* The first one has the folio, and waits for us. */
    while (look_up(support_vm_slot(other, 2)) == NULL)
        sched_yield();
    second_status = zc_vm_read(other, 2, 0, &byte, 1, NULL);
}

/* UPTODATE_BEFORE_COPY: the second fault finds a folio whose read failed, and
 * which it would have to copy. */
TEST(what_was_not_read_is_not_copied)
{
    struct support_crew crew;
    uint32_t failures;

    for (failures = 1; failures <= 2; failures++) {
        begin_merged();
        meanwhile = await_waiter;
        zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, failures);
        support_crew_init(&crew);
        support_crew_add(&crew, read_first, NULL);
        support_crew_add(&crew, read_second, NULL);
        support_crew_run(&crew, 0);
        zc_inject_disarm();
        assert_status(first_status, ZC_CORRUPT);
        assert_status(second_status, failures == 1 ? ZC_OK : ZC_CORRUPT);
        assert_int_equal(support_vm_stats(&machine).ksm_copies, 2 - failures);
        support_vm_check(&machine);
        (void)support_vm_expect(other, 2, 2, 6);
        (void)support_vm_expect(space, 2, 2, 6);
        end();
    }
}

/* ---- when the slot is given up ---- */

static uint64_t slots_after_fault(const struct support_vm_kind *kind,
                                  unsigned flags, bool is_write)
{
    uint64_t used;

    machine = support_vm_make(kind);
    other = NULL;
    space = support_vm_space(&machine, 8);
    support_vm_write(space, 2, 6);
    support_vm_reclaim_all(&machine);
    if (flags != 0) { /* mlock(2) of a page that is out */
        struct zc_vm_table *table = zc_vm_table_find(space, 2);

        zc_spinlock_lock(&table->lock);
        table->entries[2] |= ZC_PTE_LOCKED;
        zc_spinlock_unlock(&table->lock);
    }
    assert_status(zc_vm_touch(space, 2, is_write, NULL), ZC_OK);
    used = support_vm_slots_used(&machine);
    (void)support_vm_expect(space, 2, 2, 6);
    support_vm_check(&machine);
    end();
    return used;
}

TEST(a_slot_is_given_up_when_the_kernel_would)
{
    struct support_vm_kind kind = {.frames = 512, .slots = 100};

    assert_int_equal(slots_after_fault(&kind, 0, false), 1);
    assert_int_equal(slots_after_fault(&kind, 0, true), 0);
    assert_int_equal(slots_after_fault(&kind, ZC_VM_LOCKED, false), 0);
    kind.slots = 2;
    assert_int_equal(slots_after_fault(&kind, 0, false), 1);
    kind.slots = 1; /* more than half is in use */
    assert_int_equal(slots_after_fault(&kind, 0, false), 0);
    kind.slots = 100;
    kind.synchronous = 1;
    kind.swap_in = ZC_SWAP_IN_CACHED;
    assert_int_equal(slots_after_fault(&kind, 0, false), 0);
}
