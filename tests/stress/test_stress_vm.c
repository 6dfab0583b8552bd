/* SPDX-License-Identifier: MIT */
/*
 * test_stress_vm.c - the whole stack at once, every byte checked.
 *
 * Four address spaces of more pages than there are frames; eight threads write
 * and read, each its own half of one space, unmap pages and map them again, and
 * know what has to be there.  Meanwhile other threads fork and check the
 * children; fork many children that write; merge, reclaim, shrink, write back,
 * compact and change the compressor; set limits and read the counters; and turn
 * one of two devices off and on.  Writes to devices fail now and then, and so
 * does each injection point, one passage at a time.
 *
 * A second test creates and destroys machines while their own threads write
 * back.
 */
#include <sched.h>

#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include "base/inject.h"

#define SPACES 4
#define STORM 6 /* children at a time */
#define GONE 64 /* so many versions apart a page is unmapped instead */
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
    bool is_store_again; /* where a page may be lost if all fails */
    /* Calls that failed with each status for an injected failure. */
    atomic_uint no_memory;
    atomic_uint unreadable;
};

static unsigned below(struct support_worker *worker, unsigned bound)
{
    return (unsigned)support_random_below(&worker->random, bound);
}

/* Space and page in one number. */
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

    if (version % GONE == 0)
        memset(expected, 0, sizeof(expected));
    else
        fill(expected, space, page, version);
    return memcmp(bytes, expected, sizeof(expected)) == 0;
}

/* Memory may run out for a moment, and a page be unreadable for one; nothing
 * else may happen. */
static bool goes_on(struct support_worker *worker, zc_status status,
                    const char *what)
{
    struct world *world = worker->context;

    if (status == ZC_OK)
        return true;
    if (status == ZC_NO_MEMORY)
        atomic_fetch_add(&world->no_memory, 1);
    else if (status == ZC_CORRUPT || status == ZC_IO_ERROR)
        atomic_fetch_add(&world->unreadable, 1);
    else
        support_mistake(worker, "%s: %s", what, zc_status_name(status));
    return false;
}

/* The next version of a page. */
static void change_page(struct support_worker *worker, unsigned space,
                        uint64_t page, unsigned version)
{
    struct world *world = worker->context;
    char bytes[SUPPORT_VM_PAGE];
    zc_status status;

    if (version % GONE == 0) {
        status = zc_vm_unmap(world->spaces[space], page, 1);
        if (status == ZC_OK)
            status = zc_vm_map(world->spaces[space], page, 1, 0);
        if (status != ZC_OK)
            support_mistake(worker, "map: %s", zc_status_name(status));
    } else {
        fill(bytes, space, page, version);
        status = zc_vm_write(world->spaces[space], page, 0, bytes,
                             sizeof(bytes), NULL);
    }
    if (goes_on(worker, status, "write"))
        atomic_store(&world->versions[space][page], version);
}

