/* SPDX-License-Identifier: MIT */
/*
 * test_checksums.c - pages on a device that is not what it was: where checksums
 * are on no call gives such a page, and the right one is found when the device
 * has it again.
 */
#include "support_front.h"
#include "support_test.h"
#include "support_vm.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/inject.h"
#include "cache/cache.h"
#include "support_backing.h"

#define SLOT 7
#define PAGE 4096

/* How a page comes to the device. */
enum way {
    WRITTEN_BACK,
    PAST_THE_POOL,
    ONCE_MORE, /* its first write failed */
    WAY_COUNT
};

static void begin(struct support_front *swap, unsigned checksums)
{
    support_front_begin(swap,
                        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY,
                                         .pool_ops = &support_bump_pool,
                                         .checksums = checksums),
                        NULL);
}

static zc_swp slot_of(const struct support_front *swap)
{
    return zc_swp_make(swap->type, SLOT);
}

static void put(struct support_front *swap, enum way way,
                enum support_kind kind, uint64_t seed)
{
    zc_swp slot = slot_of(swap);

    switch (way) {
    case WRITTEN_BACK:
        support_front_put(swap, slot, kind, seed, SUPPORT_ON_DEVICE);
        break;
    case PAST_THE_POOL:
        swap->pool.put_status = ZC_NO_MEMORY;
        support_store(swap->cache, slot, kind, seed);
        swap->pool.put_status = ZC_OK;
        break;
    default:
        support_front_put(swap, slot, kind, seed, SUPPORT_STUCK);
        swap->pool.put_status = ZC_NO_MEMORY;
        (void)zc_pageio_retry(&swap->cache->pageio, 1);
        swap->pool.put_status = ZC_OK;
        break;
    }
    assert_true(support_device_has(&swap->device, SLOT));
    assert_int_equal(support_front_stat(swap, cached_folios), 0);
    assert_int_equal(support_cache_stat(swap->cache, stored_pages), 0);
}

static void overwrite(struct support_front *swap, enum support_kind kind,
                      uint64_t seed)
{
    char page[PAGE];

    support_make_page(page, sizeof(page), kind, seed);
    support_device_overwrite(&swap->device, SLOT, page);
}

static zc_status receive(void *context, zc_swp slot, const void *page)
{
    unsigned *right = context;

    (void)slot;
    *right += support_is_page(page, PAGE, SUPPORT_TEXT, 1);
    return ZC_OK;
}

TEST(a_page_overwritten_on_its_device_is_corrupt)
{
    struct support_front swap;
    unsigned right = 0;
    char page[PAGE];
    enum way way;

    for (way = 0; way < WAY_COUNT; way++) {
        begin(&swap, 1);
        put(&swap, way, SUPPORT_TEXT, 1);
        support_expect(swap.cache, slot_of(&swap), SUPPORT_TEXT, 1);
        overwrite(&swap, SUPPORT_TEXT, 2);
        support_expect_corrupt(swap.cache, slot_of(&swap));
        assert_status(zc_cache_take(swap.cache, slot_of(&swap), page),
                      ZC_CORRUPT);
        assert_status(zc_swap_off(swap.cache, swap.type, receive, &right),
                      ZC_CORRUPT);
        assert_int_equal(right, 0);
        assert_int_equal(support_front_stat(&swap, slots_used), 1);
        assert_int_equal(support_front_stat(&swap, cached_folios), 0);
        assert_int_equal(support_cache_stat(swap.cache, disk_corrupt), 3);
        assert_int_equal(support_cache_stat(swap.cache, disk_swapins), 1);
        overwrite(&swap, SUPPORT_TEXT, 1);
        support_expect(swap.cache, slot_of(&swap), SUPPORT_TEXT, 1);
        assert_status(zc_swap_off(swap.cache, swap.type, receive, &right),
                      ZC_OK);
        assert_int_equal(right, 1);
        right = 0;
        support_front_end(&swap);
    }
}

TEST(every_flipped_bit_is_found)
{
    struct support_front swap;
    char page[PAGE];
    size_t bit;

    begin(&swap, 1);
    put(&swap, WRITTEN_BACK, SUPPORT_NOISE, 1);
    for (bit = 0; bit < 8 * sizeof(page); bit += 61) {
        support_make_page(page, sizeof(page), SUPPORT_NOISE, 1);
        page[bit / 8] ^= (char)(1 << bit % 8);
        support_device_overwrite(&swap.device, SLOT, page);
        support_expect_corrupt(swap.cache, slot_of(&swap));
    }
    support_front_end(&swap);
}

