/* SPDX-License-Identifier: MIT */
/* test_zspool_dense.c - objects side by side in segments, best fit. */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#include "platform/memory.h"

/* Bytes of an object that takes exactly so many granules. */
static size_t bytes_of(const struct zc_zspool *pool, uint32_t granules)
{
    return granules * (pool->page_size / 512) - ZC_DENSE_HEADER_BYTES;
}

static zc_handle place(struct zc_zspool *pool, uint32_t granules)
{
    return support_object_new(pool, bytes_of(pool, granules), granules, 0);
}

/* Objects of that many granules that fill a segment; returns how many. */
static unsigned fill_segment(struct zc_zspool *pool, uint32_t granules,
                             zc_handle *handles_out)
{
    const unsigned count = pool->segment_pages * 512 / granules;
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

void __real_zc_pages_populate(void *pages, size_t bytes);
void __wrap_zc_pages_populate(void *pages, size_t bytes);

void __wrap_zc_pages_populate(void *pages, size_t bytes)
{
    void (*action)(void) = meanwhile;

    __real_zc_pages_populate(pages, bytes);
    meanwhile = NULL;
    if (action != NULL)
        action();
}

/* A granule is a 512th of a page, and 4 bytes are the header's. */
TEST_ON_ALL(objects_lie_side_by_side)
{
    const size_t granule = pool->page_size / 512;
    const struct zc_zspage *zspage = NULL;
    unsigned neighbours = 0;
    uint64_t next = 0;
    zc_handle handle;
    size_t size;

    if (pool->placement != ZC_PLACEMENT_DENSE)
        return;
    for (size = 1; size < 60 * granule; size += granule / 4 + 1) {
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
}

/* ---- best fit ---- */

#define HOLES 400

struct hole {
    uint64_t location;
    uint32_t length; /* in granules */
};

/* A hole too short for its links, 24 bytes, waits for its neighbours. */
static uint32_t shortest(const struct zc_zspool *pool)
{
    return (uint32_t)zc_divide_up(24, pool->page_size / 512);
}

/* Holes of many lengths in three segments, none beside another, and nothing
 * else is free: all begins full of objects of one granule. */
static void make_holes(struct zc_zspool *pool, struct support_random *random,
                       struct hole *holes_out)
{
    static zc_handle handles[3 * 8192];
    const unsigned each = pool->segment_pages * 512 - shortest(pool) + 1;
    unsigned count = 0;
    unsigned length;
    unsigned at;

    memset(holes_out, 0, HOLES * sizeof(*holes_out));
    support_objects_new(pool, bytes_of(pool, 1), 3 * each, handles);
    assert_int_equal(support_stats(pool).zspages, 3);
    for (at = 0; at < 3 * each; at += length + 1) {
        length = 1 + (unsigned)support_random_below(random,
                                                    count % 2 == 0 ? 512 : 20);
        if (at % each + length >= each) /* the last of a segment stays */
            continue;
        assert_true(count < HOLES);
        holes_out[count].length = length;
        holes_out[count++].location = support_location_of(pool, handles[at]);
        support_objects_free(pool, length, &handles[at]);
    }
    support_pool_check(pool);
}

/* The tightest hole; NULL: none is long enough. */
static struct hole *tightest(struct hole *holes, uint32_t wanted)
{
    struct hole *best = NULL;
    unsigned i;

    for (i = 0; i < HOLES; i++)
        if (holes[i].length >= wanted &&
            (best == NULL || holes[i].length < best->length))
            best = &holes[i];
    return best;
}

TEST(an_object_goes_into_the_tightest_hole_of_all_segments)
{
    static const struct support_shape *const shapes[] = {SUPPORT_DENSE_16,
                                                         SUPPORT_DENSE_64K};
    struct support_random random = {support_seed(0xbe57)};
    struct hole holes[HOLES];
    struct zc_zspool *pool;
    struct hole *best;
    uint64_t location;
    uint32_t wanted;
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        pool = support_pool_new(shapes[k]);
        make_holes(pool, &random, holes);
        do {
            wanted = 1 + (uint32_t)support_random_below(&random, 100);
            best = tightest(holes,
                            wanted < shortest(pool) ? shortest(pool) : wanted);
            location = support_location_of(pool, place(pool, wanted));
            if (best == NULL)
                break;
            for (i = 0; holes[i].location != location; i++)
                assert_true(i + 1 < HOLES);
            assert_int_equal(holes[i].length, best->length);
            holes[i].length -= wanted;
            holes[i].location += wanted * (pool->page_size / 512 / 8);
        } while (true);
        support_pool_end(pool);
    }
}

/* Frees the middle one of three with the neighbours that `which` says freed
 * before it, and puts one object as large as all of that there. */
static void join(struct zc_zspool *pool, unsigned which)
{
    static zc_handle handles[1024];
    unsigned count = fill_segment(pool, 8, handles);
    unsigned first = 100 - (which & 1);
    unsigned end = 101 + (which >> 1);
    const uint64_t location = support_location_of(pool, handles[first]);
    zc_handle joined;
    unsigned i;

    for (i = first; i < end; i++)
        if (i != 100)
            support_object_free(pool, handles[i]);
    support_object_free(pool, handles[100]);
    support_pool_check(pool);
    joined = place(pool, (end - first) * 8);
    assert_int_equal(support_location_of(pool, joined), location);
    support_pool_check(pool);
    for (i = 0; i < count; i++)
        if (i < first || i >= end)
            support_object_check(pool, handles[i], bytes_of(pool, 8), 8, 0);
    support_object_free(pool, joined);
    support_objects_free(pool, first, handles);
    support_objects_free(pool, count - end, &handles[end]);
    support_pool_check_empty(pool);
}

TEST_ON_DENSE(a_freed_object_joins_its_free_neighbours)
{
    unsigned which;

    for (which = 0; which < 4; which++)
        join(pool, which);
}

/* And then it is full to the last granule. */
TEST_ON_DENSE(both_ends_of_a_segment_can_be_free)
{
    static zc_handle handles[1024];
    unsigned count = fill_segment(pool, 8, handles);
    const uint64_t first = support_location_of(pool, handles[0]);
    const uint64_t last = support_location_of(pool, handles[count - 2]);

    support_objects_free(pool, 1, handles);
    support_objects_free(pool, 1, &handles[count - 1]);
    support_pool_check(pool);
    support_objects_free(pool, 1, &handles[1]);
    support_objects_free(pool, 1, &handles[count - 2]);
    support_pool_check(pool);
    assert_int_equal(support_location_of(pool, place(pool, 16)) +
                         support_location_of(pool, place(pool, 16)),
                     first + last);
    assert_int_equal(zc_zspool_page_count(pool), 16);
}

TEST_ON_DENSE(a_hole_too_short_for_a_bin_waits_for_its_neighbour)
{
    static zc_handle handles[8190];
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
        support_pool_end(pool);
    }
}

