/* SPDX-License-Identifier: MIT */
/*
 * cold.h - what a simulation does with pages that were not used for a while.
 *
 * An age is a number of accesses of all threads, so that a run with one thread
 * is the same again.  The library keeps ages in 15 bits; so its clock counts
 * some accesses at a time.
 */
#ifndef ZCACHE_TOOL_SIM_COLD_H
#define ZCACHE_TOOL_SIM_COLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <zcache/zcache.h>

#include "sim/config.h"

struct sim_cold {
    const struct sim_config *config;
    uint64_t unit;        /* accesses in one of the clock; 0: no ages */
    _Atomic uint64_t now; /* accesses so far */
    /* 1: a thread does it now; another one does not begin. */
    _Atomic uint32_t recompresses;
    _Atomic uint32_t writes_back;
    _Atomic uint32_t failed; /* 1: an error of a call was shown */
};

void sim_cold_begin(struct sim_cold *cold, const struct sim_config *config);

/* zc_cache_options.clock; the user is the struct sim_cold. */
uint32_t sim_cold_clock(void *user);

/* After an access: writes back, and compresses again, when it is time.  The
 * owners of pages are 0 to owner_count - 1. */
void sim_cold_step(struct sim_cold *cold, struct zc_cache *cache,
                   unsigned owner_count);

#endif
