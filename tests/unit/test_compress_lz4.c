/* SPDX-License-Identifier: MIT */
/* test_compress_lz4.c - what LZ4 alone does; test_codecs.c has the rest. */
#include "support_codec.h"
#include "support_test.h"

#include <lz4.h>

TEST(it_puts_out_what_liblz4_puts_out)
{
    struct support_codec codec;
    char page[4096];
    char data[8192];
    uint64_t seed;
    int size;

    support_codec_begin(&codec, "lz4", 4096, ZC_LEVEL_DEFAULT);
    for (seed = 0; seed < 100; seed++) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, seed);
        size = LZ4_compress_default(page, data, sizeof(page), sizeof(data));

        assert_int_equal(support_codec_size(&codec, SUPPORT_TEXT, seed), size);
    }
    support_codec_end(&codec);
}

TEST(the_level_is_the_acceleration)
{
    struct support_codec slow;
    struct support_codec fast;

    support_codec_begin(&slow, "lz4", 4096, 1);
    support_codec_begin(&fast, "lz4", 4096, 65537);

    assert_true(support_codec_size(&slow, SUPPORT_TEXT, 1) <
                support_codec_size(&fast, SUPPORT_TEXT, 1));

    support_codec_end(&slow);
    support_codec_end(&fast);
}

/* A page that decodes to less, or would decode to more, is no page. */
TEST(data_of_another_page_size_is_corrupt)
{
    const struct zc_compressor *lz4 = zc_compressor_find("lz4");
    char page[8192];
    char data[16384];
    int size;

    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
    size = LZ4_compress_default(page, data, 4096, sizeof(data));
    assert_status(lz4->decompress(NULL, data, (size_t)size, page, 8192),
                  ZC_CORRUPT);

    size = LZ4_compress_default(page, data, 8192, sizeof(data));
    assert_status(lz4->decompress(NULL, data, (size_t)size, page, 4096),
                  ZC_CORRUPT);
}
