/* SPDX-License-Identifier: MIT */
/*
 * sites_find.c - which acquisitions the scenarios pass.
 *
 * Each scenario runs in a process of its own, with all acquisitions in force,
 * under the schedules with no preemption and then with one.  The notes lie in
 * memory that the processes share; places in code are the same in all of them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#endif

#include "sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/search.h"

#define EXECUTIONS 1000 /* of a scenario and a bound */
#define ROWS_MOST 8192u
#define SEEN_MOST 32768u
#define PLACES_MOST 1024u

struct shared {
    struct lab_site_notes notes[LAB_SITE_SCENARIOS];
    unsigned steps[LAB_SITE_SCENARIOS];
    unsigned failures[LAB_SITE_SCENARIOS];
};

/* --- the scenarios --------------------------------------------------- */

static void explore(struct shared *shared, const struct lab_scenario *scenario,
                    unsigned index)
{
    static struct lab_result found;
    struct lab_program program = scenario->program;
    struct lab_options options = {.mode = LAB_BOUND, .executions = EXECUTIONS};

    (void)scenario->break_rule(NULL);
    lab_sites.is_on = true;
    lab_sites.notes = &shared->notes[index];
    for (options.bound = 0; options.bound <= 1; options.bound++) {
        if (!lab_explore(&program, &options, &found))
            return;
        if (found.most_steps > shared->steps[index])
            shared->steps[index] = found.most_steps;
        shared->failures[index] += found.failures != 0;
    }
}

