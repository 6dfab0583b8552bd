/* SPDX-License-Identifier: MIT */
/* timeline.c - samples of a run, as CSV and as a picture. */
#include "sim/timeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/plot.h"
#include "sim/world.h"

/* Of its picture, in pixels. */
#define PLOT_HEIGHT 520

#define COLUMN(field, is_sum)                                                  \
    {                                                                          \
#field, offsetof(struct sim_sample, field), is_sum                     \
    }

/* The columns of a sample after its time, in the order of the CSV. */
static const struct column {
    const char *name;
    size_t offset; /* of a uint64_t in struct sim_sample */
    bool is_sum;   /* counted by the library since the cache was made */
} columns[] = {
    COLUMN(ops, false),           COLUMN(faults, false),
    COLUMN(stored_pages, false),  COLUMN(pool_bytes, false),
    COLUMN(payload_bytes, false), COLUMN(frames_free, false),
    COLUMN(zswpout, true),        COLUMN(zswpin, true),
    COLUMN(zswpwb, true),         COLUMN(disk_swapins, true),
    COLUMN(rejects, true),
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static uint64_t number_at(const struct sim_sample *sample, size_t column)
{
    return *(const uint64_t *)(const void *)((const char *)sample +
                                             columns[column].offset);
}

/* Keeps every second sample. */
static void thin_out(struct sim_timeline *timeline)
{
    for (size_t i = 0; 2 * i < timeline->count; i++)
        timeline->samples[i] = timeline->samples[2 * i];
    timeline->count = (timeline->count + 1) / 2;
    timeline->interval_ns *= 2;
}

static void subtract(struct sim_sample *sample, const struct sim_sample *before)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].is_sum)
            *(uint64_t *)(void *)((char *)sample + columns[i].offset) -=
                number_at(before, i);
    }
}

void sim_timeline_step(struct sim_timeline *timeline,
                       const struct sim_world *world, uint64_t time_ns,
                       uint64_t ops, uint64_t faults)
{
    struct zc_cache_stats cache = {.struct_size = sizeof(cache)};
    struct zc_vm_stats vm = {.struct_size = sizeof(vm)};
    struct sim_sample *sample;

    if (time_ns < timeline->next_ns)
        return;
    if (timeline->count == SIM_SAMPLES_MOST)
        thin_out(timeline);
    timeline->next_ns = time_ns + timeline->interval_ns;
    (void)zc_cache_get_stats(world->cache, &cache);
    (void)zc_vm_get_stats(world->vm, &vm);
    timeline->samples = memory_make_room(timeline->samples, timeline->count,
                                         &timeline->capacity,
                                         sizeof(*timeline->samples));
    sample = &timeline->samples[timeline->count++];
    *sample = (struct sim_sample){
        .time_ns = time_ns,
        .ops = ops,
        .faults = faults,
        .stored_pages = cache.stored_pages,
        .pool_bytes = cache.pool_total_size,
        .payload_bytes = cache.payload_bytes,
        .frames_free = vm.frames_free,
        .zswpout = cache.zswpout,
        .zswpin = cache.zswpin,
        .zswpwb = cache.zswpwb,
        .disk_swapins = cache.disk_swapins,
        .rejects = cache.reject_pool_limit + cache.reject_alloc_fail +
                   cache.reject_kmemcache_fail + cache.reject_compress_poor +
                   cache.reject_owner_limit};
    if (timeline->count == 1)
        timeline->before = *sample;
    subtract(sample, &timeline->before);
}

void sim_timeline_free(struct sim_timeline *timeline)
{
    free(timeline->samples);
    *timeline = (struct sim_timeline){0};
}

void sim_timeline_print_csv(const struct sim_timeline *timeline, FILE *file)
{
    fputs("seconds", file);
    for (size_t i = 0; i < COLUMNS; i++)
        fprintf(file, ",%s", columns[i].name);
    fputc('\n', file);
    for (size_t i = 0; i < timeline->count; i++) {
        const struct sim_sample *sample = &timeline->samples[i];

        fprintf(file, "%.3f", (double)sample->time_ns / 1e9);
        for (size_t k = 0; k < COLUMNS; k++)
            fprintf(file, ",%" PRIu64, number_at(sample, k));
        fputc('\n', file);
    }
}

/* ---- as a picture ---- */

/* Columns: seconds, accesses and faults per second, pool and payload in MiB,
 * swapped in from pool and device, written back, per second. */
static void write_data(const struct sim_timeline *timeline, FILE *file)
{
    fprintf(file, "$run << EOD\n");
    for (size_t i = 1; i < timeline->count; i++) {
        const struct sim_sample *now = &timeline->samples[i];
        const struct sim_sample *before = now - 1;
        const double seconds = (double)(now->time_ns - before->time_ns) / 1e9;

        if (seconds <= 0.0)
            continue;
        fprintf(file, "%.4f %.1f %.1f %.4f %.4f %.1f %.1f %.1f\n",
                (double)now->time_ns / 1e9,
                (double)(now->ops - before->ops) / seconds,
                (double)(now->faults - before->faults) / seconds,
                (double)now->pool_bytes / 1048576.0,
                (double)now->payload_bytes / 1048576.0,
                (double)(now->zswpin - before->zswpin) / seconds,
                (double)(now->disk_swapins - before->disk_swapins) / seconds,
                (double)(now->zswpwb - before->zswpwb) / seconds);
    }
    fprintf(file, "EOD\n");
}

static void write_script(const void *context, FILE *file)
{
    write_data(context, file);
    fputs("set multiplot layout 1,3\n"
          "set xlabel 'seconds'\nset yrange [0:*]\n"
          "set key above\nset style data lines\n"
          "set title 'Per second'\n"
          "plot $run using 1:2 title 'accesses', "
          "$run using 1:3 title 'faults'\n"
          "set title 'The pool, MiB'\n"
          "plot $run using 1:4 title 'pool', $run using 1:5 title 'objects'\n"
          "set title 'Pages per second'\n"
          "plot $run using 1:6 title 'from the pool', "
          "$run using 1:7 title 'from the device', "
          "$run using 1:8 title 'written back'\n"
          "unset multiplot\n",
          file);
}

bool sim_timeline_plot(const struct sim_timeline *timeline, const char *path)
{
    if (timeline->count < 2) {
        message_error("--plot: the run has %zu samples, and at least 2 are "
                      "needed; a smaller --interval gives more",
                      timeline->count);
        return false;
    }
    return plot_draw(path, PLOT_HEIGHT, write_script, timeline);
}
