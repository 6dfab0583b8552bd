/* SPDX-License-Identifier: MIT */
/*
 * test_stress_reclaim.c - reclaim against threads that free, put, read, visit
 * and compact.
 *
 * Only the thread that changes a slot's word from the handle to CLAIMED may
 * write or free its object.  Evict finds the slot by the object's bytes, which
 * name slot and version, and frees the object only if it changes the word from
 * the handle that it was given.  If another thread frees the object meanwhile,
 * its bytes stay whole until the reclaim of its zspage ends.
 *
 * ZC_STRESS_SECONDS makes each of both runs longer than one second.
 */
#include "support_content.h"
#include "support_reclaim.h"
#include "support_threads.h"

#include <sched.h>

#define SLOTS 1500
#define EMPTY 0
#define CLAIMED 1 /* no handle has this bit */

/* Above this reclaim is busy; all slots together take about twice as much. */
#define PAGES_KEPT 350

#define VERSION_SHIFT 16 /* above the slot in an object's first 8 bytes */

struct slot {
    atomic_uint_fast64_t word; /* EMPTY, CLAIMED or the handle */
    size_t size;               /* [claim] */
    uint64_t version;          /* [claim] */
};

struct field {
    struct zc_zspool *pool;
    struct slot slots[SLOTS];
    atomic_uint_fast64_t put;
    atomic_uint_fast64_t freed;
    atomic_uint_fast64_t evicted;
    atomic_uint_fast64_t visited; /* and freed by the visitor */
    atomic_uint_fast64_t lost;    /* by evict: freed by another thread first */
    atomic_uint_fast64_t pages;
    atomic_uint_fast64_t goals_missed;
};

static struct field field;

static uint64_t name_of(unsigned index, uint64_t version)
{
    return version << VERSION_SHIFT | index;
}

/* ---- with the slot claimed ---- */

static void put_object(struct support_worker *worker, unsigned index)
{
    struct slot *slot = &field.slots[index];
    char bytes[ZC_PAGE_SIZE_MIN];
    zc_handle handle = {0};
    zc_status status;

    slot->size = support_random_size(&worker->random, sizeof(bytes));
    if (slot->size < SUPPORT_STAMP_BYTES)
        slot->size = SUPPORT_STAMP_BYTES;
    slot->version++;
    support_stamp(bytes, slot->size, name_of(index, slot->version),
                  slot->version);
    status = zc_zspool_put(field.pool, bytes, slot->size, &handle);
    if (status != ZC_OK)
        support_mistake(worker, "put is %s", zc_status_name(status));
    atomic_fetch_add(&field.put, 1);
    atomic_store(&slot->word, handle.value);
}

static void check_object(struct support_worker *worker, unsigned index,
                         zc_handle handle)
{
    const struct slot *slot = &field.slots[index];
    struct zc_zspool_read read;
    zc_status status = zc_zspool_read_begin(field.pool, handle, &read);

    if (status != ZC_OK) {
        support_mistake(worker, "read is %s", zc_status_name(status));
        return;
    }
    if (read.size != slot->size ||
        !support_has_stamp(read.data, read.size, name_of(index, slot->version),
                           slot->version))
        support_mistake(worker, "slot %u of %zu bytes has other bytes", index,
                        slot->size);
    if (support_random_below(&worker->random, 8) == 0)
        sched_yield();
    zc_zspool_read_end(field.pool, &read);
}

static void free_object_twice(struct support_worker *worker, zc_handle handle)
{
    zc_status status = zc_zspool_free(field.pool, handle);

    if (status != ZC_OK)
        support_mistake(worker, "free is %s", zc_status_name(status));
    status = zc_zspool_free(field.pool, handle);
    if (status != ZC_STALE)
        support_mistake(worker, "second free is %s", zc_status_name(status));
}

