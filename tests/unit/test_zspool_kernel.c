/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_kernel.c - kernel placement: its classes, slots and zspages.
 *
 * Where objects go is told again in tests/model/test_kernel_placement.c.
 */
#include "kernel_placement.h"

#include "base/inject.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* ---- geometry ---- */

static void pools_have_the_clusters_of_the_kernel(void **state)
{
    static const struct {
        unsigned groups;
        size_t watermark;
    } expected[] = {
        {69, 3264},  {86, 3408},  {94, 3504},  {110, 3584}, {119, 3632},
        {136, 3680}, {141, 3712}, {153, 3744}, {159, 3776}, {173, 3792},
        {179, 3808}, {186, 3840}, {192, 3840},
    };
    struct zc_zspool *pool;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        pool = kernel_pool_of(4096, ZC_CHAIN_MIN + i);

        assert_int_equal(pool->class_count, 255);
        assert_int_equal(pool->group_count, expected[i].groups);
        assert_int_equal(zc_zspool_huge_class_size(pool),
                         expected[i].watermark - 7);
        zc_zspool_destroy(pool);
    }
}

static void larger_pages_make_larger_tables(void **state)
{
    struct zc_zspool *pool;

    (void)state;
    pool = kernel_pool_of(16384, 8);
    assert_int_equal(pool->class_count, 257);
    assert_int_equal(pool->group_count, 121);
    assert_int_equal(zc_zspool_huge_class_size(pool), 14553);
    zc_zspool_destroy(pool);

    pool = kernel_pool_of(65536, 8);
    assert_int_equal(pool->group_count, 123);
    zc_zspool_destroy(pool);
}

static void merged_classes_take_the_largest_slot(void **state)
{
    struct zc_zspool *pool = kernel_pool_of(4096, 4);
    const struct zc_group *group = group_of_size(pool, 1560);

    (void)state;
    assert_int_equal(group->index, 100);
    assert_int_equal(group->slot_bytes, 1632);
    assert_int_equal(group->zspage_pages, 2);
    assert_int_equal(group->slot_count, 5);
    zc_zspool_destroy(pool);

    pool = kernel_pool_of(4096, 8);
    group = group_of_size(pool, 1560);
    assert_int_equal(group->slot_bytes, 1568);
    assert_int_equal(group->zspage_pages, 5);
    assert_int_equal(group->slot_count, 13);
    zc_zspool_destroy(pool);
}

static void groups_go_from_the_largest_class_down(void **state)
{
    static const unsigned tail[] = {254, 225, 222, 217, 211, 202, 197};
    struct zc_zspool *pool = kernel_pool();
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(tail) / sizeof(tail[0]); i++)
        assert_int_equal(pool->groups[i].index, tail[i]);
    for (i = 0; i < pool->group_count; i++)
        assert_int_equal(pool->class_group[pool->groups[i].index], i);
    zc_zspool_destroy(pool);
}

/* ---- slots ---- */

static void the_first_object_is_8_bytes_into_the_first_slot(void **state)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle first = new_object(pool, 100, 1);
    zc_handle second = new_object(pool, 100, 2);
    uint64_t location = location_of(pool, first);
    struct zc_zspool_read read;
    uint64_t header;

    (void)state;
    assert_int_equal(location,
                     zc_zspage_location(&pool->arena, zspage_of(pool, first)));
    assert_int_equal(location_of(pool, second) - location, 112 / 8);
    memcpy(&header, zc_location_address(&pool->arena, location),
           sizeof(header));
    assert_int_equal(header, first.value | ZC_OBJECT_ALLOCATED);
    assert_int_equal(zc_zspool_read_begin(pool, first, &read), ZC_OK);
    assert_ptr_equal(read.data,
                     zc_location_address(&pool->arena, location) + 8);
    zc_zspool_read_end(pool, &read);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

