/* SPDX-License-Identifier: MIT */
/* zswap.c - a zc_zswap: init, destroy, options, limits. */
#include "zswap.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/options.h"
#include "platform/processor.h"

#define WRITES_MAX_DEFAULT 32

static void fill_in_defaults(struct zc_cache_options *options)
{
    if (options->page_size == 0)
        options->page_size = ZC_PAGE_SIZE_MIN;
    if (options->accept_threshold_percent == 0)
        options->accept_threshold_percent = ZC_ACCEPT_THRESHOLD_DEFAULT;
    if (options->compressor_name == NULL)
        options->compressor_name = zc_compressor_get(0)->name;
    if (options->context_count == 0)
        options->context_count = zc_processor_count();
    if (options->slot_count == 0)
        options->slot_count = ZC_SLOT_COUNT_DEFAULT;
    if (options->writes_max == 0)
        options->writes_max = WRITES_MAX_DEFAULT;
    if (options->lru_mode == ZC_LRU_DEFAULT)
        options->lru_mode = options->backing_path != NULL ? ZC_LRU_ENTRY
                                                          : ZC_LRU_NONE;
    if (options->pool_ops == NULL)
        options->pool_ops = &zc_pool_zspool;
}

/* The names of all compressors, as text. */
static void list_compressors(char *text_out, size_t size)
{
    const struct zc_compressor *compressor;
    size_t length = 0;
    unsigned i;

    text_out[0] = '\0';
    for (i = 0; (compressor = zc_compressor_get(i)) != NULL && length < size;
         i++)
        length += (size_t)snprintf(text_out + length, size - length, "%s%s",
                                   i == 0 ? "" : ", ", compressor->name);
}

zc_status zc_zswap_check_compressor(const char *name, int level, char *reason,
                                    size_t reason_size)
{
    const struct zc_compressor *compressor = zc_compressor_find(name);
    char names[ZC_REASON_SIZE / 2];

    if (compressor == NULL) {
        list_compressors(names, sizeof(names));
        return zc_refuse(reason, reason_size, ZC_UNSUPPORTED,
                         "compressor_name: there is no \"%.*s\", but %s",
                         ZC_COMPRESSOR_NAME_MAX, name, names);
    }
    if (level != ZC_LEVEL_DEFAULT &&
        (level < compressor->level_min || level > compressor->level_max))
        return zc_refuse(reason, reason_size, ZC_INVALID,
                         "compressor_level: %d is not from %d to %d, as %s "
                         "has them",
                         level, compressor->level_min, compressor->level_max,
                         compressor->name);
    return ZC_OK;
}

/* Whether a table has the function: an older, shorter table has no field for
 * it. */
#define HAS(ops, function)                                                     \
    ((ops)->struct_size >=                                                     \
         offsetof(struct zc_pool_ops, function) + sizeof((ops)->function) &&   \
     (ops)->function != NULL)

static bool is_complete(const struct zc_pool_ops *ops)
{
    return ops->struct_size >= offsetof(struct zc_pool_ops, reclaim) &&
           ops->create != NULL && ops->destroy != NULL && ops->put != NULL &&
           ops->free != NULL && ops->read_begin != NULL &&
           ops->read_end != NULL && ops->page_count != NULL &&
           ops->usage != NULL;
}

static zc_status check_pool_ops(const struct zc_cache_options *options)
{
    if (!is_complete(options->pool_ops))
        return ZC_REFUSE(options, ZC_INVALID,
                         "pool_ops: its struct_size is too small, or a "
                         "function that every pool has is NULL");
    if (options->lru_mode == ZC_LRU_ZSPAGE && !HAS(options->pool_ops, reclaim))
        return ZC_REFUSE(options, ZC_INVALID,
                         "lru_mode: %d (zspage) needs a pool that can reclaim; "
                         "pool_ops cannot",
                         ZC_LRU_ZSPAGE);
    /* A pool with a limit of its own checks the limit itself. */
    if (!HAS(options->pool_ops, set_limit) && options->limit_bytes != 0 &&
        options->limit_bytes < options->page_size)
        return ZC_REFUSE(options, ZC_INVALID,
                         "limit_bytes: %" PRIu64 " is less than %zu, one page; "
                         "0 means no limit",
                         options->limit_bytes, options->page_size);
    return ZC_OK;
}

