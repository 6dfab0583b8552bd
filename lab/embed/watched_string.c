/* SPDX-License-Identifier: MIT */
/*
 * watched_string.c - mem... and str... of watched code.
 *
 * A search reads up to what it finds.  A comparison of memory reads all of it,
 * one of strings up to the first difference.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mempcpy() and more */
#endif

#include "watched.h"

#include <ctype.h>
#include <strings.h>

#include "base/inject.h"
#include "platform/annotate_memory.h"

/* Bytes up to the one that was found, or all. */
static size_t up_to(const void *memory, const void *found, size_t all)
{
    if (found == NULL)
        return all;
    return (size_t)((const char *)found - (const char *)memory) + 1;
}

/* --- memory ---------------------------------------------------------- */

int zc_lab_memcmp(const void *one, const void *two, size_t size)
{
    lab_reads(one, size, CALLER);
    lab_reads(two, size, CALLER);
    return size == 0 ? 0 : memcmp(one, two, size);
}

int zc_lab_bcmp(const void *one, const void *two, size_t size)
{
    lab_reads(one, size, CALLER);
    lab_reads(two, size, CALLER);
    return size == 0 ? 0 : memcmp(one, two, size);
}

void *zc_lab_memchr(const void *memory, int byte, size_t size)
{
    void *found;

    lab_reads(memory, size != 0, CALLER);
    found = memchr(memory, byte, size);
    lab_reads(memory, up_to(memory, found, size), CALLER);
    return found;
}

void *zc_lab_memrchr(const void *memory, int byte, size_t size)
{
    const char *bytes = memory;
    size_t at = size;

    while (at > 0 && bytes[at - 1] != (char)byte)
        at--;
    if (at == 0) {
        lab_reads(bytes, size, CALLER);
        return NULL;
    }
    lab_reads(bytes + at - 1, size - at + 1, CALLER);
    return (char *)(uintptr_t)memory + at - 1;
}

void *zc_lab_memmem(const void *memory, size_t size, const void *part,
                    size_t part_size)
{
    const char *found = memmem(memory, size, part, part_size);

    lab_reads(part, part_size, CALLER);
    lab_reads(memory,
              found == NULL
                  ? size
                  : (size_t)(found - (const char *)memory) + part_size,
              CALLER);
    return (void *)(uintptr_t)found;
}

void *zc_lab_memccpy(void *to, const void *from, int byte, size_t size)
{
    const void *found = size == 0 ? NULL : memchr(from, byte, size);
    size_t copied = up_to(from, found, size);

    lab_reads(from, copied, CALLER);
    lab_writes(to, copied, CALLER);
    return memccpy(to, from, byte, size);
}

void *zc_lab_mempcpy(void *to, const void *from, size_t size)
{
    lab_reads(from, size, CALLER);
    lab_writes(to, size, CALLER);
    return (char *)memcpy(to, from, size) + size;
}

void zc_lab_bcopy(const void *from, void *to, size_t size)
{
    lab_reads(from, size, CALLER);
    lab_writes(to, size, CALLER);
    (void)memmove(to, from, size);
}

void zc_lab_bzero(void *memory, size_t size)
{
    lab_writes(memory, size, CALLER);
    (void)memset(memory, 0, size);
}

void zc_lab_explicit_bzero(void *memory, size_t size)
{
    lab_writes(memory, size, CALLER);
    (void)memset(memory, 0, size);
}

/* --- copies of strings ----------------------------------------------- */

size_t zc_lab_strlen(const char *text)
{
    return lab_reads_string(text, CALLER);
}

size_t zc_lab_strnlen(const char *text, size_t most)
{
    return lab_reads_most(text, most, CALLER);
}

char *zc_lab_strcpy(char *to, const char *from)
{
    size_t length = lab_reads_string(from, CALLER);

    lab_writes(to, length + 1, CALLER);
    return memcpy(to, from, length + 1);
}

char *zc_lab_stpcpy(char *to, const char *from)
{
    size_t length = lab_reads_string(from, CALLER);

    lab_writes(to, length + 1, CALLER);
    (void)memcpy(to, from, length + 1);
    return to + length;
}

char *zc_lab_strncpy(char *to, const char *from, size_t size)
{
    size_t length = lab_reads_most(from, size, CALLER);

    lab_writes(to, size, CALLER);
    (void)memcpy(to, from, length);
    (void)memset(to + length, 0, size - length);
    return to;
}

char *zc_lab_stpncpy(char *to, const char *from, size_t size)
{
    size_t length = lab_reads_most(from, size, CALLER);

    lab_writes(to, size, CALLER);
    (void)memcpy(to, from, length);
    (void)memset(to + length, 0, size - length);
    return to + length;
}

char *zc_lab_strcat(char *to, const char *from)
{
    size_t length = lab_reads_string(from, CALLER);
    char *end = to + lab_reads_string(to, CALLER);

    lab_writes(end, length + 1, CALLER);
    (void)memcpy(end, from, length + 1);
    return to;
}

char *zc_lab_strncat(char *to, const char *from, size_t size)
{
    size_t length = lab_reads_most(from, size, CALLER);
    char *end = to + lab_reads_string(to, CALLER);

    lab_writes(end, length + 1, CALLER);
    (void)memcpy(end, from, length);
    end[length] = '\0';
    return to;
}

