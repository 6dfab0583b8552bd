/* SPDX-License-Identifier: MIT */
/* run.c - the threads of a simulation; the main thread watches them. */
#include "sim/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define NANOSECONDS UINT64_C(1000000000)
#define WATCH_NANOSECONDS (NANOSECONDS / 20)

static volatile sig_atomic_t stop_wanted;

void sim_run_stop(void)
{
    stop_wanted = 1;
}

bool sim_run_stopped(void)
{
    return stop_wanted != 0;
}

/* The state of a run: its crew, and the numbers so far. */
struct run {
    const struct sim_request *request;
    struct sim_world world;
    struct sim_crew crew;
    void *version_memory;
    struct sim_worker *workers;
    uint64_t worker_count;
    _Atomic uint64_t running;
    void (*part)(struct sim_worker *worker);
    struct progress progress;
    uint64_t pool_bytes_most; /* at the times of show_state() */
    struct sim_result before; /* the counters when the accesses began */
};

/* The argument of a worker thread, which announces when it is done. */
struct start {
    struct run *run;
    struct sim_worker *worker;
};

static void *start_worker(void *argument)
{
    struct start *start = argument;

    start->run->part(start->worker);
    atomic_fetch_sub(&start->run->running, 1);
    return NULL;
}

/* ---- making ---- */

static void make_worker(struct run *run, uint64_t index)
{
    const struct sim_config *config = run->request->config;
    const struct sim_plan *plan = &run->world.plan;
    const size_t page_size = (size_t)sim_number(config, SIM_PAGE_SIZE);
    const uint64_t ops = sim_number(config, SIM_OPS);
    struct sim_worker *worker = &run->workers[index];

    worker->crew = &run->crew;
    worker->index = index;
    worker->random.state =
        sim_mix(sim_number(config, SIM_SEED) + UINT64_C(0x5eed)) + index;
    worker->bytes = memory_allocate(page_size, 1);
    worker->expected = memory_allocate(page_size, 1);
    worker->pattern = (struct sim_pattern){.config = config,
                                           .thread = index,
                                           .thread_count = run->worker_count,
                                           .space_count = plan->space_count,
                                           .space_pages = plan->space_pages};
    if (run->request->trace->count != 0)
        worker->pattern.trace = run->request->trace;
    sim_pattern_begin(&worker->pattern);
    /* The shares of all workers add up to exactly `ops`. */
    worker->ops_most = ops / run->worker_count +
                       (index < ops % run->worker_count ? 1 : 0);
}

static bool make_run(struct run *run)
{
    const struct sim_config *config = run->request->config;
    uint64_t pages;

    run->world.config = config;
    run->world.corpus = run->request->corpus;
    if (!sim_plan_make(&run->world.plan, config, run->request->corpus,
                       run->request->trace) ||
        !sim_world_open(&run->world))
        return false;
    pages = run->world.plan.total_pages;
    run->crew.world = &run->world;
    run->crew.trace = run->request->trace;
    run->crew.repairs = sim_number(config, SIM_CORRUPT) != 0;
    run->version_memory =
        memory_allocate((size_t)pages, sizeof(*run->crew.versions));
    run->crew.versions = run->version_memory;
    for (uint64_t i = 0; i < pages; i++)
        atomic_init(&run->crew.versions[i], 0);
    if (run->request->timeline != NULL)
        sim_ages_begin(&run->crew.ages, pages);
    for (size_t i = 0; i < SIM_STRIPES; i++)
        (void)pthread_rwlock_init(&run->crew.stripes[i], NULL);
    run->worker_count = sim_number(config, SIM_THREADS);
    run->workers =
        memory_allocate((size_t)run->worker_count, sizeof(*run->workers));
    memset(run->workers, 0, (size_t)run->worker_count * sizeof(*run->workers));
    for (uint64_t i = 0; i < run->worker_count; i++)
        make_worker(run, i);
    return true;
}

