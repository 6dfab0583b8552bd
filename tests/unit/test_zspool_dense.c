/* SPDX-License-Identifier: MIT */
/* test_zspool_dense.c - objects side by side in segments, best fit. */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#define GRANULE 8

/* Bytes of an object that takes exactly so many granules. */
static size_t bytes_of(uint32_t granules)
{
    return (size_t)granules * GRANULE - ZC_DENSE_HEADER_BYTES;
}

static zc_handle place(struct zc_zspool *pool, uint32_t granules)
{
    return support_object_new(pool, bytes_of(granules), granules, 0);
}

/* Objects of that many granules that fill a segment; returns how many. */
static unsigned fill_segment(struct zc_zspool *pool, uint32_t granules,
                             zc_handle *handles_out)
{
    const uint32_t all = pool->segment_pages * ZC_DENSE_GRANULES_PER_PAGE;
    const unsigned count = all / granules;
    unsigned i;

    for (i = 0; i < count; i++)
        handles_out[i] = place(pool, granules);
    assert_ptr_equal(support_zspage_of(pool, handles_out[0]),
                     support_zspage_of(pool, handles_out[count - 1]));
    return count;
}

/* --wrap: what another thread does while this one, bringing pages, is not under
 * the lock. */
static _Thread_local void (*meanwhile)(void);

static void act_meanwhile(void)
{
    void (*action)(void) = meanwhile;

    meanwhile = NULL;
    if (action != NULL)
        action();
}

zc_status __real_zc_arena_get(struct zc_arena *arena, uint32_t length,
                              uint32_t least, uint32_t most,
                              struct zc_zspage **zspage_out);
zc_status __wrap_zc_arena_get(struct zc_arena *arena, uint32_t length,
                              uint32_t least, uint32_t most,
                              struct zc_zspage **zspage_out);

zc_status __wrap_zc_arena_get(struct zc_arena *arena, uint32_t length,
                              uint32_t least, uint32_t most,
                              struct zc_zspage **zspage_out)
{
    zc_status status =
        __real_zc_arena_get(arena, length, least, most, zspage_out);

    act_meanwhile();
    return status;
}

zc_status __real_zc_arena_grow(struct zc_arena *arena,
                               const struct zc_zspage *zspage, uint32_t least,
                               uint32_t most, uint32_t *pages_out);
zc_status __wrap_zc_arena_grow(struct zc_arena *arena,
                               const struct zc_zspage *zspage, uint32_t least,
                               uint32_t most, uint32_t *pages_out);

zc_status __wrap_zc_arena_grow(struct zc_arena *arena,
                               const struct zc_zspage *zspage, uint32_t least,
                               uint32_t most, uint32_t *pages_out)
{
    zc_status status =
        __real_zc_arena_grow(arena, zspage, least, most, pages_out);

    act_meanwhile();
    return status;
}

TEST(objects_lie_side_by_side)
{
    const struct support_shape *shape;
    const struct zc_zspage *zspage;
    struct zc_zspool *pool;
    uint32_t granule;
    unsigned neighbours;
    uint64_t next;
    zc_handle handle;
    size_t size;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        if (shape->placement != ZC_PLACEMENT_DENSE)
            continue;
        pool = support_pool_new(shape);
        granule = zc_dense_of(&pool->groups[0])->granule_bytes;
        assert_int_equal(granule, pool->page_size / 512);
        zspage = NULL;
        neighbours = 0;
        next = 0;
        for (size = 1; size < (size_t)60 * granule; size += granule / 4 + 1) {
            handle = support_object_new(pool, size, size, 0);
            if (support_zspage_of(pool, handle) == zspage) {
                assert_int_equal(support_location_of(pool, handle), next);
                neighbours++;
            }
            zspage = support_zspage_of(pool, handle);
            next = support_location_of(pool, handle) +
                   (size + 4 + granule - 1) / granule * (granule / 8);
        }
        assert_true(neighbours > 50);
        support_pool_check(pool);
        zc_zspool_destroy(pool);
    }
}

TEST_ON_DENSE(every_size_is_stored_whole_and_aligned)
{
    static zc_handle handles[ZC_PAGE_SIZE_MIN + 1];
    struct zc_zspool *pool = *state;
    size_t size;

    for (size = 1; size <= ZC_PAGE_SIZE_MIN; size++)
        handles[size] = support_object_new(pool, size, size, 1);
    support_pool_check(pool);
    for (size = 1; size <= ZC_PAGE_SIZE_MIN; size++)
        support_object_check(pool, handles[size], size, size, 1);
    for (size = 1; size <= ZC_PAGE_SIZE_MIN; size++)
        support_object_free(pool, handles[size]);
    support_pool_check_empty(pool);
}

