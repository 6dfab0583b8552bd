/* SPDX-License-Identifier: MIT */
/*
 * tsan_runtime.c - the calls that -fsanitize=thread makes, of gcc and clang.
 *
 * Compiled without it.  The names are the compilers'.
 */
#include <string.h>

#include "calls.h"
#include "engine/met.h"
#include "platform/lab_platform.h"
#include "platform/site.h"
#include "tsan.h"

#define CALLER __builtin_return_address(0)

/* Only the compiler declares these. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"

/* Most calls come while a world is torn down, when nothing is watched. */
static inline void watch(const void *memory, size_t size, unsigned access,
                         const void *pc)
{
    if (lab_quiet)
        return;
    if (lab_site_has_loose)
        lab_site_access(memory, pc);
    lab_access(memory, size, access, pc);
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    if (lab_calls_wanted)
        lab_call_enter(CALLER, caller);
}

void __tsan_func_exit(void)
{
    if (lab_calls_wanted)
        lab_call_leave();
}

#define ACCESSES(bytes)                                                        \
    void __tsan_read##bytes(void *memory)                                      \
    {                                                                          \
        watch(memory, (bytes), 0, CALLER);                                     \
    }                                                                          \
    void __tsan_write##bytes(void *memory)                                     \
    {                                                                          \
        watch(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                      \
    }                                                                          \
    void __tsan_unaligned_read##bytes(void *memory)                            \
    {                                                                          \
        watch(memory, (bytes), 0, CALLER);                                     \
    }                                                                          \
    void __tsan_unaligned_write##bytes(void *memory)                           \
    {                                                                          \
        watch(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                      \
    }                                                                          \
    void __tsan_read_write##bytes(void *memory)                                \
    {                                                                          \
        watch(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                      \
    }                                                                          \
    void __tsan_unaligned_read_write##bytes(void *memory)                      \
    {                                                                          \
        watch(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                      \
    }                                                                          \
    void __tsan_volatile_read##bytes(void *memory)                             \
    {                                                                          \
        watch(memory, (bytes), 0, CALLER);                                     \
    }                                                                          \
    void __tsan_volatile_write##bytes(void *memory)                            \
    {                                                                          \
        watch(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                      \
    }

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_read_range(void *memory, size_t size)
{
    if (size != 0)
        watch(memory, size, 0, CALLER);
}

void __tsan_write_range(void *memory, size_t size)
{
    if (size != 0)
        watch(memory, size, LAB_ACCESS_WRITE, CALLER);
}

/* C++ only, but declared by every runtime. */
void __tsan_vptr_read(void **memory)
{
    watch(memory, sizeof(*memory), 0, CALLER);
}

void __tsan_vptr_update(void **memory, void *value)
{
    (void)value;
    watch(memory, sizeof(*memory), LAB_ACCESS_WRITE, CALLER);
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    if (size != 0) {
        watch(from, size, 0, CALLER);
        watch(to, size, LAB_ACCESS_WRITE, CALLER);
    }
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
    if (size != 0) {
        watch(from, size, 0, CALLER);
        watch(to, size, LAB_ACCESS_WRITE, CALLER);
    }
    return memmove(to, from, size);
}

void *__tsan_memset(void *memory, int byte, size_t size)
{
    if (size != 0)
        watch(memory, size, LAB_ACCESS_WRITE, CALLER);
    return memset(memory, byte, size);
}

/*
 * The library uses the platform's atomics and never C11's.  These are for user
 * code (lab.h): a step between lab_c11_begin() and lab_c11_end().  Those of 16
 * bytes are in tsan_refused.c.
 */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type takes none */
#define ATOMICS(bits, type)                                                    \
    type __tsan_atomic##bits##_load(const volatile type *word, int order)      \
    {                                                                          \
        LAB_C11_CALLED(0, 0);                                                  \
        lab_c11_begin(LAB_READ, (const void *)(uintptr_t)word, sizeof(type),   \
                      order, CALLER);                                          \
        lab_c11_end(true, *word);                                              \
        return *word;                                                          \
    }                                                                          \
    void __tsan_atomic##bits##_store(volatile type *word, type value,          \
                                     int order)                                \
    {                                                                          \
        lab_c11_begin(LAB_WRITE, (const void *)(uintptr_t)word, sizeof(type),  \
                      order, CALLER);                                          \
        *word = value;                                                         \
        lab_c11_end(true, value);                                              \
    }                                                                          \
    type __tsan_atomic##bits##_exchange(volatile type *word, type value,       \
                                        int order)                             \
    {                                                                          \
        type before;                                                           \
                                                                               \
        LAB_C11_CALLED(value, 0);                                              \
        lab_c11_begin(LAB_RMW, (const void *)(uintptr_t)word, sizeof(type),    \
                      order, CALLER);                                          \
        before = *word;                                                        \
        *word = value;                                                         \
        lab_c11_keep(before == value);                                         \
        lab_c11_end(true, value);                                              \
        return before;                                                         \
    }                                                                          \
    static bool exchange_if_##bits(                                            \
        volatile type *word, type expected, type value, int order,             \
        int failure, bool weak, type *before_out, const void *pc)              \
    {                                                                          \
        bool equal;                                                            \
                                                                               \
        lab_c11_begin(LAB_RMW, (const void *)(uintptr_t)word, sizeof(type),    \
                      order, pc);                                              \
        *before_out = *word;                                                   \
        equal = *before_out == expected && !(weak && lab_c11_fails(pc));       \
        if (equal)                                                             \
            *word = value;                                                     \
        else                                                                   \
            lab_c11_failed(failure, pc);                                       \
        lab_c11_keep(equal &&value == expected);                               \
        lab_c11_end(equal, *word);                                             \
        return equal;                                                          \
    }                                                                          \
    static int exchange_expected_##bits(volatile type *word, type *expected,   \
                                        type value, int order, int failure,    \
                                        bool weak, const void *pc)             \
    {                                                                          \
        type before;                                                           \
                                                                               \
        watch(expected, sizeof(type), 0, pc);                                  \
        if (exchange_if_##bits(word, *expected, value, order, failure, weak,   \
                               &before, pc))                                   \
            return true;                                                       \
        lab_access(expected, sizeof(type), LAB_ACCESS_WRITE, pc);              \
        *expected = before;                                                    \
        return false;                                                          \
    }                                                                          \
    int __tsan_atomic##bits##_compare_exchange_strong(                         \
        volatile type *word, type *expected, type value, int order,            \
        int failure)                                                           \
    {                                                                          \
        LAB_C11_CALLED(value, *expected);                                      \
        return exchange_expected_##bits(word, expected, value, order, failure, \
                                        false, CALLER);                        \
    }                                                                          \
    int __tsan_atomic##bits##_compare_exchange_weak(                           \
        volatile type *word, type *expected, type value, int order,            \
        int failure)                                                           \
    {                                                                          \
        LAB_C11_CALLED(value, *expected);                                      \
        return exchange_expected_##bits(word, expected, value, order, failure, \
                                        true, CALLER);                         \
    }                                                                          \
    /* clang's, for both; its code compares what was there. */                 \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *word,       \
                                                    type expected, type value, \
                                                    int order, int failure)    \
    {                                                                          \
        type before;                                                           \
                                                                               \
        LAB_C11_CALLED(value, expected);                                       \
        (void)exchange_if_##bits(word, expected, value, order, failure, false, \
                                 &before, CALLER);                             \
        return before;                                                         \
    }

