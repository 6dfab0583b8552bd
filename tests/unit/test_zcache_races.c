/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_races.c - what happens between the steps of a load, a take and a
 * store, made to happen there every time.
 *
 * A thread is stopped inside the compressor, where it holds its reference and
 * no lock; the main thread does what a race would do, and lets it go on.
 */
#include "support_bump.h"
#include "support_cache.h"
#include "support_test.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define PATIENCE_SECONDS 10 /* for a thread that is to stop, and does not */

enum call {
    LOAD,
    TAKE,
    STORE
};

/* Threads that stop inside the compressor. */
struct stage {
    struct support_bump_control control;
    struct zc_cache *cache;
    sem_t inside; /* posted by a thread that stopped */
    sem_t go_on;  /* for each that shall go on */
    bool lets_go; /* no thread stops any more; set while all are stopped */
};

struct actor {
    struct stage *stage;
    enum call call;
    zc_swp slot;
    uint64_t seed; /* of the page to store */
    pthread_t thread;
    zc_status status;
    char page[4096];
};

/* How often this thread still stops; the main thread never does. */
static _Thread_local unsigned stops;

static void stop(void *context)
{
    struct stage *stage = context;

    if (stops == 0 || stage->lets_go)
        return;
    stops--;
    (void)sem_post(&stage->inside);
    while (sem_wait(&stage->go_on) != 0)
        continue;
}

static void begin(struct stage *stage, enum support_over over)
{
    struct zc_cache_options options = support_cache_options(over);

    memset(&stage->control, 0, sizeof(stage->control));
    stage->lets_go = false;
    support_use_halves();
    support_halves.context = stage;
    options.compressor_name = "halves";
    options.pool_user = &stage->control;
    stage->cache = support_cache_create(&options);
    assert_int_equal(sem_init(&stage->inside, 0, 0), 0);
    assert_int_equal(sem_init(&stage->go_on, 0, 0), 0);
    support_halves.on_compress = stop;
    support_halves.on_decompress = stop;
}

static void end(struct stage *stage)
{
    zc_cache_destroy(stage->cache);
    assert_int_equal(stage->control.frees,
                     stage->control.puts); /* whatever was made */
    assert_int_equal(stage->control.reads, stage->control.reads_ended);
    assert_int_equal(sem_destroy(&stage->inside), 0);
    assert_int_equal(sem_destroy(&stage->go_on), 0);
}

static void *act(void *argument)
{
    struct actor *actor = argument;
    struct zc_cache *cache = actor->stage->cache;

    stops = ZC_TAKE_ATTEMPTS_MAX + 1;
    switch (actor->call) {
    case LOAD:
        actor->status = zc_cache_load(cache, actor->slot, actor->page);
        break;
    case TAKE:
        actor->status = zc_cache_take(cache, actor->slot, actor->page);
        break;
    case STORE:
        support_make_page(actor->page, sizeof(actor->page), SUPPORT_HALVES,
                          actor->seed);
        actor->status = zc_cache_store(cache, actor->slot, actor->page);
        break;
    }
    return NULL;
}

static void wait_until_inside(struct stage *stage)
{
    struct timespec deadline;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &deadline), 0);
    deadline.tv_sec += PATIENCE_SECONDS;
    while (sem_timedwait(&stage->inside, &deadline) != 0)
        if (errno != EINTR)
            fail_msg("no thread stopped in the compressor");
}

/* Starts a call and returns when it has stopped in the compressor. */
static void start(struct stage *stage, struct actor *actor, enum call call,
                  zc_swp slot)
{
    actor->stage = stage;
    actor->call = call;
    actor->slot = slot;
    actor->status = ZC_IO_ERROR;
    assert_int_equal(pthread_create(&actor->thread, NULL, act, actor), 0);
    wait_until_inside(stage);
}

static void go_on(struct stage *stage)
{
    assert_int_equal(sem_post(&stage->go_on), 0);
}

static void join(const struct actor *actor)
{
    assert_int_equal(pthread_join(actor->thread, NULL), 0);
}

static void finish(struct stage *stage, const struct actor *actor)
{
    go_on(stage);
    join(actor);
}

static bool has_page(const struct actor *actor, uint64_t seed)
{
    return support_is_page(actor->page, sizeof(actor->page), SUPPORT_HALVES,
                           seed);
}

/* ---- loads ---- */

TEST(a_load_goes_on_with_what_is_invalidated_meanwhile)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor;

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    start(&stage, &actor, LOAD, slot);

    assert_status(zc_cache_invalidate(stage.cache, slot), ZC_OK);
    support_expect_missing(stage.cache, slot);
    assert_status(zc_cache_set_compressor(stage.cache, "copy", 0), ZC_OK);
    assert_int_equal(support_cache_stat(stage.cache, generations), 2);
    assert_int_equal(stage.control.frees, 0);
    finish(&stage, &actor);

    assert_status(actor.status, ZC_OK);
    assert_true(has_page(&actor, 1));
    assert_int_equal(stage.control.frees, 1);
    support_expect_empty(stage.cache);
    end(&stage);
}

