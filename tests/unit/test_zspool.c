/* SPDX-License-Identifier: MIT */
/* test_zspool.c - the contract of zspool.h; for bad input see
 * test_zspool_input.c. */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"

/* ---- what a caller gets right ---- */

/* Sizes of a shape: all of them for small pages, every so-manieth else. */
static size_t size_step(const struct zc_zspool *pool)
{
    return pool->page_size == ZC_PAGE_SIZE_MIN ? 1 : pool->page_size / 512 + 1;
}

TEST(every_size_keeps_its_bytes_in_every_pool)
{
    static zc_handle handles[ZC_PAGE_SIZE_MAX + 1];
    const struct support_shape *shape;
    struct zc_zspool *pool;
    size_t size;
    size_t step;
    size_t got;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        pool = support_pool_new(shape);
        step = size_step(pool);
        for (size = pool->page_size; size > 0 && size <= pool->page_size;
             size -= step)
            handles[size] = support_object_new(pool, size, size, 9);
        support_pool_check(pool);
        for (size = pool->page_size; size > 0 && size <= pool->page_size;
             size -= step) {
            support_object_check(pool, handles[size], size, size, 9);
            assert_status(zc_zspool_object_size(pool, handles[size], &got),
                          ZC_OK);
            assert_int_equal(got, size);
        }
        for (size = pool->page_size; size > 0 && size <= pool->page_size;
             size -= step)
            support_object_free(pool, handles[size]);
        support_pool_check_empty(pool);
        zc_zspool_destroy(pool);
    }
}

TEST_ON_BOTH(a_second_write_replaces_the_first)
{
    struct zc_zspool *pool = *state;
    zc_handle before = support_object_new(pool, 1000, 1, 0);
    zc_handle handle = support_object_new(pool, 1000, 2, 0);
    zc_handle after = support_object_new(pool, 1000, 3, 0);
    char bytes[1000];
    unsigned i;

    for (i = 1; i < 10; i++) {
        support_stamp(bytes, sizeof(bytes), 2, i);
        assert_status(zc_zspool_write(pool, handle, bytes, sizeof(bytes)),
                      ZC_OK);
        support_object_check(pool, handle, 1000, 2, i);
    }
    support_object_check(pool, before, 1000, 1, 0);
    support_object_check(pool, after, 1000, 3, 0);
}

