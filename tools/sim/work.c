/* SPDX-License-Identifier: MIT */
/*
 * work.c - the accesses of a thread.
 *
 * If pages are damaged on purpose, a write first reads the page that it will
 * overwrite, and a damaged page is written again.  So each damaged page is
 * found once, at the latest by the check of all pages at the end.
 *
 * A thread has one child by fork at a time.  Other threads use the parent
 * during the fork, so a page of the child has any of the versions from before
 * the fork to after it.  What the child writes has names of its own.
 */
#include "sim/work.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/progress.h"
#include "sim/codec.h"

/* The number of tries to read a page that a simulated error hides. */
#define READ_TRIES 1000
/* Of the writes to a page that has been written before, one in so many writes
 * the whole page. */
#define WHOLE_EVERY 8
/* One of so many accesses to the parent goes to the child instead. */
#define CHILD_EVERY 2

static uint64_t page_index(const struct sim_worker *worker, uint64_t space,
                           uint64_t page)
{
    return space * worker->crew->world->plan.space_pages + page;
}

static pthread_rwlock_t *stripe_of(struct sim_crew *crew, uint64_t index)
{
    return &crew->stripes[index % SIM_STRIPES];
}

static void lock_to_read(struct sim_worker *worker, pthread_rwlock_t *stripe)
{
    if (pthread_rwlock_tryrdlock(stripe) == 0)
        return;
    worker->counts.verify_waits++;
    (void)pthread_rwlock_rdlock(stripe);
}

static void lock_to_write(struct sim_worker *worker, pthread_rwlock_t *stripe)
{
    if (pthread_rwlock_trywrlock(stripe) == 0)
        return;
    worker->counts.verify_waits++;
    (void)pthread_rwlock_wrlock(stripe);
}

static uint32_t version_of(const struct sim_crew *crew, uint64_t index)
{
    return atomic_load_explicit(&crew->versions[index], memory_order_relaxed);
}

static void count_time(struct sim_worker *worker, enum zc_fault_kind kind,
                       uint64_t began)
{
    sim_histogram_add(&worker->times[kind], clock_nanoseconds() - began);
    if (kind != ZC_FAULT_NONE)
        (void)atomic_fetch_add_explicit(&worker->faults, 1,
                                        memory_order_relaxed);
}

/* Counts a status that is no success, and returns false for it. */
static bool goes_on(struct sim_worker *worker, zc_status status,
                    const char *what)
{
    const struct sim_config *config = worker->crew->world->config;

    if (status == ZC_OK)
        return true;
    if (status == ZC_NO_MEMORY) {
        worker->counts.no_memory++;
    } else if (status == ZC_IO_ERROR &&
               sim_number(config, SIM_READ_ERRORS) != 0) {
        worker->counts.io_errors++;
    } else {
        worker->counts.mismatches++;
        if (atomic_fetch_add(&worker->crew->shown, 1) < SIM_SHOWN_MOST)
            message_error("a %s did not succeed: %s", what,
                          zc_status_describe(status));
    }
    return false;
}

static void show_mismatch(struct sim_worker *worker, const char *what,
                          const struct sim_page *page)
{
    const size_t page_size = worker->crew->world->corpus->base.page_size;
    const uint64_t space_pages = worker->crew->world->plan.space_pages;
    size_t at = 0;

    if (atomic_fetch_add(&worker->crew->shown, 1) >= SIM_SHOWN_MOST)
        return;
    while (at < page_size && worker->bytes[at] == worker->expected[at])
        at++;
    if (at == page_size)
        return;
    message_error("mismatch: %s %" PRIu64 ", page %" PRIu64 ", version %" PRIu32
                  ": byte %zu is %02x instead of %02x",
                  what, page->index / space_pages, page->index % space_pages,
                  page->version, at, worker->bytes[at], worker->expected[at]);
}

/* Are the worker's bytes those of that page? */
static bool verify(struct sim_worker *worker, const struct sim_page *page)
{
    const struct sim_corpus *corpus = worker->crew->world->corpus;

    sim_page_fill(corpus, page, worker->expected);
    return memcmp(worker->bytes, worker->expected, corpus->base.page_size) == 0;
}

/* ---- under the page's stripe ---- */

/* A page that came out of the pool and was not decompressed gets its damage
 * here, in the machine and in what was read of it. */
