/* SPDX-License-Identifier: MIT */
/*
 * test_tool_suggestion.c - the rules of docs/estimate.md, by their numbers,
 * over reports that are made up.
 */
#include "support_test.h"

#include "estimate/suggestion.h"
#include "estimate/times.h"

#define PAGE ((uint64_t)4096)
#define PAGES 10000
#define BYTES (PAGES * PAGE)
#define MIB ((uint64_t)1 << 20)

static char fast_name[] = "lz4";
static char small_name[] = "zstd";
static char copy_name[] = "copy";
static struct codec_choice codecs[] = {
    {.label = fast_name, .name = fast_name},
    {.label = small_name, .name = small_name},
    {.label = copy_name, .name = copy_name},
};
static struct source source;
static struct run_result results[4];
static struct report report;

/* Of two ages; the pages of the second are half of all. */
static struct cold cold;
static struct report_cold cold_ages[2];
static uint64_t cold_payloads[2][4];
static double cold_variances[2][4];

/* zswap and zram, each with a fast codec that makes half of the pages, and a
 * slow one that makes a third. */
static void make_report(void)
{
    source = (struct source){.page_size = PAGE, .page_count = PAGES};
    report = (struct report){.source = &source,
                             .page_size = PAGE,
                             .sample = SAMPLE_ALL,
                             .scale = 1.0,
                             .census = {.pages = PAGES},
                             .results = results,
                             .result_count = 4,
                             .memory_bytes = 10 * BYTES};
    for (unsigned i = 0; i < 4; i++)
        results[i] = (struct run_result){
            .codec = &codecs[i % 2],
            .target = i < 2 ? RUN_ZSWAP : RUN_ZRAM,
            .pool_bytes = i % 2 == 0 ? BYTES / 2 : BYTES / 3,
            .store_nanoseconds = i % 2 == 0 ? 1000 : 5000,
            .load_nanoseconds = i % 2 == 0 ? 1000 : 5000};
}

/* With --cold: all but a tenth of the pages for the first age; for the second
 * half, which has a quarter of the payload, each with its error. */
static void make_cold(uint64_t error_bytes)
{
    cold = (struct cold){.means = COLD_REFERENCED,
                         .age_count = 2,
                         .ages = {{.seconds = 10}, {.seconds = 60}}};
    for (unsigned age = 0; age < 2; age++) {
        cold_ages[age] =
            (struct report_cold){.part = {.census = {.pages = PAGES / 2},
                                          .payloads = cold_payloads[age]},
                                 .variances = cold_variances[age]};
        for (unsigned i = 0; i < 4; i++) {
            results[i].payload_bytes = 100 * MIB;
            cold_payloads[age][i] = 25 * MIB;
            cold_variances[age][i] = (double)(error_bytes * error_bytes);
        }
    }
    cold_ages[0].part.census.pages = PAGES * 9 / 10;
    report.cold = &cold;
    report.cold_ages = cold_ages;
}

static enum suggestion_kind kind(void)
{
    return suggestion_make(&report).kind;
}

static const char *chosen(void)
{
    return suggestion_make(&report).chosen->codec->label;
}

static const char *sentence(void)
{
    static char bytes[4096];
    const struct suggestion suggestion = suggestion_make(&report);
    FILE *file = fmemopen(bytes, sizeof(bytes), "w");

    assert_non_null(file);
    suggestion_print(&suggestion, &report, file);
    assert_int_equal(fclose(file), 0);
    for (char *at = bytes; (at = strchr(at, '\n')) != NULL;)
        *at = ' ';
    return bytes;
}

TEST(rule_1_nothing_is_suggested_where_pages_came_back_wrong)
{
    make_report();
    results[3].mismatches = 1;
    assert_int_equal(kind(), SUGGEST_NOTHING_WRONG);
}

TEST(rule_2_less_than_4_mib_are_too_small_to_judge_alone)
{
    make_report();
    report.census.pages = 1024;
    assert_int_not_equal(kind(), SUGGEST_TOO_SMALL);
    report.census.pages = 1023;
    assert_int_equal(kind(), SUGGEST_TOO_SMALL);
}

