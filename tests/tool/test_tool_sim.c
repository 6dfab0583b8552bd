/* SPDX-License-Identifier: MIT */
/*
 * test_tool_sim.c - the parts of `zcache sim`: what it counts, draws, reads and
 * writes.
 */
#include "support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/identifiers.h"
#include "sim/access.h"
#include "sim/histogram.h"
#include "sim/pages.h"

/* ---- the histogram ---- */

TEST(a_percentile_is_at_most_3_percent_too_high)
{
    static struct sim_histogram histogram;
    static const uint64_t thousandths[] = {1, 50000, 90000, 99000, 99900};

    memset(&histogram, 0, sizeof(histogram));
    for (uint64_t i = 1; i <= 100000; i++)
        sim_histogram_add(&histogram, i * 1000);
    for (size_t i = 0; i < sizeof(thousandths) / sizeof(thousandths[0]); i++) {
        uint64_t exact = thousandths[i] * 1000;
        uint64_t got = sim_histogram_percentile(&histogram, thousandths[i]);

        assert_true(got >= exact);
        assert_true(got <= exact + exact * 33 / 1000);
    }
    assert_true(sim_histogram_percentile(&histogram, 100000) == 100000000);
    assert_true(histogram.most == 100000000);
    assert_true(histogram.sum == UINT64_C(5000050000) * 1000);
}

TEST(every_number_has_its_cell)
{
    static struct sim_histogram histogram;

    for (unsigned bit = 0; bit < 64; bit++) {
        for (int more = -1; more <= 1; more++) {
            uint64_t number = (UINT64_C(1) << bit) + (uint64_t)(int64_t)more;
            uint64_t got;

            memset(&histogram, 0, sizeof(histogram));
            sim_histogram_add(&histogram, number);
            got = sim_histogram_percentile(&histogram, 50000);
            assert_true(got == number); /* never above the largest one */
            sim_histogram_add(&histogram, UINT64_MAX);
            got = sim_histogram_percentile(&histogram, 50000);
            assert_true(got >= number && got - number <= number / 32);
        }
    }
}

TEST(few_and_none_have_percentiles_too)
{
    static struct sim_histogram histogram;
    static struct sim_histogram other;

    memset(&histogram, 0, sizeof(histogram));
    memset(&other, 0, sizeof(other));
    assert_int_equal(sim_histogram_percentile(&histogram, 99900), 0);
    sim_histogram_add(&histogram, 7);
    assert_int_equal(sim_histogram_percentile(&histogram, 50000), 7);
    sim_histogram_add(&other, 20);
    sim_histogram_add(&other, 21);
    sim_histogram_merge(&histogram, &other);
    assert_int_equal(histogram.count, 3);
    assert_int_equal(histogram.sum, 48);
    assert_int_equal(histogram.most, 21);
    assert_int_equal(sim_histogram_percentile(&histogram, 33000), 7);
    assert_int_equal(sim_histogram_percentile(&histogram, 50000), 20);
    assert_int_equal(sim_histogram_percentile(&histogram, 99900), 21);
}

/* ---- what is random ---- */

TEST(random_numbers_are_spread_and_repeat)
{
    struct sim_random random = {7};
    struct sim_random again = {7};
    struct sim_random other = {8};
    unsigned counts[10] = {0};
    unsigned equal = 0;

    for (unsigned i = 0; i < 100000; i++) {
        uint64_t number = sim_random_next(&random);
        double part;

        assert_true(number == sim_random_next(&again));
        equal += number == sim_random_next(&other);
        part = sim_random_part(&random);
        assert_true(part >= 0.0 && part < 1.0);
        counts[sim_random_below(&random, 10)]++;
        again = random;
        other.state = random.state + 1;
    }
    assert_int_equal(equal, 0);
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(counts[i], 9500, 10500);
}

/* Rank r is drawn r^-skew as often as rank 1: the first ranks and a tail, for
 * skews around the 1 at which the formulas change. */
TEST(zipf_draws_each_rank_as_often_as_it_says)
{
    static const double skews[] = {0.5, 0.99, 1.0, 1.2, 3.0};
    enum {
        RANKS = 1000,
        DRAWS = 400000
    };
    const double draws = DRAWS;
    static unsigned counts[RANKS];

    for (size_t s = 0; s < sizeof(skews) / sizeof(skews[0]); s++) {
        struct sim_zipf zipf = sim_zipf_make(RANKS, skews[s]);
        struct sim_random random = {s + 1};
        double whole = 0.0;
        double tail = 0.0;
        unsigned drawn_tail = 0;

        memset(counts, 0, sizeof(counts));
        for (unsigned i = 0; i < DRAWS; i++) {
            uint64_t rank = sim_zipf_draw(&zipf, &random);

            assert_true(rank < RANKS);
            counts[rank]++;
        }
        for (unsigned r = 0; r < RANKS; r++)
            whole += pow(r + 1, -skews[s]);
        for (unsigned r = 0; r < RANKS; r++) {
            double expected = draws * pow(r + 1, -skews[s]) / whole;

            if (r < 10) {
                /* Six deviations: never by chance. */
                assert_true(fabs(counts[r] - expected) <
                            6.0 * sqrt(expected) + 1.0);
            } else {
                tail += expected;
                drawn_tail += counts[r];
            }
        }
        assert_true(fabs(drawn_tail - tail) < 6.0 * sqrt(tail) + 1.0);
    }
}

