/* SPDX-License-Identifier: MIT */
/*
 * print_mail.c - columns made of tabs, for a mail or a changelog: four tabs for
 * each thread, indented by one, as in hand-written diagrams.
 */
#include "picture.h"

#include <string.h>

#define TAB ((size_t)8)
#define COLUMN_TABS 4u

static void put_tabs(FILE *out, unsigned count)
{
    while (count-- > 0)
        (void)fputc('\t', out);
}

/* Which column a thread has, from 0. */
static unsigned column_of(const struct lab_picture *picture, int thread)
{
    unsigned column = 0;

    for (int i = 1; i < thread; i++)
        column += picture->shown[i];
    return column;
}

static void print_headings(FILE *out, const struct lab_picture *picture)
{
    for (int thread = 1; thread < LAB_THREADS; thread++) {
        size_t width = strlen(picture->heading[thread]);

        if (!picture->shown[thread])
            continue;
        if (width < COLUMN_TABS * TAB) {
            (void)fprintf(out, "%s", picture->heading[thread]);
            put_tabs(out, COLUMN_TABS - (unsigned)width / TAB);
        } else {
            (void)fprintf(out, "%s\t", picture->heading[thread]);
        }
    }
    (void)fprintf(out, "\n\n");
}

void lab_print_mail(FILE *out, const struct lab_story *story)
{
    static struct lab_picture picture;
    const struct lab_trace *trace = story->trace;

    lab_picture_draw(&picture, story);
    if (trace->opening != 0)
        (void)fprintf(out, "// %s\n\n", lab_trace_text(trace, trace->opening));
    print_headings(out, &picture);
    for (unsigned i = 0; i < picture.line_count; i++) {
        const struct lab_line *line = &picture.lines[i];

        put_tabs(out, COLUMN_TABS * column_of(&picture, line->thread));
        (void)fprintf(out, "%*s%s", (int)(2 * line->depth), "", line->text);
        if (line->comment[0] != '\0')
            (void)fprintf(out, " // %s", line->comment);
        if (line->marked)
            (void)fprintf(out, " // from here every continuation fails");
        (void)fputc('\n', out);
    }
    (void)fputc('\n', out);
    if (picture.problem[0] != '\0')
        (void)fprintf(out, "%s\n", picture.problem);
    (void)fprintf(out, "%s", lab_trace_text(trace, trace->detail));
    if (story->replay != NULL)
        (void)fprintf(out, "zcrace replay '%s'\n", story->replay);
    lab_print_counts(out, story);
}
