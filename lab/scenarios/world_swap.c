/* SPDX-License-Identifier: MIT */
/* world_swap.c - a cache with a device, and the calls on it. */
#include <zcache/compressor.h>
#include <zcache/swap.h>

#include "cache/cache.h"
#include "lab_platform.h"
#include "oracle/history.h"
#include "rules.h"
#include "swap.h"
#include "world_internal.h"
#include "zswap.h"

/* The version that lru_mode drop dropped last. */
static unsigned dropped[LAB_THREADS];

static void note_dropped(void *context, zc_swp slot, const void *page)
{
    (void)context;
    dropped[lab_thread()] =
        page == NULL ? LAB_NO_VERSION
                     : world_check_page((unsigned)zc_swp_offset(slot), page);
}

static bool tells_pages;

static void make_cache(const char *compressor, unsigned placement,
                       unsigned lru_mode)
{
    const bool drops = lru_mode == ZC_LRU_DROP;

    world_must(
        zc_cache_create(
            ZC_CACHE_OPTIONS(.page_size = WORLD_PAGE, .placement = placement,
                             .segment_bytes = WORLD_SEGMENT_PAGES * WORLD_PAGE,
                             .group_count = 1, .slot_count = WORLD_SLOTS,
                             .context_count = 1, .no_same_filled = 1,
                             .compressor_name = compressor,
                             .lru_mode = lru_mode,
                             .dropped = drops ? note_dropped : NULL,
                             .dropped_pages = drops && tells_pages),
            &world.cache),
        "no cache");
}

zc_status world_device_on(unsigned workers)
{
    zc_status status;
    unsigned type;

    WORLD_ENTER("zc_swap_on()");
    status =
        zc_swap_on(world.cache, ZC_SWAP_OPTIONS(.io_workers = workers), &type);
    if (status != ZC_BUSY) /* another change is under way */
        world_must(status, "no device");
    world_leave();
    return status;
}

static void make_disk(const char *compressor, unsigned placement,
                      unsigned lru_mode)
{
    make_cache(compressor, placement, lru_mode);
    world_must(world_device_on(0), "no device");
}

void world_lru_cache(void)
{
    make_cache("lz4", ZC_PLACEMENT_KERNEL, ZC_LRU_ENTRY);
}

void world_drop_cache(bool with_pages)
{
    tells_pages = with_pages;
    make_cache("lz4", ZC_PLACEMENT_KERNEL, ZC_LRU_DROP);
}

void world_disk(void)
{
    make_disk("lz4", ZC_PLACEMENT_KERNEL, ZC_LRU_ENTRY);
}

void world_disk_of_zspages(enum zc_placement placement)
{
    make_disk("lz4", placement, ZC_LRU_ZSPAGE);
}

void world_disk_one_context(void)
{
    static struct zc_compressor own;

    if (own.name == NULL) {
        own = *zc_compressor_find("lz4");
        own.name = "lz4-by-context";
        own.flags = 0;
    }
    /* An earlier execution of this process may have registered it. */
    if (zc_compressor_find(own.name) != &own)
        world_must(zc_compressor_register(&own), "no compressor");
    make_disk(own.name, ZC_PLACEMENT_KERNEL, ZC_LRU_ENTRY);
}

void world_limit(void)
{
    const struct zc_owner *owner =
        zc_lru_find_owner(&world.cache->zswap.lru, 0);
    const struct zc_owner_options options = {
        .struct_size = sizeof(options),
        .limit_bytes = zc_striped_sum(&owner->charged_bytes),
    };

    world_must(zc_cache_set_owner(world.cache, 0, &options), "no limit");
}

void world_make_cold(void)
{
    struct zc_lru *lru = &world.cache->zswap.lru;
    struct zc_lru_candidate candidate;
    uint32_t count = zc_lru_count(lru, 0);

    while (count-- > 0)
        (void)zc_lru_scan(lru, 0, 0, &candidate);
}

