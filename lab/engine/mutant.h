/* SPDX-License-Identifier: MIT */
/*
 * mutant.h - mistakes that the explorer and the detector make on request, to
 * show that the tests notice them.  Only the builds of them for that
 * (LAB_MUTANTS) contain the mistakes.
 */
#ifndef LAB_MUTANT_H
#define LAB_MUTANT_H

#include <stdbool.h>

/* clang-format off */
#define LAB_MUTANT_LIST(X) \
    X(NONE, "nothing is wrong") \
    X(SLEEPER_NOT_WOKEN, "a conflicting step does not wake a sleeper") \
    X(SLEEPER_ALWAYS_WOKEN, "every step wakes all sleepers") \
    X(UNLOCK_INDEPENDENT, "an unlock commutes with everything") \
    X(WRITE_AS_READ, "a write commutes like a read") \
    X(READ_AS_WRITE, "two reads conflict") \
    X(LAST_PUT_COMMUTES, "the put that frees commutes with other puts") \
    X(LIMIT_FORGOTTEN, "the limit of a count is always zero") \
    X(SECOND_OBJECT_FORGOTTEN, "a step's second object is forgotten") \
    X(BOUND_OFF_BY_ONE, "one preemption less than the bound") \
    X(EVERY_SWITCH_COUNTS, "leaving a blocked thread is a preemption") \
    X(LOCK_ALWAYS_READY, "a thread is enabled at a lock that is held") \
    X(LAST_SIBLING_SKIPPED, "the last alternative is not explored") \
    X(SLEEP_NOT_INHERITED, "an execution starts with an empty sleep set") \
    X(CHOICE_NOT_EXPLORED, "a failure never happens") \
    X(NO_LUCK, "waits and exchanges end for a reason only") \
    X(BUDGET_IGNORED, "failures cost nothing") \
    X(SPIN_NOT_NOTICED, "a loop that only looks goes on at once") \
    X(ROUNDS_IN_VAIN_COUNT, "rounds in vain make other executions") \
    X(LAST_LOOK_ONLY, "a loop waits for the last word that it read") \
    X(STATE_FORGOTTEN, "a loop that counts is one that does not") \
    X(BYTES_FORGOTTEN, "atomics of different sizes are independent") \
    X(SECTIONS_COMMUTE, "sections commute whatever they write") \
    X(SECTION_READS_FORGOTTEN, "what a section reads is forgotten") \
    X(EXCHANGE_IS_READ, "an exchange counts as a read, also if it succeeds") \
    X(SECTION_NOT_SEEN, "a trylock never meets a section") \
    X(CALLS_COMMUTE, "whether a call ends before another makes no difference") \
    X(CHOICE_WAKES, "a sleep set ends at a choice") \
    X(HIDDEN_BY_WAITING, "a step that had to wait hides the steps before") \
    X(STUCK_FORGOTTEN, "races of steps that are never done do not count") \
    X(FIRST_RACE_ONLY, "a step races with one other at most") \
    X(DEADLOCK_IS_COMPLETE, "no enabled thread is the end") \
    X(EXIT_IS_THE_END, "a worker that exits has explored all") \
    X(PASSED_FORGOTTEN, "a failure that is passed over does not count") \
    X(KNOWN_NOT_SOUGHT, "the shortest failure is kept, of whatever kind") \
    X(LOCALS_SHARED, "threads share their thread-local variables") \
    X(REFERENCE_AGREES, "a new process always does the same")

/* Of the detector; tests/lab/watch_mutants.c. */
#define LAB_WATCH_MUTANT_LIST(X) \
    X(FULL_WORD_FORGETS, "a word with many accesses forgets one") \
    X(HIDDEN_UNORDERED, "an access hides one that is not ordered before it") \
    X(HIDDEN_BY_READ, "a read hides the write before it") \
    X(LOOP_FORGOTTEN, "of a loop over bytes the last one is kept") \
    X(TAIL_LIVES, "the last bytes of a freed block live on") \
    X(END_ROUNDED, "a block ends at a multiple of eight") \
    X(SPACE_IN_BLOCK, "the space between blocks may be used") \
    X(STRING_END_UNREAD, "the end of a string is not read")
/* clang-format on */

#define LAB_MUTANT_NAME(name, sentence) LAB_MUTANT_##name,
enum lab_mutant_name {
    LAB_MUTANT_LIST(LAB_MUTANT_NAME) LAB_MUTANT_COUNT,
    LAB_WATCH_MUTANT_LIST(LAB_MUTANT_NAME) LAB_MUTANT_END
};
#undef LAB_MUTANT_NAME

#ifndef LAB_MUTANTS
#define LAB_MUTANTS 0
#endif

extern enum lab_mutant_name lab_mutant;

#if LAB_MUTANTS
#define LAB_MUTANT(name) (lab_mutant == LAB_MUTANT_##name)
#else
#define LAB_MUTANT(name) false
#endif

#endif
