/* SPDX-License-Identifier: MIT */
/* zcrace_matrix.c - the command matrix. */
#include <string.h>
#include <unistd.h>

#include "report/matrix.h"
#include "zcrace.h"

#define EXECUTIONS 400000 /* of a scenario that has no bound */
#define RANDOM 5000       /* of one that has */

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
    };
    unsigned wrong;

    if (plan.scenarios == NULL)
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
    lab_matrix_free(&matrix);
    return wrong == 0 ? ZCRACE_SILENT : ZCRACE_FOUND;
}
