/* SPDX-License-Identifier: MIT */
/* ending.c - see ending.h. */
#include "common/ending.h"

#include <assert.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* The signals that end the program, and SIGXFSZ: a file is too large. */
static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGTERM,
                              SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGABRT,
                              SIGBUS,  SIGFPE,  SIGILL,  SIGSEGV, SIGXFSZ};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

#define UNDOS_MOST 2
#define WAIT_MILLISECONDS 2000

static ending_undo *undos[UNDOS_MOST]; /* [signals blocked] */
static pid_t owner;                    /* only this process undoes */
static struct sigaction before[SIGNALS];
static atomic_flag undoing = ATOMIC_FLAG_INIT;

static bool is_empty(void)
{
    for (size_t i = 0; i < UNDOS_MOST; i++) {
        if (undos[i] != NULL)
            return false;
    }
    return true;
}

/* Once.  A second thread, with a second signal, lets the first one finish. */
static void undo_all(void)
{
    if (is_empty() || getpid() != owner)
        return;
    if (atomic_flag_test_and_set(&undoing)) {
        (void)poll(NULL, 0, WAIT_MILLISECONDS);
        return;
    }
    for (size_t i = 0; i < UNDOS_MOST; i++) {
        if (undos[i] != NULL)
            undos[i]();
    }
}

static void undo_and_end(int number)
{
    undo_all();
    (void)raise(number); /* takes effect when the handler returns */
}

static void go_on(int number)
{
    (void)number; /* the write fails with EFBIG */
}

static void fill(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaddset(set, signals[i]);
}

void ending_block(sigset_t *old_out)
{
    sigset_t set;

    fill(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, old_out);
}

void ending_unblock(const sigset_t *old)
{
    (void)pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* An ignored signal stays ignored (nohup). */
static void catch_signals(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_handler = undo_and_end,
                                   .sa_flags = (int)SA_RESETHAND};

        fill(&action.sa_mask);
        if (signals[i] == SIGXFSZ)
            action = (struct sigaction){.sa_handler = go_on};
        (void)sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
    }
}

void ending_add(ending_undo *undo)
{
    static bool registered;
    size_t i = 0;

    /* For the exit without memory, anywhere in the program. */
    if (!registered)
        registered = atexit(undo_all) == 0;
    owner = getpid();
    if (is_empty())
        catch_signals();
    while (i < UNDOS_MOST && undos[i] != NULL)
        i++;
    assert(i < UNDOS_MOST);
    undos[i] = undo;
}

void ending_remove(ending_undo *undo)
{
    sigset_t old;

    ending_block(&old);
    for (size_t i = 0; i < UNDOS_MOST; i++) {
        if (undos[i] == undo)
            undos[i] = NULL;
    }
    if (is_empty()) {
        for (size_t i = 0; i < SIGNALS; i++)
            (void)sigaction(signals[i], &before[i], NULL);
    }
    ending_unblock(&old);
}
