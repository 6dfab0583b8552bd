/* SPDX-License-Identifier: MIT */
/* world_pool.c - a pool by itself, and its objects. */
#include "world_internal.h"

#include <string.h>

#include "watch/tsan.h"

void world_pool(enum zc_placement placement, bool keep_lru)
{
    world_must(
        zc_zspool_create(
            ZC_ZSPOOL_OPTIONS(.page_size = WORLD_PAGE, .placement = placement,
                              .segment_bytes = WORLD_SEGMENT_PAGES * WORLD_PAGE,
                              .keep_lru = keep_lru, .group_count = 1),
            &world.pool),
        "no pool");
}

static void make_dense(unsigned groups, size_t pages)
{
    world_must(
        zc_zspool_create(ZC_ZSPOOL_OPTIONS(.page_size = WORLD_PAGE,
                                           .segment_bytes = pages * WORLD_PAGE,
                                           .group_count = groups),
                         &world.pool),
        "no pool");
}

void world_pool_groups(unsigned groups)
{
    make_dense(groups, WORLD_SEGMENT_PAGES);
}

void world_pool_growing(void)
{
    make_dense(1, (size_t)2 * WORLD_SEGMENT_PAGES);
}

void world_put(unsigned index, size_t size)
{
    struct world_object *object = &world.objects[index];
    char bytes[WORLD_PAGE];

    WORLD_ENTER("zc_zspool_put(%c)", 'A' + (int)index);
    world_fill(bytes, size, world_mix(index + 1), WORLD_PAGE);
    world_must(zc_zspool_put(world.pool, bytes, size, &object->handle),
               "no object");
    object->size = size;
    object->content = index;
    world_leave();
}

void world_free(unsigned index)
{
    struct world_object *object = &world.objects[index];
    zc_status status;

    WORLD_ENTER("zc_zspool_free(%c)", 'A' + (int)index);
    object->size = 0;
    status = zc_zspool_free(world.pool, object->handle);
    if (status != ZC_OK)
        lab_fail("object cannot be freed", "%s", zc_status_name(status));
    world_leave();
}

int world_object_of(zc_handle handle)
{
    for (int i = 0; i < WORLD_OBJECTS; i++)
        if (world.objects[i].handle.value == handle.value)
            return i;
    return -1;
}

/* Compares the bytes lent by a read with those that were put. */
static void check_bytes(const struct zc_zspool_read *read, unsigned content,
                        const char *when)
{
    char bytes[WORLD_PAGE];
    struct lab_site site = {when, __func__, __FILE__, __LINE__};

    lab_step(LAB_POINT, NULL, &site);
    lab_access(read->data, read->size, 0, __builtin_return_address(0));
    world_fill(bytes, read->size, world_mix(content + 1), WORLD_PAGE);
    if (memcmp(bytes, read->data, read->size) != 0)
        lab_fail("object has other bytes", "object %c, %s", 'A' + (int)content,
                 when);
}

void world_read_handle(zc_handle handle)
{
    int index = world_object_of(handle);
    struct zc_zspool_read read;
    zc_status status;

    if (index < 0) {
        lab_fail("handle of no object", "%#llx",
                 (unsigned long long)handle.value);
        return;
    }
    status = zc_zspool_read_begin(world.pool, handle, &read);
    if (status != ZC_OK) {
        lab_fail("handle leads nowhere", "object %c: %s", 'A' + index,
                 zc_status_name(status));
        return;
    }
    check_bytes(&read, (unsigned)index, "read");
    check_bytes(&read, (unsigned)index, "read again");
    zc_zspool_read_end(world.pool, &read);
}

zc_status world_read(unsigned index)
{
    struct zc_zspool_read read;
    zc_status status;

    WORLD_ENTER("zc_zspool_read_begin(%c)", 'A' + (int)index);
    status =
        zc_zspool_read_begin(world.pool, world.objects[index].handle, &read);
    if (status == ZC_OK) {
        check_bytes(&read, index, "read");
        check_bytes(&read, index, "read again");
        zc_zspool_read_end(world.pool, &read);
    } else if (status != ZC_STALE) {
        lab_fail("object cannot be read", "%s", zc_status_name(status));
    }
    world_leave();
    return status;
}

/* Which object has these bytes; -1: none. */
static int content_of(const void *data, size_t size)
{
    char bytes[WORLD_PAGE];

    for (int i = 0; i < WORLD_OBJECTS; i++) {
        world_fill(bytes, size, world_mix((unsigned)i + 1), WORLD_PAGE);
        if (memcmp(bytes, data, size) == 0)
            return i;
    }
    return -1;
}

/* A visited object must be one that was put, and keep its bytes. */
static bool visit(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    struct zc_zspool_read read = {.data = data, .size = size};
    int content;

    (void)context;
    (void)handle;
    lab_access(data, size, 0, __builtin_return_address(0));
    content = content_of(data, size);
    if (content < 0) {
        lab_fail("visitor sees no object", "of %zu bytes", size);
        return false;
    }
    lab_enter("visit(%c)", 'A' + content);
    check_bytes(&read, (unsigned)content, "seen");
    check_bytes(&read, (unsigned)content, "seen again");
    lab_leave();
    return true;
}

void world_iterate(void)
{
    zc_status status;

    WORLD_ENTER("zc_zspool_iterate()");
    status = zc_zspool_iterate(world.pool, visit, NULL);
    if (status != ZC_OK)
        lab_fail("walk ended early", "%s", zc_status_name(status));
    world_leave();
}

void world_compact_some(unsigned objects)
{
    const struct zc_compact_budget budget = {.struct_size = sizeof(budget),
                                             .objects = objects};
    zc_status status;

    WORLD_ENTER("zc_zspool_compact()");
    status = zc_zspool_compact(world.pool, &budget, NULL);
    if (status != ZC_OK && status != ZC_BUSY && status != ZC_AGAIN)
        lab_fail("compaction failed", "%s", zc_status_name(status));
    world_leave();
}

void world_compact(void)
{
    world_compact_some(0);
}

void world_tag(unsigned index, unsigned tags)
{
    struct world_object *object = &world.objects[index];
    zc_status status;

    WORLD_ENTER("zc_zspool_change_tags(%c)", 'A' + (int)index);
    status = zc_zspool_change_tags(world.pool, object->handle, 0, tags, NULL);
    if (status == ZC_OK)
        object->tags |= tags;
    else if (status != ZC_STALE)
        lab_fail("tags cannot be changed", "%s", zc_status_name(status));
    world_leave();
}

void world_check_tags(unsigned index)
{
    const struct world_object *object = &world.objects[index];
    unsigned tags = 0;

    if (object->size == 0)
        return;
    world_must(zc_zspool_change_tags(world.pool, object->handle, 0, 0, &tags),
               "tags cannot be read");
    if (tags != object->tags)
        lab_fail("tags lost", "object %c: %u, not %u", 'A' + (int)index, tags,
                 object->tags);
}
