/* SPDX-License-Identifier: MIT */
/*
 * sites_list.c - the list of the sites that survive, with their reasons.
 *
 * A line is "SITE: REASON"; # begins a comment.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream() where POSIX alone is not enough */
#endif

#include "sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 1024
#define OPEN "open" /* the reason that is none yet */

static bool is_comment(const char *line)
{
    return line[0] == '#' || line[0] == '\0';
}

static bool read_line(FILE *list, char line[LINE_BYTES])
{
    if (fgets(line, LINE_BYTES, list) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static bool names(const char *line, const struct lab_site_row *row)
{
    const size_t length = strlen(row->name);

    return strncmp(line, row->name, length) == 0 && line[length] == ':';
}

/* Is it wrong, unless the list says why it is not? */
static bool needs_reason(const struct lab_site_row *row)
{
    return row->state == LAB_SITE_SURVIVES || row->state == LAB_SITE_LOUD;
}

static bool is_listed(FILE *list, const struct lab_site_row *row)
{
    char line[LINE_BYTES];

    rewind(list);
    while (read_line(list, line)) {
        if (!is_comment(line) && names(line, row))
            return true;
    }
    return false;
}

/* The row that a line is about; NULL: there is none. */
static const struct lab_site_row *row_of(const struct lab_site_table *table,
                                         const char *line)
{
    for (unsigned i = 0; i < table->count; i++) {
        if (names(line, &table->rows[i]))
            return &table->rows[i];
    }
    return NULL;
}

/* Lines of the list that say of a site what is not so. */
static unsigned judge_lines(const struct lab_site_table *table, FILE *list,
                            FILE *out)
{
    char line[LINE_BYTES];
    unsigned wrong = 0;

    rewind(list);
    while (read_line(list, line)) {
        const struct lab_site_row *row = row_of(table, line);

        if (is_comment(line) || (row != NULL && (needs_reason(row) ||
                                                 row->state == LAB_SITE_WAITS)))
            continue;
        (void)fprintf(out, "%s: listed, and %s\n", line,
                      row == NULL ? "not there"
                                  : lab_site_state_name(row->state));
        wrong++;
    }
    return wrong;
}

unsigned lab_sites_judge(const struct lab_site_table *table, const char *path,
                         FILE *out)
{
    FILE *list = path == NULL ? NULL : fopen(path, "r");
    unsigned wrong = 0;

    if (path != NULL && list == NULL) {
        (void)fprintf(out, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    for (unsigned i = 0; i < table->count; i++) {
        const struct lab_site_row *row = &table->rows[i];

        if (row->state != LAB_SITE_DIED &&
            (!needs_reason(row) || (list != NULL && is_listed(list, row))))
            continue;
        (void)fprintf(out, "%s, %s: %s\n", row->name, row->where,
                      lab_site_state_name(row->state));
        wrong++;
    }
    if (list != NULL) {
        wrong += judge_lines(table, list, out);
        (void)fclose(list);
    }
    return wrong;
}

/* --- a new list ------------------------------------------------------ */

/* What stays of the old list. */
static void keep_lines(const struct lab_site_table *table, FILE *old, FILE *out)
{
    char line[LINE_BYTES];

    while (read_line(old, line)) {
        const struct lab_site_row *row = row_of(table, line);

        if (is_comment(line) || (row != NULL && needs_reason(row)))
            (void)fprintf(out, "%s\n", line);
    }
}

static bool write_all(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    bool fine = file != NULL && fwrite(text, 1, size, file) == size;

    fine = (file == NULL || fclose(file) == 0) && fine;
    if (!fine)
        (void)fprintf(stderr, "zcrace: %s: %s\n", path, strerror(errno));
    return fine;
}

bool lab_sites_record(const struct lab_site_table *table, const char *path)
{
    FILE *old = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool fine;

    if (out != NULL && old != NULL)
        keep_lines(table, old, out);
    for (unsigned i = 0; out != NULL && i < table->count; i++) {
        const struct lab_site_row *row = &table->rows[i];

        if (needs_reason(row) && (old == NULL || !is_listed(old, row)))
            (void)fprintf(out, "%s: " OPEN "\n", row->name);
    }
    fine = out != NULL && fclose(out) == 0 && write_all(path, text, size);
    if (old != NULL)
        (void)fclose(old);
    free(text);
    return fine;
}
