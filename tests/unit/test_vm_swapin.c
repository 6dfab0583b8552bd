/* SPDX-License-Identifier: MIT */
/*
 * test_vm_swapin.c - a fault on a swap entry, and what other threads do in the
 * middle of it (support_machine.h: meanwhile).
 */
#include <sched.h>

#include "support_machine.h"
#include "support_threads.h"

#include "base/inject.h"

#define PAGE 2

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
static void swap_out(void)
{
    support_vm_write(space, PAGE, 6);
    support_vm_reclaim_all(&machine);
    assert_int_equal(slots_used(), 1);
    spoil_free_frames();
}

static void begin(const struct support_vm_kind *kind)
{
    machine_begin(kind, 8);
    swap_out();
}

/* The page is out, of a machine of that kind. */
#define KIND(...)                                                              \
    (&(const struct support_vm_kind){.compressor = "meanwhile", __VA_ARGS__})
#define TEST_OF_PAGE(name, ...)                                                \
    TEST_BETWEEN(name, begin(KIND(__VA_ARGS__)), machine_end())

/* The same for each policy of a synchronous device. */
#define TEST_OF_POLICIES(name)                                                 \
    static void name##_of(unsigned policy);                                    \
    TEST(name)                                                                 \
    {                                                                          \
        for_each_policy(name##_of);                                            \
    }                                                                          \
    static void name##_of(__attribute__((unused)) unsigned policy)

static void for_each_policy(void (*test)(unsigned policy))
{
    unsigned policy;

    for (policy = ZC_SWAP_IN_CACHED; policy <= ZC_SWAP_IN_CACHED_IF_STORED;
         policy++) {
        begin(KIND(.synchronous = 1, .swap_in = policy));
        test(policy);
        machine_end();
    }
}

static struct zc_slot_ref slot_of(struct zc_vm_space *of)
{
    return zc_slot_find(&machine.cache->swap, support_vm_slot(of, PAGE));
}

/* The folio of the page's slot in the swap cache, or NULL. */
static struct zc_folio *look_up(struct zc_vm_space *of)
{
    struct zc_folio *folio = zc_swapcache_look_up(slot_of(of));

    if (folio != NULL)
        zc_folio_put(&machine.cache->swap, folio);
    return folio;
}

static void expect_it(void)
{
    expect_page(space, PAGE, 6);
}

static zc_status read_byte(struct zc_vm_space *of)
{
    char byte;

    return zc_vm_read(of, PAGE, 0, &byte, 1, NULL);
}

/* ---- the slot is pinned, one way or the other ---- */

static void expect_bare_pin(void)
{
    assert_null(look_up(space));
    assert_status(zc_slot_pin(&machine.cache->swap, slot_of(space), NULL),
                  ZC_BUSY);
}

static void expect_folio(void)
{
    struct zc_folio *folio = look_up(space);

    assert_non_null(folio);
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
}

/* A page that was read past the swap cache is writable at once, unless it may
 * have to be stored again while a thread writes to it. */
TEST_OF_POLICIES(each_policy_pins_the_slot_its_way)
{
    meanwhile = policy == ZC_SWAP_IN_CACHED ||
                        policy == ZC_SWAP_IN_CACHED_IF_STORED
                    ? expect_folio
                    : expect_bare_pin;
    assert_int_equal(support_vm_expect(space, PAGE, PAGE, 6), ZC_FAULT_POOL);
    /* A synchronous device gets its slot back at once, whatever way. */
    assert_int_equal(slots_used(), 0);
    assert_int_equal(stats().fault_retries, 0);
    assert_int_equal(is_writable(space, PAGE), policy == ZC_SWAP_IN_BYPASS);
}

TEST_OF_PAGE(what_zswap_does_not_have_goes_past_the_cache, .synchronous = 1,
             .swap_in = ZC_SWAP_IN_CACHED_IF_STORED)
{
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    assert_int_equal(support_vm_expect(space, PAGE, PAGE, 6), ZC_FAULT_DEVICE);
    assert_true(is_writable(space, PAGE));
}

TEST_OF_PAGE(the_default_goes_past_the_cache, .synchronous = 1)
{
    meanwhile = expect_bare_pin;
    expect_it();
}

TEST_OF_PAGE(a_slow_device_goes_through_the_cache, .swap_in = ZC_SWAP_IN_BYPASS)
{
    meanwhile = expect_folio;
    expect_it();
}

TEST_OF_POLICIES(a_shared_slot_goes_through_the_cache)
{
    fork_space();
    meanwhile = expect_folio;
    assert_int_equal(support_vm_expect(space, PAGE, PAGE, 6), ZC_FAULT_POOL);
    assert_int_equal(support_vm_expect(other, PAGE, PAGE, 6), ZC_FAULT_CACHED);
    /* One family, one page: they share the frame. */
    assert_int_equal(stats().frames_free, 63);
    assert_int_equal(slots_used(), 0);
}

/* ---- the entry changes between read and map ---- */

static void unmap_it(void)
{
    assert_status(zc_vm_unmap(space, PAGE, 1), ZC_OK);
}

TEST_OF_POLICIES(a_page_unmapped_meanwhile_is_not_mapped)
{
    meanwhile = unmap_it;
    assert_status(read_byte(space), ZC_INVALID);
    assert_int_equal(stats().installs_failed, 1);
    assert_int_equal(stats().fault_retries, 1);
    assert_int_equal(slots_used(), 0);
    assert_int_equal(stats().frames_free, 64);
}

static void write_it_anew(void)
{
    unmap_it();
    assert_status(zc_vm_map(space, PAGE, 1, 0), ZC_OK);
    support_vm_write(space, PAGE, 7);
}

TEST_OF_POLICIES(a_page_written_meanwhile_is_the_new_one)
{
    meanwhile = write_it_anew;
    expect_page(space, PAGE, 7);
    assert_int_equal(stats().installs_failed, 1);
}

/* The child has a count by then, so its copy has to stay. */
TEST_OF_POLICIES(a_page_forked_meanwhile_is_the_childs_too)
{
    meanwhile = fork_space;
    support_vm_write(space, PAGE, 8);
    assert_null(meanwhile);
    assert_int_equal(slots_used(), 1);
    support_vm_check(&machine);
    expect_page(other, PAGE, 6);
    expect_page(space, PAGE, 8);
}

/* ---- failures ---- */

TEST_OF_POLICIES(a_page_that_cannot_be_mapped_is_tried_again)
{
    uint32_t failures;

    zc_inject_arm(ZC_INJECT_INSTALL, 0, 3);
    expect_it();
    failures = zc_inject_failures();
    zc_inject_disarm();
    assert_int_equal(failures, 3);
    assert_int_equal(stats().installs_failed, 3);
    assert_int_equal(stats().fault_retries, 3);
}

/* COPY_LIVES_UNTIL_SWAP_FREE: what cannot be mapped is where it was. */
TEST_OF_PAGE(a_page_is_not_taken_before_it_is_mapped, .synchronous = 1)
{
    zc_inject_arm(ZC_INJECT_COMPRESS, 0, UINT32_MAX);
    zc_inject_arm(ZC_INJECT_INSTALL, 0, 1);
    expect_it();
    /* The install alone: nothing had to be compressed again. */
    assert_int_equal(zc_inject_failures(), 1);
    zc_inject_disarm();
}

TEST_OF_POLICIES(a_page_that_cannot_be_read_stays_where_it_is)
{
    static const struct {
        enum zc_inject_point point;
        zc_status status;
    } cases[] = {
        {ZC_INJECT_FRAME, ZC_NO_MEMORY},
        {ZC_INJECT_DECOMPRESS, ZC_CORRUPT},
        {ZC_INJECT_READ, ZC_IO_ERROR}, /* once it is on the device */
    };
    const zc_swp slot = support_vm_slot(space, PAGE);
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].point == ZC_INJECT_READ)
            assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
        zc_inject_arm(cases[i].point, 0, 1);
        assert_status(read_byte(space), cases[i].status);
        zc_inject_disarm();
        assert_int_equal(support_vm_slot(space, PAGE).value, slot.value);
        assert_null(look_up(space));
        assert_int_equal(stats().frames_free, 64);
        support_vm_check(&machine);
    }
    assert_int_equal(support_vm_expect(space, PAGE, PAGE, 6), ZC_FAULT_DEVICE);
}

