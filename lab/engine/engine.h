/* SPDX-License-Identifier: MIT */
/*
 * engine.h - one execution, and what decides its order.
 *
 * lab_run is the state of the execution that is under way.  A thread announces
 * its step: it fills its `pending` and calls lab_schedule(), on its own stack.
 * lab_schedule() picks the next thread (from the script while there is one,
 * then by the strategy), accounts for the step of that thread and switches to
 * it.  Thread 0 is the caller of lab_execute().
 *
 * Only the running thread accesses the state here.  With the back end of real
 * threads, the hand-over of the token orders the accesses.
 */
#ifndef LAB_ENGINE_H
#define LAB_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore.h"
#include "search.h"
#include "trace.h"

#define LAB_NO_THREAD (-1)
#define LAB_HELD 16           /* locks held by one thread */
#define LAB_LIMIT 10000u      /* steps, where a program does not say */
#define LAB_OWN_STEPS 100000u /* of setup and finish */
#define LAB_NO_ROW (~0u)
#define LAB_PRUNE (-1) /* strategy: all enabled threads are asleep */
#define LAB_BIT(thread) (1u << (unsigned)(thread))

struct lab_object_state {
    const char *name;
    int index;
    int rank;
    int holder;
    bool counted; /* count is known */
    bool ended;
    uint8_t group;              /* enum lab_class of the open group of steps */
    uint64_t count;             /* references */
    uint64_t base;              /* hash of the groups before the open one */
    uint64_t sum;               /* of the hashes of the group's steps */
    unsigned version;           /* changes with each write */
    unsigned seen[LAB_THREADS]; /* version at a thread's last step on it */
};

/* How steps on one object commute. */
enum lab_class {
    LAB_CLASS_NONE,
    LAB_CLASS_READ,
    LAB_CLASS_COUNT,
    LAB_CLASS_WRITE
};

struct lab_pending {
    unsigned kind; /* with flags */
    unsigned object;
    unsigned also;
    bool timed;
    bool (*ready)(const void *);
    const void *argument;
    const void *address;
    struct lab_site site;
};

struct lab_thread_state {
    struct lab_pending pending;
    bool finished;
    bool joinable;
    bool timed_out;      /* the step granted last */
    bool took;           /* the trylock granted last */
    unsigned sequence;   /* events so far */
    unsigned last;       /* object of the last step */
    unsigned fresh_lock; /* taken by the last step, or 0 */
    unsigned held[LAB_HELD];
    unsigned held_count;
    unsigned depth; /* of calls */
    unsigned row;   /* the latest one */
    const char *title;
    void (*run)(void *);
    void *argument;
};

struct lab_oracle_state {
    const char *name;
    void (*check)(void *);
    void *argument;
    unsigned guard;
};

/* Decides after the end of the script. */
struct lab_strategy {
    bool orders_counts; /* a put conflicts with every get and put */
    /* One of `enabled`, or LAB_PRUNE. */
    int (*pick)(unsigned depth, unsigned enabled);
    unsigned (*choose)(unsigned depth, unsigned n, bool costs);
    /* The sleep set in force at the last entry of the script; may be NULL. */
    unsigned (*resume)(unsigned depth);
    /* A thread's step is granted and not done yet; may be NULL. */
    void (*granted)(int thread);
    /* A thread begins; may be NULL. */
    void (*started)(int parent, int child);
    /* The last step was done, the outcome is known; may be NULL. */
    void (*ended)(void);
    /* The process of the last execution died; may be NULL. */
    void (*lost)(void);
    /* Prepares the next execution; false: all done. */
    bool (*next)(void);
};

struct lab_back_end {
    bool (*create)(int thread, void (*entry)(int thread));
    void (*switch_to)(int from, int to);
    /* The last switch of `from`, which has ended. */
    void (*leave)(int from, int to);
    /* Every thread has ended or is abandoned. */
    void (*clear)(void);
};

extern const struct lab_back_end lab_fibers;
extern const struct lab_back_end lab_tokens;

