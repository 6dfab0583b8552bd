/* SPDX-License-Identifier: MIT */
/* test_zspool_span.c - free spans: their ends, their bins, and the best fit. */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#define SEGMENTS 3

/* As in pool/span.c. */
#define LENGTH_BYTES 4

/* Segments that no group has: all in them is the test's. */
struct fixture {
    struct zc_zspool *pool;
    struct zc_dense *dense;
    struct zc_segment segments[SEGMENTS];
};

static int set_up_with(void **state, const struct support_shape *shape)
{
    static struct fixture fixture;
    struct zc_zspage *zspage;
    unsigned i;

    fixture.pool = support_pool_new(shape);
    fixture.dense = zc_dense_of(&fixture.pool->groups[0]);
    for (i = 0; i < SEGMENTS; i++) {
        assert_status(zc_arena_get(&fixture.pool->arena,
                                   fixture.pool->segment_pages, 1,
                                   fixture.pool->segment_pages, &zspage),
                      ZC_OK);
        zspage->isolated = true;
        fixture.segments[i] =
            zc_segment_of(fixture.pool, &fixture.pool->groups[0], zspage);
    }
    *state = &fixture;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, SUPPORT_DENSE_16);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    zc_zspool_destroy(fixture->pool);
    return 0;
}

/* Puts an object of so many granules somewhere, with a cell of its own. */
static void write_object(const struct zc_segment *segment, uint32_t start,
                         uint32_t length) ZC_NO_LOCK_ANALYSIS
{
    struct zc_handles *handles = &segment->pool->handles;
    size_t bytes = (size_t)length * segment->dense->granule_bytes;
    zc_handle handle = {0};

    assert_status(zc_group_lock_and_take(segment->group, handles, &handle),
                  ZC_OK);
    zc_spinlock_unlock(&segment->group->lock);
    zc_handles_set(handles, handle, zc_segment_location(segment, start),
                   bytes - ZC_DENSE_HEADER_BYTES);
    zc_dense_set_word(zc_segment_at(segment, start),
                      zc_handle_cell(handle) << ZC_DENSE_WORD_SHIFT |
                          ZC_OBJECT_ALLOCATED);
}

static void write_and_bin(const struct zc_segment *segment, uint32_t start,
                          uint32_t length)
{
    zc_span_write(segment, start, length);
    zc_span_bin(segment, start, length);
}

static unsigned bits_set(const struct zc_dense *dense)
{
    unsigned count = 0;
    unsigned i;

    for (i = 0; i < ZC_DENSE_BINS; i++)
        count += dense->bitmap[i / 64] >> i % 64 & 1 ? 1u : 0u;
    return count;
}

TEST(granules_are_a_512th_of_a_page)
{
    struct zc_dense dense;

    zc_dense_init(&dense, 4096);
    assert_int_equal(dense.granule_bytes, 8);
    assert_int_equal(dense.linked_min, 3); /* two links, word and length */
    zc_dense_init(&dense, 8192);
    assert_int_equal(dense.granule_bytes, 16);
    assert_int_equal(dense.linked_min, 2);
    zc_dense_init(&dense, 65536);
    assert_int_equal(dense.granule_bytes, 128);
    assert_int_equal(dense.linked_min, 1);
    assert_int_equal(zc_dense_granules(&dense, 65536), 513);
}

TEST_WITH(a_span_says_its_length_at_both_ends, set_up, tear_down)
{
    const struct fixture *fixture = *state;
    const struct zc_segment *segment = &fixture->segments[0];
    uint32_t length;
    uint32_t word;

    for (length = 1; length < 200; length++) {
        write_object(segment, 7 + length, 5);
        zc_span_write(segment, 7, length);
        word = zc_dense_word(zc_segment_at(segment, 7));
        assert_false(zc_dense_is_object(word));
        assert_int_equal(zc_dense_length(segment, word), length);
        assert_int_equal(
            zc_dense_word(zc_segment_at(segment, 7 + length) - LENGTH_BYTES),
            length);
        /* And what follows knows that it is there. */
        word = zc_dense_word(zc_segment_at(segment, 7 + length));
        assert_int_equal(word & 7, ZC_DENSE_PREV_FREE | ZC_OBJECT_ALLOCATED);
    }
}