TEST_ON_BOTH(an_object_put_is_there_at_once)
{
    struct zc_zspool *pool = *state;
    char bytes[2000];
    zc_handle handle;

    support_stamp(bytes, sizeof(bytes), 5, 6);
    assert_status(zc_zspool_put(pool, bytes, sizeof(bytes), &handle), ZC_OK);
    support_object_check(pool, handle, sizeof(bytes), 5, 6);
    support_pool_check(pool);
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(an_object_can_be_read_many_times_at_once)
{
    struct zc_zspool *pool = *state;
    zc_handle handle = support_object_new(pool, 1234, 1, 1);
    struct zc_zspool_read reads[20];
    unsigned i;

    for (i = 0; i < 20; i++) {
        assert_status(zc_zspool_read_begin(pool, handle, &reads[i]), ZC_OK);
        assert_ptr_equal(reads[i].data, reads[0].data);
        assert_int_equal(reads[i].size, 1234);
    }
    for (i = 0; i < 20; i++) {
        assert_true(support_has_stamp(reads[i].data, 1234, 1, 1));
        zc_zspool_read_end(pool, &reads[i]);
    }
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(tags_belong_to_their_handle)
{
    struct zc_zspool *pool = *state;
    zc_handle handles[100];
    unsigned previous;
    unsigned i;

    for (i = 0; i < 100; i++) {
        handles[i] = support_object_new(pool, 40, i, 0);
        assert_status(
            zc_zspool_change_tags(pool, handles[i], 0, i % 4, &previous),
            ZC_OK);
        assert_int_equal(previous, 0);
    }
    for (i = 0; i < 100; i++) {
        assert_status(zc_zspool_change_tags(pool, handles[i], ZC_TAG_0,
                                            ZC_TAG_1, &previous),
                      ZC_OK);
        assert_int_equal(previous, i % 4);
        assert_status(zc_zspool_change_tags(pool, handles[i], 0, 0, &previous),
                      ZC_OK);
        assert_int_equal(previous, ZC_TAG_1);
        support_object_check(pool, handles[i], 40, i, 0);
    }
}

TEST(the_huge_class_begins_where_its_size_says)
{
    struct zc_zspool *pool;
    zc_handle handle;
    size_t huge;

    pool = support_pool_new(SUPPORT_KERNEL);
    huge = zc_zspool_huge_class_size(pool);
    assert_int_equal(huge, 3625);
    handle = support_object_new(pool, huge, 1, 1);
    assert_int_equal(zc_zspool_page_count(pool), 1);
    support_object_check(pool, handle, huge, 1, 1);
    handle = support_object_new(pool, 4096, 2, 2);
    assert_int_equal(zc_zspool_page_count(pool), 2);
    support_object_check(pool, handle, 4096, 2, 2);
    support_object_free(pool, handle);
    assert_int_equal(zc_zspool_page_count(pool), 1);
    (void)support_object_new(pool, huge - 1, 3, 3);
    assert_true(zc_zspool_page_count(pool) > 2);
    support_pool_check(pool);
    zc_zspool_destroy(pool);
}

TEST_ON_BOTH(statistics_say_what_there_is)
{
    struct zc_zspool *pool = *state;
    struct zc_zspool_stats stats;
    zc_handle handles[100];
    uint64_t payload = 0;
    unsigned i;

    for (i = 0; i < 100; i++) {
        handles[i] = support_object_new(pool, 30 * i + 1, i, 0);
        payload += 30 * i + 1;
        stats = support_stats(pool);
        assert_int_equal(stats.objects, i + 1);
        assert_int_equal(stats.payload_bytes, payload);
        assert_int_equal(stats.pages_allocated, zc_zspool_page_count(pool));
        assert_int_equal(stats.pool_bytes, stats.pages_allocated * 4096);
        assert_true(stats.pool_bytes >= payload);
    }
    assert_true(stats.handle_bytes > 0);
    assert_true(stats.metadata_bytes > 0);
    for (i = 0; i < 100; i++)
        support_object_free(pool, handles[i]);
    support_pool_check_empty(pool);
}

/* ---- the limit ---- */

TEST(a_full_pool_rejects_and_accepts_again_after_frees)
{
    const struct support_shape *base;
    struct support_shape shape;
    struct zc_zspool *pool;
    zc_handle handles[3000];
    zc_handle refused;
    uint64_t rejects;
    unsigned count;
    unsigned i;

    for (base = support_shapes; base < support_shapes + support_shape_count;
         base++) {
        shape = *base;
        shape.limit_pages = 300;
        pool = support_pool_new(&shape);
        refused.value = 77;
        for (count = 0;; count++) {
            assert_true(count < 3000);
            if (zc_zspool_alloc(pool, pool->page_size / 3, &handles[count]) !=
                ZC_OK)
                break;
        }
        assert_in_range(count, 512, 920);
        rejects = support_stats(pool).limit_rejects;
        assert_int_equal(rejects, 1);
        for (i = 0; i < 5; i++)
            assert_status(zc_zspool_alloc(pool, pool->page_size / 3, &refused),
                          ZC_REJECTED);
        assert_int_equal(refused.value, 77);
        assert_int_equal(support_stats(pool).limit_rejects, rejects + 5);
        assert_int_equal(support_stats(pool).objects, count);
        assert_true(zc_zspool_page_count(pool) <= 300);
        support_pool_check(pool);

        /* Room for one is room for one. */
        support_object_free(pool, handles[count / 2]);
        assert_status(
            zc_zspool_alloc(pool, pool->page_size / 3, &handles[count / 2]),
            ZC_OK);
        for (i = 0; i < count; i++)
            support_object_free(pool, handles[i]);
        support_pool_check_empty(pool);
        zc_zspool_destroy(pool);
    }
}

TEST(a_limit_is_rounded_down_to_pages)
{
    struct zc_zspool *pool = NULL;
    zc_handle handle;
    unsigned i;

    assert_status(
        zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL,
                                           .limit_bytes = 10 * 4096 - 1),
                         &pool),
        ZC_OK);
    for (i = 0; i < 9; i++)
        assert_status(zc_zspool_alloc(pool, 4096, &handle), ZC_OK);
    assert_status(zc_zspool_alloc(pool, 4096, &handle), ZC_REJECTED);
    zc_zspool_destroy(pool);
}

