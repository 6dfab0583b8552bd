/* SPDX-License-Identifier: MIT */
/* test_slot_claim.c - slots that the caller names. */
#include "support_call.h"
#include "support_swap.h"
#include "support_test.h"

#include "base/inject.h"

/* support.slot is free, far into a device whose slots are not managed. */
static void begin(void)
{
    support_swap_begin();
    support_swap_on(2, SUPPORT_SLOTS_MOST);
    support.slot = zc_swp_make(2, SUPPORT_SLOTS_MOST / 2 + 5);
}

static void end(void)
{
    assert_int_equal(support_slot_flags(support.slot), 0);
    assert_int_equal(support_swap_used(2), 0);
    support_swap_end();
}

#define CLAIM_TEST(name) TEST_BETWEEN(name, begin(), end())

/* A value that no claim gives. */
static struct zc_folio no_folio;
static struct zc_claimed claimed; /* by the last claim */

static void claim_as(bool required, zc_status expected)
{
    claimed.folio = &no_folio;
    assert_status(zc_slot_claim(swap, support.slot, required, &claimed),
                  expected);
    if (expected != ZC_OK)
        assert_ptr_equal(claimed.folio, &no_folio);
}

static void claim(struct zc_folio *folio)
{
    claim_as(false, ZC_OK);
    assert_ptr_equal(claimed.folio, folio);
    if (folio != NULL)
        assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
}

static void release(struct zc_folio *folio, bool in_use)
{
    support_slot_release(swap, support.slot, folio, in_use);
}

static void put_in_use(void)
{
    claim(NULL);
    release(NULL, true);
}

/* Cached, locked, with these flags, and the test's reference. */
static struct zc_folio *cache(uint32_t flags)
{
    struct zc_folio *folio;

    put_in_use();
    folio = support_cached();
    zc_folio_set(folio, flags | ZC_FOLIO_UPTODATE);
    return folio;
}

static struct zc_folio *cache_unlocked(uint32_t flags)
{
    struct zc_folio *folio = cache(flags);

    zc_folio_unlock(swap, folio);
    return folio;
}

static void expect_last_puts(unsigned count)
{
    assert_int_equal(atomic_load(&support.last_puts), count);
}

/* ---- in use and out of it ---- */

CLAIM_TEST(a_free_slot_is_pinned_and_let_go)
{
    claim(NULL);
    assert_int_equal(support_slot_flags(support.slot), ZC_SLOT_PINNED);
    assert_int_equal(support_swap_used(2), 1);
    assert_int_equal(support_count(), 0);
    support_pin(ZC_BUSY);
    release(NULL, false);
    expect_last_puts(1);
}

CLAIM_TEST(a_slot_goes_in_use_and_out_of_it)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        put_in_use();
        assert_int_equal(support_count(), 1);
        assert_int_equal(support_slot_flags(support.slot), 0);
    }
    support_expect_in_use();
    claim(NULL);
    release(NULL, false);
    expect_last_puts(1);
    assert_int_equal(support_count(), 0);
}

CLAIM_TEST(a_cached_slot_gives_its_folio_locked)
{
    struct zc_folio *folio = cache_unlocked(ZC_FOLIO_DIRTY);

    claim(folio);
    assert_int_equal(support_folio_references(folio), 3);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    release(folio, false);
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_SWAPCACHE));
    assert_int_equal(support_folio_references(folio), 1);
    zc_folio_put(swap, folio);
    expect_last_puts(1);
}

CLAIM_TEST(a_folio_in_use_stays_if_it_is_the_only_copy)
{
    static const uint32_t flags[] = {0, ZC_FOLIO_DIRTY, ZC_FOLIO_WRITEBACK,
                                     ZC_FOLIO_DIRTY | ZC_FOLIO_WRITEBACK};
    struct zc_folio *folio;
    unsigned i;

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        folio = cache_unlocked(flags[i]);
        claim(folio);
        release(folio, true);

        assert_int_equal(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE), i != 0);
        assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED));
        assert_int_equal(support_folio_references(folio), i != 0 ? 2 : 1);
        assert_int_equal(support_count(), 1);
        expect_last_puts(i);
        if (zc_folio_has(folio, ZC_FOLIO_WRITEBACK))
            zc_folio_end_writeback(swap, folio);
        zc_folio_clear(folio, ZC_FOLIO_DIRTY);
        zc_swapcache_put(swap, support.slot, folio);
        assert_int_equal(atomic_load(&support.frames), 0);
        support_drop();
        expect_last_puts(i + 1);
    }
}

