/* SPDX-License-Identifier: MIT */
/*
 * ages.c - the ages of pages.
 *
 * Threads use pages meanwhile: a page may move between the two looks at it, or
 * be used after `now` was read, and then has the age 0.
 */
#include "sim/ages.h"

#include <stdlib.h>

#include "common/tool.h"

void sim_ages_begin(struct sim_ages *ages, uint64_t page_count)
{
    ages->memory = memory_allocate((size_t)page_count, sizeof(*ages->used));
    ages->used = ages->memory;
    ages->page_count = page_count;
    atomic_init(&ages->now, 0);
    for (uint64_t i = 0; i < page_count; i++)
        atomic_init(&ages->used[i], 0);
}

void sim_ages_end(struct sim_ages *ages)
{
    free(ages->memory);
    ages->memory = NULL;
    ages->page_count = 0;
}

struct sum {
    uint64_t ages;
    uint64_t pages;
};

static uint64_t mean(const struct sum *sum)
{
    return sum->pages == 0 ? 0 : sum->ages / sum->pages;
}

struct sim_age_means sim_ages_look(const struct sim_ages *ages,
                                   const struct sim_world *world)
{
    const uint64_t step = (ages->page_count + SIM_AGES_MOST - 1) /
                          SIM_AGES_MOST;
    const uint64_t now = atomic_load_explicit(&ages->now, memory_order_relaxed);
    struct sum sums[ZC_FAULT_KINDS] = {0};

    for (uint64_t i = 0; i < ages->page_count; i += step) {
        struct zc_vm_space *space = world->spaces[i / world->plan.space_pages];
        const uint64_t used =
            atomic_load_explicit(&ages->used[i], memory_order_relaxed);
        enum zc_fault_kind kind;

        if (zc_vm_where(space, i % world->plan.space_pages, &kind) != ZC_OK)
            continue;
        sums[kind].ages += now > used ? now - used : 0;
        sums[kind].pages++;
    }
    return (struct sim_age_means){.pool = mean(&sums[ZC_FAULT_POOL]),
                                  .device = mean(&sums[ZC_FAULT_DEVICE])};
}
