/* SPDX-License-Identifier: MIT */
/*
 * loops.c - small random programs with loops that wait, on the explorer and in
 * the graph of all states that any schedule reaches, fair or not.
 *
 * The explorer drops executions with rounds in vain, and lets threads wait.  So
 * two things are compared that it must not lose: every state that the program
 * can end in, and whether there is a state from which it cannot end.  Nothing
 * here knows what a round in vain is.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "rows.h"
#include "selftest.h"
#include "toy.h"

#define VARIABLES 8
#define NODES 30000
#define SLOTS 65536
#define THREADS 3

struct state {
    int variables[VARIABLES];
    struct toy_cpu cpus[THREADS];
};

struct node {
    struct state state;
    unsigned next[THREADS]; /* plus one; 0: the thread has ended */
    bool can_end;
};

static struct toy toy;
static struct node nodes[NODES];
static unsigned node_count;
static unsigned slots[SLOTS]; /* plus one */
static bool too_large;
static uint64_t ends[TOY_ENDS];
static unsigned end_count;
static struct lab_result result;

/* --- the graph ------------------------------------------------------- */

static unsigned add_node(const struct state *state)
{
    const unsigned char *byte = (const unsigned char *)state;
    uint64_t hash = UINT64_C(14695981039346656037);
    unsigned at;

    for (size_t i = 0; i < sizeof(*state); i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    for (at = (unsigned)(hash >> 40) % SLOTS; slots[at] != 0;
         at = (at + 1) % SLOTS) {
        if (memcmp(&nodes[slots[at] - 1].state, state, sizeof(*state)) == 0)
            return slots[at] - 1;
    }
    if (node_count == NODES) {
        too_large = true;
        return 0;
    }
    nodes[node_count].state = *state;
    nodes[node_count].can_end = false;
    slots[at] = ++node_count;
    return node_count - 1;
}

static void do_op(struct state *state, const struct toy_op *op, int *registers)
{
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
    case TOY_ADD:
        registers[0] = *variable;
        *variable += op->b;
        break;
    case TOY_CAS:
        registers[0] = *variable == op->b;
        *variable = *variable == op->b ? op->c : *variable;
        break;
    default: /* TOY_RELAX */
        break;
    }
}

static void expand(unsigned number)
{
    bool ended = true;

    for (unsigned thread = 0; thread < toy.threads; thread++) {
        struct state after = nodes[number].state;
        struct toy_cpu *cpu = &after.cpus[thread];

        nodes[number].next[thread] = 0;
        if (cpu->pc >= toy.length[thread])
            continue;
        ended = false;
        do_op(&after, &toy.code[thread][cpu->pc], cpu->registers);
        cpu->pc++;
        (void)toy_local(&toy, thread, cpu, after.variables);
        if (cpu->pc > toy.length[thread])
            cpu->pc = toy.length[thread];
        nodes[number].next[thread] = add_node(&after) + 1;
    }
    if (!ended)
        return;
    nodes[number].can_end = true;
    toy_add_end(&toy, nodes[number].state.variables, nodes[number].state.cpus);
}

/* Marks the states that can end; true: some cannot. */
static bool find_stuck(void)
{
    bool found = true;

    while (found) {
        found = false;
        for (unsigned i = node_count; i > 0; i--) {
            struct node *node = &nodes[i - 1];
            bool can_end = node->can_end;

            for (unsigned thread = 0; thread < toy.threads; thread++)
                can_end = can_end || (node->next[thread] != 0 &&
                                      nodes[node->next[thread] - 1].can_end);
            found = found || can_end != node->can_end;
            node->can_end = can_end;
        }
    }
    for (unsigned i = 0; i < node_count; i++) {
        if (!nodes[i].can_end)
            return true;
    }
    return false;
}

static int compare(const void *one, const void *two)
{
    uint64_t a = *(const uint64_t *)one;
    uint64_t b = *(const uint64_t *)two;

    return a < b ? -1 : a > b;
}

/* The ends since toy_forget(), in order. */
static unsigned take_ends(uint64_t *to)
{
    qsort(toy_ends, toy_end_count, sizeof(toy_ends[0]), compare);
    memcpy(to, toy_ends, toy_end_count * sizeof(toy_ends[0]));
    return toy_end_count;
}