TEST_ON_DENSE(an_object_goes_into_the_tightest_hole)
{
    static const unsigned holes[] = {5, 20, 9, 30, 12};
    static const unsigned wanted[] = {10, 3, 9, 25, 13};
    static const unsigned chosen[] = {4, 0, 2, 3, 1};
    struct zc_zspool *pool = *state;
    zc_handle handles[5];
    uint64_t locations[5];
    zc_handle handle;
    unsigned i;

    for (i = 0; i < 5; i++) {
        handles[i] = place(pool, holes[i]);
        (void)place(pool, 1);
    }
    for (i = 0; i < 5; i++) {
        locations[i] = support_location_of(pool, handles[i]);
        support_object_free(pool, handles[i]);
    }
    support_pool_check(pool);
    for (i = 0; i < 5; i++) {
        handle = place(pool, wanted[i]);
        assert_int_equal(support_location_of(pool, handle),
                         locations[chosen[i]]);
        support_pool_check(pool);
    }
}

TEST_ON_DENSE(the_tightest_hole_of_all_segments_is_taken)
{
    static zc_handle first[1024];
    static zc_handle second[1024];
    struct zc_zspool *pool = *state;
    uint64_t location;
    zc_handle handle;

    (void)fill_segment(pool, 16, first);
    (void)fill_segment(pool, 32, second);
    location = support_location_of(pool, first[100]);
    support_object_free(pool, second[50]);
    support_object_free(pool, first[100]);

    handle = place(pool, 15);
    assert_int_equal(support_location_of(pool, handle), location);
}

/* Frees the middle one of three with the neighbours that `which` says freed
 * before it, and puts one object as large as all of that there. */
static void join(struct zc_zspool *pool, unsigned which)
{
    static zc_handle handles[1024];
    unsigned count = fill_segment(pool, 8, handles);
    unsigned first = 100;
    uint32_t granules = 8;
    zc_handle joined;
    uint64_t location;
    unsigned i;

    if ((which & 1) != 0) {
        support_object_free(pool, handles[--first]);
        granules += 8;
    }
    if ((which & 2) != 0) {
        support_object_free(pool, handles[101]);
        granules += 8;
    }
    location = support_location_of(pool, handles[100]);
    support_object_free(pool, handles[100]);
    support_pool_check(pool);
    joined = place(pool, granules);
    assert_int_equal(support_location_of(pool, joined),
                     location - (uint64_t)(which & 1) * 8);
    support_pool_check(pool);
    support_object_free(pool, joined);
    for (i = 0; i < count; i++)
        if (i < first || i >= first + granules / 8) {
            support_object_check(pool, handles[i], bytes_of(8), 8, 0);
            support_object_free(pool, handles[i]);
        }
    support_pool_check_empty(pool);
}

TEST_ON_DENSE(a_freed_object_joins_its_free_neighbours)
{
    unsigned which;

    for (which = 0; which < 4; which++)
        join(*state, which);
}

TEST_ON_DENSE(both_ends_of_a_segment_can_be_free)
{
    static zc_handle handles[1024];
    struct zc_zspool *pool = *state;
    unsigned count = fill_segment(pool, 8, handles);

    support_object_free(pool, handles[0]);
    support_object_free(pool, handles[count - 1]);
    support_pool_check(pool);
    support_object_free(pool, handles[1]);
    support_object_free(pool, handles[count - 2]);
    support_pool_check(pool);
    assert_int_equal(support_zspage_of(pool, place(pool, 16))->chunk, 0);
    assert_int_equal(support_zspage_of(pool, place(pool, 16))->slot, 0);
    assert_int_equal(support_stats(pool).zspages, 1);
    assert_int_equal(pool->groups[0].zspages[11],
                     1); /* full to the last granule */
}

TEST_ON_DENSE(a_hole_too_short_for_a_bin_waits_for_its_neighbour)
{
    static zc_handle handles[8190];
    struct zc_zspool *pool = *state;
    uint64_t location;
    zc_handle handle;
    unsigned i;

    /* The last two granules are such a hole, too. */
    for (i = 0; i < 8190; i++)
        handles[i] = place(pool, 1);
    assert_int_equal(support_stats(pool).zspages, 1);
    location = support_location_of(pool, handles[50]);
    support_object_free(pool, handles[50]);
    support_object_free(pool, handles[51]);
    support_pool_check(pool);
    handle = place(pool, 1);
    assert_ptr_not_equal(support_zspage_of(pool, handle),
                         support_zspage_of(pool, handles[0]));
    support_object_free(pool, handle);

    support_object_free(pool, handles[52]);
    handle = place(pool, 3);
    assert_int_equal(support_location_of(pool, handle), location);
    support_pool_check(pool);
}