TEST(rule_2_a_sample_is_judged_by_its_own_size)
{
    make_report();
    report.sample = 1000;
    report.scale = 100.0;
    report.census.pages = 1023;
    assert_int_equal(kind(), SUGGEST_TOO_SMALL);
    assert_non_null(strstr(sentence(), "The sample is too small to judge"));
}

TEST(rule_3_a_clearly_faster_codec_may_save_a_little_less)
{
    make_report();
    assert_string_equal(chosen(), "zstd");
    results[0].pool_bytes = results[2].pool_bytes = BYTES * 38 / 100;
    assert_string_equal(chosen(), "lz4");
    results[0].pool_bytes = results[2].pool_bytes = BYTES * 39 / 100;
    assert_string_equal(chosen(), "zstd");
    /* Copying is the program's own. */
    results[2].codec = &codecs[2];
    assert_string_equal(chosen(), "zstd");
}

/* Is it in the JSON of the suggestion? */
static bool is_put(const char *text)
{
    const struct suggestion suggestion = suggestion_make(&report);
    char bytes[2048] = "";
    FILE *file = fmemopen(bytes, sizeof(bytes), "w");
    struct json json = {.file = file};

    assert_non_null(file);
    json_open(&json, '{');
    suggestion_put(&suggestion, &report, &json);
    json_close(&json, '}');
    assert_int_equal(fclose(file), 0);
    return strstr(bytes, text) != NULL;
}

/* The times of zram's codecs: the fast one takes `ratio` of the other's 10000,
 * in each pass. */
static void set_ratio(double ratio)
{
    static uint64_t passes[2][TIMES_PASSES_MOST];

    for (unsigned i = 0; i < 2; i++) {
        struct run_result *result = &results[2 + i];

        result->store_nanoseconds = i == 0 ? (uint64_t)(10000.0 * ratio + 0.5)
                                           : 10000;
        result->load_nanoseconds = 0;
        result->passes = passes[i];
        result->pass_count = TIMES_PASSES_MOST;
        for (unsigned j = 0; j < TIMES_PASSES_MOST; j++)
            passes[i][j] = result->store_nanoseconds;
    }
}

TEST(rule_3_a_bound_that_is_not_clearly_crossed_is_a_tie)
{
    static const struct {
        double ratio;
        enum choice_reason reason;
    } cases[] = {{0.5, CHOICE_FASTER},    {0.779, CHOICE_FASTER},
                 {0.781, CHOICE_TIE},     {0.799, CHOICE_TIE},
                 {0.8, CHOICE_TIE},       {0.801, CHOICE_TIE},
                 {0.819, CHOICE_TIE},     {0.821, CHOICE_SAVES_MOST},
                 {1.5, CHOICE_SAVES_MOST}};

    make_report();
    results[2].pool_bytes = BYTES * 38 / 100;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct choice choice;

        set_ratio(cases[i].ratio);
        choice = choice_make(&report, RUN_ZRAM);
        assert_int_equal(choice.reason, cases[i].reason);
        /* The tie and what is not near have the same consequence. */
        assert_ptr_equal(choice.result, choice.reason == CHOICE_FASTER
                                            ? &results[2]
                                            : &results[3]);
    }
}

/* The passes of the fast one: evenly from 13 steps too little to as much too
 * much, so that the middle distance from the middle is six steps. */
static void spread_passes(double ratio, double step)
{
    set_ratio(ratio);
    for (unsigned i = 0; i < TIMES_PASSES_MOST; i++)
        results[2].passes[i] =
            (uint64_t)(10000.0 * (ratio + ((double)i - 12.0) * step) + 0.5);
}

TEST(rule_3_a_spread_up_to_the_zone_decides_nothing)
{
    make_report();
    results[2].pool_bytes = BYTES * 38 / 100;
    for (unsigned i = 0; i <= 4; i++) {
        const double step = (double)i / 1000.0;
        struct choice choice;

        spread_passes(0.77, step);
        choice = choice_make(&report, RUN_ZRAM);
        assert_int_equal(choice.spread * 1e6 + 0.5,
                         2 * 1.4826 * 6 * step / 5 * 1e6 + 0.5);
        assert_int_equal(choice.reason, CHOICE_FASTER);
        spread_passes(0.79, step);
        assert_int_equal(choice_make(&report, RUN_ZRAM).reason, CHOICE_TIE);
    }
}

