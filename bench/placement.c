/* SPDX-License-Identifier: MIT */
/*
 * placement.c - how tightly the pool packs the objects of a corpus, through all
 * phases, in a second or two.
 *
 * Only sizes go into the pool, no bytes, so the results are exact and the same
 * on every machine.  It is the tool for trying a change of placement;
 * bench_stores measures the same from outside.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zcache/zspool.h>

#include "codec.h"
#include "json.h"
#include "options.h"
#include "resident.h"

enum point {
    AFTER_FILL,
    AFTER_OVERWRITE,
    OVERWRITE_COMPACTED,
    AFTER_FREE,
    FREE_COMPACTED,
    POINTS
};

static const char *const point_names[POINTS] = {
    [AFTER_FILL] = "fill",
    [AFTER_OVERWRITE] = "overwrite",
    [OVERWRITE_COMPACTED] = "overwrite_compacted",
    [AFTER_FREE] = "half",
    [FREE_COMPACTED] = "half_compacted"};

struct simulation {
    struct zc_zspool *pool;
    const uint16_t *sizes; /* 0: no object */
    uint32_t page_count;
    uint32_t count; /* slots; pages repeat */
    size_t huge;
    zc_handle *handles;
    uint64_t random;
    uint64_t moved[POINTS];
    uint64_t compact_ns[POINTS];
    double ratios[POINTS];
    uint64_t objects;
    double mean_size; /* after the fill */
    double metadata_per_object;
};

/* As the cache does: puts the new object, then frees the old one. */
static void put(struct simulation *simulation, uint32_t slot, uint32_t page)
{
    size_t size = simulation->sizes[page];
    zc_handle made = {0};

    if (size >= simulation->huge)
        size = PAGE_BYTES;
    if (size != 0)
        must(zc_zspool_alloc(simulation->pool, size, &made), "alloc");
    if (simulation->handles[slot].value != 0)
        must(zc_zspool_free(simulation->pool, simulation->handles[slot]),
             "free");
    simulation->handles[slot] = made;
}

static void look(struct simulation *simulation, enum point point)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    must(zc_zspool_get_stats(simulation->pool, &stats), "stats");
    if (stats.payload_bytes == 0)
        die("no objects");
    simulation->ratios[point] = (double)stats.pool_bytes /
                                (double)stats.payload_bytes;
    simulation->moved[point] = stats.objects_moved;
    if (point != AFTER_FILL)
        return;
    simulation->objects = stats.objects;
    simulation->mean_size = (double)stats.payload_bytes / (double)stats.objects;
    simulation->metadata_per_object =
        (double)(stats.handle_bytes + stats.metadata_bytes) /
        (double)stats.objects;
}

static void compact(struct simulation *simulation, enum point point)
{
    uint64_t start = now_ns();

    while (zc_zspool_compact(simulation->pool, NULL, NULL) == ZC_AGAIN)
        ;
    simulation->compact_ns[point] = now_ns() - start;
    look(simulation, point);
}

static void run_phases(struct simulation *simulation, uint32_t *order)
{
    uint32_t count = simulation->count;
    unsigned pass;
    uint32_t i;

    for (i = 0; i < count; i++)
        put(simulation, i, i % simulation->page_count);
    look(simulation, AFTER_FILL);
    for (pass = 0; pass < 3; pass++) {
        shuffle(order, count, &simulation->random);
        for (i = 0; i < count; i++)
            put(simulation, order[i],
                random_below(&simulation->random, simulation->page_count));
    }
    look(simulation, AFTER_OVERWRITE);
    compact(simulation, OVERWRITE_COMPACTED);
    shuffle(order, count, &simulation->random);
    for (i = 0; i < count / 2; i++) {
        zc_handle *handle = &simulation->handles[order[i]];

        if (handle->value != 0)
            must(zc_zspool_free(simulation->pool, *handle), "free");
        handle->value = 0;
    }
    look(simulation, AFTER_FREE);
    compact(simulation, FREE_COMPACTED);
}

