/* SPDX-License-Identifier: MIT */
/* trace.c - traces, read completely before the simulation begins. */
#include "sim/trace.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/system.h"
#include "sim/trace_reading.h"

#define ORACLE_BYTES 24
#define ORACLE_NEXT_MOST (UINT64_C(1) << 48)
#define SPACES_MOST 4096
#define PAGES_MOST (UINT64_C(1) << 32)
#define NAME_BITS 40
#define FIRST_ACCESSES 1024

bool trace_wrong(const struct reading *reading, uint64_t line,
                 const char *format, ...)
{
    struct text what = {0};
    va_list arguments;

    va_start(arguments, format);
    text_print_list(&what, format, arguments);
    va_end(arguments);
    message_error("--trace: %s, %s %" PRIu64 ": %s", reading->input.path,
                  reading->unit, line, what.bytes);
    text_free(&what);
    return false;
}

bool trace_number(const char *text, bool is_hex, uint64_t *number_out)
{
    uint64_t number = 0;
    size_t digits;

    if (text[0] == '0' && (text[1] | 0x20) == 'x') {
        text += 2;
        is_hex = true;
    }
    if (!is_hex)
        return number_parse(text, 0, UINT64_MAX, number_out);
    for (digits = 0; isxdigit((unsigned char)text[digits]); digits++) {
        const char digit = text[digits];

        if (number >> 60 != 0)
            return false;
        number =
            number << 4 |
            (unsigned)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    if (digits == 0 || text[digits] != '\0')
        return false;
    *number_out = number;
    return true;
}

/* ---- accesses ---- */

bool trace_reserve(struct reading *reading, uint64_t line, uint64_t count)
{
    struct sim_trace *trace = reading->trace;
    /* Each place of a table takes 16 bytes; a table that grows, three times. */
    const uint64_t tables = 48 * (uint64_t)(reading->objects.place_count +
                                            reading->names.place_count);
    const uint64_t most = reading->available == 0
                              ? SIZE_MAX / sizeof(*trace->accesses)
                              : reading->available / sizeof(*trace->accesses);
    size_t capacity = trace->capacity == 0 ? FIRST_ACCESSES : trace->capacity;
    char text[BYTE_TEXT_SIZE];

    if (count <= trace->capacity - trace->count)
        return true;
    if (count > most || trace->count + count > most ||
        tables > (most - trace->count - count) * sizeof(*trace->accesses))
        return trace_wrong(reading, line,
                           "the trace has %" PRIu64 " accesses or more; %s of "
                           "memory are available for it",
                           count > UINT64_MAX - trace->count
                               ? UINT64_MAX
                               : trace->count + count,
                           byte_text(text, most * sizeof(*trace->accesses)));
    while (capacity < trace->count + count)
        capacity *= 2;
    if (capacity > most)
        capacity = most;
    trace->accesses =
        memory_resize(trace->accesses, capacity, sizeof(*trace->accesses));
    trace->capacity = capacity;
    return true;
}

static void add(struct sim_trace *trace, struct sim_trace_access access)
{
    trace->accesses[trace->count++] = access;
}

void trace_add(struct reading *reading, uint64_t space, uint64_t page,
               unsigned op)
{
    if (space != 0)
        page = space << NAME_BITS | identifiers_number(&reading->names, page);
    add(reading->trace,
        (struct sim_trace_access){
            .page = identifiers_number(&reading->objects, page), .op = op});
}

/* ---- operations ---- */

/* In the order of the message. */
static const struct trace_op_name known_ops[] = {
    {"r", SIM_TRACE_READ},
    {"read", SIM_TRACE_READ},
    {"get", SIM_TRACE_READ},
    {"w", SIM_TRACE_WRITE},
    {"write", SIM_TRACE_WRITE},
    {"set", SIM_TRACE_WRITE},
    {"put", SIM_TRACE_WRITE},
    {"gets", SIM_TRACE_READ},
    {"add", SIM_TRACE_WRITE},
    {"replace", SIM_TRACE_WRITE},
    {"cas", SIM_TRACE_WRITE},
    {"append", SIM_TRACE_WRITE},
    {"prepend", SIM_TRACE_WRITE},
    {"delete", SIM_TRACE_WRITE},
    {"incr", SIM_TRACE_WRITE},
    {"decr", SIM_TRACE_WRITE},
    {"update", SIM_TRACE_WRITE},
    {"get_lease", SIM_TRACE_READ},
    {"set_lease", SIM_TRACE_WRITE},
    {"rest.get.object", SIM_TRACE_READ},
    {"rest.head.object", SIM_TRACE_READ},
    {"rest.put.object", SIM_TRACE_WRITE},
    {"rest.copy.object", SIM_TRACE_WRITE},
    {"rest.delete.object", SIM_TRACE_WRITE},
    {"l", SIM_TRACE_READ}, /* lackey: load, instruction, store, modify */
    {"i", SIM_TRACE_READ},
    {"s", SIM_TRACE_WRITE},
    {"m", SIM_TRACE_WRITE},
    {"rs", SIM_TRACE_READ}, /* SCSI, and its commands */
    {"ws", SIM_TRACE_WRITE},
    {"28", SIM_TRACE_READ},
    {"2a", SIM_TRACE_WRITE},
};

static bool find_op(const struct trace_op_name *names, size_t count,
                    const char *word, unsigned *op_out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(names[i].word, word) == 0) {
            *op_out = names[i].op;
            return true;
        }
    }
    return false;
}