static void damage_raw(struct sim_worker *worker, uint64_t index)
{
    const struct sim_world *world = worker->crew->world;
    unsigned char byte;
    size_t at;

    if (!sim_codec_damage_raw(worker->bytes, world->corpus->base.page_size, &at,
                              &byte))
        return;
    if (zc_vm_write(world->spaces[index / world->plan.space_pages],
                    index % world->plan.space_pages, at, &byte, 1,
                    NULL) == ZC_OK)
        worker->bytes[at] = byte;
    else
        sim_codec_spare_raw();
}

static zc_status read_page(struct sim_worker *worker, uint64_t index,
                           enum zc_fault_kind *kind_out)
{
    const struct sim_world *world = worker->crew->world;
    const uint64_t before = sim_codec_decompressed();
    enum zc_fault_kind kind = ZC_FAULT_NONE;
    const zc_status status =
        zc_vm_read(world->spaces[index / world->plan.space_pages],
                   index % world->plan.space_pages, 0, worker->bytes,
                   world->corpus->base.page_size, &kind);

    if (worker->crew->repairs && status == ZC_OK && kind == ZC_FAULT_POOL &&
        sim_codec_decompressed() == before)
        damage_raw(worker, index);
    if (kind_out != NULL && status == ZC_OK)
        *kind_out = kind;
    return status;
}

/* Writes the next version of a page: all bytes, or those that differ. */
static zc_status write_page(struct sim_worker *worker, uint64_t index,
                            bool whole, enum zc_fault_kind *kind_out)
{
    struct sim_crew *crew = worker->crew;
    const struct sim_world *world = crew->world;
    struct sim_page page = {
        .index = index, .name = index, .version = version_of(crew, index) + 1};
    size_t size = SIM_STAMP_BYTES;
    size_t offset = 0;
    zc_status status;

    if (page.version == 0) /* wraps to 1: 0 means never written */
        page.version = 1;
    if (whole || page.version == 1 ||
        !sim_page_stamp(world->corpus, &page, worker->expected, &offset)) {
        sim_page_fill(world->corpus, &page, worker->expected);
        size = world->corpus->base.page_size;
        offset = 0;
    }
    status = zc_vm_write(world->spaces[index / world->plan.space_pages],
                         index % world->plan.space_pages, offset,
                         worker->expected, size, kind_out);
    if (status == ZC_OK)
        atomic_store_explicit(&crew->versions[index], page.version,
                              memory_order_relaxed);
    return status;
}

/* Verifies a page and writes it again if it is damaged.  The caller holds the
 * page's stripe for writing. */
static void look_again(struct sim_worker *worker, uint64_t index)
{
    struct sim_page page = {.index = index,
                            .name = index,
                            .version = version_of(worker->crew, index)};

    if (!goes_on(worker, read_page(worker, index, NULL), "read"))
        return;
    worker->counts.verified++;
    if (verify(worker, &page))
        return;
    worker->counts.mismatches++;
    show_mismatch(worker, "space", &page);
    (void)goes_on(worker, write_page(worker, index, true, NULL), "write");
}

/* ---- one access ---- */

static void use_for_write(struct sim_worker *worker, uint64_t index)
{
    pthread_rwlock_t *stripe = stripe_of(worker->crew, index);
    const bool whole = sim_random_below(&worker->random, WHOLE_EVERY) == 0;
    enum zc_fault_kind kind = ZC_FAULT_NONE;
    uint64_t began;
    zc_status status;

    lock_to_write(worker, stripe);
    sim_ages_use(&worker->crew->ages, index);
    if (worker->crew->repairs)
        look_again(worker, index);
    began = clock_nanoseconds();
    status = write_page(worker, index, whole, &kind);
    if (status == ZC_OK)
        count_time(worker, kind, began);
    (void)pthread_rwlock_unlock(stripe);
    worker->counts.writes++;
    (void)goes_on(worker, status, "write");
}

