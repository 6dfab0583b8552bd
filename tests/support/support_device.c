/* SPDX-License-Identifier: MIT */
/* support_device.c - see support_device.h. */
#include "support_device.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support_test.h"

#define PATIENCE_SECONDS 60 /* until an expected transfer comes */

static void die(const char *what, uint64_t slot)
{
    fprintf(stderr, "device of the test: %s, slot %" PRIu64 "\n", what, slot);
    abort();
}

/* The record of a slot, a new one if needed; the caller holds the lock. */
static struct support_device_slot *find(struct support_device *device,
                                        uint64_t slot)
{
    uint64_t i = slot % SUPPORT_DEVICE_SLOTS_MAX;

    for (; device->slots[i].is_used; i = (i + 1) % SUPPORT_DEVICE_SLOTS_MAX)
        if (device->slots[i].slot == slot)
            return &device->slots[i];
    if (++device->slot_count == SUPPORT_DEVICE_SLOTS_MAX)
        die("too many slots", slot);
    device->slots[i].slot = slot;
    device->slots[i].is_used = true;
    return &device->slots[i];
}

/* The same for a call that no other transfer of the slot may meet. */
static struct support_device_slot *find_alone(struct support_device *device,
                                              uint64_t slot, const char *what)
{
    struct support_device_slot *own = find(device, slot);

    if (own->is_written || own->readers != 0)
        die(what, slot);
    return own;
}

static void forget(struct support_device_slot *own)
{
    free(own->page);
    own->page = NULL;
}

static zc_status failure(const struct support_device *device)
{
    const int status = atomic_load(&device->failure);

    return status != ZC_OK ? (zc_status)status : ZC_IO_ERROR;
}

/* Whether a transfer fails: all do, or one of the next.  The caller holds the
 * lock. */
static bool fails(const atomic_bool *all, atomic_uint *next)
{
    if (atomic_load(next) == 0)
        return atomic_load(all);
    if (atomic_load(next) != UINT_MAX)
        atomic_fetch_sub(next, 1);
    return true;
}

static zc_status device_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    struct support_device *device = config->user;

    if (atomic_load(&device->fails_open))
        return failure(device);
    atomic_fetch_add(&device->opens, 1);
    (void)pthread_mutex_lock(&device->lock);
    device->config = *config;
    (void)pthread_mutex_unlock(&device->lock);
    *backing_out = device;
    return ZC_OK;
}

static void device_close(void *backing)
{
    struct support_device *device = backing;
    unsigned i;

    atomic_fetch_add(&device->closes, 1);
    (void)pthread_mutex_lock(&device->lock);
    for (i = 0; i < SUPPORT_DEVICE_SLOTS_MAX; i++) {
        if (device->slots[i].is_written || device->slots[i].readers != 0)
            die("a close meets a transfer", device->slots[i].slot);
        forget(&device->slots[i]);
    }
    memset(device->slots, 0, sizeof(device->slots));
    device->slot_count = 0;
    (void)pthread_mutex_unlock(&device->lock);
}

static void stand_still(struct support_device *device, const atomic_bool *holds)
{
    if (!atomic_load(holds) || pthread_equal(device->maker, pthread_self()))
        return;
    if (++device->held > device->most_held)
        device->most_held = device->held;
    (void)pthread_cond_broadcast(&device->changed);
    while (atomic_load(holds) && device->permits == 0)
        (void)pthread_cond_wait(&device->changed, &device->lock);
    if (atomic_load(holds))
        device->permits--;
    device->held--;
}

static zc_status device_write(void *backing, uint64_t slot, const void *page)
{
    struct support_device *device = backing;
    struct support_device_slot *own;
    zc_status status = ZC_OK;

    if (device->on_write != NULL)
        device->on_write(slot);
    (void)pthread_mutex_lock(&device->lock);
    own = find_alone(device, slot, "a write meets another transfer");
    own->is_written = true;
    stand_still(device, &device->holds_writes);
    if (fails(&device->fails_writes, &device->failing_writes)) {
        forget(own);
        status = failure(device);
    } else {
        if (own->page == NULL)
            own->page = malloc(device->config.page_size);
        if (own->page == NULL)
            die("no memory", slot);
        memcpy(own->page, page, device->config.page_size);
        atomic_fetch_add(&device->writes, 1);
    }
    own->is_written = false;
    device->writer = pthread_self();
    atomic_fetch_add(&device->tries, 1);
    (void)pthread_mutex_unlock(&device->lock);
    return status;
}

static zc_status device_read(void *backing, uint64_t slot, void *page_out)
{
    struct support_device *device = backing;
    struct support_device_slot *own;
    zc_status status = ZC_OK;

    (void)pthread_mutex_lock(&device->lock);
    own = find(device, slot);
    if (own->is_written)
        die("a read meets a write", slot);
    if (own->page == NULL)
        die("a read of nothing", slot);
    own->readers++;
    stand_still(device, &device->holds_reads);
    if (fails(&device->fails_reads, &device->failing_reads)) {
        memset(page_out, 0xdd, device->config.page_size);
        status = failure(device);
    } else {
        memcpy(page_out, own->page, device->config.page_size);
        atomic_fetch_add(&device->reads, 1);
    }
    own->readers--;
    (void)pthread_mutex_unlock(&device->lock);
    return status;
}

static void device_discard(void *backing, uint64_t slot)
{
    struct support_device *device = backing;

    atomic_fetch_add(&device->discards, 1);
    (void)pthread_mutex_lock(&device->lock);
    forget(find_alone(device, slot, "a discard meets a transfer"));
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
    device->maker = pthread_self();
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

void support_device_let_one_go(struct support_device *device)
{
    (void)pthread_mutex_lock(&device->lock);
    device->permits++;
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
    own = find_alone(device, slot, "an overwrite meets a transfer");
    if (own->page == NULL)
        die("there is no page to be overwritten", slot);
    memcpy(own->page, page, device->config.page_size);
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
