/* SPDX-License-Identifier: MIT */
/*
 * contrast.c - a scenario on real threads, again and again: how often does
 * stress find what the lab finds always?
 *
 *     contrast_plain SCENARIO RULE ROUNDS
 *     contrast_plain list
 *
 * RULE is - for none; the list has all, and the preemptions that the lab needs.
 * In each round setup builds everything again, the actors start together, each
 * after a random delay, and finish checks the result.  Rounds run in a process
 * of their own.  If it dies, of a failed check, an assertion, a fault, a
 * sanitizer's report or a time limit, that round is counted, and another
 * process goes on with the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/inject.h"
#include "contrast.h"
#include "platform/lab_platform.h"
#include "scenarios.h"

#define PATIENCE_MS 5000 /* for one round */
#define POLL_MS 2
#define SPINS 2000  /* before a waiting thread yields */
#define DELAY 4096u /* turns of a loop, at most */

struct counts {
    uint64_t failed;
    uint64_t crashed;
    uint64_t hung;
    uint64_t reported;
};

struct run {
    const struct lab_scenario *scenario;
    const char *rule; /* or NULL */
    uint64_t rounds;
    _Atomic(uint64_t) *round; /* shared with the process that runs them */
};

static struct run run;
static atomic_ulong go;   /* rounds begun */
static atomic_ulong done; /* actors that ended, of all rounds */

/* The sanitizer reports by its exit status, and at once. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "halt_on_error=1:exitcode=66:report_signal_unsafe=0";
}

/* This file is not instrumented: the sanitizer must be told of its ordering. */
void __tsan_acquire(void *word) __attribute__((weak));
void __tsan_release(void *word) __attribute__((weak));

/* --- one process ----------------------------------------------------- */

static void wait_until(atomic_ulong *word, unsigned long least)
{
    unsigned spins = 0;

    while (atomic_load_explicit(word, memory_order_acquire) < least) {
        if (++spins % SPINS == 0)
            (void)sched_yield();
    }
    if (__tsan_acquire != NULL)
        __tsan_acquire(word);
}

static void advance(atomic_ulong *word)
{
    if (__tsan_release != NULL)
        __tsan_release(word);
    (void)atomic_fetch_add_explicit(word, 1, memory_order_acq_rel);
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static void delay(uint64_t seed)
{
    for (volatile unsigned turns = mix(seed) % DELAY; turns > 0;)
        turns = turns - 1;
}

static void *actor_main(void *argument)
{
    const struct lab_program *program = &run.scenario->program;
    unsigned number = (unsigned)(uintptr_t)argument;

    contrast_be((int)number + 1);
    for (unsigned long round = 1;; round++) {
        wait_until(&go, round);
        delay((*run.round + 1) * LAB_THREADS + number);
        program->actors[number].run(program->context);
        advance(&done);
    }
    return NULL;
}

static void start_actors(void)
{
    for (unsigned i = 0; i < run.scenario->program.actor_count; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, actor_main, (void *)(uintptr_t)i) !=
            0)
            _exit(1);
    }
}

/* In every other round, arms one of the failures that the scenario allows. */
static void arm(uint64_t round)
{
    uint64_t random = mix(round * 2 + 1);
    unsigned point = (unsigned)(random >> 8) % ZC_INJECT_POINT_COUNT;

    if (lab_inject_points == 0 || (random & 1) != 0)
        return;
    while ((lab_inject_points >> point & 1) == 0)
        point = (point + 1) % ZC_INJECT_POINT_COUNT;
    zc_inject_arm((enum zc_inject_point)point, (uint32_t)(random >> 16) % 4, 1);
}

static _Noreturn void run_rounds(void)
{
    const struct lab_program *program = &run.scenario->program;
    unsigned long begun = 0;

    start_actors();
    for (; *run.round < run.rounds; ++*run.round) {
        if (!run.scenario->break_rule(run.rule))
            _exit(1);
        program->setup(program->context);
        arm(*run.round);
        advance(&go);
        wait_until(&done, ++begun * program->actor_count);
        zc_inject_disarm();
        program->finish(program->context);
    }
    _exit(CONTRAST_DONE);
}

/* --- the parent ------------------------------------------------------ */

static void hide_stderr(void)
{
    int nowhere = open("/dev/null", O_WRONLY);

    if (getenv("CONTRAST_SHOW") == NULL && nowhere >= 0)
        (void)dup2(nowhere, STDERR_FILENO);
}

/* The status of a process, or -1: it had to be killed. */
static int wait_for(pid_t process)
{
    const struct timespec nap = {0, POLL_MS * 1000000L};
    uint64_t last = *run.round;
    unsigned quiet = 0;
    int status;

    for (;;) {
        pid_t ended = waitpid(process, &status, WNOHANG);

        if (ended == process)
            return status;
        if (ended < 0 && errno != EINTR)
            return -1;
        (void)nanosleep(&nap, NULL);
        quiet = *run.round == last ? quiet + POLL_MS : 0;
        last = *run.round;
        if (quiet < PATIENCE_MS)
            continue;
        (void)kill(process, SIGKILL);
        (void)waitpid(process, &status, 0);
        return -1;
    }
}

static bool run_process(struct counts *counts)
{
    pid_t process;
    int status;

    (void)fflush(NULL);
    process = fork();
    if (process < 0)
        return false;
    if (process == 0) {
        hide_stderr();
        run_rounds();
    }
    status = wait_for(process);
    if (status == 0)
        return true;
    if (status == -1)
        counts->hung++;
    else if (WIFSIGNALED(status))
        counts->crashed++;
    else if (WEXITSTATUS(status) == CONTRAST_FAILED)
        counts->failed++;
    else if (WEXITSTATUS(status) == CONTRAST_TSAN)
        counts->reported++;
    else
        return false;
    ++*run.round;
    return true;
}

static const struct lab_scenario *find(const char *name)
{
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        if (strcmp(lab_library_scenarios[i]->program.name, name) == 0)
            return lab_library_scenarios[i];
    }
    return NULL;
}

static int list(void)
{
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        const struct lab_scenario *scenario = lab_library_scenarios[i];

        (void)printf("%s - -\n", scenario->program.name);
        for (unsigned k = 0; scenario->rules[k] != NULL; k++)
            (void)printf("%s %s %u\n", scenario->program.name,
                         scenario->rules[k], scenario->least[k]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct counts counts = {0, 0, 0, 0};
    struct timespec begin;
    struct timespec end;

    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    if (argc == 4)
        run.scenario = find(argv[1]);
    if (run.scenario == NULL) {
        (void)fputs("usage: contrast list | SCENARIO RULE|- ROUNDS\n", stderr);
        return 2;
    }
    run.rule = strcmp(argv[2], "-") == 0 ? NULL : argv[2];
    run.rounds = strtoull(argv[3], NULL, 10);
    run.round = mmap(NULL, sizeof(*run.round), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run.round == MAP_FAILED || !run.scenario->break_rule(run.rule))
        return 2;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    while (*run.round < run.rounds) {
        if (!run_process(&counts))
            return 1;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    (void)printf("%s %s rounds=%" PRIu64 " failed=%" PRIu64 " crashed=%" PRIu64
                 " hung=%" PRIu64 " reported=%" PRIu64 " seconds=%.1f\n",
                 argv[1], argv[2], run.rounds, counts.failed, counts.crashed,
                 counts.hung, counts.reported,
                 (double)(end.tv_sec - begin.tv_sec) +
                     (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    return 0;
}
