/* SPDX-License-Identifier: MIT */
/* support_cache.c - pages, caches and shortcuts for tests of the cache. */
#include "support_cache.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache/cache.h"
#include "support_bump.h"

#define RECORD_WORDS 8

/*
 * A page that is written, or compared with what would be written.  No object of
 * a page's size is on the stack: a thread's stack can be 128 KiB in all.
 */
struct target {
    char *made;           /* NULL: compare */
    const char *compared; /* NULL: write */
    bool is_same;
};

static void put_word(struct target *target, size_t i, uint64_t word)
{
    if (target->made != NULL)
        memcpy(target->made + i * sizeof(word), &word, sizeof(word));
    else if (memcmp(target->compared + i * sizeof(word), &word, sizeof(word)) !=
             0)
        target->is_same = false;
}

/* Fills words `first` to `end` with noise that depends on the seed. */
static void fill_noise(struct target *target, size_t first, size_t end,
                       uint64_t seed)
{
    struct support_random random = {seed};
    size_t i;

    for (i = first; i < end; i++)
        put_word(target, i, support_random_next(&random));
}

static void fill_same(struct target *target, size_t count, uint64_t word)
{
    size_t i;

    for (i = 0; i < count; i++)
        put_word(target, i, word);
}

/*
 * Records of 64 bytes: noise, then one of four letters, then a zero.  The share
 * of noise differs from page to page, and so does the compressed size.
 */
static void fill_text(struct target *target, size_t count, uint64_t seed)
{
    struct support_random random = {seed};
    uint64_t percent = 8 + support_random_below(&random, 45);
    uint64_t word;
    size_t i;

    for (i = 0; i < count; i++) {
        word = UINT64_C(0x6161616161616161) +
               i / RECORD_WORDS % 4 * UINT64_C(0x0101010101010101);
        if (i % RECORD_WORDS == RECORD_WORDS - 1)
            word = 0;
        else if (i % RECORD_WORDS * 100 / RECORD_WORDS +
                     i / RECORD_WORDS * 37 % 13 <
                 percent)
            word = support_random_next(&random);
        put_word(target, i, word);
    }
}

static void fill(struct target *target, size_t page_size,
                 enum support_kind kind, uint64_t seed)
{
    struct support_random random = {seed};
    size_t count = page_size / sizeof(uint64_t);

    switch (kind) {
    case SUPPORT_ZERO:
        fill_same(target, count, 0);
        break;
    case SUPPORT_SAME:
        fill_same(target, count, support_random_next(&random));
        break;
    case SUPPORT_HALVES:
        fill_noise(target, 0, count / 2, seed);
        fill_noise(target, count / 2, count, seed);
        break;
    case SUPPORT_TEXT:
        fill_text(target, count, seed);
        break;
    case SUPPORT_NOISE:
    case SUPPORT_KIND_COUNT:
        fill_noise(target, 0, count, seed);
        break;
    }
}

void support_make_page(void *page, size_t page_size, enum support_kind kind,
                       uint64_t seed)
{
    struct target target = {.made = page};

    fill(&target, page_size, kind, seed);
}

bool support_is_page(const void *page, size_t page_size, enum support_kind kind,
                     uint64_t seed)
{
    struct target target = {.compared = page, .is_same = true};

    fill(&target, page_size, kind, seed);
    return target.is_same;
}

struct stamp {
    uint64_t sum; /* of all words after it */
    uint64_t slot;
    uint64_t version;
};

