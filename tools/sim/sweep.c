/* SPDX-License-Identifier: MIT */
/*
 * sweep.c - every combination of the values of lists, each in a process of its
 * own, so that a killed process does not end the others.
 *
 * All combinations are read and checked before the first one runs.  A process
 * returns its numbers through a pipe, which has room for all of them.  Results
 * are shown in the order of the grid.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json.h"
#include "common/system.h"
#include "common/text.h"
#include "sim/sim.h"

#define RUNS_MOST 100000

/* The values of one parameter. */
struct value_list {
    char *text; /* cut at the commas */
    char **words;
    size_t count; /* 0: it was not given */
    size_t capacity;
};

/* One combination. */
struct point {
    struct sim_config config;
    struct sim_result result;
    pid_t pid;
    int pipe;
    bool done;
};

struct grid {
    const struct sim_options *options;
    struct value_list lists[SIM_PARAMETERS];
    struct point *points;
    size_t count;
    struct sim_corpus corpus;
    const struct sim_config *corpus_config; /* of the corpus, or NULL */
    struct sim_trace trace;
    const struct sim_config *trace_config; /* of the trace, or NULL */
    struct progress progress;
    bool stopping; /* the processes were told to end */
};

/* ---- the grid: every combination of the values of lists ---- */

/* Splits at commas; at least one value, which may be empty.  --trace-ops has
 * commas of its own, and is one value. */
static void cut(struct value_list *list, unsigned parameter, const char *text)
{
    char *rest;
    char *part;

    list->text = memory_copy_text(text);
    rest = list->text;
    while ((part = parameter == SIM_TRACE_OPS ? rest : text_cut_part(&rest)) !=
           NULL) {
        if (parameter == SIM_TRACE_OPS)
            rest = NULL;
        list->words = memory_make_room(list->words, list->count,
                                       &list->capacity, sizeof(*list->words));
        list->words[list->count++] = part;
    }
}

/* In the order of the grid the last parameter changes fastest. */
static bool fill_point(const struct grid *grid, size_t index,
                       struct sim_config *config)
{
    sim_config_init(config);
    for (unsigned i = SIM_PARAMETERS; i-- > 0;) {
        const struct value_list *list = &grid->lists[i];

        if (list->count == 0)
            continue;
        if (!sim_config_set(config, (enum sim_parameter)i,
                            list->words[index % list->count]))
            return false;
        index /= list->count;
    }
    return sim_config_check(config);
}

/* Reads all combinations; false, and an error shown. */
static bool make_grid(struct grid *grid, const struct sim_options *options)
{
    *grid = (struct grid){.options = options};
    grid->count = 1;
    for (unsigned i = 0; i < SIM_PARAMETERS; i++) {
        if (grid->options->texts[i] == NULL)
            continue;
        cut(&grid->lists[i], i, grid->options->texts[i]);
        if (grid->lists[i].count > RUNS_MOST / grid->count) {
            message_error("--sweep: these lists make more than %d runs",
                          RUNS_MOST);
            return false;
        }
        grid->count *= grid->lists[i].count;
    }
    grid->points = memory_allocate(grid->count, sizeof(*grid->points));
    memset(grid->points, 0, grid->count * sizeof(*grid->points));
    for (size_t i = 0; i < grid->count; i++) {
        if (!fill_point(grid, i, &grid->points[i].config))
            return false;
    }
    return true;
}

static void free_grid(struct grid *grid)
{
    for (unsigned i = 0; i < SIM_PARAMETERS; i++) {
        free(grid->lists[i].text);
        free(grid->lists[i].words);
    }
    free(grid->points);
    sim_corpus_free(&grid->corpus);
    sim_trace_free(&grid->trace);
}

/* ---- what the points need ---- */

/* Reads the pages and the trace of a point, unless those in memory fit it. */
static bool load_for(struct grid *grid, const struct sim_config *config)
{
    if (grid->corpus_config == NULL ||
        !sim_corpus_serves(grid->corpus_config, config)) {
        sim_corpus_free(&grid->corpus);
        grid->corpus_config = NULL;
        if (!sim_corpus_load(&grid->corpus, config, grid->options->quiet))
            return false;
        grid->corpus_config = config;
    }
    if (grid->trace_config == NULL ||
        !sim_trace_serves(grid->trace_config, config)) {
        sim_trace_free(&grid->trace);
        grid->trace_config = NULL;
        if (!sim_trace_load(&grid->trace, config))
            return false;
        grid->trace_config = config;
    }
    return true;
}

/* Checks that every point has its pages and its trace, and fits. */
static bool check_grid(struct grid *grid)
{
    for (size_t i = 0; i < grid->count; i++) {
        const struct sim_config *config = &grid->points[i].config;
        struct sim_plan plan;

        if (!load_for(grid, config) ||
            !sim_plan_make(&plan, config, &grid->corpus, &grid->trace)) {
            message_error("run %zu of %zu is not possible, and none was made",
                          i + 1, grid->count);
            return false;
        }
    }
    return true;
}

/* ---- as commands ---- */

/* Quotes a word for a shell, if it needs quotes. */
static void print_quoted(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789%+-./:=@_";

    if (*text != '\0' && text[strspn(text, plain)] == '\0') {
        fputs(text, stdout);
        return;
    }
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
    putchar('\'');
}

/* Prints each point as a command. */
static void print_grid(const struct grid *grid)
{
    for (size_t i = 0; i < grid->count; i++) {
        fputs("zcache sim --json --quiet", stdout);
        for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
            if (grid->lists[p].count == 0)
                continue;
            printf(" --%s ", sim_parameters[p].name);
            print_quoted(
                sim_text(&grid->points[i].config, (enum sim_parameter)p));
        }
        putchar('\n');
    }
}