/* ---- iterating ---- */

#define VISITED 500

struct visits {
    struct zc_zspool *pool;
    zc_handle handles[VISITED];
    unsigned seen[VISITED];
    unsigned total;
    unsigned end_after; /* visits; 0: never */
};

/* The object's owner, from its bytes; its content must be whole. */
static unsigned owner_of(const void *data, size_t size)
{
    uint64_t owner = VISITED;
    uint64_t sequence = 1;

    assert_true(support_is_whole(data, size, &owner, &sequence));
    assert_in_range(owner, 0, VISITED - 1);
    assert_int_equal(sequence, 0);
    return (unsigned)owner;
}

static void fill_visits(struct visits *visits, struct zc_zspool *pool)
{
    unsigned i;

    memset(visits, 0, sizeof(*visits));
    visits->pool = pool;
    for (i = 0; i < VISITED; i++)
        visits->handles[i] = support_object_new(pool, 24 + 8 * i, i, 0);
}

static bool count_visit(void *context, zc_handle handle, const void *data,
                        size_t size)
{
    struct visits *visits = context;
    unsigned owner = owner_of(data, size);

    assert_int_equal(handle.value, visits->handles[owner].value);
    assert_int_equal(size, 24 + 8 * owner);
    visits->seen[owner]++;
    visits->total++;
    return visits->total != visits->end_after;
}

TEST_ON_BOTH(iterating_visits_every_object_once_with_its_bytes)
{
    struct visits visits;
    unsigned i;

    memset(&visits, 0, sizeof(visits));
    assert_status(zc_zspool_iterate(*state, count_visit, &visits), ZC_OK);
    assert_int_equal(visits.total, 0);
    fill_visits(&visits, *state);
    for (i = 0; i < VISITED; i += 3) {
        support_object_free(*state, visits.handles[i]);
        visits.seen[i] = 1; /* not to be seen */
    }
    assert_status(zc_zspool_iterate(*state, count_visit, &visits), ZC_OK);
    for (i = 0; i < VISITED; i++)
        assert_int_equal(visits.seen[i], 1);
}

TEST_ON_BOTH(a_visit_can_end_the_walk)
{
    struct visits visits;

    fill_visits(&visits, *state);
    visits.end_after = 10;
    assert_status(zc_zspool_iterate(*state, count_visit, &visits), ZC_AGAIN);
    assert_int_equal(visits.total, 10);
    visits.total = 0;
    visits.end_after = VISITED; /* the last object */
    assert_status(zc_zspool_iterate(*state, count_visit, &visits), ZC_AGAIN);
    assert_int_equal(visits.total, VISITED);
}

/* Frees all others; they are then not visited, and the rest once. */
static bool free_the_next(void *context, zc_handle handle, const void *data,
                          size_t size)
{
    struct visits *visits = context;
    unsigned owner = owner_of(data, size);
    unsigned other = (owner + 1) % VISITED;

    (void)handle;
    assert_int_equal(visits->seen[owner], 0);
    visits->seen[owner] = 1;
    visits->total++;
    if (visits->seen[other] == 0) {
        support_object_free(visits->pool, visits->handles[other]);
        visits->seen[other] = 2;
    }
    assert_true(support_has_stamp(data, size, owner, 0));
    return true;
}

TEST_ON_BOTH(a_visit_may_free_other_objects)
{
    struct visits visits;
    unsigned i;

    fill_visits(&visits, *state);
    assert_status(zc_zspool_iterate(*state, free_the_next, &visits), ZC_OK);
    support_pool_check(*state);
    assert_int_equal(support_stats(*state).objects, visits.total);
    for (i = 0; i < VISITED; i++) {
        assert_int_not_equal(visits.seen[i], 0);
        if (visits.seen[i] == 1)
            support_object_check(*state, visits.handles[i], 24 + 8 * i, i, 0);
    }
}

