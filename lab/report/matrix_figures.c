/* SPDX-License-Identifier: MIT */
/*
 * matrix_figures.c - two texts in JSON, value by value.
 *
 * A value is known by the names that lead to it: "double-invalidate, LRU_LAST,
 * traces".  The reader accepts what print_matrix.c writes: objects, strings
 * without relevant escapes, numbers, true, false, null.
 */
#include "matrix.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define NAME_MAX_CHARS 256

struct figure {
    char name[NAME_MAX_CHARS];
    const char *value; /* in the text, not ended */
    size_t length;
    bool met; /* in the other text */
};

struct figures {
    struct figure *figures;
    size_t count;
    size_t room;
};

struct reader {
    const char *at;
    const char *names[DEPTH_MAX];
    size_t lengths[DEPTH_MAX];
    unsigned depth;
    struct figures *into;
};

static void skip_blanks(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t\r\n");
}

static bool take(struct reader *reader, char wanted)
{
    skip_blanks(reader);
    if (*reader->at != wanted)
        return false;
    reader->at++;
    return true;
}

/* A string, number or word; its length, 0: none. */
static size_t token(const char *text)
{
    size_t length = 1;

    if (*text != '"')
        return strcspn(text, ",}]: \t\r\n");
    while (text[length] != '"' && text[length] != '\0')
        length += text[length] == '\\' && text[length + 1] != '\0' ? 2 : 1;
    return text[length] == '"' ? length + 1 : 0;
}

static bool add(struct reader *reader, size_t length)
{
    struct figures *into = reader->into;
    struct figure *figure;
    size_t used = 0;

    if (into->count == into->room) {
        size_t room = into->room == 0 ? 1024 : 2 * into->room;
        void *grown = realloc(into->figures, room * sizeof(*into->figures));

        if (grown == NULL)
            return false;
        into->figures = grown;
        into->room = room;
    }
    figure = &into->figures[into->count++];
    figure->value = reader->at;
    figure->length = length;
    figure->met = false;
    figure->name[0] = '\0';
    for (unsigned i = 0; i < reader->depth && used < NAME_MAX_CHARS; i++) {
        used += (size_t)snprintf(figure->name + used, NAME_MAX_CHARS - used,
                                 "%s%.*s", i == 0 ? "" : ", ",
                                 (int)reader->lengths[i], reader->names[i]);
    }
    return true;
}

static bool read_value(struct reader *reader);

static bool read_member(struct reader *reader)
{
    size_t length;

    skip_blanks(reader);
    length = token(reader->at);
    if (*reader->at != '"' || length < 2 || reader->depth == DEPTH_MAX)
        return false;
    reader->names[reader->depth] = reader->at + 1;
    reader->lengths[reader->depth] = length - 2;
    reader->at += length;
    if (!take(reader, ':'))
        return false;
    reader->depth++;
    if (!read_value(reader))
        return false;
    reader->depth--;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): the depth is that of the names */
static bool read_value(struct reader *reader)
{
    size_t length;

    if (!take(reader, '{')) {
        length = token(reader->at);
        if (length == 0 || !add(reader, length))
            return false;
        reader->at += length;
        return true;
    }
    if (take(reader, '}'))
        return true;
    do {
        if (!read_member(reader))
            return false;
    } while (take(reader, ','));
    return take(reader, '}');
}

static bool read_figures(const char *text, struct figures *into)
{
    struct reader reader = {.at = text, .into = into};

    if (!read_value(&reader))
        return false;
    skip_blanks(&reader);
    return *reader.at == '\0';
}

/* --- comparing ------------------------------------------------------- */

/* Searches from `near` on, because both lists have nearly the same order. */
static struct figure *find(struct figures *among, const char *name, size_t near)
{
    for (size_t i = 0; i < among->count; i++) {
        struct figure *figure = &among->figures[(near + i) % among->count];

        if (strcmp(figure->name, name) == 0)
            return figure;
    }
    return NULL;
}

static unsigned compare(struct figures *recorded, struct figures *now,
                        FILE *out)
{
    unsigned different = 0;

    for (size_t i = 0; i < recorded->count; i++) {
        const struct figure *old = &recorded->figures[i];
        struct figure *new = find(now, old->name, i);

        if (new == NULL) {
            (void)fprintf(out, "%s: recorded %.*s, now there is none\n",
                          old->name, (int)old->length, old->value);
            different++;
            continue;
        }
        new->met = true;
        if (old->length == new->length &&
            memcmp(old->value, new->value, old->length) == 0)
            continue;
        (void)fprintf(out, "%s: recorded %.*s, now %.*s\n", old->name,
                      (int)old->length, old->value, (int)new->length,
                      new->value);
        different++;
    }
    for (size_t i = 0; i < now->count; i++) {
        if (now->figures[i].met)
            continue;
        (void)fprintf(out, "%s: not recorded, now %.*s\n", now->figures[i].name,
                      (int)now->figures[i].length, now->figures[i].value);
        different++;
    }
    return different;
}

unsigned lab_figures_compare(const char *recorded, const char *now, FILE *out)
{
    struct figures old = {.count = 0};
    struct figures new = {.count = 0};
    unsigned different = 1;

    if (!read_figures(recorded, &old))
        (void)fprintf(out, "the recorded figures cannot be read\n");
    else if (!read_figures(now, &new))
        (void)fprintf(out, "the new figures cannot be read\n");
    else
        different = compare(&old, &new, out);
    free(old.figures);
    free(new.figures);
    return different;
}
