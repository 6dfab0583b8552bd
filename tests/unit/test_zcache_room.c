/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_room.c - a store over a limit: when make_room is called, for
 * which owner, and what owners are charged.
 */
#include "support_bump.h"
#include "support_test.h"
#include "support_zswap.h"

#include "base/inject.h"

#define OWNER 3

/* A pool with the page count that the control says, and a make_room. */
struct fixture {
    struct support_bump_control control;
    struct zc_zswap *zswap;
    unsigned asked;       /* calls of make_room */
    unsigned asked_owner; /* its owner, the last time */
    zc_swp asked_slot;    /* its slot, the last time */
    uint64_t pages_after; /* what the pool then has */
    bool has_written;     /* what it says */
    bool had_older;       /* the older page was still there */
};

static bool make_room(void *context, zc_swp slot, unsigned owner)
{
    struct fixture *fixture = context;
    struct zc_zswap *zswap = fixture->zswap;
    struct zc_context *taken;

    fixture->asked++;
    fixture->asked_owner = owner;
    fixture->asked_slot = slot;
    fixture->control.page_count = fixture->pages_after;
    fixture->had_older = support_zswap_peek(zswap, zc_swp_offset(slot)) != NULL;
    /* NO_SHRINK_WITH_CONTEXT: the only one is free, or this never returns. */
    taken = zc_generation_lock_context(zswap->generations.current);
    zc_generation_unlock_context(taken);
    return fixture->has_written;
}

static void begin(struct fixture *fixture, unsigned lru_mode)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->control.has_page_count = true;
    fixture->zswap = support_zswap_create((struct zc_cache_options){
        .pool_ops = &support_bump_pool,
        .pool_user = &fixture->control,
        .lru_mode = lru_mode,
        .context_count = 1,
        .limit_bytes = 100 * 4096,
    });
    fixture->zswap->make_room = make_room;
    fixture->zswap->context = fixture;
}

static void end(struct fixture *fixture)
{
    support_zswap_destroy(fixture->zswap);
    assert_int_equal(fixture->control.frees, fixture->control.puts);
}

static uint64_t count(const struct fixture *fixture, enum zc_stat stat)
{
    return zc_stats_sum(&fixture->zswap->stats, stat);
}

static void set_limit(struct fixture *fixture, unsigned owner, uint64_t bytes)
{
    zc_atomic_u64_store_relaxed(
        &zc_lru_owner(&fixture->zswap->lru, owner)->limit_bytes, bytes);
}

static zc_status try_store(struct fixture *fixture, uint64_t offset,
                           unsigned owner)
{
    return support_zswap_try(fixture->zswap, offset, owner, SUPPORT_TEXT,
                             offset);
}

/* ---- the pool's limit ---- */

TEST(a_store_over_the_limit_goes_on_if_room_was_made)
{
    struct fixture fixture;

    begin(&fixture, ZC_LRU_NONE);
    fixture.control.page_count = 100;
    fixture.pages_after = 90;

    assert_status(try_store(&fixture, 7, OWNER), ZC_OK);

    assert_int_equal(fixture.asked, 1);
    assert_int_equal(fixture.asked_owner, ZC_OWNER_ANY);
    assert_int_equal(fixture.asked_slot.value, support_slot(7).value);
    assert_int_equal(count(&fixture, ZC_STAT_POOL_LIMIT_HIT), 1);
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_RECLAIM_FAIL), 0);
    assert_status(try_store(&fixture, 8, OWNER), ZC_OK);
    assert_int_equal(fixture.asked, 1);
    end(&fixture);
}

/* Whatever it says: what counts is the pool. */
TEST(a_store_is_refused_if_the_room_is_too_little)
{
    struct fixture fixture;
    unsigned says;

    for (says = 0; says < 2; says++) {
        begin(&fixture, ZC_LRU_NONE);
        assert_status(try_store(&fixture, 7, 0), ZC_OK);
        fixture.control.page_count = 100;
        fixture.pages_after = 91;
        fixture.has_written = says != 0;

        assert_status(try_store(&fixture, 7, 0), ZC_REJECTED);

        assert_true(fixture.had_older);
        assert_null(support_zswap_peek(fixture.zswap, 7));
        assert_int_equal(fixture.asked, 1);
        assert_int_equal(count(&fixture, ZC_STAT_POOL_LIMIT_HIT), 1);
        assert_int_equal(count(&fixture, ZC_STAT_REJECT_RECLAIM_FAIL), 1);
        assert_status(try_store(&fixture, 8, 0), ZC_REJECTED);
        assert_int_equal(fixture.asked, 2);
        assert_int_equal(count(&fixture, ZC_STAT_POOL_LIMIT_HIT), 1);
        fixture.pages_after = 90;
        assert_status(try_store(&fixture, 8, 0), ZC_OK);
        end(&fixture);
    }
}

