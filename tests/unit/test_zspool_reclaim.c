/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_reclaim.c - a zspage goes object by object while others look on,
 * in both placements; for which zspages go see test_zspool_reclaim_goal.c.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_reclaim.h"
#include "support_test.h"

#include <pthread.h>

#define SIZE 700 /* several pages a zspage, and pages not divided evenly */
#define FAILURES_MAX 8

static uint64_t zspage_pages(const struct herd *herd)
{
    return support_zspage_bytes(herd->pool, SIZE) / herd->pool->page_size;
}

/* ---- what evict may rely on ---- */

/* Every function but a read says that the object is freed. */
static void assert_freed(const struct herd *herd, unsigned index)
{
    const zc_handle handle = herd->handles[index];
    char bytes[ZC_PAGE_SIZE_MIN] = {0};
    unsigned tags = 77;
    size_t size = 77;

    assert_status(zc_zspool_free(herd->pool, handle), ZC_STALE);
    assert_status(zc_zspool_change_tags(herd->pool, handle, 0, 1, &tags),
                  ZC_STALE);
    assert_status(zc_zspool_object_size(herd->pool, handle, &size), ZC_STALE);
    assert_status(
        zc_zspool_write(herd->pool, handle, bytes, herd->sizes[index]),
        ZC_STALE);
    assert_int_equal(tags, 77);
    assert_int_equal(size, 77);
}

/* All that evict has freed so far, of one zspage. */
static void check_deferred(struct herd *herd, unsigned last)
{
    uint64_t payload_bytes = 0;
    unsigned objects = 0;
    unsigned i;

    (void)last;
    for (i = 0; i < herd->calls; i++) {
        support_object_check(herd->pool, herd->handles[herd->order[i]],
                             herd->sizes[herd->order[i]], herd->order[i], 0);
        assert_freed(herd, herd->order[i]);
    }
    for (i = 0; i < herd->count; i++)
        if (!herd->freed[i]) {
            payload_bytes += herd->sizes[i];
            objects++;
        }
    assert_int_equal(support_stats(herd->pool).objects, objects);
    assert_int_equal(support_stats(herd->pool).payload_bytes, payload_bytes);
}

/* A huge one too, whose header is not among its bytes. */
TEST_OF_HERD(a_deferred_object_reads_and_is_freed_for_all_else)
{
    unsigned i;

    (void)herd_fill(herd, SIZE, 2);
    for (i = 0; i < 6; i++)
        (void)herd_add(herd, i % 2 == 0 ? 4096 : 3700);
    herd->after = check_deferred;
    while (support_stats(herd->pool).objects > 0) {
        herd->calls = 0;
        (void)herd_reclaim(herd, 1, ZC_OK);
    }
    support_pool_check_empty(herd->pool);
}

/* One of them for every object that goes, of the same size. */
static void add_elsewhere(struct herd *herd, unsigned index)
{
    const unsigned added = herd_add(herd, herd->sizes[index]);
    unsigned i;

    assert_ptr_not_equal(herd_zspage(herd, added), herd_zspage(herd, index));
    for (i = 0; i < added; i++)
        assert_int_not_equal(zc_handle_cell(herd->handles[added]),
                             zc_handle_cell(herd->handles[i]));
}

TEST_OF_HERD(nothing_is_placed_in_a_zspage_under_reclaim)
{
    const unsigned each = herd_fill(herd, SIZE, 1);

    herd->after = add_elsewhere;
    assert_status(zc_zspool_reclaim(herd->pool, herd_evict, herd, 1, NULL),
                  ZC_OK);
    assert_int_equal(herd->count, 2 * each);
}

static void compact_now(struct herd *herd, unsigned index)
{
    const uint64_t location =
        support_location_of(herd->pool, herd->handles[index]);

    (void)support_compact(herd->pool, NULL);
    assert_int_equal(support_location_of(herd->pool, herd->handles[index]),
                     location);
}

TEST_OF_HERD(compaction_leaves_a_zspage_under_reclaim_alone)
{
    const unsigned each = herd_fill(herd, SIZE, 3);
    unsigned i;

    /* The coldest is full but for three quarters, and so are the others. */
    for (i = 0; i < 3 * each; i++)
        if (i % 4 != 0)
            herd_free(herd, i);
    herd->before = compact_now;
    herd->after = compact_now;
    assert_status(zc_zspool_reclaim(herd->pool, herd_evict, herd, 1, NULL),
                  ZC_OK);
    /* The two others were moved together meanwhile. */
    assert_int_equal(support_stats(herd->pool).zspages, 1);
}

