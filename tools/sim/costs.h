/* SPDX-License-Identifier: MIT */
/*
 * costs.h - what it costs to compress a page, to decompress it, to write it to
 * the device and to read it from there, on the pages of a simulation.
 *
 * A run's own clock meets whatever else the machine does meanwhile.  So the
 * settings of a sweep take turns here, on one thread and before the runs, with
 * the same pages; and each pass has costs of its own, by which two runs are
 * compared.
 */
#ifndef ZCACHE_TOOL_SIM_COSTS_H
#define ZCACHE_TOOL_SIM_COSTS_H

#include "common/variant.h"
#include "sim/world.h"

enum sim_cost_kind {
    SIM_COST_COMPRESS,
    SIM_COST_DECOMPRESS,
    SIM_COST_WRITE,
    SIM_COST_READ,
    SIM_COST_KINDS
};

#define SIM_COST_PASSES 5
#define SIM_COST_PAGES 256

/* Of one setting: nanoseconds of a page, mean of those of a pass. */
struct sim_cost {
    uint64_t nanoseconds[SIM_COST_KINDS][SIM_COST_PASSES];
};

/* A codec with pages, and what both directions cost. */
struct sim_cost_codec {
    const struct sim_config *config; /* the first that has it */
    uint64_t nanoseconds[2][SIM_COST_PASSES];
    size_t page_size;
    size_t page_count;
    unsigned char *pages;
    unsigned char *data; /* a few pages, compressed */
    struct codec_list list;
    void *context;
};

/* A device.  Runs with different codecs have the same costs of one device. */
struct sim_cost_device {
    const struct sim_config *config;
    uint64_t nanoseconds[2][SIM_COST_PASSES];
    struct sim_device device;
    void *backing;
};

struct sim_costs {
    struct sim_cost_codec *codecs;
    size_t codec_count;
    size_t codec_capacity;
    struct sim_cost_device *devices;
    size_t device_count;
    size_t device_capacity;
};

struct sim_cost_setting {
    size_t codec;
    size_t device;
};

/* The setting of a configuration, which stays valid as long as the costs.  The
 * corpus is only needed during the call. */
struct sim_cost_setting sim_costs_add(struct sim_costs *costs,
                                      const struct sim_config *config,
                                      const struct sim_corpus *corpus);

/* Measures all; false, and an error shown. */
bool sim_costs_measure(struct sim_costs *costs);

struct sim_cost sim_costs_of(const struct sim_costs *costs,
                             struct sim_cost_setting setting);

/* A line for each codec and each device, for a person. */
void sim_costs_print(const struct sim_costs *costs, FILE *file);

void sim_costs_free(struct sim_costs *costs);

#endif
