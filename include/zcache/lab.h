/* SPDX-License-Identifier: MIT */
/*
 * lab.h - your own code in the race lab.
 *
 * A scenario is a setup, some actors that run at the same time, and a finish.
 * The lab runs it again and again, each time with the steps of the actors in
 * another order, until it has seen every order that makes a difference; the
 * shortest failing one is printed as a diagram and can be run again.
 *
 * The program is made by zcache_add_lab(NAME SOURCES file...), a CMake function
 * of the installed package (find_package(zcache COMPONENTS lab)), and has a
 * main() that calls zc_lab_main().  Do not link it to zcache::zcache: the lab
 * has a build of the library of its own, with the same headers.
 *
 * What is a step: in the sources given to that function, and in the library,
 * each operation on a pthread mutex or condition, on a C11 atomic, and
 * sched_yield() and zc_lab_point().  Between two steps an actor runs alone.
 *
 * What is a failure: zc_lab_fail(), assert(), abort(), a fault; a deadlock, a
 * lost wake-up, a mutex misused; and, in memory that malloc() gave, a data race
 * (two accesses that no lock, atomic or start of a thread orders, wherever in
 * the schedule they are), a use after free, a double free, a leak.
 *
 * What cannot be: threads other than the actors, rwlocks, semaphores and other
 * allocators of those sources do not link (zc_lab_cannot_...).  Variables that
 * are static, and memory that comes from elsewhere, are neither watched nor put
 * back: an actor may change one only if begin() sets it.  Fences order nothing
 * for the lab.  What an actor does may depend on the schedule alone: not on
 * clocks, random numbers or addresses.
 *
 * Without ZC_LAB, which zcache_add_lab() defines, the calls below that code
 * under test may contain are nothing: they may stay where they are.
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

#define ZC_LAB_ACTORS 16 /* of one scenario */

struct zc_lab_actor {
    const char *title; /* the head of its column; "pool_free(A)" */
    void (*run)(void *context);
};

/* What may fail, where `may_fail` says so; bits. */
enum zc_lab_failure {
    ZC_LAB_MALLOC = 1,   /* malloc() of the library and of the sources */
    ZC_LAB_PAGES = 2,    /* the library's page memory */
    ZC_LAB_COMPRESS = 4, /* a compressor */
    ZC_LAB_READ = 8,     /* a read of a device */
    ZC_LAB_WRITE = 16    /* a write to one */
};

/* Zero in a field that the text does not ask for is the default. */
struct zc_lab_scenario {
    size_t struct_size;  /* sizeof(struct zc_lab_scenario) */
    const char *name;    /* needed; no colon and at most 60 bytes */
    const char *summary; /* one line: "put || free" */
    const char *story;   /* what goes wrong, in a few sentences: for show */
    void *context;       /* for the functions */

    /*
     * setup runs once, alone.  What it made in memory of malloc() and of the
     * library is put back before every execution, with every lock free.
     * begin runs at the beginning of every execution, alone: it sets the
     * variables that are elsewhere and that actors change.
     * finish runs at the end of one, alone: it looks whether all is well, and
     * frees everything.  What it leaves is a leak, which is a failure.
     */
    void (*setup)(void *context);
    void (*begin)(void *context);
    const struct zc_lab_actor *actors; /* needed */
    unsigned actor_count;              /* 1 to ZC_LAB_ACTORS */
    void (*finish)(void *context);

    /* That --break takes, besides those of the library: the names that the
     * code asks for with zc_lab_holds().  Ends with NULL. */
    const char *const *rules;

    unsigned bound;    /* preemptions explored to; 0: every schedule */
    unsigned may_fail; /* bits of enum zc_lab_failure */
    unsigned failures; /* in one execution, at most, zc_lab_choose()'s too */
};

/*
 * The program over these scenarios (the list ends with NULL): what zcrace does,
 * with its commands list, show NAME, run NAME [--break RULE], replay STRING and
 * their options.  Returns the exit status: 0 nothing was found, 1 something
 * was, 2 the request or a scenario was wrong, which is said on stderr.
 */
int zc_lab_main(int argc, char **argv,
                const struct zc_lab_scenario *const *scenarios);

/*
 * Ends this execution as a failure.  `what` is a static short name of its kind;
 * the format says more.  It does not return from an actor; from setup, begin
 * and finish neither.
 */
void zc_lab_fail(const char *what, const char *format, ...)
    ZC_PRINTF_LIKE(2, 3);

/* --- for code under test --------------------------------------------- */

#ifdef ZC_LAB

/* False while the program runs with --break and this name. */
bool zc_lab_holds(const char *rule);

/* A step that touches nothing: here others may run.  `what`: static. */
void zc_lab_point(const char *what);

/* One of 0 to n - 1, each of which is explored; all but 0 are failures, of
 * which the scenario's `failures` are left.  `what`: static. */
unsigned zc_lab_choose(unsigned n, const char *what);

/* How the diagram calls a mutex, a condition or an atomic.  Call it in setup
 * or begin; name: static. */
void zc_lab_name(const void *object, const char *name);

/* A line in the column of this actor: "zc_pool_free(A)"; and a call around
 * what follows, until it is left. */
void zc_lab_note(const char *text);
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
