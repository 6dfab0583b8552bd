/* SPDX-License-Identifier: MIT */
/*
 * tsan_robust.c - which acquire and release atomics order too little.
 *
 * The search runs atomics in sequentially consistent orders.  C11 lets a thread
 * do more with what is not memory_order_seq_cst: read an older value than the
 * last one, or store below it, unless the last one happens before.  This file
 * finds whether such an access could end in something that no sequentially
 * consistent order has (store buffering, say).  The test is that of Lahav and
 * Margalit, "Robustness against release/acquire semantics" (PLDI 2019): the
 * last store that every sequentially consistent order puts before the access
 * has to happen before it.
 *
 * Sequentially consistent accesses order each other, and nothing else.  Relaxed
 * ones, which have no place here, and fences are noted without this test
 * (LAB_MET_RELAXED, LAB_MET_FENCE).
 */
#include <string.h>

#include "engine/met.h"
#include "oracle/memory.h"
#include "tsan.h"

#define STORES 65536u

/* To an atomic: in the order in which they run. */
static struct store {
    uint32_t tick;
    uint32_t previous; /* to the same object; 0: none */
    uint8_t thread;
    bool is_sequential;
    bool is_change; /* a read-modify-write: follows what it read */
} stores[STORES];

static struct {
    uint32_t execution;
    uint32_t last_store;
    /* Of accesses of every order, and of the sequential ones. */
    struct lab_clock read;
    struct lab_clock written;
    struct lab_clock sequential_read;
    struct lab_clock sequential_written;
} objects[LAB_OBJECTS];

static uint32_t execution;
static uint32_t store_count;

/* What sequential consistency, and sequentially consistent accesses alone, put
 * before what a thread does now. */
static struct lab_clock before[LAB_THREADS];
static struct lab_clock sequential[LAB_THREADS];

/* Of each thread, the access that comes. */
static bool is_sequential[LAB_THREADS];
static const void *place[LAB_THREADS];

void lab_robust_reset(void)
{
    execution++;
    store_count = 0;
    memset(before, 0, sizeof(before));
    memset(sequential, 0, sizeof(sequential));
}

void lab_robust_spawned(int parent, int child)
{
    before[child] = before[parent];
    sequential[child] = sequential[parent];
}

void lab_robust_comes(bool sequentially, const void *pc)
{
    const int thread = lab_thread();

    if (thread < 0)
        return;
    is_sequential[thread] = sequentially;
    place[thread] = pc;
}

static bool knows(const struct lab_clock *clock, const struct store *store)
{
    return store->tick <= clock->ticks[store->thread];
}

/* Does the thread have to see this store, or a later one? */
static bool has_to_see(int thread, const struct store *store)
{
    const struct lab_clock *clocks = lab_orders_less ? lab_weak_clocks
                                                     : lab_clocks;

    return store->thread == thread || knows(&clocks[thread], store) ||
           (is_sequential[thread] && store->is_sequential &&
            knows(&sequential[thread], store));
}

/*
 * Could the access come before a store that it comes after in every
 * sequentially consistent order?  No store comes between a read-modify-write
 * and the store whose value that changed.
 */
static bool passes(int thread, unsigned object, bool writes)
{
    uint32_t at = objects[object].last_store;

    while (at != 0 && !knows(&before[thread], &stores[at]))
        at = stores[at].previous;
    while (at != 0 && !has_to_see(thread, &stores[at])) {
        if (!writes || !stores[at].is_change)
            return true;
        at = stores[at].previous;
    }
    return false;
}

/* False: there are too many. */
static bool add_store(int thread, unsigned object, uint32_t tick, bool changes)
{
    struct store *store;

    if (store_count + 1 >= STORES)
        return false;
    store = &stores[++store_count];
    store->tick = tick;
    store->previous = objects[object].last_store;
    store->thread = (uint8_t)thread;
    store->is_sequential = is_sequential[thread];
    store->is_change = changes;
    objects[object].last_store = store_count;
    return true;
}

/* A write comes after all accesses, a read after the writes. */
static void join(struct lab_clock *thread, struct lab_clock *read,
                 struct lab_clock *written, bool writes)
{
    lab_clock_join(thread, written);
    if (writes)
        lab_clock_join(thread, read);
    lab_clock_join(writes ? written : read, thread);
}

static void join_all(int thread, unsigned object, bool writes, uint32_t tick)
{
    before[thread].ticks[thread] = tick;
    sequential[thread].ticks[thread] = tick;
    if (objects[object].execution != execution) {
        memset(&objects[object], 0, sizeof(objects[object]));
        objects[object].execution = execution;
    }
    join(&before[thread], &objects[object].read, &objects[object].written,
         writes);
}

void lab_robust_access(int thread, unsigned object, unsigned kind,
                       uint32_t tick)
{
    const bool writes = kind != LAB_READ;
    bool is_weak = objects[object].execution == execution &&
                   passes(thread, object, writes);

    join_all(thread, object, writes, tick);
    if (is_sequential[thread])
        join(&sequential[thread], &objects[object].sequential_read,
             &objects[object].sequential_written, writes);
    if (writes && !add_store(thread, object, tick, kind != LAB_WRITE))
        is_weak = true;
    if (is_weak && place[thread] != NULL)
        lab_met(LAB_MET_ORDER, place[thread]);
}

void lab_robust_order(int thread, unsigned object, bool acquires, bool releases,
                      uint32_t tick)
{
    join_all(thread, object, true, tick);
    if (acquires)
        lab_clock_join(&sequential[thread],
                       &objects[object].sequential_written);
    if (releases)
        lab_clock_join(&objects[object].sequential_written,
                       &sequential[thread]);
}
