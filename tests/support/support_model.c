/* SPDX-License-Identifier: MIT */
/* support_model.c - a cache against a plain array. */
#include "support_model.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/inject.h"

#define TYPES 3
#define NEAR_PAGES 16 /* the longest zspage of kernel placement */

static uint64_t below(struct support_model *model, uint64_t count)
{
    return support_random_below(&model->random, count);
}

static void fail_model(const struct support_model *model, const char *what,
                       int is, int wanted)
{
    fail_msg("%s: seed 0x%" PRIx64 ", step %" PRIu64 ", %s: %s is %d, not %d",
             model->name, model->seed, model->step, model->operation, what, is,
             wanted);
}

static void check(const struct support_model *model, bool holds,
                  const char *what)
{
    if (!holds)
        fail_model(model, what, 0, 1);
}

static void check_status(const struct support_model *model, zc_status status,
                         zc_status wanted)
{
    if (status != wanted)
        fail_model(model, zc_status_name(wanted), (int)status, (int)wanted);
}

/*
 * A third of the slots are adjacent, a third are near the edges of leaves,
 * shards and blocks, the rest anywhere.
 */
static uint64_t offset_of(unsigned index)
{
    static const uint64_t edges[] = {
        UINT64_C(1) << 7,
        UINT64_C(1) << 14,
        UINT64_C(1) << 23,
        UINT64_C(1) << 32,
    };

    if (index < 20)
        return index;
    if (index < 32)
        return edges[index % 4] - 2 + index % 3;
    return UINT64_C(40503) * index * index + 1000;
}

static void choose_slots(struct support_model *model)
{
    unsigned i;

    for (i = 0; i < SUPPORT_MODEL_SLOTS; i++)
        model->slots[i].slot = zc_swp_make(i % TYPES, offset_of(i / TYPES));
}

void support_model_begin(struct support_model *model, const char *name,
                         enum support_over over, uint64_t seed)
{
    struct zc_cache_options options = support_cache_options(over);

    memset(model, 0, sizeof(*model));
    model->name = name;
    model->seed = seed;
    model->random.state = seed;
    model->operation = "create";
    support_use_halves();
    options.page_size = below(model, 4) == 0 ? 16384 : 4096;
    options.checksums = (unsigned)below(model, 2);
    options.no_same_filled = below(model, 8) == 0;
    options.context_count = 1 + (unsigned)below(model, 3);
    options.slot_count = (UINT64_C(1) << 32) + 10;
    options.chain_length =
        over == SUPPORT_OVER_KERNEL ? 4 + (unsigned)below(model, 13) : 0;
    model->cache = support_cache_create(&options);
    model->page_size = options.page_size;
    model->same_filled = options.no_same_filled == 0;
    model->can_compact = over == SUPPORT_OVER_DENSE ||
                         over == SUPPORT_OVER_KERNEL ||
                         over == SUPPORT_OVER_AGES;
    model->has_ages = over == SUPPORT_OVER_AGES;
    model->pool_has_limit = over != SUPPORT_OVER_BUMP;
    model->limit_pages = UINT64_MAX;
    choose_slots(model);
}

/* Was a failure injected since `before`? */
static bool has_failed(uint32_t before)
{
    return zc_inject_failures() != before;
}

static struct support_model_slot *choose(struct support_model *model)
{
    return &model->slots[below(model, SUPPORT_MODEL_SLOTS)];
}

/* A random slot, in most cases one with a page. */
static struct support_model_slot *choose_stored(struct support_model *model)
{
    unsigned attempts = 1 + (unsigned)below(model, 8);
    struct support_model_slot *slot = choose(model);

    while (!slot->stored && --attempts > 0)
        slot = choose(model);
    return slot;
}

static uint64_t pages_of(const struct support_model *model)
{
    return support_cache_stat(model->cache, pool_total_size) / model->page_size;
}

/* Is the pool above the threshold, also without its kept pages? */
static bool is_above_threshold(const struct support_model *model)
{
    const struct zc_zspool *pool = zc_cache_zspool(model->cache);

    return pages_of(model) > model->threshold_pages &&
           (pool == NULL ||
            zc_zspool_used_pages(pool) > model->threshold_pages);
}

/* zswap's hysteresis, written a second time: is a page that needs an object
 * refused without an attempt? */
