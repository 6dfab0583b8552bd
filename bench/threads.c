/* SPDX-License-Identifier: MIT */
/*
 * threads.c - the speed-up by a second thread, against that of the codec alone:
 * two processors share caches and power, which is not a cost of the library.
 *
 * Each repetition measures one and two threads of ours and of the codec in
 * turn; its result is (ours two / ours one) / (codec two / codec one), and the
 * median of the repetitions counts.  A thread stores into slots of its own and
 * loads from all.
 */
#include "codec.h"
#include "json.h"
#include "options.h"
#include "resident.h"
#include "rounds.h"
#include "team.h"

#define THREADS 2

struct thread_data {
    uint32_t *order;
    uint64_t random;
    unsigned char buffer[CODEC_BUFFER_BYTES];
    unsigned char padding[256]; /* shares no cache line with the next one */
};

static struct corpus corpus;
static uint32_t *pages;
static uint32_t page_count;
static struct resident resident;
static struct resident_object *objects; /* by slot */
static struct thread_data threads[THREADS];

static uint32_t share(void)
{
    return page_count / THREADS;
}

static const void *any_page(struct thread_data *thread)
{
    return corpus_page(&corpus,
                       pages[random_below(&thread->random, page_count)]);
}

static void store_ours(void *context, unsigned member)
{
    struct thread_data *thread = &threads[member];
    uint32_t i;

    (void)context;
    for (i = 0; i < share(); i++)
        must(zc_cache_store(resident.cache,
                            zc_swp_make(0, thread->order[i] * THREADS + member),
                            any_page(thread)),
             "zc_cache_store");
}

static void store_codec(void *context, unsigned member)
{
    struct thread_data *thread = &threads[member];
    uint32_t i;

    (void)context;
    for (i = 0; i < share(); i++)
        (void)codec_compress(any_page(thread), thread->buffer);
}

static void load_ours(void *context, unsigned member)
{
    struct thread_data *thread = &threads[member];
    uint32_t i;

    (void)context;
    for (i = 0; i < share(); i++)
        must(zc_cache_load(
                 resident.cache,
                 zc_swp_make(0, random_below(&thread->random, page_count)),
                 thread->buffer),
             "zc_cache_load");
}

static void load_codec(void *context, unsigned member)
{
    struct thread_data *thread = &threads[member];
    uint32_t i;

    (void)context;
    for (i = 0; i < share(); i++) {
        const struct resident_object *object =
            &objects[random_below(&thread->random, page_count)];

        codec_decompress(object->data, object->size, thread->buffer);
    }
}

/* The speed-up of two threads over one; each does `work`. */
static double scaling(team_work work)
{
    double one = team_run(1, work, NULL);
    double two = team_run(THREADS, work, NULL);

    return THREADS * one / two;
}

static void measure(struct json *json, const char *key, unsigned rounds,
                    team_work ours, team_work codec)
{
    double our_scaling[ROUNDS_MAX];
    double codec_scaling[ROUNDS_MAX];
    double relative[ROUNDS_MAX];
    unsigned round;

    (void)scaling(ours); /* warms up */
    (void)scaling(codec);
    for (round = 0; round < rounds; round++) {
        our_scaling[round] = scaling(ours);
        codec_scaling[round] = scaling(codec);
        relative[round] = our_scaling[round] / codec_scaling[round];
    }
    json_begin(json, key);
    json_real(json, "ours", median(our_scaling, rounds));
    json_real(json, "codec", median(codec_scaling, rounds));
    json_real(json, "ratio", median(relative, rounds));
    json_real(json, "ratio_min", relative[0]); /* median() has sorted them */
    json_real(json, "ratio_max", relative[rounds - 1]);
    json_end(json);
}

static void find_objects(void)
{
    uint32_t slot;

    for (slot = 0; slot < page_count; slot++)
        objects[slot] = resident_find(&resident, slot);
}

int main(int argc, char **argv)
{
    struct bench_options options = {.rounds = 5, .backend = "dense"};
    struct json json = {.file = NULL};
    unsigned i;

    options_read(&options, argc, argv,
                 "usage: bench_threads [OPTION]...\n"
                 "Two threads against one; --backend dense or kernel.");
    if (options.rounds == 0 || options.rounds > ROUNDS_MAX)
        die("--rounds: 1 to %d", ROUNDS_MAX);
    options_open_corpus(&options, &corpus);
    page_count = resident_choose_pages(&corpus, &pages);
    objects = map_memory(page_count * sizeof(*objects));
    for (i = 0; i < THREADS; i++) {
        threads[i].random = options.seed + i;
        threads[i].order = map_memory(share() * sizeof(*threads[i].order));
        shuffle(threads[i].order, share(), &threads[i].random);
    }
    resident_fill(&resident, placement_named(options.backend), &corpus, pages,
                  page_count, page_count);
    find_objects();
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    measure(&json, "load", options.rounds, load_ours, load_codec);
    measure(&json, "store", options.rounds, store_ours, store_codec);
    json_end(&json);
    resident_destroy(&resident);
    return 0;
}