static void simulate(struct simulation *simulation,
                     const struct bench_options *options, unsigned placement)
{
    size_t handle_bytes = simulation->count * sizeof(zc_handle);
    size_t order_bytes = simulation->count * sizeof(uint32_t);
    uint32_t *order = map_memory(order_bytes);

    must(zc_zspool_create(
             ZC_ZSPOOL_OPTIONS(.placement = placement,
                               .segment_bytes = options->segment_bytes),
             &simulation->pool),
         "create");
    simulation->huge = zc_zspool_huge_class_size(simulation->pool);
    simulation->handles = map_memory(handle_bytes);
    simulation->random = options->seed;
    run_phases(simulation, order);
    zc_zspool_destroy(simulation->pool);
    unmap_memory(simulation->handles, handle_bytes);
    unmap_memory(order, order_bytes);
}

static void print(struct json *json, const char *program, const char *placement,
                  const struct simulation *simulation)
{
    unsigned i;

    fprintf(stderr, "%-10s %-6s %7" PRIu64 " %7.1f", program, placement,
            simulation->objects, simulation->mean_size);
    json_begin(json, NULL);
    json_text(json, "program", program);
    json_text(json, "placement", placement);
    json_number(json, "objects", simulation->objects);
    json_real(json, "mean_bytes", simulation->mean_size);
    for (i = 0; i < POINTS; i++) {
        fprintf(stderr, "  %.4f", simulation->ratios[i]);
        json_real(json, point_names[i], simulation->ratios[i]);
    }
    fprintf(stderr, "  %7" PRIu64 " %5.1f\n", simulation->moved[POINTS - 1],
            simulation->metadata_per_object);
    json_number(json, "objects_moved", simulation->moved[POINTS - 1]);
    json_real(json, "half_compact_ms",
              (double)simulation->compact_ns[FREE_COMPACTED] / 1e6);
    json_real(json, "pool_metadata_bytes", simulation->metadata_per_object);
    json_end(json);
}

static void run_scope(struct json *json, const struct bench_options *options,
                      const char *name, const uint16_t *sizes, uint32_t count)
{
    static const char *const names[] = {"dense", "kernel"};
    unsigned i;

    for (i = 0; i < 2; i++) {
        struct simulation simulation = {
            .sizes = sizes,
            .page_count = count,
            .count = count > options->large ? count : options->large};

        if (options->backend != NULL && strcmp(options->backend, names[i]) != 0)
            continue;
        simulate(&simulation, options, placement_named(names[i]));
        print(json, name, names[i], &simulation);
    }
}

static uint16_t *compress_sizes(const struct corpus *corpus)
{
    uint16_t *sizes = map_memory(corpus->count * sizeof(*sizes));
    unsigned char buffer[CODEC_BUFFER_BYTES];
    uint32_t i;

    for (i = 0; i < corpus->count; i++) {
        const void *page = corpus_page(corpus, i);

        sizes[i] = page_is_same_filled(page)
                       ? 0
                       : (uint16_t)codec_compress(page, buffer);
    }
    return sizes;
}

int main(int argc, char **argv)
{
    struct bench_options options = {0};
    struct corpus corpus;
    struct json json = {0};
    uint16_t *sizes;
    unsigned i;

    options_read(&options, argc, argv,
                 "usage: bench_placement [OPTION]...\n"
                 "Pool bytes per payload byte through all phases; --backend "
                 "dense or kernel;\n--large: slots, so that the pages of a "
                 "small program repeat.");
    options_open_corpus(&options, &corpus);
    sizes = compress_sizes(&corpus);
    fprintf(stderr, "program    pool   objects   bytes    fill  overwr"
                    "  compact    half  compact    moved  meta\n");
    json_begin_array(&json, NULL);
    for (i = 0; i < corpus.program_count; i++)
        run_scope(&json, &options, corpus.programs[i].name,
                  sizes + corpus.programs[i].first, corpus.programs[i].count);
    if (corpus.program_count > 1)
        run_scope(&json, &options, "all", sizes, corpus.count);
    json_end_array(&json);
    return 0;
}
