/* SPDX-License-Identifier: MIT */
/*
 * run.c - one execution, from setup to finish.
 */
#include "engine.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mutant.h"

struct lab_run lab_run;
const struct lab_observer *lab_watcher;
enum lab_mutant_name lab_mutant;

void lab_observe(const struct lab_observer *observer)
{
    lab_watcher = observer;
}

/* --- enabledness ----------------------------------------------------- */

bool lab_can_run(int thread)
{
    const struct lab_thread_state *state = &lab_run.thread[thread];
    const struct lab_pending *step = &state->pending;
    const struct lab_object_state *object = &lab_objects[step->object];

    if (state->finished || !lab_spin_can_run(state))
        return false;
    switch (step->kind & 0xffu) {
    case LAB_LOCK:
        return object->holder == LAB_NO_THREAD || LAB_MUTANT(LOCK_ALWAYS_READY);
    case LAB_JOIN:
        return object->ended;
    default:
        return step->ready == NULL || step->ready(step->argument);
    }
}

bool lab_keeps_turn(int thread)
{
    return lab_can_run(thread) &&
           (lab_run.thread[thread].pending.kind & 0xffu) != LAB_RELAX;
}

bool lab_is_enabled(int thread)
{
    if (lab_can_run(thread))
        return true;
    return !lab_run.thread[thread].finished &&
           lab_run.thread[thread].pending.timed && lab_time_may_run_out();
}

unsigned lab_enabled(void)
{
    unsigned set = 0;

    for (int thread = 1; thread <= lab_run.threads; thread++) {
        if (lab_is_enabled(thread))
            set |= LAB_BIT(thread);
    }
    if (set != 0)
        return set;
    /* No thread can go on: a time limit expires. */
    for (int thread = 1; thread <= lab_run.threads; thread++) {
        if (!lab_run.thread[thread].finished &&
            lab_run.thread[thread].pending.timed)
            set |= LAB_BIT(thread);
    }
    return set;
}

/* --- the end --------------------------------------------------------- */

void lab_end_execution(enum lab_outcome outcome, const char *what)
{
    if (!lab_run.ending) {
        lab_run.ending = true;
        lab_run.ended_by = lab_run.current;
        lab_run.outcome = outcome;
        lab_run.what = what;
    }
    if (lab_run.current != 0)
        lab_run.back_end->switch_to(lab_run.current, 0);
}

/* No thread can go on: a thread waits to be woken, or for a bit lock that no
 * thread will release, or goes round in vain, or there is a cycle of lock
 * holders. */
static void end_stuck(void)
{
    lab_run.stuck = true;
    for (int thread = 1; thread <= lab_run.threads; thread++) {
        const struct lab_thread_state *state = &lab_run.thread[thread];
        const unsigned kind = state->pending.kind & 0xffu;

        if (state->finished || state->spin != LAB_SPIN_NONE)
            continue;
        if (kind == LAB_RMW) {
            lab_end_execution(LAB_DEADLOCK, "hang");
            return;
        }
        if (kind != LAB_LOCK && kind != LAB_JOIN) {
            lab_end_execution(LAB_LOST_WAKEUP, "lost wake-up");
            return;
        }
    }
    if (lab_run.spinning > 0)
        lab_end_execution(LAB_LIVELOCK, "livelock");
    if (LAB_MUTANT(DEADLOCK_IS_COMPLETE))
        lab_end_execution(LAB_COMPLETE_RUN, NULL);
    lab_end_execution(LAB_DEADLOCK, "deadlock");
}

/* --- decisions ------------------------------------------------------- */

void lab_note_decision(uint8_t decision)
{
    lab_run.schedule->decisions[lab_run.depth++] = decision;
    lab_run.schedule->count = lab_run.depth;
}

/* The next thread by the script: LAB_NO_THREAD if it cannot be followed. */
static int follow(void)
{
    unsigned depth = lab_run.depth;
    int thread = lab_run.schedule->decisions[depth];

    if (thread < 1 || thread > lab_run.threads ||
        (!lab_is_enabled(thread) && (lab_enabled() & LAB_BIT(thread)) == 0)) {
        lab_run.diverged_at = depth;
        if (lab_run.trace != NULL)
            lab_record_divergence(thread);
        lab_end_execution(LAB_DIVERGED, "diverged");
        return LAB_NO_THREAD;
    }
    if (depth + 1 == lab_run.script && lab_run.strategy->resume != NULL)
        lab_run.sleep = lab_run.strategy->resume(depth);
    return thread;
}

/* The current thread if it is in the set, else the lowest. */
static int any_of(unsigned set)
{
    if ((set & LAB_BIT(lab_run.current)) != 0)
        return lab_run.current;
    for (int thread = 1;; thread++) {
        if ((set & LAB_BIT(thread)) != 0)
            return thread;
    }
}

