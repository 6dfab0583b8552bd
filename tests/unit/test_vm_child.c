/* SPDX-License-Identifier: MIT */
/*
 * test_vm_child.c - a child after fork() may destroy a machine of its parent,
 * promptly and without any effect on the parent, and is refused everything
 * else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support_backing.h"
#include "support_machine.h"
#include "support_process.h"
#include "support_threads.h"

#define PAGES 300

static void destroy_in_child(void *context)
{
    const char *memory = machine.vm->memory;

    (void)context;
    zc_vm_space_destroy(space);
    zc_vm_destroy(machine.vm);
    support_check(!support_is_mapped(memory), "the frames are mapped");
}

static void write_all(void)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        support_vm_write(space, page, page);
}

static void expect_all(void)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        expect_page(space, page, page);
}

TEST(a_destroy_leaves_the_parent_its_machine)
{
    char directory[64];
    struct zc_backing_file file = {.struct_size = sizeof(file),
                                   .path = directory};
    struct support_vm_kind kind = {.frames = 64,
                                   .limit_bytes = 256 << 10,
                                   .lru_mode = ZC_LRU_ENTRY,
                                   .backing_ops = &zc_backing_file,
                                   .backing_user = &file};
    unsigned i;

    support_directory_make(directory);
    for (i = 0; i < 4; i++) {
        kind.io_workers = i % 2 * 2;
        kind.background_reclaim = i / 2;
        machine_begin(&kind, PAGES);
        write_all();
        support_run_child(destroy_in_child, NULL);
        expect_all();
        support_run_child(destroy_in_child, NULL);
        expect_all();
        machine_end();
    }
    support_directory_remove(directory, 0);
}

/* The first worker forks, the others fault. */
static void be_parent(struct support_worker *worker)
{
    support_run_children(worker, destroy_in_child);
}

static void be_busy(struct support_worker *worker)
{
    uint64_t page;

    while (!support_is_stopped(worker)) {
        page = support_random_below(&worker->random, PAGES);
        if (zc_vm_touch(space, page, true, NULL) != ZC_OK)
            support_mistake(worker, "not touched");
        worker->operations++;
    }
}

TEST_OF_MACHINE(a_fork_in_the_middle_of_faults_is_survived, PAGES, .frames = 64,
                .io_workers = 2, .background_reclaim = 1)
{
    struct support_crew crew;
    unsigned i;

    write_all();
    support_crew_init(&crew);
    support_crew_add(&crew, be_parent, NULL);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, be_busy, NULL);
    support_crew_stress(&crew, 1000);
    expect_all();
}

static void call_everything(void *context)
{
    struct zc_vm *vm = machine.vm;
    struct zc_vm_stats found = {.struct_size = sizeof(found)};
    struct zc_vm_space *fresh = NULL;
    enum zc_fault_kind kind;
    char bytes[8] = "";
    const struct {
        const char *name;
        zc_status status;
    } calls[] = {
        {"space_create", zc_vm_space_create(vm, 0, 10, &fresh)},
        {"fork", zc_vm_fork(space, &fresh)},
        {"map", zc_vm_map(space, 0, 1, 0)},
        {"unmap", zc_vm_unmap(space, 0, 1)},
        {"read", zc_vm_read(space, 0, 0, bytes, 8, NULL)},
        {"write", zc_vm_write(space, 0, 0, bytes, 8, NULL)},
        {"touch", zc_vm_touch(space, 0, true, NULL)},
        {"where", zc_vm_where(space, 0, &kind)},
        {"merge", zc_vm_merge(space, 0, space, 1)},
        {"reclaim", zc_vm_reclaim(vm, 0, 1, NULL)},
        {"limit", zc_vm_set_owner_limit(vm, 0, 1)},
        {"swap_off", zc_vm_swap_off(vm, machine.type)},
        {"stats", zc_vm_get_stats(vm, &found)},
        {"check", zc_vm_check(vm, NULL, 0)},
        {"the cache", zc_cache_load(zc_vm_cache(vm), zc_swp_make(0, 0), bytes)},
    };
    size_t i;

    (void)context;
    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        support_check(calls[i].status == ZC_UNSUPPORTED, calls[i].name);
    support_check(fresh == NULL, "an output of a refused call");
    zc_vm_space_destroy(space);
}

TEST_OF_MACHINE(a_child_is_refused_everything_else, PAGES, .frames = 64,
                .background_reclaim = 1)
{
    write_all();
    support_run_child(call_everything, NULL);
    expect_all();
}
