/* SPDX-License-Identifier: MIT */
/* test_codecs.c - every built-in compressor does what compressor.h says. */
#include "support_codec.h"

#include <stdio.h>

#ifdef ZC_WITH_LZ4
#include <lz4.h>
#endif
#ifdef ZC_WITH_ZSTD
#include <zstd.h>
#endif

#include "base/inject.h"

/* Ranges up to this are tried level by level. */
#define LEVELS_TRIED 64

TEST(each_is_in_the_header_with_its_levels_and_in_order)
{
    FILE *header = fopen(COMPRESSOR_HEADER, "r");
    const struct zc_compressor *found;
    unsigned count = 0;
    char line[256];
    char name[32];
    int least;
    int most;
    int standard;

    assert_non_null(header);
    while (fgets(line, sizeof(line), header) != NULL) {
        least = most = standard = 0;
        if (sscanf(line, " *   \"%31[^\"]\" level %d to %d, default %d", name,
                   &least, &most, &standard) < 1)
            continue;
        found = zc_compressor_find(name);
        if (found == NULL) /* without its library */
            continue;
        assert_ptr_equal(zc_compressor_get(count++), found);
        assert_string_equal(found->name, name);
        assert_int_equal(found->level_min, least);
        assert_int_equal(found->level_max, most);
        assert_int_equal(found->level_default, standard);
    }
    (void)fclose(header);
    assert_null(zc_compressor_get(count));
}

TEST(those_of_this_build_are_there)
{
#ifdef ZC_WITH_LZ4
    assert_string_equal(zc_compressor_get(0)->name, "lz4");
#endif
#ifdef ZC_WITH_ZSTD
    assert_non_null(zc_compressor_find("zstd"));
#endif
    assert_non_null(zc_compressor_find("copy"));
}

/* The levels of a large range lie further and further apart. */
static int next_level(const struct zc_compressor *codec, int level)
{
    int distance = level - codec->level_min;

    if (codec->level_max - codec->level_min <= LEVELS_TRIED || distance == 0)
        return level + 1;
    return codec->level_max - level <= distance ? codec->level_max
                                                : level + distance;
}

TEST(every_page_comes_back_at_every_level)
{
    const struct zc_compressor *codec;
    unsigned i;
    int level;

    for (i = 0; (codec = zc_compressor_get(i)) != NULL; i++) {
        for (level = codec->level_min; level < codec->level_max;
             level = next_level(codec, level))
            support_codec_round_trip(codec->name, level, ZC_PAGE_SIZE_MIN);
        support_codec_round_trips(codec->name, codec->level_min);
        support_codec_round_trips(codec->name, ZC_LEVEL_DEFAULT);
        support_codec_round_trip(codec->name, level, ZC_PAGE_SIZE_MIN);
        support_codec_round_trip(codec->name, level, ZC_PAGE_SIZE_MAX);
        support_codec_contexts_are_reusable(codec->name);
    }
}

TEST(damage_is_told_from_pages)
{
    unsigned i;

    for (i = 0; zc_compressor_get(i) != NULL; i++)
        support_codec_trusts_nothing(zc_compressor_get(i)->name);
}

TEST(no_byte_is_written_behind_the_room_given)
{
    unsigned i;

    for (i = 0; zc_compressor_get(i) != NULL; i++)
        support_codec_respects_capacity(zc_compressor_get(i)->name);
}

TEST(a_context_without_memory_is_refused)
{
    const struct zc_compressor *codec;
    void *context = &context;
    unsigned i;

    for (i = 0; (codec = zc_compressor_get(i)) != NULL; i++) {
        if (codec->context_create == NULL)
            continue;
        zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
        assert_status(
            codec->context_create(codec, 4096, codec->level_default, &context),
            ZC_NO_MEMORY);
        zc_inject_disarm();
        assert_ptr_equal(context, &context);
    }
}

/* ---- one after the other ---- */

/* Bytes that it makes of a page; `data_out` has room for two pages. */
static size_t size_of(const char *name, int level, const char *page,
                      size_t page_size, char *data_out)
{
    struct support_codec codec;
    size_t size = 0;

    support_codec_begin(&codec, name, page_size, level);
    assert_status(codec.compressor->compress(codec.context, codec.level, page,
                                             page_size, data_out, 2 * page_size,
                                             &size),
                  ZC_OK);
    support_codec_end(&codec);
    return size;
}

