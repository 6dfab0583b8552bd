/* SPDX-License-Identifier: MIT */
/* trace.c - traces, read completely before the simulation begins. */
#include "sim/trace.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/identifiers.h"

#define ORACLE_BYTES 24
#define ORACLE_OBJECT 4 /* its offset in a record */
#define SPACES_MOST 4096
#define PAGES_MOST (UINT64_C(1) << 32)

/* A file and the position in it. */
struct reading {
    const char *path;
    FILE *file;
    uint64_t line; /* or record, from 1 */
    struct sim_trace *trace;
    struct identifiers objects;
    const struct sim_config *config;
};

static void add(struct sim_trace *trace, struct sim_trace_access access)
{
    trace->accesses = memory_make_room(trace->accesses, trace->count,
                                       &trace->capacity,
                                       sizeof(*trace->accesses));
    trace->accesses[trace->count++] = access;
}

static void add_object(struct reading *reading, uint64_t name, unsigned op)
{
    add(reading->trace,
        (struct sim_trace_access){
            .page = identifiers_number(&reading->objects, name), .op = op});
}

/* ---- oracleGeneral ---- */

static bool read_oracle(struct reading *reading)
{
    unsigned char record[ORACLE_BYTES];
    size_t got;

    while ((got = fread(record, 1, sizeof(record), reading->file)) ==
           sizeof(record)) {
        uint64_t object = 0;

        reading->line++;
        for (unsigned i = 8; i-- > 0;)
            object = object << 8 | record[ORACLE_OBJECT + i];
        add_object(reading, object, SIM_TRACE_ANY);
    }
    if (got == 0 || ferror(reading->file) != 0)
        return true; /* an error is shown by the caller */
    message_error("--trace: %s is not oracleGeneral: record %" PRIu64
                  " has %zu bytes instead of %d",
                  reading->path, reading->line + 1, got, ORACLE_BYTES);
    return false;
}

/* ---- csv ---- */

/* The field of that number, from 1; NULL if the line has fewer. */
static char *field_of(char *line, char delimiter, uint64_t wanted)
{
    for (; wanted > 1 && line != NULL; wanted--) {
        line = strchr(line, delimiter);
        line = line == NULL ? NULL : line + 1;
    }
    return line;
}

/* The field without blanks and quotes around it. */
static char *trim_field(char *field, char delimiter)
{
    char *end = strchr(field, delimiter);

    if (end == NULL)
        end = field + strlen(field);
    while (end > field && strchr(" \t\r\n\"", end[-1]) != NULL)
        end--;
    *end = '\0';
    return field + strspn(field, " \"");
}

/* The number that a field is; for any other name its hash (FNV-1a). */
static uint64_t object_name(const char *field)
{
    uint64_t name;

    if (number_parse(field, 0, UINT64_MAX, &name))
        return name;
    name = UINT64_C(0xcbf29ce484222325);
    for (; *field != '\0'; field++)
        name = (name ^ (unsigned char)*field) * UINT64_C(0x100000001b3);
    return name;
}

static bool parse_op(const char *word, unsigned *op_out)
{
    static const char *const reads[] = {"r", "read", "get", "gets", "rs", "28"};
    static const char *const writes[] = {"w",       "write",  "set", "put",
                                         "add",     "update", "cas", "ws",
                                         "replace", "append", "2a",  "delete"};

    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        if (strcasecmp(word, reads[i]) == 0) {
            *op_out = SIM_TRACE_READ;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        if (strcasecmp(word, writes[i]) == 0) {
            *op_out = SIM_TRACE_WRITE;
            return true;
        }
    }
    return false;
}

static char find_delimiter(const char *line)
{
    const char *found = strpbrk(line, ",;\t|");

    return (char)(found == NULL ? ' ' : *found);
}

/* Is the first line a header?  Then no field of it is a number. */
static bool is_header(const char *line)
{
    return strpbrk(line, "0123456789") == NULL;
}

static bool take_csv_line(struct reading *reading, char *line, char delimiter)
{
    const uint64_t id_column = sim_number(reading->config, SIM_TRACE_ID);
    const uint64_t op_column = sim_number(reading->config, SIM_TRACE_OP);
    char *id = field_of(line, delimiter, id_column);
    char *op = op_column == 0 ? NULL : field_of(line, delimiter, op_column);
    unsigned kind = SIM_TRACE_ANY;

    if (id == NULL || (op_column != 0 && op == NULL)) {
        message_error("--trace: %s, line %" PRIu64 " has no column %" PRIu64,
                      reading->path, reading->line,
                      id == NULL ? id_column : op_column);
        return false;
    }
    /* The later field first: trimming a field ends the line after it. */
    if (op != NULL && op > id)
        op = trim_field(op, delimiter);
    id = trim_field(id, delimiter);
    if (op != NULL && op < id)
        op = trim_field(op, delimiter);
    if (op != NULL && !parse_op(op, &kind)) {
        message_error("--trace: %s, line %" PRIu64 ": \"%s\" is no access; "
                      "there are: r, read, get, w, write, set, put ...",
                      reading->path, reading->line, op);
        return false;
    }
    add_object(reading, object_name(id), kind);
    return true;
}

/* ---- text ---- */

