/* SPDX-License-Identifier: MIT */
/* world.c - the simulated machine. */
#include "sim/world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/system.h"
#include "common/variant.h"
#include "sim/codec.h"

#define END_MOMENTS 200 /* of 10 ms */
#define FRAMES_LEAST 16
#define FRAMES_LEAST_STANDARD 64
#define POOL_PAGES_LEAST UINT64_C(8) /* the least limit of either placement */
#define SPACE_PAGES_LEAST_STANDARD 64
#define SPACE_PAGES_STANDARD 8192
#define TOTAL_PAGES_MOST (UINT64_C(1) << 32)
/* Metadata: entries in page table, tree and pool, a slot, a version, an age. */
#define OVERHEAD_PER_PAGE 88

/* ---- amounts ---- */

static uint64_t standard_space_pages(const struct sim_plan *plan,
                                     const struct sim_config *config,
                                     const struct sim_corpus *corpus)
{
    uint64_t pages = SPACE_PAGES_STANDARD;

    if (sim_text(config, SIM_PAGES) != NULL ||
        sim_text(config, SIM_PID) != NULL)
        pages = (corpus->base.page_count + plan->space_count - 1) /
                plan->space_count;
    return pages < SPACE_PAGES_LEAST_STANDARD ? SPACE_PAGES_LEAST_STANDARD
                                              : pages;
}

/* A trace determines the least size; the configuration may ask for more. */
static bool size_for_trace(struct sim_plan *plan,
                           const struct sim_config *config,
                           const struct sim_trace *trace)
{
    uint64_t needed = trace->page_count;

    if (trace->has_objects)
        needed = (trace->object_count + plan->space_count - 1) /
                 plan->space_count;
    else if (!config->values[SIM_SPACES].is_given)
        plan->space_count = trace->space_count;
    else if (plan->space_count < trace->space_count) {
        message_error("--spaces: the trace has %" PRIu64
                      " spaces, more than %" PRIu64,
                      trace->space_count, plan->space_count);
        return false;
    }
    if (!config->values[SIM_SPACE_PAGES].is_given)
        plan->space_pages = needed;
    else if (plan->space_pages < needed) {
        message_error("--space-pages: the trace needs %" PRIu64
                      " pages of a space, more than %" PRIu64,
                      needed, plan->space_pages);
        return false;
    }
    return true;
}

/* False if the simulation does not fit into memory: it would be killed. */
static bool fits(const struct sim_plan *plan, const struct sim_config *config)
{
    const uint64_t page_size = sim_number(config, SIM_PAGE_SIZE);
    const uint64_t available = system_available_memory();
    const uint64_t all = plan->total_pages * page_size;
    uint64_t needed = plan->frame_count * page_size + plan->limit_bytes;
    char needed_text[BYTE_TEXT_SIZE];
    char available_text[BYTE_TEXT_SIZE];

    /* A page that is in no frame is in the pool, or on the device. */
    if (needed > all || plan->limit_bytes == 0 ||
        strcmp(sim_text(config, SIM_DEVICE), "memory") == 0)
        needed = all;
    needed += plan->total_pages * OVERHEAD_PER_PAGE;
    if (available == 0 || needed <= available)
        return true;
    message_error("%" PRIu64 " pages, %" PRIu64 " frames and the pool may "
                  "take %s, and %s are available; see --space-pages, --device",
                  plan->total_pages, plan->frame_count,
                  byte_text(needed_text, needed),
                  byte_text(available_text, available));
    return false;
}

/* Is there room for every page?  Pages that a trace leaves out need none. */
static bool holds_all(const struct sim_plan *plan,
                      const struct sim_config *config,
                      const struct sim_trace *trace)
{
    /* At any time some frames are free, or are being written. */
    const uint64_t usable = plan->frame_count - plan->frame_count / 8 - 4;

    if (plan->slot_count + usable >= plan->total_pages ||
        (trace->count != 0 && !trace->has_objects))
        return true;
    message_error(
        "--slots: \"%s\" is %" PRIu64 ", and with %" PRIu64
        " frames at least %" PRIu64 " are needed for %" PRIu64 " pages",
        sim_text(config, SIM_SLOTS), plan->slot_count, plan->frame_count,
        plan->total_pages - usable, plan->total_pages);
    return false;
}

