/* SPDX-License-Identifier: MIT */
/*
 * object.c - which object is at an address, in this execution.
 *
 * Numbers are given in order, so they depend on the schedule and on nothing
 * else.  The map from addresses is a table with linear probing.  A slot carries
 * the stamp of its execution, so a new stamp empties the table at no cost.
 *
 * Atomics of different sizes may overlap, as a union of an int and its bytes.
 * Each is an object; two of them depend on each other where they share bytes.
 * So what depends on earlier steps is kept for each byte of the aligned word,
 * by the object that was first in it.
 */
#include "engine.h"

#include <stdio.h>
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
    memset(object, 0, offsetof(struct lab_object_state, bytes[1]));
    object->word = slot->number;
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

const char *lab_object_text(unsigned object)
{
    static char texts[2][64];
    static unsigned next;
    const struct lab_object_state *state = &lab_objects[object];
    char *text = texts[next++ % 2];

    if (state->name == NULL)
        (void)snprintf(text, sizeof(texts[0]), "object %u", object);
    else if (state->index >= 0)
        (void)snprintf(text, sizeof(texts[0]), "%s %d", state->name,
                       state->index);
    else
        (void)snprintf(text, sizeof(texts[0]), "%s", state->name);
    return text;
}

/* A word has a slot besides those of the objects in it: no object has this
 * address. */
static const void *address_of_word(const void *address)
{
    return (const void *)~((uintptr_t)address &
                           ~(uintptr_t)(LAB_WORD_BYTES - 1));
}

uint8_t lab_object_join_word(unsigned object, const void *address, size_t size)
{
    struct lab_object_state *state = &lab_objects[object];
    unsigned from = (unsigned)((uintptr_t)address % LAB_WORD_BYTES);
    struct slot *slot;

    if (!state->in_word) {
        slot = slot_of(address_of_word(address), true);
        if (slot->number == 0) {
            slot->number = object;
            memset(&state->bytes[1], 0,
                   sizeof(state->bytes) - sizeof(state->bytes[0]));
        }
        state->in_word = true;
        state->word = slot->number;
    }
    return (uint8_t)(((1u << size) - 1) << from);
}

unsigned lab_object_version(unsigned object, uint8_t bytes)
{
    const struct lab_byte *byte = lab_objects[lab_objects[object].word].bytes;
    unsigned version = 0;

    for (; bytes != 0; bytes >>= 1, byte++)
        version += (bytes & 1) != 0 ? byte->version : 0;
    return version;
}

void lab_object_change(unsigned object, uint8_t bytes, int by)
{
    struct lab_byte *byte = lab_objects[lab_objects[object].word].bytes;

    for (; bytes != 0; bytes >>= 1, byte++)
        byte->version += (bytes & 1) != 0 ? (unsigned)by : 0;
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
