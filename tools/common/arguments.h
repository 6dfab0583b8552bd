/* SPDX-License-Identifier: MIT */
/* arguments.h - what the command lines of the subcommands share. */
#ifndef ZCACHE_TOOL_ARGUMENTS_H
#define ZCACHE_TOOL_ARGUMENTS_H

#include "common/queue.h"

/* Most of --after: a day. */
#define AFTER_SECONDS_MOST 86400
#define AFTER_MILLISECONDS_DEFAULT 5000

/*
 * Cuts "-- COMMAND ARGS" off.  Returns the number of words before it, and the
 * command in *words_out, or NULL.
 */
int arguments_split_command(int argc, char **argv, char ***words_out);

/* Each reads one option's argument; false, and an error shown. */
bool arguments_parse_page_size(const char *text, size_t *page_size_out);
bool arguments_parse_sample(const char *text, uint64_t *sample_out);
bool arguments_parse_after(const char *text, uint64_t *milliseconds_out);

/* Explains as an error why getopt_long() refused a word. */
void arguments_explain(int result, char **argv, int next);

/* "zcache 0.1.0" */
void arguments_print_version(void);

#endif