TEST(rule_3_a_spread_above_the_zone_is_its_width)
{
    static const struct {
        double ratio;
        enum choice_reason reason;
    } cases[] = {{0.657, CHOICE_FASTER},
                 {0.658, CHOICE_TIE},
                 {0.942, CHOICE_TIE},
                 {0.943, CHOICE_SAVES_MOST}};

    make_report();
    results[2].pool_bytes = BYTES * 38 / 100;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        spread_passes(cases[i].ratio, 0.04); /* 0.1423 */
        assert_int_equal(choice_make(&report, RUN_ZRAM).reason,
                         cases[i].reason);
    }
}

TEST(rule_3_more_passes_are_made_near_the_edge_or_where_times_are_disturbed)
{
    make_report();
    results[2].pool_bytes = BYTES * 38 / 100;
    report.results = &results[2]; /* zram alone */
    report.result_count = 2;
    for (unsigned i = 0; i <= 100; i++) {
        set_ratio((double)i / 100.0);
        if (i != 63 && i != 93) /* as the rounding has it */
            assert_int_equal(choice_needs_passes(&report), i > 63 && i < 93);
    }
    /* The spread counts: 0.1423 here. */
    spread_passes(0.487, 0.04);
    assert_false(choice_needs_passes(&report));
    spread_passes(0.488, 0.04);
    assert_true(choice_needs_passes(&report));
    /* Not for what could not be chosen anyway. */
    results[2].pool_bytes = BYTES * 39 / 100;
    assert_false(choice_needs_passes(&report));
}

TEST(rule_3_the_reason_is_said)
{
    make_report();
    results[2].pool_bytes = BYTES * 38 / 100;
    set_ratio(0.8);
    assert_non_null(strstr(sentence(), "lz4 saves 4.7 points less and takes "
                                       "0.80 of the time of zstd, spread 0.00: "
                                       "a tie, because the bound is 0.8,"));
    assert_true(is_put("\"reason\": \"tie\""));
    assert_true(is_put("\"time_ratio\": 0.8"));
    set_ratio(0.5);
    assert_non_null(strstr(sentence(),
                           "zstd saves 4.7 points more, but lz4 "
                           "takes 0.50 of its time, spread 0.00: under "
                           "0.8 is clearly faster, and less than 5 "
                           "points are not worth that."));
    assert_true(is_put("\"reason\": \"faster\""));
    set_ratio(0.9);
    assert_non_null(strstr(sentence(),
                           "lz4 takes 0.90 of the time of zstd, and "
                           "saves 4.7 points less: that is not "
                           "under 0.8 of its time"));
    assert_non_null(strstr(sentence(), "rule 3 of docs/estimate.md"));
    assert_true(is_put("\"reason\": \"saves most\""));
    results[2].pool_bytes = BYTES / 2;
    set_ratio(0.3);
    assert_non_null(strstr(sentence(),
                           "lz4 takes 0.30 of the time of zstd, and "
                           "saves 16.7 points less than zstd: 5 or "
                           "more are too many"));
    set_ratio(1.1);
    assert_non_null(strstr(sentence(), "It saves most, and no other is "
                                       "faster."));
}

TEST(rule_3_what_the_kernel_does_not_have_is_not_suggested)
{
    make_report();
    assert_non_null(strstr(sentence(), "zram, zstd (if this kernel has it), "));
    report.codecs = (struct system_codecs){.knows_zram = true,
                                           .knows_zswap = true,
                                           .zram = "lzo-rle lzo lz4",
                                           .zswap = "lz4 zstd"};
    assert_non_null(strstr(sentence(), "Suggestion: zram, lz4, saves 50.0 %"));
    assert_non_null(strstr(sentence(), "zstd would save 16.7 points more, but "
                                       "this kernel's zram does not have it "
                                       "(comp_algorithm: lzo-rle lzo lz4)."));
    assert_non_null(strstr(sentence(), "echo lz4 >/sys/block/zram0/"));
    assert_string_equal(suggestion_make(&report).zswap->codec->name, "zstd");
    /* The name is a word of the list. */
    (void)strcpy(report.codecs.zram, "lz4hc xzstd zstd1");
    assert_null(suggestion_make(&report).zram);
    assert_string_equal(chosen(), "zstd");
    (void)strcpy(report.codecs.zswap, "lzo");
    assert_int_equal(kind(), SUGGEST_NO_CODEC);
    assert_true(is_put("\"use\": \"no codec\""));
    assert_non_null(strstr(sentence(), "this kernel has none of the codecs"));
    assert_non_null(strstr(sentence(), "--codec lzo,lz4hc measures what"));
    assert_null(strstr(sentence(), "echo"));
    /* A file may be of a machine that has it. */
    report.is_elsewhere = true;
    assert_non_null(strstr(sentence(), "zram, zstd (if that kernel has it), "));
}