static void use_slot(struct support_worker *worker, unsigned index,
                     zc_handle handle)
{
    struct slot *slot = &field.slots[index];
    uint64_t kind = support_random_below(&worker->random, 4);

    check_object(worker, index, handle);
    if (kind <= 1) {
        atomic_store(&slot->word, handle.value);
        return;
    }
    free_object_twice(worker, handle);
    atomic_fetch_add(&field.freed, 1);
    if (kind == 2)
        put_object(worker, index);
    else
        atomic_store(&slot->word, EMPTY);
}

static void churn(struct support_worker *worker)
{
    uint_fast64_t word;
    zc_handle handle;
    unsigned index;

    while (!support_is_stopped(worker)) {
        index = (unsigned)support_random_below(&worker->random, SLOTS);
        word = atomic_load(&field.slots[index].word);
        if (word == CLAIMED || !atomic_compare_exchange_strong(
                                   &field.slots[index].word, &word, CLAIMED))
            continue;
        if (word == EMPTY) {
            put_object(worker, index);
        } else {
            handle.value = word;
            use_slot(worker, index, handle);
        }
        worker->operations++;
    }
}

/* ---- evict ---- */

/* Frees the object if no other thread has claimed it.  The caller's read may
 * end after that. */
static bool claim_and_free(struct support_worker *worker, zc_handle handle,
                           uint64_t name, size_t size,
                           atomic_uint_fast64_t *count)
{
    const unsigned index = name & ((1u << VERSION_SHIFT) - 1);
    struct slot *slot = &field.slots[index];
    uint_fast64_t word = handle.value;

    if (index >= SLOTS) {
        support_mistake(worker, "evict reads slot %u", index);
        return false;
    }
    if (!atomic_compare_exchange_strong(&slot->word, &word, CLAIMED)) {
        atomic_fetch_add(&field.lost, 1);
        return false;
    }
    if (name != name_of(index, slot->version) || size != slot->size)
        support_mistake(worker, "slot %u has another object", index);
    free_object_twice(worker, handle);
    atomic_fetch_add(count, 1);
    atomic_store(&slot->word, EMPTY);
    return true;
}

static zc_status evict(void *context, zc_handle handle)
{
    struct support_worker *worker = context;
    uint64_t chance = support_random_next(&worker->random);
    struct zc_zspool_read read;
    uint64_t version = 0;
    uint64_t name = 0;
    zc_status status = zc_zspool_read_begin(field.pool, handle, &read);
    size_t size;
    bool had;

    worker->operations++;
    if (status != ZC_OK) {
        support_mistake(worker, "evict's read is %s", zc_status_name(status));
        return ZC_BUSY;
    }
    size = read.size;
    if (!support_is_whole(read.data, size, &name, &version) ||
        name >> VERSION_SHIFT != version)
        support_mistake(worker, "evict reads %zu bytes that are not whole",
                        size);
    if (chance % 64 < 8)
        sched_yield(); /* another thread may free it meanwhile */
    if (chance % 4 == 0) {
        had = claim_and_free(worker, handle, name, size, &field.evicted);
        if (!support_has_stamp(read.data, size, name, version))
            support_mistake(worker, "freeing changed the bytes");
        zc_zspool_read_end(field.pool, &read);
    } else {
        zc_zspool_read_end(field.pool, &read);
        had = claim_and_free(worker, handle, name, size, &field.evicted);
    }
    if (chance % 97 == 0)
        (void)zc_zspool_compact(field.pool, NULL, NULL);
    if (chance % 89 == 0)
        return ZC_BUSY;
    return had || chance % 2 == 0 ? ZC_OK : ZC_BUSY;
}

static void reclaim(struct support_worker *worker)
{
    uint64_t pages;
    zc_status status;

    while (!support_is_stopped(worker)) {
        if (zc_zspool_page_count(field.pool) < PAGES_KEPT) {
            sched_yield();
            continue;
        }
        pages = 0;
        status = zc_zspool_reclaim(field.pool, evict, worker,
                                   1 + support_random_below(&worker->random, 8),
                                   &pages);
        if (status == ZC_AGAIN)
            atomic_fetch_add(&field.goals_missed, 1);
        else if (status != ZC_OK)
            support_mistake(worker, "reclaim is %s", zc_status_name(status));
        atomic_fetch_add(&field.pages, pages);
    }
}

