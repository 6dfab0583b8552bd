/* SPDX-License-Identifier: MIT */
/*
 * tsan_weak.c - what is ordered before what in every order of the steps that
 * the search takes for commuting.
 *
 * The search runs two sections of a lock in one order only if neither writes
 * what the other accesses; so with gets and puts of a count.  In that order the
 * lock orders what the threads do before and after; in the other it would not.
 * So here a section is ordered after another one only by what it accesses, and
 * a get or a put after none but the last put.  What then is not ordered may be
 * a race in an order that is not run.
 *
 * A section is known to be one at its end: a lock with another step inside
 * orders as usual, from that step on.
 */
#include <string.h>

#include "oracle/memory.h"
#include "tsan.h"

#define CELLS 32768u /* a power of two */
#define WORDS 8192u  /* of a section */

struct lab_clock lab_weak_clocks[LAB_THREADS];

/* What the releases of an object publish: to every acquire, and to all. */
static struct {
    uint32_t execution;
    struct lab_clock first;
    struct lab_clock all;
} published[LAB_OBJECTS];

/* The sections of a lock that accessed a word. */
static struct cell {
    uint32_t execution;
    unsigned lock;
    size_t word;
    uint32_t section; /* the latest one that accessed it */
    bool writes;      /* and wrote it */
    struct lab_clock reads;
    struct lab_clock written;
} cells[CELLS];

static uint32_t execution;
static unsigned cell_count;
static unsigned locked[LAB_THREADS]; /* by the step granted last; 0: none */
static uint32_t section;             /* the one that runs */
static struct cell *accessed[WORDS]; /* by it */
static unsigned accessed_count;

void lab_weak_reset(void)
{
    execution++;
    cell_count = 0;
    memset(lab_weak_clocks, 0, sizeof(lab_weak_clocks));
    memset(locked, 0, sizeof(locked));
}

static struct lab_clock clock_of(int thread)
{
    struct lab_clock clock = lab_weak_clocks[thread];

    clock.ticks[thread] &= ~1u;
    return clock;
}

void lab_weak_acquire(int thread, unsigned object, bool all)
{
    if (lab_orders_less && published[object].execution == execution)
        lab_clock_join(&lab_weak_clocks[thread],
                       all ? &published[object].all : &published[object].first);
}

/* orders: every later acquire, not only some. */
static void publish(int thread, unsigned object, bool goes_on, bool orders)
{
    const struct lab_clock clock = clock_of(thread);

    if (published[object].execution != execution) {
        memset(&published[object], 0, sizeof(published[object]));
        published[object].execution = execution;
    } else if (!goes_on) {
        memset(&published[object].first, 0, sizeof(clock));
        memset(&published[object].all, 0, sizeof(clock));
    }
    if (orders)
        lab_clock_join(&published[object].first, &clock);
    lab_clock_join(&published[object].all, &clock);
}

void lab_weak_release(int thread, unsigned object, bool goes_on)
{
    if (lab_orders_less)
        publish(thread, object, goes_on, true);
}

static void end_section(int thread, unsigned lock)
{
    const struct lab_clock clock = clock_of(thread);

    for (unsigned i = 0; i < accessed_count; i++)
        lab_clock_join(accessed[i]->writes ? &accessed[i]->written
                                           : &accessed[i]->reads,
                       &clock);
    publish(thread, lock, true, false);
}

void lab_weak_count(int thread, unsigned object)
{
    if (!lab_orders_less)
        return;
    lab_weak_acquire(thread, object, false);
    publish(thread, object, true, false);
}

/* Locks and counts; false: the object is another one. */
static bool orders_less(const struct lab_granted *step)
{
    const int thread = step->thread;

    switch (step->kind & 0xffu) {
    case LAB_LOCK:
        lab_weak_acquire(thread, step->object, false);
        locked[thread] = step->object;
        section++;
        accessed_count = 0;
        return true;
    case LAB_UNLOCK:
        if (locked[thread] == step->object)
            end_section(thread, step->object);
        else
            publish(thread, step->object, true, true);
        locked[thread] = 0;
        return true;
    case LAB_GET:
    case LAB_PUT: /* lab_clock_last_put() */
        lab_weak_count(thread, step->object);
        return true;
    default:
        return false;
    }
}

bool lab_weak_step(const struct lab_granted *step, uint32_t tick)
{
    const int thread = step->thread;
    const unsigned lock = locked[thread];

    if (!lab_orders_less)
        return false;
    lab_weak_clocks[thread].ticks[thread] = tick;
    if (lock != 0 &&
        ((step->kind & 0xffu) != LAB_UNLOCK || step->object != lock)) {
        lab_weak_acquire(thread, lock, true);
        locked[thread] = 0;
    }
    if (step->also != 0)
        publish(thread, step->also, true, true);
    return step->object != 0 && orders_less(step);
}

void lab_weak_forget(unsigned object)
{
    published[object].execution = 0;
}

/* NULL: there are too many. */
static struct cell *cell_of(unsigned lock, size_t word)
{
    size_t at = (word * 31 + lock) * UINT64_C(0x9e3779b97f4a7c15) >> 40;

    for (;; at++) {
        struct cell *cell = &cells[at % CELLS];

        if (cell->execution != execution) {
            if (++cell_count > CELLS / 2)
                return NULL;
            memset(cell, 0, sizeof(*cell));
            cell->execution = execution;
            cell->lock = lock;
            cell->word = word;
            return cell;
        }
        if (cell->word == word && cell->lock == lock)
            return cell;
    }
}

static bool access_word(int thread, size_t word, bool writes)
{
    struct cell *cell = cell_of(locked[thread], word);

    if (cell == NULL)
        return false;
    if (cell->section != section) {
        if (accessed_count == WORDS)
            return false;
        accessed[accessed_count++] = cell;
        cell->section = section;
        cell->writes = false;
        lab_clock_join(&lab_weak_clocks[thread], &cell->written);
    }
    if (writes && !cell->writes) {
        cell->writes = true;
        lab_clock_join(&lab_weak_clocks[thread], &cell->reads);
    }
    return true;
}

void lab_weak_access(const void *memory, size_t size, bool writes)
{
    const int thread = lab_thread();
    const size_t offset = lab_region_offset(memory);

    if (locked[thread] == 0 || size == 0)
        return;
    for (size_t word = offset / 8; word <= (offset + size - 1) / 8; word++) {
        if (!access_word(thread, word, writes)) {
            lab_doubt_order();
            return;
        }
    }
}