static void a_huge_object_keeps_its_header_in_the_zspage(void **state)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle handle = new_object(pool, 4096, 5);
    const struct zc_zspage *zspage = zspage_of(pool, handle);

    (void)state;
    assert_true(group_of_size(pool, 4096)->huge);
    assert_int_equal(zspage->huge_header, handle.value | ZC_OBJECT_ALLOCATED);
    assert_true(has_stamp(zc_zspage_memory(&pool->arena, zspage), 4096, 5));
    assert_int_equal(zc_zspool_page_count(pool), 1);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

static void objects_from_3625_bytes_on_take_a_page_alone(void **state)
{
    struct zc_zspool *pool = kernel_pool();

    (void)state;
    assert_false(group_of_size(pool, 3624)->huge);
    assert_int_equal(group_of_size(pool, 3624)->zspage_pages, 8);
    assert_true(group_of_size(pool, 3625)->huge);
    assert_true(group_of_size(pool, 4096)->huge);
    zc_zspool_destroy(pool);
}

static void the_slot_freed_last_is_taken_first(void **state)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle handles[4];
    uint64_t third;
    uint64_t first;
    unsigned i;

    (void)state;
    for (i = 0; i < 4; i++)
        handles[i] = new_object(pool, 24, i);
    first = location_of(pool, handles[0]);
    third = location_of(pool, handles[2]);
    free_object(pool, handles[0]);
    free_object(pool, handles[2]);

    assert_int_equal(location_of(pool, new_object(pool, 24, 9)), third);
    assert_int_equal(location_of(pool, new_object(pool, 24, 9)), first);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

static void every_size_comes_back_as_written(void **state)
{
    static const size_t page_sizes[] = {4096, 16384, 65536};
    struct zc_zspool *pool;
    zc_handle handle;
    size_t size;
    unsigned i;

    (void)state;
    for (i = 0; i < 3; i++) {
        pool = kernel_pool_of(page_sizes[i], 8);
        for (size = 1; size <= page_sizes[i]; size += 1 + size / 13) {
            handle = new_object(pool, size, size);
            check_object(pool, handle, size, size);
            free_object(pool, new_object(pool, size, 3));
            check_object(pool, handle, size, size);
        }
        handle = new_object(pool, page_sizes[i], 7);
        check_object(pool, handle, page_sizes[i], 7);
        check_kernel_pool(pool);
        zc_zspool_destroy(pool);
    }
}

#ifdef HAVE_ASAN
static void memory_beside_an_object_is_closed(void **state)
{
    static const size_t sizes[] = {1, 100, 2048, 3700};
    struct zc_zspool *pool = kernel_pool();
    struct zc_zspool_read read;
    zc_handle handle;
    zc_handle other;
    const char *data;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        other = new_object(pool, sizes[i], 1);
        handle = new_object(pool, sizes[i], 2);
        assert_int_equal(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
        data = read.data;
        zc_zspool_read_end(pool, &read);

        assert_null(
            __asan_region_is_poisoned((void *)(uintptr_t)data, sizes[i]));
        assert_true(__asan_address_is_poisoned(data + sizes[i]));
        free_object(pool, handle);
        assert_true(__asan_address_is_poisoned(data));
        assert_true(__asan_address_is_poisoned(data + sizes[i] - 1));
        check_object(pool, other, sizes[i], 1);
    }
    zc_zspool_destroy(pool);
}
#endif

/* ---- zspages ---- */

static void an_emptied_zspage_goes_back_at_once(void **state)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle first = new_object(pool, 100, 1);
    zc_handle second = new_object(pool, 100, 2);
    uint32_t pages = group_of_size(pool, 100)->zspage_pages;

    (void)state;
    free_object(pool, first);
    assert_int_equal(zc_zspool_page_count(pool), pages);
    free_object(pool, second);
    assert_int_equal(zc_zspool_page_count(pool), 0);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

