/* SPDX-License-Identifier: MIT */
/*
 * search_source.c - every trace once, with less in vain: source sets.
 *
 * At first one thread is tried at each decision.  Whenever a step p turns out
 * to conflict with an earlier step e of another thread, and nothing orders the
 * two but this conflict, the other order must be tried as well: something that
 * leads there is added to the decision before e, unless it has it already.
 * "Something" is any thread that can begin v, the steps since e that do not
 * depend on e, and then p (Abdulla, Aronis, Jonsson, Sagonas, 2014).  Sleep
 * sets go on as before.
 *
 * Here two steps on a reference count conflict unless both are gets, for sleep
 * sets too: whether a put frees may depend on any number of others, and source
 * sets look at two steps at a time.  So executions may differ in nothing but
 * the order of puts.
 *
 * A lock and the unlock before it are no race, for the lock could not have come
 * first; the lock before that is.  Where the rest of an execution is not known,
 * because it failed, or where time may run out, everything is tried.
 */
#include "search_state.h"

#include <string.h>

#include "mutant.h"

#define EVENTS_MAX 4096u

enum side {
    WRITES,
    READS,
    GETS,
    SIDES
};

typedef unsigned clock[LAB_THREADS];

struct event {
    uint8_t thread;
    uint8_t kind;
    unsigned index; /* of its thread, from 1 */
    unsigned object;
    unsigned also;
    unsigned depth; /* of its decision */
    bool waits;     /* it can be done only when something holds */
    clock past;     /* up to which steps of each thread it comes after */
};

static struct event events[EVENTS_MAX];
static unsigned event_count;
static clock now[LAB_THREADS];
static clock past[LAB_OBJECTS][SIDES];
static unsigned stamps[LAB_OBJECTS];
static unsigned stamp;
static bool overflow;

static void begin(void)
{
    event_count = 0;
    overflow = false;
    stamp++;
    memset(now, 0, sizeof(now));
}

/* --- what depends on what -------------------------------------------- */

static enum side side_of(unsigned kind)
{
    if (kind == LAB_READ || kind == LAB_RELAX || kind == LAB_JOIN)
        return READS;
    return kind == LAB_GET ? GETS : WRITES;
}

static void join(unsigned *to, const unsigned *from)
{
    for (int i = 1; i <= lab_run.threads; i++) {
        if (from[i] > to[i])
            to[i] = from[i];
    }
}

static clock *past_of(unsigned object)
{
    if (stamps[object] != stamp) {
        stamps[object] = stamp;
        memset(past[object], 0, sizeof(past[object]));
    }
    return past[object];
}

/* The step comes after all on this object that it conflicts with. */
static void come_after(unsigned *to, unsigned object, enum side side)
{
    clock *sides = past_of(object);

    for (int i = 0; i < SIDES; i++) {
        if (side == WRITES || i != (int)side)
            join(to, sides[i]);
    }
}

static bool conflict_on(unsigned object, const struct event *first,
                        const struct event *second)
{
    enum side one = object == first->also ? WRITES : side_of(first->kind);
    enum side two = object == second->also ? WRITES : side_of(second->kind);

    return one == WRITES || one != two;
}

/* Could the second have been done instead of the first? */
static bool is_race(const struct event *before, const struct event *after)
{
    unsigned object = after->object;

    if (object != 0 && (object == before->object || object == before->also)) {
        bool released = before->kind == LAB_UNLOCK || object == before->also;

        if (after->kind == LAB_LOCK && released)
            return false;
        if (after->kind == LAB_JOIN && before->kind == LAB_END)
            return false;
        return conflict_on(object, before, after);
    }
    object = after->also;
    return object != 0 && (object == before->object || object == before->also);
}

static bool comes_before(const struct event *a, const struct event *b)
{
    return a->index <= b->past[a->thread];
}

/* --- races ----------------------------------------------------------- */

/* Whether a step of v depends on no earlier step of v. */
static bool can_begin(unsigned from, unsigned at, const struct event *race,
                      const struct event *step)
{
    for (unsigned i = from; i < at; i++) {
        if (!comes_before(race, &events[i]) && comes_before(&events[i], step))
            return false;
    }
    return true;
}

/* The threads that can begin v; *before: `last` has earlier steps in it. */
static unsigned initials(const struct event *race, unsigned from,
                         const struct event *last, bool *before)
{
    unsigned met = 0;
    unsigned set = 0;

    for (unsigned i = from; i < event_count; i++) {
        const struct event *event = &events[i];
        unsigned bit = LAB_BIT(event->thread);

        if (comes_before(race, event) || (met & bit) != 0)
            continue;
        met |= bit;
        if (can_begin(from, i, race, event))
            set |= bit;
    }
    *before = (met & LAB_BIT(last->thread)) != 0;
    if (!*before && can_begin(from, event_count, race, last))
        set |= LAB_BIT(last->thread);
    return set;
}

/*
 * Sees to it that the other order is tried.  False: that is not certain to be
 * possible, for the step may have had to wait then, and what came before counts
 * as well.
 */
