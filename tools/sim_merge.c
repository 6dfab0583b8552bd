/* SPDX-License-Identifier: MIT */
/*
 * sim_merge.c - the JSON of several runs as one array.
 *
 * A file has any number of objects, or arrays of them, one after the other, as
 * runs and sweeps print them and as a scheduler that collects their output may
 * put them together.  They are checked to be JSON and copied as they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define DEPTH_MOST 100

struct scan {
    const char *path;
    const char *start;
    const char *at;
    const char *end;
    struct text *out;
    size_t *count; /* objects in `out` */
};

static bool scan_value(struct scan *scan, unsigned depth);

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL &&
           *scan->at != '\0')
        scan->at++;
}

/* The next character that is no blank, taken if it is this one. */
static bool take(struct scan *scan, char wanted)
{
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static bool scan_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (scan->at < scan->end && *scan->at != '"') {
        if ((unsigned char)*scan->at < 0x20)
            return false;
        scan->at += *scan->at == '\\' && scan->at + 1 < scan->end ? 2 : 1;
    }
    return take(scan, '"');
}

static bool scan_members(struct scan *scan, char last, unsigned depth)
{
    if (take(scan, last))
        return true;
    do {
        if (last == '}' && (!scan_string(scan) || !take(scan, ':')))
            return false;
        if (!scan_value(scan, depth + 1))
            return false;
    } while (take(scan, ','));
    return take(scan, last);
}

/* A number, true, false or null. */
static bool scan_word(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *first = scan->at;
    char *number_end;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i]);

        if ((size_t)(scan->end - first) >= length &&
            memcmp(first, words[i], length) == 0) {
            scan->at += length;
            return true;
        }
    }
    if (first == scan->end || strchr("-0123456789", *first) == NULL)
        return false;
    /* The text ends with a NUL, so this ends too. */
    (void)strtod(first, &number_end);
    scan->at = number_end;
    return number_end != first;
}

static bool scan_value(struct scan *scan, unsigned depth)
{
    if (depth > DEPTH_MOST)
        return false;
    skip_blanks(scan);
    if (scan->at == scan->end)
        return false;
    if (take(scan, '{'))
        return scan_members(scan, '}', depth);
    if (take(scan, '['))
        return scan_members(scan, ']', depth);
    if (*scan->at == '"')
        return scan_string(scan);
    return scan_word(scan);
}

static bool copy_object(struct scan *scan)
{
    const char *first;

    skip_blanks(scan);
    first = scan->at;
    if (first == scan->end || *first != '{' || !scan_value(scan, 0))
        return false;
    text_print(scan->out, "%s", *scan->count == 0 ? "" : ",\n");
    text_append(scan->out, first, (size_t)(scan->at - first));
    (*scan->count)++;
    return true;
}

static bool copy_array(struct scan *scan)
{
    if (take(scan, ']'))
        return true;
    do {
        if (!copy_object(scan))
            return false;
    } while (take(scan, ','));
    return take(scan, ']');
}

static bool copy_all(struct scan *scan)
{
    for (skip_blanks(scan); scan->at < scan->end; skip_blanks(scan)) {
        if (!(take(scan, '[') ? copy_array(scan) : copy_object(scan))) {
            message_error("--merge: %s is not the JSON of runs: byte %zu of "
                          "%zu",
                          scan->path, (size_t)(scan->at - scan->start),
                          (size_t)(scan->end - scan->start));
            return false;
        }
    }
    return true;
}

static bool merge_file(const char *path, struct text *out, size_t *count)
{
    struct text text = {0};
    struct scan scan = {.path = path, .out = out, .count = count};
    size_t before = *count;
    int error = text_append_file(&text, path);
    bool good = false;

    if (error != 0) {
        message_error("--merge: cannot read %s: %s", path, strerror(error));
    } else {
        scan.start = text.bytes;
        scan.at = text.bytes;
        scan.end = text.bytes + text.length;
        good = copy_all(&scan);
    }
    if (good && *count == before) {
        message_error("--merge: %s has 0 runs, and at least 1 is needed", path);
        good = false;
    }
    text_free(&text);
    return good;
}

int sim_merge(const struct sim_options *options)
{
    struct text out = {0};
    size_t count = 0;
    bool good = true;

    for (size_t i = 0; i < options->file_count && good; i++)
        good = merge_file(options->files[i], &out, &count);
    if (good) {
        printf("[%s]\n", out.bytes);
        good = message_finish_output();
    }
    text_free(&out);
    return good ? TOOL_FINE : TOOL_ERROR;
}
