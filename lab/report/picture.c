/* SPDX-License-Identifier: MIT */
/*
 * picture.c - which lines a trace has.
 *
 * A line for each row that lab_choose_rows() wants; a line where a thread had
 * to wait and another went on; loops are folded.
 */
#include "picture.h"

#include <inttypes.h>
#include <string.h>

#include "verdict.h"

#define PERIOD_MAX 32u /* lines of a loop that is folded */
#define REPEATS_MIN 3u /* turns that are worth folding */

#define VALUE_MOST 999u    /* larger ones are packed words or addresses */
#define COUNT_BITS 0xffffu /* flags may share a word with a count */

const char *lab_outcome_name(enum lab_outcome outcome)
{
    static const char *const names[] = {
        [LAB_COMPLETE_RUN] = "complete", [LAB_FAILED] = "failed",
        [LAB_DEADLOCK] = "deadlock",     [LAB_LOST_WAKEUP] = "lost wake-up",
        [LAB_LIVELOCK] = "livelock",     [LAB_CRASHED] = "crashed",
        [LAB_BLOCKED] = "asleep",        [LAB_DIVERGED] = "diverged",
    };

    return names[outcome];
}

static void object_name(char *text, size_t size, const char *name, int index,
                        unsigned number)
{
    if (name == NULL && number == 0)
        text[0] = '\0';
    else if (name == NULL)
        (void)snprintf(text, size, "object %u", number);
    else if (index >= 0)
        (void)snprintf(text, size, "%s %d", name, index);
    else
        (void)snprintf(text, size, "%s", name);
}

static bool has_function(const struct lab_row *row)
{
    return row->function != NULL && row->function[0] != '\0';
}

/* A step with its own verb is not. */
bool lab_row_is_count(const struct lab_row *row)
{
    return has_function(row) && row->verb != NULL &&
           (strcmp(row->verb, "atomic_inc") == 0 ||
            strcmp(row->verb, "atomic_dec") == 0);
}

void lab_row_object(const struct lab_row *row, char *text, size_t size)
{
    object_name(text, size, row->object_name, row->object_index, row->object);
}

void lab_row_name(const struct lab_row *row, const struct lab_trace *trace,
                  char text[LAB_LINE_CHARS])
{
    char object[64];

    lab_row_object(row, object, sizeof(object));
    if (row->kind == LAB_NOTE || row->kind == LAB_ENTER)
        (void)snprintf(text, LAB_LINE_CHARS, "%s",
                       lab_trace_text(trace, row->text));
    else if (row->kind == LAB_CHOOSE)
        (void)snprintf(text, LAB_LINE_CHARS, "?%s=%" PRIu64, row->verb,
                       row->value);
    else if (row->kind == LAB_POINT)
        (void)snprintf(text, LAB_LINE_CHARS, "%s", row->verb);
    else if (lab_row_is_count(
                 row)) /* the function says more than "atomic_inc" */
        (void)snprintf(text, LAB_LINE_CHARS, "%s()", row->function);
    else
        (void)snprintf(text, LAB_LINE_CHARS, "%s(%s)", row->verb, object);
}

/* --- comments -------------------------------------------------------- */

void lab_append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);

    if (more[0] != '\0')
        (void)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ",
                       more);
}

void lab_row_count(const struct lab_row *row, char *text, size_t size)
{
    uint64_t count = row->value & COUNT_BITS;

    if (row->object_name == NULL || strcmp(row->object_name, "references") == 0)
        (void)snprintf(text, size, "%" PRIu64 " ref%s", count,
                       count == 1 ? "" : "s");
    else
        (void)snprintf(text, size, "%s %" PRIu64, row->object_name, count);
}

/* Is the function shown because it says what the lock or word is for? */
static bool is_entered_by(const struct lab_row *row)
{
    return has_function(row) && !lab_row_is_count(row) &&
           (row->kind == LAB_LOCK || row->kind == LAB_TRYLOCK ||
            row->kind == LAB_RMW || row->kind == LAB_WRITE);
}

static void comment_on(const struct lab_trace *trace, const struct lab_row *row,
                       char comment[LAB_LINE_CHARS])
{
    char value[64] = "";

    if (row->comment == 0 && row->has_value && row->kind != LAB_CHOOSE) {
        if (lab_row_is_count(row))
            lab_row_count(row, value, sizeof(value));
        else if (row->value <= VALUE_MOST)
            (void)snprintf(value, sizeof(value), "= %" PRIu64, row->value);
    }
    comment[0] = '\0';
    lab_append(comment, LAB_LINE_CHARS, value);
    if (row->comment == 0 && is_entered_by(row))
        lab_append(comment, LAB_LINE_CHARS, row->function);
    lab_append(comment, LAB_LINE_CHARS, lab_trace_text(trace, row->comment));
}

