/* SPDX-License-Identifier: MIT */
/*
 * picture.h - a recorded trace as lines to print, for columns and mail.
 */
#ifndef LAB_PICTURE_H
#define LAB_PICTURE_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/search.h"
#include "engine/trace.h"

#define LAB_LINES 4000
#define LAB_LINE_CHARS 160

struct lab_line {
    int thread;
    unsigned depth;
    char text[LAB_LINE_CHARS];
    char comment[LAB_LINE_CHARS]; /* without the //; may be empty */
    bool marked;                  /* from here every continuation fails */
    bool problem;                 /* the step that failed */
    bool folded;                  /* says how often the lines above repeat */
};

struct lab_picture {
    const struct lab_trace *trace;
    bool shown[LAB_THREADS]; /* threads that did something */
    unsigned columns;
    char heading[LAB_THREADS][LAB_LINE_CHARS];
    char problem[2 * LAB_LINE_CHARS]; /* below the lines; may be empty */
    bool truncated;
    unsigned line_count;
    struct lab_line lines[LAB_LINES];
};

/* What a search said about the program; absent parts are NULL. */
struct lab_story {
    const struct lab_trace *trace;
    const char *replay;              /* string, or NULL */
    const struct lab_result *broken; /* the search that found it */
    const struct lab_result *whole;  /* the same with every rule in force */
    bool cut_short;                  /* a shorter one may exist */
    /* Print nothing that an edit elsewhere changes: no line numbers. */
    bool stable;
};

void lab_picture_draw(struct lab_picture *picture,
                      const struct lab_trace *trace);

/* Which rows get a line, and how much less deep than they are. */
void lab_choose_rows(const struct lab_trace *trace, bool *shown,
                     unsigned *shallower);

/* "lock", "read x", as a row calls it. */
void lab_row_name(const struct lab_row *row, const struct lab_trace *trace,
                  char text[LAB_LINE_CHARS]);

const char *lab_outcome_name(enum lab_outcome outcome);

/* "explored 3 traces, 1 is a failing prefix; with every rule in force ...": an
 * execution ends at its failure. */
void lab_print_counts(FILE *out, const struct lab_story *story);

void lab_json_string(FILE *out, const char *text); /* quoted; NULL: null */

void lab_print_columns(FILE *out, const struct lab_story *story);
void lab_print_mail(FILE *out, const struct lab_story *story);
void lab_print_json(FILE *out, const struct lab_story *story);
/* What a search says that found no failure. */
void lab_print_silence_json(FILE *out, const struct lab_program *program,
                            const struct lab_result *result);

#endif
