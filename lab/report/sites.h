/* SPDX-License-Identifier: MIT */
/*
 * sites.h - each acquisition of the library, switched off: which scenario
 * fails without it.
 *
 * The sites are those that executions with all acquisitions in force pass.
 * Each is then switched off in the scenarios that pass it, until one fails.
 */
#ifndef LAB_SITES_H
#define LAB_SITES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/scenario.h"
#include "engine/site.h"

#define LAB_SITE_SCENARIOS 256
#define LAB_SITE_NAME 192
#define LAB_SITE_DIAGRAM ((size_t)65536)

struct lab_sites_plan {
    const struct lab_scenario *const *scenarios; /* ends with NULL */
    const char *only;      /* text that a site's line has; NULL: all */
    unsigned jobs;         /* worker processes at a time */
    uint64_t milliseconds; /* for a site; 0: no limit */
    bool draws;            /* each failure, as a diagram */
    bool show_progress;    /* on stderr */
};

/* What comes of a site that is switched off. */
enum lab_site_state {
    LAB_SITE_WAITS,
    LAB_SITE_PROVED,     /* an oracle fails, with a preemption or more */
    LAB_SITE_SEQUENTIAL, /* an oracle fails without */
    LAB_SITE_DETECTED,   /* nothing fails but the race detector */
    LAB_SITE_SURVIVES,
    LAB_SITE_SILENT, /* a try that is always in vain, as it should be */
    LAB_SITE_LOUD,   /* it should not fail, and does */
    LAB_SITE_DIED,   /* the worker process did */
    LAB_SITE_STATES
};

struct lab_site_row {
    struct lab_site_place place;
    unsigned levels;
    struct lab_site site;
    char name[LAB_SITE_NAME];  /* "lock zc_shard_lock < zc_tree_get" */
    char where[LAB_SITE_NAME]; /* "tree.c:80 < tree.c:120" */
    bool passes[LAB_SITE_SCENARIOS];
    /* The result. */
    enum lab_site_state state;
    bool is_limited; /* there was no time for all */
    bool has_died;   /* its process did: again, each search in one of its own */
    unsigned scenario;
    unsigned preemptions;
    char what[64];
    uint64_t executions;
    double seconds;
    char diagram[LAB_SITE_DIAGRAM];
};

struct lab_site_table {
    const struct lab_sites_plan *plan;
    unsigned scenarios;
    unsigned count;
    unsigned *steps;           /* the most of each scenario */
    struct lab_site_row *rows; /* in the order of their names */
    unsigned chosen;           /* of the rows, by plan->only */
    unsigned unreleased; /* places that are left out: another thread, or none,
                            releases what is taken there */
    double seconds;
};

/* Finds the sites and switches them off, one after another; false: it cannot
 * be done (said on stderr). */
bool lab_sites_run(struct lab_site_table *table,
                   const struct lab_sites_plan *plan);
void lab_sites_free(struct lab_site_table *table);
bool lab_site_is_chosen(const struct lab_site_table *table,
                        const struct lab_site_row *row);

/* --- sites_find.c ---------------------------------------------------- */

/* Runs the scenarios and fills the table with what they pass. */
bool lab_sites_find(struct lab_site_table *table);

/* --- sites_kill.c ---------------------------------------------------- */

/* Switches one site off, in a process of its own. */
void lab_site_kill(const struct lab_site_table *table,
                   struct lab_site_row *row);

/* --- print_sites.c --------------------------------------------------- */

const char *lab_site_state_name(enum lab_site_state state);
void lab_sites_print(const struct lab_site_table *table, FILE *out);
void lab_sites_print_json(const struct lab_site_table *table, FILE *out);

/* --- sites_list.c ---------------------------------------------------- */

/* Compares the survivors with a list of explained ones; returns the number of
 * lines that say what is wrong.  NULL: no list. */
unsigned lab_sites_judge(const struct lab_site_table *table, const char *path,
                         FILE *out);
/* Writes the list anew: lines of sites that survive stay as they are, others
 * go, and new ones come without a reason.  False: said on stderr. */
bool lab_sites_record(const struct lab_site_table *table, const char *path);

#endif