void world_grow_old(unsigned seconds)
{
    zc_clock_advance(seconds);
}

void world_write_older(unsigned seconds)
{
    const struct zc_writeback_options options = {
        .struct_size = sizeof(options),
        .min_age_seconds = seconds,
    };

    WORLD_ENTER("zc_cache_writeback(%u s)", seconds);
    (void)zc_cache_writeback(world.cache, &options, NULL);
    world_leave();
}

static zc_status choose(struct zc_lru_candidate *candidate_out)
{
    zc_status status = ZC_AGAIN;

    while (status == ZC_AGAIN)
        status = zc_lru_scan(&world.cache->zswap.lru, 0, 0, candidate_out);
    return status;
}

static zc_status write_back(const struct zc_lru_candidate *candidate)
{
    struct zc_cache *cache = world.cache;
    struct zc_zswap_token token = {.by_handle = false};
    zc_status status;

    token.index = candidate->token;
    WORLD_ENTER("zc_writeback_page(0:%u)",
                (unsigned)zc_swp_offset(candidate->slot));
    status = zc_writeback_page(&cache->pageio, NULL, candidate->slot, &token);
    if (status != ZC_OK && !ZC_RULE(CANDIDATE_ROTATED))
        lab_broken_put_back(&cache->zswap.lru, candidate);
    world_leave();
    return status;
}

zc_status world_writeback(void)
{
    struct zc_lru_candidate candidate;
    zc_status status;

    WORLD_ENTER("shrink");
    status = choose(&candidate);
    if (status == ZC_OK)
        status = write_back(&candidate);
    world_leave();
    return status;
}

/* What a shrink does with an object of a zspage; after one that it cannot write
 * back, nothing. */
static zc_status evict(void *context, zc_handle handle)
{
    const struct zc_zswap_token token = {.by_handle = true, .handle = handle};
    struct zc_cache *cache = world.cache;
    bool *has_failed = context;
    zc_status status;
    zc_swp slot;

    if (*has_failed)
        return ZC_BUSY;
    WORLD_ENTER("evict");
    status = zc_zswap_slot_of(&cache->zswap, handle, &slot);
    if (status == ZC_OK)
        status = zc_writeback_page(&cache->pageio, NULL, slot, &token);
    if (status == ZC_STALE || status == ZC_MISSING)
        status = ZC_OK;
    *has_failed = status != ZC_OK;
    world_leave();
    return status;
}

void world_reclaim(void)
{
    bool has_failed = false;

    WORLD_ENTER("zc_zspool_reclaim()");
    (void)zc_zspool_reclaim(zc_cache_zspool(world.cache), evict, &has_failed, 1,
                            NULL);
    world_leave();
}

void world_choose(void)
{
    world_must(choose(&world.candidate), "no candidate");
}

zc_status world_write_candidate(void)
{
    return write_back(&world.candidate);
}

zc_status world_drop_candidate(void)
{
    const struct zc_lru_candidate *candidate = &world.candidate;
    const struct zc_zswap_token token = {.index = candidate->token};
    const unsigned slot = (unsigned)zc_swp_offset(candidate->slot);
    zc_status status;

    WORLD_ENTER("zc_zswap_discard(0:%u)", slot);
    lab_history_begin(tells_pages ? LAB_TAKE : LAB_INVALIDATE, slot,
                      LAB_NO_VERSION);
    status = zc_zswap_discard(&world.cache->zswap, candidate->slot, &token);
    /* What another thread had first is no answer. */
    lab_history_end(status == ZC_OK ? ZC_OK : ZC_BUSY, dropped[lab_thread()]);
    world_leave();
    return status;
}

void world_store_cold(unsigned slot, unsigned version)
{
    (void)world_store(slot, version);
    world_make_cold();
    world_must(world_writeback(), "no writeback");
}

/* The page belongs to the embedder from now on, as after a take. */
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