static bool reverse(unsigned at, const struct event *last)
{
    const struct event *race = &events[at];
    struct lab_node *node = &lab_search->nodes[race->depth];
    bool before;
    unsigned set = initials(race, at + 1, last, &before);

    if (!before && (node->enabled & LAB_BIT(last->thread)) == 0)
        return false;
    if (race->depth >= lab_search->floor &&
        (set & (node->todo | node->sleep | node->done)) == 0) {
        set &= node->enabled;
        if ((set & LAB_BIT(last->thread)) != 0)
            node->todo |= LAB_BIT(last->thread);
        else if (set != 0)
            node->todo |= LAB_BIT(lab_lowest(set));
        else
            node->todo |= node->enabled;
    }
    return !before || !last->waits;
}

static bool is_covered(const struct event *event, const unsigned *reversed,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (comes_before(event, &events[reversed[i]]))
            return true;
    }
    return false;
}

/*
 * All steps that race with this one, which comes after what `known` says, from
 * the latest back.  One that a later one of them comes after will be found in
 * an execution where that one has been reversed, if it can be.
 */
static void find_races(const unsigned *known, const struct event *step)
{
    unsigned reversed[LAB_THREADS];
    unsigned count = 0;

    for (unsigned i = event_count; i > 0; i--) {
        const struct event *event = &events[i - 1];

        if (event->thread == step->thread ||
            event->index <= known[event->thread] || !is_race(event, step) ||
            is_covered(event, reversed, count))
            continue;
        if (reverse(i - 1, step) || LAB_MUTANT(HIDDEN_BY_WAITING))
            reversed[count++] = i - 1;
        if (LAB_MUTANT(FIRST_RACE_ONLY))
            return;
    }
}

/* --- the search ------------------------------------------------------ */

static void describe(int number, struct event *event)
{
    const struct lab_pending *step = &lab_run.thread[number].pending;

    event->thread = (uint8_t)number;
    event->kind = (uint8_t)(step->kind & 0xffu);
    event->object = step->object;
    event->also = step->also;
    event->depth = lab_run.depth - 1;
    event->waits = step->ready != NULL || event->kind == LAB_LOCK ||
                   event->kind == LAB_RELAX || event->kind == LAB_JOIN;
    event->index = now[number][number] + 1;
    memcpy(event->past, now[number], sizeof(event->past));
    if (step->object != 0)
        come_after(event->past, step->object, side_of(event->kind));
    if (step->also != 0)
        come_after(event->past, step->also, WRITES);
}

static void granted(int number)
{
    struct event *event;

    if (lab_run.steps == 1)
        begin();
    if (lab_run.unrecorded || overflow)
        return;
    event = &events[event_count];
    describe(number, event);
    if (lab_run.depth >= lab_run.script)
        find_races(now[number], event);
    event->past[number] = event->index;
    memcpy(now[number], event->past, sizeof(event->past));
    if (event->object != 0)
        join(past_of(event->object)[side_of(event->kind)], event->past);
    if (event->also != 0)
        join(past_of(event->also)[WRITES], event->past);
    overflow = ++event_count == EVENTS_MAX - 1;
}

static void started(int parent, int child)
{
    if (lab_run.steps > 0)
        memcpy(now[child], now[parent], sizeof(now[child]));
}

/* What else might have happened is not known: try all. */
static void try_all(void)
{
    for (unsigned i = lab_search->floor; i < lab_search->schedule.count; i++)
        lab_search->nodes[i].todo = lab_search->nodes[i].enabled;
}

/* The steps that threads stand before when an execution ends race too. */
static void find_pending_races(void)
{
    struct event event;

    for (int thread = 1; thread <= lab_run.threads; thread++) {
        if (lab_run.thread[thread].finished || LAB_MUTANT(STUCK_FORGOTTEN))
            continue;
        describe(thread, &event);
        find_races(now[thread], &event);
    }
}

static void ended(void)
{
    if (lab_run.unrecorded || lab_run.outcome == LAB_BLOCKED ||
        lab_run.steps == 0)
        return;
    if (overflow || (lab_run.outcome != LAB_COMPLETE_RUN &&
                     lab_run.outcome != LAB_DEADLOCK &&
                     lab_run.outcome != LAB_LOST_WAKEUP)) {
        try_all();
        return;
    }
    find_pending_races();
}

static bool time_may_run_out(void)
{
    for (int thread = 1; thread <= lab_run.threads; thread++) {
        if (!lab_run.thread[thread].finished &&
            lab_run.thread[thread].pending.timed)
            return true;
    }
    return false;
}

static int pick(unsigned depth, unsigned enabled)
{
    int thread = lab_sleep_search.pick(depth, enabled);
    struct lab_node *node = &lab_search->nodes[depth];

    if (thread == LAB_PRUNE)
        find_pending_races();
    else
        node->todo = time_may_run_out() ? enabled : LAB_BIT(thread);
    return thread;
}

static unsigned left(const struct lab_node *node)
{
    return node->todo & ~(node->sleep | node->done);
}

static unsigned resume(unsigned depth)
{
    return lab_sleep_search.resume(depth);
}

static bool next(void)
{
    return lab_backtrack(left);
}

const struct lab_strategy lab_source_search = {
    .orders_counts = true,
    .pick = pick,
    .choose = lab_new_choice,
    .resume = resume,
    .granted = granted,
    .started = started,
    .ended = ended,
    .lost = try_all,
    .next = next,
};