static void use_page(struct support_worker *worker, unsigned space,
                     uint64_t page)
{
    struct world *world = worker->context;
    const unsigned version = atomic_load(&world->versions[space][page]);
    char bytes[SUPPORT_VM_PAGE];

    if (below(worker, 3) == 0) {
        change_page(worker, space, page, version + 1);
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
        page = below(worker, PAGES / THREADS_PER_SPACE) * THREADS_PER_SPACE +
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
    zc_status status;
    uint64_t page;
    unsigned i;

    for (i = 0; i < 32; i++) {
        page = below(worker, PAGES);
        status = zc_vm_read(child, page, 0, bytes, sizeof(bytes), NULL);
        /* It was just being mapped again. */
        if (status == ZC_INVALID && before[page] / GONE != after[page] / GONE)
            continue;
        if (!goes_on(worker, status, "read of a child"))
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
        space = below(worker, SPACES);
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

/* One child of the storm, and what it has written itself. */
struct child {
    struct zc_vm_space *space;
    unsigned written[PAGES];
};

static void write_in_child(struct support_worker *worker, struct child *child,
                           unsigned name)
{
    const uint64_t page = below(worker, PAGES);
    char bytes[SUPPORT_VM_PAGE];
    zc_status status;

    if (child->written[page] != 0) {
        status = zc_vm_read(child->space, page, 0, bytes, sizeof(bytes), NULL);
        if (goes_on(worker, status, "read of the storm") &&
            !support_vm_is(bytes, name, child->written[page]))
            support_mistake(worker, "child %u has lost page %u", name,
                            (unsigned)page);
    }
    support_vm_fill(bytes, name, child->written[page] + 1);
    status = zc_vm_write(child->space, page, 0, bytes, sizeof(bytes), NULL);
    /* Where the parent had just unmapped it. */
    if (status != ZC_INVALID && goes_on(worker, status, "write of the storm"))
        child->written[page]++;
}

/* Children of children, that write and end in any order. */
static void storm(struct support_worker *worker)
{
    static struct child children[STORM];
    struct world *world = worker->context;
    struct zc_vm_space *parent;
    struct child *child;
    unsigned i;

    memset(children, 0, sizeof(children));
    while (!support_is_stopped(worker)) {
        i = below(worker, STORM);
        child = &children[i];
        if (child->space == NULL) {
            parent = children[below(worker, STORM)].space;
            if (parent == NULL)
                parent = world->spaces[below(worker, SPACES)];
            memset(child->written, 0, sizeof(child->written));
            if (goes_on(worker, zc_vm_fork(parent, &child->space), "storm"))
                worker->operations++;
        } else if (below(worker, 24) == 0) {
            zc_vm_space_destroy(child->space);
            child->space = NULL;
        } else {
            write_in_child(worker, child, 1000 + i);
        }
    }
    for (i = 0; i < STORM; i++)
        zc_vm_space_destroy(children[i].space);
}

/* Some passage of some point fails, soon. */
static void inject(struct support_worker *worker)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_INSTALL,    ZC_INJECT_FRAME, ZC_INJECT_COMPRESS,
        ZC_INJECT_DECOMPRESS, ZC_INJECT_READ,  ZC_INJECT_WRITE,
        ZC_INJECT_MALLOC};
    const struct world *world = worker->context;
    const unsigned count = sizeof(points) / sizeof(points[0]);
    /* Not those that can lose a page where it has left memory before it is
     * mapped. */
    const unsigned which = (unsigned)support_random_below(
        &worker->random, world->is_store_again ? count - 2 : count);

    zc_inject_arm(points[which], below(worker, 40), 2);
}

static void change_compressor(struct support_worker *worker)
{
    static const char *const compressors[] = {"lz4", "zstd", "copy"};
    struct world *world = worker->context;
    const zc_status status = zc_cache_set_compressor(
        world->machine.cache, compressors[below(worker, 3)], 0);

    if (status != ZC_OK && status != ZC_BUSY && status != ZC_INVALID &&
        status != ZC_NO_MEMORY)
        support_mistake(worker, "compressor: %s", zc_status_name(status));
}

/* As a program that controls the machine: reads the counters, and gives an
 * owner a limit of a few frames, or none. */
static void control(struct support_worker *worker)
{
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};
    struct world *world = worker->context;
    struct zc_vm *vm = world->machine.vm;

    while (!support_is_stopped(worker)) {
        if (zc_vm_get_stats(vm, &stats) != ZC_OK ||
            zc_vm_set_owner_limit(vm, below(worker, SPACES),
                                  below(worker, 2) * (FRAMES / 5)) != ZC_OK)
            support_mistake(worker, "limit");
        worker->operations++;
        (void)sched_yield();
    }
}