static void say_problem(const struct lab_trace *trace,
                        char comment[LAB_LINE_CHARS])
{
    char wrong[LAB_LINE_CHARS];

    /* It may have been passed over first. */
    if (strstr(comment, trace->what) != NULL)
        comment[0] = '\0';
    (void)snprintf(wrong, sizeof(wrong), "problem: %s", trace->what);
    lab_append(comment, LAB_LINE_CHARS, wrong);
}

/* --- lines ----------------------------------------------------------- */

static struct lab_line *add(struct lab_picture *picture, int thread,
                            unsigned row, unsigned depth)
{
    struct lab_line *line;

    if (picture->line_count == LAB_LINES) {
        picture->truncated = true;
        picture->line_count--;
    }
    line = &picture->lines[picture->line_count++];
    memset(line, 0, sizeof(*line));
    line->thread = thread;
    line->row = row;
    line->depth = depth;
    return line;
}

/* Adds "(waits for X)", where X is the object of the thread's next step, or of
 * its last wait; in a story "(waits in X)", the function. */
static void add_wait(struct lab_picture *picture, int thread, unsigned from)
{
    const struct lab_trace *trace = picture->trace;
    const struct lab_wait *wait = &trace->waits[thread];
    const char *function = wait->waits ? wait->function : NULL;
    char object[64] = "";
    struct lab_line *line;

    for (unsigned i = from; i < trace->row_count; i++) {
        const struct lab_row *row = &trace->rows[i];

        if (row->thread != thread || row->kind >= LAB_CHOOSE)
            continue;
        lab_row_object(row, object, sizeof(object));
        function = row->call == 0 ? row->function
                                  : lab_trace_text(trace, row->call);
        break;
    }
    if (object[0] == '\0' && wait->waits)
        object_name(object, sizeof(object), wait->object_name,
                    wait->object_index, wait->object);
    line = add(picture, thread, from == 0 ? 0 : from - 1, 0);
    line->waits = true;
    line->weight = LAB_WEIGHT_MUST;
    if (!picture->steps && function != NULL && function[0] != '\0')
        (void)snprintf(line->text, sizeof(line->text), "(waits in %s())",
                       function);
    else
        (void)snprintf(line->text, sizeof(line->text), "(waits%s%s)",
                       object[0] == '\0' ? "" : " for ", object);
}

static void add_rows(struct lab_picture *picture)
{
    static bool shown[LAB_ROWS];
    static unsigned shallower[LAB_ROWS];
    const struct lab_trace *trace = picture->trace;
    int before = 0; /* the thread of the step before */
    bool marked = false;

    lab_choose_rows(trace, shown, shallower);
    if (!picture->steps)
        lab_choose_story(trace, shown);
    for (unsigned i = 0; i < trace->row_count; i++) {
        const struct lab_row *row = &trace->rows[i];
        struct lab_line *line;

        if (row->switched && before != 0 && before != row->thread &&
            (row->blocked >> before & 1) != 0)
            add_wait(picture, before, i);
        if (row->kind < LAB_CHOOSE)
            before = row->thread;
        if (!shown[i])
            continue;
        line = add(picture, row->thread, i,
                   row->depth > shallower[i] ? row->depth - shallower[i] : 0u);
        if (picture->steps) {
            lab_row_name(row, trace, line->text);
            comment_on(trace, row, line->comment);
        } else {
            lab_story_row(trace, i, line);
        }
        line->is_call = row->kind == LAB_ENTER;
        line->problem = i == trace->failed_row && trace->what != NULL;
        if (line->problem)
            say_problem(trace, line->comment);
        line->marked = !marked && trace->marked_step != 0 &&
                       row->kind < LAB_CHOOSE &&
                       row->step >= trace->marked_step;
        marked = marked || line->marked;
    }
    for (int thread = 1; thread < LAB_THREADS; thread++) {
        if (trace->waits[thread].waits)
            add_wait(picture, thread, trace->row_count);
    }
}

/* --- folding --------------------------------------------------------- */

static bool equal(const struct lab_line *a, const struct lab_line *b)
{
    return a->thread == b->thread && strcmp(a->text, b->text) == 0 &&
           strcmp(a->comment, b->comment) == 0 && !a->marked && !b->marked;
}

/* How often the `period` lines from `at` repeat right after themselves. */
static unsigned repeats(const struct lab_picture *picture, unsigned at,
                        unsigned period)
{
    unsigned same = 0;

    while (
        at + period + same < picture->line_count &&
        equal(&picture->lines[at + same], &picture->lines[at + period + same]))
        same++;
    return same / period;
}

/* Replaces lines from `from` on by one that says how often they repeat. */
static void fold_away(struct lab_picture *picture, unsigned from,
                      unsigned count, unsigned times)
{
    struct lab_line *line = &picture->lines[from];

    memmove(line + 1, line + count,
            (picture->line_count - from - count) * sizeof(*line));
    picture->line_count -= count - 1;
    line->comment[0] = '\0';
    line->folded = true;
    line->weight = 0;
    (void)snprintf(line->text, sizeof(line->text), "... %u times more", times);
}

