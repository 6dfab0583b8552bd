/* SPDX-License-Identifier: MIT */
/* rule.c - the rules as switches, and which of them code has evaluated. */
#include "rules.h"

#include <stddef.h>
#include <string.h>

#include "lab_platform.h"

struct text {
    const char *identifier;
    const char *sentence;
    const char *file; /* empty: no code yet */
};

#define TEXT(identifier, sentence, origin, file) {#identifier, sentence, file},

static const struct text texts[] = {ZC_RULES(TEXT)};

static int broken = -1;
static bool asked[ZC_RULE_COUNT];

bool zc_rule_holds(enum zc_rule rule)
{
    asked[rule] = true;
    return broken != (int)rule;
}

static int find(const char *identifier)
{
    int i;

    for (i = 0; i < (int)ZC_RULE_COUNT; i++)
        if (strcmp(texts[i].identifier, identifier) == 0)
            return i;
    return -1;
}

bool lab_break_rule(const char *identifier)
{
    broken = identifier == NULL ? -1 : find(identifier);
    return identifier == NULL || broken >= 0;
}

bool lab_rule_was_asked(const char *identifier)
{
    int rule = find(identifier);

    return rule >= 0 && asked[rule];
}

void lab_rules_forget(void)
{
    memset(asked, 0, sizeof(asked));
}

/* By index among the rules that have code. */
static const struct text *text_at(unsigned index)
{
    for (unsigned i = 0; i < ZC_RULE_COUNT; i++) {
        if (texts[i].file[0] != '\0' && index-- == 0)
            return &texts[i];
    }
    return NULL;
}

const char *lab_rule_name(unsigned index)
{
    const struct text *text = text_at(index);

    return text == NULL ? NULL : text->identifier;
}

const char *lab_rule_sentence(unsigned index)
{
    const struct text *text = text_at(index);

    return text == NULL ? NULL : text->sentence;
}