TEST(force_is_above_the_limits_but_not_the_pools_own)
{
    struct fixture fixture;
    char page[4096];

    begin(&fixture, ZC_LRU_NONE);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
    set_limit(&fixture, OWNER, 0);
    fixture.control.page_count = 100;

    assert_status(
        zc_zswap_store(fixture.zswap, support_slot(1), page, OWNER, true),
        ZC_OK);
    fixture.control.put_status = ZC_REJECTED;
    assert_status(
        zc_zswap_store(fixture.zswap, support_slot(1), page, OWNER, true),
        ZC_REJECTED);

    assert_null(support_zswap_peek(fixture.zswap, 1));
    assert_int_equal(fixture.asked, 0);
    assert_int_equal(count(&fixture, ZC_STAT_POOL_LIMIT_HIT), 0);
    fixture.control.put_status = ZC_OK;
    end(&fixture);
}

TEST(the_excess_is_what_is_above_the_threshold)
{
    struct fixture fixture;

    begin(&fixture, ZC_LRU_NONE);
    fixture.control.page_count = 90;
    assert_int_equal(zc_zswap_excess_pages(fixture.zswap), 0);
    fixture.control.page_count = 0;
    assert_int_equal(zc_zswap_excess_pages(fixture.zswap), 0);
    fixture.control.page_count = 103;
    assert_int_equal(zc_zswap_excess_pages(fixture.zswap), 13);
    zc_zswap_apply_limit(fixture.zswap, 0, 90);
    assert_int_equal(zc_zswap_excess_pages(fixture.zswap), 0);
    end(&fixture);
}

/* ---- an owner's limit ---- */

TEST(a_store_over_its_owners_limit_goes_on_if_one_pass_wrote)
{
    struct fixture fixture;
    uint64_t size;

    begin(&fixture, ZC_LRU_NONE);
    assert_status(try_store(&fixture, 1, OWNER), ZC_OK);
    size = support_zswap_charged(fixture.zswap, OWNER);
    set_limit(&fixture, OWNER, size + 1);
    assert_status(try_store(&fixture, 2, OWNER), ZC_OK);
    assert_int_equal(fixture.asked, 0);
    fixture.has_written = true;

    /* Nothing of it went, and still: the limit is looked at once. */
    assert_status(try_store(&fixture, 3, OWNER), ZC_OK);

    assert_int_equal(fixture.asked, 1);
    assert_int_equal(fixture.asked_owner, OWNER);
    assert_int_equal(fixture.asked_slot.value, support_slot(3).value);
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_OWNER_LIMIT), 0);
    end(&fixture);
}

TEST(and_is_refused_if_it_wrote_nothing)
{
    struct fixture fixture;
    uint64_t size;

    begin(&fixture, ZC_LRU_NONE);
    assert_status(try_store(&fixture, 1, OWNER), ZC_OK);
    size = support_zswap_charged(fixture.zswap, OWNER);
    set_limit(&fixture, OWNER, size);

    assert_status(try_store(&fixture, 1, OWNER), ZC_REJECTED);

    assert_int_equal(fixture.asked, 1);
    assert_null(support_zswap_peek(fixture.zswap, 1));
    assert_int_equal(support_zswap_charged(fixture.zswap, OWNER), 0);
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_OWNER_LIMIT), 1);
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_RECLAIM_FAIL), 0);

    set_limit(&fixture, OWNER, 0);
    fixture.zswap->make_room = NULL;
    assert_status(try_store(&fixture, 1, OWNER), ZC_REJECTED);
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_OWNER_LIMIT), 2);
    assert_status(try_store(&fixture, 1, OWNER + 1), ZC_OK);
    assert_status(try_store(&fixture, 1, 0), ZC_OK);
    end(&fixture);
}

TEST(the_owners_limit_comes_before_the_pools)
{
    struct fixture fixture;

    begin(&fixture, ZC_LRU_NONE);
    set_limit(&fixture, OWNER, 0);
    fixture.control.page_count = 100;
    fixture.pages_after = 100;

    assert_status(try_store(&fixture, 1, OWNER), ZC_REJECTED);
    assert_int_equal(fixture.asked, 1);
    assert_int_equal(count(&fixture, ZC_STAT_POOL_LIMIT_HIT), 0);

    fixture.has_written = true;
    assert_status(try_store(&fixture, 1, OWNER), ZC_REJECTED);
    assert_int_equal(fixture.asked, 3);
    assert_int_equal(fixture.asked_owner, ZC_OWNER_ANY);
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_OWNER_LIMIT), 1);
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_RECLAIM_FAIL), 1);
    end(&fixture);
}

TEST(an_owners_record_needs_memory)
{
    struct fixture fixture;

    begin(&fixture, ZC_LRU_NONE);
    assert_status(try_store(&fixture, 1, 0), ZC_OK);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);

    assert_status(try_store(&fixture, 1, OWNER), ZC_NO_MEMORY);

    zc_inject_disarm();
    assert_null(support_zswap_peek(fixture.zswap, 1));
    assert_int_equal(count(&fixture, ZC_STAT_REJECT_KMEMCACHE_FAIL), 1);
    end(&fixture);
}

