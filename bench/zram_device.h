/* SPDX-License-Identifier: MIT */
/*
 * zram_device.h - a zram device of our own, where the kernel has zram.
 *
 * It is made by hot_add and removed again by zram_device_close(), at the end of
 * the process and by the signals that end it; an existing device is never
 * touched.  A process has at most one.
 */
#ifndef ZCACHE_BENCH_ZRAM_DEVICE_H
#define ZCACHE_BENCH_ZRAM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZRAM_PAGE_BYTES 4096

/* The columns of mm_stat. */
struct zram_stats {
    uint64_t orig_data_size;
    uint64_t compr_data_size;
    uint64_t mem_used_total;
    uint64_t mem_limit;
    uint64_t mem_used_max;
    uint64_t same_pages;
    uint64_t pages_compacted;
    uint64_t huge_pages;
};

struct zram_device {
    int id;
    int file;
    int stat_file;
};

/*
 * Makes a device of that many pages.  NULL, or why there is none: then there is
 * nothing to close.
 */
const char *zram_device_open(struct zram_device *device, const char *algorithm,
                             uint64_t pages);
void zram_device_close(struct zram_device *device);

/*
 * One page in or out by O_DIRECT, when the call returns it is done.  The memory
 * is aligned to a page.  False: the device failed.
 */
bool zram_device_write(struct zram_device *device, uint64_t slot,
                       const void *page);
bool zram_device_read(struct zram_device *device, uint64_t slot,
                      void *page_out);
bool zram_device_discard(struct zram_device *device, uint64_t slot);

bool zram_device_compact(struct zram_device *device);
bool zram_device_get_stats(struct zram_device *device,
                           struct zram_stats *stats_out);

#endif
