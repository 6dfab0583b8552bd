/* SPDX-License-Identifier: MIT */
/*
 * depend.c - which steps of an execution depend on each other, with what they
 * turned out to do.
 */
#include "depend.h"

#include <string.h>

#include "mutant.h"
#include "search_state.h"

/* What was done on an object; of all objects of a word, the first has it. */
struct past {
    unsigned stamp;
    unsigned group;
    unsigned last[LAB_THREADS]; /* event; plus 1 */
    int64_t base;
    int64_t net[LAB_THREADS];
    bool has_base;
};

static struct past pasts[LAB_OBJECTS];
static unsigned stamp;

void lab_depend_begin(void)
{
    stamp++;
}

static struct past *past_of(unsigned object)
{
    struct past *past = &pasts[lab_objects[object].word];

    if (past->stamp != stamp) {
        memset(past, 0, sizeof(*past));
        past->stamp = stamp;
    }
    return past;
}

/* Do puts commute unless a limit is near?  With three threads it may depend on
 * any number of steps whether two of them commute. */
static bool counts_commute(void)
{
    return lab_run.program->actor_count <= 2 && !lab_search->strict;
}

static enum lab_side side_of(unsigned kind)
{
    if (kind == LAB_READ || kind == LAB_RELAX || kind == LAB_JOIN)
        return LAB_SIDE_READS;
    if ((kind != LAB_GET && kind != LAB_PUT && kind != LAB_TRY_GET) ||
        lab_search->strict)
        return LAB_SIDE_WRITES;
    if (counts_commute())
        return LAB_SIDE_COUNTS;
    return kind == LAB_GET ? LAB_SIDE_GETS : LAB_SIDE_WRITES;
}

void lab_depend_describe(struct lab_event *event)
{
    const struct lab_object_state *object = &lab_objects[event->object];
    struct past *past;

    event->side = (uint8_t)side_of(event->kind);
    event->begins = lab_call_is_begun(event->thread);
    event->ends = false;
    if (event->side != LAB_SIDE_COUNTS)
        return;
    past = past_of(event->object);
    if (!past->has_base) {
        past->has_base = true;
        past->base = (int64_t)object->count;
        memset(past->net, 0, sizeof(past->net));
    }
    event->counted = object->counted;
    event->limit = LAB_MUTANT(LIMIT_FORGOTTEN)
                       ? 0
                       : lab_run.thread[event->thread].pending.limit;
    event->group = past->group;
    event->base = past->base;
    event->net = past->net[event->thread];
}

void lab_depend_settle(struct lab_event *event)
{
    const struct lab_thread_state *thread = &lab_run.thread[event->thread];
    struct past *past;

    event->ends = lab_call_is_ended(event->thread);
    if (event->object == 0)
        return;
    past = past_of(event->object);
    if (!lab_search->strict) {
        if (event->kind == LAB_LOCK && lab_run.program->watched &&
            lab_objects[event->object].holder != event->thread)
            event->side = LAB_SIDE_SECTION;
        if (((event->kind == LAB_RMW || event->kind == LAB_TRY_GET) &&
             (thread->kept || LAB_MUTANT(EXCHANGE_IS_READ))) ||
            (event->kind == LAB_TRYLOCK && !thread->took))
            event->side = LAB_SIDE_READS;
    }
    if (event->side == LAB_SIDE_COUNTS)
        past->net[event->thread] += event->kind == LAB_PUT ? -1 : 1;
    else if (event->side == LAB_SIDE_WRITES) {
        past->group++;
        past->has_base = false;
    }
}

static bool is_guard(unsigned object)
{
    for (unsigned i = 0; i < lab_run.oracle_count; i++) {
        if (lab_run.oracle[i].guard == object)
            return true;
    }
    return false;
}

/* Does the step turn out otherwise at `count` if the other one comes first? */
static bool is_near(const struct lab_event *step, const struct lab_event *other,
                    int64_t count)
{
    if (step->kind == LAB_GET)
        return false;
    if (step->kind == LAB_PUT)
        count--;
    if (other->kind == LAB_PUT)
        count--;
    return count <= step->limit;
}

