/* SPDX-License-Identifier: MIT */
/* test_zspool_handle.c - what a handle stands for, which ones are caught, and
 * the caller's tags. */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"
#include "support_threads.h"

#define TAG_SHIFT 47 /* of a handle: above it is the pool's number */

/* Every call by handle answers so, and touches no output. */
static void expect_handle(struct zc_zspool *pool, zc_handle handle,
                          zc_status expected)
{
    static const char bytes[4096];
    struct zc_zspool_read read = {bytes, 77, NULL};
    unsigned previous = 77;
    size_t size = 77;

    assert_status(zc_zspool_free(pool, handle), expected);
    assert_status(zc_zspool_write(pool, handle, bytes, 100), expected);
    assert_status(zc_zspool_read_begin(pool, handle, &read), expected);
    assert_status(zc_zspool_object_size(pool, handle, &size), expected);
    assert_status(zc_zspool_change_tags(pool, handle, 0, 1, &previous),
                  expected);
    assert_ptr_equal(read.data, bytes);
    assert_int_equal(read.size, 77);
    assert_int_equal(size, 77);
    assert_int_equal(previous, 77);
}

/* Also when their cells are used by other objects. */
TEST_ON_ALL(freed_handles_are_stale)
{
    zc_handle freed[50];
    zc_handle fresh[50];
    unsigned i;

    support_objects_new(pool, 100, 50, freed);
    for (i = 0; i < 50; i++) {
        support_object_free(pool, freed[i]);
        expect_handle(pool, freed[i], ZC_STALE);
    }
    support_objects_new(pool, 100, 50, fresh);
    for (i = 0; i < 50; i++)
        expect_handle(pool, freed[i], ZC_STALE);
    support_objects_check(pool, 100, 50, fresh);
}

/* Only a change of the cell's number may name another object. */
TEST_ON_BOTH(no_change_of_a_bit_makes_a_handle_valid)
{
    zc_handle live[64];
    zc_handle changed;
    unsigned bit;
    unsigned i;

    support_objects_new(pool, 100, 64, live);
    for (i = 0; i < 64; i += 21)
        for (bit = 0; bit < 64; bit++) {
            changed.value = live[i].value ^ UINT64_C(1) << bit;
            if (bit < ZC_HANDLE_CELL_SHIFT || bit >= 32 ||
                zc_handle_cell(changed) >= 64)
                expect_handle(pool, changed,
                              bit > 32 && bit < TAG_SHIFT ? ZC_STALE
                                                          : ZC_INVALID);
        }
    support_objects_check(pool, 100, 64, live);
}

TEST_ON_ALL(bytes_that_were_no_handle_are_invalid)
{
    struct support_random random = {support_seed(0xf0)};
    const zc_handle live = support_object_new(pool, 100, 1, 1);
    const uint64_t others[] = {0, UINT64_MAX, live.value & UINT32_MAX,
                               live.value >> 32,
                               live.value + 8}; /* a cell that was never used */
    zc_handle handle;
    unsigned i;

    for (i = 0; i < 1000; i++) {
        handle.value = i < 5 ? others[i] : support_random_next(&random);
        if (i < 5 || handle.value >> TAG_SHIFT != live.value >> TAG_SHIFT)
            expect_handle(pool, handle, ZC_INVALID);
    }
    support_object_check(pool, live, 100, 1, 1);
}

/* The system gives a pool the memory of the one before, and its cells begin
 * anew; its handles are others all the same. */
TEST_ON_ALL(handles_of_other_pools_are_invalid_destroyed_or_not)
{
    const zc_handle live = support_object_new(pool, 100, 1, 1);
    struct zc_zspool *other = NULL;
    zc_handle old[20];
    unsigned i;

    for (i = 0; i < 20; i++) {
        zc_zspool_destroy(other);
        other = support_pool_new(pool->placement == ZC_PLACEMENT_DENSE
                                     ? SUPPORT_DENSE
                                     : SUPPORT_KERNEL);
        old[i] = support_object_new(other, 100, 1, 1);
    }
    for (i = 0; i < 20; i++) {
        expect_handle(pool, old[i], ZC_INVALID);
        if (i < 19)
            expect_handle(other, old[i], ZC_INVALID);
    }
    expect_handle(other, live, ZC_INVALID);
    support_object_check(pool, live, 100, 1, 1);
    zc_zspool_destroy(other);
}

/* As many pools in a row as the header promises have numbers of their own. */
TEST(a_pools_number_is_given_again_after_as_many_pools_as_promised)
{
    static bool seen[131072];
    struct zc_handles handles = {0};
    unsigned i;

    for (i = 0; i <= 131072; i++) {
        assert_status(zc_handles_init(&handles, ZC_PAGE_SIZE_MIN, 0), ZC_OK);
        assert_int_equal(seen[handles.pool_tag >> TAG_SHIFT], i == 131072);
        seen[handles.pool_tag >> TAG_SHIFT] = true;
        zc_handles_destroy(&handles);
    }
}

