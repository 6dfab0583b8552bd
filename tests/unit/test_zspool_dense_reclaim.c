/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_dense_reclaim.c - words under reclaim and the free spans after
 * it, in dense placement.
 */
#include "support_content.h"
#include "support_reclaim.h"
#include "support_test.h"

#define SIZE 1012 /* 127 granules with its header; 64 in a segment */
#define EACH 64
#define LENGTH 127
#define GRANULES 8192 /* of a segment of 16 pages */

static uint32_t word_of(const struct herd *herd, unsigned index)
{
    return zc_dense_word(zc_location_address(
        &herd->pool->arena,
        support_location_of(herd->pool, herd->handles[index])));
}

static uint32_t used_of(const struct herd *herd)
{
    return (uint32_t)zc_dense_of(&herd->pool->groups[0])->used;
}

/* ---- words ---- */

static void check_allocated(struct herd *herd, unsigned index)
{
    const uint32_t word = word_of(herd, index);

    assert_int_equal(word & ZC_OBJECT_TAGS, ZC_OBJECT_ALLOCATED);
    assert_int_equal(word >> ZC_DENSE_WORD_SHIFT,
                     zc_handle_cell(herd->handles[index]));
}

/* The place is not free yet: it counts, and the span in front is known. */
static void check_deferred(struct herd *herd, unsigned index)
{
    const uint32_t word = word_of(herd, index);

    assert_int_equal(word & ZC_OBJECT_TAGS, ZC_OBJECT_DEFERRED);
    assert_int_equal(word >> ZC_DENSE_WORD_SHIFT,
                     zc_handle_cell(herd->handles[index]));
    assert_int_equal((word & ZC_DENSE_PREV_FREE) != 0, index == 4);
    assert_int_equal(herd_zspage(herd, index)->used, (EACH - 1) * LENGTH);
}

TEST_OF_HERD_IN(a_free_under_reclaim_says_deferred_in_the_word,
                SUPPORT_DENSE_16)
{
    struct herd *herd = *state;

    assert_int_equal(herd_fill(herd, SIZE, 1), EACH);
    herd_free(herd, 3);
    herd->before = check_allocated;
    herd->after = check_deferred;
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(used_of(herd), 0);
}

static void no_span_is_in_a_bin(struct herd *herd, unsigned index)
{
    const struct zc_zspage *zspage = herd_zspage(herd, index);
    uint64_t location;

    assert_false(
        zc_span_find(zc_dense_of(&herd->pool->groups[0]), 1, &location));
    assert_true(zspage->isolated);
    assert_true(zspage->reclaimed);
    assert_true(zc_list_is_empty(&zspage->link));
    assert_true(zc_list_is_empty(&zspage->lru));
}

TEST_OF_HERD_IN(a_segment_under_reclaim_has_no_span_in_a_bin, SUPPORT_DENSE_16)
{
    struct herd *herd = *state;

    (void)herd_fill(herd, SIZE, 1);
    herd_free(herd, 10);
    herd_free(herd, 12);
    herd->before = no_span_is_in_a_bin;
    herd->after = no_span_is_in_a_bin;
    (void)herd_reclaim(herd, 1, ZC_OK);
}

TEST_OF_HERD_IN(objects_are_evicted_by_address, SUPPORT_DENSE_16)
{
    struct herd *herd = *state;
    unsigned i;

    (void)herd_fill(herd, SIZE, 1);
    herd_free(herd, 0);
    herd_free(herd, 30);
    herd_free(herd, 31);
    herd_free(herd, EACH - 1);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->calls, EACH - 4);
    for (i = 1; i < herd->calls; i++)
        assert_true(herd->order[i - 1] < herd->order[i]);
}

/* ---- spans after a failure ---- */

/* Every run of what is not there is one span, and nothing else is. */
static void check_spans(const struct herd *herd, struct zc_zspage *zspage,
                        const bool there[EACH])
{
    const struct zc_segment segment = zc_segment_here(herd->pool, zspage);
    uint32_t at = 0;
    uint32_t end;
    uint32_t word;

    while (at < GRANULES) {
        word = zc_dense_word(zc_segment_at(&segment, at));
        end = at;
        while (end < EACH * LENGTH && !there[end / LENGTH])
            end += LENGTH;
        if (end == EACH * LENGTH)
            end = GRANULES; /* the rest, too short for one more */
        if (end == at) {
            assert_int_equal(word & ZC_OBJECT_TAGS, ZC_OBJECT_ALLOCATED);
            at += LENGTH;
        } else {
            assert_int_equal(word, (end - at) << ZC_DENSE_WORD_SHIFT);
            at = end;
        }
    }
}

