/* SPDX-License-Identifier: MIT */
/*
 * compare.c - what the library adds to the codec, on one thread.
 *
 *   load       loads in random order / the codec reading the same resident
 *              objects in the same order into the same buffer
 *   take       the same for takes, of half of the pages; the codec reads the
 *              objects of the other half, because a take frees its object
 *   refill     stores into the holes that a random half left, in the order of
 *              the corpus / the codec on the same pages into one buffer
 *   overwrite  stores over other pages in random order / the same
 *   fresh      a fill from nothing / compress, malloc, copy; each in a process
 *              of its own
 *
 * Each way to do the work is a function of its own: check instructions counts
 * the calls of each.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec.h"
#include "json.h"
#include "options.h"
#include "resident.h"
#include "rounds.h"
#include "store.h"

struct trial {
    struct corpus corpus;
    uint32_t *pages; /* that have objects */
    uint32_t count;
    struct resident resident;
    struct resident_object *objects; /* in the order of loads */
    uint32_t *order;                 /* of slots */
    uint32_t *sources;               /* the page for each step */
    uint64_t random;
    unsigned char buffer[CODEC_BUFFER_BYTES];
};

static struct trial trial;

/* ---- load ---- */

static void load_ours(void *context, uint32_t first, uint32_t count)
{
    uint32_t i;

    (void)context;
    for (i = first; i < first + count; i++)
        must(zc_cache_load(trial.resident.cache, zc_swp_make(0, trial.order[i]),
                           trial.buffer),
             "zc_cache_load");
}

static void load_codec(void *context, uint32_t first, uint32_t count)
{
    uint32_t i;

    (void)context;
    for (i = first; i < first + count; i++)
        codec_decompress(trial.objects[i].data, trial.objects[i].size,
                         trial.buffer);
}

static void compare_load(struct rounds_result *result, unsigned rounds)
{
    uint32_t i;

    shuffle(trial.order, trial.count, &trial.random);
    for (i = 0; i < trial.count; i++)
        trial.objects[i] = resident_find(&trial.resident, trial.order[i]);
    rounds_run(result, rounds, trial.count, NULL, load_ours, load_codec, NULL);
}

/* ---- take ---- */

static void store_page(uint32_t slot)
{
    must(zc_cache_store(trial.resident.cache, zc_swp_make(0, slot),
                        corpus_page(&trial.corpus, trial.pages[slot])),
         "zc_cache_store");
}

/* Stores again what the last round took, and finds the objects of the codec's
 * half. */
static void choose_takes(void *context)
{
    const uint32_t half = trial.count / 2;
    bool *is_first = context;
    uint32_t i;

    for (i = 0; i < half && !*is_first; i++)
        store_page(trial.order[i]);
    *is_first = false;
    shuffle(trial.order, trial.count, &trial.random);
    for (i = 0; i < half; i++)
        trial.objects[i] =
            resident_find(&trial.resident, trial.order[half + i]);
}

static void take_ours(void *context, uint32_t first, uint32_t count)
{
    uint32_t i;

    (void)context;
    for (i = first; i < first + count; i++)
        must(zc_cache_take(trial.resident.cache, zc_swp_make(0, trial.order[i]),
                           trial.buffer),
             "zc_cache_take");
}

static void compare_take(struct rounds_result *result, unsigned rounds)
{
    const uint32_t half = trial.count / 2;
    bool is_first = true;
    uint32_t i;

    rounds_run(result, rounds, half, choose_takes, take_ours, load_codec,
               &is_first);
    for (i = 0; i < half; i++)
        store_page(trial.order[i]);
}

/* ---- store into warm memory ---- */

static void refill_ours(void *context, uint32_t first, uint32_t count)
{
    uint32_t i;

    (void)context;
    for (i = first; i < first + count; i++)
        must(zc_cache_store(
                 trial.resident.cache, zc_swp_make(0, trial.order[i]),
                 corpus_page(&trial.corpus, trial.pages[trial.order[i]])),
             "zc_cache_store");
}

static void overwrite_ours(void *context, uint32_t first, uint32_t count)
{
    uint32_t i;

    (void)context;
    for (i = first; i < first + count; i++)
        must(zc_cache_store(trial.resident.cache,
                            zc_swp_make(0, trial.order[i]),
                            corpus_page(&trial.corpus, trial.sources[i])),
             "zc_cache_store");
}

static void refill_codec(void *context, uint32_t first, uint32_t count)
{
    uint32_t i;

    (void)context;
    for (i = first; i < first + count; i++)
        (void)codec_compress(
            corpus_page(&trial.corpus, trial.pages[trial.order[i]]),
            trial.buffer);
}

