/* SPDX-License-Identifier: MIT */
/*
 * watch.h - short programs over memory of the library, explored; and the errors
 * that are found.
 */
#ifndef TESTS_LAB_WATCH_H
#define TESTS_LAB_WATCH_H

#include "support_test.h"

#include "platform/park.h"
#include "platform/thread.h"
#include "world.h"

/* The calls of the compiler that are not made through the library here. */
void __tsan_read_range(void *memory, size_t size);
void __tsan_unaligned_write2(void *memory);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memset(void *memory, int byte, size_t size);

/* In the library's memory, which is what is watched. */
struct shared {
    uint64_t data[4];
    zc_atomic_u32 word;
    zc_atomic_u32 references;
    zc_atomic_pointer pointer;
    struct zc_spinlock lock;
    struct zc_mutex mutex;
    struct zc_condition condition;
    struct zc_parking parking;
    struct zc_thread thread;
};

extern struct shared *watch_shared;
extern unsigned watch_seen; /* outcomes, as bits, over all executions */

/* Plain accesses of one word, as the compiler reports them. */
static inline void write_word(unsigned index)
{
    __tsan_memset(&watch_shared->data[index], 1, 8);
}

static inline void read_word(unsigned index)
{
    __tsan_read_range(&watch_shared->data[index], 8);
}

/* What one thread does. */
#define ACTOR(name) static void name(__attribute__((unused)) void *context)

/* Explores one || two; `end` is the finish.  By source sets too, which leave
 * out orders of sections that commute: they find a failure where there is one.
 */
struct lab_result watch_explore(void (*one)(void *), void (*two)(void *),
                                void (*end)(void));
/* Frees what is shared. */
void watch_finish(void);
/* An actor that does nothing. */
void watch_nothing(void *context);

void watch_finds(void (*one)(void *), void (*two)(void *), const char *what);
/* Returns the number of traces. */
uint64_t watch_silent(void (*one)(void *), void (*two)(void *));

#endif
