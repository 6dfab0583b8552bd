/* SPDX-License-Identifier: MIT */
/* arguments.h - what the command lines of the subcommands share. */
#ifndef ZCACHE_TOOL_ARGUMENTS_H
#define ZCACHE_TOOL_ARGUMENTS_H

#include <getopt.h>

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

/* Most rows of a table of options, without the last. */
#define ARGUMENTS_MOST 96

/* A command line that is read. */
struct arguments {
    int argc;
    char **argv;
    const struct option *options; /* each val once, none is 1 or '?' */
};

/*
 * Begins to read.  False, and an error shown, if an option is given twice: the
 * second would hide the first.  Only those in `lists`, which 0 ends, may be:
 * what they name adds up, and is the caller's to add.
 */
bool arguments_begin(struct arguments *arguments, int argc, char **argv,
                     const struct option *options, const int *lists);

/*
 * The next one: its val, with its argument in optarg; 1 for a word that is no
 * option, which is optarg; -1 at the end.  '?': it is wrong, and an error was
 * shown.
 */
int arguments_next(struct arguments *arguments);

/* Adds to the argument of an option that is given again: "7" and "8,9" are
 * "7,8,9".  Returns all of it. */
const char *arguments_add(struct text *all, const char *text);

/* "zcache 0.1.0" */
void arguments_print_version(void);

#endif
