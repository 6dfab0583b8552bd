/* SPDX-License-Identifier: MIT */
/*
 * test_stress_writeback.c - writeback against all other users of slots.
 *
 * Callers that name slots store, load, take and invalidate; faults get folios
 * through the swap cache, read them, and write them out again; other faults
 * read past the cache with a bare pin; shrinkers write back; and fault
 * injection fails memory, frames, codecs and the device now and then.
 *
 * Every page names its slot and its version (every eighth version is all zeros
 * and names nothing).  Callers that name slots hold a lock per slot, so they
 * know exactly what is there.  The other threads use a slot at any time, and
 * may find no version older than the one that was there when they began.
 *
 * ZC_STRESS_SECONDS makes each of the runs longer than a good half second.
 */
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/inject.h"
#include "support_rig.h"
#include "support_threads.h"

#define CACHES 4 /* run_all() has, one after the other */
#define SLOTS 700
#define OWNERS 4
#define OWNER_WITHOUT_DEVICE 3

struct slot {
    pthread_mutex_t lock;
    bool has_page;               /* [lock] */
    atomic_uint_fast64_t begun;  /* [lock] to write: version being stored */
    atomic_uint_fast64_t oldest; /* [lock] to write: none older is there */
};

static struct slot slots[SLOTS];
static bool is_calm; /* nothing fails */
/* In all runs of a test: on a busy machine one may not get to it. */
static uint64_t written_back;
static uint64_t stored_again;

static bool is_zero_version(uint64_t version)
{
    return version % 8 == 3;
}

static void make_page(void *page, zc_swp slot, uint64_t version)
{
    if (is_zero_version(version))
        memset(page, 0, rig.page_size);
    else
        support_stamp_page(page, rig.page_size, slot, version);
}

static bool is_all_zeros(const void *page)
{
    static const char zeros[ZC_PAGE_SIZE_MAX];

    return memcmp(page, zeros, rig.page_size) == 0;
}

/* Whether the page is one of the slot's from `first` to `last`. */
static bool is_of_versions(const void *page, zc_swp slot, uint64_t first,
                           uint64_t last)
{
    uint64_t version;

    if (is_all_zeros(page)) {
        for (version = first; version <= last; version++)
            if (is_zero_version(version))
                return true;
        return false;
    }
    return support_read_stamp(page, rig.page_size, slot, &version) &&
           version >= first && version <= last;
}

/* ---- callers that name slots; they hold the slot's lock ---- */

static void store(struct support_worker *worker, unsigned index)
{
    struct slot *slot = &slots[index];
    uint64_t version = atomic_load(&slot->begun) + 1;
    char page[ZC_PAGE_SIZE_MAX];
    zc_status status;

    make_page(page, rig_slot(index), version);
    atomic_store(&slot->begun, version);
    status = rig_store(index, page,
                       (unsigned)support_random_below(&worker->random, OWNERS));
    /* Also a store that fails erases the older page. */
    atomic_store(&slot->oldest, version);
    slot->has_page = status == ZC_OK;
    if (status != ZC_OK && status != ZC_NO_MEMORY && status != ZC_REJECTED &&
        status != ZC_IO_ERROR)
        support_mistake(worker, "store is %s", zc_status_name(status));
}

/* Checks a read of this slot.  The caller holds the slot's lock. */
static void check(struct support_worker *worker, unsigned index,
                  zc_status status, const char *page, const char *what)
{
    const struct slot *slot = &slots[index];
    uint64_t version = atomic_load(&slot->begun);

    if (status == ZC_IO_ERROR || status == ZC_CORRUPT) {
        if (is_calm || !slot->has_page)
            support_mistake(worker, "%s of slot %u is %s", what, index,
                            zc_status_name(status));
        return;
    }
    if (status != (slot->has_page ? ZC_OK : ZC_MISSING))
        support_mistake(worker, "%s of slot %u is %s, has a page: %d", what,
                        index, zc_status_name(status), slot->has_page);
    else if (status == ZC_OK &&
             !is_of_versions(page, rig_slot(index), version, version))
        support_mistake(worker, "%s of slot %u is not version %llu", what,
                        index, (unsigned long long)version);
}

static void read_exactly(struct support_worker *worker, unsigned index)
{
    char page[ZC_PAGE_SIZE_MAX];

    check(worker, index, rig_read(index, page), page, "read");
}

static void take(struct support_worker *worker, unsigned index)
{
    char page[ZC_PAGE_SIZE_MAX];
    zc_status status = rig_take(index, page);

    check(worker, index, status, page, "take");
    if (status == ZC_OK)
        slots[index].has_page = false;
}

