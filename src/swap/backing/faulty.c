/* SPDX-License-Identifier: MIT */
/*
 * faulty.c - fault injection: errors, a full disk and latency before another
 * device.
 *
 * Whether the n-th write fails depends on the seed and n alone, and reads have
 * numbers of their own.  An atomic counter gives each write its n, so two
 * threads that write at once need no lock and never draw the same number; and
 * one thread that repeats its calls meets the same errors again.
 *
 * Half of the writes that fail write the page and report the error all the
 * same, as a disk may do.
 */
#include <zcache/backing.h>

#include "base/bits.h"
#include "base/options.h"
#include "platform/memory.h"
#include "swap/backing/backing.h"

#define MILLION 1000000u
#define WORD_BITS 32u

/* Writes and reads draw from separate sequences of the seed. */
enum stream {
    STREAM_WRITES,
    STREAM_READS,
    STREAM_COUNT
};

struct faulty {
    struct zc_backing_ops ops; /* the device behind */
    void *device;
    struct zc_backing_faults faults;
    zc_atomic_u64 drawn[STREAM_COUNT]; /* numbers so far */
    zc_atomic_u64 used;                /* slots in use, if they are counted */
    zc_atomic_u32 *in_use;             /* a bit per slot; NULL: not counted */
    size_t in_use_bytes;
};

/* ---- chance ---- */

static uint64_t count_up(zc_atomic_u64 *count)
{
    uint64_t before = zc_atomic_u64_load_relaxed(count);

    while (!zc_atomic_u64_exchange_if(count, &before, before + 1))
        continue;
    return before;
}

/* The mixing step of splitmix64, by Sebastiano Vigna, public domain. */
static uint64_t mix_bits(uint64_t number)
{
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

static uint64_t draw_number(struct faulty *own, enum stream stream)
{
    const uint64_t n = count_up(&own->drawn[stream]);

    return mix_bits(mix_bits(own->faults.seed + stream + 1) +
                    n * UINT64_C(0x9e3779b97f4a7c15));
}

/* ---- slots in use ---- */

static uint32_t bit_of(uint64_t slot)
{
    return UINT32_C(1) << slot % WORD_BITS;
}

/* False: the device is full.  *is_new_out: it was not in use before. */
static bool take_slot(struct faulty *own, uint64_t slot, bool *is_new_out)
{
    uint64_t used;

    *is_new_out = false;
    if (own->in_use == NULL ||
        (zc_atomic_u32_load_relaxed(&own->in_use[slot / WORD_BITS]) &
         bit_of(slot)) != 0)
        return true;
    used = zc_atomic_u64_load_relaxed(&own->used);
    do {
        if (used >= own->faults.full_after)
            return false;
    } while (!zc_atomic_u64_exchange_if(&own->used, &used, used + 1));
    (void)zc_atomic_u32_or(&own->in_use[slot / WORD_BITS], bit_of(slot));
    *is_new_out = true;
    return true;
}

static void give_slot(struct faulty *own, uint64_t slot)
{
    uint64_t used;

    if (own->in_use == NULL ||
        (zc_atomic_u32_and(&own->in_use[slot / WORD_BITS], ~bit_of(slot)) &
         bit_of(slot)) == 0)
        return;
    used = zc_atomic_u64_load_relaxed(&own->used);
    while (!zc_atomic_u64_exchange_if(&own->used, &used, used - 1))
        continue;
}

static zc_status count_slots(struct faulty *own, uint64_t slot_count)
{
    const uint64_t bytes = zc_round_up(slot_count, 8 * zc_pages_system_size()) /
                           8;

    if (own->faults.full_after == 0)
        return ZC_OK;
    if (bytes > SIZE_MAX / 2)
        return ZC_NO_MEMORY;
    own->in_use = zc_pages_map((size_t)bytes, zc_pages_system_size());
    own->in_use_bytes = (size_t)bytes;
    return own->in_use == NULL ? ZC_NO_MEMORY : ZC_OK;
}

/* ---- the device ---- */

static void free_own(struct faulty *own)
{
    zc_pages_unmap(own->in_use, own->in_use_bytes);
    zc_free(own);
}

static zc_status read_faults(const struct zc_backing_config *config,
                             struct zc_backing_faults *faults)
{
    zc_status status =
        zc_options_copy_in(faults, sizeof(*faults), config->user);

    if (status != ZC_OK)
        return ZC_REFUSE(config, status,
                         "zc_backing_faults: struct_size is not its size");
    if (faults->write_errors > MILLION)
        return ZC_REFUSE(config, ZC_INVALID, "write_errors: %u is more than %u",
                         faults->write_errors, MILLION);
    if (faults->read_errors > MILLION)
        return ZC_REFUSE(config, ZC_INVALID, "read_errors: %u is more than %u",
                         faults->read_errors, MILLION);
    return ZC_OK;
}

static zc_status faulty_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    struct zc_backing_config behind = *config;
    struct faulty *own = zc_calloc(1, sizeof(*own));
    zc_status status;

    if (own == NULL)
        return ZC_NO_MEMORY;
    status = read_faults(config, &own->faults);
    if (status == ZC_OK)
        status = zc_backing_ops_copy(&own->ops, own->faults.ops, config);
    if (status == ZC_OK)
        status = count_slots(own, config->slot_count);
    if (status == ZC_OK) {
        behind.user = own->faults.user;
        status = own->ops.open(&behind, &own->device);
    }
    if (status != ZC_OK) {
        free_own(own);
        return status;
    }
    *backing_out = own;
    return ZC_OK;
}