static void use_for_read(struct sim_worker *worker, uint64_t index)
{
    struct sim_crew *crew = worker->crew;
    pthread_rwlock_t *stripe = stripe_of(crew, index);
    struct sim_page page = {.index = index, .name = index};
    enum zc_fault_kind kind = ZC_FAULT_NONE;
    uint64_t began;
    zc_status status;
    bool good;

    lock_to_read(worker, stripe);
    sim_ages_use(&crew->ages, index);
    page.version = version_of(crew, index);
    began = clock_nanoseconds();
    status = read_page(worker, index, &kind);
    if (status == ZC_OK)
        count_time(worker, kind, began);
    (void)pthread_rwlock_unlock(stripe);
    worker->counts.reads++;
    if (!goes_on(worker, status, "read"))
        return;
    worker->counts.verified++;
    good = verify(worker, &page);
    if (!good && crew->repairs) {
        /* Another reader may have found the same damage first. */
        lock_to_write(worker, stripe);
        look_again(worker, index);
        (void)pthread_rwlock_unlock(stripe);
    } else if (!good) {
        worker->counts.mismatches++;
        show_mismatch(worker, "space", &page);
    }
}

/* ---- forks ---- */

static void note_versions(const struct sim_worker *worker, uint64_t space,
                          uint32_t *versions, uint32_t more)
{
    const struct sim_crew *crew = worker->crew;
    const uint64_t pages = crew->world->plan.space_pages;

    for (uint64_t i = 0; i < pages; i++)
        versions[i] = atomic_load_explicit(&crew->versions[space * pages + i],
                                           memory_order_relaxed) +
                      more;
}

static void end_child(struct sim_worker *worker)
{
    struct sim_child *child = &worker->child;

    if (child->space != NULL)
        zc_vm_space_destroy(child->space);
    free(child->least);
    free(child->most);
    free(child->own);
    *child = (struct sim_child){0};
}

/* Ends the current child, and forks a new one from this space. */
static void fork_child(struct sim_worker *worker, uint64_t space)
{
    const struct sim_world *world = worker->crew->world;
    const size_t pages = (size_t)world->plan.space_pages;
    struct sim_child *child = &worker->child;
    zc_status status;

    end_child(worker);
    child->parent = space;
    child->number = worker->children++;
    child->least = memory_allocate(pages, sizeof(uint32_t));
    child->most = memory_allocate(pages, sizeof(uint32_t));
    child->own = memory_allocate(pages, sizeof(uint32_t));
    memset(child->own, 0, pages * sizeof(uint32_t));
    note_versions(worker, space, child->least, 0);
    status = zc_vm_fork(world->spaces[space], &child->space);
    /* A write that is under way may be in the child already. */
    note_versions(worker, space, child->most, 1);
    if (status != ZC_OK)
        child->space = NULL;
    if (goes_on(worker, status, "fork"))
        worker->counts.forks++;
    else
        end_child(worker);
}

/* Does the child make this access?  It makes some of those to its parent. */
static bool is_for_child(struct sim_worker *worker,
                         const struct sim_access *access)
{
    return worker->child.space != NULL &&
           worker->child.parent == access->space &&
           sim_random_below(&worker->random, CHILD_EVERY) == 0;
}

/* A page that a child wrote, distinguished by the upper bits of its name. */
static struct sim_page own_page(const struct sim_worker *worker, uint64_t index,
                                uint32_t version)
{
    return (struct sim_page){
        .index = index,
        .name = sim_mix((worker->index + 1) << 48 ^ worker->child.number) ^
                index,
        .version = version};
}

static bool is_as_expected(struct sim_worker *worker, uint64_t index,
                           uint64_t at)
{
    struct sim_child *child = &worker->child;
    struct sim_page page = {.index = index, .name = index};

    if (child->own[at] != 0) {
        page = own_page(worker, index, child->own[at]);
        if (verify(worker, &page))
            return true;
        show_mismatch(worker, "child of space", &page);
        return false;
    }
    for (page.version = child->least[at]; page.version <= child->most[at];
         page.version++) {
        if (verify(worker, &page)) {
            /* From now on the page has this version. */
            child->least[at] = page.version;
            child->most[at] = page.version;
            return true;
        }
    }
    page.version = child->least[at];
    (void)verify(worker, &page);
    show_mismatch(worker, "child of space", &page);
    return false;
}

static void read_child(struct sim_worker *worker, uint64_t index, uint64_t at)
{
    const size_t page_size = worker->crew->world->corpus->base.page_size;
    const uint64_t began = clock_nanoseconds();
    enum zc_fault_kind kind = ZC_FAULT_NONE;
    zc_status status =
        zc_vm_read(worker->child.space, at, 0, worker->bytes, page_size, &kind);

    if (status == ZC_OK)
        count_time(worker, kind, began);
    worker->counts.reads++;
    if (!goes_on(worker, status, "read"))
        return;
    worker->counts.verified++;
    if (!is_as_expected(worker, index, at))
        worker->counts.mismatches++;
}