/*
 * Called in place of zc_folio_unlock(), because nothing outside the library can
 * force what happens right before it.
 */
static void (*before_unlock)(struct zc_folio *folio);

void __real_zc_folio_unlock(struct zc_swap *of, struct zc_folio *folio);
void __wrap_zc_folio_unlock(struct zc_swap *of, struct zc_folio *folio);

void __wrap_zc_folio_unlock(struct zc_swap *of, struct zc_folio *folio)
{
    void (*before)(struct zc_folio *) = before_unlock;

    before_unlock = NULL;
    if (before != NULL)
        before(folio);
    __real_zc_folio_unlock(of, folio);
}

static void end_write(struct zc_folio *folio)
{
    zc_folio_end_writeback(swap, folio);
    zc_swapcache_put(swap, support.slot, folio);
}

CLAIM_TEST(a_write_that_ends_during_a_release_leaves_the_folio_to_it)
{
    struct zc_folio *folio = cache_unlocked(ZC_FOLIO_WRITEBACK);

    claim(folio);
    before_unlock = end_write;
    release(folio, true);
    assert_int_equal(support_slot_flags(support.slot), 0);
    assert_int_equal(atomic_load(&support.frames), 0);
    support_drop();
}

/* ---- waiting ---- */

static struct claimer {
    struct support_call call;
    bool required;
    zc_status status;
} claimer;

static void claim_and_note(void *context)
{
    (void)context;
    claimer.status =
        zc_slot_claim(swap, support.slot, claimer.required, &claimed);
}

static void start_claim(bool required)
{
    claimed.folio = &no_folio;
    claimer.required = required;
    support_call_start(&claimer.call, claim_and_note, NULL);
}

static void start_claim_of(const struct zc_folio *folio, bool required)
{
    start_claim(required);
    support_await_folio(folio);
    assert_true(support_call_waits(&claimer.call));
}

static void expect_claimed(const struct zc_folio *folio)
{
    support_call_join(&claimer.call);
    assert_status(claimer.status, ZC_OK);
    assert_ptr_equal(claimed.folio, folio);
}

CLAIM_TEST(a_claim_waits_for_a_claim)
{
    claim(NULL);
    start_claim(false);
    support_await_slot();
    assert_true(support_call_waits(&claimer.call));
    release(NULL, true);
    expect_claimed(NULL);
    assert_int_equal(support_slot_flags(support.slot), ZC_SLOT_PINNED);
    release(NULL, false);
    expect_last_puts(1);
}

static void claim_while_freeing(zc_swp slot)
{
    (void)slot;
    support.on_last_put = NULL;
    start_claim(false);
    support_await_slot();
    assert_true(support_call_waits(&claimer.call));
}

CLAIM_TEST(a_claim_waits_for_the_end_of_freeing)
{
    put_in_use();
    support.on_last_put = claim_while_freeing;
    support_drop();
    expect_claimed(NULL);
    expect_last_puts(1);
    assert_int_equal(support_swap_used(2), 1);
    release(NULL, false);
    expect_last_puts(2);
}

CLAIM_TEST(a_claim_waits_for_the_folio_and_looks_again)
{
    struct zc_folio *folio = cache(0);

    start_claim_of(folio, false);
    zc_swapcache_delete(swap, folio);
    zc_folio_unlock(swap, folio);
    expect_claimed(NULL);
    assert_int_equal(support_folio_references(folio), 1);
    zc_folio_put(swap, folio);
    release(NULL, false);
    expect_last_puts(1);
}