/* True: a state cannot end. */
static bool build_graph(void)
{
    struct state start;

    memset(&start, 0, sizeof(start));
    memcpy(start.variables, toy.start, sizeof(start.variables));
    memset(slots, 0, sizeof(slots));
    node_count = 0;
    too_large = false;
    toy_forget();
    for (unsigned thread = 0; thread < toy.threads; thread++)
        (void)toy_local(&toy, thread, &start.cpus[thread], start.variables);
    (void)add_node(&start);
    for (unsigned i = 0; i < node_count && !too_large; i++)
        expand(i);
    end_count = take_ends(ends);
    return !too_large && find_stuck();
}

/* --- the comparison -------------------------------------------------- */

static void by(struct selftest *test, enum lab_mode mode, bool stuck)
{
    static uint64_t seen[TOY_ENDS];
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = mode, .bound = LAB_NO_BOUND};
    unsigned count;

    options.executions = mode == LAB_BOUND ? 3000 : 30000;
    toy_forget();
    (void)lab_explore(&program, &options, &result);
    if (mode == LAB_BOUND && !result.finished)
        return;
    count = take_ends(seen);
    (void)selftest_fact(test,
                        result.finished && count == end_count &&
                            memcmp(seen, ends, count * sizeof(ends[0])) == 0,
                        "%s, mode %d: %u ends, %u in the graph, %sfinished",
                        toy.name, (int)mode, count, end_count,
                        result.finished ? "" : "not ");
    (void)selftest_fact(test, (result.failures != 0) == stuck,
                        "%s, mode %d: %" PRIu64 " fail, the graph has %s",
                        toy.name, (int)mode, result.failures,
                        stuck ? "states that cannot end" : "none");
}

static void try(struct selftest *test)
{
    bool stuck = build_graph();

    if (too_large)
        return;
    by(test, LAB_SLEEP, stuck);
    by(test, LAB_SOURCE, stuck);
    by(test, LAB_BOUND, stuck);
}

/* --- random programs ------------------------------------------------- */

static uint64_t random_state;

static int below(int limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1;
    return (int)((random_state >> 33) % (uint64_t)limit);
}

/* Until a variable has a value; perhaps one of two. */
static void add_wait(unsigned thread)
{
    int yields = below(2);

    if (yields != 0)
        toy_op(&toy, thread, TOY_RELAX, 0, 0, 0);
    toy_op(&toy, thread, TOY_LOAD, below(2), 1, 0);
    if (below(2) == 0) {
        toy_op(&toy, thread, TOY_SKIP_UNLESS, 1, below(3), -2 - yields);
        return;
    }
    toy_op(&toy, thread, TOY_SKIP_IF, 1, below(3), 2);
    toy_op(&toy, thread, TOY_LOAD, below(2), 2, 0);
    toy_op(&toy, thread, TOY_SKIP_UNLESS, 2, below(3), -4 - yields);
}

/* Up to three tries, then without. */
static void add_tries(unsigned thread)
{
    toy_op(&toy, thread, TOY_LET, 3, 0, 0);
    toy_op(&toy, thread, TOY_LOAD, below(2), 1, 0);
    toy_op(&toy, thread, TOY_SKIP_IF, 1, below(3), 3);
    toy_op(&toy, thread, TOY_RELAX, 0, 0, 0);
    toy_op(&toy, thread, TOY_MOVE, 3, 3, 1);
    toy_op(&toy, thread, TOY_SKIP_UNLESS, 3, 1 + below(3), -5);
}

static void add_something(unsigned thread)
{
    switch (below(7)) {
    case 0:
        add_wait(thread);
        break;
    case 1:
        add_tries(thread);
        break;
    case 2:
        toy_op(&toy, thread, TOY_CAS, below(2), below(2), below(3));
        toy_op(&toy, thread, TOY_SKIP_IF, 0, 0, -2);
        break;
    case 3:
        toy_op(&toy, thread, TOY_LOAD, below(2), 4, 0);
        break;
    case 4:
        toy_op(&toy, thread, TOY_ADD, below(2), 1, 0);
        break;
    default:
        toy_op(&toy, thread, TOY_SET, below(2), below(3), 0);
        break;
    }
}

void selftest_loops(struct selftest *test, unsigned programs)
{
    for (int turn = 0; turn < 2; turn++) {
        build_peterson(&toy, 0, turn, 0);
        try(test);
    }
    random_state = 20261130;
    for (unsigned i = 0; i < programs; i++) {
        if (test->quick && test->wrong != 0)
            return;
        toy_begin(&toy, "random loops", below(4) == 0 ? 3 : 2);
        toy.has_loops = true;
        for (unsigned thread = 0; thread < toy.threads; thread++) {
            for (int j = 1 + below(toy.threads == 2 ? 3 : 2); j > 0; j--)
                add_something(thread);
        }
        try(test);
    }
}
