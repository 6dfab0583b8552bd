/* SPDX-License-Identifier: MIT */
/*
 * test_vm_child.c - a child after fork() may destroy a machine of its parent,
 * promptly and without any effect on the parent, and is refused everything
 * else.  A child that hangs is ended by SIGALRM.
 */
#include "support_backing.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vm/vm.h"

#define PAGES 300
#define SECONDS 30 /* that a child may take on the slowest machine */

struct inherited {
    struct support_vm machine;
    struct zc_vm_space *space;
};

/* In a child: ends it with a text that the parent finds. */
static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s", what);
    _exit(1);
}

static void expect_refused(zc_status status, const char *what)
{
    expect(status == ZC_UNSUPPORTED, what);
}

static void run(void (*action)(void *context), void *context)
{
    struct support_end end;

    support_run_child(action, context, &end);
    assert_string_equal(end.errors, "");
    assert_true(end.exited);
    assert_int_equal(end.number, 0);
}

static void destroy_in_child(void *context)
{
    const struct inherited *inherited = context;
    const struct zc_vm *vm = inherited->machine.vm;
    const char *memory = vm->memory;

    (void)alarm(SECONDS);
    zc_vm_space_destroy(inherited->space);
    zc_vm_destroy(inherited->machine.vm);
    expect(!support_is_mapped(memory), "the frames are mapped");
}

static void begin(struct inherited *inherited,
                  const struct support_vm_kind *kind)
{
    uint64_t page;

    inherited->machine = support_vm_make(kind);
    inherited->space = support_vm_space(&inherited->machine, PAGES);
    for (page = 0; page < PAGES; page++)
        support_vm_write(inherited->space, page, page);
}

static void expect_all(struct inherited *inherited)
{
    uint64_t page;

    for (page = 0; page < PAGES; page++)
        (void)support_vm_expect(inherited->space, page, page, page);
}

static void end(struct inherited *inherited)
{
    expect_all(inherited);
    support_vm_check(&inherited->machine);
    zc_vm_space_destroy(inherited->space);
    support_vm_end(&inherited->machine);
}

TEST(a_destroy_leaves_the_parent_its_machine)
{
    static const struct {
        unsigned io_workers;
        unsigned background_reclaim;
    } cases[] = {{0, 0}, {2, 0}, {0, 1}, {2, 1}};
    char directory[64];
    struct zc_backing_file file = {.struct_size = sizeof(file),
                                   .path = directory};
    struct support_vm_kind kind = {.frames = 64,
                                   .limit_bytes = 256 << 10,
                                   .lru_mode = ZC_LRU_ENTRY,
                                   .backing_ops = &zc_backing_file,
                                   .backing_user = &file};
    struct inherited inherited;
    unsigned i;

    support_directory_make(directory);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        kind.io_workers = cases[i].io_workers;
        kind.background_reclaim = cases[i].background_reclaim;
        begin(&inherited, &kind);
        run(destroy_in_child, &inherited);
        expect_all(&inherited);
        run(destroy_in_child, &inherited);
        end(&inherited);
    }
    support_directory_remove(directory, 0);
}

/* The first worker forks, the others fault. */
static void be_parent(struct support_worker *worker)
{
    struct support_end how;

    while (!support_is_stopped(worker)) {
        support_run_child(destroy_in_child, worker->context, &how);
        if (!how.exited || how.number != 0)
            support_mistake(worker, "child %u %d: %s", (unsigned)how.exited,
                            how.number, how.errors);
        worker->operations++;
    }
}

static void be_busy(struct support_worker *worker)
{
    const struct inherited *inherited = worker->context;
    uint64_t page;

    while (!support_is_stopped(worker)) {
        page = support_random_below(&worker->random, PAGES);
        if (zc_vm_touch(inherited->space, page, true, NULL) != ZC_OK)
            support_mistake(worker, "not touched");
        worker->operations++;
    }
}

TEST(a_fork_in_the_middle_of_faults_is_survived)
{
    const struct support_vm_kind kind = {
        .frames = 64, .io_workers = 2, .background_reclaim = 1};
    struct inherited inherited;
    struct support_crew crew;
    unsigned i;

    begin(&inherited, &kind);
    support_crew_init(&crew);
    support_crew_add(&crew, be_parent, &inherited);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, be_busy, &inherited);
    support_crew_run(&crew, support_stress_milliseconds(1000));
    for (i = 0; i < crew.count; i++)
        assert_true(crew.workers[i].operations > 0);
    end(&inherited);
}

static void call_everything(void *context)
{
    const struct inherited *inherited = context;
    struct zc_vm *vm = inherited->machine.vm;
    struct zc_vm_space *space = inherited->space;
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};
    struct zc_vm_space *fresh = NULL;
    char bytes[8] = "";

    (void)alarm(SECONDS);
    expect_refused(zc_vm_space_create(vm, 0, 10, &fresh), "space_create");
    expect_refused(zc_vm_fork(space, &fresh), "fork");
    expect(fresh == NULL, "an output of a refused call");
    expect_refused(zc_vm_map(space, 0, 1, 0), "map");
    expect_refused(zc_vm_unmap(space, 0, 1), "unmap");
    expect_refused(zc_vm_read(space, 0, 0, bytes, 8, NULL), "read");
    expect_refused(zc_vm_write(space, 0, 0, bytes, 8, NULL), "write");
    expect_refused(zc_vm_touch(space, 0, true, NULL), "touch");
    expect_refused(zc_vm_merge(space, 0, space, 1), "merge");
    expect_refused(zc_vm_reclaim(vm, 0, 1, NULL), "reclaim");
    expect_refused(zc_vm_set_owner_limit(vm, 0, 1), "limit");
    expect_refused(zc_vm_swap_off(vm, inherited->machine.type), "swap_off");
    expect_refused(zc_vm_get_stats(vm, &stats), "stats");
    expect_refused(zc_vm_check(vm, NULL, 0), "check");
    zc_vm_space_destroy(space);
    expect_refused(zc_cache_load(zc_vm_cache(vm), zc_swp_make(0, 0), bytes),
                   "the cache");
}

TEST(a_child_is_refused_everything_else)
{
    const struct support_vm_kind kind = {.frames = 64, .background_reclaim = 1};
    struct inherited inherited;

    begin(&inherited, &kind);
    run(call_everything, &inherited);
    end(&inherited);
}