/* Nothing new follows. */
static int prune(void)
{
    if (lab_run.strategy->dropped != NULL)
        lab_run.strategy->dropped();
    if (lab_run.program->disposable || lab_run.program->fresh) {
        lab_end_execution(LAB_BLOCKED, NULL);
        return LAB_NO_THREAD;
    }
    lab_run.unrecorded = true;
    lab_run.schedule->unrecorded = true;
    lab_run.sleep = 0;
    return any_of(lab_enabled());
}

/* Can a thread go on that went round in vain?  Without that round too it would
 * have been here. */
static bool has_superfluous_round(unsigned enabled)
{
    const struct lab_strategy *strategy = lab_run.strategy;

    if (lab_run.spinning == 0)
        return false;
    if (strategy->spinners_stay
            ? enabled != 0
            : strategy->drops_spins == NULL || !strategy->drops_spins())
        return false;
    return lab_spin_is_over();
}

static int decide(void)
{
    unsigned enabled;
    int thread;

    if (lab_run.depth < lab_run.script)
        return follow();
    enabled = lab_enabled();
    if (lab_run.unrecorded && enabled != 0)
        return any_of(enabled);
    if (has_superfluous_round(enabled))
        return prune();
    if (enabled == 0) {
        end_stuck();
        return LAB_NO_THREAD;
    }
    thread = lab_run.strategy->pick(lab_run.depth, enabled);
    return thread == LAB_PRUNE ? prune() : thread;
}

/* Counts a switch away from the current thread. */
static bool note_switch(int thread)
{
    int current = lab_run.current;
    bool preemption;

    if (lab_run.steps == 1 || current == thread)
        return false;
    lab_run.schedule->switches = ++lab_run.switches;
    preemption = lab_keeps_turn(current) || (LAB_MUTANT(EVERY_SWITCH_COUNTS) &&
                                             !lab_run.thread[current].finished);
    lab_run.preemptions += preemption;
    lab_run.schedule->preemptions = lab_run.preemptions;
    return preemption;
}

void lab_wake_sleepers(int thread, unsigned set)
{
    const struct lab_pending *step = &lab_run.thread[thread].pending;
    unsigned sleep = lab_run.sleep & ~LAB_BIT(thread);

    if (LAB_MUTANT(SLEEPER_ALWAYS_WOKEN))
        sleep = 0;
    for (int other = 1; sleep >> other != 0; other++) {
        if ((sleep & set & LAB_BIT(other)) != 0 &&
            !LAB_MUTANT(SLEEPER_NOT_WOKEN) &&
            lab_conflict(step, &lab_run.thread[other].pending))
            sleep &= ~LAB_BIT(other);
    }
    lab_run.sleep = sleep;
}

void lab_schedule(void)
{
    int self = lab_run.current;
    int thread = lab_run.steps < lab_run.limit ? decide() : LAB_NO_THREAD;
    bool preemption;

    if (thread == LAB_NO_THREAD) { /* returns in thread 0 only */
        lab_end_execution(LAB_LIVELOCK, "livelock");
        return;
    }
    lab_run.steps++;
    if (!lab_run.unrecorded)
        lab_note_decision((uint8_t)thread);
    preemption = note_switch(thread);
    if (lab_run.sleep != 0 && !lab_run.strategy->wakes)
        lab_wake_sleepers(thread, ~0u);
    if (lab_run.strategy->granted != NULL)
        lab_run.strategy->granted(thread);
    if (lab_run.trace != NULL)
        lab_record_step(thread, thread != self, preemption);
    lab_grant(thread);
    lab_run.schedule->trace_hash = lab_run.trace_hash;
    lab_run.current = thread;
    if (thread == self)
        return;
    if (lab_run.thread[self].finished)
        lab_run.back_end->leave(self, thread);
    else
        lab_run.back_end->switch_to(self, thread);
}

/* --- threads --------------------------------------------------------- */

static void finish_thread(int number)
{
    struct lab_thread_state *thread = &lab_run.thread[number];

    if (thread->held_count != 0) {
        lab_fail("ended with a lock held", "%s",
                 lab_object_text(thread->held[0]));
        return;
    }
    if (thread->joinable)
        lab_step(LAB_END, thread, LAB_SITE("end"));
    thread->finished = true;
    lab_run.unfinished--;
    if (lab_watcher != NULL && lab_watcher->ended != NULL)
        lab_watcher->ended(number);
}

/* What a thread does last: it gives the turn away. */
static void end_thread(int number)
{
    finish_thread(number);
    if (lab_run.starting) { /* it ended before its first step */
        lab_run.starting = false;
        lab_run.current = lab_run.parent;
        lab_run.back_end->leave(number, lab_run.parent);
        return;
    }
    if (lab_run.unfinished == 0) {
        lab_run.current = 0;
        lab_run.back_end->leave(number, 0);
        return;
    }
    lab_schedule();
}

/* The first function of every thread. */
static void thread_main(int number)
{
    struct lab_thread_state *thread = &lab_run.thread[number];

    thread->stack = __builtin_frame_address(0);
    thread->run(thread->argument);
    end_thread(number);
}

