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
#define LAB_WORD_BYTES 8u

/* What the steps on one byte of a word have done.  An object that is no word
 * has one of these. */
struct lab_byte {
    uint8_t group;    /* enum lab_class of the open group of steps */
    unsigned version; /* changes with each write */
    uint64_t base;    /* hash of the groups before the open one */
    uint64_t sum;     /* of the hashes of the group's steps */
};

struct lab_object_state {
    const char *name;
    int index;
    int rank;
    int holder;
    bool counted; /* count is known */
    bool ended;
    bool in_word;
    unsigned word;  /* the object that has its bytes; often itself */
    uint64_t count; /* references */
    struct lab_byte bytes[LAB_WORD_BYTES];
};

/* How steps on one object commute. */
enum lab_class {
    LAB_CLASS_NONE,
    LAB_CLASS_READ,
    LAB_CLASS_COUNT,
    LAB_CLASS_WRITE
};

/* A step that changed nothing. */
struct lab_look {
    uint64_t state; /* of its thread, before it; 0: not known */
    unsigned object;
    unsigned version; /* of the bytes, after it */
    uint8_t bytes;
    uint8_t kind;
    bool chosen; /* what followed was a choice */
};

#define LAB_LOOKS 64

/* Why a thread waits for a change of what it looked at. */
enum lab_spin {
    LAB_SPIN_NONE,
    LAB_SPIN_IN_VAIN, /* it would do the same again */
    LAB_SPIN_GUESSED  /* it seems so */
};

struct lab_pending {
    unsigned kind; /* with flags */
    unsigned object;
    unsigned also;
    uint8_t bytes;  /* of the object's word, a bit each */
    uint32_t limit; /* of a PUT, of a TRY_GET */
    bool timed;
    bool (*ready)(const void *);
    const void *argument;
    const void *address;
    const void *pc; /* of an atomic of user code */
    uint64_t state; /* of the thread; 0: not known */
    struct lab_site site;
};