/* A device that lost a write has an older page of the slot. */
TEST(an_older_page_of_the_slot_is_corrupt)
{
    struct support_front swap;
    enum way first;
    enum way then;

    for (first = 0; first < WAY_COUNT; first++) {
        for (then = 0; then < WAY_COUNT; then++) {
            begin(&swap, 1);
            put(&swap, first, SUPPORT_TEXT, 1);
            put(&swap, then, SUPPORT_TEXT, 2);
            support_expect(swap.cache, slot_of(&swap), SUPPORT_TEXT, 2);
            overwrite(&swap, SUPPORT_TEXT, 1);
            support_expect_corrupt(swap.cache, slot_of(&swap));
            support_front_end(&swap);
        }
    }
}

TEST(a_corrupt_page_can_be_replaced_and_forgotten)
{
    struct support_front swap;

    begin(&swap, 1);
    put(&swap, WRITTEN_BACK, SUPPORT_TEXT, 1);
    overwrite(&swap, SUPPORT_NOISE, 1);
    support_expect_corrupt(swap.cache, slot_of(&swap));
    support_store(swap.cache, slot_of(&swap), SUPPORT_TEXT, 2);
    support_expect(swap.cache, slot_of(&swap), SUPPORT_TEXT, 2);
    put(&swap, WRITTEN_BACK, SUPPORT_TEXT, 3);
    overwrite(&swap, SUPPORT_NOISE, 1);
    assert_status(zc_cache_invalidate(swap.cache, slot_of(&swap)), ZC_OK);
    support_expect_missing(swap.cache, slot_of(&swap));
    assert_int_equal(support_front_stat(&swap, slots_used), 0);
    support_front_end(&swap);
}

/* In this mode no page is stored raw. */
TEST(pages_of_reclaimed_zspages_have_one_too)
{
    struct support_front swap;

    support_front_begin(
        &swap, ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ZSPAGE, .checksums = 1),
        NULL);
    support_store(swap.cache, slot_of(&swap), SUPPORT_TEXT, 1);
    (void)zc_cache_shrink(swap.cache, 1, NULL);
    assert_true(support_device_has(&swap.device, SLOT));
    support_expect(swap.cache, slot_of(&swap), SUPPORT_TEXT, 1);
    overwrite(&swap, SUPPORT_TEXT, 2);
    support_expect_corrupt(swap.cache, slot_of(&swap));
    support_front_end(&swap);
}

/* Another program writes to the file. */
TEST(a_page_overwritten_in_a_file_is_corrupt)
{
    struct zc_backing_file file = {.struct_size = sizeof(file), .keep = 1};
    struct zc_cache *cache = support_cache_create(
        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .checksums = 1));
    char directory[64];
    char other[PAGE];
    char path[80];
    unsigned type;
    int fd;

    support_directory_make(directory);
    (void)snprintf(path, sizeof(path), "%s/swap", directory);
    file.path = path;
    assert_status(zc_swap_on(cache,
                             ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_file,
                                             .backing_user = &file),
                             &type),
                  ZC_OK);
    support_store(cache, zc_swp_make(type, SLOT), SUPPORT_TEXT, 1);
    assert_status(zc_cache_writeback(cache, NULL, NULL), ZC_OK);
    support_expect(cache, zc_swp_make(type, SLOT), SUPPORT_TEXT, 1);
    support_make_page(other, sizeof(other), SUPPORT_TEXT, 2);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, other, PAGE, SLOT * PAGE), PAGE);
    assert_int_equal(close(fd), 0);
    support_expect_corrupt(cache, zc_swp_make(type, SLOT));
    zc_cache_destroy(cache);
    support_directory_remove(directory, 1);
}

/* ---- what it costs ---- */

static uint64_t other_bytes(const struct support_front *swap)
{
    struct zc_cache_accounting parts = {.struct_size = sizeof(parts)};

    assert_status(zc_cache_account(swap->cache, &parts), ZC_OK);
    return parts.other_bytes;
}

static uint64_t bytes_of_a_page(unsigned checksums)
{
    struct support_front swap;
    uint64_t before;
    uint64_t after;

    begin(&swap, checksums);
    support_store(swap.cache, slot_of(&swap), SUPPORT_TEXT, 1);
    before = other_bytes(&swap);
    support_front_write_back(&swap);
    after = other_bytes(&swap);
    support_front_end(&swap);
    return after - before;
}

