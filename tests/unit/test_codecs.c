/* SPDX-License-Identifier: MIT */
/* test_codecs.c - every built-in compressor does what compressor.h says. */
#include "support_codec.h"
#include "support_test.h"

#include <stdio.h>

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
