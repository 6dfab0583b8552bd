/* SPDX-License-Identifier: MIT */
/*
 * test_tool_trace.c - what the traces of `zcache sim` mean, and that those that
 * are malformed are refused with the place where they are.
 */
#include "support_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/access.h"
#include "sim/trace.h"

static char path[64];
static char messages_path[64];

static int make_files(void **state)
{
    int file;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/zcache-test-XXXXXX");
    (void)snprintf(messages_path, sizeof(messages_path),
                   "/tmp/zcache-test-XXXXXX");
    file = mkstemp(path);
    if (file < 0)
        return -1;
    (void)close(file);
    file = mkstemp(messages_path);
    if (file < 0)
        return -1;
    (void)close(file);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(messages_path);
    return 0;
}

static void write_trace(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void set(struct sim_config *config, enum sim_parameter parameter,
                const char *text)
{
    assert_true(sim_config_set(config, parameter, text));
}

static struct sim_config config_of(const char *format)
{
    struct sim_config config;

    sim_config_init(&config);
    set(&config, SIM_TRACE, path);
    set(&config, SIM_TRACE_FORMAT, format);
    return config;
}

/* What standard error gets while a trace is refused. */
static void refuse(const struct sim_config *config, const char *bytes,
                   size_t size, const char *wanted)
{
    struct sim_trace trace;
    char text[1024];
    int before = dup(STDERR_FILENO);
    int file = open(messages_path, O_RDWR | O_TRUNC);
    ssize_t got;
    bool good;

    write_trace(bytes, size);
    assert_true(before >= 0 && file >= 0);
    assert_true(dup2(file, STDERR_FILENO) >= 0);
    good = sim_trace_load(&trace, config);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    sim_trace_free(&trace);
    got = pread(file, text, sizeof(text) - 1, 0);
    (void)close(before);
    (void)close(file);
    assert_false(good);
    assert_true(got > 0);
    text[got] = '\0';
    if (strstr(text, wanted) == NULL || strstr(text, path) == NULL)
        fail_msg("\"%s\" is not in: %s", wanted, text);
}

static void refuse_text(const struct sim_config *config, const char *text,
                        const char *wanted)
{
    refuse(config, text, strlen(text), wanted);
}

static struct sim_trace load(const struct sim_config *config, const char *text)
{
    struct sim_trace trace;

    write_trace(text, strlen(text));
    assert_true(sim_trace_load(&trace, config));
    return trace;
}

static void expect(const struct sim_trace *trace, size_t index, unsigned space,
                   uint64_t page, unsigned op)
{
    assert_true(index < trace->count);
    assert_int_equal(trace->accesses[index].space, space);
    assert_int_equal(trace->accesses[index].page, page);
    assert_int_equal(trace->accesses[index].op, op);
}

/* ---- text ---- */

static void a_text_means_pages(void **state)
{
    const struct sim_config config = config_of("text");
    struct sim_trace trace = load(&config, "# begin\n"
                                           "w 0\n"
                                           "\n"
                                           "  r\t7 # a comment\n"
                                           "W 2:5\r\n"
                                           "r 0:4294967295");

    (void)state;
    assert_int_equal(trace.count, 4);
    expect(&trace, 0, 0, 0, SIM_TRACE_WRITE);
    expect(&trace, 1, 0, 7, SIM_TRACE_READ);
    expect(&trace, 2, 2, 5, SIM_TRACE_WRITE);
    expect(&trace, 3, 0, 4294967295u, SIM_TRACE_READ);
    assert_false(trace.has_objects);
    assert_int_equal(trace.space_count, 3);
    assert_true(trace.page_count == UINT64_C(4294967296));
    sim_trace_free(&trace);
}

static void a_text_that_is_wrong_is_refused_by_line(void **state)
{
    static const char *const wrong[] = {
        "x 1",  "r",   "r -1", "r 1 2",   "r 1x", "r 4294967296", "r 4096:0",
        "r 1:", "r :", "r :1", "r 1:2:3", "1 r",  "rr 1"};
    const struct sim_config config = config_of("text");

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "w 1\n\n%s\nr 1\n", wrong[i]);
        refuse_text(&config, text, "line 3 ");
    }
    refuse(&config, "r 1\nr 2\0r 3\n", 12, "line 2 is no text");
    refuse_text(&config, "", "has 0 accesses");
    refuse_text(&config, "# nothing\n\n", "has 0 accesses");
}

/* ---- oracleGeneral ---- */

/* time, id, size, next: packed and little-endian. */
static void put_record(unsigned char *record, uint64_t id)
{
    memset(record, 0xee, 24);
    for (unsigned i = 0; i < 8; i++)
        record[4 + i] = (unsigned char)(id >> 8 * i);
}

static void records_of_an_oracle_mean_objects(void **state)
{
    static const uint64_t ids[] = {UINT64_MAX, 7, UINT64_C(1) << 63, 7,
                                   UINT64_MAX - 1};
    static const uint64_t pages[] = {0, 1, 2, 1, 3};
    const struct sim_config config = config_of("oracleGeneral");
    unsigned char records[5][24];
    struct sim_trace trace;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        put_record(records[i], ids[i]);
    write_trace(records, sizeof(records));
    assert_true(sim_trace_load(&trace, &config));
    assert_int_equal(trace.count, 5);
    for (size_t i = 0; i < 5; i++)
        expect(&trace, i, 0, pages[i], SIM_TRACE_ANY);
    assert_true(trace.has_objects);
    assert_int_equal(trace.object_count, 4);
    sim_trace_free(&trace);
    /* Cut in the third. */
    for (size_t size = 49; size < 72; size++)
        refuse(&config, (const char *)records, size, "record 3 has ");
    refuse(&config, (const char *)records, 71, "has 23 bytes instead of 24");
}

