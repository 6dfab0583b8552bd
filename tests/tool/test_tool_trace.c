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
static struct sim_config config;
static struct sim_trace trace;

static int make_file(char *name)
{
    int file;

    (void)strcpy(name, "/tmp/zcache-test-XXXXXX");
    file = mkstemp(name);
    return file < 0 ? -1 : close(file);
}

static int set_up(void **state)
{
    (void)state;
    return make_file(path) == 0 ? make_file(messages_path) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(messages_path);
    return 0;
}

static void set(enum sim_parameter parameter, const char *text)
{
    assert_true(sim_config_set(&config, parameter, text));
}

static void begin(const char *format)
{
    sim_config_init(&config);
    set(SIM_TRACE, path);
    set(SIM_TRACE_FORMAT, format);
}

/* A test of traces of that format, which `config` names. */
#define TEST_OF_FORMAT(name, format)                                           \
    static void name(void);                                                    \
    static void name##_of_format(__attribute__((unused)) void **state)         \
    {                                                                          \
        begin(format);                                                         \
        name();                                                                \
    }                                                                          \
    TEST_REGISTER(name##_of_format, #name, set_up, tear_down, NULL)            \
    static void name(void)

static void write_trace(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* What standard error gets while a trace is refused. */
static void refuse(const char *bytes, size_t size, const char *wanted)
{
    char text[1024];
    int before = dup(STDERR_FILENO);
    int file = open(messages_path, O_RDWR | O_TRUNC);
    ssize_t got;
    bool good;

    write_trace(bytes, size);
    assert_true(before >= 0 && file >= 0);
    assert_true(dup2(file, STDERR_FILENO) >= 0);
    good = sim_trace_load(&trace, &config);
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

static void refuse_text(const char *text, const char *wanted)
{
    refuse(text, strlen(text), wanted);
}

static void load(const char *text)
{
    write_trace(text, strlen(text));
    assert_true(sim_trace_load(&trace, &config));
}

struct wanted {
    unsigned space;
    uint64_t page;
    unsigned op;
};

/* The trace is these accesses; ends it. */
static void expect(const struct wanted *wanted, size_t count)
{
    assert_int_equal(trace.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(trace.accesses[i].space, wanted[i].space);
        assert_int_equal(trace.accesses[i].page, wanted[i].page);
        assert_int_equal(trace.accesses[i].op, wanted[i].op);
    }
    sim_trace_free(&trace);
}

#define EXPECT(...)                                                            \
    expect((const struct wanted[]){__VA_ARGS__},                               \
           sizeof((const struct wanted[]){__VA_ARGS__}) /                      \
               sizeof(struct wanted))

/* ---- text ---- */

TEST_OF_FORMAT(a_text_means_pages, "text")
{
    load("# begin\n"
         "w 0\n"
         "\n"
         "  r\t7 # a comment\n"
         "W 2:5\r\n"
         "r 0:4294967295");
    assert_false(trace.has_objects);
    assert_int_equal(trace.space_count, 3);
    assert_true(trace.page_count == UINT64_C(4294967296));
    EXPECT({0, 0, SIM_TRACE_WRITE}, {0, 7, SIM_TRACE_READ},
           {2, 5, SIM_TRACE_WRITE}, {0, 4294967295u, SIM_TRACE_READ});
}

TEST_OF_FORMAT(a_text_that_is_wrong_is_refused_by_line, "text")
{
    static const char *const wrong[] = {
        "x 1",  "r",   "r -1", "r 1 2",   "r 1x", "r 4294967296", "r 4096:0",
        "r 1:", "r :", "r :1", "r 1:2:3", "1 r",  "rr 1"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "w 1\n\n%s\nr 1\n", wrong[i]);
        refuse_text(text, "line 3 ");
    }
    refuse("r 1\nr 2\0r 3\n", 12, "line 2 is no text");
    refuse_text("", "has 0 accesses");
    refuse_text("# nothing\n\n", "has 0 accesses");
}

/* ---- oracleGeneral ---- */

/* time, id, size, next: packed and little-endian. */
static void put_record(unsigned char *record, uint64_t id)
{
    memset(record, 0xee, 24);
    for (unsigned i = 0; i < 8; i++)
        record[4 + i] = (unsigned char)(id >> 8 * i);
}

TEST_OF_FORMAT(records_of_an_oracle_mean_objects, "oracleGeneral")
{
    static const uint64_t ids[] = {UINT64_MAX, 7, UINT64_C(1) << 63, 7,
                                   UINT64_MAX - 1};
    unsigned char records[5][24];

    for (size_t i = 0; i < 5; i++)
        put_record(records[i], ids[i]);
    write_trace(records, sizeof(records));
    assert_true(sim_trace_load(&trace, &config));
    assert_true(trace.has_objects);
    assert_int_equal(trace.object_count, 4);
    EXPECT({0, 0, SIM_TRACE_ANY}, {0, 1, SIM_TRACE_ANY}, {0, 2, SIM_TRACE_ANY},
           {0, 1, SIM_TRACE_ANY}, {0, 3, SIM_TRACE_ANY});
    /* Cut in the third. */
    for (size_t size = 49; size < 72; size++)
        refuse((const char *)records, size, "record 3 has ");
    refuse((const char *)records, 71, "has 23 bytes instead of 24");
}

/* ---- csv ---- */

TEST_OF_FORMAT(the_columns_of_a_csv_are_chosen, "csv")
{
    load("time, object, size\n"
         "1, 20, 5\n"
         "2,\"30\" ,5\r\n"
         "\n"
         "3,20\n"
         "4, a name , 6\n");
    assert_int_equal(trace.object_count, 3);
    EXPECT({0, 0, SIM_TRACE_ANY}, {0, 1, SIM_TRACE_ANY}, {0, 0, SIM_TRACE_ANY},
           {0, 2, SIM_TRACE_ANY});
    set(SIM_TRACE_ID, "3");
    set(SIM_TRACE_OP, "1");
    load("get;1;5\nSET;2;6\n\"w\";3;5\n");
    EXPECT({0, 0, SIM_TRACE_READ}, {0, 1, SIM_TRACE_WRITE},
           {0, 0, SIM_TRACE_WRITE});
    set(SIM_TRACE_ID, "1");
    set(SIM_TRACE_OP, "2");
    load("9 r\n8 w\n");
    assert_int_equal(trace.object_count, 2);
    EXPECT({0, 0, SIM_TRACE_READ}, {0, 1, SIM_TRACE_WRITE});
}

TEST_OF_FORMAT(a_csv_that_is_wrong_is_refused_by_line, "csv")
{
    refuse_text("1,2\n1,2\n3\n", "line 3 has no column 2");
    set(SIM_TRACE_OP, "3");
    refuse_text("1,2,get\n1,2\n", "line 2 has no column 3");
    refuse_text("1,2,get\n1,2,jump\n", "line 2: \"jump\"");
    refuse_text("time,id,op\n", "has 0 accesses");
}

/* ---- which of them ---- */

TEST_OF_FORMAT(the_name_says_the_format, "auto")
{
    load("w 3\n");
    assert_false(trace.has_objects);
    sim_trace_free(&trace);
    (void)unlink(path);
    (void)strcat(path, ".csv");
    set(SIM_TRACE, path);
    load("1,2\n");
    assert_true(trace.has_objects);
    sim_trace_free(&trace);
}

TEST_OF_FORMAT(what_is_compressed_is_said_to_be, "oracleGeneral")
{
    refuse("\x28\xb5\x2f\xfd....................", 24, "is compressed");
    refuse("\x1f\x8b......................", 24, "is compressed");
}

/* ---- as a pattern ---- */

TEST_OF_FORMAT(threads_take_turns_and_end, "text")
{
    struct sim_access access;

    load("r 0\nw 1\nr 2\nw 3\nr 4\n");
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
        set(SIM_OPS, "100");
        sim_pattern_begin(&pattern);
        for (uint64_t i = 0; i < 50; i++) {
            assert_true(sim_pattern_next(&pattern, &access));
            assert_int_equal(access.page, (2 * i + thread) % 5);
        }
        sim_config_init(&config);
    }
    sim_trace_free(&trace);
}
