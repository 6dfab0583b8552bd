/* SPDX-License-Identifier: MIT */
/*
 * matrix_files.c - the matrix as it is recorded: evidence.json with the
 * figures, evidence.md to read, and a diagram for each rule of each scenario
 * under races/.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream() where POSIX alone is not enough */
#endif

#include "matrix.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_CHARS 1024

typedef void (*lab_printer)(const struct lab_matrix *, FILE *);

/* What to do with each file and its text; false: it went wrong. */
struct visitor {
    bool (*visit)(struct visitor *visitor, const char *path, const char *text);
    FILE *out;
    unsigned different;
};

static char *text_of(const struct lab_matrix *matrix, lab_printer print)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        abort();
    print(matrix, out);
    if (fclose(out) != 0)
        abort();
    return text;
}

static bool visit_page(const struct lab_matrix *matrix, const char *folder,
                       const char *name, lab_printer print,
                       struct visitor *visitor)
{
    char path[PATH_CHARS];
    char *text = text_of(matrix, print);
    bool fine;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    fine = visitor->visit(visitor, path, text);
    free(text);
    return fine;
}

static bool visit_diagrams(const struct lab_matrix *matrix, const char *folder,
                           struct visitor *visitor)
{
    char path[PATH_CHARS];
    bool fine = true;

    for (unsigned i = 0; i < matrix->scenarios; i++) {
        const struct lab_scenario *scenario = matrix->plan->scenarios[i];

        for (unsigned k = 0; scenario->rules[k] != NULL; k++) {
            unsigned rule = lab_matrix_rule(matrix, scenario->rules[k]);

            if (rule == matrix->rules)
                continue;
            (void)snprintf(path, sizeof(path), "%s/races/%s--%s.txt", folder,
                           scenario->program.name, scenario->rules[k]);
            fine = visitor->visit(visitor, path,
                                  lab_matrix_cell(matrix, i, rule)->diagram) &&
                   fine;
        }
    }
    return fine;
}

static bool visit_all(const struct lab_matrix *matrix, const char *folder,
                      struct visitor *visitor)
{
    bool fine = visit_page(matrix, folder, "evidence.json",
                           lab_matrix_print_json, visitor);

    fine = visit_page(matrix, folder, "evidence.md", lab_matrix_print_evidence,
                      visitor) &&
           fine;
    return visit_diagrams(matrix, folder, visitor) && fine;
}

/* --- recording ------------------------------------------------------- */

static bool write_file(struct visitor *visitor, const char *path,
                       const char *text)
{
    FILE *file = fopen(path, "w");
    bool fine = file != NULL && fputs(text, file) >= 0;

    (void)visitor;
    if (file != NULL && fclose(file) != 0)
        fine = false;
    if (!fine)
        (void)fprintf(stderr, "%s: cannot write %s: %s\n", lab_program_name,
                      path, strerror(errno));
    return fine;
}

bool lab_matrix_record(const struct lab_matrix *matrix, const char *folder)
{
    struct visitor visitor = {.visit = write_file};
    char path[PATH_CHARS];

    (void)snprintf(path, sizeof(path), "%s/races", folder);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "%s: cannot make %s: %s\n", lab_program_name,
                      path, strerror(errno));
        return false;
    }
    return visit_all(matrix, folder, &visitor);
}

/* --- comparing ------------------------------------------------------- */

/* The whole file; NULL: it cannot be read. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t used = 0;
    size_t got;

    if (file == NULL)
        return NULL;
    do {
        char *grown = realloc(text, used + 65536 + 1);

        if (grown == NULL)
            break;
        text = grown;
        got = fread(text + used, 1, 65536, file);
        used += got;
        text[used] = '\0';
    } while (got > 0);
    (void)fclose(file);
    return text;
}

static size_t line_length(const char *line)
{
    return strcspn(line, "\n");
}

/* Says the first line that differs, if any. */
static bool compare_lines(struct visitor *visitor, const char *path,
                          const char *old, const char *new)
{
    static const char time[] = LAB_EVIDENCE_TIME;
    unsigned number = 1;

    while (*old != '\0' || *new != '\0') {
        size_t a = line_length(old);
        size_t b = line_length(new);
        bool is_time = strncmp(old, time, sizeof(time) - 1) == 0 &&
                       strncmp(new, time, sizeof(time) - 1) == 0;

        if ((a != b || memcmp(old, new, a) != 0) && !is_time) {
            (void)fprintf(visitor->out, "%s:%u: recorded \"%.*s\"\n", path,
                          number, (int)a, old);
            (void)fprintf(visitor->out, "%s:%u: now      \"%.*s\"\n", path,
                          number, (int)b, new);
            return false;
        }
        old += a + (old[a] == '\n');
        new += b + (new[b] == '\n');
        number++;
    }
    return true;
}

static bool compare_file(struct visitor *visitor, const char *path,
                         const char *text)
{
    char *old = read_file(path);
    size_t length = strlen(path);
    unsigned before = visitor->different;

    if (old == NULL) {
        (void)fprintf(visitor->out, "%s: not recorded\n", path);
        visitor->different++;
        return false;
    }
    if (length > 5 && strcmp(path + length - 5, ".json") == 0)
        visitor->different += lab_figures_compare(old, text, visitor->out);
    else
        visitor->different += !compare_lines(visitor, path, old, text);
    free(old);
    return visitor->different == before;
}

/* Is the file a diagram that no scenario makes any more? */
static bool is_stale(const struct lab_matrix *matrix, const char *file)
{
    char name[PATH_CHARS];

    if (strstr(file, "--") == NULL)
        return false;
    for (unsigned i = 0; i < matrix->scenarios; i++) {
        const struct lab_scenario *scenario = matrix->plan->scenarios[i];

        for (unsigned k = 0; scenario->rules[k] != NULL; k++) {
            (void)snprintf(name, sizeof(name), "%s--%s.txt",
                           scenario->program.name, scenario->rules[k]);
            if (strcmp(name, file) == 0)
                return false;
        }
    }
    return true;
}

static void find_stale(const struct lab_matrix *matrix, const char *folder,
                       struct visitor *visitor)
{
    char path[PATH_CHARS];
    const struct dirent *entry;
    DIR *races;

    (void)snprintf(path, sizeof(path), "%s/races", folder);
    races = opendir(path);
    while (races != NULL && (entry = readdir(races)) != NULL) {
        if (!is_stale(matrix, entry->d_name))
            continue;
        (void)fprintf(visitor->out, "%s/%s: no scenario makes it\n", path,
                      entry->d_name);
        visitor->different++;
    }
    if (races != NULL)
        (void)closedir(races);
}

unsigned lab_matrix_check(const struct lab_matrix *matrix, const char *folder,
                          FILE *out)
{
    struct visitor visitor = {.visit = compare_file, .out = out};

    (void)visit_all(matrix, folder, &visitor);
    find_stale(matrix, folder, &visitor);
    return visitor.different;
}