/* G1 */
TEST(a_load_goes_on_with_what_is_replaced_meanwhile)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor;

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    start(&stage, &actor, LOAD, slot);

    support_store(stage.cache, slot, SUPPORT_HALVES, 2);
    support_expect(stage.cache, slot, SUPPORT_HALVES, 2);
    finish(&stage, &actor);

    assert_status(actor.status, ZC_OK);
    assert_true(has_page(&actor, 1));
    support_expect(stage.cache, slot, SUPPORT_HALVES, 2);
    end(&stage);
}

/* ENTRY_KNOWN_BY_REF: the entry's record is not used again under the load. */
TEST(a_load_keeps_its_entry_from_being_used_again)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor;
    uint64_t i;

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    start(&stage, &actor, TAKE, slot);

    assert_status(zc_cache_invalidate(stage.cache, slot), ZC_OK);
    for (i = 10; i < 30; i++)
        support_store(stage.cache, support_slot(i), SUPPORT_HALVES, i);
    finish(&stage, &actor);

    assert_status(actor.status, ZC_MISSING);
    assert_int_equal(support_cache_stat(stage.cache, stored_pages), 20);
    for (i = 10; i < 30; i++)
        support_expect(stage.cache, support_slot(i), SUPPORT_HALVES, i);
    end(&stage);
}

/* G4 */
TEST(a_load_in_flight_keeps_its_object_in_place)
{
    unsigned over;
    uint64_t i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        struct zc_compact_result result = {.struct_size = sizeof(result)};
        struct stage stage;
        struct actor actor;

        begin(&stage, over);
        for (i = 0; i < 400; i++)
            support_store(stage.cache, support_slot(i), SUPPORT_HALVES, i);
        start(&stage, &actor, LOAD, support_slot(200));
        for (i = 0; i < 400; i++)
            if (i % 8 != 0)
                (void)zc_cache_invalidate(stage.cache, support_slot(i));

        assert_status(zc_cache_compact(stage.cache, NULL, &result), ZC_OK);
        assert_true(result.objects_moved > 0);
        finish(&stage, &actor);

        assert_status(actor.status, ZC_OK);
        assert_true(has_page(&actor, 200));
        for (i = 0; i < 400; i += 8)
            support_expect(stage.cache, support_slot(i), SUPPORT_HALVES, i);
        end(&stage);
    }
}

/* ---- takes ---- */

TEST(a_take_of_what_is_invalidated_meanwhile_is_missing)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor;

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    start(&stage, &actor, TAKE, slot);

    assert_status(zc_cache_invalidate(stage.cache, slot), ZC_OK);
    finish(&stage, &actor);

    assert_status(actor.status, ZC_MISSING);
    assert_int_equal(stage.control.frees, 1);
    assert_int_equal(support_cache_stat(stage.cache, take_retries), 1);
    assert_int_equal(support_cache_stat(stage.cache, zswpin), 0);
    support_expect_empty(stage.cache);
    end(&stage);
}

/* TREE_REF_DROPPED_BY_UNLINKER */
TEST(a_take_of_what_is_replaced_meanwhile_gets_the_newer)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor;

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    start(&stage, &actor, TAKE, slot);

    support_store(stage.cache, slot, SUPPORT_HALVES, 2);
    go_on(&stage);
    wait_until_inside(&stage);
    finish(&stage, &actor);

    assert_status(actor.status, ZC_OK);
    assert_true(has_page(&actor, 2));
    assert_int_equal(support_cache_stat(stage.cache, take_retries), 1);
    assert_int_equal(support_cache_stat(stage.cache, zswpin), 1);
    support_expect_empty(stage.cache);
    assert_int_equal(stage.control.frees, 2);
    end(&stage);
}

TEST(of_two_takes_exactly_one_gets_the_page)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actors[2];
    unsigned winner;

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    start(&stage, &actors[0], TAKE, slot);
    start(&stage, &actors[1], TAKE, slot);

    go_on(&stage);
    go_on(&stage);
    join(&actors[0]);
    join(&actors[1]);

    winner = actors[0].status == ZC_OK ? 0 : 1;
    assert_status(actors[winner].status, ZC_OK);
    assert_true(has_page(&actors[winner], 1));
    assert_status(actors[1 - winner].status, ZC_MISSING);
    assert_int_equal(support_cache_stat(stage.cache, zswpin), 1);
    assert_int_equal(stage.control.frees, 1);
    end(&stage);
}

