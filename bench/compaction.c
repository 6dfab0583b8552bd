/* SPDX-License-Identifier: MIT */
/*
 * compaction.c - the cost of compaction for other threads.
 *
 *   pause    the longest step with a budget of 500 us, over several rounds of
 *            freeing a random half and compacting it away
 *   beside   stores and loads under steady churn, with and without a thread
 *            that compacts in such steps all the time
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "codec.h"
#include "json.h"
#include "options.h"
#include "resident.h"
#include "rounds.h"

#define BUDGET_MICROSECONDS 500
#define WINDOW_NS 400000000u

static struct corpus corpus;
static uint32_t *pages;
static uint32_t page_count;
static struct resident resident;
static uint64_t random_state;
static unsigned char buffer[CODEC_BUFFER_BYTES];

static const struct zc_compact_budget budget = {
    .struct_size = sizeof(budget), .microseconds = BUDGET_MICROSECONDS};

static void store(uint32_t slot)
{
    uint32_t page = pages[random_below(&random_state, page_count)];

    must(zc_cache_store(resident.cache, zc_swp_make(0, slot),
                        corpus_page(&corpus, page)),
         "zc_cache_store");
}

/* ---- pause ---- */

static void compact_in_steps(struct histogram *wall, struct histogram *thread)
{
    zc_status status;

    do {
        uint64_t thread_start = thread_ns();
        uint64_t start = now_ns();

        status = zc_cache_compact(resident.cache, &budget, NULL);
        histogram_add(wall, now_ns() - start);
        histogram_add(thread, thread_ns() - thread_start);
        if (status != ZC_OK && status != ZC_AGAIN)
            die("zc_cache_compact: %s", zc_status_name(status));
    } while (status == ZC_AGAIN);
}

static void measure_pause(struct json *json, unsigned rounds)
{
    static struct histogram wall;
    static struct histogram thread;
    uint32_t *order = map_memory(page_count * sizeof(*order));
    unsigned round;
    uint32_t i;

    for (round = 0; round < rounds; round++) {
        shuffle(order, page_count, &random_state);
        for (i = 0; i < page_count / 2; i++)
            (void)zc_cache_invalidate(resident.cache, zc_swp_make(0, order[i]));
        compact_in_steps(&wall, &thread);
        for (i = 0; i < page_count / 2; i++)
            store(order[i]);
    }
    json_histogram(json, "pause", &wall);
    json_histogram(json, "pause_of_thread", &thread);
    unmap_memory(order, page_count * sizeof(*order));
}

/* ---- beside ---- */

static atomic_bool is_compacting;
static atomic_bool is_over;
static struct histogram beside_steps; /* the thread's, read when it is over */

static void *compact_beside(void *context)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    (void)context;
    while (!atomic_load(&is_over)) {
        uint64_t start = now_ns();

        if (!atomic_load(&is_compacting) ||
            zc_cache_compact(resident.cache, &budget, NULL) != ZC_AGAIN) {
            (void)nanosleep(&pause, NULL);
            continue;
        }
        histogram_add(&beside_steps, now_ns() - start);
    }
    return NULL;
}

/* One store and one load, in turns, for a while; operations a second. */
static double churn(struct histogram *histogram)
{
    uint64_t start = now_ns();
    uint64_t before = start;
    uint64_t now = start;
    uint64_t done = 0;

    while (now - start < WINDOW_NS) {
        uint32_t slot = random_below(&random_state, page_count);

        if (done++ % 2 == 0)
            store(slot);
        else
            must(zc_cache_load(resident.cache, zc_swp_make(0, slot), buffer),
                 "zc_cache_load");
        now = now_ns();
        histogram_add(histogram, now - before);
        before = now;
    }
    return (double)done * 1e9 / (double)(now - start);
}

static double pool_per_payload(void)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    must(zc_cache_get_stats(resident.cache, &stats), "stats");
    return (double)stats.pool_total_size / (double)stats.payload_bytes;
}

static void measure_beside(struct json *json, unsigned rounds)
{
    static struct histogram histograms[2];
    double rates[2][ROUNDS_MAX];
    double density[2] = {0, 0};
    pthread_t thread;
    unsigned round;
    unsigned with;

    if (pthread_create(&thread, NULL, compact_beside, NULL) != 0)
        die("no thread");
    for (round = 0; round < rounds; round++) {
        for (with = 0; with < 2; with++) {
            atomic_store(&is_compacting, with != 0);
            rates[with][round] = churn(&histograms[with]);
            density[with] = pool_per_payload();
        }
    }
    atomic_store(&is_over, true);
    (void)pthread_join(thread, NULL);
    json_begin(json, "beside");
    json_real(json, "without_per_second", median(rates[0], rounds));
    json_real(json, "with_per_second", median(rates[1], rounds));
    json_real(json, "ratio",
              median(rates[1], rounds) / median(rates[0], rounds));
    json_real(json, "without_pool_per_payload", density[0]);
    json_real(json, "with_pool_per_payload", density[1]);
    json_histogram(json, "without", &histograms[0]);
    json_histogram(json, "with", &histograms[1]);
    json_histogram(json, "steps", &beside_steps);
    json_end(json);
}

int main(int argc, char **argv)
{
    struct bench_options options = {.rounds = 5, .backend = "dense"};
    struct json json = {.file = NULL};

    options_read(&options, argc, argv,
                 "usage: bench_compaction [OPTION]...\n"
                 "What compaction costs others; --backend dense or kernel.");
    if (options.rounds == 0 || options.rounds > ROUNDS_MAX)
        die("--rounds: 1 to %d", ROUNDS_MAX);
    options_open_corpus(&options, &corpus);
    page_count = resident_choose_pages(&corpus, &pages);
    random_state = options.seed;
    resident_fill(&resident, placement_named(options.backend), &corpus, pages,
                  page_count, page_count);
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    measure_pause(&json, options.rounds);
    measure_beside(&json, options.rounds);
    json_end(&json);
    resident_destroy(&resident);
    return 0;
}
