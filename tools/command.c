/* SPDX-License-Identifier: MIT */
/*
 * command.c - a command of ours, which runs to be measured.
 *
 * We adopt its orphans (PR_SET_CHILD_SUBREAPER), so that every process that
 * came of it is below us in the tree of processes, and can be found there,
 * measured, and ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "system.h"

#define MILLISECOND UINT64_C(1000000) /* in nanoseconds */
#define POLL_MILLISECONDS 10

/* How long a command may take to end after SIGTERM, before SIGKILL. */
#define END_MILLISECONDS 5000

static void sleep_milliseconds(uint64_t milliseconds)
{
    struct timespec time = {
        .tv_sec = (time_t)(milliseconds / 1000),
        .tv_nsec = (long)(milliseconds % 1000 * MILLISECOND)};

    (void)nanosleep(&time, NULL);
}

/* In the child: becomes the command, or tells `report` why it cannot. */
static void become(char **words, int report)
{
    int error;

    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    execvp(words[0], words);
    error = errno;
    if (write(report, &error, sizeof(error)) < 0)
        _exit(126);
    _exit(127);
}

/* The child's errno, or 0 once it has become the command. */
static int await_exec(int report)
{
    int error = 0;
    ssize_t got;

    do {
        got = read(report, &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(error) ? error : 0;
}

static bool start(struct command *command)
{
    int report[2];
    pid_t pid;
    int error;

    if (pipe(report) != 0) {
        message_error("cannot make a pipe: %s", strerror(errno));
        return false;
    }
    (void)fcntl(report[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(report[1], F_SETFD, FD_CLOEXEC);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0)
        become(command->words, report[1]);
    error = pid < 0 ? errno : 0;
    (void)close(report[1]);
    if (error == 0)
        error = await_exec(report[0]);
    (void)close(report[0]);
    if (error != 0) {
        message_error("cannot run %s: %s", command->words[0], strerror(error));
        if (pid > 0)
            (void)waitpid(pid, NULL, 0);
        return false;
    }
    command->pid = (long)pid;
    command->running = true;
    return true;
}

/*
 * Takes note of every child that ended.  How the command itself did goes to
 * *status_out; false where no child is left.
 */
static bool reap(struct command *command, int *status_out)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if ((long)pid == command->pid) {
            command->running = false;
            *status_out = status;
        }
    }
    return pid == 0;
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

        (void)reap(command, &status);
        if (!command->running) {
            explain_early_end(command, status, began, milliseconds);
            command_stop(command);
            return false;
        }
        if (passed >= milliseconds)
            return true;
        passed = milliseconds - passed;
        sleep_milliseconds(passed < POLL_MILLISECONDS ? passed
                                                      : POLL_MILLISECONDS);
    }
}

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

/* Whether one of `among` has this number. */
static bool has_pid(const struct pid_list *among, long pid)
{
    for (size_t i = 0; i < among->count; i++) {
        if (among->pids[i] == pid)
            return true;
    }
    return false;
}

bool command_list(const struct command *command, struct pid_list *list)
{
    struct pid_list all = {0};
    long *parents;
    size_t before;

    (void)command;
    if (!system_list_all(&all))
        return false;
    parents = memory_allocate(all.count, sizeof(*parents));
    for (size_t i = 0; i < all.count; i++)
        parents[i] = parent_of(all.pids[i]);
    /* Generation by generation, until one has no children. */
    do {
        before = list->count;
        for (size_t i = 0; i < all.count; i++) {
            bool ours = parents[i] == (long)getpid() ||
                        has_pid(list, parents[i]);

            if (ours && !has_pid(list, all.pids[i]))
                pid_list_add(list, all.pids[i]);
        }
    } while (list->count != before);
    free(parents);
    pid_list_free(&all);
    return true;
}

/* Sends a signal to everything that came of the command. */
static size_t signal_all(const struct command *command, int signal_number)
{
    struct pid_list list = {0};
    size_t count;

    (void)command_list(command, &list);
    for (size_t i = 0; i < list.count; i++)
        (void)kill((pid_t)list.pids[i], signal_number);
    count = list.count;
    pid_list_free(&list);
    return count;
}

/* Waits for the end of everything that came of the command. */
static bool await_end(struct command *command, uint64_t milliseconds)
{
    uint64_t began = clock_nanoseconds();
    int status;

    while (reap(command, &status)) {
        if ((clock_nanoseconds() - began) / MILLISECOND > milliseconds)
            return false;
        sleep_milliseconds(POLL_MILLISECONDS);
    }
    return true;
}

void command_stop(struct command *command)
{
    const char *name = command->words[0];
    int status = 0;
    size_t count;

    if (!reap(command, &status))
        return;
    count = signal_all(command, SIGTERM);
    message_note("%s: ended by SIGTERM, %zu %s", name, count,
                 count == 1 ? "process" : "processes");
    if (await_end(command, END_MILLISECONDS))
        return;
    count = signal_all(command, SIGKILL);
    message_note("%s: killed %zu %s that did not end within %d s", name, count,
                 count == 1 ? "process" : "processes", END_MILLISECONDS / 1000);
    if (!await_end(command, END_MILLISECONDS))
        message_note("%s: still there after SIGKILL", name);
}