static void forget(unsigned index)
{
    rig_forget(index);
    slots[index].has_page = false;
}

static void call(struct support_worker *worker)
{
    struct support_random *random = &worker->random;
    unsigned index;

    while (!support_is_stopped(worker)) {
        index = (unsigned)support_random_below(random, SLOTS);
        pthread_mutex_lock(&slots[index].lock);
        switch (support_random_below(random, 10)) {
        case 0:
            take(worker, index);
            break;
        case 1:
            forget(index);
            break;
        case 2:
        case 3:
        case 4:
        case 5:
            read_exactly(worker, index);
            break;
        default:
            store(worker, index);
            break;
        }
        pthread_mutex_unlock(&slots[index].lock);
        worker->operations++;
    }
}

/* ---- users without the slot's lock ---- */

static void check_folio(struct support_worker *worker, unsigned index,
                        const struct zc_folio *folio, uint64_t oldest,
                        const char *what)
{
    /* No thread stores while this one has the slot pinned: none is newer. */
    if (!is_of_versions(folio->data, rig_slot(index), oldest,
                        atomic_load(&slots[index].begun)))
        support_mistake(worker, "%s of slot %u is not of versions %llu to %llu",
                        what, index, (unsigned long long)oldest,
                        (unsigned long long)atomic_load(&slots[index].begun));
}

/* A device reference is held. */
static void use_folio(struct support_worker *worker, unsigned index)
{
    uint64_t oldest = atomic_load(&slots[index].oldest);
    const zc_swp slot = rig_slot(index);
    struct zc_folio *folio;
    zc_status status = ZC_OK;
    bool created;

    if (zc_swapcache_get(&rig.swap, rig_at(index), &folio, &created) != ZC_OK)
        return;
    if (!zc_folio_has(folio, ZC_FOLIO_UPTODATE)) {
        zc_folio_wait_writeback(&rig.swap, folio);
        status = zc_pageio_read(&rig.pageio, folio, rig_at(index), NULL);
    }
    /* Without a count the slot has no page any more. */
    if (status == ZC_OK && zc_slot_count(rig_at(index)) != 0)
        check_folio(worker, index, folio, oldest, "folio");
    if (status == ZC_OK && support_random_below(&worker->random, 2) == 0)
        (void)zc_pageio_write(&rig.pageio, folio, 1);
    else
        zc_folio_unlock(&rig.swap, folio);
    zc_swapcache_put(&rig.swap, slot, folio);
}

/* The synchronous way: a private folio, and a bare pin. */
static void use_pin(struct support_worker *worker, unsigned index)
{
    uint64_t oldest = atomic_load(&slots[index].oldest);
    struct zc_folio *folio;

    if (zc_slot_pin(&rig.swap, rig_at(index), NULL) != ZC_OK)
        return;
    folio = zc_folio_alloc(&rig.swap, true);
    if (folio != NULL) {
        (void)zc_folio_trylock(folio);
        if (zc_pageio_read(&rig.pageio, folio, rig_at(index), NULL) == ZC_OK)
            check_folio(worker, index, folio, oldest, "private folio");
        zc_folio_unlock(&rig.swap, folio);
        zc_folio_put(&rig.swap, folio);
    }
    zc_slot_unpin(&rig.swap, rig_at(index));
}

static void fault(struct support_worker *worker)
{
    struct zc_swap_device *device;
    unsigned index;

    while (!support_is_stopped(worker)) {
        index = (unsigned)support_random_below(&worker->random, SLOTS);
        device = zc_swap_device_get(&rig.swap, rig_slot(index));
        if (support_random_below(&worker->random, 3) == 0)
            use_pin(worker, index);
        else
            use_folio(worker, index);
        zc_swap_device_put(&rig.swap, device);
        worker->operations++;
    }
}

static void shrink(struct support_worker *worker)
{
    struct zc_writeback_options options = {.struct_size = sizeof(options)};
    uint64_t pages;
    size_t bytes;

    while (!support_is_stopped(worker)) {
        switch (support_random_below(&worker->random, 4)) {
        case 0:
            options.budget_bytes = 8 * rig.page_size;
            (void)zc_shrinker_writeback(&rig.shrinker, &options, &bytes);
            break;
        case 1:
            (void)zc_pageio_retry(&rig.pageio, 16);
            break;
        default:
            (void)zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 8, &pages);
            break;
        }
        zc_pageio_throttle(&rig.pageio);
        worker->operations++;
        sched_yield();
    }
}