static void disturb(struct support_worker *worker)
{
    struct world *world = worker->context;
    const struct zc_compact_budget budget = {.struct_size = sizeof(budget),
                                             .objects = 64};
    const struct zc_writeback_options few = {
        .struct_size = sizeof(few), .budget_bytes = 16 * SUPPORT_VM_PAGE};
    struct zc_cache *cache = world->machine.cache;
    uint64_t page;

    while (!support_is_stopped(worker)) {
        page = below(worker, 16);
        switch (below(worker, 11)) {
        case 0:
            (void)zc_vm_reclaim(world->machine.vm, ZC_OWNER_COUNT, 16, NULL);
            break;
        case 1:
            (void)zc_cache_shrink(cache, 4, NULL);
            break;
        case 2:
            (void)zc_cache_compact(cache, &budget, NULL);
            break;
        case 3:
            change_compressor(worker);
            break;
        case 4:
            (void)zc_cache_writeback(cache, &few, NULL);
            break;
        case 5:
        case 6:
            inject(worker);
            break;
        default:
            (void)zc_vm_merge(world->spaces[below(worker, SPACES)], page,
                              world->spaces[below(worker, SPACES)], page);
            break;
        }
        worker->operations++;
    }
}

/* What swapon and swapoff may say where things fail now and then. */
static bool is_refusal(zc_status status)
{
    return status == ZC_NO_MEMORY || status == ZC_CORRUPT ||
           status == ZC_IO_ERROR;
}

/* One of two devices comes and goes; now the one, now the other. */
static void switch_devices(struct support_worker *worker)
{
    struct world *world = worker->context;
    unsigned types[2] = {world->machine.type, 0};
    zc_status status;
    unsigned which;

    while (!support_is_stopped(worker)) {
        which = (unsigned)worker->operations % 2;
        do
            status = zc_swap_on(world->machine.cache,
                                ZC_SWAP_OPTIONS(.slot_count = SLOTS,
                                                .managed = 1, .synchronous = 1),
                                &types[1 - which]);
        while (is_refusal(status) && !support_is_stopped(worker));
        if (status != ZC_OK && !is_refusal(status))
            support_mistake(worker, "swapon: %s", zc_status_name(status));
        if (status != ZC_OK)
            return;
        do
            status = zc_vm_swap_off(world->machine.vm, types[which]);
        while (is_refusal(status) && !support_is_stopped(worker));
        if (status != ZC_OK && !is_refusal(status)) {
            support_mistake(worker, "swapoff: %s", zc_status_name(status));
            return;
        }
        if (status == ZC_OK)
            worker->operations++;
    }
}

