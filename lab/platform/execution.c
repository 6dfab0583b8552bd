/* SPDX-License-Identifier: MIT */
/* execution.c - executions that begin with the same memory. */
#include "execution.h"

#include <setjmp.h>
#include <stddef.h>

#include "platform/lab_platform.h"

bool lab_run_part(void (*part)(void *context), void *context)
{
    jmp_buf leave;

    if (setjmp(leave) != 0) {
        lab_leave_setup = NULL;
        lab_quiet = false;
        return false;
    }
    lab_leave_setup = &leave;
    if (part != NULL)
        part(context);
    lab_leave_setup = NULL;
    return true;
}

bool lab_make_once(void (*setup)(void *context), void *context)
{
    bool done;

    lab_region_reset();
    lab_quiet = true;
    done = lab_run_part(setup, context);
    lab_quiet = false;
    if (done)
        lab_region_keep();
    return done;
}
