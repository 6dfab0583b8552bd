/* SPDX-License-Identifier: MIT */
/* test_front_swap.c - devices on, and what is told of them;
 * test_front_swapoff.c turns them off. */
#include "support_front.h"
#include "support_test.h"

#include "base/inject.h"
#include "cache/cache.h"

#define DEVICE_SLOTS 2000
#define PAGES 30

static void begin(struct support_front *swap, unsigned io_workers)
{
    support_front_begin(
        swap, SUPPORT_FRONT_OPTIONS,
        ZC_SWAP_OPTIONS(.slot_count = DEVICE_SLOTS, .io_workers = io_workers));
}

static zc_swp slot_of(const struct support_front *swap, uint64_t offset)
{
    return zc_swp_make(swap->type, offset);
}

/* Pages at 0, 3, 6, ...; a third of them on the device. */
static void store_pages(struct support_front *swap)
{
    uint64_t i;

    for (i = 0; i < PAGES / 3; i++)
        support_store(swap->cache, slot_of(swap, 3 * i), SUPPORT_TEXT, 3 * i);
    support_front_write_back(swap);
    for (; i < PAGES; i++)
        support_store(swap->cache, slot_of(swap, 3 * i), SUPPORT_TEXT, 3 * i);
}

/* ---- on ---- */

TEST(devices_take_the_lowest_free_type)
{
    struct zc_cache *cache = support_cache_create(NULL);
    unsigned type = 99;
    unsigned i;

    support_store(cache, zc_swp_make(2, 5), SUPPORT_TEXT, 1);
    for (i = 0; i < ZC_SWP_TYPE_COUNT - 1; i++) {
        assert_status(zc_swap_on(cache, NULL, &type), ZC_OK);
        assert_int_equal(type, i < 2 ? i : i + 1);
    }
    assert_status(zc_swap_on(cache, NULL, &type), ZC_REJECTED);
    assert_int_equal(type, ZC_SWP_TYPE_COUNT - 1);
    assert_status(zc_swap_off(cache, 5, NULL, NULL), ZC_OK);
    assert_status(zc_swap_off(cache, 5, NULL, NULL), ZC_INVALID);
    assert_status(zc_swap_on(cache, NULL, &type), ZC_OK);
    assert_int_equal(type, 5);
    assert_status(zc_cache_invalidate(cache, zc_swp_make(2, 5)), ZC_OK);
    assert_status(zc_swap_on(cache, NULL, &type), ZC_OK);
    assert_int_equal(type, 2);
    zc_cache_destroy(cache);
}

static zc_status no_open(const struct zc_backing_config *config,
                         void **backing_out)
{
    (void)config;
    (void)backing_out;
    return ZC_UNSUPPORTED;
}

TEST(bad_options_are_refused)
{
    static const struct zc_backing_ops incomplete = {
        .struct_size = sizeof(incomplete), .open = no_open};
    static const struct zc_swap_options bad[] = {
        {.slot_count = 1001},
        {.slot_count = UINT64_MAX},
        {.io_workers = ZC_BACKING_WORKERS_MAX + 1},
        {.synchronous = 2},
        {.managed = 2},
        {.slot_order = ZC_SLOT_ORDER_ROUND_ROBIN + 1},
        {.backing_ops = &incomplete},
    };
    struct {
        struct zc_swap_options known;
        uint64_t more;
    } newer = {{.struct_size = sizeof(newer)}, 1};
    struct zc_cache *cache =
        support_cache_create(ZC_CACHE_OPTIONS(.slot_count = 1000));
    struct zc_swap_options options = {.struct_size = sizeof(options)};
    unsigned type = 99;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options = bad[i];
        options.struct_size = sizeof(options);
        if (zc_swap_on(cache, &options, &type) != ZC_INVALID)
            fail_msg("bad option %zu was taken", i);
    }
    assert_status(zc_swap_on(cache, &newer.known, &type), ZC_UNSUPPORTED);
    assert_status(zc_swap_on(NULL, NULL, &type), ZC_INVALID);
    assert_status(zc_swap_on(cache, NULL, NULL), ZC_INVALID);
    assert_int_equal(type, 99);
    options = (struct zc_swap_options){.struct_size = sizeof(options),
                                       .slot_count = 1000,
                                       .io_workers = 3,
                                       .synchronous = 1,
                                       .managed = 1,
                                       .slot_order = ZC_SLOT_ORDER_LOWEST};
    assert_status(zc_swap_on(cache, &options, &type), ZC_OK);
    zc_cache_destroy(cache);

    cache = support_cache_create(
        ZC_CACHE_OPTIONS(.slot_count = (UINT64_C(1) << 32) + 1));
    assert_status(zc_swap_on(cache, ZC_SWAP_OPTIONS(.managed = 1), &type),
                  ZC_INVALID);
    assert_status(zc_swap_on(cache,
                             ZC_SWAP_OPTIONS(.managed = 1,
                                             .slot_count = UINT64_C(1) << 32),
                             &type),
                  ZC_OK);
    zc_cache_destroy(cache);
}

