/* SPDX-License-Identifier: MIT */
/*
 * trace.h - recorded accesses.
 *
 * Formats: libCacheSim's oracleGeneral (records of 24 bytes, little-endian:
 * time 32 bits, object 64, size 32, next access 64), and columns.  Both name
 * objects, or pages of requests for bytes at offsets, which become pages in the
 * order of their first access.  And a text that names pages, of lines
 *
 *     r PAGE      or   r SPACE:PAGE        a read
 *     w PAGE      or   w SPACE:PAGE        a write
 *
 * in which blank lines and text after a # are ignored.
 */
#ifndef ZCACHE_TOOL_SIM_TRACE_H
#define ZCACHE_TOOL_SIM_TRACE_H

#include "sim/config.h"

enum sim_trace_op {
    SIM_TRACE_ANY, /* the trace does not say */
    SIM_TRACE_READ,
    SIM_TRACE_WRITE,
    SIM_TRACE_SKIP /* in no trace */
};

struct sim_trace_access {
    uint32_t space; /* 0 where the trace has objects */
    uint32_t op;    /* enum sim_trace_op */
    uint64_t page;  /* or the number of the object */
};

struct sim_trace {
    struct sim_trace_access *accesses;
    size_t count;
    size_t capacity;
    bool has_objects;
    uint64_t object_count;
    uint64_t space_count; /* if the trace has pages */
    uint64_t page_count;  /* of a space, if the trace has pages */
};

/* False, and an error shown with the place in the file. */
bool sim_trace_load(struct sim_trace *trace, const struct sim_config *config);
/* Would both load the same accesses? */
bool sim_trace_serves(const struct sim_config *config,
                      const struct sim_config *other);
void sim_trace_free(struct sim_trace *trace);

#endif
