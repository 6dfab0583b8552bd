/* SPDX-License-Identifier: MIT */
/* world.c - the parts that scenarios over the library are made of. */
#include "world_internal.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/inject.h"
#include "lab_platform.h"
#include "oracle/history.h"
#include "oracle/memory.h"
#include "oracle/pool.h"
#include "oracle/state.h"
#include "watch/calls.h"
#include "watch/tsan.h"

#define SLOTS 4
#define VERSIONS 128
#define SLOT_COUNT 1024 /* of the cache */
#define CONTEXTS 4
#define STRIPE 64 /* bytes after which a page that compresses repeats */
#define MIDDLE_STRIPE 600

struct world world;

/* A page of the world: its first words; the rest is computed from them. */
struct stamp {
    uint32_t slot;
    uint32_t version;
    uint64_t sum;
};

static char *pages[SLOTS][VERSIONS];
static char read_pages[LAB_THREADS][WORLD_PAGE];

static size_t repeat_of(unsigned version)
{
    if (version >= WORLD_RAW)
        return WORLD_PAGE;
    return version >= WORLD_MIDDLE ? MIDDLE_STRIPE : STRIPE;
}

uint64_t world_mix(uint64_t value)
{
    value ^= value >> 31;
    value *= UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 29;
}

void world_fill(char *bytes, size_t size, uint64_t seed, size_t repeat)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(world_mix(seed + i % repeat) >> 24);
}

const char *world_page(unsigned slot, unsigned version)
{
    char **page = &pages[slot % SLOTS][version % VERSIONS];
    struct stamp stamp = {slot, version, 0};
    uint64_t seed = (uint64_t)slot << 32 | version;

    if (*page != NULL)
        return *page;
    *page = malloc(WORLD_PAGE);
    if (*page == NULL)
        abort();
    world_fill(*page, WORLD_PAGE, world_mix(seed + 1), repeat_of(version));
    stamp.sum = world_mix(seed);
    memcpy(*page, &stamp, sizeof(stamp));
    return *page;
}

bool world_is_lost(const char *page)
{
    static const char zeros[WORLD_PAGE];

    return memcmp(page, zeros, WORLD_PAGE) == 0;
}

unsigned world_check_page(unsigned slot, const char *page)
{
    struct stamp stamp;

    memcpy(&stamp, page, sizeof(stamp));
    if (world_is_lost(page)) {
        lab_fail("page lost", "slot %u: zeros are read", slot);
        return LAB_NO_VERSION;
    }
    if (stamp.sum != world_mix((uint64_t)stamp.slot << 32 | stamp.version)) {
        lab_fail("page without a stamp", "slot %u", slot);
        return LAB_NO_VERSION;
    }
    if (stamp.slot != slot)
        lab_fail("page of another slot", "slot %u: a page of slot %u", slot,
                 stamp.slot);
    else if (memcmp(page, world_page(slot, stamp.version), WORLD_PAGE) != 0)
        lab_fail("page of mixed versions", "slot %u: not all of version %u",
                 slot, stamp.version);
    return stamp.version;
}

/* --- executions ------------------------------------------------------ */

static const struct world_case *built; /* the case that is kept, or NULL */
static struct world kept;

static void begin(void)
{
    lab_state_reset();
    lab_tsan_observer.begin();
    lab_platform_reset();
}

static void granted(const struct lab_granted *step)
{
    lab_tsan_observer.step(step);
    lab_history_step(step->thread);
}

static void spawned(int parent, int child)
{
    lab_tsan_observer.spawned(parent, child);
}

static void say_state(void)
{
    if (world.cache != NULL)
        lab_state_of_cache(world.cache, world.vm);
    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        if (world.spaces[i] != NULL)
            lab_state_of_space(world.spaces[i], "ABC"[i]);
    }
    if (world.pool != NULL)
        lab_state_of_pool(world.pool);
}

static const struct lab_observer observer = {
    .begin = begin,
    .step = granted,
    .spawned = spawned,
    .calls = lab_calls_of,
    .name_calls = lab_calls_name,
    .state = say_state,
};

const char *const world_no_rules[] = {NULL};

bool world_break(const char *rule)
{
    lab_observe(&observer);
    lab_catch_faults();
    built = NULL;
    return lab_break_rule(rule);
}

/* Runs one part of an execution; a failed assertion in it returns here. */
static bool run(void (*part)(void))
{
    jmp_buf leave;

    if (setjmp(leave) != 0) {
        lab_leave_setup = NULL;
        lab_quiet = false;
        return false;
    }
    lab_leave_setup = &leave;
    if (part != NULL)
        part();
    lab_leave_setup = NULL;
    return true;
}

/* Makes the world of a case, once. */
static bool build(const struct world_case *own)
{
    bool done;

    built = NULL;
    lab_region_reset();
    lab_history_reset();
    lab_watch_reset();
    memset(&world, 0, sizeof(world));
    lab_quiet = true;
    done = run(own->setup);
    lab_quiet = false;
    if (!done)
        return false;
    kept = world;
    lab_region_keep();
    lab_history_keep();
    built = own;
    return true;
}

void world_setup(void *context)
{
    const struct world_case *own = context;

    lab_reuse = own->reuse;
    lab_inject_points = own->inject;
    if (built != own && !build(own))
        return;
    lab_region_restore();
    lab_history_restore();
    world = kept;
    lab_watch_register();
    if (own->begin != NULL)
        own->begin();
    if (own->opening != NULL)
        lab_opening("%s", own->opening);
}