/* ---- faults that wait ---- */

static void read_it(struct support_worker *worker)
{
    char bytes[SUPPORT_VM_PAGE];
    zc_status status = zc_vm_read(space, PAGE, 0, bytes, sizeof(bytes), NULL);

    if (status != ZC_OK)
        support_mistake(worker, "read: %s", zc_status_name(status));
    else if (!support_vm_is(bytes, PAGE, 6))
        support_mistake(worker, "another page");
}

static void run_both(support_work first, support_work second)
{
    struct support_crew crew;

    support_crew_init(&crew);
    support_crew_add(&crew, first, NULL);
    support_crew_add(&crew, second, NULL);
    support_crew_run(&crew, 0);
}

static void unpin_when_awaited(struct support_worker *worker)
{
    while (stats().pin_waits == 0)
        sched_yield();
    support_sleep_ns(20000000);
    if (stats().pin_waits > 2)
        support_mistake(worker, "the thread that lost the pin did not sleep");
    zc_slot_unpin(&machine.cache->swap, slot_of(space));
}

/* PIN_LOSER_SLEEPS, from the fault's side. */
TEST_OF_PAGE(the_loser_of_the_pin_sleeps_and_looks_again, .synchronous = 1)
{
    assert_status(zc_slot_pin(&machine.cache->swap, slot_of(space), NULL),
                  ZC_OK);
    run_both(read_it, unpin_when_awaited);
    assert_in_range(stats().pin_waits, 1, 2);
    assert_true(stats().fault_retries >= 1);
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
TEST_OF_PAGE(a_fault_rechecks_the_folio_that_it_waited_for, .frames = 64)
{
    assert_status(
        zc_swapcache_create(&machine.cache->swap, slot_of(space), &made),
        ZC_OK);
    memset(made->data, 0x55, SUPPORT_VM_PAGE);
    run_both(read_it, delete_when_awaited);
}

/* ---- merged pages ---- */

/* Two spaces with one slot between them. */
static void swap_out_merged(void)
{
    char page[SUPPORT_VM_PAGE];

    support_vm_fill(page, PAGE, 6);
    other = support_vm_space_of(&machine, 1, 8, 0);
    assert_status(zc_vm_write(other, PAGE, 0, page, sizeof(page), NULL), ZC_OK);
    support_vm_write(space, PAGE, 6);
    assert_status(zc_vm_merge(space, PAGE, other, PAGE), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(slot_count(space, PAGE), 2);
    spoil_free_frames();
}

TEST(a_copy_that_fails_leaves_both_unlocked)
{
    static const enum zc_inject_point points[] = {ZC_INJECT_FRAME,
                                                  ZC_INJECT_INSTALL};
    const struct support_vm_kind kind = {.frames = 64};
    zc_status status;
    unsigned i;

    for (i = 0; i < 2; i++) {
        machine_begin(&kind, 8);
        swap_out_merged();
        expect_it();
        zc_inject_arm(points[i], 0, 1);
        status = read_byte(other);
        assert_int_equal(zc_inject_failures(), 1);
        zc_inject_disarm();
        /* An install that fails is tried again. */
        assert_status(status, i == 0 ? ZC_NO_MEMORY : ZC_OK);
        support_vm_check(&machine); /* no folio is locked */
        expect_page(other, PAGE, 6);
        machine_end();
    }
}

/* The folio of the slot that the fault has just failed to read. */
static void await_waiter(void)
{
    struct zc_folio *folio = look_up(space);

    while (!zc_folio_has(folio, ZC_FOLIO_WAITERS))
        sched_yield();
}

static zc_status first_status;
static zc_status second_status;

static void read_first(struct support_worker *worker)
{
    (void)worker;
    first_status = read_byte(space);
}

static void read_second(struct support_worker *worker)
{
    (void)worker;
    /* The first one has the folio, and waits for us. */
    while (look_up(other) == NULL)
        sched_yield();
    second_status = read_byte(other);
}

/* UPTODATE_BEFORE_COPY: the second fault finds a folio whose read failed, and
 * which it would have to copy. */
TEST(a_page_that_was_not_read_is_not_copied)
{
    const struct support_vm_kind kind = {.compressor = "meanwhile"};
    unsigned failures;

    for (failures = 1; failures <= 2; failures++) {
        machine_begin(&kind, 8);
        swap_out_merged();
        meanwhile = await_waiter;
        meanwhile_corrupt = failures;
        run_both(read_first, read_second);
        assert_status(first_status, ZC_CORRUPT);
        assert_status(second_status, failures == 1 ? ZC_OK : ZC_CORRUPT);
        assert_int_equal(stats().ksm_copies, 2 - failures);
        support_vm_check(&machine);
        expect_page(other, PAGE, 6);
        expect_it();
        machine_end();
    }
}

/* ---- when the slot is given up ---- */

TEST(a_slot_is_given_up_when_the_kernel_would)
{
    static const struct {
        struct support_vm_kind kind;
        bool is_write;
        bool is_locked; /* mlock(2) of a page that is out */
        uint64_t slots_left;
    } cases[] = {
        {{.slots = 100}, false, false, 1},
        {{.slots = 100}, true, false, 0},
        {{.slots = 100}, false, true, 0},
        {{.slots = 2}, false, false, 1},
        {{.slots = 1}, false, false, 0}, /* more than half is in use */
        {{.slots = 100, .synchronous = 1, .swap_in = ZC_SWAP_IN_CACHED},
         false,
         false,
         0},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(&cases[i].kind);
        if (cases[i].is_locked) {
            struct zc_vm_table *table = zc_vm_table_find(space, PAGE);

            zc_spinlock_lock(&table->lock);
            table->entries[PAGE] |= ZC_PTE_LOCKED;
            zc_spinlock_unlock(&table->lock);
        }
        (void)touch(space, PAGE, cases[i].is_write);
        if (slots_used() != cases[i].slots_left)
            fail_msg("case %u: %u slots are left", (unsigned)i,
                     (unsigned)slots_used());
        expect_it();
        machine_end();
    }
}
