/* SPDX-License-Identifier: MIT */
/*
 * fault.c - turns a memory fault into a finding: with a rule broken, code may
 * follow a wild pointer.
 *
 * The fault is synchronous and comes from our own code, so its handler may call
 * any function.  It ends the execution by switching away from the thread.
 */
#include "engine/explore.h"
#include <signal.h>
#include <string.h>

#include "lab_platform.h"

static void handle(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (lab_thread() >= 0) {
        lab_fail("fault", "signal %d at address %p", number, info->si_addr);
        if (lab_leave_setup != NULL)
            lab_platform_leave();
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void lab_catch_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE};
    struct sigaction action;
    unsigned i;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        (void)sigaction(faults[i], &action, NULL);
}
