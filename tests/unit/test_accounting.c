/* SPDX-License-Identifier: MIT */
/*
 * test_accounting.c - what a cache says it takes, against what the kernel says
 * the process has.
 *
 * Each case is a child of its own, so that nothing of the one before is left.
 */
#include "support_cache.h"
#include "support_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGES 38400 /* 150 MiB */
#define SKIPPED 77

struct account_case {
    enum support_over over;
    unsigned checksums;
};

/* Anonymous memory of this process, as the kernel counts it. */
static uint64_t anonymous_bytes(void)
{
    return support_smaps_bytes("Anonymous:");
}

static void check(bool holds, const char *what, uint64_t is, uint64_t wanted)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %" PRIu64 ", wanted %" PRIu64 "\n", what, is, wanted);
    abort();
}

static void store(struct zc_cache *cache, uint64_t first, uint64_t count)
{
    char page[4096];
    uint64_t i;

    for (i = first; i < first + count; i++) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, i);
        check(zc_cache_store(cache, support_slot(i), page) == ZC_OK, "store", i,
              i);
    }
}

/* Three of four pages go, in no order of storing; a tenth comes again. */
static void churn(struct zc_cache *cache)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++)
        if (i * 7919 % PAGES % 4 != 0)
            (void)zc_cache_invalidate(cache, support_slot(i * 7919 % PAGES));
    check(zc_cache_compact(cache, NULL, NULL) == ZC_OK, "compact", 0, 0);
    store(cache, 0, PAGES / 10);
}

/* At most 48 bytes a page, and 8 for a sum.  The descriptors of zspages are in
 * that too, but in kernel placement those of two objects are as many. */
static void check_budget(const struct account_case *wanted,
                         const struct zc_cache_accounting *accounting)
{
    uint64_t budget = PAGES * (48 + 8 * (uint64_t)wanted->checksums);
    uint64_t bytes = accounting->metadata_bytes;

    if (wanted->over == SUPPORT_OVER_KERNEL)
        bytes = accounting->entry_bytes + accounting->tree_bytes +
                accounting->handle_bytes;
    check(bytes <= budget, "metadata", bytes, budget);
}

/* What the cache says, within 2 % of what the process has grown by. */
static struct zc_cache_accounting check_growth(struct zc_cache *cache,
                                               uint64_t before,
                                               const char *when)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};
    uint64_t growth = anonymous_bytes() - before;
    uint64_t slack = growth / 50;

    check(zc_cache_account(cache, &accounting) == ZC_OK, "account", 0, 0);
    check(accounting.total_bytes + slack >= growth &&
              accounting.total_bytes <= growth + slack,
          when, accounting.total_bytes, growth);
    printf("%s: grown by %" PRIu64 " KiB, accounted %" PRIu64
           " KiB, ratio %.2f, metadata %.1f bytes per page\n",
           when, growth / 1024, accounting.total_bytes / 1024,
           4096.0 * (double)support_cache_stat(cache, stored_pages) /
               (double)accounting.payload_bytes,
           (double)accounting.metadata_bytes /
               (double)support_cache_stat(cache, stored_pages));
    return accounting;
}

static void be_measured(void *context)
{
    const struct account_case *wanted = context;
    struct zc_cache_options options = support_cache_options(wanted->over);
    struct zc_cache_accounting accounting;
    struct zc_cache *cache;
    uint64_t before;

    options.checksums = wanted->checksums;
    (void)anonymous_bytes(); /* its own buffers come first */
    before = anonymous_bytes();
    check(zc_cache_create(&options, &cache) == ZC_OK, "create", 0, 0);

    store(cache, 0, PAGES);
    accounting = check_growth(cache, before, "full");
    check_budget(wanted, &accounting);

    churn(cache);
    (void)check_growth(cache, before, "after churn");
    zc_cache_destroy(cache);
}

static void run_case(enum support_over over, unsigned checksums)
{
    struct account_case wanted = {over, checksums};
    struct support_end end;

    support_run_child(be_measured, &wanted, &end);

    assert_string_equal(end.errors, "");
    assert_true(end.exited);
    assert_int_equal(end.number, 0);
}

static void the_total_is_the_growth_in_dense_placement(void **state)
{
    (void)state;

    run_case(SUPPORT_OVER_DENSE, 0);
}

static void the_total_is_the_growth_in_kernel_placement(void **state)
{
    (void)state;

    run_case(SUPPORT_OVER_KERNEL, 0);
}

static void the_total_is_the_growth_with_sums(void **state)
{
    (void)state;

    run_case(SUPPORT_OVER_DENSE, 1);
}

static void the_total_is_the_growth_with_ages(void **state)
{
    (void)state;

    run_case(SUPPORT_OVER_AGES, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_total_is_the_growth_in_dense_placement),
        cmocka_unit_test(the_total_is_the_growth_in_kernel_placement),
        cmocka_unit_test(the_total_is_the_growth_with_sums),
        cmocka_unit_test(the_total_is_the_growth_with_ages),
    };

    if (SUPPORT_SANITIZED || anonymous_bytes() == 0) {
        printf("SKIPPED: %s\n", SUPPORT_SANITIZED
                                    ? "a sanitizer has memory of its own"
                                    : "no smaps_rollup to compare with");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
