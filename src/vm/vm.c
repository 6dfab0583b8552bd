/* SPDX-License-Identifier: MIT */
/*
 * vm.c - a simulated machine: made, ended, counted.
 *
 * The parts are made in this order: frames, the cache that takes its folios
 * from them, the reclaimer.  They are ended in the reverse order.  So the
 * threads that use frames (the cache's workers, the reclaimer) start after the
 * frames are made, and are joined before the frames are freed.
 */
#include "vm/vm.h"
#include "base/bits.h"
#include "base/options.h"
#include "platform/memory.h"

#define FRAMES_DEFAULT 16384
#define FRAMES_MIN 16
#define FRAMES_MAX (UINT64_C(1) << 32)

const char *zc_fault_kind_name(enum zc_fault_kind kind)
{
    static const char *const names[ZC_FAULT_KINDS] = {
        [ZC_FAULT_NONE] = "none",     [ZC_FAULT_ZERO] = "zero",
        [ZC_FAULT_REUSE] = "reuse",   [ZC_FAULT_COPY] = "copy",
        [ZC_FAULT_CACHED] = "cached", [ZC_FAULT_SWAPIN_ZERO] = "swapin_zero",
        [ZC_FAULT_POOL] = "pool",     [ZC_FAULT_DEVICE] = "device",
    };

    return (unsigned)kind < ZC_FAULT_KINDS ? names[kind] : "unknown";
}

static zc_status check_options(struct zc_vm_options *options)
{
    if (options->frame_count == 0)
        options->frame_count = FRAMES_DEFAULT;
    if (options->swap_in == ZC_SWAP_IN_DEFAULT)
        options->swap_in = ZC_SWAP_IN_BYPASS;
    if (options->frame_count < FRAMES_MIN || options->frame_count > FRAMES_MAX)
        return ZC_REFUSE(options, ZC_INVALID,
                         "frame_count: %llu is not from %d to %llu",
                         (unsigned long long)options->frame_count, FRAMES_MIN,
                         (unsigned long long)FRAMES_MAX);
    if (options->swap_in > ZC_SWAP_IN_CACHED_IF_STORED)
        return ZC_REFUSE(options, ZC_INVALID,
                         "swap_in: %u is no enum zc_swap_in_policy, the last "
                         "of which is %d",
                         options->swap_in, ZC_SWAP_IN_CACHED_IF_STORED);
    if (options->background_reclaim > 1)
        return ZC_REFUSE(options, ZC_INVALID,
                         "background_reclaim: %u is not 0 or 1",
                         options->background_reclaim);
    return ZC_OK;
}

/* Frames kept for reclaim itself, and where the reclaimer begins and ends. */
static void set_marks(struct zc_vm *vm)
{
    vm->reserve = vm->frame_count / 64;
    if (vm->reserve < 4)
        vm->reserve = 4;
    if (vm->reserve > 256)
        vm->reserve = 256;
    vm->low = vm->reserve + vm->frame_count / 64;
    vm->high = vm->low + vm->frame_count / 32;
}

static void init_frames(struct zc_vm *vm)
{
    struct zc_vm_frame *frame;
    uint64_t i;

    zc_list_init(&vm->free);
    zc_list_init(&vm->turns);
    for (i = 0; i < vm->frame_count; i++) {
        frame = &vm->frames[i];
        frame->folio.data = vm->memory + i * vm->page_size;
        zc_list_add_last(&vm->free, &frame->age);
    }
    vm->free_count = vm->frame_count;
    for (i = 0; i <= ZC_OWNER_COUNT; i++) {
        zc_list_init(&vm->owners[i].cold_to_hot);
        zc_list_init(&vm->owners[i].turn);
        vm->owners[i].limit = UINT64_MAX;
    }
}

static zc_status init_locks(struct zc_vm *vm)
{
    unsigned count = 0;

    if (zc_mutex_init(&vm->lock, ZC_RANK_VM_SPACES, "spaces") != ZC_OK)
        return ZC_NO_MEMORY;
    if (zc_mutex_init(&vm->reclaimer_lock, ZC_RANK_VM_RECLAIMER, "reclaimer") !=
        ZC_OK)
        goto destroy_lock;
    if (zc_condition_init(&vm->reclaimer_changed) != ZC_OK)
        goto destroy_reclaimer_lock;
    if (zc_spinlock_init(&vm->frames_lock, ZC_RANK_VM_FRAMES, "frames") !=
        ZC_OK)
        goto destroy_condition;
    while (count < ZC_RMAP_LOCKS &&
           zc_spinlock_init(&vm->rmap_locks[count], ZC_RANK_VM_RMAP, "rmap") ==
               ZC_OK)
        count++;
    if (count == ZC_RMAP_LOCKS)
        return ZC_OK;

    while (count > 0)
        zc_spinlock_destroy(&vm->rmap_locks[--count]);
    zc_spinlock_destroy(&vm->frames_lock);
destroy_condition:
    zc_condition_destroy(&vm->reclaimer_changed);
destroy_reclaimer_lock:
    zc_mutex_destroy(&vm->reclaimer_lock);
destroy_lock:
    zc_mutex_destroy(&vm->lock);
    return ZC_NO_MEMORY;
}

