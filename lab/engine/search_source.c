/* SPDX-License-Identifier: MIT */
/*
 * search_source.c - every trace once, with fewer pruned prefixes: source sets.
 *
 * At first one thread is tried at each decision.  When a step p conflicts with
 * an earlier step e of another thread, and only this conflict orders the two,
 * the other order must be tried as well: a thread that leads there is added to
 * the decision before e, unless one is there already.  A thread leads there if
 * it can begin v, the steps since e that do not depend on e, followed by p
 * (Abdulla, Aronis, Jonsson, Sagonas, 2014).  Sleep sets work as before.
 *
 * Here two steps on a reference count conflict unless both are gets, for sleep
 * sets too: whether a put frees may depend on any number of other steps, and
 * source sets compare two at a time.  So executions may differ only in the
 * order of puts.
 *
 * A lock and the unlock before it are no race, because the lock could not have
 * come first; the race is with the lock before that unlock.  A thread that went
 * round in vain stays where it is, so that races with its round are found.  All
 * enabled
 * threads are tried where a failure hides the rest of an execution, and where a
 * time limit may expire.
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
    uint8_t bytes;  /* of the object's word */
    unsigned index; /* number in its thread, from 1 */
    unsigned object;
    unsigned also;
    unsigned depth; /* of its decision */
    bool waits;     /* it may have to wait */
    clock past;     /* of each thread, the steps that precede it */
};

static struct event events[EVENTS_MAX];
static unsigned event_count;
static clock now[LAB_THREADS];
static clock past[LAB_OBJECTS][LAB_WORD_BYTES][SIDES];
static unsigned stamps[LAB_OBJECTS][LAB_WORD_BYTES];
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

static clock *past_of(unsigned word, unsigned byte)
{
    clock *sides = past[word][byte];

    if (stamps[word][byte] != stamp) {
        stamps[word][byte] = stamp;
        memset(sides, 0, sizeof(past[word][byte]));
    }
    return sides;
}

/* Orders the step after all steps on these bytes that it conflicts with. */
static void come_after(unsigned *to, unsigned object, uint8_t bytes,
                       enum side side)
{
    unsigned word = lab_objects[object].word;

    for (unsigned byte = 0; bytes >> byte != 0; byte++) {
        clock *sides = past_of(word, byte);

        if ((bytes >> byte & 1) == 0)
            continue;
        for (int i = 0; i < SIDES; i++) {
            if (side == WRITES || i != (int)side)
                join(to, sides[i]);
        }
    }
}

/* What comes later is ordered after the step. */
static void leave_past(const unsigned *from, unsigned object, uint8_t bytes,
                       enum side side)
{
    unsigned word = lab_objects[object].word;

    for (unsigned byte = 0; bytes >> byte != 0; byte++) {
        if ((bytes >> byte & 1) != 0)
            join(past_of(word, byte)[side], from);
    }
}

/* Do the steps conflict, and could the second have come first? */
static bool is_race(const struct event *before, const struct event *after)
{
    unsigned object = after->object;

    if (object != 0 && object == before->also)
        return after->kind != LAB_LOCK; /* the step before unlocked it */
    if (object != 0 && before->object != 0 &&
        lab_overlap(before->object, before->bytes, object, after->bytes)) {
        enum side side = side_of(after->kind);

        if ((after->kind == LAB_LOCK && before->kind == LAB_UNLOCK) ||
            (after->kind == LAB_JOIN && before->kind == LAB_END))
            return false;
        return side == WRITES || side != side_of(before->kind);
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

/* The threads that can begin v and p; *before: v has steps of p's thread. */
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
 * Adds the other order to the decision before the race.  False: the other order
 * may be impossible, because the step may have to wait there; then the races
 * with earlier steps count as well.
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
 * Reverses the races of this step, from the latest back.  Steps that `known`
 * covers are ordered before it already.  A step that precedes a reversed one is
 * skipped: its race is found in the execution that reverses the later one.
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
    event->bytes = step->bytes;
    event->depth = lab_run.depth - 1;
    event->waits = step->ready != NULL || event->kind == LAB_LOCK ||
                   event->kind == LAB_RELAX || event->kind == LAB_JOIN;
    event->index = now[number][number] + 1;
    memcpy(event->past, now[number], sizeof(event->past));
    if (step->object != 0)
        come_after(event->past, step->object, step->bytes,
                   side_of(event->kind));
    if (step->also != 0)
        come_after(event->past, step->also, 1, WRITES);
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
        leave_past(event->past, event->object, event->bytes,
                   side_of(event->kind));
    if (event->also != 0)
        leave_past(event->past, event->also, 1, WRITES);
    overflow = ++event_count == EVENTS_MAX - 1;
}

static void started(int parent, int child)
{
    if (lab_run.steps > 0)
        memcpy(now[child], now[parent], sizeof(now[child]));
}

/* The rest of the execution is unknown: tries all enabled threads. */
static void try_all(void)
{
    for (unsigned i = lab_search->floor; i < lab_search->schedule.count; i++)
        lab_search->nodes[i].todo = lab_search->nodes[i].enabled;
}

/* Steps that are pending when an execution ends race too. */
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
    if (overflow || (lab_run.outcome != LAB_COMPLETE_RUN && !lab_run.stuck)) {
        try_all();
        return;
    }
    find_pending_races();
}

/* May a thread go on for another reason than a step that conflicts with its
 * own? */
static bool may_go_on_otherwise(void)
{
    if (lab_run.guessed > 0)
        return true;
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

    if (thread != LAB_PRUNE)
        node->todo = may_go_on_otherwise() ? enabled : LAB_BIT(thread);
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
    .spinners_stay = true,
    .pick = pick,
    .choose = lab_new_choice,
    .resume = resume,
    .granted = granted,
    .dropped = find_pending_races,
    .started = started,
    .ended = ended,
    .lost = try_all,
    .next = next,
};
