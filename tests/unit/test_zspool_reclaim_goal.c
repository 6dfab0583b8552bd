/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_reclaim_goal.c - which zspages a call of reclaim takes and how
 * many, in every shape of pool; and putting, which is how objects get there
 * before reclaim can meet them.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_reclaim.h"
#include "support_test.h"

#define SIZE 700
#define FAILURES_MAX 8
#define MIXED 600

static uint64_t zspage_pages(const struct herd *herd)
{
    return support_zspage_bytes(herd->pool, SIZE) / herd->pool->page_size;
}

/* ---- which goes first ---- */

TEST_OF_HERD(the_zspage_of_the_oldest_allocation_goes_first)
{
    const unsigned each = herd_fill(herd, SIZE, 3);
    unsigned i;

    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), zspage_pages(herd));
    assert_int_equal(herd->calls, each);
    for (i = 0; i < 3 * each; i++)
        assert_int_equal(herd->seen[i], i < each);
    herd_check(herd);
    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), zspage_pages(herd));
    assert_int_equal(herd->calls, 2 * each);
    assert_int_equal(herd->seen[each], 1);
}

TEST_OF_HERD(an_allocation_makes_its_zspage_the_hottest)
{
    const unsigned each = herd_fill(herd, SIZE, 3);
    const struct zc_zspage *first = herd_zspage(herd, 0);
    unsigned index;

    herd_free(herd, 1);
    index = herd_add(herd, SIZE);
    assert_ptr_equal(herd_zspage(herd, index), first);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->seen[each], 1);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->seen[2 * each], 1);
    assert_int_equal(herd->seen[0], 0);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->seen[0], 1);
    assert_int_equal(herd->seen[index], 1);
}

TEST_OF_HERD(reading_writing_and_freeing_make_nothing_hot)
{
    char bytes[SIZE];

    (void)herd_fill(herd, SIZE, 3);
    support_object_check(herd->pool, herd->handles[0], SIZE, 0, 0);
    support_stamp(bytes, SIZE, 1, 0);
    assert_status(zc_zspool_write(herd->pool, herd->handles[1], bytes, SIZE),
                  ZC_OK);
    assert_status(
        zc_zspool_change_tags(herd->pool, herd->handles[3], 0, 1, NULL), ZC_OK);
    herd_free(herd, 2);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->seen[0], 1);
    assert_int_equal(herd->seen[2], 0);
}

TEST_OF_HERD(a_zspage_that_could_not_be_emptied_is_the_hottest)
{
    const unsigned each = herd_fill(herd, SIZE, 3);

    herd->busy_at = 1;
    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), zspage_pages(herd));
    assert_int_equal(herd->order[0] / each, 0);
    assert_int_equal(herd->order[1] / each, 1);
    herd_check(herd);
    assert_ptr_equal(ZC_CONTAINER(herd->pool->lru.next, struct zc_zspage, lru),
                     herd_zspage(herd, 0));
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->order[1 + each] / each, 2);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->order[1 + 2 * each] / each, 0);
}

/* ---- the goal ---- */

TEST_OF_HERD(a_call_gives_back_what_was_asked_for_in_whole_zspages)
{
    const uint64_t pages = zspage_pages(herd);

    (void)herd_fill(herd, SIZE, 9);
    assert_int_equal(herd_reclaim(herd, pages, ZC_OK), pages);
    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), pages);
    assert_int_equal(herd_reclaim(herd, 2 * pages, ZC_OK), 2 * pages);
    assert_int_equal(herd_reclaim(herd, pages + 1, ZC_OK), 2 * pages);
    assert_int_equal(herd_reclaim(herd, 2 * pages - 1, ZC_OK), 2 * pages);
    herd_check(herd);
    assert_int_equal(herd_reclaim(herd, 2 * pages, ZC_AGAIN), pages);
    support_pool_check_empty(herd->pool);
}