static void destroy_locks(struct zc_vm *vm)
{
    unsigned i;

    for (i = 0; i < ZC_RMAP_LOCKS; i++)
        zc_spinlock_destroy(&vm->rmap_locks[i]);
    zc_spinlock_destroy(&vm->frames_lock);
    zc_condition_destroy(&vm->reclaimer_changed);
    zc_mutex_destroy(&vm->reclaimer_lock);
    zc_mutex_destroy(&vm->lock);
}

/* Our pages may be smaller than the system's. */
static size_t memory_bytes(const struct zc_vm *vm)
{
    return (size_t)zc_round_up(vm->frame_count * vm->page_size,
                               zc_pages_system_size());
}

static void *map_memory(const struct zc_vm *vm)
{
    const size_t system_size = zc_pages_system_size();

    return zc_pages_map(memory_bytes(vm), vm->page_size > system_size
                                              ? vm->page_size
                                              : system_size);
}

static void free_memory(struct zc_vm *vm)
{
    zc_pages_unmap(vm->memory, memory_bytes(vm));
    zc_free(vm->frames);
    zc_free(vm->owners);
    zc_free(vm);
}

static struct zc_vm *alloc_memory(const struct zc_vm_options *options,
                                  size_t page_size)
{
    struct zc_vm *vm = zc_calloc(1, sizeof(*vm));

    if (vm == NULL)
        return NULL;
    vm->page_size = page_size;
    vm->swap_in = options->swap_in;
    vm->frame_count = options->frame_count;
    vm->owners = zc_calloc(ZC_OWNER_COUNT + 1, sizeof(*vm->owners));
    if (options->frame_count >=
        (SIZE_MAX - zc_pages_system_size()) / vm->page_size)
        goto fail;
    vm->frames = zc_calloc((size_t)vm->frame_count, sizeof(*vm->frames));
    vm->memory = map_memory(vm);
    if (vm->owners == NULL || vm->frames == NULL || vm->memory == NULL)
        goto fail;
    zc_list_init(&vm->spaces);
    set_marks(vm);
    init_frames(vm);
    return vm;

fail:
    free_memory(vm);
    return NULL;
}

/* Makes all but the cache and the threads: nothing runs yet. */
static struct zc_vm *make_machine(const struct zc_vm_options *options,
                                  size_t page_size)
{
    struct zc_vm *vm = alloc_memory(options, page_size);

    if (vm == NULL || init_locks(vm) == ZC_OK)
        return vm;
    free_memory(vm);
    return NULL;
}

/* No frame is in use, and no thread of the machine or its cache is left. */
static void unmake_machine(struct zc_vm *vm)
{
    ZC_ASSERT(vm->free_count == vm->frame_count);
    zc_vm_tables_free(vm);
    destroy_locks(vm);
    free_memory(vm);
}

/* Makes the cache over the frames, which are complete: threads of the cache may
 * use them at once.  Then starts the reclaimer, which uses both. */
static zc_status start_machine(struct zc_vm *vm,
                               const struct zc_cache_options *cache_options,
                               const struct zc_vm_options *options)
{
    const struct zc_folio_frames frames = {zc_frame_alloc_folio,
                                           zc_frame_free_folio, vm};
    struct zc_cache_options own = *cache_options;
    zc_status status;

    own.struct_size = sizeof(own);
    own.frames = &frames;
    status = zc_cache_create(&own, &vm->cache);
    if (status != ZC_OK || options->background_reclaim == 0)
        return status;
    status = zc_vm_reclaimer_start(vm);
    vm->has_reclaimer = status == ZC_OK;
    if (status != ZC_OK) {
        zc_cache_destroy(vm->cache);
        return ZC_REFUSE(options, status,
                         "background_reclaim: its thread cannot be started");
    }
    return ZC_OK;
}

