/* SPDX-License-Identifier: MIT */
/*
 * matrix.h - rules times scenarios: which scenario fails with which rule
 * broken, and that none fails with all in force.
 *
 * A cell is a scenario with one rule broken, or with none.  Cells are explored
 * by worker processes that write into memory they share with the parent.  All
 * numbers but seconds depend only on the program: limits are counts of
 * executions, never times.
 */
#ifndef LAB_MATRIX_H
#define LAB_MATRIX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/scenario.h"
#include "engine/search.h"

#define LAB_CELL_WHAT 48
#define LAB_DIAGRAM_CHARS ((size_t)65536)

/* What is explored, and how far. */
struct lab_matrix_plan {
    const struct lab_scenario *const *scenarios; /* ends with NULL */
    const struct lab_rule_book *rules;
    unsigned jobs;       /* worker processes at a time */
    uint64_t executions; /* a cell is given up after so many */
    uint64_t random;     /* executions by PCT, for cells with a bound */
    bool show_progress;  /* on stderr */
    bool all_rules;      /* some scenario must need each of them */
    const char *pages;   /* a folder for a page of each failure, or NULL */
};

enum lab_cell_state {
    LAB_CELL_WAITS, /* never run: the rule is not evaluated here */
    LAB_CELL_RUNS,
    LAB_CELL_DONE,
    LAB_CELL_DIED /* its worker did */
};

struct lab_cell {
    enum lab_cell_state state;
    bool asked; /* the rule is evaluated, all being in force */
    bool ended; /* its worker has explored it */
    bool fails;
    bool is_known;       /* and as the rule's bug is known for */
    bool complete;       /* every trace; else all within the bound */
    bool unfinished;     /* given up: neither */
    bool cut_short;      /* a better failure may exist */
    bool unpredictable;  /* equal schedules differed */
    unsigned met;        /* and not explored: a bit for each enum lab_met */
    unsigned bound;      /* in preemptions, unless complete */
    uint64_t random;     /* executions by PCT beyond the bound */
    uint64_t executions; /* all that were needed */
    uint64_t traces;     /* within what was explored */
    uint64_t failing;    /* of these */
    unsigned threads;
    unsigned steps;       /* the most of any execution; failing: its own */
    unsigned preemptions; /* the fewest that fail */
    unsigned switches;
    unsigned marked_step; /* after it all fail; 0: not asked, or all do */
    int page_error;       /* of writing its page: errno */
    int wait_status;      /* of its worker */
    double seconds;
    uint64_t running; /* executions so far; the parent watches it */
    char what[LAB_CELL_WHAT];
    char replay[LAB_REPLAY_CHARS];
    char diagram[LAB_DIAGRAM_CHARS];
};

struct lab_matrix {
    const struct lab_matrix_plan *plan;
    unsigned scenarios;
    unsigned rules;
    double seconds;
    struct lab_cell *cells;
};

/* --- matrix.c -------------------------------------------------------- */

/* Explores all cells; false: it cannot be done (said on stderr). */
bool lab_matrix_run(struct lab_matrix *matrix,
                    const struct lab_matrix_plan *plan);
void lab_matrix_free(struct lab_matrix *matrix);

/* The cell of a scenario and a rule; rule `matrix->rules`: none is broken. */
struct lab_cell *lab_matrix_cell(const struct lab_matrix *matrix,
                                 unsigned scenario, unsigned rule);
/* The rule's index by its name; matrix->rules: none such. */
unsigned lab_matrix_rule(const struct lab_matrix *matrix, const char *name);

/* --- matrix_cell.c --------------------------------------------------- */

/* Explores one cell, in a process of its own.  The scenario's cell with all
 * rules in force is done before, or is the cell itself. */
void lab_cell_explore(const struct lab_matrix *matrix, unsigned scenario,
                      unsigned rule);

/* Does every trace fail?  Then the rule needs no concurrency here. */
bool lab_cell_is_sequential(const struct lab_cell *cell);

/* --- matrix_judge.c -------------------------------------------------- */

/* Prints what is wrong with the matrix; returns the number of lines. */
unsigned lab_matrix_judge(const struct lab_matrix *matrix, FILE *out);

/* --- print_matrix.c -------------------------------------------------- */

void lab_matrix_print(const struct lab_matrix *matrix, FILE *out);
void lab_matrix_print_json(const struct lab_matrix *matrix, FILE *out);
/* Rules down, scenarios across, a character each. */
char lab_cell_mark(const struct lab_cell *cell);
extern const char lab_matrix_legend[]; /* what the characters mean */
void lab_matrix_print_grid(const struct lab_matrix *matrix, FILE *out);
/* "complete", "2 preemptions and 10,000 schedules by chance". */
void lab_cell_print_extent(const struct lab_cell *cell, FILE *out);
/* What its code does besides, "relaxed atomics, fences"; false: nothing. */
bool lab_cell_print_met(const struct lab_cell *cell, FILE *out);

/* --- print_evidence.c ------------------------------------------------ */

#define LAB_EVIDENCE_TIME "Time: " /* begins a line that is never compared */
void lab_matrix_print_evidence(const struct lab_matrix *matrix, FILE *out);

/* --- matrix_files.c -------------------------------------------------- */

/* Writes evidence.json, evidence.md and races/ of a folder; false: a file could
 * not be written (said on stderr). */
bool lab_matrix_record(const struct lab_matrix *matrix, const char *folder);
/* Compares the matrix with these files; returns the number of differences. */
unsigned lab_matrix_check(const struct lab_matrix *matrix, const char *folder,
                          FILE *out);

/* --- matrix_figures.c ------------------------------------------------ */

/* Compares two texts in JSON value by value.  Says each difference by the names
 * that lead to it; returns their number. */
unsigned lab_figures_compare(const char *recorded, const char *now, FILE *out);

#endif