static void free_run(struct run *run)
{
    for (uint64_t i = 0; i < run->worker_count; i++) {
        free(run->workers[i].bytes);
        free(run->workers[i].expected);
    }
    if (run->crew.versions != NULL) {
        for (size_t i = 0; i < SIM_STRIPES; i++)
            (void)pthread_rwlock_destroy(&run->crew.stripes[i]);
    }
    free(run->workers);
    free(run->version_memory);
    sim_ages_end(&run->crew.ages);
    sim_world_close(&run->world);
}

/* ---- watching ---- */

static uint64_t sum_of(const struct run *run, bool faults)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < run->worker_count; i++)
        sum += atomic_load_explicit(faults ? &run->workers[i].faults
                                           : &run->workers[i].ops,
                                    memory_order_relaxed);
    return sum;
}

static void rest(uint64_t nanoseconds)
{
    const struct timespec time = {.tv_nsec = (long)nanoseconds};

    (void)nanosleep(&time, NULL);
}

/* The length of a part, and how much of it is done. */
struct distance {
    uint64_t whole; /* 0: not known */
    bool is_time;   /* `whole` is nanoseconds, else accesses */
};

static void show_state(struct run *run, const struct distance *distance,
                       uint64_t elapsed)
{
    const uint64_t ops = sum_of(run, false);
    struct zc_cache_stats cache = {.struct_size = sizeof(cache)};

    (void)zc_cache_get_stats(run->world.cache, &cache);
    if (cache.pool_total_size > run->pool_bytes_most)
        run->pool_bytes_most = cache.pool_total_size;

    if (run->request->timeline != NULL && run->part == sim_work_use)
        sim_timeline_step(run->request->timeline, &run->world, &run->crew.ages,
                          elapsed, ops, sum_of(run, true));
    progress_show(&run->progress, distance->is_time ? elapsed : ops,
                  distance->whole, ops, "accesses");
}

static void watch(struct run *run, const struct distance *distance)
{
    struct sim_timeline *timeline = run->request->timeline;
    const uint64_t began = clock_nanoseconds();
    uint64_t elapsed = 0;

    while (atomic_load(&run->running) != 0) {
        uint64_t nap = WATCH_NANOSECONDS;

        /* At first short naps: a short part would end during a long one. */
        if (elapsed < 2 * WATCH_NANOSECONDS)
            nap = NANOSECONDS / 1000;
        if (timeline != NULL && timeline->interval_ns < nap)
            nap = timeline->interval_ns;
        if (distance->is_time && elapsed < distance->whole &&
            distance->whole - elapsed < nap)
            nap = distance->whole - elapsed;
        rest(nap);
        elapsed = clock_nanoseconds() - began;
        if (stop_wanted != 0 ||
            (distance->is_time && elapsed >= distance->whole))
            atomic_store(&run->crew.stopped, true);
        show_state(run, distance, elapsed);
    }
    if (timeline != NULL)
        timeline->next_ns = 0; /* the end is always a sample */
    show_state(run, distance, clock_nanoseconds() - began);
}

/* All workers do one part of the work together.  False, and an error shown. */
static bool do_part(struct run *run, void (*part)(struct sim_worker *worker),
                    const char *name, const struct distance *distance)
{
    struct start *starts =
        memory_allocate((size_t)run->worker_count, sizeof(*starts));
    int error = 0;

    run->part = part;
    atomic_store(&run->running, 0);
    progress_stage(&run->progress, "", "", name);
    show_state(run, distance, 0); /* the start is always a sample */
    for (uint64_t i = 0; i < run->worker_count && error == 0; i++) {
        starts[i] = (struct start){run, &run->workers[i]};
        run->workers[i].counts.ops = 0;
        atomic_fetch_add(&run->running, 1);
        error = pthread_create(&run->workers[i].thread, NULL, start_worker,
                               &starts[i]);
        run->workers[i].runs = error == 0;
        if (error != 0) {
            atomic_fetch_sub(&run->running, 1);
            atomic_store(&run->crew.stopped, true);
            message_error("--threads: cannot start thread %llu of %llu: %s",
                          (unsigned long long)i + 1,
                          (unsigned long long)run->worker_count,
                          strerror(error));
        }
    }
    watch(run, distance);
    for (uint64_t i = 0; i < run->worker_count; i++) {
        if (run->workers[i].runs)
            (void)pthread_join(run->workers[i].thread, NULL);
        run->workers[i].runs = false;
    }
    free(starts);
    return error == 0;
}

