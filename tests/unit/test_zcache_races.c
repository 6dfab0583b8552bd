/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_races.c - what happens between the steps of a load, a take and a
 * store, made to happen there every time.
 *
 * A thread is stopped inside the compressor, where it holds its reference and
 * no lock; the main thread does what a race would do, and lets it go on.
 */
#include "support_front.h"

#include <errno.h>
#include <semaphore.h>
#include <time.h>

#define PATIENCE_SECONDS 60 /* for a thread that is to stop, and does not */
#define SLOT 1

/* Threads that stop inside the compressor. */
static sem_t inside; /* posted by a thread that stopped */
static sem_t goes;   /* for each that shall go on */
static bool lets_go; /* no thread stops any more; set while all are stopped */

/* How often this thread still stops; the main thread never does. */
static _Thread_local unsigned stops;

struct actor {
    zc_status (*call)(struct actor *actor);
    uint64_t offset;
    pthread_t thread;
    zc_status status;
    char page[4096];
};

static struct actor actor; /* of a test that has one */

static void stop(void *unused)
{
    (void)unused;
    if (stops == 0 || lets_go)
        return;
    stops--;
    (void)sem_post(&inside);
    while (sem_wait(&goes) != 0)
        continue;
}

static void renew_stage(enum support_over over)
{
    struct zc_cache_options options = support_cache_options(over);

    options.compressor_name = "halves";
    options.context_count = 1;
    renew(&options);
    lets_go = false;
}

static int begin_stage(void **state)
{
    (void)begin_cache(state);
    assert_int_equal(sem_init(&inside, 0, 0), 0);
    assert_int_equal(sem_init(&goes, 0, 0), 0);
    support_halves.on_compress = stop;
    support_halves.on_decompress = stop;
    renew_stage(SUPPORT_OVER_BUMP);
    return 0;
}

static int end_stage(void **state)
{
    (void)end_cache(state);
    assert_int_equal(sem_destroy(&inside), 0);
    assert_int_equal(sem_destroy(&goes), 0);
    return 0;
}

#define TEST_OF_RACE(name) TEST_WITH(name, begin_stage, end_stage)

/* ---- the calls of an actor ---- */

static zc_status load(struct actor *own)
{
    return zc_cache_load(cache, at(own->offset), own->page);
}

static zc_status take(struct actor *own)
{
    return zc_cache_take(cache, at(own->offset), own->page);
}

/* Page 2 of halves. */
static zc_status store_2(struct actor *own)
{
    support_make_page(own->page, sizeof(own->page), SUPPORT_HALVES, 2);
    return zc_cache_store(cache, at(own->offset), own->page);
}

static void *act(void *argument)
{
    struct actor *own = argument;

    stops = ZC_TAKE_ATTEMPTS_MAX + 1;
    own->status = own->call(own);
    return NULL;
}

static void wait_until_inside(void)
{
    struct timespec deadline;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &deadline), 0);
    deadline.tv_sec += PATIENCE_SECONDS;
    while (sem_timedwait(&inside, &deadline) != 0)
        if (errno != EINTR)
            fail_msg("no thread stopped in the compressor");
}

/* Starts a call and returns when it has stopped in the compressor. */
static void start(struct actor *own, zc_status (*call)(struct actor *),
                  uint64_t offset)
{
    own->call = call;
    own->offset = offset;
    own->status = ZC_IO_ERROR;
    assert_int_equal(pthread_create(&own->thread, NULL, act, own), 0);
    wait_until_inside();
}

static void go_on(void)
{
    assert_int_equal(sem_post(&goes), 0);
}

/* The call ends with that status, and with a page unless `seed` is 0. */
static void expect_end(const struct actor *own, zc_status status, uint64_t seed)
{
    assert_int_equal(pthread_join(own->thread, NULL), 0);
    assert_status(own->status, status);
    if (seed != 0)
        assert_true(support_is_page(own->page, sizeof(own->page),
                                    SUPPORT_HALVES, seed));
}

/* ---- loads ---- */

