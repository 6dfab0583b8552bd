/* SPDX-License-Identifier: MIT */
/*
 * worker.c - a process that explores, and may crash, hang or exit.
 *
 * It holds the writing end of a pipe and writes nothing: a hang-up at the
 * reading end means that the worker has ended.  What it was doing lies in
 * memory that it shares with its parent.
 *
 * A thread that runs for long without a step is noticed twice: by the worker,
 * which counts its own processor time, and by the parent, if the worker sleeps.
 * A worker whose parent is gone ends.
 */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "search_state.h"

#define PATIENCE 20              /* seconds without a new execution */
#define TICK_MICROSECONDS 250000 /* of processor time */
#define TICKS 4                  /* without a step */
/* Nanoseconds after the deadline: an endless loop is noticed before. */
#define GRACE UINT64_C(1500000000)
#define STUCK_STATUS 3

static struct {
    struct lab_pulse *pulse; /* or NULL */
    pid_t parent;
    uint64_t executions;
    unsigned steps;
    unsigned ticks;
} watched;

/* --- in the worker --------------------------------------------------- */

/* The thread that runs is inside an endless loop: nothing that it could hold
 * is needed again. */
static void end_loop(void)
{
    if (lab_run.current > 0 && !lab_run.in_oracle && !lab_run.ending &&
        lab_run.back_end == &lab_fibers)
        lab_fail(LAB_ENDLESS, "CPU#%d makes no step", lab_run.current);
    if (watched.pulse != NULL)
        watched.pulse->stuck = true;
    _exit(STUCK_STATUS);
}

/* Of the search that is under way. */
static uint64_t executions_begun(void)
{
    return lab_search == NULL ? 0 : lab_search->pulse.executions;
}

static void tick(int number)
{
    (void)number;
    if (getppid() != watched.parent)
        _exit(STUCK_STATUS); /* what would read the result is gone */
    if (!lab_run.active || watched.executions != executions_begun() ||
        watched.steps != lab_run.steps) {
        watched.executions = executions_begun();
        watched.steps = lab_run.steps;
        watched.ticks = 0;
    } else if (++watched.ticks >= TICKS) {
        watched.ticks = 0;
        end_loop();
    }
}

void lab_watch_steps(struct lab_pulse *pulse, pid_t parent)
{
    const struct itimerval every = {{0, TICK_MICROSECONDS},
                                    {0, TICK_MICROSECONDS}};
    struct sigaction action;

    memset(&watched, 0, sizeof(watched));
    watched.pulse = pulse;
    watched.parent = parent;
    memset(&action, 0, sizeof(action));
    action.sa_handler = tick;
    action.sa_flags = SA_NODEFER | SA_RESTART;
    (void)sigaction(SIGPROF, &action, NULL);
    (void)setitimer(ITIMER_PROF, &every, NULL);
}

/* --- in its parent --------------------------------------------------- */

/* Waits until the worker has ended; kills one that is late or stands still. */
static enum lab_death wait_for(pid_t worker, int alive,
                               const struct lab_pulse *pulse, uint64_t deadline)
{
    const volatile uint64_t *executions = &pulse->executions;
    struct pollfd wanted = {.fd = alive, .events = POLLIN};
    uint64_t last = *executions;
    uint64_t moved = lab_clock();
    enum lab_death death = LAB_DEATH_NONE;

    while (poll(&wanted, 1, 100) <= 0) {
        uint64_t now = lab_clock();

        if (*executions != last)
            moved = now;
        last = *executions;
        if (deadline != 0 && now > deadline + GRACE)
            death = LAB_DEATH_LATE;
        else if (now - moved > PATIENCE * UINT64_C(1000000000))
            death = LAB_DEATH_STUCK;
        if (death != LAB_DEATH_NONE)
            (void)kill(worker, SIGKILL);
    }
    return death;
}

static void bury(struct lab_worker *worker, pid_t process, enum lab_death death)
{
    int status = 0;

    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;
    worker->status = WIFSIGNALED(status) ? WTERMSIG(status)
                                         : WEXITSTATUS(status);
    worker->death = death;
    if (death != LAB_DEATH_NONE || worker->pulse->done)
        return;
    if (worker->pulse->stuck)
        worker->death = LAB_DEATH_STUCK;
    else
        worker->death = WIFSIGNALED(status) ? LAB_DEATH_CRASH : LAB_DEATH_EXIT;
}

bool lab_worker_run(struct lab_worker *worker, void (*work)(void *),
                    void *argument)
{
    struct lab_pulse *pulse = worker->pulse;
    const pid_t parent = getpid();
    pid_t process;
    int ends[2];

    if (pipe(ends) != 0)
        return false;
    pulse->done = false;
    pulse->stuck = false;
    (void)fflush(NULL);
    process = fork();
    if (process < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return false;
    }
    if (process == 0) {
        (void)close(ends[0]);
        lab_watch_steps(pulse, parent);
        work(argument);
        pulse->done = true;
        _exit(0);
    }
    (void)close(ends[1]);
    bury(worker, process, wait_for(process, ends[0], pulse, worker->deadline));
    (void)close(ends[0]);
    return true;
}

const char *lab_death_name(enum lab_death death)
{
    switch (death) {
    case LAB_DEATH_EXIT:
        return "exit called";
    case LAB_DEATH_STUCK:
        return LAB_ENDLESS;
    default:
        return "crash";
    }
}
