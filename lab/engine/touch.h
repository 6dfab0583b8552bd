/* SPDX-License-Identifier: MIT */
/*
 * touch.h - the memory that one step's thread accessed until its next step.
 */
#ifndef LAB_TOUCH_H
#define LAB_TOUCH_H

#include <stdbool.h>
#include <stdint.h>

#define LAB_RANGES 40

struct lab_range {
    uintptr_t from;
    uint32_t size;
    bool writes;
};

/* Ranges of memory; signatures have a bit for every few bytes. */
struct lab_touch {
    uint64_t reads;
    uint64_t writes;
    uint16_t count;
    bool too_much; /* it may have accessed anything */
    struct lab_range ranges[LAB_RANGES];
};

/*
 * A call of the program begins with this thread's next step, or has ended.
 * Whether one call ends before another begins may matter to an oracle of
 * answers, so that the last step of a call and the first one of another
 * depend on each other.
 */
void lab_call_begins(void);
void lab_call_ended(void);
/* Before each execution. */
void lab_calls_forget(void);
/* Does the thread's next step begin a call; has its latest one ended one? */
bool lab_call_is_begun(int thread);
bool lab_call_is_ended(int thread);
/* The thread's next step is done now. */
void lab_call_is_under_way(int thread);

/* Where accesses are noted; NULL: nowhere. */
extern struct lab_touch *lab_touching;

void lab_touch_clear(struct lab_touch *touch);
/* Adds one access. */
void lab_touch_add(struct lab_touch *touch, uintptr_t from, uint32_t size,
                   bool writes);
/* Adds all of another's. */
void lab_touch_merge(struct lab_touch *touch, const struct lab_touch *other);
/* Does one of them write what the other accesses? */
bool lab_touch_conflict(const struct lab_touch *a, const struct lab_touch *b);

#endif