/* Never an existing file.  The library checks again when it makes the file. */
static bool device_is_new(const struct sim_config *config)
{
    const char *device = sim_text(config, SIM_DEVICE);
    struct stat status;

    if (strncmp(device, "file:", 5) != 0 || lstat(device + 5, &status) != 0)
        return true;
    message_error("--device: %s exists; a device is a new file, and never one "
                  "that is there",
                  device + 5);
    return false;
}

bool sim_plan_make(struct sim_plan *plan, const struct sim_config *config,
                   const struct sim_corpus *corpus,
                   const struct sim_trace *trace)
{
    const uint64_t page_size = sim_number(config, SIM_PAGE_SIZE);

    *plan =
        (struct sim_plan){.space_count = sim_number(config, SIM_SPACES),
                          .space_pages = sim_number(config, SIM_SPACE_PAGES)};
    if (plan->space_pages == 0)
        plan->space_pages = standard_space_pages(plan, config, corpus);
    if (trace->count != 0 && !size_for_trace(plan, config, trace))
        return false;
    plan->total_pages = plan->space_count * plan->space_pages;
    if (plan->total_pages > TOTAL_PAGES_MOST) {
        message_error("%" PRIu64 " spaces of %" PRIu64 " pages are more than "
                      "%" PRIu64 " pages",
                      plan->space_count, plan->space_pages, TOTAL_PAGES_MOST);
        return false;
    }
    plan->frame_count = sim_amount(config, SIM_FRAMES, plan->total_pages);
    if (plan->frame_count < FRAMES_LEAST_STANDARD &&
        !config->values[SIM_FRAMES].is_given)
        plan->frame_count = FRAMES_LEAST_STANDARD;
    if (plan->frame_count < FRAMES_LEAST) {
        message_error("--frames: \"%s\" of %" PRIu64 " pages is %" PRIu64
                      ", and at least %d are needed",
                      sim_text(config, SIM_FRAMES), plan->total_pages,
                      plan->frame_count, FRAMES_LEAST);
        return false;
    }
    plan->limit_bytes =
        sim_amount(config, SIM_POOL_LIMIT, plan->total_pages * page_size);
    /* A share of a small memory may be less than the least pool limit. */
    if (config->values[SIM_POOL_LIMIT].is_percent &&
        sim_number(config, SIM_POOL_LIMIT) != 0 &&
        plan->limit_bytes < POOL_PAGES_LEAST * page_size)
        plan->limit_bytes = POOL_PAGES_LEAST * page_size;
    if (plan->limit_bytes != 0 &&
        plan->limit_bytes < POOL_PAGES_LEAST * page_size) {
        message_error("--pool-limit: \"%s\" is less than %" PRIu64
                      " bytes, the least; 0 is no limit",
                      sim_text(config, SIM_POOL_LIMIT),
                      POOL_PAGES_LEAST * page_size);
        return false;
    }
    plan->slot_count = sim_amount(config, SIM_SLOTS, plan->total_pages);
    if (plan->slot_count == 0)
        plan->slot_count = 1;
    return device_is_new(config) && holds_all(plan, config, trace) &&
           fits(plan, config);
}

/* ---- the device ---- */

/* In a directory the library makes a file without a name, so that nothing is
 * left if the program is killed. */
