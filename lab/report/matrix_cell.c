/* SPDX-License-Identifier: MIT */
/*
 * matrix_cell.c - one scenario with one rule broken, or with none.
 *
 * With all rules in force it is explored as its scenario says: every trace, or
 * all schedules up to a bound and then some at random.  Meanwhile the rules
 * note that code evaluates them: a rule that is never evaluated makes no
 * difference here.
 *
 * With a rule broken, all schedules with no preemption are run, then with one,
 * and so on.  The first bound that fails as the rule's bug is known for is the
 * fewest preemptions, and the best schedule under it is the shortest.  If none
 * does, it is the first bound that fails at all.  A small program is also
 * explored to its end, so that failing traces are counted among all traces.  A
 * larger program that does not fail is left at an affordable bound, unless the
 * scenario lists the rule: then the search goes on until a schedule fails.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream() where POSIX alone is not enough */
#endif

#include "matrix.h"

#include <stdlib.h>
#include <string.h>

#include "page.h"

#define SMALL 1500   /* executions of a program that is explored to its end */
#define GROWTH 30    /* factor that one preemption more may cost */
#define LARGE 3000   /* executions that a bound may take, rule broken */
#define BOUND_MOST 2 /* of a program that is not small and does not fail */
#define BOUND_LAST 5 /* where the scenario lists the rule */
#define TURN_MILLISECONDS 600000
#define PATH_CHARS 4096
#define FOREVER (~UINT64_C(0))

struct job {
    const struct lab_matrix_plan *plan;
    const struct lab_scenario *scenario;
    const struct lab_cell *whole;
    struct lab_program program;
    struct lab_cell *cell;
    bool listed; /* the scenario lists the rule */
    bool has_spare;
    bool spare_is_shortest;
    uint64_t before; /* executions of the searches before */
};

static struct lab_result found;   /* of the latest search */
static struct lab_result counts;  /* of the search that counts the traces */
static struct lab_schedule spare; /* a failure that is not looked for */

static void note_progress(void *argument, uint64_t executions,
                          uint64_t failures, double seconds)
{
    struct job *job = argument;

    (void)failures;
    (void)seconds;
    job->cell->running = job->before + executions;
}

/* True: the search came to its end. */
static bool search(struct job *job, enum lab_mode mode, unsigned bound,
                   uint64_t executions)
{
    struct lab_options options = {
        .mode = mode,
        .bound = bound,
        .executions = executions == FOREVER ? 0 : executions,
        .seed = 1,
        .compare = job->program.broken == NULL,
        .progress = note_progress,
        .progress_argument = job,
    };
    bool fine;

    memset(&found, 0, sizeof(found));
    fine = mode == LAB_SLEEP ? lab_explore_all(&job->program, &options, &found)
                             : lab_explore(&job->program, &options, &found);
    job->before += found.executions;
    job->cell->running = job->before;
    job->cell->executions = job->before;
    job->cell->unpredictable = job->cell->unpredictable || found.unpredictable;
    for (unsigned i = 0; i < LAB_METS; i++) {
        if (found.met.kinds[i].count != 0)
            job->cell->met |= 1u << i;
    }
    if (found.most_threads > job->cell->threads)
        job->cell->threads = found.most_threads;
    if (found.most_steps > job->cell->steps)
        job->cell->steps = found.most_steps;
    return fine && found.finished && !found.table_full;
}

static void take_counts(struct job *job, bool complete, unsigned bound)
{
    struct lab_cell *cell = job->cell;

    counts = found;
    cell->complete = complete;
    cell->bound = bound;
    cell->traces = found.traces;
    cell->failing = found.failing_traces;
}

bool lab_cell_is_sequential(const struct lab_cell *cell)
{
    return cell->fails && cell->failing == cell->traces;
}

/* --- the shortest failure -------------------------------------------- */

/* Its page, in the folder of pages. */
static void write_page(struct job *job, const struct lab_story *story)
{
    const struct lab_page page = {.scenario = job->scenario,
                                  .story = story,
                                  .rules = job->plan->rules,
                                  .in_matrix = true};
    char name[256];
    char path[PATH_CHARS];

    lab_page_name(job->scenario->program.name, story->trace->broken, name,
                  sizeof(name));
    (void)snprintf(path, sizeof(path), "%s/%s", job->plan->pages, name);
    job->cell->page_error = lab_page_write(&page, path);
}

static void draw(struct job *job, const struct lab_trace *trace)
{
    struct lab_cell *cell = job->cell;
    const struct lab_cell *whole = job->whole;
    static struct lab_result all;
    struct lab_story story = {
        .trace = trace,
        .replay = cell->replay,
        .broken = trace->broken == NULL ? NULL : &counts,
        .whole = &all,
        .stable = true, /* a story, of the usual width */
    };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    all.traces = whole->traces;
    all.finished = !whole->unfinished;
    all.is_bounded = !whole->complete;
    all.bound = whole->bound;
    for (unsigned i = 0; i < LAB_METS; i++)
        all.met.kinds[i].count = whole->met >> i & 1; /* the places may move */
    if (out == NULL)
        abort();
    lab_print_columns(out, &story);
    (void)fclose(out);
    if (job->listed)
        (void)snprintf(cell->diagram, sizeof(cell->diagram), "%s", text);
    free(text);
    if (job->plan->pages != NULL)
        write_page(job, &story);
}

