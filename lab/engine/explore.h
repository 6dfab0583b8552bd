/* SPDX-License-Identifier: MIT */
/*
 * explore.h - what code under exploration tells the explorer.
 *
 * A program (struct lab_program) is a setup, some threads and a final check.
 * The explorer runs it again and again, each time under another schedule.  Only
 * one thread runs at any time.  A thread runs from one visible step to the
 * next: it announces the step *before* doing it (lab_step() and the like), may
 * be switched away there, and does it when the call returns, together with
 * everything up to its next announcement.  Nothing else runs in between.
 *
 * So the platform layer of the lab calls, before each operation,
 *
 *     lab_lock(lock, LAB_SITE("spin_lock"));        waits for its turn
 *     lab_step(LAB_READ | LAB_ACQUIRE, word, site); then reads the word
 *     lab_await(LAB_WAIT, word, changed, arg, site) waits for a condition
 *
 * The explorer owns the schedule, the holder of each lock, ranks, the wait
 * cycle, object numbers and the recorded trace.  It does not own memory, vector
 * clocks or annotations.  A race detector keeps its own clocks, one per thread
 * and one per object, in its struct lab_observer: step() is called when a step
 * has been granted and before it is done, in the order in which the steps
 * happen, with LAB_ACQUIRE and LAB_RELEASE as declared.
 *
 * Determinism is the caller's duty: between two steps a thread may depend only
 * on the program's own state.  No clock, no address order, no system call,
 * nothing left over from the execution before (setup builds everything again).
 *
 * Every function here may be called in setup and finish too (thread 0, "before
 * start"), where steps do not switch, but are still counted, checked and shown
 * to the observer.  All but lab_observe() are ignored while no execution runs,
 * and inside an oracle.
 */
#ifndef LAB_EXPLORE_H
#define LAB_EXPLORE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

#define LAB_THREADS 17   /* 0 is setup and finish; CPU#1 to CPU#16 */
#define LAB_OBJECTS 4096 /* of one execution */
#define LAB_ORACLES 16

#if defined(__GNUC__)
#define LAB_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define LAB_PRINTF(at, first)
#endif

/* --- steps ----------------------------------------------------------- */

/*
 * What a step does to its object.  Two steps of different threads on one
 * object commute if both only read (READ, RELAX, JOIN), or both are GET or PUT
 * and no PUT among them leaves zero in either order.  All others conflict; a
 * compare-and-swap is an RMW whether it succeeds or not.
 *
 * GET, PUT and TRY_GET are for reference counts.  The code uses the count that
 * a PUT leaves only if it is not above a limit, which is 0 if lab_step()
 * announces it; a TRY_GET adds one if the count is above its limit.
 * lab_step_count() announces a limit.  The count is the last lab_value() of the
 * object; while it is unknown, a PUT conflicts with every GET and PUT.
 */
enum lab_kind {
    LAB_READ,
    LAB_WRITE,
    LAB_RMW,
    LAB_LOCK,
    LAB_UNLOCK,
    LAB_TRYLOCK,
    LAB_WAIT, /* park: usually by lab_await() */
    LAB_WAKE,
    LAB_GET,
    LAB_PUT,
    LAB_TRY_GET,  /* lab_unchanged() if it adds nothing */
    LAB_SUBMIT,   /* I/O begins: conflicts on its object */
    LAB_COMPLETE, /* I/O ends */
    LAB_ALLOC,    /* of shared memory, where reuse is explored */
    LAB_FREE,
    LAB_RELAX,
    LAB_SPAWN,
    LAB_JOIN,
    LAB_END,    /* of a thread that can be joined */
    LAB_POINT,  /* "decompress": a place to switch, no object */
    LAB_CHOOSE, /* from here on: no scheduling points, rows only */
    LAB_NOTE,
    LAB_ENTER,
    LAB_LEAVE,
    LAB_KINDS
};

/* Or-ed to a kind, for the observer only. */
#define LAB_ACQUIRE 0x100u
#define LAB_RELEASE 0x200u

/* Where a step is and how a row calls it; the explorer copies it. */
struct lab_site {
    const char *verb;     /* "spin_lock"; NULL: a default for the kind */
    const char *function; /* static strings all */
    const char *file;
    int line;
};

#define LAB_SITE(verb_)                                                        \
    (&(const struct lab_site){(verb_), __func__, __FILE__, __LINE__})

