/* SPDX-License-Identifier: MIT */
/*
 * zspool.c - the public calls of a pool: check what the caller gave, find the
 * object, and let the placement do the rest.
 *
 * A call that changes an object finds it under its group's lock; a call that
 * only looks at its bytes pins its zspage (pool/pin.c).  Nothing here holds a
 * lock while it asks the system for memory or gives some back.
 */
#include "zspool.h"

#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "base/options.h"
#include "platform/memory.h"
#include "platform/processor.h"
#include "rules.h"

/* The placements.  The least number is the default of a pool. */
#define PLACEMENTS(X)                                                          \
    X(ZC_PLACEMENT_DENSE, zc_dense_placement)                                  \
    X(ZC_PLACEMENT_KERNEL, zc_kernel_placement)

#define DECLARE(number, ops) extern const struct zc_placement_ops ops;
#define ADDRESS(number, ops) [number] = &(ops),

PLACEMENTS(DECLARE)
static const struct zc_placement_ops *const placements[] = {
    PLACEMENTS(ADDRESS)};

#define PLACEMENT_MAX (sizeof(placements) / sizeof(placements[0]) - 1)

const char *zc_placement_name(unsigned placement)
{
    if (placement == ZC_PLACEMENT_DEFAULT || placement > PLACEMENT_MAX)
        return NULL;
    return placements[placement]->name;
}

static zc_status check_segment(struct zc_zspool_options *options)
{
    const size_t least = ZC_SEGMENT_PAGES_MIN * options->page_size;
    const size_t most = ZC_SEGMENT_PAGES_MAX * options->page_size;

    if (options->segment_bytes == 0)
        options->segment_bytes = ZC_SEGMENT_PAGES_DEFAULT * options->page_size;
    if (!zc_is_power_of_two(options->segment_bytes) ||
        options->segment_bytes < least || options->segment_bytes > most)
        return ZC_REFUSE(options, ZC_INVALID,
                         "segment_bytes: %zu is not a power of two from %zu "
                         "to %zu, which is %d to %d pages",
                         options->segment_bytes, least, most,
                         ZC_SEGMENT_PAGES_MIN, ZC_SEGMENT_PAGES_MAX);
    return ZC_OK;
}

/* Placement and chain length are good. */
static zc_status check_limit(const struct zc_zspool_options *options)
{
    const uint64_t least = placements[options->placement]->least_pages(
                               options->page_size, options->chain_length) *
                           (uint64_t)options->page_size;

    if (options->limit_bytes != 0 && options->limit_bytes < least)
        return ZC_REFUSE(options, ZC_INVALID,
                         "limit_bytes: %" PRIu64 " is less than %" PRIu64
                         ", in which an object of any size can be stored; "
                         "0 means no limit",
                         options->limit_bytes, least);
    return ZC_OK;
}

/* Fills in the defaults.  ZC_INVALID for a field out of its range. */
static zc_status check_options(struct zc_zspool_options *options)
{
    zc_status status;

    if (zc_options_check_page_size(&options->page_size) != ZC_OK)
        return ZC_REFUSE(options, ZC_INVALID,
                         "page_size: %zu is not a power of two from %d to %d",
                         options->page_size, ZC_PAGE_SIZE_MIN,
                         ZC_PAGE_SIZE_MAX);
    if (options->placement == ZC_PLACEMENT_DEFAULT)
        options->placement = ZC_PLACEMENT_DENSE;
    if (options->placement > PLACEMENT_MAX)
        return ZC_REFUSE(options, ZC_INVALID,
                         "placement: %u is not from 0 to %zu",
                         options->placement, PLACEMENT_MAX);
    if (options->chain_length == 0)
        options->chain_length = ZC_CHAIN_DEFAULT;
    if (options->chain_length < ZC_CHAIN_MIN ||
        options->chain_length > ZC_CHAIN_MAX)
        return ZC_REFUSE(options, ZC_INVALID,
                         "chain_length: %u is not from %d to %d",
                         options->chain_length, ZC_CHAIN_MIN, ZC_CHAIN_MAX);
    status = check_segment(options);
    if (status != ZC_OK)
        return status;
    if (options->group_count > ZC_GROUP_COUNT_MAX)
        return ZC_REFUSE(options, ZC_INVALID,
                         "group_count: %u is not from 0 to %d",
                         options->group_count, ZC_GROUP_COUNT_MAX);
    if (options->keep_lru > 1)
        return ZC_REFUSE(options, ZC_INVALID, "keep_lru: %u is not 0 or 1",
                         options->keep_lru);
    return check_limit(options);
}

