/* SPDX-License-Identifier: MIT */
/*
 * test_vm.c - pages come back as they were written, whatever became of them
 * (V1 to V3), in machines of every kind; which machines there can be.
 */
#include "support_machine.h"

#include "base/inject.h"

#define PAGES 256 /* four times the frames */

static void write_all(uint64_t sequence)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        support_vm_write(space, page, sequence + page);
}

static void expect_all(uint64_t sequence)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        expect_page(space, page, sequence + page);
}

/* Each with more pages than frames, written, read and written again. */
TEST(pages_survive_in_machines_of_every_kind)
{
    static const struct support_vm_kind kinds[] = {
        {0},
        {.synchronous = 1, .swap_in = ZC_SWAP_IN_CACHED},
        {.synchronous = 1, .swap_in = ZC_SWAP_IN_BYPASS},
        {.synchronous = 1, .swap_in = ZC_SWAP_IN_STORE_AGAIN},
        {.synchronous = 1, .swap_in = ZC_SWAP_IN_CACHED_IF_STORED},
        {.limit_bytes = 128 << 10},
        {.limit_bytes = 128 << 10, .io_workers = 2},
        {.limit_bytes = 128 << 10, .lru_mode = ZC_LRU_ZSPAGE},
        {.limit_bytes = 128 << 10, .lru_mode = ZC_LRU_ZSPAGE, .io_workers = 2},
        {.slots = PAGES + 8, .slot_order = ZC_SLOT_ORDER_LOWEST},
        {.slots = PAGES + 8, .slot_order = ZC_SLOT_ORDER_LAST_FREED},
        {.slots = PAGES + 8, .slot_order = ZC_SLOT_ORDER_ROUND_ROBIN},
        {.background_reclaim = 1},
    };
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        print_message("kind %u\n", (unsigned)i);
        machine_begin(&kinds[i], PAGES);
        support_vm_expect_zeros(space, 17);
        write_all(1000);
        support_vm_check(&machine);
        expect_all(1000);
        write_all(5000);
        expect_all(5000);
        assert_true(stats().swapped_out > PAGES);
        assert_int_equal(stats().ksm_copies, 0); /* nothing was merged */
        machine_end();
    }
}

TEST_OF_MACHINE(a_page_says_where_it_came_from, 4, .frames = 512,
                .synchronous = 1)
{
    assert_int_equal(touch(space, 0, true), ZC_FAULT_ZERO);
    support_vm_write(space, 0, 1);
    assert_int_equal(touch(space, 1, true), ZC_FAULT_ZERO);
    assert_int_equal(touch(space, 1, true), ZC_FAULT_NONE);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_POOL);
    assert_int_equal(touch(space, 1, false), ZC_FAULT_SWAPIN_ZERO);
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_DEVICE);
    assert_int_equal(stats().faults[ZC_FAULT_ZERO], 2);
    assert_int_equal(stats().faults[ZC_FAULT_POOL], 1);
    assert_int_equal(stats().faults[ZC_FAULT_DEVICE], 1);
}

static enum zc_fault_kind where(uint64_t page)
{
    enum zc_fault_kind kind = ZC_FAULT_KINDS;

    assert_status(zc_vm_where(space, page, &kind), ZC_OK);
    return kind;
}

TEST_OF_MACHINE(where_a_page_is_is_what_a_read_of_it_finds, 4, .frames = 512,
                .synchronous = 1)
{
    enum zc_fault_kind kind = ZC_FAULT_KINDS;

    assert_int_equal(where(0), ZC_FAULT_ZERO);
    assert_int_equal(touch(space, 0, true), ZC_FAULT_ZERO);
    support_vm_write(space, 0, 1);
    assert_int_equal(touch(space, 1, true), ZC_FAULT_ZERO);
    assert_int_equal(where(0), ZC_FAULT_NONE);
    support_vm_reclaim_all(&machine);
    assert_int_equal(where(0), ZC_FAULT_POOL);
    assert_int_equal(where(1), ZC_FAULT_SWAPIN_ZERO);
    assert_int_equal(where(0), ZC_FAULT_POOL); /* it has not moved */
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_POOL);
    assert_int_equal(touch(space, 1, false), ZC_FAULT_SWAPIN_ZERO);
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    assert_int_equal(where(0), ZC_FAULT_DEVICE);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_DEVICE);
    assert_status(zc_vm_unmap(space, 2, 1), ZC_OK);
    assert_status(zc_vm_where(space, 2, &kind), ZC_INVALID);
    assert_status(zc_vm_where(space, 4, &kind), ZC_INVALID);
    assert_status(zc_vm_where(NULL, 0, &kind), ZC_INVALID);
    assert_status(zc_vm_where(space, 0, NULL), ZC_INVALID);
    assert_int_equal(kind, ZC_FAULT_KINDS);
}

