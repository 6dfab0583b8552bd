/* SPDX-License-Identifier: MIT */
/* thread.c - thread.h over threads of the explorer, and virtual time. */
#include "platform/thread.h"

#include "base/inject.h"
#include "engine/met.h"
#include "lab_platform.h"
#include "platform/process.h"
#include "platform/processor.h"
#include "site.h"
#include "watch/tsan.h"

#define CALLER __builtin_return_address(0)
#define PROCESSORS 8
#define NS_PER_S 1000000000u

uint64_t lab_clock_ns;

zc_status zc_thread_start(struct zc_thread *thread, void (*run)(void *),
                          void *argument)
{
    if (zc_inject(ZC_INJECT_THREAD))
        return ZC_NO_MEMORY;
    thread->number = lab_spawn(run, argument, "worker");
    return thread->number < 0 ? ZC_NO_MEMORY : ZC_OK;
}

void lab_thread_join(struct zc_thread *thread, const struct lab_site *site)
{
    lab_join(thread->number, site);
}

zc_status zc_condition_init(struct zc_condition *condition)
{
    condition->waiting = 0;
    return ZC_OK;
}

void zc_condition_destroy(struct zc_condition *condition)
{
    ZC_ASSERT(condition->waiting == 0);
    lab_object_end(condition);
}

struct sleeper {
    const struct zc_condition *condition;
    uint32_t bit;
};

static bool is_woken(const void *argument)
{
    const struct sleeper *sleeper = argument;

    return (sleeper->condition->waiting & sleeper->bit) == 0;
}

/* Unlocks and registers as a sleeper, in one step.  False: it is awake again,
 * for nothing.  Later is the same as at once: it did not take a signal. */
static bool lie_down(const struct sleeper *sleeper,
                     struct zc_condition *condition, const void *lock,
                     const struct lab_site *site, const void *pc)
{
    const bool is_loose = lab_site_is_loose(lock);

    if (lab_luck_budget(LAB_SPURIOUS) == 0)
        lab_met(LAB_MET_CONDITION_WAIT, pc);
    lab_robust_comes(false, pc);
    lab_step_also(LAB_RMW, condition, is_loose ? NULL : lock, site);
    lab_clock_exchanged(true);
    if (!is_loose)
        lab_unlock_within(lock);
    if (lab_happens(LAB_SPURIOUS))
        return false;
    condition->waiting |= sleeper->bit;
    return true;
}

void lab_wait(struct zc_condition *condition, const void *lock,
              const struct lab_site *site, const void *pc)
{
    struct sleeper sleeper = {condition, UINT32_C(1) << lab_thread()};

    if (lie_down(&sleeper, condition, lock, site, pc))
        lab_await(LAB_WAIT | LAB_ACQUIRE, condition, is_woken, &sleeper, site);
}

bool lab_wait_for(struct zc_condition *condition, const void *lock,
                  const struct lab_site *site, const void *pc)
{
    struct sleeper sleeper = {condition, UINT32_C(1) << lab_thread()};
    bool woken;

    if (!lab_times_out())
        lab_met(LAB_MET_TIMED_WAIT, pc);
    if (!lie_down(&sleeper, condition, lock, site, pc))
        return true;
    woken = lab_await_timed(LAB_WAIT | LAB_ACQUIRE, condition, is_woken,
                            &sleeper, site);
    if (!woken)
        condition->waiting &= ~sleeper.bit;
    return woken;
}

void lab_condition_wait(struct zc_condition *condition, struct zc_mutex *mutex,
                        const struct lab_site *site) ZC_NO_LOCK_ANALYSIS
{
    lab_wait(condition, mutex, site, CALLER);
    lab_mutex_lock_again(mutex, site);
}

bool lab_condition_wait_for(struct zc_condition *condition,
                            struct zc_mutex *mutex, uint64_t nanoseconds,
                            const struct lab_site *site) ZC_NO_LOCK_ANALYSIS
{
    bool woken = lab_wait_for(condition, mutex, site, CALLER);

    if (!woken)
        lab_clock_ns += nanoseconds;
    lab_mutex_lock_again(mutex, site);
    return woken;
}

void lab_condition_signal(struct zc_condition *condition,
                          const struct lab_site *site)
{
    unsigned count;
    unsigned which;
    int i;

    if (lab_quiet)
        return; /* no thread sleeps */
    lab_step(LAB_WAKE | LAB_RELEASE, condition, site);
    count = (unsigned)__builtin_popcount(condition->waiting);
    if (count == 0)
        return;
    which = count == 1 ? 0 : lab_pick(count, "woken");
    for (i = 0; i < LAB_THREADS; i++) {
        if ((condition->waiting >> i & 1) == 0 || which-- > 0)
            continue;
        condition->waiting &= ~(UINT32_C(1) << i);
        return;
    }
}

void lab_condition_broadcast(struct zc_condition *condition,
                             const struct lab_site *site)
{
    if (lab_quiet)
        return; /* no thread sleeps */
    lab_step(LAB_WAKE | LAB_RELEASE, condition, site);
    condition->waiting = 0;
}

void zc_sleep_ns(uint64_t nanoseconds)
{
    zc_may_block();
    lab_step(LAB_POINT, NULL, LAB_SITE("sleep"));
    lab_clock_ns += nanoseconds;
    lab_written = true;
}

/* ---- process.h: there is no fork between two steps ---- */

zc_status zc_process_mark_init(struct zc_process_mark *mark)
{
    (void)mark;
    return ZC_OK;
}

void zc_process_mark_destroy(struct zc_process_mark *mark)
{
    (void)mark;
}

size_t zc_process_mark_bytes(const struct zc_process_mark *mark)
{
    (void)mark;
    return 0;
}

bool zc_process_is_child(const struct zc_process_mark *mark)
{
    (void)mark;
    return false;
}

/* ---- processor.h: a processor per thread ---- */

unsigned zc_processor_count(void)
{
    return PROCESSORS;
}

unsigned lab_setup_processor;

unsigned zc_processor_current(void)
{
    int thread = lab_thread();

    if (thread < 1)
        return lab_setup_processor;
    return (unsigned)thread - 1;
}

uint64_t zc_clock_ns(void)
{
    return lab_clock_ns;
}

uint32_t zc_clock_seconds(void)
{
    return (uint32_t)(lab_clock_ns / NS_PER_S);
}

void zc_clock_advance(uint32_t seconds)
{
    lab_clock_ns += (uint64_t)seconds * NS_PER_S;
}
