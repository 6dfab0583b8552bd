/* SPDX-License-Identifier: MIT */
/* toy.c - toys on the explorer. */
#include "toy.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"

#define TOY_ENDS_VARIABLES 8 /* more are not in use where loops are */

uint64_t toy_bad_runs;
unsigned toy_bad_least;

static const struct toy *now;
static int variables[TOY_OBJECTS];
static bool locks[TOY_OBJECTS];
static struct toy_cpu cpus[TOY_THREADS];
static bool is_bad;
static const struct lab_site here = {NULL, "toy", "toy.c", 1};

void toy_begin(struct toy *toy, const char *name, unsigned threads)
{
    memset(toy, 0, sizeof(*toy));
    (void)snprintf(toy->name, sizeof(toy->name), "%s", name);
    toy->threads = threads;
    toy->variables = TOY_OBJECTS;
}

void toy_op(struct toy *toy, unsigned thread, enum toy_kind kind, int a, int b,
            int c)
{
    struct toy_op *op = &toy->code[thread][toy->length[thread]++];

    op->kind = (uint8_t)kind;
    op->a = (int16_t)a;
    op->b = (int16_t)b;
    op->c = (int16_t)c;
}

/* The explorer's machine accesses a variable between two steps. */
static void touch(const int *data, const int *variable, bool writes)
{
    if (data == variables)
        lab_touched(variable, sizeof(*variable), writes);
}

bool toy_local(const struct toy *toy, unsigned thread, struct toy_cpu *cpu,
               int *data)
{
    bool bad = false;

    for (;; cpu->pc++) {
        const struct toy_op *op = &toy->code[thread][cpu->pc];

        if (cpu->pc >= toy->length[thread])
            return bad;
        if (op->kind == TOY_PEEK) {
            touch(data, &data[op->a], false);
            cpu->registers[op->b] = data[op->a];
        } else if (op->kind == TOY_POKE) {
            touch(data, &data[op->a], true);
            data[op->a] = cpu->registers[op->b] + op->c;
        } else if (op->kind == TOY_LET)
            cpu->registers[op->a] = op->b;
        else if (op->kind == TOY_MOVE)
            cpu->registers[op->a] = cpu->registers[op->b] + op->c;
        else if (op->kind == TOY_SKIP_IF)
            cpu->pc += cpu->registers[op->a] == op->b ? (unsigned)op->c : 0;
        else if (op->kind == TOY_SKIP_UNLESS)
            cpu->pc += cpu->registers[op->a] != op->b ? (unsigned)op->c : 0;
        else if (op->kind == TOY_SKIP_SAME)
            cpu->pc += cpu->registers[op->a] == cpu->registers[op->b]
                           ? (unsigned)op->c
                           : 0;
        else if (op->kind == TOY_BAD_IF)
            bad = bad || cpu->registers[op->a] == op->b;
        else if (op->kind == TOY_BAD_UNLESS)
            bad = bad || cpu->registers[op->a] != cpu->registers[op->b] + op->c;
        else if (op->kind == TOY_BAD)
            bad = true;
        else
            return bad;
    }
}

enum lab_kind toy_kind(enum toy_kind kind)
{
    switch (kind) {
    case TOY_LOAD:
    case TOY_LOAD_AT:
    case TOY_AWAIT:
    case TOY_LOAD_WIDE:
        return LAB_READ;
    case TOY_SET:
    case TOY_STORE:
    case TOY_STORE_AT:
    case TOY_SET_WIDE:
        return LAB_WRITE;
    case TOY_LOCK:
        return LAB_LOCK;
    case TOY_TRYLOCK:
        return LAB_TRYLOCK;
    case TOY_UNLOCK:
        return LAB_UNLOCK;
    case TOY_UNLOCK_BOTH:
        return LAB_WAIT;
    case TOY_GET:
        return LAB_GET;
    case TOY_PUT:
        return LAB_PUT;
    case TOY_TRY_GET:
        return LAB_TRY_GET;
    case TOY_RELAX:
        return LAB_RELAX;
    case TOY_POINT:
        return LAB_POINT;
    default:
        return LAB_RMW;
    }
}

