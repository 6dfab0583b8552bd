/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - how far a search went, in words.
 *
 * "complete" is said of a search that came to its end without a bound, and that
 * met nothing it does not explore.  Of any other the word is "explored", and
 * what was not looked at follows.
 */
#ifndef LAB_VERDICT_H
#define LAB_VERDICT_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/search.h"

bool lab_is_complete(const struct lab_result *result);

/* "complete", "explored up to 1 preemption", "explored in part". */
void lab_print_extent(FILE *out, const struct lab_result *result);

/* A line for each kind that was met and not explored, with its places, of at
 * most so many columns (0: as a story has by default). */
void lab_print_met(FILE *out, const struct lab_met_notes *met, unsigned width);
/* The same as a list in JSON. */
void lab_print_met_json(FILE *out, const struct lab_met_notes *met);
/* What one of this kind is: "relaxed atomic run in order". */
const char *lab_met_words(enum lab_met what);

#endif