bool trace_op(const struct reading *reading, const char *word, unsigned *op_out)
{
    return find_op(reading->ops, reading->op_count, word, op_out) ||
           find_op(known_ops, sizeof(known_ops) / sizeof(known_ops[0]), word,
                   op_out);
}

bool trace_op_wrong(const struct reading *reading, uint64_t line,
                    const char *word)
{
    return trace_wrong(reading, line,
                       "\"%.40s\" is no operation; there are: r, read, get, "
                       "w, write, set, put ..., and those of --trace-ops",
                       word);
}

/* --trace-ops WORD=r|w|skip,... */
static bool parse_ops(struct reading *reading)
{
    static const struct word kinds[] = {{"r", SIM_TRACE_READ},
                                        {"w", SIM_TRACE_WRITE},
                                        {"skip", SIM_TRACE_SKIP},
                                        {NULL, 0}};
    const char *text = sim_text(reading->config, SIM_TRACE_OPS);
    char *rest;
    char *part;

    if (text == NULL)
        return true;
    reading->ops_text = memory_copy_text(text);
    rest = reading->ops_text;
    while ((part = text_cut_part(&rest)) != NULL) {
        char *equals = strrchr(part, '=');
        unsigned op;
        unsigned before;

        if (equals == NULL || equals == part ||
            !words_find(kinds, equals + 1, &op)) {
            message_error("--trace-ops: \"%s\" is not like get=r, set=w or "
                          "delete=skip",
                          part);
            return false;
        }
        *equals = '\0';
        if (find_op(reading->ops, reading->op_count, part, &before)) {
            message_error("--trace-ops: \"%s\" is given twice", part);
            return false;
        }
        reading->ops = memory_make_room(reading->ops, reading->op_count,
                                        &reading->op_capacity,
                                        sizeof(*reading->ops));
        reading->ops[reading->op_count++] =
            (struct trace_op_name){.word = part, .op = op};
    }
    return true;
}

/* ---- oracleGeneral ---- */

static uint64_t little_endian(const unsigned char *bytes, unsigned count)
{
    uint64_t number = 0;

    while (count-- > 0)
        number = number << 8 | bytes[count];
    return number;
}

/* May that be the access to the same object after the one of that number?  -1,
 * or INT64_MAX, is none. */
static bool is_next(uint64_t next, uint64_t number)
{
    return next == UINT64_MAX || next == INT64_MAX ||
           (next >= number && next <= ORACLE_NEXT_MOST);
}

/* Time does not fall: with any bytes a file of noise would be a trace. */
static bool read_oracle(struct reading *reading)
{
    unsigned char record[ORACLE_BYTES];
    uint64_t number = 0;
    uint64_t time = 0;
    size_t got;

    while ((got = trace_input_bytes(&reading->input, record, sizeof(record))) ==
           sizeof(record)) {
        const uint64_t now = little_endian(record, 4);
        const uint64_t next = little_endian(record + 16, 8);

        number++;
        if (now < time || !is_next(next, number))
            return trace_wrong(
                reading, number,
                "it is not oracleGeneral: its time is %" PRIu64
                " after %" PRIu64 ", and its next access %" PRId64
                ", which must be -1, or from %" PRIu64 " to %" PRIu64,
                now, time, (int64_t)next, number, ORACLE_NEXT_MOST);
        time = now;
        if (!trace_reserve(reading, number, 1))
            return false;
        trace_add(reading, 0, little_endian(record + 4, 8), SIM_TRACE_ANY);
    }
    if (got == 0 || reading->input.failed)
        return !reading->input.failed;
    return trace_wrong(reading, number + 1, "it has %zu bytes instead of %d",
                       got, ORACLE_BYTES);
}

/* ---- text ---- */

static bool take_text_line(struct reading *reading, char *line)
{
    struct sim_trace *trace = reading->trace;
    uint64_t space = 0;
    uint64_t page;
    unsigned op;
    char *word = strtok(line, " \t");
    char *name = strtok(NULL, " \t");
    char *colon = name == NULL ? NULL : strchr(name, ':');

    if (colon != NULL)
        *colon = '\0';
    if (word != NULL && name != NULL && !trace_op(reading, word, &op))
        return trace_op_wrong(reading, reading->input.line, word);
    if (word == NULL || name == NULL || strtok(NULL, " \t") != NULL ||
        (colon != NULL && !trace_number(name, false, &space)) ||
        space >= SPACES_MOST ||
        !trace_number(colon == NULL ? name : colon + 1, false, &page) ||
        page >= PAGES_MOST)
        return trace_wrong(reading, reading->input.line,
                           "it is neither \"r PAGE\" nor \"w SPACE:PAGE\", "
                           "with pages below %" PRIu64 " and spaces below %d",
                           PAGES_MOST, SPACES_MOST);
    if (op == SIM_TRACE_SKIP)
        return true;
    if (!trace_reserve(reading, reading->input.line, 1))
        return false;
    if (space >= trace->space_count)
        trace->space_count = space + 1;
    if (page >= trace->page_count)
        trace->page_count = page + 1;
    add(trace, (struct sim_trace_access){
                   .space = (uint32_t)space, .op = op, .page = page});
    return true;
}

