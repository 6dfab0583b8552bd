/* SPDX-License-Identifier: MIT */
/* print_matrix.c - the matrix as text and in JSON. */
#include "matrix.h"

#include <inttypes.h>

#include "picture.h"
#include "verdict.h"

#define NAME_WIDTH 30 /* of a rule */

static const char *name_of(const struct lab_matrix *matrix, unsigned scenario)
{
    return matrix->plan->scenarios[scenario]->program.name;
}

static const char *rule_of(const struct lab_matrix *matrix, unsigned rule)
{
    return matrix->plan->rules->identifier(rule);
}

/* --- the grid -------------------------------------------------------- */

const char lab_matrix_legend[] =
    "0 to 9: fails with so many preemptions; s: every trace fails "
    "(sequential);\n"
    ". every trace is explored, none fails; : the same up to a bound;\n"
    "blank: the rule is never asked for, or no rule is broken there\n";

/* The preemptions that a failure takes; s: every trace fails; a dot: the cell
 * does not fail; a blank: the rule is not evaluated there. */
char lab_cell_mark(const struct lab_cell *cell)
{
    if (cell->state == LAB_CELL_WAITS)
        return ' ';
    if (!cell->fails)
        return cell->complete ? '.' : ':';
    if (lab_cell_is_sequential(cell))
        return 's';
    if (cell->preemptions > 9)
        return '+';
    return "0123456789"[cell->preemptions];
}

/* Numbers of the scenarios from 1, tens above units. */
static void print_numbers(const struct lab_matrix *matrix, FILE *out)
{
    for (unsigned digit = 10; digit > 0; digit /= 10) {
        (void)fprintf(out, "%-*s", NAME_WIDTH,
                      digit == 1 ? "rule / scenario" : "");
        for (unsigned i = 1; i <= matrix->scenarios; i++) {
            bool shown = digit == 1 || i % 10 == 0 || i == 1;

            (void)fprintf(out, "%s", i % 5 == 1 ? " " : "");
            if (shown && i / digit != 0)
                (void)fprintf(out, "%u", i / digit % 10);
            else
                (void)fputc(' ', out);
        }
        (void)fputc('\n', out);
    }
}

void lab_matrix_print_grid(const struct lab_matrix *matrix, FILE *out)
{
    print_numbers(matrix, out);
    for (unsigned rule = 0; rule < matrix->rules; rule++) {
        (void)fprintf(out, "%-*s", NAME_WIDTH, rule_of(matrix, rule));
        for (unsigned i = 0; i < matrix->scenarios; i++) {
            (void)fprintf(out, "%s%c", i % 5 == 0 ? " " : "",
                          lab_cell_mark(lab_matrix_cell(matrix, i, rule)));
        }
        (void)fputc('\n', out);
    }
}

/* --- text ------------------------------------------------------------ */

void lab_cell_print_extent(const struct lab_cell *cell, FILE *out)
{
    if (cell->unfinished)
        (void)fprintf(out, "not explored to its end");
    else if (cell->complete)
        (void)fprintf(out, "complete");
    else
        (void)fprintf(out, "up to %u preemption%s", cell->bound,
                      cell->bound == 1 ? "" : "s");
    if (cell->random != 0)
        (void)fprintf(out, ", and %" PRIu64 " schedules by PCT", cell->random);
}

bool lab_cell_print_met(const struct lab_cell *cell, FILE *out)
{
    const char *before = "";

    for (unsigned i = 0; i < LAB_METS; i++) {
        if ((cell->met >> i & 1) == 0)
            continue;
        (void)fprintf(out, "%s%s", before, lab_met_words((enum lab_met)i));
        before = ", ";
    }
    return cell->met != 0;
}

static void print_failures(const struct lab_matrix *matrix, unsigned scenario,
                           FILE *out)
{
    for (unsigned rule = 0; rule < matrix->rules; rule++) {
        const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);

        if (!cell->fails)
            continue;
        (void)fprintf(out,
                      "    %s: %s, %u preemption%s, %u steps\n"
                      "        %" PRIu64 " of %" PRIu64 " traces%s (",
                      rule_of(matrix, rule), cell->what, cell->preemptions,
                      cell->preemptions == 1 ? "" : "s", cell->steps,
                      cell->failing, cell->traces,
                      lab_cell_is_sequential(cell) ? ", sequential" : "");
        lab_cell_print_extent(cell, out);
        (void)fprintf(out, "), %.1f s\n        %s\n", cell->seconds,
                      cell->replay);
    }
}

