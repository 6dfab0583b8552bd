/* SPDX-License-Identifier: MIT */
/*
 * json.h - results as JSON, on standard output unless a file is given.
 *
 * Keys and text are ours and need no escapes.  NULL as a key means an element
 * of an array.
 */
#ifndef ZCACHE_BENCH_JSON_H
#define ZCACHE_BENCH_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "histogram.h"

struct json {
    FILE *file; /* NULL: standard output */
    unsigned depth;
    unsigned has_element; /* bit n: something stands at depth n already */
};

void json_begin(struct json *json, const char *key);
void json_end(struct json *json);
void json_begin_array(struct json *json, const char *key);
void json_end_array(struct json *json);
void json_number(struct json *json, const char *key, uint64_t value);
void json_real(struct json *json, const char *key, double value);
void json_text(struct json *json, const char *key, const char *value);

/* Quantiles of nanoseconds. */
void json_histogram(struct json *json, const char *key,
                    const struct histogram *histogram);

#endif