static uint64_t also_freed; /* a bit for each object */

/* The first call frees some other objects, highest first. */
static void free_also(struct herd *herd, unsigned index)
{
    unsigned i;

    if (herd->calls != 1)
        return;
    for (i = EACH; i-- > 0;)
        if ((also_freed >> i & 1) != 0 && i != index && !herd->freed[i])
            herd_free(herd, i);
}

static void check_rebuilt(struct herd *herd, unsigned busy_at)
{
    bool there[EACH];
    struct zc_zspage *zspage;
    unsigned left = 0;
    unsigned i;

    (void)herd_fill(herd, SIZE, 1);
    herd_free(herd, 4);
    herd_free(herd, 20);
    herd_free(herd, 40);
    zspage = herd_zspage(herd, EACH - 1);
    herd->before = free_also;
    herd->busy_from = busy_at;
    (void)herd_reclaim(herd, 1, ZC_AGAIN);
    for (i = 0; i < EACH; i++) {
        there[i] = !herd->freed[i];
        left += there[i];
    }
    check_spans(herd, zspage, there);
    assert_int_equal(used_of(herd), left * LENGTH);
    herd_check(herd);
    /* It is filled again, to the last place. */
    for (; left < EACH; left++)
        assert_ptr_equal(herd_zspage(herd, herd_add(herd, SIZE)), zspage);
    assert_int_equal(support_stats(herd->pool).zspages, 1);
}

TEST(a_failed_reclaim_makes_one_span_of_every_run)
{
    static const uint64_t others[] = {0, UINT64_C(0x5555555555555555),
                                      UINT64_C(0xf0f0f0f0f0f0f0f0)};
    static struct herd herd;
    unsigned busy_at;
    unsigned i;

    for (i = 0; i < 3; i++)
        for (busy_at = 1; busy_at <= 28; busy_at++) {
            also_freed = others[i];
            herd_init(&herd, SUPPORT_DENSE_16);
            check_rebuilt(&herd, busy_at);
            herd_end(&herd);
        }
}

TEST_OF_HERD_IN(what_runs_together_holds_one_larger_object, SUPPORT_DENSE_16)
{
    struct herd *herd = *state;
    const size_t larger = 3 * LENGTH * 8 - ZC_DENSE_HEADER_BYTES;
    struct zc_zspage *zspage;
    uint64_t location;
    unsigned index;

    (void)herd_fill(herd, SIZE, 1);
    zspage = herd_zspage(herd, 0);
    location = support_location_of(herd->pool, herd->handles[5]);
    herd_free(herd, 6);
    also_freed = UINT64_C(1) << 5 | UINT64_C(1) << 7;
    herd->before = free_also;
    herd->busy_from = 1;
    (void)herd_reclaim(herd, 1, ZC_AGAIN);
    index = herd_add(herd, larger);
    assert_ptr_equal(herd_zspage(herd, index), zspage);
    assert_int_equal(support_location_of(herd->pool, herd->handles[index]),
                     location);
    herd_check(herd);
}

/* Spans of one or two granules are in no bin, and grow when they are joined. */
TEST_OF_HERD_IN(objects_of_one_granule_leave_spans_that_grow, SUPPORT_DENSE_16)
{
    struct herd *herd = *state;
    unsigned i;

    for (i = 0; i < 1000; i++)
        (void)herd_add(herd, i % 5 == 0 ? 1 : 1 + i % 40);
    for (i = 0; i < 1000; i += 2)
        herd_free(herd, i);
    herd->busy_from = 250;
    assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
    herd_check(herd);
    for (i = 0; i < 400; i++)
        (void)herd_add(herd, 1 + i % 9);
    herd_check(herd);
}

/* What the segment keeps is found by its neighbours when it is freed later. */
TEST_OF_HERD_IN(what_is_left_is_joined_when_it_is_freed, SUPPORT_DENSE_16)
{
    struct herd *herd = *state;
    unsigned i;

    (void)herd_fill(herd, SIZE, 1);
    also_freed = UINT64_C(0xaaaaaaaaaaaaaaaa);
    herd->before = free_also;
    herd->busy_from = 3;
    (void)herd_reclaim(herd, 1, ZC_AGAIN);
    for (i = EACH; i-- > 0;)
        if (!herd->freed[i]) {
            herd_free(herd, i);
            support_pool_check(herd->pool);
        }
    support_pool_check_empty(herd->pool);
}