static void fail_something(struct support_random *random)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_READ,  ZC_INJECT_WRITE,      ZC_INJECT_WRITE,
        ZC_INJECT_FRAME, ZC_INJECT_DECOMPRESS, ZC_INJECT_MALLOC,
    };
    const uint64_t count = sizeof(points) / sizeof(points[0]);

    zc_inject_arm(points[support_random_below(random, count)],
                  (uint32_t)support_random_below(random, 30),
                  (uint32_t)support_random_below(random, 12) + 1);
}

static void be_unlucky(struct support_worker *worker)
{
    while (!support_is_stopped(worker)) {
        if (!is_calm)
            fail_something(&worker->random);
        worker->operations++;
        support_sleep_ns(200000);
    }
}

/* ---- a run ---- */

static void check_all(void)
{
    char page[ZC_PAGE_SIZE_MAX];
    uint64_t version;
    zc_status status;
    unsigned i;

    for (i = 0; i < SLOTS; i++) {
        status = rig_read(i, page);
        assert_status(status, slots[i].has_page ? ZC_OK : ZC_MISSING);
        version = atomic_load(&slots[i].begun);
        if (status == ZC_OK)
            assert_true(is_of_versions(page, rig_slot(i), version, version));
    }
}

static void run(const struct rig_options *options)
{
    struct support_crew crew;
    unsigned i;

    rig_begin(options);
    rig_forbid(OWNER_WITHOUT_DEVICE);
    for (i = 0; i < SLOTS; i++) {
        pthread_mutex_init(&slots[i].lock, NULL);
        slots[i].has_page = false;
        atomic_store(&slots[i].begun, 0);
        atomic_store(&slots[i].oldest, 1);
    }
    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, call, NULL);
    for (i = 0; i < 2; i++)
        support_crew_add(&crew, fault, NULL);
    support_crew_add(&crew, shrink, NULL);
    support_crew_add(&crew, be_unlucky, NULL);
    support_crew_run(&crew, support_stress_milliseconds(1200) / CACHES);
    zc_inject_disarm();
    rig_settle();
    print_message("written back %llu, failed %llu, again %llu\n",
                  (unsigned long long)rig_stat(ZC_STAT_ZSWPWB),
                  (unsigned long long)rig_stat(ZC_STAT_WRITE_ERRORS),
                  (unsigned long long)rig_stat(ZC_STAT_STORED_AGAIN));
    check_all();
    if (is_calm) {
        assert_int_equal(rig_stat(ZC_STAT_WRITE_ERRORS), 0);
        assert_int_equal(rig_stuck(), 0);
    }
    written_back += rig_stat(ZC_STAT_ZSWPWB);
    stored_again += rig_stat(ZC_STAT_STORED_AGAIN);
    rig_end();
    for (i = 0; i < SLOTS; i++)
        pthread_mutex_destroy(&slots[i].lock);
}

/* What the run is about. */
static bool has_happened(void)
{
    return written_back > 0 && (is_calm || stored_again > 0);
}

static void run_all(unsigned io_workers, unsigned shrink_worker)
{
    struct rig_options options = {.cache = {.compressor_name = "lz4",
                                            .segment_bytes = 8 * 4096,
                                            .shrink_worker = shrink_worker,
                                            .limit_bytes = 100 * 4096,
                                            .writes_max = 4},
                                  .io_workers = io_workers};
    unsigned i;

    written_back = 0;
    stored_again = 0;
    /* More of them where a busy machine lets these do little. */
    for (i = 0; i < CACHES || (!has_happened() && i < 20 * CACHES); i++) {
        options.cache.lru_mode = i / 2 % 2 == 0 ? ZC_LRU_ENTRY : ZC_LRU_ZSPAGE;
        options.cache.placement = i % 2 == 0 ? ZC_PLACEMENT_DENSE
                                             : ZC_PLACEMENT_KERNEL;
        run(&options);
    }
    assert_true(has_happened());
}

static void run_with_failures(unsigned io_workers, unsigned shrink_worker)
{
    is_calm = false;
    run_all(io_workers, shrink_worker);
}

TEST(pages_are_where_they_should_be)
{
    is_calm = true;
    run_all(2, 0);
}

TEST(failures_lose_no_page_that_its_caller_writes)
{
    run_with_failures(0, 0);
}

TEST(failures_lose_no_page_that_workers_write)
{
    run_with_failures(2, 0);
}

TEST(failures_lose_no_page_that_a_worker_shrinks)
{
    run_with_failures(2, 1);
}