TEST_OF_RACE(a_load_goes_on_with_what_is_invalidated_meanwhile)
{
    store(SLOT, SUPPORT_HALVES, 1);
    start(&actor, load, SLOT);

    forget(SLOT);
    expect_missing(SLOT);
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    assert_int_equal(cache_stat(generations), 2);
    assert_int_equal(spied.frees, 0);
    go_on();

    expect_end(&actor, ZC_OK, 1);
    assert_int_equal(spied.frees, 1);
    support_expect_empty(cache);
}

/* G1 */
TEST_OF_RACE(a_load_goes_on_with_what_is_replaced_meanwhile)
{
    store(SLOT, SUPPORT_HALVES, 1);
    start(&actor, load, SLOT);

    store(SLOT, SUPPORT_HALVES, 2);
    expect(SLOT, SUPPORT_HALVES, 2);
    go_on();

    expect_end(&actor, ZC_OK, 1);
    expect(SLOT, SUPPORT_HALVES, 2);
}

/* ENTRY_KNOWN_BY_REF: the entry's record is not used again under the load. */
TEST_OF_RACE(a_load_keeps_its_entry_from_being_used_again)
{
    uint64_t i;

    store(SLOT, SUPPORT_HALVES, 1);
    start(&actor, take, SLOT);

    forget(SLOT);
    for (i = 10; i < 30; i++)
        store(i, SUPPORT_HALVES, i);
    go_on();

    expect_end(&actor, ZC_MISSING, 0);
    assert_int_equal(cache_stat(stored_pages), 20);
    for (i = 10; i < 30; i++)
        expect(i, SUPPORT_HALVES, i);
}

/* G4 */
TEST_OF_RACE(a_load_in_flight_keeps_its_object_in_place)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned over;
    uint64_t i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        renew_stage(over);
        for (i = 0; i < 400; i++)
            store(i, SUPPORT_HALVES, i);
        start(&actor, load, 200);
        for (i = 0; i < 400; i++)
            if (i % 8 != 0)
                forget(i);

        assert_status(zc_cache_compact(cache, NULL, &result), ZC_OK);
        assert_true(result.objects_moved > 0);
        go_on();

        expect_end(&actor, ZC_OK, 200);
        for (i = 0; i < 400; i += 8)
            expect(i, SUPPORT_HALVES, i);
    }
}

/* ---- takes ---- */

TEST_OF_RACE(a_take_of_what_is_invalidated_meanwhile_is_missing)
{
    store(SLOT, SUPPORT_HALVES, 1);
    start(&actor, take, SLOT);

    forget(SLOT);
    go_on();

    expect_end(&actor, ZC_MISSING, 0);
    assert_int_equal(spied.frees, 1);
    assert_int_equal(cache_stat(take_retries), 1);
    assert_int_equal(cache_stat(zswpin), 0);
    support_expect_empty(cache);
}

/* TREE_REF_DROPPED_BY_UNLINKER */
TEST_OF_RACE(a_take_of_what_is_replaced_meanwhile_gets_the_newer)
{
    store(SLOT, SUPPORT_HALVES, 1);
    start(&actor, take, SLOT);

    store(SLOT, SUPPORT_HALVES, 2);
    go_on();
    wait_until_inside();
    go_on();

    expect_end(&actor, ZC_OK, 2);
    assert_int_equal(cache_stat(take_retries), 1);
    assert_int_equal(cache_stat(zswpin), 1);
    support_expect_empty(cache);
    assert_int_equal(spied.frees, 2);
}

TEST_OF_RACE(of_two_takes_exactly_one_gets_the_page)
{
    struct actor actors[2];
    unsigned winner;

    store(SLOT, SUPPORT_HALVES, 1);
    start(&actors[0], take, SLOT);
    start(&actors[1], take, SLOT);

    go_on();
    go_on();
    assert_int_equal(pthread_join(actors[0].thread, NULL), 0);
    winner = actors[0].status == ZC_OK ? 0 : 1;
    assert_status(actors[0].status, winner == 0 ? ZC_OK : ZC_MISSING);
    expect_end(&actors[1], winner == 1 ? ZC_OK : ZC_MISSING, 0);
    assert_true(support_is_page(actors[winner].page, 4096, SUPPORT_HALVES, 1));
    assert_int_equal(cache_stat(zswpin), 1);
    assert_int_equal(spied.frees, 1);
}