static void write_child(struct sim_worker *worker, uint64_t index, uint64_t at)
{
    const struct sim_corpus *corpus = worker->crew->world->corpus;
    uint32_t *version = &worker->child.own[at];
    struct sim_page page = own_page(worker, index, *version + 1);
    enum zc_fault_kind kind = ZC_FAULT_NONE;
    uint64_t began;
    zc_status status;

    sim_page_fill(corpus, &page, worker->expected);
    began = clock_nanoseconds();
    status = zc_vm_write(worker->child.space, at, 0, worker->expected,
                         corpus->base.page_size, &kind);
    if (status == ZC_OK) {
        count_time(worker, kind, began);
        *version = page.version;
    }
    worker->counts.writes++;
    (void)goes_on(worker, status, "write");
}

static void use_child(struct sim_worker *worker,
                      const struct sim_access *access)
{
    const uint64_t index =
        access->space * worker->crew->world->plan.space_pages + access->page;

    if (access->is_write)
        write_child(worker, index, access->page);
    else
        read_child(worker, index, access->page);
}

/* ---- the parts ---- */

static bool is_stopped(struct sim_worker *worker)
{
    return atomic_load_explicit(&worker->crew->stopped, memory_order_relaxed);
}

static void count_op(struct sim_worker *worker)
{
    worker->counts.ops++;
    atomic_store_explicit(&worker->ops, worker->counts.ops,
                          memory_order_relaxed);
}

void sim_work_fill(struct sim_worker *worker)
{
    const struct sim_world *world = worker->crew->world;
    const uint64_t threads = sim_number(world->config, SIM_THREADS);

    for (uint64_t i = worker->index;
         i < world->plan.total_pages && !is_stopped(worker); i += threads) {
        pthread_rwlock_t *stripe = stripe_of(worker->crew, i);

        lock_to_write(worker, stripe);
        sim_ages_use(&worker->crew->ages, i);
        (void)goes_on(worker, write_page(worker, i, true, NULL), "write");
        (void)pthread_rwlock_unlock(stripe);
        count_op(worker);
    }
}

void sim_work_use(struct sim_worker *worker)
{
    struct sim_world *world = worker->crew->world;
    const uint64_t fork_every = sim_number(world->config, SIM_FORK_EVERY);
    const unsigned owners = world->plan.space_count < ZC_OWNER_COUNT
                                ? (unsigned)world->plan.space_count
                                : ZC_OWNER_COUNT;
    struct sim_access access;

    while (!is_stopped(worker) &&
           (worker->ops_most == 0 || worker->counts.ops < worker->ops_most) &&
           sim_pattern_next(&worker->pattern, &access)) {
        uint64_t index = page_index(worker, access.space, access.page);

        if (fork_every != 0 && worker->counts.ops % fork_every == 0)
            fork_child(worker, access.space);
        if (is_for_child(worker, &access))
            use_child(worker, &access);
        else if (access.is_write)
            use_for_write(worker, index);
        else
            use_for_read(worker, index);
        count_op(worker);
        sim_cold_step(&world->cold, world->cache, owners);
    }
    end_child(worker);
}

/* Reads and verifies every page of every space. */
void sim_work_check(struct sim_worker *worker)
{
    const struct sim_world *world = worker->crew->world;
    const uint64_t threads = sim_number(world->config, SIM_THREADS);

    for (uint64_t i = worker->index; i < world->plan.total_pages;
         i += threads) {
        struct sim_page page = {
            .index = i, .name = i, .version = version_of(worker->crew, i)};
        zc_status status = ZC_IO_ERROR;

        for (unsigned tries = 0; tries < READ_TRIES && status == ZC_IO_ERROR;
             tries++)
            status = read_page(worker, i, NULL);
        if (!goes_on(worker, status, "read"))
            continue;
        worker->counts.verified++;
        if (!verify(worker, &page)) {
            worker->counts.mismatches++;
            show_mismatch(worker, "space", &page);
        }
        count_op(worker);
    }
}
