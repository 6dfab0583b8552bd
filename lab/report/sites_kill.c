/* SPDX-License-Identifier: MIT */
/*
 * sites_kill.c - one site, switched off, in the scenarios that pass it.
 *
 * Each scenario runs without a preemption, the shorter ones first.  Then each
 * in which nothing fails runs with one, and then with two where the site
 * matters: where a thread is inside what is switched off, or has what is taken
 * there.  Then each runs with preemptions anywhere.  A data race does not end
 * an execution: what counts is what comes of it.  The search ends at the first
 * failure that needs a preemption.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream() where POSIX alone is not enough */
#endif

#include "sites.h"

#include <stdlib.h>
#include <string.h>

#include "engine/search.h"
#include "picture.h"

#define EXECUTIONS 2000      /* of a scenario and a bound */
#define ALL_EXECUTIONS 20000 /* of a site */

struct kill {
    const struct lab_site_table *table;
    struct lab_site_row *row;
    uint64_t end; /* by lab_clock(); 0: no limit */
    bool isolated;
    unsigned order[LAB_SITE_SCENARIOS];
    bool fails[LAB_SITE_SCENARIOS]; /* without a preemption */
    unsigned count;
};

/* The objects that were taken at the site, in each scenario. */
static struct {
    unsigned count;
    const void *objects[LAB_SITE_OBJECTS];
} taken[LAB_SITE_SCENARIOS];

static struct lab_result found;
static struct lab_trace trace;

static void sort_scenarios(struct kill *kill)
{
    const unsigned *steps = kill->table->steps;

    for (unsigned i = 0; i < kill->table->scenarios; i++) {
        unsigned at = kill->count;

        if (!kill->row->passes[i])
            continue;
        kill->count++;
        for (; at > 0 && steps[kill->order[at - 1]] > steps[i]; at--)
            kill->order[at] = kill->order[at - 1];
        kill->order[at] = i;
    }
}

/* Milliseconds that are left; 0: no limit. */
static uint64_t time_left(const struct kill *kill)
{
    const uint64_t now = lab_clock();

    if (kill->end == 0)
        return 0;
    return now >= kill->end ? 1 : (kill->end - now) / 1000000 + 1;
}

static bool has_time(const struct kill *kill)
{
    return (kill->end == 0 || lab_clock() < kill->end) &&
           kill->row->executions < ALL_EXECUTIONS;
}

static void draw(struct lab_site_row *row)
{
    const struct lab_story story = {
        .trace = &trace, .steps = true, .width = LAB_WIDTH_MOST};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return;
    lab_print_columns(out, &story);
    (void)fclose(out);
    (void)snprintf(row->diagram, sizeof(row->diagram), "%s", text);
    free(text);
}

/* Keeps the failure of the latest search as the result. */
static void keep(struct kill *kill, unsigned scenario,
                 const struct lab_program *program, enum lab_site_state state)
{
    struct lab_site_row *row = kill->row;

    (void)lab_record(program, false, &found.best, &trace);
    row->state = state;
    row->scenario = scenario;
    row->preemptions = found.best.preemptions;
    (void)snprintf(row->what, sizeof(row->what), "%s",
                   trace.what == NULL ? "" : trace.what);
    if (kill->table->plan->draws)
        draw(row);
}

static enum lab_site_state state_of_failure(const struct kill *kill)
{
    if (kill->row->place.kind == LAB_SITE_BUSY)
        return LAB_SITE_LOUD;
    if (found.known == 0)
        return LAB_SITE_DETECTED;
    return found.best.preemptions == 0 ? LAB_SITE_SEQUENTIAL : LAB_SITE_PROVED;
}

/* A failure with preemptions is more than one without, and this more than a
 * race alone. */
static bool is_better(enum lab_site_state state, enum lab_site_state than)
{
    return than == LAB_SITE_SURVIVES || than == LAB_SITE_SILENT || state < than;
}

