/* SPDX-License-Identifier: MIT */
/*
 * test_stress_pool.c - real threads over all operations of two pools at once.
 *
 * Every object belongs to a place.  The place's lock excludes what the caller
 * must exclude: a write or free of an object during another write, free or
 * read.  All else runs at the same time.  An object's bytes name its place and
 * its content, and have a sum.
 *
 * Visitors need that lock for objects that are written in place; objects that
 * are only put and freed they check with no lock.
 *
 * ZC_STRESS_SECONDS makes it longer than two seconds.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include <sched.h>

#define PLACES 1200
#define CELLS 8192 /* more than are ever in use at once */
#define POOLS 2

/* Room for a little less than the places can ask for. */
#define LIMIT_PAGES 350

struct place {
    pthread_rwlock_t lock; /* held exclusively to write or free the object */
    zc_handle handle;      /* [lock]; 0: no object */
    size_t size;           /* [lock] */
    uint64_t sequence;     /* [lock] */
    atomic_uint_fast64_t published; /* the handle, to use without the lock */
};

struct arena_of_places {
    struct zc_zspool *pool;
    struct place places[PLACES];
    atomic_uint place_of_cell[CELLS]; /* + 1; for the visitor */
    atomic_uint_fast64_t allocated;
    atomic_uint_fast64_t freed;
    atomic_uint_fast64_t rejected;
};

static struct arena_of_places both[POOLS];

static struct arena_of_places *some_pool(struct support_worker *worker)
{
    return &both[support_random_below(&worker->random, POOLS)];
}

static uint64_t some_place(struct support_worker *worker)
{
    return support_random_below(&worker->random, PLACES);
}

/* ---- with the lock held exclusively ---- */

static void check_read(struct support_worker *worker,
                       struct arena_of_places *here, uint64_t index)
{
    const struct place *place = &here->places[index];
    struct zc_zspool_read read;
    zc_status status = zc_zspool_read_begin(here->pool, place->handle, &read);

    if (status != ZC_OK) {
        support_mistake(worker, "read is %s", zc_status_name(status));
        return;
    }
    if (read.size != place->size)
        support_mistake(worker, "size is %zu, not %zu", read.size, place->size);
    else if (!support_has_stamp(read.data, read.size, index, place->sequence))
        support_mistake(worker, "object %u of %zu bytes has other bytes",
                        (unsigned)index, read.size);
    zc_zspool_read_end(here->pool, &read);
}

static void fill(struct support_worker *worker, struct arena_of_places *here,
                 uint64_t index)
{
    struct place *place = &here->places[index];
    size_t size = support_random_size(&worker->random, 4096);
    char bytes[4096];
    zc_handle handle;
    zc_status status;

    support_stamp(bytes, size, index, ++place->sequence);
    if (support_random_below(&worker->random, 2) == 0) {
        status = zc_zspool_put(here->pool, bytes, size, &handle);
    } else {
        status = zc_zspool_alloc(here->pool, size, &handle);
        if (status == ZC_OK &&
            zc_zspool_write(here->pool, handle, bytes, size) != ZC_OK)
            support_mistake(worker, "cannot write");
    }
    if (status == ZC_REJECTED) {
        atomic_fetch_add(&here->rejected, 1);
        return;
    }
    if (status != ZC_OK || zc_handle_cell(handle) >= CELLS) {
        support_mistake(worker, "alloc is %s", zc_status_name(status));
        return;
    }
    atomic_fetch_add(&here->allocated, 1);
    place->handle = handle;
    place->size = size;
    atomic_store(&here->place_of_cell[zc_handle_cell(handle)],
                 (unsigned)index + 1);
    atomic_store(&place->published, handle.value);
}

static void overwrite(struct support_worker *worker,
                      struct arena_of_places *here, uint64_t index)
{
    struct place *place = &here->places[index];
    char bytes[4096];

    support_stamp(bytes, place->size, index, ++place->sequence);
    if (zc_zspool_write(here->pool, place->handle, bytes, place->size) != ZC_OK)
        support_mistake(worker, "cannot overwrite");
}

static void vacate(struct support_worker *worker, struct arena_of_places *here,
                   uint64_t index)
{
    struct place *place = &here->places[index];
    zc_status status = zc_zspool_free(here->pool, place->handle);

    if (status != ZC_OK)
        support_mistake(worker, "free is %s", zc_status_name(status));
    status = zc_zspool_free(here->pool, place->handle);
    if (status != ZC_STALE)
        support_mistake(worker, "second free is %s", zc_status_name(status));
    place->handle.value = 0;
    atomic_fetch_add(&here->freed, 1);
}

