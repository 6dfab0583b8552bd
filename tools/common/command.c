/* SPDX-License-Identifier: MIT */
/*
 * command.c - a command that the program starts in order to measure it.
 *
 * Between the program and the command is a guard process.  The guard adopts
 * orphans (PR_SET_CHILD_SUBREAPER), so that every process that descends from
 * the command is below the guard in the process tree, where it is found,
 * measured and ended.  The guard ends them on request, and also when the
 * program ends for any reason (PR_SET_PDEATHSIG): no signal to the program
 * leaves a process of the command behind.
 *
 * The guard writes two numbers to a pipe: the errno of the exec (0: the command
 * runs), and later the exit status of the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/progress.h"
#include "common/system.h"

#define MILLISECOND UINT64_C(1000000) /* in nanoseconds */
#define POLL_MILLISECONDS 10

/* How long a command may take to end after SIGTERM, before SIGKILL. */
#define END_MILLISECONDS 5000

/* ---- the pipe ---- */

static bool make_pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return false;
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return true;
}

/* False at the end of the pipe. */
static bool read_number(int end, int *number_out)
{
    int number;
    ssize_t got;

    do {
        got = read(end, &number, sizeof(number));
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(number))
        return false;
    *number_out = number;
    return true;
}

/* The program may have ended meanwhile, so a failed write is no error. */
static void tell(int end, int number)
{
    if (write(end, &number, sizeof(number)) < 0)
        return;
}

/* ---- the descendants of the command ---- */

/* The parent of a process by /proc/PID/stat, or 0. */
static long parent_of(long pid)
{
    struct text path = {0};
    struct text text = {0};
    const char *end;
    long parent = 0;

    text_print(&path, "/proc/%ld/stat", pid);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0) {
        /* "7 (sh) S 1 ...": the name may itself have blanks and brackets. */
        end = strrchr(text.bytes, ')');
        if (end != NULL && strlen(end) > 4)
            parent = strtol(end + 4, NULL, 10);
    }
    text_free(&path);
    text_free(&text);
    return parent;
}

/* Does one of `among` have this number? */
static bool has_pid(const struct pid_list *among, long pid)
{
    for (size_t i = 0; i < among->count; i++) {
        if (among->pids[i] == pid)
            return true;
    }
    return false;
}

/* Every process below this one; false, and an error shown. */
static bool list_below(long root, struct pid_list *list)
{
    struct pid_list all = {0};
    long *parents;
    size_t before;

    if (!system_list_all(&all))
        return false;
    parents = memory_allocate(all.count, sizeof(*parents));
    for (size_t i = 0; i < all.count; i++)
        parents[i] = parent_of(all.pids[i]);
    /* One generation after another, until one has no children. */
    do {
        before = list->count;
        for (size_t i = 0; i < all.count; i++) {
            bool ours = parents[i] == root || has_pid(list, parents[i]);

            if (ours && !has_pid(list, all.pids[i]))
                pid_list_add(list, all.pids[i]);
        }
    } while (list->count != before);
    free(parents);
    pid_list_free(&all);
    return true;
}

/* ---- the guard ---- */

/* The state of the guard. */
struct guard {
    const char *name;
    pid_t pid;  /* of the command */
    int report; /* the pipe to the program */
};

/* Reaps every child that has ended; false if no child is left. */
static bool reap(const struct guard *guard)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == guard->pid)
            tell(guard->report, status);
    }
    return pid == 0;
}

/* Sends a signal to every descendant of the command. */
static size_t signal_all(int signal_number)
{
    struct pid_list list = {0};
    size_t count;

    (void)list_below((long)getpid(), &list);
    for (size_t i = 0; i < list.count; i++)
        (void)kill((pid_t)list.pids[i], signal_number);
    count = list.count;
    pid_list_free(&list);
    return count;
}

static void sleep_milliseconds(uint64_t milliseconds)
{
    struct timespec time = {
        .tv_sec = (time_t)(milliseconds / 1000),
        .tv_nsec = (long)(milliseconds % 1000 * MILLISECOND)};

    (void)nanosleep(&time, NULL);
}

/* Waits for the end of every descendant of the command. */
static bool await_end(const struct guard *guard, uint64_t milliseconds)
{
    uint64_t began = clock_nanoseconds();

    while (reap(guard)) {
        if ((clock_nanoseconds() - began) / MILLISECOND > milliseconds)
            return false;
        sleep_milliseconds(POLL_MILLISECONDS);
    }
    return true;
}

