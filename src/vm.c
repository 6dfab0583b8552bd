/* SPDX-License-Identifier: MIT */
/* vm.c - a simulated machine: made, ended, counted. */
#include <string.h>

#include "base/bits.h"
#include "options.h"
#include "platform/memory.h"
#include "vm_internal.h"

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
    if (options->frame_count < FRAMES_MIN ||
        options->frame_count > FRAMES_MAX ||
        options->swap_in > ZC_SWAP_IN_STORE_AGAIN ||
        options->background_reclaim > 1)
        return ZC_INVALID;
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
    if (vm->memory != NULL)
        zc_pages_unmap(vm->memory, memory_bytes(vm));
    zc_free(vm->frames);
    zc_free(vm->owners);
    zc_free(vm);
}

static struct zc_vm *alloc_memory(struct zc_cache *cache,
                                  const struct zc_vm_options *options)
{
    struct zc_vm *vm = zc_calloc(1, sizeof(*vm));

    if (vm == NULL)
        return NULL;
    vm->cache = cache;
    vm->page_size = cache->zcache.page_size;
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

zc_status zc_vm_create(struct zc_cache *cache,
                       const struct zc_vm_options *options,
                       struct zc_vm **vm_out)
{
    struct zc_folio_frames frames = {zc_frame_alloc_folio, zc_frame_free_folio,
                                     NULL};
    struct zc_vm_options own;
    zc_status status;
    struct zc_vm *vm;

    if (cache == NULL || vm_out == NULL)
        return ZC_INVALID;
    status = ZC_OPTIONS_READ(&own, options);
    if (status == ZC_OK)
        status = check_options(&own);
    if (status != ZC_OK)
        return status;
    vm = alloc_memory(cache, &own);
    if (vm == NULL || init_locks(vm) != ZC_OK) {
        if (vm != NULL)
            free_memory(vm);
        return ZC_NO_MEMORY;
    }
    frames.context = vm;
    status = zc_swap_set_frames(&cache->swap, &frames);
    if (status == ZC_OK && own.background_reclaim != 0) {
        status = zc_vm_reclaimer_start(vm);
        vm->has_reclaimer = status == ZC_OK;
        if (status != ZC_OK)
            (void)zc_swap_set_frames(&cache->swap, NULL);
    }
    if (status != ZC_OK) {
        destroy_locks(vm);
        free_memory(vm);
        return status;
    }
    *vm_out = vm;
    return ZC_OK;
}

/* Takes the folios of one device out of the cache that nobody wants any more:
 * those that were locked when their last page went. */
static void empty_device(struct zc_vm *vm, struct zc_swap_device *device)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_folio *folio;
    uint64_t offset = 0;
    zc_status status;
    zc_swp slot;

    while (zc_swap_device_next(device, &offset)) {
        slot = zc_swp_make(device->type, offset);
        ZC_ASSERT(zc_slot_count(swap, slot) == 0);
        status = zc_slot_claim(swap, slot, &folio);
        ZC_ASSERT(status == ZC_OK); /* it has its cluster */
        (void)status;
        if (folio != NULL) {
            zc_folio_wait_writeback(swap, folio);
            zc_pageio_forget_stuck(&vm->cache->pageio, folio);
        }
        zc_slot_release(swap, slot, folio, false);
    }
}

/* No frame is in use afterwards: nobody maps one any more. */
static void empty_cache(struct zc_vm *vm)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_swap_device *device;
    unsigned type;

    zc_pageio_drain(&vm->cache->pageio);
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        device = zc_swap_device_get(swap, zc_swp_make(type, 0));
        if (device == NULL)
            continue;
        if (device->managed)
            empty_device(vm, device);
        zc_swap_device_put(swap, device);
    }
    /* Failed writes keep frames until they are looked at. */
    (void)zc_pageio_retry(&vm->cache->pageio, UINT32_MAX);
    zc_pageio_drain(&vm->cache->pageio);
}

void zc_vm_destroy(struct zc_vm *vm)
{
    zc_status status;

    if (vm == NULL)
        return;
    ZC_ASSERT(vm->space_count == 0);
    if (vm->has_reclaimer)
        zc_vm_reclaimer_stop(vm);
    empty_cache(vm);
    status = zc_swap_set_frames(&vm->cache->swap, NULL);
    ZC_ASSERT(status == ZC_OK);
    (void)status;
    ZC_ASSERT(vm->free_count == vm->frame_count);
    zc_vm_tables_free(vm);
    destroy_locks(vm);
    free_memory(vm);
}

zc_status zc_vm_set_owner_limit(struct zc_vm *vm, unsigned owner,
                                uint64_t frames)
{
    if (vm == NULL || owner >= ZC_OWNER_COUNT)
        return ZC_INVALID;
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
    counters = vm->counters;
    memset(&own, 0, sizeof(own));
    own.frame_count = vm->frame_count;
    own.frames_free = zc_frames_free(vm);
    zc_mutex_lock(&vm->lock);
    own.spaces = vm->space_count;
    zc_mutex_unlock(&vm->lock);
    for (i = 0; i < ZC_FAULT_KINDS; i++)
        own.faults[i] = zc_counter_read(&counters[ZC_VM_FAULTS + i]);
    own.fault_retries = zc_counter_read(&counters[ZC_VM_FAULT_RETRIES]);
    own.pin_waits = zc_counter_read(&counters[ZC_VM_PIN_WAITS]);
    own.swapped_out = zc_counter_read(&counters[ZC_VM_SWAPPED_OUT]);
    own.reclaim_scanned = zc_counter_read(&counters[ZC_VM_RECLAIM_SCANNED]);
    own.reclaim_freed = zc_counter_read(&counters[ZC_VM_RECLAIM_FREED]);
    own.direct_reclaims = zc_counter_read(&counters[ZC_VM_DIRECT_RECLAIMS]);
    own.pages_merged = zc_counter_read(&counters[ZC_VM_PAGES_MERGED]);
    own.pages_forked = zc_counter_read(&counters[ZC_VM_PAGES_FORKED]);
    own.ksm_copies = zc_counter_read(&counters[ZC_VM_KSM_COPIES]);
    own.installs_failed = zc_counter_read(&counters[ZC_VM_INSTALLS_FAILED]);
    return zc_options_copy_out(stats_out, &own, sizeof(own));
}
