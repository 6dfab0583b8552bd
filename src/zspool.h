/* SPDX-License-Identifier: MIT */
/*
 * zspool.h - the parts of a pool and how they fit.
 *
 *   handle --> cell --> location --> object header --> handle
 *   (caller)   (pool/handle.c)    (in a zspage)
 *
 *   zspool.c          the public calls: checks, then the parts below
 *   pool/handle.c   cells: where an object is, its size, its tags; and records,
 *                   in which the pool's user has a part
 *   pool/pin.c      finding an object and keeping it where it is
 *   pool/visit.c    objects shown one by one, each kept until it was seen
 *   pool/arena.c    page frames, cut into zspages of one length per chunk
 *   pool/class.c    the class table of kernel placement: arithmetic only
 *   pool/kernel.c   kernel placement: slots of equal size
 *   pool/dense.c    dense placement: objects in and out of segments
 *   pool/span.c     its free spans, and which of them fits best
 *   pool/reclaim.c  the coldest zspage, evicted object by object
 *   pool/dense_reclaim.c, pool/kernel_reclaim.c
 *                   deferred objects, and free space after it, per placement
 *   pool/compact.c  one compaction at a time, its budget and cursor
 *   pool/dense_compact.c, pool/kernel_compact.c
 *                   what moves where, per placement
 *   pool/stats.c    counters and the class table as text
 *
 * Locks: a group's lock guards its zspages and the objects in them.  A thread
 * moves an object only with that lock held and the zspage's pin word LOCKED
 * (pool/pin.c).  The arena's lock guards chunks, and the handles' lock free
 * cells.  platform/lock.h has their order.
 *
 * A field without a bracket is constant once its struct is published.
 */
#ifndef ZC_ZSPOOL_H
#define ZC_ZSPOOL_H

#include <zcache/zspool.h>

#include "base/list.h"
#include "base/records.h"
#include "platform/atomic.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/process.h"
#include "pool/handle.h"

/* Tag bits of an object header; never both.  Free words have neither. */
#define ZC_OBJECT_ALLOCATED 1u
#define ZC_OBJECT_DEFERRED 2u
#define ZC_OBJECT_TAGS (ZC_OBJECT_ALLOCATED | ZC_OBJECT_DEFERRED)

/* Locations count in units of 8 bytes. */
#define ZC_UNIT_BYTES 8

#define ZC_CHUNK_PAGES 512 /* 2 MiB of address space with 4 KiB pages */
#define ZC_CHAIN_MIN 4
#define ZC_CHAIN_DEFAULT 8
#define ZC_CHAIN_MAX 16
#define ZC_SEGMENT_PAGES_MIN 4
#define ZC_SEGMENT_PAGES_DEFAULT 32
#define ZC_SEGMENT_PAGES_MAX 128

struct zc_zspool;
struct zc_group;
struct zc_object_ref;
struct zc_pool_config;

/*
 * A zspage: page frames that hold objects.  Descriptors are not freed before
 * the pool: a reader with an old location may still read `pin` and `group`.
 * Each has a cache line of its own.
 */
struct zc_zspage {
    struct zc_list link; /* [group] a fullness list; [arena] the free list */

    /* The group whose lock guards this zspage; NULL: it is free.  [group] to
     * write; any thread may read it, locks that group, and reads it again. */
    zc_atomic_pointer group;

    zc_atomic_u32 pin; /* readers and two bits: pool/pin.c */

    uint32_t chunk : 20; /* index of the chunk it is in */
    uint32_t slot : 12;  /* and its place there */
    uint32_t objects;    /* [group] objects in use */
    union {
        uint16_t first_free; /* [group] first free slot, or none */
        uint16_t tail; /* [group] free granules at the end, if it can grow */
    };
    uint8_t pages;        /* [group] populated, from the first */
    uint8_t fullness : 4; /* [group] which list, 0 to 11 */
    bool isolated : 1;    /* [group] on no list: no allocation, no compaction */
    bool reclaimed : 1;   /* [group] under reclaim: frees are deferred */
    struct zc_list lru;   /* [pool lru] by last allocation, hot end first */
    /* What its placement keeps of it, two numbers or one word. */
    union {
        struct {
            uint32_t used;  /* [group] granules in use, headers included */
            uint32_t round; /* [group] compaction round it was slid in */
        };
        uint64_t huge_header; /* [group] header of a huge object */
    };
};

