/* SPDX-License-Identifier: MIT */
/*
 * conflict.c - which steps commute, and the hash of a trace.
 *
 * Reads commute with reads.  GETs and PUTs of a reference count commute unless
 * a PUT could reach zero.  That depends on the current count, which is all that
 * a sleep set needs: it compares two steps that could both be done now.
 *
 * Executions that differ only in the order of commuting steps are one trace.
 * Its hash is the sum of the hashes of its steps.  The hash of a step covers
 * its thread, its number in that thread and the conflicting steps before it.
 * The steps on one object form groups that commute among themselves; a step
 * covers the groups before its own.  Object numbers are left out, because they
 * depend on order.
 */
#include "engine.h"

#include "mutant.h"

static const uint8_t class_of[LAB_KINDS] = {
    [LAB_READ] = LAB_CLASS_READ,    [LAB_WRITE] = LAB_CLASS_WRITE,
    [LAB_RMW] = LAB_CLASS_WRITE,    [LAB_LOCK] = LAB_CLASS_WRITE,
    [LAB_UNLOCK] = LAB_CLASS_WRITE, [LAB_TRYLOCK] = LAB_CLASS_WRITE,
    [LAB_WAIT] = LAB_CLASS_WRITE,   [LAB_WAKE] = LAB_CLASS_WRITE,
    [LAB_GET] = LAB_CLASS_COUNT,    [LAB_PUT] = LAB_CLASS_COUNT,
    [LAB_SUBMIT] = LAB_CLASS_WRITE, [LAB_COMPLETE] = LAB_CLASS_WRITE,
    [LAB_ALLOC] = LAB_CLASS_WRITE,  [LAB_FREE] = LAB_CLASS_WRITE,
    [LAB_RELAX] = LAB_CLASS_READ,   [LAB_SPAWN] = LAB_CLASS_WRITE,
    [LAB_JOIN] = LAB_CLASS_READ,    [LAB_END] = LAB_CLASS_WRITE,
};

static unsigned kind_of(const struct lab_pending *step)
{
    return step->kind & 0xffu;
}

static enum lab_class class_on(const struct lab_pending *step, unsigned object)
{
    unsigned kind = kind_of(step);

    if (object != step->object)
        return LAB_CLASS_WRITE; /* `also` */
    if (LAB_MUTANT(WRITE_AS_READ) && kind == LAB_WRITE)
        return LAB_CLASS_READ;
    if (LAB_MUTANT(READ_AS_WRITE) && kind == LAB_READ)
        return LAB_CLASS_WRITE;
    return (enum lab_class)class_of[kind];
}

static bool conflict_on(unsigned object, const struct lab_pending *a,
                        const struct lab_pending *b)
{
    const struct lab_object_state *state = &lab_objects[object];
    enum lab_class class = class_on(a, object);
    unsigned puts;

    if (LAB_MUTANT(UNLOCK_INDEPENDENT) &&
        (kind_of(a) == LAB_UNLOCK || kind_of(b) == LAB_UNLOCK))
        return false;
    if (class != class_on(b, object) || class == LAB_CLASS_WRITE)
        return true;
    if (class == LAB_CLASS_READ)
        return false;
    puts = (kind_of(a) == LAB_PUT ? 1u : 0u) +
           (kind_of(b) == LAB_PUT ? 1u : 0u);
    if (puts == 0)
        return false;
    if (lab_run.strategy->orders_counts)
        return true;
    if (LAB_MUTANT(LAST_PUT_COMMUTES))
        return false;
    return !state->counted || state->count < puts + 1;
}

bool lab_conflict(const struct lab_pending *a, const struct lab_pending *b)
{
    if (a->object != 0 && (a->object == b->object || a->object == b->also) &&
        conflict_on(a->object, a, b))
        return true;
    if (a->also == 0 || LAB_MUTANT(SECOND_OBJECT_FORGOTTEN))
        return false;
    return a->also == b->object || a->also == b->also;
}

uint64_t lab_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b * UINT64_C(0x9e3779b97f4a7c15))) +
                 UINT64_C(0x632be59bd9b4e019);

    x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ (x >> 29)) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

/* The class of the step's group; a PUT that may reach zero stands alone. */
static enum lab_class group_class(const struct lab_pending *step,
                                  unsigned object)
{
    const struct lab_object_state *state = &lab_objects[object];
    enum lab_class class = class_on(step, object);

    if (class == LAB_CLASS_COUNT && kind_of(step) == LAB_PUT &&
        (!state->counted || state->count <= 1))
        return LAB_CLASS_WRITE;
    return class;
}

/* The hash of the groups before the step's own; opens a new group if needed. */
static uint64_t past(const struct lab_pending *step, unsigned object)
{
    struct lab_object_state *state = &lab_objects[object];
    enum lab_class class = group_class(step, object);

    if (class != state->group || class == LAB_CLASS_WRITE) {
        if (state->group != LAB_CLASS_NONE)
            state->base = lab_mix(state->base, state->sum);
        state->group = (uint8_t) class;
        state->sum = 0;
    }
    return state->base;
}

void lab_hash_step(struct lab_thread_state *thread, int number)
{
    const struct lab_pending *step = &thread->pending;
    uint64_t event = ((uint64_t)number << 32) | thread->sequence++;
    uint64_t hash = event;

    if (step->object != 0)
        hash = lab_mix(hash, past(step, step->object));
    if (step->also != 0)
        hash = lab_mix(hash, past(step, step->also));
    if (step->object != 0)
        lab_objects[step->object].sum += hash;
    if (step->also != 0)
        lab_objects[step->also].sum += hash;
    lab_run.trace_hash += lab_mix(hash, event);
    lab_run.event_hash = lab_mix(lab_run.event_hash,
                                 ((uint64_t)step->object << 32) |
                                     ((uint64_t)number << 16) | kind_of(step));
}

void lab_hash_choice(unsigned value)
{
    struct lab_thread_state *thread = &lab_run.thread[lab_run.current];
    uint64_t event = ((uint64_t)lab_run.current << 32) | thread->sequence++;

    lab_run.trace_hash += lab_mix(event, value + 1);
    lab_run.event_hash = lab_mix(lab_run.event_hash, value + 1);
}