/* In the end every page is what its thread says, whatever happened to it. */
static void expect_last_versions(struct world *world)
{
    char bytes[SUPPORT_VM_PAGE];
    unsigned space;
    unsigned page;

    for (space = 0; space < SPACES; space++)
        for (page = 0; page < PAGES; page++) {
            assert_status(zc_vm_read(world->spaces[space], page, 0, bytes,
                                     sizeof(bytes), NULL),
                          ZC_OK);
            assert_true(is_filled(bytes, space, page,
                                  atomic_load(&world->versions[space][page])));
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
    world.is_store_again = kind->swap_in == ZC_SWAP_IN_STORE_AGAIN;
    world.machine = support_vm_make(&own);
    for (i = 0; i < SPACES; i++)
        world.spaces[i] = support_vm_space_of(&world.machine, i, PAGES, 0);
    support_crew_init(&crew);
    for (i = 0; i < SPACES * THREADS_PER_SPACE; i++)
        support_crew_add(&crew, use_space, &world);
    support_crew_add(&crew, fork_spaces, &world);
    support_crew_add(&crew, storm, &world);
    support_crew_add(&crew, disturb, &world);
    support_crew_add(&crew, control, &world);
    support_crew_add(&crew, switch_devices, &world);
    support_crew_stress(&crew, 600);
    zc_inject_disarm();
    for (i = 0; i < SPACES; i++)
        assert_status(zc_vm_set_owner_limit(world.machine.vm, i, 0), ZC_OK);
    support_vm_check(&world.machine);
    expect_last_versions(&world);
    for (i = 0; i < SPACES; i++)
        zc_vm_space_destroy(world.spaces[i]);
    support_vm_end(&world.machine);
    print_message("%u times no memory, %u unreadable\n",
                  atomic_load(&world.no_memory),
                  atomic_load(&world.unreadable));
}

#define TEST_OF_WORLD(name, ...)                                               \
    TEST(name)                                                                 \
    {                                                                          \
        run_world(&(const struct support_vm_kind){__VA_ARGS__});               \
    }

TEST_OF_WORLD(with_entries_by_age, .io_workers = 2, .background_reclaim = 1)
TEST_OF_WORLD(with_zspages_by_age, .lru_mode = ZC_LRU_ZSPAGE,
              .placement = ZC_PLACEMENT_KERNEL,
              .slot_order = ZC_SLOT_ORDER_LAST_FREED)
TEST_OF_WORLD(with_a_synchronous_device, .synchronous = 1,
              .slot_order = ZC_SLOT_ORDER_LOWEST)
TEST_OF_WORLD(with_pages_stored_again, .synchronous = 1,
              .swap_in = ZC_SWAP_IN_STORE_AGAIN,
              .slot_order = ZC_SLOT_ORDER_LAST_FREED)
TEST_OF_WORLD(with_the_swap_cache_for_what_is_stored, .synchronous = 1,
              .swap_in = ZC_SWAP_IN_CACHED_IF_STORED, .limit_bytes = LIMIT)

#define MACHINES 3 /* at a time */
#define PAGES_STORED 200

static bool is_good(struct support_worker *worker, zc_status status,
                    const char *what)
{
    if (status != ZC_OK)
        support_mistake(worker, "%s: %s", what, zc_status_name(status));
    return status == ZC_OK;
}

/* More pages than the pool has room for; any of them is there. */
static void fill_device(struct support_worker *worker, struct zc_cache *cache,
                        unsigned type)
{
    char page[SUPPORT_VM_PAGE];
    char bytes[SUPPORT_VM_PAGE];
    uint64_t i;

    for (i = 0; i < PAGES_STORED; i++) {
        support_vm_fill(page, i, worker->operations);
        if (!is_good(worker, zc_cache_store(cache, zc_swp_make(type, i), page),
                     "store"))
            return;
    }
    i = below(worker, PAGES_STORED);
    support_vm_fill(page, i, worker->operations);
    if (is_good(worker, zc_cache_load(cache, zc_swp_make(type, i), bytes),
                "load") &&
        memcmp(bytes, page, sizeof(page)) != 0)
        support_mistake(worker, "page %u is another", (unsigned)i);
}

/* A machine with all the threads that it can have, ended in the middle of their
 * work. */
static void come_and_go(struct support_worker *worker)
{
    struct zc_backing_faults slow = {.struct_size = sizeof(slow),
                                     .latency_ns = 20000};
    struct zc_vm *vm = NULL;
    unsigned type;

    if (!is_good(
            worker,
            zc_vm_create(
                ZC_CACHE_OPTIONS(.limit_bytes = LIMIT, .lru_mode = ZC_LRU_ENTRY,
                                 .shrink_worker = 1),
                ZC_VM_OPTIONS(.frame_count = 64, .background_reclaim = 1), &vm),
            "machine"))
        return;
    if (is_good(
            worker,
            zc_swap_on(zc_vm_cache(vm),
                       ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_faulty,
                                       .backing_user = &slow,
                                       .slot_count = SLOTS, .io_workers = 2),
                       &type),
            "swapon"))
        fill_device(worker, zc_vm_cache(vm), type);
    zc_vm_destroy(vm);
}

static void come_and_go_again(struct support_worker *worker)
{
    while (!support_is_stopped(worker)) {
        come_and_go(worker);
        worker->operations++;
    }
}

TEST(machines_come_and_go_beside_their_threads)
{
    struct support_crew crew;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < MACHINES; i++)
        support_crew_add(&crew, come_and_go_again, NULL);
    support_crew_stress(&crew, 600);
}
