/* SPDX-License-Identifier: MIT */
/* test_front.c - making and ending caches with a file and workers. */
#include "support_bump.h"
#include "support_front.h"
#include "support_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/inject.h"
#include "cache/cache.h"

#define PAGES 64

/* A directory of the test's own, and a name in it. */
struct place {
    char directory[64];
    char path[80];
};

static void begin(struct place *place)
{
    (void)snprintf(place->directory, sizeof(place->directory),
                   "/tmp/zcache-front-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    (void)snprintf(place->path, sizeof(place->path), "%s/swap",
                   place->directory);
}

/* Nothing is left in it. */
static void end(struct place *place)
{
    assert_int_equal(rmdir(place->directory), 0);
}

TEST(a_path_turns_on_type_0)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};
    struct zc_cache *cache;
    struct place place;
    uint64_t i;

    begin(&place);
    cache = support_cache_create(
        ZC_CACHE_OPTIONS(.backing_path = place.path, .slot_count = 1 << 20));
    assert_int_not_equal(access(place.path, F_OK), 0); /* it is gone already */
    assert_status(zc_swap_get_stats(cache, 0, &stats), ZC_OK);
    assert_int_equal(stats.slot_count, 1 << 20);
    assert_int_equal(stats.disk_bytes, 0);
    assert_status(zc_swap_get_stats(cache, 1, &stats), ZC_INVALID);
    for (i = 0; i < PAGES; i++)
        support_store(cache, support_slot(i * 1000), SUPPORT_TEXT, i);
    /* The default with a file: entries by age. */
    assert_status(zc_cache_writeback(cache, NULL, NULL), ZC_OK);
    for (i = 0; i < PAGES; i++)
        support_expect(cache, support_slot(i * 1000), SUPPORT_TEXT, i);
    assert_status(zc_swap_get_stats(cache, 0, &stats), ZC_OK);
    assert_int_equal(stats.pages_written, PAGES);
    assert_int_equal(stats.pages_read, PAGES);
    assert_in_range(stats.disk_bytes, PAGES * 4096, PAGES * 65536);
    zc_cache_destroy(cache);
    end(&place);
}

/* 2^32 slots of a page: the file is sparse, and as long as it needs to be. */
TEST(the_default_count_of_slots_takes_no_room)
{
    struct zc_cache *cache;
    struct place place;

    begin(&place);
    cache = support_cache_create(ZC_CACHE_OPTIONS(.backing_path = place.path));
    support_store(cache, support_slot(9), SUPPORT_TEXT, 1);
    support_store(cache, support_slot(ZC_SLOT_COUNT_DEFAULT - 1), SUPPORT_TEXT,
                  2);
    support_expect(cache, support_slot(9), SUPPORT_TEXT, 1);
    support_expect(cache, support_slot(ZC_SLOT_COUNT_DEFAULT - 1), SUPPORT_TEXT,
                   2);
    zc_cache_destroy(cache);
    end(&place);
}

TEST(bad_options_leave_nothing)
{
    static const struct zc_cache_options bad[] = {
        {.io_workers = ZC_BACKING_WORKERS_MAX + 1},
        {.shrink_worker = 2},
        {.lru_mode = ZC_LRU_ZSPAGE + 1},
        {.page_size = 5000},
        {.backing_path = ""},
    };
    struct zc_cache_options options;
    struct zc_cache *cache = NULL;
    struct place place;
    size_t i;

    begin(&place);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options = bad[i];
        options.struct_size = sizeof(options);
        if (options.backing_path == NULL)
            options.backing_path = place.path;
        if (zc_cache_create(&options, &cache) == ZC_OK)
            fail_msg("bad option %zu was taken", i);
        assert_null(cache);
        assert_int_not_equal(access(place.path, F_OK), 0);
    }
    assert_status(
        zc_cache_create(
            ZC_CACHE_OPTIONS(.backing_path = "/no/such/directory/x"), &cache),
        ZC_IO_ERROR);
    assert_null(cache);
    end(&place);
}

/* The path, and the system's own words or what the library found. */
TEST(a_path_that_is_refused_is_named_with_the_reason)
{
    const char *const missing = strerror(ENOENT);
    struct zc_cache *cache = NULL;
    char reason[ZC_REASON_SIZE];
    char expected[ZC_REASON_SIZE];
    char path[128];
    struct zc_cache_options options = {.struct_size = sizeof(options),
                                       .backing_path = path,
                                       .reason = reason,
                                       .reason_size = sizeof(reason)};
    struct place place;
    FILE *file;

    begin(&place);
    (void)snprintf(path, sizeof(path), "%s/no/pages", place.directory);
    (void)snprintf(expected, sizeof(expected), "%s: %s", path, missing);
    assert_status(zc_cache_create(&options, &cache), ZC_IO_ERROR);
    assert_string_equal(reason, expected);

    options.backing_path = place.path;
    file = fopen(place.path, "w");
    assert_non_null(file);
    (void)fclose(file);
    (void)snprintf(expected, sizeof(expected),
                   "%s: it exists, and only zc_backing_file with use_existing "
                   "uses what exists",
                   place.path);
    assert_status(zc_cache_create(&options, &cache), ZC_INVALID);
    assert_string_equal(reason, expected);
    assert_int_equal(unlink(place.path), 0);

    options.backing_path = place.directory;
    assert_status(zc_cache_create(&options, &cache), ZC_OK);
    assert_string_equal(reason, "");
    zc_cache_destroy(cache);
    end(&place);
}

