/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - a named program that zcrace lists, with the rules that it is
 * there to show.
 */
#ifndef LAB_SCENARIO_H
#define LAB_SCENARIO_H

#include "explore.h"
#include "failure.h"
#include "search.h"

#define LAB_RULE_CHARS 64  /* of a rule's identifier, with its end */
#define LAB_RULES_BROKEN 8 /* at a time, at most */

struct lab_scenario {
    const char *summary; /* one line: the threads and what they do */
    struct lab_program program;
    /* Breaks the rules of a list, "A,B", until the next call; NULL: all hold.
     * False: there is no such rule.  Code that asks for one of them calls
     * lab_rule_missed(). */
    bool (*break_rule)(const char *rules);
    const char *const *rules; /* that fail here when broken; ends with NULL */
    /* It is there for locks and checks that no rule names: the matrix breaks no
     * rule in it. */
    bool for_locks;
    /* It shows a design that does without rules that another one needs, so none
     * has to fail here. */
    bool shows_design;
    unsigned bound;     /* explored to; LAB_NO_BOUND: completely */
    const char *story;  /* what goes wrong, in a few sentences */
    const char *origin; /* kernel thread or commit */
    /* The failure that the bug of each rule is known for, from the kernel's
     * changelogs and not from what the lab finds; NULL: any. */
    const enum lab_failure *known;
    const uint8_t *least; /* preemptions that each of the rules takes */
};

/* The place of a rule in the scenario's list; -1: it does not list the rule. */
int lab_scenario_lists(const struct lab_scenario *scenario, const char *rule);
/* What the bug of this rule is known for; NONE: the scenario does not say. */
enum lab_failure lab_scenario_known(const struct lab_scenario *scenario,
                                    const char *rule);

/* Lists that end with NULL. */
extern const struct lab_scenario *const lab_toy_scenarios[];
extern const struct lab_scenario *const lab_library_scenarios[];

/* Takes the first rule off a list of identifiers; false: it is empty.  A rule
 * that is too long is empty. */
bool lab_rule_next(const char **list, char rule[LAB_RULE_CHARS]);
/* The place of a rule in a list; -1: it is not there (of NULL: never). */
int lab_rule_index(const char *list, const char *rule);
/* Code asks for the rule at this place in the list of those that are broken;
 * -1 is ignored. */
void lab_rule_missed(int index);

/* The rules that a list of scenarios is about: those that have code. */
struct lab_rule_book {
    const char *(*identifier)(unsigned index); /* NULL after the last */
    const char *(*sentence)(unsigned index);
    /* Did code of this process evaluate the rule since the last forget()? */
    bool (*was_asked)(const char *identifier);
    void (*forget)(void);
};

extern const struct lab_rule_book lab_library_rules;

/* What messages begin with: the file name of the program. */
extern const char *lab_program_name;

/* Sets the scenarios that a program knows: one list or two. */
void lab_registry_set(const struct lab_scenario *const *first,
                      const struct lab_scenario *const *second);

/* All of them, or one by its name (NULL: none). */
const struct lab_scenario *lab_scenario_at(unsigned index);
const struct lab_scenario *lab_scenario_find(const char *name);

#endif
