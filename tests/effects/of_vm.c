/* SPDX-License-Identifier: MIT */
/* of_vm.c - what the options of a swap device and of a machine do. */
#include <pthread.h>
#include <string.h>
#include <zcache/vm.h>

#include "effects.h"
#include "spy.h"

#define PAGE ((uint64_t)ZC_PAGE_SIZE_MIN)

/* --- a machine over the spies ---------------------------------------- */

struct machine {
    struct zc_cache *cache;
    struct zc_vm *vm;
    struct zc_vm_space *space;
    unsigned type;
};

static struct machine machine_of(struct zc_swap_options swap,
                                 struct zc_vm_options vm, uint64_t pages)
{
    struct machine made;

    swap.managed = 1;
    swap.backing_ops = &spy_device;
    vm.struct_size = sizeof(vm);
    MUST_BE_OK(zc_vm_create(ZC_CACHE_OPTIONS(.slot_count = 4096,
                                             .lru_mode = ZC_LRU_ENTRY,
                                             .pool_ops = &spy_pool),
                            &vm, &made.vm));
    made.cache = zc_vm_cache(made.vm);
    made.type = device_of(made.cache, swap);
    MUST_BE_OK(zc_vm_space_create(made.vm, 0, pages, &made.space));
    MUST_BE_OK(zc_vm_map(made.space, 0, pages, 0));
    return made;
}

static void write_page(const struct machine *machine, uint64_t at)
{
    MUST_BE_OK(zc_vm_write(machine->space, at, 0, page_text(at), PAGE, NULL));
}

static void read_page(const struct machine *machine, uint64_t at)
{
    static unsigned char back[ZC_PAGE_SIZE_MIN];

    MUST_BE_OK(zc_vm_read(machine->space, at, 0, back, PAGE, NULL));
    MUST(memcmp(back, page_text(at), PAGE) == 0);
}

/* Everything out: the first round takes the marks of use. */
static void reclaim(const struct machine *machine)
{
    for (int i = 0; i < 3; i++)
        (void)zc_vm_reclaim(machine->vm, ZC_OWNER_COUNT, 4096, NULL);
}

/* Whether a machine takes options with frames of the caller's. */
static uint64_t takes_frames(unsigned has)
{
    static const char frames;
    const struct zc_cache_options options = {
        .struct_size = sizeof(options),
        .frames = has != 0 ? (const void *)&frames : NULL};
    struct zc_vm *vm;

    return zc_vm_create(&options, NULL, &vm) == ZC_OK;
}

/* --- machines -------------------------------------------------------- */

/* Pages that had to leave 400 frames' worth of written pages. */
static uint64_t pages_out(unsigned frame_count)
{
    const struct machine machine =
        machine_of((struct zc_swap_options){.synchronous = 1},
                   (struct zc_vm_options){.frame_count = frame_count}, 400);

    for (uint64_t i = 0; i < 400; i++)
        write_page(&machine, i);
    return spy.pool_puts;
}

static uint64_t threads_of_reclaim(unsigned background_reclaim)
{
    const uint64_t before = effect_threads();

    (void)machine_of(
        (struct zc_swap_options){0},
        (struct zc_vm_options){.background_reclaim = background_reclaim}, 16);
    return effect_threads() - before;
}

static void *read_page_0(void *machine)
{
    read_page(machine, 0);
    return NULL;
}

/* A fault that stands still while it reads the page, and a fork meanwhile:
 * folios in the swap cache then, and 10 for each time the page was stored
 * after that. */
static uint64_t fault_beside_fork(struct zc_swap_options swap,
                                  struct zc_vm_options vm)
{
    struct machine machine = machine_of(swap, vm, 16);
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};
    struct zc_vm_space *child;
    unsigned puts;
    pthread_t thread;

    write_page(&machine, 0);
    reclaim(&machine);
    puts = spy.pool_puts;
    spy_hold_reads();
    MUST(pthread_create(&thread, NULL, read_page_0, &machine) == 0);
    spy_await_read();
    MUST_BE_OK(zc_swap_get_stats(machine.cache, machine.type, &stats));
    MUST_BE_OK(zc_vm_fork(machine.space, &child));
    spy_let_go();
    MUST(pthread_join(thread, NULL) == 0);
    return stats.cached_folios + 10 * (spy.pool_puts - puts);
}

