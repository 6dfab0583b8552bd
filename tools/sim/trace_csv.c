/* SPDX-License-Identifier: MIT */
/*
 * trace_csv.c - traces in columns: csv (RFC 4180), columns between blanks, and
 * the published traces that have such columns.
 *
 * A field in quotes may have delimiters, line ends, and quotes, which are
 * doubled.  A line that begins with # is a comment, an empty one is nothing.
 */
#include "sim/trace_reading.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MOST 1000
#define COUNT_MOST (UINT64_C(1) << 32)
#define RECORD_MOST ((size_t)1 << 20)
#define SPACES_MOST (UINT64_C(1) << 24)
#define NAME_BITS 40 /* of the number of a name, below the space's */

enum column {
    COLUMN_ID,
    COLUMN_OP,
    COLUMN_COUNT,
    COLUMN_SIZE,
    COLUMN_SPACE,
    COLUMN_SPACE_MORE, /* both together name a space */
    COLUMNS
};

/* What is known of the columns. */
struct layout {
    uint64_t columns[COLUMNS];  /* from 1; 0: there is none */
    const char *names[COLUMNS]; /* in the header; NULL: it has a number */
    uint64_t id_unit;           /* 0: 1 */
    char delimiter;             /* '\0': the first lines show it */
    const char *blanks;  /* or any number of these separates; NULL: not so */
    const char *comment; /* a line that begins so; NULL: # */
    bool is_hex;         /* the id, without 0x too */
};

static const struct layout layouts[] =
    {[SIM_TRACE_CSV] = {.delimiter = '\0'},
     [SIM_TRACE_TWITTER] = {.delimiter = ',',
                            .columns = {[COLUMN_ID] = 2, [COLUMN_OP] = 6}},
     [SIM_TRACE_MSR] = {.delimiter = ',',
                        .columns = {[COLUMN_ID] = 5,
                                    [COLUMN_OP] = 4,
                                    [COLUMN_SIZE] = 6,
                                    [COLUMN_SPACE] = 2,
                                    [COLUMN_SPACE_MORE] = 3}},
     [SIM_TRACE_SPC] = {.delimiter = ',',
                        .id_unit = 512,
                        .columns = {[COLUMN_ID] = 2,
                                    [COLUMN_OP] = 4,
                                    [COLUMN_SIZE] = 3,
                                    [COLUMN_SPACE] = 1}},
     [SIM_TRACE_CACHELIB] =
         {.delimiter = ',',
          .names = {[COLUMN_ID] = "key",
                    [COLUMN_OP] = "op",
                    [COLUMN_COUNT] = "op_count"}},
     [SIM_TRACE_LACKEY] = {
         .blanks = " \t,",
         .comment = "==",
         .is_hex = true,
         .columns = {[COLUMN_ID] = 2, [COLUMN_OP] = 1, [COLUMN_SIZE] = 3}}};

/* A line, or several that a quote joins. */
struct record {
    struct text text;
    uint64_t line;  /* 0: there is none */
    size_t scanned; /* bytes that were looked at for quotes */
    size_t closed;  /* the place behind the last quote that closed a field */
    bool open;      /* a quote is */
    char *fields[COLUMNS_MOST];
    size_t count;
};

struct csv {
    struct reading *reading;
    struct layout layout;
    uint64_t size_unit;
    char separators[8]; /* any of them ends a field */
    size_t needed;      /* fields of a record */
    struct record first;
    struct record second;
};

/* ---- records ---- */

/* Looks at the rest of the text.  A quote opens at the beginning of a field;
 * one right behind a closing quote is doubled, so that the field goes on. */
static bool is_open(struct record *record)
{
    const char *text = record->text.bytes;

    for (; record->scanned < record->text.length; record->scanned++) {
        const size_t at = record->scanned;

        if (text[at] != '"')
            continue;
        if (record->open)
            record->closed = at + 1;
        record->open =
            !record->open &&
            (at == record->closed || strchr(",;|\t ", text[at - 1]) != NULL);
    }
    return record->open;
}

static bool is_skipped(const struct csv *csv, const struct record *record)
{
    const char *comment = csv->layout.comment;
    const char *text = record->text.bytes + strspn(record->text.bytes, " \t");

    if (comment == NULL)
        comment = "#";
    return *text == '\0' || strncmp(text, comment, strlen(comment)) == 0;
}

