/* SPDX-License-Identifier: MIT */
/* say.c - messages, under the name of the program. */
#include "zcrace.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define NEAR 3       /* changes that make one name of another */
#define NEAR_MOST 4u /* names that are said */

const char *zcrace_name(void)
{
    return lab_program_name;
}

void zcrace_set_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    lab_program_name = slash == NULL ? path : slash + 1;
}

void zcrace_say(const char *format, ...)
{
    va_list arguments;

    (void)fprintf(stderr, "%s: ", lab_program_name);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

bool zcrace_wrote(const char *path, int error)
{
    if (error == ENOTSUP)
        zcrace_say("--html: %s is no regular file, and only one can be "
                   "replaced",
                   path);
    else if (error != 0)
        zcrace_say("--html: cannot write %s: %s", path, strerror(error));
    return error == 0;
}

/* --- names that may be meant ----------------------------------------- */

static unsigned least_of(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Letters to add, take away or change (Levenshtein). */
static unsigned distance(const char *from, const char *to)
{
    unsigned row[LAB_RULE_CHARS + 1];
    size_t length = strlen(to);

    if (length > LAB_RULE_CHARS)
        return ~0u;
    for (unsigned i = 0; i <= length; i++)
        row[i] = i;
    for (unsigned i = 1; *from != '\0'; from++, i++) {
        unsigned corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            unsigned above = row[j];

            row[j] = least_of(above + 1, row[j - 1] + 1,
                              corner + (*from != to[j - 1]));
            corner = above;
        }
    }
    return row[length];
}

static bool is_near(const char *wanted, const char *known)
{
    return distance(wanted, known) <= NEAR ||
           (strlen(wanted) > NEAR &&
            (strstr(known, wanted) != NULL || strstr(wanted, known) != NULL));
}

void zcrace_say_near(const char *wanted,
                     const char *(*name_at)(const void *list, unsigned index),
                     const void *list)
{
    unsigned said = 0;
    const char *known;

    for (unsigned i = 0; (known = name_at(list, i)) != NULL; i++) {
        if (!is_near(wanted, known) || said == NEAR_MOST)
            continue;
        (void)fprintf(stderr, "%s%s", said == 0 ? "near it: " : ", ", known);
        said++;
    }
    if (said != 0)
        (void)fputc('\n', stderr);
}