/* A stretch of address space, cut into zspages of one length. */
struct zc_chunk {
    struct zc_list link; /* [arena] chunks with free zspages, by length */
    struct zc_list free_zspages; /* [arena] */
    /* [arena] to write; NULL: not mapped.  It does not change for a thread that
     * has a zspage of the chunk; for others it is a hint. */
    zc_atomic_pointer memory;
    struct zc_zspage *zspages; /* never freed before the pool */
    void *descriptors;         /* the block they are in */
    uint32_t zspage_pages;
    uint32_t zspage_count;
    uint32_t used; /* [arena] zspages given out, or kept */
};

struct zc_arena {
    struct zc_spinlock lock;
    size_t page_size;
    zc_atomic_u64 limit_pages;   /* UINT64_MAX: none */
    uint32_t chunk_count;        /* [lock] chunk records ever used */
    uint32_t chunk_units_shift;  /* log2 of units in a chunk */
    zc_counter descriptor_bytes; /* of zspage arrays */
    zc_counter zspages;          /* given out */

    /* Pages of zspages given out, and above them those of kept ones: in one
     * word, so that their sum is never above the limit. */
    zc_atomic_u64 pages;

    /* Empty zspages and one chunk, kept for the next use (pool/arena.c). */
    uint32_t keep_pages;         /* of kept zspages, at most */
    zc_counter kept_count;       /* [lock] to write; any to read, as a hint */
    zc_counter kept_second;      /* [lock] to write; of the last change */
    struct zc_list kept_zspages; /* [lock] populated */
    struct zc_chunk *kept_chunk; /* [lock] mapped, nothing in it; or NULL */

    struct zc_records chunks; /* of struct zc_chunk */
    /* [lock] by zspage length: mapped chunks with room, unmapped chunks */
    struct zc_list partial[ZC_SEGMENT_PAGES_MAX + 1];
    struct zc_list unmapped[ZC_SEGMENT_PAGES_MAX + 1];
};

/*
 * What differs between groups of slots (pool/kernel.c) and groups of segments
 * (pool/dense.c).  The caller holds the group's lock.
 */
struct zc_group_ops {
    /*
     * Takes the object at a location out.  True: the zspage is empty and off
     * all lists, and the caller gives it to the arena.
     */
    bool (*remove)(struct zc_zspool *pool, struct zc_group *group,
                   struct zc_zspage *zspage, uint64_t location, size_t size);

    /* The handle of the first live object at or after *place_inout, which
     * becomes the place behind it; false: none.  The first place is 0. */
    bool (*next)(struct zc_zspool *pool, struct zc_zspage *zspage,
                 uint32_t *place_inout, zc_handle *handle_out);

    /* Takes a zspage under reclaim off its lists of free space. */
    void (*isolate)(struct zc_zspool *pool, struct zc_zspage *zspage);

    /* Marks an object of a zspage under reclaim DEFERRED: its cell and its
     * place stay as they are.  ZC_OK; ZC_STALE: it is DEFERRED already. */
    zc_status (*defer)(struct zc_zspool *pool, const struct zc_object_ref *ref);

    /* Whether an object is DEFERRED; and makes a DEFERRED object ALLOCATED
     * again, before its reclaim ends. */
    bool (*is_deferred)(struct zc_zspool *pool,
                        const struct zc_object_ref *ref);
    void (*undefer)(struct zc_zspool *pool, const struct zc_object_ref *ref);

