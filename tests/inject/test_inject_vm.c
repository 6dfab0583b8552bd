/* SPDX-License-Identifier: MIT */
/*
 * test_inject_vm.c - every failure at every point of a machine's life.
 *
 * A sweep runs the same operations again and again.  Each time another passage
 * of one injection point fails, or all from there on, until none is left.  A
 * call may fail then and do nothing; at the end every written page is there,
 * and the machine is consistent.
 */
#include "support_model.h"
#include "support_test.h"
#include "support_vm.h"

#include "base/inject.h"

#define PAGES 40

/* So many passages each in its turn, then one of so many. */
#define EACH (2 / SUPPORT_MODEL_ONE_OF)
#define SOME (83 * SUPPORT_MODEL_ONE_OF)

static struct support_vm machine;
static struct zc_vm_space *one; /* of more pages than it may have frames */
static struct zc_vm_space *two;
static struct zc_vm_space *child;
static uint64_t written[2][PAGES]; /* last sequence, by space; 0: none */

/* Done, or refused for a failure that was handed out. */
static bool is_done(zc_status status)
{
    if (status == ZC_OK)
        return true;
    if (zc_inject_failures() == 0 || status == ZC_INVALID)
        fail_msg("%s, for no failure", zc_status_name(status));
    return false;
}

static void write_page(unsigned which, uint64_t page, uint64_t sequence)
{
    char bytes[SUPPORT_VM_PAGE];

    support_vm_fill(bytes, page, sequence);
    if (is_done(zc_vm_write(which == 0 ? one : two, page, 0, bytes,
                            sizeof(bytes), NULL)))
        written[which][page] = sequence;
}

static void read_page(struct zc_vm_space *space, unsigned which, uint64_t page)
{
    static const char zeros[SUPPORT_VM_PAGE];
    char bytes[SUPPORT_VM_PAGE];

    if (!is_done(zc_vm_read(space, page, 0, bytes, sizeof(bytes), NULL)))
        return;
    if (written[which][page] == 0)
        assert_memory_equal(bytes, zeros, sizeof(zeros));
    else
        assert_true(support_vm_is(bytes, page, written[which][page]));
}

static void write_some(unsigned which, uint64_t first, uint64_t count,
                       uint64_t sequence)
{
    uint64_t page;

    for (page = first; page < first + count; page++)
        write_page(which, page, sequence + page);
}

static void read_all(struct zc_vm_space *space, unsigned which)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        read_page(space, which, page);
}

/* All that a machine does, from its first page on. */
static void live_on(void)
{
    uint64_t page;

    assert_status(zc_vm_set_owner_limit(machine.vm, 0, PAGES / 2), ZC_OK);
    write_some(0, 0, PAGES, 100);
    for (page = 0; page < 6; page++)
        if (written[0][page] != 0)
            write_page(1, page, written[0][page]);
    read_all(one, 0);
    for (page = 0; page < 6; page++)
        (void)zc_vm_merge(one, page, two, page);
    support_vm_reclaim_all(&machine);
    (void)zc_cache_writeback(machine.cache, NULL, NULL);
    /* Everything is out now: merged pages come back to both. */
    for (page = 0; page < 6; page++)
        read_page(two, 1, page);
    if (is_done(zc_vm_fork(one, &child))) {
        for (page = 0; page < PAGES; page += 3)
            read_page(child, 0, page);
        zc_vm_space_destroy(child);
    }
    write_some(0, 0, PAGES / 2, 200);
    support_vm_reclaim_all(&machine);
    (void)zc_cache_shrink(machine.cache, 4, NULL);
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 0), ZC_OK);
    (void)is_done(zc_vm_swap_off(machine.vm, machine.type));
    read_all(one, 0);
    read_all(two, 1);
}

/* One life with that failure; whether there was one. */
static bool live(const struct support_vm_kind *kind, enum zc_inject_point point,
                 uint32_t countdown, uint32_t repeat)
{
    uint32_t failures;

    memset(written, 0, sizeof(written));
    machine = support_vm_make(kind);
    one = support_vm_space_of(&machine, 0, PAGES, 0);
    two = support_vm_space_of(&machine, 1, PAGES, 0);
    zc_inject_arm(point, countdown, repeat);
    live_on();
    failures = zc_inject_failures();
    zc_inject_disarm();
    support_vm_check(&machine);
    read_all(one, 0);
    read_all(two, 1);
    zc_vm_space_destroy(one);
    zc_vm_space_destroy(two);
    support_vm_end(&machine);
    return failures != 0;
}

/* Passages of the point in each kind of machine; `repeat` of them fail. */
static void sweep(enum zc_inject_point point, uint32_t repeat,
                  uint32_t passages_min)
{
    const struct support_vm_kind kinds[] = {
        {.frames = 96, .swap_in = ZC_SWAP_IN_CACHED, .synchronous = 1},
        {.frames = 96, .swap_in = ZC_SWAP_IN_BYPASS, .synchronous = 1},
        {.frames = 96,
         .swap_in = ZC_SWAP_IN_CACHED_IF_STORED,
         .synchronous = 1},
        {.frames = 96, .limit_bytes = 48 * 1024},
        {.frames = 96, .lru_mode = ZC_LRU_ZSPAGE, .limit_bytes = 48 * 1024},
        {.frames = 96, .lru_mode = ZC_LRU_NONE, .slot_order = 2},
    };
    uint32_t countdown;
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        countdown = 0;
        while (live(&kinds[i], point, countdown, repeat))
            countdown += countdown + 1 <= EACH ? 1 : SOME;
        /* Fewer would mean that the sweep does not see what it should. */
        if (countdown < passages_min)
            fail_msg("machine %u: %u passages of point %u", (unsigned)i,
                     countdown, (unsigned)point);
    }
}

TEST(anything_may_fail_once_or_from_then_on)
{
    static const struct {
        enum zc_inject_point point;
        uint32_t repeat;
        uint32_t passages_min;
    } sweeps[] = {
        {ZC_INJECT_FRAME, 1, PAGES},
        /* Not all from one on: such a fault is tried again for ever. */
        {ZC_INJECT_INSTALL, 1, PAGES},
        {ZC_INJECT_INSTALL, 3, PAGES},
        {ZC_INJECT_MALLOC, 1, 3},
        {ZC_INJECT_MALLOC, UINT32_MAX, 3},
        {ZC_INJECT_COMPRESS, 1, PAGES},
        {ZC_INJECT_COMPRESS, UINT32_MAX, PAGES},
        {ZC_INJECT_DECOMPRESS, 1, 5},
        {ZC_INJECT_DECOMPRESS, UINT32_MAX, 5},
        {ZC_INJECT_WRITE, 1, 0},
        {ZC_INJECT_WRITE, UINT32_MAX, 0},
        {ZC_INJECT_READ, 1, 0},
        {ZC_INJECT_READ, UINT32_MAX, 0},
    };
    size_t i;

    for (i = 0; i < sizeof(sweeps) / sizeof(sweeps[0]); i++)
        sweep(sweeps[i].point, sweeps[i].repeat, sweeps[i].passages_min);
}
