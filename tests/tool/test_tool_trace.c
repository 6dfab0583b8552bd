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
static void refuse_saying(const char *bytes, size_t size, const char *wanted,
                          const char *also)
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
    if (strstr(text, wanted) == NULL || strstr(text, also) == NULL)
        fail_msg("\"%s\" is not in: %s", wanted, text);
}

/* With the name of the file. */
static void refuse(const char *bytes, size_t size, const char *wanted)
{
    refuse_saying(bytes, size, wanted, path);
}

static void refuse_option(const char *text, const char *wanted)
{
    refuse_saying(text, strlen(text), wanted, "--trace");
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
         "r 0:0xffffffff");
    assert_false(trace.has_objects);
    assert_int_equal(trace.space_count, 3);
    assert_true(trace.page_count == UINT64_C(4294967296));
    EXPECT({0, 0, SIM_TRACE_WRITE}, {0, 7, SIM_TRACE_READ},
           {2, 5, SIM_TRACE_WRITE}, {0, 4294967295u, SIM_TRACE_READ});
}

TEST_OF_FORMAT(a_text_that_is_wrong_is_refused_by_line, "text")
{
    static const char *const wrong[] = {
        "x 1",          "r",        "r -1", "r 1 2", "r 1x",
        "r 4294967296", "r 4096:0", "r 1:", "r :",   "r :1",
        "r 1:2:3",      "1 r",      "rr 1", "r 0x",  "r 0xg"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "w 1\n\n%s\nr 1\n", wrong[i]);
        refuse_text(text, "line 3: ");
    }
    refuse("r 1\nr 2\0r 3\n", 12, "line 2 is no text");
    refuse_text("", "has 0 accesses");
    refuse_text("# nothing\n\n", "has 0 accesses");
}

/* ---- oracleGeneral ---- */

/* time, id, size, next: packed and little-endian. */
static void put_record(unsigned char *record, unsigned time, uint64_t id,
                       uint64_t next)
{
    memset(record, 0xee, 24);
    for (unsigned i = 0; i < 8; i++) {
        if (i < 4)
            record[i] = (unsigned char)(time >> 8 * i);
        record[4 + i] = (unsigned char)(id >> 8 * i);
        record[16 + i] = (unsigned char)(next >> 8 * i);
    }
}

TEST_OF_FORMAT(records_of_an_oracle_mean_objects, "oracleGeneral")
{
    static const uint64_t ids[] = {UINT64_MAX, 7, UINT64_C(1) << 63, 7,
                                   UINT64_MAX - 1};
    static const uint64_t nexts[] = {UINT64_MAX, 3, INT64_MAX, UINT64_MAX, 5};
    unsigned char records[5][24];

    for (unsigned i = 0; i < 5; i++)
        put_record(records[i], 0xfffffff0 + i / 2, ids[i], nexts[i]);
    write_trace(records, sizeof(records));
    assert_true(sim_trace_load(&trace, &config));
    assert_true(trace.has_objects);
    assert_int_equal(trace.object_count, 4);
    EXPECT({0, 0, SIM_TRACE_ANY}, {0, 1, SIM_TRACE_ANY}, {0, 2, SIM_TRACE_ANY},
           {0, 1, SIM_TRACE_ANY}, {0, 3, SIM_TRACE_ANY});
    /* Cut in the third. */
    for (size_t size = 49; size < 72; size++)
        refuse((const char *)records, size, "record 3: it has ");
    refuse((const char *)records, 71, "has 23 bytes instead of 24");
}