static bool read_text(struct reading *reading)
{
    struct text line = {0};
    bool good = true;

    while (good && trace_input_line(&reading->input, &line)) {
        char *comment = strchr(line.bytes, '#');

        if (comment != NULL)
            *comment = '\0';
        if (line.bytes[strspn(line.bytes, " \t")] != '\0')
            good = take_text_line(reading, line.bytes);
        line.length = 0;
    }
    text_free(&line);
    return good && !reading->input.failed;
}

/* ---- files ---- */

/* Compressed, "a.csv" is "a.csv.zst". */
static uint64_t format_of(const struct sim_config *config)
{
    const char *path = sim_text(config, SIM_TRACE);
    uint64_t format = sim_number(config, SIM_TRACE_FORMAT);
    const char *end;

    if (format != SIM_TRACE_AUTO)
        return format;
    if (strstr(path, "oracleGeneral") != NULL)
        return SIM_TRACE_ORACLE;
    end = strstr(path, ".csv");
    return end != NULL && (end[4] == '\0' || end[4] == '.') ? SIM_TRACE_CSV
                                                            : SIM_TRACE_TEXT;
}

/* Is any option for traces given that would do nothing? */
static bool check_options(const struct sim_config *config)
{
    const struct sim_value *values = config->values;
    const bool is_there = values[SIM_TRACE].text != NULL;
    const uint64_t format = is_there ? format_of(config) : SIM_TRACE_AUTO;
    const char *why = "needs --trace";

    if (is_there)
        why = "is for traces in columns; see --trace-format";
    for (unsigned i = SIM_TRACE + 1; i <= SIM_TRACE_OPS; i++) {
        if (values[i].is_given && format < SIM_TRACE_CSV &&
            !(is_there && (i == SIM_TRACE_FORMAT ||
                           (i == SIM_TRACE_OPS && format == SIM_TRACE_TEXT)))) {
            message_error("--%s %s %s", sim_parameters[i].name, values[i].text,
                          why);
            return false;
        }
    }
    return true;
}

static bool read_trace(struct reading *reading)
{
    const uint64_t format = format_of(reading->config);
    bool good;

    if (!trace_input_open(&reading->input,
                          sim_text(reading->config, SIM_TRACE)))
        return false;
    reading->unit = format == SIM_TRACE_ORACLE ? "record" : "line";
    reading->available = system_available_memory();
    reading->trace->has_objects = format != SIM_TRACE_TEXT;
    if (format == SIM_TRACE_ORACLE)
        good = read_oracle(reading);
    else if (format == SIM_TRACE_TEXT)
        good = read_text(reading);
    else
        good = trace_read_csv(reading, format);
    if (good && reading->trace->count == 0) {
        message_error("--trace: %s has 0 accesses, and at least 1 is needed",
                      reading->input.path);
        return false;
    }
    reading->trace->object_count = reading->objects.count;
    return good;
}

/* --writes is for accesses of which the trace does not say what they are. */
static bool check_writes(const struct reading *reading)
{
    const struct sim_value *writes = &reading->config->values[SIM_WRITES];
    const struct sim_trace *trace = reading->trace;
    size_t i = 0;

    if (!writes->is_given)
        return true;
    while (i < trace->count && trace->accesses[i].op != SIM_TRACE_ANY)
        i++;
    if (i == trace->count)
        message_error("--writes %s does nothing here: %s says which accesses "
                      "are writes",
                      writes->text, reading->input.path);
    return i != trace->count;
}

bool sim_trace_load(struct sim_trace *trace, const struct sim_config *config)
{
    struct reading reading = {
        .trace = trace, .config = config, .input = {.file = -1}};
    bool good;

    *trace = (struct sim_trace){0};
    if (!check_options(config))
        return false;
    if (sim_text(config, SIM_TRACE) == NULL)
        return true;
    good = parse_ops(&reading) && read_trace(&reading) &&
           check_writes(&reading);
    trace_input_close(&reading.input);
    identifiers_free(&reading.objects);
    identifiers_free(&reading.names);
    identifiers_free(&reading.spaces);
    free(reading.ops);
    free(reading.ops_text);
    return good;
}

bool sim_trace_serves(const struct sim_config *config,
                      const struct sim_config *other)
{
    for (unsigned i = SIM_TRACE; i <= SIM_TRACE_OPS; i++) {
        if (!sim_same_text(config, other, (enum sim_parameter)i))
            return false;
    }
    /* Requests are cut into pages. */
    return sim_number(config, SIM_PAGE_SIZE) ==
           sim_number(other, SIM_PAGE_SIZE);
}

void sim_trace_free(struct sim_trace *trace)
{
    free(trace->accesses);
    *trace = (struct sim_trace){0};
}
