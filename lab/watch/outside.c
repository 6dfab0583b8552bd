/* SPDX-License-Identifier: MIT */
/*
 * outside.c - memory that the lab knows nothing of: of other libraries, or of
 * mmap().
 *
 * It is neither watched nor restored.  Where two threads use a word of it, and
 * one writes, a search says so (LAB_MET_UNWATCHED).  Constants, which no thread
 * writes, and what one thread has for itself, need no word.
 *
 * The scenarios of the library share no such memory, as test_lab_scenarios
 * shows: a search of theirs does not spend the time.
 */
#include "tsan.h"

#include <errno.h>

#include "engine/locals.h"
#include "engine/met.h"
#include "oracle/memory.h"

#define WORD_BYTES 8u
#define WORDS ((size_t)1 << 16) /* of one execution, half of it used */

struct word {
    uintptr_t number; /* of the eight bytes */
    uint32_t execution;
    uint16_t thread; /* the only one so far, or MANY */
    bool written;
};

#define MANY UINT16_MAX

bool lab_outside_noted;

static struct word words[WORDS];
static size_t used;
static uint32_t execution;

void lab_outside_reset(void)
{
    execution++;
    used = 0;
}

/* The word's place in the table; NULL: the table is full. */
static struct word *word_at(uintptr_t number, int thread)
{
    size_t at =
        (size_t)(((uint64_t)number * UINT64_C(0x9e3779b97f4a7c15)) >> 40);

    for (;; at++) {
        struct word *word = &words[at % WORDS];

        if (word->execution == execution && word->number == number)
            return word;
        if (word->execution == execution)
            continue;
        if (used == WORDS / 2)
            return NULL;
        used++;
        *word = (struct word){number, execution, (uint16_t)thread, false};
        return word;
    }
}

void lab_outside_access(const void *memory, size_t size, bool writes)
{
    uintptr_t number = (uintptr_t)memory / WORD_BYTES;
    int thread = lab_thread();
    struct word *word;

    if (!lab_outside_noted || memory == &errno || lab_locals_have(memory))
        return;
    for (; number * WORD_BYTES < (uintptr_t)memory + size; number++) {
        word = word_at(number, thread);
        if (word == NULL) {
            lab_met(LAB_MET_OVERFLOW, memory);
            return;
        }
        if (word->thread != thread)
            word->thread = MANY;
        word->written |= writes;
        if (word->thread == MANY && word->written)
            lab_met(LAB_MET_UNWATCHED, memory);
    }
}
