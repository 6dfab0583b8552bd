/* SPDX-License-Identifier: MIT */
/*
 * queue.h - all that a command line names, as one source.
 *
 * Everything in one answer is in one source: files, processes, the processes of
 * a control group, a command and its children.
 */
#ifndef ZCACHE_TOOL_QUEUE_H
#define ZCACHE_TOOL_QUEUE_H

#include "common/system.h"

/* The sources that the command line names; exactly one kind. */
struct source_choice {
    char **files;
    size_t file_count;
    const char *pids;     /* "7,8" */
    bool all;             /* --all */
    const char **cgroups; /* paths */
    size_t cgroup_count;
    char **words; /* COMMAND ARGS, ended by NULL */
    uint64_t after_milliseconds;
};

/* The number of kinds of source that are named. */
unsigned source_choice_kinds(const struct source_choice *choice);

/* What is being measured. */
struct source_queue {
    const struct source_choice *choice;
    size_t page_size;
    struct pid_list pids;
    struct process_tally left_out;
    struct command command;
    bool is_again;    /* the processes were open before */
    const char *proc; /* NULL: "/proc"; a test has files that look like it */

    /* As in struct process_request. */
    void (*see_shared)(void *context, const struct source *source,
                       size_t mapping, uint64_t page);
    void *see_context;
};

/*
 * Finds everything that is named, in one source, which the caller closes.
 * False, and an error shown: a name is wrong, or there are no pages.
 */
bool source_queue_open(struct source_queue *queue, struct source *source,
                       const struct source_choice *choice, size_t page_size);

/*
 * Opens the processes once more, as they are now; the source of before stays
 * open.  False, and an error shown, if there are no pages any more.
 */
bool source_queue_again(struct source_queue *queue, struct source *source);

/* Ends a started command as soon as its pages have been read. */
void source_queue_read(struct source_queue *queue);

void source_queue_free(struct source_queue *queue);

#endif
