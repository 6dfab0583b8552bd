/* SPDX-License-Identifier: MIT */
/*
 * kernel_placement.h - what tests of kernel placement share: a pool, objects
 * with recognisable bytes, and a check of the whole pool.
 *
 * Assertions are CMocka's: main thread only, and when no other thread uses the
 * pool.
 */
#ifndef ZC_TESTS_KERNEL_PLACEMENT_H
#define ZC_TESTS_KERNEL_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support_test.h"

#include "pool/kernel.h"

static inline struct zc_zspool *kernel_pool_of(size_t page_size,
                                               unsigned chain_length)
{
    struct zc_zspool *pool = NULL;

    assert_int_equal(
        zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL,
                                           .page_size = page_size,
                                           .chain_length = chain_length),
                         &pool),
        ZC_OK);
    return pool;
}

static inline struct zc_zspool *kernel_pool(void)
{
    return kernel_pool_of(0, 0);
}

/* A small generator: a failing test fails again in the same way. */
static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static inline unsigned char stamp_byte(uint64_t stamp, size_t offset)
{
    return (unsigned char)(stamp * 31 + offset * 7 + 1);
}

/* An object of that size, its bytes made of the stamp. */
static inline zc_handle new_object(struct zc_zspool *pool, size_t size,
                                   uint64_t stamp)
{
    unsigned char bytes[ZC_PAGE_SIZE_MAX];
    zc_handle handle = {0};
    size_t i;

    for (i = 0; i < size; i++)
        bytes[i] = stamp_byte(stamp, i);
    assert_int_equal(zc_zspool_alloc(pool, size, &handle), ZC_OK);
    assert_int_equal(zc_zspool_write(pool, handle, bytes, size), ZC_OK);
    return handle;
}

static inline bool has_stamp(const void *data, size_t size, uint64_t stamp)
{
    const unsigned char *bytes = data;
    size_t i;

    for (i = 0; i < size; i++)
        if (bytes[i] != stamp_byte(stamp, i))
            return false;
    return true;
}

static inline void check_object(struct zc_zspool *pool, zc_handle handle,
                                size_t size, uint64_t stamp)
{
    struct zc_zspool_read read;

    assert_int_equal(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
    assert_int_equal(read.size, size);
    assert_true(has_stamp(read.data, size, stamp));
    zc_zspool_read_end(pool, &read);
}

static inline void free_object(struct zc_zspool *pool, zc_handle handle)
{
    assert_int_equal(zc_zspool_free(pool, handle), ZC_OK);
}

static inline uint64_t location_of(const struct zc_zspool *pool,
                                   zc_handle handle)
{
    struct zc_cell_view view;

    assert_int_equal(zc_handles_look(&pool->handles, handle, &view), ZC_OK);
    return view.location;
}

static inline struct zc_zspage *zspage_of(const struct zc_zspool *pool,
                                          zc_handle handle)
{
    return zc_location_zspage(&pool->arena, location_of(pool, handle));
}

static inline struct zc_group *group_of_size(const struct zc_zspool *pool,
                                             size_t size)
{
    unsigned index = zc_class_of_size(pool->page_size, size);

    return &pool->groups[pool->class_group[index]];
}

/* Every header in use leads to a cell that leads back; the other slots are in
 * the free list.
 */
static inline void check_slots(const struct zc_zspool *pool,
                               const struct zc_group *group,
                               const struct zc_zspage *zspage)
    ZC_REQUIRES(group->lock)
{
    const struct zc_arena *arena = &pool->arena;
    uint32_t next = zspage->first_free;
    struct zc_cell_view view;
    uint32_t objects = 0;
    uint32_t free_slots = 0;
    uint64_t location;
    uint64_t header;
    zc_handle handle;
    uint32_t index;

    for (index = 0; index < group->slot_count; index++) {
        location = zc_slot_location(arena, group, zspage, index);
        header = zc_slot_header(arena, group, zspage, location);
        if ((header & ZC_OBJECT_TAGS) == 0)
            continue;
        assert_int_equal(header & ZC_OBJECT_TAGS, ZC_OBJECT_ALLOCATED);
        handle.value = header & ~(uint64_t)ZC_OBJECT_TAGS;
        assert_int_equal(zc_handles_look(&pool->handles, handle, &view), ZC_OK);
        assert_int_equal(view.location, location);
        objects++;
    }
    while (next != ZC_SLOT_NONE) {
        assert_in_range(next, 0, group->slot_count - 1);
        location = zc_slot_location(arena, group, zspage, next);
        header = zc_slot_header(arena, group, zspage, location);
        assert_int_equal(header & ZC_OBJECT_TAGS, 0);
        next = (uint16_t)(header >> 3);
        free_slots++;
        assert_in_range(free_slots, 1, group->slot_count);
    }
    assert_int_equal(zspage->objects, objects);
    assert_int_equal(objects + free_slots, group->slot_count);
}

static inline void check_group(const struct zc_zspool *pool,
                               struct zc_group *group)
{
    const struct zc_zspage *zspage;
    const struct zc_list *list;
    uint64_t objects = 0;
    struct zc_list *link;
    uint64_t zspages;
    unsigned fullness;

    zc_spinlock_lock(&group->lock);
    for (fullness = 0; fullness < ZC_FULLNESS_GROUPS; fullness++) {
        list = &group->fullness[fullness];
        zspages = 0;
        for (link = list->next; link != list; link = link->next) {
            zspage = ZC_CONTAINER(link, struct zc_zspage, link);
            check_slots(pool, group, zspage);
            assert_int_equal(zspage->fullness, fullness);
            assert_int_equal(zc_fullness_of(zspage->objects, group->slot_count),
                             fullness);
            assert_ptr_equal(zc_atomic_pointer_load_relaxed(&zspage->group),
                             group);
            objects += zspage->objects;
            zspages++;
        }
        assert_int_equal(group->zspages[fullness], zspages);
    }
    assert_int_equal(group->objects, objects);
    zc_spinlock_unlock(&group->lock);
}

static inline void check_kernel_pool(const struct zc_zspool *pool)
{
    uint64_t pages = 0;
    unsigned fullness;
    unsigned i;

    for (i = 0; i < pool->group_count; i++) {
        check_group(pool, &pool->groups[i]);
        for (fullness = 0; fullness < ZC_FULLNESS_GROUPS; fullness++)
            pages += pool->groups[i].zspages[fullness] *
                     pool->groups[i].zspage_pages;
    }
    assert_int_equal(zc_zspool_page_count(pool), pages);
}

#endif
