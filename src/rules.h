/* SPDX-License-Identifier: MIT */
/*
 * rules.h - the rules of the protocols, one sentence each.
 *
 * Each was learned from a bug.  Code that obeys a rule asks for it by name:
 *
 *     if (unlinked || !ZC_RULE(TREE_REF_DROPPED_BY_UNLINKER))
 *         zc_entry_put(entry);
 *
 * In every build but the lab's ZC_RULE(x) is the constant true, and the other
 * branch does not exist.  In the lab it is a switch (platform_impl/rule_impl.h,
 * chosen by the include path): the lab breaks one rule by name and shows that a
 * scenario fails.
 *
 * A broken form that is more than one statement is a function of lab/broken/:
 *
 *     if (!ZC_RULE(WRITEBACK_RECHECKS_TREE))
 *         return ZC_BROKEN(find(zswap, slot, token));
 *
 * In every build but the lab's ZC_BROKEN(call) is 0, and the call is not even
 * compiled. scripts/check rules refuses a longer form here.
 *
 * Columns: identifier, sentence, origin (a founding thread, 000 to 004, a
 * kernel commit, or the use of this library), the file that obeys it ("" while
 * that code is to come).
 */
#ifndef ZC_RULES_H
#define ZC_RULES_H

/* clang-format off */
#define ZC_RULES(X) \
    X(TREE_REF_DROPPED_BY_UNLINKER, \
      "the thread that unlinks an entry drops the tree's reference, once", \
      "000", "zswap/load.c") \
    X(OWN_REF_OUTLIVES_INVALIDATE, \
      "the own reference is dropped after the invalidate", \
      "000", "zswap/load.c") \
    X(ENTRY_KNOWN_BY_REF, \
      "outside a pin, an entry is known by a reference, not by finding " \
      "the same address again", \
      "000", "zswap/load.c") \
    X(EXCLUSIVE_ONLY_FROM_SWAPCACHE, \
      "a load is exclusive only if the folio is in the swap cache", \
      "001", "swap/pageio_read.c") \
    X(SYNC_SWAPIN_PINS_SLOT, \
      "the synchronous path pins the slot before it looks, until the page " \
      "table is set", \
      "13ddaf26be32, 2024", "vm/swapin.c") \
    X(PIN_LOSER_SLEEPS, \
      "a thread that does not get the pin sleeps, and does not spin", \
      "01626a182302, 2024", "swap/slots_count.c") \
    X(COPY_LIVES_UNTIL_SWAP_FREE, \
      "a copy read outside the swap cache is dropped when the swap count " \
      "is, never when the read completes", \
      "e914d8f00391, 2022", "swap/pageio_read.c") \
    X(DEFERRED_HANDLE_IN_HEADER, \
      "a deferred handle lives in the object header; its cell is " \
      "untouched until reclaim ends", \
      "002", "zspool.c") \
    X(NO_FREE_LIST_UNDER_RECLAIM, \
      "an object freed under reclaim does not enter the free list", \
      "002", "pool/kernel_reclaim.c") \
    X(FAILED_RECLAIM_REBUILDS_LIST, \
      "failed reclaim rebuilds the free list", \
      "002", "pool/kernel_reclaim.c") \
    X(RECLAIM_END_RELEASES_CELLS, \
      "the end of reclaim releases every deferred cell, once", \
      "002", "pool/kernel_reclaim.c") \
    X(RECLAIM_OFF_ALL_LISTS, \
      "a zspage under reclaim is on no list: no allocation, no compaction", \
      "002", "pool/reclaim.c") \
    X(HUGE_HEADER_IN_ZSPAGE, \
      "a huge object's header is in its zspage, not in its bytes", \
      "002", "pool/kernel.c") \
    X(WRITEBACK_PINS_FIRST, \
      "writeback pins the slot before it touches the tree", \
      "003", "swap/writeback.c") \
    X(WRITEBACK_RECHECKS_TREE, \
      "writeback rechecks the tree after the pin", \
      "04fc7816089c, 2023", "zswap/evict.c") \
    X(WRITEBACK_EXIT_CLEANS_UP, \
      "every exit between pin and submission deletes, unlocks, drops", \
      "e3b63e966cac, 2024", "swap/writeback.c") \
    X(CANDIDATE_ROTATED, \
      "a candidate is rotated, not isolated", \
      "003", "zswap/lru.c") \
    X(NOTHING_AFTER_SUBMIT, \
      "nothing is touched after the write is submitted", \
      "003", "swap/writeback.c") \
    X(DEVICE_REF_AROUND_TREE, \
      "a device reference is held around every use of its slots", \
      "5878303c5353, 2024", "swap/writeback.c") \
    X(LRU_LAST, \
      "an entry reaches the LRU last, with every field set", \
      "003", "zswap/store.c") \
    X(SWAPCACHE_LOCKED_UNTIL_PTE_SET, \
      "the swap-cache folio stays locked until the page table is set", \
      "004, 4969c1192d15", "vm/swapin.c") \
    X(RECHECK_IN_SWAPCACHE, \
      "after locking: still in the swap cache?", \
      "004", "swap/folio.c") \
    X(RECHECK_SAME_ENTRY, \
      "after locking: still for this swap entry? (deletion clears the " \
      "flag, not the name)", \
      "31c4a3d3a0f8, 2010", "swap/folio.c") \
    X(UPTODATE_BEFORE_COPY, \
      "uptodate is checked before a KSM copy", \
      "004", "vm/swapin.c") \
    X(FAILED_STORE_ERASES_OLD, \
      "a failed or refused store erases the slot's older entry", \
      "678e54d4bb9a, 2024", "zswap/store.c") \
    X(CONTEXT_OUTLIVES_USER, \
      "a compressor context is never freed under its user", \
      "12dcb0ef5406, 2025", "codec/generation.c") \
    X(NO_SHRINK_WITH_CONTEXT, \
      "no thread shrinks or waits for memory while it holds a compressor " \
      "context", \
      "zswap hotunplug follow-ups, 2025", "zswap/store.c") \
    X(DYING_GENERATION_STAYS_DEAD, \
      "a dying generation cannot be revived by a look-up", \
      "zswap pool kref", "codec/generation.c") \
    X(SHRINK_SKIPS_CALLERS_SLOT, \
      "shrinking never waits for the slot that its own caller has pinned", \
      "a65b0e7607cc, 2023", "swap/writeback.c") \
    X(LOCATION_REREAD_UNDER_LOCK, \
      "free and read find an object's place again under the lock that " \
      "stops compaction", \
      "c102f07ca0b0, 2016; mm.git 2026", "pool/pin.c") \
    X(WALK_EXCLUDES_MOVE, \
      "walking a zspage excludes moving its objects", \
      "2505a981114d, 2022", "pool/pin.c") \
    X(OBJECT_VALID_WHEN_WRITTEN, \
      "put makes a handle valid when the object's bytes are there, not " \
      "before", \
      "found by use, 2026", "pool/handle.c") \
    X(VISITED_OBJECT_STAYS, \
      "an object that is freed while it is visited keeps its place until the " \
      "last visit ends", \
      "found by use, 2026", "pool/visit.c") \
    X(SLOT_SWITCH_IS_ONE_STEP, \
      "replacing a slot's entry frees the old and sets the new in one " \
      "step under the shard lock", \
      "ce4be9e4307c, 2025", "tree.c") \
    X(REPLACED_ONLY_UNCHANGED, \
      "a recompressed entry takes the place of the entry that it was made " \
      "from, and of no other", \
      "zram: a slot that changes loses PP_SLOT, 2024", "zswap/recompress.c") \
    X(RECOMPRESS_PINS_SLOT, \
      "a recompressed entry is linked with its slot pinned", \
      "found by use, 2026", "cache/recompress.c") \
    X(SWAPOFF_AND_LAST_PUT_AGREE, \
      "swapoff and the last put of a slot agree which of them frees it", \
      "82b1c07a0af6, 2024", "swap/slots_count.c")
/* clang-format on */

#define ZC_RULE_ENUMERATOR(identifier, sentence, origin, file)                 \
    ZC_RULE_##identifier,

enum zc_rule {
    ZC_RULES(ZC_RULE_ENUMERATOR) ZC_RULE_COUNT
};

#include "platform_impl/rule_impl.h"

#define ZC_RULE(identifier) zc_rule_holds(ZC_RULE_##identifier)

#endif
