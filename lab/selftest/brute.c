/* SPDX-License-Identifier: MIT */
/*
 * brute.c - small random programs, on the explorer and on a machine of its own
 * that copies the state at each step and tries every order.
 *
 * The sets of traces and the numbers of interleavings are compared.  A trace is
 * the list of its steps, each with the steps that must come before it.  Nothing
 * here uses the explorer's own code for conflicts.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "selftest.h"
#include "toy.h"

#define STEPS_MAX 64
#define TRACES_MAX 40000
#define ORDERS_MAX 20000

/* A step, as the comparison sees it. */
struct event {
    uint8_t thread;
    uint8_t kind;  /* enum toy_kind */
    uint8_t bytes; /* of the object, where operations differ in size */
    int16_t object;
    int16_t also;
    bool last_put;
};

struct state {
    struct toy_cpu cpu[TOY_THREADS];
    int variables[8];
    int holder[8]; /* thread + 1 */
    unsigned event_count;
    struct event events[STEPS_MAX];
};

struct set {
    uint64_t hashes[TRACES_MAX];
    unsigned count;
    uint64_t orders;
    uint64_t deadlocks;
    bool too_large;
};

static struct toy toy;
static struct set expected;
static struct set expected_ends;
static struct set seen;
static struct lab_result result;

/* --- traces ---------------------------------------------------------- */

static bool reads(const struct event *event)
{
    return event->kind == TOY_LOAD || event->kind == TOY_LOAD_WIDE ||
           event->kind == TOY_AWAIT;
}

static bool is_lock(const struct event *event)
{
    return event->kind == TOY_LOCK || event->kind == TOY_UNLOCK ||
           event->kind == TOY_TRYLOCK;
}

static bool counts(const struct event *event)
{
    return event->kind == TOY_GET ||
           (event->kind == TOY_PUT && !event->last_put);
}

static bool must_follow(const struct event *before, const struct event *after)
{
    if (before->thread == after->thread)
        return true;
    if (before->object < 0 || after->object < 0)
        return false;
    if (before->kind == TOY_UNLOCK_BOTH || after->kind == TOY_UNLOCK_BOTH) {
        /* Writes a variable and unlocks a lock. */
        const struct event *both = before->kind == TOY_UNLOCK_BOTH ? before
                                                                   : after;
        const struct event *other = both == before ? after : before;

        if (other->kind == TOY_UNLOCK_BOTH)
            return both->object == other->object || both->also == other->also;
        return other->object == (is_lock(other) ? both->also : both->object);
    }
    if (is_lock(before) != is_lock(after) || before->object != after->object ||
        (before->bytes & after->bytes) == 0)
        return false;
    if (reads(before) && reads(after))
        return false;
    return !(counts(before) && counts(after));
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(1099511628211) + (hash >> 47);
}

/* The hash of a trace: per thread, its steps in order, each with the set of all
 * steps that come before it, directly or not. */
static uint64_t trace_of(const struct event *events, unsigned count)
{
    uint64_t before[STEPS_MAX];
    unsigned name[STEPS_MAX] = {0};
    uint64_t hash = UINT64_C(14695981039346656037);

    for (unsigned i = 0; i < count; i++) {
        before[i] = 0;
        for (unsigned j = 0; j < i; j++) {
            if (must_follow(&events[j], &events[i]))
                before[i] |= before[j] | UINT64_C(1) << j;
        }
    }
    for (unsigned thread = 0; thread < toy.threads; thread++) {
        for (unsigned i = 0, index = 0; i < count; i++) {
            if (events[i].thread == thread)
                name[i] = thread * STEPS_MAX + index++;
        }
    }
    for (unsigned thread = 0; thread < toy.threads; thread++) {
        for (unsigned i = 0; i < count; i++) {
            uint64_t past = 0;

            if (events[i].thread != thread)
                continue;
            for (unsigned j = 0; j < i; j++) {
                if ((before[i] >> j & 1) != 0)
                    past += mix(UINT64_C(7), name[j] + 1);
            }
            hash = mix(mix(hash, name[i] + 1), past);
        }
    }
    return hash;
}

static void add(struct set *set, uint64_t hash)
{
    unsigned low = 0;
    unsigned high = set->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (set->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < set->count && set->hashes[low] == hash)
        return;
    if (set->count == TRACES_MAX) {
        set->too_large = true;
        return;
    }
    memmove(&set->hashes[low + 1], &set->hashes[low],
            (set->count - low) * sizeof(set->hashes[0]));
    set->hashes[low] = hash;
    set->count++;
}

