/* SPDX-License-Identifier: MIT */
/*
 * store_context.c - two stores, or two loads, at once: with one compressor
 * context, whose memory has one page at a time; of one entry; or as the first
 * ones of a cache, when nothing is there yet.
 */
#include <string.h>

#include <zcache/compressor.h>

#include "cache/cache.h"
#include "oracle/history.h"
#include "platform/annotate_memory.h"
#include "platform/memory.h"
#include "world_internal.h"

static void setup(void)
{
    world_cache_of_contexts(1);
    (void)world_store(1, 1);
    (void)world_store(2, 1);
    world_watch_cache();
}

static void store_one(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static void store_two(void *context)
{
    (void)context;
    (void)world_store(2, 2);
}

static void load_both(void)
{
    (void)world_load(1);
    (void)world_load(2);
}

static const struct world_case own = {
    .setup = setup,
    .finish = load_both,
    .opening = "zc_cache_store(0:1), zc_cache_store(0:2)"};

static const struct lab_actor actors[] = {
    {"zc_cache_store(0:1)", store_one},
    {"zc_cache_store(0:2)", store_two},
};

const struct lab_scenario scenario_store_context = {
    .summary = "store || store with one compressor context",
    .program = {WORLD_PROGRAM("store-context", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A store has compressed its page into the buffer of its context "
             "and not yet copied it; another store compresses there.",
    .origin = "this library: the mutex of a compressor context",
};

/* --- loads ----------------------------------------------------------- */

static const struct zc_compressor *lz4(void)
{
    return zc_compressor_find("lz4");
}

/* LZ4 that decompresses into its context first. */
struct own_context {
    void *lz4;
    char page[WORLD_PAGE];
};

static zc_status create_context(const struct zc_compressor *self,
                                size_t page_size, int level, void **context_out)
{
    struct own_context *mine = zc_malloc(sizeof(*mine));

    (void)self;
    if (mine == NULL)
        return ZC_NO_MEMORY;
    *context_out = mine;
    return lz4()->context_create(lz4(), page_size, level, &mine->lz4);
}

static void destroy_context(void *context)
{
    lz4()->context_destroy(((struct own_context *)context)->lz4);
    zc_free(context);
}

static zc_status compress(void *context, int level, const void *page,
                          size_t page_size, void *data_out, size_t capacity,
                          size_t *size_out)
{
    return lz4()->compress(((struct own_context *)context)->lz4, level, page,
                           page_size, data_out, capacity, size_out);
}

static zc_status decompress(void *context, const void *data, size_t size,
                            void *page_out, size_t page_size)
{
    struct own_context *mine = context;
    zc_status status =
        lz4()->decompress(mine->lz4, data, size, mine->page, page_size);

    zc_annotate_write_begin(mine->page, 1, "copy from the context");
    memcpy(page_out, mine->page, page_size);
    return status;
}

static const struct zc_compressor by_context = {
    .struct_size = sizeof(by_context),
    .name = "lz4-in-context",
    .context_create = create_context,
    .context_destroy = destroy_context,
    .compress = compress,
    .decompress = decompress,
};

static void make_cache(const char *compressor, unsigned contexts)
{
    world_must(
        zc_cache_create(ZC_CACHE_OPTIONS(.page_size = WORLD_PAGE,
                                         .placement = ZC_PLACEMENT_KERNEL,
                                         .slot_count = WORLD_SLOTS,
                                         .context_count = contexts,
                                         .no_same_filled = 1,
                                         .compressor_name = compressor,
                                         .lru_mode = ZC_LRU_ENTRY),
                        &world.cache),
        "no cache");
}

static void setup_one_context(void)
{
    if (zc_compressor_find(by_context.name) == NULL)
        world_must(zc_compressor_register(&by_context), "no compressor");
    make_cache(by_context.name, 1);
    (void)world_store(1, 1);
    (void)world_store(2, 1);
    world_watch_cache();
}

static void setup_aged(void)
{
    world_lru_cache();
    (void)world_store(1, 1);
    world_watch_cache();
}

static void load_one(void *context)
{
    (void)context;
    (void)world_load(1);
}

static void load_two(void *context)
{
    (void)context;
    (void)world_load(2);
}

static void load_again(void)
{
    (void)world_load(1);
}

static const struct world_case with_context = {
    .setup = setup_one_context,
    .finish = load_both,
    .opening = "zc_cache_store(0:1), zc_cache_store(0:2)"};
static const struct world_case aged = {.setup = setup_aged,
                                       .finish = load_again,
                                       .opening = "zc_cache_store(0:1)"};

static const struct lab_actor two_pages[] = {
    {"zc_cache_load(0:1)", load_one},
    {"zc_cache_load(0:2)", load_two},
};
static const struct lab_actor one_page[] = {
    {"zc_cache_load(0:1)", load_one},
    {"zc_cache_load(0:1)", load_one},
};

const struct lab_scenario scenario_load_context = {
    .summary = "load || load with one compressor context",
    .program = {WORLD_PROGRAM("load-context", two_pages, &with_context),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = 1,
    .story = "A load has decompressed its page into the memory of a context "
             "and not yet copied it; another load decompresses there.",
    .origin = "this library: the mutex of a compressor context",
};

const struct lab_scenario scenario_load_load = {
    .summary = "load || load of one page, with an LRU",
    .program = {WORLD_PROGRAM("load-load", one_page, &aged), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two loads drop their references, each in one word with the age "
             "of the entry.",
    .origin = "this library: a reference and the age of an entry are one word",
};

/* --- the first stores ------------------------------------------------ */

static void setup_new(void)
{
    make_cache("lz4", 2);
}

static void store_for(unsigned owner, unsigned slot)
{
    zc_status status;

    WORLD_ENTER("zc_cache_store_for(%u, 0:%u)", owner, slot);
    lab_history_begin(LAB_STORE, slot, 1);
    status = zc_cache_store_for(world.cache, owner, zc_swp_make(0, slot),
                                world_page(slot, 1));
    world_must(status, "store failed");
    lab_history_end(status, 1);
    world_leave();
}

static void store_first(void *context)
{
    (void)context;
    store_for(1, 1);
}

static void store_first_two(void *context)
{
    (void)context;
    store_for(1, 2);
    store_for(2, 3);
}

/* A shrink finds the pages of both owners. */
static void look_for_owners(void)
{
    unsigned owner = 0;

    if (!zc_lru_next_owner(&world.cache->zswap.lru, &owner) || owner != 1 ||
        !zc_lru_next_owner(&world.cache->zswap.lru, &owner) || owner != 2)
        lab_fail("owner forgotten", "owner %u", owner);
    load_both();
    (void)world_load(3);
}

static const struct world_case none_yet = {.setup = setup_new,
                                           .finish = look_for_owners};
static const struct lab_actor first_ones[] = {
    {"zc_cache_store_for(1, 0:1)", store_first},
    {"store_for(1, 0:2), (2, 0:3)", store_first_two},
};

const struct lab_scenario scenario_store_first = {
    .summary = "store || store, store: the first ones of two owners",
    .program = {WORLD_PROGRAM("store-first", first_ones, &none_yet),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = 1,
    .story = "Two threads make what is not there yet: a shard, a block of "
             "links, the record of an owner; one of each is published.",
    .origin = "this library: what is made once is published by an exchange",
};
