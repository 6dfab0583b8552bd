/* SPDX-License-Identifier: MIT */
/* print_evidence.c - the matrix as a page of the documentation. */
#include "matrix.h"

#include <inttypes.h>
#include <time.h>

static const char *name_of(const struct lab_matrix *matrix, unsigned scenario)
{
    return matrix->plan->scenarios[scenario]->program.name;
}

static const char head[] =
    "<!-- SPDX-License-Identifier: MIT -->\n"
    "# Evidence\n"
    "\n"
    "<!-- Generated: scripts/check matrix --record.  Do not edit. -->\n"
    "\n"
    "What the race lab has explored: every scenario with all rules in force,\n"
    "and with each rule broken that its code ever asks for. The numbers are\n"
    "exact and the same on every run; `scripts/check matrix` explores all of\n"
    "it again and compares.\n"
    "\n"
    "\"Absent\" means: within the scenario, in the order of steps that a\n"
    "sequentially consistent machine could have, for what the oracles look\n"
    "at. A program is *complete* if every trace was run: every order of its\n"
    "steps up to those that commute. Otherwise all schedules were run with up\n"
    "to so many preemptions, and then some by chance (PCT of depth 3, seed\n"
    "1), as the table says. What is *not explored* is what the code does\n"
    "besides: a relaxed atomic is run in order, although the machine need not\n"
    "do so. `zcrace run` names the places.\n"
    "\n"
    "An execution ends where it fails. What is counted as a failing trace is\n"
    "therefore the prefix of one: the same failure counts more often if other\n"
    "threads have done more or less before it.\n"
    "\n";

static const char legend[] =
    "\n"
    "A digit: fails with so many preemptions and no fewer, and where the\n"
    "scenario lists the rule, in the way that its bug is known for. `s`:\n"
    "*sequential*, every trace fails: the rule is broken without any\n"
    "concurrency. `.`: every trace was explored and none fails. `:`: the same\n"
    "for all schedules up to a bound. Blank: with all rules in force the code\n"
    "never asks for the rule in this scenario, so that breaking it changes\n"
    "nothing; or the scenario is there for locks that no rule names.\n"
    "\n";

static void print_extent(const struct lab_cell *cell, FILE *out)
{
    lab_cell_print_extent(cell, out);
    (void)fprintf(out, " |\n");
}

static void print_scenarios(const struct lab_matrix *matrix, FILE *out)
{
    (void)fprintf(out, "## Scenarios, every rule in force\n"
                       "\n"
                       "None fails.\n"
                       "\n"
                       "| | scenario | threads | steps | traces | schedules | "
                       "explored | not explored |\n"
                       "| --: | --- | --: | --: | --: | --: | --- | --- |\n");
    for (unsigned i = 0; i < matrix->scenarios; i++) {
        const struct lab_cell *cell = lab_matrix_cell(matrix, i, matrix->rules);

        (void)fprintf(
            out, "| %u | `%s`: %s | %u | %u | %" PRIu64 " | %" PRIu64 " | ",
            i + 1, name_of(matrix, i), matrix->plan->scenarios[i]->summary,
            cell->threads, cell->steps, cell->traces, cell->executions);
        lab_cell_print_extent(cell, out);
        (void)fprintf(out, " | ");
        (void)lab_cell_print_met(cell, out);
        (void)fprintf(out, " |\n");
    }
    (void)fprintf(out, "\n");
}

static void print_failure(const struct lab_matrix *matrix, unsigned scenario,
                          unsigned rule, FILE *out)
{
    const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);
    const char *name = name_of(matrix, scenario);
    const char *broken = matrix->plan->rules->identifier(rule);
    const enum lab_failure known =
        lab_scenario_known(matrix->plan->scenarios[scenario], broken);

    /* Rules that a scenario lists have a diagram. */
    if (lab_scenario_lists(matrix->plan->scenarios[scenario], broken) >= 0)
        (void)fprintf(out, "| [%s](races/%s--%s.txt) ", name, name, broken);
    else
        (void)fprintf(out, "| %s ", name);
    (void)fprintf(
        out, "| %s | %s | %u | %u%s | %" PRIu64 " of %" PRIu64 "%s | ",
        known == LAB_FAILURE_NONE ? "" : lab_failure_name(known), cell->what,
        cell->preemptions, cell->steps, cell->cut_short ? " or fewer" : "",
        cell->failing, cell->traces,
        lab_cell_is_sequential(cell) ? ", sequential" : "");
    print_extent(cell, out);
}

static void print_rules(const struct lab_matrix *matrix, FILE *out)
{
    (void)fprintf(out, "## Rules, broken\n\n");
    for (unsigned rule = 0; rule < matrix->rules; rule++) {
        unsigned failing = 0;
        unsigned silent = 0;

        for (unsigned i = 0; i < matrix->scenarios; i++) {
            const struct lab_cell *cell = lab_matrix_cell(matrix, i, rule);

            failing += cell->fails;
            silent += cell->state != LAB_CELL_WAITS && !cell->fails;
        }
        (void)fprintf(out,
                      "### %s\n\n%s. Fails in %u scenario%s, is asked for and "
                      "does not fail in %u.\n\n",
                      matrix->plan->rules->identifier(rule),
                      matrix->plan->rules->sentence(rule), failing,
                      failing == 1 ? "" : "s", silent);
        if (failing == 0)
            continue;
        (void)fprintf(out, "| scenario | known for | what is seen | "
                           "preemptions | steps | traces that fail | of those "
                           "|\n"
                           "| --- | --- | --- | --: | --: | --: | --- |\n");
        for (unsigned i = 0; i < matrix->scenarios; i++) {
            if (lab_matrix_cell(matrix, i, rule)->fails)
                print_failure(matrix, i, rule, out);
        }
        (void)fprintf(out, "\n");
    }
}

static const char *compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "a C compiler";
#endif
}

void lab_matrix_print_evidence(const struct lab_matrix *matrix, FILE *out)
{
    char date[32] = "";
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) != NULL)
        (void)strftime(date, sizeof(date), "%Y-%m-%d", &utc);
    (void)fprintf(out, "%s## The matrix\n\n```\n", head);
    lab_matrix_print_grid(matrix, out);
    (void)fprintf(out, "```\n%s", legend);
    print_scenarios(matrix, out);
    print_rules(matrix, out);
    (void)fprintf(out,
                  LAB_EVIDENCE_TIME
                  "%.0f s with %u processes, on %s, by %s. This line is not "
                  "compared.\n",
                  matrix->seconds, matrix->plan->jobs, date, compiler());
}
