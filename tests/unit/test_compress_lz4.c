/* SPDX-License-Identifier: MIT */
/* test_compress_lz4.c - LZ4, at every acceleration that matters. */
#include "support_codec.h"

#include <lz4.h>

#include "base/inject.h"

static void every_page_comes_back_at_every_acceleration(void **state)
{
    static const int levels[] = {1, 2, 3, 8, 17, 100, 65536, 65537};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        support_codec_round_trips("lz4", levels[i]);
    support_codec_contexts_are_reusable("lz4");
}

static void damage_is_told_from_pages(void **state)
{
    (void)state;

    support_codec_trusts_nothing("lz4");
}

static void no_byte_is_written_behind_the_room_given(void **state)
{
    (void)state;

    support_codec_respects_capacity("lz4");
}

static void it_puts_out_what_liblz4_puts_out(void **state)
{
    struct support_codec codec;
    char page[4096];
    char data[8192];
    uint64_t seed;
    int size;

    (void)state;
    support_codec_begin(&codec, "lz4", 4096, ZC_LEVEL_DEFAULT);
    for (seed = 0; seed < 100; seed++) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, seed);
        size = LZ4_compress_default(page, data, sizeof(page), sizeof(data));

        assert_int_equal(support_codec_size(&codec, SUPPORT_TEXT, seed), size);
    }
    support_codec_end(&codec);
}

static void the_level_is_the_acceleration(void **state)
{
    struct support_codec slow;
    struct support_codec fast;

    (void)state;
    support_codec_begin(&slow, "lz4", 4096, 1);
    support_codec_begin(&fast, "lz4", 4096, 65537);

    assert_true(support_codec_size(&slow, SUPPORT_TEXT, 1) <
                support_codec_size(&fast, SUPPORT_TEXT, 1));

    support_codec_end(&slow);
    support_codec_end(&fast);
}

/* A page that decodes to less, or would decode to more, is no page. */
static void data_of_another_page_size_is_corrupt(void **state)
{
    const struct zc_compressor *lz4 = zc_compressor_find("lz4");
    char page[8192];
    char data[16384];
    int size;

    (void)state;
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
    size = LZ4_compress_default(page, data, 4096, sizeof(data));
    assert_status(lz4->decompress(NULL, data, (size_t)size, page, 8192),
                  ZC_CORRUPT);

    size = LZ4_compress_default(page, data, 8192, sizeof(data));
    assert_status(lz4->decompress(NULL, data, (size_t)size, page, 4096),
                  ZC_CORRUPT);
}

static void a_context_without_memory_is_refused(void **state)
{
    const struct zc_compressor *lz4 = zc_compressor_find("lz4");
    void *context = &context;

    (void)state;
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);

    assert_status(lz4->context_create(lz4, 4096, 1, &context), ZC_NO_MEMORY);

    zc_inject_disarm();
    assert_ptr_equal(context, &context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_comes_back_at_every_acceleration),
        cmocka_unit_test(damage_is_told_from_pages),
        cmocka_unit_test(no_byte_is_written_behind_the_room_given),
        cmocka_unit_test(it_puts_out_what_liblz4_puts_out),
        cmocka_unit_test(the_level_is_the_acceleration),
        cmocka_unit_test(data_of_another_page_size_is_corrupt),
        cmocka_unit_test(a_context_without_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
