/* SPDX-License-Identifier: MIT */
/*
 * queue.h - the sources that a command line names, one after another.
 *
 * Each file and each process is a source of its own; a control group is one
 * source, and so is a command with its children.
 */
#ifndef ZCACHE_TOOL_QUEUE_H
#define ZCACHE_TOOL_QUEUE_H

#include "common/system.h"

/* The sources that the command line names; exactly one kind. */
struct source_choice {
    char **files;
    size_t file_count;
    const char *pids;   /* "7,8" */
    bool all;           /* --all */
    const char *cgroup; /* a path */
    char **words;       /* COMMAND ARGS, ended by NULL */
    uint64_t after_milliseconds;
};

/* The number of kinds of source that are named. */
unsigned source_choice_kinds(const struct source_choice *choice);

struct source_queue {
    const struct source_choice *choice;
    size_t page_size;
    struct pid_list pids;
    size_t next;  /* of files or pids; other kinds have one */
    size_t found; /* sources that were opened */
    struct process_tally left_out;
    struct command command;
};

enum queue_step {
    QUEUE_SOURCE, /* a source, which the caller closes */
    QUEUE_END,
    QUEUE_FAILED /* an error, which was shown */
};

/* Checks everything that is named, so that a wrong name is reported early. */
bool source_queue_begin(struct source_queue *queue,
                        const struct source_choice *choice, size_t page_size);
enum queue_step source_queue_next(struct source_queue *queue,
                                  struct source *source);

/*
 * Is it an error, which is then shown, that a source ended before any page was
 * read?  Of many sources one is left out instead.
 */
bool source_queue_must_have(struct source_queue *queue,
                            const struct source *source);

/* Ends a started command as soon as its pages have been read. */
void source_queue_read(struct source_queue *queue);

/* Shows what was left out; false, and an error, if that is everything. */
bool source_queue_finish(struct source_queue *queue);
void source_queue_free(struct source_queue *queue);

#endif
