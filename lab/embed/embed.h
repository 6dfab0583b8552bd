/* SPDX-License-Identifier: MIT */
/*
 * embed.h - the functions that replace malloc(), pthreads and more in user
 * code.
 *
 * zcache_add_lab() compiles user sources with -Dmalloc=zc_lab_malloc and more
 * (cmake/ZcacheLab.cmake has the list), so that the system's own headers
 * declare what posix.c defines.
 */
#ifndef LAB_EMBED_H
#define LAB_EMBED_H

#include <pthread.h>
#include <stddef.h>
#include <time.h>

/* Another execution begins; a new world is built, in which old names are
 * wrong. */
void lab_embed_reset(void);
void lab_embed_forget(void);
/* What zc_lab_name() said of an object, or NULL. */
const char *lab_given_name(const void *object);

/* What malloc() and free() do for a caller at pc, without injected failures. */
void *lab_embed_take(size_t size, const void *pc);
void lab_embed_give_back(void *memory, const void *pc);

void *zc_lab_malloc(size_t size);
void *zc_lab_calloc(size_t count, size_t size);
void *zc_lab_realloc(void *memory, size_t size);
void zc_lab_free(void *memory);

int zc_lab_mutex_init(pthread_mutex_t *mutex,
                      const pthread_mutexattr_t *attributes);
int zc_lab_mutex_destroy(pthread_mutex_t *mutex);
int zc_lab_mutex_lock(pthread_mutex_t *mutex);
int zc_lab_mutex_trylock(pthread_mutex_t *mutex);
int zc_lab_mutex_unlock(pthread_mutex_t *mutex);

int zc_lab_cond_init(pthread_cond_t *condition,
                     const pthread_condattr_t *attributes);
int zc_lab_cond_destroy(pthread_cond_t *condition);
int zc_lab_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int zc_lab_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                          const struct timespec *until);
int zc_lab_cond_signal(pthread_cond_t *condition);
int zc_lab_cond_broadcast(pthread_cond_t *condition);

pthread_t zc_lab_self(void);
int zc_lab_yield(void);

/* Failures in explored code; elsewhere what they are called after. */
_Noreturn void zc_lab_exit(int status);         /* exit(), quick_exit() */
_Noreturn void zc_lab_exit_now(int status);     /* _exit(), _Exit() */
_Noreturn void zc_lab_thread_exit(void *value); /* ends an actor */
_Noreturn void zc_lab_abort(void);
_Noreturn void zc_lab_assert_fail(const char *expression, const char *file,
                                  unsigned line, const char *function);

#endif
