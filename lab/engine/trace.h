/* SPDX-License-Identifier: MIT */
/*
 * trace.h - one recorded execution, as printers and tests see it.
 *
 * Only a replay records; a search keeps counts, hashes and schedules.  A trace
 * is plain memory without pointers into the program that ran, except to static
 * strings, so that it outlives a worker process of the same image.
 */
#ifndef LAB_TRACE_H
#define LAB_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore.h"

#define LAB_ROWS 20000
#define LAB_TEXT_BYTES (512 * 1024)
#define LAB_TITLES LAB_THREADS
#define LAB_ROW_CALLS 6

enum lab_outcome {
    LAB_COMPLETE_RUN, /* every thread ended and finish() found nothing */
    LAB_FAILED,       /* lab_fail(), an oracle, a lock misused */
    LAB_DEADLOCK,     /* no thread can go on: a cycle of locks or joins */
    LAB_LOST_WAKEUP,  /* no thread can go on: one waits to be woken */
    LAB_LIVELOCK,     /* the step limit */
    LAB_CRASHED,      /* a signal ended the worker */
    LAB_BLOCKED,      /* pruned: a prefix of what was explored already */
    LAB_DIVERGED      /* a replay met another step than its string has */
};

/* One row: a step, or something said between steps. */
struct lab_row {
    uint8_t thread; /* 0: setup, finish */
    uint8_t kind;   /* enum lab_kind without flags */
    uint8_t depth;  /* calls around it and locks held */
    bool has_value;
    bool is_failure;  /* a choice: of the system */
    bool switched;    /* another thread ran before */
    bool preemption;  /* and it could have gone on */
    uint32_t blocked; /* set of threads that waited before this step */
    unsigned step;    /* number of the scheduling decision, from 1; 0: setup */
    unsigned object;
    int object_index;        /* -1: none */
    const char *object_name; /* or NULL */
    const char *verb;
    const char *function;
    const char *file;
    int line;
    uint64_t value;
    unsigned text;    /* offset in texts, 0: none: a note or entered call */
    unsigned comment; /* likewise: after // */
    unsigned call;    /* likewise: the library's function that it is part of */
    unsigned state;   /* likewise: objects that it changed, "NAME: how" lines */
    const void *calls[LAB_ROW_CALLS]; /* that it is in; NULL: no more */
};

/* The kind of failure of an execution that has ended so. */
enum lab_failure lab_failure_of_outcome(enum lab_outcome outcome,
                                        const char *what);

/* What a thread that cannot go on waits for. */
struct lab_wait {
    bool waits;
    int holder; /* of the lock it waits for; -1: none */
    unsigned kind;
    unsigned object;
    int object_index;
    const char *object_name;
    const char *function;
};

struct lab_trace {
    const char *program;
    const char *broken; /* or NULL */
    unsigned luck[LAB_LUCKS];
    unsigned luck_given; /* bits: those that the replay string has */
    const char *titles[LAB_TITLES];
    unsigned thread_count; /* highest number in use */
    enum lab_outcome outcome;
    const char *what;    /* of a failure; static */
    unsigned message;    /* offset in texts */
    unsigned opening;    /* likewise */
    unsigned detail;     /* likewise; lines end in \n */
    unsigned state;      /* likewise: objects before the first step */
    unsigned failed_row; /* rows before it were fine; row_count: the end */
    unsigned
        passed_row; /* of the first failure passed over; message, detail: */
    unsigned passed_message;
    unsigned passed_detail;
    unsigned marked_step; /* from this step on all fail; 0: unknown */
    int signal;           /* of a crash */
    unsigned preemptions;
    unsigned switches;
    unsigned steps;
    uint32_t hash; /* of the events: what a replay must meet */
    struct lab_wait waits[LAB_THREADS];
    bool truncated;
    unsigned row_count;
    unsigned text_used;
    struct lab_row rows[LAB_ROWS];
    char texts[LAB_TEXT_BYTES];
};

static inline const char *lab_trace_text(const struct lab_trace *trace,
                                         unsigned offset)
{
    return offset == 0 ? "" : trace->texts + offset;
}

#endif
