/* SPDX-License-Identifier: MIT */
/* test_front.c - caches with files and devices: made, told of, and ended. */
#include "support_front.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/inject.h"
#include "cache/cache.h"
#include "support_backing.h"

#define PAGES 30

/* A directory of the test's own, and a name in it. */
static char directory[64];
static char path[80];

static int begin_path(void **state)
{
    support_directory_make(directory);
    (void)snprintf(path, sizeof(path), "%s/swap", directory);
    return begin_cache(state);
}

/* Nothing is left in the directory. */
static int end_path(void **state)
{
    (void)end_cache(state);
    support_directory_remove(directory, 0);
    return 0;
}

#define TEST_OF_PATH(name) TEST_WITH(name, begin_path, end_path)

TEST_OF_PATH(a_path_turns_on_type_0)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    renew(ZC_CACHE_OPTIONS(.backing_path = path, .slot_count = 1 << 20));
    assert_int_not_equal(access(path, F_OK), 0); /* it is gone already */
    stats = device_stats();
    assert_int_equal(stats.slot_count, 1 << 20);
    assert_int_equal(stats.disk_bytes, 0);
    assert_status(zc_swap_get_stats(cache, 1, &stats), ZC_INVALID);
    store_pages(1000, PAGES);
    /* The default with a file: entries by age. */
    assert_status(zc_cache_writeback(cache, NULL, NULL), ZC_OK);
    expect_pages(1000, PAGES);
    stats = device_stats();
    assert_int_equal(stats.pages_written, PAGES);
    assert_int_equal(stats.pages_read, PAGES);
    assert_in_range(stats.disk_bytes, PAGES * 4096, PAGES * 65536);
}

/* 2^32 slots of a page: the file is sparse, and as long as it needs to be. */
TEST_OF_PATH(the_default_count_of_slots_takes_no_room)
{
    renew(ZC_CACHE_OPTIONS(.backing_path = path));
    store_pages(9, 1);
    store_pages(ZC_SLOT_COUNT_DEFAULT - 1, 1);
    expect_pages(9, 1);
    expect_pages(ZC_SLOT_COUNT_DEFAULT - 1, 1);
}

/* The path, and the system's own words or what the library found. */
TEST_OF_PATH(a_path_that_is_refused_is_named_with_the_reason)
{
    const char *const missing = strerror(ENOENT);
    struct zc_cache *none = NULL;
    char reason[ZC_REASON_SIZE];
    char expected[ZC_REASON_SIZE];
    char other[128];
    struct zc_cache_options options = {.struct_size = sizeof(options),
                                       .backing_path = other,
                                       .reason = reason,
                                       .reason_size = sizeof(reason)};
    FILE *file;

    (void)snprintf(other, sizeof(other), "%s/no/pages", directory);
    (void)snprintf(expected, sizeof(expected), "%s: %s", other, missing);
    assert_status(zc_cache_create(&options, &none), ZC_IO_ERROR);
    assert_string_equal(reason, expected);

    options.backing_path = path;
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    (void)snprintf(expected, sizeof(expected),
                   "%s: it exists, and only zc_backing_file with use_existing "
                   "uses what exists",
                   path);
    assert_status(zc_cache_create(&options, &none), ZC_INVALID);
    assert_string_equal(reason, expected);
    assert_int_equal(unlink(path), 0);

    options.backing_path = directory;
    renew(&options);
    assert_string_equal(reason, "");
}

/* What a device behind another one says arrives too. */
TEST_OF_CACHE(a_device_behind_another_gives_its_reason)
{
    struct zc_backing_file file = {.struct_size = sizeof(file)};
    struct zc_backing_faults faults = {
        .struct_size = sizeof(faults), .ops = &zc_backing_file, .user = &file};
    char reason[ZC_REASON_SIZE];
    struct zc_swap_options options = {.struct_size = sizeof(options),
                                      .backing_ops = &zc_backing_faulty,
                                      .backing_user = &faults,
                                      .reason = reason,
                                      .reason_size = sizeof(reason)};
    unsigned type;

    assert_status(zc_swap_on(cache, &options, &type), ZC_INVALID);
    assert_string_equal(reason, "path: there is none");
    faults.read_errors = 1000001;
    assert_status(zc_swap_on(cache, &options, &type), ZC_INVALID);
    assert_string_equal(reason, "read_errors: 1000001 is more than 1000000");
    faults.write_errors = 2000000;
    assert_status(zc_swap_on(cache, &options, &type), ZC_INVALID);
    assert_string_equal(reason, "write_errors: 2000000 is more than 1000000");
    options.io_workers = ZC_BACKING_WORKERS_MAX + 1;
    assert_status(zc_swap_on(cache, &options, &type), ZC_INVALID);
    assert_string_equal(reason, "io_workers: 65 is not from 0 to 64");
}