static char *copy_of(const char *text, size_t length, const void *pc)
{
    char *copy;

    if (zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    copy = lab_embed_take(length + 1, pc);
    if (copy == NULL)
        return NULL;
    lab_writes(copy, length + 1, pc);
    (void)memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *zc_lab_strdup(const char *text)
{
    return copy_of(text, lab_reads_string(text, CALLER), CALLER);
}

char *zc_lab_strndup(const char *text, size_t most)
{
    return copy_of(text, lab_reads_most(text, most, CALLER), CALLER);
}

/* --- comparisons and searches ---------------------------------------- */

/* Reads two strings up to where they differ or end, at most so many bytes. */
static void read_both(const char *one, const char *two, size_t most,
                      bool any_case, const void *pc)
{
    size_t same = 0;

    if (most == 0)
        return;
    lab_reads(one, 1, pc);
    lab_reads(two, 1, pc);
    while (same < most - 1 && one[same] != '\0' &&
           (one[same] == two[same] ||
            (any_case && tolower((unsigned char)one[same]) ==
                             tolower((unsigned char)two[same]))))
        same++;
    lab_reads(one, same + 1, pc);
    lab_reads(two, same + 1, pc);
}

int zc_lab_strcmp(const char *one, const char *two)
{
    read_both(one, two, SIZE_MAX, false, CALLER);
    return strcmp(one, two);
}

int zc_lab_strncmp(const char *one, const char *two, size_t most)
{
    read_both(one, two, most, false, CALLER);
    return strncmp(one, two, most);
}

int zc_lab_strcasecmp(const char *one, const char *two)
{
    read_both(one, two, SIZE_MAX, true, CALLER);
    return strcasecmp(one, two);
}

int zc_lab_strncasecmp(const char *one, const char *two, size_t most)
{
    read_both(one, two, most, true, CALLER);
    return strncasecmp(one, two, most);
}

int zc_lab_strcoll(const char *one, const char *two)
{
    (void)lab_reads_string(one, CALLER);
    (void)lab_reads_string(two, CALLER);
    return strcoll(one, two);
}

char *zc_lab_strchr(const char *text, int byte)
{
    char *found;

    lab_reads(text, 1, CALLER);
    found = strchr(text, byte);
    if (found == NULL)
        (void)lab_reads_string(text, CALLER);
    else
        lab_reads(text, up_to(text, found, 0), CALLER);
    return found;
}

char *zc_lab_strchrnul(const char *text, int byte)
{
    size_t at = 0;

    lab_reads(text, 1, CALLER);
    while (text[at] != '\0' && text[at] != (char)byte)
        at++;
    lab_reads(text, at + 1, CALLER);
    return (char *)(uintptr_t)text + at;
}

char *zc_lab_strrchr(const char *text, int byte)
{
    (void)lab_reads_string(text, CALLER);
    return strrchr(text, byte);
}

char *zc_lab_strstr(const char *text, const char *part)
{
    size_t length = lab_reads_string(part, CALLER);
    char *found;

    lab_reads(text, 1, CALLER);
    found = strstr(text, part);
    if (found == NULL)
        (void)lab_reads_string(text, CALLER);
    else
        lab_reads(text, (size_t)(found - text) + length, CALLER);
    return found;
}

size_t zc_lab_strspn(const char *text, const char *set)
{
    size_t length;

    (void)lab_reads_string(set, CALLER);
    lab_reads(text, 1, CALLER);
    length = strspn(text, set);
    lab_reads(text, length + 1, CALLER);
    return length;
}

size_t zc_lab_strcspn(const char *text, const char *set)
{
    size_t length;

    (void)lab_reads_string(set, CALLER);
    lab_reads(text, 1, CALLER);
    length = strcspn(text, set);
    lab_reads(text, length + 1, CALLER);
    return length;
}

char *zc_lab_strpbrk(const char *text, const char *set)
{
    size_t length;

    (void)lab_reads_string(set, CALLER);
    lab_reads(text, 1, CALLER);
    length = strcspn(text, set);
    lab_reads(text, length + 1, CALLER);
    return text[length] == '\0' ? NULL : (char *)(uintptr_t)text + length;
}

/* --- tokens ---------------------------------------------------------- */

/* The token at *at, which ends at one of the set; moves *at behind it. */
static char *token(char **at, const char *set, const void *pc)
{
    char *begin = *at;
    char *end = begin + strcspn(begin, set);

    lab_reads(begin, (size_t)(end - begin) + 1, pc);
    if (*end == '\0') {
        *at = NULL;
        return begin;
    }
    lab_writes(end, 1, pc);
    *end = '\0';
    *at = end + 1;
    return begin;
}

char *zc_lab_strsep(char **at, const char *set)
{
    (void)lab_reads_string(set, CALLER);
    lab_reads(at, sizeof(*at), CALLER);
    if (*at == NULL)
        return NULL;
    lab_writes(at, sizeof(*at), CALLER);
    return token(at, set, CALLER);
}

static char *token_r(char *text, const char *set, char **rest, const void *pc)
{
    size_t before;

    (void)lab_reads_string(set, pc);
    lab_writes(rest, sizeof(*rest), pc);
    if (text != NULL)
        *rest = text;
    if (*rest == NULL)
        return NULL;
    before = strspn(*rest, set);
    lab_reads(*rest, before + 1, pc);
    *rest += before;
    if (**rest != '\0')
        return token(rest, set, pc);
    *rest = NULL;
    return NULL;
}

char *zc_lab_strtok_r(char *text, const char *set, char **rest)
{
    return token_r(text, set, rest, CALLER);
}

/* Watched and restored, and a race on it is reported by this name. */
static ZC_PROCESS_VARIABLE char *strtok_rest;

char *zc_lab_strtok(char *text, const char *set)
{
    return token_r(text, set, &strtok_rest, CALLER);
}
