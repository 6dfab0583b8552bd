/* SPDX-License-Identifier: MIT */
/*
 * test_tool_words.c - what the program reads from its command line, what it
 * counts, and what it writes as JSON.
 */
#include "support_test.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arguments.h"
#include "common/json.h"
#include "common/variant.h"
#include "estimate/census.h"
#include "sim/config.h"
#include <zcache/vm.h>

/* A size_t, as offsets are. */
#define PAGE ((size_t)4096)

TEST(numbers_are_read_strictly)
{
    static const char *const wrong[] = {
        "",    " 1",  "1 ", "+1", "-1", "1.",
        "0x1", "one", "1a", "6",  "0",  "99999999999999999999999"};
    static const char *const wrong_signed[] = {"-8", "20", "--7", "-"};
    uint64_t number = 42;
    int small = 42;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(number_parse(wrong[i], 1, 5, &number));
    assert_int_equal(number, 42);
    assert_true(number_parse("18446744073709551615", 0, UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_false(number_parse("18446744073709551616", 0, UINT64_MAX, &number));

    for (size_t i = 0; i < sizeof(wrong_signed) / sizeof(wrong_signed[0]); i++)
        assert_false(number_parse_signed(wrong_signed[i], -7, 19, &small));
    assert_int_equal(small, 42);
    assert_true(number_parse_signed("-7", -7, 19, &small));
    assert_int_equal(small, -7);
}

TEST(decimals_have_up_to_three_digits)
{
    static const struct {
        const char *text;
        uint64_t thousandths; /* 0: it is refused */
    } cases[] = {
        {"12.5", 12500}, {"0.001", 1},  {"100", 100000},
        {"100.001", 0},  {"0.0001", 0}, {"1.", 0},
        {".5", 0},       {"1e1", 0},    {"18446744073709551615", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t number = 0;
        const bool good =
            number_parse_thousandths(cases[i].text, 1, 100000, &number);

        assert_int_equal(good, cases[i].thousandths != 0);
        assert_int_equal(number, cases[i].thousandths);
    }
    /* Thousandths of it do not fit. */
    assert_false(number_parse_thousandths("18446744073709551615", 1, UINT64_MAX,
                                          &(uint64_t){0}));
}

/* Each word of the program beside the constant of the headers. */
TEST(a_word_is_the_constant_of_its_name)
{
    static const struct {
        enum sim_parameter parameter;
        const char *word;
        unsigned value;
    } pairs[] = {
        {SIM_PLACEMENT, "dense", ZC_PLACEMENT_DENSE},
        {SIM_PLACEMENT, "kernel", ZC_PLACEMENT_KERNEL},
        {SIM_LRU, "none", ZC_LRU_NONE},
        {SIM_LRU, "entry", ZC_LRU_ENTRY},
        {SIM_LRU, "zspage", ZC_LRU_ZSPAGE},
        {SIM_SWAP_IN, "cached", ZC_SWAP_IN_CACHED},
        {SIM_SWAP_IN, "bypass", ZC_SWAP_IN_BYPASS},
        {SIM_SWAP_IN, "store-again", ZC_SWAP_IN_STORE_AGAIN},
        {SIM_SWAP_IN, "cached-if-stored", ZC_SWAP_IN_CACHED_IF_STORED},
        {SIM_SLOT_ORDER, "lowest", ZC_SLOT_ORDER_LOWEST},
        {SIM_SLOT_ORDER, "last-freed", ZC_SLOT_ORDER_LAST_FREED},
        {SIM_SLOT_ORDER, "round-robin", ZC_SLOT_ORDER_ROUND_ROBIN},
        {SIM_BACKGROUND_RECLAIM, "off", 0},
        {SIM_BACKGROUND_RECLAIM, "on", 1},
        {SIM_SHRINK_WORKER, "off", 0},
        {SIM_SHRINK_WORKER, "on", 1},
    };
    struct sim_config config;

    sim_config_init(&config);
    /* What is said to run if nothing is given has a name too. */
    assert_int_equal(sim_number(&config, SIM_PLACEMENT), ZC_PLACEMENT_DENSE);
    assert_int_equal(sim_number(&config, SIM_LRU), ZC_LRU_ENTRY);
    assert_int_equal(sim_number(&config, SIM_SWAP_IN), ZC_SWAP_IN_BYPASS);
    assert_int_equal(sim_number(&config, SIM_SLOT_ORDER),
                     ZC_SLOT_ORDER_ROUND_ROBIN);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_true(sim_config_set(&config, pairs[i].parameter, pairs[i].word));
        assert_int_equal(sim_number(&config, pairs[i].parameter),
                         pairs[i].value);
        assert_string_equal(sim_text(&config, pairs[i].parameter),
                            pairs[i].word);
    }
    assert_string_equal(placement_name(ZC_PLACEMENT_DENSE), "dense");
    assert_string_equal(placement_name(ZC_PLACEMENT_KERNEL), "kernel");
}

TEST(codecs_carry_their_levels)
{
    struct codec_list list = {0};

    assert_true(codec_list_parse(&list, "copy,copy"));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.choices[1].name, "copy");
    assert_int_equal(list.choices[1].level, ZC_LEVEL_DEFAULT);
    if (zc_compressor_find("zstd") != NULL) {
        assert_true(codec_list_parse(&list, "zstd:-7"));
        assert_int_equal(list.count, 1);
        assert_string_equal(list.choices[0].name, "zstd");
        assert_string_equal(list.choices[0].label, "zstd:-7");
        assert_int_equal(list.choices[0].level, -7);
    }
    codec_list_free(&list);
}

TEST(a_command_is_cut_off_at_the_first_dashes)
{
    static char text[][16] = {"estimate", "--json", "--", "ls", "--", "-l"};
    char *words[] = {text[0], text[1], text[2], text[3],
                     text[4], text[5], NULL};
    char **command;

    assert_int_equal(arguments_split_command(6, words, &command), 2);
    assert_string_equal(command[0], "ls");
    assert_string_equal(command[1], "--");
    assert_int_equal(arguments_split_command(2, words, &command), 2);
    assert_null(command);
}

TEST(every_kind_of_page_is_counted)
{
    static unsigned char pages[8 * PAGE];
    struct census census = {0};

    memset(pages + PAGE, 0xab, PAGE);
    for (unsigned i = 0; i < PAGE; i++)
        pages[2 * PAGE + i] = (unsigned char)(i % 8);
    /* Repeats, but not with the period of a word. */
    for (unsigned i = 0; i < PAGE; i++)
        pages[3 * PAGE + i] = (unsigned char)(i % 16);
    memcpy(pages + 4 * PAGE, pages + 3 * PAGE, PAGE);
    memcpy(pages + 5 * PAGE, pages + 3 * PAGE, PAGE);
    pages[6 * PAGE + PAGE - 1] = 1;
    pages[7 * PAGE] = 1;

    census_count(&census, pages, PAGE, 8);

    assert_int_equal(census.pages, 8);
    assert_int_equal(census.zero_pages, 1);
    assert_int_equal(census.same_filled_pages, 3);
    assert_int_equal(census_count_duplicates(pages, PAGE, 8), 2);
}

/* What json_string() makes of a text. */
TEST(any_name_becomes_valid_json)
{
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"/a b", "\"/a b\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\n\t\x01\x1f\x7f", "\"\\n\\t\\u0001\\u001f\\u007f\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
         "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        /* Stray, cut off, overlong, surrogate, beyond the last one. */
        {"\x80x", "\"\\ufffdx\""},
        {"\xe2\x82", "\"\\ufffd\\ufffd\""},
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},
        {"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buffer[512] = "";
        FILE *file = fmemopen(buffer, sizeof(buffer), "w");
        struct json json = {.file = file};

        assert_non_null(file);
        json_string(&json, cases[i][0]);
        (void)fclose(file);
        assert_string_equal(buffer, cases[i][1]);
    }
}

TEST(texts_do_nothing_to_a_terminal)
{
    struct text text = {0};

    text_append_visible(&text, "a\x1b[2J\nb");
    assert_string_equal(text.bytes, "a\\x1b[2J\\x0ab");
    text_free(&text);
}
