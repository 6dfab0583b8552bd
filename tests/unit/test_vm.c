/* SPDX-License-Identifier: MIT */
/* test_vm.c - pages come back as they were written, whatever became of them. */
#include "support_test.h"
#include "support_vm.h"

#include "base/inject.h"
#include "vm/vm.h"

#define PAGES 256 /* four times the frames */

static void write_all(struct zc_vm_space *space, uint64_t sequence)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        support_vm_write(space, page, sequence + page);
}

static void expect_all(struct zc_vm_space *space, uint64_t sequence)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        (void)support_vm_expect(space, page, page, sequence + page);
}

/* More pages than frames, written, read and written again. */
static void run_small_machine(const struct support_vm_kind *kind)
{
    struct support_vm machine = support_vm_make(kind);
    struct zc_vm_space *space = support_vm_space(&machine, PAGES);
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};

    support_vm_expect_zeros(space, 17);
    write_all(space, 1000);
    support_vm_check(&machine);
    expect_all(space, 1000);
    write_all(space, 5000);
    expect_all(space, 5000);
    support_vm_check(&machine);
    assert_status(zc_vm_get_stats(machine.vm, &stats), ZC_OK);
    assert_true(stats.swapped_out > PAGES);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(pages_survive_the_pool)
{
    const struct support_vm_kind kind = {0};

    run_small_machine(&kind);
}

TEST(pages_survive_a_synchronous_device)
{
    const unsigned policies[] = {ZC_SWAP_IN_CACHED, ZC_SWAP_IN_BYPASS,
                                 ZC_SWAP_IN_STORE_AGAIN};
    struct support_vm_kind kind = {.synchronous = 1};
    size_t i;

    for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        kind.swap_in = policies[i];
        run_small_machine(&kind);
    }
}

TEST(pages_survive_writeback)
{
    struct support_vm_kind kind = {.limit_bytes = 128 * 1024};
    unsigned mode;
    unsigned workers;

    for (mode = ZC_LRU_ENTRY; mode <= ZC_LRU_ZSPAGE; mode++)
        for (workers = 0; workers < 3; workers += 2) {
            kind.lru_mode = mode;
            kind.io_workers = workers;
            run_small_machine(&kind);
        }
}

TEST(pages_survive_every_slot_order)
{
    struct support_vm_kind kind = {.slots = PAGES + 8};

    for (kind.slot_order = ZC_SLOT_ORDER_LOWEST;
         kind.slot_order <= ZC_SLOT_ORDER_ROUND_ROBIN; kind.slot_order++)
        run_small_machine(&kind);
}

TEST(pages_survive_a_reclaimer)
{
    const struct support_vm_kind kind = {.background_reclaim = 1};

    run_small_machine(&kind);
}