TEST(rule_3_the_smaller_pool_wins_a_tie_of_faster_codecs)
{
    make_report();
    /* All for zram: the one that saves most is slow, two are fast. */
    for (unsigned i = 0; i < 4; i++)
        results[i].target = RUN_ZRAM;
    results[0].pool_bytes = BYTES * 37 / 100;
    results[2].pool_bytes = BYTES * 36 / 100;
    results[3].codec = &codecs[2];
    for (uint64_t faster = 0; faster < 2; faster++) {
        results[0].load_nanoseconds = 1100 - 200 * faster;
        assert_ptr_equal(suggestion_make(&report).chosen, &results[2]);
    }
    results[0].load_nanoseconds = 450; /* 0.73 of the other */
    assert_ptr_equal(suggestion_make(&report).chosen, &results[0]);
}

TEST(rule_4_less_than_10_percent_are_not_worth_it)
{
    make_report();
    for (unsigned i = 0; i < 4; i++)
        results[i].pool_bytes = BYTES * 91 / 100;
    assert_int_equal(kind(), SUGGEST_NOT);
    for (unsigned i = 0; i < 4; i++)
        results[i].pool_bytes = BYTES * 89 / 100;
    assert_int_equal(kind(), SUGGEST_ZRAM);
}

TEST(rule_4_the_best_is_the_best_row)
{
    make_report();
    report.swap_device_bytes = PAGE; /* zswap would fit */
    for (unsigned i = 0; i < 4; i++)
        results[i].pool_bytes = i < 2 ? BYTES * 1005 / 1000 : BYTES;
    results[2].pool_bytes = BYTES * 993 / 1000;
    assert_non_null(strstr(sentence(), "the best, lz4 in zram, would save 0.7 "
                                       "%, for all"));
    results[2].pool_bytes = BYTES * 1010 / 1000;
    results[3].pool_bytes = BYTES * 1010 / 1000;
    assert_non_null(strstr(sentence(), "in zswap, would take 0.5 % more, for "
                                       "all"));
    /* What saves enough is suggested, though the other would fit, or a faster
     * one would be almost as good. */
    results[2].pool_bytes = BYTES * 92 / 100;
    results[3].pool_bytes = BYTES * 89 / 100;
    assert_string_equal(chosen(), "zstd");
    assert_int_equal(kind(), SUGGEST_ZRAM);
    assert_non_null(strstr(sentence(), "and zswap would save less than 10 %"));
    assert_non_null(strstr(sentence(), "saves less than 10 %, which is not "
                                       "worth it (rule 4)"));
}

TEST(rule_5_zswap_is_for_machines_with_a_swap_device)
{
    make_report();
    assert_int_equal(kind(), SUGGEST_ZRAM);
    report.swap_device_bytes = PAGE;
    assert_int_equal(kind(), SUGGEST_ZSWAP);
    /* Or for pages that do not compress. */
    report.swap_device_bytes = 0;
    results[1].raw_pages = PAGES; /* zswap's rule, and not zram's */
    results[3].raw_pages = PAGES / 4 - 100;
    assert_int_equal(kind(), SUGGEST_ZRAM);
    results[3].raw_pages = PAGES / 4;
    assert_int_equal(kind(), SUGGEST_ZSWAP);
    /* But not where its pool would not fit. */
    report.memory_bytes = BYTES / 3;
    assert_int_equal(kind(), SUGGEST_ZRAM);
    /* And only of what was measured. */
    report.result_count = 2;
    assert_int_equal(kind(), SUGGEST_ZSWAP);
}

