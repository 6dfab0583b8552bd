/* SPDX-License-Identifier: MIT */
/* test_zspool_pin.c - an object that is read stays where it is. */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#define OBJECTS 300
#define SIZE 1000
#define KEEP 7 /* one of so many survives */

/*
 * Sparse objects, the `pinned`-th of the survivors pinned (NULL: none) while
 * all is compacted.  Returns whether that one has moved.
 */
static bool compact_around(const struct support_shape *shape, unsigned pinned,
                           bool pin)
{
    struct zc_zspool *pool = support_pool_new(shape);
    struct zc_zspool_read read = {NULL, 0, NULL};
    zc_handle handles[OBJECTS];
    uint64_t location;
    const void *data;
    bool moved;

    support_sparse_objects(pool, SIZE, OBJECTS, KEEP, handles);
    location = support_location_of(pool, handles[pinned]);
    if (pin)
        assert_status(zc_zspool_read_begin(pool, handles[pinned], &read),
                      ZC_OK);
    data = read.data;
    assert_true(support_compact(pool, NULL).objects_moved > 0);
    support_pool_check(pool);
    moved = support_location_of(pool, handles[pinned]) != location;
    if (pin) {
        assert_true(support_has_stamp(data, SIZE, pinned, 0));
        zc_zspool_read_end(pool, &read);
        assert_null(read.data);
    }
    support_objects_check(pool, SIZE, OBJECTS, handles);
    (void)support_compact(pool, NULL);
    support_pool_end(pool);
    return moved;
}

TEST(compaction_never_moves_a_pinned_object)
{
    const struct support_shape *shape;
    unsigned unpinned_moved;
    unsigned i;

    for (shape = SUPPORT_DENSE; shape <= SUPPORT_KERNEL; shape++) {
        unpinned_moved = 0;
        for (i = 0; i < OBJECTS; i += KEEP) {
            assert_false(compact_around(shape, i, true));
            unpinned_moved += compact_around(shape, i, false);
        }
        /* Else the pin would have had nothing to prevent. */
        assert_true(unpinned_moved > OBJECTS / KEEP / 2);
    }
}

TEST_ON_BOTH(an_object_moves_again_when_its_last_pin_has_ended)
{
    struct zc_zspool_read reads[2][OBJECTS];
    zc_handle handles[OBJECTS];
    uint64_t pages;
    unsigned i;
    unsigned k;

    support_sparse_objects(pool, SIZE, OBJECTS, KEEP, handles);
    pages = zc_zspool_page_count(pool);
    for (k = 0; k < 2; k++)
        for (i = 0; i < OBJECTS; i += KEEP)
            assert_status(zc_zspool_read_begin(pool, handles[i], &reads[k][i]),
                          ZC_OK);
    for (k = 0; k < 2; k++) {
        assert_int_equal(support_compact(pool, NULL).objects_moved, 0);
        for (i = 0; i < OBJECTS; i += KEEP)
            zc_zspool_read_end(pool, &reads[k][i]);
    }
    assert_true(support_compact(pool, NULL).pages_freed > 0);
    assert_true(zc_zspool_page_count(pool) < pages);
    support_objects_check(pool, SIZE, OBJECTS, handles);
}

TEST_ON_BOTH(frees_and_allocations_go_on_beside_a_reader)
{
    zc_handle read_one = support_object_new(pool, SIZE, 1, 1);
    zc_handle freed = support_object_new(pool, SIZE, 2, 2);
    struct zc_zspool_read read;
    zc_handle placed;

    assert_status(zc_zspool_read_begin(pool, read_one, &read), ZC_OK);
    support_object_free(pool, freed);
    placed = support_object_new(pool, SIZE, 3, 3);
    assert_ptr_equal(support_zspage_of(pool, placed),
                     support_zspage_of(pool, read_one));
    assert_true(support_has_stamp(read.data, SIZE, 1, 1));
    support_pool_check(pool);
    zc_zspool_read_end(pool, &read);
    support_object_check(pool, placed, SIZE, 3, 3);
}

