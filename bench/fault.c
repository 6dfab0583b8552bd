/* SPDX-License-Identifier: MIT */
/*
 * fault.c - the cost of a simulated page fault against its floor: the codec
 * alone on the same pages in the same order.  The floor has its own copies of
 * the objects, side by side as in a pool.
 *
 *   one      the median fault, and the sum of all, on one thread
 *   threads  the speed-up by a second thread
 *   large    a fault in a space of millions of pages against one in a small
 *            space, less the same ratio of the codec alone
 *
 * Every page of a space is swapped out to compressed memory.  Then random pages
 * are touched, past the swap cache, until the frames are used.  Between the
 * rounds they are swapped out again, untimed.
 */
#include <string.h>
#include <zcache/swap.h>
#include <zcache/vm.h>

#include "codec.h"
#include "json.h"
#include "options.h"
#include "resident.h"
#include "rounds.h"
#include "team.h"

#define SMALL_PAGES 20000
#define FAULTS_MAX (1u << 14) /* per round; there are more frames than that */
#define FRAMES (FAULTS_MAX * 3 / 2)
#define THREADS 2

struct side {
    struct zc_cache *cache;
    struct zc_vm *vm;
    struct zc_vm_space *space;
    uint32_t pages;
    uint32_t faults; /* per round */
    uint32_t *order; /* of pages to touch: a new part each round */
    uint32_t next;
    struct resident_object *objects; /* the floor's, by page */
    unsigned char *packed;           /* the objects' bytes */
    size_t packed_bytes;
};

static struct corpus corpus;
static uint32_t *sources;
static uint32_t source_count;
static uint64_t random_state;

/* ---- a round ---- */

static void swap_all_out(struct side *side)
{
    zc_status status;

    do /* the first pass clears the accessed bits */
        status = zc_vm_reclaim(side->vm, ZC_OWNER_COUNT, FRAMES, NULL);
    while (status != ZC_AGAIN);
    (void)zc_vm_reclaim(side->vm, ZC_OWNER_COUNT, FRAMES, NULL);
}

/* Swaps all pages out, and goes on to pages that were not touched yet, while
 * there are any. */
static void prepare(struct side *side)
{
    swap_all_out(side);
    side->next += side->faults;
    if (side->next + side->faults > side->pages)
        side->next = 0;
}

/* One step of a round: a fault, or the decompression of its page. */
typedef void (*side_step)(const struct side *side, uint32_t i);

static void touch(const struct side *side, uint32_t i)
{
    must(zc_vm_touch(side->space, side->order[side->next + i], false, NULL),
         "zc_vm_touch");
}

static void decompress(const struct side *side, uint32_t i)
{
    static _Thread_local unsigned char page[PAGE_BYTES];

    const struct resident_object *object =
        &side->objects[side->order[side->next + i]];

    codec_decompress(object->data, object->size, page);
}

/* Runs and times each step of a round.  Returns the thread's time. */
static double run_round(const struct side *side, side_step step,
                        struct histogram *histogram)
{
    uint64_t start = thread_ns();
    uint64_t begin;
    uint64_t end = now_ns();
    uint32_t i;

    for (i = 0; i < side->faults; i++) {
        begin = end;
        step(side, i);
        end = now_ns();
        histogram_add(histogram, end - begin);
    }
    return (double)(thread_ns() - start);
}

/* The floor comes first in each round: a fault frees the object that it reads.
 */
static void measure(struct side *side, unsigned rounds,
                    struct rounds_result *result, struct histogram *faults,
                    struct histogram *floors)
{
    double ours[ROUNDS_MAX] = {0};
    double theirs[ROUNDS_MAX] = {0};
    unsigned round;

    for (round = 0; round < rounds; round++) {
        prepare(side);
        theirs[round] = run_round(side, decompress, floors);
        ours[round] = run_round(side, touch, faults);
    }
    rounds_summarize(result, rounds, side->faults, ours, theirs);
}

/* ---- one ---- */

static void report_one(struct side *side, struct json *json, unsigned rounds,
                       struct rounds_result *result)
{
    static struct histogram faults;
    static struct histogram floors;

    measure(side, rounds, result, &faults, &floors);
    json_begin(json, "one");
    json_number(json, "pages", side->pages);
    json_real(json, "p50_ratio",
              (double)histogram_quantile(&faults, 0.5) /
                  (double)histogram_quantile(&floors, 0.5));
    json_histogram(json, "fault", &faults);
    json_histogram(json, "floor", &floors);
    rounds_json(json, "time", result);
    json_end(json);
}

/* ---- threads ---- */

static void run_share(const struct side *side, unsigned member, side_step step)
{
    const uint32_t share = side->faults / THREADS;
    uint32_t i;

    for (i = 0; i < share; i++)
        step(side, member * share + i);
}

static void fault_share(void *context, unsigned member)
{
    run_share(context, member, touch);
}

static void floor_share(void *context, unsigned member)
{
    run_share(context, member, decompress);
}

/* How much faster two threads are than one. */
static double scaling(struct side *side, team_work work)
{
    double one;
    double two;

    prepare(side);
    one = team_run(1, work, side);
    prepare(side);
    two = team_run(THREADS, work, side);
    return THREADS * one / two;
}

