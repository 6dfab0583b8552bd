/* SPDX-License-Identifier: MIT */
/* lock.c - lock.h over the locks of the explorer. */
#include "platform/lock.h"

#include <stdlib.h>

#include "broken/broken.h"
#include "lab_platform.h"
#include "site.h"
#include "watch/tsan.h"

#define MADE UINT64_C(0x6c6f636b) /* a lock that was initialised */
#define CALLER __builtin_return_address(0)

static unsigned spinlocks_held[LAB_THREADS];

void lab_platform_reset(void)
{
    int i;

    for (i = 0; i < LAB_THREADS; i++)
        spinlocks_held[i] = 0;
    lab_clock_ns = 0;
    lab_broken_reset();
    lab_site_reset();
}

/* Where another failure is looked for, the code goes on as it does in a build
 * without assertions. */
void zc_assert_fail(const char *expression, const char *file, int line)
{
    if (!lab_is_passed("assertion failed"))
        lab_note("ZC_ASSERT(%s)", expression);
    lab_fail("assertion failed", "%s:%d: %s", file, line, expression);
    if (lab_has_failed() || lab_in_oracle())
        lab_platform_leave();
}

void lab_platform_leave(void)
{
    if (lab_leave_setup != NULL)
        longjmp(*lab_leave_setup, 1);
    abort();
}

void lab_guard_check(void (*check)(void *), void *argument)
{
    jmp_buf *outer = lab_leave_setup;
    jmp_buf leave;

    if (setjmp(leave) == 0) {
        lab_leave_setup = &leave;
        check(argument);
    }
    lab_leave_setup = outer;
}

void lab_platform_failed(void)
{
    if (lab_has_failed() && lab_leave_setup != NULL && !lab_in_oracle())
        lab_platform_leave();
}

jmp_buf *lab_leave_setup;
bool lab_quiet;

void zc_may_block(void)
{
    int thread = lab_thread();

    if (thread >= 0 && !lab_in_oracle() && spinlocks_held[thread] != 0)
        lab_fail("waits under a spinlock", "at %s", lab_place_of(CALLER));
}

static void init(struct lab_lock_words *words, enum zc_lock_rank rank,
                 const char *name)
{
    lab_region_note_write(words, sizeof(*words));
    words->made = MADE;
    words->name = name;
    words->rank = (int)rank;
}

void lab_declare_lock(const struct lab_lock_words *words)
{
    if (lab_object_number(words) == 0)
        (void)lab_object(words, words->name, -1, words->rank);
}

/* Accesses the lock as memory; false: the explorer is not told. */
static bool access_lock(const struct lab_lock_words *words, const void *pc)
{
    if (lab_quiet)
        return false;
    lab_access(&words->made, sizeof(words->made), LAB_ACCESS_ATOMIC, pc);
    if (words->made != MADE && !lab_in_oracle()) {
        lab_fail("lock that was never made", "at %s", lab_place_of(pc));
        lab_platform_failed();
    }
    return true;
}

static void destroy(struct lab_lock_words *words, const void *pc)
{
    if (access_lock(words, pc))
        lab_object_end(words);
    lab_region_note_write(words, sizeof(*words));
    words->made = 0;
}

/* Takes the lock, at a place that cannot be switched off by itself. */
static void lock_again(const struct lab_lock_words *words,
                       const struct lab_site *site, const void *pc)
{
    if (!access_lock(words, pc))
        return;
    lab_declare_lock(words);
    lab_lock(words, site);
    (void)access_lock(words, pc);
}

static void lock(const struct lab_lock_words *words,
                 const struct lab_site *site, const void *pc)
{
    if (!lab_site_take(LAB_SITE_LOCK, words, 0, site, pc))
        lock_again(words, site, pc);
}

static bool trylock(const struct lab_lock_words *words,
                    const struct lab_site *site, const void *pc)
{
    bool taken;

    if (!access_lock(words, pc))
        return true;
    if (lab_site_is_busy(site, pc))
        return false;
    if (lab_site_is_open(words, 0, site, pc))
        return true;
    lab_declare_lock(words);
    taken = lab_trylock(words, site);
    (void)access_lock(words, pc);
    if (taken)
        (void)lab_site_take(LAB_SITE_TRYLOCK, words, 0, site, pc);
    return taken;
}

static void unlock(const struct lab_lock_words *words,
                   const struct lab_site *site, const void *pc)
{
    if (!lab_site_give(words, 0, lab_holds(words), site) &&
        access_lock(words, pc))
        lab_unlock(words, site);
}

zc_status zc_mutex_init(struct zc_mutex *mutex, enum zc_lock_rank rank,
                        const char *name)
{
    ZC_ASSERT(rank < ZC_RANK_FIRST_SPINLOCK);
    init(&mutex->words, rank, name);
    return ZC_OK;
}

void zc_mutex_destroy(struct zc_mutex *mutex)
{
    destroy(&mutex->words, CALLER);
}

zc_status zc_spinlock_init(struct zc_spinlock *spinlock, enum zc_lock_rank rank,
                           const char *name)
{
    ZC_ASSERT(rank >= ZC_RANK_FIRST_SPINLOCK);
    init(&spinlock->words, rank, name);
    return ZC_OK;
}

void zc_spinlock_destroy(struct zc_spinlock *spinlock)
{
    destroy(&spinlock->words, CALLER);
}

void lab_mutex_lock(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_NO_LOCK_ANALYSIS
{
    zc_may_block();
    lock(&mutex->words, site, CALLER);
}

void lab_mutex_lock_again(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_NO_LOCK_ANALYSIS
{
    zc_may_block();
    if (!lab_site_is_loose(&mutex->words))
        lock_again(&mutex->words, site, CALLER);
}

bool lab_mutex_trylock(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_NO_LOCK_ANALYSIS
{
    return trylock(&mutex->words, site, CALLER);
}

void lab_mutex_unlock(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_NO_LOCK_ANALYSIS
{
    unlock(&mutex->words, site, CALLER);
}

static void count_spinlock(unsigned change)
{
    int thread = lab_thread();

    if (thread >= 0 && !lab_in_oracle())
        spinlocks_held[thread] += change;
}

void lab_spinlock_lock(struct zc_spinlock *spinlock,
                       const struct lab_site *site) ZC_NO_LOCK_ANALYSIS
{
    lock(&spinlock->words, site, CALLER);
    count_spinlock(1);
}

bool lab_spinlock_trylock(struct zc_spinlock *spinlock,
                          const struct lab_site *site) ZC_NO_LOCK_ANALYSIS
{
    bool taken = trylock(&spinlock->words, site, CALLER);

    if (taken)
        count_spinlock(1);
    return taken;
}

void lab_spinlock_unlock(struct zc_spinlock *spinlock,
                         const struct lab_site *site) ZC_NO_LOCK_ANALYSIS
{
    count_spinlock(0u - 1u);
    unlock(&spinlock->words, site, CALLER);
}
