/* SPDX-License-Identifier: MIT */
/*
 * log.c - calls and answers on real threads, for oracle/history.c.
 *
 * Each call is noted under the next number of a relaxed counter, which orders
 * nothing for a sanitizer.  After the round the notes are given to the oracle
 * in that order.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "contrast.h"
#include "engine/explore.h"
#include "oracle/history.h"

#define NOTES 128

struct note {
    bool ends;
    int thread;
    enum lab_operation_kind kind;
    unsigned slot;
    unsigned version;
    zc_status status;
};

static struct note notes[NOTES];
static atomic_uint count;

/* The functions of oracle/history.c, under other names. */
void contrast_history_reset(void);
void contrast_history_begin(enum lab_operation_kind kind, unsigned slot,
                            unsigned version);
void contrast_history_end(zc_status status, unsigned version);
void contrast_history_step(int thread);
void contrast_history_check(void);

static struct note *next_note(void)
{
    unsigned at = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);

    if (at >= NOTES)
        lab_fail("history too long", "more than %d notes", NOTES);
    return &notes[at];
}

void lab_history_begin(enum lab_operation_kind kind, unsigned slot,
                       unsigned version)
{
    *next_note() = (struct note){
        .thread = lab_thread(), .kind = kind, .slot = slot, .version = version};
}

void lab_history_end(zc_status status, unsigned version)
{
    *next_note() = (struct note){.ends = true,
                                 .thread = lab_thread(),
                                 .status = status,
                                 .version = version};
}

void lab_history_step(int thread)
{
    (void)thread;
}

void lab_history_reset(void)
{
    atomic_store_explicit(&count, 0, memory_order_relaxed);
}

void lab_history_keep(void)
{
}

void lab_history_restore(void)
{
}

void lab_history_check(void)
{
    unsigned noted = atomic_load_explicit(&count, memory_order_relaxed);

    contrast_history_reset();
    for (unsigned i = 0; i < noted; i++) {
        const struct note *note = &notes[i];

        contrast_replay_as(note->thread);
        if (note->ends) {
            contrast_history_end(note->status, note->version);
            continue;
        }
        contrast_history_begin(note->kind, note->slot, note->version);
        contrast_history_step(note->thread);
    }
    contrast_replay_as(0);
    contrast_history_check();
}
