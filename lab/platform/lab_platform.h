/* SPDX-License-Identifier: MIT */
/* lab_platform.h - what the platform of the lab offers the lab. */
#ifndef LAB_PLATFORM_H
#define LAB_PLATFORM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/explore.h"
#include "oracle/memory.h"

/* Forgets everything of the execution before. */
void lab_platform_reset(void);

/*
 * The exit for an assertion that fails in setup or finish; NULL: it aborts.  In
 * a thread lab_fail() does not return.
 */
extern jmp_buf *lab_leave_setup;
_Noreturn void lab_platform_leave(void);
/* Runs a check; a failed assertion in it ends the check. */
void lab_guard_check(void (*check)(void *), void *argument);
/* After lab_fail(): leaves setup or finish, which cannot go on. */
void lab_platform_failed(void);

/* Names a word as its first step calls it: "&folio->flags" becomes "flags". */
void lab_name_word(const void *word, const char *name);

/* From here on a memory fault is a failure of the execution. */
void lab_catch_faults(void);

/*
 * While it is set there are no steps and no watched accesses, as if one thread
 * were alone.  So a world is built once and kept for all executions
 * (lab_region_keep()).
 */
extern bool lab_quiet;

/* Unlocks and sleeps on the condition until another thread wakes this one, or
 * for nothing.  With a time limit: false if the time ran out, which is
 * explored.  The caller locks again.  pc: of the code that waits. */
struct zc_condition;
void lab_wait(struct zc_condition *condition, const void *lock,
              const struct lab_site *site, const void *pc);
bool lab_wait_for(struct zc_condition *condition, const void *lock,
                  const struct lab_site *site, const void *pc);

/* The processor that setup is on. */
extern unsigned lab_setup_processor;

/* Virtual time: it passes only during sleep. */
extern uint64_t lab_clock_ns;

/* --- rule.c ---------------------------------------------------------- */

/* Breaks the rules of a list of identifiers, "A,B", and no other; NULL: all
 * hold.  False: one is no rule, and all hold. */
bool lab_break_rule(const char *list);
/* Breaks one rule more: the one at this place of a list.  False: none such. */
bool lab_break_one(const char *identifier, unsigned place);
/* Has code evaluated this rule since lab_rules_forget()?  Worker processes that
 * began after it count. */
bool lab_rule_was_asked(const char *identifier);
void lab_rules_forget(void);
/* Identifier and sentence of a rule that has code; NULL after the last. */
const char *lab_rule_name(unsigned index);
const char *lab_rule_sentence(unsigned index);

/* --- inject.c -------------------------------------------------------- */

/* Points (a bit of enum zc_inject_point each) that may fail in threads: each
 * passage is a choice, as long as the failure budget lasts. */
extern uint32_t lab_inject_points;

#endif