/* A first object keeps the zspage. */
TEST(a_handle_comes_again_after_as_many_reuses_as_promised)
{
    static const struct {
        size_t page_size;
        unsigned reuses;
    } rows[] = {{4096, 16384}, {8192, 8192}, {65536, 1024}};
    struct zc_zspool *pool = NULL;
    zc_handle handle;
    zc_handle first;
    unsigned i;
    unsigned k;

    for (k = 0; k < 3; k++) {
        assert_status(
            zc_zspool_create(ZC_ZSPOOL_OPTIONS(.page_size = rows[k].page_size),
                             &pool),
            ZC_OK);
        (void)support_object_new(pool, 100, 0, 0);
        assert_status(zc_zspool_alloc(pool, 100, &first), ZC_OK);
        support_object_free(pool, first);
        for (i = 1; i <= rows[k].reuses; i++) {
            assert_status(zc_zspool_free(pool, first), ZC_STALE);
            assert_status(zc_zspool_alloc(pool, 100, &handle), ZC_OK);
            assert_int_equal(handle.value == first.value, i == rows[k].reuses);
            support_object_free(pool, handle);
        }
        support_pool_end(pool);
    }
}

/* ---- tags ---- */

TEST_ON_BOTH(tags_are_cleared_then_set_and_belong_to_their_handle)
{
    const zc_handle other = support_object_new(pool, 4096, 1, 0);
    const zc_handle handle = support_object_new(pool, 4096, 2, 0);
    unsigned previous = 77;
    unsigned before = 0;
    unsigned i;

    /* All of the tags before, of those cleared and of those set. */
    for (i = 0; i < 64; i++) {
        assert_status(zc_zspool_change_tags(pool, handle, 3, i % 4, &previous),
                      ZC_OK);
        assert_int_equal(previous, before);
        assert_status(
            zc_zspool_change_tags(pool, handle, i / 4 % 4, i / 16, &previous),
            ZC_OK);
        assert_int_equal(previous, i % 4);
        before = (i % 4 & ~(i / 4 % 4)) | i / 16;
    }
    assert_status(zc_zspool_change_tags(pool, other, 0, 0, &previous), ZC_OK);
    assert_int_equal(previous, 0);
    support_object_check(pool, handle, 4096, 2, 0);
}

TEST_ON_BOTH(a_new_handle_has_no_tags_of_its_cells_old_life)
{
    zc_handle handle;
    unsigned tags = 77;
    unsigned i;

    for (i = 0; i < 3; i++) {
        handle = support_object_new(pool, 100, 1, 0);
        assert_int_equal(zc_handle_cell(handle), 0);
        assert_status(zc_zspool_change_tags(pool, handle, 0, 3, &tags), ZC_OK);
        assert_int_equal(tags, 0);
        support_object_free(pool, handle);
    }
}

/* ---- threads ---- */

struct race {
    struct zc_zspool *pool;
    zc_handle handle;
    uint64_t won; /* by the thread that has set the tag */
};

/* Counts how often it was the one to set the tag, and clears it again. */
static void win_the_tag(struct support_worker *worker)
{
    struct race *race = worker->context;
    unsigned previous = 0;
    unsigned i;

    for (i = 0; i < 20000; i++) {
        (void)zc_zspool_change_tags(race->pool, race->handle, 0, ZC_TAG_1,
                                    &previous);
        if ((previous & ZC_TAG_1) != 0)
            continue;
        race->won++;
        worker->operations++;
        (void)zc_zspool_change_tags(race->pool, race->handle, ZC_TAG_1, 0,
                                    NULL);
    }
}

static void move_it(struct support_worker *worker)
{
    struct race *race = worker->context;
    const uint64_t location = support_location_of(race->pool, race->handle);
    unsigned i;

    for (i = 0; i <= 20000; i++)
        zc_handles_move(&race->pool->handles, zc_handle_cell(race->handle),
                        i == 20000 ? location : i);
}

TEST_ON_BOTH(one_thread_at_a_time_sets_a_tag_while_the_object_moves)
{
    struct race race = {.pool = pool};
    struct support_crew crew;
    unsigned tags = 77;

    race.handle = support_object_new(pool, 100, 1, 1);
    support_crew_init(&crew);
    support_crew_add(&crew, win_the_tag, &race);
    support_crew_add(&crew, win_the_tag, &race);
    support_crew_add(&crew, move_it, &race);
    support_crew_run(&crew, 0);
    assert_int_equal(race.won,
                     crew.workers[0].operations + crew.workers[1].operations);
    assert_status(zc_zspool_change_tags(pool, race.handle, 0, 0, &tags), ZC_OK);
    assert_int_equal(tags, 0);
    support_object_check(pool, race.handle, 100, 1, 1);
}