static bool wait_for_one(unsigned *busy)
{
    int status;

    while (waitpid(-1, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    --*busy;
    return true;
}

static bool run_all(const struct lab_site_table *table, struct shared *shared)
{
    unsigned busy = 0;
    bool fine = true;

    for (unsigned i = 0; i < table->scenarios && fine; i++) {
        pid_t process;

        while (fine && busy >= table->plan->jobs)
            fine = wait_for_one(&busy);
        (void)fflush(NULL);
        process = fork();
        if (process == 0) {
            explore(shared, table->plan->scenarios[i], i);
            _exit(0);
        }
        fine = fine && process > 0;
        busy += process > 0;
    }
    while (busy > 0 && wait_for_one(&busy))
        continue;
    return fine;
}

/* --- the rows -------------------------------------------------------- */

static bool is_same(const struct lab_site_place *one,
                    const struct lab_site_place *other, unsigned levels)
{
    return one->kind == other->kind && one->pc == other->pc &&
           memcmp(one->callers, other->callers,
                  levels * sizeof(one->callers[0])) == 0;
}

/* Everything that was seen of all scenarios. */
struct all {
    unsigned count;
    struct lab_site_seen *seen[SEEN_MOST];
    unsigned scenario[SEEN_MOST];
};

static void gather(const struct lab_site_table *table, struct shared *shared,
                   struct all *all)
{
    all->count = 0;
    for (unsigned i = 0; i < table->scenarios; i++) {
        struct lab_site_notes *notes = &shared->notes[i];

        for (unsigned k = 0; k < notes->count && all->count < SEEN_MOST; k++) {
            all->scenario[all->count] = i;
            all->seen[all->count++] = &notes->seen[k];
        }
    }
}

/* A try that is in vain is where one succeeds. */
static enum lab_site_kind kind_of(const struct lab_site_seen *seen)
{
    return seen->place.kind == LAB_SITE_BUSY ? LAB_SITE_TRYLOCK
                                             : seen->place.kind;
}

/* Of two that begin alike, one belongs to more callers: so does the other.
 * True: something changed. */
static bool agree(struct lab_site_seen *one, struct lab_site_seen *other)
{
    const unsigned least = one->levels < other->levels ? one->levels
                                                       : other->levels;
    const unsigned most = one->levels < other->levels ? other->levels
                                                      : one->levels;
    bool changes;

    if (kind_of(one) != kind_of(other) || one->place.pc != other->place.pc ||
        memcmp(one->place.callers, other->place.callers,
               least * sizeof(one->place.callers[0])) != 0)
        return false;
    changes = least != most || one->is_released != other->is_released ||
              one->is_compared != other->is_compared;
    one->levels = most;
    other->levels = most;
    one->is_released = one->is_released || other->is_released;
    other->is_released = one->is_released;
    one->is_compared = one->is_compared || other->is_compared;
    other->is_compared = one->is_compared;
    return changes;
}

static void settle_levels(const struct all *all)
{
    bool changes = true;

    while (changes) {
        changes = false;
        for (unsigned i = 0; i < all->count; i++) {
            for (unsigned k = 0; k < i; k++) {
                if (agree(all->seen[i], all->seen[k]))
                    changes = true;
            }
        }
    }
}

static struct lab_site_row *row_of(struct lab_site_table *table,
                                   const struct lab_site_seen *seen,
                                   unsigned levels)
{
    struct lab_site_row *row;

    for (unsigned i = 0; i < table->count; i++) {
        if (is_same(&table->rows[i].place, &seen->place, levels))
            return &table->rows[i];
    }
    if (table->count == ROWS_MOST)
        return NULL;
    row = &table->rows[table->count++];
    row->place.kind = seen->place.kind;
    row->place.pc = seen->place.pc;
    memcpy(row->place.callers, seen->place.callers,
           levels * sizeof(row->place.callers[0]));
    row->site = seen->site;
    row->levels = levels;
    return row;
}

/* Is it an acquisition that its thread ends? */
static bool is_site(const struct lab_site_seen *seen)
{
    return seen->is_released || seen->place.kind == LAB_SITE_BUSY ||
           seen->place.kind == LAB_SITE_EXCHANGE ||
           (seen->place.kind == LAB_SITE_RECHECK && !seen->is_compared);
}

static void collect(struct lab_site_table *table, struct shared *shared)
{
    static struct all all;

    gather(table, shared, &all);
    settle_levels(&all);
    for (unsigned i = 0; i < all.count; i++) {
        struct lab_site_row *row = NULL;

        if (is_site(all.seen[i]))
            row = row_of(table, all.seen[i], all.seen[i]->levels);
        else
            table->unreleased++;
        if (row != NULL)
            row->passes[all.scenario[i]] = true;
    }
}

/* --- names ----------------------------------------------------------- */

/* A place in code. */
struct named {
    const void *pc;
    char function[LAB_SITE_NAME];
    char line[LAB_SITE_NAME];
};

struct names {
    unsigned count;
    const void *pcs[PLACES_MOST];
    struct named places[PLACES_MOST];
};

static struct named *find_name(struct names *names, const void *pc)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (names->pcs[i] == pc)
            return &names->places[i];
    }
    return NULL;
}

static void want_name(struct names *names, const void *pc)
{
    struct named *named;

    if (pc == NULL || find_name(names, pc) != NULL ||
        names->count == PLACES_MOST)
        return;
    named = &names->places[names->count];
    names->pcs[names->count++] = pc;
    (void)snprintf(named->function, sizeof(named->function), "?");
    (void)snprintf(named->line, sizeof(named->line), "?");
}