static bool name_file(struct sim_device *device, const char *text)
{
    const char *directory = getenv("TMPDIR");
    struct stat status;

    if (directory == NULL || *directory == '\0')
        directory = "/tmp";
    if (strncmp(text, "file:", 5) == 0) {
        device->file = memory_copy_text(text + 5);
    } else if (strcmp(text, "file") == 0) {
        /* A path that does not exist would become a new file. */
        if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) {
            message_error("--device: cannot make a file in TMPDIR, \"%s\": it "
                          "is no directory",
                          directory);
            return false;
        }
        device->file = memory_copy_text(directory);
    }
    return true;
}

bool sim_device_name(struct sim_device *device, const struct sim_config *config)
{
    *device = (struct sim_device){
        .file_options = {.struct_size = sizeof(device->file_options)},
        /* From thousandths of a percent to parts of a million. */
        .faults = {
            .struct_size = sizeof(device->faults),
            .seed = sim_number(config, SIM_SEED),
            .read_errors = (uint32_t)(10 * sim_number(config, SIM_READ_ERRORS)),
            .write_errors =
                (uint32_t)(10 * sim_number(config, SIM_WRITE_ERRORS)),
            .latency_ns = sim_number(config, SIM_LATENCY)}};
    if (!name_file(device, sim_text(config, SIM_DEVICE)))
        return false;
    if (device->file != NULL) {
        device->file_options.path = device->file;
        device->faults.ops = &zc_backing_file;
        device->faults.user = &device->file_options;
    }
    return true;
}

void sim_device_end(struct sim_device *device)
{
    free(device->file);
    device->file = NULL;
}

static bool show_status(zc_status status, const char *what, const char *reason)
{
    if (status != ZC_OK)
        message_status(status, reason, "cannot make %s", what);
    return status == ZC_OK;
}

/* A switch; `is_on_by_itself`: with auto. */
static bool is_on(const struct sim_config *config, enum sim_parameter parameter,
                  bool is_on_by_itself)
{
    const uint64_t number = sim_number(config, parameter);

    return number == SIM_AUTO ? is_on_by_itself : number == SIM_ON;
}

static bool open_device(struct sim_world *world)
{
    const struct sim_config *config = world->config;
    char reason[ZC_REASON_SIZE] = "";
    zc_status status;
    struct zc_swap_options options = {
        .struct_size = sizeof(options),
        .reason = reason,
        .reason_size = sizeof(reason),
        .backing_ops = &zc_backing_faulty,
        .backing_user = &world->device.faults,
        .slot_count = world->plan.slot_count,
        .io_workers = (unsigned)sim_number(config, SIM_IO_WORKERS),
        .managed = 1,
        .slot_order = (unsigned)sim_number(config, SIM_SLOT_ORDER)};

    if (!sim_device_name(&world->device, config))
        return false;
    options.synchronous =
        is_on(config, SIM_SYNCHRONOUS, world->device.file == NULL);
    status = zc_swap_on(world->cache, &options, &world->type);
    return show_status(status, "the device", reason);
}

/* ---- machine and spaces ---- */

