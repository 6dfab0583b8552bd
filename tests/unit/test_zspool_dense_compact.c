/* SPDX-License-Identifier: MIT */
/* test_zspool_dense_compact.c - segments are emptied into the holes of others.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"

#include <pthread.h>
#include <time.h>

#define GRANULE 8

#define LARGEST 512 /* granules of what has its header beside it */

static size_t bytes_of(uint32_t granules)
{
    return (size_t)granules * GRANULE - ZC_DENSE_HEADER_BYTES;
}

/* `count` objects of that many granules, owned by their index. */
static void place_all(struct zc_zspool *pool, uint32_t granules, unsigned count,
                      zc_handle *handles_out)
{
    unsigned i;

    for (i = 0; i < count; i++)
        handles_out[i] = support_object_new(pool, bytes_of(granules), i, 0);
}

static void check_all(struct zc_zspool *pool, uint32_t granules, unsigned count,
                      const zc_handle *handles)
{
    unsigned i;

    for (i = 0; i < count; i++)
        if (handles[i].value != 0)
            support_object_check(pool, handles[i], bytes_of(granules), i, 0);
}

static void release(struct zc_zspool *pool, zc_handle *handle)
{
    support_object_free(pool, *handle);
    handle->value = 0;
}

/*
 * --wrap of the calls that may find a reader: right after such a call this
 * reader ends, on its own thread, because it may have to wait for the lock that
 * is held here.
 */
static struct {
    struct zc_zspool *pool; /* NULL: not ordered, or done */
    struct zc_zspool_read read;
    pthread_t thread;
    bool has_left;
} leaver;

static void *end_reading(void *argument)
{
    zc_zspool_read_end(argument, &leaver.read);
    return NULL;
}

static bool let_reader_leave(bool locked)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    if (!locked && leaver.pool != NULL) {
        leaver.has_left =
            pthread_create(&leaver.thread, NULL, end_reading, leaver.pool) == 0;
        leaver.pool = NULL;
        (void)nanosleep(&pause, NULL);
    }
    return locked;
}

bool __real_zc_zspage_trylock(struct zc_zspage *zspage);
bool __wrap_zc_zspage_trylock(struct zc_zspage *zspage);

bool __wrap_zc_zspage_trylock(struct zc_zspage *zspage)
{
    return let_reader_leave(__real_zc_zspage_trylock(zspage));
}

bool __real_zc_zspage_release_or_leave(struct zc_zspage *zspage);
bool __wrap_zc_zspage_release_or_leave(struct zc_zspage *zspage);

bool __wrap_zc_zspage_release_or_leave(struct zc_zspage *zspage)
{
    return let_reader_leave(__real_zc_zspage_release_or_leave(zspage));
}

TEST_ON_DENSE(nothing_is_moved_where_no_segment_can_be_gained)
{
    static zc_handle handles[600];
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    assert_int_equal(support_compact(pool, NULL).objects_moved, 0);
    place_all(pool, 16, 512 + 20, handles);
    release(pool, &handles[3]);
    release(pool, &handles[30]);

    result = support_compact(pool, NULL);
    assert_int_equal(result.objects_moved, 0);
    assert_int_equal(result.pages_freed, 0);
    assert_int_equal(zc_zspool_page_count(pool), 20);
}

TEST_ON_DENSE(the_emptiest_segment_is_emptied_into_the_tightest_holes)
{
    static zc_handle handles[512 + 10];
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    uint64_t locations[10];
    unsigned i;
    unsigned j;

    /* One full segment, then ten holes in it for the ten of the second. */
    place_all(pool, 16, 512 + 10, handles);
    for (i = 0; i < 10; i++) {
        j = 7 * i;
        locations[i] = support_location_of(pool, handles[j]);
        release(pool, &handles[j]);
    }
    result = support_compact(pool, NULL);
    assert_int_equal(result.objects_moved, 10);
    assert_int_equal(result.pages_freed, 4);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    check_all(pool, 16, 522, handles);
    for (i = 0; i < 10; i++) {
        for (j = 0; locations[j] != support_location_of(pool, handles[512 + i]);
             j++)
            assert_true(j + 1 < 10);
        locations[j] = UINT64_MAX;
    }
}