TEST_OF_HERD(a_goal_of_nothing_is_reached_at_once)
{
    (void)herd_fill(herd, SIZE, 1);
    assert_int_equal(herd_reclaim(herd, 0, ZC_OK), 0);
    assert_status(zc_zspool_reclaim(herd->pool, herd_evict, herd, 0, NULL),
                  ZC_OK); /* pages_out may be NULL */
    assert_int_equal(herd->calls, 0);
}

TEST_OF_HERD(an_empty_pool_has_nothing_to_give)
{
    assert_int_equal(herd_reclaim(herd, 0, ZC_OK), 0);
    assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
    assert_int_equal(herd->calls, 0);
}

TEST_OF_HERD(a_call_gives_up_after_eight_failures_in_turn)
{
    const unsigned each = herd_fill(herd, SIZE, 12);
    unsigned i;

    herd->busy_from = 1;
    assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
    assert_int_equal(herd->calls, FAILURES_MAX);
    for (i = 0; i < FAILURES_MAX; i++)
        assert_int_equal(herd->order[i] / each, i);
    herd_check(herd);
    /* The next call goes on with the others. */
    herd->busy_from = 0;
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->order[FAILURES_MAX] / each, FAILURES_MAX);
}

/* Of every eight zspages in turn, the last can be emptied. */
static zc_status evict_every_eighth(void *context, zc_handle handle)
{
    struct herd *herd = context;
    const unsigned each = herd_per_zspage(herd->pool, SIZE);

    if (herd_find(herd, handle) / each % FAILURES_MAX != FAILURES_MAX - 1)
        return ZC_BUSY;
    return herd_evict(context, handle);
}

TEST_OF_HERD(a_success_ends_a_row_of_failures)
{
    uint64_t pages = 0;

    (void)herd_fill(herd, SIZE, 2 * FAILURES_MAX);
    assert_status(zc_zspool_reclaim(herd->pool, evict_every_eighth, herd,
                                    2 * zspage_pages(herd), &pages),
                  ZC_OK);
    assert_int_equal(pages, 2 * zspage_pages(herd));
    assert_status(
        zc_zspool_reclaim(herd->pool, evict_every_eighth, herd, 1, &pages),
        ZC_AGAIN);
    assert_int_equal(pages, 0);
    herd_check(herd);
}

TEST_OF_HERD(what_was_given_back_is_said_of_a_call_that_failed)
{
    const unsigned each = herd_fill(herd, SIZE, 3);

    herd->busy_from = each + 1;
    assert_int_equal(herd_reclaim(herd, UINT64_MAX, ZC_AGAIN),
                     zspage_pages(herd));
    herd_check(herd);
}

/* ---- classes ---- */

TEST_OF_HERD_IN(a_zspage_of_another_class_may_be_the_coldest, SUPPORT_KERNEL)
{
    static const unsigned order[] = {1, 2, 0};
    unsigned i;

    (void)herd_add(herd, 100);
    (void)herd_add(herd, 2000);
    (void)herd_add(herd, 4096);
    (void)herd_add(herd, 100);
    for (i = 0; i < 3; i++) {
        assert_false(herd->freed[order[i]]);
        (void)herd_reclaim(herd, 1, ZC_OK);
        assert_true(herd->freed[order[i]]);
    }
    assert_true(herd->freed[3]);
}

/* ---- every shape ---- */

/* Reclaims with failures at random, and puts what is new in between. */
static void reclaim_at_random(struct herd *herd, struct support_random *random)
{
    unsigned round;

    for (round = 0; round < 20; round++) {
        herd->calls = 0;
        herd->busy_at = (unsigned)support_random_below(random, 30);
        herd->busy_from = herd->busy_at == 0
                              ? 0
                              : herd->busy_at +
                                    (unsigned)support_random_below(random, 60);
        (void)zc_zspool_reclaim(herd->pool, herd_evict, herd,
                                1 + support_random_below(random, 20), NULL);
        herd_check(herd);
        (void)herd_add(herd,
                       support_random_size(random, herd->pool->page_size));
        (void)herd_add(herd, 1 + (size_t)support_random_below(
                                     random, herd->pool->page_size));
    }
}

