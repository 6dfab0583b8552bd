/* SPDX-License-Identifier: MIT */
/* test_compress_zstd.c - what Zstandard alone does. */
#include "support_codec.h"
#include "support_test.h"

#include <zstd.h>

/* Bytes of some pages of text at a level, each as libzstd makes it. */
static size_t size_at(int level)
{
    static char page[65536];
    static char data[2 * 65536];
    struct support_codec codec;
    size_t total = 0;
    size_t size;
    unsigned seed;

    support_codec_begin(&codec, "zstd", sizeof(page), level);
    for (seed = 1; seed <= 8; seed++) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, seed);
        size = ZSTD_compress(data, sizeof(data), page, sizeof(page), level);
        assert_int_equal(support_codec_size(&codec, SUPPORT_TEXT, seed), size);
        total += size;
    }
    support_codec_end(&codec);
    return total;
}

/* What an encoder makes of one page depends on the processor's byte order;
 * that less work makes more bytes of several pages does not. */
TEST(negative_levels_are_not_the_default)
{
    assert_true(size_at(-7) > size_at(3));
    assert_true(size_at(-1) > size_at(3));
}

TEST(it_puts_out_what_libzstd_puts_out)
{
    struct support_codec codec;
    char page[4096];
    char data[8192];
    size_t size;
    int level;

    support_make_page(page, sizeof(page), SUPPORT_TEXT, 3);
    for (level = -7; level <= 19; level++) {
        support_codec_begin(&codec, "zstd", sizeof(page), level);
        size =
            ZSTD_compress(data, sizeof(data), page, sizeof(page), codec.level);

        assert_int_equal(support_codec_size(&codec, SUPPORT_TEXT, 3), size);
        assert_int_equal(ZSTD_getFrameContentSize(data, size), sizeof(page));
        support_codec_end(&codec);
    }
}

TEST(data_of_another_page_size_is_corrupt)
{
    struct support_codec codec;
    char page[8192];
    char data[16384];
    size_t size;

    support_codec_begin(&codec, "zstd", 4096, ZC_LEVEL_DEFAULT);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);

    size = ZSTD_compress(data, sizeof(data), page, 8192, 1);
    assert_status(
        codec.compressor->decompress(codec.context, data, size, page, 4096),
        ZC_CORRUPT);
    size = ZSTD_compress(data, sizeof(data), page, 2048, 1);
    assert_status(
        codec.compressor->decompress(codec.context, data, size, page, 4096),
        ZC_CORRUPT);

    support_codec_end(&codec);
}