static bool allocate_and_compact(void *context, zc_handle handle,
                                 const void *data, size_t size)
{
    struct visits *visits = context;
    struct zc_zspool_read read;
    uint64_t owner;
    uint64_t sequence;
    zc_handle fresh;

    if (!support_is_whole(data, size, &owner, &sequence) || sequence != 0)
        return true; /* a new one */
    visits->total++;
    fresh = support_object_new(visits->pool, size, owner, 1);
    (void)zc_zspool_compact(visits->pool, NULL, NULL);
    assert_true(support_has_stamp(data, size, owner, 0));
    assert_status(zc_zspool_read_begin(visits->pool, handle, &read), ZC_OK);
    assert_ptr_equal(read.data, data);
    zc_zspool_read_end(visits->pool, &read);
    support_object_free(visits->pool, fresh);
    return true;
}

TEST_ON_BOTH(a_visit_may_call_the_pool)
{
    struct visits visits;
    unsigned i;

    fill_visits(&visits, *state);
    for (i = 0; i < VISITED; i += 2)
        support_object_free(*state, visits.handles[i]);
    assert_status(zc_zspool_iterate(*state, allocate_and_compact, &visits),
                  ZC_OK);
    assert_int_equal(visits.total, VISITED / 2);
    for (i = 1; i < VISITED; i += 2)
        support_object_check(*state, visits.handles[i], 24 + 8 * i, i, 0);
}

/* ---- several pools, and other processes ---- */

TEST(pools_do_not_know_each_other)
{
    struct zc_zspool *pools[4];
    zc_handle handles[4];
    unsigned i;

    for (i = 0; i < 4; i++) {
        pools[i] =
            support_pool_new(i % 2 == 0 ? SUPPORT_DENSE : SUPPORT_KERNEL);
        handles[i] = support_object_new(pools[i], 500, i, 0);
    }
    zc_zspool_destroy(pools[1]);
    for (i = 0; i < 4; i++)
        if (i != 1)
            support_object_check(pools[i], handles[i], 500, i, 0);
    support_object_free(pools[0], handles[0]);
    assert_int_equal(support_stats(pools[2]).objects, 1);
    zc_zspool_destroy(pools[0]);
    zc_zspool_destroy(pools[2]);
    zc_zspool_destroy(pools[3]);
}

static void destroy_it(void *context)
{
    zc_zspool_destroy(context);
}

TEST(a_child_can_destroy_the_pool_and_the_parent_goes_on)
{
    const struct support_shape *shape;
    struct support_end end;
    struct zc_zspool *pool;
    zc_handle handles[200];
    unsigned i;

    for (shape = SUPPORT_DENSE; shape <= SUPPORT_KERNEL; shape++) {
        pool = support_pool_new(shape);
        for (i = 0; i < 200; i++)
            handles[i] = support_object_new(pool, 10 * i + 1, i, 0);
        support_run_child(destroy_it, pool, &end);
        assert_string_equal(end.errors, "");
        assert_true(end.exited);
        assert_int_equal(end.number, 0);
        for (i = 0; i < 200; i++)
            support_object_check(pool, handles[i], 10 * i + 1, i, 0);
        support_pool_check(pool);
        zc_zspool_destroy(pool);
    }
}

TEST(destroying_a_full_pool_gives_all_its_memory_back)
{
    const struct support_shape *shape;
    struct zc_zspool *pool;
    uint64_t before = 0;
    unsigned round;
    unsigned i;

    for (shape = SUPPORT_DENSE; shape <= SUPPORT_KERNEL; shape++)
        for (round = 0; round < 3; round++) {
            if (round == 1) /* malloc has grown in the first */
                before = support_mapped_bytes();
            pool = support_pool_new(shape);
            for (i = 0; i < 5000; i++)
                (void)support_object_new(pool, i % 4096 + 1, i, 0);
            zc_zspool_destroy(pool);
            if (round > 0)
                support_assert_mapped(before);
        }
}
