/* SPDX-License-Identifier: MIT */
/*
 * test_stress_vm.c - the whole stack at once, every byte checked.
 *
 * Four address spaces of more pages than there are frames; eight threads write
 * and read, each its own half of one space, and know what has to be there.
 * Meanwhile others fork, and look at the children; merge, reclaim, shrink,
 * write back, compact and change the compressor; and turn one of two devices
 * off and on.  Writes to devices fail now and then, and so do installs.
 */
#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include "inject.h"

#define SPACES 4
#define THREADS_PER_SPACE 2
#define PAGES 192
#define FRAMES 320
#define SLOTS 2048
#define LIMIT (192 * 1024)

struct world {
    struct support_vm machine;
    struct zc_vm_space *spaces[SPACES];
    /* The last sequence written to a page; by the page's own thread. */
    atomic_uint versions[SPACES][PAGES];
    struct zc_backing_faults faults;
    atomic_uint no_memory;
};

/* What page of what space, in one number. */
static uint64_t name_of(unsigned space, uint64_t page)
{
    return (uint64_t)space << 32 | page;
}

/* Pages of equal content in all spaces, now and then: even versions of the
 * first few pages carry no name. */
static void fill(void *bytes, unsigned space, uint64_t page, unsigned version)
{
    if (page < 16 && version % 2 == 0)
        support_vm_fill(bytes, page, version % 8);
    else
        support_vm_fill(bytes, name_of(space, page), version);
}

static bool is_filled(const void *bytes, unsigned space, uint64_t page,
                      unsigned version)
{
    char expected[SUPPORT_VM_PAGE];

    if (version == 0)
        memset(expected, 0, sizeof(expected));
    else
        fill(expected, space, page, version);
    return memcmp(bytes, expected, sizeof(expected)) == 0;
}

/* Memory may run out for a moment; nothing else may happen. */
static bool goes_on(struct support_worker *worker, zc_status status,
                    const char *what)
{
    struct world *world = worker->context;

    if (status == ZC_OK)
        return true;
    if (status == ZC_NO_MEMORY)
        atomic_fetch_add(&world->no_memory, 1);
    else
        support_mistake(worker, "%s: %s", what, zc_status_name(status));
    return false;
}

static void use_page(struct support_worker *worker, unsigned space,
                     uint64_t page)
{
    struct world *world = worker->context;
    const unsigned version = atomic_load(&world->versions[space][page]);
    char bytes[SUPPORT_VM_PAGE];

    if (support_random_below(&worker->random, 3) == 0) {
        fill(bytes, space, page, version + 1);
        if (goes_on(worker,
                    zc_vm_write(world->spaces[space], page, 0, bytes,
                                sizeof(bytes), NULL),
                    "write"))
            atomic_store(&world->versions[space][page], version + 1);
        return;
    }
    if (goes_on(worker,
                zc_vm_read(world->spaces[space], page, 0, bytes, sizeof(bytes),
                           NULL),
                "read") &&
        !is_filled(bytes, space, page, version))
        support_mistake(worker, "space %u page %u is not version %u", space,
                        (unsigned)page, version);
}

static void use_space(struct support_worker *worker)
{
    const unsigned space = worker->index % SPACES;
    const unsigned part = worker->index / SPACES;
    uint64_t page;

    while (!support_is_stopped(worker)) {
        page =
            support_random_below(&worker->random, PAGES / THREADS_PER_SPACE) *
                THREADS_PER_SPACE +
            part;
        use_page(worker, space, page);
        worker->operations++;
    }
}

/* A child has of each page a version that was the last one during the fork. */
static void look_at_child(struct support_worker *worker, unsigned space,
                          struct zc_vm_space *child, const unsigned *before,
                          const unsigned *after)
{
    char bytes[SUPPORT_VM_PAGE];
    unsigned version;
    uint64_t page;
    unsigned i;

    for (i = 0; i < 32; i++) {
        page = support_random_below(&worker->random, PAGES);
        if (!goes_on(worker,
                     zc_vm_read(child, page, 0, bytes, sizeof(bytes), NULL),
                     "read of a child"))
            continue;
        for (version = before[page]; version <= after[page]; version++)
            if (is_filled(bytes, space, page, version))
                break;
        if (version > after[page])
            support_mistake(worker, "a child of %u has no version %u..%u of %u",
                            space, before[page], after[page], (unsigned)page);
    }
}

static void fork_spaces(struct support_worker *worker)
{
    struct world *world = worker->context;
    unsigned before[PAGES];
    unsigned after[PAGES];
    struct zc_vm_space *child;
    unsigned space;
    unsigned i;

    while (!support_is_stopped(worker)) {
        space = (unsigned)support_random_below(&worker->random, SPACES);
        for (i = 0; i < PAGES; i++)
            before[i] = atomic_load(&world->versions[space][i]);
        if (!goes_on(worker, zc_vm_fork(world->spaces[space], &child), "fork"))
            continue;
        /* A write that was under way may have been first. */
        for (i = 0; i < PAGES; i++)
            after[i] = atomic_load(&world->versions[space][i]) + 1;
        look_at_child(worker, space, child, before, after);
        zc_vm_space_destroy(child);
        worker->operations++;
    }
}

