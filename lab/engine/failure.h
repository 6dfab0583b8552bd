/* SPDX-License-Identifier: MIT */
/*
 * failure.h - what kind of failure a failure is.
 *
 * A scenario names, for each of its rules, the kind that the bug of that rule
 * is known for; the oracles report theirs by lab_fail(), whose first argument
 * failure.c has in a table.  So a search can look for the failure that a reader
 * of the changelog expects, not for any.
 */
#ifndef LAB_FAILURE_H
#define LAB_FAILURE_H

#include <stdbool.h>

/* X(enumerator, name) */
#define LAB_FAILURES(X)                                                        \
    X(USE_AFTER_FREE, "use after free")                                        \
    X(OUT_OF_BOUNDS, "out of bounds") /* beside a block */                     \
    X(LEAK, "leak")                                                            \
    X(HANG, "hang")                                                            \
    X(LIVELOCK, "livelock")                                                    \
    X(LOST_PAGE, "lost page")     /* stored or mapped, and nowhere */          \
    X(STALE_PAGE, "stale page")   /* an older one in place of a newer one */   \
    X(WRONG_PAGE, "wrong page")   /* an older one, another one's, or junk */   \
    X(WRONG_BYTES, "wrong bytes") /* of an object in the pool */               \
    X(MISCOUNT, "miscount")       /* counts or lists that do not add up */     \
    X(DATA_RACE, "data race")     /* with no other failure after it */         \
    X(ASSERTION, "assertion failed") /* likewise */                            \
    X(CRASH, "crash")                                                          \
    X(MISUSE, "misuse of a lock")                                              \
    X(OTHER, "another failure")

#define LAB_FAILURE_ENUMERATOR(enumerator, name) LAB_FAILURE_##enumerator,

enum lab_failure {
    LAB_FAILURE_NONE, /* of a scenario: any is right */
    LAB_FAILURES(LAB_FAILURE_ENUMERATOR)
    LAB_FAILURE_NO_RACE /* of a search: any but a data race */
};

/* "use after free"; NONE: "any failure". */
const char *lab_failure_name(enum lab_failure failure);

/* Of a text that lab_fail() was given: OTHER if the table does not have it. */
enum lab_failure lab_failure_of(const char *what);

/* Is this the failure that is looked for?  A stale page is a wrong one too. */
bool lab_failure_is(enum lab_failure failure, enum lab_failure known);

/* Can a program go on after it, to the failure that is looked for? */
bool lab_failure_may_pass(enum lab_failure failure);

#endif