static void faulty_close(void *backing)
{
    struct faulty *own = backing;

    own->ops.close(own->device);
    free_own(own);
}

static void faulty_leave(void *backing)
{
    const struct faulty *own = backing;

    if (own->ops.leave_in_child != NULL)
        own->ops.leave_in_child(own->device);
    zc_pages_unmap(own->in_use, own->in_use_bytes);
}

static zc_status faulty_write(void *backing, uint64_t slot, const void *page)
{
    struct faulty *own = backing;
    const uint64_t chance = draw_number(own, STREAM_WRITES);
    const bool fails = chance % MILLION < own->faults.write_errors;
    zc_status status = ZC_OK;
    bool is_new;

    if (own->faults.latency_ns != 0)
        zc_sleep_ns(own->faults.latency_ns);
    if (!take_slot(own, slot, &is_new))
        return ZC_IO_ERROR;
    if (!fails || chance >> 63 != 0)
        status = own->ops.write(own->device, slot, page);
    if (status == ZC_OK && !fails)
        return ZC_OK;
    if (is_new)
        give_slot(own, slot);
    return ZC_IO_ERROR;
}

static zc_status faulty_read(void *backing, uint64_t slot, void *page_out)
{
    struct faulty *own = backing;
    const bool fails = draw_number(own, STREAM_READS) % MILLION <
                       own->faults.read_errors;

    if (own->faults.latency_ns != 0)
        zc_sleep_ns(own->faults.latency_ns);
    if (fails)
        return ZC_IO_ERROR;
    return own->ops.read(own->device, slot, page_out);
}

static void faulty_discard(void *backing, uint64_t slot)
{
    struct faulty *own = backing;

    give_slot(own, slot);
    if (own->ops.discard != NULL)
        own->ops.discard(own->device, slot);
}

static uint64_t faulty_disk_bytes(void *backing)
{
    struct faulty *own = backing;

    return own->ops.disk_bytes == NULL ? 0 : own->ops.disk_bytes(own->device);
}

const struct zc_backing_ops zc_backing_faulty = {
    .struct_size = sizeof(zc_backing_faulty),
    .name = "faulty",
    .open = faulty_open,
    .close = faulty_close,
    .write = faulty_write,
    .read = faulty_read,
    .discard = faulty_discard,
    .disk_bytes = faulty_disk_bytes,
    .leave_in_child = faulty_leave,
};
