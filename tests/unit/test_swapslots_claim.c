/* SPDX-License-Identifier: MIT */
/* test_swapslots_claim.c - slots that the caller names. */
#include <pthread.h>
#include <sched.h>

#include "support_swap.h"
#include "support_test.h"

#include "base/inject.h"

struct fixture {
    struct support_swap support;
    struct zc_swap *swap;
    zc_swp slot; /* free */
};

static void begin(struct fixture *fixture)
{
    support_swap_begin(&fixture->support);
    support_swap_on(&fixture->support, 2, SUPPORT_SLOTS_MOST);
    fixture->swap = &fixture->support.swap;
    fixture->slot = zc_swp_make(2, SUPPORT_SLOTS_MOST / 2 + 5);
}

static void end(struct fixture *fixture)
{
    assert_int_equal(support_slot_flags(&fixture->support, fixture->slot), 0);
    assert_int_equal(support_swap_used(&fixture->support, 2), 0);
    support_swap_end(&fixture->support);
}

static struct zc_folio *claim(struct fixture *fixture)
{
    struct zc_folio *folio = NULL;

    assert_status(support_slot_claim(fixture->swap, fixture->slot, &folio),
                  ZC_OK);
    return folio;
}

static void release(struct fixture *fixture, struct zc_folio *folio,
                    bool in_use)
{
    support_slot_release(fixture->swap, fixture->slot, folio, in_use);
}

static void put_in_use(struct fixture *fixture)
{
    assert_null(claim(fixture));
    release(fixture, NULL, true);
}

/* Cached, locked, with these flags, and the test's reference. */
static struct zc_folio *cache(struct fixture *fixture, uint32_t flags)
{
    struct zc_folio *folio;

    put_in_use(fixture);
    folio = support_cached(&fixture->support, fixture->slot);
    zc_folio_set(folio, flags | ZC_FOLIO_UPTODATE);
    return folio;
}

static unsigned last_puts(struct fixture *fixture)
{
    return atomic_load(&fixture->support.last_puts);
}

TEST(a_free_slot_is_pinned_and_let_go)
{
    struct fixture fixture;

    begin(&fixture);

    assert_null(claim(&fixture));
    assert_int_equal(support_slot_flags(&fixture.support, fixture.slot),
                     ZC_SLOT_PINNED);
    assert_int_equal(support_swap_used(&fixture.support, 2), 1);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     0);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_BUSY);
    release(&fixture, NULL, false);

    assert_int_equal(last_puts(&fixture), 1);
    end(&fixture);
}

TEST(a_slot_goes_in_use_and_out_of_it)
{
    struct fixture fixture;

    begin(&fixture);

    put_in_use(&fixture);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     1);
    assert_int_equal(support_slot_flags(&fixture.support, fixture.slot), 0);
    put_in_use(&fixture);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     1);
    assert_int_equal(support_swap_used(&fixture.support, 2), 1);
    assert_int_equal(last_puts(&fixture), 0);
    assert_null(claim(&fixture));
    release(&fixture, NULL, false);

    assert_int_equal(last_puts(&fixture), 1);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     0);
    end(&fixture);
}

TEST(a_cached_slot_gives_its_folio_locked)
{
    struct fixture fixture;
    struct zc_folio *folio;

    begin(&fixture);
    folio = cache(&fixture, ZC_FOLIO_DIRTY);
    zc_folio_unlock(fixture.swap, folio);

    assert_ptr_equal(claim(&fixture), folio);

    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(support_folio_references(folio), 3);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    release(&fixture, folio, false);
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_SWAPCACHE));
    assert_int_equal(support_folio_references(folio), 1);
    zc_folio_put(fixture.swap, folio);
    assert_int_equal(last_puts(&fixture), 1);
    end(&fixture);
}

/* Claims a cached slot, and says whether the folio stays after a release in
 * use; ends with the slot free. */
static bool stays(uint32_t flags)
{
    struct fixture fixture;
    struct zc_folio *folio;
    bool is_there;

    begin(&fixture);
    folio = cache(&fixture, flags);
    zc_folio_unlock(fixture.swap, folio);
    assert_ptr_equal(claim(&fixture), folio);

    release(&fixture, folio, true);

    is_there = zc_folio_has(folio, ZC_FOLIO_SWAPCACHE);
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(support_folio_references(folio), is_there ? 2 : 1);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     1);
    assert_int_equal(last_puts(&fixture), 0);
    if (zc_folio_has(folio, ZC_FOLIO_WRITEBACK))
        zc_folio_end_writeback(fixture.swap, folio);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    zc_swapcache_put(fixture.swap, fixture.slot, folio);
    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    zc_slot_drop(fixture.swap, fixture.slot);
    assert_int_equal(last_puts(&fixture), 1);
    end(&fixture);
    return is_there;
}