    /* Ends reclaim: releases every deferred cell.  `rebuild`: also makes free
     * space of all that is not in use. */
    void (*end_reclaim)(struct zc_zspool *pool, struct zc_zspage *zspage,
                        bool rebuild);

    /* Takes an empty zspage, its pin word LOCKED, off its group.  The caller
     * gives it to the arena. */
    void (*detach)(struct zc_zspool *pool, struct zc_group *group,
                   struct zc_zspage *zspage);

    /* Adds to the three fields of a class's row that only the group can count:
     * objects_allocated, pages_used, pages_freeable. */
    void (*read_class)(const struct zc_group *group,
                       struct zc_zspool_class *row);
};

/* Zspages of one shape under one lock. */
struct zc_group {
    struct zc_spinlock lock;
    struct zc_mutex growth; /* one thread brings pages at a time */
    const struct zc_group_ops *ops;
    unsigned index;      /* class number */
    uint32_t slot_bytes; /* slot size, header included; 0: no slots */
    uint32_t zspage_pages;
    uint32_t slot_count; /* slots of a zspage; 0: no slots */
    bool huge;           /* one object in one page, header outside */
    struct zc_list fullness[ZC_FULLNESS_GROUPS]; /* [lock] */
    uint64_t zspages[ZC_FULLNESS_GROUPS];        /* [lock] length of each */
    uint64_t reclaimed;     /* [lock] zspages under reclaim, on no list */
    uint64_t objects;       /* [lock] in use */
    uint64_t payload_bytes; /* [lock] their sizes */
    uint64_t moves_left;    /* [lock] by compaction in this visit */
    struct zc_cells cells;  /* [lock] */
    struct zc_list visits;  /* [lock] of struct zc_visit: pool/visit.c */
    void *own;              /* what else its placement keeps; [lock] inside */
    char apart[ZC_CACHE_LINE]; /* no line of it is in the next one, too */
};

/* What differs between placements; zspool.c has the list of them. */
struct zc_placement_ops {
    const char *name;

    /* Empty zspages are kept for a second, as many pages as a segment has. */
    bool keeps;

    /* Sets up pool->groups.  ZC_OK or ZC_NO_MEMORY. */
    zc_status (*create)(struct zc_zspool *pool);
    void (*destroy)(struct zc_zspool *pool);

    /*
     * Places a new object, writes its header and sets its cell, all under one
     * hold of the group's lock: a thread that walks the zspage under that lock
     * finds that the cell of every allocated object leads back to it.
     * ref_out not NULL: the cell is "coming" (pool/handle.c) and the zspage
     * is pinned for the caller, which writes the bytes and then makes the
     * handle valid by zc_handles_set().  `beyond`: the limit refuses nothing.
     * May block, with no lock held.  ZC_OK, ZC_REJECTED, ZC_NO_MEMORY.
     */
    zc_status (*place)(struct zc_zspool *pool, size_t size, bool beyond,
                       zc_handle *handle_out, struct zc_object_ref *ref_out);

    /* The fewest pages in which an empty pool holds an object of any size. */
    uint32_t (*least_pages)(size_t page_size, unsigned chain_length);

    /* zc_zspool_used_pages().  NULL: all pages there are. */
    uint64_t (*used_pages)(const struct zc_zspool *pool);

    /*
     * A bounded part of a compaction, which stops when result->objects_moved is
     * `most`; see pool/compact.c.  ZC_OK: the round is done; ZC_AGAIN.
     */
    zc_status (*compact_step)(struct zc_zspool *pool, uint64_t most,
                              struct zc_compact_result *result);

    /* Called if the call ends before the round does: puts a victim back.  NULL:
     * nothing to do. */
    void (*compact_pause)(struct zc_zspool *pool,
                          struct zc_compact_result *result);
};

