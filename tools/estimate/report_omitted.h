/* SPDX-License-Identifier: MIT */
/*
 * report_omitted.h - what an answer does not count, as lines and as JSON.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_REPORT_OMITTED_H
#define ZCACHE_TOOL_ESTIMATE_REPORT_OMITTED_H

#include "common/json.h"
#include "common/source.h"

/* Of one origin, into an open object. */
void report_put_omitted(struct json *json, const struct source_origin *origin);

/* Of all of a source, into an open object. */
void report_put_all_omitted(struct json *json, const struct source *source);

/* Nothing where everything is counted. */
void report_print_omitted(const struct source *source, FILE *file);

#endif
