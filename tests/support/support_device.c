/* SPDX-License-Identifier: MIT */
/* support_device.c - see support_device.h. */
#include "support_device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support_test.h"

#define PATIENCE_SECONDS 20 /* until an expected transfer comes */

static void die(const char *what, uint64_t slot)
{
    fprintf(stderr, "device of the test: %s, slot %" PRIu64 "\n", what, slot);
    abort();
}

/* The record of a slot, a new one if needed; the caller holds the lock. */
static struct support_device_slot *find(struct support_device *device,
                                        uint64_t slot)
{
    unsigned i;

    for (i = 0; i < device->slot_count; i++)
        if (device->slots[i].slot == slot)
            return &device->slots[i];
    if (i == SUPPORT_DEVICE_SLOTS_MAX)
        die("too many slots", slot);
    device->slot_count++;
    device->slots[i].slot = slot;
    return &device->slots[i];
}

static void forget(struct support_device *device)
{
    unsigned i;

    for (i = 0; i < device->slot_count; i++) {
        free(device->slots[i].page);
        device->slots[i] = (struct support_device_slot){0};
    }
    device->slot_count = 0;
}

static zc_status device_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    struct support_device *device = config->user;

    if (atomic_load(&device->fails_open))
        return ZC_IO_ERROR;
    atomic_fetch_add(&device->opens, 1);
    (void)pthread_mutex_lock(&device->lock);
    device->page_size = config->page_size;
    (void)pthread_mutex_unlock(&device->lock);
    *backing_out = device;
    return ZC_OK;
}

static void device_close(void *backing)
{
    struct support_device *device = backing;

    atomic_fetch_add(&device->closes, 1);
    (void)pthread_mutex_lock(&device->lock);
    forget(device);
    (void)pthread_mutex_unlock(&device->lock);
}

static void stand_still(struct support_device *device, const atomic_bool *holds)
{
    if (!atomic_load(holds))
        return;
    device->held++;
    (void)pthread_cond_broadcast(&device->changed);
    while (atomic_load(holds))
        (void)pthread_cond_wait(&device->changed, &device->lock);
    device->held--;
}

static zc_status device_write(void *backing, uint64_t slot, const void *page)
{
    struct support_device *device = backing;
    struct support_device_slot *own;
    zc_status status = ZC_IO_ERROR;

    (void)pthread_mutex_lock(&device->lock);
    own = find(device, slot);
    if (own->is_written || own->readers != 0)
        die("a write meets another transfer", slot);
    own->is_written = true;
    stand_still(device, &device->holds_writes);
    if (!atomic_load(&device->fails_writes)) {
        if (own->page == NULL)
            own->page = malloc(device->page_size);
        if (own->page == NULL)
            die("no memory", slot);
        memcpy(own->page, page, device->page_size);
        atomic_fetch_add(&device->writes, 1);
        status = ZC_OK;
    }
    own->is_written = false;
    (void)pthread_mutex_unlock(&device->lock);
    return status;
}

static zc_status device_read(void *backing, uint64_t slot, void *page_out)
{
    struct support_device *device = backing;
    struct support_device_slot *own;
    zc_status status = ZC_IO_ERROR;

    (void)pthread_mutex_lock(&device->lock);
    own = find(device, slot);
    if (own->is_written)
        die("a read meets a write", slot);
    if (own->page == NULL)
        die("a read of nothing", slot);
    own->readers++;
    stand_still(device, &device->holds_reads);
    if (atomic_load(&device->fails_reads)) {
        memset(page_out, 0xdd, device->page_size);
    } else {
        memcpy(page_out, own->page, device->page_size);
        atomic_fetch_add(&device->reads, 1);
        status = ZC_OK;
    }
    own->readers--;
    (void)pthread_mutex_unlock(&device->lock);
    return status;
}

static void device_discard(void *backing, uint64_t slot)
{
    struct support_device *device = backing;
    struct support_device_slot *own;

    atomic_fetch_add(&device->discards, 1);
    (void)pthread_mutex_lock(&device->lock);
    own = find(device, slot);
    if (own->is_written || own->readers != 0)
        die("a discard meets a transfer", slot);
    free(own->page);
    own->page = NULL;
    (void)pthread_mutex_unlock(&device->lock);
}

const struct zc_backing_ops support_device_ops = {
    .struct_size = sizeof(support_device_ops),
    .name = "test",
    .open = device_open,
    .close = device_close,
    .write = device_write,
    .read = device_read,
    .discard = device_discard,
};

void support_device_init(struct support_device *device)
{
    memset(device, 0, sizeof(*device));
    assert_int_equal(pthread_mutex_init(&device->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&device->changed, NULL), 0);
}

void support_device_fini(struct support_device *device)
{
    assert_int_equal(device->opens, device->closes);
    assert_int_equal(device->held, 0);
    assert_int_equal(pthread_cond_destroy(&device->changed), 0);
    assert_int_equal(pthread_mutex_destroy(&device->lock), 0);
}

void support_device_hold(struct support_device *device)
{
    atomic_store(&device->holds_writes, true);
}

void support_device_hold_reads(struct support_device *device)
{
    atomic_store(&device->holds_reads, true);
}

void support_device_let_go(struct support_device *device)
{
    (void)pthread_mutex_lock(&device->lock);
    atomic_store(&device->holds_writes, false);
    atomic_store(&device->holds_reads, false);
    (void)pthread_cond_broadcast(&device->changed);
    (void)pthread_mutex_unlock(&device->lock);
}

void support_device_await_held(struct support_device *device, unsigned count)
{
    struct timespec deadline;
    int error = 0;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &deadline), 0);
    deadline.tv_sec += PATIENCE_SECONDS;
    (void)pthread_mutex_lock(&device->lock);
    while (device->held < count && error != ETIMEDOUT)
        error =
            pthread_cond_timedwait(&device->changed, &device->lock, &deadline);
    (void)pthread_mutex_unlock(&device->lock);
    if (error == ETIMEDOUT)
        fail_msg("%u transfers were to stand still", count);
}

void support_device_overwrite(struct support_device *device, uint64_t slot,
                              const void *page)
{
    struct support_device_slot *own;

    (void)pthread_mutex_lock(&device->lock);
    own = find(device, slot);
    if (own->page == NULL || own->is_written || own->readers != 0)
        die("there is no page to be overwritten", slot);
    memcpy(own->page, page, device->page_size);
    (void)pthread_mutex_unlock(&device->lock);
}

bool support_device_has(struct support_device *device, uint64_t slot)
{
    bool has;

    (void)pthread_mutex_lock(&device->lock);
    has = find(device, slot)->page != NULL;
    (void)pthread_mutex_unlock(&device->lock);
    return has;
}
