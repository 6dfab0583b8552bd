/* SPDX-License-Identifier: MIT */
/*
 * posix.c - pthreads and malloc() for user code.
 *
 * A mutex is known by its address alone, so one that was initialised statically
 * works.  The waiters of a condition are kept in the condition itself, whose
 * initial bytes are zero on every system where this builds.
 */
#define ZC_LAB 1
#include "embed.h"

#include "engine/explore.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <zcache/lab.h>

#include "base/checked.h"
#include "base/inject.h"
#include "platform/lab_platform.h"
#include "platform/memory.h"
#include "platform/thread.h"
#include "watch/tsan.h"

#define CALLER __builtin_return_address(0)
#define NAMES 256

static struct {
    const void *object;
    const char *name;
} names[NAMES];

static unsigned name_count;
static int nameless; /* objects without a name, in this execution */

_Static_assert(sizeof(pthread_cond_t) >= sizeof(struct zc_condition),
               "a pthread_cond_t has room for a zc_condition");

/* --- names ----------------------------------------------------------- */

void lab_embed_reset(void)
{
    nameless = 0;
}

void lab_embed_forget(void)
{
    name_count = 0;
}

void zc_lab_name(const void *object, const char *name)
{
    unsigned i = 0;

    while (i < name_count && names[i].object != object)
        i++;
    if (i == NAMES)
        return;
    names[i].object = object;
    names[i].name = name;
    if (i == name_count)
        name_count++;
}

const char *lab_given_name(const void *object)
{
    for (unsigned i = 0; i < name_count; i++) {
        if (names[i].object == object)
            return names[i].name;
    }
    return NULL;
}

/* Declares a new mutex or condition to the explorer. */
static void declare(const void *object, const char *kind)
{
    const char *name;

    if (lab_object_number(object) != 0)
        return;
    name = lab_given_name(object);
    if (name != NULL)
        (void)lab_object(object, name, -1, -1);
    else
        (void)lab_object(object, kind, nameless++, -1);
}

/* --- memory ---------------------------------------------------------- */

void *zc_lab_malloc(size_t size)
{
    return zc_inject(ZC_INJECT_MALLOC) ? NULL : lab_take(size, CALLER);
}

void *zc_lab_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *memory;

    if (!zc_multiply_size(count, size, &bytes) || zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    memory = lab_take(bytes, CALLER);
    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

void *zc_lab_realloc(void *memory, size_t size)
{
    size_t old = zc_malloc_size(memory);
    void *moved;

    if (zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    moved = lab_take(size, CALLER);
    if (moved == NULL || memory == NULL)
        return moved;
    lab_access(memory, old, 0, CALLER);
    memcpy(moved, memory, old < size ? old : size);
    lab_give_back(memory, CALLER);
    return moved;
}

void zc_lab_free(void *memory)
{
    lab_give_back(memory, CALLER);
}

/* --- mutexes --------------------------------------------------------- */

/* Accesses the lock as memory; false: the explorer is not told. */
static bool access_lock(const void *lock, const void *pc)
{
    if (lab_quiet)
        return false;
    lab_access(lock, sizeof(uint64_t), LAB_ACCESS_ATOMIC, pc);
    return true;
}

#define SITE(verb) (&(const struct lab_site){(verb), "", "", 0})

int zc_lab_mutex_init(pthread_mutex_t *mutex,
                      const pthread_mutexattr_t *attributes)
{
    (void)attributes;
    lab_access(mutex, sizeof(uint64_t), LAB_ACCESS_WRITE, CALLER);
    return 0;
}

int zc_lab_mutex_destroy(pthread_mutex_t *mutex)
{
    if (access_lock(mutex, CALLER))
        lab_object_end(mutex);
    return 0;
}

int zc_lab_mutex_lock(pthread_mutex_t *mutex)
{
    if (!access_lock(mutex, CALLER))
        return 0;
    declare(mutex, "mutex");
    lab_lock(mutex, SITE("mutex_lock"));
    (void)access_lock(mutex, CALLER);
    return 0;
}

int zc_lab_mutex_trylock(pthread_mutex_t *mutex)
{
    if (!access_lock(mutex, CALLER))
        return 0;
    declare(mutex, "mutex");
    return lab_trylock(mutex, SITE("mutex_trylock")) ? 0 : EBUSY;
}

int zc_lab_mutex_unlock(pthread_mutex_t *mutex)
{
    if (access_lock(mutex, CALLER))
        lab_unlock(mutex, SITE("mutex_unlock"));
    return 0;
}

/* --- conditions ------------------------------------------------------ */

int zc_lab_cond_init(pthread_cond_t *condition,
                     const pthread_condattr_t *attributes)
{
    struct zc_condition *own = (struct zc_condition *)(void *)condition;

    (void)attributes;
    lab_access(own, sizeof(*own), LAB_ACCESS_WRITE, CALLER);
    own->waiting = 0;
    return 0;
}

int zc_lab_cond_destroy(pthread_cond_t *condition)
{
    if (!access_lock(condition, CALLER))
        return 0;
    if (((struct zc_condition *)(void *)condition)->waiting != 0)
        lab_fail("condition destroyed", "while a thread waits for it");
    lab_object_end(condition);
    return 0;
}

/* Declares the condition; false: setup, where a wait would never end. */
static bool meet(pthread_cond_t *condition, const void *pc)
{
    if (!access_lock(condition, pc))
        return false;
    declare(condition, "condition");
    lab_region_note_write(condition, sizeof(struct zc_condition));
    return true;
}

int zc_lab_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    if (meet(condition, CALLER))
        lab_wait((struct zc_condition *)(void *)condition, mutex,
                 SITE("cond_wait"));
    if (!lab_quiet)
        lab_lock(mutex, SITE("mutex_lock"));
    return 0;
}

int zc_lab_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                          const struct timespec *until)
{
    bool woken = true;

    (void)until; /* when time passes is explored */
    if (meet(condition, CALLER))
        woken = lab_wait_for((struct zc_condition *)(void *)condition, mutex,
                             SITE("cond_timedwait"));
    if (!lab_quiet)
        lab_lock(mutex, SITE("mutex_lock"));
    return woken ? 0 : ETIMEDOUT;
}

int zc_lab_cond_signal(pthread_cond_t *condition)
{
    if (meet(condition, CALLER))
        lab_condition_signal((struct zc_condition *)(void *)condition,
                             SITE("cond_signal"));
    return 0;
}

int zc_lab_cond_broadcast(pthread_cond_t *condition)
{
    if (meet(condition, CALLER))
        lab_condition_broadcast((struct zc_condition *)(void *)condition,
                                SITE("cond_broadcast"));
    return 0;
}

/* --- the rest -------------------------------------------------------- */

int zc_lab_yield(void)
{
    if (!lab_quiet)
        lab_relax(SITE("yield"));
    return 0;
}

void zc_lab_abort(void)
{
    lab_fail("abort", "at %s", lab_place_of(CALLER));
    lab_platform_leave();
}

void zc_lab_assert_fail(const char *expression, const char *file, unsigned line,
                        const char *function)
{
    (void)function;
    lab_fail("assertion failed", "%s:%u: %s", file, line, expression);
    lab_platform_leave();
}
