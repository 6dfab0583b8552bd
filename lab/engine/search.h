/* SPDX-License-Identifier: MIT */
/*
 * search.h - exploring a program, replaying one schedule, shrinking it.
 *
 * Not for use by several threads at once; an exploration runs on the thread
 * that called it and returns when it is done.
 */
#ifndef LAB_SEARCH_H
#define LAB_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "explore.h"
#include "met.h"
#include "trace.h"

#define LAB_BOUNDS 16 /* preemption bounds that are counted apart */
#define LAB_NO_BOUND (~0u)
#define LAB_REPLAY_CHARS 4096 /* a replay string with its end */
/* For lab_find_turn(): more executions would take too long. */
#define LAB_TURN_EXECUTIONS 500
#define LAB_LUCK_MOST 1000u    /* most of a budget */
#define LAB_SCHEDULE_MAX 60000 /* decisions and choices of one execution */

enum lab_mode {
    LAB_SLEEP, /* every trace once: depth first with sleep sets */
    /* The same by source sets: fewer pruned prefixes, but executions that
     * differ only in the order of gets and puts are told apart by hash
     * alone. */
    LAB_SOURCE,
    LAB_BOUND, /* every schedule with up to `bound` preemptions */
    LAB_WALK,  /* uniform choice among the enabled */
    LAB_PCT    /* priorities with pct_depth - 1 change points */
};

struct lab_options {
    enum lab_mode mode;
    unsigned bound;        /* LAB_BOUND; LAB_NO_BOUND: all schedules */
    uint64_t executions;   /* at most; 0: no limit (random modes: 1,000) */
    uint64_t milliseconds; /* at most; 0: no limit */
    uint64_t seed;         /* of random modes */
    unsigned pct_depth;    /* 0: 3 */
    bool threads;          /* the back end of real threads */
    bool stop_at_first;    /* failure as the bug is known for */
    /* LAB_BOUND: may this thread be interrupted now?  NULL: always */
    bool (*may_preempt)(int thread);
    bool check_replay; /* run each execution twice: equal hashes? */
    bool compare;      /* run some in new processes too (reference.h) */
    bool count_traces; /* distinct ones, by hash; LAB_SLEEP has only such */
    /* Called a few times a second and at the end, or NULL. */
    void (*progress)(void *argument, uint64_t executions, uint64_t failures,
                     double seconds);
    void *progress_argument;
};

/* A schedule: each decision is a thread, each choice LAB_CHOICE + its value. */
#define LAB_CHOICE 0x80u
struct lab_schedule {
    unsigned count;
    unsigned preemptions; /* of the execution that made it */
    unsigned switches;
    bool unrecorded; /* the rest of the execution is not in it */
    uint64_t trace_hash;
    uint8_t decisions[LAB_SCHEDULE_MAX];
};

struct lab_result {
    uint64_t executions; /* all that were begun */
    uint64_t complete;   /* that ended, failures and deadlocks included */
    uint64_t blocked;    /* pruned prefixes */
    uint64_t failures;   /* of the complete: all other outcomes */
    uint64_t known; /* of the failures: what the program's bug is known for */
    uint64_t deadlocks; /* of the failures; lost wake-ups too */
    uint64_t livelocks;
    uint64_t crashes;
    uint64_t traces;               /* distinct; LAB_SLEEP: equal to complete */
    uint64_t failing_traces;       /* of these */
    uint64_t by_bound[LAB_BOUNDS]; /* with exactly k preemptions */
    uint64_t traces_by_bound[LAB_BOUNDS];  /* first seen with k */
    uint64_t failing_by_bound[LAB_BOUNDS]; /* traces, likewise */
    unsigned most_steps;
    unsigned most_threads;
    bool finished;        /* the whole space was explored */
    bool is_bounded;      /* the space: all schedules up to `bound` */
    unsigned bound;       /* preemptions */
    double estimate;      /* of executions, where not finished; 0: unknown */
    bool table_full;      /* traces is a lower bound */
    bool unpredictable;   /* equal schedules gave different hashes */
    char difference[320]; /* of two executions of a schedule, if compared */
    double seconds;
    double pct_bound; /* LAB_PCT: probability per run, 1/(n*k^(d-1)) */
    unsigned missed;  /* broken rules that code asked for, a bit each */
    struct lab_met_notes met;

    enum lab_outcome first_outcome; /* of the first failure */
    const char *first_what;
    unsigned first_preemptions;
    unsigned least_preemptions; /* of all failures */
    uint64_t first_execution;   /* its number, from 1; 0: none failed */
    struct lab_schedule first;
    /* The best failing schedule of those that were run: one that fails as the
     * program's bug is known for, then fewest preemptions, then fewest
     * switches, then least. */
    struct lab_schedule best;
};

uint64_t lab_clock(void); /* nanoseconds that only go forward */

/* An all-zero struct lab_options with a mode is valid.  False: out of memory,
 * or the program cannot be run (said on stderr). */
bool lab_explore(const struct lab_program *program,
                 const struct lab_options *options, struct lab_result *result);

/*
 * Runs one schedule and records it.  Where the schedule ends before the
 * program does, the current thread goes on while it can, then the lowest.
 * False: the schedule cannot be followed; outcome is then LAB_DIVERGED and the
 * message says at which step and how.
 */
bool lab_record(const struct lab_program *program, bool threads,
                const struct lab_schedule *schedule, struct lab_trace *trace);

/*
 * The shortest failing schedule of the program: fewest preemptions, then
 * fewest switches, then the least in order among equal traces, and the step
 * from which every continuation fails (trace->marked_step).  `failing` is any
 * failing schedule; if it fails as the program's bug is known for, so does the
 * shortest.  milliseconds limits the search (0: 10,000), after which the best
 * so far is taken and false returned.
 */
bool lab_minimise(const struct lab_program *program,
                  const struct lab_schedule *failing, uint64_t milliseconds,
                  struct lab_schedule *least, struct lab_trace *trace);

/*
 * Records a failing schedule and finds the step from which every continuation
 * fails.  Each step that is tested may take `executions` (0: no limit, but
 * `milliseconds` in all).
 */
void lab_find_turn(const struct lab_program *program,
                   const struct lab_schedule *failing, uint64_t executions,
                   uint64_t milliseconds, struct lab_trace *trace);

/*
 * Explores every trace: by sleep sets first; where they prune too late, by
 * source sets.  Ignores the mode of the options.
 */
bool lab_explore_all(const struct lab_program *program,
                     const struct lab_options *options,
                     struct lab_result *result);

/* zr1:NAME:RULE:1*4,2*4,c1,1*3#5f0c21aa; false: it does not fit. */
bool lab_replay_format(const struct lab_trace *trace,
                       const struct lab_schedule *schedule,
                       char text[LAB_REPLAY_CHARS]);

struct lab_replay {
    char name[64];
    char broken[256]; /* empty: none */
    uint32_t hash;
    unsigned luck[LAB_LUCKS];
    unsigned luck_given; /* bits */
    struct lab_schedule schedule;
};

/* NULL, or what is wrong with the string. */
const char *lab_replay_parse(const char *text, struct lab_replay *replay);

#endif