TEST_WITH(a_span_may_be_a_whole_segment, set_up, tear_down)
{
    const struct fixture *fixture = *state;
    const struct zc_segment *segment = &fixture->segments[1];
    const uint32_t all = fixture->segments[0].granules;
    uint64_t location = 0;

    write_and_bin(segment, 0, all);
    assert_true(zc_span_find(fixture->dense, 513, &location));
    assert_int_equal(location, segment->location);
    zc_span_unbin(segment, 0, all);
    assert_false(zc_span_find(fixture->dense, 1, &location));
}

TEST_WITH(a_span_too_short_for_its_links_is_in_no_bin, set_up, tear_down)
{
    const struct fixture *fixture = *state;
    const struct zc_segment *segment = &fixture->segments[0];
    uint64_t location = 77;
    uint32_t length;

    write_object(segment, 3, 1);
    for (length = 1; length < fixture->dense->linked_min; length++) {
        write_object(segment, length, 1);
        write_and_bin(segment, 0, length);
        assert_int_equal(bits_set(fixture->dense), 0);
        assert_false(zc_span_find(fixture->dense, 1, &location));
        zc_span_unbin(segment, 0, length);
    }
    write_and_bin(segment, 0, fixture->dense->linked_min);
    assert_int_equal(bits_set(fixture->dense), 1);
    assert_true(zc_span_find(fixture->dense, 1, &location));
    assert_int_equal(location, segment->location);
    zc_span_unbin(segment, 0, fixture->dense->linked_min);
    assert_int_equal(bits_set(fixture->dense), 0);
}

TEST_WITH(a_bin_loses_its_first_middle_and_last, set_up, tear_down)
{
    static const uint32_t starts[] = {0, 20, 40, 60, 80};
    static const unsigned order[] = {2, 4, 0, 1, 3};
    const struct fixture *fixture = *state;
    const struct zc_segment *segment = &fixture->segments[0];
    uint64_t location;
    unsigned i;

    for (i = 0; i < 5; i++) {
        write_object(segment, starts[i] + 10, 10);
        write_and_bin(segment, starts[i], 10);
    }
    assert_int_equal(bits_set(fixture->dense), 1);
    for (i = 0; i < 5; i++) {
        assert_true(zc_span_find(fixture->dense, 10, &location));
        zc_span_unbin(segment, starts[order[i]], 10);
    }
    assert_false(zc_span_find(fixture->dense, 10, &location));
    assert_int_equal(bits_set(fixture->dense), 0);
}

/* Spans, told a second time. */
struct known {
    uint64_t location;
    uint32_t length;
    bool binned;
};

#define KNOWN_MAX 2000

/* Tiles the segments at random with objects and spans; none of these touch. */
static unsigned tile(const struct fixture *fixture, struct known *known,
                     struct support_random *random, uint32_t longest)
{
    const uint32_t all = fixture->segments[0].granules;
    const struct zc_segment *segment;
    unsigned count = 0;
    uint32_t length;
    uint32_t at;
    unsigned i;

    for (i = 0; i < SEGMENTS; i++) {
        segment = &fixture->segments[i];
        for (at = 0; at < all; at += length) {
            length = 1 + (uint32_t)support_random_below(random, 60);
            length = length < all - at ? length : all - at;
            write_object(segment, at, length);
            at += length;
            if (at == all || count == KNOWN_MAX)
                break;
            length = 1 + (uint32_t)support_random_below(random, longest);
            length = length < all - at ? length : all - at;
            known[count].location = zc_segment_location(segment, at);
            known[count].length = length;
            known[count++].binned = length >= fixture->dense->linked_min;
            if (at + length < all)
                write_object(segment, at + length, 1); /* until it is known */
            zc_span_write(segment, at, length);
        }
        if (at < all) {
            write_object(segment, at, all - at);
        }
        zc_segment_bin_all(segment);
    }
    return count;
}

