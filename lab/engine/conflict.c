/* SPDX-License-Identifier: MIT */
/*
 * conflict.c - which steps commute, and the hash of a trace.
 *
 * Reads commute with reads.  GETs and PUTs of a reference count commute unless
 * a PUT could reach its limit.  That depends on the current count, which is all
 * that a sleep set needs: it compares two steps that could both be done now.
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
    [LAB_READ] = LAB_CLASS_READ,      [LAB_WRITE] = LAB_CLASS_WRITE,
    [LAB_RMW] = LAB_CLASS_WRITE,      [LAB_LOCK] = LAB_CLASS_WRITE,
    [LAB_UNLOCK] = LAB_CLASS_WRITE,   [LAB_TRYLOCK] = LAB_CLASS_WRITE,
    [LAB_WAIT] = LAB_CLASS_WRITE,     [LAB_WAKE] = LAB_CLASS_WRITE,
    [LAB_GET] = LAB_CLASS_COUNT,      [LAB_PUT] = LAB_CLASS_COUNT,
    [LAB_TRY_GET] = LAB_CLASS_WRITE,  [LAB_SUBMIT] = LAB_CLASS_WRITE,
    [LAB_COMPLETE] = LAB_CLASS_WRITE, [LAB_ALLOC] = LAB_CLASS_WRITE,
    [LAB_FREE] = LAB_CLASS_WRITE,     [LAB_RELAX] = LAB_CLASS_READ,
    [LAB_SPAWN] = LAB_CLASS_WRITE,    [LAB_JOIN] = LAB_CLASS_READ,
    [LAB_END] = LAB_CLASS_WRITE,
};

static unsigned kind_of(const struct lab_pending *step)
{
    return step->kind & 0xffu;
}

static enum lab_class class_of_step(const struct lab_pending *step)
{
    unsigned kind = kind_of(step);

    if (LAB_MUTANT(WRITE_AS_READ) && kind == LAB_WRITE)
        return LAB_CLASS_READ;
    if (LAB_MUTANT(READ_AS_WRITE) && kind == LAB_READ)
        return LAB_CLASS_WRITE;
    return (enum lab_class)class_of[kind];
}

/* The steps touch the same bytes. */
static bool conflict_there(const struct lab_pending *a,
                           const struct lab_pending *b)
{
    const struct lab_object_state *state = &lab_objects[a->object];
    enum lab_class class = class_of_step(a);
    uint32_t limit;
    unsigned puts;

    if (class != class_of_step(b) || class == LAB_CLASS_WRITE)
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
    limit = a->limit > b->limit ? a->limit : b->limit;
    if (LAB_MUTANT(LIMIT_FORGOTTEN))
        limit = 0;
    return !state->counted || (int64_t)state->count < (int64_t)limit + puts + 1;
}

bool lab_overlap(unsigned one, uint8_t bytes, unsigned other, uint8_t others)
{
    if (LAB_MUTANT(BYTES_FORGOTTEN))
        return one == other;
    return lab_objects[one].word == lab_objects[other].word &&
           (bytes & others) != 0;
}

bool lab_conflict(const struct lab_pending *a, const struct lab_pending *b)
{
    if (LAB_MUTANT(UNLOCK_INDEPENDENT) &&
        (kind_of(a) == LAB_UNLOCK || kind_of(b) == LAB_UNLOCK))
        return false;
    if (a->object != 0 && b->object != 0 &&
        lab_overlap(a->object, a->bytes, b->object, b->bytes))
        return conflict_there(a, b) || (a->also != 0 && a->also == b->also);
    if (LAB_MUTANT(SECOND_OBJECT_FORGOTTEN))
        return false;
    /* Both write their second object. */
    return (a->object != 0 && a->object == b->also) ||
           (a->also != 0 && (a->also == b->object || a->also == b->also));
}

uint64_t lab_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b * UINT64_C(0x9e3779b97f4a7c15))) +
                 UINT64_C(0x632be59bd9b4e019);

    x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ (x >> 29)) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

/* The class of the step's group; a PUT that may reach its limit stands alone.
 */
static enum lab_class group_class(const struct lab_pending *step)
{
    const struct lab_object_state *state = &lab_objects[step->object];
    enum lab_class class = class_of_step(step);

    if (class == LAB_CLASS_COUNT && kind_of(step) == LAB_PUT &&
        (!state->counted || (int64_t)state->count <= (int64_t)step->limit + 1))
        return LAB_CLASS_WRITE;
    return class;
}

/* The hash of the groups before a step of this class on one byte; opens a new
 * group if needed. */
static uint64_t past(struct lab_byte *byte, enum lab_class class)
{
    if (class != byte->group || class == LAB_CLASS_WRITE) {
        if (byte->group != LAB_CLASS_NONE)
            byte->base = lab_mix(byte->base, byte->sum);
        byte->group = (uint8_t) class;
        byte->sum = 0;
    }
    return byte->base;
}

/* The same for all bytes of the step. */
static uint64_t past_of(const struct lab_pending *step)
{
    struct lab_byte *byte = lab_objects[lab_objects[step->object].word].bytes;
    enum lab_class class = group_class(step);
    uint64_t sum = 0;

    for (unsigned bytes = step->bytes; bytes != 0; bytes >>= 1, byte++)
        sum += (bytes & 1) != 0 ? past(byte, class) : 0;
    return sum;
}

static void add_to_groups(const struct lab_pending *step, uint64_t hash)
{
    struct lab_byte *byte = lab_objects[lab_objects[step->object].word].bytes;

    for (unsigned bytes = step->bytes; bytes != 0; bytes >>= 1, byte++)
        byte->sum += (bytes & 1) != 0 ? hash : 0;
}

void lab_hash_step(struct lab_thread_state *thread, int number)
{
    const struct lab_pending *step = &thread->pending;
    struct lab_byte *also = &lab_objects[step->also].bytes[0];
    uint64_t event = ((uint64_t)number << 32) | thread->sequence++;
    uint64_t hash = event;

    if (step->object != 0)
        hash = lab_mix(hash, past_of(step));
    if (step->also != 0)
        hash = lab_mix(hash, past(also, LAB_CLASS_WRITE));
    if (step->object != 0)
        add_to_groups(step, hash);
    if (step->also != 0)
        also->sum += hash;
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
