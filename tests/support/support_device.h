/* SPDX-License-Identifier: MIT */
/*
 * support_device.h - a backing device under control of a test: it fails on
 * request, stops in the middle of a transfer, and counts its calls.
 *
 * It keeps its pages in memory.  A failed read leaves bytes that are no page; a
 * failed write loses the slot's older page.  No user of a device may read a
 * slot that has no page, start a transfer during another one of the same slot
 * if one of them is a write, or close the device during a transfer.  Such a
 * call ends the process with a message.
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
    bool is_used;     /* the record is */
    bool is_written;  /* now */
    unsigned readers; /* now */
};

struct support_device {
    /* How the device behaves; may change at any time. */
    atomic_bool fails_open;
    atomic_bool fails_writes;
    atomic_bool fails_reads;
    atomic_uint failing_writes; /* so many of the next, and none after them */
    atomic_uint failing_reads;
    atomic_int failure;       /* what it fails with; ZC_OK: ZC_IO_ERROR */
    atomic_bool holds_writes; /* support_device_hold() */
    atomic_bool holds_reads;  /* support_device_hold_reads() */
    /* Called in the middle of each write, or NULL. */
    void (*on_write)(uint64_t slot);

    /* What the device saw. */
    atomic_uint opens;
    atomic_uint closes;
    atomic_uint tries;  /* writes that ended */
    atomic_uint writes; /* that succeeded */
    atomic_uint reads;
    atomic_uint discards;

    pthread_t maker; /* the thread of support_device_init() */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned permits;   /* [lock], and below: so many need not wait */
    unsigned held;      /* transfers that wait */
    unsigned most_held; /* together */
    pthread_t writer;   /* of the write that ended last */
    struct zc_backing_config config;
    unsigned slot_count;
    struct support_device_slot slots[SUPPORT_DEVICE_SLOTS_MAX];
};

/* backing_user is the struct support_device. */
extern const struct zc_backing_ops support_device_ops;

void support_device_init(struct support_device *device);
/* Main thread only: asserts that it was closed as often as opened. */
void support_device_fini(struct support_device *device);

/* From now on writes stop before they do anything, but for those of the
 * device's maker, until support_device_let_go(); the same for reads. */
void support_device_hold(struct support_device *device);
void support_device_hold_reads(struct support_device *device);
void support_device_let_go(struct support_device *device);
/* Lets one transfer go on: one that waits, or the next. */
void support_device_let_one_go(struct support_device *device);

/* Main thread only: returns when so many transfers wait. */
void support_device_await_held(struct support_device *device, unsigned count);

/* Main thread only: replaces the page of a slot, as if another program had
 * written there. */
void support_device_overwrite(struct support_device *device, uint64_t slot,
                              const void *page);

/* Does it have a page at a slot? */
bool support_device_has(struct support_device *device, uint64_t slot);

#endif
