/* SPDX-License-Identifier: MIT */
/*
 * depend.h - which steps of an execution depend on each other, with what they
 * turned out to do.
 */
#ifndef LAB_DEPEND_H
#define LAB_DEPEND_H

#include "engine.h"
#include "touch.h"

enum lab_side {
    LAB_SIDE_WRITES,
    LAB_SIDE_READS,
    LAB_SIDE_GETS,   /* of counts whose gets alone commute */
    LAB_SIDE_COUNTS, /* gets and puts that commute unless a limit is near */
    LAB_SIDE_SECTION /* a section of a lock, which is one step */
};

struct lab_event {
    uint8_t thread;
    uint8_t kind;
    uint8_t bytes; /* of the object's word */
    uint8_t side;
    unsigned index; /* number in its thread, from 1 */
    unsigned object;
    unsigned also;
    unsigned depth;     /* of its decision */
    bool waits;         /* it may have to wait */
    bool begins;        /* a call */
    bool ends;          /* a call, before the next step of its thread */
    bool counted;       /* the reference count is known */
    unsigned group;     /* gets and puts with no other write between have one */
    int64_t limit;      /* of a put, of a get that may be refused */
    int64_t base;       /* the count before the group */
    int64_t net;        /* what the thread has added to it since */
    unsigned before[3]; /* of the thread: on both objects, of calls; plus 1 */
    unsigned past[LAB_THREADS]; /* of each thread, the steps that precede it */
    struct lab_touch touch;     /* of a section */
};

void lab_depend_begin(void);
/* Before the step is done: its side may change. */
void lab_depend_describe(struct lab_event *event);
/* The step is done. */
void lab_depend_settle(struct lab_event *event);
/* Orders it after the earlier events that it depends on. */
void lab_depend_come_after(const struct lab_event *events,
                           struct lab_event *event);
/* It is number `at` of the events. */
void lab_depend_add(struct lab_event *event, unsigned at);

bool lab_depends(const struct lab_event *a, const struct lab_event *b);
/* Do they depend on each other, and could the second have come first? */
bool lab_is_race(const struct lab_event *before, const struct lab_event *after);

/* The same step did something else. */
void lab_event_merge(struct lab_event *record, const struct lab_event *event);
/* The step would do what it did before. */
void lab_event_take(struct lab_event *event, const struct lab_event *record);

#endif
