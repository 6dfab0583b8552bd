/* SPDX-License-Identifier: MIT */
/* zcrace_matrix.c - the command matrix. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream() where POSIX alone is not enough */
#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/page.h"
#include "report/sites.h"
#include "zcrace.h"

#define EXECUTIONS 400000 /* of a scenario that has no bound */
#define RANDOM 5000       /* of one that has */
#define PATH_CHARS 4096

static const struct lab_scenario *const *all;
static const struct lab_rule_book *rules;

void zcrace_set_matrix(const struct lab_scenario *const *scenarios,
                       const struct lab_rule_book *book)
{
    all = scenarios;
    rules = book;
}

bool zcrace_has_matrix(void)
{
    return all != NULL;
}

const struct lab_rule_book *zcrace_rules(void)
{
    return rules;
}

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : (unsigned)count;
}

/* The list with one scenario of the library; NULL: said on stderr. */
static const struct lab_scenario *const *only(const char *name)
{
    static const struct lab_scenario *list[2];

    for (unsigned i = 0; all[i] != NULL; i++) {
        if (strcmp(all[i]->program.name, name) == 0)
            list[0] = all[i];
    }
    if (list[0] != NULL)
        return list;
    zcrace_say("the matrix has no scenario \"%s\"; %s list has all", name,
               zcrace_name());
    return NULL;
}

/* What is asked for; NULL: said on stderr why not. */
static const struct lab_scenario *const *scenarios_of(
    const struct zcrace *request)
{
    if (request->print == lab_print_mail) {
        zcrace_say("the matrix has the formats columns and json, not "
                   "\"mail\"");
        return NULL;
    }
    if (request->name != NULL &&
        (request->check != NULL || request->record != NULL)) {
        zcrace_say("only the whole matrix is recorded, not \"%s\" alone",
                   request->name);
        return NULL;
    }
    return request->name == NULL ? all : only(request->name);
}

/* Writes index.html, after all pages; false: said on stderr what failed. */
static bool write_index(const struct lab_matrix *matrix, const char *folder)
{
    char path[PATH_CHARS];
    char *text = NULL;
    size_t size = 0;
    FILE *out;
    int error;

    for (unsigned i = 0; i < matrix->scenarios; i++) {
        for (unsigned rule = 0; rule <= matrix->rules; rule++) {
            if (!zcrace_wrote(folder,
                              lab_matrix_cell(matrix, i, rule)->page_error))
                return false;
        }
    }
    out = open_memstream(&text, &size);
    if (out == NULL)
        return zcrace_wrote(folder, errno);
    lab_matrix_print_html(matrix, out);
    (void)snprintf(path, sizeof(path), "%s/index.html", folder);
    error = fclose(out) == 0 ? lab_file_write(path, text, size) : errno;
    free(text);
    return zcrace_wrote(path, error);
}

static int switch_sites_off(const struct zcrace *request)
{
    static struct lab_site_table table;
    const struct lab_sites_plan plan = {
        .scenarios = scenarios_of(request),
        .only = request->sites[0] == '\0' ? NULL : request->sites,
        .jobs = request->jobs == 0 ? processors() : request->jobs,
        .milliseconds = request->options.milliseconds,
        .draws = request->draws,
        .show_progress = isatty(STDERR_FILENO) != 0,
    };
    unsigned wrong;

    if (plan.scenarios == NULL)
        return ZCRACE_USAGE;
    if (request->html != NULL) {
        zcrace_say("--html has no pages of sites; --steps draws them");
        return ZCRACE_USAGE;
    }
    if (request->record != NULL && plan.only != NULL) {
        zcrace_say("only the whole list is recorded, not \"%s\" alone",
                   plan.only);
        return ZCRACE_USAGE;
    }
    if (!lab_sites_run(&table, &plan))
        return ZCRACE_USAGE;
    if (table.chosen == 0) {
        zcrace_say("no site has \"%s\" in its line", request->sites);
        return ZCRACE_USAGE;
    }
    if (request->print == lab_print_json)
        lab_sites_print_json(&table, stdout);
    else
        lab_sites_print(&table, stdout);
    if (request->record != NULL && !lab_sites_record(&table, request->record))
        return ZCRACE_USAGE;
    wrong = lab_sites_judge(
        &table, request->record == NULL ? request->check : request->record,
        stderr);
    lab_sites_free(&table);
    return wrong == 0 ? ZCRACE_SILENT : ZCRACE_FOUND;
}

int zcrace_matrix(const struct zcrace *request)
{
    static struct lab_matrix matrix;
    const struct lab_matrix_plan plan = {
        .scenarios = scenarios_of(request),
        .rules = rules,
        .jobs = request->jobs == 0 ? processors() : request->jobs,
        .executions = EXECUTIONS,
        .random = request->options.executions == 0
                      ? RANDOM
                      : request->options.executions,
        .show_progress = isatty(STDERR_FILENO) != 0,
        .all_rules = request->name == NULL,
        .pages = request->html,
    };
    unsigned wrong;

    if (plan.scenarios == NULL)
        return ZCRACE_USAGE;
    if (request->sites != NULL)
        return switch_sites_off(request);
    if (request->html != NULL &&
        !zcrace_wrote(request->html, lab_folder_make(request->html)))
        return ZCRACE_USAGE;
    if (!lab_matrix_run(&matrix, &plan))
        return ZCRACE_USAGE;
    if (request->print == lab_print_json)
        lab_matrix_print_json(&matrix, stdout);
    else
        lab_matrix_print(&matrix, stdout);
    wrong = lab_matrix_judge(&matrix, stderr);
    if (request->check != NULL)
        wrong += lab_matrix_check(&matrix, request->check, stderr);
    if (request->record != NULL && !lab_matrix_record(&matrix, request->record))
        return ZCRACE_USAGE;
    if (request->html != NULL && !write_index(&matrix, request->html))
        return ZCRACE_USAGE;
    lab_matrix_free(&matrix);
    return wrong == 0 ? ZCRACE_SILENT : ZCRACE_FOUND;
}