TEST_ON_BOTH(a_zspage_emptied_under_pins_is_released_by_the_last)
{
    zc_handle handle = support_object_new(pool, SIZE, 1, 1);
    struct zc_zspool_read first;
    struct zc_zspool_read last;
    uint64_t pages = zc_zspool_page_count(pool);

    assert_status(zc_zspool_read_begin(pool, handle, &first), ZC_OK);
    assert_status(zc_zspool_read_begin(pool, handle, &last), ZC_OK);
    support_object_free(pool, handle);
    assert_int_equal(zc_zspool_page_count(pool), pages);
    assert_true(support_is_mapped(last.data));
    support_pool_check(pool);

    zc_zspool_read_end(pool, &first);
    assert_int_equal(zc_zspool_page_count(pool), pages);
    assert_int_equal(
        support_resident_pages(
            (const void *)((uintptr_t)last.data & ~(uintptr_t)4095), 4096),
        1);
    support_pool_check(pool);

    zc_zspool_read_end(pool, &last);
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(a_leftover_zspage_is_used_again_and_then_kept)
{
    zc_handle handle = support_object_new(pool, SIZE, 1, 1);
    struct zc_zspage *zspage = support_zspage_of(pool, handle);
    uint64_t pages = zc_zspool_page_count(pool);
    struct zc_zspool_read read;

    assert_status(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
    support_object_free(pool, handle);
    handle = support_object_new(pool, SIZE, 2, 2);
    assert_ptr_equal(support_zspage_of(pool, handle), zspage);
    assert_int_equal(zc_zspool_page_count(pool), pages);
    support_pool_check(pool);

    /* The old reader does not release what is in use. */
    zc_zspool_read_end(pool, &read);
    assert_int_equal(zc_zspool_page_count(pool), pages);
    support_object_check(pool, handle, SIZE, 2, 2);
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(a_leftover_zspage_used_and_emptied_again_is_still_released)
{
    zc_handle handle = support_object_new(pool, SIZE, 1, 1);
    struct zc_zspool_read read;
    unsigned i;

    assert_status(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
    for (i = 0; i < 3; i++) {
        support_object_free(pool, handle);
        handle = support_object_new(pool, SIZE, 2, i);
    }
    support_object_free(pool, handle);
    support_pool_check(pool);
    assert_true(zc_zspool_page_count(pool) > 0);
    zc_zspool_read_end(pool, &read);
    support_pool_check_empty(pool);
}

/* Said twice, it is the same. */
TEST(an_emptied_zspage_goes_at_once_or_is_left_to_its_readers)
{
    struct zc_zspage zspage = {0};

    zc_zspage_pin(&zspage);
    assert_false(zc_zspage_try_release(&zspage));
    assert_false(zc_zspage_try_release(&zspage));
    zc_zspage_cancel_release(&zspage);
    zc_zspage_unpin(NULL, &zspage); /* releases nothing */
    assert_true(zc_zspage_try_release(&zspage));
    assert_false(zc_zspage_trylock(&zspage));
}

/* ---- threads: the last reader against the last free ---- */

struct churn {
    struct zc_zspool *pool;
    zc_handle handle;
    pthread_barrier_t barrier;
};

#define CHURNS 3000

static void free_under_the_reader(struct support_worker *worker)
{
    struct churn *churn = worker->context;
    unsigned i;

    for (i = 0; i < CHURNS; i++) {
        if (zc_zspool_alloc(churn->pool, 100, &churn->handle) != ZC_OK)
            support_mistake(worker, "cannot allocate");
        pthread_barrier_wait(&churn->barrier);
        if (zc_zspool_free(churn->pool, churn->handle) != ZC_OK)
            support_mistake(worker, "cannot free");
        pthread_barrier_wait(&churn->barrier);
        /* The last reader or the free has released the zspage. */
        if (zc_zspool_page_count(churn->pool) != 0)
            support_mistake(worker, "round %u leaves %u pages", i,
                            (unsigned)zc_zspool_page_count(churn->pool));
        pthread_barrier_wait(&churn->barrier);
    }
}

static void read_under_the_free(struct support_worker *worker)
{
    struct churn *churn = worker->context;
    struct zc_zspool_read read;
    zc_status status;
    unsigned i;

    for (i = 0; i < CHURNS; i++) {
        pthread_barrier_wait(&churn->barrier);
        status = zc_zspool_read_begin(churn->pool, churn->handle, &read);
        if (status == ZC_OK)
            zc_zspool_read_end(churn->pool, &read);
        else if (status != ZC_STALE)
            support_mistake(worker, "read is %s", zc_status_name(status));
        pthread_barrier_wait(&churn->barrier);
        pthread_barrier_wait(&churn->barrier);
    }
}

TEST_ON_BOTH(the_last_reader_and_the_last_free_release_it_once)
{
    struct churn churn = {.pool = pool};
    struct support_crew crew;

    assert_int_equal(pthread_barrier_init(&churn.barrier, NULL, 3), 0);
    support_crew_init(&crew);
    support_crew_add(&crew, free_under_the_reader, &churn);
    support_crew_add(&crew, read_under_the_free, &churn);
    support_crew_add(&crew, read_under_the_free, &churn);
    support_crew_run(&crew, 0);
    (void)pthread_barrier_destroy(&churn.barrier);
    support_pool_check_empty(churn.pool);
}