/* False at the end, or after an error, which was shown: input.failed. */
static bool next_record(struct csv *csv, struct record *record)
{
    struct trace_input *input = &csv->reading->input;

    do {
        record->text.length = 0;
        if (!trace_input_line(input, &record->text))
            return false;
    } while (is_skipped(csv, record));
    record->line = input->line;
    record->scanned = 0;
    record->closed = 0;
    record->open = false;
    while (is_open(record)) {
        text_append(&record->text, "\n", 1);
        if (record->text.length <= RECORD_MOST &&
            trace_input_line(input, &record->text))
            continue;
        if (!input->failed)
            (void)trace_wrong(csv->reading, record->line,
                              "a quote begins in it, and does not end in the "
                              "next %zu bytes",
                              record->text.length);
        input->failed = true;
        return false;
    }
    return true;
}

/* ---- fields ---- */

/* Undoubles the quotes of the field after `at`, and ends it; returns what is
 * behind it, or NULL. */
static char *take_quoted(char *at)
{
    char *to = at;

    for (; *at != '\0'; *to++ = *at++) {
        if (*at == '"' && *++at != '"') {
            *to = '\0';
            return at + strspn(at, " ");
        }
    }
    return NULL;
}

/* Ends the field at `at` without the blanks behind it; returns the separator's
 * place, or NULL. */
static char *take_plain(const struct csv *csv, char *at, char *separator_out)
{
    char *end = at + strcspn(at, csv->separators);
    char *last = end;

    *separator_out = *end;
    while (last > at && strchr(" \t", last[-1]) != NULL)
        last--;
    *last = '\0';
    return strchr(at, '\n') == NULL ? end : NULL;
}

/* Cuts the text into fields, `most` of them at the most. */
static bool split(const struct csv *csv, struct record *record, size_t most)
{
    const char *blanks = csv->layout.blanks;
    char *at = record->text.bytes;
    char separator = csv->separators[0];

    if (blanks == NULL)
        blanks = separator == '\t' ? " " : " \t";
    for (record->count = 0; record->count < most && separator != '\0';) {
        at += strspn(at, blanks);
        if (csv->layout.blanks != NULL && *at == '\0')
            break;
        record->fields[record->count++] = at + (*at == '"' ? 1 : 0);
        if (*at != '"') {
            at = take_plain(csv, at, &separator);
        } else {
            at = take_quoted(at + 1);
            separator = '\0';
            if (at != NULL)
                separator = *at;
            if (separator != '\0' && strchr(csv->separators, separator) == NULL)
                at = NULL;
        }
        if (at == NULL)
            return trace_wrong(csv->reading, record->line,
                               "a quote is neither at the beginning nor at "
                               "the end of a field: \"%.40s\"",
                               record->fields[record->count - 1]);
        at++;
    }
    return true;
}

/* ---- the first lines ---- */

static size_t count_of(const struct record *record, char delimiter)
{
    size_t count = 0;
    bool quoted = false;

    for (const char *at = record->text.bytes; at != NULL && *at != '\0'; at++) {
        quoted ^= *at == '"';
        count += !quoted && *at == delimiter;
    }
    return count;
}

/* The one that both lines have equally often, or that the first has; else any
 * blanks. */
static void find_delimiter(struct csv *csv)
{
    static const char delimiters[] = ",;\t|";

    for (unsigned strict = 2; strict-- > 0;) {
        for (const char *at = delimiters; *at != '\0'; at++) {
            const size_t count = count_of(&csv->first, *at);

            if (count != 0 && (!strict || csv->second.line == 0 ||
                               count == count_of(&csv->second, *at))) {
                csv->layout.delimiter = *at;
                return;
            }
        }
    }
    csv->layout.blanks = " \t";
}

/* The columns that have names get numbers. */
static bool find_names(struct csv *csv)
{
    const struct record *header = &csv->first;

    for (size_t i = 0; i < COLUMNS; i++) {
        const char *name = csv->layout.names[i];
        size_t at = 0;

        if (name == NULL)
            continue;
        while (at < header->count && strcmp(header->fields[at], name) != 0)
            at++;
        if (at == header->count)
            return trace_wrong(csv->reading, header->line,
                               "none of its %zu columns is \"%s\"",
                               header->count, name);
        csv->layout.columns[i] = at + 1;
    }
    return true;
}

static const char *field_of(const struct csv *csv, const struct record *record,
                            enum column column)
{
    const uint64_t number = csv->layout.columns[column];

    return number == 0 || number > record->count ? ""
                                                 : record->fields[number - 1];
}

/* Is that field of the record what a line of data has? */
static bool is_data(const struct csv *csv, const struct record *record,
                    enum column column)
{
    const char *field = field_of(csv, record, column);
    uint64_t number;
    unsigned op;

    return column == COLUMN_OP
               ? trace_op(csv->reading, field, &op)
               : trace_number(field, csv->layout.is_hex, &number);
}

