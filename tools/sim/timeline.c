/* SPDX-License-Identifier: MIT */
/* timeline.c - samples of a run, and as CSV. */
#include "sim/timeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/world.h"

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
    sample->zswpout -= before->zswpout;
    sample->zswpin -= before->zswpin;
    sample->zswpwb -= before->zswpwb;
    sample->disk_swapins -= before->disk_swapins;
    sample->rejects -= before->rejects;
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
        .rejects = cache.reject_reclaim_fail + cache.reject_alloc_fail +
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
    fputs("seconds,ops,faults,stored_pages,pool_bytes,payload_bytes,"
          "frames_free,zswpout,zswpin,zswpwb,disk_swapins,rejects\n",
          file);
    for (size_t i = 0; i < timeline->count; i++) {
        const struct sim_sample *sample = &timeline->samples[i];

        fprintf(file,
                "%.3f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                ",%" PRIu64 "\n",
                (double)sample->time_ns / 1e9, sample->ops, sample->faults,
                sample->stored_pages, sample->pool_bytes, sample->payload_bytes,
                sample->frames_free, sample->zswpout, sample->zswpin,
                sample->zswpwb, sample->disk_swapins, sample->rejects);
    }
}