struct zc_zspool {
    struct zc_process_mark process; /* which made it */
    const struct zc_placement_ops *ops;
    size_t page_size;
    unsigned placement;
    unsigned chain_length;
    uint32_t segment_pages;
    unsigned segment_groups; /* dense placement: the first groups */
    struct zc_arena arena;
    struct zc_handles handles;
    unsigned group_count;    /* groups that are not merged away */
    struct zc_group *groups; /* array */
    unsigned class_count;    /* rows of the class table */
    uint16_t *class_group;   /* class number to group; NULL: there is one */
    /* From this size on an object may have a page alone, and its header in the
     * zspage's descriptor; any other has so many bytes in front of it. */
    size_t huge_class_size;
    size_t header_bytes;
    bool keeps_lru; /* zspages are kept by age, for reclaim */
    struct zc_spinlock lru_lock;
    struct zc_list lru;         /* [lru_lock] */
    struct zc_mutex compaction; /* one at a time */
    uint32_t cursor;            /* [compaction] where the next step goes on */
    uint32_t round;             /* [compaction] number of this round */
    zc_counter pages_compacted;
    zc_counter objects_moved;
    zc_counter limit_rejects;
};

/* ---- pool/arena.c ---- */

/* `keep_pages`: of empty zspages, so many are kept for a second. */
zc_status zc_arena_init(struct zc_arena *arena, size_t page_size,
                        uint64_t limit_bytes, uint32_t keep_pages);
void zc_arena_destroy(struct zc_arena *arena);
/* In a child after fork(), instead: unmaps, and takes no lock. */
void zc_arena_leave(const struct zc_arena *arena);

/*
 * Takes a free zspage of that length.  Its pin word is LOCKED, its group is
 * NULL, and its first zspage->pages pages are resident, with undefined content:
 * `most` pages, or fewer if the limit leaves fewer, but not fewer than `least`.
 * A kept zspage may have more.  May block.  ZC_OK; ZC_REJECTED: the limit;
 * ZC_NO_MEMORY.
 */
zc_status zc_arena_get(struct zc_arena *arena, uint32_t length, uint32_t least,
                       uint32_t most, struct zc_zspage **zspage_out);

/*
 * Makes the next pages of a zspage resident, as many as zc_arena_get() would.
 * The caller then adds *pages_out to zspage->pages.  It has the zspage pinned,
 * and no other thread makes it grow.  May block.  ZC_OK; ZC_REJECTED.
 */
zc_status zc_arena_grow(struct zc_arena *arena, const struct zc_zspage *zspage,
                        uint32_t least, uint32_t most, uint32_t *pages_out);

/* A zspage with `least` pages, whatever the limit says. */
zc_status zc_arena_get_beyond(struct zc_arena *arena, uint32_t length,
                              uint32_t least, struct zc_zspage **zspage_out);

/* Gives an empty zspage, its pin word LOCKED, back to the system, or keeps it.
 * May block. */
void zc_arena_put(struct zc_arena *arena, struct zc_zspage *zspage);

/* zc_arena_put(), but never keeps it. */
void zc_arena_release(struct zc_arena *arena, struct zc_zspage *zspage);

/* Gives all that is kept back to the system.  May block. */
void zc_arena_give_back(struct zc_arena *arena);

/* zc_arena_give_back() if nothing was kept or taken in this second; cheap. */
void zc_arena_give_back_old(struct zc_arena *arena);

/* In bytes; 0: none. */
void zc_arena_set_limit(struct zc_arena *arena, uint64_t limit_bytes);

static inline uint64_t zc_arena_limit(const struct zc_arena *arena)
{
    return zc_atomic_u64_load_relaxed(&arena->limit_pages);
}

/* Pages of zspages given out. */
static inline uint64_t zc_arena_pages(const struct zc_arena *arena)
{
    return zc_atomic_u64_load_relaxed(&arena->pages) & UINT32_MAX;
}

/* Pages of kept zspages. */
static inline uint64_t zc_arena_kept_pages(const struct zc_arena *arena)
{
    return zc_atomic_u64_load_relaxed(&arena->pages) >> 32;
}

static inline struct zc_chunk *zc_arena_chunk(const struct zc_arena *arena,
                                              uint32_t index)
{
    return zc_records_at(&arena->chunks, index);
}

