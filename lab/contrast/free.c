/* SPDX-License-Identifier: MIT */
/*
 * free.c - the calls of scenarios to the explorer, where there is no explorer:
 * threads run freely.
 *
 * Steps are nothing, a scenario's own locks are one mutex, and a failed check
 * ends the process.  The parent counts that.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contrast.h"
#include "engine/explore.h"
#include "engine/scenario.h"
#include "oracle/memory.h"
#include "oracle/pool.h"
#include "platform/lab_platform.h"
#include "watch/calls.h"
#include "watch/tsan.h"

static _Thread_local int self;
static pthread_mutex_t locks = PTHREAD_MUTEX_INITIALIZER;

bool lab_reuse;
bool lab_quiet;
unsigned lab_setup_processor;
jmp_buf *lab_leave_setup;
uint32_t lab_inject_points;
const struct lab_observer lab_tsan_observer;

void contrast_be(int thread)
{
    self = thread;
}

void contrast_replay_as(int thread)
{
    self = thread;
}

int lab_thread(void)
{
    return self;
}

void lab_fail(const char *what, const char *format, ...)
{
    va_list arguments;

    (void)fprintf(stderr, "CPU#%d: %s: ", self, what);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    _exit(CONTRAST_FAILED);
}

/* A failure ends the process. */
bool lab_has_failed(void)
{
    return false;
}

void lab_rule_missed(int index)
{
    (void)index;
}

/* --- steps and rows -------------------------------------------------- */

void lab_step(unsigned kind, const void *object, const struct lab_site *site)
{
    (void)kind;
    (void)object;
    (void)site;
}

void lab_lock(const void *lock, const struct lab_site *site)
{
    (void)lock;
    (void)site;
    (void)pthread_mutex_lock(&locks);
}

void lab_unlock(const void *lock, const struct lab_site *site)
{
    (void)lock;
    (void)site;
    (void)pthread_mutex_unlock(&locks);
}

void lab_opening(const char *format, ...)
{
    (void)format;
}

void lab_enter(const char *format, ...)
{
    (void)format;
}

void lab_leave(void)
{
}

void lab_note(const char *format, ...)
{
    (void)format;
}

void lab_comment(const char *format, ...)
{
    (void)format;
}

void lab_detail(const char *format, ...)
{
    (void)format;
}

/* --- the world's memory and its oracles ------------------------------ */

void lab_observe(const struct lab_observer *observer)
{
    (void)observer;
}

void lab_catch_faults(void)
{
}

void lab_platform_reset(void)
{
}

void lab_region_reset(void)
{
}

void lab_region_keep(void)
{
}

void lab_region_restore(void)
{
}

void lab_region_check_empty(void)
{
}

unsigned lab_calls_of(int thread, const void **calls, unsigned most)
{
    (void)thread;
    (void)calls;
    (void)most;
    return 0;
}

void lab_calls_name(const void *const *calls, unsigned count,
                    void (*named)(void *context, unsigned index,
                                  const char *name, const char *line),
                    void *context)
{
    (void)calls;
    (void)count;
    (void)named;
    (void)context;
}

void lab_access(const void *memory, size_t size, unsigned access,
                const void *pc)
{
    (void)memory;
    (void)size;
    (void)access;
    (void)pc;
}

void lab_watch_reset(void)
{
}

void lab_watch_register(void)
{
}

void lab_watch_pool(struct zc_zspool *pool, size_t size)
{
    (void)pool;
    (void)size;
}

void lab_watch_group(struct zc_zspool *pool, unsigned index)
{
    (void)pool;
    (void)index;
}

void lab_watch_shard(struct zc_cache *cache, zc_swp slot)
{
    (void)cache;
    (void)slot;
}

void lab_check_references(struct zc_cache *cache, zc_swp slot)
{
    (void)cache;
    (void)slot;
}

void lab_check_handles(struct zc_zspool *pool)
{
    (void)pool;
}
