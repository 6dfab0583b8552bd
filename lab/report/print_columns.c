/* SPDX-License-Identifier: MIT */
/*
 * print_columns.c - a column for each thread, time going down, as changelogs
 * of the kernel show races.  At most 100 characters wide, or as the story says;
 * longer lines wrap.
 */
#include "picture.h"

#include <string.h>

#define COLUMN_WISH 24u /* even if all lines are short */
#define COLUMN_LEAST 10u
#define INDENT 2u
#define GAP 2u
#define COMMENT_AT 28u /* at most */

static const char mark[] = "<= from here every continuation fails";

struct layout {
    unsigned width[LAB_THREADS];
    unsigned start[LAB_THREADS];
    unsigned comment_at;
    unsigned last; /* thread of the last column */
    unsigned all;  /* columns of text */
};

static unsigned text_width(const struct lab_line *line)
{
    return line->depth * INDENT + (unsigned)strlen(line->text);
}

/* Comments of all lines begin at one position of the column. */
static void place_comments(const struct lab_picture *picture,
                           struct layout *layout)
{
    layout->comment_at = 0;
    for (unsigned i = 0; i < picture->line_count; i++) {
        unsigned width = text_width(&picture->lines[i]);

        if (picture->lines[i].comment[0] != '\0' && width < COMMENT_AT &&
            width >= layout->comment_at)
            layout->comment_at = width;
    }
    layout->comment_at++;
}

/* Text, blanks and comment of a line, not yet cut to the column's width. */
static void compose(const struct lab_line *line, unsigned comment_at,
                    char *text, size_t size)
{
    int used = snprintf(text, size, "%*s%s", (int)(line->depth * INDENT), "",
                        line->text);

    if (line->comment[0] == '\0' || used < 0)
        return;
    (void)snprintf(
        text + used, size - (size_t)used, "%*s// %s",
        (unsigned)used < comment_at ? (int)(comment_at - (unsigned)used) : 1,
        "", line->comment);
}

/* While all columns together are too wide, the widest shrinks. */
static void shrink(const struct lab_picture *picture, struct layout *layout)
{
    unsigned room = layout->all - GAP * (picture->columns - 1);

    for (;;) {
        unsigned sum = 0;
        unsigned widest = 0;

        for (unsigned thread = 1; thread < LAB_THREADS; thread++) {
            if (!picture->shown[thread])
                continue;
            sum += layout->width[thread];
            if (widest == 0 || layout->width[thread] > layout->width[widest])
                widest = thread;
        }
        if (sum <= room || layout->width[widest] <= COLUMN_LEAST)
            return;
        layout->width[widest]--;
    }
}

static void measure(const struct lab_picture *picture, struct layout *layout)
{
    unsigned at = 0;
    char text[3 * LAB_LINE_CHARS];

    place_comments(picture, layout);
    for (unsigned thread = 1; thread < LAB_THREADS; thread++) {
        layout->width[thread] = (unsigned)strlen(picture->heading[thread]);
        if (layout->width[thread] < COLUMN_WISH)
            layout->width[thread] = COLUMN_WISH;
    }
    for (unsigned i = 0; i < picture->line_count; i++) {
        const struct lab_line *line = &picture->lines[i];

        if (line->problem) /* it may use the whole width */
            continue;
        compose(line, layout->comment_at, text, sizeof(text));
        if (strlen(text) > layout->width[line->thread])
            layout->width[line->thread] = (unsigned)strlen(text);
    }
    shrink(picture, layout);
    for (unsigned thread = 1; thread < LAB_THREADS; thread++) {
        if (!picture->shown[thread])
            continue;
        layout->start[thread] = at;
        layout->last = thread;
        at += layout->width[thread] + GAP;
    }
}

/* Where the mark begins: behind the column, unless it would not fit there. */
static unsigned mark_at(const struct layout *layout, unsigned end,
                        unsigned column)
{
    const unsigned last = layout->all - (unsigned)strlen(mark);
    const unsigned at = column < last ? column : last;

    return at < end + 2 ? end + 2 : at;
}

static void print_line(FILE *out, const struct layout *layout,
                       const struct lab_line *line)
{
    unsigned start = layout->start[line->thread];
    /* A line has one thread: it may use the space right of its column. */
    unsigned width = layout->all - start;
    unsigned hang = line->depth * INDENT + 2 * INDENT;
    char text[3 * LAB_LINE_CHARS];
    const char *rest = text;
    unsigned column = start + layout->width[line->thread];
    unsigned margin = 0;

    if (hang > width / 2)
        hang = width / 2;
    compose(line, layout->comment_at, text, sizeof(text));
    for (bool first = true; first || *rest != '\0'; first = false) {
        size_t skip;
        size_t part = lab_break_at(rest, width - margin, &skip);
        unsigned end = start + margin + (unsigned)part;

        (void)fprintf(out, "%*s%.*s", (int)(start + margin), "", (int)part,
                      rest);
        if (first && line->marked && end + 2 + strlen(mark) <= layout->all)
            (void)fprintf(out, "%*s%s",
                          (int)(mark_at(layout, end, column) - end), "", mark);
        (void)fputc('\n', out);
        if (first && line->marked && end + 2 + strlen(mark) > layout->all)
            (void)fprintf(out, "%*s%s\n", (int)(layout->all - strlen(mark)), "",
                          mark);
        rest += part + skip;
        margin = hang;
    }
}

