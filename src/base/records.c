/* SPDX-License-Identifier: MIT */
/* records.c - growing the array of records.h, block by block. */
#include "base/records.h"

#include "platform/annotate_memory.h"
#include "platform/memory.h"

static size_t block_records(unsigned block)
{
    return (size_t)ZC_RECORDS_FIRST << block;
}

static size_t block_bytes(const struct zc_records *records, unsigned block)
{
    return (size_t)zc_round_up(block_records(block) * records->record_bytes,
                               zc_pages_system_size());
}

void zc_records_init(struct zc_records *records, size_t record_bytes)
{
    uint32_t odd;
    unsigned i;

    ZC_ASSERT(record_bytes > 0);
    records->record_bytes = record_bytes;
    records->shift = zc_lowest_bit(record_bytes);
    odd = (uint32_t)(record_bytes >> records->shift);
    /* Each step doubles the bits that are right: 3 to begin with. */
    records->inverse = odd;
    for (i = 0; i < 4; i++)
        records->inverse *= 2 - odd * records->inverse;
    zc_atomic_u32_init(&records->end, 0);
    for (i = 0; i < ZC_RECORDS_BLOCKS; i++)
        zc_atomic_pointer_init(&records->blocks[i], NULL);
}

void zc_records_destroy(struct zc_records *records)
{
    unsigned i;
    void *block;

    for (i = 0; i < ZC_RECORDS_BLOCKS; i++) {
        block = zc_atomic_pointer_load_relaxed(&records->blocks[i]);
        if (block != NULL)
            zc_pages_unmap(block, block_bytes(records, i));
    }
}

static void raise_end(struct zc_records *records, uint32_t end)
{
    uint32_t found = zc_atomic_u32_load_relaxed(&records->end);

    while (found < end &&
           !zc_atomic_u32_exchange_if(&records->end, &found, end))
        continue;
}

/* Maps one block; if another thread publishes it first, ours is unmapped. */
static zc_status add_block(struct zc_records *records, unsigned block)
{
    void *expected = NULL;
    void *fresh =
        zc_pages_map(block_bytes(records, block), zc_pages_system_size());

    if (fresh == NULL)
        return ZC_NO_MEMORY;
    if (block_bytes(records, block) >= ZC_RECORDS_LARGE_BYTES)
        zc_pages_scatter(fresh, block_bytes(records, block));
    raise_end(records, block + 1);
    if (!zc_atomic_pointer_exchange_if(&records->blocks[block], &expected,
                                       fresh))
        zc_pages_unmap(fresh, block_bytes(records, block));
    zc_annotate_final(&records->blocks[block]);
    return ZC_OK;
}

zc_status zc_records_reserve(struct zc_records *records, uint32_t count)
{
    unsigned last;
    unsigned i;
    zc_status status;

    if (count == 0)
        return ZC_OK;
    if (count > ZC_RECORDS_MAX)
        return ZC_REJECTED;
    last = zc_log2(count - 1 + ZC_RECORDS_FIRST) - ZC_RECORDS_FIRST_SHIFT;
    for (i = 0; i <= last; i++) {
        if (zc_atomic_pointer_load_relaxed(&records->blocks[i]) != NULL)
            continue;
        status = add_block(records, i);
        if (status != ZC_OK)
            return status;
    }
    return ZC_OK;
}

uint32_t zc_records_index(const struct zc_records *records, const void *record)
{
    const uintptr_t address = (uintptr_t)record;
    uintptr_t block;
    uintptr_t place;
    unsigned i;

    /* The last block has half of all records. */
    for (i = zc_atomic_u32_load_relaxed(&records->end); i-- > 0;) {
        block = (uintptr_t)zc_atomic_pointer_load_acquire(&records->blocks[i]);
        place = address - block; /* huge if it is below, or there is none */
        if (place < block_records(i) * records->record_bytes)
            return (uint32_t)(place >> records->shift) * records->inverse +
                   (uint32_t)block_records(i) - ZC_RECORDS_FIRST;
    }
    ZC_ASSERT(record == NULL); /* it is no record of this array */
    return 0;
}

size_t zc_records_bytes(const struct zc_records *records, uint32_t count)
{
    size_t bytes = 0;
    size_t left = count;
    size_t here;
    unsigned i;

    for (i = 0; i < ZC_RECORDS_BLOCKS && left > 0; i++) {
        here = left < block_records(i) ? left : block_records(i);
        bytes += (size_t)zc_round_up(here * records->record_bytes,
                                     zc_pages_system_size());
        left -= here;
    }
    return bytes;
}
