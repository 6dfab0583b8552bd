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
 * What conflicts is judged when a step has been done, with all that its thread
 * did until its next step (depend.c).  A thread that goes to sleep leaves a
 * record of that: it would do the same as long as nothing wakes it.
 *
 * A lock and the unlock before it are no race, because the lock could not have
 * come first; the race is with the lock before that unlock.  A thread that went
 * round in vain stays where it is, so that races with its round are found.  All
 * enabled threads are tried where a failure hides the rest of an execution, and
 * where a time limit may expire.
 */
#include <stdlib.h>
#include <string.h>

#include "depend.h"
#include "mutant.h"
#include "search_state.h"

#define EVENTS_MAX 4096u
#define RECORDS_MAX 4096u /* decisions whose threads leave records */

static struct lab_event events[EVENTS_MAX];
static unsigned event_count;
static unsigned now[LAB_THREADS][LAB_THREADS];
static bool overflow;
static bool unsettled; /* the step granted last, which is events[event_count] */

/* --- races ----------------------------------------------------------- */

static bool comes_before(const struct lab_event *a, const struct lab_event *b)
{
    return a->index <= b->past[a->thread];
}

/* Whether a step of v depends on no earlier step of v. */
static bool can_begin(unsigned from, unsigned at, const struct lab_event *race,
                      const struct lab_event *step)
{
    for (unsigned i = from; i < at; i++) {
        if (!comes_before(race, &events[i]) && comes_before(&events[i], step))
            return false;
    }
    return true;
}

