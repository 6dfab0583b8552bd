/* SPDX-License-Identifier: MIT */
/* test_zspool_dense_compact.c - segments are emptied into the holes of others.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"
#include "support_threads.h"

#include <pthread.h>

#define GRANULE 8

#define LARGEST 512 /* granules of what has its header beside it */

#define MANY 60 /* more than one step moves */

static size_t bytes_of(uint32_t granules)
{
    return (size_t)granules * GRANULE - ZC_DENSE_HEADER_BYTES;
}

/* `count` objects of that many granules, owned by their index. */
static void place_all(struct zc_zspool *pool, uint32_t granules, unsigned count,
                      zc_handle *handles_out)
{
    support_objects_new(pool, bytes_of(granules), count, handles_out);
}

static void check_all(struct zc_zspool *pool, uint32_t granules, unsigned count,
                      const zc_handle *handles)
{
    support_objects_check(pool, bytes_of(granules), count, handles);
}

static zc_handle handles[16 * 40]; /* each test uses some */

static void release(struct zc_zspool *pool, zc_handle *handle)
{
    support_objects_free(pool, 1, handle);
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
    if (!locked && leaver.pool != NULL) {
        leaver.has_left =
            pthread_create(&leaver.thread, NULL, end_reading, leaver.pool) == 0;
        leaver.pool = NULL;
        support_sleep_ns(5000000);
    }
    return locked;
}

bool __real_zc_zspage_trylock(struct zc_zspage *zspage);
bool __wrap_zc_zspage_trylock(struct zc_zspage *zspage);

bool __wrap_zc_zspage_trylock(struct zc_zspage *zspage)
{
    return let_reader_leave(__real_zc_zspage_trylock(zspage));
}

bool __real_zc_zspage_try_release(struct zc_zspage *zspage);
bool __wrap_zc_zspage_try_release(struct zc_zspage *zspage);

bool __wrap_zc_zspage_try_release(struct zc_zspage *zspage)
{
    return let_reader_leave(__real_zc_zspage_try_release(zspage));
}

TEST_ON_DENSE(nothing_is_moved_where_no_segment_can_be_gained)
{
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

/* ---- slides ---- */

#define SMALL 1024
#define LARGE 17

static zc_handle small[SMALL];
static zc_handle large[LARGE];

/* Half a segment is free, in pieces of 8; and 17 objects of 200 elsewhere. */
static const struct zc_zspage *make_pieces(struct zc_zspool *pool)
{
    unsigned i;

    place_all(pool, 8, SMALL, small);
    place_all(pool, 200, LARGE, large);
    assert_int_equal(zc_zspool_page_count(pool), 24);
    for (i = 0; i < SMALL; i += 2)
        release(pool, &small[i]);
    return support_zspage_of(pool, small[1]);
}

static void check_pieces(struct zc_zspool *pool)
{
    check_all(pool, 8, SMALL, small);
    check_all(pool, 200, LARGE, large);
}

/* Small objects keep their tags when they are slid. */
TEST_ON_DENSE(holes_too_short_are_slid_into_one)
{
    const struct zc_zspage *slid = make_pieces(pool);
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned tags;
    unsigned i;

    for (i = 1; i < SMALL; i += 2)
        assert_status(zc_zspool_change_tags(pool, small[i], 0, i / 2 % 4, NULL),
                      ZC_OK);
    result = support_compact(pool, NULL);
    assert_int_equal(result.pages_freed, 8);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    assert_true(result.objects_moved > LARGE);
    for (i = 0; i < LARGE; i++)
        assert_ptr_equal(support_zspage_of(pool, large[i]), slid);
    for (i = 1; i < SMALL; i += 2) {
        assert_status(zc_zspool_change_tags(pool, small[i], 0, 0, &tags),
                      ZC_OK);
        assert_int_equal(tags, i / 2 % 4);
    }
    check_pieces(pool);
}

TEST_ON_DENSE(a_segment_with_a_reader_is_not_slid)
{
    struct zc_zspool_read read;

    (void)make_pieces(pool);
    assert_status(zc_zspool_read_begin(pool, small[1001], &read), ZC_OK);
    assert_int_equal(support_compact(pool, NULL).pages_freed, 0);
    assert_true(support_has_stamp(read.data, read.size, 1001, 0));
    support_pool_check(pool);
    zc_zspool_read_end(pool, &read);

    assert_int_equal(support_compact(pool, NULL).pages_freed, 8);
    check_pieces(pool);
}

/* ---- between two steps ---- */

static struct zc_zspage *victim;

/*
 * A full segment with one hole more than MANY, and a second, the victim, with
 * MANY objects of which a step has moved some.
 */
static void begin(struct zc_zspool *pool)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
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
    assert_in_range(result.objects_moved, 1, MANY - 1);
}

static void release_the_victims(struct zc_zspool *pool)
{
    support_objects_free(pool, MANY, &handles[512]);
}

static void check_begun(struct zc_zspool *pool)
{
    check_all(pool, 16, 512 + MANY, handles);
}