static void the_last_reader_of_an_emptied_zspage_releases_it(void **state)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle handle = new_object(pool, 100, 1);
    const struct zc_group *group = group_of_size(pool, 100);
    struct zc_zspool_read read;

    (void)state;
    assert_int_equal(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
    free_object(pool, handle);
    assert_int_equal(zc_zspool_page_count(pool), group->zspage_pages);
    assert_int_equal(group->zspages[0], 1);
    check_kernel_pool(pool);

    zc_zspool_read_end(pool, &read);
    assert_int_equal(zc_zspool_page_count(pool), 0);
    assert_int_equal(group->zspages[0], 0);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

static void an_emptied_zspage_that_is_used_again_stays(void **state)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle handle = new_object(pool, 100, 1);
    const struct zc_zspage *zspage = zspage_of(pool, handle);
    struct zc_zspool_read read;

    (void)state;
    assert_int_equal(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
    free_object(pool, handle);
    handle = new_object(pool, 100, 2);
    assert_ptr_equal(zspage_of(pool, handle), zspage);

    zc_zspool_read_end(pool, &read);
    check_object(pool, handle, 100, 2);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

static void an_allocation_over_the_limit_changes_nothing(void **state)
{
    struct zc_zspool *pool = NULL;
    zc_handle handle = {77};
    zc_handle small;

    (void)state;
    assert_int_equal(
        zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL),
                         &pool),
        ZC_OK);
    assert_int_equal(zc_zspool_set_limit(pool, 3 * 4096 + 100), ZC_OK);
    small = new_object(pool, 24, 1);
    (void)new_object(pool, 4096, 2);
    (void)new_object(pool, 4000, 3);

    assert_int_equal(zc_zspool_alloc(pool, 3900, &handle), ZC_REJECTED);
    assert_int_equal(zc_zspool_alloc(pool, 500, &handle), ZC_REJECTED);
    assert_int_equal(handle.value, 77);
    assert_int_equal(zc_zspool_page_count(pool), 3);
    /* There is room in a zspage that is there already. */
    assert_int_equal(zc_zspool_alloc(pool, 24, &handle), ZC_OK);
    check_object(pool, small, 24, 1);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

static void no_memory_leaves_nothing_behind(void **state)
{
    struct zc_zspool *pool = NULL;
    zc_handle handle = {0};
    uint32_t countdown = 0;
    zc_status status;

    (void)state;
    do {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown++, 1);
        status = zc_zspool_create(
            ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL), &pool);
        assert_true(status == ZC_OK || status == ZC_NO_MEMORY);
    } while (status != ZC_OK);
    zc_inject_disarm();
    assert_true(countdown > 3); /* pool, groups, class_group */

    zc_inject_arm(ZC_INJECT_PAGES, 1, 1);
    assert_int_equal(zc_zspool_alloc(pool, 100, &handle), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_int_equal(zc_zspool_page_count(pool), 0);
    check_kernel_pool(pool);
    handle = new_object(pool, 100, 4);
    check_object(pool, handle, 100, 4);
    zc_zspool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_have_the_clusters_of_the_kernel),
        cmocka_unit_test(larger_pages_make_larger_tables),
        cmocka_unit_test(merged_classes_take_the_largest_slot),
        cmocka_unit_test(groups_go_from_the_largest_class_down),
        cmocka_unit_test(the_first_object_is_8_bytes_into_the_first_slot),
        cmocka_unit_test(a_huge_object_keeps_its_header_in_the_zspage),
        cmocka_unit_test(objects_from_3625_bytes_on_take_a_page_alone),
        cmocka_unit_test(the_slot_freed_last_is_taken_first),
        cmocka_unit_test(every_size_comes_back_as_written),
#ifdef HAVE_ASAN
        cmocka_unit_test(memory_beside_an_object_is_closed),
#endif
        cmocka_unit_test(an_emptied_zspage_goes_back_at_once),
        cmocka_unit_test(the_last_reader_of_an_emptied_zspage_releases_it),
        cmocka_unit_test(an_emptied_zspage_that_is_used_again_stays),
        cmocka_unit_test(an_allocation_over_the_limit_changes_nothing),
        cmocka_unit_test(no_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
