/* SPDX-License-Identifier: MIT */
/*
 * words.h - the words that an option takes, each beside what it means.
 *
 * A word and its constant stand once, as a pair.  The parser, the help, the
 * error messages and the reports all read the same table, so that the word
 * that is shown is the word that runs, in whatever order the constants are.
 */
#ifndef ZCACHE_TOOL_WORDS_H
#define ZCACHE_TOOL_WORDS_H

#include "common/text.h"

/* A table ends with a NULL word. */
struct word {
    const char *word;
    unsigned value;
};

/* What the word means; false, and nothing written, for any other text. */
bool words_find(const struct word *words, const char *text,
                unsigned *value_out);

/* The word for a value of the table. */
const char *words_name(const struct word *words, unsigned value);

/* Appends all words: "dense, kernel". */
void words_list(struct text *text, const struct word *words,
                const char *separator);

/* Those of the library, its default last.  For one thread at a time. */
#define PLACEMENTS_MAX 16
const struct word *placement_words(void);

#endif