void toy_count(const struct toy_op *op, int *count, struct toy_cpu *cpu)
{
    if (op->kind == TOY_GET) {
        ++*count;
    } else if (op->kind == TOY_PUT) {
        --*count;
        cpu->registers[0] = *count == 0 ? 1 : *count <= op->b ? 2 : 0;
    } else {
        cpu->registers[0] = *count > op->b;
        *count += cpu->registers[0];
    }
}

static bool awaited(const void *argument)
{
    const struct toy_op *op = argument;

    return variables[op->a] == op->b;
}

static void do_count(const struct toy_op *op, struct toy_cpu *cpu)
{
    lab_step_count((unsigned)toy_kind((enum toy_kind)op->kind),
                   &variables[op->a], (uint32_t)op->b, &here);
    if (op->kind == TOY_TRY_GET && variables[op->a] <= op->b)
        lab_unchanged();
    toy_count(op, &variables[op->a], cpu);
    lab_value((uint64_t)variables[op->a]);
}

/* True: it was an operation on a lock, and is done. */
static bool do_lock(const struct toy_op *op, struct toy_cpu *cpu)
{
    switch (op->kind) {
    case TOY_LOCK:
        lab_lock(&locks[op->a], &here);
        return true;
    case TOY_TRYLOCK:
        cpu->registers[0] = lab_trylock(&locks[op->a], &here);
        return true;
    case TOY_UNLOCK:
        lab_unlock(&locks[op->a], &here);
        return true;
    case TOY_UNLOCK_BOTH:
        lab_step_also(LAB_WAIT, &variables[op->b], &locks[op->a], &here);
        lab_unlock_within(&locks[op->a]);
        variables[op->b]++;
        return true;
    default:
        return false;
    }
}

/* A variable is a byte of a word for the explorer where some are wide. */
static char words[TOY_OBJECTS] __attribute__((aligned(8)));

static void do_wide(const struct toy_op *op, struct toy_cpu *cpu)
{
    int *variable = &variables[op->a];

    lab_step_bytes((unsigned)toy_kind((enum toy_kind)op->kind), &words[op->a],
                   2, &here, NULL);
    if (op->kind == TOY_SET_WIDE)
        variable[0] = variable[1] = op->b;
    else
        cpu->registers[op->b] = variable[0] + variable[1];
    lab_value((uint64_t)(variable[0] + variable[1]));
}

static bool do_other(const struct toy_op *op, struct toy_cpu *cpu)
{
    switch (op->kind) {
    case TOY_GET:
    case TOY_PUT:
    case TOY_TRY_GET:
        do_count(op, cpu);
        return true;
    case TOY_AWAIT:
        lab_await(LAB_READ, &variables[op->a], awaited, op, &here);
        return true;
    case TOY_RELAX:
        lab_relax(&here);
        return true;
    case TOY_POINT:
        lab_step(LAB_POINT, NULL, &here);
        return true;
    case TOY_LOAD_WIDE:
    case TOY_SET_WIDE:
        do_wide(op, cpu);
        return true;
    case TOY_CHOOSE:
        cpu->registers[0] = (int)lab_choose((unsigned)op->a, "toy");
        return true;
    default:
        return false;
    }
}

static void do_memory(const struct toy_op *op, struct toy_cpu *cpu)
{
    int at = op->kind == TOY_STORE_AT || op->kind == TOY_LOAD_AT
                 ? cpu->registers[op->a]
                 : op->a;
    int *variable = &variables[at];

    if (now->is_wide)
        lab_step_bytes((unsigned)toy_kind((enum toy_kind)op->kind), &words[at],
                       1, &here, NULL);
    else
        lab_step((unsigned)toy_kind((enum toy_kind)op->kind), variable, &here);
    switch (op->kind) {
    case TOY_SET:
        *variable = op->b;
        break;
    case TOY_STORE:
    case TOY_STORE_AT:
        *variable = cpu->registers[op->b] + op->c;
        break;
    case TOY_LOAD:
    case TOY_LOAD_AT:
        cpu->registers[op->b] = *variable;
        break;
    case TOY_ADD:
        cpu->registers[0] = *variable;
        *variable += op->b;
        break;
    case TOY_SWAP:
        cpu->registers[0] = *variable;
        *variable = cpu->registers[op->b];
        break;
    default: /* TOY_CAS */
        cpu->registers[0] = *variable == op->b;
        if (*variable == op->b)
            *variable = op->c;
        else
            lab_unchanged();
        break;
    }
    lab_value((uint64_t)*variable);
}