/* A lock that so many share costs less than the holes of more groups. */
#define PROCESSORS_OF_A_GROUP 4

/* How many groups the segments of a pool are in. */
static unsigned count_groups(const struct zc_zspool_options *options)
{
    uint64_t most = ZC_GROUP_COUNT_MAX;
    unsigned count =
        (unsigned)zc_divide_up(zc_processor_count(), PROCESSORS_OF_A_GROUP);

    if (options->group_count != 0)
        return options->group_count;
    if (options->limit_bytes != 0)
        most = options->limit_bytes / (16 * options->segment_bytes);
    if (count > most)
        count = (unsigned)most;
    return count == 0 ? 1 : count;
}

static zc_status init_parts(struct zc_zspool *pool, uint64_t limit_bytes,
                            size_t user_bytes)
{
    zc_status status;

    status = zc_arena_init(&pool->arena, pool->page_size, limit_bytes,
                           pool->ops->keeps ? pool->segment_pages : 0);
    if (status != ZC_OK)
        return status;
    status = zc_handles_init(&pool->handles, pool->page_size, user_bytes);
    if (status != ZC_OK)
        goto destroy_arena;
    status = zc_mutex_init(&pool->compaction, ZC_RANK_COMPACTION, "compaction");
    if (status != ZC_OK)
        goto destroy_handles;
    zc_list_init(&pool->lru);
    status = zc_spinlock_init(&pool->lru_lock, ZC_RANK_POOL_LRU, "pool lru");
    if (status != ZC_OK)
        goto destroy_compaction;
    status = pool->ops->create(pool);
    if (status != ZC_OK)
        goto destroy_lru;
    return ZC_OK;

destroy_lru:
    zc_spinlock_destroy(&pool->lru_lock);
destroy_compaction:
    zc_mutex_destroy(&pool->compaction);
destroy_handles:
    zc_handles_destroy(&pool->handles);
destroy_arena:
    zc_arena_destroy(&pool->arena);
    return status;
}

zc_status zc_zspool_create_with_records(const struct zc_zspool_options *options,
                                        size_t user_bytes,
                                        struct zc_zspool **pool_out)
{
    struct zc_zspool_options own;
    struct zc_zspool *pool;
    zc_status status;

    if (pool_out == NULL)
        return ZC_INVALID;
    status = ZC_OPTIONS_READ(&own, options);
    if (status == ZC_OK)
        status = check_options(&own);
    if (status != ZC_OK)
        return status;
    pool = zc_calloc(1, sizeof(*pool));
    if (pool == NULL)
        return ZC_NO_MEMORY;
    pool->ops = placements[own.placement];
    pool->page_size = own.page_size;
    pool->placement = own.placement;
    pool->chain_length = own.chain_length;
    pool->segment_pages = (uint32_t)(own.segment_bytes / own.page_size);
    pool->segment_groups = count_groups(&own);
    pool->keeps_lru = own.keep_lru != 0;
    status = zc_process_mark_init(&pool->process);
    if (status != ZC_OK)
        goto free_pool;
    status = init_parts(pool, own.limit_bytes, user_bytes);
    if (status != ZC_OK)
        goto destroy_mark;
    *pool_out = pool;
    return ZC_OK;

destroy_mark:
    zc_process_mark_destroy(&pool->process);
free_pool:
    zc_free(pool);
    return status;
}

