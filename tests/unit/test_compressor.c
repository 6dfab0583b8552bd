/* SPDX-License-Identifier: MIT */
/* test_compressor.c - the names of the compressors of this process. */
#include "support_codec.h"
#include "support_test.h"

#include <pthread.h>
#include <stdio.h>

static zc_status dummy_compress(void *context, int level, const void *page,
                                size_t page_size, void *data_out,
                                size_t capacity, size_t *size_out)
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

static zc_status dummy_decompress(void *context, const void *data, size_t size,
                                  void *page_out, size_t page_size)
{
    (void)context;
    (void)data;
    (void)size;
    (void)page_out;
    (void)page_size;
    return ZC_CORRUPT;
}

static zc_status dummy_create(const struct zc_compressor *self,
                              size_t page_size, int level, void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    *context_out = NULL;
    return ZC_OK;
}

static void dummy_destroy(void *context)
{
    (void)context;
}

/* A compressor that nothing is wrong with. */
static struct zc_compressor good(const char *name)
{
    struct zc_compressor compressor = {
        .struct_size = sizeof(compressor),
        .name = name,
        .level_min = -1,
        .level_max = 2,
        .level_default = 1,
        .compress = dummy_compress,
        .decompress = dummy_decompress,
    };

    return compressor;
}

TEST(other_names_are_not_found)
{
    assert_null(zc_compressor_find(NULL));
    assert_null(zc_compressor_find(""));
    assert_null(zc_compressor_find("lz"));
    assert_null(zc_compressor_find("lz44"));
    assert_null(zc_compressor_find("LZ4"));
    assert_null(zc_compressor_get(support_codec_count() + ZC_COMPRESSORS_MAX));
    assert_null(zc_compressor_get(UINT32_MAX));
}

TEST(what_is_registered_is_found_by_name_and_at_the_end)
{
    static struct zc_compressor mine;
    unsigned last = 0;

    mine = good("Mine-1_a.b");

    assert_status(zc_compressor_register(&mine), ZC_OK);

    assert_ptr_equal(zc_compressor_find("Mine-1_a.b"), &mine);
    while (zc_compressor_get(last + 1) != NULL)
        last++;
    assert_ptr_equal(zc_compressor_get(last), &mine);
}

TEST(a_name_stands_once)
{
    static struct zc_compressor first;
    struct zc_compressor second = good("once");
    struct zc_compressor built_in = good("copy");

    first = good("once");

    assert_status(zc_compressor_register(&first), ZC_OK);

    assert_status(zc_compressor_register(&second), ZC_INVALID);
    assert_status(zc_compressor_register(&first), ZC_INVALID);
    assert_status(zc_compressor_register(&built_in), ZC_INVALID);
    assert_ptr_equal(zc_compressor_find("once"), &first);
}

TEST(bad_names_are_refused)
{
    static const char *const names[] = {
        NULL,    "",    "two words",
        "a/b",   "a:1", "lz\xc3\xa9",
        "tab\t", "a,b", "12345678901234567890123456789012",
    };
    struct zc_compressor compressor;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        compressor = good(names[i]);

        assert_status(zc_compressor_register(&compressor), ZC_INVALID);
        assert_null(zc_compressor_find(names[i]));
    }
}

TEST(a_name_of_31_bytes_is_the_longest)
{
    static struct zc_compressor longest;

    longest = good("1234567890123456789012345678901");

    assert_int_equal(strlen(longest.name), ZC_COMPRESSOR_NAME_MAX);
    assert_status(zc_compressor_register(&longest), ZC_OK);
}

TEST(missing_callbacks_are_refused)
{
    struct zc_compressor compressor = good("bad");

    compressor.compress = NULL;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);

    compressor = good("bad");
    compressor.decompress = NULL;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);

    compressor = good("bad");
    compressor.context_create = dummy_create;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);

    compressor = good("bad");
    compressor.context_destroy = dummy_destroy;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);

    assert_status(zc_compressor_register(NULL), ZC_INVALID);
    assert_null(zc_compressor_find("bad"));
}

TEST(levels_out_of_order_and_unknown_flags_are_refused)
{
    struct zc_compressor compressor = good("bad");

    compressor.level_min = 3;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);

    compressor = good("bad");
    compressor.level_default = 3;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);

    compressor = good("bad");
    compressor.level_default = -2;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);

    compressor = good("bad");
    compressor.flags = 2;
    assert_status(zc_compressor_register(&compressor), ZC_INVALID);
    assert_null(zc_compressor_find("bad"));
}

struct newer {
    struct zc_compressor known;
    uint64_t more;
};

TEST(a_struct_of_another_size_is_judged_by_its_tail)
{
    static struct newer newer;
    struct zc_compressor shorter = good("shorter");

    shorter.struct_size = offsetof(struct zc_compressor, decompress);
    assert_status(zc_compressor_register(&shorter), ZC_INVALID);
    shorter.struct_size = 0;
    assert_status(zc_compressor_register(&shorter), ZC_INVALID);

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

struct racer {
    pthread_t thread;
    pthread_barrier_t *start;
    struct zc_compressor compressors[RACES];
    zc_status statuses[RACES];
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    unsigned i;

    for (i = 0; i < RACES; i++) {
        (void)pthread_barrier_wait(racer->start);
        racer->statuses[i] = zc_compressor_register(&racer->compressors[i]);
    }
    return NULL;
}

TEST(of_four_threads_one_registers_a_name)
{
    static const char *const names[RACES] = {"race-0", "race-1", "race-2"};
    static struct racer racers[RACERS];
    pthread_barrier_t start;
    unsigned winners;
    unsigned i;
    unsigned k;

    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (i = 0; i < RACERS; i++) {
        racers[i].start = &start;
        for (k = 0; k < RACES; k++)
            racers[i].compressors[k] = good(names[k]);
        assert_int_equal(
            pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (i = 0; i < RACERS; i++)
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);

    for (k = 0; k < RACES; k++) {
        winners = 0;
        for (i = 0; i < RACERS; i++) {
            if (racers[i].statuses[k] != ZC_OK) {
                assert_status(racers[i].statuses[k], ZC_INVALID);
                continue;
            }
            winners++;
            assert_ptr_equal(zc_compressor_find(names[k]),
                             &racers[i].compressors[k]);
        }
        assert_int_equal(winners, 1);
    }
    (void)pthread_barrier_destroy(&start);
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