/* A state in which no thread can go on. */
static uint64_t end_of(uint64_t state, bool deadlocked)
{
    return mix(state, deadlocked);
}

/* --- the machine ----------------------------------------------------- */

static const struct toy_op *next_op(const struct state *state, unsigned thread)
{
    if (state->cpu[thread].pc >= toy.length[thread])
        return NULL;
    return &toy.code[thread][state->cpu[thread].pc];
}

static bool can_go(const struct state *state, unsigned thread)
{
    const struct toy_op *op = next_op(state, thread);

    if (op == NULL)
        return false;
    if (op->kind == TOY_LOCK)
        return state->holder[op->a] == 0;
    if (op->kind == TOY_AWAIT)
        return state->variables[op->a] == op->b;
    return true;
}

static void do_op(struct state *state, unsigned thread, const struct toy_op *op)
{
    int *registers = state->cpu[thread].registers;
    int *variable = &state->variables[op->a];

    switch (op->kind) {
    case TOY_SET:
        *variable = op->b;
        break;
    case TOY_STORE:
        *variable = registers[op->b] + op->c;
        break;
    case TOY_LOAD:
        registers[op->b] = *variable;
        break;
    case TOY_LOAD_WIDE:
        registers[op->b] = variable[0] + variable[1];
        break;
    case TOY_SET_WIDE:
        variable[0] = variable[1] = op->b;
        break;
    case TOY_ADD:
        registers[0] = *variable;
        *variable += op->b;
        break;
    case TOY_CAS:
        registers[0] = *variable == op->b;
        *variable = *variable == op->b ? op->c : *variable;
        break;
    case TOY_LOCK:
        state->holder[op->a] = (int)thread + 1;
        break;
    case TOY_TRYLOCK:
        registers[0] = state->holder[op->a] == 0;
        if (registers[0] != 0)
            state->holder[op->a] = (int)thread + 1;
        break;
    case TOY_UNLOCK:
        state->holder[op->a] = 0;
        break;
    case TOY_UNLOCK_BOTH:
        state->holder[op->a] = 0;
        state->variables[op->b]++;
        break;
    case TOY_GET:
    case TOY_PUT:
    case TOY_TRY_GET:
        toy_count(op, variable, &state->cpu[thread]);
        break;
    default:
        break;
    }
}

static void note(struct event *events, unsigned *count, unsigned thread,
                 const struct toy_op *op, bool last_put)
{
    struct event *event = &events[(*count)++];

    event->thread = (uint8_t)thread;
    event->kind = op->kind;
    event->object = (int16_t)(op->kind == TOY_POINT ? -1 : op->a);
    event->also = -1;
    event->bytes = 1;
    event->last_put = last_put;
    if (toy.is_wide && event->object >= 0 && !is_lock(event)) {
        bool wide = op->kind == TOY_LOAD_WIDE || op->kind == TOY_SET_WIDE;

        event->object = 0;
        event->bytes = (uint8_t)((wide ? 3u : 1u) << op->a);
    }
    if (op->kind == TOY_UNLOCK_BOTH) {
        event->object = op->b;
        event->also = op->a;
    }
}

static void step(struct state *state, unsigned thread)
{
    const struct toy_op *op = next_op(state, thread);

    do_op(state, thread, op);
    note(state->events, &state->event_count, thread, op,
         op->kind == TOY_PUT && state->variables[op->a] <= op->b);
    state->cpu[thread].pc++;
    (void)toy_local(&toy, thread, &state->cpu[thread], state->variables);
}

static void enumerate(const struct state *state)
{
    bool stuck = true;
    bool ended = true;

    if (expected.too_large)
        return;
    for (unsigned thread = 0; thread < toy.threads; thread++) {
        struct state after;

        ended = ended && next_op(state, thread) == NULL;
        if (!can_go(state, thread))
            continue;
        stuck = false;
        after = *state;
        step(&after, thread);
        enumerate(&after);
    }
    if (!stuck)
        return;
    expected.orders++;
    expected.deadlocks += !ended;
    expected.too_large |= expected.orders > ORDERS_MAX;
    add(&expected, trace_of(state->events, state->event_count));
    add(&expected_ends,
        end_of(toy_hash(&toy, state->variables, state->cpu), !ended));
}

/* --- the explorer's traces ------------------------------------------- */

static struct event run_events[STEPS_MAX];
static unsigned run_count;
static unsigned run_at[TOY_THREADS]; /* visible steps of a thread */

static void watch_begin(void)
{
    run_count = 0;
    memset(run_at, 0, sizeof(run_at));
}

