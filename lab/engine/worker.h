/* SPDX-License-Identifier: MIT */
/*
 * worker.h - work in a process of its own.
 */
#ifndef LAB_WORKER_H
#define LAB_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LAB_ENDLESS "endless loop"

/* In shared memory: what a worker tells its parent. */
struct lab_pulse {
    uint64_t executions; /* begun; the parent watches it */
    bool done;           /* the work returned */
    bool stuck;          /* it did not: a thread made no step */
};

enum lab_death {
    LAB_DEATH_NONE,  /* the work returned */
    LAB_DEATH_CRASH, /* by a signal */
    LAB_DEATH_EXIT,  /* the code under exploration ended the process */
    LAB_DEATH_STUCK, /* no step, no execution for long */
    LAB_DEATH_LATE   /* at the deadline: no failure */
};

struct lab_worker {
    struct lab_pulse *pulse;
    uint64_t deadline; /* lab_clock(); 0: none */
    enum lab_death death;
    int status; /* the signal, or what was given to exit() */
};

/* Runs work(argument) in a process of its own and waits for its end, which is
 * then in `worker`.  False: there is no such process. */
bool lab_worker_run(struct lab_worker *worker, void (*work)(void *),
                    void *argument);

/* From here on a thread of this process that makes no step for long fails as an
 * endless loop; where it cannot, this process ends, as it does when its parent
 * is gone.  `pulse` is told of it; it may be NULL. */
void lab_watch_steps(struct lab_pulse *pulse, pid_t parent);

/* The failure that a death is. */
const char *lab_death_name(enum lab_death death);

#endif