/* 8 bytes for each of the 512 slots of a cluster, and none elsewhere. */
TEST(they_cost_eight_bytes_a_slot)
{
    uint64_t without = bytes_of_a_page(0);
    uint64_t with = bytes_of_a_page(1);

    assert_true(with - without >= 512 * sizeof(uint64_t));
    assert_true(with - without <= 512 * sizeof(uint64_t) + 64);
}

TEST(without_memory_for_one_nothing_goes_to_the_device)
{
    struct support_front swap;
    unsigned failures = 0;
    uint32_t countdown;

    for (countdown = 0;; countdown++) {
        begin(&swap, 1);
        support_store(swap.cache, slot_of(&swap), SUPPORT_TEXT, 1);
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, UINT32_MAX);
        (void)zc_cache_writeback(swap.cache, NULL, NULL);
        zc_inject_disarm();
        support_expect(swap.cache, slot_of(&swap), SUPPORT_TEXT, 1);
        if (support_device_has(&swap.device, SLOT))
            break;
        failures++;
        support_front_end(&swap);
    }
    assert_true(failures >= 3); /* folios, request, checksums */
    overwrite(&swap, SUPPORT_TEXT, 2);
    support_expect_corrupt(swap.cache, slot_of(&swap));
    support_front_end(&swap);
}

/* ---- pages of address spaces ---- */

struct machine {
    struct support_device device;
    struct support_vm vm;
    struct zc_vm_space *space;
};

static void begin_machine(struct machine *machine, unsigned lru_mode)
{
    const struct support_vm_kind kind = {.lru_mode = lru_mode,
                                         .checksums = 1,
                                         .backing_ops = &support_device_ops,
                                         .backing_user = &machine->device};

    memset(machine, 0, sizeof(*machine));
    support_device_init(&machine->device);
    machine->vm = support_vm_make(&kind);
    machine->space = support_vm_space(&machine->vm, 8);
}

static void end_machine(struct machine *machine)
{
    zc_vm_space_destroy(machine->space);
    support_vm_end(&machine->vm);
    support_device_fini(&machine->device);
}

/* Page 2 is on the device, at the slot that is returned. */
static zc_swp page_out(struct machine *machine, const void *page)
{
    zc_swp slot;

    assert_status(zc_vm_write(machine->space, 2, 0, page, PAGE, NULL), ZC_OK);
    support_vm_reclaim_all(&machine->vm);
    slot = support_vm_slot(machine->space, 2);
    (void)zc_cache_writeback(machine->vm.cache, NULL, NULL);
    assert_true(support_device_has(&machine->device, zc_swp_offset(slot)));
    return slot;
}

/* Written back from compressed memory, and, where that takes no noise, straight
 * from a frame. */
TEST(a_page_of_an_address_space_has_one)
{
    static const unsigned modes[] = {ZC_LRU_ENTRY, ZC_LRU_ZSPAGE};
    struct machine machine;
    char found[PAGE];
    char page[PAGE];
    zc_swp slot;
    unsigned i;

    for (i = 0; i < 2; i++) {
        begin_machine(&machine, modes[i]);
        support_make_page(page, sizeof(page), SUPPORT_NOISE, 1);
        slot = page_out(&machine, page);
        support_make_page(found, sizeof(found), SUPPORT_NOISE, 2);
        support_device_overwrite(&machine.device, zc_swp_offset(slot), found);
        assert_status(zc_vm_read(machine.space, 2, 0, found, PAGE, NULL),
                      ZC_CORRUPT);
        assert_status(zc_vm_swap_off(machine.vm.vm, machine.vm.type),
                      ZC_CORRUPT);
        support_device_overwrite(&machine.device, zc_swp_offset(slot), page);
        assert_status(zc_vm_read(machine.space, 2, 0, found, PAGE, NULL),
                      ZC_OK);
        assert_memory_equal(found, page, PAGE);
        end_machine(&machine);
    }
}

TEST(a_page_of_zeros_needs_none)
{
    static const char zeros[PAGE];
    struct machine machine;
    char found[PAGE];

    begin_machine(&machine, ZC_LRU_ENTRY);
    assert_status(zc_vm_write(machine.space, 2, 0, zeros, PAGE, NULL), ZC_OK);
    support_vm_reclaim_all(&machine.vm);
    assert_int_equal(support_vm_slots_used(&machine.vm), 1);
    assert_int_equal(machine.device.writes, 0);
    assert_status(zc_vm_read(machine.space, 2, 0, found, PAGE, NULL), ZC_OK);
    assert_memory_equal(found, zeros, PAGE);
    end_machine(&machine);
}
