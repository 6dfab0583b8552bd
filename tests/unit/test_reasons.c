/* SPDX-License-Identifier: MIT */
/*
 * test_reasons.c - a call of a cache that is refused says in the reason of its
 * options which field it is, what value it has, and what is allowed.
 */
#include "support_front.h"

#include <limits.h>

static char reason[ZC_REASON_SIZE];

/* What a reason begins with, and what it says besides. */
struct wanted {
    zc_status status;
    const char *beginning;
    const char *allowed;
};

static void expect_reason(zc_status status, const struct wanted *wanted)
{
    if (status != wanted->status)
        fail_msg("%s %s: %s", zc_status_name(status), wanted->beginning,
                 reason);
    if (strncmp(reason, wanted->beginning, strlen(wanted->beginning)) != 0 ||
        strstr(reason, wanted->allowed) == NULL)
        fail_msg("\"%s\" does not begin with \"%s\" and say \"%s\"", reason,
                 wanted->beginning, wanted->allowed);
}

static void expect_invalid(zc_status status, const char *beginning,
                           const char *allowed)
{
    expect_reason(status, &(struct wanted){ZC_INVALID, beginning, allowed});
}

#define INVALID(beginning, allowed)                                            \
    {                                                                          \
        ZC_INVALID, beginning, allowed                                         \
    }

/* Options with the reason to fill, and their size. */
#define FILL(options)                                                          \
    ((options).struct_size = sizeof(options), (options).reason = reason,       \
     (options).reason_size = sizeof(reason))

/* ---- a new cache ---- */

static const struct zc_pool_ops no_functions = {
    .struct_size = sizeof(no_functions)};

static const struct {
    struct zc_cache_options options;
    struct wanted wanted;
} bad_caches[] = {
    {{.page_size = 5000}, INVALID("page_size: 5000 ", "4096 to 65536")},
    {{.page_size = 131072}, INVALID("page_size: 131072 ", "4096 to 65536")},
    {{.accept_threshold_percent = 101},
     INVALID("accept_threshold_percent: 101 ", "1 to 100")},
    {{.compressor_name = "lzo"},
     {ZC_UNSUPPORTED, "compressor_name: there is no \"lzo\"", "lz4, "}},
    {{.compressor_name = "lzo"},
     {ZC_UNSUPPORTED, "compressor_name: ", ", copy"}},
    {{.compressor_name = ""},
     {ZC_UNSUPPORTED, "compressor_name: there is no \"\"", "lz4, "}},
    {{.compressor_level = -3},
     INVALID("compressor_level: -3 ", "1 to 65537, as lz4")},
    {{.compressor_name = "copy", .compressor_level = 42},
     INVALID("compressor_level: 42 ", "0 to 0, as copy")},
    {{.context_count = 4097}, INVALID("context_count: 4097 ", "1 to 4096")},
    {{.slot_count = UINT64_C(1) << 50},
     INVALID("slot_count: 1125899906842624 ", "1 to 1099511627776")},
    {{.checksums = 2}, INVALID("checksums: 2 ", "0 or 1")},
    {{.no_same_filled = 3}, INVALID("no_same_filled: 3 ", "0 to 2")},
    {{.shrink_policy = 5}, INVALID("shrink_policy: 5 ", "0 to 4")},
    {{.shrink_compact = 3}, INVALID("shrink_compact: 3 ", "0 to 2")},
    {{.raw_from = 4097}, INVALID("raw_from: 4097 ", "0 to 4096")},
    {{.raw_from = 65537, .page_size = 65536},
     INVALID("raw_from: 65537 ", "0 to 65536")},
    {{.shrink_worker = UINT_MAX},
     INVALID("shrink_worker: 4294967295 ", "0 or 1")},
    {{.lru_mode = 9}, INVALID("lru_mode: 9 ", "0 to 4")},
    {{.lru_mode = ZC_LRU_DROP, .backing_path = "x"},
     INVALID("backing_path: ", "lru_mode 4")},
    {{.dropped_pages = 2}, INVALID("dropped_pages: 2 ", "0 or 1")},
    {{.lru_mode = ZC_LRU_ZSPAGE, .pool_ops = &zc_pool_malloc},
     INVALID("lru_mode: 3 ", "reclaim")},
    {{.pool_ops = &no_functions}, INVALID("pool_ops: ", "NULL")},
};

TEST(a_cache_that_is_refused_says_why)
{
    struct zc_cache_options options;
    struct zc_cache *none;
    size_t i;

    for (i = 0; i < sizeof(bad_caches) / sizeof(bad_caches[0]); i++) {
        options = bad_caches[i].options;
        (void)FILL(options);
        memset(reason, 'x', sizeof(reason));
        expect_reason(zc_cache_create(&options, &none), &bad_caches[i].wanted);
    }
}