TEST(an_owner_may_forbid_writeback)
{
    struct fixture fixture;

    begin(&fixture, ZC_LRU_NONE);
    assert_false(zc_zswap_owner_forbids(fixture.zswap, OWNER));
    assert_status(try_store(&fixture, 1, OWNER), ZC_OK);
    assert_false(zc_zswap_owner_forbids(fixture.zswap, OWNER));

    zc_atomic_u32_store_relaxed(
        &zc_lru_owner(&fixture.zswap->lru, OWNER)->no_writeback, 1);

    assert_true(zc_zswap_owner_forbids(fixture.zswap, OWNER));
    assert_false(zc_zswap_owner_forbids(fixture.zswap, 0));
    end(&fixture);
}

/* ---- charges ---- */

static void expect_charged(struct fixture *fixture, uint64_t bytes)
{
    assert_int_equal(support_zswap_charged(fixture->zswap, OWNER), bytes);
    assert_int_equal(zc_lru_count(&fixture->zswap->lru, OWNER),
                     fixture->zswap->lru_mode == ZC_LRU_ENTRY
                         ? fixture->control.puts - fixture->control.frees
                         : 0);
}

static void store_kind(struct fixture *fixture, uint64_t offset,
                       enum support_kind kind)
{
    support_zswap_store(fixture->zswap, offset, OWNER, kind, 1);
}

/* The objects' bytes, in every mode; and the LRU has exactly what has one. */
TEST(owners_are_charged_for_what_they_store)
{
    unsigned lru_mode;
    char page[4096];

    for (lru_mode = ZC_LRU_NONE; lru_mode <= ZC_LRU_ENTRY; lru_mode++) {
        struct fixture fixture;

        begin(&fixture, lru_mode);
        support_use_halves();
        assert_status(
            zc_generations_change(&fixture.zswap->generations, "halves", 0),
            ZC_OK);

        store_kind(&fixture, 1, SUPPORT_HALVES);
        expect_charged(&fixture, 2048);
        store_kind(&fixture, 2, SUPPORT_NOISE);
        expect_charged(&fixture, 2048 + 4096);
        store_kind(&fixture, 3, SUPPORT_SAME);
        expect_charged(&fixture, 2048 + 4096);
        store_kind(&fixture, 1, SUPPORT_NOISE);
        expect_charged(&fixture, 4096 + 4096);
        store_kind(&fixture, 2, SUPPORT_SAME);
        expect_charged(&fixture, 4096);
        store_kind(&fixture, 3, SUPPORT_HALVES);
        expect_charged(&fixture, 4096 + 2048);
        fixture.control.put_status = ZC_NO_MEMORY;
        assert_status(
            support_zswap_try(fixture.zswap, 4, OWNER, SUPPORT_HALVES, 1),
            ZC_NO_MEMORY);
        fixture.control.put_status = ZC_OK;
        expect_charged(&fixture, 4096 + 2048);
        assert_status(zc_zswap_take(fixture.zswap, support_slot(1), page),
                      ZC_OK);
        expect_charged(&fixture, 2048);
        assert_status(zc_zswap_invalidate(fixture.zswap, support_slot(3)),
                      ZC_OK);
        expect_charged(&fixture, 0);
        end(&fixture);
    }
}

/* The tree's memory fails last: the object goes, and its charge. */
TEST(a_page_without_a_place_is_charged_to_nobody)
{
    /* Block; shard, and leaf, after what the time before left. */
    static const uint32_t countdowns[] = {0, 1, 1};
    struct fixture fixture;
    unsigned i;

    begin(&fixture, ZC_LRU_ENTRY);
    assert_non_null(zc_lru_owner(&fixture.zswap->lru, OWNER));
    for (i = 0; i < 3; i++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdowns[i], 1);
        assert_status(try_store(&fixture, 1, OWNER), ZC_NO_MEMORY);
        zc_inject_disarm();
        expect_charged(&fixture, 0);
    }
    end(&fixture);
}

struct watched {
    struct zc_zswap *zswap;
    uint32_t listed; /* while the page was compressed */
};

static void look_at_list(void *context)
{
    struct watched *watched = context;

    watched->listed = zc_lru_count(&watched->zswap->lru, 0);
}

/* LRU_LAST */
TEST(a_page_on_its_way_is_on_no_list)
{
    struct fixture fixture;
    struct watched watched;

    begin(&fixture, ZC_LRU_ENTRY);
    watched = (struct watched){fixture.zswap, 99};
    support_use_halves();
    assert_status(
        zc_generations_change(&fixture.zswap->generations, "halves", 0), ZC_OK);
    support_halves.context = &watched;
    support_halves.on_compress = look_at_list;

    support_zswap_store(fixture.zswap, 1, 0, SUPPORT_HALVES, 1);

    assert_int_equal(watched.listed, 0);
    assert_int_equal(zc_lru_count(&fixture.zswap->lru, 0), 1);
    end(&fixture);
}