TEST_ON_DENSE(holes_too_short_are_slid_into_one)
{
    static zc_handle small[1024];
    static zc_handle large[17];
    const struct zc_zspage *slid;
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned i;

    /* Half a segment free, in pieces of 8; and 17 objects of 200 elsewhere. */
    place_all(pool, 8, 1024, small);
    place_all(pool, 200, 17, large);
    slid = support_zspage_of(pool, small[0]);
    assert_int_equal(zc_zspool_page_count(pool), 24);
    for (i = 0; i < 1024; i += 2)
        release(pool, &small[i]);

    result = support_compact(pool, NULL);
    assert_int_equal(result.pages_freed, 8);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    assert_true(result.objects_moved >= 17);
    for (i = 0; i < 17; i++)
        assert_ptr_equal(support_zspage_of(pool, large[i]), slid);
    check_all(pool, 8, 1024, small);
    check_all(pool, 200, 17, large);
}

TEST_ON_DENSE(a_segment_with_a_reader_is_not_slid)
{
    static zc_handle small[1024];
    static zc_handle large[17];
    struct zc_zspool *pool = *state;
    struct zc_zspool_read read;
    unsigned i;

    place_all(pool, 8, 1024, small);
    place_all(pool, 200, 17, large);
    for (i = 0; i < 1024; i += 2)
        release(pool, &small[i]);
    assert_status(zc_zspool_read_begin(pool, small[1001], &read), ZC_OK);

    assert_int_equal(support_compact(pool, NULL).pages_freed, 0);
    assert_true(support_has_stamp(read.data, read.size, 1001, 0));
    support_pool_check(pool);
    zc_zspool_read_end(pool, &read);

    assert_int_equal(support_compact(pool, NULL).pages_freed, 8);
    check_all(pool, 8, 1024, small);
    check_all(pool, 200, 17, large);
}

TEST_ON_DENSE(tags_survive_moves_and_slides)
{
    static zc_handle small[1024];
    static zc_handle large[17];
    struct zc_zspool *pool = *state;
    unsigned tags;
    unsigned i;

    place_all(pool, 8, 1024, small);
    place_all(pool, 200, 17, large);
    for (i = 0; i < 1024; i++)
        assert_status(zc_zspool_change_tags(pool, small[i], 0, i / 2 % 4, NULL),
                      ZC_OK);
    for (i = 0; i < 17; i++)
        assert_status(zc_zspool_change_tags(pool, large[i], 0, i % 4, NULL),
                      ZC_OK);
    for (i = 0; i < 1024; i += 2)
        release(pool, &small[i]);
    assert_true(support_compact(pool, NULL).objects_moved > 17);

    for (i = 1; i < 1024; i += 2) {
        assert_status(zc_zspool_change_tags(pool, small[i], 0, 0, &tags),
                      ZC_OK);
        assert_int_equal(tags, i / 2 % 4);
    }
    for (i = 0; i < 17; i++) {
        assert_status(zc_zspool_change_tags(pool, large[i], 0, 0, &tags),
                      ZC_OK);
        assert_int_equal(tags, i % 4);
    }
}

/* ---- between two steps ---- */

#define MANY 60 /* more than one step moves */

/*
 * A full segment with one hole more than MANY, and a second with MANY objects
 * of which a step has moved some.  Returns the victim.
 */
static struct zc_zspage *begin(struct zc_zspool *pool, zc_handle *handles)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspage *victim;
    unsigned i;

    place_all(pool, 16, 512 + MANY, handles);
    victim = support_zspage_of(pool, handles[512]);
    for (i = 0; i <= 8 * MANY; i += 8)
        release(pool, &handles[i]);
    zc_mutex_lock(&pool->compaction);
    while (result.objects_moved == 0)
        assert_status(pool->ops->compact_step(pool, UINT64_MAX, &result),
                      ZC_AGAIN);
    zc_mutex_unlock(&pool->compaction);
    assert_ptr_equal(zc_dense_of(&pool->groups[0])->victim, victim);
    assert_true(victim->isolated);
    assert_in_range(result.objects_moved, 1, MANY - 1);
    return victim;
}