/* ---- the processes ---- */

/* Any pipe has room for this, so no process waits until it is read. */
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

/* Runs in a point's process.  Returns its exit status, an enum tool_exit. */
static int run_point(const struct grid *grid, struct point *point,
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

static bool start_point(struct grid *grid, struct point *point)
{
    const long parent = (long)getpid();
    int ends[2];

    if (!load_for(grid, &point->config))
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

static struct point *find_point(const struct grid *grid, pid_t pid)
{
    for (size_t i = 0; i < grid->count; i++) {
        if (grid->points[i].pid == pid && !grid->points[i].done)
            return &grid->points[i];
    }
    return NULL;
}

/* Ends the running processes early; they remove their files. */
static void stop_points(struct grid *grid)
{
    if (grid->stopping)
        return; /* a second signal would leave their files */
    grid->stopping = true;
    for (size_t i = 0; i < grid->count; i++) {
        if (grid->points[i].pid > 0 && !grid->points[i].done)
            (void)kill(grid->points[i].pid, SIGTERM);
    }
}

/* Waits for the process of a point; false, and an error shown, if it failed. */
static bool end_point(struct grid *grid)
{
    struct point *point;
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

/* The number of runs at a time: their threads have a processor each. */
static uint64_t jobs_of(const struct grid *grid)
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

static bool run_all(struct grid *grid)
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

/* ---- the results ---- */

/* The columns of a line of a sweep, after the parameters that change. */
static const struct column {
    const char *heading;
    size_t offset;   /* of a number of the result */
    unsigned divide; /* shown divided by this */
    bool decimals;
} columns[] = {
    {"ops/s", SIM_RESULT_AT(ops_per_second), 1, false},
    {"faults", SIM_RESULT_AT(faults), 1, false},
    {"pool KiB", SIM_RESULT_AT(cache.pool_total_size), 1024, false},
    {"pool p50", SIM_RESULT_AT(latency[ZC_FAULT_POOL].p50), 1000, true},
    {"pool p99", SIM_RESULT_AT(latency[ZC_FAULT_POOL].p99), 1000, true},
    {"device p99", SIM_RESULT_AT(latency[ZC_FAULT_DEVICE].p99), 1000, true},
    {"zswpout", SIM_RESULT_AT(cache.zswpout), 1, false},
    {"zswpin", SIM_RESULT_AT(cache.zswpin), 1, false},
    {"zswpwb", SIM_RESULT_AT(cache.zswpwb), 1, false},
    {"reject_pool_limit", SIM_RESULT_AT(cache.reject_pool_limit), 1, false},
    {"disk_swapins", SIM_RESULT_AT(cache.disk_swapins), 1, false},
    {"mismatches", SIM_RESULT_AT(counts.mismatches), 1, false},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void add_heading(const struct grid *grid, struct table *table)
{
    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        if (grid->lists[p].count < 2)
            continue;
        table->left |= 1u << table->column_count++;
        table_add(table, "%s", sim_parameters[p].name);
    }
    for (size_t i = 0; i < COLUMNS; i++)
        table_add(table, "%s", columns[i].heading);
    table->column_count = table->cell_count;
}

static void add_line(const struct grid *grid, const struct point *point,
                     struct table *table)
{
    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        if (grid->lists[p].count > 1)
            table_add(table, "%s",
                      sim_text(&point->config, (enum sim_parameter)p));
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        uint64_t number = sim_number_at(&point->result, columns[i].offset);

        if (columns[i].decimals)
            table_add(table, "%.2f", (double)number / columns[i].divide);
        else
            table_add(table, "%" PRIu64, number / columns[i].divide);
    }
}

static void print_csv(const struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        printf("%s%c", table->cells[i],
               (i + 1) % table->column_count == 0 ? '\n' : ',');
}

static void show_table(const struct grid *grid)
{
    struct table table = {0};

    add_heading(grid, &table);
    for (size_t i = 0; i < grid->count; i++)
        add_line(grid, &grid->points[i], &table);
    if (grid->options->csv)
        print_csv(&table);
    else
        table_print(&table, stdout);
    table_free(&table);
}

static void show_json(const struct grid *grid)
{
    struct json json = {.file = stdout};

    json_open(&json, '[');
    for (size_t i = 0; i < grid->count; i++)
        sim_report_json(&grid->points[i].config, &grid->points[i].result,
                        &json);
    json_close(&json, ']');
}

/* Shows a line for each point, or JSON; returns an enum tool_exit. */
static int show_results(const struct grid *grid)
{
    if (grid->options->json)
        show_json(grid);
    else
        show_table(grid);
    if (!message_finish_output())
        return TOOL_ERROR;
    for (size_t i = 0; i < grid->count; i++) {
        if (!sim_result_good(&grid->points[i].result))
            return TOOL_MISMATCH;
    }
    return TOOL_FINE;
}

int sim_sweep(const struct sim_options *options)
{
    struct grid *grid = memory_allocate(1, sizeof(*grid));
    int result = TOOL_ERROR;

    if (make_grid(grid, options)) {
        if (options->print) {
            print_grid(grid);
            result = message_finish_output() ? TOOL_FINE : TOOL_ERROR;
        } else if (check_grid(grid) && run_all(grid)) {
            result = show_results(grid);
        }
    }
    free_grid(grid);
    free(grid);
    return result;
}