/* ---- visits ---- */

/* The object is whole and stays so, also if it is freed, also by the visitor.
 */
static bool visit(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    struct support_worker *worker = context;
    uint64_t chance = support_random_next(&worker->random);
    uint64_t version = 0;
    uint64_t name = 0;

    worker->operations++;
    if (!support_is_whole(data, size, &name, &version) ||
        name >> VERSION_SHIFT != version) {
        support_mistake(worker, "visited %zu bytes that are not whole", size);
        return false;
    }
    if (chance % 16 == 0)
        (void)claim_and_free(worker, handle, name, size, &field.visited);
    if (chance % 64 < 8)
        sched_yield();
    if (!support_has_stamp(data, size, name, version))
        support_mistake(worker, "bytes changed while visited");
    return !support_is_stopped(worker);
}

static void walk(struct support_worker *worker)
{
    while (!support_is_stopped(worker)) {
        (void)zc_zspool_iterate(field.pool, visit, worker);
        sched_yield();
    }
}

static void compact(struct support_worker *worker)
{
    struct zc_compact_budget budget = {.struct_size = sizeof(budget)};
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    zc_status status;

    while (!support_is_stopped(worker)) {
        budget.objects = support_random_below(&worker->random, 100);
        status = zc_zspool_compact(field.pool, &budget, NULL);
        if (status != ZC_OK && status != ZC_AGAIN && status != ZC_BUSY)
            support_mistake(worker, "compact is %s", zc_status_name(status));
        if (zc_zspool_get_class(field.pool, 0, &row) == ZC_OK &&
            row.pages_freeable > row.pages_used)
            support_mistake(worker, "more pages to free than there are");
        worker->operations++;
        sched_yield();
    }
}

/* ---- the tests ---- */

static void judge(void)
{
    const uint64_t moved = support_stats(field.pool).objects_moved;
    zc_handle handle;
    uint64_t left = 0;
    unsigned i;

    support_pool_check(field.pool);
    herd_check_ages(field.pool);
    for (i = 0; i < SLOTS; i++) {
        handle.value = atomic_load(&field.slots[i].word);
        if (handle.value == EMPTY)
            continue;
        support_object_check(field.pool, handle, field.slots[i].size,
                             name_of(i, field.slots[i].version),
                             field.slots[i].version);
        support_object_free(field.pool, handle);
        left++;
    }
    assert_int_equal(field.put,
                     field.freed + field.evicted + field.visited + left);
    support_pool_check_empty(field.pool);
    assert_true(zc_list_is_empty(&field.pool->lru));
    print_message(
        "%llu put, %llu freed, %llu evicted, %llu freed by visitors, %llu "
        "lost, %llu pages back, %llu goals missed, %llu moved\n",
        (unsigned long long)field.put, (unsigned long long)field.freed,
        (unsigned long long)field.evicted, (unsigned long long)field.visited,
        (unsigned long long)field.lost, (unsigned long long)field.pages,
        (unsigned long long)field.goals_missed, (unsigned long long)moved);
    assert_true(field.evicted > 0 && field.pages > 0);
}

static void run_on(const struct support_shape *shape)
{
    static struct support_crew crew;
    unsigned i;

    memset(&field, 0, sizeof(field));
    field.pool = support_pool_with(shape, 1);
    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, churn, NULL);
    support_crew_add(&crew, reclaim, NULL);
    support_crew_add(&crew, reclaim, NULL);
    support_crew_add(&crew, walk, NULL);
    support_crew_add(&crew, walk, NULL);
    support_crew_add(&crew, compact, NULL);
    support_crew_stress(&crew, 600);
    judge();
    zc_zspool_destroy(field.pool);
}

TEST(reclaim_loses_nothing_and_no_thread_reads_another_object_in_dense)
{
    run_on(SUPPORT_DENSE_16);
}

TEST(nor_in_kernel_placement)
{
    run_on(SUPPORT_KERNEL);
}