TEST_OF_CACHE(one_that_is_made_says_nothing)
{
    reason[0] = 'x';
    renew(ZC_CACHE_OPTIONS(.reason = reason, .reason_size = sizeof(reason)));
    assert_string_equal(reason, "");
}

TEST(a_reason_is_cut_to_its_size)
{
    struct zc_cache *none;

    memset(reason, 'x', sizeof(reason));
    assert_status(
        zc_cache_create(ZC_CACHE_OPTIONS(.page_size = 5000, .reason = reason,
                                         .reason_size = 10),
                        &none),
        ZC_INVALID);
    assert_string_equal(reason, "page_size");
    assert_int_equal(reason[10], 'x');
}

/* ---- devices, owners, writeback ---- */

static const struct {
    struct zc_swap_options options;
    struct wanted wanted;
} bad_devices[] = {
    {{.slot_count = 1001}, INVALID("slot_count: 1001 ", "1 to 1000")},
    {{.synchronous = 2}, INVALID("synchronous: 2 ", "0 or 1")},
    {{.managed = 2}, INVALID("managed: 2 ", "0 or 1")},
    {{.slot_order = 4}, INVALID("slot_order: 4 ", "0 to 3")},
};

TEST_OF_CACHE(a_device_that_is_refused_says_why)
{
    const struct wanted full = {ZC_REJECTED, "all 32 types ", "pages"};
    struct zc_swap_options options;
    unsigned type;
    size_t i;

    renew(ZC_CACHE_OPTIONS(.slot_count = 1000));
    for (i = 0; i < sizeof(bad_devices) / sizeof(bad_devices[0]); i++) {
        options = bad_devices[i].options;
        (void)FILL(options);
        expect_reason(zc_swap_on(cache, &options, &type),
                      &bad_devices[i].wanted);
    }
    options = (struct zc_swap_options){.managed = 0};
    (void)FILL(options);
    expect_invalid(zc_swap_on(NULL, &options, &type), "cache", "NULL");
    for (i = 0; i < ZC_SWP_TYPE_COUNT; i++) {
        assert_status(zc_swap_on(cache, &options, &type), ZC_OK);
        assert_string_equal(reason, "");
    }
    expect_reason(zc_swap_on(cache, &options, &type), &full);

    renew(ZC_CACHE_OPTIONS(.slot_count = (UINT64_C(1) << 32) + 1));
    options.managed = 1;
    expect_invalid(zc_swap_on(cache, &options, &type),
                   "slot_count: 4294967297 ", "1 to 4294967296");
}

TEST_OF_CACHE(an_owner_that_is_refused_says_why)
{
    struct zc_owner_options options = {.no_writeback = 2};

    (void)FILL(options);
    expect_invalid(zc_cache_set_owner(cache, 5, &options), "no_writeback: 2 ",
                   "0 or 1");
    expect_invalid(zc_cache_set_owner(cache, 1024, &options), "owner: 1024 ",
                   "0 to 1023");
    expect_invalid(zc_cache_set_owner(NULL, 5, &options), "cache", "NULL");
    options.no_writeback = 1;
    assert_status(zc_cache_set_owner(cache, 5, &options), ZC_OK);
    assert_string_equal(reason, "");
}

static const struct {
    struct zc_writeback_options options;
    struct wanted wanted;
} bad_writebacks[] = {
    {{.min_age_seconds = 28801},
     INVALID("min_age_seconds: 28801 ", "0 to 28800")},
    {{.one_owner = 2}, INVALID("one_owner: 2 ", "0 or 1")},
    {{.owner = 1024}, INVALID("owner: 1024 ", "0 to 1023")},
    {{.owner = 0}, {ZC_UNSUPPORTED, "no device ", "is on"}},
};

TEST_OF_CACHE(a_writeback_that_is_refused_says_why)
{
    const struct wanted no_ages = {ZC_UNSUPPORTED, "the cache's lru_mode ",
                                   "not entry"};
    struct zc_writeback_options options;
    size_t bytes;
    size_t i;

    renew_over(SUPPORT_OVER_AGES);
    for (i = 0; i < sizeof(bad_writebacks) / sizeof(bad_writebacks[0]); i++) {
        options = bad_writebacks[i].options;
        (void)FILL(options);
        expect_reason(zc_cache_writeback(cache, &options, &bytes),
                      &bad_writebacks[i].wanted);
    }
    renew(NULL);
    expect_reason(zc_cache_writeback(cache, &options, &bytes), &no_ages);
    expect_invalid(zc_cache_writeback(NULL, &options, &bytes), "cache", "NULL");
}