static bool take_text_line(struct reading *reading, char *line)
{
    struct sim_trace *trace = reading->trace;
    uint64_t space = 0;
    uint64_t page;
    unsigned op;
    char *word = strtok(line, " \t\r\n");
    char *name = strtok(NULL, " \t\r\n");
    char *colon = name == NULL ? NULL : strchr(name, ':');

    if (colon != NULL)
        *colon = '\0';
    if (word == NULL || name == NULL || strtok(NULL, " \t\r\n") != NULL ||
        !parse_op(word, &op) ||
        (colon != NULL && !number_parse(name, 0, SPACES_MOST - 1, &space)) ||
        !number_parse(colon == NULL ? name : colon + 1, 0, PAGES_MOST - 1,
                      &page)) {
        message_error("--trace: %s, line %" PRIu64 " is neither \"r PAGE\" nor "
                      "\"w SPACE:PAGE\", with pages below %" PRIu64
                      " and spaces below %d",
                      reading->path, reading->line, PAGES_MOST, SPACES_MOST);
        return false;
    }
    if (space >= trace->space_count)
        trace->space_count = space + 1;
    if (page >= trace->page_count)
        trace->page_count = page + 1;
    add(trace, (struct sim_trace_access){
                   .space = (uint32_t)space, .op = op, .page = page});
    return true;
}

/* ---- files ---- */

static bool read_lines(struct reading *reading, bool is_csv)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    char delimiter = '\0';
    bool good = true;

    while (good && (length = getline(&line, &size, reading->file)) >= 0) {
        char *comment = is_csv ? NULL : strchr(line, '#');

        reading->line++;
        if (strlen(line) != (size_t)length) {
            message_error("--trace: %s, line %" PRIu64 " is no text: its byte "
                          "%zu is 0",
                          reading->path, reading->line, strlen(line) + 1);
            good = false;
            continue;
        }
        if (comment != NULL)
            *comment = '\0';
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (is_csv && delimiter == '\0') {
            delimiter = find_delimiter(line);
            if (is_header(line))
                continue;
        }
        good = is_csv ? take_csv_line(reading, line, delimiter)
                      : take_text_line(reading, line);
    }
    free(line);
    return good;
}

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path);
    size_t end_length = strlen(end);

    return length >= end_length && strcmp(path + length - end_length, end) == 0;
}

static uint64_t format_of(const struct sim_config *config)
{
    const char *path = sim_text(config, SIM_TRACE);
    uint64_t format = sim_number(config, SIM_TRACE_FORMAT);

    if (format != SIM_TRACE_AUTO)
        return format;
    if (strstr(path, "oracleGeneral") != NULL)
        return SIM_TRACE_ORACLE;
    return ends_with(path, ".csv") ? SIM_TRACE_CSV : SIM_TRACE_TEXT;
}

/* False for a pipe: its first bytes cannot be read twice. */
static bool is_compressed(FILE *file)
{
    static const unsigned char zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    static const unsigned char gzip[] = {0x1f, 0x8b};
    unsigned char head[4] = {0};
    struct stat status;
    size_t got;

    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    got = fread(head, 1, sizeof(head), file);
    rewind(file);
    return got == sizeof(head) && (memcmp(head, zstd, sizeof(zstd)) == 0 ||
                                   memcmp(head, gzip, sizeof(gzip)) == 0);
}

static bool read_trace(struct reading *reading)
{
    uint64_t format = format_of(reading->config);
    bool good;

    if (is_compressed(reading->file)) {
        message_error("--trace: %s is compressed; decompress it first",
                      reading->path);
        return false;
    }
    reading->trace->has_objects = format != SIM_TRACE_TEXT;
    good = format == SIM_TRACE_ORACLE
               ? read_oracle(reading)
               : read_lines(reading, format == SIM_TRACE_CSV);
    if (good && ferror(reading->file) != 0) {
        message_error("--trace: cannot read %s: %s", reading->path,
                      strerror(errno));
        return false;
    }
    if (good && reading->trace->count == 0) {
        message_error("--trace: %s has 0 accesses, and at least 1 is needed",
                      reading->path);
        return false;
    }
    reading->trace->object_count = reading->objects.count;
    return good;
}

bool sim_trace_load(struct sim_trace *trace, const struct sim_config *config)
{
    struct reading reading = {
        .path = sim_text(config, SIM_TRACE), .trace = trace, .config = config};
    bool good;

    *trace = (struct sim_trace){0};
    if (reading.path == NULL)
        return true;
    if (is_character_device(reading.path)) {
        message_error("--trace: %s is a device, which may never end; give a "
                      "file or a pipe",
                      reading.path);
        return false;
    }
    reading.file = fopen(reading.path, "rbe");
    if (reading.file == NULL) {
        message_error("--trace: cannot open %s: %s", reading.path,
                      strerror(errno));
        return false;
    }
    good = read_trace(&reading);
    (void)fclose(reading.file);
    identifiers_free(&reading.objects);
    return good;
}

bool sim_trace_serves(const struct sim_config *config,
                      const struct sim_config *other)
{
    static const enum sim_parameter numbers[] = {SIM_TRACE_FORMAT, SIM_TRACE_ID,
                                                 SIM_TRACE_OP};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (sim_number(config, numbers[i]) != sim_number(other, numbers[i]))
            return false;
    }
    return sim_same_text(config, other, SIM_TRACE);
}

void sim_trace_free(struct sim_trace *trace)
{
    free(trace->accesses);
    *trace = (struct sim_trace){0};
}