static void churn(struct support_worker *worker)
{
    struct arena_of_places *here;
    struct place *place;
    uint64_t index;
    uint64_t dice;

    while (!support_is_stopped(worker)) {
        here = some_pool(worker);
        index = some_place(worker);
        dice = support_random_below(&worker->random, 8);
        place = &here->places[index];
        if (pthread_rwlock_trywrlock(&place->lock) != 0)
            continue;
        if (place->handle.value == 0) {
            fill(worker, here, index);
        } else if (dice < 4) {
            check_read(worker, here, index);
            vacate(worker, here, index);
        } else if (dice < 6) {
            overwrite(worker, here, index);
        } else {
            check_read(worker, here, index);
        }
        pthread_rwlock_unlock(&place->lock);
        worker->operations++;
    }
}

/* Empties a whole pool now and then, so that zspages and chunks come and go. */
static void ebb(struct support_worker *worker)
{
    struct arena_of_places *here;
    uint64_t index;

    while (!support_is_stopped(worker)) {
        here = some_pool(worker);
        for (index = 0; index < PLACES; index++) {
            if (pthread_rwlock_trywrlock(&here->places[index].lock) != 0)
                continue;
            if (here->places[index].handle.value != 0)
                vacate(worker, here, index);
            pthread_rwlock_unlock(&here->places[index].lock);
        }
        worker->operations++;
        for (index = 0; index < 2000 && !support_is_stopped(worker); index++)
            sched_yield();
    }
}

/* ---- with the lock shared ---- */

static void read_shared(struct support_worker *worker)
{
    struct arena_of_places *here;
    struct zc_zspool_read read;
    struct place *place;
    uint64_t index;

    while (!support_is_stopped(worker)) {
        here = some_pool(worker);
        index = some_place(worker);
        place = &here->places[index];
        if (pthread_rwlock_tryrdlock(&place->lock) != 0)
            continue;
        if (place->handle.value != 0) {
            if (zc_zspool_read_begin(here->pool, place->handle, &read) != ZC_OK)
                support_mistake(worker, "cannot read");
            check_read(worker, here, index);
            sched_yield(); /* compaction meets the pin */
            if (!support_has_stamp(read.data, read.size, index,
                                   place->sequence))
                support_mistake(worker, "bytes changed under a pin");
            zc_zspool_read_end(here->pool, &read);
            worker->operations++;
        }
        pthread_rwlock_unlock(&place->lock);
    }
}

static bool visit(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    struct support_worker *worker = context;
    struct arena_of_places *here = worker->context;
    const struct place *place;
    unsigned index;

    index = atomic_load(&here->place_of_cell[zc_handle_cell(handle)]);
    if (index == 0)
        return true; /* not published yet */
    place = &here->places[--index];
    if (pthread_rwlock_tryrdlock(&here->places[index].lock) != 0)
        return true;
    if (place->handle.value == handle.value &&
        (size != place->size ||
         !support_has_stamp(data, size, index, place->sequence)))
        support_mistake(worker, "object %u visited with other bytes", index);
    pthread_rwlock_unlock(&here->places[index].lock);
    worker->operations++;
    return support_random_below(&worker->random, 3000) != 0;
}

static void walk(struct support_worker *worker)
{
    struct arena_of_places *here = worker->context;
    zc_status status;

    while (!support_is_stopped(worker)) {
        status = zc_zspool_iterate(here->pool, visit, worker);
        if (status != ZC_OK && status != ZC_AGAIN)
            support_mistake(worker, "iterate is %s", zc_status_name(status));
    }
}

/* ---- with no lock ---- */

static void change_tags(struct support_worker *worker)
{
    struct arena_of_places *here;
    zc_handle handle;
    zc_status status;
    unsigned tags;
    size_t size;

    while (!support_is_stopped(worker)) {
        here = some_pool(worker);
        handle.value = atomic_load(&here->places[some_place(worker)].published);
        if (handle.value == 0)
            continue;
        tags = (unsigned)support_random_below(&worker->random, 4);
        status = zc_zspool_change_tags(here->pool, handle, 3, tags, NULL);
        if (status != ZC_OK && status != ZC_STALE)
            support_mistake(worker, "tags are %s", zc_status_name(status));
        status = zc_zspool_object_size(here->pool, handle, &size);
        if (status == ZC_OK ? size == 0 || size > 4096 : status != ZC_STALE)
            support_mistake(worker, "size is %s", zc_status_name(status));
        worker->operations++;
    }
}

