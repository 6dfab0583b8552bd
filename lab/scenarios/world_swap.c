/* SPDX-License-Identifier: MIT */
/* world_swap.c - a cache with a device, and what is done to it. */
#include <zcache/swap.h>

#include "front.h"
#include "lab_platform.h"
#include "oracle_history.h"
#include "world_internal.h"
#include "writeback.h"

void world_disk(unsigned limit)
{
    unsigned type;

    world_must(
        zc_cache_create(
            ZC_CACHE_OPTIONS(.page_size = WORLD_PAGE,
                             .placement = ZC_PLACEMENT_KERNEL,
                             .slot_count = WORLD_SLOTS, .context_count = 1,
                             .no_same_filled = 1, .compressor_name = "lz4",
                             .lru_mode = ZC_LRU_ENTRY,
                             .accept_threshold_percent = 100,
                             .limit_bytes = (uint64_t)limit * WORLD_PAGE),
            &world.cache),
        "no cache");
    world_must(zc_swap_on(world.cache, NULL, &type), "no device");
}

void world_make_cold(void)
{
    struct zc_lru *lru = &world.cache->zcache.lru;
    struct zc_lru_candidate candidate;
    uint32_t count = zc_lru_count(lru, 0);

    while (count-- > 0)
        (void)zc_lru_scan(lru, 0, 0, &candidate);
}

zc_status world_writeback(void)
{
    struct zc_cache *cache = world.cache;
    struct zc_lru *lru = &cache->zcache.lru;
    struct zc_zcache_token token = {.by_handle = false};
    struct zc_lru_candidate candidate;
    zc_status status = ZC_AGAIN;

    WORLD_ENTER("shrink");
    while (status == ZC_AGAIN)
        status = zc_lru_scan(lru, 0, 0, &candidate);
    if (status == ZC_OK) {
        token.index = candidate.token;
        WORLD_ENTER("zc_writeback_page(0:%u)",
                    (unsigned)zc_swp_offset(candidate.slot));
        status = zc_writeback_page(&cache->pageio, candidate.slot, &token);
        if (status != ZC_OK)
            zc_lru_put_back(lru, &candidate);
        world_leave();
    }
    world_leave();
    return status;
}

void world_store_cold(unsigned slot, unsigned version)
{
    (void)world_store(slot, version);
    world_make_cold();
    world_must(world_writeback(), "no writeback");
}

/* The page is its owner's from now on, as by a take. */
static zc_status bring_home(void *context, zc_swp slot, const void *page)
{
    unsigned number = (unsigned)zc_swp_offset(slot);

    (void)context;
    lab_history_begin(LAB_TAKE, number, LAB_NO_VERSION);
    lab_history_end(ZC_OK, world_check_page(number, page));
    return ZC_OK;
}

zc_status world_swap_off(void)
{
    zc_status status;

    WORLD_ENTER("zc_swap_off(0)");
    status = zc_swap_off(world.cache, 0, bring_home, NULL);
    world_leave();
    return status;
}
