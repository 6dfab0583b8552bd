/* SPDX-License-Identifier: MIT */
/*
 * queue.h - the sources that a command line names, one after the other.
 *
 * Each file and each process is a source of its own; a control group is one,
 * and so is a command with its children.
 */
#ifndef ZCACHE_TOOL_QUEUE_H
#define ZCACHE_TOOL_QUEUE_H

#include "common/system.h"

/* What the command line names; exactly one of these. */
struct source_choice {
    char **files;
    size_t file_count;
    const char *pids;   /* "7,8" */
    bool all;           /* --all */
    const char *cgroup; /* a path */
    char **words;       /* COMMAND ARGS, ended by NULL */
    uint64_t after_milliseconds;
};

/* How many kinds of source are named. */
unsigned source_choice_kinds(const struct source_choice *choice);

struct source_queue {
    const struct source_choice *choice;
    size_t page_size;
    struct pid_list pids;
    size_t next;  /* of files or pids; others have one */
    size_t found; /* sources that were opened */
    struct process_tally left_out;
    struct command command;
};

enum queue_step {
    QUEUE_SOURCE, /* here is one; close it */
    QUEUE_END,
    QUEUE_FAILED /* an error, which was shown */
};

/* Looks at everything that is named, so that a bad name is seen early. */
bool source_queue_begin(struct source_queue *queue,
                        const struct source_choice *choice, size_t page_size);
enum queue_step source_queue_next(struct source_queue *queue,
                                  struct source *source);

/*
 * Whether a source that ended before a page of it was read is an error, which
 * is then shown; where there are many, it is left out.
 */
bool source_queue_must_have(struct source_queue *queue,
                            const struct source *source);

/* Ends a command of ours as soon as its pages have been read. */
void source_queue_read(struct source_queue *queue);

/* Says what was left out; false, and an error, if that is everything. */
bool source_queue_finish(struct source_queue *queue);
void source_queue_free(struct source_queue *queue);

#endif