static void compact(struct support_worker *worker)
{
    struct zc_compact_budget budget = {.struct_size = sizeof(budget)};
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct arena_of_places *here;
    zc_status status;

    while (!support_is_stopped(worker)) {
        here = some_pool(worker);
        budget.objects = support_random_below(&worker->random, 100);
        budget.microseconds = support_random_below(&worker->random, 200);
        status = zc_zspool_compact(here->pool, &budget, &result);
        if (status != ZC_OK && status != ZC_AGAIN && status != ZC_BUSY)
            support_mistake(worker, "compact is %s", zc_status_name(status));
        if (status != ZC_BUSY && budget.objects != 0 &&
            result.objects_moved > budget.objects)
            support_mistake(worker, "moved more than the budget");
        worker->operations++;
        sched_yield();
    }
}

static void count(struct support_worker *worker)
{
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    struct arena_of_places *here;

    while (!support_is_stopped(worker)) {
        here = some_pool(worker);
        if (zc_zspool_get_stats(here->pool, &stats) != ZC_OK)
            support_mistake(worker, "no statistics");
        if (stats.pages_allocated > LIMIT_PAGES ||
            zc_zspool_page_count(here->pool) > LIMIT_PAGES)
            support_mistake(worker, "above the limit");
        if (stats.objects > PLACES)
            support_mistake(worker, "more objects than places");
        if (zc_zspool_get_class(here->pool, 0, &row) < 0)
            support_mistake(worker, "no first class");
        if (zc_zspool_print_classes(here->pool, NULL, 0) == 0)
            support_mistake(worker, "no text");
        worker->operations++;
        sched_yield();
    }
}

/* ---- the tests ---- */

static void set_up_places(struct arena_of_places *here,
                          const struct support_shape *base)
{
    struct support_shape shape = *base;
    unsigned i;

    memset(here, 0, sizeof(*here));
    shape.limit_pages = LIMIT_PAGES;
    here->pool = support_pool_new(&shape);
    for (i = 0; i < PLACES; i++)
        assert_int_equal(pthread_rwlock_init(&here->places[i].lock, NULL), 0);
}

/* All objects that are left are whole, and each can be freed. */
static void judge_places(struct arena_of_places *here)
{
    const struct zc_zspool_stats stats = support_stats(here->pool);
    struct place *place;
    uint64_t objects = 0;
    unsigned i;

    support_pool_check(here->pool);
    (void)support_compact(here->pool, NULL);
    support_pool_check(here->pool);
    for (i = 0; i < PLACES; i++) {
        place = &here->places[i];
        if (place->handle.value != 0) {
            support_object_check(here->pool, place->handle, place->size, i,
                                 place->sequence);
            support_object_free(here->pool, place->handle);
            objects++;
        }
        (void)pthread_rwlock_destroy(&place->lock);
    }
    assert_int_equal(stats.objects, objects);
    assert_int_equal(stats.limit_rejects, here->rejected);
    assert_int_equal(here->allocated - here->freed, objects);
    support_pool_check_empty(here->pool);
    print_message("%llu allocated, %llu rejected, %llu moved\n",
                  (unsigned long long)here->allocated,
                  (unsigned long long)here->rejected,
                  (unsigned long long)stats.objects_moved);
    zc_zspool_destroy(here->pool);
}

TEST(everything_at_once_keeps_every_byte)
{
    static struct support_crew crew;
    unsigned i;

    set_up_places(&both[0], SUPPORT_DENSE_16);
    set_up_places(&both[1], SUPPORT_KERNEL);
    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, churn, NULL);
    support_crew_add(&crew, ebb, NULL);
    support_crew_add(&crew, read_shared, NULL);
    support_crew_add(&crew, read_shared, NULL);
    support_crew_add(&crew, walk, &both[0]);
    support_crew_add(&crew, walk, &both[1]);
    support_crew_add(&crew, change_tags, NULL);
    support_crew_add(&crew, compact, NULL);
    support_crew_add(&crew, compact, NULL);
    support_crew_add(&crew, count, NULL);
    support_crew_stress(&crew, 1000);
    judge_places(&both[0]);
    judge_places(&both[1]);
}

/* ---- put and free against visitors, with no lock of the caller's ---- */

#define OWN_OBJECTS 200 /* of each thread that puts and frees */

