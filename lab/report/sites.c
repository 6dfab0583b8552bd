/* SPDX-License-Identifier: MIT */
/*
 * sites.c - the processes that switch sites off, one each, up to `jobs` at a
 * time.  Their results lie in memory that all share.
 */
#include "sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/search.h"
#include "engine/worker.h"

#define JOBS 64u

struct pool {
    struct lab_site_table *table;
    struct {
        pid_t process; /* 0: none */
        unsigned row;
    } workers[JOBS];
    unsigned jobs;
    unsigned busy;
    unsigned done;
};

bool lab_site_is_chosen(const struct lab_site_table *table,
                        const struct lab_site_row *row)
{
    const char *only = table->plan->only;

    return only == NULL || strstr(row->name, only) != NULL ||
           strstr(row->where, only) != NULL;
}

static void show(const struct pool *pool)
{
    if (!pool->table->plan->show_progress)
        return;
    (void)fprintf(stderr, "\r%u of %u sites   ", pool->done,
                  pool->table->chosen);
    (void)fflush(stderr);
}

static bool start(struct pool *pool, unsigned row);

/* A crash in an execution ends the process, unless each search has its own. */
static bool start_again(struct pool *pool, unsigned index)
{
    struct lab_site_row *row = &pool->table->rows[index];

    if (row->has_died) {
        row->state = LAB_SITE_DIED;
        return true;
    }
    row->has_died = true;
    row->what[0] = '\0';
    row->executions = 0;
    return start(pool, index);
}

static bool reap(struct pool *pool)
{
    bool fine = true;
    int status = 0;
    pid_t process;

    do
        process = waitpid(-1, &status, 0);
    while (process < 0 && errno == EINTR);
    for (unsigned i = 0; i < pool->jobs && process > 0; i++) {
        if (pool->workers[i].process != process)
            continue;
        pool->workers[i].process = 0;
        pool->busy--;
        if (status == 0 || pool->table->rows[pool->workers[i].row].has_died)
            pool->done++;
        if (status != 0)
            fine = start_again(pool, pool->workers[i].row);
        break;
    }
    show(pool);
    return process > 0 && fine;
}

static bool start(struct pool *pool, unsigned row)
{
    const pid_t parent = getpid();
    unsigned i = 0;
    pid_t process;

    while (pool->busy == pool->jobs && reap(pool))
        continue;
    while (i < pool->jobs && pool->workers[i].process != 0)
        i++;
    if (i == pool->jobs)
        return false;
    (void)fflush(NULL);
    process = fork();
    if (process < 0)
        return false;
    if (process == 0) {
        lab_watch_steps(NULL, parent);
        lab_site_kill(pool->table, &pool->table->rows[row]);
        _exit(0);
    }
    pool->workers[i].process = process;
    pool->workers[i].row = row;
    pool->busy++;
    return true;
}

static bool run(struct lab_site_table *table)
{
    struct pool pool = {.table = table};
    bool fine = true;

    pool.jobs = table->plan->jobs < JOBS ? table->plan->jobs : JOBS;
    for (unsigned i = 0; i < table->count; i++)
        table->chosen += lab_site_is_chosen(table, &table->rows[i]);
    show(&pool);
    for (unsigned i = 0; i < table->count && fine; i++) {
        if (lab_site_is_chosen(table, &table->rows[i]))
            fine = start(&pool, i);
    }
    while (pool.busy > 0 && reap(&pool))
        continue;
    if (table->plan->show_progress)
        (void)fprintf(stderr, "\r%30s\r", "");
    return fine;
}

bool lab_sites_run(struct lab_site_table *table,
                   const struct lab_sites_plan *plan)
{
    const uint64_t began = lab_clock();

    memset(table, 0, sizeof(*table));
    table->plan = plan;
    while (plan->scenarios[table->scenarios] != NULL)
        table->scenarios++;
    if (table->scenarios == 0 || table->scenarios > LAB_SITE_SCENARIOS) {
        (void)fprintf(stderr, "zcrace: no sites in %u scenarios\n",
                      table->scenarios);
        return false;
    }
    if (!lab_sites_find(table) || !run(table)) {
        (void)fprintf(stderr, "zcrace: the sites cannot be explored\n");
        return false;
    }
    table->seconds = (double)(lab_clock() - began) / 1e9;
    return true;
}

void lab_sites_free(struct lab_site_table *table)
{
    if (table->rows != NULL)
        (void)munmap(table->rows, (table->count + 1) * sizeof(*table->rows));
    free(table->steps);
    table->rows = NULL;
    table->steps = NULL;
}