static inline char *zc_chunk_memory(const struct zc_chunk *chunk)
{
    return zc_atomic_pointer_load_relaxed(&chunk->memory);
}

/* Where a zspage of a chunk begins: the location of its first byte, and its
 * address. */
static inline char *zc_chunk_place(const struct zc_arena *arena,
                                   const struct zc_chunk *chunk,
                                   const struct zc_zspage *zspage,
                                   uint64_t *location_out)
{
    const size_t offset = (size_t)zspage->slot * chunk->zspage_pages *
                          arena->page_size;

    *location_out = ((uint64_t)zspage->chunk << arena->chunk_units_shift) +
                    offset / ZC_UNIT_BYTES;
    return zc_chunk_memory(chunk) + offset;
}

static inline char *zc_zspage_memory(const struct zc_arena *arena,
                                     const struct zc_zspage *zspage)
{
    uint64_t location;

    return zc_chunk_place(arena, zc_arena_chunk(arena, zspage->chunk), zspage,
                          &location);
}

static inline uint64_t zc_zspage_location(const struct zc_arena *arena,
                                          const struct zc_zspage *zspage)
{
    uint64_t location;

    (void)zc_chunk_place(arena, zc_arena_chunk(arena, zspage->chunk), zspage,
                         &location);
    return location;
}

static inline uint64_t zc_location_unit(const struct zc_arena *arena,
                                        uint64_t location)
{
    return location & ZC_BITS(0, arena->chunk_units_shift);
}

static inline struct zc_chunk *zc_location_chunk(const struct zc_arena *arena,
                                                 uint64_t location)
{
    return zc_arena_chunk(arena,
                          (uint32_t)(location >> arena->chunk_units_shift));
}

/* The zspage around a location in a chunk. */
static inline struct zc_zspage *zc_chunk_zspage(const struct zc_arena *arena,
                                                const struct zc_chunk *chunk,
                                                uint64_t location)
{
    uint32_t unit = (uint32_t)zc_location_unit(arena, location);
    uint32_t zspage_units = chunk->zspage_pages *
                            (uint32_t)(arena->page_size / ZC_UNIT_BYTES);

    return &chunk->zspages[unit / zspage_units];
}

static inline struct zc_zspage *zc_location_zspage(const struct zc_arena *arena,
                                                   uint64_t location)
{
    return zc_chunk_zspage(arena, zc_location_chunk(arena, location), location);
}

/* The address of a location, whose zspage the caller holds. */
static inline char *zc_location_address(const struct zc_arena *arena,
                                        uint64_t location)
{
    return zc_chunk_memory(zc_location_chunk(arena, location)) +
           zc_location_unit(arena, location) * ZC_UNIT_BYTES;
}

/* ---- pool/class.c: arithmetic of the kernel's class table ---- */

unsigned zc_class_count(size_t page_size);
size_t zc_class_bytes(size_t page_size, unsigned index);
unsigned zc_class_of_size(size_t page_size, size_t size);
uint32_t zc_class_chain(size_t page_size, unsigned chain_length,
                        size_t class_bytes);

/* ---- pool/pin.c ---- */

/* The group in which an object of this size is placed first. */
static inline struct zc_group *zc_group_of(const struct zc_zspool *pool,
                                           size_t size)
{
    if (pool->class_group == NULL)
        return &pool->groups[size < pool->huge_class_size
                                 ? 0
                                 : pool->group_count - 1];
    return &pool->groups[pool->class_group[zc_class_of_size(pool->page_size,
                                                            size)]];
}

/* A reference to an object: where it is, and how large.  Valid while its zspage
 * is pinned or its group is locked. */
struct zc_object_ref {
    struct zc_zspage *zspage;
    struct zc_group *group; /* the locked one; undefined if only pinned */
    uint64_t location;
    size_t size;
};