/* Reads both structs; the reason of an error goes into the one that has it. */
static zc_status read_options(struct zc_cache_options *own_cache,
                              const struct zc_cache_options *cache_options,
                              struct zc_vm_options *own,
                              const struct zc_vm_options *options)
{
    const zc_status cache_status = ZC_OPTIONS_READ(own_cache, cache_options);
    zc_status status = ZC_OPTIONS_READ(own, options);

    if (status == ZC_OK)
        status = check_options(own);
    if (status == ZC_OK)
        status = cache_status;
    if (status == ZC_OK && own_cache->frames != NULL)
        status = ZC_REFUSE(own_cache, ZC_INVALID,
                           "frames: must be NULL, for a machine has its own");
    if (status == ZC_OK)
        status = zc_zswap_check_options(own_cache);
    return status;
}

zc_status zc_vm_create(const struct zc_cache_options *cache_options,
                       const struct zc_vm_options *options,
                       struct zc_vm **vm_out)
{
    struct zc_cache_options own_cache;
    struct zc_vm_options own;
    zc_status status;
    struct zc_vm *vm;

    status = read_options(&own_cache, cache_options, &own, options);
    if (status == ZC_OK && vm_out == NULL)
        status = ZC_INVALID;
    if (status != ZC_OK)
        return status;
    vm = make_machine(&own, own_cache.page_size);
    if (vm == NULL)
        return ZC_REFUSE(&own, ZC_NO_MEMORY,
                         "frame_count: no memory for %llu frames of %zu bytes",
                         (unsigned long long)own.frame_count,
                         own_cache.page_size);
    status = start_machine(vm, &own_cache, &own);
    if (status != ZC_OK) {
        unmake_machine(vm);
        return status;
    }
    *vm_out = vm;
    return ZC_OK;
}

struct zc_cache *zc_vm_cache(struct zc_vm *vm)
{
    return vm == NULL ? NULL : vm->cache;
}

/* In a child after fork() our threads do not exist, and spaces, tables and
 * frames are as the parent's threads left them. */
static void leave_machine(struct zc_vm *vm)
{
    zc_cache_destroy(vm->cache);
    zc_pages_unmap(vm->memory, memory_bytes(vm));
}

/* In the reverse order: all threads that use frames end before the frames. */
void zc_vm_destroy(struct zc_vm *vm)
{
    if (vm == NULL)
        return;
    if (zc_process_is_child(&vm->cache->process)) {
        leave_machine(vm);
        return;
    }
    ZC_ASSERT(vm->space_count == 0);
    if (vm->has_reclaimer)
        zc_vm_reclaimer_stop(vm);
    zc_cache_destroy(vm->cache);
    unmake_machine(vm);
}

zc_status zc_vm_set_owner_limit(struct zc_vm *vm, unsigned owner,
                                uint64_t frames)
{
    if (vm == NULL || owner >= ZC_OWNER_COUNT)
        return ZC_INVALID;
    if (zc_process_is_child(&vm->cache->process))
        return ZC_UNSUPPORTED;
    zc_spinlock_lock(&vm->frames_lock);
    vm->owners[owner].limit = frames == 0 ? UINT64_MAX : frames;
    zc_spinlock_unlock(&vm->frames_lock);
    return ZC_OK;
}

zc_status zc_vm_get_stats(struct zc_vm *vm, struct zc_vm_stats *stats_out)
{
    const zc_counter *counters;
    struct zc_vm_stats own;
    unsigned i;

    if (vm == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&vm->cache->process))
        return ZC_UNSUPPORTED;
    counters = vm->counters;
    own = (struct zc_vm_stats){
        .frame_count = vm->frame_count,
        .frames_free = zc_frames_free(vm),
        .fault_retries = zc_counter_read(&counters[ZC_VM_FAULT_RETRIES]),
        .pin_waits = zc_counter_read(&counters[ZC_VM_PIN_WAITS]),
        .swapped_out = zc_counter_read(&counters[ZC_VM_SWAPPED_OUT]),
        .reclaim_scanned = zc_counter_read(&counters[ZC_VM_RECLAIM_SCANNED]),
        .reclaim_freed = zc_counter_read(&counters[ZC_VM_RECLAIM_FREED]),
        .direct_reclaims = zc_counter_read(&counters[ZC_VM_DIRECT_RECLAIMS]),
        .pages_merged = zc_counter_read(&counters[ZC_VM_PAGES_MERGED]),
        .pages_forked = zc_counter_read(&counters[ZC_VM_PAGES_FORKED]),
        .ksm_copies = zc_counter_read(&counters[ZC_VM_KSM_COPIES]),
        .installs_failed = zc_counter_read(&counters[ZC_VM_INSTALLS_FAILED]),
    };
    zc_mutex_lock(&vm->lock);
    own.spaces = vm->space_count;
    zc_mutex_unlock(&vm->lock);
    for (i = 0; i < ZC_FAULT_KINDS; i++)
        own.faults[i] = zc_counter_read(&counters[ZC_VM_FAULTS + i]);
    return zc_options_copy_out(stats_out, &own, sizeof(own));
}