/* True: an oracle fails. */
static bool search(struct kill *kill, unsigned scenario, unsigned bound,
                   bool inside, uint64_t executions)
{
    const struct lab_scenario *own = kill->table->plan->scenarios[scenario];
    struct lab_program program = own->program;
    struct lab_options options = {
        .mode = LAB_BOUND,
        .bound = bound,
        .executions = executions,
        .milliseconds = time_left(kill),
        .stop_at_first = true,
        .may_preempt = inside ? lab_site_is_inside : NULL,
    };
    enum lab_site_state state;

    program.isolated = kill->isolated;
    program.known = LAB_FAILURE_NO_RACE;
    memset(&found, 0, sizeof(found));
    if (!has_time(kill) || !lab_explore(&program, &options, &found))
        return false;
    kill->row->executions += found.executions;
    kill->row->is_limited = kill->row->is_limited || !has_time(kill);
    if (found.failures == 0)
        return false;
    state = state_of_failure(kill);
    if (is_better(state, kill->row->state))
        keep(kill, scenario, &program, state);
    return state != LAB_SITE_DETECTED;
}

static void keep_objects(unsigned scenario)
{
    taken[scenario].count = lab_sites.object_count;
    memcpy(taken[scenario].objects, lab_sites.objects,
           sizeof(taken[scenario].objects));
}

static void use_objects(unsigned scenario)
{
    lab_sites.object_count = taken[scenario].count;
    memcpy(lab_sites.objects, taken[scenario].objects,
           sizeof(lab_sites.objects));
}

static bool is_enough(const struct kill *kill)
{
    return kill->row->state == LAB_SITE_PROVED ||
           kill->row->state == LAB_SITE_LOUD;
}

/* Each scenario without a preemption. */
static void search_without(struct kill *kill)
{
    for (unsigned i = 0; i < kill->count && !is_enough(kill); i++) {
        const unsigned scenario = kill->order[i];

        lab_sites.object_count = 0;
        (void)kill->table->plan->scenarios[scenario]->break_rule(NULL);
        kill->fails[i] = search(kill, scenario, 0, false, EXECUTIONS);
        keep_objects(scenario);
    }
}

/* Each with preemptions where the site matters. */
static void search_inside(struct kill *kill, unsigned bound)
{
    for (unsigned i = 0; i < kill->count && !is_enough(kill); i++) {
        const unsigned scenario = kill->order[i];

        if (kill->fails[i])
            continue;
        use_objects(scenario);
        (void)kill->table->plan->scenarios[scenario]->break_rule(NULL);
        (void)search(kill, scenario, bound, true, EXECUTIONS);
        keep_objects(scenario);
    }
}

/* Each with preemptions anywhere. */
static void search_anywhere(struct kill *kill, unsigned bound)
{
    for (unsigned i = 0; i < kill->count && !is_enough(kill); i++) {
        const unsigned scenario = kill->order[i];

        if (kill->fails[i])
            continue;
        (void)kill->table->plan->scenarios[scenario]->break_rule(NULL);
        (void)search(kill, scenario, bound, false, EXECUTIONS);
    }
}

void lab_site_kill(const struct lab_site_table *table, struct lab_site_row *row)
{
    struct kill kill = {.table = table, .row = row, .isolated = row->has_died};
    const uint64_t began = lab_clock();

    lab_sites.is_on = true;
    lab_sites.notes = NULL;
    lab_sites.is_off = true;
    lab_sites.off = row->place;
    lab_sites.levels = row->levels;
    row->state = row->place.kind == LAB_SITE_BUSY ? LAB_SITE_SILENT
                                                  : LAB_SITE_SURVIVES;
    if (table->plan->milliseconds != 0)
        kill.end = began + table->plan->milliseconds * UINT64_C(1000000);
    sort_scenarios(&kill);
    search_without(&kill);
    for (unsigned bound = 1;
         bound <= 2 && !kill.isolated && row->place.kind != LAB_SITE_BUSY;
         bound++)
        search_inside(&kill, bound);
    if (row->state != LAB_SITE_SEQUENTIAL) {
        search_anywhere(&kill, 1);
        search_anywhere(&kill, 2);
    }
    row->seconds = (double)(lab_clock() - began) / 1e9;
}
