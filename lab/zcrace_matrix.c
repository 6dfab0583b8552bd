/* SPDX-License-Identifier: MIT */
/* zcrace_matrix.c - the command matrix. */
#include <unistd.h>

#include "matrix.h"
#include "zcrace.h"

#define EXECUTIONS 400000 /* of a scenario that has no bound */
#define RANDOM 20000      /* of one that has */

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : (unsigned)count;
}

int zcrace_matrix(const struct zcrace *request)
{
    static struct lab_matrix matrix;
    const struct lab_matrix_plan plan = {
        .scenarios = lab_library_scenarios,
        .rules = &lab_library_rules,
        .jobs = request->jobs == 0 ? processors() : request->jobs,
        .executions = EXECUTIONS,
        .random = request->options.executions == 0
                      ? RANDOM
                      : request->options.executions,
        .show_progress = isatty(STDERR_FILENO) != 0,
    };
    unsigned wrong;

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
