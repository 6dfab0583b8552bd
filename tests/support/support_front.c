/* SPDX-License-Identifier: MIT */
/* support_front.c - see support_front.h. */
#include "support_front.h"

#include <time.h>

#include "cache/cache.h"

#define SOON_NS 3000000
#define LOOK_NS 200000
#define LOOKS_MAX 100000

static void pause_ns(long nanoseconds)
{
    const struct timespec pause = {.tv_nsec = nanoseconds};

    (void)nanosleep(&pause, NULL);
}

void support_front_begin(struct support_front *swap,
                         const struct zc_cache_options *cache_options,
                         const struct zc_swap_options *swap_options)
{
    struct zc_cache_options with_pool = {.struct_size = sizeof(with_pool)};
    struct zc_swap_options own = {.struct_size = sizeof(own)};

    memset(swap, 0, sizeof(*swap));
    support_device_init(&swap->device);
    if (cache_options != NULL)
        with_pool = *cache_options;
    with_pool.pool_user = &swap->pool;
    swap->cache = support_cache_create(&with_pool);
    if (swap_options != NULL)
        own = *swap_options;
    own.backing_ops = &support_device_ops;
    own.backing_user = &swap->device;
    assert_status(zc_swap_on(swap->cache, &own, &swap->type), ZC_OK);
}

void support_front_end(struct support_front *swap)
{
    support_device_let_go(&swap->device);
    if (swap->settles)
        assert_int_equal(pthread_join(swap->settler, NULL), 0);
    zc_cache_destroy(swap->cache);
    support_device_fini(&swap->device);
}

/* Waits until no write is under way. */
static void await_writes(struct support_front *swap)
{
    const zc_atomic_u32 *writes = &swap->cache->pageio.writes;
    unsigned looks = 0;

    while (zc_atomic_u32_load_acquire(writes) != 0) {
        if (++looks == LOOKS_MAX)
            fail_msg("a write does not end");
        pause_ns(LOOK_NS);
    }
}

void support_front_write_back(struct support_front *swap)
{
    assert_status(zc_cache_writeback(swap->cache, NULL, NULL), ZC_OK);
    await_writes(swap);
}

void support_front_put(struct support_front *swap, zc_swp slot,
                       enum support_kind kind, uint64_t seed,
                       enum support_place place)
{
    support_store(swap->cache, slot, kind, seed);
    switch (place) {
    case SUPPORT_ON_DEVICE:
        support_front_write_back(swap);
        break;
    case SUPPORT_UNDER_WRITEBACK:
        support_device_hold(&swap->device);
        assert_status(zc_cache_writeback(swap->cache, NULL, NULL), ZC_OK);
        support_device_await_held(&swap->device, 1);
        break;
    case SUPPORT_STUCK:
        atomic_store(&swap->device.fails_writes, true);
        swap->pool.put_status = ZC_NO_MEMORY;
        (void)zc_cache_writeback(swap->cache, NULL, NULL);
        await_writes(swap);
        swap->pool.put_status = ZC_OK;
        atomic_store(&swap->device.fails_writes, false);
        assert_true(support_front_stat(swap, stuck_folios) > 0);
        break;
    case SUPPORT_IN_MEMORY:
    case SUPPORT_PLACE_COUNT:
        break;
    }
}

void support_front_settle(struct support_front *swap)
{
    support_device_let_go(&swap->device);
    await_writes(swap);
}

static void *settle(void *argument)
{
    struct support_front *swap = argument;

    pause_ns(SOON_NS);
    support_device_let_go(&swap->device);
    return NULL;
}

void support_front_settle_soon(struct support_front *swap)
{
    assert_int_equal(pthread_create(&swap->settler, NULL, settle, swap), 0);
    swap->settles = true;
}

struct zc_swap_stats support_front_stats(const struct support_front *swap)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_swap_get_stats(swap->cache, swap->type, &stats), ZC_OK);
    return stats;
}
