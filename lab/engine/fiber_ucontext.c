/* SPDX-License-Identifier: MIT */
/*
 * fiber_ucontext.c - the switch wherever there is ucontext: it also switches
 * the signal mask, which costs two system calls.
 */
#include "fiber.h"

#include <stdlib.h>
#include <ucontext.h>

static ucontext_t *context_of(struct lab_fiber *fiber)
{
    if (fiber->state == NULL)
        fiber->state = calloc(1, sizeof(ucontext_t));
    if (fiber->state == NULL)
        abort(); /* nothing can be explored */
    return fiber->state;
}

void lab_fiber_prepare(struct lab_fiber *fiber, void *stack, size_t size,
                       void (*entry)(void))
{
    ucontext_t *context = context_of(fiber);

    if (getcontext(context) != 0)
        abort();
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = size;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
}

void lab_fiber_switch(struct lab_fiber *from, struct lab_fiber *to)
{
    if (swapcontext(context_of(from), context_of(to)) != 0)
        abort();
}
