/* SPDX-License-Identifier: MIT */
/*
 * worker.c - a process that explores, and may crash.
 *
 * It holds the writing end of a pipe and writes nothing: a hang-up at the
 * reading end means that the worker has ended.
 */
#include "search_state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 20 /* seconds without a new execution */

pid_t lab_fork_worker(int *alive_out)
{
    int ends[2];
    pid_t worker;

    if (pipe(ends) != 0)
        return -1;
    (void)fflush(NULL);
    worker = fork();
    (void)close(ends[worker == 0 ? 0 : 1]);
    if (worker < 0)
        (void)close(ends[0]);
    *alive_out = ends[0];
    return worker;
}

int lab_wait_for_worker(pid_t worker, int alive, const uint64_t *heartbeat)
{
    const volatile uint64_t *beats = heartbeat; /* written by the worker */
    struct pollfd wanted = {.fd = alive, .events = POLLIN};
    uint64_t last = *beats;
    int quiet = 0;
    int status = 0;

    while (poll(&wanted, 1, 1000) <= 0) {
        quiet = *beats == last ? quiet + 1 : 0;
        last = *beats;
        if (quiet >= PATIENCE)
            (void)kill(worker, SIGKILL);
    }
    while (waitpid(worker, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)close(alive);
    return status;
}