zc_status zc_zspool_create(const struct zc_zspool_options *options,
                           struct zc_zspool **pool_out)
{
    return zc_zspool_create_with_records(options, 0, pool_out);
}

void zc_zspool_destroy(struct zc_zspool *pool)
{
    if (pool == NULL)
        return;
    if (zc_process_is_child(&pool->process)) {
        zc_arena_leave(&pool->arena);
        zc_process_mark_destroy(&pool->process);
        return;
    }
    pool->ops->destroy(pool);
    zc_spinlock_destroy(&pool->lru_lock);
    zc_mutex_destroy(&pool->compaction);
    zc_handles_destroy(&pool->handles);
    zc_arena_destroy(&pool->arena);
    zc_process_mark_destroy(&pool->process);
    zc_free(pool);
}

/* A new object, pinned if its place is asked for. */
static zc_status new_object(struct zc_zspool *pool, size_t size, bool beyond,
                            zc_handle *handle_out,
                            struct zc_object_ref *ref_out)
{
    zc_status status = ZC_REJECTED;

    if (size == 0 || size > pool->page_size)
        return ZC_INVALID;
    /* A limit that was lowered may be below the pages that the pool has: then
     * not even free space in them is used. */
    if (beyond || zc_arena_pages(&pool->arena) <= zc_arena_limit(&pool->arena))
        status = pool->ops->place(pool, size, beyond, handle_out, ref_out);
    if (status == ZC_REJECTED)
        zc_counter_add(&pool->limit_rejects, 1);
    zc_arena_give_back_old(&pool->arena);
    return status;
}

