/* SPDX-License-Identifier: MIT */
/*
 * rules.c - lists of rules that are broken together, "A,B".
 */
#include "scenario.h"

#include <string.h>

bool lab_rule_next(const char **list, char rule[LAB_RULE_CHARS])
{
    size_t length;

    if (*list == NULL || **list == '\0')
        return false;
    length = strcspn(*list, ",");
    if (length >= LAB_RULE_CHARS)
        rule[0] = '\0'; /* no rule has this name */
    else
        memcpy(rule, *list, length);
    if (length < LAB_RULE_CHARS)
        rule[length] = '\0';
    *list += length;
    if (**list == ',')
        ++*list;
    return true;
}

int lab_rule_index(const char *list, const char *rule)
{
    char one[LAB_RULE_CHARS];

    for (int i = 0; lab_rule_next(&list, one); i++) {
        if (strcmp(one, rule) == 0)
            return i;
    }
    return -1;
}
