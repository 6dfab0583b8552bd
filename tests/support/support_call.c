/* SPDX-License-Identifier: MIT */
/* support_call.c - see support_call.h. */
#include "support_call.h"

#include <stdlib.h>

#include "support_threads.h"

static void *run_call(void *argument)
{
    struct support_call *call = argument;

    call->run(call->context);
    atomic_store(&call->is_done, true);
    return NULL;
}

void support_call_start(struct support_call *call, void (*run)(void *context),
                        void *context)
{
    call->run = run;
    call->context = context;
    atomic_store(&call->is_done, false);
    if (pthread_create(&call->thread, NULL, run_call, call) != 0)
        abort();
}

bool support_call_waits(struct support_call *call)
{
    support_sleep_ns(30000000);
    return !atomic_load(&call->is_done);
}

void support_call_join(struct support_call *call)
{
    (void)pthread_join(call->thread, NULL);
}