void lab_matrix_print(const struct lab_matrix *matrix, FILE *out)
{
    lab_matrix_print_grid(matrix, out);
    (void)fprintf(out, "\n%s\n", lab_matrix_legend);
    for (unsigned i = 0; i < matrix->scenarios; i++) {
        const struct lab_cell *cell = lab_matrix_cell(matrix, i, matrix->rules);

        (void)fprintf(out, "%u %s: %s\n", i + 1, name_of(matrix, i),
                      matrix->plan->scenarios[i]->summary);
        (void)fprintf(out,
                      "    every rule in force: %" PRIu64 " traces, %" PRIu64
                      " schedules, %s (",
                      cell->traces, cell->executions,
                      cell->fails ? "FAILS" : "none fails");
        lab_cell_print_extent(cell, out);
        (void)fprintf(out, "), %.1f s\n", cell->seconds);
        if (cell->met != 0) {
            (void)fprintf(out, "    not explored: ");
            (void)lab_cell_print_met(cell, out);
            (void)fputc('\n', out);
        }
        print_failures(matrix, i, out);
    }
    (void)fprintf(out, "\n%u scenarios, %u rules, %.0f s with %u processes\n",
                  matrix->scenarios, matrix->rules, matrix->seconds,
                  matrix->plan->jobs);
}

/* --- JSON ------------------------------------------------------------ */

static void put_cell(const struct lab_cell *cell, FILE *out)
{
    (void)fprintf(out, "{\"fails\": %s, \"complete\": %s, \"bound\": ",
                  cell->fails ? "true" : "false",
                  cell->complete ? "true" : "false");
    if (cell->complete)
        (void)fprintf(out, "null");
    else
        (void)fprintf(out, "%u", cell->bound);
    (void)fprintf(out,
                  ", \"random\": %" PRIu64 ", \"schedules\": %" PRIu64
                  ", \"traces\": %" PRIu64 ", \"failing\": %" PRIu64
                  ", \"threads\": %u, \"steps\": %u",
                  cell->random, cell->executions, cell->traces, cell->failing,
                  cell->threads, cell->steps);
    if (cell->met != 0) {
        (void)fprintf(out, ", \"not_explored\": \"");
        (void)lab_cell_print_met(cell, out);
        (void)fputc('"', out);
    }
    if (cell->fails) {
        (void)fprintf(out,
                      ", \"preemptions\": %u, \"switches\": %u, "
                      "\"shortest\": %s, \"what\": ",
                      cell->preemptions, cell->switches,
                      cell->cut_short ? "false" : "true");
        lab_json_string(out, cell->what);
        (void)fprintf(out, ", \"as known\": %s, \"sequential\": %s",
                      cell->is_known ? "true" : "false",
                      lab_cell_is_sequential(cell) ? "true" : "false");
        (void)fprintf(out, ", \"replay\": ");
        lab_json_string(out, cell->replay);
    }
    (void)fprintf(out, "}");
}

static void put_scenario(const struct lab_matrix *matrix, unsigned scenario,
                         FILE *out)
{
    lab_json_string(out, name_of(matrix, scenario));
    (void)fprintf(out, ": {\n   \"every rule in force\": ");
    put_cell(lab_matrix_cell(matrix, scenario, matrix->rules), out);
    for (unsigned rule = 0; rule < matrix->rules; rule++) {
        const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);

        if (cell->state == LAB_CELL_WAITS)
            continue;
        (void)fprintf(out, ",\n   ");
        lab_json_string(out, rule_of(matrix, rule));
        (void)fprintf(out, ": ");
        put_cell(cell, out);
    }
    (void)fprintf(out, "}");
}

void lab_matrix_print_json(const struct lab_matrix *matrix, FILE *out)
{
    (void)fprintf(out, "{\"rules\": %u, \"scenarios\": {\n", matrix->rules);
    for (unsigned i = 0; i < matrix->scenarios; i++) {
        (void)fprintf(out, "  ");
        put_scenario(matrix, i, out);
        (void)fprintf(out, "%s\n", i + 1 < matrix->scenarios ? "," : "");
    }
    (void)fprintf(out, "}}\n");
}