static void fold(struct lab_picture *picture)
{
    for (unsigned at = 0; at < picture->line_count; at++) {
        for (unsigned period = 1; period <= PERIOD_MAX; period++) {
            unsigned times = repeats(picture, at, period);

            if (times < REPEATS_MIN)
                continue;
            fold_away(picture, at + period, times * period, times);
            at += period;
            break;
        }
    }
}

/* --- the rest -------------------------------------------------------- */

static void describe_waits(const struct lab_trace *trace, char *text,
                           size_t size)
{
    char object[64];
    char one[LAB_LINE_CHARS];

    for (int thread = 1; thread < LAB_THREADS; thread++) {
        const struct lab_wait *wait = &trace->waits[thread];

        if (!wait->waits)
            continue;
        object_name(object, sizeof(object), wait->object_name,
                    wait->object_index, wait->object);
        if (wait->holder > 0)
            (void)snprintf(one, sizeof(one), "CPU#%d waits for %s of CPU#%d",
                           thread, object, wait->holder);
        else
            (void)snprintf(one, sizeof(one), "CPU#%d waits for %s", thread,
                           object);
        lab_append(text, size, one);
    }
}

static void describe_problem(struct lab_picture *picture)
{
    const struct lab_trace *trace = picture->trace;
    const char *message = lab_trace_text(trace, trace->message);
    char *text = picture->problem;

    text[0] = '\0';
    if (trace->outcome == LAB_COMPLETE_RUN || trace->what == NULL)
        return;
    (void)snprintf(text, sizeof(picture->problem), "problem: %s%s%s",
                   trace->what, message[0] == '\0' ? "" : ": ", message);
    if (trace->outcome == LAB_CRASHED && trace->signal != 0) {
        char signal[32];

        (void)snprintf(signal, sizeof(signal), "signal %d", trace->signal);
        lab_append(text, sizeof(picture->problem), signal);
    }
    describe_waits(trace, text, sizeof(picture->problem));
}

void lab_picture_draw(struct lab_picture *picture,
                      const struct lab_story *story)
{
    const struct lab_trace *trace = story->trace;

    memset(picture, 0, offsetof(struct lab_picture, lines));
    picture->trace = trace;
    picture->steps = story->steps;
    add_rows(picture);
    if (!picture->steps)
        lab_story_join(picture);
    fold(picture);
    if (!picture->steps)
        lab_story_shorten(picture);
    for (unsigned i = 0; i < picture->line_count; i++)
        picture->shown[picture->lines[i].thread] = true;
    for (int thread = 1; thread < LAB_THREADS; thread++) {
        if (!picture->shown[thread])
            continue;
        picture->columns++;
        (void)snprintf(
            picture->heading[thread], LAB_LINE_CHARS, "CPU#%d: %s", thread,
            trace->titles[thread] == NULL ? "" : trace->titles[thread]);
    }
    describe_problem(picture);
}

static void print_result(FILE *out, const struct lab_result *result)
{
    uint64_t traces = result->traces == 0 ? result->complete : result->traces;
    uint64_t failing = result->traces == 0 ? result->failures
                                           : result->failing_traces;

    (void)fprintf(out, "%" PRIu64 " trace%s", traces, traces == 1 ? "" : "s");
    if (failing == 0)
        (void)fprintf(out, ", none fails");
    else
        (void)fprintf(out, ", %" PRIu64 " %s", failing,
                      failing == 1 ? "is a failing prefix"
                                   : "are failing prefixes");
    (void)fputs(" (", out);
    lab_print_extent(out, result);
    (void)fputc(')', out);
}

size_t lab_break_at(const char *text, size_t width, size_t *skip)
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

void lab_print_wrapped(FILE *out, const char *line, unsigned width)
{
    size_t skip;

    while (line[0] != '\0') {
        size_t part = lab_break_at(line, width, &skip);

        (void)fprintf(out, "%.*s\n", (int)part, line);
        line += part + skip;
    }
}

void lab_print_counts(FILE *out, const struct lab_story *story)
{
    const unsigned width = story->width == 0 ? LAB_WIDTH_MOST : story->width;
    char text[2 * LAB_LINE_CHARS] = "";
    char *whole;
    FILE *line = fmemopen(text, sizeof(text), "w");

    if (line == NULL)
        return;
    if (story->broken != NULL) {
        (void)fprintf(line, "explored ");
        print_result(line, story->broken);
    }
    if (story->whole != NULL) {
        (void)fprintf(line, "%s", story->broken == NULL ? "" : "; ");
        (void)fprintf(line, "with every rule in force ");
        print_result(line, story->whole);
    }
    (void)fclose(line);
    if (strlen(text) > width && (whole = strstr(text, "; ")) != NULL) {
        whole[1] = '\0';
        lab_print_wrapped(out, text, width);
        lab_print_wrapped(out, whole + 2, width);
    } else {
        lab_print_wrapped(out, text, width);
    }
    if (story->whole != NULL)
        lab_print_met(out, &story->whole->met, story->width);
}