TEST(a_device_that_does_not_open_leaves_nothing)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_MALLOC, ZC_INJECT_PAGES, ZC_INJECT_THREAD};
    struct zc_cache *cache = support_cache_create(NULL);
    struct support_device device;
    const struct zc_swap_options options = {.struct_size = sizeof(options),
                                            .backing_ops = &support_device_ops,
                                            .backing_user = &device,
                                            .io_workers = 3};
    uint32_t countdown;
    zc_status status;
    unsigned type;
    unsigned i;

    support_device_init(&device);
    atomic_store(&device.fails_open, true);
    assert_status(zc_swap_on(cache, &options, &type), ZC_IO_ERROR);
    atomic_store(&device.fails_open, false);
    for (i = 0; i < 3; i++) {
        for (countdown = 0;; countdown++) {
            type = 99;
            zc_inject_arm(points[i], countdown, 1);
            status = zc_swap_on(cache, &options, &type);
            zc_inject_disarm();
            if (status == ZC_OK)
                break;
            assert_status(status, ZC_NO_MEMORY);
            assert_int_equal(type, 99);
            assert_int_equal(device.opens, device.closes);
        }
        assert_true(i == 1 || countdown >= 1);
        assert_int_equal(type, 0);
        assert_status(zc_swap_off(cache, type, NULL, NULL), ZC_OK);
    }
    zc_cache_destroy(cache);
    support_device_fini(&device);
}

/* ---- counters ---- */

TEST(the_counters_tell_what_happened)
{
    struct support_front swap;
    struct zc_swap_stats stats;

    begin(&swap, 0);
    store_pages(&swap);
    support_expect(swap.cache, slot_of(&swap, 0), SUPPORT_TEXT, 0);
    atomic_store(&swap.device.fails_reads, true);
    assert_status(zc_cache_take(swap.cache, slot_of(&swap, 0), (char[4096]){0}),
                  ZC_IO_ERROR);
    stats = support_front_stats(&swap);
    assert_int_equal(stats.slot_count, DEVICE_SLOTS);
    assert_int_equal(stats.slots_used, PAGES);
    assert_int_equal(stats.cached_folios, 0);
    assert_int_equal(stats.stuck_folios, 0);
    assert_int_equal(stats.pages_written, PAGES / 3);
    assert_int_equal(stats.pages_read, 1);
    assert_int_equal(stats.read_errors, 1);
    assert_int_equal(stats.write_errors, 0);
    assert_status(zc_swap_get_stats(swap.cache, swap.type, NULL), ZC_INVALID);
    support_front_put(&swap, slot_of(&swap, 1), SUPPORT_TEXT, 1, SUPPORT_STUCK);
    assert_true(support_front_stat(&swap, write_errors) > 0);
    support_front_end(&swap);
}

static uint64_t other_bytes(const struct support_front *front)
{
    struct zc_cache_accounting parts = {.struct_size = sizeof(parts)};

    assert_status(zc_cache_account(front->cache, &parts), ZC_OK);
    return parts.other_bytes;
}

TEST(memory_of_devices_is_accounted_for)
{
    struct support_front front;
    uint64_t before;
    uint64_t used;

    begin(&front, 0);
    before = other_bytes(&front);
    support_front_put(&front, slot_of(&front, 7), SUPPORT_TEXT, 7,
                      SUPPORT_ON_DEVICE);
    used = other_bytes(&front);
    assert_true(used >= before + sizeof(struct zc_cluster));
    support_front_put(&front, slot_of(&front, 8), SUPPORT_TEXT, 8,
                      SUPPORT_STUCK);
    assert_true(other_bytes(&front) >= used + 4096);
    support_front_end(&front);
}