TEST_ON_DENSE(a_segment_goes_back_with_its_last_object)
{
    static zc_handle first[1024];
    static zc_handle second[1024];
    struct zc_zspool *pool = *state;
    unsigned count = fill_segment(pool, 16, first);
    unsigned i;

    (void)fill_segment(pool, 16, second);
    assert_int_equal(zc_zspool_page_count(pool), 32);
    for (i = 0; i + 1 < count; i++)
        support_object_free(pool, first[i]);
    assert_int_equal(zc_zspool_page_count(pool), 32);
    support_object_free(pool, first[count - 1]);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    support_pool_check(pool);
}

/* It begins with four pages and gets more by the four. */
TEST(segments_have_the_length_that_was_asked_for)
{
    struct support_shape shape = {"", ZC_PLACEMENT_DENSE, 0, 0, 0, 0};
    const struct zc_zspage *first;
    struct zc_zspool *pool;
    unsigned count;

    for (shape.segment_pages = 4; shape.segment_pages <= 128;
         shape.segment_pages *= 2) {
        pool = support_pool_new(&shape);
        first = support_zspage_of(pool, support_object_new(pool, 4092, 0, 0));
        for (count = 1; count < shape.segment_pages; count++) {
            assert_int_equal(zc_zspool_page_count(pool), (count + 3) / 4 * 4);
            assert_ptr_equal(
                first, support_zspage_of(
                           pool, support_object_new(pool, 4092, count, 0)));
        }
        assert_int_equal(support_stats(pool).zspages, 1);
        assert_ptr_not_equal(
            first,
            support_zspage_of(pool, support_object_new(pool, 4092, count, 0)));
        assert_int_equal(zc_zspool_page_count(pool), shape.segment_pages + 4);
        support_pool_check(pool);
        zc_zspool_destroy(pool);
    }
}

/* An object that has no room for its header in a page has one alone. */
TEST_ON_DENSE(a_page_takes_a_page)
{
    struct zc_zspool *pool = *state;
    zc_handle handles[40];
    unsigned i;

    for (i = 0; i < 40; i++) {
        handles[i] = support_object_new(pool, 4093 + i % 4, i, 0);
        assert_int_equal(zc_zspool_page_count(pool), i + 1);
    }
    support_pool_check(pool);
    assert_int_equal(zc_zspool_used_pages(pool), 40);
    for (i = 0; i < 40; i++)
        support_object_check(pool, handles[i], 4093 + i % 4, i, 0);
    for (i = 0; i < 40; i++)
        support_object_free(pool, handles[i]);
    support_pool_check_empty(pool);
}

/* ---- while a segment is brought, or grows ---- */

static struct zc_zspool *shared_pool;
static zc_handle *freed_meanwhile;
static unsigned freed_count;

static void free_meanwhile(void)
{
    while (freed_count > 0)
        support_object_free(shared_pool, freed_meanwhile[--freed_count]);
}

static void free_later(struct zc_zspool *pool, zc_handle *handles,
                       unsigned count)
{
    shared_pool = pool;
    freed_meanwhile = handles;
    freed_count = count;
    meanwhile = free_meanwhile;
}

TEST_ON_DENSE(a_new_segment_that_is_not_needed_any_more_is_not_left_empty)
{
    static zc_handle handles[1024];
    struct zc_zspool *pool = *state;
    unsigned count = fill_segment(pool, 16, handles);
    const struct zc_zspage *full = support_zspage_of(pool, handles[0]);

    free_later(pool, &handles[100], 1);
    handles[100] = place(pool, 16);
    assert_null(meanwhile);
    assert_ptr_equal(support_zspage_of(pool, handles[100]), full);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    support_pool_check(pool);
    while (count > 0)
        support_object_free(pool, handles[--count]);
    support_pool_check_empty(pool);
}

