/* SPDX-License-Identifier: MIT */
/* test_codecs.c - every built-in compressor does what compressor.h says. */
#include "support_cache.h"

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

#define DAMAGE_ROUNDS 1500

/* One context of a compressor. */
struct codec {
    const struct zc_compressor *compressor;
    size_t page_size;
    int level;
    void *context;
};

static void begin(struct codec *codec, const char *name, size_t page_size,
                  int level)
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

static void end(struct codec *codec)
{
    if (codec->context != NULL)
        codec->compressor->context_destroy(codec->context);
}

/* A test of each compressor, with a context of its default level. */
#define TEST_OF_CODECS(test)                                                   \
    static void test(struct codec *codec);                                     \
    TEST(test##_in_each)                                                       \
    {                                                                          \
        struct codec codec;                                                    \
        unsigned i;                                                            \
                                                                               \
        for (i = 0; zc_compressor_get(i) != NULL; i++) {                       \
            begin(&codec, zc_compressor_get(i)->name, ZC_PAGE_SIZE_MIN,        \
                  ZC_LEVEL_DEFAULT);                                           \
            test(&codec);                                                      \
            end(&codec);                                                       \
        }                                                                      \
    }                                                                          \
    static void test(struct codec *codec)

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

/* The context for decompress; NULL where it needs none. */
static void *decompress_context(const struct codec *codec)
{
    if ((codec->compressor->flags & ZC_COMPRESSOR_SHARED_DECOMPRESS) != 0)
        return NULL;
    return codec->context;
}

static size_t compress(struct codec *codec, enum support_kind kind,
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

static void round_trip(struct codec *codec, enum support_kind kind,
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

static void round_trip_kinds(const char *name, int level, size_t page_size)
{
    struct codec codec;
    unsigned kind;

    begin(&codec, name, page_size, level);
    for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++)
        round_trip(&codec, kind, kind + 7);
    end(&codec);
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
    size_t page_size;
    unsigned i;
    int level;

    for (i = 0; (codec = zc_compressor_get(i)) != NULL; i++) {
        for (level = codec->level_min; level < codec->level_max;
             level = next_level(codec, level))
            round_trip_kinds(codec->name, level, ZC_PAGE_SIZE_MIN);
        for (page_size = ZC_PAGE_SIZE_MIN; page_size <= ZC_PAGE_SIZE_MAX;
             page_size *= 2) {
            round_trip_kinds(codec->name, codec->level_min, page_size);
            round_trip_kinds(codec->name, ZC_LEVEL_DEFAULT, page_size);
            round_trip_kinds(codec->name, codec->level_max, page_size);
        }
    }
}

TEST_OF_CODECS(a_context_serves_many_pages)
{
    unsigned i;

    for (i = 0; i < 500; i++)
        round_trip(codec, i % SUPPORT_KIND_COUNT, i);
    if (codec->context != NULL && codec->compressor->context_size != NULL)
        assert_true(codec->compressor->context_size(codec->context) > 0);
}

TEST_OF_CODECS(no_byte_is_written_behind_the_room_given)
{
    struct support_guard guard;
    char page[ZC_PAGE_SIZE_MIN];
    zc_status status;
    size_t capacity;
    size_t size;
    unsigned kind;

    support_guard_init(&guard);
    for (capacity = 1; capacity <= ZC_PAGE_SIZE_MIN; capacity += 65)
        for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++) {
            size = 0;
            support_make_page(page, sizeof(page), kind, 1);
            status = codec->compressor->compress(
                codec->context, codec->level, page, sizeof(page),
                support_guard_last(&guard, capacity), capacity, &size);
            if (status == ZC_OK)
                assert_in_range(size, 1, capacity);
        }
    support_guard_fini(&guard);
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
        return (size_t)support_random_below(random, size);
    case 1: /* followed by more */
        at = size;
        size += (size_t)support_random_below(random, capacity - size + 1);
        for (; at < size; at++)
            data[at] = (char)support_random_next(random);
        return size;
    case 2: /* random bytes */
        size = 1 + (size_t)support_random_below(random, capacity - 1);
        for (at = 0; at < size; at++)
            data[at] = (char)support_random_next(random);
        return size;
    default: /* bits flipped, most of them near the start */
        flips = 1 + (size_t)support_random_below(random, 8);
        while (flips-- > 0) {
            at = (size_t)support_random_below(random,
                                              choice % 2 == 0 ? size : first);
            data[at] = (char)(data[at] ^ 1 << support_random_next(random) % 8);
        }
        return size;
    }
}

/* Decodes damaged bytes that begin right after a guard or, if `last`, end
 * before one. */
static void decode_damaged(struct codec *codec, const char *data, size_t size,
                           bool last)
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

/* Random, truncated, extended and flipped bytes come to a whole page or
 * ZC_CORRUPT, and no byte outside either buffer is touched. */
TEST_OF_CODECS(damage_is_told_from_pages)
{
    struct support_random random = {20240607};
    char data[2 * ZC_PAGE_SIZE_MIN];
    size_t size;
    unsigned i;

    for (i = 0; i < DAMAGE_ROUNDS; i++) {
        size = compress(codec, i % SUPPORT_KIND_COUNT, i, data, sizeof(data));
        size = damage(data, size, sizeof(data), &random);
        decode_damaged(codec, data, size, i % 2 == 0);
    }
    decode_damaged(codec, data, 0, true);
    /* The context still works as before. */
    round_trip(codec, SUPPORT_TEXT, 1);
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
    struct codec codec;
    size_t size = 0;

    begin(&codec, name, page_size, level);
    assert_status(codec.compressor->compress(codec.context, codec.level, page,
                                             page_size, data_out, 2 * page_size,
                                             &size),
                  ZC_OK);
    end(&codec);
    return size;
}

/* Data that are no page of that size: they decode to less, or to more. */
static void expect_corrupt(const char *name, const void *data, size_t size,
                           size_t page_size)
{
    char page[2 * ZC_PAGE_SIZE_MIN] = {0};
    struct codec codec;

    begin(&codec, name, page_size, ZC_LEVEL_DEFAULT);
    assert_status(codec.compressor->decompress(codec.context, data, size, page,
                                               page_size),
                  ZC_CORRUPT);
    end(&codec);
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
