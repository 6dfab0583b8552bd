/* SPDX-License-Identifier: MIT */
/* world.h - a machine, its device and its spaces, as configured. */
#ifndef ZCACHE_TOOL_SIM_WORLD_H
#define ZCACHE_TOOL_SIM_WORLD_H

#include <zcache/backing.h>
#include <zcache/swap.h>
#include <zcache/vm.h>
#include <zcache/zcache.h>

#include "sim/cold.h"
#include "sim/pages.h"
#include "sim/trace.h"

/* The amounts that follow from a configuration. */
struct sim_plan {
    uint64_t space_count;
    uint64_t space_pages;
    uint64_t total_pages;
    uint64_t frame_count;
    uint64_t limit_bytes;
    uint64_t slot_count;
};

/* The device as configured, for zc_backing_faulty. */
struct sim_device {
    struct zc_backing_faults faults;
    struct zc_backing_file file_options;
    char *file; /* NULL: memory */
};

/* False, and an error shown.  Nothing is made or opened yet. */
bool sim_device_name(struct sim_device *device,
                     const struct sim_config *config);
void sim_device_end(struct sim_device *device);

struct sim_world {
    const struct sim_config *config;
    const struct sim_corpus *corpus;
    struct sim_plan plan;
    struct sim_cold cold;
    struct zc_vm *vm;
    struct zc_cache *cache; /* of vm */
    unsigned type;          /* of the device */
    struct zc_vm_space **spaces;
    struct sim_device device;
};

/* False, and an error shown: it does not fit, or there is no memory. */
bool sim_plan_make(struct sim_plan *plan, const struct sim_config *config,
                   const struct sim_corpus *corpus,
                   const struct sim_trace *trace);

bool sim_world_open(struct sim_world *world);

/* Ends the spaces; returns how many frames, entries and slots are left over. */
uint64_t sim_world_end_spaces(struct sim_world *world);

void sim_world_close(struct sim_world *world);

#endif
