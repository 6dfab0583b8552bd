/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_evict.c - an entry out, for writeback: found again, read,
 * unlinked.  One thread, so every slot counts as pinned.
 */
#include "support_process.h"
#include "support_test.h"
#include "support_zswap.h"

/* Our pool, as one that is not ours: it has no records of entries. */
static struct zc_pool_ops stranger;

static struct zc_zswap *begin_over_stranger(void)
{
    stranger = zc_pool_zspool;
    return support_zswap_create((struct zc_cache_options){
        .lru_mode = ZC_LRU_ZSPAGE, .pool_ops = &stranger});
}

static struct zc_zswap *begin(unsigned lru_mode, unsigned placement)
{
    return support_zswap_create((struct zc_cache_options){
        .lru_mode = lru_mode, .placement = placement});
}

static struct zc_zswap_token token_of(struct zc_zswap *zswap, uint64_t offset)
{
    return (struct zc_zswap_token){
        .index =
            zc_entry_index(&zswap->entries, support_zswap_peek(zswap, offset))};
}

static struct zc_zswap_token handle_token_of(struct zc_zswap *zswap,
                                             uint64_t offset)
{
    return (struct zc_zswap_token){
        .by_handle = true, .handle = support_zswap_handle(zswap, offset)};
}

/* ---- found again ---- */

TEST(an_entry_is_found_by_its_slot_and_token)
{
    struct zc_zswap *zswap = begin(ZC_LRU_ENTRY, 0);
    struct zc_zswap_token tokens[2];
    struct zc_entry *entry;
    unsigned i;

    support_zswap_store(zswap, 1, 0, SUPPORT_TEXT, 1);
    tokens[0] = token_of(zswap, 1);
    tokens[1] = handle_token_of(zswap, 1);
    for (i = 0; i < 2; i++) {
        entry = zc_zswap_find(zswap, support_slot(1), &tokens[i]);

        assert_ptr_equal(entry, support_zswap_peek(zswap, 1));
        assert_int_equal(zc_entry_count(entry), 2);
        zc_zswap_put(zswap, entry);
        assert_int_equal(zc_entry_count(entry), 1);
    }
    support_zswap_destroy(zswap);
}

/* WRITEBACK_RECHECKS_TREE */
TEST(what_took_its_place_is_not_it)
{
    struct zc_zswap *zswap = begin(ZC_LRU_ENTRY, 0);
    struct zc_zswap_token tokens[2];
    struct zc_entry *newer;
    unsigned i;

    support_zswap_store(zswap, 1, 0, SUPPORT_TEXT, 1);
    support_zswap_store(zswap, 2, 0, SUPPORT_TEXT, 2);
    tokens[0] = token_of(zswap, 1);
    tokens[1] = handle_token_of(zswap, 1);
    support_zswap_store(zswap, 1, 0, SUPPORT_TEXT, 3);
    newer = support_zswap_peek(zswap, 1);
    for (i = 0; i < 2; i++) {
        assert_null(zc_zswap_find(zswap, support_slot(1), &tokens[i]));
        assert_int_equal(zc_entry_count(newer), 1);
        assert_null(zc_zswap_find(zswap, support_slot(2), &tokens[i]));
        assert_null(zc_zswap_find(zswap, support_slot(9), &tokens[i]));
    }
    assert_int_equal(zc_zswap_stored_pages(zswap), 2);
    support_zswap_destroy(zswap);
}

/* Its one word may be any number, a handle's too. */
TEST(a_page_of_one_word_has_no_handle)
{
    struct zc_zswap *zswap;
    struct zc_zswap_token token;
    uint64_t page[512];
    unsigned round;
    unsigned i;

    for (round = 0; round < 2; round++) {
        zswap = round == 0 ? begin(ZC_LRU_ZSPAGE, 0) : begin_over_stranger();
        support_zswap_store(zswap, 1, 0, SUPPORT_TEXT, 1);
        token = handle_token_of(zswap, 1);
        for (i = 0; i < 512; i++)
            page[i] = token.handle.value;
        assert_status(zc_zswap_store(zswap, support_slot(1), page, 0, false),
                      ZC_OK);

        assert_null(zc_zswap_find(zswap, support_slot(1), &token));
        support_zswap_destroy(zswap);
    }
}

/* ---- out ---- */