TEST_OF_FORMAT(noise_is_no_oracle, "oracleGeneral")
{
    static const uint64_t wrong[] = {0, 1, UINT64_MAX - 1, UINT64_C(1) << 63,
                                     (UINT64_C(1) << 48) + 1};
    unsigned char records[2][24];

    put_record(records[0], 7, 1, 1);
    put_record(records[1], 7, 2, 2);
    write_trace(records, sizeof(records));
    assert_true(sim_trace_load(&trace, &config));
    sim_trace_free(&trace);
    put_record(records[1], 6, 2, 2);
    refuse((const char *)records, 48,
           "record 2: it is not oracleGeneral: its "
           "time is 6 after 7");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put_record(records[1], 7, 2, wrong[i]);
        refuse((const char *)records, 48, "record 2: it is not oracleGeneral");
    }
    refuse_text("1,2,3,4,5,6\n1,2,3,4,5,6\n", "record 1: ");
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
    refuse_text("1,2\n1,2\n3\n", "line 3: there is no column 2, only 1");
    refuse_text("1,2\r1,2\r3\r", "line 3: there is no column 2, only 1");
    refuse_text("1,2\r\n1,2\r\n3\r\n", "line 3: there is no column 2, only 1");
    refuse_text("1,2\n1,\n", "line 2: column 2 is empty");
    refuse_text("1,\n1,2\n3, \n", "line 3: column 2 is empty");
    refuse_text("1,\"\"\n", "line 1: column 2 is empty");
    refuse_text("1,2\n1,\"2\n\n", "line 2: a quote begins");
    refuse_text("1,2\n1,\"2\"3\n", "line 2: a quote is neither");
    refuse_text("1,2\n1,5 \"a\n1,6\"\n", "line 2: a quote is neither");
    refuse_text("1,2\n1,\x1b[2J\n", "line 2 is no text: its byte 3 is 0x1b");
    set(SIM_TRACE_OP, "3");
    refuse_text("1,2,get\n1,2\n", "line 2: there is no column 3, only 2");
    refuse_text("1,2,get\n1,2,jump\n", "line 2: \"jump\"");
    refuse_text("1,2,jump\n1,2,get\n", "line 1: \"jump\"");
    refuse_text("time,id,op\n", "line 1: \"op\"");
    set(SIM_TRACE_HEADER, "yes");
    refuse_text("time,id,op\n", "has 0 accesses");
    set(SIM_TRACE_OP, "job");
    refuse_text("time,id,op\n1,2,r\n",
                "line 1: none of its 3 columns is \"job\"");
}

TEST_OF_FORMAT(a_line_has_an_end, "csv")
{
    const size_t size = 1100000;
    char *text = malloc(size);

    assert_non_null(text);
    memset(text, '1', size);
    memcpy(text, "1,2\n", 4);
    refuse(text, size, "line 2 has more than 1048576 bytes");
    memset(text, '\n', size);
    memcpy(text, "1,2\n1,\"", 7);
    refuse(text, size, "line 2: a quote begins in it");
    free(text);
}

/* The text has these objects, by their numbers: "010" is 0, 1, 0. */
static void expect_objects(const char *text, const char *wanted)
{
    load(text);
    if (trace.count != strlen(wanted))
        fail_msg("%zu accesses in: %s", trace.count, text);
    for (size_t i = 0; i < trace.count; i++) {
        if (trace.accesses[i].page != (uint64_t)(wanted[i] - '0'))
            fail_msg("access %zu is of %d in: %s", i,
                     (int)trace.accesses[i].page, text);
    }
    sim_trace_free(&trace);
}