/* A header has neither an id nor an operation where the next line has one. */
static bool is_header(const struct csv *csv)
{
    const struct record *first = &csv->first;
    const struct record *second = &csv->second;

    switch (sim_number(csv->reading->config, SIM_TRACE_HEADER)) {
    case SIM_ON:
        return true;
    case SIM_OFF:
        return false;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        if (csv->layout.names[i] != NULL)
            return true;
    }
    if (second->line == 0 || is_data(csv, first, COLUMN_ID) ||
        is_data(csv, first, COLUMN_OP) ||
        !(is_data(csv, second, COLUMN_ID) || is_data(csv, second, COLUMN_OP)))
        return false;
    message_note("--trace: %s, line %" PRIu64 " is taken for a header; "
                 "--trace-header no reads it as data",
                 csv->reading->input.path, first->line);
    return true;
}

/* ---- lines of data ---- */

static bool take_number(const struct csv *csv, const struct record *record,
                        enum column column, uint64_t least, uint64_t most,
                        uint64_t *number_out)
{
    const char *field = field_of(csv, record, column);

    if (trace_number(field, column == COLUMN_ID && csv->layout.is_hex,
                     number_out) &&
        *number_out >= least && *number_out <= most)
        return true;
    return trace_wrong(csv->reading, record->line,
                       "column %" PRIu64
                       ": \"%.40s\" is no number from %" PRIu64 " to %" PRIu64,
                       csv->layout.columns[column], field, least, most);
}

/* A number is its own name, and any other text has its hash (FNV-1a). */
static uint64_t name_of(const struct csv *csv, const char *field)
{
    uint64_t name;

    if (trace_number(field, csv->layout.is_hex, &name))
        return name;
    name = UINT64_C(0xcbf29ce484222325);
    for (; *field != '\0'; field++)
        name = (name ^ (unsigned char)*field) * UINT64_C(0x100000001b3);
    return name;
}

/* The number of the space, from 1; 0: there are no spaces. */
static bool take_space(const struct csv *csv, const struct record *record,
                       uint64_t *space_out)
{
    struct reading *reading = csv->reading;

    *space_out = 0;
    for (enum column i = COLUMN_SPACE; i <= COLUMN_SPACE_MORE; i++) {
        uint64_t name;

        if (csv->layout.columns[i] == 0)
            continue;
        name = identifiers_number(&reading->names,
                                  name_of(csv, field_of(csv, record, i)));
        *space_out = 1 + identifiers_number(&reading->spaces,
                                            *space_out << NAME_BITS | name);
    }
    if (*space_out < SPACES_MOST)
        return true;
    return trace_wrong(reading, record->line,
                       "there are more than %" PRIu64 " spaces, the most that "
                       "are possible",
                       SPACES_MOST - 1);
}

/* A request for some bytes: the first page, and how many; 0 for 0 bytes. */
static bool cut(const struct csv *csv, const struct record *record,
                uint64_t *first_out, uint64_t *count_out)
{
    const uint64_t page_size = sim_number(csv->reading->config, SIM_PAGE_SIZE);
    uint64_t offset;
    uint64_t size;

    if (!take_number(csv, record, COLUMN_ID, 0,
                     UINT64_MAX / 2 / csv->layout.id_unit, &offset) ||
        !take_number(csv, record, COLUMN_SIZE, 0,
                     UINT64_MAX / 2 / csv->size_unit, &size))
        return false;
    offset *= csv->layout.id_unit;
    size *= csv->size_unit;
    *first_out = offset / page_size;
    *count_out = size == 0 ? 0
                           : (offset + size - 1) / page_size - *first_out + 1;
    return true;
}

static bool has_columns(const struct csv *csv, const struct record *record)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        const uint64_t number = csv->layout.columns[i];

        if (number > record->count)
            return trace_wrong(csv->reading, record->line,
                               "there is no column %" PRIu64 ", only %zu",
                               number, record->count);
        if (number != 0 && *record->fields[number - 1] == '\0')
            return trace_wrong(csv->reading, record->line,
                               "column %" PRIu64 " is empty", number);
    }
    return true;
}

static bool take(struct csv *csv, const struct record *record)
{
    struct reading *reading = csv->reading;
    const uint64_t *columns = csv->layout.columns;
    unsigned op = SIM_TRACE_ANY;
    uint64_t repeats = 1;
    uint64_t pages = 1;
    uint64_t space;
    uint64_t name;

    if (!has_columns(csv, record))
        return false;
    if (columns[COLUMN_OP] != 0 &&
        !trace_op(reading, field_of(csv, record, COLUMN_OP), &op))
        return trace_op_wrong(reading, record->line,
                              field_of(csv, record, COLUMN_OP));
    if (columns[COLUMN_COUNT] != 0 &&
        !take_number(csv, record, COLUMN_COUNT, 1, COUNT_MOST, &repeats))
        return false;
    name = name_of(csv, field_of(csv, record, COLUMN_ID));
    if (columns[COLUMN_SIZE] != 0 && !cut(csv, record, &name, &pages))
        return false;
    if (op == SIM_TRACE_SKIP)
        return true;
    if (!take_space(csv, record, &space) ||
        !trace_reserve(reading, record->line,
                       pages > UINT64_MAX / repeats ? UINT64_MAX
                                                    : pages * repeats))
        return false;
    for (uint64_t i = 0; i < pages * repeats; i++)
        trace_add(reading, space, name + i % pages, op);
    return true;
}