/* An object that has no room for its header in a page has one alone. */
TEST_ON_DENSE(a_page_takes_a_page)
{
    zc_handle handles[40];
    unsigned i;

    for (i = 0; i < 40; i++) {
        handles[i] = support_object_new(pool, 4093 + i % 4, i, 0);
        assert_int_equal(zc_zspool_page_count(pool), i + 1);
    }
    assert_int_equal(zc_zspool_used_pages(pool), 40);
    for (i = 0; i < 40; i++)
        support_object_check(pool, handles[i], 4093 + i % 4, i, 0);
    support_objects_free(pool, 40, handles);
    support_pool_check_empty(pool);
}

/* ---- while a segment is brought, or grows ---- */

static struct zc_zspool *shared_pool;
static zc_handle *freed_meanwhile;
static unsigned freed_count;

static void free_meanwhile(void)
{
    support_objects_free(shared_pool, freed_count, freed_meanwhile);
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
    unsigned count = fill_segment(pool, 16, handles);
    const struct zc_zspage *full = support_zspage_of(pool, handles[0]);

    free_later(pool, &handles[100], 1);
    handles[100] = place(pool, 16);
    assert_null(meanwhile);
    assert_ptr_equal(support_zspage_of(pool, handles[100]), full);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    support_pool_check(pool);
    support_objects_free(pool, count, handles);
    support_pool_check_empty(pool);
}

/* Four pages full, which get more while they are emptied, all but `left`. */
static void empty_while_it_grows(struct zc_zspool *pool, unsigned left)
{
    static zc_handle handles[128];
    zc_handle handle;

    support_objects_new(pool, bytes_of(pool, 16), 128, handles);
    assert_int_equal(zc_zspool_page_count(pool), 4);
    free_later(pool, &handles[left], 128 - left);
    handle = place(pool, 512);
    assert_null(meanwhile);
    support_pool_check(pool);
    support_object_check(pool, handle, bytes_of(pool, 512), 512, 0);
    support_objects_check(pool, bytes_of(pool, 16), left, handles);
    support_objects_free(pool, left, handles);
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
    (void)support_compact(pool, NULL); /* nothing is kept */
}

TEST_ON_DENSE(a_segment_may_be_emptied_while_it_grows)
{
    unsigned left;

    for (left = 0; left <= 128; left++)
        empty_while_it_grows(pool, left);
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
    support_object_check(pool, handle, bytes_of(pool, 512), 512, 0);
}
