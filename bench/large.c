/* SPDX-License-Identifier: MIT */
/*
 * large.c - the cost of an operation in a cache of millions of entries against
 * that in one of 40,000, less the same ratio of the codec alone, whose objects
 * are as far apart.
 *
 * Both caches exist at the same time and are measured in turns.  The pages of
 * the corpus repeat; every slot has its own object.
 */
#include "codec.h"
#include "json.h"
#include "options.h"
#include "resident.h"
#include "rounds.h"

#define SMALL_ENTRIES 40000
#define OPERATIONS_MAX (1u << 16) /* a round */

struct side {
    struct resident resident;
    struct resident_object *objects; /* in the order of the slots below */
    uint32_t *slots;
    uint32_t *sources; /* pages to store there */
};

static struct corpus corpus;
static uint32_t *pages;
static uint32_t page_count;
static uint32_t operations; /* a round */
static uint64_t random_state;
static unsigned char buffer[CODEC_BUFFER_BYTES];

static void make_side(struct side *side, unsigned placement, uint32_t entries)
{
    uint32_t i;

    resident_fill(&side->resident, placement, &corpus, pages, page_count,
                  entries);
    side->objects = map_memory(operations * sizeof(*side->objects));
    side->slots = map_memory(operations * sizeof(*side->slots));
    side->sources = map_memory(operations * sizeof(*side->sources));
    for (i = 0; i < operations; i++) {
        side->slots[i] = random_below(&random_state, entries);
        /* Pages of the small cache, so that the codec has the same work. */
        side->sources[i] = pages[i % page_count % SMALL_ENTRIES];
        side->objects[i] = resident_find(&side->resident, side->slots[i]);
    }
}

static void load_ours(void *context, uint32_t first, uint32_t count)
{
    struct side *side = context;
    uint32_t i;

    for (i = first; i < first + count; i++)
        must(zc_cache_load(side->resident.cache, zc_swp_make(0, side->slots[i]),
                           buffer),
             "zc_cache_load");
}

static void load_codec(void *context, uint32_t first, uint32_t count)
{
    struct side *side = context;
    uint32_t i;

    for (i = first; i < first + count; i++)
        codec_decompress(side->objects[i].data, side->objects[i].size, buffer);
}

static void store_ours(void *context, uint32_t first, uint32_t count)
{
    struct side *side = context;
    uint32_t i;

    for (i = first; i < first + count; i++)
        must(zc_cache_store(side->resident.cache,
                            zc_swp_make(0, side->slots[i]),
                            corpus_page(&corpus, side->sources[i])),
             "zc_cache_store");
}

static void store_codec(void *context, uint32_t first, uint32_t count)
{
    struct side *side = context;
    uint32_t i;

    for (i = first; i < first + count; i++)
        (void)codec_compress(corpus_page(&corpus, side->sources[i]), buffer);
}

static void measure(struct json *json, const char *key, unsigned rounds,
                    struct side *sides, rounds_work ours, rounds_work codec)
{
    struct rounds_result results[2];
    double our_loss;
    double codec_loss;

    rounds_run(&results[0], rounds, operations, NULL, ours, codec, &sides[0]);
    rounds_run(&results[1], rounds, operations, NULL, ours, codec, &sides[1]);
    our_loss = results[1].ours_ns / results[0].ours_ns;
    codec_loss = results[1].theirs_ns / results[0].theirs_ns;
    json_begin(json, key);
    rounds_json(json, "small", &results[0]);
    rounds_json(json, "large", &results[1]);
    json_real(json, "our_loss", our_loss);
    json_real(json, "codec_loss", codec_loss);
    json_real(json, "ratio", our_loss / codec_loss);
    json_end(json);
}

static void report_metadata(struct json *json, const struct side *side)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};

    must(zc_cache_account(side->resident.cache, &accounting), "account");
    json_real(json, "metadata_per_page",
              (double)accounting.metadata_bytes / side->resident.count);
    json_real(json, "pool_per_payload",
              (double)accounting.pool_bytes / (double)accounting.payload_bytes);
}

int main(int argc, char **argv)
{
    static struct side sides[2];
    struct bench_options options = {
        .rounds = 3, .backend = "dense", .large = 4000000};
    struct json json = {.file = NULL};
    unsigned placement;

    options_read(&options, argc, argv,
                 "usage: bench_large [OPTION]...\n"
                 "A large cache against a small one; --backend dense or "
                 "kernel.");
    options_open_corpus(&options, &corpus);
    page_count = resident_choose_pages(&corpus, &pages);
    random_state = options.seed;
    operations = options.large < OPERATIONS_MAX ? options.large
                                                : OPERATIONS_MAX;
    placement = placement_named(options.backend);
    make_side(&sides[0], placement,
              options.large < SMALL_ENTRIES ? options.large : SMALL_ENTRIES);
    make_side(&sides[1], placement, options.large);
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    json_number(&json, "entries", options.large);
    measure(&json, "load", options.rounds, sides, load_ours, load_codec);
    measure(&json, "store", options.rounds, sides, store_ours, store_codec);
    report_metadata(&json, &sides[1]);
    json_end(&json);
    resident_destroy(&sides[0].resident);
    resident_destroy(&sides[1].resident);
    return 0;
}