TEST(a_page_says_where_it_came_from)
{
    const struct support_vm_kind kind = {.frames = 512, .synchronous = 1};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = support_vm_space(&machine, 4);
    enum zc_fault_kind found = ZC_FAULT_KINDS;

    assert_status(zc_vm_touch(space, 0, true, &found), ZC_OK);
    assert_int_equal(found, ZC_FAULT_ZERO);
    support_vm_write(space, 0, 1);
    assert_status(zc_vm_touch(space, 1, true, &found), ZC_OK);
    assert_status(zc_vm_touch(space, 1, true, &found), ZC_OK);
    assert_int_equal(found, ZC_FAULT_NONE);
    support_vm_reclaim_all(&machine);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_POOL);
    assert_status(zc_vm_touch(space, 1, false, &found), ZC_OK);
    assert_int_equal(found, ZC_FAULT_SWAPIN_ZERO);
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    assert_int_equal(support_vm_expect(space, 0, 0, 1), ZC_FAULT_DEVICE);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(unmapped_pages_are_refused)
{
    const struct support_vm_kind kind = {0};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = NULL;
    char byte = 1;

    assert_status(zc_vm_space_create(machine.vm, 0, 10, &space), ZC_OK);
    assert_status(zc_vm_read(space, 3, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_map(space, 2, 4, 0), ZC_OK);
    assert_status(zc_vm_map(space, 8, 3, 0), ZC_INVALID);
    assert_status(zc_vm_map(space, 0, 1, 8), ZC_INVALID);
    assert_status(zc_vm_write(space, 3, SUPPORT_VM_PAGE - 1, &byte, 1, NULL),
                  ZC_OK);
    assert_status(zc_vm_write(space, 3, SUPPORT_VM_PAGE, &byte, 1, NULL),
                  ZC_INVALID);
    assert_status(zc_vm_read(space, 6, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_read(space, 10, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_unmap(space, 3, 1), ZC_OK);
    assert_status(zc_vm_read(space, 3, 0, &byte, 1, NULL), ZC_INVALID);
    assert_status(zc_vm_map(space, 3, 1, 0), ZC_OK);
    support_vm_expect_zeros(space, 3);
    assert_status(zc_vm_space_create(machine.vm, ZC_OWNER_COUNT, 10, &space),
                  ZC_INVALID);
    assert_status(zc_vm_space_create(machine.vm, 0, 0, &space), ZC_INVALID);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(a_fork_shares_until_one_writes)
{
    const struct support_vm_kind kind = {.frames = 512};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *parent = support_vm_space(&machine, 4);
    struct zc_vm_space *child = NULL;
    enum zc_fault_kind found;

    support_vm_write(parent, 0, 1);
    support_vm_write(parent, 1, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(parent, 2, 1);
    assert_status(zc_vm_fork(parent, &child), ZC_OK);
    support_vm_check(&machine);
    support_vm_write(parent, 0, 2);
    support_vm_write(child, 1, 3);
    assert_status(zc_vm_touch(child, 2, true, &found), ZC_OK);
    assert_int_equal(found, ZC_FAULT_COPY);
    assert_status(zc_vm_touch(parent, 2, true, &found), ZC_OK);
    assert_int_equal(found, ZC_FAULT_REUSE);
    (void)support_vm_expect(child, 0, 0, 1);
    (void)support_vm_expect(parent, 0, 0, 2);
    (void)support_vm_expect(child, 1, 1, 3);
    (void)support_vm_expect(parent, 1, 1, 1);
    (void)support_vm_expect(child, 2, 2, 1);
    support_vm_expect_zeros(child, 3);
    support_vm_check(&machine);
    support_vm_reclaim_all(&machine);
    (void)support_vm_expect(parent, 2, 2, 1);
    zc_vm_space_destroy(parent);
    (void)support_vm_expect(child, 0, 0, 1);
    (void)support_vm_expect(child, 1, 1, 3);
    zc_vm_space_destroy(child);
    support_vm_end(&machine);
}

TEST(many_children_share_one_slot)
{
    enum {
        CHILDREN = 300
    }; /* beyond a byte */
    const struct support_vm_kind kind = {.frames = 512};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *parent = support_vm_space(&machine, 1);
    struct zc_vm_space *children[CHILDREN];
    unsigned i;

    support_vm_write(parent, 0, 9);
    support_vm_reclaim_all(&machine);
    for (i = 0; i < CHILDREN; i++)
        assert_status(zc_vm_fork(parent, &children[i]), ZC_OK);
    support_vm_check(&machine);
    for (i = 0; i < CHILDREN; i++) {
        (void)support_vm_expect(children[i], 0, 0, 9);
        zc_vm_space_destroy(children[i]);
    }
    zc_vm_space_destroy(parent);
    support_vm_end(&machine);
}

TEST(merged_pages_come_apart)
{
    const struct support_vm_kind kind = {.frames = 512};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *one = support_vm_space(&machine, 4);
    struct zc_vm_space *other = support_vm_space(&machine, 4);
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};
    char page[SUPPORT_VM_PAGE];

    support_vm_fill(page, 7, 7);
    assert_status(zc_vm_write(one, 0, 0, page, sizeof(page), NULL), ZC_OK);
    assert_status(zc_vm_write(other, 3, 0, page, sizeof(page), NULL), ZC_OK);
    assert_status(zc_vm_merge(one, 1, other, 3), ZC_MISSING);
    assert_status(zc_vm_touch(one, 1, true, NULL), ZC_OK);
    assert_status(zc_vm_merge(one, 1, other, 3), ZC_MISSING);
    assert_status(zc_vm_merge(one, 0, other, 3), ZC_OK);
    assert_status(zc_vm_merge(one, 0, other, 3), ZC_OK);
    support_vm_check(&machine);
    support_vm_reclaim_all(&machine);
    support_vm_check(&machine);
    (void)support_vm_expect(one, 0, 7, 7);
    (void)support_vm_expect(other, 3, 7, 7);
    support_vm_write(other, 3, 8);
    (void)support_vm_expect(one, 0, 7, 7);
    (void)support_vm_expect(other, 3, 3, 8);
    assert_status(zc_vm_get_stats(machine.vm, &stats), ZC_OK);
    assert_int_equal(stats.pages_merged, 1);
    zc_vm_space_destroy(one);
    zc_vm_space_destroy(other);
    support_vm_end(&machine);
}

TEST(swapoff_brings_every_page_home)
{
    const struct support_vm_kind kind = {.frames = 1024};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = support_vm_space(&machine, PAGES);
    struct zc_vm_space *child = NULL;
    unsigned type = 99;

    write_all(space, 100);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_fork(space, &child), ZC_OK);
    (void)support_vm_expect(child, 3, 3, 103);
    assert_status(zc_vm_swap_off(machine.vm, machine.type), ZC_OK);
    assert_status(zc_vm_swap_off(machine.vm, machine.type), ZC_INVALID);
    support_vm_check(&machine);
    expect_all(space, 100);
    expect_all(child, 100);
    assert_status(zc_swap_on(machine.cache,
                             ZC_SWAP_OPTIONS(.slot_count = 4096, .managed = 1),
                             &type),
                  ZC_OK);
    support_vm_reclaim_all(&machine);
    expect_all(child, 100);
    zc_vm_space_destroy(space);
    zc_vm_space_destroy(child);
    support_vm_end(&machine);
}

TEST(swapoff_without_room_loses_nothing)
{
    const struct support_vm_kind kind = {.frames = 64};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = support_vm_space(&machine, PAGES);

    write_all(space, 100);
    assert_status(zc_vm_swap_off(machine.vm, machine.type), ZC_NO_MEMORY);
    support_vm_check(&machine);
    expect_all(space, 100);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(no_room_at_all_is_no_memory)
{
    const struct support_vm_kind kind = {.frames = 64, .slots = 16};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = support_vm_space(&machine, PAGES);
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
        (void)support_vm_expect(space, page, page, 5);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

TEST(locked_pages_stay)
{
    const struct support_vm_kind kind = {.frames = 512};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = NULL;
    enum zc_fault_kind found;

    assert_status(zc_vm_space_create(machine.vm, 0, 2, &space), ZC_OK);
    assert_status(zc_vm_map(space, 0, 1, ZC_VM_LOCKED), ZC_OK);
    assert_status(zc_vm_map(space, 1, 1, 0), ZC_OK);
    support_vm_write(space, 0, 1);
    support_vm_write(space, 1, 1);
    support_vm_reclaim_all(&machine);
    assert_status(zc_vm_touch(space, 0, false, &found), ZC_OK);
    assert_int_equal(found, ZC_FAULT_NONE);
    assert_int_equal(support_vm_expect(space, 1, 1, 1), ZC_FAULT_POOL);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

/* One lock keeps the page where it is for all that share it, however many. */
TEST(a_locked_page_keeps_every_mapping)
{
    static const unsigned counts[] = {1, 15, 16, 17, 100};
    const struct support_vm_kind kind = {.frames = 512};
    struct zc_vm_space *children[100];
    struct support_vm machine;
    struct zc_vm_space *space;
    enum zc_fault_kind found;
    unsigned i;
    unsigned j;

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        machine = support_vm_make(&kind);
        space = support_vm_space_of(&machine, 0, 1, ZC_VM_LOCKED);
        support_vm_write(space, 0, 1);
        for (j = 0; j < counts[i]; j++)
            assert_status(zc_vm_fork(space, &children[j]), ZC_OK);
        support_vm_reclaim_all(&machine);
        for (j = 0; j < counts[i]; j++) {
            assert_status(zc_vm_touch(children[j], 0, false, &found), ZC_OK);
            assert_int_equal(found, ZC_FAULT_NONE);
            zc_vm_space_destroy(children[j]);
        }
        assert_int_equal(support_vm_stats(&machine).swapped_out, 0);
        zc_vm_space_destroy(space);
        support_vm_end(&machine);
    }
}

TEST(an_owner_stays_in_its_limit)
{
    const struct support_vm_kind kind = {.frames = 512};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = NULL;
    uint64_t page;

    assert_status(zc_vm_set_owner_limit(machine.vm, ZC_OWNER_COUNT, 1),
                  ZC_INVALID);
    assert_status(zc_vm_set_owner_limit(machine.vm, 5, 20), ZC_OK);
    assert_status(zc_vm_space_create(machine.vm, 5, 100, &space), ZC_OK);
    assert_status(zc_vm_map(space, 0, 100, 0), ZC_OK);
    for (page = 0; page < 100; page++)
        support_vm_write(space, page, 3);
    zc_spinlock_lock(&machine.vm->frames_lock);
    assert_in_range(machine.vm->owners[5].frames, 1, 20);
    zc_spinlock_unlock(&machine.vm->frames_lock);
    for (page = 0; page < 100; page++)
        (void)support_vm_expect(space, page, page, 3);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

/* Each policy, each way in: a page that was read and could not be mapped is
 * still there. */
TEST(a_failed_install_loses_nothing)
{
    const unsigned policies[] = {ZC_SWAP_IN_CACHED, ZC_SWAP_IN_BYPASS,
                                 ZC_SWAP_IN_STORE_AGAIN};
    struct support_vm_kind kind = {.frames = 512, .synchronous = 1};
    struct zc_vm_space *space;
    struct support_vm machine;
    uint32_t failures;
    size_t i;

    for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        kind.swap_in = policies[i];
        machine = support_vm_make(&kind);
        space = support_vm_space(&machine, 4);
        support_vm_write(space, 2, 6);
        support_vm_reclaim_all(&machine);
        zc_inject_arm(ZC_INJECT_INSTALL, 0, 3);
        (void)support_vm_expect(space, 2, 2, 6);
        failures = zc_inject_failures();
        zc_inject_disarm();
        assert_int_equal(failures, 3);
        support_vm_check(&machine);
        zc_vm_space_destroy(space);
        support_vm_end(&machine);
    }
}

TEST(a_page_that_cannot_be_read_stays)
{
    const struct support_vm_kind kind = {.frames = 512};
    struct support_vm machine = support_vm_make(&kind);
    struct zc_vm_space *space = support_vm_space(&machine, 4);
    char byte;

    support_vm_write(space, 2, 6);
    support_vm_reclaim_all(&machine);
    zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, 1);
    assert_status(zc_vm_read(space, 2, 0, &byte, 1, NULL), ZC_CORRUPT);
    zc_inject_disarm();
    (void)support_vm_expect(space, 2, 2, 6);
    support_vm_reclaim_all(&machine);
    assert_status(zc_cache_writeback(machine.cache, NULL, NULL), ZC_OK);
    zc_inject_arm(ZC_INJECT_READ, 0, 1);
    assert_status(zc_vm_read(space, 2, 0, &byte, 1, NULL), ZC_IO_ERROR);
    zc_inject_disarm();
    (void)support_vm_expect(space, 2, 2, 6);
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
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
    const struct zc_cache_options cache = {0};
    /* Its content is the library's own; it is not looked at. */
    static const char frames;

    expect_refused(cache, (struct zc_vm_options){.frame_count = 15}, "",
                   "frame_count: 15 is not from 16 to 4294967296");
    expect_refused(cache,
                   (struct zc_vm_options){.frame_count = UINT64_C(4294967297)},
                   "", "frame_count: 4294967297 is not from 16 to 4294967296");
    expect_refused(cache, (struct zc_vm_options){.swap_in = 4}, "",
                   "swap_in: 4 is no enum zc_swap_in_policy, the last of which "
                   "is 3");
    expect_refused(cache, (struct zc_vm_options){.background_reclaim = 2}, "",
                   "background_reclaim: 2 is not 0 or 1");
    expect_refused((struct zc_cache_options){.frames = (const void *)&frames},
                   (struct zc_vm_options){0},
                   "frames: must be NULL, for a machine has its own", "");
    expect_refused((struct zc_cache_options){.page_size = 5000},
                   (struct zc_vm_options){0}, "page_size: 5000 is not", "");
    expect_refused(
        (struct zc_cache_options){.context_count = ZC_CONTEXT_COUNT_MAX + 1},
        (struct zc_vm_options){0}, "context_count: ", "");
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