TEST(rule_5_what_does_not_compress_is_said_in_words)
{
    make_report();
    assert_non_null(strstr(sentence(), "and every page compresses (rule 5)."));
    results[1].raw_pages = PAGES / 2; /* of the row of zram it speaks */
    assert_non_null(strstr(sentence(), "and every page compresses (rule 5)."));
    results[3].raw_pages = 1;
    assert_non_null(strstr(sentence(), "and less than 1 % of the pages do not "
                                       "compress (rule 5)."));
    results[3].raw_pages = PAGES * 7 / 100;
    assert_non_null(strstr(sentence(), "and 7 % of the pages do not compress"));
    assert_true(is_put("\"raw_percent\": 7"));
}

TEST(rule_5_is_said_where_one_was_measured_too)
{
    make_report();
    report.results = &results[2]; /* zram alone */
    report.result_count = 2;
    results[3].raw_pages = PAGES * 7 / 100;
    assert_true(is_put("\"raw_percent\": 7"));
    assert_non_null(strstr(sentence(),
                           "zram fits here: there is no swap device "
                           "on a disk, which zswap needs, and 7 % "
                           "of the pages do not compress (rule "
                           "5)."));
    report.swap_device_bytes = PAGE;
    assert_non_null(strstr(sentence(),
                           "zswap fits here: there is a swap device "
                           "on a disk, where it puts what is "
                           "coldest, and zswap was not measured "
                           "(rule 5)."));
    assert_int_equal(kind(), SUGGEST_ZRAM);
}

TEST(rule_6_zswap_gets_its_percent_and_its_device)
{
    struct suggestion suggestion;

    make_report();
    report.memory_bytes = 1000 * MIB;
    results[1].pool_bytes = 9 * MIB; /* exactly 1 % of it / 0.9 */
    suggestion = suggestion_make(&report);
    assert_int_equal(suggestion.max_pool_percent, 1);
    results[1].pool_bytes += PAGE;
    suggestion = suggestion_make(&report);
    assert_int_equal(suggestion.max_pool_percent, 2);
    /* 10000 pages are 39.06 MiB; with a tenth more, 42.97. */
    assert_int_equal(suggestion.swap_device_bytes, 43 * MIB);
    /* A sample stands for everything. */
    report.scale = 10.0;
    suggestion = suggestion_make(&report);
    assert_int_equal(suggestion.max_pool_percent, 11);
    assert_int_equal(suggestion.swap_device_bytes, 430 * MIB);
}

TEST(rule_7_zram_gets_its_size_and_its_limit)
{
    struct suggestion suggestion;

    make_report();
    results[3].pool_bytes = 10 * MIB;
    suggestion = suggestion_make(&report);
    assert_int_equal(suggestion.disksize_bytes, 43 * MIB);
    assert_int_equal(suggestion.mem_limit_bytes, 12 * MIB);
    results[3].pool_bytes += PAGE;
    assert_int_equal(suggestion_make(&report).mem_limit_bytes, 13 * MIB);
}

TEST(rule_7_a_level_is_written_as_the_kernel_reads_it)
{
    static char label[] = "kernel:zstd:9";
    struct codec_choice codec = {
        .label = label, .name = small_name, .level = 9};

    make_report();
    assert_false(is_put("algorithm_params"));
    results[3].codec = &codec;
    assert_true(is_put("\"comp_algorithm\": \"zstd\""));
    assert_true(is_put("\"algorithm_params\": \"level=9\""));
}

TEST(rule_7_only_the_steps_that_are_needed_are_to_type)
{
    make_report();
    assert_non_null(strstr(sentence(),
                           "modprobe zram num_devices=1   echo zstd "
                           ">/sys/block/zram0/comp_algorithm"));
    report.zram = (struct system_zram){.is_loaded = true, .unset = "zram3"};
    assert_null(strstr(sentence(), "modprobe"));
    assert_non_null(strstr(sentence(), "mkswap /dev/zram3 && swapon -p 100 "
                                       "/dev/zram3"));
    report.zram.unset[0] = '\0'; /* all are in use */
    assert_null(strstr(sentence(), "modprobe"));
    assert_non_null(strstr(sentence(),
                           "  n=$(cat /sys/class/zram-control/"
                           "hot_add)   echo zstd >/sys/block/zram$n/"
                           "comp_algorithm"));
    assert_non_null(strstr(sentence(), "mkswap /dev/zram$n &&"));
}

