/* SPDX-License-Identifier: MIT */
/*
 * merge.c - merges the JSON of several runs into one array.
 *
 * A file has any number of objects, or arrays of objects, one after another, as
 * runs and sweeps print them and as a scheduler may collect them.  They are
 * checked to be JSON, and to have the members of a run, and are copied
 * unchanged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

#define DEPTH_MOST 100
#define FILE_BYTES_MOST ((size_t)1 << 30)

/* Members of a run; if one after the first is not 0, the run failed. */
static const char *const wanted_keys[] = {"ops", "mismatches", "left_over",
                                          "disagrees"};

#define WANTED (sizeof(wanted_keys) / sizeof(wanted_keys[0]))

struct scan {
    const char *path;
    const char *start;
    const char *at;
    const char *end;
    struct text *out;
    size_t *count;       /* of the objects in `out` */
    bool found[WANTED];  /* in the object that is read */
    const char *missing; /* the missing member of an object that is no run */
    bool has_bad;        /* some run failed */
};

static bool scan_value(struct scan *scan, unsigned depth);

/* The text ends with a NUL, which JSON never has.  It ends every loop over
 * characters below, and a NUL inside the file is reported as an error. */
static void skip_blanks(struct scan *scan)
{
    scan->at += strspn(scan->at, " \t\r\n");
}

/* Takes the next character that is no blank, if it is this one. */
static bool take(struct scan *scan, char wanted)
{
    skip_blanks(scan);
    if (*scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static bool scan_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (*scan->at != '"') {
        if ((unsigned char)*scan->at < 0x20)
            return false;
        scan->at += *scan->at == '\\' && scan->at[1] != '\0' ? 2 : 1;
    }
    return take(scan, '"');
}

/* Notes a member at the top level of a run, if it is one of wanted_keys. */
static void note_member(struct scan *scan, const char *key, size_t key_length,
                        const char *value)
{
    for (size_t i = 0; i < WANTED; i++) {
        if (strlen(wanted_keys[i]) != key_length ||
            memcmp(wanted_keys[i], key, key_length) != 0)
            continue;
        scan->found[i] = true;
        if (i != 0 && (*value != '0' || scan->at != value + 1))
            scan->has_bad = true;
    }
}

static bool scan_member(struct scan *scan, unsigned depth)
{
    const char *key;
    const char *key_end;
    const char *value;

    skip_blanks(scan);
    key = scan->at;
    if (!scan_string(scan))
        return false;
    key_end = scan->at;
    if (!take(scan, ':'))
        return false;
    skip_blanks(scan);
    value = scan->at;
    if (!scan_value(scan, depth + 1))
        return false;
    if (depth == 0) /* the key without its quotes */
        note_member(scan, key + 1, (size_t)(key_end - key) - 2, value);
    return true;
}

static bool scan_members(struct scan *scan, char last, unsigned depth)
{
    if (take(scan, last))
        return true;
    do {
        if (last == '}' ? !scan_member(scan, depth)
                        : !scan_value(scan, depth + 1))
            return false;
    } while (take(scan, ','));
    return take(scan, last);
}

static size_t scan_digits(struct scan *scan)
{
    const size_t count = strspn(scan->at, "0123456789");

    scan->at += count;
    return count;
}

/* Takes the next character, if it is one of these. */
static bool take_any(struct scan *scan, const char *wanted)
{
    if (*scan->at == '\0' || strchr(wanted, *scan->at) == NULL)
        return false;
    scan->at++;
    return true;
}

static bool scan_number(struct scan *scan)
{
    const char *first;
    size_t digits;

    (void)take_any(scan, "-");
    first = scan->at;
    digits = scan_digits(scan);
    if (digits == 0 || (digits > 1 && *first == '0'))
        return false;
    if (take_any(scan, ".") && scan_digits(scan) == 0)
        return false;
    if (take_any(scan, "eE")) {
        (void)take_any(scan, "+-");
        return scan_digits(scan) != 0;
    }
    return true;
}

/* A number, true, false or null. */
static bool scan_word(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strncmp(scan->at, words[i], strlen(words[i])) == 0) {
            scan->at += strlen(words[i]);
            return true;
        }
    }
    return scan_number(scan);
}

static bool scan_value(struct scan *scan, unsigned depth)
{
    if (depth > DEPTH_MOST)
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
    memset(scan->found, 0, sizeof(scan->found));
    if (*first != '{' || !scan_value(scan, 0))
        return false;
    for (size_t i = 0; i < WANTED; i++) {
        if (!scan->found[i]) {
            scan->missing = wanted_keys[i];
            scan->at = first;
            return false;
        }
    }
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
                          "%zu%s%s",
                          scan->path, (size_t)(scan->at - scan->start),
                          (size_t)(scan->end - scan->start),
                          scan->missing == NULL ? "" : " begins one without ",
                          scan->missing == NULL ? "" : scan->missing);
            return false;
        }
    }
    return true;
}

/* Reads a whole file; false, and an error shown. */
static bool read_file(const char *path, struct text *text)
{
    int error;

    if (is_character_device(path)) {
        message_error("--merge: %s is a device, and not the JSON of runs",
                      path);
        return false;
    }
    error = text_append_file(text, path, FILE_BYTES_MOST);
    if (error == EFBIG)
        message_error("--merge: %s has more than %zu bytes", path,
                      FILE_BYTES_MOST);
    else if (error != 0)
        message_error("--merge: cannot read %s: %s", path, strerror(error));
    return error == 0;
}

static bool merge_file(const char *path, struct text *out, size_t *count,
                       bool *has_bad)
{
    struct text text = {0};
    struct scan scan = {.path = path, .out = out, .count = count};
    size_t before = *count;
    bool good = read_file(path, &text);

    if (good) {
        scan.start = text.bytes;
        scan.at = text.bytes;
        scan.end = text.bytes + text.length;
        good = copy_all(&scan);
    }
    if (good && *count == before) {
        message_error("--merge: %s has 0 runs, and at least 1 is needed", path);
        good = false;
    }
    if (scan.has_bad)
        *has_bad = true;
    text_free(&text);
    return good;
}

int sim_merge(const struct sim_options *options)
{
    struct text out = {0};
    size_t count = 0;
    bool has_bad = false;
    bool good = true;

    for (size_t i = 0; i < options->file_count && good; i++)
        good = merge_file(options->files[i], &out, &count, &has_bad);
    if (good) {
        printf("[%s]\n", out.bytes);
        good = message_finish_output();
    }
    text_free(&out);
    if (!good)
        return TOOL_ERROR;
    return has_bad ? TOOL_MISMATCH : TOOL_FINE;
}
