/* SPDX-License-Identifier: MIT */
/* locals.c - a copy of the thread-local variables for each fiber. */
#include "locals.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "mutant.h"

#define PARTS 4 /* the self-test has one */

static struct part {
    char *memory;
    size_t bytes;
    const void *initial;
    char *copies; /* of each thread, one after the other */
} parts[PARTS];
static unsigned part_count;

bool lab_locals_add(void *memory, size_t bytes, const void *initial)
{
    struct part *part = &parts[part_count];

    if (part_count == PARTS)
        return false;
    part->copies = calloc(LAB_THREADS, bytes);
    if (part->copies == NULL)
        return false;
    part->memory = memory;
    part->bytes = bytes;
    part->initial = initial;
    part_count++;
    return true;
}

bool lab_locals_have(const void *address)
{
    for (unsigned i = 0; i < part_count; i++) {
        if ((uintptr_t)address - (uintptr_t)parts[i].memory < parts[i].bytes)
            return true;
    }
    return false;
}

void lab_locals_begin(int thread)
{
    for (unsigned i = 0; i < part_count; i++)
        memcpy(parts[i].copies + (size_t)thread * parts[i].bytes,
               parts[i].initial, parts[i].bytes);
}

void lab_locals_switch(int from, int to)
{
    if (LAB_MUTANT(LOCALS_SHARED))
        return;
    for (unsigned i = 0; i < part_count; i++) {
        const struct part *part = &parts[i];

        memcpy(part->copies + (size_t)from * part->bytes, part->memory,
               part->bytes);
        memcpy(part->memory, part->copies + (size_t)to * part->bytes,
               part->bytes);
    }
}
