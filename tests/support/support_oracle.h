/* SPDX-License-Identifier: MIT */
/*
 * support_oracle.h - what a load may find in a slot that other threads change
 * at the same time.
 *
 * Each change of a slot, a store of a version or a removal, is an event that
 * begins and ends.  A version is surely there from the end of its store, or
 * from the first read that found it, whichever ends first.  A read that finds a
 * version is wrong if another change was surely between: it began after the
 * version was surely there, and was over before the read began.  A read that
 * finds nothing is wrong if there was surely a store after every removal, and
 * after the start.  That is G1 and G3; G2 is checked by the page's own stamp.
 *
 * Thread-safe; nothing here asserts.
 */
#ifndef ZC_TESTS_SUPPORT_ORACLE_H
#define ZC_TESTS_SUPPORT_ORACLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SUPPORT_ORACLE_EVENTS 256 /* remembered for each slot */

struct support_event {
    uint64_t version; /* 0: a removal */
    uint64_t begin;
    uint64_t known; /* when it was surely done; UINT64_MAX: not yet */
    bool is_over;
    bool is_void; /* it changed nothing */
    bool is_gone; /* a store whose page was taken */
};

/* One slot. */
struct support_oracle {
    pthread_mutex_t lock;
    atomic_uint_fast64_t *clock;                        /* of all slots */
    uint64_t last_version;                              /* [lock] */
    uint64_t count;                                     /* [lock] events ever */
    struct support_event events[SUPPORT_ORACLE_EVENTS]; /* [lock] */
};

void support_oracle_init(struct support_oracle *oracle,
                         atomic_uint_fast64_t *clock);
void support_oracle_fini(struct support_oracle *oracle);

/* Begins a store: the version to store, and the event. */
uint64_t support_oracle_store(struct support_oracle *oracle,
                              uint64_t *version_out);
/* Begins a removal: the event. */
uint64_t support_oracle_remove(struct support_oracle *oracle);

enum support_outcome {
    SUPPORT_DONE,   /* the change was made */
    SUPPORT_GONE,   /* a store that failed: a removal */
    SUPPORT_NOTHING /* nothing has changed */
};

void support_oracle_end(struct support_oracle *oracle, uint64_t event,
                        enum support_outcome outcome);

/* Begins a read: its time. */
uint64_t support_oracle_read(struct support_oracle *oracle);

/*
 * A read that began at `begin` found this version; 0: nothing.  NULL: right;
 * else what is wrong.  `takes`: no other thread can take the page any more.
 */
const char *support_oracle_found(struct support_oracle *oracle, uint64_t begin,
                                 uint64_t version, bool takes);

#endif
