/* SPDX-License-Identifier: MIT */
/*
 * met.c - notes of what is not explored, and of the broken rules that code
 * asked for.  They lie in the state of the search, which worker processes
 * share.
 */
#include "met.h"

#include "scenario.h"
#include "search_state.h"

void (*lab_met_names)(enum lab_met what, const void *const *where,
                      unsigned count, char names[][LAB_MET_CHARS]);

static void add_place(struct lab_met_kind *kind, const void *where)
{
    if (where == NULL)
        return;
    for (unsigned i = 0; i < kind->places; i++) {
        if (kind->place[i] == where)
            return;
    }
    if (kind->places < LAB_MET_PLACES)
        kind->place[kind->places++] = where;
}

void lab_met(enum lab_met what, const void *where)
{
    struct lab_met_kind *kind;

    if (lab_search == NULL || !lab_run.active || lab_run.in_oracle)
        return;
    if (what <= LAB_MET_SPIN && lab_run.current == 0)
        return;
    kind = &lab_search->result.met.kinds[what];
    kind->count++;
    add_place(kind, where);
}

void lab_met_merge(struct lab_met_notes *to, const struct lab_met_notes *from)
{
    for (unsigned i = 0; i < LAB_METS; i++) {
        to->kinds[i].count += from->kinds[i].count;
        for (unsigned j = 0; j < from->kinds[i].places; j++)
            add_place(&to->kinds[i], from->kinds[i].place[j]);
    }
}

void lab_rule_missed(int index)
{
    if (lab_search != NULL && index >= 0)
        lab_search->result.missed |= 1u << (unsigned)index;
}
