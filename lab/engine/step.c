/* SPDX-License-Identifier: MIT */
/*
 * step.c - the announcements of explore.h, and what a granted step does to the
 * explorer's own state.
 *
 * A step is accounted for when it is granted, before its thread runs: a thread
 * that is granted a lock holds it from then on.
 */
#include "engine.h"

#include <stdio.h>

#include "mutant.h"

static bool ignored(void)
{
    return !lab_run.active || lab_run.in_oracle;
}

static struct lab_thread_state *this_thread(void)
{
    return &lab_run.thread[lab_run.current];
}

/* --- what is granted ------------------------------------------------- */

static void hold_lock(struct lab_thread_state *thread, int number,
                      unsigned lock)
{
    lab_objects[lock].holder = number;
    if (thread->held_count < LAB_HELD)
        thread->held[thread->held_count++] = lock;
    thread->fresh_lock = lock;
}

static void release_lock(struct lab_thread_state *thread, unsigned lock)
{
    lab_objects[lock].holder = LAB_NO_THREAD;
    for (unsigned i = 0; i < thread->held_count; i++) {
        if (thread->held[i] == lock) {
            thread->held[i] = thread->held[--thread->held_count];
            return;
        }
    }
}

static void change_state(struct lab_thread_state *thread, int number,
                         const struct lab_pending *step)
{
    struct lab_object_state *object = &lab_objects[step->object];
    unsigned kind = step->kind & 0xffu;
    bool changes = kind != LAB_READ && kind != LAB_RELAX && kind != LAB_JOIN;

    thread->fresh_lock = 0;
    switch (kind) {
    case LAB_LOCK:
        hold_lock(thread, number, step->object);
        break;
    case LAB_TRYLOCK:
        thread->took = object->holder == LAB_NO_THREAD;
        changes = thread->took;
        if (thread->took)
            hold_lock(thread, number, step->object);
        break;
    case LAB_UNLOCK:
        release_lock(thread, step->object);
        break;
    case LAB_GET:
        object->count++;
        break;
    case LAB_PUT:
        object->count--;
        break;
    case LAB_END:
        object->ended = true;
        break;
    case LAB_WRITE:
    case LAB_RMW:
        object->counted = false; /* until lab_value() */
        break;
    default:
        break;
    }
    if (changes)
        lab_object_change(step->object, step->bytes, 1);
    if (step->also != 0)
        lab_object_change(step->also, 1, 1);
}

static void show_watcher(int number, const struct lab_pending *step)
{
    struct lab_granted granted = {
        .thread = number,
        .kind = step->kind,
        .object = step->object,
        .also = step->also,
        .address = step->address,
        .step = lab_run.steps,
    };

    lab_watcher->step(&granted);
}

void lab_grant(int number)
{
    struct lab_thread_state *thread = &lab_run.thread[number];
    const struct lab_pending *step = &thread->pending;

    thread->timed_out = step->timed && !lab_can_run(number);
    if (thread->timed_out)
        lab_time_ran_out();
    thread->kept = false;
    lab_hash_step(thread, number);
    change_state(thread, number, step);
    lab_spin_grant(thread);
    if (lab_watcher != NULL && lab_watcher->step != NULL)
        show_watcher(number, step);
}

/* --- announcing ------------------------------------------------------ */

void lab_check_oracles(unsigned guard)
{
    for (unsigned i = 0; i < lab_run.oracle_count && !lab_run.ending; i++) {
        if (lab_run.oracle[i].guard != guard)
            continue;
        lab_run.in_oracle = true;
        lab_run.oracle[i].check(lab_run.oracle[i].argument);
        lab_run.in_oracle = false;
    }
    if (lab_run.ending)
        lab_end_execution(lab_run.outcome, lab_run.what);
}

/* Waits for the turn of the pending step; within: it is part of the step
 * before, with no other thread in between. */
static void announce(bool within)
{
    int self = lab_run.current;

    if (self == 0 && ++lab_run.own_steps > LAB_OWN_STEPS)
        lab_end_execution(LAB_LIVELOCK, "livelock");
    if (self == 0 || within) {
        if (lab_run.trace != NULL)
            lab_record_step(self, false, false);
        lab_grant(self);
        return;
    }
    if (lab_run.oracle_count != 0)
        lab_check_oracles(0);
    lab_spin_announce(this_thread());
    if (!lab_run.starting) {
        lab_schedule();
        return;
    }
    lab_run.starting = false;
    lab_run.current = lab_run.parent;
    lab_run.back_end->switch_to(self, lab_run.parent);
}

static struct lab_pending *pend(unsigned kind, const void *object,
                                const struct lab_site *site)
{
    struct lab_thread_state *thread = this_thread();
    struct lab_pending *step = &thread->pending;

    step->kind = kind;
    step->object = lab_object_find(object);
    step->also = 0;
    step->bytes = 1;
    step->limit = 0;
    step->pc = NULL;
    step->state = thread->state;
    thread->state = 0;
    step->timed = false;
    step->ready = NULL;
    step->address = object;
    step->site = *site;
    return step;
}

void lab_step(unsigned kind, const void *object, const struct lab_site *site)
{
    if (ignored())
        return;
    pend(kind, object, site);
    announce(false);
}

void lab_step_bytes(unsigned kind, const void *word, size_t size,
                    const struct lab_site *site, const void *pc)
{
    struct lab_pending *step;

    if (ignored())
        return;
    if ((uintptr_t)word % LAB_WORD_BYTES + size > LAB_WORD_BYTES) {
        lab_fail("misaligned atomic", "of %zu bytes", size);
        return;
    }
    step = pend(kind, word, site);
    step->bytes = lab_object_join_word(step->object, word, size);
    step->pc = pc;
    announce(false);
}