static zc_status check_switches(const struct zc_cache_options *options)
{
    const struct {
        const char *name;
        unsigned value;
    } switches[] = {
        {"checksums", options->checksums},
        {"shrink_worker", options->shrink_worker},
        {"dropped_pages", options->dropped_pages},
    };
    size_t i;

    for (i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        if (switches[i].value > 1)
            return ZC_REFUSE(options, ZC_INVALID, "%s: %u is not 0 or 1",
                             switches[i].name, switches[i].value);
    return ZC_OK;
}

static zc_status check_shrinking(const struct zc_cache_options *options)
{
    if (options->shrink_policy > ZC_SHRINK_PROACTIVE)
        return ZC_REFUSE(options, ZC_INVALID,
                         "shrink_policy: %u is not from 0 to %d, enum "
                         "zc_shrink_policy",
                         options->shrink_policy, ZC_SHRINK_PROACTIVE);
    if (options->shrink_compact > ZC_SHRINK_COMPACT_ON)
        return ZC_REFUSE(options, ZC_INVALID,
                         "shrink_compact: %u is not from 0 to %d, enum "
                         "zc_shrink_compact",
                         options->shrink_compact, ZC_SHRINK_COMPACT_ON);
    return ZC_OK;
}

static zc_status check_drop(const struct zc_cache_options *options)
{
    const bool drops = options->lru_mode == ZC_LRU_DROP;

    if (drops && options->backing_path != NULL)
        return ZC_REFUSE(options, ZC_INVALID,
                         "backing_path: lru_mode %d (drop) has no device",
                         ZC_LRU_DROP);
    if (!drops && options->dropped != NULL)
        return ZC_REFUSE(options, ZC_INVALID,
                         "dropped: needs lru_mode %d (drop), which is %u",
                         ZC_LRU_DROP, options->lru_mode);
    return ZC_OK;
}

static zc_status check_ranges(const struct zc_cache_options *options)
{
    size_t page_size = options->page_size;

    if (zc_options_check_page_size(&page_size) != ZC_OK)
        return ZC_REFUSE(options, ZC_INVALID,
                         "page_size: %zu is not a power of two from %d to %d",
                         options->page_size, ZC_PAGE_SIZE_MIN,
                         ZC_PAGE_SIZE_MAX);
    if (options->accept_threshold_percent > 100)
        return ZC_REFUSE(options, ZC_INVALID,
                         "accept_threshold_percent: %u is not from 1 to 100",
                         options->accept_threshold_percent);
    if (options->context_count > ZC_CONTEXT_COUNT_MAX)
        return ZC_REFUSE(options, ZC_INVALID,
                         "context_count: %u is not from 1 to %d",
                         options->context_count, ZC_CONTEXT_COUNT_MAX);
    if (options->slot_count > ZC_SLOT_COUNT_MAX)
        return ZC_REFUSE(options, ZC_INVALID,
                         "slot_count: %" PRIu64 " is not from 1 to %" PRIu64,
                         options->slot_count, ZC_SLOT_COUNT_MAX);
    if (options->lru_mode > ZC_LRU_DROP)
        return ZC_REFUSE(options, ZC_INVALID,
                         "lru_mode: %u is not from 0 to %d, enum zc_lru_mode",
                         options->lru_mode, ZC_LRU_DROP);
    if (options->no_same_filled > 2)
        return ZC_REFUSE(options, ZC_INVALID,
                         "no_same_filled: %u is not from 0 to 2",
                         options->no_same_filled);
    if (options->raw_from > options->page_size)
        return ZC_REFUSE(options, ZC_INVALID,
                         "raw_from: %zu is not from 0 to %zu, a page",
                         options->raw_from, options->page_size);
    return check_shrinking(options);
}

/* Options of the pool and of the device of backing_path are checked there. */
zc_status zc_zswap_check_options(struct zc_cache_options *options)
{
    zc_status status;

    fill_in_defaults(options);
    status = check_ranges(options);
    if (status == ZC_OK)
        status = check_switches(options);
    if (status == ZC_OK)
        status = check_drop(options);
    if (status == ZC_OK)
        status = zc_zswap_check_compressor(
            options->compressor_name, options->compressor_level,
            options->reason, options->reason_size);
    if (status == ZC_OK)
        status = check_pool_ops(options);
    return status;
}

static zc_status create_pool(struct zc_zswap *zswap,
                             const struct zc_cache_options *options)
{
    const struct zc_pool_ops *ops = options->pool_ops;
    struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = options->page_size,
        .placement = options->placement,
        .chain_length = options->chain_length,
        .segment_bytes = options->segment_bytes,
        .user = options->pool_user,
        .keep_lru = options->lru_mode == ZC_LRU_ZSPAGE,
        .limit_bytes = options->limit_bytes,
        .reason = options->reason,
        .reason_size = options->reason_size,
        .group_count = options->group_count,
    };
    zc_status status;

    zswap->pool_has_limit = HAS(ops, set_limit);
    zswap->entries.put_beyond = HAS(ops, put_beyond) ? ops->put_beyond
                                                     : ops->put;
    zswap->used_pages = HAS(ops, used_pages) ? ops->used_pages
                                             : ops->page_count;
    zswap->entries.zspool = NULL;
    if (ops == &zc_pool_zspool) {
        status = zc_zspool_create_for(&config, ZC_ENTRY_USER_BYTES,
                                      &zswap->entries.zspool);
        zswap->entries.pool = zswap->entries.zspool;
    } else {
        status = ops->create(&config, &zswap->entries.pool);
    }
    if (status != ZC_OK)
        return zc_refuse_for(options->reason, options->reason_size, status,
                             "the pool", ops->name);
    zswap->entries.pool_ops = ops;
    if (options->raw_from != 0)
        zswap->raw_from = options->raw_from;
    else if (ops->huge_class_size != NULL)
        zswap->raw_from = ops->huge_class_size(zswap->entries.pool);
    else
        zswap->raw_from = options->page_size;
    return ZC_OK;
}