TEST(an_evicted_page_is_read_first_and_freed_last)
{
    struct zc_zswap *zswap = begin(ZC_LRU_ENTRY, 0);
    struct zc_zswap_token token;
    struct zc_entry *entry;
    char page[4096];

    support_zswap_store(zswap, 1, 0, SUPPORT_TEXT, 1);
    token = token_of(zswap, 1);
    entry = zc_zswap_find(zswap, support_slot(1), &token);

    zc_zswap_evict(zswap, entry);

    assert_null(support_zswap_peek(zswap, 1));
    assert_int_equal(zc_stats_sum(&zswap->stats, ZC_STAT_ZSWPWB), 1);
    assert_int_equal(zc_zswap_stored_pages(zswap), 0);
    assert_int_equal(zc_entry_count(entry), 1);
    assert_true(support_zswap_charged(zswap, 0) > 0);
    assert_status(zc_zswap_read(zswap, entry, page), ZC_OK);
    assert_true(support_is_page(page, 4096, SUPPORT_TEXT, 1));
    assert_int_equal(zc_stats_sum(&zswap->stats, ZC_STAT_LOADED), 0);

    zc_zswap_put(zswap, entry);
    assert_int_equal(support_zswap_charged(zswap, 0), 0);
    assert_int_equal(zc_lru_count(&zswap->lru, 0), 0);
    support_zswap_destroy(zswap);
}

TEST(kinds_are_counted_out)
{
    struct zc_zswap *zswap = begin(ZC_LRU_ENTRY, 0);
    struct zc_zswap_token token;
    struct zc_entry *entry;

    support_zswap_store(zswap, 1, 0, SUPPORT_NOISE, 1);
    token = token_of(zswap, 1);
    entry = zc_zswap_find(zswap, support_slot(1), &token);

    zc_zswap_evict(zswap, entry);
    zc_zswap_put(zswap, entry);

    assert_int_equal(zc_stats_sum(&zswap->stats, ZC_STAT_INCOMPRESSIBLE_PAGES),
                     0);
    support_zswap_destroy(zswap);
}

TEST(a_damaged_page_stays)
{
    struct zc_zswap *zswap = begin(ZC_LRU_ENTRY, 0);
    struct zc_zswap_token token;
    struct zc_entry *entry;
    char page[4096];

    support_zswap_store(zswap, 1, 0, SUPPORT_TEXT, 1);
    token = token_of(zswap, 1);
    entry = zc_zswap_find(zswap, support_slot(1), &token);
    entry->size_minus_one++;

    assert_status(zc_zswap_read(zswap, entry, page), ZC_CORRUPT);

    entry->size_minus_one--;
    assert_int_equal(zc_stats_sum(&zswap->stats, ZC_STAT_DECOMPRESS_FAIL), 1);
    zc_zswap_put(zswap, entry);
    assert_ptr_equal(support_zswap_peek(zswap, 1), entry);
    support_zswap_destroy(zswap);
}

static void evict_twice(void *context)
{
    struct zc_zswap *zswap = context;
    struct zc_zswap_token token = token_of(zswap, 1);
    struct zc_entry *entry = zc_zswap_find(zswap, support_slot(1), &token);

    zc_entry_get(entry); /* else the second would be worse */
    zc_zswap_evict(zswap, entry);
    zc_zswap_evict(zswap, entry);
}

/* Without the pin another thread may unlink the entry first: an assertion. */
TEST(evicting_what_is_not_linked_is_a_mistake)
{
    struct zc_zswap *zswap = begin(ZC_LRU_ENTRY, 0);

    support_zswap_store(zswap, 1, 0, SUPPORT_TEXT, 1);

    support_assert_aborts(evict_twice, zswap, "unlinked", "evict.c");
    support_zswap_destroy(zswap);
}

/* ---- from the cold end ---- */

static void write_back(struct zc_zswap *zswap, zc_swp slot,
                       const struct zc_zswap_token *token)
{
    struct zc_entry *entry = zc_zswap_find(zswap, slot, token);
    char page[4096];

    assert_non_null(entry);
    assert_status(zc_zswap_read(zswap, entry, page), ZC_OK);
    assert_true(support_is_page(page, 4096, SUPPORT_TEXT, zc_swp_offset(slot)));
    zc_zswap_evict(zswap, entry);
    zc_zswap_put(zswap, entry);
}

TEST(the_coldest_go_entry_by_entry)
{
    struct zc_zswap *zswap = begin(ZC_LRU_ENTRY, 0);
    struct zc_lru_candidate candidate;
    struct zc_zswap_token token = {.by_handle = false};
    unsigned i;

    for (i = 0; i < 300; i++)
        support_zswap_store(zswap, i, 0, SUPPORT_TEXT, i);
    for (i = 0; i < 300; i++)
        assert_status(zc_lru_scan(&zswap->lru, 0, 0, &candidate), ZC_AGAIN);

    for (i = 0; i < 200; i++) {
        assert_status(zc_lru_scan(&zswap->lru, 0, 0, &candidate), ZC_OK);
        assert_int_equal(zc_swp_offset(candidate.slot), i);
        token.index = candidate.token;
        write_back(zswap, candidate.slot, &token);
    }

    assert_int_equal(zc_zswap_stored_pages(zswap), 100);
    assert_int_equal(zc_lru_count(&zswap->lru, 0), 100);
    support_zswap_destroy(zswap);
}

