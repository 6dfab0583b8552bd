/* SPDX-License-Identifier: MIT */
/* result.c - what a run's numbers are called. */
#include "sim/run.h"

#include <stddef.h>

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member takes none */
#define OF(part, field) offsetof(struct sim_result, part.field)

const struct sim_counter sim_counters[] = {
    {"stored_pages", OF(cache, stored_pages), false},
    {"same_filled_pages", OF(cache, same_filled_pages), false},
    {"stored_incompressible_pages", OF(cache, stored_incompressible_pages),
     false},
    {"pool_bytes", OF(cache, pool_total_size), false},
    {"payload_bytes", OF(cache, payload_bytes), false},
    {"metadata_bytes", OF(accounting, metadata_bytes), false},
    {"zswpout", OF(cache, zswpout), true},
    {"zswpin", OF(cache, zswpin), true},
    {"zswpwb", OF(cache, zswpwb), true},
    {"swpin_zero", OF(cache, swpin_zero), true},
    {"swpout_zero", OF(cache, swpout_zero), true},
    {"pool_limit_hit", OF(cache, pool_limit_hit), true},
    {"reject_reclaim_fail", OF(cache, reject_reclaim_fail), true},
    {"reject_alloc_fail", OF(cache, reject_alloc_fail), true},
    {"reject_kmemcache_fail", OF(cache, reject_kmemcache_fail), true},
    {"reject_compress_poor", OF(cache, reject_compress_poor), true},
    {"reject_owner_limit", OF(cache, reject_owner_limit), true},
    {"compress_fail", OF(cache, compress_fail), true},
    {"decompress_fail", OF(cache, decompress_fail), true},
    {"replaced_pages", OF(cache, replaced_pages), true},
    {"invalidated_pages", OF(cache, invalidated_pages), true},
    {"take_retries", OF(cache, take_retries), true},
    {"disk_writes", OF(cache, disk_writes), true},
    {"disk_swapins", OF(cache, disk_swapins), true},
    {"write_errors", OF(cache, write_errors), true},
    {"stored_again", OF(cache, stored_again), true},
    {"writeback_busy", OF(cache, writeback_busy), true},
    {"writeback_stale", OF(cache, writeback_stale), true},
    {"frames_free", OF(vm, frames_free), false},
    {"swapped_out", OF(vm, swapped_out), true},
    {"fault_retries", OF(vm, fault_retries), true},
    {"pin_waits", OF(vm, pin_waits), true},
    {"installs_failed", OF(vm, installs_failed), true},
    {"reclaim_scanned", OF(vm, reclaim_scanned), true},
    {"reclaim_freed", OF(vm, reclaim_freed), true},
    {"direct_reclaims", OF(vm, direct_reclaims), true},
    {"pages_forked", OF(vm, pages_forked), true},
    {"slots_used", OF(swap, slots_used), false},
    {"stuck_folios", OF(swap, stuck_folios), false},
    {"device_pages_written", OF(swap, pages_written), true},
    {"device_pages_read", OF(swap, pages_read), true},
    {"device_read_errors", OF(swap, read_errors), true},
    {"device_write_errors", OF(swap, write_errors), true},
    {"compress_calls", OF(codec, compress_calls), true},
    {"compress_ns", OF(codec, compress_ns), true},
    {"decompress_calls", OF(codec, decompress_calls), true},
    {"decompress_ns", OF(codec, decompress_ns), true},
    {"processor_ns", OF(process, processor_ns), true},
    {"context_switches_voluntary", OF(process, slept), true},
    {"context_switches_involuntary", OF(process, preempted), true},
};

const size_t sim_counter_count = sizeof(sim_counters) / sizeof(sim_counters[0]);

uint64_t sim_counter_get(const struct sim_result *result,
                         const struct sim_counter *counter)
{
    return *(const uint64_t *)(const void *)((const char *)result +
                                             counter->offset);
}

uint64_t sim_result_faults(const struct sim_result *result)
{
    uint64_t faults = 0;

    for (unsigned kind = 0; kind < ZC_FAULT_KINDS; kind++) {
        if (kind != ZC_FAULT_NONE)
            faults += result->latency[kind].count;
    }
    return faults;
}

double sim_result_rate(const struct sim_result *result)
{
    if (result->elapsed_ns == 0)
        return 0.0;
    return (double)result->counts.ops * 1e9 / (double)result->elapsed_ns;
}

bool sim_result_good(const struct sim_result *result)
{
    return result->counts.mismatches == 0 && result->left_over == 0 &&
           result->disagrees == 0;
}
