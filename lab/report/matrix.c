/* SPDX-License-Identifier: MIT */
/*
 * matrix.c - the cells of the matrix, and the processes that explore them.
 *
 * Each cell is explored by a process of its own, up to `jobs` at a time, and
 * its result lies in memory that all share.  Every scenario runs first with all
 * rules in force: that shows which rules its code evaluates.  Then it runs with
 * each of those broken.  The order in which processes end does not change the
 * results.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#endif

#include "matrix.h"
#include "engine/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS 64u
#define SHOW_NANOSECONDS 200000000L

struct worker {
    pid_t process; /* 0: none */
    unsigned scenario;
    unsigned rule;
    double began;
};

struct pool {
    struct lab_matrix *matrix;
    struct worker workers[JOBS];
    unsigned jobs;
    unsigned busy;
    unsigned planned;
    unsigned done;
    uint64_t executions; /* of finished cells */
    double began;
    double shown;
};

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct lab_cell *lab_matrix_cell(const struct lab_matrix *matrix,
                                 unsigned scenario, unsigned rule)
{
    return &matrix->cells[(size_t)scenario * (matrix->rules + 1) + rule];
}

unsigned lab_matrix_rule(const struct lab_matrix *matrix, const char *name)
{
    unsigned rule = 0;

    while (rule < matrix->rules &&
           strcmp(matrix->plan->rules->identifier(rule), name) != 0)
        rule++;
    return rule;
}

static size_t size_of(const struct lab_matrix *matrix)
{
    return (size_t)matrix->scenarios * (matrix->rules + 1) *
           sizeof(struct lab_cell);
}

/* --- progress -------------------------------------------------------- */

static void show(struct pool *pool)
{
    const struct lab_matrix *matrix = pool->matrix;
    uint64_t executions = pool->executions;
    double time = now();
    int column;

    if (!matrix->plan->show_progress ||
        time - pool->shown < (double)SHOW_NANOSECONDS / 1e9)
        return;
    pool->shown = time;
    for (unsigned i = 0; i < pool->jobs; i++) {
        const struct worker *worker = &pool->workers[i];

        if (worker->process != 0)
            executions +=
                lab_matrix_cell(matrix, worker->scenario, worker->rule)
                    ->running;
    }
    column = fprintf(stderr, "\r%u of %u cells, %.0f schedules/s:", pool->done,
                     pool->planned, (double)executions / (time - pool->began));
    for (unsigned i = 0; i < pool->jobs && column < 60; i++) {
        const struct worker *worker = &pool->workers[i];

        if (worker->process != 0)
            column += fprintf(
                stderr, " %s",
                matrix->plan->scenarios[worker->scenario]->program.name);
    }
    (void)fprintf(stderr, "%*s", column < 78 ? 78 - column : 0, "");
    (void)fflush(stderr);
}

/* --- workers --------------------------------------------------------- */

static void finish(struct pool *pool, struct worker *worker, int status)
{
    struct lab_cell *cell =
        lab_matrix_cell(pool->matrix, worker->scenario, worker->rule);

    /* Explored code may call exit(0). */
    cell->state = status == 0 && cell->ended ? LAB_CELL_DONE : LAB_CELL_DIED;
    cell->wait_status = status;
    cell->seconds = now() - worker->began;
    pool->executions += cell->executions;
    worker->process = 0;
    pool->busy--;
    pool->done++;
}

/* Waits until one of the workers has ended. */
static void reap(struct pool *pool)
{
    const struct timespec nap = {0, 2000000};
    int status;
    pid_t process;

    for (;;) {
        process = waitpid(-1, &status, WNOHANG);
        for (unsigned i = 0; process > 0 && i < pool->jobs; i++) {
            if (pool->workers[i].process == process) {
                finish(pool, &pool->workers[i], status);
                return;
            }
        }
        if (process < 0 && errno != EINTR)
            return;
        show(pool);
        (void)nanosleep(&nap, NULL);
    }
}