/* The bytes of an object whose zspage is pinned or whose group is locked. */
static inline char *zc_object_payload(const struct zc_zspool *pool,
                                      const struct zc_object_ref *ref)
{
    const struct zc_arena *arena = &pool->arena;
    char *object = zc_location_address(arena, ref->location);

    if (ref->size >= pool->huge_class_size &&
        zc_location_chunk(arena, ref->location)->zspage_pages == 1)
        return object;
    return object + pool->header_bytes;
}

/*
 * Finds a live object and locks its group: until the unlock it neither moves
 * nor is freed.  ZC_OK with the lock held; ZC_STALE; ZC_INVALID.
 */
zc_status zc_zspool_find_locked(struct zc_zspool *pool, zc_handle handle,
                                struct zc_object_ref *ref_out);

/* zc_zspool_find_locked(), but an object whose free is deferred is ZC_STALE
 * too, although its cell still leads to it. */
zc_status zc_zspool_find_live(struct zc_zspool *pool, zc_handle handle,
                              struct zc_object_ref *ref_out);

/* The lock analysis cannot follow a lock inside a struct. */
static inline void zc_object_unlock(const struct zc_object_ref *ref)
    ZC_NO_LOCK_ANALYSIS
{
    zc_spinlock_unlock(&ref->group->lock);
}

/*
 * Finds a live object and pins its zspage: until zc_zspage_unpin() no object
 * of it moves and its pages stay.  ZC_OK; ZC_STALE; ZC_INVALID.
 */
zc_status zc_zspool_pin(struct zc_zspool *pool, zc_handle handle,
                        struct zc_object_ref *ref_out);

/*
 * The two calls for a live record of the pool's user: only the user frees its
 * object, and does not do so during the call.  lock_record returns the record's
 * handle, with the group's lock held; pin_record pins the zspage.
 */
zc_handle zc_zspool_lock_record(struct zc_zspool *pool,
                                const struct zc_cell *cell,
                                struct zc_object_ref *ref_out);
void zc_zspool_pin_record(struct zc_zspool *pool, const struct zc_cell *cell,
                          struct zc_object_ref *ref_out);

/* Adds a pin.  The caller holds the group's lock, and the pin word is not
 * LOCKED. */
void zc_zspage_pin(struct zc_zspage *zspage);

/* Ends a pin.  The last one releases the zspage if it was emptied meanwhile. */
void zc_zspage_unpin(struct zc_zspool *pool, struct zc_zspage *zspage);

/*
 * Sets LOCKED in the pin word; false: there are readers.  The caller holds the
 * group's lock until zc_zspage_unlock(), or until the zspage has left its
 * group.
 */
bool zc_zspage_trylock(struct zc_zspage *zspage);
void zc_zspage_unlock(struct zc_zspage *zspage);

/*
 * For an empty zspage, with the group's lock held.  True: it had no readers;
 * its pin word is LOCKED now, and the caller releases it.  False: its last
 * reader will release it, unless an object is placed in it before.
 */
bool zc_zspage_try_release(struct zc_zspage *zspage);

/* An object enters a zspage: cancels the release by its last reader.  The
 * caller holds the group's lock. */
void zc_zspage_cancel_release(struct zc_zspage *zspage);

/* ---- pool/visit.c; group lock held ---- */

/* Whether an object is being visited.  A free of such an object leaves it in
 * its place: zc_handles_leave(). */
bool zc_visits_have(const struct zc_group *group, zc_handle handle);

/* Called when the reclaim of a zspage ends: an object whose free was deferred
 * and that is being visited keeps its place too. */
void zc_visits_keep(struct zc_zspool *pool, struct zc_group *group,
                    const struct zc_zspage *zspage);

/* ---- zspool.c ---- */

/* zc_zspool_put(), but the limit refuses nothing: for data of which there is no
 * other copy.  Takes as few pages beyond the limit as possible. */
zc_status zc_zspool_put_beyond(struct zc_zspool *pool, const void *data,
                               size_t size, zc_handle *handle_out);