/* Under reclaim a zspage is on no list, but it still is one of the pool. */
static void count_now(struct herd *herd, unsigned index)
{
    struct zc_zspool_class total = {.struct_size = sizeof(total)};
    const uint64_t pages = zc_zspool_page_count(herd->pool);
    uint64_t pages_used = 0;
    zc_status status;
    unsigned i;

    (void)index;
    for (i = 0;
         (status = zc_zspool_get_class(herd->pool, i, &total)) != ZC_INVALID;
         i++) {
        if (status != ZC_OK)
            continue;
        assert_true(total.pages_freeable <= total.pages_used);
        assert_true(total.objects_used <= total.objects_allocated);
        pages_used += total.pages_used;
    }
    assert_int_equal(pages_used, pages);
    assert_true(zc_zspool_print_classes(herd->pool, NULL, 0) > 0);
}

TEST_OF_HERD(the_class_table_counts_a_zspage_under_reclaim)
{
    (void)herd_fill(herd, SIZE, 2);
    herd->before = count_now;
    herd->after = count_now;
    (void)herd_reclaim(herd, UINT64_MAX, ZC_AGAIN);
}

static void reclaim_more(struct herd *herd, unsigned index)
{
    (void)index;
    herd->after = NULL;
    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), zspage_pages(herd));
}

TEST_OF_HERD(evict_may_reclaim_another_zspage)
{
    uint64_t pages = 0;

    (void)herd_fill(herd, SIZE, 3);
    herd->after = reclaim_more;
    assert_status(zc_zspool_reclaim(herd->pool, herd_evict, herd, 1, &pages),
                  ZC_OK);
    assert_int_equal(pages, zspage_pages(herd));
    assert_int_equal(zc_zspool_page_count(herd->pool), zspage_pages(herd));
}

/* ---- objects left count, not what evict returned ---- */

static uint64_t also_freed; /* a bit for each of the first objects */

/* The first call frees some other objects, highest first. */
static void free_also(struct herd *herd, unsigned index)
{
    unsigned i;

    for (i = herd->count; i-- > 0 && herd->calls == 1;)
        if (i < 64 && (also_freed >> i & 1) != 0 && i != index &&
            !herd->freed[i])
            herd_free(herd, i);
}

/* What is left is whole, and what was freed can be used to the last place. */
static void fail_at(struct herd *herd, unsigned busy_at)
{
    const unsigned each = herd_fill(herd, SIZE, 1);
    const struct zc_zspage *zspage = herd_zspage(herd, 0);
    unsigned left;

    herd_free(herd, 9); /* free before, in an order of its own */
    herd_free(herd, 2);
    herd->before = free_also;
    herd->busy_from = busy_at;
    assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
    /* Tried again and again: the call fails at once from then on. */
    assert_int_equal(herd->calls, busy_at - 1 + FAILURES_MAX);
    herd_check(herd);
    for (left = (unsigned)support_stats(herd->pool).objects; left < each;
         left++)
        assert_ptr_equal(herd_zspage(herd, herd_add(herd, SIZE)), zspage);
    assert_int_equal(support_stats(herd->pool).zspages, 1);
}

TEST(a_failure_at_any_object_keeps_the_rest_and_makes_the_others_room)
{
    static const uint64_t others[] = {0, UINT64_C(1) << 16,
                                      UINT64_C(0x5555555555555555),
                                      UINT64_C(0xf0f0f0f0f0f0f0f0)};
    static const struct support_shape *const shapes[] = {SUPPORT_DENSE_16,
                                                         SUPPORT_KERNEL};
    static struct herd herd;
    unsigned busy_at;
    unsigned each;
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++)
        for (i = 0; i < 4; i++) {
            also_freed = others[i];
            for (busy_at = 1, each = 2; busy_at < each; busy_at++) {
                herd_init(&herd, shapes[k]);
                each = herd_per_zspage(herd.pool, SIZE) - 2;
                each = i < 2 ? each - i : each / 2;
                fail_at(&herd, busy_at);
                herd_end(&herd);
            }
        }
}

static void let_go(struct herd *herd, unsigned index)
{
    (void)herd;
    (void)index;
}

TEST_OF_HERD(a_zspage_stays_where_evict_let_an_object_go)
{
    const unsigned each = herd_fill(herd, SIZE, 1);

    herd->instead = let_go;
    assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
    assert_int_equal(herd->calls, FAILURES_MAX * each);
    assert_int_equal(support_stats(herd->pool).objects, each);
}

/* What the thread that frees is given. */
struct other {
    struct herd *herd;
    zc_status status[2];
    unsigned index;
};