static bool is_refused(struct support_model *model)
{
    const uint64_t pages = pages_of(model);
    bool is_over;

    if (model->limit_pages == UINT64_MAX)
        return false;
    is_over = model->pool_has_limit ? pages > model->limit_pages
                                    : pages >= model->limit_pages;
    if (!is_over && model->is_full)
        model->is_full = is_above_threshold(model);
    if (is_over || (model->is_full && pages == model->limit_pages)) {
        model->wanted.pool_limit_hit++;
        model->is_full = true;
    }
    if (model->is_full)
        model->wanted.reject_pool_limit++;
    return model->is_full;
}

/* Only the pool knows whether an object needs another page. */
static bool is_near_limit(const struct support_model *model, uint64_t pages)
{
    return model->pool_has_limit && model->limit_pages != UINT64_MAX &&
           pages + NEAR_PAGES > model->limit_pages;
}

static bool needs_object(const struct support_model *model,
                         enum support_kind kind)
{
    return !model->same_filled ||
           (kind != SUPPORT_ZERO && kind != SUPPORT_SAME);
}

static void do_store(struct support_model *model)
{
    struct support_model_slot *slot = choose(model);
    enum support_kind kind =
        (enum support_kind)below(model, SUPPORT_KIND_COUNT);
    uint64_t seed = support_random_next(&model->random);
    bool refused = needs_object(model, kind) && is_refused(model);
    uint32_t failures = zc_inject_failures();
    uint64_t pages = pages_of(model);
    zc_status status;

    model->operation = "store";
    status = support_try_store(model->cache, slot->slot, kind, seed);
    if (refused) {
        check_status(model, status, ZC_REJECTED);
    } else if (status == ZC_REJECTED) {
        check(model, needs_object(model, kind), "an object that is refused");
        check(model, is_near_limit(model, pages), "a limit that is near");
        model->wanted.pool_limit_hit++;
        model->wanted.reject_pool_limit++;
        model->is_full = true;
    } else if (status != ZC_OK) {
        check_status(model, status, ZC_NO_MEMORY);
        check(model, has_failed(failures), "a reason to fail");
    }
    if (slot->stored)
        model->wanted.replaced_pages++;
    if (status == ZC_OK)
        model->wanted.zswpout++;
    slot->stored = status == ZC_OK;
    slot->kind = kind;
    slot->seed = seed;
}

static void do_read(struct support_model *model, bool is_take)
{
    struct support_model_slot *slot = choose_stored(model);
    uint32_t failures = zc_inject_failures();
    char page[ZC_PAGE_SIZE_MAX];
    zc_status status;

    model->operation = is_take ? "take" : "load";
    status = is_take ? zc_cache_take(model->cache, slot->slot, page)
                     : zc_cache_load(model->cache, slot->slot, page);
    if (!slot->stored) {
        check_status(model, status, ZC_MISSING);
        return;
    }
    if (status == ZC_CORRUPT && has_failed(failures)) {
        model->wanted.decompress_fail++;
        return;
    }
    check_status(model, status, ZC_OK);
    check(model,
          support_is_page(page, model->page_size, slot->kind, slot->seed),
          "the page that was stored");
    model->wanted.zswpin++;
    if (is_take)
        slot->stored = false;
}

static void do_invalidate(struct support_model *model)
{
    struct support_model_slot *slot = choose_stored(model);

    model->operation = "invalidate";
    check_status(model, zc_cache_invalidate(model->cache, slot->slot),
                 slot->stored ? ZC_OK : ZC_MISSING);
    if (slot->stored)
        model->wanted.invalidated_pages++;
    slot->stored = false;
}

static void forget_range(struct support_model *model, unsigned type,
                         uint64_t first, uint64_t count)
{
    struct support_model_slot *slot;
    uint64_t offset;
    unsigned i;

    for (i = 0; i < SUPPORT_MODEL_SLOTS; i++) {
        slot = &model->slots[i];
        offset = zc_swp_offset(slot->slot);
        if (!slot->stored || zc_swp_type(slot->slot) != type ||
            offset < first || offset - first >= count)
            continue;
        model->wanted.invalidated_pages++;
        slot->stored = false;
    }
}

/* Both ends are slots of the model, so that edges are hit exactly. */
static void do_invalidate_range(struct support_model *model)
{
    zc_swp first = choose(model)->slot;
    uint64_t last = zc_swp_offset(choose(model)->slot);
    uint64_t offset = zc_swp_offset(first);
    uint64_t count = last >= offset ? last - offset : below(model, 4);

    model->operation = "invalidate_range";
    if (below(model, 16) == 0)
        check_status(model,
                     zc_cache_invalidate_range(model->cache, first,
                                               (UINT64_C(1) << 32) + 11 -
                                                   offset + below(model, 9)),
                     ZC_INVALID);
    check_status(model, zc_cache_invalidate_range(model->cache, first, count),
                 ZC_OK);
    forget_range(model, zc_swp_type(first), offset, count);
}