static void overwrite_codec(void *context, uint32_t first, uint32_t count)
{
    uint32_t i;

    (void)context;
    for (i = first; i < first + count; i++)
        (void)codec_compress(corpus_page(&trial.corpus, trial.sources[i]),
                             trial.buffer);
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static void make_holes(void *context)
{
    const uint32_t half = trial.count / 2;
    uint32_t i;

    (void)context;
    shuffle(trial.order, trial.count, &trial.random);
    qsort(trial.order, half, sizeof(*trial.order), compare_numbers);
    for (i = 0; i < half; i++)
        must(zc_cache_invalidate(trial.resident.cache,
                                 zc_swp_make(0, trial.order[i])),
             "zc_cache_invalidate");
}

static void choose_overwrites(void *context)
{
    uint32_t i;

    (void)context;
    shuffle(trial.order, trial.count, &trial.random);
    for (i = 0; i < trial.count; i++)
        trial.sources[i] =
            trial.pages[random_below(&trial.random, trial.count)];
}

/* ---- store into fresh memory ---- */

/* In a child: the time of filling one store from nothing. */
static double fill_fresh(const struct store_ops *ops)
{
    const char *why = NULL;
    volatile unsigned char sink = 0;
    uint64_t start;
    void *store;
    uint32_t i;

    for (i = 0; i < trial.count; i++) {
        const unsigned char *page = corpus_page(&trial.corpus, trial.pages[i]);

        sink = (unsigned char)(sink + page[0]);
        if (i % 64 == 0)
            (void)codec_compress(page, trial.buffer);
    }
    start = thread_ns();
    store = ops->create(trial.count, &why);
    if (store == NULL)
        die("%s", why);
    for (i = 0; i < trial.count; i++)
        ops->put(store, i, corpus_page(&trial.corpus, trial.pages[i]));
    return (double)(thread_ns() - start);
}

static double in_child(const struct store_ops *ops)
{
    double time = 0;
    int ends[2];
    pid_t child;

    if (pipe(ends) != 0)
        die("no pipe");
    child = fork();
    if (child < 0)
        die("no process");
    if (child == 0) {
        time = fill_fresh(ops);
        _exit(write(ends[1], &time, sizeof(time)) == (ssize_t)sizeof(time) ? 0
                                                                           : 1);
    }
    (void)close(ends[1]);
    if (read(ends[0], &time, sizeof(time)) != (ssize_t)sizeof(time))
        die("a process ended early");
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
    return time;
}

static void compare_fresh(struct rounds_result *result, unsigned rounds,
                          unsigned placement)
{
    const struct store_ops *ours =
        placement == ZC_PLACEMENT_KERNEL ? &store_kernel : &store_dense;
    double our_times[ROUNDS_MAX];
    double their_times[ROUNDS_MAX];
    unsigned round;

    for (round = 0; round < rounds; round++) {
        our_times[round] = in_child(ours);
        their_times[round] = in_child(&store_malloc);
    }
    rounds_summarize(result, rounds, trial.count, our_times, their_times);
}

/* ---- all of it ---- */

static void compare_all(struct json *json, const struct bench_options *options)
{
    unsigned placement = placement_named(options->backend);
    struct rounds_result result;

    /* First, while the heap of this process is small. */
    if (!options->counts) {
        compare_fresh(&result, options->rounds, placement);
        rounds_json(json, "fresh", &result);
    }
    resident_fill(&trial.resident, placement, &trial.corpus, trial.pages,
                  trial.count, trial.count);
    compare_load(&result, options->rounds);
    rounds_json(json, "load", &result);
    compare_take(&result, options->rounds);
    rounds_json(json, "take", &result);
    rounds_run(&result, options->rounds, trial.count / 2, make_holes,
               refill_ours, refill_codec, NULL);
    rounds_json(json, "refill", &result);
    rounds_run(&result, options->rounds, trial.count, choose_overwrites,
               overwrite_ours, overwrite_codec, NULL);
    rounds_json(json, "overwrite", &result);
}

int main(int argc, char **argv)
{
    struct bench_options options = {.rounds = 9, .backend = "dense"};
    struct json json = {.file = NULL};

    options_read(&options, argc, argv,
                 "usage: bench_compare [OPTION]...\n"
                 "What the library adds to the codec; --backend dense or "
                 "kernel.");
    options_open_corpus(&options, &trial.corpus);
    trial.count = resident_choose_pages(&trial.corpus, &trial.pages);
    trial.order = map_memory(trial.count * sizeof(*trial.order));
    trial.sources = map_memory(trial.count * sizeof(*trial.sources));
    trial.objects = map_memory(trial.count * sizeof(*trial.objects));
    trial.random = options.seed;
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    json_text(&json, "program",
              options.program == NULL ? "all" : options.program);
    json_number(&json, "pages", trial.count);
    compare_all(&json, &options);
    json_end(&json);
    resident_destroy(&trial.resident);
    return 0;
}
