/* SPDX-License-Identifier: MIT */
/*
 * test_checksums.c - pages on a device that is not what it was: where checksums
 * are on no call gives such a page, and the right one is found when the device
 * has it again.
 */
#include "support_front.h"
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

static void renew_sums(unsigned checksums)
{
    renew_device(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY,
                                  .pool_ops = &support_bump_pool,
                                  .checksums = checksums),
                 NULL);
}

static int begin_sums(void **state)
{
    (void)begin_cache(state);
    renew_sums(1);
    return 0;
}

#define TEST_OF_SUMS(name) TEST_WITH(name, begin_sums, end_cache)

static void put_by(enum way way, uint64_t seed)
{
    switch (way) {
    case WRITTEN_BACK:
        put(SLOT, seed, ON_DEVICE);
        break;
    case PAST_THE_POOL:
        spied.put_status = ZC_NO_MEMORY;
        store(SLOT, SUPPORT_TEXT, seed);
        break;
    default:
        put(SLOT, seed, STUCK);
        spied.put_status = ZC_NO_MEMORY;
        (void)zc_pageio_retry(&cache->pageio, 1);
        break;
    }
    spied.put_status = ZC_OK;
    assert_true(support_device_has(&disk, SLOT));
    assert_int_equal(device_stat(cached_folios), 0);
    assert_int_equal(cache_stat(stored_pages), 0);
}

static void overwrite(enum support_kind kind, uint64_t seed)
{
    char page[PAGE];

    support_make_page(page, sizeof(page), kind, seed);
    support_device_overwrite(&disk, SLOT, page);
}

static void expect_corrupt(void)
{
    assert_status(try_load(SLOT), ZC_CORRUPT);
}

static zc_status receive(void *context, zc_swp slot, const void *page)
{
    unsigned *right = context;

    (void)slot;
    *right += support_is_page(page, PAGE, SUPPORT_TEXT, 1);
    return ZC_OK;
}

TEST_OF_SUMS(a_page_overwritten_on_its_device_is_corrupt)
{
    unsigned right;
    enum way way;

    for (way = 0; way < WAY_COUNT; way++) {
        renew_sums(1);
        right = 0;
        put_by(way, 1);
        expect(SLOT, SUPPORT_TEXT, 1);
        overwrite(SUPPORT_TEXT, 2);
        expect_corrupt();
        assert_status(try_take(SLOT), ZC_CORRUPT);
        assert_status(zc_swap_off(cache, swap_type, receive, &right),
                      ZC_CORRUPT);
        assert_int_equal(right, 0);
        assert_int_equal(device_stat(slots_used), 1);
        assert_int_equal(device_stat(cached_folios), 0);
        assert_int_equal(cache_stat(disk_corrupt), 3);
        assert_int_equal(cache_stat(disk_swapins), 1);
        overwrite(SUPPORT_TEXT, 1);
        expect(SLOT, SUPPORT_TEXT, 1);
        assert_status(zc_swap_off(cache, swap_type, receive, &right), ZC_OK);
        assert_int_equal(right, 1);
    }
}

TEST_OF_SUMS(every_flipped_bit_is_found)
{
    char page[PAGE];
    size_t bit;

    put_by(WRITTEN_BACK, 1);
    for (bit = 0; bit < 8 * sizeof(page); bit += 61) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
        page[bit / 8] ^= (char)(1 << bit % 8);
        support_device_overwrite(&disk, SLOT, page);
        expect_corrupt();
    }
}

/* A device that lost a write has an older page of the slot. */
TEST_OF_SUMS(an_older_page_of_the_slot_is_corrupt)
{
    enum way first;
    enum way then;

    for (first = 0; first < WAY_COUNT; first++) {
        for (then = 0; then < WAY_COUNT; then++) {
            renew_sums(1);
            put_by(first, 1);
            put_by(then, 2);
            expect(SLOT, SUPPORT_TEXT, 2);
            overwrite(SUPPORT_TEXT, 1);
            expect_corrupt();
        }
    }
}

TEST_OF_SUMS(a_corrupt_page_can_be_replaced_and_forgotten)
{
    put_by(WRITTEN_BACK, 1);
    overwrite(SUPPORT_NOISE, 1);
    expect_corrupt();
    store(SLOT, SUPPORT_TEXT, 2);
    expect(SLOT, SUPPORT_TEXT, 2);
    put_by(WRITTEN_BACK, 3);
    overwrite(SUPPORT_NOISE, 1);
    forget(SLOT);
    expect_missing(SLOT);
    assert_int_equal(device_stat(slots_used), 0);
}

/* In this mode no page is stored raw. */
TEST_OF_SUMS(pages_of_reclaimed_zspages_have_one_too)
{
    renew_device(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ZSPAGE, .checksums = 1),
                 NULL);
    store(SLOT, SUPPORT_TEXT, 1);
    (void)zc_cache_shrink(cache, 1, NULL);
    assert_true(support_device_has(&disk, SLOT));
    expect(SLOT, SUPPORT_TEXT, 1);
    overwrite(SUPPORT_TEXT, 2);
    expect_corrupt();
}

