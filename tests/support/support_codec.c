/* SPDX-License-Identifier: MIT */
/* support_codec.c - what every compressor must do. */
#include "support_codec.h"

#define DAMAGE_ROUNDS 1500

unsigned support_codec_count(void)
{
    unsigned last = 0;

    while (strcmp(zc_compressor_get(last)->name, "copy") != 0)
        last++;
    return last + 1;
}

const char *support_codec_name(unsigned number)
{
    return zc_compressor_get(number % support_codec_count())->name;
}

void support_codec_begin(struct support_codec *codec, const char *name,
                         size_t page_size, int level)
{
    const struct zc_compressor *compressor = zc_compressor_find(name);

    assert_non_null(compressor);
    codec->compressor = compressor;
    codec->page_size = page_size;
    codec->level = level == ZC_LEVEL_DEFAULT ? compressor->level_default
                                             : level;
    codec->context = NULL;
    if (compressor->context_create != NULL)
        assert_status(compressor->context_create(compressor, page_size,
                                                 codec->level, &codec->context),
                      ZC_OK);
}

void support_codec_end(struct support_codec *codec)
{
    if (codec->context != NULL)
        codec->compressor->context_destroy(codec->context);
}

/* The context for decompress; NULL where it needs none. */
static void *decompress_context(const struct support_codec *codec)
{
    if ((codec->compressor->flags & ZC_COMPRESSOR_SHARED_DECOMPRESS) != 0)
        return NULL;
    return codec->context;
}

static size_t compress(struct support_codec *codec, enum support_kind kind,
                       uint64_t seed, char *data_out, size_t capacity)
{
    char page[ZC_PAGE_SIZE_MAX];
    size_t size = 0;

    support_make_page(page, codec->page_size, kind, seed);
    assert_status(codec->compressor->compress(codec->context, codec->level,
                                              page, codec->page_size, data_out,
                                              capacity, &size),
                  ZC_OK);
    assert_in_range(size, 1, capacity);
    return size;
}

static void round_trip(struct support_codec *codec, enum support_kind kind,
                       uint64_t seed)
{
    char data[2 * ZC_PAGE_SIZE_MAX];
    char page[ZC_PAGE_SIZE_MAX];
    size_t size = compress(codec, kind, seed, data, 2 * codec->page_size);

    memset(page, 0x5a, codec->page_size);
    assert_status(codec->compressor->decompress(decompress_context(codec), data,
                                                size, page, codec->page_size),
                  ZC_OK);
    assert_true(support_is_page(page, codec->page_size, kind, seed));
}

void support_codec_round_trip(const char *name, int level, size_t page_size)
{
    struct support_codec codec;
    unsigned kind;

    support_codec_begin(&codec, name, page_size, level);
    for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++)
        round_trip(&codec, kind, kind + 7);
    support_codec_end(&codec);
}

void support_codec_round_trips(const char *name, int level)
{
    size_t page_size;

    for (page_size = ZC_PAGE_SIZE_MIN; page_size <= ZC_PAGE_SIZE_MAX;
         page_size *= 2)
        support_codec_round_trip(name, level, page_size);
}

void support_codec_contexts_are_reusable(const char *name)
{
    struct support_codec codec;
    unsigned i;

    support_codec_begin(&codec, name, ZC_PAGE_SIZE_MIN, ZC_LEVEL_DEFAULT);
    for (i = 0; i < 500; i++)
        round_trip(&codec, i % SUPPORT_KIND_COUNT, i);
    if (codec.context != NULL && codec.compressor->context_size != NULL)
        assert_true(codec.compressor->context_size(codec.context) > 0);
    support_codec_end(&codec);
}

void support_codec_respects_capacity(const char *name)
{
    struct support_codec codec;
    struct support_guard guard;
    char page[ZC_PAGE_SIZE_MIN];
    zc_status status;
    size_t capacity;
    size_t size;
    unsigned kind;

    support_codec_begin(&codec, name, ZC_PAGE_SIZE_MIN, ZC_LEVEL_DEFAULT);
    support_guard_init(&guard);
    for (capacity = 1; capacity <= ZC_PAGE_SIZE_MIN; capacity += 65) {
        for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++) {
            size = 0;
            support_make_page(page, sizeof(page), kind, 1);
            status = codec.compressor->compress(
                codec.context, codec.level, page, sizeof(page),
                support_guard_last(&guard, capacity), capacity, &size);
            if (status == ZC_OK)
                assert_in_range(size, 1, capacity);
        }
    }
    support_guard_fini(&guard);
    support_codec_end(&codec);
}

static size_t below(struct support_random *random, size_t count)
{
    return (size_t)(support_random_next(random) % count);
}

/* Damages `size` bytes of data; returns how many there are now. */
static size_t damage(char *data, size_t size, size_t capacity,
                     struct support_random *random)
{
    uint64_t choice = support_random_next(random);
    size_t first = size < 16 ? size : 16;
    size_t flips;
    size_t at;

    switch (choice % 5) {
    case 0: /* truncated */
        return below(random, size);
    case 1: /* followed by more */
        at = size;
        size += below(random, capacity - size + 1);
        for (; at < size; at++)
            data[at] = (char)support_random_next(random);
        return size;
    case 2: /* random bytes */
        size = 1 + below(random, capacity - 1);
        for (at = 0; at < size; at++)
            data[at] = (char)support_random_next(random);
        return size;
    default: /* bits flipped, most of them near the start */
        flips = 1 + below(random, 8);
        while (flips-- > 0) {
            at = below(random, choice % 2 == 0 ? size : first);
            data[at] = (char)(data[at] ^ 1 << support_random_next(random) % 8);
        }
        return size;
    }
}

/* Decodes damaged bytes that begin right after a guard or, if `last`, end
 * before one. */
static void decode_damaged(struct support_codec *codec, const char *data,
                           size_t size, bool last)
{
    static struct support_guard in;
    static struct support_guard out;
    char *page;
    char *bytes;
    zc_status status;

    if (in.mapping == NULL) {
        support_guard_init(&in);
        support_guard_init(&out);
    }
    bytes = last ? support_guard_last(&in, size) : support_guard_first(&in);
    page = last ? support_guard_last(&out, codec->page_size)
                : support_guard_first(&out);
    memcpy(bytes, data, size);
    status = codec->compressor->decompress(decompress_context(codec), bytes,
                                           size, page, codec->page_size);
    assert_true(status == ZC_OK || status == ZC_CORRUPT);
}

void support_codec_trusts_nothing(const char *name)
{
    struct support_codec codec;
    char data[2 * ZC_PAGE_SIZE_MIN];
    struct support_random random = {20240607};
    size_t size;
    unsigned i;

    support_codec_begin(&codec, name, ZC_PAGE_SIZE_MIN, ZC_LEVEL_DEFAULT);
    for (i = 0; i < DAMAGE_ROUNDS; i++) {
        size = compress(&codec, i % SUPPORT_KIND_COUNT, i, data, sizeof(data));
        size = damage(data, size, sizeof(data), &random);
        decode_damaged(&codec, data, size, i % 2 == 0);
    }
    decode_damaged(&codec, data, 0, true);
    /* The context still works as before. */
    round_trip(&codec, SUPPORT_TEXT, 1);
    support_codec_end(&codec);
}
