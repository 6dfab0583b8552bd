/* SPDX-License-Identifier: MIT */
/*
 * reference.c - runs executions again, each in a new process.
 *
 * The keeper is a process forked before the first execution, so it is as the
 * program was then.  It runs no execution: for each one it forks a child.  Both
 * talk by a socket, and share the schedule and what came of it.
 */
#include "reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutant.h"
#include "search_state.h"
#include "worker.h"

#define SECONDS 10 /* for an execution, which takes less than one */
#define FILES 256  /* the numbers looked at */

/* How an execution went. */
struct ending {
    uint64_t hash;
    enum lab_outcome outcome;
    char what[64];
};

struct shared {
    bool is_waiting; /* `schedule` was not compared */
    uint64_t execution;
    uint64_t compared; /* the last execution that was, from 1; 0: none */
    unsigned questions;
    unsigned files;  /* open before the first execution */
    bool more_files; /* open after one */
    struct ending here;
    struct ending there; /* in the new process */
    struct lab_schedule schedule;
};

static struct shared *shared;
static int keeper_socket;
static pid_t keeper;

/* --- the keeper ------------------------------------------------------ */

static unsigned count_files(void)
{
    unsigned count = 0;

    for (int file = 0; file < FILES; file++)
        count += fcntl(file, F_GETFD) != -1;
    return count;
}

static struct ending ending_of_run(void)
{
    struct ending ending = {.hash = lab_run.event_hash,
                            .outcome = lab_run.outcome};

    (void)snprintf(ending.what, sizeof(ending.what), "%s",
                   lab_run.what == NULL ? "" : lab_run.what);
    return ending;
}

static void run_in_child(const struct lab_search *search)
{
    struct lab_order order = {
        .program = search->program,
        .strategy = &lab_plain,
        .threads = search->options.threads,
        .script = shared->schedule.count,
        .schedule = &shared->schedule,
    };

    (void)alarm(SECONDS);
    lab_watch_steps(NULL,
                    getppid()); /* an endless loop ends as in the search */
    lab_search = NULL;          /* what is met was met before */
    lab_execute(&order);
    shared->there = ending_of_run();
    shared->more_files = count_files() > shared->files;
    _exit(0);
}

static void keep(const struct lab_search *search, int socket)
{
    char word;

    shared->files = count_files();
    while (recv(socket, &word, 1, 0) == 1) {
        pid_t child = fork();

        if (child == 0)
            run_in_child(search);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
        (void)send(socket, &word, 1, MSG_NOSIGNAL);
    }
    _exit(0);
}

bool lab_reference_open(const struct lab_search *search)
{
    int ends[2];

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        shared = NULL;
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        lab_reference_close(NULL);
        return false;
    }
    (void)fflush(NULL);
    keeper = fork();
    if (keeper == 0) {
        (void)close(ends[0]);
        keep(search, ends[1]);
    }
    (void)close(ends[1]);
    keeper_socket = ends[0];
    return keeper > 0;
}

/* --- the search ------------------------------------------------------ */

static bool ask(void)
{
    char question = (char)shared->questions++;
    char answer;

    memset(&shared->there, 0, sizeof(shared->there));
    shared->there.outcome = LAB_CRASHED;
    if (send(keeper_socket, &question, 1, MSG_NOSIGNAL) != 1)
        return false;
    do { /* past an answer that a worker did not live to read */
        if (recv(keeper_socket, &answer, 1, 0) != 1)
            return false;
    } while (answer != question);
    return true;
}

static const char *name_of(const struct ending *ending)
{
    if (ending->outcome == LAB_COMPLETE_RUN)
        return "ends without a failure";
    return ending->outcome == LAB_CRASHED ? "crashes or hangs" : ending->what;
}

static void note_difference(struct lab_search *search)
{
    const struct lab_program *program = search->program;
    const char *left = NULL;

    search->result.unpredictable = true;
    if (program->left != NULL)
        left = program->left();
    (void)snprintf(search->result.difference, sizeof(search->result.difference),
                   "execution %llu: %s; in a new process the same schedule: "
                   "%s%s; %s",
                   (unsigned long long)shared->execution,
                   name_of(&shared->here), name_of(&shared->there),
                   shared->here.outcome == shared->there.outcome
                       ? " after other steps"
                       : "",
                   left == NULL ? "an execution finds what an earlier one left"
                                  " outside the memory that is restored"
                                : left);
}

static bool compare(struct lab_search *search)
{
    shared->is_waiting = false;
    shared->compared = shared->execution;
    if (keeper <= 0 || !ask())
        return true;
    if (shared->more_files)
        search->result.met.kinds[LAB_MET_FILE].count++;
    if (LAB_MUTANT(REFERENCE_AGREES) ||
        (shared->here.hash == shared->there.hash &&
         shared->here.outcome == shared->there.outcome &&
         strcmp(shared->here.what, shared->there.what) == 0))
        return true;
    note_difference(search);
    return false;
}

bool lab_reference_compare(struct lab_search *search)
{
    const struct lab_schedule *schedule = &search->schedule;

    if (shared == NULL || lab_run.outcome == LAB_BLOCKED || lab_run.unrecorded)
        return true;
    shared->execution = search->result.executions;
    shared->here = ending_of_run();
    shared->is_waiting = true;
    shared->schedule.count = schedule->count;
    memcpy(shared->schedule.decisions, schedule->decisions, schedule->count);
    if (shared->compared != 0 &&
        shared->execution < shared->compared + LAB_REFERENCE_EVERY)
        return true;
    return compare(search);
}

void lab_reference_compare_last(struct lab_search *search)
{
    if (shared != NULL && shared->is_waiting && !search->result.unpredictable)
        (void)compare(search);
}

void lab_reference_close(struct lab_search *search)
{
    if (shared == NULL)
        return;
    lab_reference_compare_last(search);
    if (keeper > 0) {
        (void)close(keeper_socket);
        while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    keeper = 0;
    (void)munmap(shared, sizeof(*shared));
    shared = NULL;
}
