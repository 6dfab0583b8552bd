/* SPDX-License-Identifier: MIT */
/*
 * object.c - which object is at an address, in this execution.
 *
 * Numbers are given in order, so they depend on the schedule and on nothing
 * else.  The map from addresses is a table with linear probing.  A slot carries
 * the stamp of its execution, so a new stamp empties the table at no cost.
 */
#include "engine.h"

#include <string.h>

#define SLOTS ((size_t)4 * LAB_OBJECTS)

struct slot {
    uintptr_t address;
    unsigned stamp;
    unsigned number; /* 0: the object that was here has ended */
};

struct lab_object_state lab_objects[LAB_OBJECTS];
static struct slot slots[SLOTS];
static unsigned stamp;

void lab_objects_reset(void)
{
    stamp++;
    lab_run.object_count = 0;
}

/* The slot of an address; NULL: there is none, and none is wanted. */
static struct slot *slot_of(const void *address, bool wanted)
{
    uintptr_t key = (uintptr_t)address;
    size_t at = (size_t)(((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 40);

    for (;; at++) {
        struct slot *slot = &slots[at % SLOTS];

        if (slot->stamp != stamp) {
            if (!wanted)
                return NULL;
            slot->stamp = stamp;
            slot->address = key;
            slot->number = 0;
            return slot;
        }
        if (slot->address == key)
            return slot;
    }
}

static unsigned begin(struct slot *slot, const char *name, int index, int rank)
{
    struct lab_object_state *object;

    if (lab_run.object_count + 1 >= LAB_OBJECTS) {
        lab_fail("too many objects", "more than %d", LAB_OBJECTS - 1);
        return LAB_OBJECTS - 1;
    }
    slot->number = ++lab_run.object_count;
    object = &lab_objects[slot->number];
    memset(object, 0, sizeof(*object));
    object->name = name;
    object->index = index;
    object->rank = rank;
    object->holder = LAB_NO_THREAD;
    return slot->number;
}

unsigned lab_object_find(const void *address)
{
    struct slot *slot;

    if (address == NULL)
        return 0;
    slot = slot_of(address, true);
    if (slot->number != 0)
        return slot->number;
    return begin(slot, NULL, -1, -1);
}

unsigned lab_object(const void *address, const char *name, int index, int rank)
{
    if (!lab_run.active || lab_run.in_oracle)
        return 0;
    return begin(slot_of(address, true), name, index, rank);
}

void lab_object_end(const void *address)
{
    struct slot *slot;

    if (!lab_run.active || lab_run.in_oracle)
        return;
    slot = slot_of(address, false);
    if (slot == NULL || slot->number == 0)
        return;
    if (lab_objects[slot->number].holder != LAB_NO_THREAD)
        lab_fail("lock destroyed while held", "by CPU#%d",
                 lab_objects[slot->number].holder);
    lab_objects[slot->number].ended = true;
    slot->number = 0;
}

unsigned lab_object_number(const void *address)
{
    struct slot *slot;

    if (!lab_run.active || address == NULL)
        return 0;
    slot = slot_of(address, false);
    return slot == NULL ? 0 : slot->number;
}