TEST_OF_FORMAT(a_csv_is_that_of_rfc_4180, "csv")
{
    expect_objects("1,20\r\n2,21\r\n3,20\r\n", "010");
    expect_objects("1,20\r2,21\r3,20", "010");
    expect_objects("1,20\n2,21\n3,20", "010");
    expect_objects("\xef\xbb\xbf"
                   "1,20\n2,21\n\n3,20\n",
                   "010");
    expect_objects("1,20\n# 2,21\n  #3,20\n4,22\n", "01");
    expect_objects("1,\"a,b\"\n2,\"a,c\"\n3,\"a,b\"\n4,\"a\"\"b\"\n", "0102");
    expect_objects("1,\"a\nb\"\n2,\"a\nc\"\n3,\"a\nb\",5\n", "010");
    expect_objects("1,\"20\"\n2, 20 \n3,020\n4,0x14\n5,\"0X14\" ,9", "00000");
    expect_objects("1;a,b\n2;a,c\n3;a,b\n", "010");
    expect_objects("1\ta b\n2\ta  b\n", "01");
    expect_objects("1|a\n2|b\n", "01");
    expect_objects("  1    20\n10\t21  x\n", "01");
    expect_objects("1,a \"b\" c\n2,a\n", "01");
    /* A number that does not fit is a name. */
    expect_objects("1,0\n2,18446744073709551616\n3,0x10000000000000000\n",
                   "012");
    expect_objects("1,5\"\",1\n2,5\"\n3,5\"\"\n", "010");
    set(SIM_TRACE_ID, "1");
    expect_objects("7", "0");
}

TEST_OF_FORMAT(a_header_has_no_data_where_the_next_line_has, "csv")
{
    expect_objects("time,obj_id_u64\n1,10\n2,10\n", "00");
    expect_objects("time(s;utc),id\n1,10\n2,11\n", "01");
    expect_objects("get,alpha\nget,beta\n", "01");
    expect_objects("1,10\n2,11\n", "01");
    expect_objects("1,alpha\n2,11\n", "0"); /* which a note says */
    set(SIM_TRACE_HEADER, "no");
    expect_objects("1,alpha\n2,11\n", "01");
    set(SIM_TRACE_HEADER, "yes");
    expect_objects("1,10\n2,11\n", "0");
    set(SIM_TRACE_HEADER, "auto");
    set(SIM_TRACE_OP, "1");
    expect_objects("get,alpha\nget,beta\n", "01");
    expect_objects("op,key\nget,alpha\nget,beta\n", "01");
    expect_objects("op,key\n# of today\nget,7\n", "0");
    set(SIM_TRACE_ID, "key");
    set(SIM_TRACE_OP, "the op");
    expect_objects("x, key ,\"the op\"\n1,10,r\n1,11,w\n", "01");
}

TEST_OF_FORMAT(operations_have_names, "csv")
{
    set(SIM_TRACE_ID, "1");
    set(SIM_TRACE_OP, "2");
    load("1,get\n1,gets\n1,set\n1,add\n1,replace\n1,cas\n1,append\n1,prepend\n"
         "1,delete\n1,incr\n1,decr\n1,GET_LEASE\n1,SET_LEASE\n"
         "1,REST.GET.OBJECT\n1,REST.HEAD.OBJECT\n1,REST.PUT.OBJECT\n"
         "1,REST.DELETE.OBJECT\n1,Read\n1,Write\n");
    for (size_t i = 0; i < trace.count; i++)
        assert_int_equal(trace.accesses[i].op,
                         i < 2 || i == 11 || i == 13 || i == 14 || i == 17
                             ? SIM_TRACE_READ
                             : SIM_TRACE_WRITE);
    assert_int_equal(trace.count, 19);
    sim_trace_free(&trace);
    set(SIM_TRACE_OPS, "0=w,1=r,get=w,delete=skip,a=b=r");
    load("1,0\n1,1\n1,GET\n1,delete\n1,A=B\n1,set\n");
    EXPECT({0, 0, SIM_TRACE_WRITE}, {0, 0, SIM_TRACE_READ},
           {0, 0, SIM_TRACE_WRITE}, {0, 0, SIM_TRACE_READ},
           {0, 0, SIM_TRACE_WRITE});
    refuse_text("1,0\n1,2\n", "line 2: \"2\" is no operation");
}

