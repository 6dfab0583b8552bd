/* SPDX-License-Identifier: MIT */
/*
 * codec.c - a compressor that measures the time of another.
 *
 * Damage is done to a decompressed page: its receiver, a frame or a device,
 * keeps it, so that each damaged page can be found once.  A page damaged before
 * compression might be refused by the pool.
 */
#include "sim/codec.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <zcache/compressor.h>

#include "common/progress.h"
#include "common/tool.h"

static const struct zc_compressor *behind;
static struct zc_compressor front; /* stays registered */

/* Counters of many threads, relaxed: they order nothing. */
static _Atomic uint64_t compress_calls;
static _Atomic uint64_t compress_ns;
static _Atomic uint64_t decompress_calls;
static _Atomic uint64_t decompress_ns;
static _Atomic uint64_t damage_left;
static _Atomic uint64_t damaged;
static _Atomic uint64_t damaged_raw;
static _Thread_local uint64_t decompressed; /* by this thread */

static void count_up(_Atomic uint64_t *counter, uint64_t number)
{
    (void)atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

/* The processor time of this thread, without the time of others. */
static uint64_t processor_nanoseconds(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return clock_nanoseconds();
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static zc_status create_context(const struct zc_compressor *self,
                                size_t page_size, int level, void **context_out)
{
    (void)self;
    return behind->context_create(behind, page_size, level, context_out);
}

static zc_status compress(void *context, int level, const void *page,
                          size_t page_size, void *data_out, size_t capacity,
                          size_t *size_out)
{
    const uint64_t began = processor_nanoseconds();
    zc_status status = behind->compress(context, level, page, page_size,
                                        data_out, capacity, size_out);

    count_up(&compress_ns, processor_nanoseconds() - began);
    count_up(&compress_calls, 1);
    return status;
}

static bool take_damage(void)
{
    uint64_t left = atomic_load_explicit(&damage_left, memory_order_relaxed);

    while (left != 0) {
        if (atomic_compare_exchange_weak_explicit(&damage_left, &left, left - 1,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
    return false;
}

/* A different bit each time, so that no damage undoes an earlier one: where it
 * is, and the damaged byte. */
static size_t damage_of(const unsigned char *page, size_t page_size,
                        unsigned char *byte_out)
{
    const uint64_t number =
        atomic_fetch_add_explicit(&damaged, 1, memory_order_relaxed);
    const size_t at = (size_t)(number * 13 % page_size);

    *byte_out = page[at] ^ (unsigned char)(1u << number / page_size % 8);
    return at;
}

static void damage_page(unsigned char *page, size_t page_size)
{
    unsigned char byte;
    const size_t at = damage_of(page, page_size, &byte);

    page[at] = byte;
}

uint64_t sim_codec_decompressed(void)
{
    return decompressed;
}

bool sim_codec_damage_raw(const void *page, size_t page_size, size_t *at_out,
                          unsigned char *byte_out)
{
    if (!take_damage())
        return false;
    *at_out = damage_of(page, page_size, byte_out);
    count_up(&damaged_raw, 1);
    return true;
}

void sim_codec_spare_raw(void)
{
    (void)atomic_fetch_sub(&damaged, 1);
    (void)atomic_fetch_sub(&damaged_raw, 1);
}

static zc_status decompress(void *context, const void *data, size_t size,
                            void *page_out, size_t page_size)
{
    const uint64_t began = processor_nanoseconds();
    zc_status status =
        behind->decompress(context, data, size, page_out, page_size);

    count_up(&decompress_ns, processor_nanoseconds() - began);
    count_up(&decompress_calls, 1);
    decompressed++;
    if (status == ZC_OK && take_damage())
        damage_page(page_out, page_size);
    return status;
}

bool sim_codec_begin(const char *name, uint64_t damage)
{
    const bool is_new = front.name == NULL;
    zc_status status = ZC_OK;

    behind = zc_compressor_find(name);
    if (behind == NULL) {
        message_error("--codec: there is no codec \"%s\"", name);
        return false;
    }
    front = (struct zc_compressor){.struct_size = sizeof(front),
                                   .name = SIM_CODEC_NAME,
                                   .flags = behind->flags,
                                   .level_min = behind->level_min,
                                   .level_max = behind->level_max,
                                   .level_default = behind->level_default,
                                   .context_destroy = behind->context_destroy,
                                   .context_size = behind->context_size,
                                   .compress = compress,
                                   .decompress = decompress};
    if (behind->context_create != NULL)
        front.context_create = create_context;
    atomic_store(&compress_calls, 0);
    atomic_store(&compress_ns, 0);
    atomic_store(&decompress_calls, 0);
    atomic_store(&decompress_ns, 0);
    atomic_store(&damaged, 0);
    atomic_store(&damaged_raw, 0);
    atomic_store(&damage_left, damage);
    if (is_new)
        status = zc_compressor_register(&front);
    if (status != ZC_OK)
        message_status(status, "", "cannot put a clock before codec %s", name);
    return status == ZC_OK;
}

void sim_codec_end_damage(void)
{
    atomic_store(&damage_left, 0);
}

struct sim_codec_times sim_codec_times(void)
{
    return (struct sim_codec_times){
        .compress_calls = atomic_load(&compress_calls),
        .compress_ns = atomic_load(&compress_ns),
        .decompress_calls = atomic_load(&decompress_calls),
        .decompress_ns = atomic_load(&decompress_ns),
        .damaged = atomic_load(&damaged),
        .damaged_raw = atomic_load(&damaged_raw)};
}
