/* SPDX-License-Identifier: MIT */
/*
 * lab.h - your own code in the race lab.
 *
 * A scenario is a setup, some actors that run at the same time, and a finish.
 * The lab executes it again and again, each time with the steps of the actors
 * in another order, until it has seen every order that makes a difference.  It
 * prints the shortest failing one as a diagram, which can be run again.
 *
 * The program is made by zcache_add_lab(NAME SOURCES file...), a CMake function
 * of the installed package (find_package(zcache COMPONENTS lab)), and has a
 * main() that calls zc_lab_main().  Do not link it to zcache::zcache: the lab
 * has its own build of the library, with the same headers.
 *
 * A step is, in the sources given to that function and in the library, each
 * operation on a pthread mutex or condition, each operation on a C11 atomic,
 * sched_yield() and zc_lab_point().  Between two steps an actor runs alone.
 *
 * Schedules are fair.  An actor that comes back to where it was, with the same
 * local variables, after steps that only read, waits until another actor
 * changes one of the words that it read: so a loop that spins is no failure,
 * unless no actor ever changes one of them (a livelock).  A loop that counts
 * its tries is explored try by try.
 *
 * A failure is zc_lab_fail(), assert(), abort(), exit(), a fault, a stack
 * overflow, a loop without a step; a deadlock, a lost wake-up, a livelock, a
 * mutex misused; a data race (two accesses that no lock, no atomic and no start
 * of a thread orders, wherever in the schedule they are); and, in memory that
 * malloc() gave, a use after free, a double free, a leak, and an access outside
 * a block, up to 32 bytes before and behind it.  pthread_exit() ends an actor.
 *
 * What the C library reads and writes for these sources counts too, to the
 * byte, in the functions that docs/lab.md lists: those of <string.h>,
 * snprintf(), strtol(), qsort(), read(), and their kin.
 *
 * Before each execution the lab restores what setup left: the memory of
 * malloc() and of the library; static variables of these sources, thread-local
 * ones too; locals of main().  All of this and the actors' stacks are watched
 * for data races, but for thread-local variables.
 *
 * Not restored are variables of other libraries, memory that comes from
 * elsewhere, files and sockets.  If two actors share such memory, the verdict
 * names it and is not "complete".  If executions differ by what an earlier one
 * left, that is a failure too; with --reference each execution is in a process
 * of its own, which leaves nothing behind but files.
 *
 * Limits: threads other than the actors, rwlocks, semaphores and other
 * allocators are not on the list of what these sources may call, and fail the
 * build (ZcacheLabCalls.txt beside that function).  What an actor does may
 * depend on the schedule alone: not on clocks, random numbers or addresses.
 *
 * Relaxed atomics and fences run in the order of the program.  What they order
 * is what C11 says, so that a data race for want of a fence is found; other
 * effects of a weaker order are not explored, and the verdict names them.
 *
 * The calls in the last part of this file are for the code under test.  Without
 * ZC_LAB, which zcache_add_lab() defines, they are empty, so they may stay
 * there; but zc_lab_await() waits all the same.
 *
 * Thread-safety: one zc_lab_main() at a time, on one thread; the other calls
 * from setup, begin, actors and finish, where none of them blocks.  C only.
 */
#ifndef ZCACHE_LAB_H
#define ZCACHE_LAB_H

#include <stdbool.h>
#include <stddef.h>

#include <zcache/export.h>

ZC_BEGIN_DECLS

#define ZC_LAB_ACTORS 16   /* most actors of one scenario */
#define ZC_LAB_NEVER (~0u) /* a budget of none */

struct zc_lab_actor {
    const char *title; /* the head of its column; "pool_free(A)" */
    void (*run)(void *context);
};

/* What the lab may let fail, as `may_fail` says; bits. */
enum zc_lab_failure {
    ZC_LAB_MALLOC = 1,   /* malloc() of the library and of the sources */
    ZC_LAB_PAGES = 2,    /* the library's page memory */
    ZC_LAB_COMPRESS = 4, /* a compressor */
    ZC_LAB_READ = 8,     /* a read of a device */
    ZC_LAB_WRITE = 16    /* a write to one */
};

/* Zero in a field that is not marked as needed is the default. */
struct zc_lab_scenario {
    size_t struct_size;  /* sizeof(struct zc_lab_scenario) */
    const char *name;    /* needed; no colon and at most 60 bytes */
    const char *summary; /* one line: "put || free" */
    const char *story;   /* what goes wrong, in a few sentences, for `show` */
    void *context;       /* for the functions */