/* ---- counting ---- */

static uint64_t nanoseconds_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * NANOSECONDS +
           (uint64_t)time->tv_usec * 1000;
}

static void take_process(struct sim_process *process)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return; /* leaves zeros */
    process->processor_ns = nanoseconds_of(&usage.ru_utime) +
                            nanoseconds_of(&usage.ru_stime);
    process->slept = (uint64_t)usage.ru_nvcsw;
    process->preempted = (uint64_t)usage.ru_nivcsw;
}

static void take_counters(const struct run *run, struct sim_result *result)
{
    result->cache.struct_size = sizeof(result->cache);
    result->vm.struct_size = sizeof(result->vm);
    result->swap.struct_size = sizeof(result->swap);
    result->accounting.struct_size = sizeof(result->accounting);
    (void)zc_cache_get_stats(run->world.cache, &result->cache);
    (void)zc_vm_get_stats(run->world.vm, &result->vm);
    (void)zc_swap_get_stats(run->world.cache, run->world.type, &result->swap);
    (void)zc_cache_account(run->world.cache, &result->accounting);
    result->codec = sim_codec_times();
    take_process(&result->process);
}

static void sum_times(const struct run *run, struct sim_result *result)
{
    struct sim_histogram *sum = memory_allocate(1, sizeof(*sum));

    for (unsigned kind = 0; kind < ZC_FAULT_KINDS; kind++) {
        struct sim_latency *latency = &result->latency[kind];

        memset(sum, 0, sizeof(*sum));
        for (uint64_t i = 0; i < run->worker_count; i++)
            sim_histogram_merge(sum, &run->workers[i].times[kind]);
        latency->count = sum->count;
        latency->mean = sum->count == 0 ? 0 : sum->sum / sum->count;
        latency->p50 = sim_histogram_percentile(sum, 50000);
        latency->p90 = sim_histogram_percentile(sum, 90000);
        latency->p99 = sim_histogram_percentile(sum, 99000);
        latency->p999 = sim_histogram_percentile(sum, 99900);
        latency->max = sum->most;
        if (kind != ZC_FAULT_NONE)
            result->faults += sum->count;
    }
    free(sum);
}

/* Every field of the counts is a uint64_t. */
static void sum_counts(const struct run *run, struct sim_counts *sum)
{
    *sum = (struct sim_counts){0};
    for (uint64_t i = 0; i < run->worker_count; i++) {
        const uint64_t *own = (const void *)&run->workers[i].counts;

        for (size_t k = 0; k < sizeof(*sum) / sizeof(*own); k++)
            ((uint64_t *)(void *)sum)[k] += own[k];
    }
}

/* ---- the parts of a run ---- */

static bool fill_pages(struct run *run)
{
    const struct distance all = {.whole = run->world.plan.total_pages};

    /* The objects of a trace exist before it begins.  A trace of pages itself
     * says what is written; before that its pages are zeros. */
    if (run->request->trace->count != 0 && !run->request->trace->has_objects)
        return true;
    return do_part(run, sim_work_fill, "filling", &all);
}

