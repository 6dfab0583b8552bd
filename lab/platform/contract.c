/* SPDX-License-Identifier: MIT */
/*
 * contract.c - each macro of the lab's platform, as the function that its
 * contract states.
 *
 * No code calls these.  They make the compiler compare each macro of
 * platform_impl/ with the prototype in src/platform/.
 */
#include "platform/annotate_memory.h"
#include "platform/atomic.h"
#include "platform/lock.h"
#include "platform/park.h"
#include "platform/thread.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): types, parameters, no values */
#define LAB_ATOMIC_AGREES(atomic, type)                                        \
    type(atomic##_load_relaxed)(const atomic *word)                            \
    {                                                                          \
        return atomic##_load_relaxed(word);                                    \
    }                                                                          \
    type(atomic##_load_acquire)(const atomic *word)                            \
    {                                                                          \
        return atomic##_load_acquire(word);                                    \
    }                                                                          \
    void(atomic##_store_relaxed)(atomic * word, type value)                    \
    {                                                                          \
        atomic##_store_relaxed(word, value);                                   \
    }                                                                          \
    void(atomic##_store_release)(atomic * word, type value)                    \
    {                                                                          \
        atomic##_store_release(word, value);                                   \
    }                                                                          \
    bool(atomic##_exchange_if)(atomic * word, type * expected, type value)     \
    {                                                                          \
        return atomic##_exchange_if(word, expected, value);                    \
    }

ZC_ATOMICS(LAB_ATOMIC_AGREES)

/* LAB_AGREES(return type, name, parameters, arguments); the second for
 * functions that return nothing. */
#define LAB_AGREES(type, name, parameters, arguments)                          \
    type(name) parameters                                                      \
    {                                                                          \
        return name arguments;                                                 \
    }
#define LAB_AGREES_VOID(name, parameters, arguments)                           \
    void(name) parameters                                                      \
    {                                                                          \
        name arguments;                                                        \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

/* clang-format off */
LAB_AGREES(uint32_t, zc_atomic_u32_add,
           (zc_atomic_u32 *word, uint32_t value), (word, value))
LAB_AGREES(uint32_t, zc_atomic_u32_get,
           (zc_atomic_u32 *word, uint32_t bits), (word, bits))
LAB_AGREES(uint32_t, zc_atomic_u32_put,
           (zc_atomic_u32 *word, uint32_t bits, uint32_t limit),
           (word, bits, limit))
LAB_AGREES(bool, zc_atomic_u32_get_above,
           (zc_atomic_u32 *word, uint32_t limit), (word, limit))
LAB_AGREES(uint32_t, zc_atomic_u32_or,
           (zc_atomic_u32 *word, uint32_t bits), (word, bits))
LAB_AGREES(uint32_t, zc_atomic_u32_and,
           (zc_atomic_u32 *word, uint32_t bits), (word, bits))

LAB_AGREES_VOID(zc_annotate_object_begin,
                (const void *memory, size_t size, const char *what),
                (memory, size, what))
LAB_AGREES_VOID(zc_annotate_object_end,
                (const void *memory, size_t size, const char *what),
                (memory, size, what))

LAB_AGREES_VOID(zc_mutex_lock, (struct zc_mutex *mutex), (mutex))
LAB_AGREES(bool, zc_mutex_trylock, (struct zc_mutex *mutex), (mutex))
LAB_AGREES_VOID(zc_mutex_unlock, (struct zc_mutex *mutex), (mutex))
LAB_AGREES_VOID(zc_spinlock_lock, (struct zc_spinlock *lock), (lock))
LAB_AGREES(bool, zc_spinlock_trylock, (struct zc_spinlock *lock), (lock))
LAB_AGREES_VOID(zc_spinlock_unlock, (struct zc_spinlock *lock), (lock))

LAB_AGREES_VOID(zc_park_while,
                (struct zc_parking *parking, const zc_atomic_u32 *word,
                 uint32_t value), (parking, word, value))
LAB_AGREES_VOID(zc_unpark_all,
                (struct zc_parking *parking, const zc_atomic_u32 *word),
                (parking, word))
LAB_AGREES_VOID(zc_bit_lock,
                (struct zc_parking *parking, zc_atomic_u32 *word,
                 uint32_t bit, uint32_t waiters),
                (parking, word, bit, waiters))
LAB_AGREES(bool, zc_bit_trylock,
           (zc_atomic_u32 *word, uint32_t bit), (word, bit))
LAB_AGREES_VOID(zc_bit_unlock,
                (struct zc_parking *parking, zc_atomic_u32 *word,
                 uint32_t bit, uint32_t waiters),
                (parking, word, bit, waiters))
LAB_AGREES_VOID(zc_bit_wait_clear,
                (struct zc_parking *parking, zc_atomic_u32 *word,
                 uint32_t bit, uint32_t waiters),
                (parking, word, bit, waiters))

LAB_AGREES_VOID(zc_thread_join, (struct zc_thread *thread), (thread))
LAB_AGREES_VOID(zc_condition_wait,
                (struct zc_condition *condition, struct zc_mutex *mutex),
                (condition, mutex))
LAB_AGREES(bool, zc_condition_wait_for,
           (struct zc_condition *condition, struct zc_mutex *mutex,
            uint64_t nanoseconds), (condition, mutex, nanoseconds))
LAB_AGREES_VOID(zc_condition_signal, (struct zc_condition *condition),
                (condition))
LAB_AGREES_VOID(zc_condition_broadcast, (struct zc_condition *condition),
                (condition))
LAB_AGREES_VOID(zc_cpu_relax, (void), ())
/* clang-format on */