static uint64_t sum_of(const char *page, size_t page_size)
{
    uint64_t sum = 0;
    uint64_t word;
    size_t i;

    for (i = 1; i < page_size / sizeof(word); i++) {
        memcpy(&word, page + i * sizeof(word), sizeof(word));
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return sum;
}

/* The stamp of a page that consists of one repeated word. */
static uint64_t stamp_word(zc_swp slot, uint64_t version)
{
    return version << 16 | (slot.value * 40503 >> 3 & 0xffff);
}

static bool is_one_word(const char *page, size_t page_size)
{
    return memcmp(page, page + 8, page_size - 8) == 0;
}

void support_stamp_page(void *page, size_t page_size, zc_swp slot,
                        uint64_t version)
{
    struct stamp stamp = {0, slot.value, version};
    struct target target = {.made = page};

    if (version % 16 == 5) {
        fill_same(&target, page_size / sizeof(uint64_t),
                  stamp_word(slot, version));
        return;
    }
    support_make_page(page, page_size,
                      version % 8 == 0 ? SUPPORT_NOISE : SUPPORT_TEXT,
                      slot.value * 1000003 + version);
    memcpy(page, &stamp, sizeof(stamp));
    stamp.sum = sum_of(page, page_size);
    memcpy(page, &stamp.sum, sizeof(stamp.sum));
}

bool support_read_stamp(const void *page, size_t page_size, zc_swp slot,
                        uint64_t *version_out)
{
    struct stamp stamp;

    memcpy(&stamp, page, sizeof(stamp));
    if (is_one_word(page, page_size)) {
        *version_out = stamp.sum >> 16;
        return stamp.sum == stamp_word(slot, *version_out);
    }
    if (stamp.slot != slot.value || stamp.sum != sum_of(page, page_size))
        return false;
    *version_out = stamp.version;
    return true;
}

struct zc_cache_options support_cache_options(enum support_over over)
{
    struct zc_cache_options options = {.struct_size = sizeof(options)};

    switch (over) {
    case SUPPORT_OVER_KERNEL:
        options.placement = ZC_PLACEMENT_KERNEL;
        break;
    case SUPPORT_OVER_MALLOC:
        options.pool_ops = &zc_pool_malloc;
        break;
    case SUPPORT_OVER_BUMP:
        options.pool_ops = &support_bump_pool;
        break;
    case SUPPORT_OVER_AGES:
        options.lru_mode = ZC_LRU_ENTRY;
        options.placement = ZC_PLACEMENT_DENSE;
        break;
    case SUPPORT_OVER_DENSE:
    case SUPPORT_OVER_COUNT:
        options.placement = ZC_PLACEMENT_DENSE;
        break;
    }
    return options;
}

struct zc_cache *support_cache_create(const struct zc_cache_options *options)
{
    struct zc_cache *cache = NULL;

    assert_status(zc_cache_create(options, &cache), ZC_OK);
    return cache;
}

struct zc_cache *support_cache_over(enum support_over over)
{
    struct zc_cache_options options = support_cache_options(over);

    return support_cache_create(&options);
}

size_t support_cache_page_size(const struct zc_cache *cache)
{
    return cache->zswap.page_size;
}

zc_status support_try_store(struct zc_cache *cache, zc_swp slot,
                            enum support_kind kind, uint64_t seed)
{
    char page[ZC_PAGE_SIZE_MAX];

    support_make_page(page, cache->zswap.page_size, kind, seed);
    return zc_cache_store(cache, slot, page);
}

void support_store(struct zc_cache *cache, zc_swp slot, enum support_kind kind,
                   uint64_t seed)
{
    assert_status(support_try_store(cache, slot, kind, seed), ZC_OK);
}

void support_expect(struct zc_cache *cache, zc_swp slot, enum support_kind kind,
                    uint64_t seed)
{
    char page[ZC_PAGE_SIZE_MAX];

    assert_status(zc_cache_load(cache, slot, page), ZC_OK);
    assert_true(support_is_page(page, cache->zswap.page_size, kind, seed));
}

void support_expect_missing(struct zc_cache *cache, zc_swp slot)
{
    char page[ZC_PAGE_SIZE_MAX];

    assert_status(zc_cache_load(cache, slot, page), ZC_MISSING);
}

struct zc_cache_stats support_cache_stats(const struct zc_cache *cache)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_cache_get_stats(cache, &stats), ZC_OK);
    return stats;
}