TEST(a_folio_in_use_stays_if_it_is_the_only_copy)
{
    assert_false(stays(0));
    assert_true(stays(ZC_FOLIO_DIRTY));
    assert_true(stays(ZC_FOLIO_WRITEBACK));
    assert_true(stays(ZC_FOLIO_DIRTY | ZC_FOLIO_WRITEBACK));
}

/* Called in place of zc_folio_unlock(): what happens right before it. */
static void (*before_unlock)(struct zc_swap *swap, struct zc_folio *folio);

void __real_zc_folio_unlock(struct zc_swap *swap, struct zc_folio *folio);
void __wrap_zc_folio_unlock(struct zc_swap *swap, struct zc_folio *folio);

void __wrap_zc_folio_unlock(struct zc_swap *swap, struct zc_folio *folio)
{
    void (*before)(struct zc_swap *, struct zc_folio *) = before_unlock;

    before_unlock = NULL;
    if (before != NULL)
        before(swap, folio);
    __real_zc_folio_unlock(swap, folio);
}

static void end_write(struct zc_swap *swap, struct zc_folio *folio)
{
    zc_folio_end_writeback(swap, folio);
    zc_swapcache_put(swap, folio->swap, folio);
}

TEST(a_write_that_ends_late_leaves_the_folio_to_the_release)
{
    struct fixture fixture;
    struct zc_folio *folio;

    begin(&fixture);
    folio = cache(&fixture, ZC_FOLIO_WRITEBACK);
    zc_folio_unlock(fixture.swap, folio);
    assert_ptr_equal(claim(&fixture), folio);
    before_unlock = end_write;

    release(&fixture, folio, true);

    assert_int_equal(support_slot_flags(&fixture.support, fixture.slot), 0);
    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

/* ---- waiting ---- */

struct claimer {
    struct fixture *fixture;
    bool required;
    struct zc_claimed claimed;
    zc_status status;
    atomic_bool done;
};

static void *claim_and_note(void *argument)
{
    struct claimer *claimer = argument;

    claimer->status = zc_slot_claim(claimer->fixture->swap,
                                    claimer->fixture->slot, claimer->required,
                                    &claimer->claimed);
    atomic_store(&claimer->done, true);
    return NULL;
}

/* A value that no claim gives. */
static struct zc_folio no_folio;
static const struct zc_claimed nothing = {.folio = &no_folio};

static pthread_t start_claim_as(struct claimer *claimer,
                                struct fixture *fixture, bool required)
{
    pthread_t thread;

    claimer->fixture = fixture;
    claimer->required = required;
    claimer->claimed = nothing;
    atomic_init(&claimer->done, false);
    assert_int_equal(pthread_create(&thread, NULL, claim_and_note, claimer), 0);
    return thread;
}

static pthread_t start_claim(struct claimer *claimer, struct fixture *fixture)
{
    return start_claim_as(claimer, fixture, false);
}

TEST(a_claim_waits_for_a_claim)
{
    struct fixture fixture;
    struct claimer claimer;
    pthread_t thread;

    begin(&fixture);
    assert_null(claim(&fixture));
    thread = start_claim(&claimer, &fixture);
    support_await_slot(&fixture.support, fixture.slot);
    assert_false(atomic_load(&claimer.done));

    release(&fixture, NULL, true);
    (void)pthread_join(thread, NULL);

    assert_status(claimer.status, ZC_OK);
    assert_null(claimer.claimed.folio);
    assert_int_equal(support_slot_flags(&fixture.support, fixture.slot),
                     ZC_SLOT_PINNED);
    release(&fixture, NULL, false);
    assert_int_equal(last_puts(&fixture), 1);
    end(&fixture);
}

static pthread_t started_in_last_put;

static void claim_while_freeing(struct support_swap *support, zc_swp slot)
{
    struct claimer *claimer = support->context;

    support->on_last_put = NULL;
    started_in_last_put = start_claim(claimer, claimer->fixture);
    support_await_slot(support, slot);
    assert_false(atomic_load(&claimer->done));
}

TEST(a_claim_waits_for_the_end_of_freeing)
{
    struct fixture fixture;
    struct claimer claimer = {.status = ZC_INVALID};

    begin(&fixture);
    put_in_use(&fixture);
    claimer.fixture = &fixture;
    fixture.support.context = &claimer;
    fixture.support.on_last_put = claim_while_freeing;

    zc_slot_drop(fixture.swap, fixture.slot);
    (void)pthread_join(started_in_last_put, NULL);

    assert_status(claimer.status, ZC_OK);
    assert_null(claimer.claimed.folio);
    assert_int_equal(last_puts(&fixture), 1);
    assert_int_equal(support_swap_used(&fixture.support, 2), 1);
    release(&fixture, NULL, false);
    assert_int_equal(last_puts(&fixture), 2);
    end(&fixture);
}

TEST(a_claim_waits_for_the_folio_and_looks_again)
{
    struct fixture fixture;
    struct claimer claimer;
    struct zc_folio *folio;
    pthread_t thread;

    begin(&fixture);
    folio = cache(&fixture, 0);
    thread = start_claim(&claimer, &fixture);
    support_await_folio(folio);
    assert_false(atomic_load(&claimer.done));

    zc_swapcache_delete(fixture.swap, folio);
    zc_folio_unlock(fixture.swap, folio);
    (void)pthread_join(thread, NULL);

    assert_status(claimer.status, ZC_OK);
    assert_null(claimer.claimed.folio);
    assert_int_equal(support_folio_references(folio), 1);
    zc_folio_put(fixture.swap, folio);
    release(&fixture, NULL, false);
    assert_int_equal(last_puts(&fixture), 1);
    end(&fixture);
}

TEST(a_release_with_a_folio_lets_in_who_waits)
{
    struct fixture fixture;
    struct claimer claimer;
    struct zc_folio *folio;
    pthread_t thread;

    begin(&fixture);
    folio = cache(&fixture, ZC_FOLIO_DIRTY);
    zc_folio_get(folio);
    thread = start_claim(&claimer, &fixture);
    support_await_folio(folio);

    release(&fixture, folio, true);
    (void)pthread_join(thread, NULL);

    assert_ptr_equal(claimer.claimed.folio, folio);
    release(&fixture, folio, false);
    zc_folio_put(fixture.swap, folio);
    assert_int_equal(last_puts(&fixture), 1);
    end(&fixture);
}

TEST(no_memory_for_a_claim_changes_nothing)
{
    struct fixture fixture;
    struct zc_folio *folio = (void *)&fixture;
    unsigned failures = 0;
    zc_status status;

    begin(&fixture);
    for (;;) {
        zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
        status = support_slot_claim(fixture.swap, fixture.slot, &folio);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_ptr_equal(folio, &fixture);
        assert_int_equal(support_swap_used(&fixture.support, 2), 0);
        failures++;
        /* Makes one of what a claim needs: blocks and a cluster. */
        zc_inject_arm(ZC_INJECT_MALLOC, 1, 1);
        (void)zc_cluster_make(&fixture.swap->devices[2],
                              zc_swp_offset(fixture.slot));
        zc_inject_disarm();
    }

    assert_in_range(failures, 4, 5);
    assert_null(folio);
    release(&fixture, NULL, false);
    end(&fixture);
}

/* ---- what a claim says, and what it requires ---- */

static zc_status claim_as(struct fixture *fixture, bool required,
                          struct zc_claimed *claimed)
{
    *claimed = nothing;
    return zc_slot_claim(fixture->swap, fixture->slot, required, claimed);
}

static void expect_missing(struct fixture *fixture)
{
    const unsigned flags = support_slot_flags(&fixture->support, fixture->slot);
    struct zc_claimed claimed;

    assert_status(claim_as(fixture, true, &claimed), ZC_MISSING);
    assert_ptr_equal(claimed.folio, nothing.folio);
    assert_int_equal(support_slot_flags(&fixture->support, fixture->slot),
                     flags);
}

static void expect_missing_while_freeing(struct support_swap *support,
                                         zc_swp slot)
{
    (void)slot;
    support->on_last_put = NULL;
    expect_missing(support->context);
}

/* For a slot without a count nothing is made, and the claim does not wait. */
TEST(what_is_required_may_be_missing)
{
    struct fixture fixture;
    uint64_t bytes;

    begin(&fixture);
    bytes = zc_swap_bytes(fixture.swap);

    expect_missing(&fixture);
    assert_int_equal(zc_swap_bytes(fixture.swap), bytes);
    put_in_use(&fixture);
    fixture.support.context = &fixture;
    fixture.support.on_last_put = expect_missing_while_freeing;
    zc_slot_drop(fixture.swap, fixture.slot);
    assert_null(fixture.support.on_last_put);
    expect_missing(&fixture);
    assert_null(claim(&fixture));
    expect_missing(&fixture);
    release(&fixture, NULL, false);
    assert_int_equal(support_swap_used(&fixture.support, 2), 0);
    end(&fixture);
}

TEST(a_claim_says_what_it_found)
{
    struct fixture fixture;
    struct zc_claimed claimed;

    begin(&fixture);

    assert_status(claim_as(&fixture, false, &claimed), ZC_OK);
    assert_null(claimed.folio);
    assert_false(claimed.has_count);
    assert_false(claimed.is_zero);
    release(&fixture, NULL, true);

    assert_status(claim_as(&fixture, true, &claimed), ZC_OK);
    assert_null(claimed.folio);
    assert_true(claimed.has_count);
    assert_false(claimed.is_zero);
    zc_slot_set_zero(zc_slot_find(fixture.swap, fixture.slot), true);
    release(&fixture, NULL, true);

    assert_status(claim_as(&fixture, true, &claimed), ZC_OK);
    assert_true(claimed.has_count);
    assert_true(claimed.is_zero);
    zc_slot_set_zero(zc_slot_find(fixture.swap, fixture.slot), false);
    release(&fixture, NULL, true);

    assert_status(claim_as(&fixture, false, &claimed), ZC_OK);
    assert_true(claimed.has_count);
    assert_false(claimed.is_zero);
    release(&fixture, NULL, false);
    end(&fixture);
}

TEST(a_claim_of_a_cached_slot_says_the_same)
{
    struct fixture fixture;
    struct zc_claimed claimed;
    struct zc_folio *folio;

    begin(&fixture);
    folio = cache(&fixture, ZC_FOLIO_DIRTY);
    zc_slot_set_zero(zc_slot_find(fixture.swap, fixture.slot), true);
    zc_folio_unlock(fixture.swap, folio);

    assert_status(claim_as(&fixture, true, &claimed), ZC_OK);

    assert_ptr_equal(claimed.folio, folio);
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_true(claimed.has_count);
    assert_true(claimed.is_zero);
    release(&fixture, folio, false);
    zc_folio_put(fixture.swap, folio);
    end(&fixture);
}

/* Claims a cached slot while the test, which has the folio locked, changes the
 * slot and leaves the folio in the cache. */
static void change_while_claimed(bool required, bool drops,
                                 struct claimer *claimer)
{
    struct fixture fixture;
    struct zc_folio *folio;
    pthread_t thread;

    begin(&fixture);
    folio = cache(&fixture, ZC_FOLIO_DIRTY);
    thread = start_claim_as(claimer, &fixture, required);
    support_await_folio(folio);
    assert_false(atomic_load(&claimer->done));

    if (drops)
        zc_slot_drop(fixture.swap, fixture.slot);
    else
        zc_slot_set_zero(zc_slot_find(fixture.swap, fixture.slot), true);
    zc_folio_unlock(fixture.swap, folio);
    (void)pthread_join(thread, NULL);

    if (claimer->status == ZC_OK) {
        assert_ptr_equal(claimer->claimed.folio, folio);
        release(&fixture, folio, false);
    }
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    zc_swapcache_put(fixture.swap, fixture.slot, folio);
    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    assert_int_equal(last_puts(&fixture), 1);
    end(&fixture);
}

TEST(a_claim_says_what_the_slot_is_like_after_the_wait)
{
    struct claimer claimer;

    change_while_claimed(false, false, &claimer);
    assert_status(claimer.status, ZC_OK);
    assert_true(claimer.claimed.has_count);
    assert_true(claimer.claimed.is_zero);

    change_while_claimed(false, true, &claimer);
    assert_status(claimer.status, ZC_OK);
    assert_false(claimer.claimed.has_count);

    change_while_claimed(true, true, &claimer);
    assert_status(claimer.status, ZC_MISSING);
    assert_ptr_equal(claimer.claimed.folio, nothing.folio);
}
