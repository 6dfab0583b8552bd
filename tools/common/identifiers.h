/* SPDX-License-Identifier: MIT */
/*
 * identifiers.h - numbers 64-bit names in their order of appearance: the
 * objects of a trace, the page frames of processes.
 */
#ifndef ZCACHE_TOOL_IDENTIFIERS_H
#define ZCACHE_TOOL_IDENTIFIERS_H

#include <stddef.h>
#include <stdint.h>

/* All zero is empty. */
struct identifiers {
    uint64_t *names;
    uint64_t *numbers; /* one more than the number; 0: a free place */
    size_t place_count;
    uint64_t count; /* different names so far */
};

/* The number of a name, from 0; a new one gets the next. */
uint64_t identifiers_number(struct identifiers *ids, uint64_t name);
void identifiers_free(struct identifiers *ids);

#endif
