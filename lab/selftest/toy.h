/* SPDX-License-Identifier: MIT */
/*
 * toy.h - programs of a few instructions, for testing the explorer itself.
 *
 * Two machines run them: one announces its steps to the explorer (toy.c), the
 * other copies states and tries every order (brute.c).  Variables and locks are
 * numbered; registers belong to a thread.
 */
#ifndef LAB_TOY_H
#define LAB_TOY_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/explore.h"

#define TOY_THREADS 16
#define TOY_LENGTH 48
#define TOY_OBJECTS 160 /* variables, and as many locks */
#define TOY_REGISTERS 6

enum toy_kind {
    TOY_END,
    TOY_SET,      /* variable a = b */
    TOY_STORE,    /* variable a = register b + c */
    TOY_STORE_AT, /* variable (register a) = register b + c */
    TOY_LOAD,     /* register b = variable a */
    TOY_LOAD_AT,  /* register b = variable (register a) */
    TOY_ADD,      /* variable a += b, atomically; register 0 = before */
    TOY_SWAP,     /* variable a = register b; register 0 = before */
    TOY_CAS,      /* variable a: from b to c; register 0 = success */
    TOY_LOCK,     /* a */
    TOY_TRYLOCK,  /* a; register 0 = success */
    TOY_UNLOCK,   /* a */
    TOY_AWAIT,    /* until variable a == b */
    TOY_RELAX,    /* a turn of a loop */
    TOY_POINT,
    TOY_GET,         /* reference count a */
    TOY_PUT,         /* register 0 = 1: it is zero now, 2: at most b */
    TOY_TRY_GET,     /* if it is above b; register 0 = success */
    TOY_CHOOSE,      /* register 0 = 0 to a - 1, as failures */
    TOY_UNLOCK_BOTH, /* lock a, and writes variable b, in one step */
    TOY_LOAD_WIDE,   /* register b = variables a and a + 1, a even */
    TOY_SET_WIDE,    /* both = b, in one step */
    /* Local: part of the step before. */
    TOY_PEEK, /* register b = variable a, which a lock guards */
    TOY_POKE, /* variable a = register b + c, likewise */
    TOY_LET,  /* register a = b */
    TOY_MOVE, /* register a = register b + c */
    /* if register a == b skip c; -1: the same again, and so on */
    TOY_SKIP_IF,
    TOY_SKIP_UNLESS,
    TOY_SKIP_SAME,  /* if register a == register b */
    TOY_BAD_IF,     /* if register a == b: noted, and the thread goes on */
    TOY_BAD_UNLESS, /* register a == register b + c */
    TOY_BAD
};

struct toy_op {
    uint8_t kind;
    int16_t a;
    int16_t b;
    int16_t c;
};

struct toy {
    char name[48];
    unsigned threads;
    unsigned length[TOY_THREADS];
    struct toy_op code[TOY_THREADS][TOY_LENGTH];
    int start[TOY_OBJECTS]; /* of variables */
    int counter;            /* the variable that is a reference count, or 0 */
    unsigned variables;     /* in use, for checks */
    bool has_loops;         /* the explorer is told the local state */
    bool is_wide;           /* has operations on two variables */
    bool watched;           /* the explorer is told of local accesses */
    /* At the end, of the variables: is that bad?  NULL: never. */
    bool (*is_bad)(const int *variables);
    bool stop_when_bad; /* TOY_BAD and is_bad() fail; otherwise counted */
};

/* The state of a toy thread besides its code. */
struct toy_cpu {
    unsigned pc;
    int registers[TOY_REGISTERS];
};

void toy_begin(struct toy *toy, const char *name, unsigned threads);
void toy_op(struct toy *toy, unsigned thread, enum toy_kind kind, int a, int b,
            int c);

/* How toys with loops ended: a hash of variables and registers each, without
 * order; toy_forget() empties it. */
#define TOY_ENDS 4096
extern uint64_t toy_ends[TOY_ENDS];
extern unsigned toy_end_count;
void toy_add_end(const struct toy *toy, const int *variables,
                 const struct toy_cpu *cpus);
/* A hash of a state; and that of the toy that the explorer runs. */
uint64_t toy_hash(const struct toy *toy, const int *data,
                  const struct toy_cpu *at);
uint64_t toy_state(void);

/* Runs local operations from pc on; true: it met TOY_BAD. */
bool toy_local(const struct toy *toy, unsigned thread, struct toy_cpu *cpu,
               int *data);

/* TOY_GET, TOY_PUT or TOY_TRY_GET. */
void toy_count(const struct toy_op *op, int *count, struct toy_cpu *cpu);

/* Kind of the visible step an operation is, for the explorer. */
enum lab_kind toy_kind(enum toy_kind kind);

/* The program of the explorer that runs a toy; the toy must outlive it. */
struct lab_program toy_program(const struct toy *toy);

/* Bad executions since the last toy_forget(), of toys that do not stop at one.
 * With sleep sets the number is that of the executions visited. */
extern uint64_t toy_bad_runs;
extern unsigned toy_bad_least; /* preemptions */
void toy_forget(void);

#endif
