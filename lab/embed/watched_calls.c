/* SPDX-License-Identifier: MIT */
/*
 * watched_calls.c - numbers in strings, sorting, and files, of watched code.
 *
 * bsearch() is not among them: it reads nothing but by the function that it was
 * given, which is watched code.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* getdelim() and more */
#endif

#include "watched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "platform/memory.h"

/* --- numbers --------------------------------------------------------- */

/* Reads a number that ends at `end`, which is `text` if there is none, and the
 * byte behind it; stores the end for the caller. */
static void read_number(const char *text, char *end, char **end_out,
                        const void *pc)
{
    size_t size = (size_t)(end - text) + 1;

    if (end == text)
        size += strspn(text, " \t\n\v\f\r");
    lab_reads(text, size, pc);
    if (end_out == NULL)
        return;
    lab_writes(end_out, sizeof(*end_out), pc);
    *end_out = end;
}

#define TO_INTEGER(name, type)                                                 \
    type zc_lab_##name(const char *text, char **end_out, int base)             \
    {                                                                          \
        char *end;                                                             \
        type value;                                                            \
                                                                               \
        lab_reads(text, 1, CALLER);                                            \
        value = name(text, &end, base);                                        \
        read_number(text, end, end_out, CALLER);                               \
        return value;                                                          \
    }

#define TO_FLOATING(name, type)                                                \
    type zc_lab_##name(const char *text, char **end_out)                       \
    {                                                                          \
        char *end;                                                             \
        type value;                                                            \
                                                                               \
        lab_reads(text, 1, CALLER);                                            \
        value = name(text, &end);                                              \
        read_number(text, end, end_out, CALLER);                               \
        return value;                                                          \
    }

#define SHORT_FORM(name, type, call)                                           \
    type zc_lab_##name(const char *text)                                       \
    {                                                                          \
        char *end;                                                             \
        type value;                                                            \
                                                                               \
        lab_reads(text, 1, CALLER);                                            \
        value = (type)call;                                                    \
        read_number(text, end, NULL, CALLER);                                  \
        return value;                                                          \
    }

TO_INTEGER(strtol, long)
TO_INTEGER(strtoll, long long)
TO_INTEGER(strtoul, unsigned long)
TO_INTEGER(strtoull, unsigned long long)
TO_FLOATING(strtof, float)
TO_FLOATING(strtod, double)
TO_FLOATING(strtold, long double)
SHORT_FORM(atoi, int, strtol(text, &end, 10))
SHORT_FORM(atol, long, strtol(text, &end, 10))
SHORT_FORM(atoll, long long, strtoll(text, &end, 10))
SHORT_FORM(atof, double, strtod(text, &end))

/* --- sorting --------------------------------------------------------- */

void zc_lab_qsort(void *items, size_t count, size_t size,
                  int (*compare)(const void *, const void *))
{
    /* What is compared may be copies, and what is written may be all. */
    if (count > 1)
        lab_writes(items, count * size, CALLER);
    qsort(items, count, size, compare);
}

/* --- files ----------------------------------------------------------- */

/* A file is not put back between two executions, and has changed: a loop that
 * reads one does not merely look. */
static void meet_file(int file, const void *pc)
{
    if (file <= STDERR_FILENO || lab_quiet)
        return;
    lab_written = true;
    lab_met(LAB_MET_FILE, pc);
}

ssize_t zc_lab_read(int file, void *to, size_t size)
{
    ssize_t count = read(file, to, size);

    meet_file(file, CALLER);
    lab_writes(to, count > 0 ? (size_t)count : 0, CALLER);
    return count;
}

ssize_t zc_lab_pread(int file, void *to, size_t size, off_t offset)
{
    ssize_t count = pread(file, to, size, offset);

    meet_file(file, CALLER);
    lab_writes(to, count > 0 ? (size_t)count : 0, CALLER);
    return count;
}

ssize_t zc_lab_write(int file, const void *from, size_t size)
{
    meet_file(file, CALLER);
    lab_reads(from, size, CALLER);
    return write(file, from, size);
}

ssize_t zc_lab_pwrite(int file, const void *from, size_t size, off_t offset)
{
    meet_file(file, CALLER);
    lab_reads(from, size, CALLER);
    return pwrite(file, from, size, offset);
}

size_t zc_lab_fread(void *to, size_t size, size_t count, FILE *file)
{
    size_t done = fread(to, size, count, file);

    meet_file(fileno(file), CALLER);
    lab_writes(to, done * size, CALLER);
    return done;
}

size_t zc_lab_fwrite(const void *from, size_t size, size_t count, FILE *file)
{
    meet_file(fileno(file), CALLER);
    lab_reads(from, size * count, CALLER);
    return fwrite(from, size, count, file);
}

char *zc_lab_fgets(char *to, int size, FILE *file)
{
    char *line = fgets(to, size, file);

    meet_file(fileno(file), CALLER);
    if (line != NULL)
        lab_writes(line, strlen(line) + 1, CALLER);
    return line;
}

int zc_lab_fputs(const char *text, FILE *file)
{
    meet_file(fileno(file), CALLER);
    (void)lab_reads_string(text, CALLER);
    return fputs(text, file);
}

/* Makes *line at least so long; false: no memory. */
static bool grow_line(char **line, size_t *room, size_t size, const void *pc)
{
    char *moved;

    lab_reads(line, sizeof(*line), pc);
    lab_reads(room, sizeof(*room), pc);
    if (*line != NULL && *room >= size)
        return true;
    moved = lab_embed_take(size, pc);
    if (moved == NULL)
        return false;
    lab_embed_give_back(*line, pc);
    lab_writes(line, sizeof(*line), pc);
    lab_writes(room, sizeof(*room), pc);
    *line = moved;
    *room = size;
    return true;
}

static ssize_t read_line(char **line, size_t *room, int end, FILE *file,
                         const void *pc)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t length = getdelim(&text, &size, end, file);

    meet_file(fileno(file), pc);
    if (length >= 0 && grow_line(line, room, (size_t)length + 1, pc)) {
        lab_writes(*line, (size_t)length + 1, pc);
        (void)memcpy(*line, text, (size_t)length + 1);
    } else if (length >= 0) {
        errno = ENOMEM;
        length = -1;
    }
    free(text);
    return length;
}

ssize_t zc_lab_getdelim(char **line, size_t *room, int end, FILE *file)
{
    return read_line(line, room, end, file, CALLER);
}

ssize_t zc_lab_getline(char **line, size_t *room, FILE *file)
{
    return read_line(line, room, '\n', file, CALLER);
}