/* A fork shares the slot, and the fault of one goes through the swap cache; the
 * folio stays there for the other. */
TEST_OF_MACHINE(a_page_in_the_swap_cache_is_cached_for_the_other_space, 1,
                .frames = 512)
{
    struct zc_vm_space *child;

    support_vm_write(space, 0, 1);
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_int_equal(where(0), ZC_FAULT_POOL);
    assert_int_equal(touch(child, 0, false), ZC_FAULT_POOL);
    assert_int_equal(where(0), ZC_FAULT_CACHED);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_CACHED);
    zc_vm_space_destroy(child);
}

TEST(a_kind_of_fault_has_a_name)
{
    unsigned kind;

    for (kind = 0; kind < ZC_FAULT_KINDS; kind++)
        assert_string_not_equal(zc_fault_kind_name((enum zc_fault_kind)kind),
                                "unknown");
    assert_string_equal(zc_fault_kind_name(ZC_FAULT_KINDS), "unknown");
    assert_string_equal(zc_fault_kind_name(ZC_FAULT_POOL), "pool");
}

TEST_OF_MACHINE(no_room_at_all_is_no_memory, PAGES, .slots = 16)
{
    zc_status status = ZC_OK;
    uint64_t written = 0;
    uint64_t page;

    while (status == ZC_OK && written < PAGES) {
        status = zc_vm_touch(space, written, true, NULL);
        if (status == ZC_OK)
            support_vm_write(space, written++, 5);
    }
    assert_status(status, ZC_NO_MEMORY);
    assert_in_range(written, 16, 64 + 16);
    /* Room for one is room for all, one after another. */
    assert_status(zc_vm_unmap(space, 0, 20), ZC_OK);
    for (page = 20; page < written; page++)
        expect_page(space, page, 5);
}

/* A machine that is refused, and why: of the cache's options the beginning, for
 * the words are the cache's own. */
static void expect_refused(struct zc_cache_options cache_options,
                           struct zc_vm_options options, const char *cache_text,
                           const char *text)
{
    char cache_reason[ZC_REASON_SIZE] = "old";
    char reason[ZC_REASON_SIZE] = "old";
    struct zc_vm *vm = NULL;

    cache_options.struct_size = sizeof(cache_options);
    cache_options.reason = cache_reason;
    cache_options.reason_size = sizeof(cache_reason);
    options.struct_size = sizeof(options);
    options.reason = reason;
    options.reason_size = sizeof(reason);
    assert_status(zc_vm_create(&cache_options, &options, &vm), ZC_INVALID);
    assert_null(vm);
    assert_string_equal(reason, text);
    if (*cache_text != 0)
        cache_reason[strlen(cache_text)] = 0;
    assert_string_equal(cache_reason, cache_text);
}

