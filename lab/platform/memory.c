/* SPDX-License-Identifier: MIT */
/*
 * memory.c - memory.h from one region that every execution uses from its start.
 *
 * Blocks grow from its beginning and mappings from its middle.  Neither is
 * reused within an execution (but for malloc() of user code, where that is
 * explored), so an address is an identity, and allocating and freeing need no
 * lock and are no step.  No memory is requested from the
 * system.
 */
#include "platform/memory.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/checked.h"
#include "base/inject.h"
#include "engine/mutant.h"
#include "lab_platform.h"
#include "platform/lock.h"
#include "statics.h"
#include "watch/tsan.h"

#define HEAP_BYTES (LAB_HEAP_BYTES / 2)
#define BLOCK_ALIGNMENT 16
#define MAPPINGS 64
#define POISON_MAX 65536

/* Mappings up to this size are zeroed when made.  A larger one is a chunk of
 * page frames, filled with LAB_FRESH when populated, as a block is. */
#define ZEROED_MAX ((size_t)1 << 20)

#define CALLER __builtin_return_address(0)

struct block {
    size_t size; /* of what follows */
    const void *freed_by;
    const void *taken_by;
    const void *self; /* its address, by which free() knows it */
};

struct mapping {
    char *memory;
    size_t bytes;
    bool gone;
    const void *taken_by;
};

_Static_assert(sizeof(struct block) % BLOCK_ALIGNMENT == 0,
               "blocks stay aligned");
_Static_assert(sizeof(struct block) >= 16,
               "what is between two blocks is a red zone of both");

struct region {
    size_t heap_used;
    size_t maps_used;
    struct mapping mappings[MAPPINGS];
    unsigned mapping_count;
    unsigned live_blocks;
    unsigned live_mappings;
};

static struct region region;
static struct region kept;
static char kept_bytes[LAB_HEAP_BYTES] __attribute__((aligned(16)));

uint8_t lab_region_dirty[LAB_HEAP_PAGES];

void lab_region_reset(void)
{
    memset(&region, 0, sizeof(region));
    memset(lab_region_dirty, 0, sizeof(lab_region_dirty));
    lab_marks_forget();
    lab_statics_reset();
}

/* Restores what was kept.  Memory beyond it may keep old bytes: a block is
 * cleared when taken if the caller asks, a mapping when made or populated. */
static void restore(size_t from, size_t end)
{
    size_t page;

    for (page = from / LAB_PAGE_BYTES; page * LAB_PAGE_BYTES < end; page++) {
        if (lab_region_dirty[page] == 0)
            continue;
        lab_region_dirty[page] = 0;
        memcpy(lab_region + page * LAB_PAGE_BYTES,
               kept_bytes + page * LAB_PAGE_BYTES, LAB_PAGE_BYTES);
    }
}

void lab_region_restore(void)
{
    restore(0, kept.heap_used);
    restore(HEAP_BYTES, HEAP_BYTES + kept.maps_used);
    region = kept;
    lab_marks_reset();
    lab_statics_restore();
}

void lab_region_keep(void)
{
    kept = region;
    memcpy(kept_bytes, lab_region, region.heap_used);
    memcpy(kept_bytes + HEAP_BYTES, lab_region + HEAP_BYTES, region.maps_used);
    memset(lab_region_dirty, 0, sizeof(lab_region_dirty));
    lab_marks_keep();
    lab_statics_keep();
}

/* The first place of [from, end) that is not as it was kept; end: none. */
static size_t first_change(size_t from, size_t end)
{
    while (from < end && lab_region[from] == kept_bytes[from])
        from++;
    return from;
}

const char *lab_region_left(void)
{
    static char text[256];
    const struct block *block;
    size_t maps_end = HEAP_BYTES + kept.maps_used;
    size_t at = 0;
    size_t found;

    lab_region_restore();
    found = first_change(0, kept.heap_used);
    if (found == kept.heap_used) {
        found = first_change(HEAP_BYTES, maps_end);
        if (found == maps_end)
            return NULL;
        (void)snprintf(text, sizeof(text), "pages of the library changed");
        return text;
    }
    do {
        block = (const struct block *)(const void *)(kept_bytes + at);
        at += sizeof(*block) + zc_round_up(block->size, BLOCK_ALIGNMENT);
    } while (at <= found);
    (void)snprintf(text, sizeof(text),
                   "code that is not watched writes to byte %td of a block of "
                   "%zu bytes, allocated at %s",
                   kept_bytes + found - (const char *)(block + 1), block->size,
                   lab_place_name(block->taken_by));
    return text;
}

static void say_first_leak(void)
{
    const struct block *block;
    size_t at = 0;
    unsigned i;

    while (at < region.heap_used) {
        block = (const struct block *)(const void *)(lab_region + at);
        if (block->freed_by == NULL) {
            lab_detail("%zu bytes allocated at %s", block->size,
                       lab_place_of(block->taken_by));
            return;
        }
        at += sizeof(*block) + zc_round_up(block->size, BLOCK_ALIGNMENT);
    }
    for (i = 0; i < region.mapping_count; i++) {
        if (!region.mappings[i].gone)
            lab_detail("%zu bytes mapped at %s", region.mappings[i].bytes,
                       lab_place_of(region.mappings[i].taken_by));
    }
}

void lab_region_check_empty(void)
{
    if (lab_no_leaks || region.live_blocks + region.live_mappings == 0)
        return;
    say_first_leak();
    lab_fail("memory leak", "%u blocks and %u mappings are left",
             region.live_blocks, region.live_mappings);
}

static struct block *block_of(const void *memory)
{
    return (struct block *)(void *)(lab_region + lab_region_offset(memory) -
                                    sizeof(struct block));
}

