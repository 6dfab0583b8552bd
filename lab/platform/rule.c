/* SPDX-License-Identifier: MIT */
/* rule.c - the rules as switches, and which of them code has evaluated. */
#include "rules.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/scenario.h"
#include "lab_platform.h"

struct text {
    const char *identifier;
    const char *sentence;
    const char *file; /* empty: no code yet */
};

#define TEXT(identifier, sentence, origin, file) {#identifier, sentence, file},

static const struct text texts[] = {ZC_RULES(TEXT)};

/* The place of a broken rule in the list of them, from 1; 0: it holds. */
static unsigned char broken[ZC_RULE_COUNT];

/* Shared with worker processes from lab_rules_forget() on. */
static bool asked_here[ZC_RULE_COUNT];
static bool *asked = asked_here;

bool zc_rule_holds(enum zc_rule rule)
{
    asked[rule] = true;
    if (broken[rule] == 0)
        return true;
    lab_rule_missed(broken[rule] - 1);
    return false;
}

static int find(const char *identifier)
{
    int i;

    for (i = 0; i < (int)ZC_RULE_COUNT; i++)
        if (strcmp(texts[i].identifier, identifier) == 0)
            return i;
    return -1;
}

bool lab_break_one(const char *identifier, unsigned place)
{
    int rule = find(identifier);

    if (rule >= 0)
        broken[rule] = (unsigned char)(place + 1);
    return rule >= 0;
}

bool lab_break_rule(const char *list)
{
    char rule[LAB_RULE_CHARS];

    memset(broken, 0, sizeof(broken));
    for (unsigned place = 0; lab_rule_next(&list, rule); place++) {
        if (!lab_break_one(rule, place)) {
            memset(broken, 0, sizeof(broken));
            return false;
        }
    }
    return true;
}

bool lab_rule_was_asked(const char *identifier)
{
    int rule = find(identifier);

    return rule >= 0 && asked[rule];
}

void lab_rules_forget(void)
{
    void *shared = mmap(NULL, sizeof(asked_here), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (asked != asked_here)
        (void)munmap(asked, sizeof(asked_here));
    asked = shared == MAP_FAILED ? asked_here : shared;
    memset(asked, 0, sizeof(asked_here));
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
