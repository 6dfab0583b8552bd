/* SPDX-License-Identifier: MIT */
/*
 * fibers.c - the back end that runs all threads of a program on one thread.
 *
 * Stacks are made once and used again.  Below each lies memory that faults, far
 * more than a stack, so that an overflow by a large array is noticed too.
 */
#include "engine.h"

#include <sys/mman.h>

#include "fiber.h"

#define STACK_BYTES ((size_t)256 * 1024)
#define GUARD_BYTES ((size_t)16 * 1024 * 1024)

static struct lab_fiber fibers[LAB_THREADS];
static char *stacks[LAB_THREADS];
static void (*entries[LAB_THREADS])(int);
static int starting;

static void fiber_main(void)
{
    int thread = starting;

    entries[thread](thread);
}

static char *map_stack(void)
{
    char *memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    if (mprotect(memory + GUARD_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE) !=
        0) {
        (void)munmap(memory, GUARD_BYTES + STACK_BYTES);
        return NULL;
    }
    return memory + GUARD_BYTES;
}

bool lab_below_stack(const void *address)
{
    const char *stack = stacks[lab_run.current];
    uintptr_t at = (uintptr_t)address;

    return stack != NULL && at < (uintptr_t)stack &&
           at >= (uintptr_t)stack - GUARD_BYTES;
}

static bool create(int thread, void (*entry)(int))
{
    if (stacks[thread] == NULL)
        stacks[thread] = map_stack();
    if (stacks[thread] == NULL)
        return false;
    entries[thread] = entry;
    starting = thread;
    lab_fiber_prepare(&fibers[thread], stacks[thread], STACK_BYTES, fiber_main);
    return true;
}

static void switch_to(int from, int to)
{
    lab_fiber_switch(&fibers[from], &fibers[to]);
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
