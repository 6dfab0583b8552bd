/* SPDX-License-Identifier: MIT */
/*
 * print_columns.c - a column for each thread, time going down, as changelogs
 * of the kernel show races.  At most 100 characters wide; longer lines wrap.
 */
#include "picture.h"

#include <string.h>

#define WIDTH 100u
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
    unsigned room = WIDTH - GAP * (picture->columns - 1);

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

/* How much of the text goes on a line of this width; *skip: blanks after. */
static size_t break_at(const char *text, size_t width, size_t *skip)
{
    size_t length = strlen(text);
    size_t at = width;

    *skip = 0;
    if (length <= width)
        return length;
    while (at > width / 2 && text[at] != ' ')
        at--;
    if (text[at] != ' ')
        return width;
    while (text[at + *skip] == ' ')
        ++*skip;
    for (; at > 0 && text[at - 1] == ' '; at--)
        ++*skip;
    return at;
}

static void print_line(FILE *out, const struct layout *layout,
                       const struct lab_line *line)
{
    unsigned start = layout->start[line->thread];
    /* A line has one thread: it may use the space right of its column. */
    unsigned width = WIDTH - start;
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
        size_t part = break_at(rest, width - margin, &skip);
        unsigned end = start + margin + (unsigned)part;

        (void)fprintf(out, "%*s%.*s", (int)(start + margin), "", (int)part,
                      rest);
        if (first && line->marked && end + 2 + strlen(mark) <= WIDTH)
            (void)fprintf(out, "%*s%s",
                          (int)(end + 2 > column ? 2 : column - end), "", mark);
        (void)fputc('\n', out);
        if (first && line->marked && end + 2 + strlen(mark) > WIDTH)
            (void)fprintf(out, "%*s%s\n", (int)(WIDTH - strlen(mark)), "",
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

static void print_title(FILE *out, const struct lab_trace *trace)
{
    char title[2 * LAB_LINE_CHARS];
    int used = snprintf(title, sizeof(title), "%s%s%s", trace->program,
                        trace->broken == NULL ? "" : ", broken: ",
                        trace->broken == NULL ? "" : trace->broken);

    (void)fprintf(out, "%s%*s%u preemption%s\n", title,
                  used < 66 ? 66 - used : 2, "", trace->preemptions,
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

/* Text below the columns. */
static void print_text(FILE *out, const struct lab_story *story,
                       const char *text)
{
    for (size_t at = 0; text[at] != '\0';) {
        size_t skip = story->stable ? unstable_part(text, at) : 0;

        if (skip == 0)
            (void)fputc(text[at], out);
        at += skip == 0 ? 1 : skip;
    }
}

void lab_print_columns(FILE *out, const struct lab_story *story)
{
    static struct lab_picture picture;
    const struct lab_trace *trace = story->trace;
    struct layout layout = {.last = 0};

    lab_picture_draw(&picture, trace);
    print_title(out, trace);
    if (picture.columns > 0) {
        measure(&picture, &layout);
        print_headings(out, &picture, &layout);
        for (unsigned i = 0; i < picture.line_count; i++)
            print_line(out, &layout, &picture.lines[i]);
    }
    if (picture.problem[0] != '\0') {
        print_text(out, story, picture.problem);
        (void)fputc('\n', out);
    }
    print_text(out, story, lab_trace_text(trace, trace->detail));
    if (picture.truncated || trace->truncated)
        (void)fprintf(out, "(too long: not all of it is shown)\n");
    if (story->cut_short)
        (void)fprintf(out, "(there may be a shorter one: time was up)\n");
    if (story->replay != NULL)
        (void)fprintf(out, "replay: %s\n", story->replay);
    lab_print_counts(out, story);
}