struct reclaim {
    struct zc_zswap *zswap;
    unsigned calls;
    bool forgets; /* another thread invalidates it first */
};

static zc_status evict_object(void *context, zc_handle handle)
{
    struct reclaim *reclaim = context;
    const struct zc_zswap_token token = {.by_handle = true, .handle = handle};
    zc_swp slot = {UINT64_MAX};

    reclaim->calls++;
    if (reclaim->forgets) {
        assert_status(zc_zswap_slot_of(reclaim->zswap, handle, &slot), ZC_OK);
        assert_status(zc_zswap_invalidate(reclaim->zswap, slot), ZC_OK);
        slot.value = UINT64_MAX;
    }
    /* It may be a deferred one: it still leads to its slot. */
    assert_status(zc_zswap_slot_of(reclaim->zswap, handle, &slot), ZC_OK);
    if (reclaim->forgets)
        assert_null(zc_zswap_find(reclaim->zswap, slot, &token));
    else
        write_back(reclaim->zswap, slot, &token);
    return ZC_OK;
}

TEST(the_coldest_go_zspage_by_zspage)
{
    unsigned placement; /* or 0: a pool that is not ours */
    unsigned forgets;
    uint64_t pages;
    uint64_t before;
    unsigned i;

    for (placement = 0; placement <= ZC_PLACEMENT_KERNEL; placement++) {
        for (forgets = 0; forgets < 2; forgets++) {
            struct reclaim reclaim = {placement == 0
                                          ? begin_over_stranger()
                                          : begin(ZC_LRU_ZSPAGE, placement),
                                      0, forgets != 0};
            struct zc_entries *entries = &reclaim.zswap->entries;

            for (i = 0; i < 300; i++)
                support_zswap_store(reclaim.zswap, i, 0, SUPPORT_TEXT, i);
            before = entries->pool_ops->page_count(entries->pool);

            assert_status(entries->pool_ops->reclaim(
                              entries->pool, evict_object, &reclaim, 8, &pages),
                          ZC_OK);

            assert_true(pages >= 8);
            assert_true(reclaim.calls > 0);
            assert_int_equal(entries->pool_ops->page_count(entries->pool),
                             before - pages);
            assert_int_equal(zc_zswap_stored_pages(reclaim.zswap),
                             300 - reclaim.calls);
            assert_int_equal(
                zc_stats_sum(&reclaim.zswap->stats, ZC_STAT_ZSWPWB),
                forgets != 0 ? 0 : reclaim.calls);
            support_zswap_destroy(reclaim.zswap);
        }
    }
}

/* What an object says is checked before it is used. */
TEST(a_slot_that_there_is_not_is_stale)
{
    struct zc_zswap *zswap = begin_over_stranger();
    const zc_swp bad[] = {zc_swp_make(ZC_SWP_TYPE_COUNT, 1),
                          zc_swp_make(0, ZC_SLOT_COUNT_DEFAULT)};
    const zc_swp last =
        zc_swp_make(ZC_SWP_TYPE_COUNT - 1, ZC_SLOT_COUNT_DEFAULT - 1);
    const struct zc_pool_ops *ops = zswap->entries.pool_ops;
    zc_swp slot = {7};
    zc_handle handle;
    unsigned i;

    for (i = 0; i < 2; i++) {
        assert_status(ops->put(zswap->entries.pool, &bad[i], 8, &handle),
                      ZC_OK);
        assert_status(zc_zswap_slot_of(zswap, handle, &slot), ZC_STALE);
        ops->free(zswap->entries.pool, handle);
    }
    assert_status(ops->put(zswap->entries.pool, &bad, 7, &handle), ZC_OK);
    assert_status(zc_zswap_slot_of(zswap, handle, &slot), ZC_STALE);
    ops->free(zswap->entries.pool, handle);
    assert_int_equal(slot.value, 7);

    assert_status(ops->put(zswap->entries.pool, &last, 8, &handle), ZC_OK);
    assert_status(zc_zswap_slot_of(zswap, handle, &slot), ZC_OK);
    assert_int_equal(slot.value, last.value);
    ops->free(zswap->entries.pool, handle);
    support_zswap_destroy(zswap);
}
