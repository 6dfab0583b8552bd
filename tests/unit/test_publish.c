/* SPDX-License-Identifier: MIT */
/* test_publish.c - places that are filled once, by whoever comes first. */
#include <string.h>

#include "support_test.h"

#include "base/publish.h"
#include "platform/memory.h"

static void the_first_stays(void **state)
{
    static zc_atomic_pointer place;
    static zc_counter bytes;
    void *first = zc_malloc(100);
    void *second = zc_malloc(3000);

    (void)state;
    assert_non_null(first);
    assert_non_null(second);
    assert_true(zc_publish(&place, first, &bytes));
    assert_ptr_equal(zc_atomic_pointer_load_acquire(&place), first);
    assert_int_equal(zc_counter_read(&bytes), zc_malloc_size(first));

    assert_false(zc_publish(&place, second, &bytes));
    assert_ptr_equal(zc_atomic_pointer_load_acquire(&place), first);
    assert_int_equal(zc_counter_read(&bytes), zc_malloc_size(first));
    /* It is the caller's still. */
    memset(second, 1, 3000);
    zc_free(second);
    zc_free(first);
}

/* The sanitizers see to it that the second is freed. */
static void any_gives_what_is_there(void **state)
{
    static zc_atomic_pointer place;
    static zc_counter bytes;
    void *first = zc_malloc(100);

    (void)state;
    assert_null(zc_publish_any(&place, NULL, &bytes));
    assert_null(zc_atomic_pointer_load_acquire(&place));
    assert_ptr_equal(zc_publish_any(&place, first, &bytes), first);
    assert_ptr_equal(zc_publish_any(&place, zc_malloc(3000), &bytes), first);
    assert_int_equal(zc_counter_read(&bytes), zc_malloc_size(first));
    /* Without anything of his own, nobody gets what others made. */
    assert_null(zc_publish_any(&place, NULL, &bytes));
    zc_free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_stays),
        cmocka_unit_test(any_gives_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
