/* SPDX-License-Identifier: MIT */
/*
 * choice.c - what is explored besides the order of steps: failures and which
 * waiter wakes.  Also threads that start later.
 *
 * A choice belongs to the step before it.  It is an entry of the schedule like
 * a decision, but no scheduling point, and it changes no sleep set.
 */
#include "engine.h"

#include "mutant.h"

bool lab_no_leaks;

static unsigned scripted(unsigned n, const unsigned *budget)
{
    unsigned depth = lab_run.depth;
    uint8_t entry = lab_run.schedule->decisions[depth];
    unsigned value = entry & ~LAB_CHOICE;

    if ((entry & LAB_CHOICE) == 0 || value >= n ||
        (budget != NULL && value != 0 && *budget == 0)) {
        lab_run.diverged_at = depth;
        if (lab_run.trace != NULL)
            lab_record_divergence(entry);
        lab_end_execution(LAB_DIVERGED, "diverged");
        return 0;
    }
    if (depth + 1 == lab_run.script && lab_run.strategy->resume != NULL)
        lab_run.sleep = lab_run.strategy->resume(depth);
    return value;
}

/* budget: what any value but 0 uses one of, or NULL. */
static unsigned choose(unsigned n, const char *what, unsigned *budget)
{
    bool costs = budget != NULL;
    unsigned value = 0;

    if (!lab_run.active || lab_run.in_oracle || n < 2 || lab_run.ending)
        return 0;
    if (n > LAB_CHOICE)
        n = LAB_CHOICE;
    if (lab_run.depth >= LAB_SCHEDULE_MAX - 1) {
        lab_end_execution(LAB_LIVELOCK, "livelock");
        return 0;
    }
    if (LAB_MUTANT(CHOICE_NOT_EXPLORED) && costs)
        return 0;
    if (lab_run.depth < lab_run.script)
        value = scripted(n, budget);
    else if (!lab_run.unrecorded)
        value = lab_run.strategy->choose(lab_run.depth,
                                         costs && *budget == 0 ? 1 : n, costs);
    if (!lab_run.unrecorded)
        lab_note_decision((uint8_t)(LAB_CHOICE | value));
    if (costs && value != 0 && !LAB_MUTANT(BUDGET_IGNORED))
        --*budget;
    if (LAB_MUTANT(CHOICE_WAKES))
        lab_run.sleep = 0;
    lab_hash_choice(value);
    lab_spin_chosen(&lab_run.thread[lab_run.current]);
    lab_run.schedule->trace_hash = lab_run.trace_hash;
    if (lab_run.trace != NULL)
        lab_record_choice(what, value, costs);
    return value;
}

unsigned lab_choose(unsigned n, const char *what)
{
    return choose(n, what, &lab_run.budget);
}

unsigned lab_pick(unsigned n, const char *what)
{
    return choose(n, what, NULL);
}

/* --- luck ------------------------------------------------------------ */

const char *lab_luck_name(enum lab_luck luck)
{
    static const char *const names[LAB_LUCKS] = {
        [LAB_SPURIOUS] = "spurious",
        [LAB_TIMEOUT] = "timeout",
        [LAB_WEAK] = "weak",
        [LAB_REUSE] = "reuse",
    };

    return luck < LAB_LUCKS ? names[luck] : NULL;
}

unsigned lab_luck_budget(enum lab_luck luck)
{
    return lab_run.active && lab_run.current != 0 ? lab_run.program->luck[luck]
                                                  : 0;
}

bool lab_happens(enum lab_luck luck)
{
    if (lab_luck_budget(luck) == 0 || LAB_MUTANT(NO_LUCK))
        return false;
    return choose(2, lab_luck_name(luck), &lab_run.luck[luck]) != 0;
}

bool lab_times_out(void)
{
    return lab_run.active && (lab_run.program->luck[LAB_TIMEOUT] > 0 ||
                              lab_run.program->failure_budget > 0);
}

bool lab_time_may_run_out(void)
{
    return lab_run.luck[LAB_TIMEOUT] > 0 || lab_run.budget > 0;
}

