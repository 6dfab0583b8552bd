/* SPDX-License-Identifier: MIT */
/*
 * fault.c - turns a memory fault into a finding: with a rule broken, code may
 * follow a wild pointer.
 *
 * The fault is synchronous and comes from our own code, so its handler may call
 * any function.  It has a stack of its own, because the stack may be what is
 * used up.  It ends the execution by switching away from the thread.
 */
#include "engine/explore.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/met.h"
#include "lab_platform.h"

#define STACK_BYTES ((size_t)64 * 1024)

static void handle(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (lab_thread() >= 0) {
        if (number == SIGSEGV && lab_below_stack(info->si_addr))
            lab_fail("stack overflow", "in CPU#%d", lab_thread());
        else if (number == SIGSEGV && info->si_code == SI_KERNEL)
            lab_fail("fault",
                     "signal %d, the processor gives no address: it "
                     "is one that no memory can have",
                     number);
        else
            lab_fail("fault", "signal %d at address %p", number, info->si_addr);
        if (lab_leave_setup != NULL)
            lab_platform_leave();
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void name_places(enum lab_met what, const void *const *where,
                        unsigned count, char names[][LAB_MET_CHARS])
{
    if (what != LAB_MET_UNWATCHED && what != LAB_MET_OVERFLOW) {
        lab_place_names(where, count, names[0], LAB_MET_CHARS);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        (void)snprintf(names[i], LAB_MET_CHARS, "%s", lab_data_name(where[i]));
}

void lab_catch_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE};
    static _Alignas(64) char stack[STACK_BYTES];
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action;
    unsigned i;

    lab_met_names = name_places;
    (void)sigaltstack(&own, NULL);
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        (void)sigaction(faults[i], &action, NULL);
}
