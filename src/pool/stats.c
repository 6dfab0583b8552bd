/* SPDX-License-Identifier: MIT */
/*
 * stats.c - a pool in numbers, and its class table as the kernel prints
 * it.
 *
 * Every group is read under its lock, one after the other: the numbers of one
 * group are of one moment, and a sum is exact only when no other thread uses
 * the pool.
 */
#include "zspool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "platform/memory.h"

/* Text that grows like snprintf()'s: what does not fit is only counted. */
struct text {
    char *bytes;
    size_t capacity;
    size_t length;
};

/* The cast is for the lock; the content of the pool stays as it is. */
static struct zc_arena *lockable_arena(const struct zc_zspool *pool)
{
    return (struct zc_arena *)(uintptr_t)&pool->arena;
}

/* The row of a class, of all groups that have its number; ZC_OK, or ZC_MISSING:
 * merged. */
static zc_status read_row(const struct zc_zspool *pool, unsigned index,
                          struct zc_zspool_class *row_out)
{
    zc_status status = ZC_MISSING;
    struct zc_group *group;
    unsigned fullness;
    unsigned i;

    memset(row_out, 0, sizeof(*row_out));
    for (i = 0; i < pool->group_count; i++) {
        group = &pool->groups[i];
        if (group->index != index)
            continue;
        status = ZC_OK;
        row_out->index = index;
        row_out->object_bytes = group->slot_bytes;
        row_out->pages_per_zspage = group->zspage_pages;
        row_out->objects_per_zspage = group->slot_count;
        zc_spinlock_lock(&group->lock);
        for (fullness = 0; fullness < ZC_FULLNESS_GROUPS; fullness++)
            row_out->zspages[fullness] += group->zspages[fullness];
        row_out->objects_used += group->objects;
        group->ops->read_class(group, row_out);
        zc_spinlock_unlock(&group->lock);
    }
    return status;
}

zc_status zc_zspool_get_class(const struct zc_zspool *pool, unsigned index,
                              struct zc_zspool_class *class_out)
{
    struct zc_zspool_class row;
    zc_status status;

    if (pool == NULL || class_out == NULL || index >= pool->class_count)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    status = read_row(pool, index, &row);
    if (status != ZC_OK)
        return status;
    return zc_options_copy_out(class_out, &row, sizeof(row));
}

