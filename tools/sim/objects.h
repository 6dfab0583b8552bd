/* SPDX-License-Identifier: MIT */
/* objects.h - numbers objects from 0 in the order in which they come. */
#ifndef ZCACHE_TOOL_SIM_OBJECTS_H
#define ZCACHE_TOOL_SIM_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

struct sim_objects {
    uint64_t *names;
    uint64_t *numbers; /* one more than the number; 0: a free place */
    size_t place_count;
    uint64_t count;
};

uint64_t sim_objects_number(struct sim_objects *objects, uint64_t name);
void sim_objects_free(struct sim_objects *objects);

#endif
