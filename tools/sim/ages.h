/* SPDX-License-Identifier: MIT */
/*
 * ages.h - how long pages were not used, by where they are.
 *
 * The age of a page is the number of accesses since its last one, of all
 * threads, those that fill the pages included.  The copies of a fork are not
 * counted, and what is done to them makes no page of the parent younger.
 */
#ifndef ZCACHE_TOOL_SIM_AGES_H
#define ZCACHE_TOOL_SIM_AGES_H

#include <stdatomic.h>

#include "sim/world.h"

struct sim_ages {
    _Atomic uint64_t *used; /* of each page: the number of its last access */
    void *memory;           /* of `used` */
    uint64_t page_count;    /* 0: ages are not wanted */
    _Atomic uint64_t now;   /* accesses so far */
};

/* Means; 0 where there is no page. */
struct sim_age_means {
    uint64_t pool;   /* of pages with an object in compressed memory */
    uint64_t device; /* of pages that are on the device alone */
};

void sim_ages_begin(struct sim_ages *ages, uint64_t page_count);
void sim_ages_end(struct sim_ages *ages);

/* An access to a page, by any thread. */
static inline void sim_ages_use(struct sim_ages *ages, uint64_t index)
{
    if (ages->page_count == 0)
        return;
    atomic_store_explicit(
        &ages->used[index],
        atomic_fetch_add_explicit(&ages->now, 1, memory_order_relaxed) + 1,
        memory_order_relaxed);
}

/* Of all pages, or of SIM_AGES_MOST of them, evenly spaced. */
#define SIM_AGES_MOST 4096
struct sim_age_means sim_ages_look(const struct sim_ages *ages,
                                   const struct sim_world *world);

#endif
