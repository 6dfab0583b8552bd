/* SPDX-License-Identifier: MIT */
/*
 * record_state.c - how the program's objects are after each step.
 *
 * The observer names them while no thread is in a step.  A row has only the
 * lines that have changed.
 */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#define STATES 64
#define STATE_TEXT ((size_t)STATES * 160)

bool lab_states_wanted;

static struct {
    char name[40];
    char text[112];
} states[STATES];
static unsigned state_count;
static char changed[STATE_TEXT]; /* since the row before */
static size_t changed_used;

void lab_say_state(const char *name, const char *format, ...)
{
    char text[sizeof(states[0].text)];
    va_list arguments;
    unsigned i = 0;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    while (i < state_count && strcmp(states[i].name, name) != 0)
        i++;
    if (i == STATES || (i < state_count && strcmp(states[i].text, text) == 0))
        return;
    if (i == state_count)
        state_count++;
    (void)snprintf(states[i].name, sizeof(states[i].name), "%s", name);
    memcpy(states[i].text, text, sizeof(text));
    changed_used += (size_t)snprintf(changed + changed_used,
                                     sizeof(changed) - changed_used, "%s: %s\n",
                                     states[i].name, text);
}

void lab_record_state(void)
{
    struct lab_trace *trace = lab_run.trace;
    struct lab_row *row;
    unsigned *at;

    if (!lab_states_wanted || !lab_recording() || lab_watcher == NULL ||
        lab_watcher->state == NULL)
        return;
    row = trace->row_count == 0 ? NULL : &trace->rows[trace->row_count - 1];
    /* The first rows of threads may still be moved. */
    at = row == NULL || row->step == 0 ? &trace->state : &row->state;
    if (at == &trace->state && *at == 0)
        state_count = 0;
    changed_used = 0;
    lab_run.in_oracle = true;
    lab_watcher->state();
    lab_run.in_oracle = false;
    if (changed_used != 0)
        *at = lab_record_keep("%s%s", lab_trace_text(trace, *at), changed);
}
