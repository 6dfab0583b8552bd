/* SPDX-License-Identifier: MIT */
/* support_halves.c - a cache whose pages can be made smaller. */
#include "support_halves.h"

uint32_t hour;

static uint32_t read_clock(void *user)
{
    return *(const uint32_t *)user;
}

const struct zc_cache_options with_ages = {
    .struct_size = sizeof(struct zc_cache_options),
    .compressor_name = "copy",
    .lru_mode = ZC_LRU_ENTRY,
    .placement = ZC_PLACEMENT_KERNEL,
    .clock = read_clock,
    .clock_user = &hour,
};

int begin_whole(void **state)
{
    (void)begin_cache(state);
    hour = 0;
    renew(&with_ages);
    return 0;
}

uint64_t recompress(struct zc_recompress_options options, zc_status expected)
{
    const uint64_t before = cache_stat(recompressed_pages);
    uint64_t pages = 12345;

    options.struct_size = sizeof(options);
    if (options.compressor_name == NULL)
        options.compressor_name = "halves";
    assert_status(zc_cache_recompress(cache, &options, &pages), expected);
    assert_int_equal(cache_stat(recompressed_pages) - before, pages);
    return pages;
}

void store_halves(uint64_t first, uint64_t count)
{
    uint64_t i;

    for (i = first; i < first + count; i++)
        store(i, SUPPORT_HALVES, i);
}

void expect_halves(uint64_t first, uint64_t count)
{
    uint64_t i;

    for (i = first; i < first + count; i++)
        expect(i, SUPPORT_HALVES, i);
}

uint64_t small_pages(uint64_t stored)
{
    return (stored * 4096 - cache_stat(payload_bytes)) / HALF;
}
