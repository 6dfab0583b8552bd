/* SPDX-License-Identifier: MIT */
/* store_zram.c - the running kernel's zram, a device of our own. */
#include "store.h"
#include "zram_device.h"

struct zram_store {
    struct zram_device device;
};

static void *create(uint32_t slots, const char **why_out)
{
    struct zram_store *store = map_memory(sizeof(*store));

    *why_out = zram_device_open(&store->device, "lz4", slots);
    return *why_out == NULL ? store : NULL;
}

static void destroy(void *opaque)
{
    struct zram_store *store = opaque;

    zram_device_close(&store->device);
    unmap_memory(store, sizeof(*store));
}

/* The corpus is aligned; so is what get() is given. */
static void put(void *opaque, uint32_t slot, const void *page)
{
    struct zram_store *store = opaque;

    if (!zram_device_write(&store->device, slot, page))
        die("the zram device refused a write");
}

static bool get(void *opaque, uint32_t slot, void *page_out)
{
    struct zram_store *store = opaque;

    return zram_device_read(&store->device, slot, page_out);
}

static void forget(void *opaque, uint32_t slot)
{
    struct zram_store *store = opaque;

    if (!zram_device_discard(&store->device, slot))
        die("the zram device refused a discard");
}

static bool compact(void *opaque)
{
    struct zram_store *store = opaque;

    if (!zram_device_compact(&store->device))
        die("the zram device cannot be compacted");
    return true;
}

static void usage(void *opaque, struct store_usage *usage_out)
{
    struct zram_store *store = opaque;
    struct zram_stats stats;

    if (!zram_device_get_stats(&store->device, &stats))
        die("mm_stat cannot be read");
    *usage_out = (struct store_usage){.payload_bytes = stats.compr_data_size,
                                      .pool_bytes = stats.mem_used_total};
}

const struct store_ops store_zram = {
    .name = "zram",
    .create = create,
    .destroy = destroy,
    .put = put,
    .get = get,
    .forget = forget,
    .compact = compact,
    .usage = usage,
};