/* What a device behind another one says arrives too. */
TEST(a_device_behind_another_gives_its_reason)
{
    struct zc_backing_file file = {.struct_size = sizeof(file)};
    struct zc_backing_faults faults = {
        .struct_size = sizeof(faults), .ops = &zc_backing_file, .user = &file};
    struct zc_cache *cache = support_cache_create(NULL);
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
    zc_cache_destroy(cache);
}

TEST(whatever_fails_leaves_nothing)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_MALLOC, ZC_INJECT_PAGES, ZC_INJECT_THREAD};
    static const unsigned failures_min[] = {12, 0, 3};
    struct zc_cache_options options = {.struct_size = sizeof(options),
                                       .io_workers = 2,
                                       .shrink_worker = 1,
                                       .context_count = 2};
    struct zc_cache *cache;
    struct place place;
    uint32_t countdown;
    zc_status status;
    unsigned i;

    begin(&place);
    options.backing_path = place.path;
    for (i = 0; i < 3; i++) {
        for (countdown = 0;; countdown++) {
            cache = NULL;
            zc_inject_arm(points[i], countdown, 1);
            status = zc_cache_create(&options, &cache);
            zc_inject_disarm();
            if (status == ZC_OK)
                break;
            assert_status(status, ZC_NO_MEMORY);
            assert_null(cache);
            assert_int_not_equal(access(place.path, F_OK), 0);
        }
        assert_true(countdown >= failures_min[i]);
        support_store(cache, support_slot(1), SUPPORT_TEXT, 1);
        support_expect(cache, support_slot(1), SUPPORT_TEXT, 1);
        zc_cache_destroy(cache);
    }
    end(&place);
}

/* ---- the end ---- */

TEST(an_end_drops_pages_wherever_they_are)
{
    struct support_front swap;
    enum support_place place;

    for (place = 0; place < SUPPORT_PLACE_COUNT; place++) {
        support_front_begin(&swap, SUPPORT_FRONT_OPTIONS,
                            ZC_SWAP_OPTIONS(.io_workers = 1));
        support_store(swap.cache, zc_swp_make(swap.type, 1), SUPPORT_TEXT, 1);
        support_front_put(&swap, zc_swp_make(swap.type, 2), SUPPORT_TEXT, 2,
                          place);
        support_store(swap.cache, zc_swp_make(swap.type, 3), SUPPORT_TEXT, 3);
        /* With a write under way it waits for that. */
        support_front_settle_soon(&swap);
        zc_cache_destroy(swap.cache);
        assert_int_equal(swap.device.opens, swap.device.closes);
        assert_int_equal(swap.pool.frees, swap.pool.puts);
        swap.cache = NULL;
        support_front_end(&swap);
    }
}

TEST(an_end_drops_what_page_tables_have)
{
    struct support_front swap;
    struct zc_folio *folio;
    struct zc_swap *slots;
    zc_swp slot;

    support_front_begin(&swap, NULL,
                        ZC_SWAP_OPTIONS(.managed = 1, .slot_count = 100));
    slots = &swap.cache->swap;
    folio = zc_folio_alloc(slots, true);
    assert_non_null(folio);
    zc_folio_lock(slots, folio);
    memset(folio->data, 1, 4096);
    zc_folio_set(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY);
    assert_status(zc_slot_alloc(slots, folio, &slot), ZC_OK);
    assert_status(zc_slot_dup(slots, slot), ZC_OK);
    assert_status(zc_slot_dup(slots, slot), ZC_OK);
    zc_folio_unlock(slots, folio);
    zc_swapcache_put(slots, slot, folio);
    support_front_end(&swap);
}

TEST(several_devices_end_together)
{
    struct zc_cache *cache = support_cache_create(
        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .shrink_worker = 1,
                         .limit_bytes = 16 * 4096));
    unsigned type;
    uint64_t i;

    for (i = 0; i < 3; i++)
        assert_status(zc_swap_on(cache,
                                 ZC_SWAP_OPTIONS(.io_workers = (unsigned)i),
                                 &type),
                      ZC_OK);
    for (i = 0; i < 300; i++)
        support_store(cache, zc_swp_make((unsigned)(i % 3), i * i),
                      SUPPORT_TEXT, i);
    for (i = 0; i < 300; i++)
        support_expect(cache, zc_swp_make((unsigned)(i % 3), i * i),
                       SUPPORT_TEXT, i);
    zc_cache_destroy(cache);
}