TEST(a_take_that_loses_64_times_is_busy_and_loses_nothing)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor;
    uint64_t i;

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 0);
    start(&stage, &actor, TAKE, slot);

    for (i = 1; i <= ZC_TAKE_ATTEMPTS_MAX; i++) {
        support_store(stage.cache, slot, SUPPORT_HALVES, i);
        go_on(&stage);
        if (i < ZC_TAKE_ATTEMPTS_MAX)
            wait_until_inside(&stage);
    }
    join(&actor);

    assert_status(actor.status, ZC_BUSY);
    assert_int_equal(support_cache_stat(stage.cache, take_retries),
                     ZC_TAKE_ATTEMPTS_MAX);
    support_expect(stage.cache, slot, SUPPORT_HALVES, ZC_TAKE_ATTEMPTS_MAX);
    end(&stage);
}

/* A compressor that stops when its context is destroyed: then the record of an
 * entry is free already, and the thread that freed it is stopped. */
static char a_context;

static zc_status ending_create(const struct zc_compressor *self,
                               size_t page_size, int level, void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    *context_out = &a_context;
    return ZC_OK;
}

static void ending_destroy(void *context)
{
    (void)context;
    stop(support_halves.context);
}

/* OWN_REF_OUTLIVES_INVALIDATE: else the take unlinks a newer entry at the same
 * address. */
TEST(a_take_does_not_mistake_a_newer_entry_for_its_own)
{
    static struct zc_compressor ending;
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor;

    begin(&stage, SUPPORT_OVER_BUMP);
    ending = *zc_compressor_find("halves");
    ending.name = "ending";
    ending.context_create = ending_create;
    ending.context_destroy = ending_destroy;
    assert_status(zc_compressor_register(&ending), ZC_OK);
    assert_status(zc_cache_set_compressor(stage.cache, "ending", 0), ZC_OK);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    assert_status(zc_cache_set_compressor(stage.cache, "copy", 0), ZC_OK);
    start(&stage, &actor, TAKE, slot);

    support_store(stage.cache, slot, SUPPORT_HALVES, 2);
    go_on(&stage);
    wait_until_inside(&stage); /* it freed the first page's entry */
    support_store(stage.cache, slot, SUPPORT_HALVES, 3);
    stage.lets_go = true;
    finish(&stage, &actor);

    assert_status(actor.status, ZC_OK);
    assert_true(has_page(&actor, 3));
    support_expect_empty(stage.cache);
    end(&stage);
}

/* ---- stores ---- */

TEST(a_store_in_flight_holds_its_compressor)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor = {.seed = 5};

    begin(&stage, SUPPORT_OVER_BUMP);
    start(&stage, &actor, STORE, slot);

    assert_status(zc_cache_set_compressor(stage.cache, "copy", 0), ZC_OK);
    assert_int_equal(support_cache_stat(stage.cache, generations), 2);
    support_expect_missing(stage.cache, slot);
    finish(&stage, &actor);

    assert_status(actor.status, ZC_OK);
    assert_int_equal(support_cache_stat(stage.cache, payload_bytes), 2048);
    support_expect(stage.cache, slot, SUPPORT_HALVES, 5);
    assert_int_equal(support_cache_stat(stage.cache, generations), 2);
    assert_status(zc_cache_invalidate(stage.cache, slot), ZC_OK);
    assert_int_equal(support_cache_stat(stage.cache, generations), 1);
    end(&stage);
}

/* An older page stays until the newer one takes its place. */
TEST(a_store_in_flight_leaves_the_older_page_in_place)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor = {.seed = 2};

    begin(&stage, SUPPORT_OVER_BUMP);
    support_store(stage.cache, slot, SUPPORT_HALVES, 1);
    start(&stage, &actor, STORE, slot);

    support_expect(stage.cache, slot, SUPPORT_HALVES, 1);
    finish(&stage, &actor);

    assert_status(actor.status, ZC_OK);
    support_expect(stage.cache, slot, SUPPORT_HALVES, 2);
    end(&stage);
}

/* A store that fails is an invalidate, of what was stored meanwhile too. */
TEST(a_failing_store_forgets_what_came_meanwhile)
{
    const zc_swp slot = support_slot(1);
    struct stage stage;
    struct actor actor = {.seed = 2};
    zc_swp other = support_slot(2);

    begin(&stage, SUPPORT_OVER_BUMP);
    start(&stage, &actor, STORE, slot);

    /* One word needs no context: the only one may be in use. */
    support_store(stage.cache, slot, SUPPORT_SAME, 1);
    support_store(stage.cache, other, SUPPORT_SAME, 1);
    stage.control.put_status = ZC_NO_MEMORY;
    finish(&stage, &actor);
    stage.control.put_status = ZC_OK;

    assert_status(actor.status, ZC_NO_MEMORY);
    support_expect_missing(stage.cache, slot);
    support_expect(stage.cache, other, SUPPORT_SAME, 1);
    assert_int_equal(support_cache_stat(stage.cache, stored_pages), 1);
    end(&stage);
}