static bool use_pages(struct run *run, struct sim_result *result)
{
    const struct sim_config *config = run->request->config;
    struct distance distance = {.whole = sim_number(config, SIM_OPS)};
    uint64_t began;
    bool good;

    if (sim_number(config, SIM_SECONDS) != 0)
        distance = (struct distance){.whole = sim_number(config, SIM_SECONDS) *
                                              (NANOSECONDS / 1000),
                                     .is_time = true};
    else if (distance.whole == 0)
        distance.whole = run->request->trace->count;
    for (uint64_t i = 0; i < run->worker_count; i++) {
        run->workers[i].counts.reads = 0;
        run->workers[i].counts.writes = 0;
        run->workers[i].counts.verify_waits = 0;
        atomic_store(&run->workers[i].ops, 0);
    }
    take_counters(run, &run->before);
    began = clock_nanoseconds();
    good = do_part(run, sim_work_use, "running", &distance);
    result->elapsed_ns = clock_nanoseconds() - began;
    take_counters(run, result);
    result->pool_bytes_most = result->cache.pool_total_size;
    if (run->pool_bytes_most > result->pool_bytes_most)
        result->pool_bytes_most = run->pool_bytes_most;
    sim_result_subtract(result, &run->before);
    sum_times(run, result);
    sum_counts(run, &result->counts);
    if (result->elapsed_ns != 0)
        result->ops_per_second = (uint64_t)((double)result->counts.ops * 1e9 /
                                            (double)result->elapsed_ns);
    return good;
}

/* Says how many mismatches were not shown. */
static void show_rest(struct run *run)
{
    const uint32_t seen = atomic_load(&run->crew.shown);

    if (seen > SIM_SHOWN_MOST)
        message_error("and %u more", (unsigned)(seen - SIM_SHOWN_MOST));
}

/* The check needs an idle machine: a thread that reclaims may still have a page
 * in transit, so it is tried again for a while. */
static bool agrees_in_the_end(struct run *run, char *text, size_t capacity)
{
    for (unsigned tries = 0; tries < 200; tries++) {
        if (zc_vm_check(run->world.vm, text, capacity) == ZC_OK)
            return true;
        rest(NANOSECONDS / 100);
    }
    return false;
}

static bool check_pages(struct run *run, struct sim_result *result)
{
    const struct distance all = {.whole = run->world.plan.total_pages};
    const struct sim_counts used = result->counts;
    char text[200] = "";

    sim_codec_end_damage(); /* a checked page is not read again */
    if (!do_part(run, sim_work_check, "checking", &all))
        return false;
    sum_counts(run, &result->counts);
    result->counts.ops = used.ops;
    if (!agrees_in_the_end(run, text, sizeof(text))) {
        result->disagrees = 1;
        message_error("the machine does not agree with itself: %s", text);
    }
    show_rest(run);
    result->damaged = sim_codec_times().damaged;
    result->damaged_raw = sim_codec_times().damaged_raw;
    result->left_over = sim_world_end_spaces(&run->world);
    if (result->left_over != 0)
        message_error("%llu frames, entries and slots are left that no "
                      "space uses",
                      (unsigned long long)result->left_over);
    return true;
}

static bool damaged_all(const struct run *run, const struct sim_result *result)
{
    const uint64_t wanted = sim_number(run->request->config, SIM_CORRUPT);

    if (result->damaged == wanted)
        return true;
    message_error("--corrupt %llu: only %llu pages were damaged; no more came "
                  "out of the pool",
                  (unsigned long long)wanted,
                  (unsigned long long)result->damaged);
    return false;
}

bool sim_run(const struct sim_request *request, struct sim_result *result_out)
{
    struct run *run = memory_allocate(1, sizeof(*run));
    struct sim_result *result = result_out;
    bool good;

    memset(run, 0, sizeof(*run));
    memset(result, 0, sizeof(*result));
    run->request = request;
    progress_begin(&run->progress, request->quiet,
                   sim_number(request->config, SIM_PAGE_SIZE), 0);
    good = make_run(run);
    if (good) {
        result->plan = run->world.plan;
        result->threads = run->worker_count;
        (void)snprintf(result->corpus, sizeof(result->corpus), "%s",
                       request->corpus->label);
        good = fill_pages(run) && use_pages(run, result) &&
               check_pages(run, result) && damaged_all(run, result);
    }
    progress_end(&run->progress);
    free_run(run);
    free(run);
    return good;
}