static bool counts_conflict(const struct lab_event *a,
                            const struct lab_event *b)
{
    int64_t count = a->base + a->net + b->net; /* before both */

    if ((a->kind == LAB_GET && b->kind == LAB_GET) ||
        LAB_MUTANT(LAST_PUT_COMMUTES))
        return false;
    if (!a->counted || !b->counted || a->group != b->group)
        return true;
    return is_near(a, b, count) || is_near(b, a, count);
}

bool lab_depends(const struct lab_event *a, const struct lab_event *b)
{
    if (((a->begins && b->ends) || (a->ends && b->begins)) &&
        !LAB_MUTANT(CALLS_COMMUTE))
        return true;
    if ((a->also != 0 && (a->also == b->object || a->also == b->also)) ||
        (b->also != 0 && b->also == a->object))
        return true;
    if (a->object == 0 || b->object == 0 ||
        !lab_overlap(a->object, a->bytes, b->object, b->bytes))
        return false;
    if (a->side != b->side)
        return true;
    switch (a->side) {
    case LAB_SIDE_READS:
    case LAB_SIDE_GETS:
        return false;
    case LAB_SIDE_COUNTS:
        return counts_conflict(a, b);
    case LAB_SIDE_SECTION:
        return lab_touch_conflict(&a->touch, &b->touch) ||
               (a->touch.writes != 0 && b->touch.writes != 0 &&
                is_guard(a->object));
    default:
        return true;
    }
}

bool lab_is_race(const struct lab_event *before, const struct lab_event *after)
{
    if (after->kind == LAB_LOCK &&
        ((before->kind == LAB_UNLOCK && before->object == after->object) ||
         before->also == after->object))
        return false; /* the step before unlocked it */
    if (after->kind == LAB_JOIN && before->kind == LAB_END &&
        before->object == after->object)
        return false;
    return lab_depends(before, after);
}

/* --- order ----------------------------------------------------------- */

static void join(unsigned *to, const unsigned *from)
{
    for (int i = 1; i <= lab_run.threads; i++) {
        if (from[i] > to[i])
            to[i] = from[i];
    }
}

/* Which of the links of an event leads on from this object; 0: of calls. */
static unsigned link_of(const struct lab_event *event, unsigned object)
{
    if (object == 0)
        return 2;
    return event->object != 0 &&
                   lab_objects[event->object].word == lab_objects[object].word
               ? 0
               : 1;
}

static void come_after_on(const struct lab_event *events,
                          struct lab_event *event, unsigned object)
{
    const struct past *past = past_of(object);

    for (int other = 1; other <= lab_run.threads; other++) {
        unsigned at = other == event->thread ? 0 : past->last[other];

        while (at != 0 && events[at - 1].index > event->past[other]) {
            const struct lab_event *before = &events[at - 1];

            if (lab_depends(before, event))
                join(event->past, before->past);
            at = before->before[link_of(before, object)];
        }
    }
}

void lab_depend_come_after(const struct lab_event *events,
                           struct lab_event *event)
{
    if (event->object != 0)
        come_after_on(events, event, event->object);
    if (event->also != 0)
        come_after_on(events, event, event->also);
    if (event->begins || event->ends)
        come_after_on(events, event, 0);
}

void lab_depend_add(struct lab_event *event, unsigned at)
{
    const unsigned objects[3] = {event->object, event->also, 0};

    for (unsigned i = 0; i < 3; i++) {
        struct past *past;

        event->before[i] = 0;
        if (i < 2 ? objects[i] == 0 : !event->begins && !event->ends)
            continue;
        past = past_of(objects[i]);
        event->before[i] = past->last[event->thread];
        past->last[event->thread] = at + 1;
    }
}

/* --- what a sleeper would do ----------------------------------------- */

void lab_event_merge(struct lab_event *record, const struct lab_event *event)
{
    record->ends = record->ends || event->ends;
    if (record->side != event->side)
        record->side = LAB_SIDE_WRITES;
    if (record->side == LAB_SIDE_SECTION)
        lab_touch_merge(&record->touch, &event->touch);
}

void lab_event_take(struct lab_event *event, const struct lab_event *record)
{
    event->side = record->side;
    event->ends = record->ends;
    if (event->side == LAB_SIDE_SECTION)
        event->touch = record->touch;
}