/* Empties the cache and the pool, still with steps and watched accesses. */
static void empty_all(void)
{
    struct zc_zspool *pool = world.pool;

    if (world.cache != NULL)
        pool = zc_cache_zspool(world.cache);
    if (pool != NULL)
        lab_check_pool(pool);
    if (world.cache != NULL) {
        if (world.vm != NULL)
            world_empty_vm();
        lab_check_references(world.cache, zc_swp_make(0, 0));
        (void)zc_cache_invalidate_type(world.cache, 0);
    }
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        if (world.objects[i].size != 0)
            world_free(i);
    }
    if (pool == NULL)
        return;
    lab_check_handles(pool);
    lab_check_pool(pool);
    if (zc_zspool_page_count(pool) != 0)
        lab_fail("pool pages leaked", "%llu",
                 (unsigned long long)zc_zspool_page_count(pool));
}

/* No thread is left, so the rest runs without steps. */
static void destroy_all(void)
{
    lab_quiet = true;
    if (world.vm != NULL)
        zc_vm_destroy(world.vm); /* and its cache */
    else
        zc_cache_destroy(world.cache);
    zc_zspool_destroy(world.pool);
    lab_quiet = false;
    lab_region_check_empty();
}

void world_finish(void *context)
{
    const struct world_case *own = context;

    lab_inject_points = 0;
    if (!run(own->finish))
        return;
    if (lab_has_failed())
        return;
    lab_history_check();
    if (world.vm != NULL && !run(world_check_vm))
        return;
    if (run(empty_all))
        (void)run(destroy_all);
}

/* --- helpers --------------------------------------------------------- */

void world_leave(void)
{
    if (!lab_quiet)
        lab_leave();
}

void world_must(zc_status status, const char *what)
{
    if (status != ZC_OK)
        lab_fail(what, "%s", zc_status_name(status));
}

/* --- a cache --------------------------------------------------------- */

static void make_cache(enum zc_placement placement, const char *compressor,
                       unsigned contexts)
{
    world_must(
        zc_cache_create(
            ZC_CACHE_OPTIONS(.page_size = WORLD_PAGE, .placement = placement,
                             .slot_count = SLOT_COUNT,
                             .context_count = contexts,
                             .segment_bytes = WORLD_SEGMENT_PAGES * WORLD_PAGE,
                             .no_same_filled = 1, .group_count = 1,
                             .compressor_name = compressor),
            &world.cache),
        "no cache");
}

void world_cache(enum zc_placement placement, const char *compressor)
{
    make_cache(placement, compressor, CONTEXTS);
}

void world_cache_of_contexts(unsigned contexts)
{
    make_cache(ZC_PLACEMENT_KERNEL, "lz4", contexts);
}

void world_watch_cache(void)
{
    lab_watch_shard(world.cache, zc_swp_make(0, 0));
    lab_watch_pool(zc_cache_zspool(world.cache), STRIPE);
    lab_watch_pool(zc_cache_zspool(world.cache), WORLD_PAGE);
}

zc_status world_store(unsigned slot, unsigned version)
{
    zc_status status;

    WORLD_ENTER("zc_cache_store(0:%u, version %u)", slot, version);
    lab_history_begin(LAB_STORE, slot, version);
    status = zc_cache_store(world.cache, zc_swp_make(0, slot),
                            world_page(slot, version));
    lab_history_end(status, version);
    world_leave();
    return status;
}

static zc_status end_reading(unsigned slot, zc_status status)
{
    unsigned version = LAB_NO_VERSION;

    /* Where reading may fail, that is no answer. */
    if (status == ZC_IO_ERROR && (lab_inject_points >> ZC_INJECT_READ & 1) != 0)
        status = ZC_BUSY;
    if (status == ZC_OK)
        version = world_check_page(slot, read_pages[lab_thread()]);
    else if (status != ZC_MISSING && status != ZC_BUSY)
        lab_fail("stored page is lost", "slot %u: %s", slot,
                 zc_status_name(status));
    lab_history_end(status, version);
    world_leave();
    return status;
}

zc_status world_load(unsigned slot)
{
    WORLD_ENTER("zc_cache_load(0:%u)", slot);
    lab_history_begin(LAB_LOAD, slot, LAB_NO_VERSION);
    return end_reading(slot, zc_cache_load(world.cache, zc_swp_make(0, slot),
                                           read_pages[lab_thread()]));
}

zc_status world_take(unsigned slot)
{
    WORLD_ENTER("zc_cache_take(0:%u)", slot);
    lab_history_begin(LAB_TAKE, slot, LAB_NO_VERSION);
    return end_reading(slot, zc_cache_take(world.cache, zc_swp_make(0, slot),
                                           read_pages[lab_thread()]));
}

zc_status world_invalidate(unsigned slot)
{
    zc_status status;

    WORLD_ENTER("zc_cache_invalidate(0:%u)", slot);
    lab_history_begin(LAB_INVALIDATE, slot, LAB_NO_VERSION);
    status = zc_cache_invalidate(world.cache, zc_swp_make(0, slot));
    lab_history_end(status, LAB_NO_VERSION);
    world_leave();
    return status;
}

zc_status world_recompress(void)
{
    zc_status status;

    WORLD_ENTER("zc_cache_recompress()");
    status = zc_cache_recompress(world.cache, NULL, NULL);
    world_leave();
    return status;
}

zc_status world_set_compressor(const char *name)
{
    zc_status status;

    WORLD_ENTER("zc_cache_set_compressor(\"%s\")", name);
    status = zc_cache_set_compressor(world.cache, name, ZC_LEVEL_DEFAULT);
    world_leave();
    return status;
}
