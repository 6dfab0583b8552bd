/* SPDX-License-Identifier: MIT */
/*
 * records.h - an array of records that grows and never moves.
 *
 * A record is named by a 32-bit index, half the size of a pointer.  Its address
 * stays valid until the array is destroyed: a thread with an old index may
 * still read the record, although the record may have been freed and used
 * again.
 *
 * Reserving and looking up need no lock.  The user of the array knows which
 * records are in use.
 */
#ifndef ZC_BASE_RECORDS_H
#define ZC_BASE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include <zcache/types.h>

#include "base/assert.h"
#include "base/bits.h"
#include "platform/atomic.h"

/* Block k holds 2^(10 + k) records, so few blocks reach any count. */
#define ZC_RECORDS_FIRST_SHIFT 10
#define ZC_RECORDS_FIRST (UINT32_C(1) << ZC_RECORDS_FIRST_SHIFT)
#define ZC_RECORDS_BLOCKS 20

/* Blocks of at least this size ask for large pages, which may cost up to one
 * large page more. */
#define ZC_RECORDS_LARGE_BYTES ((size_t)16 << 20)

/* 2^30 - 1024: the most records there can be. */
#define ZC_RECORDS_MAX                                                         \
    ((UINT32_C(1) << (ZC_RECORDS_FIRST_SHIFT + ZC_RECORDS_BLOCKS)) -           \
     ZC_RECORDS_FIRST)

struct zc_records {
    size_t record_bytes; /* constant */
    /* record_bytes is odd << shift; the inverse of odd, modulo 2^32: a division
     * without rest is a multiplication by it. */
    unsigned shift;
    uint32_t inverse;
    /* No block from here on was ever mapped.  Raised before a block is set, so
     * a thread that has a record of the block sees it. */
    zc_atomic_u32 end;
    /* Published once by compare-and-swap (release); pairs with the acquire in
     * zc_records_at(). */
    zc_atomic_pointer blocks[ZC_RECORDS_BLOCKS];
};

/* `record_bytes` is not 0. */
void zc_records_init(struct zc_records *records, size_t record_bytes);
void zc_records_destroy(struct zc_records *records);

/*
 * Makes the records 0 to count - 1 addressable; new ones read as zeros.  May
 * block.  ZC_OK; ZC_NO_MEMORY; ZC_REJECTED: a count above ZC_RECORDS_MAX.
 */
zc_status zc_records_reserve(struct zc_records *records, uint32_t count);

/* Resident bytes if the first `count` records were touched. */
size_t zc_records_bytes(const struct zc_records *records, uint32_t count);

/* The index of a record, from its address. */
uint32_t zc_records_index(const struct zc_records *records, const void *record);

/* Whether the record was reserved, so that it can be read. */
static inline bool zc_records_has(const struct zc_records *records,
                                  uint32_t index)
{
    uint32_t biased = index + ZC_RECORDS_FIRST;

    return index < ZC_RECORDS_MAX &&
           zc_atomic_pointer_load_acquire(
               &records->blocks[zc_log2(biased) - ZC_RECORDS_FIRST_SHIFT]) !=
               NULL;
}

/* The record; it must have been reserved. */
static inline void *zc_records_at(const struct zc_records *records,
                                  uint32_t index)
{
    uint32_t biased = index + ZC_RECORDS_FIRST;
    unsigned level = zc_log2(biased);
    char *block = zc_atomic_pointer_load_acquire(
        &records->blocks[level - ZC_RECORDS_FIRST_SHIFT]);

    ZC_ASSERT(block != NULL);
    return block +
           (size_t)(biased ^ (UINT32_C(1) << level)) * records->record_bytes;
}

#endif
