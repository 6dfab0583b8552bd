/* SPDX-License-Identifier: MIT */
/*
 * picture_rows.c - which rows of a trace are worth a line.
 *
 * A race is about objects that two threads use and one of them changes.  A step
 * on any other object is left out: a load of a settled word, or a lock that
 * only one thread takes, unless it encloses a row that is shown.  Two more
 * loads are left out: one right before its thread exchanges the same word, and
 * one of a value that its thread knows already.  The failing row and the row
 * after which every continuation fails are always shown.
 *
 * A lock that is left out does not indent.
 *
 * Where one thread alone takes steps, all of its objects are shown: what goes
 * wrong needs no other thread.
 */
#include "picture.h"

#include <string.h>

struct uses {
    uint32_t threads;
    uint32_t writers;
};

static struct uses uses[LAB_OBJECTS];
static bool is_alone; /* one thread takes all steps */

static bool is_lock(const struct lab_row *row)
{
    return row->kind == LAB_LOCK || row->kind == LAB_TRYLOCK;
}

static bool is_read(const struct lab_row *row)
{
    return row->kind == LAB_READ || row->kind == LAB_RELAX ||
           row->kind == LAB_JOIN;
}

static void note_uses(const struct lab_trace *trace)
{
    uint32_t all = 0;

    memset(uses, 0, sizeof(uses));
    for (unsigned i = 0; i < trace->row_count; i++) {
        const struct lab_row *row = &trace->rows[i];
        uint32_t bit = UINT32_C(1) << row->thread;

        if (row->thread == 0 || row->kind >= LAB_CHOOSE || row->object == 0)
            continue;
        all |= bit;
        uses[row->object % LAB_OBJECTS].threads |= bit;
        if (!is_read(row))
            uses[row->object % LAB_OBJECTS].writers |= bit;
    }
    is_alone = (all & (all - 1)) == 0;
    for (int thread = 1; thread < LAB_THREADS; thread++) {
        const struct lab_wait *wait = &trace->waits[thread];

        if (wait->waits)
            uses[wait->object % LAB_OBJECTS].threads |= UINT32_C(1) << thread;
    }
}

static bool is_met_on(unsigned object)
{
    const struct uses *use = &uses[object % LAB_OBJECTS];

    if (is_alone)
        return true;
    return use->writers != 0 && (use->threads & (use->threads - 1)) != 0;
}

/* The thread's next step; row_count: none. */
static unsigned next_step(const struct lab_trace *trace, unsigned at)
{
    unsigned i = at + 1;

    while (i < trace->row_count &&
           (trace->rows[i].thread != trace->rows[at].thread ||
            trace->rows[i].kind >= LAB_CHOOSE))
        i++;
    return i;
}

/* A load right before its thread exchanges the same word. */
static bool is_prelude(const struct lab_trace *trace, unsigned at)
{
    const struct lab_row *row = &trace->rows[at];
    unsigned next = next_step(trace, at);

    return row->kind == LAB_READ && next < trace->row_count &&
           trace->rows[next].object == row->object &&
           trace->rows[next].kind == LAB_RMW;
}

/* A load of a value that its thread knows: the thread used the word before, and
 * no other thread has changed it since. */
static bool is_known(const struct lab_trace *trace, unsigned at)
{
    const struct lab_row *row = &trace->rows[at];

    if (row->kind != LAB_READ)
        return false;
    for (unsigned i = at; i-- > 0;) {
        const struct lab_row *before = &trace->rows[i];

        if (before->object != row->object || before->kind >= LAB_CHOOSE)
            continue;
        if (before->thread == row->thread)
            return true;
        if (!is_read(before))
            return false;
    }
    return false;
}

static bool is_wanted(const struct lab_trace *trace, unsigned at)
{
    const struct lab_row *row = &trace->rows[at];

    if (row->kind == LAB_LEAVE || row->thread == 0)
        return false;
    if (row->kind == LAB_CHOOSE)
        return row->value != 0;
    if (row->kind > LAB_CHOOSE || row->object == 0)
        return true;
    return is_met_on(row->object) && !is_prelude(trace, at) &&
           !is_known(trace, at);
}

/* The row that unlocks this lock; row_count: none. */
static unsigned unlock_of(const struct lab_trace *trace, unsigned at)
{
    const struct lab_row *lock = &trace->rows[at];
    unsigned i = at + 1;

    for (; i < trace->row_count; i++) {
        const struct lab_row *row = &trace->rows[i];

        if (row->thread != lock->thread || row->object != lock->object)
            continue;
        if (row->kind == LAB_UNLOCK)
            return i;
        if (is_lock(row)) /* a trylock that failed */
            return trace->row_count;
    }
    return i;
}

static bool encloses(const struct lab_trace *trace, unsigned from, unsigned to,
                     const bool *shown)
{
    for (unsigned i = from + 1; i < to; i++) {
        const struct lab_row *row = &trace->rows[i];

        if (shown[i] && row->thread == trace->rows[from].thread &&
            row->kind != LAB_UNLOCK && !is_lock(row))
            return true;
    }
    return false;
}

/* Shows both ends of a lock section, or neither.  If neither, the rows within
 * are indented less. */
static void settle_section(const struct lab_trace *trace, unsigned at,
                           bool *shown, unsigned *shallower)
{
    unsigned end = unlock_of(trace, at);

    if (end == trace->row_count) {
        shown[at] = shown[at] || trace->rows[at].kind == LAB_LOCK;
        return;
    }
    if (shown[at] || shown[end] || encloses(trace, at, end, shown)) {
        shown[at] = shown[end] = true;
        return;
    }
    for (unsigned i = at + 1; i < end; i++)
        shallower[i] += trace->rows[i].thread == trace->rows[at].thread;
}

/* Drops a first row that repeats the heading; the rest is indented less. */
static void drop_title(const struct lab_trace *trace, int thread, bool *shown,
                       unsigned *shallower)
{
    unsigned i = 0;

    while (i < trace->row_count && trace->rows[i].thread != thread)
        i++;
    if (i == trace->row_count || trace->rows[i].kind != LAB_ENTER ||
        i == trace->failed_row || trace->titles[thread] == NULL ||
        strcmp(lab_trace_text(trace, trace->rows[i].text),
               trace->titles[thread]) != 0)
        return;
    shown[i] = false;
    for (; i < trace->row_count; i++)
        shallower[i] += trace->rows[i].thread == thread;
}

void lab_choose_rows(const struct lab_trace *trace, bool *shown,
                     unsigned *shallower)
{
    bool marked = trace->marked_step == 0;

    note_uses(trace);
    memset(shallower, 0, trace->row_count * sizeof(*shallower));
    for (unsigned i = 0; i < trace->row_count; i++) {
        const struct lab_row *row = &trace->rows[i];

        shown[i] = is_wanted(trace, i) ||
                   (i == trace->failed_row && row->thread != 0);
        if (!marked && row->kind < LAB_CHOOSE &&
            row->step >= trace->marked_step)
            shown[i] = marked = true;
    }
    for (unsigned i = 0; i < trace->row_count; i++) {
        if (is_lock(&trace->rows[i]) && trace->rows[i].thread != 0)
            settle_section(trace, i, shown, shallower);
    }
    for (int thread = 1; thread < LAB_THREADS; thread++)
        drop_title(trace, thread, shown, shallower);
}
