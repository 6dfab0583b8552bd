/* SPDX-License-Identifier: MIT */
/* grid.c - the combinations of a sweep, and as commands. */
#include <stdlib.h>
#include <string.h>

#include "sim/sweep.h"

static void cut(struct sim_list *list, const char *text)
{
    char *rest;

    list->text = memory_copy_text(text);
    rest = list->text;
    while (rest != NULL) {
        char *comma = strchr(rest, ',');

        if (comma != NULL)
            *comma = '\0';
        list->words = memory_make_room(list->words, list->count,
                                       &list->capacity, sizeof(*list->words));
        list->words[list->count++] = rest;
        rest = comma == NULL ? NULL : comma + 1;
    }
}

/* The last parameter changes fastest. */
static bool fill_point(const struct sim_grid *grid, size_t index,
                       struct sim_config *config)
{
    sim_config_init(config);
    for (unsigned i = SIM_PARAMETERS; i-- > 0;) {
        const struct sim_list *list = &grid->lists[i];

        if (list->count == 0)
            continue;
        if (!sim_config_set(config, (enum sim_parameter)i,
                            list->words[index % list->count]))
            return false;
        index /= list->count;
    }
    return sim_config_check(config);
}

bool sim_grid_make(struct sim_grid *grid, const struct sim_options *options)
{
    *grid = (struct sim_grid){.options = options};
    grid->count = 1;
    for (unsigned i = 0; i < SIM_PARAMETERS; i++) {
        if (grid->options->texts[i] == NULL)
            continue;
        cut(&grid->lists[i], grid->options->texts[i]);
        if (grid->lists[i].count > SIM_RUNS_MOST / grid->count) {
            message_error("--sweep: these lists make more than %d runs",
                          SIM_RUNS_MOST);
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

void sim_grid_free(struct sim_grid *grid)
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

bool sim_grid_load(struct sim_grid *grid, const struct sim_config *config)
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

bool sim_grid_check(struct sim_grid *grid)
{
    for (size_t i = 0; i < grid->count; i++) {
        const struct sim_config *config = &grid->points[i].config;
        struct sim_plan plan;

        if (!sim_grid_load(grid, config) ||
            !sim_plan_make(&plan, config, &grid->corpus, &grid->trace)) {
            message_error("run %zu of %zu is not possible, and none was made",
                          i + 1, grid->count);
            return false;
        }
    }
    return true;
}

/* ---- as commands ---- */

/* For a shell: in quotes unless there is nothing to quote. */
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

void sim_grid_print(const struct sim_grid *grid)
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