/* The thread's state is unknown here; the step's kind and object are known. */
static void watch_step(const struct lab_granted *granted)
{
    static const uint8_t kinds[LAB_KINDS] = {
        [LAB_READ] = TOY_LOAD,        [LAB_WRITE] = TOY_SET,
        [LAB_RMW] = TOY_ADD,          [LAB_LOCK] = TOY_LOCK,
        [LAB_TRYLOCK] = TOY_TRYLOCK,  [LAB_UNLOCK] = TOY_UNLOCK,
        [LAB_WAIT] = TOY_UNLOCK_BOTH, [LAB_GET] = TOY_GET,
        [LAB_PUT] = TOY_PUT,          [LAB_POINT] = TOY_POINT,
        [LAB_TRY_GET] = TOY_TRY_GET,
    };
    struct event *event;

    if (granted->thread == 0)
        return;
    event = &run_events[run_count++];
    event->thread = (uint8_t)(granted->thread - 1);
    event->kind = kinds[granted->kind & 0xffu];
    event->object = (int16_t)(granted->object == 0
                                  ? -1
                                  : (int)lab_objects[granted->object].word);
    event->bytes = lab_run.thread[granted->thread].pending.bytes;
    event->also = (int16_t)(granted->also == 0 ? -1 : (int)granted->also);
    /* The count is the one after the step. */
    event->last_put =
        event->kind == TOY_PUT &&
        (int64_t)lab_objects[granted->object].count <=
            (int64_t)lab_run.thread[granted->thread].pending.limit;
}

static bool sees_ends; /* not traces */

static void watch_end(void)
{
    if (lab_run.outcome == LAB_BLOCKED)
        return;
    if (sees_ends)
        add(&seen, end_of(toy_state(), lab_run.outcome != LAB_COMPLETE_RUN));
    else
        add(&seen, trace_of(run_events, run_count));
}

static const struct lab_observer watcher = {
    .begin = watch_begin,
    .step = watch_step,
    .end = watch_end,
};

/* --- random programs ------------------------------------------------- */

static uint64_t random_state;

static int below(int limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1;
    return (int)((random_state >> 33) % (uint64_t)limit);
}

/* One operation that needs no other thread. */
static void random_access(unsigned thread, int objects)
{
    static const uint8_t kinds[] = {TOY_LOAD, TOY_LOAD,    TOY_SET,  TOY_STORE,
                                    TOY_ADD,  TOY_CAS,     TOY_GET,  TOY_PUT,
                                    TOY_PUT,  TOY_TRY_GET, TOY_POINT};
    enum toy_kind kind = (enum toy_kind)kinds[below((int)sizeof(kinds))];

    if (kind == TOY_GET || kind == TOY_PUT || kind == TOY_TRY_GET) {
        toy_op(&toy, thread, kind, objects, kind == TOY_GET ? 0 : below(3), 0);
        if (kind != TOY_GET && below(2) == 0) {
            toy_op(&toy, thread, TOY_SKIP_UNLESS, 0, 1 + below(2), 1);
            toy_op(&toy, thread, TOY_SET, below(objects), 7, 0);
        }
        return;
    }
    toy_op(&toy, thread, kind, below(objects),
           kind == TOY_STORE || kind == TOY_LOAD ? 1 : below(2), below(3));
    if (kind == TOY_LOAD && below(3) == 0) {
        toy_op(&toy, thread, TOY_SKIP_IF, 1, 0, 1);
        toy_op(&toy, thread, TOY_SET, below(objects), 3, 0);
    }
}

/* One operation on one of two variables, or on both. */
static void random_width(unsigned thread)
{
    static const uint8_t kinds[] = {TOY_LOAD, TOY_SET,       TOY_STORE,
                                    TOY_ADD,  TOY_LOAD_WIDE, TOY_SET_WIDE};
    enum toy_kind kind = (enum toy_kind)kinds[below((int)sizeof(kinds))];
    bool wide = kind == TOY_LOAD_WIDE || kind == TOY_SET_WIDE;

    toy_op(&toy, thread, kind, wide ? 0 : below(2), 1, below(3));
}

/* Reads one of two variables of a lock, and may write one. */
static void random_guarded(unsigned thread, int lock)
{
    toy_op(&toy, thread, TOY_PEEK, 4 + 2 * lock + below(2), 2, 0);
    if (below(2) == 0)
        toy_op(&toy, thread, TOY_POKE, 4 + 2 * lock + below(2), 2, 1);
}

