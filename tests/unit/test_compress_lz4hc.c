/* SPDX-License-Identifier: MIT */
/* test_compress_lz4hc.c - LZ4 HC, at every level. */
#include "support_codec.h"

#include "base/inject.h"

static void every_page_comes_back_at_every_level(void **state)
{
    int level;

    (void)state;
    for (level = 3; level <= 12; level++)
        support_codec_round_trip("lz4hc", level, ZC_PAGE_SIZE_MIN);
    support_codec_round_trips("lz4hc", ZC_LEVEL_DEFAULT);
    support_codec_round_trip("lz4hc", 12, ZC_PAGE_SIZE_MAX);
    support_codec_contexts_are_reusable("lz4hc");
}

static void damage_is_told_from_pages(void **state)
{
    (void)state;

    support_codec_trusts_nothing("lz4hc");
}

static void no_byte_is_written_behind_the_room_given(void **state)
{
    (void)state;

    support_codec_respects_capacity("lz4hc");
}

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

static void it_takes_more_time_to_put_out_less(void **state)
{
    (void)state;

    assert_true(size_of_letters("lz4hc", 3) < size_of_letters("lz4", 1));
    assert_true(size_of_letters("lz4hc", 12) < size_of_letters("lz4hc", 3));
}

static void a_context_without_memory_is_refused(void **state)
{
    const struct zc_compressor *lz4hc = zc_compressor_find("lz4hc");
    void *context = &context;

    (void)state;
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);

    assert_status(lz4hc->context_create(lz4hc, 4096, 9, &context),
                  ZC_NO_MEMORY);

    zc_inject_disarm();
    assert_ptr_equal(context, &context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_comes_back_at_every_level),
        cmocka_unit_test(damage_is_told_from_pages),
        cmocka_unit_test(no_byte_is_written_behind_the_room_given),
        cmocka_unit_test(it_takes_more_time_to_put_out_less),
        cmocka_unit_test(a_context_without_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