TEST(zipf_of_one_page_is_that_page)
{
    struct sim_zipf zipf = sim_zipf_make(1, 0.99);
    struct sim_random random = {1};

    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(sim_zipf_draw(&zipf, &random), 0);
}

/* ---- patterns ---- */

static struct sim_config config_with(const char *access)
{
    struct sim_config config;

    sim_config_init(&config);
    assert_true(sim_config_set(&config, SIM_ACCESS, access));
    return config;
}

static struct sim_pattern pattern_of(const struct sim_config *config,
                                     uint64_t thread, uint64_t threads,
                                     uint64_t spaces, uint64_t pages)
{
    struct sim_pattern pattern = {.config = config,
                                  .thread = thread,
                                  .thread_count = threads,
                                  .space_count = spaces,
                                  .space_pages = pages};

    sim_pattern_begin(&pattern);
    return pattern;
}

TEST(a_scan_meets_every_page_in_order)
{
    const struct sim_config config = config_with("scan");
    struct sim_pattern pattern;
    struct sim_access access;

    /* Thread 1 of 2 has the spaces 1, 3 and 5 of 7, thread 0 has four. */
    for (uint64_t thread = 0; thread < 2; thread++) {
        const uint64_t own = thread == 0 ? 4 : 3;

        pattern = pattern_of(&config, thread, 2, 7, 5);
        for (uint64_t i = 0; i < 60; i++) {
            assert_true(sim_pattern_next(&pattern, &access));
            assert_int_equal(access.space, thread + i % own * 2);
            assert_int_equal(access.page, i / own % 5);
        }
    }
    /* Three threads of one space begin at different places. */
    for (uint64_t thread = 0; thread < 3; thread++) {
        pattern = pattern_of(&config, thread, 3, 1, 9);
        assert_true(sim_pattern_next(&pattern, &access));
        assert_int_equal(access.space, 0);
        assert_int_equal(access.page, 3 * thread);
    }
}

TEST(patterns_stay_in_their_bounds_and_repeat)
{
    static const char *const words[] = {"uniform", "zipf", "scan", "phases",
                                        "fork"};
    static const uint64_t sizes[] = {1, 2, 3, 6, 97, 1000};

    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
        const struct sim_config config = config_with(words[w]);

        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            struct sim_pattern one = pattern_of(&config, 1, 3, 2, sizes[s]);
            struct sim_pattern two = pattern_of(&config, 1, 3, 2, sizes[s]);
            unsigned writes = 0;

            for (unsigned i = 0; i < 2000; i++) {
                struct sim_access first;
                struct sim_access second;

                assert_true(sim_pattern_next(&one, &first));
                assert_true(sim_pattern_next(&two, &second));
                assert_int_equal(first.space, 1);
                assert_true(first.page < sizes[s]);
                assert_int_equal(first.page, second.page);
                assert_int_equal(first.is_write, second.is_write);
                writes += first.is_write;
            }
            assert_in_range(writes, 480, 720); /* --writes 30 */
        }
    }
}

/* Hot pages are spread, and every page can be met. */
TEST(ranks_and_pages_are_one_to_one)
{
    static const uint64_t sizes[] = {1, 2, 3, 6, 10, 97, 100, 1024};

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        const struct sim_config config = config_with("zipf");
        struct sim_pattern pattern = pattern_of(&config, 0, 1, 1, sizes[s]);
        unsigned char met[1024] = {0};

        for (uint64_t rank = 0; rank < sizes[s]; rank++)
            met[rank * pattern.stride % sizes[s]] = 1;
        for (uint64_t page = 0; page < sizes[s]; page++)
            assert_int_equal(met[page], 1);
    }
}