/* Whether a block begins there, free or not. */
static bool is_block(const void *memory)
{
    size_t offset = lab_region_offset(memory);

    return offset < region.heap_used && offset >= sizeof(struct block) &&
           offset % BLOCK_ALIGNMENT == 0 &&
           block_of(memory)->self == block_of(memory);
}

/* With the last bytes of 16, which no other block has. */
static size_t room_of(const struct block *block)
{
    return zc_round_up(block->size, BLOCK_ALIGNMENT);
}

/* Begins the life of a block that has its place. */
static void begin_block(struct block *block, size_t size, const void *pc)
{
    block->size = size;
    block->freed_by = NULL;
    block->taken_by = pc;
    region.live_blocks++;
    lab_memory_begin(block + 1, size, "block", pc);
    lab_memory_bound(block + 1, size, room_of(block));
    if (size <= POISON_MAX)
        memset(block + 1, LAB_FRESH, size);
}

void *lab_take(size_t size, const void *pc)
{
    struct block *block =
        (struct block *)(void *)(lab_region + region.heap_used);
    size_t total = sizeof(*block) + zc_round_up(size, BLOCK_ALIGNMENT);

    if (region.heap_used + total > HEAP_BYTES) {
        lab_fail("out of the lab's memory", "%zu bytes", size);
        return NULL;
    }
    region.heap_used += total;
    block->self = block;
    begin_block(block, size, pc);
    return block + 1;
}

void lab_take_again(void *memory, size_t size, const void *pc)
{
    struct block *block = block_of(memory);

    lab_region_note_write(block, sizeof(*block) + size);
    begin_block(block, size, pc);
}

bool lab_takes_as_much(const void *memory, size_t size)
{
    return room_of(block_of(memory)) == zc_round_up(size, BLOCK_ALIGNMENT);
}

void *zc_malloc(size_t size)
{
    zc_may_block();
    if (zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    return lab_take(size, CALLER);
}

void *zc_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *memory;

    zc_may_block();
    if (!zc_multiply_size(count, size, &bytes) || zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    memory = lab_take(bytes, CALLER);
    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

void lab_give_back(void *memory, const void *pc)
{
    struct block *block;
    size_t dead;

    if (memory == NULL)
        return;
    if (!is_block(memory)) {
        lab_fail("free of what was never allocated", "%p", memory);
        lab_platform_failed();
        return;
    }
    block = block_of(memory);
    if (block->freed_by != NULL) {
        lab_memory_describe(memory);
        lab_fail("double free", "at %s", lab_place_of(pc));
        lab_platform_failed();
        return;
    }
    lab_region_note_write(block, sizeof(*block));
    dead = LAB_MUTANT(TAIL_LIVES) ? block->size : room_of(block);
    block->freed_by = pc;
    region.live_blocks--;
    lab_memory_end(memory, dead, LAB_MARK_DEAD, "block", pc);
    if (block->size <= POISON_MAX && !lab_quiet) {
        lab_region_note_write(memory, block->size);
        memset(memory, LAB_POISON, block->size);
    }
}

void zc_free(void *memory)
{
    lab_give_back(memory, CALLER);
}

size_t zc_malloc_size(const void *memory)
{
    return is_block(memory) ? block_of(memory)->size : 0;
}

void *zc_pages_map(size_t bytes, size_t alignment)
{
    size_t start;
    char *memory;

    zc_may_block();
    if (zc_inject(ZC_INJECT_PAGES))
        return NULL;
    /* A page between two mappings is a red zone of both. */
    start =
        zc_round_up(HEAP_BYTES + region.maps_used + LAB_PAGE_BYTES, alignment);
    if (start + bytes > LAB_HEAP_BYTES || region.mapping_count == MAPPINGS) {
        lab_fail("out of the lab's memory", "%zu bytes of pages", bytes);
        return NULL;
    }
    region.maps_used = start + bytes - HEAP_BYTES;
    memory = lab_region + start;
    region.mappings[region.mapping_count++] =
        (struct mapping){memory, bytes, false, CALLER};
    region.live_mappings++;
    if (bytes <= ZEROED_MAX)
        memset(memory, 0, bytes);
    lab_memory_begin(memory, bytes, "pages", CALLER);
    return memory;
}

void zc_pages_unmap(void *pages, size_t bytes)
{
    unsigned i;

    zc_may_block();
    if (pages == NULL)
        return;
    for (i = 0; i < region.mapping_count; i++) {
        if (region.mappings[i].memory != pages ||
            region.mappings[i].bytes != bytes || region.mappings[i].gone)
            continue;
        region.mappings[i].gone = true;
        region.live_mappings--;
        lab_memory_end(pages, bytes, LAB_MARK_DEAD, "pages", CALLER);
        return;
    }
    lab_fail("unmap of what is not mapped", "%p", pages);
}

void zc_pages_scatter(void *pages, size_t bytes)
{
    (void)pages;
    (void)bytes;
}

void zc_pages_populate(void *pages, size_t bytes)
{
    zc_may_block();
    memset(pages, LAB_FRESH, bytes);
}

void zc_pages_discard(void *pages, size_t bytes)
{
    zc_may_block();
    if (lab_thread() > 0 && !lab_in_oracle())
        lab_shadow_check(pages, bytes, LAB_ACCESS_WRITE, CALLER);
}

size_t zc_pages_system_size(void)
{
    return LAB_PAGE_BYTES;
}

void zc_memory_close(const void *memory, size_t size)
{
    lab_memory_end(memory, size, LAB_MARK_CLOSED, "place in the pool", CALLER);
}

void zc_memory_open(const void *memory, size_t size)
{
    lab_memory_begin(memory, size, "place in the pool", CALLER);
}