/* The call ends here. */
static void end_call(struct zc_zspool *pool)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    pool->ops->compact_pause(pool, &result);
    support_pool_check(pool);
}

/* The last object of the victim that has not moved yet. */
static unsigned last_in(struct zc_zspool *pool)
{
    unsigned i = 512 + MANY - 1;

    while (support_zspage_of(pool, handles[i]) != victim)
        assert_true(--i >= 512);
    return i;
}

TEST_ON_DENSE(nothing_is_placed_in_a_segment_that_is_being_emptied)
{
    zc_handle fresh[2];

    begin(pool);
    fresh[0] = support_object_new(pool, bytes_of(20), 7, 7);
    fresh[1] = support_object_new(pool, bytes_of(LARGEST), 8, 8);
    assert_ptr_not_equal(support_zspage_of(pool, fresh[0]), victim);
    assert_ptr_not_equal(support_zspage_of(pool, fresh[1]), victim);

    (void)support_compact(pool, NULL);
    support_object_check(pool, fresh[0], bytes_of(20), 7, 7);
    support_object_check(pool, fresh[1], bytes_of(LARGEST), 8, 8);
    check_begun(pool);
}

TEST_ON_DENSE(a_segment_emptied_by_frees_between_steps_goes_back)
{
    begin(pool);
    release_the_victims(pool);
    assert_int_equal(zc_zspool_page_count(pool), 20);
    assert_int_equal(support_compact(pool, NULL).pages_freed, 4);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    check_begun(pool);
}

TEST_ON_DENSE(a_pause_gives_an_emptied_segment_back)
{
    begin(pool);
    release_the_victims(pool);
    end_call(pool);
    assert_int_equal(zc_zspool_page_count(pool), 16);
}

TEST_ON_DENSE(a_pause_puts_the_rest_of_a_segment_back)
{
    begin(pool);
    end_call(pool);
    check_begun(pool);
    assert_int_equal(support_compact(pool, NULL).pages_freed, 4);
}

TEST_ON_DENSE(objects_in_a_segment_that_is_being_emptied_can_be_used)
{
    char bytes[128];
    unsigned last;

    begin(pool);
    last = last_in(pool);
    support_object_check(pool, handles[last], bytes_of(16), last, 0);
    support_stamp(bytes, bytes_of(16), last, 1);
    assert_status(zc_zspool_write(pool, handles[last], bytes, bytes_of(16)),
                  ZC_OK);
    (void)support_compact(pool, NULL);
    support_object_check(pool, handles[last], bytes_of(16), last, 1);
}

TEST_ON_DENSE(a_segment_is_given_up_to_a_reader_and_put_back)
{
    struct zc_zspool_read read;
    unsigned last;

    begin(pool);
    last = last_in(pool);
    assert_status(zc_zspool_read_begin(pool, handles[last], &read), ZC_OK);
    /* What the other segment holds may come here instead. */
    (void)support_compact(pool, NULL);
    support_pool_check(pool);
    assert_ptr_equal(support_zspage_of(pool, handles[last]), victim);
    assert_true(support_has_stamp(read.data, read.size, last, 0));
    zc_zspool_read_end(pool, &read);

    check_begun(pool);
    (void)support_compact(pool, NULL);
    assert_int_equal(zc_zspool_page_count(pool), 16);
}

/* What the other segment holds may come here, into the empty one. */
TEST_ON_DENSE(a_segment_emptied_under_its_reader_is_left_to_it)
{
    struct zc_zspool_read read;

    begin(pool);
    assert_status(zc_zspool_read_begin(pool, handles[last_in(pool)], &read),
                  ZC_OK);
    release_the_victims(pool);
    (void)support_compact(pool, NULL);
    assert_ptr_equal(zc_atomic_pointer_load_relaxed(&victim->group),
                     &pool->groups[0]);
    support_pool_check(pool);
    zc_zspool_read_end(pool, &read);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    check_begun(pool);
}

TEST_ON_DENSE(a_reader_may_leave_while_its_emptied_segment_is_given_up)
{
    zc_handle fresh;

    begin(pool);
    assert_status(
        zc_zspool_read_begin(pool, handles[last_in(pool)], &leaver.read),
        ZC_OK);
    release_the_victims(pool);
    leaver.pool = pool;
    (void)support_compact(pool, NULL);
    assert_true(leaver.has_left);
    assert_int_equal(pthread_join(leaver.thread, NULL), 0);
    support_pool_check(pool);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    fresh = support_object_new(pool, bytes_of(LARGEST), 1, 1);
    support_object_check(pool, fresh, bytes_of(LARGEST), 1, 1);
}

/* Nothing fits into anything: every segment holds 16 of 500, and 192 spare. */
TEST_ON_DENSE(a_round_ends_where_nothing_fits_anywhere)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    place_all(pool, 500, 16 * 40, handles);
    assert_int_equal(zc_zspool_page_count(pool), 40 * 16);
    result = support_compact(pool, NULL);
    assert_int_equal(result.pages_freed, 0);
    assert_int_equal(zc_zspool_page_count(pool), 40 * 16);
    check_all(pool, 500, 16 * 40, handles);
}