static uint64_t fault_by_policy(unsigned swap_in)
{
    return fault_beside_fork((struct zc_swap_options){.synchronous = 1},
                             (struct zc_vm_options){.swap_in = swap_in});
}

/* --- devices --------------------------------------------------------- */

static uint64_t fault_by_synchronous(unsigned synchronous)
{
    return fault_beside_fork(
        (struct zc_swap_options){.synchronous = synchronous},
        (struct zc_vm_options){0});
}

/* Slots of the pages 0, 1, 2 of a machine, then of 3 after 0 and 1 came back
 * and their slots with them, 1 last: each is a digit, and 1 more. */
static uint64_t slots_given(unsigned order)
{
    const struct machine machine = machine_of(
        (struct zc_swap_options){
            .slot_count = 64, .slot_order = order, .synchronous = 1},
        (struct zc_vm_options){0}, 8);
    uint64_t digits = 0;

    for (uint64_t i = 0; i < 3; i++) {
        write_page(&machine, i);
        reclaim(&machine);
    }
    MUST_BE_OK(zc_vm_touch(machine.space, 0, true, NULL));
    MUST_BE_OK(zc_vm_touch(machine.space, 1, true, NULL));
    MUST_BE_OK(zc_vm_unmap(machine.space, 0, 2));
    write_page(&machine, 3);
    reclaim(&machine);
    MUST_BE_OK(zc_cache_writeback(machine.cache, NULL, NULL));
    for (unsigned i = 0; i < spy.device_writes; i++)
        digits += (spy.tokens[i] == 3) * (spy.written[i] + 1);
    return digits;
}

static uint64_t opens_of_spy(unsigned plugged)
{
    (void)device_of(cache_of((struct zc_cache_options){.slot_count = 64}),
                    (struct zc_swap_options){
                        .backing_ops = plugged != 0 ? &spy_device : NULL});
    return spy.device_opens;
}

static char users[2];
static char reasons[2][64];

static struct zc_backing_config device_config(struct zc_swap_options options,
                                              size_t page_size)
{
    options.backing_ops = &spy_device;
    (void)device_of(cache_of((struct zc_cache_options){.page_size = page_size,
                                                       .slot_count = 4096}),
                    options);
    return spy.device_config;
}

/* A field of what open is handed, as a number. */
#define SEEN(name, page_size, of_field, ...)                                   \
    static uint64_t name(unsigned value)                                       \
    {                                                                          \
        const struct zc_backing_config config =                                \
            device_config((struct zc_swap_options){__VA_ARGS__}, page_size);   \
                                                                               \
        (void)value;                                                           \
        return (uint64_t)(of_field);                                           \
    }

SEEN(user_seen, 0, (char *)config.user - users, .backing_user = &users[value])
SEEN(slots_seen, 0, config.slot_count, .slot_count = value)
SEEN(page_size_seen, value, config.page_size, .reason_size = 0)
SEEN(reason_seen, 0, config.reason == reasons[1], .reason = reasons[value],
     .reason_size = 64)
SEEN(reason_size_seen, 0, config.reason_size, .reason = reasons[0],
     .reason_size = value)

static uint64_t threads_of_device(unsigned io_workers)
{
    const uint64_t before = effect_threads();

    (void)device_config((struct zc_swap_options){.io_workers = io_workers}, 0);
    return effect_threads() - before;
}

/* Whether the caller of a store may name the slot. */
static uint64_t may_be_named(unsigned managed)
{
    struct zc_cache *cache =
        cache_of((struct zc_cache_options){.slot_count = 64});
    zc_status status;

    (void)device_of(cache, (struct zc_swap_options){.managed = managed});
    status = zc_cache_store(cache, zc_swp_make(0, 1), page_text(1));
    MUST(status == ZC_OK || status == ZC_INVALID);
    return comes_back(cache, 1, page_text(1));
}