#define FETCHES(bits, type, name, after)                                       \
    type __tsan_atomic##bits##_fetch_##name(volatile type *word, type value,   \
                                            int order)                         \
    {                                                                          \
        type before;                                                           \
                                                                               \
        LAB_C11_CALLED(value, 0);                                              \
        lab_c11_begin(LAB_RMW, (const void *)(uintptr_t)word, sizeof(type),    \
                      order, CALLER);                                          \
        before = *word;                                                        \
        *word = (type)(after);                                                 \
        lab_c11_keep(*word == before);                                         \
        lab_c11_end(true, *word);                                              \
        return before;                                                         \
    }

#define ALL_ATOMICS(bits, type)                                                \
    ATOMICS(bits, type)                                                        \
    FETCHES(bits, type, add, before + value)                                   \
    FETCHES(bits, type, sub, before - value)                                   \
    FETCHES(bits, type, and, (before & value))                                 \
    FETCHES(bits, type, or, before | value)                                    \
    FETCHES(bits, type, xor, before ^ value)                                   \
    FETCHES(bits, type, nand, ~(before & value))
/* NOLINTEND(bugprone-macro-parentheses) */

ALL_ATOMICS(8, uint8_t)
ALL_ATOMICS(16, uint16_t)
ALL_ATOMICS(32, uint32_t)
ALL_ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order)
{
    lab_c11_fence(order, CALLER);
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}
