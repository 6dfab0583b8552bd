/* SPDX-License-Identifier: MIT */
/*
 * support_device.h - a backing device that a test holds in its hand: it fails
 * when told, stops in the middle of a transfer, and counts what it was asked.
 *
 * A read that fails leaves bytes that are no page.  It keeps its pages in
 * memory.  Whoever reads what was never written, or was
 * discarded, or meets a transfer of the same slot where one of the two is a
 * write, ends the process with a message: no user of a device may do that.
 */
#ifndef ZC_TESTS_SUPPORT_DEVICE_H
#define ZC_TESTS_SUPPORT_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <zcache/backing.h>

#define SUPPORT_DEVICE_SLOTS_MAX 4096 /* different ones in its life */

/* One slot that was ever used. */
struct support_device_slot {
    uint64_t slot;
    char *page;       /* NULL: nothing is there */
    bool is_written;  /* now */
    unsigned readers; /* now */
};

struct support_device {
    /* What it shall do; may change at any time. */
    atomic_bool fails_open;
    atomic_bool fails_writes;
    atomic_bool fails_reads;
    atomic_bool holds_writes; /* support_device_hold() */
    atomic_bool holds_reads;  /* support_device_hold_reads() */

    /* What it saw. */
    atomic_uint opens;
    atomic_uint closes;
    atomic_uint writes; /* that were done */
    atomic_uint reads;
    atomic_uint discards;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned held;    /* [lock] transfers that stand still */
    size_t page_size; /* [lock], and below */
    unsigned slot_count;
    struct support_device_slot slots[SUPPORT_DEVICE_SLOTS_MAX];
};

/* backing_user is the struct support_device. */
extern const struct zc_backing_ops support_device_ops;

void support_device_init(struct support_device *device);
/* Main thread only: it was closed as often as it was opened. */
void support_device_fini(struct support_device *device);

/* From now on writes stop before they do anything, until they are let go; or
 * reads do. */
void support_device_hold(struct support_device *device);
void support_device_hold_reads(struct support_device *device);
void support_device_let_go(struct support_device *device);

/* Main thread only: returns when so many transfers stand still. */
void support_device_await_held(struct support_device *device, unsigned count);

/* Main thread only: other bytes instead of those of a slot that has a page, as
 * if another program had written there. */
void support_device_overwrite(struct support_device *device, uint64_t slot,
                              const void *page);

/* Whether it has a page at a slot. */
bool support_device_has(struct support_device *device, uint64_t slot);

#endif