/* The threads that can begin v and p; *before: v has steps of p's thread. */
static unsigned initials(const struct lab_event *race, unsigned from,
                         const struct lab_event *last, bool *before)
{
    unsigned met = 0;
    unsigned set = 0;

    for (unsigned i = from; i < event_count; i++) {
        const struct lab_event *event = &events[i];
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
static bool reverse(unsigned at, const struct lab_event *last)
{
    const struct lab_event *race = &events[at];
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

static bool is_covered(const struct lab_event *event, const unsigned *reversed,
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
static void find_races(const unsigned *known, const struct lab_event *step)
{
    unsigned reversed[LAB_THREADS];
    unsigned count = 0;

    for (unsigned i = event_count; i > 0; i--) {
        const struct lab_event *event = &events[i - 1];

        if (event->thread == step->thread ||
            event->index <= known[event->thread] || !lab_is_race(event, step) ||
            is_covered(event, reversed, count))
            continue;
        if (reverse(i - 1, step) || LAB_MUTANT(HIDDEN_BY_WAITING))
            reversed[count++] = i - 1;
        if (LAB_MUTANT(FIRST_RACE_ONLY))
            return;
    }
}

/* --- threads that sleep ---------------------------------------------- */

/* What a thread did that was tried at a decision; NULL: unknown. */
static struct lab_event *records[RECORDS_MAX][LAB_THREADS];
static unsigned recorded[RECORDS_MAX]; /* threads */
/* Where each sleeper was tried, plus 1; 0: unknown.  Now, and at each entry. */
static uint16_t tried[LAB_THREADS];
static uint16_t tried_at[RECORDS_MAX][LAB_THREADS];

/* Adds what the step did this time: it may depend on choices. */
static void leave_record(const struct lab_event *event)
{
    const unsigned depth = event->depth;
    const unsigned bit = LAB_BIT(event->thread);
    struct lab_event **record;

    if (depth >= RECORDS_MAX)
        return;
    record = &records[depth][event->thread];
    if (*record == NULL)
        *record = malloc(sizeof(**record));
    if (*record == NULL)
        return;
    if ((recorded[depth] & bit) != 0)
        lab_event_merge(*record, event);
    else
        **record = *event;
    recorded[depth] |= bit;
}

static const struct lab_event *record_of(int sleeper)
{
    unsigned depth = tried[sleeper];

    if (depth == 0 || (recorded[depth - 1] & LAB_BIT(sleeper)) == 0)
        return NULL;
    return records[depth - 1][sleeper];
}

static void keep_tried(unsigned depth)
{
    if (depth >= RECORDS_MAX)
        return;
    memcpy(tried_at[depth], tried, sizeof(tried));
}

/* The step that is settled wakes those whose own step depends on it. */
static void wake(const struct lab_event *event)
{
    unsigned sleep = lab_run.sleep;

    for (int other = 1; sleep >> other != 0; other++) {
        const struct lab_event *record = record_of(other);

        if ((sleep & LAB_BIT(other)) != 0 && record != NULL &&
            (lab_depends(event, record) || LAB_MUTANT(SLEEPER_ALWAYS_WOKEN)) &&
            !LAB_MUTANT(SLEEPER_NOT_WOKEN))
            sleep &= ~LAB_BIT(other);
    }
    lab_run.sleep = sleep;
}

/* Those who left no record, by their steps alone. */
static unsigned unrecorded_sleepers(void)
{
    unsigned set = 0;

    for (int other = 1; lab_run.sleep >> other != 0; other++) {
        if (overflow || record_of(other) == NULL)
            set |= LAB_BIT(other);
    }
    return set;
}

/* --- the search ------------------------------------------------------ */

static void begin(void)
{
    event_count = 0;
    overflow = false;
    unsettled = false;
    lab_touching = NULL;
    lab_orders_less = lab_run.program->watched && !lab_search->strict;
    lab_depend_begin();
    memset(now, 0, sizeof(now));
}

static void describe(int number, struct lab_event *event)
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
    lab_depend_describe(event);
}

/* Is the thread's next step the end of the section that it has just begun? */
static bool ends_section(int thread)
{
    const struct lab_event *event = &events[event_count];
    const struct lab_thread_state *state = &lab_run.thread[thread];

    return unsettled && lab_run.program->watched && !lab_search->strict &&
           event->thread == thread && event->kind == LAB_LOCK &&
           (state->pending.kind & 0xffu) == LAB_UNLOCK &&
           state->pending.object == event->object &&
           state->fresh_lock == event->object && !state->finished;
}

/* The thread of the latest step announces another one, or has ended. */
static void settle(void)
{
    struct lab_event *event = &events[event_count];
    int number = event->thread;

    if (!unsettled)
        return;
    unsettled = false;
    lab_touching = NULL;
    lab_depend_settle(event);
    lab_depend_come_after(events, event);
    if (lab_run.depth >= lab_run.script)
        find_races(now[number], event);
    event->past[number] = event->index;
    memcpy(now[number], event->past, sizeof(event->past));
    lab_depend_add(event, event_count);
    if (lab_run.depth >= lab_run.script)
        leave_record(event);
    wake(event);
    overflow = ++event_count == EVENTS_MAX - 1;
}

bool lab_orders_less;

/* The search begins again, and reduces less. */
static void be_strict(void)
{
    if (!lab_search->strict)
        lab_search->restart = true;
}

void lab_doubt_order(void)
{
    if (lab_orders_less)
        be_strict();
}

static void granted(int number)
{
    struct lab_event *event;

    if (lab_run.steps == 1)
        begin();
    if (lab_run.unrecorded)
        return;
    if (ends_section(number))
        return;
    settle();
    lab_wake_sleepers(number, unrecorded_sleepers());
    if (overflow)
        return;
    event = &events[event_count];
    describe(number, event);
    lab_call_is_under_way(number);
    unsettled = true;
    if (event->kind == LAB_LOCK && lab_run.program->watched) {
        lab_touch_clear(&event->touch);
        lab_touching = &event->touch;
    }
    if (event->kind == LAB_TRYLOCK && !LAB_MUTANT(SECTION_NOT_SEEN) &&
        lab_run.program->watched && !lab_run.program->coalesce)
        be_strict(); /* it may find a section under way */
}

static void started(int parent, int child)
{
    if (lab_run.steps == 0)
        return;
    be_strict();
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
    static struct lab_event event;

    settle();
    for (int thread = 1; thread <= lab_run.threads; thread++) {
        if (lab_run.thread[thread].finished || LAB_MUTANT(STUCK_FORGOTTEN))
            continue;
        describe(thread, &event);
        if ((lab_run.sleep & LAB_BIT(thread)) != 0 && record_of(thread) != NULL)
            lab_event_take(&event, record_of(thread));
        lab_depend_come_after(events, &event);
        find_races(now[thread], &event);
    }
}

/* Where all that can go on sleep, their races are known. */
static void dropped(void)
{
    if (lab_run.spinning != 0)
        find_pending_races();
    else
        settle();
}

static void ended(void)
{
    lab_touching = NULL;
    lab_orders_less = false;
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
    struct lab_node *node = &lab_search->nodes[depth];
    int thread;

    if (ends_section(lab_run.current)) {
        enabled = LAB_BIT(lab_run.current);
    } else {
        settle();
    }
    thread = lab_sleep_search.pick(depth, enabled);
    if (thread == LAB_PRUNE)
        return thread;
    node->todo = may_go_on_otherwise() ? enabled : LAB_BIT(thread);
    keep_tried(depth);
    if (depth < RECORDS_MAX)
        recorded[depth] = 0;
    return thread;
}

static unsigned choose(unsigned depth, unsigned n, bool costs)
{
    keep_tried(depth);
    return lab_new_choice(depth, n, costs);
}

static unsigned left(const struct lab_node *node)
{
    return node->todo & ~(node->sleep | node->done);
}

static unsigned resume(unsigned depth)
{
    const struct lab_node *node = &lab_search->nodes[depth];

    if (!node->is_choice)
        settle(); /* it wakes those that slept before this decision */
    memset(tried, 0, sizeof(tried));
    if (depth < RECORDS_MAX) {
        memcpy(tried, tried_at[depth], sizeof(tried));
        for (int thread = 1; !node->is_choice && thread < LAB_THREADS;
             thread++) {
            if ((node->done & LAB_BIT(thread)) != 0)
                tried[thread] = (uint16_t)(depth + 1);
        }
    }
    return lab_sleep_search.resume(depth);
}

static double estimate(void)
{
    return lab_estimate(lab_search, left);
}

static bool next(void)
{
    if (!lab_search->restart)
        return lab_backtrack(left);
    lab_search->restart = false;
    lab_search->strict = true;
    lab_search->schedule.count = lab_search->floor;
    lab_search->script = lab_search->floor;
    return true;
}

const struct lab_strategy lab_source_search = {
    .orders_counts = true,
    .spinners_stay = true,
    .wakes = true,
    .pick = pick,
    .choose = choose,
    .resume = resume,
    .granted = granted,
    .dropped = dropped,
    .started = started,
    .ended = ended,
    .lost = try_all,
    .next = next,
    .estimate = estimate,
};