/* The length of the tightest span, 0: none. */
static uint32_t tightest(const struct known *known, unsigned count,
                         uint32_t wanted)
{
    uint32_t best = 0;
    unsigned i;

    for (i = 0; i < count; i++)
        if (known[i].binned && known[i].length >= wanted &&
            (best == 0 || known[i].length < best))
            best = known[i].length;
    return best;
}

static void check_best_fit(const struct fixture *fixture, struct known *known,
                           unsigned count, struct support_random *random)
{
    const struct zc_segment *segment;
    uint64_t location;
    uint32_t wanted;
    uint32_t best;
    unsigned left = count;
    unsigned i;

    while (left > 0) {
        wanted = 1 + (uint32_t)support_random_below(random, 513);
        best = tightest(known, count, wanted);
        assert_int_equal(zc_span_find(fixture->dense, wanted, &location),
                         best != 0);
        if (best == 0) {
            wanted = 1;
            best = tightest(known, count, wanted);
            if (best == 0)
                break;
            assert_true(zc_span_find(fixture->dense, wanted, &location));
        }
        for (i = 0; known[i].location != location || !known[i].binned; i++)
            assert_true(i + 1 < count);
        if (best < ZC_DENSE_EXACT_BINS)
            assert_int_equal(known[i].length, best);
        else
            assert_true(known[i].length >= wanted);
        known[i].binned = false;
        left--;
        segment = &fixture->segments[0];
        while (location < segment->location ||
               location >= zc_segment_location(segment, segment->granules))
            segment++;
        zc_span_unbin(segment, zc_segment_granule(segment, location),
                      known[i].length);
    }
    assert_int_equal(bits_set(fixture->dense), 0);
}

TEST(the_span_found_is_the_tightest_of_all_segments)
{
    static const struct support_shape *const shapes[] = {SUPPORT_DENSE_16,
                                                         SUPPORT_DENSE_64K};
    static const uint32_t longest[] = {20, 600, 4000};
    struct support_random random = {support_seed(0xbe57)};
    static struct known known[KNOWN_MAX];
    struct fixture *fixture;
    unsigned count;
    unsigned i;
    unsigned j;

    for (i = 0; i < 2; i++)
        for (j = 0; j < 3; j++) {
            assert_int_equal(set_up_with((void **)&fixture, shapes[i]), 0);
            count = tile(fixture, known, &random, longest[j]);
            check_best_fit(fixture, known, count, &random);
            assert_int_equal(tear_down((void **)&fixture), 0);
        }
}

TEST_WITH(a_segment_leaves_the_bins_with_all_its_spans_and_returns, set_up,
          tear_down)
{
    struct support_random random = {support_seed(0xb175)};
    const struct fixture *fixture = *state;
    static struct known known[KNOWN_MAX];
    const struct zc_zspage *zspage;
    uint64_t location;
    unsigned before;
    unsigned i;

    (void)tile(fixture, known, &random, 30);
    before = bits_set(fixture->dense);
    zc_segment_unbin_all(&fixture->segments[1]);
    while (zc_span_find(fixture->dense, 1, &location)) {
        zspage = zc_location_zspage(&fixture->pool->arena, location);
        assert_ptr_not_equal(zspage, fixture->segments[1].zspage);
        zc_segment_unbin_all(zspage == fixture->segments[0].zspage
                                 ? &fixture->segments[0]
                                 : &fixture->segments[2]);
    }
    assert_int_equal(bits_set(fixture->dense), 0);
    for (i = 0; i < SEGMENTS; i++)
        zc_segment_bin_all(&fixture->segments[i]);
    assert_int_equal(bits_set(fixture->dense), before);
}