static zc_status init_parts(struct zc_zswap *zswap,
                            const struct zc_cache_options *options)
{
    zc_status status;

    status = zc_generations_init(
        &zswap->generations, options->page_size, options->context_count,
        options->compressor_name, options->compressor_level);
    if (status != ZC_OK)
        return status;
    status = create_pool(zswap, options);
    if (status != ZC_OK)
        goto destroy_generations;
    zswap->entries.page_size = options->page_size;
    zswap->entries.checksums = options->checksums != 0;
    zswap->entries.stores_cold = zswap->drops;
    zswap->entries.keeps_ages = zswap->lru_mode == ZC_LRU_ENTRY;
    /* A pool of the user's has no records with the slot: see store.c. */
    zswap->entries.prefix_bytes = options->lru_mode == ZC_LRU_ZSPAGE &&
                                          zswap->entries.zspool == NULL
                                      ? sizeof(zc_swp)
                                      : 0;
    zswap->entries.generations = &zswap->generations;
    zswap->entries.lru = &zswap->lru;
    zswap->entries.clock = options->clock;
    zswap->entries.clock_user = options->clock_user;
    status = zc_lru_init(&zswap->lru, &zswap->entries);
    if (status != ZC_OK)
        goto destroy_pool;
    status = zc_entries_init(&zswap->entries);
    if (status != ZC_OK)
        goto destroy_lru;
    zc_tree_init(&zswap->tree, &zswap->entries, options->slot_count);
    return ZC_OK;

destroy_lru:
    zc_lru_destroy(&zswap->lru);
destroy_pool:
    zswap->entries.pool_ops->destroy(zswap->entries.pool);
destroy_generations:
    zc_generations_destroy(&zswap->generations);
    return status;
}

/* Divided first, so that no product overflows. */
static uint64_t percent_of(uint64_t pages, unsigned percent)
{
    return pages / 100 * percent + pages % 100 * percent / 100;
}

static void set_limit(struct zc_zswap *zswap, uint64_t limit_bytes,
                      unsigned accept_threshold_percent)
{
    const unsigned start_percent =
        accept_threshold_percent < 100 ? accept_threshold_percent + 1 : 100;
    uint64_t limit_pages = UINT64_MAX;
    uint64_t threshold_pages = UINT64_MAX;
    uint64_t start_pages = UINT64_MAX;

    if (limit_bytes != 0) {
        limit_pages = limit_bytes / zswap->page_size;
        threshold_pages = percent_of(limit_pages, accept_threshold_percent);
        start_pages = percent_of(limit_pages, start_percent);
    }
    zc_atomic_u64_store_relaxed(&zswap->limit_pages, limit_pages);
    zc_atomic_u64_store_relaxed(&zswap->threshold_pages, threshold_pages);
    zc_atomic_u64_store_relaxed(&zswap->start_pages, start_pages);
}

zc_status zc_zswap_init(struct zc_zswap *zswap,
                        const struct zc_cache_options *options)
{
    zc_status status;

    zswap->page_size = options->page_size;
    zswap->same_filled = options->no_same_filled == 0;
    zswap->zero_filled = options->no_same_filled == 2;
    zswap->is_proactive = options->shrink_policy == ZC_SHRINK_PROACTIVE;
    zswap->drops = options->lru_mode == ZC_LRU_DROP;
    zswap->lru_mode = zswap->drops ? ZC_LRU_ENTRY : options->lru_mode;
    zswap->dropped = options->dropped;
    zswap->dropped_user = options->dropped_user;
    zswap->tells_pages = options->dropped_pages != 0;
    set_limit(zswap, options->limit_bytes, options->accept_threshold_percent);
    status = zc_mutex_init(&zswap->limit_lock, ZC_RANK_LIMIT, "limit");
    if (status != ZC_OK)
        return status;
    status = init_parts(zswap, options);
    if (status != ZC_OK)
        zc_mutex_destroy(&zswap->limit_lock);
    return status;
}