/* ---- csv ---- */

static void the_columns_of_a_csv_are_chosen(void **state)
{
    struct sim_config config = config_of("csv");
    struct sim_trace trace = load(&config, "time, object, size\n"
                                           "1, 20, 5\n"
                                           "2,\"30\" ,5\r\n"
                                           "\n"
                                           "3,20\n"
                                           "4, a name , 6\n");

    (void)state;
    assert_int_equal(trace.count, 4);
    assert_int_equal(trace.object_count, 3);
    expect(&trace, 0, 0, 0, SIM_TRACE_ANY);
    expect(&trace, 1, 0, 1, SIM_TRACE_ANY);
    expect(&trace, 2, 0, 0, SIM_TRACE_ANY);
    expect(&trace, 3, 0, 2, SIM_TRACE_ANY);
    sim_trace_free(&trace);

    set(&config, SIM_TRACE_ID, "3");
    set(&config, SIM_TRACE_OP, "1");
    trace = load(&config, "get;1;5\nSET;2;6\n\"w\";3;5\n");
    assert_int_equal(trace.count, 3);
    expect(&trace, 0, 0, 0, SIM_TRACE_READ);
    expect(&trace, 1, 0, 1, SIM_TRACE_WRITE);
    expect(&trace, 2, 0, 0, SIM_TRACE_WRITE);
    sim_trace_free(&trace);

    set(&config, SIM_TRACE_ID, "1");
    set(&config, SIM_TRACE_OP, "2");
    trace = load(&config, "9 r\n8 w\n");
    assert_int_equal(trace.object_count, 2);
    expect(&trace, 1, 0, 1, SIM_TRACE_WRITE);
    sim_trace_free(&trace);
}

static void a_csv_that_is_wrong_is_refused_by_line(void **state)
{
    struct sim_config config = config_of("csv");

    (void)state;
    refuse_text(&config, "1,2\n1,2\n3\n", "line 3 has no column 2");
    set(&config, SIM_TRACE_OP, "3");
    refuse_text(&config, "1,2,get\n1,2\n", "line 2 has no column 3");
    refuse_text(&config, "1,2,get\n1,2,jump\n", "line 2: \"jump\"");
    refuse_text(&config, "time,id,op\n", "has 0 accesses");
}

/* ---- which of them ---- */

static void the_name_says_the_format(void **state)
{
    struct sim_config config = config_of("auto");
    struct sim_trace trace = load(&config, "w 3\n");
    char named[96];

    (void)state;
    assert_false(trace.has_objects);
    sim_trace_free(&trace);
    (void)snprintf(named, sizeof(named), "%s.csv", path);
    assert_int_equal(rename(path, named), 0);
    set(&config, SIM_TRACE, named);
    {
        FILE *file = fopen(named, "w");

        assert_non_null(file);
        (void)fputs("1,2\n", file);
        assert_int_equal(fclose(file), 0);
    }
    assert_true(sim_trace_load(&trace, &config));
    assert_true(trace.has_objects);
    sim_trace_free(&trace);
    assert_int_equal(rename(named, path), 0);
}

static void what_is_compressed_is_said_to_be(void **state)
{
    const struct sim_config config = config_of("oracleGeneral");

    (void)state;
    refuse(&config, "\x28\xb5\x2f\xfd....................", 24,
           "is compressed");
    refuse(&config, "\x1f\x8b......................", 24, "is compressed");
}

/* ---- as a pattern ---- */

static void threads_take_turns_and_end(void **state)
{
    struct sim_config config = config_of("text");
    struct sim_trace trace = load(&config, "r 0\nw 1\nr 2\nw 3\nr 4\n");
    struct sim_access access;

    (void)state;
    for (uint64_t thread = 0; thread < 2; thread++) {
        struct sim_pattern pattern = {.config = &config,
                                      .trace = &trace,
                                      .thread = thread,
                                      .thread_count = 2,
                                      .space_count = 1,
                                      .space_pages = 5};

        sim_pattern_begin(&pattern);
        for (uint64_t page = thread; page < 5; page += 2) {
            assert_true(sim_pattern_next(&pattern, &access));
            assert_int_equal(access.page, page);
            assert_int_equal(access.is_write, page % 2 == 1);
        }
        assert_false(sim_pattern_next(&pattern, &access));
        /* With a number of accesses it begins again. */
        set(&config, SIM_OPS, "100");
        sim_pattern_begin(&pattern);
        for (uint64_t i = 0; i < 50; i++) {
            assert_true(sim_pattern_next(&pattern, &access));
            assert_int_equal(access.page, (2 * i + thread) % 5);
        }
        sim_config_init(&config);
    }
    sim_trace_free(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_means_pages),
        cmocka_unit_test(a_text_that_is_wrong_is_refused_by_line),
        cmocka_unit_test(records_of_an_oracle_mean_objects),
        cmocka_unit_test(the_columns_of_a_csv_are_chosen),
        cmocka_unit_test(a_csv_that_is_wrong_is_refused_by_line),
        cmocka_unit_test(the_name_says_the_format),
        cmocka_unit_test(what_is_compressed_is_said_to_be),
        cmocka_unit_test(threads_take_turns_and_end),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