static bool start(struct pool *pool, unsigned scenario, unsigned rule)
{
    struct worker *worker = pool->workers;
    const pid_t parent = getpid();
    pid_t process;

    while (pool->busy == pool->jobs)
        reap(pool);
    while (worker->process != 0)
        worker++;
    worker->scenario = scenario;
    worker->rule = rule;
    worker->began = now();
    (void)fflush(NULL);
    process = fork();
    if (process < 0)
        return false;
    if (process == 0) {
        lab_watch_steps(NULL, parent);
        lab_cell_explore(pool->matrix, scenario, rule);
        lab_matrix_cell(pool->matrix, scenario, rule)->ended = true;
        _exit(0);
    }
    lab_matrix_cell(pool->matrix, scenario, rule)->state = LAB_CELL_RUNS;
    worker->process = process;
    pool->busy++;
    return true;
}

static void drain(struct pool *pool)
{
    while (pool->busy != 0)
        reap(pool);
}

/* --- the whole ------------------------------------------------------- */

/* Programs of three threads take longest, so they start first: none of them
 * runs alone at the end. */
static bool start_wholes(struct pool *pool, bool bounded)
{
    const struct lab_matrix *matrix = pool->matrix;

    for (unsigned i = 0; i < matrix->scenarios; i++) {
        bool has_bound = matrix->plan->scenarios[i]->bound != LAB_NO_BOUND;

        if (has_bound == bounded && !start(pool, i, matrix->rules))
            return false;
    }
    return true;
}

static bool start_broken(struct pool *pool)
{
    const struct lab_matrix *matrix = pool->matrix;

    for (unsigned i = 0; i < matrix->scenarios; i++) {
        for (unsigned rule = 0; rule < matrix->rules; rule++)
            pool->planned += lab_matrix_cell(matrix, i, rule)->asked;
    }
    for (unsigned i = 0; i < matrix->scenarios; i++) {
        for (unsigned rule = 0; rule < matrix->rules; rule++) {
            if (lab_matrix_cell(matrix, i, rule)->asked &&
                !start(pool, i, rule))
                return false;
        }
    }
    return true;
}

static bool run(struct pool *pool)
{
    bool fine;

    pool->planned = pool->matrix->scenarios;
    fine = start_wholes(pool, true) && start_wholes(pool, false);
    drain(pool);
    fine = fine && start_broken(pool);
    drain(pool);
    if (pool->matrix->plan->show_progress)
        (void)fprintf(stderr, "\r%78s\r", "");
    return fine;
}

bool lab_matrix_run(struct lab_matrix *matrix,
                    const struct lab_matrix_plan *plan)
{
    static struct pool pool;
    bool fine;

    memset(matrix, 0, sizeof(*matrix));
    memset(&pool, 0, sizeof(pool));
    matrix->plan = plan;
    while (plan->scenarios[matrix->scenarios] != NULL)
        matrix->scenarios++;
    while (plan->rules->identifier(matrix->rules) != NULL)
        matrix->rules++;
    if (matrix->scenarios == 0) {
        (void)fprintf(stderr, "%s: no scenarios in this build\n",
                      lab_program_name);
        return false;
    }
    matrix->cells = mmap(NULL, size_of(matrix), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (matrix->cells == MAP_FAILED) {
        (void)fprintf(stderr, "%s: no memory for the matrix\n",
                      lab_program_name);
        return false;
    }
    pool.matrix = matrix;
    pool.jobs = plan->jobs == 0 ? 1 : plan->jobs < JOBS ? plan->jobs : JOBS;
    pool.began = now();
    fine = run(&pool);
    if (!fine)
        (void)fprintf(stderr, "%s: no worker process: %s\n", lab_program_name,
                      strerror(errno));
    matrix->seconds = now() - pool.began;
    return fine;
}

void lab_matrix_free(struct lab_matrix *matrix)
{
    if (matrix->cells != NULL && matrix->cells != MAP_FAILED)
        (void)munmap(matrix->cells, size_of(matrix));
    matrix->cells = NULL;
}
