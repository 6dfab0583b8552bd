/* SPDX-License-Identifier: MIT */
/*
 * watch_mutants.c - the detector with a mistake, in another test's program.
 *
 * The mistake is the one that the environment variable LAB_MUTANT names; with
 * "list" the program prints the names.  check-watch-mutants runs it.
 */
#include "engine/mutant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum lab_mutant_name mutant;
} mutants[] = {
#define ENTRY(name_, sentence_) {#name_, LAB_MUTANT_##name_},
    LAB_WATCH_MUTANT_LIST(ENTRY)
#undef ENTRY
};

__attribute__((constructor)) static void choose(void)
{
    const char *wanted = getenv("LAB_MUTANT");

    if (wanted == NULL)
        return;
    for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        if (strcmp(wanted, "list") == 0)
            (void)printf("%s\n", mutants[i].name);
        if (strcmp(wanted, mutants[i].name) != 0)
            continue;
        lab_mutant = mutants[i].mutant;
        return;
    }
    exit(strcmp(wanted, "list") == 0 ? EXIT_SUCCESS : 2);
}