TEST(rule_9_a_machine_without_pressure_is_told_so)
{
    make_report();
    assert_null(strstr(sentence(), "Memory is"));
    report.shortage = (struct system_shortage){.total = 20 * (MIB << 10),
                                               .available = 2 * (MIB << 10),
                                               .knows_pressure = true,
                                               .pressure = 99};
    assert_non_null(strstr(sentence(), "Memory is not short now: 2.0 of 20.0 "
                                       "GiB are available"));
    assert_non_null(strstr(sentence(), "in 0.99 % of the last 5 minutes"));
    assert_non_null(strstr(sentence(), "and no swap is used: nothing has to be "
                                       "saved now;"));
    assert_true(is_put("\"is_short\": 0"));
    report.shortage.pressure = 100;
    assert_non_null(strstr(sentence(), "Memory is short now:"));
    report.shortage.pressure = 0;
    report.shortage.available -= PAGE;
    report.shortage.swap_used = 3 * MIB;
    assert_non_null(strstr(sentence(), "Memory is short now:"));
    assert_non_null(strstr(sentence(), "and 3072.0 KiB of swap are used."));
    assert_true(is_put("\"is_short\": 1"));
}

TEST(rule_8_with_cold_the_pages_are_those_of_the_longest_age)
{
    struct suggestion suggestion;

    make_report();
    assert_int_equal(suggestion_make(&report).cold_seconds, 0);
    assert_int_equal(suggestion_make(&report).bytes, BYTES);
    make_cold(0);
    report.memory_bytes = 1000 * MIB;
    for (unsigned i = 0; i < 4; i++)
        results[i].pool_bytes = 36 * MIB; /* a quarter: 9 */
    suggestion = suggestion_make(&report);
    assert_int_equal(suggestion.cold_seconds, 60);
    assert_int_equal(suggestion.bytes, BYTES / 2);
    assert_int_equal(suggestion.max_pool_percent, 1);
    assert_int_equal(suggestion.swap_device_bytes, 22 * MIB); /* of 19.53 */
    assert_int_equal(suggestion.disksize_bytes, 22 * MIB);
    assert_int_equal(suggestion.mem_limit_bytes, 11 * MIB); /* of 10.8 */
    /* The error counts for the limit of zswap alone. */
    make_cold(MIB / 10);
    suggestion = suggestion_make(&report);
    assert_int_equal(suggestion.max_pool_percent, 2);
    assert_int_equal(suggestion.mem_limit_bytes, 11 * MIB);
    /* A sample stands for everything. */
    make_cold(0);
    report.scale = 10.0;
    suggestion = suggestion_make(&report);
    assert_int_equal(suggestion.bytes, BYTES / 2 * 10);
    assert_int_equal(suggestion.max_pool_percent, 10);
    assert_int_equal(suggestion.mem_limit_bytes, 108 * MIB);
}

TEST(rule_8_is_for_the_saving_and_the_least_size_too)
{
    make_report();
    make_cold(0);
    assert_int_equal(kind(), SUGGEST_ZRAM);
    /* These 19.5 MiB become a quarter of the pool, which is no saving. */
    for (unsigned i = 0; i < 4; i++)
        results[i].pool_bytes = BYTES * 2;
    assert_int_equal(kind(), SUGGEST_NOT);
    report.cold = NULL;
    for (unsigned i = 0; i < 4; i++)
        results[i].pool_bytes = BYTES / 2;
    assert_int_equal(kind(), SUGGEST_ZRAM);
    report.cold = &cold;
    cold_ages[1].part.census.pages = 1024;
    assert_int_not_equal(kind(), SUGGEST_TOO_SMALL);
    cold_ages[1].part.census.pages = 1023;
    assert_int_equal(kind(), SUGGEST_TOO_SMALL);
    cold_ages[1].part.census.pages = 0;
    assert_int_equal(kind(), SUGGEST_TOO_SMALL);
}