/* Data that are no page of that size: they decode to less, or to more. */
static void expect_corrupt(const char *name, const void *data, size_t size,
                           size_t page_size)
{
    char page[2 * ZC_PAGE_SIZE_MIN] = {0};
    struct support_codec codec;

    support_codec_begin(&codec, name, page_size, ZC_LEVEL_DEFAULT);
    assert_status(codec.compressor->decompress(codec.context, data, size, page,
                                               page_size),
                  ZC_CORRUPT);
    support_codec_end(&codec);
}

TEST(copy_puts_a_page_out_as_it_is)
{
    char page[8192];
    char data[2 * sizeof(page)];
    unsigned kind;

    for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++) {
        support_make_page(page, sizeof(page), kind, 1);
        assert_int_equal(size_of("copy", 0, page, sizeof(page), data), 8192);
        assert_memory_equal(data, page, sizeof(page));
    }
    expect_corrupt("copy", data, 4095, 4096);
    expect_corrupt("copy", data, 4097, 4096);
}

#ifdef ZC_WITH_LZ4
TEST(lz4_puts_out_what_liblz4_puts_out)
{
    char page[8192];
    char wanted[16384];
    char data[16384];
    uint64_t seed;
    int size;

    for (seed = 0; seed < 100; seed++) {
        support_make_page(page, 4096, SUPPORT_TEXT, seed);
        size = LZ4_compress_default(page, wanted, 4096, sizeof(wanted));
        assert_int_equal(size_of("lz4", 1, page, 4096, data), size);
        assert_memory_equal(data, wanted, (size_t)size);
    }
    expect_corrupt("lz4", data, (size_t)size, 8192);
    size = LZ4_compress_default(page, data, 8192, sizeof(data));
    expect_corrupt("lz4", data, (size_t)size, 4096);
}

/* A page of four letters in no order. */
TEST(a_level_of_lz4_trades_bytes_for_time)
{
    struct support_random random = {1};
    char page[16384];
    char data[2 * sizeof(page)];
    size_t i;

    for (i = 0; i < sizeof(page); i++)
        page[i] = "acgt"[support_random_below(&random, 4)];
    assert_true(size_of("lz4", 1, page, sizeof(page), data) <
                size_of("lz4", 65537, page, sizeof(page), data));
    assert_true(size_of("lz4hc", 3, page, sizeof(page), data) <
                size_of("lz4", 1, page, sizeof(page), data));
    assert_true(size_of("lz4hc", 12, page, sizeof(page), data) <
                size_of("lz4hc", 3, page, sizeof(page), data));
}
#endif

#ifdef ZC_WITH_ZSTD
/* Bytes of some pages of text at a level, each as libzstd makes it. */
static size_t zstd_size(int level, size_t page_size)
{
    static char page[ZC_PAGE_SIZE_MAX];
    static char wanted[2 * sizeof(page)];
    static char data[2 * sizeof(page)];
    size_t total = 0;
    size_t size;
    unsigned seed;

    for (seed = 1; seed <= 8; seed++) {
        support_make_page(page, page_size, SUPPORT_TEXT, seed);
        size = ZSTD_compress(wanted, sizeof(wanted), page, page_size, level);
        assert_int_equal(ZSTD_getFrameContentSize(wanted, size), page_size);
        assert_int_equal(size_of("zstd", level, page, page_size, data), size);
        assert_memory_equal(data, wanted, size);
        total += size;
    }
    return total;
}

/* What an encoder makes of one page depends on the processor's byte order;
 * that less work makes more bytes of several pages does not. */
TEST(zstd_puts_out_what_libzstd_puts_out)
{
    char page[8192];
    char data[16384];
    const size_t standard = zstd_size(3, ZC_PAGE_SIZE_MAX);
    int level;

    assert_true(zstd_size(-7, ZC_PAGE_SIZE_MAX) > standard);
    assert_true(zstd_size(-1, ZC_PAGE_SIZE_MAX) > standard);
    for (level = -7; level <= 19; level++)
        (void)zstd_size(level, ZC_PAGE_SIZE_MIN);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
    expect_corrupt("zstd", data,
                   ZSTD_compress(data, sizeof(data), page, 8192, 1), 4096);
    expect_corrupt("zstd", data,
                   ZSTD_compress(data, sizeof(data), page, 2048, 1), 4096);
}
#endif