/* Announces a step on an object; NULL is no object (LAB_POINT). */
void lab_step(unsigned kind, const void *object, const struct lab_site *site);

/* The same for an atomic of 1 to 8 bytes, which may overlap others; pc: where
 * it is. */
void lab_step_bytes(unsigned kind, const void *word, size_t size,
                    const struct lab_site *site, const void *pc);

/* The same for a PUT or a TRY_GET with a limit. */
void lab_step_count(unsigned kind, const void *count, uint32_t limit,
                    const struct lab_site *site);

/* The same for a step that also writes a second object: waiting on a condition
 * unlocks its mutex. */
void lab_step_also(unsigned kind, const void *object, const void *also,
                   const struct lab_site *site);

/*
 * A step that can be done only while ready(argument) is true.  What ready()
 * reads may be changed only by steps of other threads that write this object.
 * It is called often, by the scheduler, and must not step.
 */
void lab_await(unsigned kind, const void *object, bool (*ready)(const void *),
               const void *argument, const struct lab_site *site);

/* The same with a time limit.  False: the time ran out.  This is explored
 * wherever the budget of LAB_TIMEOUT, or else that of failures, allows, and
 * happens where no thread can run. */
bool lab_await_timed(unsigned kind, const void *object,
                     bool (*ready)(const void *), const void *argument,
                     const struct lab_site *site);

/*
 * Locks.  The explorer keeps the holder: a thread at lab_lock() is enabled only
 * while the lock is free.  The explorer itself finds these failures: a lock
 * taken twice, out of rank order, unlocked by a thread that does not hold it,
 * held at the end of a thread, destroyed while held.
 */
void lab_lock(const void *lock, const struct lab_site *site);
bool lab_trylock(const void *lock, const struct lab_site *site);
void lab_unlock(const void *lock, const struct lab_site *site);
/* Unlocks within the current step, which named the lock as `also`. */
void lab_unlock_within(const void *lock);
bool lab_holds(const void *lock); /* this thread */
int lab_holder(const void *lock); /* -1: no thread */

/* --- waiting loops --------------------------------------------------- */

/*
 * The thread's local state at its next announcement: a number that is equal
 * only if the thread would do the same from there, as long as no other thread
 * changes anything; not 0.  A thread that comes back to a state, and changed
 * nothing since it was there, waits until something changes that it looked at
 * on the way.  A state that is not told is not known.
 */
void lab_state(uint64_t state);
/* A known state has this part too. */
void lab_state_and(uint64_t more);

/* The same for C code that the lab did not compile: its stack and its saved
 * registers.  It is used in the function that this code calls. */
#if defined(__x86_64__)
#define LAB_SAVED_BYTES (5 * sizeof(uint64_t)) /* below the frame's address */
#elif defined(__aarch64__) && defined(__clang__)
#define LAB_SAVED_BYTES (18 * sizeof(uint64_t))
#elif defined(__aarch64__)
#define LAB_SAVED_BYTES 0 /* above it */
#endif
#ifdef LAB_SAVED_BYTES
#define LAB_STATE_OF_CALLER()                                                  \
    (__builtin_unwind_init(),                                                  \
     lab_state_of_caller(__builtin_frame_address(0), LAB_SAVED_BYTES))
#else
#define LAB_STATE_OF_CALLER() ((void)0)
#endif
void lab_state_of_caller(const void *frame, size_t saved);

/* The thread has changed something that is no object, and not on its stack. */
extern bool lab_written;
bool lab_on_stack(const void *memory); /* of this thread */

/* A turn of a loop that waits: to switch away here is no preemption.  Where the
 * local state is not known, the thread waits for a change of what it looked at.
 */
void lab_relax(const struct lab_site *site);

/*
 * A round that the program names: lab_round_begin(), looks, and
 * lab_round_in_vain() if they show that the thread must wait.  It then waits at
 * the first step of the next round.  False: there was no step, or one that
 * changed something.
 */
void lab_round_begin(void);
bool lab_round_in_vain(void);

/* This execution is not of interest: it does not count.  Returns in setup and
 * finish only. */
void lab_exclude(void);

/*
 * The value that the step just granted read or left: shown in its row, part of
 * the event hash.  For GET and PUT, and for the WRITE that begins a reference
 * count, it is the count after the step.  Call it before the next announcement.
 */
void lab_value(uint64_t value);

/* The step just granted left its object unchanged (a failed compare-and-swap):
 * no thread waited for that. */
void lab_unchanged(void);