/* ---- failures ---- */

static const enum zc_inject_point points[] = {ZC_INJECT_MALLOC, ZC_INJECT_PAGES,
                                              ZC_INJECT_THREAD};

TEST_OF_PATH(a_cache_that_is_not_made_leaves_nothing)
{
    static const unsigned failures_min[] = {12, 0, 3};
    struct zc_cache_options options = {.struct_size = sizeof(options),
                                       .backing_path = path,
                                       .io_workers = 2,
                                       .shrink_worker = 1,
                                       .context_count = 2};
    uint32_t countdown;
    zc_status status;
    unsigned i;

    for (i = 0; i < 3; i++) {
        end();
        for (countdown = 0;; countdown++) {
            zc_inject_arm(points[i], countdown, 1);
            status = zc_cache_create(&options, &cache);
            zc_inject_disarm();
            if (status == ZC_OK)
                break;
            assert_status(status, ZC_NO_MEMORY);
            assert_null(cache);
            assert_int_not_equal(access(path, F_OK), 0);
        }
        assert_true(countdown >= failures_min[i]);
        store_pages(1, 1);
        expect_pages(1, 1);
    }
}

TEST_OF_CACHE(a_device_that_does_not_open_leaves_nothing)
{
    static const unsigned failures_min[] = {2, 1, 3};
    const struct zc_swap_options options = {.struct_size = sizeof(options),
                                            .backing_ops = &support_device_ops,
                                            .backing_user = &disk,
                                            .slot_count = 100,
                                            .managed = 1,
                                            .io_workers = 3};
    uint32_t countdown;
    zc_status status;
    unsigned type = 99;
    unsigned i;

    support_device_init(&disk);
    atomic_store(&disk.fails_open, true);
    assert_status(zc_swap_on(cache, &options, &type), ZC_IO_ERROR);
    assert_false(zc_swap_has_device(&cache->swap, 0));
    atomic_store(&disk.fails_open, false);
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
            assert_int_equal(disk.opens, disk.closes);
        }
        assert_true(countdown >= failures_min[i]);
        assert_int_equal(type, 0);
        assert_status(zc_swap_off(cache, type, NULL, NULL), ZC_OK);
    }
    support_device_fini(&disk);
}

/* ---- devices ---- */

TEST_OF_CACHE(devices_take_the_lowest_free_type)
{
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
}

static zc_status no_open(const struct zc_backing_config *config,
                         void **backing_out)
{
    (void)config;
    (void)backing_out;
    return ZC_UNSUPPORTED;
}

TEST_OF_CACHE(bad_options_of_devices_are_refused)
{
    static const struct zc_backing_ops incomplete = {
        .struct_size = sizeof(incomplete), .open = no_open};
    static const struct {
        uint64_t slots; /* of the cache */
        struct zc_swap_options options;
        zc_status status;
    } rows[] = {
        {1000, {.slot_count = 1001}, ZC_INVALID},
        {1000, {.slot_count = UINT64_MAX}, ZC_INVALID},
        {1000, {.io_workers = ZC_BACKING_WORKERS_MAX + 1}, ZC_INVALID},
        {1000, {.synchronous = 2}, ZC_INVALID},
        {1000, {.managed = 2}, ZC_INVALID},
        {1000, {.slot_order = ZC_SLOT_ORDER_ROUND_ROBIN + 1}, ZC_INVALID},
        {1000, {.backing_ops = &incomplete}, ZC_INVALID},
        {1000,
         {.slot_count = 1000,
          .io_workers = 3,
          .synchronous = 1,
          .managed = 1,
          .slot_order = ZC_SLOT_ORDER_LOWEST},
         ZC_OK},
        {(1ull << 32) + 1, {.managed = 1}, ZC_INVALID},
        {(1ull << 32) + 1, {.managed = 1, .slot_count = 1ull << 32}, ZC_OK},
    };
    struct {
        struct zc_swap_options known;
        uint64_t more;
    } newer = {{.struct_size = sizeof(newer)}, 1};
    struct zc_swap_options options;
    unsigned type;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        renew(ZC_CACHE_OPTIONS(.slot_count = rows[i].slots));
        options = rows[i].options;
        options.struct_size = sizeof(options);
        type = 99;
        if (zc_swap_on(cache, &options, &type) != rows[i].status ||
            (type == 99) != (rows[i].status != ZC_OK))
            fail_msg("row %zu: type %u", i, type);
    }
    type = 99;
    assert_status(zc_swap_on(cache, &newer.known, &type), ZC_UNSUPPORTED);
    assert_status(zc_swap_on(NULL, NULL, &type), ZC_INVALID);
    assert_status(zc_swap_on(cache, NULL, NULL), ZC_INVALID);
    assert_int_equal(type, 99);
}

