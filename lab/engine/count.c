/* SPDX-License-Identifier: MIT */
/*
 * count.c - what a search has seen: executions by outcome, and distinct traces
 * by hash with the fewest preemptions that each was met with.
 */
#include "search_state.h"

#include "mutant.h"

#include <string.h>
#include <sys/mman.h>

#define SEEN_MAX ((size_t)1 << 22)
#define INDEX_FIRST ((size_t)1 << 10)

/*
 * Traces in the order of discovery, and a hash index with linear probing.  The
 * index doubles when it is half full: a small search touches little memory.
 */
struct table {
    size_t count;
    size_t slots;
    struct lab_seen seen[SEEN_MAX];
    uint32_t index[2 * SEEN_MAX]; /* place in seen plus 1; 0: free */
};

static struct table *table;

bool lab_seen_open(void)
{
    void *memory = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return false;
    table = memory;
    table->slots = INDEX_FIRST;
    return true;
}

void lab_seen_close(void)
{
    if (table != NULL)
        (void)munmap(table, sizeof(*table));
    table = NULL;
}

/* The slot of a hash, or the free one where it belongs. */
static uint32_t *find(uint64_t hash)
{
    size_t at = hash & (table->slots - 1);

    while (table->index[at] != 0 &&
           table->seen[table->index[at] - 1].hash != hash)
        at = (at + 1) & (table->slots - 1);
    return &table->index[at];
}

static void grow(void)
{
    memset(table->index, 0, table->slots * sizeof(table->index[0]));
    table->slots *= 2;
    for (size_t i = 0; i < table->count; i++)
        *find(table->seen[i].hash) = (uint32_t)i + 1;
}

static void note_trace(struct lab_result *result, uint64_t hash, bool failed)
{
    unsigned preemptions = lab_search->schedule.preemptions;
    struct lab_seen *seen;
    uint32_t *slot = find(hash);

    if (preemptions >= LAB_BOUNDS)
        preemptions = LAB_BOUNDS - 1;
    if (*slot != 0) {
        seen = &table->seen[*slot - 1];
        if (preemptions < seen->preemptions)
            seen->preemptions = (uint8_t)preemptions;
        return;
    }
    if (table->count == SEEN_MAX) {
        result->table_full = true;
        return;
    }
    seen = &table->seen[table->count++];
    seen->hash = hash;
    seen->preemptions = (uint8_t)preemptions;
    seen->failed = failed;
    *slot = (uint32_t)table->count;
    if (table->count * 2 >= table->slots && table->slots < 2 * SEEN_MAX)
        grow();
}

void lab_seen_summarise(struct lab_result *result)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++) {
        const struct lab_seen *seen = &table->seen[i];

        result->traces++;
        result->traces_by_bound[seen->preemptions]++;
        result->failing_traces += seen->failed;
        result->failing_by_bound[seen->preemptions] += seen->failed;
    }
}

/* --- failures -------------------------------------------------------- */

static bool is_better(const struct lab_search *search, bool is_known)
{
    const struct lab_schedule *old = &search->result.best;
    const struct lab_schedule *new = &search->schedule;
    unsigned shared = old->count < new->count ? old->count : new->count;
    int order;

    if (!search->has_best)
        return true;
    if (is_known != search->best_is_known)
        return is_known;
    if (search->schedule.preemptions != search->best_preemptions)
        return search->schedule.preemptions < search->best_preemptions;
    if (search->schedule.switches != search->best_switches)
        return search->schedule.switches < search->best_switches;
    order = memcmp(new->decisions, old->decisions, shared);
    return order < 0 || (order == 0 && new->count < old->count);
}

static void keep(struct lab_schedule *to, const struct lab_schedule *from)
{
    to->count = from->count;
    to->preemptions = from->preemptions;
    to->switches = from->switches;
    memcpy(to->decisions, from->decisions, from->count);
}

static void note_failure(struct lab_search *search, enum lab_outcome outcome,
                         const char *what)
{
    struct lab_result *result = &search->result;
    const enum lab_failure known = search->program->known;
    const bool is_known =
        known != LAB_FAILURE_NONE && !LAB_MUTANT(KNOWN_NOT_SOUGHT) &&
        lab_failure_is(lab_failure_of_outcome(outcome, what), known);

    result->failures++;
    result->known += is_known;
    if (is_better(search, is_known)) {
        search->has_best = true;
        search->best_is_known = is_known;
        search->best_preemptions = search->schedule.preemptions;
        search->best_switches = search->schedule.switches;
        keep(&search->result.best, &search->schedule);
    }
    if (result->first_execution != 0)
        return;
    result->first_execution = result->executions;
    result->first_outcome = outcome;
    result->first_what = what;
    result->first_preemptions = search->schedule.preemptions;
    keep(&result->first, &search->schedule);
}

static void note_complete(struct lab_search *search, bool failed)
{
    struct lab_result *result = &search->result;
    unsigned preemptions = search->schedule.preemptions;

    result->complete++;
    result->by_bound[preemptions < LAB_BOUNDS ? preemptions : LAB_BOUNDS - 1]++;
    if (lab_run.steps > result->most_steps)
        result->most_steps = lab_run.steps;
    if ((unsigned)lab_run.threads > result->most_threads)
        result->most_threads = (unsigned)lab_run.threads;
    if (table != NULL)
        note_trace(result, search->schedule.trace_hash, failed);
}

void lab_count_execution(void)
{
    struct lab_search *search = lab_search;
    struct lab_result *result = &search->result;
    enum lab_outcome outcome = lab_run.outcome;
    bool failed = outcome != LAB_COMPLETE_RUN;

    result->executions++;
    if (outcome == LAB_BLOCKED) {
        result->blocked++;
        return;
    }
    if (outcome == LAB_DIVERGED)
        result->unpredictable = true;
    result->deadlocks += outcome == LAB_DEADLOCK || outcome == LAB_LOST_WAKEUP;
    result->livelocks += outcome == LAB_LIVELOCK;
    note_complete(search, failed);
    if (failed)
        note_failure(search, outcome, lab_run.what);
    else
        search->succeeded = true;
}

void lab_count_death(enum lab_death death)
{
    struct lab_search *search = lab_search;

    search->result.executions++;
    if (search->schedule.unrecorded) {
        search->result.blocked++;
        return;
    }
    note_complete(search, true);
    search->result.crashes++;
    note_failure(search, LAB_CRASHED, lab_death_name(death));
}
