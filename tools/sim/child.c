/* SPDX-License-Identifier: MIT */
/*
 * child.c - forks: a thread has one child at a time.
 *
 * The parent is used by other threads during the fork, so a child's page is any
 * of the versions from before it to after it.  What the child writes has names
 * of its own.
 */
#include "sim/child.h"

#include <stdlib.h>
#include <string.h>

#include "common/progress.h"

/* One of so many accesses to the parent goes to the child instead. */
#define CHILD_EVERY 2

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

void sim_child_end(struct sim_worker *worker)
{
    struct sim_child *child = &worker->child;

    if (child->space != NULL)
        zc_vm_space_destroy(child->space);
    free(child->least);
    free(child->most);
    free(child->own);
    *child = (struct sim_child){0};
}

void sim_child_fork(struct sim_worker *worker, uint64_t space)
{
    const struct sim_world *world = worker->crew->world;
    const size_t pages = (size_t)world->plan.space_pages;
    struct sim_child *child = &worker->child;
    zc_status status;

    sim_child_end(worker);
    child->parent = space;
    child->number = worker->children++;
    child->least = memory_allocate(pages, sizeof(uint32_t));
    child->most = memory_allocate(pages, sizeof(uint32_t));
    child->own = memory_allocate(pages, sizeof(uint32_t));
    memset(child->own, 0, pages * sizeof(uint32_t));
    note_versions(worker, space, child->least, 0);
    status = zc_vm_fork(world->spaces[space], &child->space);
    /* A write that is under way may have been first. */
    note_versions(worker, space, child->most, 1);
    if (status != ZC_OK)
        child->space = NULL;
    if (sim_work_goes_on(worker, status, "fork"))
        worker->counts.forks++;
    else
        sim_child_end(worker);
}

bool sim_child_takes(struct sim_worker *worker, const struct sim_access *access)
{
    return worker->child.space != NULL &&
           worker->child.parent == access->space &&
           sim_random_below(&worker->random, CHILD_EVERY) == 0;
}

/* What a child writes, told from all else by the upper bits of the name. */
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
        if (sim_work_verify(worker, &page))
            return true;
        sim_work_show(worker, "child of space", &page);
        return false;
    }
    for (page.version = child->least[at]; page.version <= child->most[at];
         page.version++) {
        if (sim_work_verify(worker, &page)) {
            /* From now on it is this one. */
            child->least[at] = page.version;
            child->most[at] = page.version;
            return true;
        }
    }
    page.version = child->least[at];
    (void)sim_work_verify(worker, &page);
    sim_work_show(worker, "child of space", &page);
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
        sim_work_count_time(worker, kind, began);
    worker->counts.reads++;
    if (!sim_work_goes_on(worker, status, "read"))
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
        sim_work_count_time(worker, kind, began);
        *version = page.version;
    }
    worker->counts.writes++;
    (void)sim_work_goes_on(worker, status, "write");
}

void sim_child_use(struct sim_worker *worker, const struct sim_access *access)
{
    const uint64_t index =
        access->space * worker->crew->world->plan.space_pages + access->page;

    if (access->is_write)
        write_child(worker, index, access->page);
    else
        read_child(worker, index, access->page);
}
