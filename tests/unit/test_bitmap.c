/* SPDX-License-Identifier: MIT */
/* test_bitmap.c - a set in which the next number missing is found at once. */
#include <stdlib.h>

#include "support_content.h"
#include "support_test.h"

#include "base/bitmap.h"
#include "platform/memory.h"

/* Around where words, and words of words, begin and end. */
static const uint64_t sizes[] = {
    1, 2, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 8191, 262143, 262145,
};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct set {
    struct zc_bitmap bitmap;
    void *memory;
    bool *model;
};

static void begin(struct set *set, uint64_t size)
{
    set->memory = calloc(1, (size_t)zc_bitmap_bytes(size));
    set->model = calloc((size_t)size, sizeof(*set->model));
    assert_non_null(set->memory);
    assert_non_null(set->model);
    zc_bitmap_init(&set->bitmap, set->memory, size);
}

static void end(struct set *set)
{
    free(set->memory);
    free(set->model);
}

static void change(struct set *set, uint64_t bit, bool value)
{
    set->model[bit] = value;
    if (value)
        zc_bitmap_set(&set->bitmap, bit);
    else
        zc_bitmap_clear(&set->bitmap, bit);
}

static uint64_t model_next(const struct set *set, uint64_t first)
{
    while (first < set->bitmap.bit_count && set->model[first])
        first++;
    return first < set->bitmap.bit_count ? first : set->bitmap.bit_count;
}

TEST(memory_is_a_bit_a_number_and_little_more)
{
    assert_int_equal(zc_bitmap_bytes(0), 0);
    assert_int_equal(zc_bitmap_bytes(1), 8);
    assert_int_equal(zc_bitmap_bytes(64), 8);
    assert_int_equal(zc_bitmap_bytes(65), 16 + 8);
    assert_int_equal(zc_bitmap_bytes(4096), 512 + 8);
    assert_int_equal(zc_bitmap_bytes(4097), 65 * 8 + 16 + 8);
    assert_in_range(zc_bitmap_bytes(UINT64_C(1) << 32), UINT64_C(1) << 29,
                    (UINT64_C(1) << 29) + (UINT64_C(1) << 24));
}

TEST(a_set_that_is_filled_misses_what_is_not_in_it)
{
    struct set set;
    uint64_t bit;
    size_t i;

    for (i = 0; i < SIZES; i++) {
        begin(&set, sizes[i]);
        for (bit = 0; bit < sizes[i]; bit++) {
            assert_false(zc_bitmap_has(&set.bitmap, bit));
            assert_int_equal(zc_bitmap_next_clear(&set.bitmap, sizes[i] - 1),
                             sizes[i] - 1);
            assert_int_equal(zc_bitmap_next_clear(&set.bitmap, 0), bit);
            zc_bitmap_set(&set.bitmap, bit);
        }

        assert_int_equal(zc_bitmap_next_clear(&set.bitmap, 0), sizes[i]);
        for (bit = 0; bit < sizes[i]; bit += bit < 200 ? 1 : 97) {
            zc_bitmap_clear(&set.bitmap, bit);
            assert_int_equal(zc_bitmap_next_clear(&set.bitmap, 0), bit);
            assert_int_equal(zc_bitmap_next_clear(&set.bitmap, bit), bit);
            assert_int_equal(zc_bitmap_next_clear(&set.bitmap, bit + 1),
                             sizes[i]);
            zc_bitmap_set(&set.bitmap, bit);
        }
        end(&set);
    }
}

TEST(a_set_agrees_with_an_array)
{
    struct support_random random = {.state = 4};
    struct set set;
    uint64_t bit;
    unsigned step;
    size_t i;

    for (i = 0; i < SIZES; i++) {
        begin(&set, sizes[i]);
        /* Mostly full: then levels matter. */
        for (bit = 0; bit < sizes[i]; bit++)
            change(&set, bit, true);
        for (step = 0; step < 3000; step++) {
            bit = support_random_next(&random) % sizes[i];
            change(&set, bit, support_random_next(&random) % 3 != 0);
            assert_int_equal(zc_bitmap_has(&set.bitmap, bit), set.model[bit]);
            bit = support_random_next(&random) % (sizes[i] + 1);
            if (sizes[i] < 9000)
                assert_int_equal(zc_bitmap_next_clear(&set.bitmap, bit),
                                 model_next(&set, bit));
        }
        assert_int_equal(zc_bitmap_next_clear(&set.bitmap, 0),
                         model_next(&set, 0));
        end(&set);
    }
}

TEST(four_billion_numbers_need_no_memory_until_they_are_in_it)
{
    const uint64_t size = UINT64_C(1) << 32;
    size_t bytes = (size_t)zc_bitmap_bytes(size);
    struct zc_bitmap bitmap;
    void *memory;
    uint64_t bit;

    if (sizeof(size_t) < 8)
        skip();
    bytes = (bytes + 65535) / 65536 * 65536;
    memory = zc_pages_map(bytes, zc_pages_system_size());
    assert_non_null(memory);
    zc_bitmap_init(&bitmap, memory, size);

    assert_int_equal(zc_bitmap_next_clear(&bitmap, size - 1), size - 1);
    for (bit = size - 300000; bit < size; bit++)
        zc_bitmap_set(&bitmap, bit);
    assert_int_equal(zc_bitmap_next_clear(&bitmap, size - 299999), size);
    assert_int_equal(zc_bitmap_next_clear(&bitmap, size - 300001),
                     size - 300001);
    zc_bitmap_clear(&bitmap, size - 5);
    assert_int_equal(zc_bitmap_next_clear(&bitmap, size - 299999), size - 5);
    zc_pages_unmap(memory, bytes);
}
