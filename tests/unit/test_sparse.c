/* SPDX-License-Identifier: MIT */
/* test_sparse.c - pointers by an index, each set once. */
#include <string.h>

#include "support_test.h"

#include "base/sparse.h"
#include "platform/memory.h"

/* One, two and more levels; the last indexes of each. */
static const uint64_t counts[] = {
    1, 512, 513, UINT64_C(1) << 18, (UINT64_C(1) << 18) + 1, UINT64_C(1) << 57};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static void note(void *pointer, void *context)
{
    (void)context;
    ++*(unsigned *)pointer;
}

static void set_at(struct zc_sparse *sparse, uint64_t index, void *pointer)
{
    zc_atomic_pointer *place = zc_sparse_make(sparse, index);

    assert_non_null(place);
    assert_true(zc_publish(place, pointer));
}

TEST(each_index_has_a_place_of_its_own)
{
    struct zc_sparse sparse;
    unsigned first = 0;
    unsigned last = 0;
    size_t i;

    for (i = 0; i < COUNTS; i++) {
        zc_sparse_init(&sparse, counts[i]);
        assert_null(zc_sparse_find(&sparse, 0));
        assert_null(zc_sparse_find(&sparse, counts[i] - 1));
        assert_int_equal(zc_counter_read(&sparse.bytes), 0);
        set_at(&sparse, counts[i] - 1, &last);
        assert_ptr_equal(zc_sparse_find(&sparse, counts[i] - 1), &last);
        assert_true(zc_counter_read(&sparse.bytes) >= 4096);
        if (counts[i] > 1) {
            assert_null(zc_sparse_find(&sparse, 0));
            set_at(&sparse, 0, &first);
            assert_ptr_equal(zc_sparse_find(&sparse, 0), &first);
            assert_ptr_equal(zc_sparse_find(&sparse, counts[i] - 1), &last);
        }
        zc_sparse_destroy(&sparse, note, NULL);
        assert_int_equal(last, i + 1);
        assert_int_equal(first, i);
        assert_null(zc_sparse_find(&sparse, 0));
    }
}

TEST(a_walk_meets_each_pointer_in_order)
{
    static const uint64_t at[] = {3, 511, 512, UINT64_C(1) << 18,
                                  (UINT64_C(1) << 40) - 1};
    const size_t count = sizeof(at) / sizeof(at[0]);
    unsigned met[sizeof(at) / sizeof(at[0])] = {0};
    struct zc_sparse sparse;
    uint64_t index = 0;
    size_t i;

    zc_sparse_init(&sparse, UINT64_C(1) << 40);
    assert_null(zc_sparse_next(&sparse, &index));
    assert_int_equal(index, 0);
    for (i = 0; i < count; i++)
        set_at(&sparse, at[i], &met[i]);
    for (i = 0; i < count; i++) {
        assert_ptr_equal(zc_sparse_next(&sparse, &index), &met[i]);
        assert_int_equal(index, at[i]);
        index++;
    }
    assert_null(zc_sparse_next(&sparse, &index));
    zc_sparse_destroy(&sparse, note, NULL);
}

/* What comes later is its caller's still, or freed: sanitizers see to it. */
TEST(the_first_stays)
{
    static zc_atomic_pointer place;
    static zc_counter bytes;
    void *first = zc_malloc(100);
    void *second = zc_malloc(3000);

    assert_non_null(first);
    assert_non_null(second);
    /* Without a pointer of its own, a caller gets what is there. */
    assert_null(zc_publish_any(&place, NULL, &bytes));
    assert_ptr_equal(zc_publish_any(&place, first, &bytes), first);
    assert_int_equal(zc_counter_read(&bytes), zc_malloc_size(first));
    assert_ptr_equal(zc_publish_any(&place, zc_malloc(3000), &bytes), first);
    assert_int_equal(zc_counter_read(&bytes), zc_malloc_size(first));
    assert_null(zc_publish_any(&place, NULL, &bytes));
    assert_false(zc_publish(&place, second));
    assert_ptr_equal(zc_atomic_pointer_load_acquire(&place), first);
    memset(second, 1, 3000);
    zc_free(second);
    zc_free(first);
}