TEST(every_shape_of_pool_is_reclaimed_to_the_last_page)
{
    struct support_random random = {support_seed(0xc01d)};
    static struct herd herd;
    unsigned calls = 0;
    unsigned shape;
    unsigned i;

    for (shape = 0; shape < support_shape_count; shape++) {
        herd_init(&herd, &support_shapes[shape]);
        for (i = 0; i < MIXED; i++)
            (void)herd_add(&herd,
                           support_random_size(&random, herd.pool->page_size));
        for (i = 0; i < MIXED; i += 3)
            herd_free(&herd, i);
        reclaim_at_random(&herd, &random);
        herd.calls = 0;
        herd.busy_at = 0;
        herd.busy_from = 0;
        assert_int_equal(
            herd_reclaim(&herd, zc_zspool_page_count(herd.pool), ZC_OK) == 0,
            false);
        support_pool_check_empty(herd.pool);
        calls += herd.calls;
        herd_end(&herd);
    }
    assert_true(calls > 0);
}

/* ---- put ---- */

TEST(a_put_that_the_limit_refuses_changes_nothing)
{
    static const enum zc_placement placements[] = {ZC_PLACEMENT_DENSE,
                                                   ZC_PLACEMENT_KERNEL};
    struct support_shape shape = {.segment_pages = 4, .limit_pages = 8};
    static struct herd herd;
    static char bytes[ZC_PAGE_SIZE_MIN];
    zc_handle handle = {77};
    zc_status status;
    unsigned i;

    for (i = 0; i < 2; i++) {
        shape.placement = placements[i];
        herd_init(&herd, &shape);
        while (zc_zspool_page_count(herd.pool) < 8)
            (void)herd_add(&herd, sizeof(bytes));
        do {
            support_stamp(bytes, sizeof(bytes), herd.count, 0);
            status = zc_zspool_put(herd.pool, bytes, sizeof(bytes), &handle);
            if (status == ZC_OK) {
                herd.sizes[herd.count] = sizeof(bytes);
                herd.handles[herd.count++] = handle;
                handle.value = 77;
            }
        } while (status == ZC_OK);
        assert_status(status, ZC_REJECTED);
        assert_int_equal(handle.value, 77);
        assert_int_equal(support_stats(herd.pool).limit_rejects, 1);
        herd_check(&herd);
        /* Reclaim makes the room. */
        (void)herd_reclaim(&herd, 1, ZC_OK);
        (void)herd_add(&herd, sizeof(bytes));
        herd_end(&herd);
    }
}

/* ---- put against reclaim ---- */

void __real_zc_zspage_unpin(struct zc_zspool *pool, struct zc_zspage *zspage);
void __wrap_zc_zspage_unpin(struct zc_zspool *pool, struct zc_zspage *zspage);

static void (*before_unpin)(struct zc_zspool *pool); /* once; NULL: nothing */

void __wrap_zc_zspage_unpin(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    void (*action)(struct zc_zspool *) = before_unpin;

    before_unpin = NULL;
    if (action != NULL)
        action(pool);
    __real_zc_zspage_unpin(pool, zspage);
}

static bool is_written(void *context, zc_handle handle, const void *data,
                       size_t size)
{
    (void)context;
    (void)handle;
    assert_int_equal(size, SIZE);
    assert_true(support_has_stamp(data, size, 0, 0));
    return true;
}

static zc_status never(void *context, zc_handle handle)
{
    (void)context;
    (void)handle;
    fail_msg("evict is called");
    return ZC_OK;
}

static void look_and_reclaim(struct zc_zspool *pool)
{
    uint64_t pages = 77;

    assert_int_equal(support_stats(pool).objects, 1);
    assert_status(zc_zspool_iterate(pool, is_written, NULL), ZC_OK);
    assert_status(zc_zspool_reclaim(pool, never, NULL, 1, &pages), ZC_AGAIN);
    assert_int_equal(pages, 0);
}

TEST_OF_HERD(reclaim_meets_no_object_before_it_is_written)
{
    before_unpin = look_and_reclaim;
    (void)herd_add(herd, SIZE);
    assert_null(before_unpin);
    assert_true(herd_reclaim(herd, 1, ZC_OK) > 0);
}