/* A section, perhaps with another inside. */
static void random_section(unsigned thread, int objects)
{
    int first = below(2);
    bool both = below(4) == 0 && !toy.is_wide;

    if (below(6) == 0) {
        toy_op(&toy, thread, TOY_TRYLOCK, first, 0, 0);
        toy_op(&toy, thread, TOY_SKIP_UNLESS, 0, 1, 2);
        toy_op(&toy, thread, TOY_ADD, below(objects), 1, 0);
        toy_op(&toy, thread, TOY_UNLOCK, first, 0, 0);
        return;
    }
    toy_op(&toy, thread, TOY_LOCK, first, 0, 0);
    if (below(2) == 0)
        random_guarded(thread, first);
    if (below(3) == 0 && !toy.is_wide)
        random_access(thread, objects);
    if (below(3) == 0) {
        toy_op(&toy, thread, TOY_LOCK, 1 - first, 0, 0);
        toy_op(&toy, thread, TOY_UNLOCK, 1 - first, 0, 0);
    }
    if (both)
        toy_op(&toy, thread, TOY_UNLOCK_BOTH, first, below(objects), 0);
    else
        toy_op(&toy, thread, TOY_UNLOCK, first, 0, 0);
}

static void random_toy(unsigned number)
{
    unsigned threads = 2 + (unsigned)below(2);
    int objects = 1 + below(2);
    int length = threads == 2 ? 3 : 2;

    toy_begin(&toy, "random", threads);
    toy.is_wide = number % 4 == 3;
    toy.watched = number % 2 == 0;
    toy.start[objects] = 1 + below(3); /* references */
    toy.counter = objects;
    for (unsigned thread = 0; thread < threads; thread++) {
        for (int i = 1 + below(length); i > 0; i--) {
            if (below(3) == 0)
                random_section(thread, objects);
            else if (toy.is_wide)
                random_width(thread);
            else if (below(12) == 0)
                toy_op(&toy, thread, TOY_AWAIT, 0, below(2), 0);
            else
                random_access(thread, objects);
        }
    }
}

/* Compares what a search has seen. */
static void see(struct selftest *test, const struct set *all, unsigned number,
                const char *what)
{
    (void)selftest_fact(test,
                        all->count == seen.count &&
                            memcmp(all->hashes, seen.hashes,
                                   seen.count * sizeof(seen.hashes[0])) == 0,
                        "random program %u: %u %s, %u by force", number,
                        seen.count, what, all->count);
}

static void search(const struct lab_program *program, enum lab_mode mode)
{
    struct lab_options options = {.mode = mode};

    seen.count = 0;
    seen.too_large = false;
    options.executions = 40 * expected.orders + 100;
    lab_observe(&watcher);
    (void)lab_explore(program, &options, &result);
    lab_observe(NULL);
}

/* By sleep sets, each trace.  Source sets take for one what differs only in
 * what makes no difference: each state that the program can end in. */
static void by_traces(struct selftest *test, const struct lab_program *program,
                      unsigned number)
{
    sees_ends = false;
    search(program, LAB_SLEEP);
    see(test, &expected, number, "traces by sleep sets");
    sees_ends = true;
    search(program, LAB_SOURCE);
    see(test, &expected_ends, number, "ends by source sets");
}

/* A reference count starts with a known value, as a program would set it. */
static void compare(struct selftest *test, unsigned number)
{
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = LAB_BOUND, .bound = LAB_NO_BOUND};
    static struct state start;

    expected.count = expected_ends.count = 0;
    expected.orders = expected.deadlocks = 0;
    expected.too_large = false;
    memset(&start, 0, sizeof(start));
    memcpy(start.variables, toy.start, sizeof(start.variables));
    for (unsigned thread = 0; thread < toy.threads; thread++)
        (void)toy_local(&toy, thread, &start.cpu[thread], start.variables);
    enumerate(&start);
    if (expected.too_large)
        return;
    by_traces(test, &program, number);
    if (expected.orders > 2000)
        return;
    options.executions = 2 * expected.orders + 1;
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test,
                        result.complete == expected.orders &&
                            result.deadlocks == expected.deadlocks,
                        "random program %u: %" PRIu64 " orders, %" PRIu64
                        " deadlocked, by brute force %" PRIu64 ", %" PRIu64,
                        number, result.complete, result.deadlocks,
                        expected.orders, expected.deadlocks);
}

void selftest_brute(struct selftest *test, unsigned programs)
{
    random_state = 20230612;
    for (unsigned i = 0; i < programs; i++) {
        if (test->quick && test->wrong != 0)
            return;
        random_toy(i);
        compare(test, i);
    }
}