static void end_all(const struct guard *guard)
{
    size_t count;

    if (!reap(guard))
        return;
    count = signal_all(SIGTERM);
    message_note("%s: ended by SIGTERM, %zu %s", guard->name, count,
                 count == 1 ? "process" : "processes");
    if (await_end(guard, END_MILLISECONDS))
        return;
    count = signal_all(SIGKILL);
    message_note("%s: killed %zu %s that did not end within %d s", guard->name,
                 count, count == 1 ? "process" : "processes",
                 END_MILLISECONDS / 1000);
    if (!await_end(guard, END_MILLISECONDS))
        message_note("%s: still there after SIGKILL", guard->name);
}

/* In the child: executes the command, or writes the errno to `report`. */
static void become(char **words, int report, const sigset_t *mask)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(words[0], words);
    tell(report, errno);
    _exit(127);
}

/* Starts the command; 0 or errno. */
static int start_guarded(struct guard *guard, char **words,
                         const sigset_t *mask)
{
    int ends[2];
    int error = 0;

    if (!make_pipe(ends))
        return errno;
    guard->pid = fork();
    if (guard->pid == 0)
        become(words, ends[1], mask);
    if (guard->pid < 0)
        error = errno;
    (void)close(ends[1]);
    if (error == 0)
        (void)read_number(ends[0], &error); /* the end of the pipe: it runs */
    (void)close(ends[0]);
    if (error != 0 && guard->pid > 0)
        (void)waitpid(guard->pid, NULL, 0);
    return error;
}

/* The guard.  Every signal is blocked; `mask` was in force before. */
static void run_guard(char **words, int report, pid_t parent,
                      const sigset_t *mask)
{
    struct guard guard = {.name = words[0], .report = report};
    sigset_t awaited;
    int error;

    (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for results */
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigemptyset(&awaited);
    (void)sigaddset(&awaited, SIGCHLD);
    (void)sigaddset(&awaited, SIGTERM);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0); /* the parent ended before the call */
    error = start_guarded(&guard, words, mask);
    tell(report, error);
    while (reap(&guard)) {
        if (sigwaitinfo(&awaited, NULL) == SIGTERM) {
            end_all(&guard);
            break;
        }
    }
    _exit(0);
}

/* ---- the command ---- */

static bool start(struct command *command)
{
    const pid_t us = getpid();
    int report[2];
    sigset_t all;
    sigset_t mask;
    pid_t pid;
    int error;

    if (!make_pipe(report)) {
        message_error("cannot make a pipe: %s", strerror(errno));
        return false;
    }
    (void)fflush(NULL);
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &mask);
    pid = fork();
    if (pid == 0)
        run_guard(command->words, report[1], us, &mask);
    error = pid < 0 ? errno : 0;
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    (void)close(report[1]);
    command->report = report[0];
    command->guard = (long)pid;
    if (pid > 0 && !read_number(report[0], &error))
        error = ECHILD;
    if (error == 0)
        return true;
    message_error("cannot run %s: %s", command->words[0], strerror(error));
    command_stop(command);
    return false;
}

static void explain_early_end(const struct command *command, int status,
                              uint64_t began, uint64_t milliseconds)
{
    double seconds = (double)(clock_nanoseconds() - began) / 1e9;
    bool killed = WIFSIGNALED(status);

    message_error("command %s ended by itself after %.1f s (%s %d), and was "
                  "to be sampled after %.1f s; use a smaller --after, or a "
                  "command that runs longer",
                  command->words[0], seconds, killed ? "signal" : "exit status",
                  killed ? WTERMSIG(status) : WEXITSTATUS(status),
                  (double)milliseconds / 1e3);
}

bool command_start(struct command *command, char **words, uint64_t milliseconds)
{
    uint64_t began = clock_nanoseconds();
    int status = 0;

    *command = (struct command){.words = words};
    if (!start(command))
        return false;
    for (;;) {
        uint64_t passed = (clock_nanoseconds() - began) / MILLISECOND;
        struct pollfd ready = {.fd = command->report, .events = POLLIN};

        if (passed >= milliseconds)
            return true;
        if (poll(&ready, 1, (int)(milliseconds - passed)) <= 0)
            continue; /* the time is over, or a signal arrived */
        (void)read_number(command->report, &status);
        explain_early_end(command, status, began, milliseconds);
        command_stop(command);
        return false;
    }
}

bool command_list(const struct command *command, struct pid_list *list)
{
    return list_below(command->guard, list);
}

void command_stop(struct command *command)
{
    if (command->guard <= 0)
        return;
    (void)kill((pid_t)command->guard, SIGTERM);
    while (waitpid((pid_t)command->guard, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)close(command->report);
    command->guard = 0;
}