    /*
     * setup runs once, alone.  The lab restores what it made before every
     * execution, with every lock free.
     * begin runs at the beginning of every execution, alone.  It is rarely
     * needed: it sets what is not restored.
     * finish runs at the end of every execution, alone: it checks the results
     * and frees everything.  What it does not free is a leak, a failure.
     */
    void (*setup)(void *context);
    void (*begin)(void *context);
    const struct zc_lab_actor *actors; /* needed */
    unsigned actor_count;              /* 1 to ZC_LAB_ACTORS */
    void (*finish)(void *context);

    /* The names that the code asks for with zc_lab_holds(); --break takes them
     * besides the rules of the library.  Ends with NULL. */
    const char *const *rules;

    unsigned bound;    /* preemptions explored to; 0: every schedule.  The exit
                        * status is then 3, and --bound none lifts it */
    unsigned may_fail; /* bits of enum zc_lab_failure */
    unsigned failures; /* in one execution, at most, zc_lab_choose()'s too */

    /*
     * What happens for no reason of the program's is explored, in one execution
     * at most so often: 0 is once, but never for reuse; ZC_LAB_NEVER is never,
     * and the verdict says so if it could have happened.  --luck replaces them.
     */
    unsigned spurious; /* a wait for a condition ends without a signal */
    unsigned timeouts; /* a time limit expires though an actor could run */
    unsigned weak;     /* a weak compare-exchange fails on the expected value;
                          with clang a weak one is like a strong one */
    unsigned reuse;    /* malloc() gives a block that an actor freed again;
                          malloc() and free() of actors are steps then */
};

/*
 * Runs the program over these scenarios (the list ends with NULL), with the
 * commands of zcrace(1): list, show NAME, run NAME [--break RULE], replay
 * STRING, and their options.  Returns the exit status: 0, every trace was
 * explored and none fails; 1, something fails; 2, the request or a scenario was
 * wrong, or the output cannot be written, and stderr says how; 3, nothing
 * fails, but a limit ran out, or something was met that is not explored, which
 * the verdict names.
 */
int zc_lab_main(int argc, char **argv,
                const struct zc_lab_scenario *const *scenarios);

/*
 * Ends this execution as a failure, from an actor, setup, begin or finish, and
 * does not return.  `what` is a static short name of the kind of failure; the
 * format says more.
 */
void zc_lab_fail(const char *what, const char *format, ...)
    ZC_PRINTF_LIKE(2, 3);

/* --- for code under test --------------------------------------------- */

#ifdef ZC_LAB

/* Whether this rule is in force: false while the program runs with --break and
 * this name. */
bool zc_lab_holds(const char *rule);

/* A step that touches nothing: here another actor may run.  `what`: static. */
void zc_lab_point(const char *what);

/* A choice of 0 to n - 1, each of which the lab explores.  All but 0 count as
 * injected failures, at most `failures` of the scenario in one execution.
 * `what`: static. */
unsigned zc_lab_choose(unsigned n, const char *what);

/* This execution counts only if the condition is true.  One where it is false
 * ends here, and is neither a failure nor a trace. */
void zc_lab_assume(bool condition);

/* Waits until condition(argument) is true.  The condition reads atomics, at
 * least one and at most 64, and writes nothing; it is evaluated when one of
 * them has changed. */
void zc_lab_await(bool (*condition)(void *), void *argument);

/* The name of a mutex, a condition or an atomic in the diagram.  Call it in
 * setup or begin; name: static. */
void zc_lab_name(const void *object, const char *name);

/* Writes a line in the column of this actor: "zc_pool_free(A)". */
void zc_lab_note(const char *text);

/* Shows what follows, until zc_lab_leave(), as inside this call. */
void zc_lab_enter(const char *call);
void zc_lab_leave(void);

#else

static inline bool zc_lab_holds(const char *rule)
{
    (void)rule;
    return true;
}

static inline void zc_lab_point(const char *what)
{
    (void)what;
}

static inline unsigned zc_lab_choose(unsigned n, const char *what)
{
    (void)n;
    (void)what;
    return 0;
}

static inline void zc_lab_assume(bool condition)
{
    (void)condition;
}

static inline void zc_lab_await(bool (*condition)(void *), void *argument)
{
    while (!condition(argument))
        ;
}

static inline void zc_lab_name(const void *object, const char *name)
{
    (void)object;
    (void)name;
}

static inline void zc_lab_note(const char *text)
{
    (void)text;
}

static inline void zc_lab_enter(const char *call)
{
    (void)call;
}

static inline void zc_lab_leave(void)
{
}

#endif

ZC_END_DECLS

#endif