TEST_OF_FORMAT(a_line_may_be_many_accesses, "csv")
{
    set(SIM_TRACE_COUNT, "3");
    expect_objects("1,20,2\n2,21,1\n3,20,3\n", "001000");
    refuse_text("1,20,2\n1,20,0\n",
                "line 2: column 3: \"0\" is no number from 1 to 4294967296");
    refuse_text("1,20,4294967297\n", "no number from 1 to 4294967296");
    refuse_text("1,20,x\n1,20,many\n", "line 1: column 3: \"x\"");
    set(SIM_TRACE_COUNT, "0");
    set(SIM_TRACE_SIZE, "3");
    expect_objects("1,0,32768\n2,4096,4096\n3,4095,2\n4,4095,1\n5,4096,0\n",
                   "01234567"
                   "1"
                   "01"
                   "0");
    set(SIM_PAGE_SIZE, "16384");
    expect_objects("1,0,32768\n2,4096,4096\n", "01"
                                               "0");
    set(SIM_PAGE_SIZE, "4096");
    set(SIM_TRACE_ID_UNIT, "512");
    expect_objects("1,7,512\n2,7,513\n3,0x8,1\n", "0"
                                                  "01"
                                                  "1");
    set(SIM_TRACE_SIZE_UNIT, "512");
    expect_objects("1,7,1\n2,7,2\n", "0"
                                     "01");
    set(SIM_TRACE_COUNT, "1");
    expect_objects("2,7,2\n", "0101");
    refuse_text("1,7,1\n1,a,1\n", "line 2: column 2: \"a\" is no number");
    refuse_text("1,7,1\n1,7,-1\n", "line 2: column 3: \"-1\" is no number");
    refuse_text("1,7,1\n1,7,18014398509481984\n",
                "is no number from 0 to 18014398509481983");
    refuse_text("1,7,1\n1,18014398509481984,1\n",
                "is no number from 0 to 18014398509481983");
    refuse_text("1,7,1\n1,7,18014398509481983\n", "line 2: the trace has ");
    refuse_text("4294967296,7,18014398509481983\n",
                "has 18446744073709551615 accesses or more");
}

TEST_OF_FORMAT(a_space_has_its_own_objects, "csv")
{
    set(SIM_TRACE_SPACE, "1");
    expect_objects("0,100\n1,100\n0,100\n0,a\na,0\n", "01023");
    refuse_text("0,1\n,2\n", "line 2: column 1 is empty");
}

TEST_OF_FORMAT(an_option_that_does_nothing_is_refused, "csv")
{
    static const struct {
        enum sim_parameter parameter;
        const char *text;
        const char *wanted;
    } wrong[] = {
        {SIM_TRACE_OPS, "0=r", "--trace-ops 0=r needs --trace-op-column"},
        {SIM_TRACE_ID_UNIT, "9", "--trace-id-unit 9 needs --trace-size-column"},
        {SIM_TRACE_SIZE_UNIT, "1", "--trace-size-unit 1 needs"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin("csv");
        set(wrong[i].parameter, wrong[i].text);
        refuse_option("1,2\n", wrong[i].wanted);
    }
    begin("text");
    set(SIM_TRACE_ID, "2");
    refuse_option("r 1\n", "--trace-id-column 2 is for traces in columns");
    begin("oracleGeneral");
    set(SIM_TRACE_OPS, "0=r");
    refuse_option("", "--trace-ops 0=r is for traces in columns");
    sim_config_init(&config);
    set(SIM_TRACE_FORMAT, "auto");
    refuse_option("", "--trace-format auto needs --trace");
    begin("csv");
    set(SIM_TRACE_HEADER, "no");
    set(SIM_TRACE_ID, "key");
    refuse_option("key\n1\n", "without a header no column is \"key\"");
    for (const char *const *text =
             (const char *const[]){"0", "=r", "0=", "0=x", "0=r,", "0=r,,1=w",
                                   NULL};
         *text != NULL; text++) {
        begin("csv");
        set(SIM_TRACE_OP, "1");
        set(SIM_TRACE_OPS, *text);
        refuse_option("0,1\n", "is not like get=r, set=w or delete=skip");
    }
    set(SIM_TRACE_OPS, "a=r,A=w");
    refuse_option("0,1\n", "\"A\" is given twice");
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