CLAIM_TEST(a_release_with_a_folio_lets_in_the_thread_that_waits)
{
    struct zc_folio *folio = cache(ZC_FOLIO_DIRTY);

    zc_folio_get(folio);
    start_claim_of(folio, false);
    release(folio, true);
    expect_claimed(folio);
    release(folio, false);
    zc_folio_put(swap, folio);
    expect_last_puts(1);
}

CLAIM_TEST(no_memory_for_a_claim_changes_nothing)
{
    unsigned failures = 0;
    zc_status status;

    for (;; failures++) {
        claimed.folio = &no_folio;
        zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
        status = zc_slot_claim(swap, support.slot, false, &claimed);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_ptr_equal(claimed.folio, &no_folio);
        assert_int_equal(support_swap_used(2), 0);
        /* Makes one of what a claim needs: blocks and a cluster. */
        zc_inject_arm(ZC_INJECT_MALLOC, 1, 1);
        (void)zc_cluster_make(&swap->devices[2], zc_swp_offset(support.slot));
        zc_inject_disarm();
    }
    assert_in_range(failures, 4, 5);
    assert_null(claimed.folio);
    release(NULL, false);
}

/* ---- what a claim says, and what it requires ---- */

static void expect_missing(void)
{
    const unsigned flags = support_slot_flags(support.slot);

    claim_as(true, ZC_MISSING);
    assert_int_equal(support_slot_flags(support.slot), flags);
}

static void expect_missing_while_freeing(zc_swp slot)
{
    (void)slot;
    support.on_last_put = NULL;
    expect_missing();
}

/* For a slot without a count nothing is made, and the claim does not wait. */
CLAIM_TEST(what_is_required_may_be_missing)
{
    const uint64_t bytes = zc_swap_bytes(swap);

    expect_missing();
    assert_int_equal(zc_swap_bytes(swap), bytes);
    put_in_use();
    support.on_last_put = expect_missing_while_freeing;
    support_drop();
    assert_null(support.on_last_put);
    expect_missing();
    claim(NULL);
    expect_missing();
    release(NULL, false);
    assert_int_equal(support_swap_used(2), 0);
}

/* Claims, and expects what the claim says; then sets the zero bit and goes on
 * using the slot, or not. */
static void expect_said(bool required, bool has_count, bool is_zero)
{
    claim_as(required, ZC_OK);
    assert_int_equal(claimed.has_count, has_count);
    assert_int_equal(claimed.is_zero, is_zero);
}

static void release_as(struct zc_folio *folio, bool is_zero)
{
    zc_slot_set_zero(support_here(), is_zero);
    release(folio, true);
}

CLAIM_TEST(a_claim_says_what_it_found)
{
    expect_said(false, false, false);
    release_as(NULL, false);
    expect_said(true, true, false);
    assert_null(claimed.folio);
    release_as(NULL, true);
    expect_said(true, true, true);
    release_as(NULL, false);
    expect_said(false, true, false);
    release(NULL, false);
}

/* Claims a cached slot while the test, which has the folio locked, drops the
 * slot or sets its zero bit, and leaves the folio in the cache. */
static void change_while_claimed(bool required, bool drops, zc_status expected)
{
    struct zc_folio *folio = cache(ZC_FOLIO_DIRTY);

    start_claim_of(folio, required);
    if (drops)
        support_drop();
    else
        zc_slot_set_zero(support_here(), true);
    zc_folio_unlock(swap, folio);
    support_call_join(&claimer.call);

    assert_status(claimer.status, expected);
    assert_ptr_equal(claimed.folio, expected == ZC_OK ? folio : &no_folio);
    if (expected == ZC_OK)
        release(folio, false);
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    zc_swapcache_put(swap, support.slot, folio);
    assert_int_equal(atomic_load(&support.frames), 0);
    assert_int_equal(atomic_exchange(&support.last_puts, 0), 1);
}

CLAIM_TEST(a_claim_says_what_the_slot_is_like_after_the_wait)
{
    change_while_claimed(false, false, ZC_OK);
    assert_true(claimed.has_count);
    assert_true(claimed.is_zero);
    change_while_claimed(false, true, ZC_OK);
    assert_false(claimed.has_count);
    change_while_claimed(true, true, ZC_MISSING);
}
