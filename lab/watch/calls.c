/* SPDX-License-Identifier: MIT */
/*
 * calls.c - the functions that each thread is in, while it is of interest.
 *
 * The compiler tells of each entry and exit (-fsanitize=thread).  A function
 * that was inlined is not told of, and its steps are those of its caller.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr() */
#endif

#include "calls.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/site.h"
#include "oracle/memory.h"

#define DEPTH 64
#define COMMAND_BYTES 16384
#define NAME_BYTES 128

struct stack {
    unsigned depth;   /* may be more than is kept */
    unsigned entered; /* calls so far */
    const void *calls[DEPTH];
    const void *callers[DEPTH];
    unsigned frames[DEPTH];
};

static struct stack stacks[LAB_THREADS];

bool lab_calls_wanted;

void lab_calls_reset(void)
{
    lab_calls_wanted = lab_is_recorded() || lab_sites.is_on;
    for (unsigned i = 0; lab_calls_wanted && i < LAB_THREADS; i++)
        stacks[i].depth = 0;
}

void lab_call_enter(const void *pc, const void *caller)
{
    int thread = lab_thread();
    struct stack *stack;

    if (thread < 0)
        return;
    stack = &stacks[thread];
    if (stack->depth < DEPTH) {
        stack->calls[stack->depth] = pc;
        stack->callers[stack->depth] = caller;
        stack->frames[stack->depth] = ++stack->entered;
    }
    stack->depth++;
}

void lab_call_leave(void)
{
    int thread = lab_thread();

    if (thread >= 0 && stacks[thread].depth > 0)
        stacks[thread].depth--;
}

/* The innermost of a list that goes with the stack. */
static unsigned innermost(const struct stack *stack, const void *const *list,
                          const void **found, unsigned most)
{
    unsigned count = 0;

    if (stack->depth > DEPTH)
        return 0;
    while (count < most && count < stack->depth) {
        found[count] = list[stack->depth - 1 - count];
        count++;
    }
    return count;
}

unsigned lab_calls_of(int thread, const void **calls, unsigned most)
{
    return innermost(&stacks[thread], stacks[thread].calls, calls, most);
}

unsigned lab_callers_of(int thread, const void **callers, unsigned most)
{
    return innermost(&stacks[thread], stacks[thread].callers, callers, most);
}

unsigned lab_call_depth(int thread)
{
    return stacks[thread].depth < DEPTH ? stacks[thread].depth : DEPTH;
}

unsigned lab_call_frame(int thread, unsigned index)
{
    return index < lab_call_depth(thread) ? stacks[thread].frames[index] : 0;
}

/* The command that prints two lines for each place in this program. */
static bool make_command(char *command, const void *const *calls,
                         unsigned count)
{
    int used = snprintf(command, COMMAND_BYTES,
                        "addr2line -f -s -e /proc/%ld/exe", (long)getpid());

    for (unsigned i = 0; i < count; i++) {
        Dl_info info;
        size_t offset = 0;

        if (dladdr(calls[i], &info) != 0)
            offset = (size_t)((const char *)calls[i] -
                              (const char *)info.dli_fbase) -
                     1;
        used += snprintf(command + used, COMMAND_BYTES - (size_t)used, " %#zx",
                         offset);
        if (used >= COMMAND_BYTES - 32)
            return false;
    }
    used +=
        snprintf(command + used, COMMAND_BYTES - (size_t)used, " 2>/dev/null");
    return used < COMMAND_BYTES;
}

void lab_calls_name(const void *const *calls, unsigned count,
                    void (*named)(void *context, unsigned index,
                                  const char *name, const char *line),
                    void *context)
{
    static char command[COMMAND_BYTES];
    char function[NAME_BYTES];
    char line[NAME_BYTES];
    FILE *pipe;

    if (count == 0 || !make_command(command, calls, count))
        return;
    pipe = popen(command, "r"); /* NOLINT(cert-env33-c): numbers */
    if (pipe == NULL)
        return;
    for (unsigned i = 0; i < count; i++) {
        if (fgets(function, sizeof(function), pipe) == NULL ||
            fgets(line, sizeof(line), pipe) == NULL)
            break;
        function[strcspn(function, "\n")] = '\0';
        line[strcspn(line, " \n")] = '\0';
        named(context, i, function, line);
    }
    (void)pclose(pipe);
}
