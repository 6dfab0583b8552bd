/* SPDX-License-Identifier: MIT */
/*
 * access.c - patterns of access.
 *
 * If there are more spaces than threads, a thread goes from one of its spaces
 * to the next; otherwise it has one space, which it may share.
 */
#include "sim/access.h"

#include <math.h>

/* ---- Zipf ---- */

/* exp(x) - 1, and log(1 + x), over x: also near 0. */
static double exp_part(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1.0 + x / 2.0;
}

static double log_part(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1.0 - x / 2.0;
}

static double density(const struct sim_zipf *zipf, double x)
{
    return exp(-zipf->skew * log(x));
}

static double integral(const struct sim_zipf *zipf, double x)
{
    const double log_x = log(x);

    return exp_part((1.0 - zipf->skew) * log_x) * log_x;
}

static double integral_inverse(const struct sim_zipf *zipf, double x)
{
    double t = x * (1.0 - zipf->skew);

    if (t < -1.0)
        t = -1.0;
    return exp(log_part(t) * x);
}

/* Rejection-inversion by Hoermann and Derflinger, 1996. */
struct sim_zipf sim_zipf_make(uint64_t count, double skew)
{
    struct sim_zipf zipf = {.skew = skew, .count = (double)count};

    zipf.integral_first = integral(&zipf, 1.5) - 1.0;
    zipf.integral_last = integral(&zipf, zipf.count + 0.5);
    zipf.threshold = 2.0 - integral_inverse(&zipf, integral(&zipf, 2.5) -
                                                       density(&zipf, 2.0));
    return zipf;
}

uint64_t sim_zipf_draw(const struct sim_zipf *zipf, struct sim_random *random)
{
    for (;;) {
        const double u = zipf->integral_last +
                         sim_random_part(random) *
                             (zipf->integral_first - zipf->integral_last);
        const double x = integral_inverse(zipf, u);
        double rank = floor(x + 0.5);

        if (rank < 1.0)
            rank = 1.0;
        if (rank > zipf->count)
            rank = zipf->count;
        if (rank - x <= zipf->threshold ||
            u >= integral(zipf, rank + 0.5) - density(zipf, rank))
            return (uint64_t)rank - 1;
    }
}

/* ---- patterns ---- */

static uint64_t common_divisor(uint64_t number, uint64_t other)
{
    while (other != 0) {
        uint64_t rest = number % other;

        number = other;
        other = rest;
    }
    return number;
}

/* A stride with which rank * stride modulo the pages covers every page. */
static uint64_t find_stride(uint64_t pages)
{
    uint64_t stride = (uint64_t)((double)pages * 0.6180339887) | 1u;

    while (common_divisor(stride, pages) != 1)
        stride += 2;
    return stride % pages;
}

void sim_pattern_begin(struct sim_pattern *pattern)
{
    const uint64_t pages = pattern->space_pages;
    uint64_t part = sim_number(pattern->config, SIM_PHASE_SIZE);

    pattern->random.state = sim_mix(sim_number(pattern->config, SIM_SEED) + 1) +
                            pattern->thread;
    pattern->step = 0;
    pattern->zipf = sim_zipf_make(
        pages, (double)sim_number(pattern->config, SIM_SKEW) / 1e3);
    pattern->stride = pages == 1 ? 0 : find_stride(pages);
    pattern->phase_pages = (uint64_t)((double)pages * (double)part / 1e5);
    if (pattern->phase_pages == 0)
        pattern->phase_pages = 1;
    pattern->phase_first = 0;
}

/* The number of spaces that a thread goes through. */
static uint64_t own_spaces(const struct sim_pattern *pattern)
{
    if (pattern->space_count <= pattern->thread_count)
        return 1;
    return (pattern->space_count - pattern->thread + pattern->thread_count -
            1) /
           pattern->thread_count;
}

static uint64_t next_space(const struct sim_pattern *pattern)
{
    return (pattern->thread +
            pattern->step % own_spaces(pattern) * pattern->thread_count) %
           pattern->space_count;
}

static uint64_t next_of_scan(const struct sim_pattern *pattern)
{
    /* Threads of one space begin at different places in it. */
    const uint64_t sharing =
        (pattern->thread_count + pattern->space_count - 1) /
        pattern->space_count;
    const uint64_t own = pattern->thread / pattern->space_count;

    return (pattern->space_pages / sharing * own +
            pattern->step / own_spaces(pattern)) %
           pattern->space_pages;
}

static uint64_t next_of_phases(struct sim_pattern *pattern)
{
    if (pattern->step % sim_number(pattern->config, SIM_PHASE_OPS) == 0)
        pattern->phase_first =
            sim_random_below(&pattern->random, pattern->space_pages);
    return (pattern->phase_first +
            sim_random_below(&pattern->random, pattern->phase_pages)) %
           pattern->space_pages;
}

static uint64_t next_page(struct sim_pattern *pattern)
{
    switch ((enum sim_access_kind)sim_number(pattern->config, SIM_ACCESS)) {
    case SIM_ACCESS_ZIPF:
        /* No overflow: ranks and stride are below 2^32. */
        return sim_zipf_draw(&pattern->zipf, &pattern->random) *
               pattern->stride % pattern->space_pages;
    case SIM_ACCESS_SCAN:
        return next_of_scan(pattern);
    case SIM_ACCESS_PHASES:
        return next_of_phases(pattern);
    case SIM_ACCESS_UNIFORM:
    case SIM_ACCESS_FORK:
        break;
    }
    return sim_random_below(&pattern->random, pattern->space_pages);
}

static bool draw_write(struct sim_pattern *pattern)
{
    return sim_random_below(&pattern->random, 100000) <
           sim_number(pattern->config, SIM_WRITES);
}

/* Threads take the accesses of a trace in turn. */
static bool next_of_trace(struct sim_pattern *pattern,
                          struct sim_access *access)
{
    const struct sim_trace *trace = pattern->trace;
    const uint64_t at = pattern->step * pattern->thread_count + pattern->thread;
    const bool repeats = sim_number(pattern->config, SIM_SECONDS) != 0 ||
                         sim_number(pattern->config, SIM_OPS) != 0;
    const struct sim_trace_access *next;

    if (at >= trace->count && !repeats)
        return false;
    next = &trace->accesses[at % trace->count];
    access->space = trace->has_objects ? next->page / pattern->space_pages
                                       : next->space;
    access->page = next->page % pattern->space_pages;
    access->is_write = next->op == SIM_TRACE_ANY ? draw_write(pattern)
                                                 : next->op == SIM_TRACE_WRITE;
    return true;
}

bool sim_pattern_next(struct sim_pattern *pattern, struct sim_access *access)
{
    bool good = true;

    if (pattern->trace != NULL) {
        good = next_of_trace(pattern, access);
    } else {
        access->space = next_space(pattern);
        access->page = next_page(pattern);
        access->is_write = draw_write(pattern);
    }
    pattern->step++;
    return good;
}