static void disturb(struct support_worker *worker)
{
    static const char *const compressors[] = {"lz4", "zstd", "copy"};
    struct world *world = worker->context;
    const struct zc_compact_budget budget = {.struct_size = sizeof(budget),
                                             .objects = 64};
    struct support_random *random = &worker->random;
    zc_status status = ZC_OK;
    uint64_t page;

    while (!support_is_stopped(worker)) {
        page = support_random_below(random, 16);
        switch (support_random_below(random, 7)) {
        case 0:
            (void)zc_vm_reclaim(world->machine.vm, ZC_OWNER_COUNT, 16, NULL);
            break;
        case 1:
            (void)zc_cache_shrink(world->machine.cache, 4, NULL);
            break;
        case 2:
            (void)zc_cache_compact(world->machine.cache, &budget, NULL);
            break;
        case 3:
            status = zc_cache_set_compressor(
                world->machine.cache,
                compressors[support_random_below(random, 3)], 0);
            if (status != ZC_OK && status != ZC_BUSY && status != ZC_INVALID)
                support_mistake(worker, "compressor: %s",
                                zc_status_name(status));
            break;
        case 4:
            zc_inject_arm(ZC_INJECT_INSTALL,
                          (uint32_t)support_random_below(random, 40), 2);
            break;
        default:
            (void)zc_vm_merge(
                world->spaces[support_random_below(random, SPACES)], page,
                world->spaces[support_random_below(random, SPACES)], page);
            break;
        }
        worker->operations++;
    }
}

/* One of two devices comes and goes. */
static void switch_devices(struct support_worker *worker)
{
    struct world *world = worker->context;
    zc_status status;
    unsigned type = 0;

    while (!support_is_stopped(worker)) {
        status = zc_swap_on(world->machine.cache,
                            ZC_SWAP_OPTIONS(.slot_count = SLOTS, .managed = 1,
                                            .synchronous = 1),
                            &type);
        if (status != ZC_OK) {
            support_mistake(worker, "swapon: %s", zc_status_name(status));
            return;
        }
        do
            status = zc_vm_swap_off(world->machine.vm,
                                    worker->operations % 2 == 0 ? type : 0);
        while (status == ZC_NO_MEMORY && !support_is_stopped(worker));
        if (status != ZC_OK && status != ZC_NO_MEMORY) {
            support_mistake(worker, "swapoff: %s", zc_status_name(status));
            return;
        }
        worker->operations++;
    }
}

static void run_world(const struct support_vm_kind *kind)
{
    static struct world world;
    struct support_vm_kind own = *kind;
    struct support_crew crew;
    unsigned i;

    memset(&world, 0, sizeof(world));
    world.faults.struct_size = sizeof(world.faults);
    world.faults.seed = support_seed(5);
    world.faults.write_errors = 20000;
    own.backing_ops = &zc_backing_faulty;
    own.backing_user = &world.faults;
    own.frames = FRAMES;
    own.slots = SLOTS;
    own.limit_bytes = LIMIT;
    world.machine = support_vm_make(&own);
    for (i = 0; i < SPACES; i++)
        world.spaces[i] = support_vm_space(&world.machine, PAGES);
    support_crew_init(&crew);
    for (i = 0; i < SPACES * THREADS_PER_SPACE; i++)
        support_crew_add(&crew, use_space, &world);
    support_crew_add(&crew, fork_spaces, &world);
    support_crew_add(&crew, disturb, &world);
    support_crew_add(&crew, switch_devices, &world);
    support_crew_run(&crew, support_stress_milliseconds(600));
    zc_inject_disarm();
    support_vm_check(&world.machine);
    for (i = 0; i < SPACES; i++)
        zc_vm_space_destroy(world.spaces[i]);
    support_vm_end(&world.machine);
    for (i = 0; i < crew.count; i++)
        assert_true(crew.workers[i].operations > 0);
}

static void with_entries_by_age(void **state)
{
    const struct support_vm_kind kind = {.io_workers = 2,
                                         .background_reclaim = 1};

    (void)state;
    run_world(&kind);
}

static void with_zspages_by_age(void **state)
{
    const struct support_vm_kind kind = {
        .lru_mode = ZC_LRU_ZSPAGE,
        .placement = ZC_PLACEMENT_KERNEL,
        .slot_order = ZC_SLOT_ORDER_LAST_FREED,
    };

    (void)state;
    run_world(&kind);
}

static void with_a_synchronous_device(void **state)
{
    const struct support_vm_kind kind = {
        .synchronous = 1,
        .slot_order = ZC_SLOT_ORDER_LOWEST,
    };

    (void)state;
    run_world(&kind);
}

static void with_pages_stored_again(void **state)
{
    const struct support_vm_kind kind = {
        .synchronous = 1,
        .swap_in = ZC_SWAP_IN_STORE_AGAIN,
        .slot_order = ZC_SLOT_ORDER_LAST_FREED,
    };

    (void)state;
    run_world(&kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_entries_by_age),
        cmocka_unit_test(with_zspages_by_age),
        cmocka_unit_test(with_a_synchronous_device),
        cmocka_unit_test(with_pages_stored_again),
    };

    return cmocka_run_group_tests_name("stress vm", tests, NULL, NULL);
}
