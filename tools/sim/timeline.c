/* SPDX-License-Identifier: MIT */
/* timeline.c - samples of a run, as CSV and as a picture. */
#include "sim/timeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/plot.h"
#include "sim/ages.h"

/* Of its picture, in pixels. */
#define PLOT_HEIGHT 760

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
    COLUMN(ops, false),          COLUMN(faults, false),
    COLUMN(stored_pages, false), COLUMN(pool_bytes, false),
    COLUMN(limit_bytes, false),  COLUMN(payload_bytes, false),
    COLUMN(frames_free, false),  COLUMN(zswpout, true),
    COLUMN(zswpin, true),        COLUMN(zswpwb, true),
    COLUMN(disk_swapins, true),  COLUMN(refused, true),
    COLUMN(pool_age, false),     COLUMN(device_age, false),
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
                       const struct sim_world *world,
                       const struct sim_ages *ages, uint64_t time_ns,
                       uint64_t ops, uint64_t faults)
{
    struct zc_cache_stats cache = {.struct_size = sizeof(cache)};
    struct zc_vm_stats vm = {.struct_size = sizeof(vm)};
    struct sim_age_means means;
    struct sim_sample *sample;

    if (time_ns < timeline->next_ns)
        return;
    if (timeline->count == SIM_SAMPLES_MOST)
        thin_out(timeline);
    timeline->next_ns = time_ns + timeline->interval_ns;
    (void)zc_cache_get_stats(world->cache, &cache);
    (void)zc_vm_get_stats(world->vm, &vm);
    means = sim_ages_look(ages, world);
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
        .limit_bytes = world->plan.limit_bytes,
        .payload_bytes = cache.payload_bytes,
        .frames_free = vm.frames_free,
        .zswpout = cache.zswpout,
        .zswpin = cache.zswpin,
        .zswpwb = cache.zswpwb,
        .disk_swapins = cache.disk_swapins,
        .refused = cache.reject_pool_limit + cache.reject_alloc_fail +
                   cache.reject_kmemcache_fail + cache.reject_compress_poor +
                   cache.reject_owner_limit,
        .pool_age = means.pool,
        .device_age = means.device};
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

struct picture {
    const struct sim_timeline *timeline;
    const struct sim_config *config;
};

/* Columns: seconds; accesses and faults per second; pool, limit and objects in
 * MiB; pages refused, written back and read from the device so far; the mean
 * ages in the pool and on the device, "?" where there is none. */
static void write_data(const struct sim_timeline *timeline, FILE *file)
{
    const double whole = (double)timeline->interval_ns / 1e9;

    fprintf(file, "$run << EOD\n");
    for (size_t i = 1; i < timeline->count; i++) {
        const struct sim_sample *now = &timeline->samples[i];
        const struct sim_sample *before = now - 1;
        const double seconds = (double)(now->time_ns - before->time_ns) / 1e9;

        fprintf(file, "%.4f", (double)now->time_ns / 1e9);
        /* The last interval is cut short by the end. */
        if (seconds <= 0.0 || (i > 1 && seconds < whole))
            fprintf(file, " ? ?");
        else
            fprintf(file, " %.1f %.1f",
                    (double)(now->ops - before->ops) / seconds,
                    (double)(now->faults - before->faults) / seconds);
        fprintf(file, " %.4f %.4f %.4f", (double)now->pool_bytes / 1048576.0,
                (double)now->limit_bytes / 1048576.0,
                (double)now->payload_bytes / 1048576.0);
        fprintf(file, " %" PRIu64 " %" PRIu64 " %" PRIu64, now->refused,
                now->zswpwb, now->disk_swapins);
        fprintf(file, now->pool_age == 0 ? " ?" : " %" PRIu64, now->pool_age);
        fprintf(file, now->device_age == 0 ? " ?\n" : " %" PRIu64 "\n",
                now->device_age);
    }
    fprintf(file, "EOD\n");
}

static void write_script(const void *context, FILE *file)
{
    const struct picture *picture = context;
    const struct sim_config *config = picture->config;
    const bool has_limit = picture->timeline->samples[0].limit_bytes != 0;

    write_data(picture->timeline, file);
    /* Words of choices and of codecs: nothing in them needs quotes. */
    fprintf(file,
            "set datafile missing '?'\nset termoption noenhanced\n"
            "set multiplot layout 2,2 title 'policy %s, codec %s, lru %s, "
            "placement %s'\n",
            sim_text(config, SIM_POLICY), sim_text(config, SIM_CODEC),
            sim_text(config, SIM_LRU), sim_text(config, SIM_PLACEMENT));
    fprintf(file,
            "set format x '%%g s'\nset xrange [0:*]\nset yrange [0:*]\n"
            "set border 3\nset xtics nomirror\nset ytics nomirror\n"
            "set key bmargin center horizontal maxrows 1\n"
            "set lmargin 11\nset rmargin 4\nset bmargin 4\n"
            "set style data lines\nset linetype 1 lw 2\n"
            "set linetype 2 lw 2\nset linetype 3 lw 2\n"
            "set title 'Pages so far'\n"
            "plot $run using 1:7 title 'refused', "
            "$run using 1:8 title 'written back', "
            "$run using 1:9 title 'read back'\n"
            "set title 'Mean age: accesses since the last use'\n"
            "plot $run using 1:($10) title 'in memory', "
            "$run using 1:($11) title 'on the device'\n"
            "set title 'The pool, MiB'\n"
            "plot $run using 1:4 title 'pool', "
            "$run using 1:6 title 'objects'%s\n"
            "set title 'Per second'\n"
            "plot $run using 1:($2) title 'accesses', "
            "$run using 1:($3) title 'faults'\n"
            "unset multiplot\n",
            has_limit ? ", $run using 1:5 dt 2 title 'limit'" : "");
}

bool sim_timeline_plot(const struct sim_timeline *timeline,
                       const struct sim_config *config, const char *path)
{
    const struct picture picture = {timeline, config};

    if (timeline->count < 2) {
        message_error("--plot: the run has %zu samples, and at least 2 are "
                      "needed; a smaller --interval gives more",
                      timeline->count);
        return false;
    }
    return plot_draw(path, PLOT_HEIGHT, write_script, &picture);
}
