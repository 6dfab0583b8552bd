/* SPDX-License-Identifier: MIT */
/* test_compress_lz4hc.c - what LZ4 HC alone does. */
#include "support_codec.h"
#include "support_test.h"

/* What a page of four letters in no order comes to. */
static size_t size_of_letters(const char *name, int level)
{
    struct support_random random = {1};
    struct support_codec codec;
    char page[16384];
    char data[32768];
    size_t size = 0;
    size_t i;

    for (i = 0; i < sizeof(page); i++)
        page[i] = "acgt"[support_random_below(&random, 4)];
    support_codec_begin(&codec, name, sizeof(page), level);
    assert_status(codec.compressor->compress(codec.context, codec.level, page,
                                             sizeof(page), data, sizeof(data),
                                             &size),
                  ZC_OK);
    support_codec_end(&codec);
    return size;
}

TEST(it_takes_more_time_to_put_out_less)
{
    assert_true(size_of_letters("lz4hc", 3) < size_of_letters("lz4", 1));
    assert_true(size_of_letters("lz4hc", 12) < size_of_letters("lz4hc", 3));
}
