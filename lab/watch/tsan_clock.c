/* SPDX-License-Identifier: MIT */
/*
 * tsan_clock.c - what is ordered before what, by vector clocks.
 *
 * An object carries the clock of its last release.  A plain store breaks the
 * chain of releases, a read-modify-write continues it, as in C11.
 *
 * What follows a release fence releases the clock of that fence, if it does not
 * release more.  What a thread reads and does not acquire waits for its next
 * acquire fence.
 */
#include "tsan.h"

#include <string.h>

#include "calls.h"
#include "oracle/memory.h"

struct lab_clock lab_clocks[LAB_THREADS];

static struct {
    uint32_t execution;
    struct lab_clock clock;
} released[LAB_OBJECTS];

static struct {
    struct lab_clock before; /* the last release fence */
    struct lab_clock read;   /* not acquired yet */
} fences[LAB_THREADS];

#define STEPS 65536 /* the latest ones, whose numbers are known */

static uint32_t execution;
static uint32_t granted_steps;
static unsigned step_numbers[STEPS];
static unsigned last_object[LAB_THREADS]; /* of the step granted last */

void lab_clock_reset(void)
{
    execution++;
    granted_steps = 0;
    memset(lab_clocks, 0, sizeof(lab_clocks));
    memset(fences, 0, sizeof(fences));
    lab_weak_reset();
    lab_robust_reset();
}

unsigned lab_step_of(uint32_t tick)
{
    return step_numbers[tick / 2 % STEPS];
}

/* also_weakly: in the order of tsan_weak.c, which has no fences. */
static void acquire(int thread, unsigned object, bool now, bool also_weakly)
{
    struct lab_clock *into = now ? &lab_clocks[thread] : &fences[thread].read;

    if (object != 0 && released[object].execution == execution)
        lab_clock_join(into, &released[object].clock);
    if (now && also_weakly)
        lab_weak_acquire(thread, object, true);
}

static void publish(unsigned object, const struct lab_clock *clock,
                    bool goes_on)
{
    if (goes_on && released[object].execution == execution) {
        lab_clock_join(&released[object].clock, clock);
        return;
    }
    released[object].execution = execution;
    released[object].clock = *clock;
}

/* Publishes the clock at the step itself, without what follows the step; or, if
 * the step does not release, at the last fence that does. */
static void release(int thread, unsigned object, bool now, bool goes_on,
                    bool also_weakly)
{
    struct lab_clock clock = now ? lab_clocks[thread] : fences[thread].before;

    if (now)
        clock.ticks[thread] &= ~1u;
    publish(object, &clock, goes_on);
    if (now && also_weakly)
        lab_weak_release(thread, object, goes_on);
    else if (!goes_on)
        lab_weak_forget(object);
}

/* From here on, accesses of the thread have another tick. */
static void count_step(int thread, unsigned step)
{
    granted_steps++;
    step_numbers[granted_steps % STEPS] = step;
    lab_clocks[thread].ticks[thread] = 2 * granted_steps + 1;
}

/* The step itself, at the time of tsan.h. */
static uint32_t tick_of(int thread)
{
    return lab_clocks[thread].ticks[thread] & ~1u;
}

static bool is_atomic(unsigned kind)
{
    return kind == LAB_READ || kind == LAB_WRITE || kind == LAB_RMW ||
           kind == LAB_GET || kind == LAB_PUT;
}

static void granted(const struct lab_granted *step)
{
    unsigned kind = step->kind & 0xffu;
    bool acquires = (step->kind & LAB_ACQUIRE) != 0 || kind == LAB_JOIN;
    bool releases = (step->kind & LAB_RELEASE) != 0 || kind == LAB_END;
    int thread = step->thread;
    bool is_weak;

    count_step(thread, step->step);
    last_object[thread] = step->object;
    is_weak = lab_weak_step(step, lab_clocks[thread].ticks[thread]);
    if (step->also != 0) { /* the mutex that a condition wait unlocks */
        lab_robust_order(thread, step->also, false, true, tick_of(thread));
        release(thread, step->also, true, true, false);
    }
    if (kind == LAB_RMW || kind == LAB_TRY_GET || step->object == 0)
        return; /* lab_clock_exchanged() and others know the result */
    if (is_atomic(kind))
        lab_robust_access(thread, step->object, kind, tick_of(thread));
    else
        lab_robust_order(thread, step->object, acquires, releases,
                         tick_of(thread));
    if (acquires || kind == LAB_READ)
        acquire(thread, step->object, acquires, !is_weak);
    if (releases || kind == LAB_WRITE)
        release(thread, step->object, releases, kind != LAB_WRITE, !is_weak);
}

void lab_clock_last_put(void)
{
    int thread = lab_thread();

    if (thread > 0)
        lab_weak_acquire(thread, last_object[thread], true);
}

void lab_clock_exchanged_as(bool changed, unsigned flags)
{
    int thread = lab_thread();

    if (thread < 0 || last_object[thread] == 0)
        return;
    lab_robust_access(thread, last_object[thread], changed ? LAB_RMW : LAB_READ,
                      tick_of(thread));
    acquire(thread, last_object[thread], (flags & LAB_ACQUIRE) != 0, true);
    if (changed)
        release(thread, last_object[thread], (flags & LAB_RELEASE) != 0, true,
                true);
}

void lab_clock_fence(unsigned flags)
{
    int thread = lab_thread();

    if (thread < 0)
        return;
    if ((flags & LAB_ACQUIRE) != 0)
        lab_clock_join(&lab_clocks[thread], &fences[thread].read);
    if ((flags & LAB_RELEASE) == 0)
        return;
    fences[thread].before = lab_clocks[thread];
    count_step(thread, lab_step_of(lab_clocks[thread].ticks[thread]));
}

void lab_clock_exchanged(bool changed)
{
    lab_clock_exchanged_as(changed, changed ? LAB_ACQUIRE | LAB_RELEASE : 0);
}

void lab_clock_got(bool got)
{
    int thread = lab_thread();

    if (thread < 0 || last_object[thread] == 0)
        return;
    lab_robust_access(thread, last_object[thread], got ? LAB_RMW : LAB_READ,
                      tick_of(thread));
    if (!got)
        return;
    acquire(thread, last_object[thread], true, false);
    release(thread, last_object[thread], true, true, false);
    lab_weak_count(thread, last_object[thread]);
}

void lab_clock_acquire(const void *object)
{
    int thread = lab_thread();

    if (thread > 0)
        acquire(thread, lab_object_number(object), true, true);
}

static void spawned(int parent, int child)
{
    lab_clocks[child] = lab_clocks[parent];
    lab_clocks[child].ticks[child] = 2 * granted_steps + 1;
    lab_clocks[child].ticks[parent] &= ~1u;
    lab_robust_spawned(parent, child);
    lab_weak_clocks[child] = lab_weak_clocks[parent];
    lab_weak_clocks[child].ticks[child] = lab_clocks[child].ticks[child];
    lab_weak_clocks[child].ticks[parent] &= ~1u;
    last_object[child] = 0;
    memset(&fences[child], 0, sizeof(fences[child]));
}

static void begin(void)
{
    lab_clock_reset();
    lab_shadow_reset();
    lab_calls_reset();
    lab_outside_reset();
}

const struct lab_observer lab_tsan_observer = {
    .begin = begin,
    .step = granted,
    .spawned = spawned,
    .calls = lab_calls_of,
    .name_calls = lab_calls_name,
};
