/* SPDX-License-Identifier: MIT */
/*
 * search_state.h - the state of a search.
 *
 * It lies in memory that is shared with worker processes: when a worker dies,
 * the next one knows the schedule that was running.  There is one search at a
 * time; lab_search points to it.
 */
#ifndef LAB_SEARCH_STATE_H
#define LAB_SEARCH_STATE_H

#include "engine.h"
#include "search.h"
#include "worker.h"

/* A decision or a choice on the path of a depth-first search. */
struct lab_node {
    unsigned enabled; /* threads; of a choice: the number of values */
    unsigned sleep;
    unsigned done;
    unsigned todo; /* source sets: threads to try */
    /* Executions before the first one that had this node, and before the first
     * one of the present alternative. */
    uint64_t begun;
    uint64_t turned;
    bool is_choice;
};

/* A trace that was met. */
struct lab_seen {
    uint64_t hash;
    uint8_t preemptions;
    uint8_t failed;
};

struct lab_search {
    const struct lab_program *program;
    struct lab_options options;
    const struct lab_strategy *strategy;
    struct lab_result result;
    struct lab_schedule schedule;
    unsigned script;
    unsigned floor; /* entries that are never changed */
    bool strict;    /* source sets: no step commutes by what it did */
    bool restart;   /* source sets: begin again, strictly */
    bool stop_at_success;
    bool succeeded; /* a run without failure was seen */
    bool over;
    uint64_t began;      /* nanoseconds */
    uint64_t last_shown; /* nanoseconds */
    struct lab_pulse pulse;
    uint64_t random[4];

    bool has_best; /* result.best is set */
    bool
        best_is_known; /* and of the kind that the program's bug is known for */
    unsigned best_preemptions;
    unsigned best_switches;

    /* PCT. */
    uint64_t priority[LAB_THREADS];
    unsigned change[LAB_BOUNDS];
    unsigned change_count;
    unsigned longest;

    struct lab_node nodes[LAB_SCHEDULE_MAX];
};

extern struct lab_search *lab_search;

extern const struct lab_strategy lab_sleep_search;
extern const struct lab_strategy lab_source_search;
extern const struct lab_strategy lab_bound_search;
extern const struct lab_strategy lab_walk_search;
extern const struct lab_strategy lab_pct_search;
/* Follows the script; then the current thread goes on while it can. */
extern const struct lab_strategy lab_plain;

/* Runs the search that lab_search describes; false: no worker could be made. */
bool lab_search_run(void);

/* A new, empty search in shared memory; NULL: no memory. */
struct lab_search *lab_search_open(const struct lab_program *program,
                                   const struct lab_options *options);
void lab_search_close(void);

/* --- depth first: what two searches share ---------------------------- */

/* Goes back to the deepest entry with an alternative; `allowed` gives the
 * threads that may still be taken there. */
bool lab_backtrack(unsigned (*allowed)(const struct lab_node *node));
unsigned lab_new_choice(unsigned depth, unsigned n, bool costs);
int lab_lowest(unsigned set);

/* Executions that the search would need, from those that it has done; 0: it
 * cannot be said. */
double lab_estimate(const struct lab_search *search,
                    unsigned (*allowed)(const struct lab_node *node));

/* --- count.c --------------------------------------------------------- */

/* Adds the execution that lab_run has just ended, or one that ended its
 * process. */
void lab_count_execution(void);
void lab_count_death(enum lab_death death);
/* The table of distinct traces; shared memory. */
bool lab_seen_open(void);
void lab_seen_close(void);
void lab_seen_summarise(struct lab_result *result);

/* --- random.c -------------------------------------------------------- */

void lab_random_seed(uint64_t seed);
uint64_t lab_random_below(uint64_t limit);

#endif
