/* SPDX-License-Identifier: MIT */
/* support_rig_device.c - the device of a rig: memory that can be stopped. */
#include <limits.h>
#include <sched.h>
#include <stdlib.h>

#include "support_rig.h"

static zc_status device_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    struct rig *rig = config->user;

    rig->device.pages = calloc((size_t)config->slot_count, config->page_size);
    *backing_out = &rig->device;
    return rig->device.pages != NULL ? ZC_OK : ZC_NO_MEMORY;
}

static void device_close(void *backing)
{
    struct rig_device *device = backing;

    free(device->pages);
}

static bool use_up(unsigned *count)
{
    if (*count == 0)
        return false;
    if (*count != UINT_MAX)
        (*count)--;
    return true;
}

static zc_status device_write(void *backing, uint64_t slot, const void *page)
{
    struct rig_device *device = backing;
    const size_t page_size = device->rig->page_size;
    bool fails;

    if (device->on_write != NULL)
        device->on_write(device->context, rig_slot(slot));
    pthread_mutex_lock(&device->lock);
    device->waiting++;
    pthread_cond_broadcast(&device->changed);
    while (device->is_held && !pthread_equal(device->maker, pthread_self()) &&
           !use_up(&device->permits))
        pthread_cond_wait(&device->changed, &device->lock);
    device->waiting--;
    fails = use_up(&device->failing_writes);
    pthread_mutex_unlock(&device->lock);
    /* A failed write leaves half of the page. */
    memcpy(device->pages + slot * page_size, page,
           fails ? page_size / 2 : page_size);
    pthread_mutex_lock(&device->lock);
    device->written[slot] = !fails;
    device->writes++;
    device->writer = pthread_self();
    device->last = rig_slot(slot);
    pthread_mutex_unlock(&device->lock);
    return fails ? ZC_IO_ERROR : ZC_OK;
}

static zc_status device_read(void *backing, uint64_t slot, void *page_out)
{
    struct rig_device *device = backing;
    bool fails;

    pthread_mutex_lock(&device->lock);
    fails = use_up(&device->failing_reads);
    device->reads++;
    if (!device->written[slot])
        device->strange++;
    pthread_mutex_unlock(&device->lock);
    if (fails)
        return ZC_IO_ERROR;
    memcpy(page_out, device->pages + slot * device->rig->page_size,
           device->rig->page_size);
    return ZC_OK;
}

static void device_discard(void *backing, uint64_t slot)
{
    struct rig_device *device = backing;

    pthread_mutex_lock(&device->lock);
    device->written[slot] = false;
    pthread_mutex_unlock(&device->lock);
}

const struct zc_backing_ops rig_device_ops = {
    .struct_size = sizeof(rig_device_ops),
    .name = "rig",
    .open = device_open,
    .close = device_close,
    .write = device_write,
    .read = device_read,
    .discard = device_discard,
};

void rig_hold(struct rig *rig)
{
    pthread_mutex_lock(&rig->device.lock);
    rig->device.is_held = true;
    pthread_mutex_unlock(&rig->device.lock);
}

void rig_let_go(struct rig *rig)
{
    pthread_mutex_lock(&rig->device.lock);
    rig->device.is_held = false;
    pthread_cond_broadcast(&rig->device.changed);
    pthread_mutex_unlock(&rig->device.lock);
}

void rig_let_one_go(struct rig *rig)
{
    pthread_mutex_lock(&rig->device.lock);
    rig->device.permits++;
    pthread_cond_broadcast(&rig->device.changed);
    pthread_mutex_unlock(&rig->device.lock);
}

void rig_wait_for_waiting(struct rig *rig, unsigned count)
{
    pthread_mutex_lock(&rig->device.lock);
    while (rig->device.waiting < count)
        pthread_cond_wait(&rig->device.changed, &rig->device.lock);
    pthread_mutex_unlock(&rig->device.lock);
}

void rig_settle(struct rig *rig)
{
    while (zc_atomic_u32_load_acquire(&rig->pageio.writes) != 0 ||
           zc_backing_in_flight(rig->swap.devices[0].backing) != 0)
        sched_yield();
}

void rig_fail_writes(struct rig *rig, unsigned count)
{
    pthread_mutex_lock(&rig->device.lock);
    rig->device.failing_writes = count;
    pthread_mutex_unlock(&rig->device.lock);
}

void rig_fail_reads(struct rig *rig, unsigned count)
{
    pthread_mutex_lock(&rig->device.lock);
    rig->device.failing_reads = count;
    pthread_mutex_unlock(&rig->device.lock);
}

unsigned rig_writes(struct rig *rig)
{
    unsigned writes;

    pthread_mutex_lock(&rig->device.lock);
    writes = rig->device.writes;
    pthread_mutex_unlock(&rig->device.lock);
    return writes;
}