TEST_OF_RACE(a_take_that_loses_64_times_is_busy_and_loses_nothing)
{
    uint64_t i;

    store(SLOT, SUPPORT_HALVES, 0);
    start(&actor, take, SLOT);

    for (i = 1; i <= ZC_TAKE_ATTEMPTS_MAX; i++) {
        store(SLOT, SUPPORT_HALVES, i);
        go_on();
        if (i < ZC_TAKE_ATTEMPTS_MAX)
            wait_until_inside();
    }

    expect_end(&actor, ZC_BUSY, 0);
    assert_int_equal(cache_stat(take_retries), ZC_TAKE_ATTEMPTS_MAX);
    expect(SLOT, SUPPORT_HALVES, ZC_TAKE_ATTEMPTS_MAX);
}

/* A compressor that stops when its context is destroyed: then the record of an
 * entry is free already, and the thread that freed it is stopped. */
static zc_status ending_create(const struct zc_compressor *self,
                               size_t page_size, int level, void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    *context_out = &inside;
    return ZC_OK;
}

/* OWN_REF_OUTLIVES_INVALIDATE: else the take unlinks a newer entry at the same
 * address. */
TEST_OF_RACE(a_take_does_not_mistake_a_newer_entry_for_its_own)
{
    static struct zc_compressor ending;

    ending = *zc_compressor_find("halves");
    ending.name = "ending";
    ending.context_create = ending_create;
    ending.context_destroy = stop;
    assert_status(zc_compressor_register(&ending), ZC_OK);
    assert_status(zc_cache_set_compressor(cache, "ending", 0), ZC_OK);
    store(SLOT, SUPPORT_HALVES, 1);
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    start(&actor, take, SLOT);

    store(SLOT, SUPPORT_HALVES, 2);
    go_on();
    wait_until_inside(); /* it freed the first page's entry */
    store(SLOT, SUPPORT_HALVES, 3);
    lets_go = true;
    go_on();

    expect_end(&actor, ZC_OK, 3);
    support_expect_empty(cache);
}

/* ---- stores ---- */

TEST_OF_RACE(a_store_in_flight_holds_its_compressor)
{
    start(&actor, store_2, SLOT);

    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    assert_int_equal(cache_stat(generations), 2);
    expect_missing(SLOT);
    go_on();

    expect_end(&actor, ZC_OK, 0);
    assert_int_equal(cache_stat(payload_bytes), 2048);
    expect(SLOT, SUPPORT_HALVES, 2);
    assert_int_equal(cache_stat(generations), 2);
    forget(SLOT);
    assert_int_equal(cache_stat(generations), 1);
}

/* An older page stays until the newer one takes its place; a load of it does
 * not wait for the only context. */
TEST_OF_RACE(a_store_in_flight_leaves_the_older_page_in_place)
{
    store(SLOT, SUPPORT_HALVES, 1);
    start(&actor, store_2, SLOT);

    expect(SLOT, SUPPORT_HALVES, 1);
    go_on();

    expect_end(&actor, ZC_OK, 0);
    expect(SLOT, SUPPORT_HALVES, 2);
}

/* A store that fails is an invalidate, of what was stored meanwhile too. */
TEST_OF_RACE(a_failing_store_forgets_what_came_meanwhile)
{
    start(&actor, store_2, SLOT);

    /* One word needs no context: the only one is in use. */
    store(SLOT, SUPPORT_SAME, 1);
    store(SLOT + 1, SUPPORT_SAME, 1);
    spied.put_status = ZC_NO_MEMORY;
    go_on();

    expect_end(&actor, ZC_NO_MEMORY, 0);
    spied.put_status = ZC_OK;
    expect_missing(SLOT);
    expect(SLOT + 1, SUPPORT_SAME, 1);
    assert_int_equal(cache_stat(stored_pages), 1);
}
