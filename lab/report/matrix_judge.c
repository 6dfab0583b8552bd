/* SPDX-License-Identifier: MIT */
/*
 * matrix_judge.c - what a matrix must be.
 *
 * With every rule in force nothing fails.  Each rule, broken, makes a scenario
 * fail; otherwise it is no rule.  Each scenario fails with some rule broken;
 * otherwise it is no test, unless it is there for locks or shows a design that
 * needs no rule.  And what a scenario states about itself is true: how it
 * fails, and with how many preemptions.
 */
#include "matrix.h"

#include "picture.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

struct verdict {
    const struct lab_matrix *matrix;
    FILE *out;
    unsigned wrong;
};

static const char *name_of(const struct lab_matrix *matrix, unsigned scenario)
{
    return matrix->plan->scenarios[scenario]->program.name;
}

static void judge_whole(struct verdict *verdict, unsigned scenario)
{
    const struct lab_matrix *matrix = verdict->matrix;
    const struct lab_cell *cell =
        lab_matrix_cell(matrix, scenario, matrix->rules);
    const char *name = name_of(matrix, scenario);

    if (cell->fails) {
        (void)fprintf(verdict->out,
                      "%s: fails with every rule in force: %s\n    %s\n", name,
                      cell->what, cell->replay);
        verdict->wrong++;
    }
    if (cell->unfinished) {
        (void)fprintf(verdict->out,
                      "%s: not explored to its end in %" PRIu64
                      " schedules: it needs a bound\n",
                      name, cell->executions);
        verdict->wrong++;
    }
}

/* Checks that apply to every cell. */
static void judge_cell(struct verdict *verdict, unsigned scenario,
                       unsigned rule)
{
    const struct lab_matrix *matrix = verdict->matrix;
    const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);
    const char *broken = rule == matrix->rules
                             ? "every rule in force"
                             : matrix->plan->rules->identifier(rule);

    if (cell->state == LAB_CELL_DIED) {
        (void)fprintf(verdict->out, "%s, %s: the worker process %s %d\n",
                      name_of(matrix, scenario), broken,
                      WIFSIGNALED(cell->wait_status) ? "died of signal"
                                                     : "ended with status",
                      WIFSIGNALED(cell->wait_status)
                          ? WTERMSIG(cell->wait_status)
                          : WEXITSTATUS(cell->wait_status));
        verdict->wrong++;
    }
    if (cell->unpredictable) {
        (void)fprintf(verdict->out, "%s, %s: does not do the same twice\n",
                      name_of(matrix, scenario), broken);
        verdict->wrong++;
    }
    if (cell->unfinished && rule < matrix->rules) {
        (void)fprintf(verdict->out, "%s, %s: not even one bound was explored\n",
                      name_of(matrix, scenario), broken);
        verdict->wrong++;
    }
}

/* A story fits on a page: its lines, but for the replay string. */
static void judge_story(struct verdict *verdict, const struct lab_scenario *own,
                        const char *rule, const struct lab_cell *cell)
{
    static const char replay[] = "replay: ";
    const char *line = cell->diagram;
    unsigned rows = 0;
    size_t widest = 0;

    while (*line != '\0') {
        const size_t length = strcspn(line, "\n");

        if (length > widest && strncmp(line, replay, sizeof(replay) - 1) != 0)
            widest = length;
        line += length + (line[length] == '\n');
        rows++;
    }
    if (rows <= LAB_ROWS_MOST && widest <= LAB_WIDTH_MOST)
        return;
    (void)fprintf(verdict->out,
                  "%s, %s: a story of %u rows and %zu columns, not %u and %u\n",
                  own->program.name, rule, rows, widest, LAB_ROWS_MOST,
                  LAB_WIDTH_MOST);
    verdict->wrong++;
}

/* A listed rule's failure is the one that its bug is known for. */
static void judge_known(struct verdict *verdict, const struct lab_scenario *own,
                        const char *rule, const struct lab_cell *cell)
{
    const enum lab_failure known = lab_scenario_known(own, rule);

    if (cell->is_known)
        return;
    (void)fprintf(verdict->out,
                  "%s: without %s a %s is known, and not seen: %s\n",
                  own->program.name, rule, lab_failure_name(known), cell->what);
    verdict->wrong++;
}

/* Each rule that a scenario lists fails there, as it is known for and with the
 * stated preemptions. */
static void judge_list(struct verdict *verdict, unsigned scenario)
{
    const struct lab_matrix *matrix = verdict->matrix;
    const struct lab_scenario *own = matrix->plan->scenarios[scenario];

    for (unsigned i = 0; own->rules[i] != NULL; i++) {
        unsigned rule = lab_matrix_rule(matrix, own->rules[i]);
        const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);

        if (rule == matrix->rules) {
            (void)fprintf(verdict->out, "%s: lists %s, which is no rule\n",
                          own->program.name, own->rules[i]);
            verdict->wrong++;
        } else if (!cell->fails) {
            (void)fprintf(verdict->out, "%s: does not fail without %s\n",
                          own->program.name, own->rules[i]);
            verdict->wrong++;
        } else if (own->least != NULL && own->least[i] != cell->preemptions) {
            (void)fprintf(verdict->out,
                          "%s: fails without %s at %u preemptions, not %u\n",
                          own->program.name, own->rules[i], cell->preemptions,
                          own->least[i]);
            verdict->wrong++;
        }
        if (rule == matrix->rules || !cell->fails)
            continue;
        judge_known(verdict, own, own->rules[i], cell);
        judge_story(verdict, own, own->rules[i], cell);
    }
}

static void judge_scenario(struct verdict *verdict, unsigned scenario)
{
    const struct lab_matrix *matrix = verdict->matrix;
    const struct lab_scenario *own = matrix->plan->scenarios[scenario];
    unsigned failing = 0;

    for (unsigned rule = 0; rule <= matrix->rules; rule++) {
        judge_cell(verdict, scenario, rule);
        if (rule < matrix->rules)
            failing += lab_matrix_cell(matrix, scenario, rule)->fails;
    }
    judge_whole(verdict, scenario);
    judge_list(verdict, scenario);
    if (failing != 0 || own->for_locks || own->shows_design)
        return;
    (void)fprintf(verdict->out, "%s: no broken rule fails here: no test\n",
                  name_of(matrix, scenario));
    verdict->wrong++;
}

static void judge_rule(struct verdict *verdict, unsigned rule)
{
    const struct lab_matrix *matrix = verdict->matrix;

    for (unsigned i = 0; i < matrix->scenarios; i++) {
        if (lab_matrix_cell(matrix, i, rule)->fails)
            return;
    }
    (void)fprintf(verdict->out, "%s: no scenario needs it: no rule\n",
                  matrix->plan->rules->identifier(rule));
    verdict->wrong++;
}

unsigned lab_matrix_judge(const struct lab_matrix *matrix, FILE *out)
{
    struct verdict verdict = {.matrix = matrix, .out = out};

    for (unsigned i = 0; i < matrix->scenarios; i++)
        judge_scenario(&verdict, i);
    for (unsigned rule = 0; matrix->plan->all_rules && rule < matrix->rules;
         rule++)
        judge_rule(&verdict, rule);
    return verdict.wrong;
}
