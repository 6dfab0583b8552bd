/* SPDX-License-Identifier: MIT */
/*
 * atomics.c - each operation of C11 on atomics of 1, 2, 4 and 8 bytes: its
 * result, and that it is one step.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <zcache/lab.h>

struct shared {
    _Atomic uint8_t a8;
    _Atomic uint16_t a16;
    _Atomic uint32_t a32;
    _Atomic uint64_t a64;
    atomic_flag flag;
    _Bool *_Atomic pointer;
};

static struct shared *shared;

static void setup(void *context)
{
    (void)context;
    shared = calloc(1, sizeof(*shared));
}

static void finish(void *context)
{
    (void)context;
    free(shared);
}

/* --- values ---------------------------------------------------------- */

static void expect(const char *what, uint64_t found, uint64_t wanted)
{
    if (found != wanted)
        zc_lab_fail(what, "%llu, not %llu", (unsigned long long)found,
                    (unsigned long long)wanted);
}

/* For what C11 has not, and compilers have. */
static uint8_t plain8 = 6;
static uint16_t plain16 = 6;
static uint32_t plain32 = 6;
static uint64_t plain64 = 6;

#define VALUES(bits)                                                           \
    static void values##bits(void)                                             \
    {                                                                          \
        _Atomic uint##bits##_t *word = &shared->a##bits;                       \
        uint##bits##_t known = 7;                                              \
                                                                               \
        atomic_store(word, 12);                                                \
        expect("load", atomic_load_explicit(word, memory_order_acquire), 12);  \
        expect("add", atomic_fetch_add(word, 250), 12);                        \
        expect("subtract", atomic_fetch_sub(word, 252), (uint##bits##_t)262);  \
        expect("or", atomic_fetch_or(word, 3), 10);                            \
        expect("and", atomic_fetch_and(word, 9), 11);                          \
        expect("xor", atomic_fetch_xor(word, 1), 9);                           \
        expect("nand", __atomic_fetch_nand(&plain##bits, 3, __ATOMIC_SEQ_CST), \
               6);                                                             \
        expect("after nand", plain##bits, (uint##bits##_t) ~(uint64_t)2);      \
        plain##bits = 6;                                                       \
        expect("exchange", atomic_exchange(word, 5), 8);                       \
        expect("compare", atomic_compare_exchange_strong(word, &known, 1), 0); \
        expect("known", known, 5);                                             \
        expect("compare again",                                                \
               atomic_compare_exchange_strong(word, &known, 6), 1);            \
        known = 5;                                                             \
        expect("weak", atomic_compare_exchange_weak(word, &known, 1), 0);      \
        expect("weak known", known, 6);                                        \
        while (!atomic_compare_exchange_weak_explicit(                         \
            word, &known, 9, memory_order_release, memory_order_relaxed))      \
            ;                                                                  \
        expect("end", atomic_load(word), 9);                                   \
    }

VALUES(8)
VALUES(16)
VALUES(32)
VALUES(64)

static void take_values(void *context)
{
    _Bool *known = NULL;
    _Bool here;

    (void)context;
    values8();
    values16();
    values32();
    values64();
    expect("flag", atomic_flag_test_and_set(&shared->flag), 0);
    expect("flag again", atomic_flag_test_and_set(&shared->flag), 1);
    atomic_flag_clear(&shared->flag);
    expect("pointer",
           atomic_compare_exchange_strong(&shared->pointer, &known, &here), 1);
    expect("pointer again", atomic_load(&shared->pointer) == &here, 1);
    atomic_store(&shared->pointer, NULL);
    atomic_thread_fence(memory_order_seq_cst);
    atomic_signal_fence(memory_order_seq_cst);
}

/* --- one step -------------------------------------------------------- */

#define ADD(bits)                                                              \
    do {                                                                       \
        uint##bits##_t known = atomic_load(&shared->a##bits);                  \
        uint##bits##_t next;                                                   \
                                                                               \
        do {                                                                   \
            next = (uint##bits##_t)(known + 1);                                \
            if (!zc_lab_holds("EXCHANGES")) {                                  \
                atomic_store(&shared->a##bits, next);                          \
                break;                                                         \
            }                                                                  \
        } while (                                                              \
            !atomic_compare_exchange_strong(&shared->a##bits, &known, next));  \
    } while (0)

static void add(void *context)
{
    (void)context;
    ADD(8);
    ADD(16);
    ADD(32);
    ADD(64);
}

static void finish_add(void *context)
{
    expect("8 bits", atomic_load(&shared->a8), 2);
    expect("16 bits", atomic_load(&shared->a16), 2);
    expect("32 bits", atomic_load(&shared->a32), 2);
    expect("64 bits", atomic_load(&shared->a64), 2);
    finish(context);
}

int main(int argc, char **argv)
{
    static const struct zc_lab_actor taking[] = {{"values", take_values}};
    static const struct zc_lab_actor adding[] = {{"add", add}, {"add", add}};
    static const char *const rules[] = {"EXCHANGES", NULL};
    static const struct zc_lab_scenario values = {
        .struct_size = sizeof(values),
        .name = "values",
        .setup = setup,
        .actors = taking,
        .actor_count = 1,
        .finish = finish,
    };
    static const struct zc_lab_scenario adds = {
        .struct_size = sizeof(adds),
        .name = "add",
        .setup = setup,
        .actors = adding,
        .actor_count = 2,
        .finish = finish_add,
        .rules = rules,
    };
    static const struct zc_lab_scenario *const scenarios[] = {&values, &adds,
                                                              NULL};

    return zc_lab_main(argc, argv, scenarios);
}
