/* SPDX-License-Identifier: MIT */
/* trace_reading.h - what the readers of the formats of traces share. */
#ifndef ZCACHE_TOOL_SIM_TRACE_READING_H
#define ZCACHE_TOOL_SIM_TRACE_READING_H

#include "common/identifiers.h"
#include "sim/trace.h"
#include "sim/trace_input.h"

/* An operation of --trace-ops. */
struct trace_op_name {
    const char *word;
    unsigned op;
};

/* A trace while it is read. */
struct reading {
    struct trace_input input;
    struct sim_trace *trace;
    const struct sim_config *config;
    struct identifiers objects; /* their numbers are pages */
    struct identifiers names;   /* of objects and spaces, if there are spaces */
    struct identifiers spaces;
    const char *unit;   /* "line", "record" */
    uint64_t available; /* bytes of memory; 0: not known */
    char *ops_text;     /* --trace-ops, cut into words */
    struct trace_op_name *ops;
    size_t op_count;
    size_t op_capacity;
};

/* Shows an error of a line or record; returns false. */
bool trace_wrong(const struct reading *reading, uint64_t line,
                 const char *format, ...) TOOL_FORMAT(3, 4);

/* The word of an operation, in any case; false: it is not known. */
bool trace_op(const struct reading *reading, const char *word,
              unsigned *op_out);
bool trace_op_wrong(const struct reading *reading, uint64_t line,
                    const char *word);

/* A decimal number; hexadecimal with 0x, or always. */
bool trace_number(const char *text, bool is_hex, uint64_t *number_out);

/* Makes room for so many accesses; false, and an error shown, if memory has
 * none. */
bool trace_reserve(struct reading *reading, uint64_t line, uint64_t count);
/* After trace_reserve(). */
void trace_add(struct reading *reading, uint64_t space, uint64_t page,
               unsigned op);

/* Reads all lines; false, and an error shown. */
bool trace_read_csv(struct reading *reading, uint64_t format);

#endif
