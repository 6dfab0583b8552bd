/* SPDX-License-Identifier: MIT */
/* words.c - the words that an option takes, each with its meaning. */
#include "common/words.h"

#include <string.h>
#include <zcache/zspool.h>

const struct word *placement_words(void)
{
    static struct word words[PLACEMENTS_MAX + 1];
    unsigned count = 0;

    while (count < PLACEMENTS_MAX && zc_placement_name(count + 1) != NULL)
        count++;
    for (unsigned i = 0; i < count; i++)
        words[i] = (struct word){zc_placement_name(count - i), count - i};
    return words;
}

bool words_find(const struct word *words, const char *text, unsigned *value_out)
{
    for (; words->word != NULL; words++) {
        if (strcmp(words->word, text) == 0) {
            *value_out = words->value;
            return true;
        }
    }
    return false;
}

const char *words_name(const struct word *words, unsigned value)
{
    for (; words->word != NULL; words++) {
        if (words->value == value)
            return words->word;
    }
    return "?";
}

void words_list(struct text *text, const struct word *words,
                const char *separator)
{
    for (size_t i = 0; words[i].word != NULL; i++)
        text_print(text, "%s%s", i == 0 ? "" : separator, words[i].word);
}
