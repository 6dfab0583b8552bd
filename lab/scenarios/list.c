/* SPDX-License-Identifier: MIT */
/* list.c - the scenarios over the library. */
#include <stddef.h>

#include "lab_platform.h"
#include "scenarios.h"

const struct lab_rule_book lab_library_rules = {
    .identifier = lab_rule_name,
    .sentence = lab_rule_sentence,
    .was_asked = lab_rule_was_asked,
    .forget = lab_rules_forget,
};

const struct lab_scenario *const lab_library_scenarios[] = {
    &scenario_double_invalidate,
    &scenario_take_take_invalidate,
    &scenario_entry_aba,
    &scenario_store_store,
    &scenario_failed_store,
    &scenario_compressor_back,
    &scenario_compressor_away,
    &scenario_deferred_kernel,
    &scenario_deferred_dense,
    &scenario_failed_reclaim_kernel,
    &scenario_failed_reclaim_dense,
    &scenario_huge_header,
    &scenario_huge_page,
    &scenario_compact_free_kernel,
    &scenario_compact_free_dense,
    &scenario_compact_read_kernel,
    &scenario_compact_read_dense,
    &scenario_reclaim_compact_kernel,
    &scenario_reclaim_compact_dense,
    &scenario_visit_put,
    &scenario_visit_free_kernel,
    &scenario_visit_free_dense,
    &scenario_visit_reclaim,
    &scenario_writeback_store,
    &scenario_writeback_take,
    &scenario_writeback_invalidate,
    &scenario_writeback_exit,
    &scenario_writeback_reused,
    &scenario_writeback_three,
    &scenario_writeback_swapoff,
    &scenario_lru_last,
    &scenario_shrink_own_slot,
    &scenario_shrink_with_context,
    &scenario_swapin_slot_reused,
    &scenario_swapin_twice,
    &scenario_swapin_thrice,
    &scenario_swapin_fork,
    &scenario_swapin_fails,
    &scenario_swapin_reclaims,
    &scenario_ksm_swapin,
    &scenario_ksm_swapin_moved,
    &scenario_ksm_uptodate,
    &scenario_swapoff_unmap,
    &scenario_swapoff_swapin,
    NULL,
};
