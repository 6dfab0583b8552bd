/* SPDX-License-Identifier: MIT */
/*
 * times.c - passes in which all configurations take turns.  The clock runs only
 * around calls of the library.
 */
#include "estimate/times.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "estimate/engine.h"

#define PASS_PAGES 1024
#define BATCH_PAGES 16

/* Of one configuration the nanoseconds of each batch in each pass, those of a
 * batch together. */
struct row {
    uint64_t *store;
    uint64_t *load;
    uint64_t *recompress; /* of all pages of a pass */
};

struct times {
    const struct run_request *requests;
    size_t count;
    struct row *rows;
    size_t pass_count; /* made until now */
    uint64_t batch_count;
    uint64_t all_pages;
    struct snapshot some;  /* the pages of a pass */
    unsigned char *buffer; /* of a batch */
};

static uint64_t pass_pages(uint64_t page_count)
{
    return page_count < PASS_PAGES ? page_count : PASS_PAGES;
}

uint64_t times_pages(uint64_t page_count, size_t passes)
{
    return passes * pass_pages(page_count);
}

static uint64_t *make_numbers(size_t count)
{
    uint64_t *numbers = memory_allocate(count, sizeof(*numbers));

    memset(numbers, 0, count * sizeof(*numbers));
    return numbers;
}

struct times *times_make(const struct run_request *requests, size_t count)
{
    const struct snapshot *all = requests[0].snapshot;
    struct times *times = memory_allocate(1, sizeof(*times));
    const uint64_t pages = pass_pages(all->page_count);
    size_t numbers;

    *times = (struct times){
        .requests = requests,
        .count = count,
        .rows = memory_allocate(count, sizeof(*times->rows)),
        .batch_count = (pages + BATCH_PAGES - 1) / BATCH_PAGES,
        .all_pages = all->page_count,
        .some = {.page_size = all->page_size,
                 .page_count = pages,
                 .bytes = memory_allocate((size_t)pages, all->page_size)},
        .buffer = memory_allocate(BATCH_PAGES, all->page_size)};
    memset(times->buffer, 0, BATCH_PAGES * all->page_size);
    for (uint64_t i = 0; i < pages; i++)
        memcpy(snapshot_page(&times->some, i),
               snapshot_page(all, i * all->page_count / pages), all->page_size);
    numbers = (size_t)times->batch_count * TIMES_PASSES_MOST;
    for (size_t i = 0; i < count; i++)
        times->rows[i] =
            (struct row){.store = make_numbers(numbers),
                         .load = make_numbers(numbers),
                         .recompress = make_numbers(TIMES_PASSES_MOST)};
    return times;
}

void times_free(struct times *times)
{
    for (size_t i = 0; i < times->count; i++) {
        free(times->rows[i].store);
        free(times->rows[i].load);
        free(times->rows[i].recompress);
    }
    free(times->rows);
    free(times->some.bytes);
    free(times->buffer);
    free(times);
}

/* ---- one pass ---- */

/* A configuration in a pass. */
struct lane {
    struct run_request request; /* for the pages of a pass */
    const struct engine_ops *ops;
    struct engine *engine;
    struct row *row;
    uint64_t sum; /* of the batches, before what no codec took goes */
    zc_status status;
};