/* The step granted last, or what its thread did after it, accessed memory. */
void lab_touched(const void *memory, size_t size, bool writes);
/* The search leaves out orders of sections and of counts that make no
 * difference but to a detector of races. */
extern bool lab_orders_less;
/* In such an order there may be a race: the search shall leave out none. */
void lab_doubt_order(void);

/* --- choices --------------------------------------------------------- */

/*
 * Returns 0 to n - 1; all are explored.  0 is what normally happens; any other
 * value uses one of the failure budget, and when that is spent the answer is 0.
 * `what` names the choice in the row: "?alloc=1".
 */
unsigned lab_choose(unsigned n, const char *what);

/* The same for choices that are no failures (which waiter wakes): free. */
unsigned lab_pick(unsigned n, const char *what);

/* What happens for no reason of the program's; each has a budget of its own. */
enum lab_luck {
    LAB_SPURIOUS, /* a wait for a condition ends without a signal */
    LAB_TIMEOUT,  /* a time limit expires though a thread could run */
    LAB_WEAK,     /* a weak compare-exchange fails on the expected value */
    LAB_REUSE,    /* malloc() gives a freed block again */
    LAB_LUCKS
};

/* Does it happen here?  Explored while the budget lasts; with a budget of 0
 * from the start it is no choice. */
bool lab_happens(enum lab_luck luck);
/* The budget at the start of an execution. */
unsigned lab_luck_budget(enum lab_luck luck);
const char *lab_luck_name(enum lab_luck luck);
/* Are time limits that expire explored? */
bool lab_times_out(void);

/* --- objects --------------------------------------------------------- */

/*
 * Begins the life of an object at an address and forgets the one before.  An
 * undeclared object begins with its first step.  Numbers go up from 1 in the
 * order of an execution and do not depend on addresses.
 *
 * name   static; "shard"       index  shown after it, -1: not shown
 * rank   locks are taken in rising rank; -1: not checked
 *
 * Returns the number.
 */
unsigned lab_object(const void *address, const char *name, int index, int rank);
void lab_object_end(const void *address);
unsigned lab_object_number(const void *address); /* 0: unknown */

/* --- failures and oracles -------------------------------------------- */

/* Ends this execution as a finding at the current row.  `what` is a static
 * short name of the kind ("entry used after free"); the rest says more.  It
 * returns in setup, finish and oracles, where the first failure counts, and
 * where the program's bug is known for another failure: then the execution goes
 * on to see whether that comes, and this one counts only if it does not.  Code
 * after the call must go on safely. */
void lab_fail(const char *what, const char *format, ...) LAB_PRINTF(2, 3);

/* Has this execution failed? */
bool lab_has_failed(void);
/* Was a failure of this kind passed over before?  Then it is not said again. */
bool lab_is_passed(const char *what);

/* A line below the diagram: "entry: allocated by CPU#1 before start, freed by
 * CPU#1 at entry.c:141".  Call it before lab_fail(). */
void lab_detail(const char *format, ...) LAB_PRINTF(1, 2);

/*
 * An invariant.  It is checked for the rest of this execution right after each
 * unlock of `guard`, while the lock is free; guard NULL: before each step.  It
 * reads the program's state, calls lab_fail() if that is wrong, and must not
 * wait.
 */
void lab_oracle(const char *name, void (*check)(void *), void *argument,
                const void *guard);
bool lab_in_oracle(void); /* or no execution runs: do not watch accesses */

/* Memory that is left at the end is no failure: what looks for it asks. */
extern bool lab_no_leaks;

/* --- rows of the diagram --------------------------------------------- */

/*
 * Rows that are no steps.  They exist only while a trace is being recorded
 * (lab_recording(); a search does not format anything), so they may not
 * influence the program.
 */
bool lab_recording(void);
bool lab_is_recorded(void); /* will this execution be?  Also before setup */
void lab_opening(const char *format, ...) LAB_PRINTF(1, 2); /* first line */
void lab_note(const char *format, ...) LAB_PRINTF(1, 2);    /* "decompress" */
/* A note of what a thread did at an earlier step. */
void lab_note_at(int thread, unsigned step, const char *format, ...)
    LAB_PRINTF(3, 4);
void lab_enter(const char *format, ...) LAB_PRINTF(1, 2); /* and deeper */
void lab_leave(void);
/* "2 refs": after // in this thread's latest row. */
void lab_comment(const char *format, ...) LAB_PRINTF(1, 2);

