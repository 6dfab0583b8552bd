/* SPDX-License-Identifier: MIT */
/*
 * scenarios.h - the scenarios over the library, defined by the files of this
 * folder: the only list, in the order of the matrix.
 */
#ifndef LAB_SCENARIOS_H
#define LAB_SCENARIOS_H

#include "engine/scenario.h"

/* clang-format off */
#define LAB_LIBRARY_SCENARIOS(X) \
    X(double_invalidate) \
    X(take_take_invalidate) \
    X(entry_aba) \
    X(store_store) \
    X(store_context) \
    X(drop_take) \
    X(drop_invalidate) \
    X(drop_store) \
    X(drop_load) \
    X(load_context) \
    X(load_load) \
    X(store_first) \
    X(failed_store) \
    X(compressor_back) \
    X(compressor_away) \
    X(compressor_round) \
    X(compressor_both) \
    X(recompress_store) \
    X(recompress_take) \
    X(recompress_invalidate) \
    X(recompress_load) \
    X(recompress_writeback) \
    X(compressor_unused) \
    X(deferred_kernel) \
    X(deferred_dense) \
    X(failed_reclaim_kernel) \
    X(failed_reclaim_dense) \
    X(huge_header) \
    X(huge_page) \
    X(refill_new) \
    X(refill_reused) \
    X(refill_given) \
    X(refill_first) \
    X(arena_free) \
    X(arena_new) \
    X(arena_kept) \
    X(arena_keep) \
    X(arena_back) \
    X(grow_twice) \
    X(grow_emptied) \
    X(grow_limit) \
    X(last_reader) \
    X(emptied_put) \
    X(pool_lru) \
    X(reclaim_reused) \
    X(reclaim_put) \
    X(reclaim_read) \
    X(compact_free_kernel) \
    X(compact_free_dense) \
    X(compact_read_kernel) \
    X(compact_read_dense) \
    X(compact_free_groups) \
    X(compact_read_groups) \
    X(compact_tags) \
    X(compact_put_kernel) \
    X(compact_put_dense) \
    X(compact_put_groups) \
    X(compact_read_step) \
    X(compact_pause) \
    X(compact_twice) \
    X(reclaim_compact_kernel) \
    X(reclaim_compact_dense) \
    X(visit_put) \
    X(visit_free_kernel) \
    X(visit_free_dense) \
    X(visit_reclaim) \
    X(evict_invalidate_kernel) \
    X(evict_invalidate_dense) \
    X(writeback_store) \
    X(writeback_over) \
    X(writeback_take) \
    X(writeback_invalidate) \
    X(writeback_exit) \
    X(writeback_reused) \
    X(writeback_three) \
    X(age_store) \
    X(writeback_swapoff) \
    X(backing_worker) \
    X(backing_inline) \
    X(writeback_worker) \
    X(swapoff_load) \
    X(swapoff_take) \
    X(swapoff_invalidate) \
    X(swapoff_twice) \
    X(swapon_take) \
    X(store_wait) \
    X(writeback_both) \
    X(swapoff_store) \
    X(lru_last) \
    X(shrink_own_slot) \
    X(shrink_with_context) \
    X(swapin_slot_reused) \
    X(swapin_twice) \
    X(swapin_thrice) \
    X(swapin_fork) \
    X(swapin_fork_cached) \
    X(swapin_fork_again) \
    X(swapin_fork_if_stored) \
    X(swapin_fails) \
    X(swapin_fails_cached) \
    X(swapin_fails_again) \
    X(swapin_fails_if_stored) \
    X(swapin_reclaims) \
    X(ksm_swapin) \
    X(ksm_swapin_moved) \
    X(ksm_uptodate) \
    X(swapoff_unmap) \
    X(swapoff_swapin) \
    X(reclaim_unmap) \
    X(reclaim_write) \
    X(reclaim_swapoff) \
    X(fork_create) \
    X(map_map) \
    X(fork_unmap) \
    X(fork_write) \
    X(fork_unshare) \
    X(fork_swapped) \
    X(unmap_unmap) \
    X(write_unmap) \
    X(swapin_unmap) \
    X(swapin_unmap_cached) \
    X(swapoff_unmaps) \
    X(swapoff_clean) \
    X(swapoff_exit) \
    X(exit_exit) \
    X(reclaim_clean) \
    X(reclaim_shared) \
    X(reclaim_reclaim)
/* clang-format on */

#define LAB_SCENARIO_DECLARATION(name)                                         \
    extern const struct lab_scenario scenario_##name;
LAB_LIBRARY_SCENARIOS(LAB_SCENARIO_DECLARATION)

#endif
