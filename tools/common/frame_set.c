/* SPDX-License-Identifier: MIT */
/* frame_set.c - page frames seen so far. */
#include <stdlib.h>
#include <string.h>

#include "common/process_scan.h"

#define FIRST_CAPACITY 1024

static size_t place_of(const struct frame_set *set, uint64_t frame)
{
    /* Fibonacci hashing: neighbouring frames go far apart. */
    uint64_t hash = frame * UINT64_C(0x9e3779b97f4a7c15);
    size_t place = (size_t)(hash >> 32) & (set->capacity - 1);

    while (set->frames[place] != 0 && set->frames[place] != frame)
        place = (place + 1) & (set->capacity - 1);
    return place;
}

static void grow(struct frame_set *set)
{
    struct frame_set larger = {0};

    larger.capacity = set->capacity == 0 ? FIRST_CAPACITY : 2 * set->capacity;
    larger.frames = memory_allocate(larger.capacity, sizeof(*larger.frames));
    memset(larger.frames, 0, larger.capacity * sizeof(*larger.frames));
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->frames[i] != 0)
            (void)frame_set_add(&larger, set->frames[i]);
    }
    free(set->frames);
    *set = larger;
}

bool frame_set_add(struct frame_set *set, uint64_t frame)
{
    size_t place;

    if (set->count >= set->capacity / 2)
        grow(set);
    place = place_of(set, frame);
    if (set->frames[place] == frame)
        return false;
    set->frames[place] = frame;
    set->count++;
    return true;
}

void frame_set_free(struct frame_set *set)
{
    free(set->frames);
    *set = (struct frame_set){0};
}