static void take_name(void *context, unsigned index, const char *function,
                      const char *line)
{
    struct names *names = context;

    (void)snprintf(names->places[index].function,
                   sizeof(names->places[index].function), "%s", function);
    (void)snprintf(names->places[index].line, sizeof(names->places[index].line),
                   "%s", line);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static bool says_where(const struct lab_site *site)
{
    return site->function != NULL && site->function[0] != '\0';
}

static void append(char text[LAB_SITE_NAME], const char *more)
{
    const size_t used = strlen(text);

    (void)snprintf(text + used, LAB_SITE_NAME - used, "%s%s",
                   used == 0 ? "" : " < ", more);
}

static void append_place(struct lab_site_row *row, char text[LAB_SITE_NAME],
                         struct names *names, const void *pc)
{
    const struct named *named = find_name(names, pc);

    append(text, named == NULL ? "?" : named->function);
    append(row->where, named == NULL ? "?" : named->line);
}

static void name_row(struct lab_site_row *row, struct names *names)
{
    char text[LAB_SITE_NAME] = "";

    if (says_where(&row->site)) {
        append(text, row->site.function);
        (void)snprintf(row->where, sizeof(row->where), "%s:%d",
                       base_name(row->site.file), row->site.line);
    } else {
        append_place(row, text, names, row->place.pc);
    }
    for (unsigned i = 0; i < row->levels && row->place.callers[i] != NULL; i++)
        append_place(row, text, names, row->place.callers[i]);
    (void)snprintf(row->name, sizeof(row->name), "%s %.180s",
                   lab_site_kind_name(row->place.kind), text);
}

/* One question for all places, because it takes a process. */
static void name_rows(struct lab_site_table *table)
{
    static struct names names;

    names.count = 0;
    for (unsigned i = 0; i < table->count; i++) {
        const struct lab_site_row *row = &table->rows[i];

        if (!says_where(&row->site))
            want_name(&names, row->place.pc);
        for (unsigned k = 0; k < row->levels; k++)
            want_name(&names, row->place.callers[k]);
    }
    if (lab_watcher != NULL && lab_watcher->name_calls != NULL)
        lab_watcher->name_calls(names.pcs, names.count, take_name, &names);
    for (unsigned i = 0; i < table->count; i++)
        name_row(&table->rows[i], &names);
}

static int compare(const void *one, const void *other)
{
    const struct lab_site_row *const *a = one;
    const struct lab_site_row *const *b = other;
    int order = strcmp((*a)->site.file, (*b)->site.file);

    if (order == 0)
        order = strcmp((*a)->name, (*b)->name);
    if (order == 0)
        order = (*a)->site.line - (*b)->site.line;
    if (order == 0)
        order = strcmp((*a)->where, (*b)->where);
    return order != 0 ? order : (*a)->place.pc < (*b)->place.pc ? -1 : 1;
}

/* Sorts the rows, and tells those of one name apart by a number. */
static bool sort(struct lab_site_table *table)
{
    struct lab_site_row **order = calloc(table->count + 1, sizeof(*order));
    struct lab_site_row *rows;
    unsigned same = 1;

    rows = mmap(NULL, (table->count + 1) * sizeof(*rows),
                PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (order == NULL || rows == MAP_FAILED) {
        free(order);
        return false;
    }
    for (unsigned i = 0; i < table->count; i++)
        order[i] = &table->rows[i];
    qsort(order, table->count, sizeof(*order), compare);
    for (unsigned i = 0; i < table->count; i++) {
        const size_t length = strlen(order[i]->name);

        same = i > 0 && strcmp(order[i]->name, order[i - 1]->name) == 0
                   ? same + 1
                   : 1;
        memcpy(&rows[i], order[i], offsetof(struct lab_site_row, diagram));
        if (same > 1)
            (void)snprintf(rows[i].name + length, sizeof(rows[i].name) - length,
                           " #%u", same);
    }
    free(order);
    (void)munmap(table->rows, ROWS_MOST * sizeof(*table->rows));
    table->rows = rows;
    return true;
}

bool lab_sites_find(struct lab_site_table *table)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                 0);
    bool fine;

    table->rows = mmap(NULL, ROWS_MOST * sizeof(*table->rows),
                       PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    table->steps = calloc(LAB_SITE_SCENARIOS, sizeof(*table->steps));
    if (shared == MAP_FAILED || table->rows == MAP_FAILED ||
        table->steps == NULL)
        return false;
    fine = run_all(table, shared);
    (void)table->plan->scenarios[0]->break_rule(NULL); /* it names places */
    collect(table, shared);
    name_rows(table);
    memcpy(table->steps, shared->steps,
           table->scenarios * sizeof(*table->steps));
    for (unsigned i = 0; i < table->scenarios; i++) {
        if (shared->failures[i] == 0 && shared->steps[i] != 0)
            continue;
        (void)fprintf(stderr, "zcrace: %s fails with all in force\n",
                      table->plan->scenarios[i]->program.name);
        fine = false;
    }
    (void)munmap(shared, sizeof(*shared));
    return sort(table) && fine;
}
