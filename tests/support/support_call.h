/* SPDX-License-Identifier: MIT */
/*
 * support_call.h - one call on another thread, which may have to wait.
 */
#ifndef ZC_TESTS_SUPPORT_CALL_H
#define ZC_TESTS_SUPPORT_CALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct support_call {
    pthread_t thread;
    void (*run)(void *context);
    void *context;
    atomic_bool is_done;
};

void support_call_start(struct support_call *call, void (*run)(void *context),
                        void *context);
/* Does the call still run some time later? */
bool support_call_waits(struct support_call *call);
void support_call_join(struct support_call *call);

#endif
