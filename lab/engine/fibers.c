/* SPDX-License-Identifier: MIT */
/*
 * fibers.c - the back end that runs all threads of a program on one thread.
 *
 * Stacks are made once, side by side, and used again.  Below each lies memory
 * that faults, far more than a stack, so that an overflow by a large array is
 * noticed too.
 */
#include "engine.h"

#include <errno.h>
#include <sys/mman.h>

#include "fiber.h"
#include "locals.h"

#define STACK_BYTES LAB_STACK_BYTES
#define GUARD_BYTES ((size_t)16 * 1024 * 1024)
#define SLOT_BYTES (GUARD_BYTES + STACK_BYTES)

uintptr_t lab_own_stack = UINTPTR_MAX - STACK_BYTES;

static char *slots; /* of each thread: a guard, a stack */
static struct lab_fiber fibers[LAB_THREADS];
static void (*entries[LAB_THREADS])(int);
static int starting;

static void fiber_main(void)
{
    int thread = starting;

    errno = 0;
    entries[thread](thread);
}

static char *map_slots(void)
{
    char *memory = mmap(NULL, LAB_THREADS * SLOT_BYTES, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    for (size_t i = 0; i < LAB_THREADS; i++) {
        if (mprotect(memory + i * SLOT_BYTES + GUARD_BYTES, STACK_BYTES,
                     PROT_READ | PROT_WRITE) != 0) {
            (void)munmap(memory, LAB_THREADS * SLOT_BYTES);
            return NULL;
        }
    }
    return memory;
}

static char *stack_of(int thread)
{
    return slots + (size_t)thread * SLOT_BYTES + GUARD_BYTES;
}

size_t lab_stack_offset(const void *address)
{
    size_t at = (size_t)((uintptr_t)address - (uintptr_t)slots);

    if (slots == NULL || at >= LAB_THREADS * SLOT_BYTES ||
        at % SLOT_BYTES < GUARD_BYTES)
        return SIZE_MAX;
    return at / SLOT_BYTES * STACK_BYTES + at % SLOT_BYTES - GUARD_BYTES;
}

bool lab_below_stack(const void *address)
{
    uintptr_t stack = (uintptr_t)stack_of(lab_run.current);
    uintptr_t at = (uintptr_t)address;

    return slots != NULL && at < stack && at >= stack - GUARD_BYTES;
}

const char *lab_stack_at(size_t offset)
{
    return stack_of((int)(offset / STACK_BYTES)) + offset % STACK_BYTES;
}

static bool create(int thread, void (*entry)(int))
{
    if (slots == NULL)
        slots = map_slots();
    if (slots == NULL)
        return false;
    entries[thread] = entry;
    starting = thread;
    lab_locals_begin(thread);
    lab_fiber_prepare(&fibers[thread], stack_of(thread), STACK_BYTES,
                      fiber_main);
    return true;
}

static void switch_to(int from, int to)
{
    int number = errno;

    lab_locals_switch(from, to);
    lab_own_stack = (uintptr_t)stack_of(to);
    lab_fiber_switch(&fibers[from], &fibers[to]);
    errno = number;
}

static void clear(void)
{
}

const struct lab_back_end lab_fibers = {
    .create = create,
    .switch_to = switch_to,
    .leave = switch_to,
    .clear = clear,
};