TEST(a_phase_stays_in_its_part)
{
    struct sim_config config = config_with("phases");
    struct sim_pattern pattern;
    uint64_t firsts[4];

    assert_true(sim_config_set(&config, SIM_PHASE_SIZE, "10"));
    assert_true(sim_config_set(&config, SIM_PHASE_OPS, "500"));
    pattern = pattern_of(&config, 0, 1, 1, 1000);
    for (unsigned phase = 0; phase < 4; phase++) {
        for (unsigned i = 0; i < 500; i++) {
            struct sim_access access;

            assert_true(sim_pattern_next(&pattern, &access));
            assert_true((access.page + 1000 - pattern.phase_first) % 1000 <
                        100);
        }
        firsts[phase] = pattern.phase_first;
    }
    assert_false(firsts[0] == firsts[1] && firsts[1] == firsts[2] &&
                 firsts[2] == firsts[3]);
}

/* ---- objects ---- */

TEST(objects_are_numbered_as_they_come)
{
    struct identifiers objects = {0};

    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(identifiers_number(&objects, i * 1024), i);
        assert_int_equal(identifiers_number(&objects, i / 2 * 1024), i / 2);
    }
    assert_int_equal(identifiers_number(&objects, UINT64_MAX), 5000);
    assert_int_equal(objects.count, 5001);
    identifiers_free(&objects);
}

/* ---- pages ---- */

static struct sim_corpus corpus_of(const char *compressibility)
{
    struct sim_corpus corpus;
    struct sim_config config;

    sim_config_init(&config);
    assert_true(sim_config_set(&config, SIM_COMPRESSIBILITY, compressibility));
    assert_true(sim_corpus_load(&corpus, &config, true));
    return corpus;
}

/* Versions differ where the stamp says, and two pages always. */
TEST(versions_and_pages_differ)
{
    static unsigned char one[4096];
    static unsigned char two[4096];
    struct sim_corpus corpus = corpus_of("60");
    struct sim_page page = {.index = 5, .name = 5, .version = 1};
    struct sim_page same_base = {.index = 5 + 1024, .name = 1029, .version = 1};
    unsigned char stamp[SIM_STAMP_BYTES];
    size_t offset = 0;

    sim_page_fill(&corpus, &page, one);
    sim_page_fill(&corpus, &same_base, two);
    assert_memory_not_equal(one, two, sizeof(one));
    /* What a child writes has the place of its parent's page. */
    same_base = (struct sim_page){.index = 5, .name = 77, .version = 1};
    sim_page_fill(&corpus, &same_base, two);
    assert_memory_not_equal(one, two, sizeof(one));
    page.version = 2;
    sim_page_fill(&corpus, &page, two);
    assert_memory_not_equal(one, two, sizeof(one));
    assert_true(sim_page_stamp(&corpus, &page, stamp, &offset));
    memcpy(one + offset, stamp, sizeof(stamp));
    assert_memory_equal(one, two, sizeof(one));
    page.version = 0;
    memset(one, 0, sizeof(one));
    sim_page_fill(&corpus, &page, two);
    assert_memory_equal(one, two, sizeof(one));
    sim_corpus_free(&corpus);
}

TEST(pages_of_one_word_stay_so_and_differ)
{
    static unsigned char one[4096];
    static unsigned char two[4096];
    struct sim_corpus corpus = corpus_of("100");
    struct sim_page page = {.index = 3, .name = 3, .version = 1};
    size_t offset;

    assert_false(sim_page_stamp(&corpus, &page, one, &offset));
    sim_page_fill(&corpus, &page, one);
    assert_memory_equal(one, one + 8, sizeof(one) - 8);
    page.version = 3;
    sim_page_fill(&corpus, &page, two);
    assert_memory_equal(two, two + 8, sizeof(two) - 8);
    assert_memory_not_equal(one, two, 8);
    /* A page of zeros is one in every second version. */
    memset(corpus.base.bytes + (size_t)3 * 4096, 0, 4096);
    memset(one, 0, sizeof(one));
    sim_page_fill(&corpus, &page, two);
    assert_memory_equal(one, two, sizeof(one));
    page.version = 4;
    sim_page_fill(&corpus, &page, two);
    assert_memory_not_equal(one, two, sizeof(one));
    sim_corpus_free(&corpus);
}

/* So much of a page that was made up is noise. */
TEST(pages_are_made_up_as_told)
{
    static const char *const percents[] = {"0", "25", "60", "99", "100"};

    for (size_t p = 0; p < sizeof(percents) / sizeof(percents[0]); p++) {
        struct sim_corpus corpus = corpus_of(percents[p]);
        const unsigned char *page = corpus.base.bytes;
        unsigned noise = 0;

        for (unsigned piece = 0; piece < 128; piece++)
            noise += memcmp(page + (size_t)piece * 32,
                            page + (size_t)piece * 32 + 8, 8) != 0;
        assert_int_equal(noise, 128 * (100 - atoi(percents[p])) / 100);
        sim_corpus_free(&corpus);
    }
}