/* Another program writes to the file. */
TEST_OF_CACHE(a_page_overwritten_in_a_file_is_corrupt)
{
    char directory[64];
    char other[PAGE];
    char path[80];
    struct zc_backing_file file = {
        .struct_size = sizeof(file), .path = path, .keep = 1};
    int fd;

    support_directory_make(directory);
    (void)snprintf(path, sizeof(path), "%s/swap", directory);
    renew(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .checksums = 1));
    assert_status(zc_swap_on(cache,
                             ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_file,
                                             .backing_user = &file),
                             &swap_type),
                  ZC_OK);
    store(SLOT, SUPPORT_TEXT, 1);
    write_all_back();
    expect(SLOT, SUPPORT_TEXT, 1);
    support_make_page(other, sizeof(other), SUPPORT_TEXT, 2);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, other, PAGE, SLOT * PAGE), PAGE);
    assert_int_equal(close(fd), 0);
    expect_corrupt();
    end();
    support_directory_remove(directory, 1);
}

/* ---- what it costs ---- */

/* 8 bytes for each of the 512 slots of a cluster, and none elsewhere. */
TEST_OF_SUMS(they_cost_eight_bytes_a_slot)
{
    uint64_t bytes[2];
    unsigned i;

    for (i = 0; i < 2; i++) {
        renew_sums(i);
        store(SLOT, SUPPORT_TEXT, 1);
        bytes[i] = accounted(other_bytes);
        write_all_back();
        bytes[i] = accounted(other_bytes) - bytes[i];
    }
    assert_in_range(bytes[1] - bytes[0], 512 * sizeof(uint64_t),
                    512 * sizeof(uint64_t) + 64);
}

TEST_OF_SUMS(without_memory_for_one_nothing_goes_to_the_device)
{
    uint32_t countdown = 0;

    do {
        renew_sums(1);
        store(SLOT, SUPPORT_TEXT, 1);
        zc_inject_arm(ZC_INJECT_MALLOC, countdown++, UINT32_MAX);
        (void)zc_cache_writeback(cache, NULL, NULL);
        zc_inject_disarm();
        expect(SLOT, SUPPORT_TEXT, 1);
    } while (!support_device_has(&disk, SLOT));
    assert_true(countdown > 3); /* folios, request, checksums */
    overwrite(SUPPORT_TEXT, 2);
    expect_corrupt();
}

/* ---- pages of address spaces ---- */

static struct support_vm machine;
static struct zc_vm_space *space;

/* A page of an address space on the device; returns its slot there. */
static uint64_t page_out(unsigned lru_mode, const void *page)
{
    const struct support_vm_kind kind = {.lru_mode = lru_mode,
                                         .checksums = 1,
                                         .backing_ops = &support_device_ops,
                                         .backing_user = &disk};
    uint64_t offset;

    support_device_init(&disk);
    machine = support_vm_make(&kind);
    space = support_vm_space(&machine, 8);
    assert_status(zc_vm_write(space, 2, 0, page, PAGE, NULL), ZC_OK);
    support_vm_reclaim_all(&machine);
    offset = zc_swp_offset(support_vm_slot(space, 2));
    (void)zc_cache_writeback(machine.cache, NULL, NULL);
    return offset;
}

static void end_machine(void)
{
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
    support_device_fini(&disk);
}

/* Written back from compressed memory, and, where that takes no noise, straight
 * from a frame. */
TEST(a_page_of_an_address_space_has_one)
{
    static const unsigned modes[] = {ZC_LRU_ENTRY, ZC_LRU_ZSPAGE};
    char found[PAGE];
    char page[PAGE];
    uint64_t slot;
    unsigned i;

    for (i = 0; i < 2; i++) {
        support_make_page(page, sizeof(page), SUPPORT_NOISE, 1);
        slot = page_out(modes[i], page);
        assert_true(support_device_has(&disk, slot));
        support_make_page(found, sizeof(found), SUPPORT_NOISE, 2);
        support_device_overwrite(&disk, slot, found);
        assert_status(zc_vm_read(space, 2, 0, found, PAGE, NULL), ZC_CORRUPT);
        assert_status(zc_vm_swap_off(machine.vm, machine.type), ZC_CORRUPT);
        support_device_overwrite(&disk, slot, page);
        assert_status(zc_vm_read(space, 2, 0, found, PAGE, NULL), ZC_OK);
        assert_memory_equal(found, page, PAGE);
        end_machine();
    }
}

TEST(a_page_of_zeros_needs_none)
{
    static const char zeros[PAGE];
    char found[PAGE];

    (void)page_out(ZC_LRU_ENTRY, zeros);
    assert_int_equal(support_vm_slots_used(&machine), 1);
    assert_int_equal(disk.writes, 0);
    assert_status(zc_vm_read(space, 2, 0, found, PAGE, NULL), ZC_OK);
    assert_memory_equal(found, zeros, PAGE);
    assert_int_equal(support_cache_stat(machine.cache, swpout_zero), 1);
    assert_int_equal(support_cache_stat(machine.cache, swpin_zero), 1);
    end_machine();
}