/*
 * For a user that keeps data in the records (pool/handle.h): a pool with
 * user_bytes in each record, and its calls by records.  The user knows which of
 * its records are live, so nothing is checked.
 */
zc_status zc_zspool_create_with_records(const struct zc_zspool_options *options,
                                        size_t user_bytes,
                                        struct zc_zspool **pool_out);

/* The same with the options of a cache; pool/ops.c. */
zc_status zc_zspool_create_for(const struct zc_pool_config *config,
                               size_t user_bytes, struct zc_zspool **pool_out);

/* zc_zspool_put(), or zc_zspool_put_beyond().  `user`: the user's bytes, which
 * are in the record before any thread can find the object. */
zc_status zc_zspool_put_record(struct zc_zspool *pool, const void *data,
                               size_t size, bool beyond, const void *user,
                               struct zc_cell **cell_out);

/* Frees object and record.  Under reclaim the record stays readable until the
 * reclaim ends. */
void zc_zspool_free_record(struct zc_zspool *pool, struct zc_cell *cell);

/* zc_zspool_read_begin() and zc_zspool_read_end(). */
void zc_zspool_read_record(struct zc_zspool *pool, const struct zc_cell *cell,
                           struct zc_zspool_read *read_out);
void zc_zspool_unread_record(struct zc_zspool *pool,
                             const struct zc_zspool_read *read);

/* Bytes of the pool that an object of this size takes, 1 to page_size: a slot
 * of its class, with the classes of one shape merged; in dense placement its
 * granules; or a page. */
size_t zc_zspool_bytes_of(const struct zc_zspool *pool, size_t size);

/* The record of an object that zc_zspool_reclaim() shows, until it ends. */
const struct zc_cell *zc_zspool_record_of(const struct zc_zspool *pool,
                                          zc_handle handle);

/* ---- pool/reclaim.c; group lock held ---- */

/* An object enters a zspage: the zspage becomes the hottest. */
void zc_zspage_lru_add(struct zc_zspool *pool, struct zc_zspage *zspage);

/* The zspage leaves its group. */
void zc_zspage_lru_remove(struct zc_zspool *pool, struct zc_zspage *zspage);

/* ---- growth: pool/group.c ---- */

/*
 * Called before and after a thread gets a new zspage of slots, with no spinlock
 * held.  If the pool has a limit, one thread of a group does so at a time.  The
 * next thread then finds the new zspage: otherwise the limit might refuse it
 * because of pages that the first thread has counted in and not yet attached.
 * True: the mutex is held, and zc_growth_end() releases it.
 */
bool zc_growth_begin(const struct zc_zspool *pool, struct zc_group *group);
void zc_growth_end(struct zc_group *group, bool begun);

/* ---- groups: pool/group.c ---- */

zc_status zc_group_init(struct zc_group *group);
void zc_group_destroy(struct zc_group *group);

/* Locks a group and takes a fresh handle under its lock.  May block before.
 * ZC_OK with the lock held; ZC_NO_MEMORY. */
zc_status zc_group_lock_and_take(struct zc_group *group,
                                 struct zc_handles *handles,
                                 zc_handle *handle_out);

/* The kernel's group number: 0 empty, 11 full, else by tenths. */
static inline unsigned zc_fullness_of(uint32_t used, uint32_t capacity)
{
    if (used == 0)
        return 0;
    if (used == capacity)
        return ZC_FULLNESS_GROUPS - 1;
    return 10 * used / capacity + 1;
}

/* Group lock held for these. */
void zc_group_insert(struct zc_group *group, struct zc_zspage *zspage,
                     unsigned fullness);
void zc_group_remove(struct zc_group *group, struct zc_zspage *zspage);

static inline void zc_group_update(struct zc_group *group,
                                   struct zc_zspage *zspage, unsigned fullness)
{
    if (zspage->fullness == fullness)
        return;
    zc_group_remove(group, zspage);
    zc_group_insert(group, zspage, fullness);
}

#endif