static void do_invalidate_type(struct support_model *model)
{
    unsigned type = (unsigned)below(model, TYPES + 1);

    model->operation = "invalidate_type";
    check_status(model, zc_cache_invalidate_type(model->cache, type), ZC_OK);
    forget_range(model, type, 0, UINT64_MAX);
}

static void do_compact(struct support_model *model)
{
    const struct zc_compact_budget budget = {
        .struct_size = sizeof(budget),
        .objects = below(model, 30),
    };
    zc_status status = zc_cache_compact(
        model->cache, below(model, 2) == 0 ? NULL : &budget, NULL);

    model->operation = "compact";
    if (!model->can_compact)
        check_status(model, status, ZC_UNSUPPORTED);
    else if (status != ZC_AGAIN)
        check_status(model, status, ZC_OK);
}

static void do_set_compressor(struct support_model *model)
{
    static const struct {
        const char *name;
        int level;
        zc_status refusal;
    } settings[] = {
        {"lz4", 0, ZC_OK},       {"lz4", 9, ZC_OK},
        {"copy", 0, ZC_OK},      {"halves", 0, ZC_OK},
        {"halves", 7, ZC_OK},    {"none", 0, ZC_UNSUPPORTED},
        {"copy", 1, ZC_INVALID}, {NULL, 0, ZC_OK},
#ifdef ZC_WITH_ZSTD
        {"zstd", -7, ZC_OK},     {"zstd", 20, ZC_INVALID},
#endif
    };
    size_t i = (size_t)below(model, sizeof(settings) / sizeof(settings[0]));
    uint32_t failures = zc_inject_failures();
    zc_status status = zc_cache_set_compressor(model->cache, settings[i].name,
                                               settings[i].level);

    model->operation = "set_compressor";
    if (settings[i].refusal != ZC_OK)
        check_status(model, status, settings[i].refusal);
    else if (!has_failed(failures))
        check_status(model, status, ZC_OK);
    else if (status != ZC_OK)
        check_status(model, status, ZC_NO_MEMORY);
}

/* What a recompression did, whatever it returned. */
static void check_recompressed(struct support_model *model,
                               const struct zc_cache_stats *before,
                               uint64_t budget, bool may_fail)
{
    const struct zc_cache_stats is = support_cache_stats(model->cache);
    const uint64_t smaller = is.recompressed_pages - before->recompressed_pages;
    const uint64_t failed = is.recompress_fail - before->recompress_fail;
    const uint64_t tried = smaller + failed + is.recompress_poor -
                           before->recompress_poor;

    check(model, is.recompress_stale == 0, "another thread");
    check(model, budget == 0 || tried <= budget, "a budget that is kept");
    check(model, failed == 0 || may_fail, "a reason to fail");
    check(model, is.stored_pages == before->stored_pages, "stored pages");
    check(model,
          smaller == 0 ? is.payload_bytes == before->payload_bytes
                       : is.payload_bytes < before->payload_bytes,
          "fewer bytes");
    check(model,
          is.pool_total_size <= before->pool_total_size ||
              is.pool_total_size / model->page_size <= model->limit_pages,
          "a pool within its limit");
    model->wanted.decompress_fail += is.decompress_fail -
                                     before->decompress_fail;
}

static void do_recompress(struct support_model *model)
{
    static const char *const names[] = {"lz4", "halves", "copy", "lz4hc", NULL};
    const struct zc_cache_stats before = support_cache_stats(model->cache);
    const uint32_t failures = zc_inject_failures();
    const struct zc_recompress_options options = {
        .struct_size = sizeof(options),
        .compressor_name = names[below(model, sizeof(names) / sizeof(*names))],
        .budget_pages = below(model, 2) * below(model, 30),
        .min_age_seconds = below(model, 8) == 0 ? ZC_AGE_SECONDS_MAX : 0,
        .retry = (unsigned)below(model, 2),
    };
    uint64_t pages = 0;
    zc_status status = zc_cache_recompress(model->cache, &options, &pages);

    model->operation = "recompress";
    if (status == ZC_NO_MEMORY) {
        check(model, has_failed(failures), "a reason to fail");
    } else if (options.min_age_seconds != 0) {
        check_status(model, status, model->has_ages ? ZC_OK : ZC_UNSUPPORTED);
        check(model, pages == 0, "pages that are too young");
    } else if (status != ZC_AGAIN) {
        check_status(model, status, ZC_OK);
    }
    check_recompressed(model, &before, options.budget_pages,
                       model->limit_pages != UINT64_MAX ||
                           has_failed(failures));
}