static void put_and_free(struct support_worker *worker)
{
    struct zc_zspool *pool = worker->context;
    zc_handle handles[OWN_OBJECTS] = {{0}};
    char bytes[4096];
    zc_status status = ZC_OK;
    uint64_t index;
    size_t size;

    while (!support_is_stopped(worker)) {
        index = support_random_below(&worker->random, OWN_OBJECTS);
        if (handles[index].value != 0) {
            status = zc_zspool_free(pool, handles[index]);
            handles[index].value = 0;
        } else {
            size = SUPPORT_STAMP_BYTES +
                   support_random_size(&worker->random,
                                       sizeof(bytes) - SUPPORT_STAMP_BYTES);
            support_stamp(bytes, size, index, ++worker->operations);
            status = zc_zspool_put(pool, bytes, size, &handles[index]);
        }
        if (status != ZC_OK)
            support_mistake(worker, "put or free is %s",
                            zc_status_name(status));
    }
    for (index = 0; index < OWN_OBJECTS; index++)
        if (handles[index].value != 0 &&
            zc_zspool_free(pool, handles[index]) != ZC_OK)
            support_mistake(worker, "cannot free at the end");
}

/* What is visited is whole, and still is a while later. */
static bool look_twice(void *context, zc_handle handle, const void *data,
                       size_t size)
{
    struct support_worker *worker = context;
    uint64_t sequence = 0;
    uint64_t owner = 0;

    (void)handle;
    if (!support_is_whole(data, size, &owner, &sequence))
        support_mistake(worker, "visited %zu bytes that are not whole", size);
    if (support_random_below(&worker->random, 4) == 0)
        (void)sched_yield();
    if (!support_has_stamp(data, size, owner, sequence))
        support_mistake(worker, "%zu bytes changed while visited", size);
    worker->operations++;
    return !support_is_stopped(worker);
}

static void look_at_all(struct support_worker *worker)
{
    while (!support_is_stopped(worker))
        (void)zc_zspool_iterate(worker->context, look_twice, worker);
}

static void compact_all(struct support_worker *worker)
{
    while (!support_is_stopped(worker)) {
        (void)zc_zspool_compact(worker->context, NULL, NULL);
        worker->operations++;
        sched_yield();
    }
}

TEST_ON_BOTH(visitors_see_whole_objects_that_stay)
{
    static struct support_crew crew;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, put_and_free, pool);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, look_at_all, pool);
    support_crew_add(&crew, compact_all, pool);
    support_crew_stress(&crew, 500);
    support_pool_check_empty(pool);
}

#define DUELS 500
#define DUEL_ROUNDS 30

struct duel {
    struct zc_zspool *pool;
    pthread_barrier_t barrier;
    zc_handle handles[DUELS];
    bool over;
};

static void free_what_others_free(struct support_worker *worker)
{
    struct duel *duel = worker->context;
    zc_status status;
    unsigned i;

    for (;;) {
        (void)pthread_barrier_wait(&duel->barrier);
        if (duel->over)
            return;
        for (i = 0; i < DUELS; i++) {
            status =
                zc_zspool_change_tags(duel->pool, duel->handles[i], 0, 1, NULL);
            if (status != ZC_OK && status != ZC_STALE)
                support_mistake(worker, "tags are %s", zc_status_name(status));
            status = zc_zspool_free(duel->pool, duel->handles[i]);
            if (status == ZC_OK)
                worker->operations++;
            else if (status != ZC_STALE)
                support_mistake(worker, "free is %s", zc_status_name(status));
        }
        (void)pthread_barrier_wait(&duel->barrier);
    }
}

/* Allocates for the duels, and compacts while they last. */
static void set_the_stakes(struct support_worker *worker)
{
    struct duel *duel = worker->context;
    unsigned round;
    unsigned i;

    for (round = 0; round < DUEL_ROUNDS; round++) {
        for (i = 0; i < DUELS; i++)
            if (zc_zspool_alloc(duel->pool, 1 + (i * 37) % 4096,
                                &duel->handles[i]) != ZC_OK)
                support_mistake(worker, "cannot allocate");
        (void)pthread_barrier_wait(&duel->barrier);
        while (zc_zspool_page_count(duel->pool) != 0)
            (void)zc_zspool_compact(duel->pool, NULL, NULL);
        (void)pthread_barrier_wait(&duel->barrier);
        worker->operations += DUELS;
    }
    duel->over = true;
    (void)pthread_barrier_wait(&duel->barrier);
}

TEST_ON_BOTH(of_several_who_free_an_object_one_succeeds)
{
    struct duel duel = {.pool = pool};
    struct support_crew crew;
    unsigned i;

    assert_int_equal(pthread_barrier_init(&duel.barrier, NULL, 4), 0);
    support_crew_init(&crew);
    support_crew_add(&crew, set_the_stakes, &duel);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, free_what_others_free, &duel);
    support_crew_run(&crew, 0);
    (void)pthread_barrier_destroy(&duel.barrier);

    assert_int_equal(crew.workers[0].operations,
                     crew.workers[1].operations + crew.workers[2].operations +
                         crew.workers[3].operations);
    support_pool_check_empty(duel.pool);
}
