/* SPDX-License-Identifier: MIT */
/*
 * process.c - the ends of a process and of a thread, for user code.
 *
 * In explored code exit() and its relatives are failures of the execution: what
 * follows would never be explored.
 */
#include "embed.h"

#include <stdlib.h>
#include <unistd.h>

#include "platform/lab_platform.h"

#define CALLER __builtin_return_address(0)

static _Noreturn void end(const char *call, int status, const void *pc)
{
    lab_fail("exit called", "%s(%d) at %s", call, status, lab_place_of(pc));
    lab_platform_leave();
}

void zc_lab_exit(int status)
{
    if (lab_thread() < 0)
        exit(status);
    end("exit", status, CALLER);
}

void zc_lab_exit_now(int status)
{
    if (lab_thread() < 0)
        _exit(status);
    end("_exit", status, CALLER);
}

void zc_lab_thread_exit(void *value)
{
    if (lab_thread() < 0)
        pthread_exit(value);
    lab_thread_exit();
    lab_platform_leave(); /* of setup or finish */
}
