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
#include "engine/met.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <zcache/lab.h>

#include "base/checked.h"
#include "base/inject.h"
#include "platform/lab_platform.h"
#include "platform/memory.h"
#include "platform/site.h"
#include "platform/thread.h"
#include "watch/tsan.h"

#define CALLER __builtin_return_address(0)
#define NAMES 256
#define FREED 64

static struct {
    const void *object;
    const char *name;
} names[NAMES];

/* The blocks that actors freed in this execution, but for those given again; a
 * scenario that frees more finds the latest of them. */
static void *freed[FREED];
static unsigned freed_count;

static unsigned name_count;
static int nameless; /* objects without a name, in this execution */

_Static_assert(sizeof(pthread_cond_t) >= sizeof(struct zc_condition),
               "a pthread_cond_t has room for a zc_condition");

/* --- names ----------------------------------------------------------- */

void lab_embed_reset(void)
{
    nameless = 0;
    freed_count = 0;
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

/* The name of a static variable that the object is, or begins, serves where
 * there is no other. */
const char *lab_given_name(const void *object)
{
    const char *symbol;
    size_t offset = 0;

    for (unsigned i = 0; i < name_count; i++) {
        if (names[i].object == object)
            return names[i].name;
    }
    if (!lab_recording())
        return NULL;
    symbol = lab_symbol_of(object, &offset);
    return offset == 0 ? symbol : NULL;
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

#define HEAPS 64
#define HEAP_SHIFT 4

/* Where reuse is explored, the order of malloc() and free() of like sizes
 * matters: these are steps on one of these. */
static const char heaps[HEAPS];

static void step_on_heap(unsigned kind, size_t size, const char *verb)
{
    const struct lab_site site = {verb, "", "", 0};
    size_t heap = (size + ((size_t)1 << HEAP_SHIFT) - 1) >> HEAP_SHIFT;

    if (heap >= HEAPS)
        heap = HEAPS - 1;
    if (lab_object_number(&heaps[heap]) == 0)
        (void)lab_object(&heaps[heap], "heap", -1, -1);
    lab_step(kind | LAB_ACQUIRE | LAB_RELEASE, &heaps[heap], &site);
}

/* The place in freed[] of the latest block for so many bytes; FREED: none. */
static unsigned find_freed(size_t size)
{
    for (unsigned i = freed_count; i > 0; i--) {
        if (lab_takes_as_much(freed[i - 1], size))
            return i - 1;
    }
    return FREED;
}

void *lab_embed_take(size_t size, const void *pc)
{
    unsigned at;
    void *memory;

    lab_written = true;
    if (lab_quiet || lab_thread() <= 0)
        return lab_take(size, pc);
    if (lab_luck_budget(LAB_REUSE) > 0)
        step_on_heap(LAB_ALLOC, size, "malloc");
    at = find_freed(size);
    if (at == FREED)
        return lab_take(size, pc);
    if (lab_luck_budget(LAB_REUSE) == 0)
        lab_met(LAB_MET_REUSE, pc);
    if (!lab_happens(LAB_REUSE))
        return lab_take(size, pc);
    memory = freed[at];
    freed_count--;
    for (; at < freed_count; at++)
        freed[at] = freed[at + 1];
    lab_take_again(memory, size, pc);
    return memory;
}

void lab_embed_give_back(void *memory, const void *pc)
{
    lab_written = true;
    if (memory != NULL && !lab_quiet && lab_thread() > 0) {
        if (lab_luck_budget(LAB_REUSE) > 0)
            step_on_heap(LAB_FREE, zc_malloc_size(memory), "free");
        lab_give_back(memory, pc);
        if (freed_count == FREED)
            memmove(&freed[0], &freed[1], --freed_count * sizeof(freed[0]));
        freed[freed_count++] = memory;
        return;
    }
    lab_give_back(memory, pc);
}

void *zc_lab_malloc(size_t size)
{
    return zc_inject(ZC_INJECT_MALLOC) ? NULL : lab_embed_take(size, CALLER);
}

void *zc_lab_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *memory;

    if (!zc_multiply_size(count, size, &bytes) || zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    memory = lab_embed_take(bytes, CALLER);
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
    moved = lab_embed_take(size, CALLER);
    if (moved == NULL || memory == NULL)
        return moved;
    lab_access(memory, old, 0, CALLER);
    memcpy(moved, memory, old < size ? old : size);
    lab_embed_give_back(memory, CALLER);
    return moved;
}

void zc_lab_free(void *memory)
{
    lab_embed_give_back(memory, CALLER);
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

/* The kind of a mutex is where the C library has it, so that its own
 * initialisers work.  How often it is taken again is there too. */
#ifdef __GLIBC__
#define KIND(mutex) ((mutex)->__data.__kind)
#define AGAIN(mutex) ((mutex)->__data.__count)
#else
static unsigned none;
#define KIND(mutex) ((void)(mutex), PTHREAD_MUTEX_NORMAL)
#define AGAIN(mutex) (*((void)(mutex), &none))
#endif

static void refuse_mutex(const char *what, const void *pc)
{
    lab_fail("mutex that the lab does not have", "%s, at %s", what,
             lab_place_of(pc));
    lab_platform_failed();
}

int zc_lab_mutex_init(pthread_mutex_t *mutex,
                      const pthread_mutexattr_t *attributes)
{
    int kind = PTHREAD_MUTEX_DEFAULT;
    int robust = PTHREAD_MUTEX_STALLED;

    if (attributes != NULL) {
        (void)pthread_mutexattr_gettype(attributes, &kind);
        (void)pthread_mutexattr_getrobust(attributes, &robust);
    }
    if (robust != PTHREAD_MUTEX_STALLED)
        refuse_mutex("a robust one", CALLER);
    lab_access(mutex, sizeof(uint64_t), LAB_ACCESS_WRITE, CALLER);
    lab_region_note_write(mutex, sizeof(*mutex));
#ifdef __GLIBC__
    KIND(mutex) = kind;
#else
    if (kind != PTHREAD_MUTEX_NORMAL && kind != PTHREAD_MUTEX_DEFAULT)
        refuse_mutex("a recursive one, or one that checks", CALLER);
#endif
    return 0;
}

int zc_lab_mutex_destroy(pthread_mutex_t *mutex)
{
    if (access_lock(mutex, CALLER))
        lab_object_end(mutex);
    return 0;
}

/* Declares the mutex; true: this thread has it already. */
static bool has_mutex(pthread_mutex_t *mutex)
{
    if (lab_object_number(mutex) == 0 && KIND(mutex) == PTHREAD_MUTEX_RECURSIVE)
        AGAIN(mutex) = 0;
    declare(mutex, "mutex");
    return lab_holds(mutex);
}

/* The line below the diagram where the explorer fails, as it will if this
 * thread has not locked the mutex. */
static void say_if_free(pthread_mutex_t *mutex, const char *verb,
                        const void *pc)
{
    if (!has_mutex(mutex))
        lab_detail("%s by CPU#%d at %s", verb, lab_thread(), lab_place_of(pc));
}

static void take_again(pthread_mutex_t *mutex)
{
    lab_written = true;
    lab_region_note_write(mutex, sizeof(*mutex));
    AGAIN(mutex)++;
}

int zc_lab_mutex_lock(pthread_mutex_t *mutex)
{
    LAB_STATE_OF_CALLER();
    if (!access_lock(mutex, CALLER))
        return 0;
    if (has_mutex(mutex) && KIND(mutex) == PTHREAD_MUTEX_RECURSIVE) {
        take_again(mutex);
        return 0;
    }
    if (lab_holds(mutex) && KIND(mutex) == PTHREAD_MUTEX_ERRORCHECK)
        return EDEADLK;
    if (lab_site_take(LAB_SITE_LOCK, mutex, 0, SITE("mutex_lock"), CALLER))
        return 0;
    lab_lock(mutex, SITE("mutex_lock"));
    (void)access_lock(mutex, CALLER);
    return 0;
}

int zc_lab_mutex_trylock(pthread_mutex_t *mutex)
{
    LAB_STATE_OF_CALLER();
    if (!access_lock(mutex, CALLER))
        return 0;
    if (has_mutex(mutex) && KIND(mutex) == PTHREAD_MUTEX_RECURSIVE) {
        take_again(mutex);
        return 0;
    }
    if (lab_site_is_busy(SITE("mutex_trylock"), CALLER))
        return EBUSY;
    if (lab_site_is_open(mutex, 0, SITE("mutex_trylock"), CALLER))
        return 0;
    if (!lab_trylock(mutex, SITE("mutex_trylock")))
        return EBUSY;
    (void)lab_site_take(LAB_SITE_TRYLOCK, mutex, 0, SITE("mutex_trylock"),
                        CALLER);
    return 0;
}

int zc_lab_mutex_unlock(pthread_mutex_t *mutex)
{
    int kind = KIND(mutex);

    LAB_STATE_OF_CALLER();
    if (!access_lock(mutex, CALLER) ||
        lab_site_give(mutex, 0, lab_holds(mutex), SITE("mutex_unlock")))
        return 0;
    if (kind != PTHREAD_MUTEX_RECURSIVE && kind != PTHREAD_MUTEX_ERRORCHECK) {
        say_if_free(mutex, "unlocked", CALLER);
        lab_unlock(mutex, SITE("mutex_unlock"));
        return 0;
    }
    if (!has_mutex(mutex))
        return EPERM;
    if (kind == PTHREAD_MUTEX_RECURSIVE && AGAIN(mutex) > 0) {
        lab_written = true;
        lab_region_note_write(mutex, sizeof(*mutex));
        AGAIN(mutex)--;
        return 0;
    }
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

static void check_mutex(pthread_mutex_t *mutex, const void *pc)
{
    if (!lab_quiet)
        say_if_free(mutex, "a wait", pc);
    if (KIND(mutex) == PTHREAD_MUTEX_RECURSIVE && AGAIN(mutex) > 0)
        lab_fail("waits with a mutex taken twice", "at %s", lab_place_of(pc));
}

int zc_lab_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    check_mutex(mutex, CALLER);
    if (meet(condition, CALLER))
        lab_wait((struct zc_condition *)(void *)condition, mutex,
                 SITE("cond_wait"), CALLER);
    if (!lab_quiet && !lab_site_is_loose(mutex))
        lab_lock(mutex, SITE("mutex_lock"));
    return 0;
}

int zc_lab_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                          const struct timespec *until)
{
    bool woken = true;

    (void)until; /* when time passes is explored */
    check_mutex(mutex, CALLER);
    if (meet(condition, CALLER))
        woken = lab_wait_for((struct zc_condition *)(void *)condition, mutex,
                             SITE("cond_timedwait"), CALLER);
    if (!lab_quiet && !lab_site_is_loose(mutex))
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

/* Fibers share a thread of the system. */
pthread_t zc_lab_self(void)
{
    return (pthread_t)(uintptr_t)(lab_thread() + 1);
}

int zc_lab_yield(void)
{
    LAB_STATE_OF_CALLER();
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