TEST_ON_DENSE(nothing_is_placed_in_a_segment_that_is_being_emptied)
{
    zc_handle handles[512 + MANY];
    struct zc_zspool *pool = *state;
    struct zc_zspage *victim = begin(pool, handles);
    zc_handle fresh[2];

    fresh[0] = support_object_new(pool, bytes_of(20), 7, 7);
    fresh[1] = support_object_new(pool, bytes_of(LARGEST), 8, 8);
    assert_ptr_not_equal(support_zspage_of(pool, fresh[0]), victim);
    assert_ptr_not_equal(support_zspage_of(pool, fresh[1]), victim);

    (void)support_compact(pool, NULL);
    support_pool_check(pool);
    support_object_check(pool, fresh[0], bytes_of(20), 7, 7);
    support_object_check(pool, fresh[1], bytes_of(LARGEST), 8, 8);
    check_all(pool, 16, 512 + MANY, handles);
}

TEST_ON_DENSE(a_segment_emptied_by_frees_between_steps_goes_back)
{
    zc_handle handles[512 + MANY];
    struct zc_zspool *pool = *state;
    unsigned i;

    (void)begin(pool, handles);
    for (i = 512; i < 512 + MANY; i++)
        release(pool, &handles[i]);
    assert_int_equal(zc_zspool_page_count(pool), 20);

    assert_int_equal(support_compact(pool, NULL).pages_freed, 4);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    support_pool_check(pool);
    check_all(pool, 16, 512 + MANY, handles);
}

TEST_ON_DENSE(a_pause_gives_an_emptied_segment_back)
{
    zc_handle handles[512 + MANY];
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool *pool = *state;
    unsigned i;

    (void)begin(pool, handles);
    for (i = 512; i < 512 + MANY; i++)
        release(pool, &handles[i]);
    pool->ops->compact_pause(pool, &result);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    support_pool_check(pool);
}

TEST_ON_DENSE(a_pause_puts_the_rest_of_a_segment_back)
{
    zc_handle handles[512 + MANY];
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool *pool = *state;
    struct zc_zspage *victim = begin(pool, handles);

    pool->ops->compact_pause(pool, &result);
    assert_false(victim->isolated);
    assert_null(zc_dense_of(&pool->groups[0])->victim);
    support_pool_check(pool);
    check_all(pool, 16, 512 + MANY, handles);

    assert_int_equal(support_compact(pool, NULL).pages_freed, 4);
}

TEST_ON_DENSE(objects_in_a_segment_that_is_being_emptied_can_be_used)
{
    zc_handle handles[512 + MANY];
    struct zc_zspool *pool = *state;
    struct zc_zspage *victim = begin(pool, handles);
    char bytes[128];
    unsigned i;

    for (i = 512; support_zspage_of(pool, handles[i]) != victim; i++)
        assert_true(i + 1 < 512 + MANY);
    support_object_check(pool, handles[i], bytes_of(16), i, 0);
    support_stamp(bytes, bytes_of(16), i, 1);
    assert_status(zc_zspool_write(pool, handles[i], bytes, bytes_of(16)),
                  ZC_OK);
    (void)support_compact(pool, NULL);
    support_object_check(pool, handles[i], bytes_of(16), i, 1);
    support_pool_check(pool);
}

/* The last object of the victim that has not moved yet. */
static unsigned last_in(struct zc_zspool *pool, const zc_handle *handles,
                        const struct zc_zspage *victim)
{
    unsigned i = 512 + MANY - 1;

    while (handles[i].value == 0 ||
           support_zspage_of(pool, handles[i]) != victim)
        assert_true(--i >= 512);
    return i;
}

TEST_ON_DENSE(a_segment_is_given_up_to_a_reader_and_put_back)
{
    zc_handle handles[512 + MANY];
    struct zc_zspool *pool = *state;
    struct zc_zspage *victim = begin(pool, handles);
    unsigned last = last_in(pool, handles, victim);
    struct zc_zspool_read read;

    assert_status(zc_zspool_read_begin(pool, handles[last], &read), ZC_OK);
    /* What the other segment holds may come here instead. */
    (void)support_compact(pool, NULL);
    assert_false(victim->isolated);
    support_pool_check(pool);
    assert_ptr_equal(support_zspage_of(pool, handles[last]), victim);
    assert_true(support_has_stamp(read.data, read.size, last, 0));
    zc_zspool_read_end(pool, &read);

    check_all(pool, 16, 512 + MANY, handles);
    (void)support_compact(pool, NULL);
    assert_int_equal(zc_zspool_page_count(pool), 16);
}