static void report_threads(struct side *side, struct json *json,
                           unsigned rounds)
{
    double ours[ROUNDS_MAX];
    double codec[ROUNDS_MAX];
    unsigned round;

    (void)scaling(side, fault_share); /* warms up */
    for (round = 0; round < rounds; round++) {
        ours[round] = scaling(side, fault_share);
        codec[round] = scaling(side, floor_share);
    }
    json_begin(json, "threads");
    json_real(json, "ours", median(ours, rounds));
    json_real(json, "ours_min", ours[0]); /* median() has sorted them */
    json_real(json, "ours_max", ours[rounds - 1]);
    json_real(json, "codec", median(codec, rounds));
    json_end(json);
}

/* ---- large ---- */

static void report_large(struct side *side, struct json *json, unsigned rounds,
                         const struct rounds_result *small)
{
    static struct histogram faults;
    static struct histogram floors;
    struct rounds_result large;
    double our_loss;
    double codec_loss;

    measure(side, rounds, &large, &faults, &floors);
    our_loss = large.ours_ns / small->ours_ns;
    codec_loss = large.theirs_ns / small->theirs_ns;
    json_begin(json, "large");
    json_number(json, "pages", side->pages);
    rounds_json(json, "time", &large);
    json_real(json, "our_loss", our_loss);
    json_real(json, "codec_loss", codec_loss);
    json_real(json, "ratio", our_loss / codec_loss);
    json_end(json);
}

/* ---- spaces ---- */

/* The floor's objects: page i is sources[i % source_count], as in the space. */
static void make_objects(struct side *side)
{
    unsigned char *room = map_memory((size_t)source_count * PAGE_BYTES);
    unsigned char buffer[CODEC_BUFFER_BYTES];
    uint16_t *sizes = map_memory(source_count * sizeof(*sizes));
    size_t bytes = 0;
    size_t at = 0;
    uint32_t i;

    for (i = 0; i < source_count; i++) {
        const void *page = corpus_page(&corpus, sources[i]);

        sizes[i] = (uint16_t)codec_compress(page, buffer);
        memcpy(room + (size_t)i * PAGE_BYTES,
               sizes[i] == PAGE_BYTES ? page : buffer, sizes[i]);
    }
    for (i = 0; i < side->pages; i++)
        bytes += sizes[i % source_count];
    side->objects = map_memory(side->pages * sizeof(*side->objects));
    side->packed_bytes = bytes;
    side->packed = map_memory(bytes);
    for (i = 0; i < side->pages; i++) {
        const uint32_t source = i % source_count;

        memcpy(side->packed + at, room + (size_t)source * PAGE_BYTES,
               sizes[source]);
        side->objects[i] = (struct resident_object){.data = side->packed + at,
                                                    .size = sizes[source]};
        at += sizes[source];
    }
    unmap_memory(room, (size_t)source_count * PAGE_BYTES);
    unmap_memory(sizes, source_count * sizeof(*sizes));
}

/* A space whose page i holds sources[i % source_count], all swapped out. */
static void make_side(struct side *side, unsigned placement, uint32_t pages)
{
    unsigned type;
    uint32_t i;

    side->pages = pages;
    side->faults = pages < FAULTS_MAX ? pages : FAULTS_MAX;
    make_objects(side);
    side->order = map_memory(pages * sizeof(*side->order));
    shuffle(side->order, pages, &random_state);
    must(zc_vm_create(
             ZC_CACHE_OPTIONS(.placement = placement, .compressor_name = "lz4"),
             ZC_VM_OPTIONS(.frame_count = FRAMES), &side->vm),
         "zc_vm_create");
    side->cache = zc_vm_cache(side->vm);
    must(zc_swap_on(side->cache,
                    ZC_SWAP_OPTIONS(.slot_count = (uint64_t)pages + FRAMES,
                                    .synchronous = 1, .managed = 1),
                    &type),
         "zc_swap_on");
    must(zc_vm_space_create(side->vm, 0, pages, &side->space),
         "zc_vm_space_create");
    must(zc_vm_map(side->space, 0, pages, 0), "zc_vm_map");
    for (i = 0; i < pages; i++)
        must(zc_vm_write(side->space, i, 0,
                         corpus_page(&corpus, sources[i % source_count]),
                         PAGE_BYTES, NULL),
             "zc_vm_write");
}

static void end_side(struct side *side)
{
    zc_vm_space_destroy(side->space);
    zc_vm_destroy(side->vm);
    unmap_memory(side->packed, side->packed_bytes);
    unmap_memory(side->objects, side->pages * sizeof(*side->objects));
}

int main(int argc, char **argv)
{
    static struct side small;
    static struct side large;
    struct bench_options options = {
        .rounds = 7, .backend = "dense", .large = 2000000};
    struct json json = {.file = NULL};
    struct rounds_result result;
    unsigned placement;

    options_read(&options, argc, argv,
                 "usage: bench_fault [OPTION]...\n"
                 "Simulated page faults; --backend dense or kernel.");
    if (options.rounds == 0 || options.rounds > ROUNDS_MAX)
        die("--rounds: 1 to %d", ROUNDS_MAX);
    if (options.large < THREADS)
        die("--large: at least %d", THREADS);
    options_open_corpus(&options, &corpus);
    source_count = resident_choose_pages(&corpus, &sources);
    random_state = options.seed;
    placement = placement_named(options.backend);
    make_side(&small, placement,
              options.large < SMALL_PAGES ? options.large : SMALL_PAGES);
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    report_one(&small, &json, options.rounds, &result);
    if (!options.counts) {
        report_threads(&small, &json, options.rounds);
        make_side(&large, placement, options.large);
        report_large(&large, &json, options.rounds, &result);
        end_side(&large);
    }
    json_end(&json);
    end_side(&small);
    return 0;
}