/* --- threads --------------------------------------------------------- */

int lab_thread(void);   /* 0: setup, finish; -1: no execution runs */
unsigned lab_now(void); /* number of steps granted: a virtual clock */

/* Starts a thread besides those of the program; it ends with a LAB_END step.
 * -1: no thread could be started.  title: static. */
int lab_spawn(void (*run)(void *), void *argument, const char *title);
void lab_join(int thread, const struct lab_site *site);
/* Ends this thread as if its function had returned.  Returns in setup and
 * finish, where it is a failure. */
void lab_thread_exit(void);
/* Is the address below the stack of this thread, where an overflow writes? */
bool lab_below_stack(const void *address);

/*
 * The stacks of fibers, LAB_STACK_BYTES for each thread, as if they lay side by
 * side in the order of the threads: the offset of an address (SIZE_MAX: on none
 * of them), and back.
 */
#define LAB_STACK_BYTES ((size_t)256 * 1024)
size_t lab_stack_offset(const void *address);
const char *lab_stack_at(size_t offset);
/* The lowest address of the running fiber's stack; of none at first. */
extern uintptr_t lab_own_stack;

/* --- observers ------------------------------------------------------- */

struct lab_granted {
    int thread;
    unsigned kind;   /* with LAB_ACQUIRE, LAB_RELEASE; locks have them */
    unsigned object; /* numbers; 0: none */
    unsigned also;
    const void *address;
    unsigned step; /* lab_now() */
};

struct lab_observer {
    void (*begin)(void); /* before setup of each execution */
    void (*step)(const struct lab_granted *);
    void (*spawned)(int parent, int child);
    void (*ended)(int thread);
    void (*end)(void); /* after finish, or after a failure */
    /* The functions that a thread is in, innermost first: how many.  And the
     * names of such places, and their lines, "entry.c:112", one call for each
     * that has one.  Only while a trace is
     * recorded; both may be NULL. */
    unsigned (*calls)(int thread, const void **calls, unsigned most);
    void (*name_calls)(const void *const *calls, unsigned count,
                       void (*named)(void *context, unsigned index,
                                     const char *name, const char *line),
                       void *context);
    /* Says by lab_say_state() how objects are, while no thread is in a step.
     * Only while a trace with states is recorded; may be NULL. */
    void (*state)(void);
};

/* In lab_observer.state(): how the object of this name is. */
void lab_say_state(const char *name, const char *format, ...) LAB_PRINTF(2, 3);
/* Traces that are recorded have states. */
extern bool lab_states_wanted;

/* An observer wants to see this execution once more, if it does not fail: the
 * same schedule is run again before the outcome counts. */
void lab_repeat(void);

/* Replaces the observer; NULL: none.  Call it before exploring. */
void lab_observe(const struct lab_observer *observer);

/* --- programs -------------------------------------------------------- */

struct lab_actor {
    const char *title; /* "zc_cache_take(0:7)" */
    void (*run)(void *context);
};

struct lab_program {
    const char *name;
    const char *broken; /* the rule broken, for strings and titles, or NULL */
    enum lab_failure known; /* what the bug is known for; NONE: any failure */
    void *context;
    void (*setup)(void *context);  /* builds everything again */
    void (*finish)(void *context); /* checks, and destroys everything */
    const struct lab_actor *actors;
    unsigned actor_count;

    unsigned step_limit;     /* 0: 10,000 */
    unsigned failure_budget; /* as is: 1 is usual, 0 turns failures off */
    unsigned luck[LAB_LUCKS];
    unsigned luck_given; /* bits: those that are part of the replay string */
    /* A lock section with no step inside runs as one step. */
    bool coalesce;
    /* lab_touched() is told of every access of its threads to what they share.
     * Then two sections of a lock commute if neither writes what the other
     * accesses. */
    bool watched;
    /* Setup builds everything that outlives an execution again, and threads may
     * be abandoned at any step.  If false, a failed execution ends its worker
     * process, and another worker goes on. */
    bool disposable;
    /* Runs in worker processes all the same: a crash, an endless loop or an
     * exit() is then a failure of the execution. */
    bool isolated;
    /* Each execution has a process of its own, as the program was before the
     * first; slow.  Then it need not be disposable. */
    bool fresh;
    /* What executions leave to later ones although it should be restored, as a
     * text; NULL: nothing.  May be NULL. */
    const char *(*left)(void);
};

#endif