static uint64_t state_of(const struct toy_cpu *cpu)
{
    uint64_t state = cpu->pc + 1;

    for (unsigned i = 0; i < TOY_REGISTERS; i++)
        state = lab_mix(state, (uint64_t)cpu->registers[i]);
    return state == 0 ? 1 : state;
}

static void run(void *context)
{
    unsigned thread = (unsigned)lab_thread() - 1;
    struct toy_cpu *cpu = &cpus[thread];
    const struct toy_op *op;

    (void)context;
    for (;; cpu->pc++) {
        if (toy_local(now, thread, cpu, variables)) {
            is_bad = true;
            if (now->stop_when_bad)
                lab_fail("bad", "CPU#%u", thread + 1);
        }
        if (cpu->pc >= now->length[thread])
            return;
        op = &now->code[thread][cpu->pc];
        if (now->has_loops)
            lab_state(state_of(cpu));
        if (!do_lock(op, cpu) && !do_other(op, cpu))
            do_memory(op, cpu);
    }
}

static void setup(void *context)
{
    now = context;
    memcpy(variables, now->start, sizeof(variables));
    memset(cpus, 0, sizeof(cpus));
    is_bad = false;
    if (now->counter == 0)
        return;
    lab_step(LAB_WRITE, &variables[now->counter], &here);
    lab_value((uint64_t)variables[now->counter]);
}

uint64_t toy_ends[TOY_ENDS];
unsigned toy_end_count;

uint64_t toy_hash(const struct toy *toy, const int *data,
                  const struct toy_cpu *at)
{
    uint64_t hash = 1;

    for (unsigned i = 0; i < TOY_ENDS_VARIABLES; i++)
        hash = lab_mix(hash, (uint64_t)data[i]);
    for (unsigned i = 0; i < toy->threads * TOY_REGISTERS; i++)
        hash = lab_mix(
            hash, (uint64_t)at[i / TOY_REGISTERS].registers[i % TOY_REGISTERS]);
    return hash;
}

uint64_t toy_state(void)
{
    return toy_hash(now, variables, cpus);
}

void toy_add_end(const struct toy *toy, const int *data,
                 const struct toy_cpu *at)
{
    uint64_t hash = toy_hash(toy, data, at);

    for (unsigned i = 0; i < toy_end_count; i++) {
        if (toy_ends[i] == hash)
            return;
    }
    if (toy_end_count < TOY_ENDS)
        toy_ends[toy_end_count++] = hash;
}

static void finish(void *context)
{
    (void)context;
    if (now->has_loops)
        toy_add_end(now, variables, cpus);
    if (now->is_bad != NULL && now->is_bad(variables)) {
        is_bad = true;
        if (now->stop_when_bad)
            lab_fail("bad", "at the end");
    }
    if (!is_bad)
        return;
    toy_bad_runs++;
    if (lab_run.preemptions < toy_bad_least)
        toy_bad_least = lab_run.preemptions;
}

void toy_forget(void)
{
    toy_bad_runs = 0;
    toy_end_count = 0;
    toy_bad_least = ~0u;
}

struct lab_program toy_program(const struct toy *toy)
{
    static const struct lab_actor actors[TOY_THREADS] = {
        {"toy", run}, {"toy", run}, {"toy", run}, {"toy", run},
        {"toy", run}, {"toy", run}, {"toy", run}, {"toy", run},
        {"toy", run}, {"toy", run}, {"toy", run}, {"toy", run},
        {"toy", run}, {"toy", run}, {"toy", run}, {"toy", run},
    };
    struct lab_program program = {
        .name = toy->name,
        .context = (void *)(uintptr_t)toy, /* setup() reads it only */
        .setup = setup,
        .finish = finish,
        .actors = actors,
        .actor_count = toy->threads,
        .failure_budget = 1,
        .disposable = true,
        .watched = toy->watched,
    };

    return program;
}