void lab_time_ran_out(void)
{
    if (lab_run.luck[LAB_TIMEOUT] > 0)
        lab_run.luck[LAB_TIMEOUT]--;
    else if (lab_run.budget > 0)
        lab_run.budget--;
}

/* --- threads --------------------------------------------------------- */

int lab_thread(void)
{
    return lab_run.active ? lab_run.current : LAB_NO_THREAD;
}

unsigned lab_now(void)
{
    return lab_run.steps;
}

int lab_spawn(void (*run)(void *), void *argument, const char *title)
{
    struct lab_thread_state *thread;
    int number;

    if (!lab_run.active || lab_run.in_oracle)
        return -1;
    lab_step(LAB_SPAWN | LAB_RELEASE, &lab_run.threads, LAB_SITE("spawn"));
    if (lab_run.threads + 1 >= LAB_THREADS)
        return -1;
    number = ++lab_run.threads;
    thread = &lab_run.thread[number];
    lab_object(thread, title, -1, -1);
    lab_thread_reset(thread);
    thread->joinable = true;
    thread->title = title;
    thread->run = run;
    thread->argument = argument;
    return lab_start(number) ? number : -1;
}

void lab_join(int thread, const struct lab_site *site)
{
    if (thread < 1 || thread > lab_run.threads)
        return;
    lab_step(LAB_JOIN | LAB_ACQUIRE, &lab_run.thread[thread], site);
}

static bool never(const void *argument)
{
    (void)argument;
    return false;
}

void lab_exclude(void)
{
    if (!lab_run.active || lab_run.in_oracle || lab_run.ending)
        return;
    lab_run.excluded = true;
    if (lab_run.current == 0 || !lab_run.strategy->spinners_stay)
        lab_end_execution(LAB_BLOCKED, NULL);
    else /* others go on: races with what this thread did are found */
        lab_await(LAB_POINT, NULL, never, NULL, LAB_SITE("excluded"));
}

/* --- failures and oracles -------------------------------------------- */

/* Is it another failure than the one looked for, and can the program go on? */
static bool is_passed_over(enum lab_failure failure)
{
    const enum lab_failure known = lab_run.program->known;

    return known != LAB_FAILURE_NONE && !lab_failure_is(failure, known) &&
           lab_failure_may_pass(failure);
}

bool lab_is_passed(const char *what)
{
    return (lab_run.passed >> lab_failure_of(what) & 1) != 0;
}

bool lab_has_failed(void)
{
    return lab_run.ending;
}

static void pass_over(enum lab_failure failure, const char *what)
{
    const bool is_first = lab_run.passed == 0;

    lab_run.passed |= UINT32_C(1) << failure;
    if (is_first)
        lab_run.passed_what = what;
    if (lab_run.trace != NULL)
        lab_record_passed(what, is_first);
}

void lab_fail(const char *what, const char *format, ...)
{
    const enum lab_failure failure = lab_failure_of(what);
    va_list arguments;

    if (!lab_run.active || lab_run.ending)
        return;
    if (is_passed_over(failure) && lab_is_passed(what))
        return;
    if (lab_run.trace != NULL) {
        va_start(arguments, format);
        lab_record_message(format, arguments);
        va_end(arguments);
    }
    if (is_passed_over(failure)) {
        pass_over(failure, what);
        return;
    }
    lab_run.ending = true;
    lab_run.ended_by = lab_run.current;
    lab_run.outcome = LAB_FAILED;
    lab_run.what = what;
    if (!lab_run.in_oracle)
        lab_end_execution(LAB_FAILED, what);
}

void lab_oracle(const char *name, void (*check)(void *), void *argument,
                const void *guard)
{
    struct lab_oracle_state *oracle;

    if (!lab_run.active || lab_run.oracle_count >= LAB_ORACLES)
        return;
    oracle = &lab_run.oracle[lab_run.oracle_count++];
    oracle->name = name;
    oracle->check = check;
    oracle->argument = argument;
    oracle->guard = lab_object_find(guard);
}

bool lab_in_oracle(void)
{
    return !lab_run.active || lab_run.in_oracle;
}