static void *free_as_other(void *context)
{
    struct other *other = context;
    struct herd *herd = other->herd;
    zc_handle handle = herd->handles[other->index];

    other->status[0] = zc_zspool_free(herd->pool, handle);
    other->status[1] = zc_zspool_free(herd->pool, handle);
    return NULL;
}

static void other_frees(struct herd *herd, unsigned index)
{
    struct other other = {.herd = herd, .index = index};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, free_as_other, &other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_status(other.status[0], ZC_OK);
    assert_status(other.status[1], ZC_STALE);
    herd->freed[index] = true;
}

static void other_frees_the_last(struct herd *herd, unsigned index)
{
    if (herd->calls == herd->busy_at)
        other_frees(herd, index);
}

TEST_OF_HERD(a_failure_of_evict_does_not_matter_if_the_object_went)
{
    const unsigned each = herd_fill(herd, SIZE, 2);

    herd->busy_at = each;
    herd->before = other_frees_the_last;
    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), zspage_pages(herd));
    assert_int_equal(herd->calls, each);
}

static void other_frees_it_first(struct herd *herd, unsigned index)
{
    other_frees(herd, index);
    support_object_check(herd->pool, herd->handles[index], SIZE, index, 0);
    assert_status(zc_zspool_free(herd->pool, herd->handles[index]), ZC_STALE);
}

TEST_OF_HERD(evict_reads_what_another_freed_just_before)
{
    const unsigned each = herd_fill(herd, SIZE, 1);

    herd->instead = other_frees_it_first;
    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), zspage_pages(herd));
    assert_int_equal(herd->calls, each);
    support_pool_check_empty(herd->pool);
}

/* The first call frees all the others, the later ones before the earlier. */
static void free_the_others(struct herd *herd, unsigned index)
{
    unsigned i;

    for (i = herd->count; i-- > 0;)
        if (i != index && !herd->freed[i])
            other_frees(herd, i);
    herd_free(herd, index);
}

TEST_OF_HERD(evict_is_spared_what_others_freed)
{
    (void)herd_fill(herd, SIZE, 1);
    herd->instead = free_the_others;
    assert_int_equal(herd_reclaim(herd, 1, ZC_OK), zspage_pages(herd));
    assert_int_equal(herd->calls, 1);
    support_pool_check_empty(herd->pool);
}

/* ---- readers ---- */

TEST_OF_HERD(a_zspage_with_readers_is_passed_over)
{
    const unsigned each = herd_fill(herd, SIZE, 2);
    struct zc_zspool_read read;

    assert_status(
        zc_zspool_read_begin(herd->pool, herd->handles[each - 1], &read),
        ZC_OK);
    assert_int_equal(herd_reclaim(herd, UINT64_MAX, ZC_AGAIN),
                     zspage_pages(herd));
    assert_int_equal(herd->calls, each);
    assert_int_equal(herd->seen[each], 1);
    assert_true(support_has_stamp(read.data, SIZE, each - 1, 0));
    zc_zspool_read_end(herd->pool, &read);
    assert_int_equal(herd_reclaim(herd, UINT64_MAX, ZC_AGAIN),
                     zspage_pages(herd));
}

static struct zc_zspool_read pinned;

static void pin_first(struct herd *herd, unsigned index)
{
    if (herd->calls == 1)
        assert_status(
            zc_zspool_read_begin(herd->pool, herd->handles[index], &pinned),
            ZC_OK);
}

TEST_OF_HERD(a_zspage_emptied_under_a_reader_is_left_to_it)
{
    const unsigned each = herd_fill(herd, SIZE, 1);

    herd->before = pin_first;
    assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
    assert_int_equal(herd->calls, each);
    assert_int_equal(zc_zspool_page_count(herd->pool), zspage_pages(herd));
    herd_check(herd);
    zc_zspool_read_end(herd->pool, &pinned);
    support_pool_check_empty(herd->pool);
}

/* Also a page that a huge object has alone. */
TEST_OF_HERD(it_may_be_used_again_and_then_stays)
{
    static const size_t sizes[] = {SIZE, 4096};
    unsigned i;

    for (i = 0; i < 2; i++) {
        (void)herd_add(herd, sizes[i]);
        herd->calls = 0;
        herd->before = pin_first;
        assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
        herd_check(herd);
        assert_ptr_equal(herd_zspage(herd, herd_add(herd, sizes[i])),
                         pinned.pin);
        zc_zspool_read_end(herd->pool, &pinned);
        herd_check(herd);
        assert_int_equal(support_stats(herd->pool).zspages, 1);
        herd->before = NULL;
        (void)herd_reclaim(herd, 1, ZC_OK);
        support_pool_check_empty(herd->pool);
    }
}