TEST_ON_DENSE(a_segment_emptied_under_its_reader_is_left_to_it)
{
    zc_handle handles[512 + MANY];
    struct zc_zspool *pool = *state;
    struct zc_zspage *victim = begin(pool, handles);
    struct zc_zspool_read read;
    unsigned i;

    assert_status(zc_zspool_read_begin(
                      pool, handles[last_in(pool, handles, victim)], &read),
                  ZC_OK);
    for (i = 512; i < 512 + MANY; i++)
        release(pool, &handles[i]);
    /* What the other segment holds may come here, into the empty one. */
    (void)support_compact(pool, NULL);
    assert_ptr_equal(zc_atomic_pointer_load_relaxed(&victim->group),
                     &pool->groups[0]);
    support_pool_check(pool);

    zc_zspool_read_end(pool, &read);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    support_pool_check(pool);
    check_all(pool, 16, 512 + MANY, handles);
}

TEST_ON_DENSE(a_reader_may_leave_while_its_emptied_segment_is_given_up)
{
    zc_handle handles[512 + MANY];
    struct zc_zspool *pool = *state;
    struct zc_zspage *victim = begin(pool, handles);
    zc_handle fresh;
    unsigned i;

    assert_status(zc_zspool_read_begin(pool,
                                       handles[last_in(pool, handles, victim)],
                                       &leaver.read),
                  ZC_OK);
    for (i = 512; i < 512 + MANY; i++)
        release(pool, &handles[i]);

    leaver.pool = pool;
    (void)support_compact(pool, NULL);
    assert_true(leaver.has_left);
    assert_int_equal(pthread_join(leaver.thread, NULL), 0);
    support_pool_check(pool);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    fresh = support_object_new(pool, bytes_of(LARGEST), 1, 1);
    support_object_check(pool, fresh, bytes_of(LARGEST), 1, 1);
}

/* ---- as a whole ---- */

/* Random objects, about `percent` of them freed again at random. */
static void churn(struct zc_zspool *pool, unsigned count, unsigned percent,
                  struct support_random *random, zc_handle *handles,
                  size_t *sizes)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        sizes[i] = support_random_size(random, pool->page_size);
        handles[i] = support_object_new(pool, sizes[i], i, 0);
    }
    for (i = 0; i < count; i++)
        if (support_random_below(random, 100) < percent)
            release(pool, &handles[i]);
}

/*
 * After compaction what is free is less than a segment, or in pieces that the
 * objects of a few segments in turn do not fit into: a few percent.
 */
TEST(compaction_leaves_little_unused)
{
    static const unsigned percents[] = {20, 50, 90};
    struct support_random random = {support_seed(0xc0de)};
    static zc_handle handles[1000];
    static size_t sizes[1000];
    const struct support_shape *shape;
    struct zc_zspool_stats stats;
    struct zc_zspool *pool;
    uint64_t segment_bytes;
    uint64_t before;
    unsigned i;
    unsigned j;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        if (shape->placement != ZC_PLACEMENT_DENSE)
            continue;
        for (j = 0; j < 3; j++) {
            pool = support_pool_new(shape);
            segment_bytes = pool->segment_pages * pool->page_size;
            churn(pool, 1000, percents[j], &random, handles, sizes);
            before = zc_zspool_page_count(pool);
            (void)support_compact(pool, NULL);
            support_pool_check(pool);
            stats = support_stats(pool);
            assert_true(stats.pages_allocated <= before);
            assert_true(
                stats.pool_bytes * 100 <=
                (stats.payload_bytes + stats.objects * pool->page_size / 512) *
                        103 +
                    segment_bytes * 100);
            for (i = 0; i < 1000; i++)
                if (handles[i].value != 0)
                    support_object_check(pool, handles[i], sizes[i], i, 0);
            zc_zspool_destroy(pool);
        }
    }
}

/* Nothing fits into anything: every segment holds 16 of 500, and 192 spare. */
TEST_ON_DENSE(a_round_ends_where_nothing_fits_anywhere)
{
    static zc_handle handles[16 * 40];
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    place_all(pool, 500, 16 * 40, handles);
    assert_int_equal(zc_zspool_page_count(pool), 40 * 16);
    result = support_compact(pool, NULL);
    assert_int_equal(result.pages_freed, 0);
    assert_int_equal(zc_zspool_page_count(pool), 40 * 16);
    support_pool_check(pool);
    check_all(pool, 500, 16 * 40, handles);
}