void support_expect_empty(struct zc_cache *cache)
{
    struct zc_cache_stats stats = support_cache_stats(cache);

    assert_int_equal(stats.stored_pages, 0);
    assert_int_equal(stats.same_filled_pages, 0);
    assert_int_equal(stats.stored_incompressible_pages, 0);
    assert_int_equal(stats.payload_bytes, 0);
    assert_int_equal(stats.generations, 1);
    if (zc_cache_zspool(cache) != NULL)
        assert_int_equal(stats.pool_total_size, 0);
}

struct flip {
    size_t place;
};

/* Flips a bit in the first object that it visits. */
static bool flip_visit(void *context, zc_handle handle, const void *data,
                       size_t size)
{
    const struct flip *flip = context;
    size_t place = flip->place % (size * 8);
    /* The pool lends its own memory, so the damage is done there. */
    unsigned char *bytes = (void *)(uintptr_t)data;

    (void)handle;
    bytes[place / 8] ^= (unsigned char)(1u << place % 8);
    return false;
}

void support_flip_bit(struct zc_cache *cache, size_t place)
{
    struct flip flip = {place};

    assert_status(
        zc_zspool_iterate(cache->zswap.entries.pool, flip_visit, &flip),
        ZC_AGAIN);
}

void support_guard_init(struct support_guard *guard)
{
    size_t edge = (size_t)sysconf(_SC_PAGESIZE);

    guard->bytes = 3 * ZC_PAGE_SIZE_MAX;
    guard->mapping = mmap(NULL, guard->bytes + 2 * edge, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(guard->mapping, MAP_FAILED);
    assert_int_equal(mprotect(guard->mapping, edge, PROT_NONE), 0);
    assert_int_equal(
        mprotect(guard->mapping + edge + guard->bytes, edge, PROT_NONE), 0);
}

void support_guard_fini(struct support_guard *guard)
{
    size_t edge = (size_t)sysconf(_SC_PAGESIZE);

    assert_int_equal(munmap(guard->mapping, guard->bytes + 2 * edge), 0);
}

char *support_guard_first(const struct support_guard *guard)
{
    return guard->mapping + (size_t)sysconf(_SC_PAGESIZE);
}

char *support_guard_last(const struct support_guard *guard, size_t size)
{
    return support_guard_first(guard) + guard->bytes - size;
}

struct support_halves support_halves;

static zc_status halves_compress(void *context, int level, const void *page,
                                 size_t page_size, void *data_out,
                                 size_t capacity, size_t *size_out)
{
    const char *bytes = page;

    (void)context;
    (void)level;
    (void)capacity;
    if (support_halves.on_compress != NULL)
        support_halves.on_compress(support_halves.context);
    if (support_halves.compress_status != ZC_OK)
        return support_halves.compress_status;
    if (memcmp(bytes, bytes + page_size / 2, page_size / 2) != 0)
        return ZC_UNSUPPORTED;
    memcpy(data_out, page, page_size / 2);
    *size_out = support_halves.claimed_size != 0 ? support_halves.claimed_size
                                                 : page_size / 2;
    return ZC_OK;
}

static zc_status halves_decompress(void *context, const void *data, size_t size,
                                   void *page_out, size_t page_size)
{
    char *bytes = page_out;

    (void)context;
    if (support_halves.on_decompress != NULL)
        support_halves.on_decompress(support_halves.context);
    if (support_halves.decompress_status != ZC_OK)
        return support_halves.decompress_status;
    if (size != page_size / 2)
        return ZC_CORRUPT;
    memcpy(bytes, data, size);
    memcpy(bytes + size, data, size);
    return ZC_OK;
}

static const struct zc_compressor halves = {
    .struct_size = sizeof(struct zc_compressor),
    .name = "halves",
    .flags = ZC_COMPRESSOR_SHARED_DECOMPRESS,
    .level_min = 1,
    .level_max = 1000,
    .level_default = 1,
    .compress = halves_compress,
    .decompress = halves_decompress,
};

void support_use_halves(void)
{
    memset(&support_halves, 0, sizeof(support_halves));
    if (zc_compressor_find("halves") == NULL)
        assert_status(zc_compressor_register(&halves), ZC_OK);
}

/* ---- compressors ---- */

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