/* Invalidates every page, and checks that nothing is left. */
static void forget_all(struct zc_zswap *zswap)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        zc_zswap_invalidate_range(zswap, type, 0, zswap->tree.slot_count);
        ZC_ASSERT(!zc_tree_has_type(&zswap->tree, type));
    }
    ZC_ASSERT(zc_zswap_stored_pages(zswap) == 0);
    ZC_ASSERT(zc_lru_is_empty(&zswap->lru));
    ZC_ASSERT(zc_generations_count(&zswap->generations) == 1);
}

void zc_zswap_drop(struct zc_zswap *zswap)
{
    zc_tree_destroy(&zswap->tree);
    zc_lru_destroy(&zswap->lru);
    zc_entries_destroy(&zswap->entries);
    zswap->entries.pool_ops->destroy(zswap->entries.pool);
    zc_generations_destroy(&zswap->generations);
    zc_mutex_destroy(&zswap->limit_lock);
}

void zc_zswap_leave(struct zc_zswap *zswap)
{
    /* A pool of the user's may take locks in destroy(), so it is not called:
     * its memory stays. */
    if (zswap->entries.zspool != NULL)
        zc_zspool_destroy(zswap->entries.zspool);
}

void zc_zswap_destroy(struct zc_zswap *zswap)
{
    /* A pool of the user's gets each object back before it is destroyed.  Ours
     * is destroyed with its objects: the time is that of its memory, and not
     * that of each page. */
    if (ZC_DEBUG_CHECKS || zswap->entries.zspool == NULL)
        forget_all(zswap);
    zc_zswap_drop(zswap);
}

void zc_zswap_apply_limit(struct zc_zswap *zswap, uint64_t limit_bytes,
                          unsigned accept_threshold_percent)
{
    const struct zc_entries *entries = &zswap->entries;

    zc_mutex_lock(&zswap->limit_lock);
    set_limit(zswap, limit_bytes, accept_threshold_percent);
    if (zswap->pool_has_limit)
        entries->pool_ops->set_limit(entries->pool, limit_bytes);
    zc_mutex_unlock(&zswap->limit_lock);
}

uint64_t zc_zswap_excess_pages(const struct zc_zswap *zswap)
{
    const struct zc_entries *entries = &zswap->entries;
    uint64_t threshold = zc_atomic_u64_load_relaxed(&zswap->threshold_pages);
    uint64_t pages = entries->pool_ops->page_count(entries->pool);

    if (pages <= threshold)
        return 0;
    if (pages <= zc_atomic_u64_load_relaxed(&zswap->limit_pages))
        pages = zswap->used_pages(entries->pool);
    return pages > threshold ? pages - threshold : 0;
}

bool zc_zswap_is_past_start(const struct zc_zswap *zswap)
{
    const struct zc_entries *entries = &zswap->entries;
    uint64_t start = zc_atomic_u64_load_relaxed(&zswap->start_pages);

    return entries->pool_ops->page_count(entries->pool) > start &&
           zswap->used_pages(entries->pool) > start;
}

bool zc_zswap_owner_forbids(const struct zc_zswap *zswap, unsigned owner)
{
    const struct zc_owner *record = zc_lru_find_owner(&zswap->lru, owner);

    return record != NULL &&
           zc_atomic_u32_load_relaxed(&record->no_writeback) != 0;
}

uint64_t zc_zswap_stored_pages(const struct zc_zswap *zswap)
{
    const struct zc_stats *stats = &zswap->stats;
    /* Read before ZSWPOUT: a page is counted in ZSWPOUT before it is counted
     * in one of these. */
    const uint64_t out = zc_stats_sum(stats, ZC_STAT_REPLACED) +
                         zc_stats_sum(stats, ZC_STAT_INVALIDATED) +
                         zc_stats_sum(stats, ZC_STAT_TAKEN) +
                         zc_stats_sum(stats, ZC_STAT_ZSWPWB) +
                         zc_stats_sum(stats, ZC_STAT_DROPPED);

    return zc_stats_sum(stats, ZC_STAT_ZSWPOUT) - out;
}

bool zc_zswap_has_type(struct zc_zswap *zswap, unsigned type)
{
    return zc_tree_has_type(&zswap->tree, type);
}