static void do_set_limit(struct support_model *model)
{
    uint64_t pages = pages_of(model);
    uint64_t limit = below(model, 3) > 0 ? 0 : 1 + below(model, 2 * pages + 8);
    unsigned percent = 20 + (unsigned)below(model, 81);

    model->operation = "set_limit";
    check_status(
        model,
        zc_cache_set_limit(model->cache, limit * model->page_size, percent),
        ZC_OK);
    model->limit_pages = limit == 0 ? UINT64_MAX : limit;
    model->threshold_pages = limit * percent / 100;
}

void support_model_step(struct support_model *model)
{
    uint64_t choice = below(model, 100);

    model->step++;
    if (choice < 45)
        do_store(model);
    else if (choice < 65)
        do_read(model, false);
    else if (choice < 75)
        do_read(model, true);
    else if (choice < 85)
        do_invalidate(model);
    else if (choice < 88)
        do_invalidate_range(model);
    else if (choice < 89)
        do_invalidate_type(model);
    else if (choice < 94)
        do_compact(model);
    else if (choice < 96)
        do_set_compressor(model);
    else if (choice < 98)
        do_recompress(model);
    else
        do_set_limit(model);
}

static void check_counters(struct support_model *model)
{
    const struct zc_cache_stats is = support_cache_stats(model->cache);
    const struct zc_cache_stats *wanted = &model->wanted;
    uint64_t stored = 0;
    uint64_t same = 0;
    uint64_t raw = 0;
    unsigned i;

    for (i = 0; i < SUPPORT_MODEL_SLOTS; i++) {
        if (!model->slots[i].stored)
            continue;
        stored++;
        if (model->slots[i].kind == SUPPORT_NOISE)
            raw++;
        if (model->slots[i].kind == SUPPORT_ZERO ||
            model->slots[i].kind == SUPPORT_SAME)
            same += model->same_filled ? 1 : 0;
    }
    check(model, is.stored_pages == stored, "stored_pages");
    check(model, is.same_filled_pages == same, "same_filled_pages");
    check(model, is.stored_incompressible_pages >= raw, "incompressible");
    check(model, is.raw_pages >= is.stored_incompressible_pages, "raw pages");
    check(model, is.raw_pages <= stored - same, "raw pages");
    check(model, is.payload_bytes >= raw * model->page_size, "payload_bytes");
    check(model, is.pool_total_size >= is.payload_bytes, "pool_total_size");
    check(model, is.zswpout == wanted->zswpout, "zswpout");
    check(model, is.zswpin == wanted->zswpin, "zswpin");
    check(model, is.replaced_pages == wanted->replaced_pages, "replaced");
    check(model, is.invalidated_pages == wanted->invalidated_pages,
          "invalidated");
    check(model, is.pool_limit_hit == wanted->pool_limit_hit, "limit hits");
    check(model, is.reject_pool_limit == wanted->reject_pool_limit, "refusals");
    check(model, is.decompress_fail == wanted->decompress_fail, "damage");
    check(model, is.take_retries == 0, "take_retries");
    check(model, is.generations >= 1 && is.generations <= 9, "generations");
}

void support_model_check(struct support_model *model)
{
    char page[ZC_PAGE_SIZE_MAX];
    struct support_model_slot *slot;
    zc_status status;
    unsigned i;

    model->operation = "check";
    check_counters(model);
    for (i = 0; i < SUPPORT_MODEL_SLOTS; i++) {
        slot = &model->slots[i];
        status = zc_cache_load(model->cache, slot->slot, page);
        check_status(model, status, slot->stored ? ZC_OK : ZC_MISSING);
        if (!slot->stored)
            continue;
        model->wanted.zswpin++;
        check(model,
              support_is_page(page, model->page_size, slot->kind, slot->seed),
              "the page that was stored");
    }
}

void support_model_end(struct support_model *model)
{
    unsigned type;

    support_model_check(model);
    for (type = 0; type < TYPES; type++)
        check_status(model, zc_cache_invalidate_type(model->cache, type),
                     ZC_OK);
    support_expect_empty(model->cache);
    zc_cache_destroy(model->cache);
}