/* ---- the whole ---- */

static void choose(struct csv *csv, uint64_t format, enum column column,
                   enum sim_parameter parameter)
{
    const struct sim_value *value = &csv->reading->config->values[parameter];

    if (format != SIM_TRACE_CSV && !value->is_given)
        return;
    csv->layout.columns[column] = value->number;
    csv->layout.names[column] = value->is_name ? value->text : NULL;
    if (column == COLUMN_SPACE)
        csv->layout.columns[COLUMN_SPACE_MORE] = 0;
}

/* Does every option that is given do something? */
static bool check_columns(const struct csv *csv)
{
    const struct sim_value *values = csv->reading->config->values;
    const struct layout *layout = &csv->layout;

    for (size_t i = 0; i < COLUMNS; i++) {
        if (layout->names[i] != NULL &&
            values[SIM_TRACE_HEADER].number == SIM_OFF) {
            message_error("--trace-header no: without a header no column is "
                          "\"%s\"",
                          layout->names[i]);
            return false;
        }
    }
    if (values[SIM_TRACE_OPS].is_given && layout->columns[COLUMN_OP] == 0 &&
        layout->names[COLUMN_OP] == NULL) {
        message_error("--trace-ops %s needs --trace-op-column",
                      values[SIM_TRACE_OPS].text);
        return false;
    }
    for (unsigned i = SIM_TRACE_ID_UNIT; i <= SIM_TRACE_SIZE_UNIT; i++) {
        if (values[i].is_given && layout->columns[COLUMN_SIZE] == 0 &&
            layout->names[COLUMN_SIZE] == NULL) {
            message_error("--%s %s needs --trace-size-column",
                          sim_parameters[i].name, values[i].text);
            return false;
        }
    }
    return true;
}

static void choose_all(struct csv *csv, uint64_t format)
{
    const struct sim_config *config = csv->reading->config;

    csv->layout = layouts[format];
    choose(csv, format, COLUMN_ID, SIM_TRACE_ID);
    choose(csv, format, COLUMN_OP, SIM_TRACE_OP);
    choose(csv, format, COLUMN_COUNT, SIM_TRACE_COUNT);
    choose(csv, format, COLUMN_SIZE, SIM_TRACE_SIZE);
    choose(csv, format, COLUMN_SPACE, SIM_TRACE_SPACE);
    if (csv->layout.id_unit == 0 || config->values[SIM_TRACE_ID_UNIT].is_given)
        csv->layout.id_unit = sim_number(config, SIM_TRACE_ID_UNIT);
    csv->size_unit = sim_number(config, SIM_TRACE_SIZE_UNIT);
}

/* Reads the first two lines, and finds what they show; false after an error. */
static bool begin(struct csv *csv)
{
    if (!next_record(csv, &csv->first) || !next_record(csv, &csv->second)) {
        if (csv->reading->input.failed)
            return false;
    }
    if (csv->first.line == 0)
        return true;
    if (csv->layout.delimiter == '\0' && csv->layout.blanks == NULL)
        find_delimiter(csv);
    if (csv->layout.blanks != NULL)
        (void)snprintf(csv->separators, sizeof(csv->separators), "%s",
                       csv->layout.blanks);
    else
        csv->separators[0] = csv->layout.delimiter;
    if (!split(csv, &csv->first, COLUMNS_MOST) || !find_names(csv))
        return false;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (csv->layout.columns[i] > csv->needed)
            csv->needed = csv->layout.columns[i];
    }
    return csv->second.line == 0 || split(csv, &csv->second, csv->needed);
}

static bool read_all(struct csv *csv)
{
    bool good = begin(csv);

    if (good && csv->first.line != 0 && !is_header(csv))
        good = take(csv, &csv->first);
    if (good && csv->second.line != 0)
        good = take(csv, &csv->second);
    while (good && next_record(csv, &csv->second))
        good = split(csv, &csv->second, csv->needed) && take(csv, &csv->second);
    return good && !csv->reading->input.failed;
}

bool trace_read_csv(struct reading *reading, uint64_t format)
{
    struct csv csv = {.reading = reading};
    bool good;

    choose_all(&csv, format);
    good = check_columns(&csv) && read_all(&csv);
    text_free(&csv.first.text);
    text_free(&csv.second.text);
    return good;
}
