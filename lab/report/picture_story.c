/* SPDX-License-Identifier: MIT */
/*
 * picture_story.c - a trace as a changelog tells it: calls and counts.
 *
 * Of the rows that a picture of all steps has, a story keeps those that read as
 * a call of the library.  A lock that is taken stands for the function that
 * takes it; unlocks, loads, and the words of the implementation are left out.
 * Equal lines of a thread that follow each other are one.
 *
 * There is room for few lines.  First to go are steps that pass nothing from
 * one thread to another, then those on objects that a reader does not ask
 * for, as locks of the allocator.  Never left out are the calls of the
 * scenario, what failed, both accesses of a race, both ends of the life of
 * memory, waits, and the step after which every continuation fails.
 */
#include "picture.h"

#include <string.h>

#define STORY_LINES 24 /* so that all of it is 40 */
#define HANDED_ON 25   /* weight of a step next to another thread's */

/* What a reader asks for, most first; other objects are in between. */
static const struct {
    const char *object;
    int weight;
} objects[] = {
    {"page table", 50}, {"references", 45}, {"shard", 45},   {"folio", 45},
    {"lru", 40},        {"cluster", 40},    {"accepts", 40}, {"context", 30},
    {"pin", 10},        {"group", 20},      {"slots", 45},   {"users", 5},
    {"handles", 4},     {"frames", 3},      {"rmap", 3},     {"memory", 2},
    {"arena", 1},       {"pages", 1},
};
#define OTHER_WEIGHT 6

static bool is_bit_lock(const struct lab_row *row)
{
    return row->verb != NULL && strncmp(row->verb, "bit_", 4) == 0;
}

/* The step's own function if other modules call it, else the innermost one
 * around it that they call. */
static const char *call_of(const struct lab_trace *trace,
                           const struct lab_row *row)
{
    const char *function = row->function == NULL ? "" : row->function;

    if (row->call != 0 && strncmp(function, "zc_", 3) != 0)
        return lab_trace_text(trace, row->call);
    return function;
}

/* --- which rows ------------------------------------------------------ */

/* "decompressed", right after "decompress". */
static bool is_end_of_point(const struct lab_row *row)
{
    const size_t length = row->verb == NULL ? 0 : strlen(row->verb);

    return row->kind == LAB_POINT && length > 5 &&
           strcmp(row->verb + length - 2, "ed") == 0;
}

static bool is_told(const struct lab_trace *trace, unsigned at)
{
    const struct lab_row *row = &trace->rows[at];

    if (at == trace->failed_row || row->comment != 0)
        return true;
    if (is_end_of_point(row))
        return false;
    if (row->kind >= LAB_CHOOSE || row->kind == LAB_POINT)
        return true;
    if (call_of(trace, row)[0] == '\0') /* a program without such names */
        return true;
    return row->kind != LAB_UNLOCK && row->kind != LAB_READ &&
           row->kind != LAB_RELAX && row->kind != LAB_WAKE;
}

void lab_choose_story(const struct lab_trace *trace, bool *shown)
{
    for (unsigned i = 0; i < trace->row_count; i++) {
        const struct lab_row *row = &trace->rows[i];
        const bool is_marked = trace->marked_step != 0 &&
                               row->kind < LAB_CHOOSE &&
                               row->step == trace->marked_step;

        shown[i] = shown[i] && (is_marked || is_told(trace, i));
    }
}

/* --- lines ----------------------------------------------------------- */

/* The thread of the step on this object before or after; 0: none. */
static int neighbour(const struct lab_trace *trace, unsigned at, bool before)
{
    const unsigned object = trace->rows[at].object;
    unsigned i = at;

    while (before ? i-- > 0 : ++i < trace->row_count) {
        const struct lab_row *row = &trace->rows[i];

        if (row->kind < LAB_CHOOSE && row->object == object && row->thread != 0)
            return row->thread;
    }
    return 0;
}

static int weight_of(const struct lab_trace *trace, unsigned at)
{
    const struct lab_row *row = &trace->rows[at];
    const char *name = is_bit_lock(row) ? "folio" : row->object_name;
    int weight = OTHER_WEIGHT;
    int other;

    if (row->kind >= LAB_CHOOSE || at == trace->failed_row || row->comment != 0)
        return LAB_WEIGHT_MUST;
    if (row->object == 0)
        return OTHER_WEIGHT + HANDED_ON;
    for (size_t i = 0; name != NULL && i < sizeof(objects) / sizeof(objects[0]);
         i++) {
        if (strcmp(objects[i].object, name) == 0)
            weight = objects[i].weight;
    }
    other = neighbour(trace, at, true);
    if (other == row->thread || other == 0)
        other = neighbour(trace, at, false);
    return other == row->thread || other == 0 ? weight : weight + HANDED_ON;
}

/* A count also where it is exchanged, with what else the word has. */
static bool has_count(const struct lab_row *row)
{
    return lab_row_is_count(row) ||
           (row->has_value && row->kind == LAB_RMW &&
            row->object_name != NULL &&
            strcmp(row->object_name, "references") == 0);
}

