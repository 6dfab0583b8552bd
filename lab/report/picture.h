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

#define LAB_ROWS_MOST 40u   /* of a story, with all around it */
#define LAB_WIDTH_MOST 100u /* columns of text */
#define LAB_WIDTH_LEAST 40u
#define LAB_WEIGHT_MUST 1000 /* of a line that is never left out */
#define LAB_LINES 4000
#define LAB_LINE_CHARS 160

struct lab_line {
    int thread;
    unsigned row; /* of the trace; of a wait: the one before it */
    unsigned depth;
    char text[LAB_LINE_CHARS];
    char comment[LAB_LINE_CHARS]; /* without the //; may be empty */
    bool marked;                  /* from here every continuation fails */
    bool problem;                 /* the step that failed */
    bool is_call;                 /* of the scenario: others are within it */
    int weight; /* of a story: lines with the least are left out first */
    bool waits;
    bool folded; /* says how often the lines above repeat */
};

struct lab_picture {
    const struct lab_trace *trace;
    bool steps;              /* every step; else calls and reference counts */
    unsigned omitted;        /* lines, of a story */
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
    bool steps;     /* show every step; else calls and reference counts */
    unsigned width; /* of the text; 0: LAB_WIDTH_MOST */
    /* Print nothing that an edit elsewhere changes: no line numbers. */
    bool stable;
};

void lab_picture_draw(struct lab_picture *picture,
                      const struct lab_story *story);

/* Which rows get a line, and how much less deep than they are. */
void lab_choose_rows(const struct lab_trace *trace, bool *shown,
                     unsigned *shallower);

/* "lock", "read x", as a row calls it. */
void lab_row_name(const struct lab_row *row, const struct lab_trace *trace,
                  char text[LAB_LINE_CHARS]);
/* Is it a step on a reference count?  "2 refs", or "users 2". */
bool lab_row_is_count(const struct lab_row *row);
void lab_row_count(const struct lab_row *row, char *text, size_t size);
/* "flags", "page table 1", "object 7"; empty: no object. */
void lab_row_object(const struct lab_row *row, char *text, size_t size);
/* Adds to a text, after a comma. */
void lab_append(char *text, size_t size, const char *more);

/* --- picture_story.c -------------------------------------------------- */

/* Of the rows that a picture of all steps shows: those that a story has. */
void lab_choose_story(const struct lab_trace *trace, bool *shown);
/* The call that a row is part of, and what the step found. */
void lab_story_row(const struct lab_trace *trace, unsigned at,
                   struct lab_line *line);
/* Makes one line of equal ones. */
void lab_story_join(struct lab_picture *picture);
/* Leaves out what there is no room for. */
void lab_story_shorten(struct lab_picture *picture);

const char *lab_outcome_name(enum lab_outcome outcome);

/* "explored 3 traces, 1 is a failing prefix; with every rule in force ...": an
 * execution ends at its failure. */
void lab_print_counts(FILE *out, const struct lab_story *story);

/* How much of a text goes on a line of this width; *skip: blanks after. */
size_t lab_break_at(const char *text, size_t width, size_t *skip);
/* A line of text, in lines of at most so many columns. */
void lab_print_wrapped(FILE *out, const char *line, unsigned width);

void lab_json_string(FILE *out, const char *text); /* quoted; NULL: null */

void lab_print_columns(FILE *out, const struct lab_story *story);
void lab_print_mail(FILE *out, const struct lab_story *story);
void lab_print_json(FILE *out, const struct lab_story *story);
/* What a search says that found no failure. */
void lab_print_silence_json(FILE *out, const struct lab_program *program,
                            const struct lab_result *result);

#endif