TEST(bad_options_are_refused)
{
    /* Its content is the library's own; it is not looked at. */
    static const char frames;
    const struct {
        struct zc_cache_options cache;
        struct zc_vm_options vm;
        const char *cache_text;
        const char *text;
    } cases[] = {
        {{0},
         {.frame_count = 15},
         "",
         "frame_count: 15 is not from 16 to 4294967296"},
        {{0},
         {.frame_count = UINT64_C(4294967297)},
         "",
         "frame_count: 4294967297 is not from 16 to 4294967296"},
        {{0},
         {.swap_in = 5},
         "",
         "swap_in: 5 is no enum zc_swap_in_policy, the last of which is 4"},
        {{0},
         {.background_reclaim = 2},
         "",
         "background_reclaim: 2 is not 0 or 1"},
        {{.frames = (const void *)&frames},
         {0},
         "frames: must be NULL, for a machine has its own",
         ""},
        {{.page_size = 5000}, {0}, "page_size: 5000 is not", ""},
        {{.context_count = ZC_CONTEXT_COUNT_MAX + 1},
         {0},
         "context_count: ",
         ""},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(cases[i].cache, cases[i].vm, cases[i].cache_text,
                       cases[i].text);
    assert_status(zc_vm_create(NULL, NULL, NULL), ZC_INVALID);
    assert_null(zc_vm_cache(NULL));
}

/* What cannot be had says so, and not that a field was wrong. */
TEST(a_machine_too_large_says_how_large)
{
    char reason[ZC_REASON_SIZE] = "";
    struct zc_vm *vm = NULL;

    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    assert_status(
        zc_vm_create(ZC_CACHE_OPTIONS(.page_size = 65536),
                     ZC_VM_OPTIONS(.frame_count = 1000, .reason = reason,
                                   .reason_size = sizeof(reason)),
                     &vm),
        ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_null(vm);
    assert_string_equal(
        reason, "frame_count: no memory for 1000 frames of 65536 bytes");
}

static struct zc_vm *watched;
static unsigned writes_from_frames;
static unsigned writes_from_elsewhere;

static zc_status watch_write(void *backing, uint64_t slot, const void *page)
{
    const char *bytes = page;
    const uint64_t size = watched->frame_count * watched->page_size;

    if (bytes >= watched->memory && bytes < watched->memory + size &&
        zc_frames_free(watched) < watched->frame_count)
        writes_from_frames++;
    else
        writes_from_elsewhere++;
    return zc_backing_memory.write(backing, slot, page);
}

/* Every folio of the cache is one of the machine's frames, also where the
 * device is one that address spaces know nothing of. */
TEST(the_cache_takes_its_frames_from_the_machine)
{
    struct zc_backing_ops ops = zc_backing_memory;
    char page[SUPPORT_VM_PAGE];
    struct zc_cache *cache;
    unsigned type = 99;
    uint64_t i;

    ops.write = watch_write;
    assert_status(zc_vm_create(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY),
                               ZC_VM_OPTIONS(.frame_count = 64), &watched),
                  ZC_OK);
    cache = zc_vm_cache(watched);
    assert_status(
        zc_swap_on(cache, ZC_SWAP_OPTIONS(.backing_ops = &ops), &type), ZC_OK);
    for (i = 0; i < 8; i++) {
        support_vm_fill(page, i, 1);
        assert_status(zc_cache_store(cache, zc_swp_make(type, i), page), ZC_OK);
    }
    assert_status(zc_cache_writeback(cache, NULL, NULL), ZC_OK);
    assert_int_equal(writes_from_frames, 8);
    assert_int_equal(writes_from_elsewhere, 0);
    assert_int_equal(zc_frames_free(watched), 64);
    for (i = 0; i < 8; i++) {
        assert_status(zc_cache_load(cache, zc_swp_make(type, i), page), ZC_OK);
        assert_true(support_vm_is(page, i, 1));
    }
    zc_vm_destroy(watched);
}

TEST(a_machine_has_defaults)
{
    struct zc_vm_stats found = {.struct_size = sizeof(found)};
    struct zc_vm *vm = NULL;

    assert_status(zc_vm_create(NULL, NULL, &vm), ZC_OK);
    assert_status(zc_vm_get_stats(vm, &found), ZC_OK);
    assert_int_equal(found.frame_count, 16384);
    assert_int_equal(found.frames_free, 16384);
    zc_vm_destroy(vm);
    zc_vm_destroy(NULL);
}

/* Whatever is missing, of the machine or of its cache: nothing is left. */
TEST(a_machine_without_memory_is_none)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_MALLOC, ZC_INJECT_PAGES, ZC_INJECT_THREAD};
    uint32_t countdown = 0;
    zc_status status;
    unsigned i;

    for (i = 0; i < 3; i++) {
        countdown = 0;
        do {
            struct zc_vm *vm = NULL;

            zc_inject_arm(points[i], countdown++, 1);
            status = zc_vm_create(
                ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .shrink_worker = 1),
                ZC_VM_OPTIONS(.frame_count = 16, .background_reclaim = 1), &vm);
            zc_inject_disarm();
            assert_true(status == ZC_OK || status == ZC_NO_MEMORY);
            assert_int_equal(status == ZC_OK, vm != NULL);
            zc_vm_destroy(vm);
        } while (status != ZC_OK);
        assert_true(countdown > 1);
    }
    assert_int_equal(countdown, 2 + 1); /* the worker, and the reclaimer */
}
