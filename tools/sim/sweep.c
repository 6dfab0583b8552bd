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
    struct sim_cost_setting setting; /* of the grid's costs */
    pid_t pid;
    int pipe;
    bool done;
};

struct grid {
    const struct sim_options *options;
    struct value_list lists[SIM_PARAMETERS];
    struct point *points; /* each once, then each again */
    size_t count;
    size_t different; /* points that are not repetitions */
    struct sim_costs costs;
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
    grid->different = grid->count;
    if (options->repeat > RUNS_MOST / grid->count) {
        message_error("--repeat: %" PRIu64 " times %zu is more than %d runs",
                      options->repeat, grid->count, RUNS_MOST);
        return false;
    }
    if (options->repeat != 0)
        grid->count *= (size_t)options->repeat;
    grid->points = memory_allocate(grid->count, sizeof(*grid->points));
    memset(grid->points, 0, grid->count * sizeof(*grid->points));
    for (size_t i = 0; i < grid->count; i++) {
        if (!fill_point(grid, i, &grid->points[i].config))
            return false;
    }
    return sim_all_do_something(&grid->points[0].config, grid->count,
                                sizeof(grid->points[0]));
}

static void free_grid(struct grid *grid)
{
    for (unsigned i = 0; i < SIM_PARAMETERS; i++) {
        free(grid->lists[i].text);
        free(grid->lists[i].words);
    }
    free(grid->points);
    sim_costs_free(&grid->costs);
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

/* Checks that every point has its pages and its trace, and fits; takes samples
 * of the pages for what they cost. */
static bool check_grid(struct grid *grid)
{
    for (size_t i = 0; i < grid->count; i++) {
        const struct sim_config *config = &grid->points[i].config;
        struct sim_plan plan;

        if (i >= grid->different) {
            grid->points[i].setting = grid->points[i % grid->different].setting;
            continue;
        }

        if (!load_for(grid, config) ||
            !sim_plan_make(&plan, config, &grid->corpus, &grid->trace)) {
            message_error("run %zu of %zu is not possible, and none was made",
                          i + 1, grid->count);
            return false;
        }
        grid->points[i].setting =
            sim_costs_add(&grid->costs, config, &grid->corpus);
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

static void show_json(const struct grid *grid, const struct sim_answer *answer)
{
    struct json json = {.file = stdout};

    json_open(&json, '[');
    for (size_t i = 0; i < grid->count; i++)
        sim_report_json(&grid->points[i].config, &grid->points[i].result,
                        &answer->points[i % answer->count], &json);
    json_close(&json, ']');
}

/* The runs by their points.  The runs of a point are `different` apart. */
static void make_answer(const struct grid *grid, struct sim_answer *answer)
{
    answer->count = grid->different;
    answer->run_count = grid->count / grid->different;
    answer->costs = &grid->costs;
    answer->points = memory_allocate(answer->count, sizeof(*answer->points));
    for (unsigned p = 0; p < SIM_PARAMETERS; p++)
        answer->changes[p] = grid->lists[p].count > 1;
    for (size_t i = 0; i < answer->count; i++) {
        const struct point *first = &grid->points[i];
        struct sim_point *point = &answer->points[i];

        *point = (struct sim_point){
            .config = &first->config,
            .cost = sim_costs_of(&grid->costs, first->setting),
            .runs = memory_allocate(answer->run_count, sizeof(void *))};
        for (size_t run = 0; run < answer->run_count; run++)
            point->runs[run] = &grid->points[run * grid->different + i].result;
    }
    sim_answer_judge(answer);
}

static void free_answer(struct sim_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->points[i].runs);
    free(answer->points);
}

/* Shows a line for each point, or JSON; returns an enum tool_exit. */
static int show_results(const struct grid *grid)
{
    const struct sim_options *options = grid->options;
    struct sim_answer answer = {0};
    int result = TOOL_FINE;

    make_answer(grid, &answer);
    if (options->plot_path != NULL &&
        !sim_answer_plot(&answer, options->plot_path)) {
        free_answer(&answer);
        return TOOL_ERROR;
    }
    if (options->json)
        show_json(grid, &answer);
    else if (options->csv)
        sim_answer_print_csv(&answer, stdout);
    else
        sim_answer_print(&answer, stdout);
    free_answer(&answer);
    if (!message_finish_output())
        return TOOL_ERROR;
    for (size_t i = 0; i < grid->count; i++) {
        if (!sim_result_good(&grid->points[i].result))
            result = TOOL_MISMATCH;
    }
    return result;
}

int sim_sweep(const struct sim_options *options)
{
    struct grid *grid = memory_allocate(1, sizeof(*grid));
    int result = TOOL_ERROR;

    if (make_grid(grid, options)) {
        if (options->print) {
            print_grid(grid);
            result = message_finish_output() ? TOOL_FINE : TOOL_ERROR;
        } else if (check_grid(grid) && sim_costs_measure(&grid->costs) &&
                   run_all(grid)) {
            result = show_results(grid);
        }
    }
    free_grid(grid);
    free(grid);
    return result;
}