void lab_step_count(unsigned kind, const void *count, uint32_t limit,
                    const struct lab_site *site)
{
    if (ignored())
        return;
    pend(kind, count, site)->limit = limit;
    announce(false);
}

void lab_step_also(unsigned kind, const void *object, const void *also,
                   const struct lab_site *site)
{
    if (ignored())
        return;
    pend(kind, object, site)->also = lab_object_find(also);
    announce(false);
}

static bool await(unsigned kind, const void *object,
                  bool (*ready)(const void *), const void *argument,
                  const struct lab_site *site, bool timed)
{
    struct lab_pending *step;

    if (ignored())
        return true;
    if (lab_run.current == 0 && !ready(argument)) {
        if (!timed)
            lab_fail("setup or finish waits", "and no other thread runs");
        return false;
    }
    step = pend(kind, object, site);
    step->ready = ready;
    step->argument = argument;
    step->timed = timed;
    announce(false);
    return !this_thread()->timed_out;
}

void lab_await(unsigned kind, const void *object, bool (*ready)(const void *),
               const void *argument, const struct lab_site *site)
{
    (void)await(kind, object, ready, argument, site, false);
}

bool lab_await_timed(unsigned kind, const void *object,
                     bool (*ready)(const void *), const void *argument,
                     const struct lab_site *site)
{
    return await(kind, object, ready, argument, site, true);
}

void lab_relax(const struct lab_site *site)
{
    if (ignored() || lab_run.current == 0)
        return;
    pend(LAB_RELAX, NULL, site);
    announce(false);
}

void lab_value(uint64_t value)
{
    struct lab_thread_state *thread;
    struct lab_object_state *object;
    unsigned kind;

    if (ignored())
        return;
    thread = this_thread();
    kind = thread->pending.kind & 0xffu;
    object = &lab_objects[thread->pending.object];
    if (kind != LAB_READ) {
        object->count = value;
        object->counted = true;
    }
    lab_run.event_hash = lab_mix(lab_run.event_hash, value);
    if (lab_run.trace != NULL)
        lab_record_value(value);
}

void lab_unchanged(void)
{
    const struct lab_pending *step = &this_thread()->pending;

    if (ignored())
        return;
    this_thread()->kept = true;
    lab_object_change(step->object, step->bytes, -1);
    lab_spin_unchanged(this_thread());
}

/* --- locks ----------------------------------------------------------- */

static bool rank_is_fine(const struct lab_thread_state *thread, unsigned lock)
{
    int rank = lab_objects[lock].rank;

    for (unsigned i = 0; i < thread->held_count && rank >= 0; i++) {
        unsigned held = thread->held[i];

        if (lab_objects[held].rank >= rank) {
            lab_fail("lock order",
                     "%s (rank %d) is held, %s (rank %d) is "
                     "wanted",
                     lab_object_text(held), lab_objects[held].rank,
                     lab_object_text(lock), rank);
            return false;
        }
    }
    return true;
}

void lab_lock(const void *lock, const struct lab_site *site)
{
    const struct lab_pending *step;

    if (ignored())
        return;
    step = pend(LAB_LOCK | LAB_ACQUIRE, lock, site);
    if (lab_objects[step->object].holder == lab_run.current) {
        lab_fail("lock taken twice", "%s", lab_object_text(step->object));
        return;
    }
    if (lab_run.current == 0 &&
        lab_objects[step->object].holder != LAB_NO_THREAD) {
        lab_fail("lock left behind", "%s", lab_object_text(step->object));
        return;
    }
    if (!rank_is_fine(this_thread(), step->object))
        return;
    announce(false);
}

bool lab_trylock(const void *lock, const struct lab_site *site)
{
    if (ignored())
        return true;
    pend(LAB_TRYLOCK | LAB_ACQUIRE, lock, site);
    announce(false);
    if (lab_run.trace != NULL)
        lab_comment("%s", this_thread()->took ? "taken" : "busy");
    return this_thread()->took;
}

static bool is_mine(unsigned lock)
{
    int holder = lab_objects[lock].holder;

    if (holder == lab_run.current)
        return true;
    if (holder == LAB_NO_THREAD)
        lab_fail("lock not held", "no thread holds %s", lab_object_text(lock));
    else
        lab_fail("lock of another thread", "%s is held by CPU#%d",
                 lab_object_text(lock), holder);
    return false;
}

void lab_unlock(const void *lock, const struct lab_site *site)
{
    const struct lab_pending *step;
    unsigned number;

    if (ignored())
        return;
    step = pend(LAB_UNLOCK | LAB_RELEASE, lock, site);
    number = step->object;
    if (!is_mine(number))
        return;
    announce(lab_run.program->coalesce && this_thread()->fresh_lock == number);
    if (lab_run.oracle_count != 0)
        lab_check_oracles(number);
}

void lab_unlock_within(const void *lock)
{
    unsigned number;

    if (ignored())
        return;
    number = lab_object_find(lock);
    if (!is_mine(number))
        return;
    release_lock(this_thread(), number);
    if (lab_run.oracle_count != 0)
        lab_check_oracles(number);
}

bool lab_holds(const void *lock)
{
    return lab_holder(lock) == lab_run.current;
}

int lab_holder(const void *lock)
{
    unsigned number = lab_object_number(lock);

    return number == 0 ? LAB_NO_THREAD : lab_objects[number].holder;
}