struct lab_thread_state {
    struct lab_pending pending;
    bool finished;
    bool joinable;
    bool timed_out;      /* the step granted last */
    bool took;           /* the trylock granted last */
    bool kept;           /* the step granted last left its object as it was */
    unsigned sequence;   /* events so far */
    unsigned fresh_lock; /* taken by the last step, or 0 */
    unsigned held[LAB_HELD];
    unsigned held_count;
    unsigned depth; /* of calls */
    unsigned row;   /* the latest one */
    const char *title;
    void (*run)(void *);
    void *argument;
    const void *stack; /* its begin, the highest address */
    uint64_t state;    /* for the next announcement; 0: not known */
    /* spin.c: the looks since the last change, or some of them. */
    enum lab_spin spin;
    unsigned round; /* it waits for what it looked at from here on */
    bool in_vain;   /* the round that it named came to nothing */
    bool chose;     /* since its last step */
    unsigned look_count;
    unsigned looked;  /* before the last step */
    unsigned changes; /* since the round that it named began */
    struct lab_look looks[LAB_LOOKS];
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
    bool wakes;         /* it wakes sleepers itself */
    /* A thread that went round in vain waits to the end. */
    bool spinners_stay;
    /* May an execution be dropped in which such a thread can go on?  NULL: no.
     */
    bool (*drops_spins)(void);
    /* One of `enabled`, or LAB_PRUNE. */
    int (*pick)(unsigned depth, unsigned enabled);
    unsigned (*choose)(unsigned depth, unsigned n, bool costs);
    /* The sleep set in force at the last entry of the script; may be NULL. */
    unsigned (*resume)(unsigned depth);
    /* A thread's step is granted and not done yet; may be NULL. */
    void (*granted)(int thread);
    /* The rest of the execution is dropped; may be NULL. */
    void (*dropped)(void);
    /* A thread begins; may be NULL. */
    void (*started)(int parent, int child);
    /* The last step was done, the outcome is known; may be NULL. */
    void (*ended)(void);
    /* The process of the last execution died; may be NULL. */
    void (*lost)(void);
    /* Prepares the next execution; false: all done. */
    bool (*next)(void);
    /* Executions in all, as far as it can be said; may be NULL. */
    double (*estimate)(void);
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
    unsigned luck[LAB_LUCKS];
    unsigned sleep;    /* set of threads */
    unsigned spinning; /* threads that wait for a change */
    unsigned guessed;  /* of these */
    bool stuck;        /* no thread can go on */
    bool excluded;     /* by lab_exclude() */
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
bool lab_keeps_turn(int thread); /* and to switch away is a preemption */
bool lab_is_enabled(int thread); /* or it may time out */
unsigned lab_enabled(void);
void lab_check_oracles(unsigned guard);
/* The pending step of a thread is granted, and wakes those of the set whose own
 * pending step conflicts with it. */
void lab_wake_sleepers(int thread, unsigned set);
/* Appends a decision or a choice to the schedule. */
void lab_note_decision(uint8_t decision);

/* --- spin.c ---------------------------------------------------------- */

/* The pending step is announced, is granted, has left its object as it was, was
 * followed by a choice. */
void lab_spin_announce(struct lab_thread_state *thread);
void lab_spin_grant(struct lab_thread_state *thread);
void lab_spin_unchanged(struct lab_thread_state *thread);
void lab_spin_chosen(struct lab_thread_state *thread);
bool lab_spin_can_run(const struct lab_thread_state *thread);
/* Has what a thread waits for changed that went round in vain? */
bool lab_spin_is_over(void);

/* --- choice.c -------------------------------------------------------- */

/* May a time limit expire now?  It does. */
bool lab_time_may_run_out(void);
void lab_time_ran_out(void);

/* --- conflict.c ------------------------------------------------------ */

bool lab_conflict(const struct lab_pending *a, const struct lab_pending *b);
/* Do the steps touch the same bytes? */
bool lab_overlap(unsigned one, uint8_t bytes, unsigned other, uint8_t others);
void lab_hash_step(struct lab_thread_state *thread, int number);
void lab_hash_choice(unsigned value);
uint64_t lab_mix(uint64_t a, uint64_t b);

/* --- object.c -------------------------------------------------------- */

extern struct lab_object_state lab_objects[LAB_OBJECTS];
void lab_objects_reset(void);
/* The number of the object at an address; a new object if there is none. */
unsigned lab_object_find(const void *address);
/* As diagrams call it: "mutex 2".  Two texts may be in use at a time. */
const char *lab_object_text(unsigned object);
/* Makes the object a part of its aligned word; which bytes it is there. */
uint8_t lab_object_join_word(unsigned object, const void *address, size_t size);
/* Changes with each write to these bytes of the object's word. */
unsigned lab_object_version(unsigned object, uint8_t bytes);
/* Notes a write; by -1: it was none. */
void lab_object_change(unsigned object, uint8_t bytes, int by);

/* --- record.c -------------------------------------------------------- */

void lab_record_begin(const struct lab_program *program);
void lab_record_step(int thread, bool switched, bool preemption);
/* costs: it is a failure. */
void lab_record_choice(const char *what, unsigned value, bool costs);
void lab_record_value(uint64_t value);
/* The next entry of the script is impossible. */
void lab_record_divergence(int entry);
void lab_record_end(void);
/* Notes how objects are after the latest step. */
void lab_record_state(void);
/* Keeps a text and returns its offset. */
unsigned lab_record_text(const char *format, va_list arguments)
    LAB_PRINTF(1, 0);
unsigned lab_record_keep(const char *format, ...) LAB_PRINTF(1, 2);
void lab_record_message(const char *format, va_list arguments) LAB_PRINTF(1, 0);
/* A failure is passed over; `is_first` of this execution. */
void lab_record_passed(const char *what, bool is_first);

#endif
