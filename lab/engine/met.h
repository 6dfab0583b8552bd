/* SPDX-License-Identifier: MIT */
/*
 * met.h - what executions met and the search does not explore.
 *
 * A search that came to its end is complete only if nothing is noted here.  The
 * notes are a part of the result of a search, begin empty with each search, and
 * outlive a worker process.
 */
#ifndef LAB_MET_H
#define LAB_MET_H

#include <stdint.h>

enum lab_met {
    LAB_MET_RELAXED,    /* an atomic weaker than its use needs, in order */
    LAB_MET_FENCE,      /* between atomics that run in order anyway */
    LAB_MET_ORDER,      /* an atomic whose order does not keep it in order */
    LAB_MET_TIMED_WAIT, /* that never ran out */
    LAB_MET_CONDITION_WAIT, /* that never woke for nothing */
    LAB_MET_WEAK_EXCHANGE,  /* that never failed for nothing */
    LAB_MET_REUSE,          /* a block that was not given again */
    LAB_MET_SPIN,           /* a long loop that was taken to wait */
    LAB_MET_UNWATCHED,      /* memory that two threads share */
    LAB_MET_OVERFLOW,       /* accesses that the detector forgot */
    LAB_MET_FILE,           /* state that an execution leaves to the next */
    LAB_METS
};

#define LAB_MET_PLACES 32
#define LAB_MET_CHARS 96 /* of the name of a place */

/* What was met of one kind. */
struct lab_met_kind {
    uint64_t count;  /* of the calls of lab_met() */
    unsigned places; /* kept: the first distinct ones */
    const void *place[LAB_MET_PLACES];
};

struct lab_met_notes {
    struct lab_met_kind kinds[LAB_METS];
};

/*
 * Notes one.  `where` is a code address, or the address of the data where that
 * says more (LAB_MET_UNWATCHED); NULL: not known.  Ignored while no search
 * runs, in an oracle, and, up to LAB_MET_SPIN, in setup and finish, where one
 * thread runs alone.
 */
void lab_met(enum lab_met what, const void *where);

/* Adds the notes of one search to those of another. */
void lab_met_merge(struct lab_met_notes *to, const struct lab_met_notes *from);

/* Names places of one kind, as "take (pool.c:12)".  What knows the program sets
 * it. */
extern void (*lab_met_names)(enum lab_met what, const void *const *where,
                             unsigned count, char names[][LAB_MET_CHARS]);

#endif