/* Of this thread: what other processes do does not count. */
static uint64_t processor_nanoseconds(const struct run_request *request)
{
    struct timespec now;

    if (request->clock != NULL)
        return request->clock(request->clock_context);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t *numbers_of(const struct lane *lane, bool loading)
{
    return loading ? lane->row->load : lane->row->store;
}

/* The pages from `first` to before `end`.  A page that is refused takes the
 * time that it takes. */
static void time_batch(const struct times *times, struct lane *lane,
                       bool loading, uint64_t first, uint64_t end)
{
    const size_t page_size = times->some.page_size;
    const uint64_t began = processor_nanoseconds(&lane->request);
    uint64_t nanoseconds;

    for (uint64_t i = first; i < end && lane->status == ZC_OK; i++) {
        if (loading)
            (void)lane->ops->load(lane->engine, 0, i,
                                  times->buffer + (i - first) * page_size);
        else if (lane->ops->store(lane->engine, 0, i,
                                  snapshot_page(&times->some, i)) ==
                 ZC_NO_MEMORY)
            lane->status = ZC_NO_MEMORY;
    }
    nanoseconds = processor_nanoseconds(&lane->request) - began;
    numbers_of(
        lane,
        loading)[first / BATCH_PAGES * TIMES_PASSES_MOST + times->pass_count] =
        nanoseconds;
    lane->sum += nanoseconds;
}

/* Takes from the batches what no codec took, of each the same part. */
static void keep_codec_time(const struct times *times, struct lane *lane,
                            bool loading)
{
    const uint64_t kept = engine_codec_time(lane->ops, lane->engine, lane->sum);
    uint64_t *numbers = numbers_of(lane, loading) + times->pass_count;

    for (uint64_t i = 0; i < times->batch_count && kept != lane->sum; i++)
        numbers[i * TIMES_PASSES_MOST] =
            (uint64_t)((double)numbers[i * TIMES_PASSES_MOST] * (double)kept /
                       (double)lane->sum);
}

/* Every other pass in reverse, so that no lane always follows the same one. */
static void time_lanes(const struct times *times, struct lane *lanes,
                       size_t count, bool loading)
{
    const uint64_t pages = times->some.page_count;

    for (size_t i = 0; i < count; i++)
        lanes[i].sum = 0;
    for (uint64_t first = 0; first < pages; first += BATCH_PAGES) {
        const uint64_t end = pages - first < BATCH_PAGES ? pages
                                                         : first + BATCH_PAGES;

        for (size_t i = 0; i < count; i++)
            time_batch(times,
                       &lanes[times->pass_count % 2 == 0 ? i : count - 1 - i],
                       loading, first, end);
    }
    for (size_t i = 0; i < count; i++)
        keep_codec_time(times, &lanes[i], loading);
}

/* The second step of --recompress. */
static void time_recompress(const struct times *times, struct lane *lane)
{
    const uint64_t began = processor_nanoseconds(&lane->request);
    struct run_result result = {0};

    if (lane->request.codec->second == NULL || lane->status != ZC_OK)
        return;
    lane->status = lane->ops->recompress(lane->engine, &result);
    lane->row->recompress[times->pass_count] = engine_codec_time(
        lane->ops, lane->engine, processor_nanoseconds(&lane->request) - began);
}

static bool begin_lane(struct times *times, size_t index, struct lane *lane)
{
    *lane = (struct lane){.request = times->requests[index],
                          .ops = engine_ops_of(&times->requests[index]),
                          .row = &times->rows[index]};
    lane->request.snapshot = &times->some;
    lane->request.thread_count = 1;
    lane->engine = engine_make(&lane->request, lane->ops);
    return lane->engine != NULL;
}

/* The lanes beside each other; false, and an error shown. */
static bool run_lanes(struct times *times, const size_t *indexes, size_t count)
{
    struct lane *lanes = memory_allocate(count, sizeof(*lanes));
    bool good = true;
    size_t made = 0;

    while (made < count && begin_lane(times, indexes[made], &lanes[made]))
        made++;
    if (made == count) {
        time_lanes(times, lanes, count, false);
        for (size_t i = 0; i < count; i++)
            time_recompress(times, &lanes[i]);
        time_lanes(times, lanes, count, true);
    }
    for (size_t i = 0; i < made; i++) {
        if (good && lanes[i].status != ZC_OK)
            good = engine_explain_no_memory(&lanes[i].request);
        lanes[i].ops->destroy(lanes[i].engine);
    }
    free(lanes);
    return good && made == count;
}

/* The kernel has one device for each codec, so its configurations are alone. */
static bool uses_kernel(const struct codec_choice *codec)
{
    return codec->kernel != NULL ||
           (codec->second != NULL && codec->second->kernel != NULL);
}

static bool run_pass(struct times *times)
{
    size_t *together = memory_allocate(times->count, sizeof(*together));
    size_t count = 0;
    bool good = true;

    for (size_t i = 0; i < times->count && good; i++) {
        if (uses_kernel(times->requests[i].codec))
            good = run_lanes(times, &i, 1);
        else
            together[count++] = i;
    }
    good = good && (count == 0 || run_lanes(times, together, count));
    free(together);
    return good;
}

/* ---- figures of all passes ---- */

/* The number of which a `part`, of four, are not larger. */
static uint64_t quartile(const uint64_t *numbers, size_t count, size_t part)
{
    uint64_t sorted[TIMES_PASSES_MOST];

    memcpy(sorted, numbers, count * sizeof(*numbers));
    qsort(sorted, count, sizeof(*sorted), number_compare);
    return sorted[(count - 1) * part / 4];
}

static double sum_of(const struct times *times, const uint64_t *nanoseconds)
{
    double sum = 0.0;

    for (uint64_t i = 0; i < times->batch_count; i++)
        sum += (double)quartile(nanoseconds + i * TIMES_PASSES_MOST,
                                times->pass_count, 1);
    return sum;
}

/* Of out and in together, in one pass. */
static uint64_t time_of_pass(const struct times *times, const struct row *row,
                             size_t pass)
{
    uint64_t sum = row->recompress[pass];

    for (uint64_t i = 0; i < times->batch_count; i++)
        sum += row->store[i * TIMES_PASSES_MOST + pass] +
               row->load[i * TIMES_PASSES_MOST + pass];
    return sum;
}

static void set_times(const struct times *times, const struct row *row,
                      struct run_result *result)
{
    const double scale = (double)times->all_pages /
                         (double)times->some.page_count;
    uint64_t distances[TIMES_PASSES_MOST] = {0};
    uint64_t median;

    free(result->passes);
    result->passes = make_numbers(times->pass_count);
    result->pass_count = times->pass_count;
    for (size_t i = 0; i < times->pass_count; i++)
        result->passes[i] = time_of_pass(times, row, i);
    median = quartile(result->passes, times->pass_count, 2);
    for (size_t i = 0; i < times->pass_count; i++)
        distances[i] = result->passes[i] > median ? result->passes[i] - median
                                                  : median - result->passes[i];
    result->spread_nanoseconds =
        (uint64_t)((double)quartile(distances, times->pass_count, 2) * scale);
    result->store_nanoseconds =
        (uint64_t)((sum_of(times, row->store) +
                    (double)quartile(row->recompress, times->pass_count, 1)) *
                   scale);
    result->load_nanoseconds = (uint64_t)(sum_of(times, row->load) * scale);
}

bool times_measure(struct times *times, size_t passes,
                   struct run_result *results)
{
    struct progress *progress = times->requests[0].progress;

    if (progress != NULL)
        progress_stage(progress, "", "", "timing");
    for (; times->pass_count < passes; times->pass_count++) {
        if (!run_pass(times))
            return false;
        if (progress != NULL)
            progress_step(progress,
                          times_pages(times->all_pages, times->pass_count + 1) *
                              times->count);
    }
    for (size_t i = 0; i < times->count; i++)
        set_times(times, &times->rows[i], &results[i]);
    return true;
}
