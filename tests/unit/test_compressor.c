/* SPDX-License-Identifier: MIT */
/* test_compressor.c - the names of the compressors of this process. */
#include "support_cache.h"
#include "support_threads.h"

#include <stdio.h>

static zc_status no_compress(void *context, int level, const void *page,
                             size_t page_size, void *data_out, size_t capacity,
                             size_t *size_out)
{
    (void)context;
    (void)level;
    (void)page;
    (void)page_size;
    (void)data_out;
    (void)capacity;
    (void)size_out;
    return ZC_UNSUPPORTED;
}

static zc_status no_decompress(void *context, const void *data, size_t size,
                               void *page_out, size_t page_size)
{
    (void)context;
    (void)data;
    (void)size;
    (void)page_out;
    (void)page_size;
    return ZC_CORRUPT;
}

static zc_status no_create(const struct zc_compressor *self, size_t page_size,
                           int level, void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    *context_out = NULL;
    return ZC_OK;
}

static void no_destroy(void *context)
{
    (void)context;
}

/* A compressor that nothing is wrong with. */
static struct zc_compressor good(const char *name)
{
    return (struct zc_compressor){
        .struct_size = sizeof(struct zc_compressor),
        .name = name,
        .level_min = -1,
        .level_max = 2,
        .level_default = 1,
        .compress = no_compress,
        .decompress = no_decompress,
    };
}

static void expect_refused(struct zc_compressor compressor)
{
    const struct zc_compressor *known = zc_compressor_find(compressor.name);

    assert_status(zc_compressor_register(&compressor), ZC_INVALID);
    assert_ptr_equal(zc_compressor_find(compressor.name), known);
}

TEST(other_names_are_not_found)
{
    static const char *const names[] = {NULL, "", "lz", "lz44", "LZ4"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_null(zc_compressor_find(names[i]));
    assert_null(zc_compressor_get(support_codec_count() + ZC_COMPRESSORS_MAX));
    assert_null(zc_compressor_get(UINT32_MAX));
}

/* The longest name there is. */
TEST(what_is_registered_is_found_once_by_name_and_at_the_end)
{
    static struct zc_compressor mine;
    unsigned last = 0;

    mine = good("123456789Mine-1_a.b012345678901");
    assert_int_equal(strlen(mine.name), ZC_COMPRESSOR_NAME_MAX);
    assert_status(zc_compressor_register(&mine), ZC_OK);
    assert_ptr_equal(zc_compressor_find(mine.name), &mine);
    while (zc_compressor_get(last + 1) != NULL)
        last++;
    assert_ptr_equal(zc_compressor_get(last), &mine);

    assert_status(zc_compressor_register(&mine), ZC_INVALID);
    expect_refused(good(mine.name));
    expect_refused(good("copy"));
}

TEST(bad_names_are_refused)
{
    static const char *const names[] = {
        NULL,    "",    "two words",
        "a/b",   "a:1", "lz\xc3\xa9",
        "tab\t", "a,b", "12345678901234567890123456789012",
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_refused(good(names[i]));
}

TEST(bad_fields_are_refused)
{
    const struct zc_compressor bad = good("bad");
    struct zc_compressor rows[10];
    size_t i;

    for (i = 0; i < 10; i++)
        rows[i] = bad;
    rows[0].compress = NULL;
    rows[1].decompress = NULL;
    rows[2].context_create = no_create;
    rows[3].context_destroy = no_destroy;
    rows[4].level_min = 3;
    rows[5].level_default = 3;
    rows[6].level_default = -2;
    rows[7].flags = 2;
    rows[8].struct_size = offsetof(struct zc_compressor, decompress);
    rows[9].struct_size = 0;
    for (i = 0; i < 10; i++)
        expect_refused(rows[i]);
    assert_status(zc_compressor_register(NULL), ZC_INVALID);
}

TEST(a_newer_struct_is_judged_by_its_tail)
{
    static struct {
        struct zc_compressor known;
        uint64_t more;
    } newer;

    newer.known = good("newer");
    newer.known.struct_size = sizeof(newer);
    newer.more = 1;
    assert_status(zc_compressor_register(&newer.known), ZC_UNSUPPORTED);
    assert_null(zc_compressor_find("newer"));
    newer.more = 0;
    assert_status(zc_compressor_register(&newer.known), ZC_OK);
    assert_ptr_equal(zc_compressor_find("newer"), &newer.known);
}

/* ---- many at once ---- */

#define RACERS 4
#define RACES 3

static const char *const race_names[RACES] = {"race-0", "race-1", "race-2"};
static struct zc_compressor racers[RACERS][RACES];
static zc_status statuses[RACERS][RACES];

static void race(struct support_worker *worker)
{
    unsigned i;

    for (i = 0; i < RACES; i++) {
        support_meet(worker, worker->context);
        statuses[worker->index][i] =
            zc_compressor_register(&racers[worker->index][i]);
    }
}

TEST(of_four_threads_one_registers_a_name)
{
    struct support_meeting meeting = {.round = 0};
    struct support_crew crew;
    unsigned winners;
    unsigned i;
    unsigned k;

    support_crew_init(&crew);
    for (i = 0; i < RACERS; i++) {
        for (k = 0; k < RACES; k++)
            racers[i][k] = good(race_names[k]);
        support_crew_add(&crew, race, &meeting);
    }
    support_crew_run(&crew, 0);
    for (k = 0; k < RACES; k++) {
        winners = 0;
        for (i = 0; i < RACERS; i++) {
            winners += statuses[i][k] == ZC_OK;
            assert_int_equal(zc_compressor_find(race_names[k]) == &racers[i][k],
                             statuses[i][k] == ZC_OK);
            assert_true(statuses[i][k] == ZC_OK ||
                        statuses[i][k] == ZC_INVALID);
        }
        assert_int_equal(winners, 1);
    }
}

/* Last: it takes all the places there are. */
TEST(more_than_32_find_no_place)
{
    static struct zc_compressor many[ZC_COMPRESSORS_MAX + 1];
    static char names[ZC_COMPRESSORS_MAX + 1][8];
    zc_status status = ZC_OK;
    unsigned count = 0;
    unsigned total = 0;

    while (count < ZC_COMPRESSORS_MAX + 1 && status == ZC_OK) {
        (void)snprintf(names[count], sizeof(names[count]), "n%u", count);
        many[count] = good(names[count]);
        status = zc_compressor_register(&many[count++]);
    }
    assert_status(status, ZC_REJECTED);
    assert_null(zc_compressor_find(names[count - 1]));
    assert_ptr_equal(zc_compressor_find(names[count - 2]), &many[count - 2]);
    while (zc_compressor_get(total) != NULL)
        total++;
    assert_int_equal(total, support_codec_count() + ZC_COMPRESSORS_MAX);
    /* A taken name is still told from a full house. */
    assert_status(zc_compressor_register(&many[0]), ZC_INVALID);
}
