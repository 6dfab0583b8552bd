/* SPDX-License-Identifier: MIT */
/*
 * support_device.h - a backing device under control of a test: it fails on
 * request, stops in the middle of a transfer, and counts its calls.
 *
 * It keeps its pages in memory; a failed read leaves bytes that are no page.
 * No user of a device may read a slot that was never written or was discarded,
 * or start a transfer during another one of the same slot if one of them is a
 * write.  Such a call ends the process with a message.
 */
#ifndef ZC_TESTS_SUPPORT_DEVICE_H
#define ZC_TESTS_SUPPORT_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <zcache/backing.h>

#define SUPPORT_DEVICE_SLOTS_MAX 4096 /* different slots in its life */

/* One slot that was ever used. */
struct support_device_slot {
    uint64_t slot;
    char *page;       /* NULL: none */
    bool is_written;  /* now */
    unsigned readers; /* now */
};

struct support_device {
    /* How the device behaves; may change at any time. */
    atomic_bool fails_open;
    atomic_bool fails_writes;
    atomic_bool fails_reads;
    atomic_bool holds_writes; /* support_device_hold() */
    atomic_bool holds_reads;  /* support_device_hold_reads() */

    /* What the device saw. */
    atomic_uint opens;
    atomic_uint closes;
    atomic_uint writes; /* that succeeded */
    atomic_uint reads;
    atomic_uint discards;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned held;    /* [lock] transfers that wait */
    size_t page_size; /* [lock], and below */
    unsigned slot_count;
    struct support_device_slot slots[SUPPORT_DEVICE_SLOTS_MAX];
};

/* backing_user is the struct support_device. */
extern const struct zc_backing_ops support_device_ops;

void support_device_init(struct support_device *device);
/* Main thread only: asserts that it was closed as often as opened. */
void support_device_fini(struct support_device *device);

/* From now on writes stop before they do anything, until
 * support_device_let_go(); the same for reads. */
void support_device_hold(struct support_device *device);
void support_device_hold_reads(struct support_device *device);
void support_device_let_go(struct support_device *device);

/* Main thread only: returns when so many transfers wait. */
void support_device_await_held(struct support_device *device, unsigned count);

/* Main thread only: replaces the page of a slot, as if another program had
 * written there. */
void support_device_overwrite(struct support_device *device, uint64_t slot,
                              const void *page);

/* Does it have a page at a slot? */
bool support_device_has(struct support_device *device, uint64_t slot);

#endif
