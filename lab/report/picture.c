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

/* Is it a step on a reference count?  A step with its own verb is not. */
static bool is_count(const struct lab_row *row)
{
    return has_function(row) && row->verb != NULL &&
           (strcmp(row->verb, "atomic_inc") == 0 ||
            strcmp(row->verb, "atomic_dec") == 0);
}

void lab_row_name(const struct lab_row *row, const struct lab_trace *trace,
                  char text[LAB_LINE_CHARS])
{
    char object[64];

    object_name(object, sizeof(object), row->object_name, row->object_index,
                row->object);
    if (row->kind == LAB_NOTE || row->kind == LAB_ENTER)
        (void)snprintf(text, LAB_LINE_CHARS, "%s",
                       lab_trace_text(trace, row->text));
    else if (row->kind == LAB_CHOOSE)
        (void)snprintf(text, LAB_LINE_CHARS, "?%s=%" PRIu64, row->verb,
                       row->value);
    else if (row->kind == LAB_POINT)
        (void)snprintf(text, LAB_LINE_CHARS, "%s", row->verb);
    else if (is_count(row)) /* the function says more than "atomic_inc" */
        (void)snprintf(text, LAB_LINE_CHARS, "%s()", row->function);
    else
        (void)snprintf(text, LAB_LINE_CHARS, "%s(%s)", row->verb, object);
}

/* --- comments -------------------------------------------------------- */

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);

    if (more[0] != '\0')
        (void)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ",
                       more);
}

/* "2 refs" for references; another count by its name: "users 2". */
static void say_count(const struct lab_row *row, char *text, size_t size)
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
    return has_function(row) && !is_count(row) &&
           (row->kind == LAB_LOCK || row->kind == LAB_TRYLOCK ||
            row->kind == LAB_RMW || row->kind == LAB_WRITE);
}

static void comment_on(const struct lab_trace *trace, const struct lab_row *row,
                       bool problem, char comment[LAB_LINE_CHARS])
{
    char value[64] = "";
    char wrong[LAB_LINE_CHARS];

    if (row->comment == 0 && row->has_value && row->kind != LAB_CHOOSE) {
        if (is_count(row))
            say_count(row, value, sizeof(value));
        else if (row->value <= VALUE_MOST)
            (void)snprintf(value, sizeof(value), "= %" PRIu64, row->value);
    }
    comment[0] = '\0';
    append(comment, LAB_LINE_CHARS, value);
    if (row->comment == 0 && is_entered_by(row))
        append(comment, LAB_LINE_CHARS, row->function);
    append(comment, LAB_LINE_CHARS, lab_trace_text(trace, row->comment));
    if (!problem)
        return;
    (void)snprintf(wrong, sizeof(wrong), "problem: %s", trace->what);
    append(comment, LAB_LINE_CHARS, wrong);
}

/* --- lines ----------------------------------------------------------- */

static struct lab_line *add(struct lab_picture *picture, int thread,
                            unsigned depth)
{
    struct lab_line *line;

    if (picture->line_count == LAB_LINES) {
        picture->truncated = true;
        picture->line_count--;
    }
    line = &picture->lines[picture->line_count++];
    memset(line, 0, sizeof(*line));
    line->thread = thread;
    line->depth = depth;
    return line;
}

/* Adds "(waits for X)", where X is the object of the thread's next step, or of
 * its last wait. */
static void add_wait(struct lab_picture *picture, int thread, unsigned from)
{
    const struct lab_trace *trace = picture->trace;
    const struct lab_wait *wait = &trace->waits[thread];
    char object[64] = "";
    struct lab_line *line;

    for (unsigned i = from; i < trace->row_count; i++) {
        const struct lab_row *row = &trace->rows[i];

        if (row->thread != thread || row->kind >= LAB_CHOOSE)
            continue;
        object_name(object, sizeof(object), row->object_name, row->object_index,
                    row->object);
        break;
    }
    if (object[0] == '\0' && wait->waits)
        object_name(object, sizeof(object), wait->object_name,
                    wait->object_index, wait->object);
    line = add(picture, thread, 0);
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
        line = add(picture, row->thread,
                   row->depth > shallower[i] ? row->depth - shallower[i] : 0u);
        lab_row_name(row, trace, line->text);
        line->problem = i == trace->failed_row && trace->what != NULL;
        comment_on(trace, row, line->problem, line->comment);
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
        append(text, size, one);
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
        append(text, sizeof(picture->problem), signal);
    }
    describe_waits(trace, text, sizeof(picture->problem));
}

void lab_picture_draw(struct lab_picture *picture,
                      const struct lab_trace *trace)
{
    memset(picture, 0, offsetof(struct lab_picture, lines));
    picture->trace = trace;
    add_rows(picture);
    fold(picture);
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

void lab_print_counts(FILE *out, const struct lab_story *story)
{
    if (story->broken != NULL) {
        (void)fprintf(out, "explored ");
        print_result(out, story->broken);
    }
    if (story->whole != NULL) {
        (void)fprintf(out, "%s", story->broken == NULL ? "" : "; ");
        (void)fprintf(out, "with every rule in force ");
        print_result(out, story->whole);
    }
    if (story->broken != NULL || story->whole != NULL)
        (void)fputc('\n', out);
    if (story->whole != NULL)
        lab_print_met(out, &story->whole->met);
}