static void describe(struct job *job, const struct lab_schedule *least)
{
    static struct lab_trace trace;
    struct lab_cell *cell = job->cell;

    /* Only a rule that the scenario lists gets a diagram. */
    if (job->listed || job->plan->pages != NULL)
        lab_find_turn(&job->program, least, LAB_TURN_EXECUTIONS,
                      TURN_MILLISECONDS, &trace);
    else
        (void)lab_record(&job->program, false, least, &trace);
    cell->fails = true;
    cell->is_known = lab_failure_is(
        lab_failure_of_outcome(trace.outcome, trace.what), job->program.known);
    cell->preemptions = trace.preemptions;
    cell->switches = trace.switches;
    cell->steps = trace.steps;
    cell->marked_step = trace.marked_step;
    (void)snprintf(cell->what, sizeof(cell->what), "%s",
                   trace.what == NULL ? "" : trace.what);
    if (!lab_replay_format(&trace, least, cell->replay))
        cell->replay[0] = '\0';
    if (job->listed || job->plan->pages != NULL)
        draw(job, &trace);
}

/* --- all rules in force ---------------------------------------------- */

static void explore_whole(struct job *job)
{
    struct lab_cell *cell = job->cell;
    unsigned bound = job->scenario->bound;

    cell->complete = bound == LAB_NO_BOUND;
    cell->unfinished =
        !search(job, cell->complete ? LAB_SLEEP : LAB_BOUND, bound,
                cell->complete ? job->plan->executions : FOREVER);
    take_counts(job, cell->complete && !cell->unfinished, bound);
    if (found.failures == 0 && bound != LAB_NO_BOUND) {
        cell->random = job->plan->random;
        (void)search(job, LAB_PCT, 0, cell->random);
    }
    if (found.failures != 0)
        describe(job, &found.best);
}

/* --- a rule broken --------------------------------------------------- */

/* Is the latest failure the one that is looked for? */
static bool is_sought(const struct job *job)
{
    return job->program.known == LAB_FAILURE_NONE || found.known != 0;
}

/* Keeps a failure, in case that none is found that is looked for. */
static void keep_spare(struct job *job, bool is_shortest)
{
    if (job->has_spare && job->spare_is_shortest)
        return;
    spare = found.best;
    job->has_spare = true;
    job->spare_is_shortest = is_shortest;
}

/* All schedules with up to `bound` preemptions; true: all were run. */
static bool search_bound(struct job *job, unsigned bound)
{
    bool finished = search(job, LAB_BOUND, bound,
                           job->listed ? job->plan->executions : LARGE);

    if (!job->cell->complete && (finished || found.failures != 0))
        take_counts(job, false, bound);
    if (found.failures == 0)
        return finished;
    if (!is_sought(job)) {
        keep_spare(job, finished);
        return finished;
    }
    job->cell->cut_short = !finished;
    describe(job, &found.best);
    return finished;
}

/* Runs one bound after another until one fails or the next is too large. */
static void search_bounds(struct job *job, unsigned from, unsigned to)
{
    uint64_t last = 0;

    for (unsigned bound = from; bound <= to && !job->cell->fails; bound++) {
        if (bound >= 2 && !job->listed && last * GROWTH > 3 * (uint64_t)LARGE)
            return;
        if (!search_bound(job, bound) && !job->cell->fails)
            return;
        last = found.executions;
    }
}

/* Whether every trace is tried first: there are few, and each is short. */
static bool is_small(const struct job *job)
{
    return job->whole->complete && job->whole->executions <= SMALL &&
           job->program.known != LAB_FAILURE_LIVELOCK;
}

/* Explores every trace, if there are not too many; true: none fails. */
static bool explore_small(struct job *job, unsigned *most)
{
    bool complete = search(job, LAB_SLEEP, 0, (uint64_t)4 * SMALL);

    if (complete)
        take_counts(job, true, LAB_NO_BOUND);
    if (found.failures == 0)
        return complete;
    /* Threads that hinder each other are no livelock: a scheduler is not that
     * unkind for ever. */
    if (found.failures > found.livelocks ||
        found.best.preemptions <= BOUND_LAST)
        keep_spare(job, false);
    /* Where races are passed over, a trace may fail in more ways than one. */
    if (is_sought(job) && job->has_spare)
        *most = found.best.preemptions;
    return false;
}

static void explore_broken(struct job *job)
{
    unsigned most = BOUND_MOST;

    if (job->listed)
        most = BOUND_LAST;
    else if (job->scenario->bound < most)
        most = job->scenario->bound;
    if (is_small(job) && explore_small(job, &most))
        return;
    search_bounds(job, 0, most);
    if (!job->cell->fails && job->has_spare) {
        job->cell->cut_short = !job->spare_is_shortest;
        describe(job, &spare);
    }
    job->cell->unfinished = !job->cell->fails && job->cell->traces == 0;
}

void lab_cell_explore(const struct lab_matrix *matrix, unsigned scenario,
                      unsigned rule)
{
    const struct lab_rule_book *rules = matrix->plan->rules;
    struct job job = {
        .plan = matrix->plan,
        .scenario = matrix->plan->scenarios[scenario],
        .whole = lab_matrix_cell(matrix, scenario, matrix->rules),
        .cell = lab_matrix_cell(matrix, scenario, rule),
    };

    job.program = job.scenario->program;
    rules->forget();
    if (rule < matrix->rules) {
        job.program.broken = rules->identifier(rule);
        job.program.known =
            lab_scenario_known(job.scenario, job.program.broken);
        job.listed = lab_scenario_lists(job.scenario, job.program.broken) >= 0;
        if (job.scenario->break_rule(job.program.broken))
            explore_broken(&job);
        return;
    }
    (void)job.scenario->break_rule(NULL);
    explore_whole(&job);
    for (unsigned i = 0; i < matrix->rules; i++) {
        /* Notes of a worker process are lost: assume that it asked. */
        lab_matrix_cell(matrix, scenario, i)->asked =
            !job.scenario->for_locks &&
            (!job.program.disposable || rules->was_asked(rules->identifier(i)));
    }
}
