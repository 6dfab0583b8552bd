/* SPDX-License-Identifier: MIT */
/* scenarios.h - the scenarios over the library, a file each. */
#ifndef LAB_SCENARIOS_H
#define LAB_SCENARIOS_H

#include "engine/scenario.h"

extern const struct lab_scenario scenario_double_invalidate;
extern const struct lab_scenario scenario_take_take_invalidate;
extern const struct lab_scenario scenario_entry_aba;
extern const struct lab_scenario scenario_store_store;
extern const struct lab_scenario scenario_failed_store;
extern const struct lab_scenario scenario_compressor_back;
extern const struct lab_scenario scenario_compressor_away;
extern const struct lab_scenario scenario_deferred_kernel;
extern const struct lab_scenario scenario_deferred_dense;
extern const struct lab_scenario scenario_failed_reclaim_kernel;
extern const struct lab_scenario scenario_failed_reclaim_dense;
extern const struct lab_scenario scenario_huge_header;
extern const struct lab_scenario scenario_huge_page;
extern const struct lab_scenario scenario_compact_free_kernel;
extern const struct lab_scenario scenario_compact_free_dense;
extern const struct lab_scenario scenario_compact_read_kernel;
extern const struct lab_scenario scenario_compact_read_dense;
extern const struct lab_scenario scenario_reclaim_compact_kernel;
extern const struct lab_scenario scenario_reclaim_compact_dense;
extern const struct lab_scenario scenario_visit_put;
extern const struct lab_scenario scenario_visit_free_kernel;
extern const struct lab_scenario scenario_visit_free_dense;
extern const struct lab_scenario scenario_visit_reclaim;
extern const struct lab_scenario scenario_writeback_store;
extern const struct lab_scenario scenario_writeback_take;
extern const struct lab_scenario scenario_writeback_invalidate;
extern const struct lab_scenario scenario_writeback_exit;
extern const struct lab_scenario scenario_writeback_reused;
extern const struct lab_scenario scenario_writeback_three;
extern const struct lab_scenario scenario_writeback_swapoff;
extern const struct lab_scenario scenario_lru_last;
extern const struct lab_scenario scenario_shrink_own_slot;
extern const struct lab_scenario scenario_shrink_with_context;
extern const struct lab_scenario scenario_swapin_slot_reused;
extern const struct lab_scenario scenario_swapin_twice;
extern const struct lab_scenario scenario_swapin_thrice;
extern const struct lab_scenario scenario_swapin_fork;
extern const struct lab_scenario scenario_swapin_fails;
extern const struct lab_scenario scenario_swapin_reclaims;
extern const struct lab_scenario scenario_ksm_swapin;
extern const struct lab_scenario scenario_ksm_swapin_moved;
extern const struct lab_scenario scenario_ksm_uptodate;
extern const struct lab_scenario scenario_swapoff_unmap;
extern const struct lab_scenario scenario_swapoff_swapin;

#endif