zc_status zc_zspool_alloc(struct zc_zspool *pool, size_t size,
                          zc_handle *handle_out)
{
    if (pool == NULL || handle_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    return new_object(pool, size, false, handle_out, NULL);
}

/* A new object with its bytes, and the user's bytes in its record.  Both are
 * written before the handle is valid. */
static zc_status put_object(struct zc_zspool *pool, const void *data,
                            size_t size, bool beyond, const void *user,
                            zc_handle *handle_out)
{
    struct zc_handles *handles = &pool->handles;
    struct zc_object_ref ref;
    zc_status status = new_object(pool, size, beyond, handle_out, &ref);

    if (status != ZC_OK)
        return status;
    if (user != NULL)
        memcpy(zc_cell_at(handles, zc_handle_cell(*handle_out)) + 1, user,
               handles->user_bytes);
    memcpy(zc_object_payload(pool, &ref), data, size);
    zc_handles_set(handles, *handle_out, ref.location, size);
    zc_zspage_unpin(pool, ref.zspage);
    return ZC_OK;
}

static zc_status put_data(struct zc_zspool *pool, const void *data, size_t size,
                          bool beyond, zc_handle *handle_out)
{
    zc_handle handle;
    zc_status status;

    if (pool == NULL || data == NULL || handle_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    status = put_object(pool, data, size, beyond, NULL, &handle);
    if (status == ZC_OK)
        *handle_out = handle;
    return status;
}

zc_status zc_zspool_put(struct zc_zspool *pool, const void *data, size_t size,
                        zc_handle *handle_out)
{
    return put_data(pool, data, size, false, handle_out);
}

zc_status zc_zspool_put_beyond(struct zc_zspool *pool, const void *data,
                               size_t size, zc_handle *handle_out)
{
    return put_data(pool, data, size, true, handle_out);
}

/* Frees an object whose group is locked, and unlocks the group. */
static zc_status free_object(struct zc_zspool *pool, zc_handle handle,
                             const struct zc_object_ref *ref)
{
    zc_status status;
    bool emptied;

    if (ref->zspage->reclaimed) {
        status = ref->group->ops->defer(pool, ref);
        if (!ZC_RULE(DEFERRED_HANDLE_IN_HEADER))
            (void)ZC_BROKEN(chain(&pool->handles, zc_handle_cell(handle)));
        zc_object_unlock(ref);
        return status;
    }
    if (zc_visits_have(ref->group, handle)) {
        zc_handles_leave(&pool->handles, handle);
        zc_object_unlock(ref);
        return ZC_OK;
    }
    zc_handles_free(&pool->handles, &ref->group->cells, handle);
    emptied = ref->group->ops->remove(pool, ref->group, ref->zspage,
                                      ref->location, ref->size);
    zc_object_unlock(ref);
    if (emptied)
        zc_arena_put(&pool->arena, ref->zspage);
    zc_arena_give_back_old(&pool->arena);
    return ZC_OK;
}

zc_status zc_zspool_free(struct zc_zspool *pool, zc_handle handle)
{
    struct zc_object_ref ref;
    zc_status status;

    if (pool == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    status = zc_zspool_find_locked(pool, handle, &ref);
    if (status != ZC_OK)
        return status;
    return free_object(pool, handle, &ref);
}

/* Pins an object that was not freed.  Only in a pool with reclaim may the cell
 * of a freed object still lead to it. */
static zc_status pin_live(struct zc_zspool *pool, zc_handle handle,
                          struct zc_object_ref *ref_out)
{
    zc_status status;

    if (!pool->keeps_lru)
        return zc_zspool_pin(pool, handle, ref_out);
    status = zc_zspool_find_live(pool, handle, ref_out);
    if (status != ZC_OK)
        return status;
    zc_zspage_pin(ref_out->zspage);
    zc_object_unlock(ref_out);
    return ZC_OK;
}

zc_status zc_zspool_write(struct zc_zspool *pool, zc_handle handle,
                          const void *data, size_t size)
{
    struct zc_object_ref ref;
    zc_status status;

    if (pool == NULL || data == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    status = pin_live(pool, handle, &ref);
    if (status != ZC_OK)
        return status;
    if (size == ref.size)
        memcpy(zc_object_payload(pool, &ref), data, size);
    else
        status = ZC_INVALID;
    zc_zspage_unpin(pool, ref.zspage);
    return status;
}

/* Lends the bytes of a pinned object. */
static void lend_object(const struct zc_zspool *pool,
                        const struct zc_object_ref *ref,
                        struct zc_zspool_read *read_out)
{
    read_out->data = zc_object_payload(pool, ref);
    read_out->size = ref->size;
    read_out->pin = ref->zspage;
}

zc_status zc_zspool_read_begin(struct zc_zspool *pool, zc_handle handle,
                               struct zc_zspool_read *read_out)
{
    struct zc_object_ref ref;
    zc_status status;

    if (pool == NULL || read_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    status = zc_zspool_pin(pool, handle, &ref);
    if (status != ZC_OK)
        return status;
    lend_object(pool, &ref, read_out);
    return ZC_OK;
}

void zc_zspool_read_end(struct zc_zspool *pool, struct zc_zspool_read *read)
{
    struct zc_zspage *zspage = read->pin;

    if (zc_process_is_child(&pool->process))
        return;
    read->data = NULL;
    read->pin = NULL;
    zc_zspage_unpin(pool, zspage);
}

/* ---- by records ---- */

zc_status zc_zspool_put_record(struct zc_zspool *pool, const void *data,
                               size_t size, bool beyond, const void *user,
                               struct zc_cell **cell_out)
{
    zc_handle handle = {0};
    zc_status status = put_object(pool, data, size, beyond, user, &handle);

    if (status == ZC_OK)
        *cell_out = zc_cell_at(&pool->handles, zc_handle_cell(handle));
    return status;
}

void zc_zspool_free_record(struct zc_zspool *pool, struct zc_cell *cell)
{
    struct zc_object_ref ref;
    zc_handle handle = zc_zspool_lock_record(pool, cell, &ref);
    zc_status status = free_object(pool, handle, &ref);

    ZC_ASSERT(status == ZC_OK);
    (void)status;
}

void zc_zspool_read_record(struct zc_zspool *pool, const struct zc_cell *cell,
                           struct zc_zspool_read *read_out)
{
    struct zc_object_ref ref;

    zc_zspool_pin_record(pool, cell, &ref);
    lend_object(pool, &ref, read_out);
}

void zc_zspool_unread_record(struct zc_zspool *pool,
                             const struct zc_zspool_read *read)
{
    zc_zspage_unpin(pool, read->pin);
}

const struct zc_cell *zc_zspool_record_of(const struct zc_zspool *pool,
                                          zc_handle handle)
{
    const struct zc_cell *cell =
        zc_cell_at(&pool->handles, zc_handle_cell(handle));

    /* Acquires the user's bytes, written before the handle became valid. */
    (void)zc_cell_live_word(&pool->handles, cell);
    return cell;
}

zc_status zc_zspool_object_size(const struct zc_zspool *pool, zc_handle handle,
                                size_t *size_out)
{
    struct zc_cell_view view;
    struct zc_object_ref ref;
    zc_status status;

    if (pool == NULL || size_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    if (pool->keeps_lru) {
        /* The cast is for the lock; the content of the pool stays as it is. */
        status = zc_zspool_find_live((struct zc_zspool *)(uintptr_t)pool,
                                     handle, &ref);
        if (status != ZC_OK)
            return status;
        zc_object_unlock(&ref);
        *size_out = ref.size;
        return ZC_OK;
    }
    status = zc_handles_read(&pool->handles, handle, &view);
    if (status == ZC_OK)
        *size_out = view.size;
    return status;
}

zc_status zc_zspool_change_tags(struct zc_zspool *pool, zc_handle handle,
                                unsigned clear, unsigned set,
                                unsigned *previous_out)
{
    struct zc_object_ref ref;
    zc_status status;

    if (pool == NULL || ((clear | set) & ~(ZC_TAG_0 | ZC_TAG_1)) != 0)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    if (!pool->keeps_lru)
        return zc_handles_change_tags(&pool->handles, handle, clear, set,
                                      previous_out);
    status = zc_zspool_find_live(pool, handle, &ref);
    if (status != ZC_OK)
        return status;
    status = zc_handles_change_tags(&pool->handles, handle, clear, set,
                                    previous_out);
    zc_object_unlock(&ref);
    return status;
}

uint64_t zc_zspool_page_count(const struct zc_zspool *pool)
{
    if (pool == NULL || zc_process_is_child(&pool->process))
        return 0;
    return zc_arena_pages(&pool->arena);
}

uint64_t zc_zspool_used_pages(const struct zc_zspool *pool)
{
    if (pool == NULL || zc_process_is_child(&pool->process))
        return 0;
    if (pool->ops->used_pages == NULL)
        return zc_zspool_page_count(pool);
    return pool->ops->used_pages(pool);
}

zc_status zc_zspool_set_limit(struct zc_zspool *pool, uint64_t limit_bytes)
{
    if (pool == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    zc_arena_set_limit(&pool->arena, limit_bytes);
    return ZC_OK;
}

size_t zc_zspool_bytes_of(const struct zc_zspool *pool, size_t size)
{
    if (size >= pool->huge_class_size)
        return pool->page_size;
    if (pool->class_group == NULL)
        return zc_round_up(pool->header_bytes + size, ZC_UNIT_BYTES);
    return zc_group_of(pool, size)->slot_bytes;
}

size_t zc_zspool_huge_class_size(const struct zc_zspool *pool)
{
    if (pool == NULL || zc_process_is_child(&pool->process))
        return 0;
    return pool->huge_class_size;
}