/* Four pages full, which get more while they are emptied, all but `left`. */
static void empty_while_it_grows(struct zc_zspool *pool, unsigned left)
{
    static zc_handle handles[128];
    zc_handle handle;
    unsigned i;

    for (i = 0; i < 128; i++)
        handles[i] = place(pool, 16);
    assert_int_equal(zc_zspool_page_count(pool), 4);
    free_later(pool, &handles[left], 128 - left);
    handle = place(pool, 512);
    assert_null(meanwhile);
    support_pool_check(pool);
    support_object_check(pool, handle, bytes_of(512), 512, 0);
    for (i = 0; i < left; i++)
        support_object_check(pool, handles[i], bytes_of(16), 16, 0);
    for (i = 0; i < left; i++)
        support_object_free(pool, handles[i]);
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
    (void)support_compact(pool, NULL); /* nothing is kept */
}

TEST_ON_DENSE(a_segment_may_be_emptied_while_it_grows)
{
    unsigned left;

    for (left = 0; left <= 128; left++)
        empty_while_it_grows(*state, left);
}

/* A step of compaction that chooses the open segment, and leaves it to the pin
 * that is on it; it is never isolated between two calls. */
static void isolate_meanwhile(void)
{
    struct zc_group *group = &shared_pool->groups[0];
    struct zc_zspage *open = zc_dense_of(group)->open;
    struct zc_segment segment = zc_segment_of(shared_pool, group, open);

    zc_spinlock_lock(&group->lock);
    zc_segment_unbin_all(&segment);
    zc_group_remove(group, open);
    open->isolated = true;
    zc_dense_of(group)->victim = open;
    zc_spinlock_unlock(&group->lock);
}

static void bring_back(void)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    shared_pool->ops->compact_pause(shared_pool, &result);
}

TEST_ON_DENSE(and_may_be_chosen_for_compaction)
{
    static zc_handle handles[4 * 128];
    struct zc_zspool *pool = *state;
    zc_handle handle;
    unsigned i;

    /* Holes in a full segment, and in an open one. */
    for (i = 0; i < 512; i++)
        (void)place(pool, 16);
    for (i = 0; i < 128; i++)
        handles[i] = place(pool, 16);
    for (i = 0; i < 128; i += 2)
        support_object_free(pool, handles[i]);
    shared_pool = pool;
    meanwhile = isolate_meanwhile;
    handle = place(pool, 512);
    assert_null(meanwhile);
    assert_int_equal(support_zspage_of(pool, handle)->pages, 8 - 4);
    bring_back();
    support_pool_check(pool);
    support_object_check(pool, handle, bytes_of(512), 512, 0);
}

static void fill_and_empty(struct support_worker *worker)
{
    struct zc_zspool *pool = worker->context;
    zc_handle handles[40];
    unsigned round;
    unsigned i;

    for (round = 0; round < 300; round++) {
        for (i = 0; i < 40; i++)
            if (zc_zspool_alloc(pool, 4090, &handles[i]) != ZC_OK)
                support_mistake(worker, "cannot allocate");
        for (i = 0; i < 40; i++)
            if (zc_zspool_free(pool, handles[i]) != ZC_OK)
                support_mistake(worker, "cannot free");
    }
}

TEST_ON_DENSE(threads_that_bring_segments_together_leave_none)
{
    struct support_crew crew;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, fill_and_empty, *state);
    support_crew_run(&crew, 0);
    support_pool_check_empty(*state);
}

TEST(churn_keeps_every_byte_and_every_rule)
{
    struct support_random random = {support_seed(0xde45e)};
    static zc_handle handles[1000];
    static size_t sizes[1000];
    const struct support_shape *shape;
    struct zc_zspool *pool;
    unsigned step;
    uint64_t i;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        if (shape->placement != ZC_PLACEMENT_DENSE)
            continue;
        pool = support_pool_new(shape);
        memset(sizes, 0, sizeof(sizes));
        for (step = 0; step < 4000; step++) {
            i = support_random_below(&random, 1000);
            if (sizes[i] != 0) {
                support_object_check(pool, handles[i], sizes[i], i, 0);
                support_object_free(pool, handles[i]);
                sizes[i] = 0;
            } else {
                sizes[i] = support_random_size(&random, pool->page_size);
                handles[i] = support_object_new(pool, sizes[i], i, 0);
            }
            if (step % 1000 == 0)
                support_pool_check(pool);
        }
        for (i = 0; i < 1000; i++) {
            if (sizes[i] == 0)
                continue;
            support_object_check(pool, handles[i], sizes[i], i, 0);
            support_object_free(pool, handles[i]);
        }
        support_pool_check_empty(pool);
        zc_zspool_destroy(pool);
    }
}