#define SWAP(...) EFFECT(zc_swap_options, __VA_ARGS__)
#define CONFIG(...) EFFECT(zc_backing_config, __VA_ARGS__)
#define VM(...) EFFECT(zc_vm_options, __VA_ARGS__)

const struct effect effects_vm[] = {
    EFFECT(zc_cache_options, frames, 0, 1, takes_frames, IS, 1, 0,
           "a machine hands its own to its cache, and no others"),
    SWAP(backing_ops, 0, 1, opens_of_spy, IS, 0, 1, "the plug-in is opened"),
    SWAP(backing_user, 0, 1, user_seen, IS, 0, 1, "open is handed it"),
    SWAP(slot_count, 16, 64, slots_seen, IS, 16, 64, "open is handed it"),
    SWAP(slot_count, 0, 64, slots_seen, IS, 4096, 64, "0: those of the cache"),
    SWAP(io_workers, 0, 3, threads_of_device, IS, 0, 3,
         "the system has so many more threads"),
    SWAP(synchronous, 0, 1, fault_by_synchronous, IS, 1, 0,
         "a fault reads past the swap cache: no folio is in it meanwhile"),
    SWAP(managed, 0, 1, may_be_named, IS, 1, 0,
         "slots of a managed device are not the caller's to name"),
    SWAP(slot_order, ZC_SLOT_ORDER_DEFAULT, ZC_SLOT_ORDER_LOWEST, slots_given,
         IS, 4, 1, "0 and 1 are free: round robin goes on, lowest is 0"),
    SWAP(slot_order, ZC_SLOT_ORDER_DEFAULT, ZC_SLOT_ORDER_LAST_FREED,
         slots_given, IS, 4, 2, "slot 1 was freed last"),
    SWAP(slot_order, ZC_SLOT_ORDER_ROUND_ROBIN, ZC_SLOT_ORDER_LOWEST,
         slots_given, IS, 4, 1, "the next above the last one given"),
    CONFIG(page_size, 4096, 16384, page_size_seen, IS, 4096, 16384,
           "the cache's"),
    CONFIG(slot_count, 16, 64, slots_seen, IS, 16, 64, "the swap options'"),
    CONFIG(user, 0, 1, user_seen, IS, 0, 1, "the swap options'"),
    CONFIG(reason, 0, 1, reason_seen, IS, 0, 1, "the swap options'"),
    CONFIG(reason_size, 32, 64, reason_size_seen, IS, 32, 64,
           "the swap options'"),
    VM(frame_count, 64, 512, pages_out, AT_LEAST, 400 - 64, 0,
       "400 written pages are in frames, or were stored"),
    VM(frame_count, 0, 64, pages_out, AT_MOST, 0, 400 - 64,
       "0 means 16384 frames"),
    VM(swap_in, ZC_SWAP_IN_DEFAULT, ZC_SWAP_IN_CACHED, fault_by_policy, IS, 0,
       1, "the folio is in the swap cache while it is read"),
    VM(swap_in, ZC_SWAP_IN_DEFAULT, ZC_SWAP_IN_STORE_AGAIN, fault_by_policy, IS,
       0, 10, "what was taken is stored again for the fork's child"),
    VM(swap_in, ZC_SWAP_IN_BYPASS, ZC_SWAP_IN_CACHED, fault_by_policy, IS, 0, 1,
       "past the swap cache"),
    VM(swap_in, ZC_SWAP_IN_BYPASS, ZC_SWAP_IN_CACHED_IF_STORED, fault_by_policy,
       IS, 0, 1, "what is stored is read through the swap cache"),
    VM(background_reclaim, 0, 1, threads_of_reclaim, IS, 0, 1,
       "the system has one more thread"),
    EFFECTS_END};