void lab_thread_exit(void)
{
    if (!lab_run.active || lab_run.in_oracle || lab_run.current == 0) {
        lab_fail("thread ended", "where no thread of the program runs");
        return;
    }
    end_thread(lab_run.current);
    pthread_exit(NULL); /* a fiber does not come back */
}

bool lab_start(int thread)
{
    int parent = lab_run.current;
    bool nested = lab_run.starting;

    if (!lab_run.back_end->create(thread, thread_main))
        return false;
    lab_run.unfinished++;
    if (lab_watcher != NULL && lab_watcher->spawned != NULL)
        lab_watcher->spawned(parent, thread);
    if (lab_run.strategy->started != NULL)
        lab_run.strategy->started(parent, thread);
    lab_run.parent = parent;
    lab_run.starting = true;
    lab_run.current = thread;
    lab_run.back_end->switch_to(parent, thread);
    lab_run.starting = nested;
    return true;
}

void lab_thread_reset(struct lab_thread_state *thread)
{
    thread->finished = false;
    thread->joinable = false;
    thread->sequence = 0;
    thread->fresh_lock = 0;
    thread->held_count = 0;
    thread->depth = 0;
    thread->row = LAB_NO_ROW;
    thread->state = 0;
    thread->spin = LAB_SPIN_NONE;
    thread->in_vain = false;
    thread->look_count = 0;
}

static void prepare(const struct lab_order *order)
{
    const struct lab_program *program = order->program;

    memset(&lab_run, 0, offsetof(struct lab_run, thread));
    lab_objects_reset();
    lab_run.program = program;
    lab_run.strategy = order->strategy;
    lab_run.back_end = order->threads ? &lab_tokens : &lab_fibers;
    lab_run.schedule = order->schedule;
    lab_run.script = order->script;
    order->schedule->preemptions = 0;
    order->schedule->switches = 0;
    order->schedule->unrecorded = false;
    order->schedule->trace_hash = 0;
    lab_run.trace = order->trace;
    lab_run.limit = program->step_limit == 0 ? LAB_LIMIT : program->step_limit;
    if (lab_run.limit > LAB_SCHEDULE_MAX / 2)
        lab_run.limit = LAB_SCHEDULE_MAX / 2;
    lab_run.budget = program->failure_budget;
    memcpy(lab_run.luck, program->luck, sizeof(lab_run.luck));
    lab_run.threads = (int)program->actor_count;
    for (int i = 0; i <= lab_run.threads; i++) {
        struct lab_thread_state *thread = &lab_run.thread[i];
        unsigned actor = (unsigned)i - 1;

        lab_thread_reset(thread);
        if (i == 0)
            continue;
        thread->title = program->actors[actor].title;
        thread->run = program->actors[actor].run;
        thread->argument = program->context;
    }
}

static void start_actors(void)
{
    int actors = (int)lab_run.program->actor_count;

    for (int thread = 1; thread <= actors && !lab_run.ending; thread++) {
        lab_run.current = 0;
        if (!lab_start(thread))
            lab_end_execution(LAB_FAILED, "no thread could be made");
    }
    lab_run.current = 0;
    if (!lab_run.ending && lab_run.unfinished > 0)
        lab_schedule();
    lab_run.current = 0;
}

static bool repeat;

void lab_repeat(void)
{
    repeat = true;
}

static void execute(const struct lab_order *order)
{
    const struct lab_program *program = order->program;

    prepare(order);
    if (order->trace != NULL)
        lab_record_begin(program);
    if (lab_watcher != NULL && lab_watcher->begin != NULL)
        lab_watcher->begin();
    lab_run.active = true;
    if (program->setup != NULL)
        program->setup(program->context);
    if (!lab_run.ending)
        start_actors();
    lab_run.back_end->clear();
    lab_record_state();
    if (!lab_run.ending && program->finish != NULL)
        program->finish(program->context);
    if (!lab_run.ending && lab_run.thread[0].held_count != 0)
        lab_end_execution(LAB_FAILED, "ended with a lock held");
    if (!lab_run.ending && lab_run.passed != 0 && !LAB_MUTANT(PASSED_FORGOTTEN))
        lab_end_execution(LAB_FAILED, lab_run.passed_what);
    if (lab_run.unrecorded)
        lab_run.outcome = LAB_BLOCKED;
    if (lab_run.strategy->ended != NULL)
        lab_run.strategy->ended();
    if (lab_run.excluded)
        lab_run.outcome = LAB_BLOCKED;
    if (order->trace != NULL)
        lab_record_end();
    lab_run.active = false;
    if (lab_watcher != NULL && lab_watcher->end != NULL)
        lab_watcher->end();
}

void lab_execute(const struct lab_order *order)
{
    struct lab_order again = *order;

    repeat = false;
    execute(order);
    if (!repeat || lab_run.outcome != LAB_COMPLETE_RUN)
        return;
    again.script = order->schedule->count;
    execute(&again);
}
