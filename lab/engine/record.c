/* SPDX-License-Identifier: MIT */
/*
 * record.c - the rows of an execution that is replayed to be shown.
 */
#include "engine.h"

#include <stdio.h>
#include <string.h>

static const char *const verbs[LAB_KINDS] = {
    [LAB_READ] = "read",       [LAB_WRITE] = "write",
    [LAB_RMW] = "change",      [LAB_LOCK] = "lock",
    [LAB_UNLOCK] = "unlock",   [LAB_TRYLOCK] = "trylock",
    [LAB_WAIT] = "wait",       [LAB_WAKE] = "wake",
    [LAB_GET] = "get",         [LAB_PUT] = "put",
    [LAB_SUBMIT] = "submit",   [LAB_COMPLETE] = "complete",
    [LAB_TRY_GET] = "try_get", [LAB_ALLOC] = "alloc",
    [LAB_FREE] = "free",       [LAB_RELAX] = "cpu_relax",
    [LAB_SPAWN] = "spawn",     [LAB_JOIN] = "join",
    [LAB_END] = "end",         [LAB_POINT] = "point",
    [LAB_CHOOSE] = "?",        [LAB_NOTE] = "",
    [LAB_ENTER] = "",          [LAB_LEAVE] = "",
};

static struct lab_thread_state *this_thread(void)
{
    return &lab_run.thread[lab_run.current];
}

static bool recording(void)
{
    return lab_run.active && lab_run.trace != NULL && !lab_run.in_oracle;
}

bool lab_recording(void)
{
    return recording();
}

bool lab_is_recorded(void)
{
    return lab_run.trace != NULL;
}

/* Publishes the state now: the next step may be the last of this process. */
static void note_progress(void)
{
    struct lab_trace *trace = lab_run.trace;
    uint64_t hash = lab_run.event_hash;

    for (int i = 1; i <= lab_run.threads; i++)
        trace->titles[i] = lab_run.thread[i].title;
    trace->thread_count = (unsigned)lab_run.threads;
    trace->preemptions = lab_run.preemptions;
    trace->switches = lab_run.switches;
    trace->steps = lab_run.steps;
    trace->hash = (uint32_t)(hash ^ (hash >> 32));
    trace->failed_row = trace->row_count == 0 ? 0 : trace->row_count - 1;
}

void lab_record_begin(const struct lab_program *program)
{
    struct lab_trace *trace = lab_run.trace;

    memset(trace, 0, offsetof(struct lab_trace, rows));
    note_progress();
    trace->program = program->name;
    trace->broken = program->broken;
    memcpy(trace->luck, program->luck, sizeof(trace->luck));
    trace->luck_given = program->luck_given;
    trace->text_used = 1;
    trace->texts[0] = '\0';
}

unsigned lab_record_text(const char *format, va_list arguments)
{
    struct lab_trace *trace = lab_run.trace;
    size_t room = sizeof(trace->texts) - trace->text_used;
    unsigned at = trace->text_used;
    int length = vsnprintf(trace->texts + at, room, format, arguments);

    if (length < 0 || (size_t)length >= room) {
        trace->texts[at] = '\0';
        trace->truncated = true;
        return 0;
    }
    trace->text_used += (unsigned)length + 1;
    return at;
}

/* --- rows ------------------------------------------------------------ */

/* The depth of a row: the calls around it and the locks held. */
static uint8_t depth_of(const struct lab_thread_state *state, unsigned kind)
{
    unsigned depth = state->depth + state->held_count;

    if (kind == LAB_UNLOCK && state->held_count > 0)
        depth--;
    return (uint8_t)(depth > 255 ? 255 : depth);
}