static void print_headings(FILE *out, const struct lab_picture *picture,
                           const struct layout *layout)
{
    for (unsigned thread = 1; thread <= layout->last; thread++) {
        if (!picture->shown[thread])
            continue;
        (void)fprintf(
            out, "%-*.*s",
            thread == layout->last ? 0 : (int)(layout->width[thread] + GAP),
            (int)layout->width[thread], picture->heading[thread]);
    }
    (void)fputc('\n', out);
    for (unsigned thread = 1; thread <= layout->last; thread++) {
        if (!picture->shown[thread])
            continue;
        for (unsigned i = 0; i < layout->width[thread]; i++)
            (void)fputc('-', out);
        if (thread != layout->last)
            (void)fprintf(out, "%*s", (int)GAP, "");
    }
    (void)fputc('\n', out);
}

static void print_title(FILE *out, const struct lab_trace *trace,
                        unsigned width)
{
    const int at = width < 80 ? (int)width - 14 : 66;
    char title[2 * LAB_LINE_CHARS];
    int used = snprintf(title, sizeof(title), "%s%s%s", trace->program,
                        trace->broken == NULL ? "" : ", broken: ",
                        trace->broken == NULL ? "" : trace->broken);

    if (used + 2 > at && used + 16 > (int)width) {
        lab_print_wrapped(out, title, width);
        used = 0;
        title[0] = '\0';
    }
    (void)fprintf(out, "%s%*s%u preemption%s\n", title,
                  used < at ? at - used : 2, "", trace->preemptions,
                  trace->preemptions == 1 ? "" : "s");
    if (trace->opening != 0)
        (void)fprintf(out, "// %s\n", lab_trace_text(trace, trace->opening));
}

/* How many characters at `at` are a line number or a step number. */
static size_t unstable_part(const char *text, size_t at)
{
    static const char step[] = ", step ";
    size_t skip = 0;

    if (strncmp(text + at, step, sizeof(step) - 1) == 0)
        skip = sizeof(step) - 1;
    else if (at >= 2 && text[at] == ':' && text[at - 2] == '.' &&
             (text[at - 1] == 'c' || text[at - 1] == 'h'))
        skip = 1;
    if (skip == 0 || text[at + skip] < '0' || text[at + skip] > '9')
        return 0;
    return skip + strspn(text + at + skip, "0123456789");
}

/* Text below the columns; its last line may not end. */
static void print_text(FILE *out, const struct lab_story *story,
                       const struct layout *layout, const char *text)
{
    char line[4 * LAB_LINE_CHARS];
    size_t used = 0;

    for (size_t at = 0; text[at] != '\0';) {
        size_t skip = story->stable ? unstable_part(text, at) : 0;

        if (skip == 0 && text[at] != '\n' && used < sizeof(line) - 1)
            line[used++] = text[at];
        at += skip == 0 ? 1 : skip;
        if (text[at] != '\0' && text[at - 1] != '\n')
            continue;
        line[used] = '\0';
        lab_print_wrapped(out, line, layout->all);
        used = 0;
    }
}

void lab_print_columns(FILE *out, const struct lab_story *story)
{
    static struct lab_picture picture;
    const struct lab_trace *trace = story->trace;
    struct layout layout = {.all = story->width == 0 ? LAB_WIDTH_MOST
                                                     : story->width};

    lab_picture_draw(&picture, story);
    print_title(out, trace, layout.all);
    if (picture.columns > 0) {
        measure(&picture, &layout);
        print_headings(out, &picture, &layout);
        for (unsigned i = 0; i < picture.line_count; i++)
            print_line(out, &layout, &picture.lines[i]);
    }
    print_text(out, story, &layout, picture.problem);
    print_text(out, story, &layout, lab_trace_text(trace, trace->detail));
    if (picture.omitted != 0)
        (void)fprintf(out,
                      "(%u lines are left out: --steps shows every step)\n",
                      picture.omitted);
    if (picture.truncated || trace->truncated)
        (void)fprintf(out, "(too long: not all of it is shown)\n");
    if (story->cut_short)
        (void)fprintf(out, "(there may be a shorter one: time was up)\n");
    if (story->replay != NULL)
        (void)fprintf(out, "replay: %s\n", story->replay);
    lab_print_counts(out, story);
}