TEST_OF_DEVICE(the_counters_tell_what_happened)
{
    struct zc_swap_stats stats;

    store_pages(0, PAGES / 3);
    write_all_back();
    store_pages(PAGES / 3, PAGES - PAGES / 3);
    expect_pages(0, 1);
    atomic_store(&disk.fails_reads, true);
    assert_status(try_take(0), ZC_IO_ERROR);
    stats = device_stats();
    assert_int_equal(stats.slot_count, DEVICE_SLOTS);
    assert_int_equal(stats.slots_used, PAGES);
    assert_int_equal(stats.cached_folios, 0);
    assert_int_equal(stats.stuck_folios, 0);
    assert_int_equal(stats.pages_written, PAGES / 3);
    assert_int_equal(stats.pages_read, 1);
    assert_int_equal(stats.read_errors, 1);
    assert_int_equal(stats.write_errors, 0);
    assert_status(zc_swap_get_stats(cache, swap_type, NULL), ZC_INVALID);
    put(PAGES, PAGES, STUCK);
    assert_true(device_stat(write_errors) > 0);
}

TEST_OF_DEVICE(a_page_whose_write_fails_is_stored_again)
{
    store_pages(1, 1);
    atomic_store(&disk.fails_writes, true);
    (void)zc_cache_writeback(cache, NULL, NULL);
    atomic_store(&disk.fails_writes, false);
    expect_pages(1, 1);
    assert_int_equal(cache_stat(write_errors), 1);
    assert_int_equal(cache_stat(stored_again), 1);
    assert_int_equal(cache_stat(stored_pages), 1);
}

static void write_back_meanwhile(void *unused)
{
    (void)unused;
    (void)zc_cache_writeback(cache, NULL, NULL);
}

TEST_OF_CACHE(a_page_that_a_load_uses_is_not_written_back)
{
    renew_device(
        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .compressor_name = "halves"),
        NULL);
    store(1, SUPPORT_HALVES, 1);
    support_halves.on_decompress = write_back_meanwhile;
    expect(1, SUPPORT_HALVES, 1);
    support_halves.on_decompress = NULL;
    assert_true(cache_stat(writeback_busy) > 0);
    assert_false(support_device_has(&disk, 1));
    expect(1, SUPPORT_HALVES, 1);
}

/* ---- the end ---- */

TEST_OF_DEVICE(an_end_drops_pages_wherever_they_are)
{
    enum place place;

    for (place = 0; place < PLACE_COUNT; place++) {
        renew_device_with(1);
        store_pages(1, 1);
        put(2, 2, place);
        store_pages(3, 1);
        /* With a write under way the end waits for it. */
        let_writes_end_soon();
        zc_cache_destroy(cache);
        assert_int_equal(disk.opens, disk.closes);
        cache = NULL;
        end();
    }
}

TEST_OF_CACHE(several_devices_end_together)
{
    unsigned types[3];
    uint64_t i;

    renew(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .shrink_worker = 1,
                           .limit_bytes = 16 * 4096));
    for (i = 0; i < 3; i++)
        assert_status(zc_swap_on(cache,
                                 ZC_SWAP_OPTIONS(.io_workers = (unsigned)i),
                                 &types[i]),
                      ZC_OK);
    for (i = 0; i < 300; i++)
        support_store(cache, zc_swp_make(types[i % 3], i * i), SUPPORT_TEXT, i);
    for (i = 0; i < 300; i++)
        support_expect(cache, zc_swp_make(types[i % 3], i * i), SUPPORT_TEXT,
                       i);
}
