/* SPDX-License-Identifier: MIT */
/*
 * zcrace.h - the program's commands.
 *
 * Exit status: everything was explored and nothing fails, something fails, the
 * request was wrong, or nothing fails and not everything was explored.
 */
#ifndef LAB_ZCRACE_H
#define LAB_ZCRACE_H

#include "engine/scenario.h"
#include "report/picture.h"

enum {
    ZCRACE_SILENT = 0,
    ZCRACE_FOUND = 1,
    ZCRACE_USAGE = 2,
    ZCRACE_IN_PART = 3
};

struct zcrace {
    const char *name;   /* scenario or replay string */
    const char *broken; /* rules, "A,B", or NULL */
    void (*print)(FILE *out, const struct lab_story *story);
    const char *check;  /* folder, or NULL */
    const char *record; /* likewise */
    const char *html;   /* a file, or a folder for the matrix, or NULL */
    const char *sites;  /* NULL: none; "": all; else text of some */
    unsigned jobs;      /* 0: as many as there are processors */
    bool threads;
    bool reference; /* each execution has a process of its own */
    bool speed;
    bool unbounded; /* whatever the scenario says */
    bool steps;     /* show every step, not a story */
    bool draws;     /* a diagram of each site's failure */
    unsigned luck[LAB_LUCKS];
    unsigned luck_given; /* bits */
    struct lab_options options;
};

/* The whole program, over the scenarios of lab_registry_set(). */
int zcrace_main(int argc, char **argv);

/* Says that a page cannot be written because of an errno.  True: it is 0. */
bool zcrace_wrote(const char *path, int error);
/* Gives the program the budgets of the bits. */
void zcrace_give_luck(struct lab_program *program, const unsigned *luck,
                      unsigned given);
/* A program ready to be explored; NULL: said on stderr. */
const struct lab_scenario *zcrace_prepare(const char *name, const char *broken,
                                          struct lab_program *program);

/* --- say.c ----------------------------------------------------------- */

/* The program's name: that of argv[0]. */
const char *zcrace_name(void);
void zcrace_set_name(const char *path);
/* A line on stderr, after the program's name. */
void zcrace_say(const char *format, ...) LAB_PRINTF(1, 2);
/* The names of a list that are like this one, on stderr. */
void zcrace_say_near(const char *wanted,
                     const char *(*name_at)(const void *list, unsigned index),
                     const void *list);

/* --- the commands ---------------------------------------------------- */

int zcrace_list(const struct zcrace *request);
int zcrace_show(const struct zcrace *request);
int zcrace_run(const struct zcrace *request);
int zcrace_replay(const struct zcrace *request);
/* The scenarios of the command matrix; without them it does not exist. */
void zcrace_set_matrix(const struct lab_scenario *const *scenarios,
                       const struct lab_rule_book *book);
bool zcrace_has_matrix(void);
const struct lab_rule_book *zcrace_rules(void); /* of the matrix, or NULL */
int zcrace_matrix(const struct zcrace *request);
int zcrace_selftest(const struct zcrace *request);
int zcrace_speed(void);

#endif