static void append_text(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append_text(struct text *text, const char *format, ...)
{
    size_t room = text->length < text->capacity ? text->capacity - text->length
                                                : 0;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(room > 0 ? text->bytes + text->length : NULL, room,
                       format, arguments);
    va_end(arguments);
    ZC_ASSERT(length >= 0);
    text->length += (size_t)length;
}

/* The columns of the kernel's file begin with 10 %: an empty zspage exists only
 * until its last reader releases it. */
static void append_fullness(struct text *text,
                            const uint64_t zspages[ZC_FULLNESS_GROUPS])
{
    unsigned fullness;

    for (fullness = 1; fullness < ZC_FULLNESS_GROUPS; fullness++)
        append_text(text, "%9" PRIu64 " ", zspages[fullness]);
}

static void append_counts(struct text *text, const struct zc_zspool_class *row,
                          const char *pages_per_zspage)
{
    append_text(text,
                "%13" PRIu64 " %10" PRIu64 " %10" PRIu64 " %16s %8" PRIu64 "\n",
                row->objects_allocated, row->objects_used, row->pages_used,
                pages_per_zspage, row->pages_freeable);
}

static void append_head(struct text *text)
{
    append_text(text, " %5s %5s %9s %9s %9s %9s %9s %9s %9s %9s %9s %9s %9s",
                "class", "size", "10%", "20%", "30%", "40%", "50%", "60%",
                "70%", "80%", "90%", "99%", "100%");
    append_text(text, " %13s %10s %10s %16s %8s\n", "obj_allocated", "obj_used",
                "pages_used", "pages_per_zspage", "freeable");
}

static void append_row(struct text *text, const struct zc_zspool_class *row)
{
    char pages[16];

    snprintf(pages, sizeof(pages), "%" PRIu32, row->pages_per_zspage);
    append_text(text, " %5u %5" PRIu32 " ", row->index, row->object_bytes);
    append_fullness(text, row->zspages);
    append_counts(text, row, pages);
}

static void append_total(struct text *text, const struct zc_zspool_class *total)
{
    append_text(text, "\n %5s %5s ", "Total", "");
    append_fullness(text, total->zspages);
    append_counts(text, total, "");
}

static void add_row(struct zc_zspool_class *total,
                    const struct zc_zspool_class *row)
{
    unsigned fullness;

    for (fullness = 0; fullness < ZC_FULLNESS_GROUPS; fullness++)
        total->zspages[fullness] += row->zspages[fullness];
    total->objects_allocated += row->objects_allocated;
    total->objects_used += row->objects_used;
    total->pages_used += row->pages_used;
    total->pages_freeable += row->pages_freeable;
}

size_t zc_zspool_print_classes(const struct zc_zspool *pool, char *text_out,
                               size_t capacity)
{
    struct text text = {text_out, text_out == NULL ? 0 : capacity, 0};
    struct zc_zspool_class total;
    struct zc_zspool_class row;
    unsigned index;

    memset(&total, 0, sizeof(total));
    if (text.capacity > 0)
        text.bytes[0] = '\0';
    if (pool == NULL || zc_process_is_child(&pool->process))
        return 0;
    append_head(&text);
    for (index = 0; index < pool->class_count; index++) {
        if (read_row(pool, index, &row) != ZC_OK)
            continue;
        append_row(&text, &row);
        add_row(&total, &row);
    }
    append_total(&text, &total);
    return text.length;
}

/* Resident bytes of everything but the pages and the cells. */
static uint64_t metadata_bytes(const struct zc_zspool *pool)
{
    struct zc_arena *arena = lockable_arena(pool);
    uint64_t bytes = zc_malloc_size(pool) + zc_malloc_size(pool->groups) +
                     zc_malloc_size(pool->class_group) +
                     zc_process_mark_bytes(&pool->process);
    unsigned i;

    for (i = 0; i < pool->group_count; i++)
        bytes += zc_malloc_size(pool->groups[i].own);
    bytes += zc_counter_read(&arena->descriptor_bytes);
    zc_spinlock_lock(&arena->lock);
    bytes += zc_records_bytes(&arena->chunks, arena->chunk_count);
    zc_spinlock_unlock(&arena->lock);
    return bytes;
}

zc_status zc_zspool_get_stats(const struct zc_zspool *pool,
                              struct zc_zspool_stats *stats_out)
{
    struct zc_zspool_stats stats;
    struct zc_group *group;
    unsigned i;

    if (pool == NULL || stats_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    memset(&stats, 0, sizeof(stats));
    for (i = 0; i < pool->group_count; i++) {
        group = &pool->groups[i];
        zc_spinlock_lock(&group->lock);
        stats.objects += group->objects;
        stats.payload_bytes += group->payload_bytes;
        zc_spinlock_unlock(&group->lock);
    }
    stats.pages_allocated = zc_zspool_page_count(pool);
    stats.pool_bytes = stats.pages_allocated * pool->page_size;
    stats.pages_compacted = zc_counter_read(&pool->pages_compacted);
    stats.objects_moved = zc_counter_read(&pool->objects_moved);
    stats.zspages = zc_counter_read(&pool->arena.zspages);
    stats.handle_bytes = zc_handles_bytes(&pool->handles);
    stats.metadata_bytes = metadata_bytes(pool);
    stats.limit_rejects = zc_counter_read(&pool->limit_rejects);
    stats.kept_bytes = zc_arena_kept_pages(&pool->arena) * pool->page_size;
    return zc_options_copy_out(stats_out, &stats, sizeof(stats));
}