/* Is it the function whose call is shown around the row? */
static bool is_within(const struct lab_trace *trace, unsigned at,
                      const char *function)
{
    const struct lab_row *row = &trace->rows[at];
    const char *title = trace->titles[row->thread];
    const size_t length = strlen(function);

    for (unsigned i = at; i-- > 0;) {
        const struct lab_row *before = &trace->rows[i];

        if (before->thread != row->thread || before->kind != LAB_ENTER)
            continue;
        title = lab_trace_text(trace, before->text);
        break;
    }
    return title != NULL && strncmp(title, function, length) == 0 &&
           title[length] == '(' && row->function != NULL &&
           row->function[0] != '\0';
}

/* What was chosen, in words; the names of budgets are for replay strings. */
static void put_choice(const struct lab_row *row, struct lab_line *line)
{
    static const struct {
        const char *budget, *words;
    } lucks[] = {{"spurious", "(wakes for nothing)"},
                 {"timeout", "(time runs out)"},
                 {"weak", "(fails for nothing)"},
                 {"reuse", "(gets a freed block again)"}};

    for (size_t i = 0; i < sizeof(lucks) / sizeof(lucks[0]); i++) {
        if (strcmp(lucks[i].budget, row->verb) == 0) {
            (void)snprintf(line->text, sizeof(line->text), "%s",
                           lucks[i].words);
            return;
        }
    }
    (void)snprintf(line->text, sizeof(line->text), "(%s fails)", row->verb);
}

void lab_story_row(const struct lab_trace *trace, unsigned at,
                   struct lab_line *line)
{
    const struct lab_row *row = &trace->rows[at];
    const char *call = call_of(trace, row);
    char count[64] = "";

    line->weight = weight_of(trace, at);
    if (call[0] != '\0' && is_within(trace, at, call))
        call = row->function;
    if (row->is_failure)
        put_choice(row, line);
    else if (row->kind >= LAB_CHOOSE || row->kind == LAB_POINT ||
             call[0] == '\0')
        lab_row_name(row, trace, line->text);
    else
        (void)snprintf(line->text, sizeof(line->text), "%s()", call);
    if (has_count(row))
        lab_row_count(row, count, sizeof(count));
    lab_append(line->comment, sizeof(line->comment), count);
    lab_append(line->comment, sizeof(line->comment),
               lab_trace_text(trace, row->comment));
}

/* --- few of them ----------------------------------------------------- */

static void remove_line(struct lab_picture *picture, unsigned at)
{
    struct lab_line *line = &picture->lines[at];

    memmove(line, line + 1, (picture->line_count - at - 1) * sizeof(*line));
    picture->line_count--;
}

/* Does the line say no more than the one before?  Then that one gets its
 * comment. */
static bool join(struct lab_line *before, const struct lab_line *line)
{
    if (before->thread != line->thread || before->is_call ||
        strcmp(before->text, line->text) != 0)
        return false;
    if (before->comment[0] == '\0')
        memcpy(before->comment, line->comment, sizeof(before->comment));
    else if (line->comment[0] != '\0' &&
             strcmp(before->comment, line->comment) != 0)
        return false;
    before->marked = before->marked || line->marked;
    before->problem = before->problem || line->problem;
    if (line->weight > before->weight)
        before->weight = line->weight;
    return true;
}

static bool is_kept(const struct lab_line *line)
{
    return line->weight >= LAB_WEIGHT_MUST || line->problem || line->marked;
}

/* The line to leave out; line_count: none may be.  Of equal weight the one that
 * is farthest from a line of another thread. */
static unsigned least_line(const struct lab_picture *picture)
{
    unsigned least = picture->line_count;
    unsigned far = 0;
    unsigned begun = 0; /* where the thread's lines begin */

    for (unsigned i = 0; i < picture->line_count; i++) {
        const struct lab_line *line = &picture->lines[i];
        unsigned end = i;
        unsigned distance;

        if (i > 0 && line[-1].thread != line->thread)
            begun = i;
        while (end < picture->line_count &&
               picture->lines[end].thread == line->thread)
            end++;
        distance = i - begun < end - i ? i - begun : end - i;
        if (is_kept(line))
            continue;
        if (least == picture->line_count ||
            line->weight < picture->lines[least].weight ||
            (line->weight == picture->lines[least].weight && distance > far)) {
            least = i;
            far = distance;
        }
    }
    return least;
}

void lab_story_join(struct lab_picture *picture)
{
    for (unsigned i = 1; i < picture->line_count; i++) {
        if (join(&picture->lines[i - 1], &picture->lines[i]))
            remove_line(picture, i--);
    }
}

void lab_story_shorten(struct lab_picture *picture)
{
    unsigned least;

    while (picture->line_count > STORY_LINES &&
           (least = least_line(picture)) < picture->line_count) {
        remove_line(picture, least);
        picture->omitted++;
    }
    lab_story_join(picture);
}