struct lab_run {
    bool active;
    bool in_oracle;
    bool ending;
    bool unrecorded; /* a pruned prefix that runs to its end */
    enum lab_outcome outcome;
    const char *what;
    int ended_by;    /* the thread that failed */
    uint32_t passed; /* kinds of failure that were passed over, as bits */
    const char *passed_what; /* the first of them */
    int current;
    int parent; /* of the thread that is being started */
    bool starting;
    int threads; /* highest number */
    unsigned unfinished;
    unsigned steps;
    unsigned own_steps; /* of setup and finish */
    unsigned limit;
    unsigned budget;
    unsigned sleep; /* set of threads */
    unsigned preemptions;
    unsigned switches;
    unsigned depth;  /* decisions and choices so far */
    unsigned script; /* entries of the schedule that are given */
    unsigned object_count;
    unsigned oracle_count;
    unsigned diverged_at;
    uint64_t trace_hash;
    uint64_t event_hash;
    const struct lab_program *program;
    const struct lab_strategy *strategy;
    const struct lab_back_end *back_end;
    struct lab_schedule *schedule;
    struct lab_trace *trace; /* recording, or NULL */
    struct lab_thread_state thread[LAB_THREADS];
    struct lab_oracle_state oracle[LAB_ORACLES];
};

extern struct lab_run lab_run;
extern const struct lab_observer *lab_watcher;

/* One execution: the program, and how to run it. */
struct lab_order {
    const struct lab_program *program;
    const struct lab_strategy *strategy;
    bool threads;
    unsigned script; /* entries of the schedule that are given */
    struct lab_schedule *schedule;
    struct lab_trace *trace; /* or NULL */
};

/* Runs one execution in this process; the outcome is in lab_run. */
void lab_execute(const struct lab_order *order);

/* --- run.c ----------------------------------------------------------- */

/* Announces the pending step of the current thread and waits for its turn. */
void lab_schedule(void);
/* Accounts for a thread's pending step; depth must be up to date. */
void lab_grant(int number);
/* Ends the execution from a thread of it. */
void lab_end_execution(enum lab_outcome outcome, const char *what);
/* A thread that has done nothing. */
void lab_thread_reset(struct lab_thread_state *thread);
/* Starts a thread and runs it to its first step. */
bool lab_start(int thread);
bool lab_can_run(int thread);    /* its step is ready */
bool lab_is_enabled(int thread); /* or it may time out */
unsigned lab_enabled(void);
void lab_check_oracles(unsigned guard);
/* Appends a decision or a choice to the schedule. */
void lab_note_decision(uint8_t decision);

/* --- conflict.c ------------------------------------------------------ */

bool lab_conflict(const struct lab_pending *a, const struct lab_pending *b);
void lab_hash_step(struct lab_thread_state *thread, int number);
void lab_hash_choice(unsigned value);
uint64_t lab_mix(uint64_t a, uint64_t b);

/* --- object.c -------------------------------------------------------- */

extern struct lab_object_state lab_objects[LAB_OBJECTS];
void lab_objects_reset(void);
/* The number of the object at an address; a new object if there is none. */
unsigned lab_object_find(const void *address);

/* --- record.c -------------------------------------------------------- */

void lab_record_begin(const struct lab_program *program);
void lab_record_step(int thread, bool switched, bool preemption);
/* costs: it is a failure. */
void lab_record_choice(const char *what, unsigned value, bool costs);
void lab_record_value(uint64_t value);
/* The next entry of the script is impossible. */
void lab_record_divergence(int entry);
void lab_record_end(void);
/* Keeps a text and returns its offset. */
unsigned lab_record_text(const char *format, va_list arguments)
    LAB_PRINTF(1, 0);
void lab_record_message(const char *format, va_list arguments) LAB_PRINTF(1, 0);
/* A failure is passed over; `is_first` of this execution. */
void lab_record_passed(const char *what, bool is_first);

#endif
