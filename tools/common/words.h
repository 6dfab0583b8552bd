/* SPDX-License-Identifier: MIT */
/*
 * words.h - the words that an option takes, each with its meaning.
 *
 * A word and its constant are written once, as a pair.  The parser, the help,
 * the error messages and the reports read the same table.  So the word that is
 * shown is the value that is used, in any order of the constants.
 */
#ifndef ZCACHE_TOOL_WORDS_H
#define ZCACHE_TOOL_WORDS_H

#include "common/text.h"

/* A table ends with a NULL word. */
struct word {
    const char *word;
    unsigned value;
};

/* The meaning of a word; false, and nothing written, for any other text. */
bool words_find(const struct word *words, const char *text,
                unsigned *value_out);

/* The word for a value of the table. */
const char *words_name(const struct word *words, unsigned value);

/* Appends all words: "dense, kernel". */
void words_list(struct text *text, const struct word *words,
                const char *separator);

/* The library's placements, its default last.  For one thread at a time. */
#define PLACEMENTS_MAX 16
const struct word *placement_words(void);

#endif