/* The last part of a path; the rest differs from one build to the next. */
static const char *base_name(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static struct lab_row *add_row(int thread, unsigned kind)
{
    struct lab_trace *trace = lab_run.trace;
    struct lab_thread_state *state = &lab_run.thread[thread];
    struct lab_row *row;

    if (trace->row_count >= LAB_ROWS) {
        trace->truncated = true;
        trace->row_count--;
    }
    state->row = trace->row_count++;
    row = &trace->rows[state->row];
    memset(row, 0, sizeof(*row));
    row->thread = (uint8_t)thread;
    row->kind = (uint8_t)kind;
    row->depth = depth_of(state, kind);
    row->object_index = -1;
    row->step = lab_run.steps;
    return row;
}

static unsigned waiting(void)
{
    unsigned set = 0;

    for (int thread = 1; thread <= lab_run.threads; thread++) {
        if (!lab_run.thread[thread].finished && !lab_can_run(thread))
            set |= LAB_BIT(thread);
    }
    return set;
}

void lab_record_step(int thread, bool switched, bool preemption)
{
    const struct lab_pending *step = &lab_run.thread[thread].pending;
    unsigned kind = step->kind & 0xffu;
    struct lab_row *row;

    if (thread != 0)
        lab_record_state();
    row = add_row(thread, kind);
    row->blocked = waiting();
    row->switched = switched;
    row->preemption = preemption;
    row->object = step->object;
    row->object_name = lab_objects[step->object].name;
    row->object_index = lab_objects[step->object].index;
    if (step->object == 0) {
        row->object_name = NULL;
        row->object_index = -1;
    }
    row->verb = step->site.verb == NULL ? verbs[kind] : step->site.verb;
    row->function = step->site.function;
    row->file = base_name(step->site.file);
    row->line = step->site.line;
    if (lab_watcher != NULL && lab_watcher->calls != NULL)
        (void)lab_watcher->calls(thread, row->calls, LAB_ROW_CALLS);
    note_progress();
}

void lab_record_choice(const char *what, unsigned value, bool costs)
{
    struct lab_row *row = add_row(lab_run.current, LAB_CHOOSE);

    row->verb = what;
    row->value = value;
    row->has_value = true;
    row->is_failure = costs && value != 0;
}

void lab_record_value(uint64_t value)
{
    struct lab_row *rows = lab_run.trace->rows;
    unsigned at = this_thread()->row;

    if (at == LAB_NO_ROW)
        return;
    /* A choice within the step has a row of its own, after that of the step. */
    while (at > 0 &&
           (rows[at].kind == LAB_CHOOSE || rows[at].thread != lab_run.current))
        at--;
    rows[at].value = value;
    rows[at].has_value = true;
}

void lab_opening(const char *format, ...)
{
    va_list arguments;

    if (!recording())
        return;
    va_start(arguments, format);
    lab_run.trace->opening = lab_record_text(format, arguments);
    va_end(arguments);
}

void lab_note(const char *format, ...)
{
    va_list arguments;
    struct lab_row *row;

    if (!recording())
        return;
    row = add_row(lab_run.current, LAB_NOTE);
    va_start(arguments, format);
    row->text = lab_record_text(format, arguments);
    va_end(arguments);
}

/* The place after the last row of a thread up to a step. */
static unsigned place_after(const struct lab_trace *trace, int thread,
                            unsigned step)
{
    unsigned at = trace->row_count;

    while (at > 0 && (trace->rows[at - 1].thread != thread ||
                      trace->rows[at - 1].step > step))
        at--;
    return at;
}

/* Makes room for a row; false: there is none. */
static bool insert_row(struct lab_trace *trace, unsigned at)
{
    if (trace->row_count >= LAB_ROWS) {
        trace->truncated = true;
        return false;
    }
    memmove(&trace->rows[at + 1], &trace->rows[at],
            (trace->row_count - at) * sizeof(trace->rows[0]));
    trace->row_count++;
    for (int i = 0; i <= lab_run.threads; i++) {
        unsigned *row = &lab_run.thread[i].row;

        *row += *row != LAB_NO_ROW && *row >= at;
    }
    trace->passed_row += trace->passed_row >= at;
    return true;
}

void lab_note_at(int thread, unsigned step, const char *format, ...)
{
    struct lab_trace *trace = lab_run.trace;
    const struct lab_row *before;
    struct lab_row *row;
    va_list arguments;
    unsigned at;

    if (!recording() || thread <= 0)
        return;
    at = place_after(trace, thread, step);
    if (!insert_row(trace, at))
        return;
    row = &trace->rows[at];
    memset(row, 0, sizeof(*row));
    row->thread = (uint8_t)thread;
    row->kind = LAB_NOTE;
    row->object_index = -1;
    if (at > 0) { /* else it stands before all steps */
        before = row - 1;
        row->depth = (uint8_t)(before->depth + (before->kind == LAB_LOCK ||
                                                before->kind == LAB_ENTER));
        row->step = before->step;
    }
    va_start(arguments, format);
    row->text = lab_record_text(format, arguments);
    va_end(arguments);
}

void lab_enter(const char *format, ...)
{
    va_list arguments;
    struct lab_row *row;

    if (!recording())
        return;
    row = add_row(lab_run.current, LAB_ENTER);
    va_start(arguments, format);
    row->text = lab_record_text(format, arguments);
    va_end(arguments);
    this_thread()->depth++;
}

void lab_leave(void)
{
    if (recording() && this_thread()->depth > 0)
        this_thread()->depth--;
}

void lab_comment(const char *format, ...)
{
    unsigned at = this_thread()->row;
    va_list arguments;

    if (!recording() || at == LAB_NO_ROW)
        return;
    va_start(arguments, format);
    lab_run.trace->rows[at].comment = lab_record_text(format, arguments);
    va_end(arguments);
}

/* Copies the lines so far and this one to the end of the texts. */
static void add_detail(struct lab_trace *trace, const char *line, size_t length)
{
    size_t before = strlen(lab_trace_text(trace, trace->detail));
    char *to = trace->texts + trace->text_used;

    if (trace->text_used + before + length + 2 > sizeof(trace->texts)) {
        trace->truncated = true;
        return;
    }
    memcpy(to, lab_trace_text(trace, trace->detail), before);
    memcpy(to + before, line, length);
    to[before + length] = '\n';
    to[before + length + 1] = '\0';
    trace->detail = trace->text_used;
    trace->text_used += (unsigned)(before + length) + 2;
}

void lab_detail(const char *format, ...)
{
    char line[512];
    va_list arguments;

    if (!lab_run.active || lab_run.trace == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    add_detail(lab_run.trace, line, strlen(line));
}

void lab_record_message(const char *format, va_list arguments)
{
    lab_run.trace->message = lab_record_text(format, arguments);
}

unsigned lab_record_keep(const char *format, ...)
{
    va_list arguments;
    unsigned at;

    va_start(arguments, format);
    at = lab_record_text(format, arguments);
    va_end(arguments);
    return at;
}

void lab_record_passed(const char *what, bool is_first)
{
    struct lab_trace *trace = lab_run.trace;
    unsigned at = this_thread()->row;

    if (is_first) {
        trace->passed_row = at == LAB_NO_ROW ? trace->row_count : at;
        trace->passed_message = trace->message;
        trace->passed_detail = trace->detail;
    }
    trace->message = 0;
    trace->detail = 0;
    if (at == LAB_NO_ROW || lab_run.current == 0)
        return;
    if (trace->rows[at].comment == 0)
        trace->rows[at].comment = lab_record_keep("%s", what);
    else
        trace->rows[at].comment = lab_record_keep(
            "%s, %s", lab_trace_text(trace, trace->rows[at].comment), what);
}

/* --- the end --------------------------------------------------------- */

static void note_waits(struct lab_trace *trace)
{
    for (int i = 1; i <= lab_run.threads; i++) {
        const struct lab_thread_state *thread = &lab_run.thread[i];
        const struct lab_object_state *object;
        struct lab_wait *wait = &trace->waits[i];

        if (thread->finished || lab_can_run(i))
            continue;
        object = &lab_objects[thread->pending.object];
        wait->waits = true;
        wait->kind = thread->pending.kind & 0xffu;
        wait->object = thread->pending.object;
        wait->holder = wait->kind == LAB_LOCK ? object->holder : LAB_NO_THREAD;
        wait->object_name = object->name;
        wait->object_index = object->index;
        wait->function = thread->pending.site.function;
    }
}

static void say(const char *format, ...) LAB_PRINTF(1, 2);

static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    lab_record_message(format, arguments);
    va_end(arguments);
}

void lab_record_divergence(int entry)
{
    const struct lab_pending *step;
    unsigned number = lab_run.diverged_at + 1;
    const char *name;

    if ((entry & (int)LAB_CHOICE) != 0 && lab_run.depth < lab_run.script) {
        say("entry %u: the string makes choice c%d, the program has a step or "
            "fewer choices here",
            number, entry & ~(int)LAB_CHOICE);
        return;
    }
    if (entry < 1 || entry > lab_run.threads) {
        say("entry %u: the string runs CPU#%d, there is none", number, entry);
        return;
    }
    if (lab_run.thread[entry].finished) {
        say("entry %u: the string runs CPU#%d, which has ended", number, entry);
        return;
    }
    step = &lab_run.thread[entry].pending;
    name = step->object == 0 ? NULL : lab_objects[step->object].name;
    say("entry %u: the string runs CPU#%d, which waits at %s(%s), %s:%d",
        number, entry,
        step->site.verb == NULL ? verbs[step->kind & 0xffu] : step->site.verb,
        name == NULL ? "" : name, base_name(step->site.file), step->site.line);
}

/*
 * A thread's notes before its first step were recorded when the execution
 * began.  Moves them to just before that step.
 */
static void move_first_rows(struct lab_trace *trace)
{
    for (unsigned i = trace->row_count; i > 0; i--) {
        struct lab_row row = trace->rows[i - 1];
        unsigned to = i;

        if (row.step != 0 || row.thread == 0)
            continue;
        while (to < trace->row_count && trace->rows[to].thread != row.thread)
            to++;
        if (to == trace->row_count) /* no step follows */
            continue;
        memmove(&trace->rows[i - 1], &trace->rows[i],
                (to - i) * sizeof(trace->rows[0]));
        trace->rows[to - 1] = row;
        if (trace->failed_row == i - 1)
            trace->failed_row = to - 1;
        else if (trace->failed_row > i - 1 && trace->failed_row < to)
            trace->failed_row--;
    }
}

/* --- the names of calls ---------------------------------------------- */

#define CALLS 1024 /* different ones */

struct call {
    const void *pc;
    unsigned name; /* offset in texts, 0: none */
};

static struct call calls[CALLS];
static unsigned call_count;

/* The place of a call in the table; call_count: it is not there. */
static unsigned find_call(const void *pc)
{
    unsigned i = 0;

    while (i < call_count && calls[i].pc != pc)
        i++;
    return i;
}

static void name_call(void *context, unsigned index, const char *name,
                      const char *line)
{
    (void)context;
    (void)line;
    if (strncmp(name, "zc_", 3) == 0)
        calls[index].name = lab_record_keep("%s", name);
}

static void collect_calls(const struct lab_trace *trace)
{
    call_count = 0;
    for (unsigned i = 0; i < trace->row_count; i++) {
        for (unsigned k = 0; k < LAB_ROW_CALLS; k++) {
            const void *pc = trace->rows[i].calls[k];

            if (pc == NULL)
                break;
            if (call_count < CALLS && find_call(pc) == call_count)
                calls[call_count++] = (struct call){pc, 0};
        }
    }
}

/* Gives each row the innermost function of the library's that it is in. */
static void name_calls(struct lab_trace *trace)
{
    static const void *pcs[CALLS];

    if (lab_watcher == NULL || lab_watcher->name_calls == NULL)
        return;
    collect_calls(trace);
    for (unsigned i = 0; i < call_count; i++)
        pcs[i] = calls[i].pc;
    lab_watcher->name_calls(pcs, call_count, name_call, NULL);
    for (unsigned i = 0; i < trace->row_count; i++) {
        struct lab_row *row = &trace->rows[i];

        for (unsigned k = 0;
             k < LAB_ROW_CALLS && row->calls[k] != NULL && row->call == 0;
             k++) {
            unsigned at = find_call(row->calls[k]);

            row->call = at == call_count ? 0 : calls[at].name;
        }
    }
}

void lab_record_end(void)
{
    struct lab_trace *trace = lab_run.trace;

    note_progress();
    trace->outcome = lab_run.outcome;
    trace->what = lab_run.what;
    trace->failed_row = trace->row_count;
    if (lab_run.outcome == LAB_FAILED && lab_run.what == lab_run.passed_what) {
        trace->failed_row = trace->passed_row;
        trace->message = trace->passed_message;
        trace->detail = trace->passed_detail;
    } else if (lab_run.outcome == LAB_FAILED &&
               lab_run.thread[lab_run.ended_by].row != LAB_NO_ROW) {
        trace->failed_row = lab_run.thread[lab_run.ended_by].row;
    }
    if (lab_run.stuck)
        note_waits(trace);
    move_first_rows(trace);
    name_calls(trace);
}
