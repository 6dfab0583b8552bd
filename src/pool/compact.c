/* SPDX-License-Identifier: MIT */
/*
 * compact.c - one compaction at a time, in steps, within a budget.
 *
 * A round visits, once, everything that can be compacted.  A placement does it
 * in steps, and notes in pool->cursor how far the round is.
 *
 * The compacting thread and a thread that allocates or frees: both take a
 * group's lock.  Under one hold of it compaction moves at most a few dozen
 * objects, or moves all those of one segment to its front.  Then the step ends,
 * and the compacting thread keeps only the compaction mutex, which threads that
 * allocate, free or read do not take.  So such a thread can get the lock after
 * each step, not only after the whole compaction.  It may wait for more than
 * one step, because the locks are not fair: the compacting thread may take the
 * same lock again first.
 *
 * The compacting thread and a reader: each reader is counted in its zspage's
 * pin word.  A step moves objects only after a CAS on that word has found no
 * reader and has set LOCKED, so no object moves while it is read (pool/pin.c).
 * If the CAS fails, the step skips the zspage: it waits for no reader.
 */
#include "zspool.h"

#include <string.h>

#include "base/options.h"
#include "platform/processor.h"

static bool is_spent(const struct zc_compact_budget *budget,
                     const struct zc_compact_result *result, uint64_t started)
{
    if (budget->objects != 0 && result->objects_moved >= budget->objects)
        return true;
    return budget->microseconds != 0 &&
           (zc_clock_ns() - started) / 1000 >= budget->microseconds;
}

zc_status zc_zspool_compact(struct zc_zspool *pool,
                            const struct zc_compact_budget *budget,
                            struct zc_compact_result *result_out)
{
    struct zc_compact_result result;
    struct zc_compact_budget own;
    uint64_t started;
    uint64_t most;
    zc_status status;

    if (pool == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    status = ZC_OPTIONS_READ(&own, budget);
    if (status != ZC_OK)
        return status;
    if (result_out != NULL && !zc_options_has_size(result_out))
        return ZC_REFUSE(&own, ZC_INVALID,
                         "result_out: its struct_size, %zu, is not from %zu to "
                         "%d",
                         result_out->struct_size, sizeof(size_t),
                         ZC_STRUCT_SIZE_MAX);
    if (!zc_mutex_trylock(&pool->compaction))
        return ZC_BUSY;
    memset(&result, 0, sizeof(result));
    most = own.objects == 0 ? UINT64_MAX : own.objects;
    started = zc_clock_ns();
    do {
        status = pool->ops->compact_step(pool, most, &result);
    } while (status == ZC_AGAIN && !is_spent(&own, &result, started));
    if (status != ZC_OK && pool->ops->compact_pause != NULL)
        pool->ops->compact_pause(pool, &result);
    zc_arena_give_back(&pool->arena);
    zc_mutex_unlock(&pool->compaction);

    zc_counter_add(&pool->objects_moved, result.objects_moved);
    zc_counter_add(&pool->pages_compacted, result.pages_freed);
    if (result_out != NULL)
        (void)zc_options_copy_out(result_out, &result, sizeof(result));
    return status;
}
