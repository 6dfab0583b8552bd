/* SPDX-License-Identifier: MIT */
/*
 * sweep.c - every combination of the values of lists, each in a process of
 * its own, so that one that is killed takes no other with it.
 *
 * All combinations are read and checked before the first one runs.  A process
 * gives its numbers back through a pipe, which they fit; results are shown in
 * the order of the grid.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/system.h"
#include "sim/sweep.h"

/* Any pipe holds so much, so that no process waits until it is read. */
_Static_assert(sizeof(struct sim_result) <= 4096, "a result fits a pipe");

static bool write_all(int descriptor, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size != 0) {
        ssize_t done = write(descriptor, at, size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        size -= (size_t)done;
    }
    return true;
}

static bool read_all(int descriptor, void *bytes, size_t size)
{
    char *at = bytes;

    while (size != 0) {
        ssize_t done = read(descriptor, at, size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        size -= (size_t)done;
    }
    return true;
}

/* In the process of a point.  What it exits with is an enum tool_exit. */
static int run_point(const struct sim_grid *grid, struct sim_point *point,
                     int descriptor)
{
    struct sim_request request = {.config = &point->config,
                                  .corpus = &grid->corpus,
                                  .trace = &grid->trace,
                                  .quiet = true};
    bool good = sim_run(&request, &point->result) &&
                write_all(descriptor, &point->result, sizeof(point->result));

    return good ? TOOL_FINE : TOOL_ERROR;
}

static bool start_point(struct sim_grid *grid, struct sim_point *point)
{
    const long parent = (long)getpid();
    int ends[2];

    if (!sim_grid_load(grid, &point->config))
        return false;
    if (pipe(ends) != 0) {
        message_error("cannot make a pipe: %s", strerror(errno));
        return false;
    }
    (void)fflush(NULL);
    point->pid = fork();
    if (point->pid == 0) {
        system_end_with(parent);
        (void)close(ends[0]);
        _exit(run_point(grid, point, ends[1]));
    }
    (void)close(ends[1]);
    if (point->pid < 0) {
        message_error("cannot start a process: %s", strerror(errno));
        (void)close(ends[0]);
        return false;
    }
    point->pipe = ends[0];
    return true;
}

static struct sim_point *find_point(const struct sim_grid *grid, pid_t pid)
{
    for (size_t i = 0; i < grid->count; i++) {
        if (grid->points[i].pid == pid && !grid->points[i].done)
            return &grid->points[i];
    }
    return NULL;
}

/* Those that run end early, and take their files with them. */
static void stop_points(struct sim_grid *grid)
{
    if (grid->stopping)
        return; /* a second signal would leave files */
    grid->stopping = true;
    for (size_t i = 0; i < grid->count; i++) {
        if (grid->points[i].pid > 0 && !grid->points[i].done)
            (void)kill(grid->points[i].pid, SIGTERM);
    }
}

/* Waits for a process of ours; false, and an error shown, if it failed. */
static bool end_point(struct sim_grid *grid)
{
    struct sim_point *point;
    int status;
    bool good;
    pid_t pid;

    do {
        pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno != EINTR)
            return false;
        if (pid < 0 && sim_run_stopped())
            stop_points(grid);
        point = pid < 0 ? NULL : find_point(grid, pid);
    } while (point == NULL);
    point->done = true;
    good = status == 0 &&
           read_all(point->pipe, &point->result, sizeof(point->result));
    (void)close(point->pipe);
    if (!good && WIFSIGNALED(status))
        message_error("run %zu of %zu was ended by signal %d",
                      (size_t)(point - grid->points) + 1, grid->count,
                      WTERMSIG(status));
    else if (!good)
        message_error("run %zu of %zu did not succeed",
                      (size_t)(point - grid->points) + 1, grid->count);
    return good;
}

/* So many runs at a time that their threads have a processor each. */
static uint64_t jobs_of(const struct sim_grid *grid)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t threads = 1;

    if (grid->options->jobs != 0)
        return grid->options->jobs;
    for (size_t i = 0; i < grid->count; i++) {
        uint64_t own = sim_number(&grid->points[i].config, SIM_THREADS);

        if (own > threads)
            threads = own;
    }
    if (processors < 1 || (uint64_t)processors < threads)
        return 1;
    return (uint64_t)processors / threads;
}

static bool run_all(struct sim_grid *grid)
{
    const uint64_t jobs = jobs_of(grid);
    size_t started = 0;
    size_t ended = 0;
    bool good = true;

    progress_begin(&grid->progress, grid->options->quiet, 0, grid->count);
    progress_stage(&grid->progress, "", "", "runs");
    while (ended < started || (good && started < grid->count)) {
        if (good && sim_run_stopped()) {
            message_error("stopped after %zu of %zu runs", ended, grid->count);
            stop_points(grid);
            good = false;
            continue;
        }
        if (good && started < grid->count && started - ended < jobs) {
            good = start_point(grid, &grid->points[started]);
            started += good ? 1 : 0;
            continue;
        }
        if (!end_point(grid))
            good = false;
        ended++;
        progress_show(&grid->progress, ended, grid->count, ended, "runs");
    }
    progress_end(&grid->progress);
    return good;
}

int sim_sweep(const struct sim_options *options)
{
    struct sim_grid *grid = memory_allocate(1, sizeof(*grid));
    int result = TOOL_ERROR;

    if (sim_grid_make(grid, options)) {
        if (options->print) {
            sim_grid_print(grid);
            result = message_finish_output() ? TOOL_FINE : TOOL_ERROR;
        } else if (sim_grid_check(grid) && run_all(grid)) {
            result = sim_grid_show(grid);
        }
    }
    sim_grid_free(grid);
    free(grid);
    return result;
}
