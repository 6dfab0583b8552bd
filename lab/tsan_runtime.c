/* SPDX-License-Identifier: MIT */
/*
 * tsan_runtime.c - the calls that -fsanitize=thread makes, of gcc and clang.
 *
 * Compiled without it.  The names are the compilers'.
 */
#include <string.h>

#include "tsan.h"

#define CALLER __builtin_return_address(0)

/* Nobody declares these but the compiler. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void)
{
}

#define ACCESSES(bytes)                                                        \
    void __tsan_read##bytes(void *memory)                                      \
    {                                                                          \
        lab_access(memory, (bytes), 0, CALLER);                                \
    }                                                                          \
    void __tsan_write##bytes(void *memory)                                     \
    {                                                                          \
        lab_access(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                 \
    }                                                                          \
    void __tsan_unaligned_read##bytes(void *memory)                            \
    {                                                                          \
        lab_access(memory, (bytes), 0, CALLER);                                \
    }                                                                          \
    void __tsan_unaligned_write##bytes(void *memory)                           \
    {                                                                          \
        lab_access(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                 \
    }                                                                          \
    void __tsan_read_write##bytes(void *memory)                                \
    {                                                                          \
        lab_access(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                 \
    }                                                                          \
    void __tsan_unaligned_read_write##bytes(void *memory)                      \
    {                                                                          \
        lab_access(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                 \
    }                                                                          \
    void __tsan_volatile_read##bytes(void *memory)                             \
    {                                                                          \
        lab_access(memory, (bytes), 0, CALLER);                                \
    }                                                                          \
    void __tsan_volatile_write##bytes(void *memory)                            \
    {                                                                          \
        lab_access(memory, (bytes), LAB_ACCESS_WRITE, CALLER);                 \
    }

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_read_range(void *memory, size_t size)
{
    if (size != 0)
        lab_access(memory, size, 0, CALLER);
}

void __tsan_write_range(void *memory, size_t size)
{
    if (size != 0)
        lab_access(memory, size, LAB_ACCESS_WRITE, CALLER);
}

/* C++ only, but declared by every runtime. */
void __tsan_vptr_read(void **memory)
{
    lab_access(memory, sizeof(*memory), 0, CALLER);
}

void __tsan_vptr_update(void **memory, void *value)
{
    (void)value;
    lab_access(memory, sizeof(*memory), LAB_ACCESS_WRITE, CALLER);
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    if (size != 0) {
        lab_access(from, size, 0, CALLER);
        lab_access(to, size, LAB_ACCESS_WRITE, CALLER);
    }
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
    if (size != 0) {
        lab_access(from, size, 0, CALLER);
        lab_access(to, size, LAB_ACCESS_WRITE, CALLER);
    }
    return memmove(to, from, size);
}

void *__tsan_memset(void *memory, int byte, size_t size)
{
    if (size != 0)
        lab_access(memory, size, LAB_ACCESS_WRITE, CALLER);
    return memset(memory, byte, size);
}

/*
 * The library's atomics are the platform's, and never C11's.  These are here
 * for what a header might bring along: atomic, watched, and no step.
 */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type takes none */
#define ATOMICS(bits, type)                                                    \
    type __tsan_atomic##bits##_load(const volatile type *word, int order)      \
    {                                                                          \
        (void)order;                                                           \
        lab_access((const void *)(uintptr_t)word, sizeof(type),                \
                   LAB_ACCESS_ATOMIC, CALLER);                                 \
        return *word;                                                          \
    }                                                                          \
    void __tsan_atomic##bits##_store(volatile type *word, type value,          \
                                     int order)                                \
    {                                                                          \
        (void)order;                                                           \
        lab_access((const void *)(uintptr_t)word, sizeof(type),                \
                   LAB_ACCESS_ATOMIC | LAB_ACCESS_WRITE, CALLER);              \
        *word = value;                                                         \
    }                                                                          \
    type __tsan_atomic##bits##_exchange(volatile type *word, type value,       \
                                        int order)                             \
    {                                                                          \
        type before = __tsan_atomic##bits##_load(word, order);                 \
                                                                               \
        __tsan_atomic##bits##_store(word, value, order);                       \
        return before;                                                         \
    }                                                                          \
    int __tsan_atomic##bits##_compare_exchange_strong(                         \
        volatile type *word, type *expected, type value, int order,            \
        int failure)                                                           \
    {                                                                          \
        type before = __tsan_atomic##bits##_load(word, failure);               \
                                                                               \
        if (before != *expected) {                                             \
            *expected = before;                                                \
            return 0;                                                          \
        }                                                                      \
        __tsan_atomic##bits##_store(word, value, order);                       \
        return 1;                                                              \
    }                                                                          \
    int __tsan_atomic##bits##_compare_exchange_weak(                           \
        volatile type *word, type *expected, type value, int order,            \
        int failure)                                                           \
    {                                                                          \
        return __tsan_atomic##bits##_compare_exchange_strong(                  \
            word, expected, value, order, failure);                            \
    }

#define FETCHES(bits, type, name, operator)                                    \
    type __tsan_atomic##bits##_fetch_##name(volatile type *word, type value,   \
                                            int order)                         \
    {                                                                          \
        type before = __tsan_atomic##bits##_load(word, order);                 \
                                                                               \
        __tsan_atomic##bits##_store(word, (type)(before operator value),       \
                                    order);                                    \
        return before;                                                         \
    }

#define ALL_ATOMICS(bits, type)                                                \
    ATOMICS(bits, type)                                                        \
    FETCHES(bits, type, add, +)                                                \
    FETCHES(bits, type, sub, -)                                                \
    FETCHES(bits, type, and, &)                                                \
    FETCHES(bits, type, or, |)                                                 \
    FETCHES(bits, type, xor, ^)
/* NOLINTEND(bugprone-macro-parentheses) */

ALL_ATOMICS(8, uint8_t)
ALL_ATOMICS(16, uint16_t)
ALL_ATOMICS(32, uint32_t)
ALL_ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order)
{
    (void)order;
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}
