/* SPDX-License-Identifier: MIT */
/*
 * effects.h - tests by effect: a table of all options of the public structs.
 *
 * A row names an option, two values of it, A and B, what is observed with each,
 * and why that is right.  The observation or the expected value comes from
 * outside the library: from the system, from a plug-in of the test, or from
 * arithmetic over what the test itself put in.
 *
 * Each row is run three times: with (A, B) it passes, with (A, A) and with
 * (B, A) it must fail.  So an option that does nothing is found, and one that
 * does the reverse.  Every observation is made in a process of its own.
 */
#ifndef ZC_TESTS_EFFECTS_H
#define ZC_TESTS_EFFECTS_H

#include <stdbool.h>
#include <stdint.h>

#include <zcache/zcache.h>

/* How the observations with the first and the second value, a and b, are
 * compared with the row's expectations. */
enum effect_relation {
    IS,       /* a and b are exactly the expected numbers */
    NEARLY,   /* each is at most its expected number, and 90 % of it or more */
    AT_MOST,  /* a is at most its number, and b is its number or more */
    AT_LEAST, /* a is its number or more, and b is at most its number */
};

struct effect {
    const char *owner;  /* the struct */
    const char *option; /* the field */
    const char *first_text;
    const char *second_text;
    unsigned first; /* the value A */
    unsigned second;
    uint64_t (*observe)(unsigned value);
    enum effect_relation relation;
    uint64_t first_expected;
    uint64_t second_expected;
    const char *why;
};

#define EFFECT(owner, option, a, b, observe, relation, for_a, for_b, why)      \
    {                                                                          \
#owner, #option, #a, #b, (a), (b), (observe), (relation), (for_a),     \
            (for_b), (why)                                                     \
    }

/* Ends a table. */
#define EFFECTS_END                                                            \
    {                                                                          \
        0                                                                      \
    }

extern const struct effect effects_cache[];
extern const struct effect effects_compressor[];
extern const struct effect effects_pool[];
extern const struct effect effects_backing[];
extern const struct effect effects_recompress[];
extern const struct effect effects_vm[];
extern const struct effect effects_zspool[];
extern const struct effect effects_reason[];

/* --- for observers --------------------------------------------------- */

/* Ends this observation: it cannot be made here, and the row is counted as
 * skipped, which is printed. */
_Noreturn void effect_skip(const char *why);

/* Ends this observation as a failure of the row. */
_Noreturn void effect_broken(const char *what, const char *file, int line);

#define MUST(truth)                                                            \
    ((truth) ? (void)0 : effect_broken(#truth, __FILE__, __LINE__))
#define MUST_BE_OK(call) MUST((call) == ZC_OK)

/* An empty directory that goes when the observation ends. */
const char *effect_directory(void);
void effect_directory_end(void);
/* The one that was made. */
const char *effect_directory_name(void);

/* The file of that name which this process has open, also where the name is
 * removed; false: it has none. */
struct stat;
bool effect_open_file(const char *path, struct stat *status_out);

/* Threads of this process, as the system counts them. */
uint64_t effect_threads(void);

/*
 * From now on the clocks of this process move only by `step_ns` at each
 * reading, and by a sleep.  Link with the wrapped calls.
 */
void effect_clock_begin(uint64_t step_ns);
void effect_clock_move(uint64_t ns);
uint64_t effect_clock_slept_ns(void);

#endif
