/* SPDX-License-Identifier: MIT */
/*
 * fibers.c - the back end that runs all threads of a program on one thread.
 *
 * Stacks are made once and used again.  Below each lies a guard page, so that
 * an overflow crashes at its step.
 */
#include "engine.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fiber.h"

#define STACK_BYTES ((size_t)256 * 1024)

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
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, STACK_BYTES + guard, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    if (mprotect(memory, guard, PROT_NONE) != 0) {
        (void)munmap(memory, STACK_BYTES + guard);
        return NULL;
    }
    return memory + guard;
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