static bool open_machine(struct sim_world *world)
{
    const struct sim_config *config = world->config;
    const bool is_ours = sim_number(config, SIM_POLICY) == ZC_SHRINK_ALL;
    struct codec_list codecs = {0};
    char reason[ZC_REASON_SIZE] = "";
    struct zc_cache_options options = {
        .struct_size = sizeof(options),
        .reason = reason,
        .reason_size = sizeof(reason),
        .page_size = (size_t)sim_number(config, SIM_PAGE_SIZE),
        .limit_bytes = world->plan.limit_bytes,
        .accept_threshold_percent =
            (unsigned)sim_number(config, SIM_ACCEPT_THRESHOLD),
        .compressor_name = SIM_CODEC_NAME,
        .placement = (unsigned)sim_number(config, SIM_PLACEMENT),
        .lru_mode = (unsigned)sim_number(config, SIM_LRU),
        .shrink_worker = is_on(config, SIM_SHRINK_WORKER, !is_ours),
        .shrink_policy = (unsigned)sim_number(config, SIM_POLICY),
        .shrink_looks = (unsigned)sim_number(config, SIM_SHRINK_LOOKS),
        .shrink_compact = is_on(config, SIM_SHRINK_COMPACT, is_ours)
                              ? ZC_SHRINK_COMPACT_ON
                              : ZC_SHRINK_COMPACT_OFF,
        .no_same_filled = (unsigned)sim_number(config, SIM_SAME_FILLED),
        .raw_from = (size_t)sim_number(config, SIM_RAW_FROM),
        .clock = sim_cold_clock,
        .clock_user = &world->cold};
    const struct zc_vm_options vm_options = {
        .struct_size = sizeof(vm_options),
        .reason = reason,
        .reason_size = sizeof(reason),
        .frame_count = world->plan.frame_count,
        .swap_in = (unsigned)sim_number(config, SIM_SWAP_IN),
        .background_reclaim =
            (unsigned)sim_number(config, SIM_BACKGROUND_RECLAIM)};
    bool good = codec_list_parse(&codecs, sim_text(config, SIM_CODEC)) &&
                sim_codec_begin(codecs.choices[0].name,
                                sim_number(config, SIM_CORRUPT));

    sim_cold_begin(&world->cold, config);
    if (good) {
        options.compressor_level = codecs.choices[0].level;
        good = show_status(zc_vm_create(&options, &vm_options, &world->vm),
                           "a machine", reason);
        world->cache = zc_vm_cache(world->vm);
    }
    codec_list_free(&codecs);
    return good;
}

static bool open_spaces(struct sim_world *world)
{
    const struct sim_plan *plan = &world->plan;
    zc_status status = ZC_OK;

    world->spaces = memory_allocate((size_t)plan->space_count, sizeof(void *));
    for (uint64_t i = 0; i < plan->space_count; i++)
        world->spaces[i] = NULL;
    for (uint64_t i = 0; i < plan->space_count && status == ZC_OK; i++) {
        status = zc_vm_space_create(world->vm, (unsigned)(i % ZC_OWNER_COUNT),
                                    plan->space_pages, &world->spaces[i]);
        if (status == ZC_OK)
            status = zc_vm_map(world->spaces[i], 0, plan->space_pages, 0);
    }
    return show_status(status, "address spaces", "");
}

bool sim_world_open(struct sim_world *world)
{
    return open_machine(world) && open_device(world) && open_spaces(world);
}

/* Frames, entries and slots that are in use. */
static uint64_t count_used(const struct sim_world *world)
{
    struct zc_vm_stats vm = {.struct_size = sizeof(vm)};
    struct zc_cache_stats cache = {.struct_size = sizeof(cache)};
    struct zc_swap_stats swap = {.struct_size = sizeof(swap)};

    (void)zc_vm_get_stats(world->vm, &vm);
    (void)zc_cache_get_stats(world->cache, &cache);
    (void)zc_swap_get_stats(world->cache, world->type, &swap);
    return vm.frame_count - vm.frames_free + cache.stored_pages +
           swap.slots_used;
}

uint64_t sim_world_end_spaces(struct sim_world *world)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    uint64_t used;

    for (uint64_t i = 0; i < world->plan.space_count; i++) {
        zc_vm_space_destroy(world->spaces[i]);
        world->spaces[i] = NULL;
    }
    /* Threads that reclaim and write back may still have a page in transit. */
    used = count_used(world);
    for (unsigned i = 0; i < END_MOMENTS && used != 0; i++) {
        (void)nanosleep(&moment, NULL);
        used = count_used(world);
    }
    return used;
}

void sim_world_close(struct sim_world *world)
{
    for (uint64_t i = 0; world->spaces != NULL && i < world->plan.space_count;
         i++) {
        if (world->spaces[i] != NULL)
            zc_vm_space_destroy(world->spaces[i]);
    }
    free(world->spaces);
    zc_vm_destroy(world->vm);
    sim_device_end(&world->device);
}
