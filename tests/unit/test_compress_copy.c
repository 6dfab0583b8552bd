/* SPDX-License-Identifier: MIT */
/* test_compress_copy.c - the compressor that does not. */
#include "support_codec.h"
#include "support_test.h"

TEST(a_page_is_put_out_as_it_is)
{
    struct support_codec codec;
    unsigned kind;

    support_codec_begin(&codec, "copy", 8192, ZC_LEVEL_DEFAULT);

    for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++)
        assert_int_equal(support_codec_size(&codec, kind, 1), 8192);

    assert_null(codec.context);
    support_codec_end(&codec);
}

TEST(another_size_is_corrupt)
{
    const struct zc_compressor *copy = zc_compressor_find("copy");
    char data[4097] = {1};
    char page[4096] = {0};

    assert_status(copy->decompress(NULL, data, 4095, page, 4096), ZC_CORRUPT);
    assert_status(copy->decompress(NULL, data, 4097, page, 4096), ZC_CORRUPT);
    assert_int_equal(page[0], 0);
    assert_status(copy->decompress(NULL, data, 4096, page, 4096), ZC_OK);
    assert_int_equal(page[0], 1);
}
