/* SPDX-License-Identifier: MIT */
/* lab_platform.h - what the platform of the lab offers the lab. */
#ifndef LAB_PLATFORM_H
#define LAB_PLATFORM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/explore.h"
#include "oracle/memory.h"

/* Nothing is left of the execution before. */
void lab_platform_reset(void);

/*
 * Where an assertion that fails in setup or finish goes; NULL: it aborts.  In
 * a thread lab_fail() does not come back.
 */
extern jmp_buf *lab_leave_setup;
_Noreturn void lab_platform_leave(void);
/* Runs a check; an assertion that fails in it ends it. */
void lab_guard_check(void (*check)(void *), void *argument);
/* The same, after lab_fail(), for what could not go on; an oracle does. */
void lab_platform_failed(void);

/* From here on a wild pointer is a failure of the execution. */
void lab_catch_faults(void);

/*
 * While it is set the library runs as if alone in the world: nothing is a step,
 * nothing is watched.  So a world is built once, and kept for all executions
 * (lab_region_keep()).
 */
extern bool lab_quiet;

/* Lets go of the lock and sleeps on the condition until it is woken, or, where
 * that is explored, until the time is over: false.  The caller locks again. */
struct zc_condition;
void lab_wait(struct zc_condition *condition, const void *lock,
              const struct lab_site *site);
bool lab_wait_for(struct zc_condition *condition, const void *lock,
                  const struct lab_site *site);

/* Virtual time: only sleeping lets it pass. */
extern uint64_t lab_clock_ns;

/* --- rule.c ---------------------------------------------------------- */

/* Breaks one rule by its identifier; NULL: all hold.  False: none such. */
bool lab_break_rule(const char *identifier);
/* Whether code asked for this rule since lab_rules_forget(). */
bool lab_rule_was_asked(const char *identifier);
void lab_rules_forget(void);
/* Identifier and sentence of a rule whose code exists; NULL after the last. */
const char *lab_rule_name(unsigned index);
const char *lab_rule_sentence(unsigned index);

/* --- inject.c -------------------------------------------------------- */

/* Points (a bit of enum zc_inject_point each) that may fail in threads: each
 * passage is a choice, as long as the failure budget lasts. */
extern uint32_t lab_inject_points;

#endif
