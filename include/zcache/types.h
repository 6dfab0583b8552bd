/* SPDX-License-Identifier: MIT */
/*
 * types.h - the words every other header uses: status, swap entry, handle.
 *
 * Thread-safety: everything here is a value or a pure function.
 */
#ifndef ZCACHE_TYPES_H
#define ZCACHE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zcache/export.h>

ZC_BEGIN_DECLS

/*
 * What a call came to.  Zero is success.  Positive values are outcomes that a
 * right program meets and handles; negative ones are failures.
 *
 * A function writes its outputs (named *_out) only when it returns ZC_OK, or
 * ZC_AGAIN: then they say how much of the work is done.  Three write more, and
 * say so: zc_cache_load() and zc_cache_take() decompress into the caller's page
 * and may leave anything there when they fail, and zc_vm_check() explains a
 * ZC_CORRUPT.
 */
typedef enum zc_status {
    ZC_OK = 0,

    ZC_MISSING = 1,  /* what was asked for is not there */
    ZC_BUSY = 2,     /* in use now; not waited for, and nothing changed */
    ZC_STALE = 3,    /* a handle of this pool whose object is gone */
    ZC_REJECTED = 4, /* a limit or a setting refuses it; nothing is kept */
    ZC_AGAIN = 5,    /* less is done than was asked; a later call may do more */

    ZC_NO_MEMORY = -1,   /* the system refused memory */
    ZC_INVALID = -2,     /* an argument is not valid; nothing changed */
    ZC_UNSUPPORTED = -3, /* not possible in this build or here, or too new */
    ZC_IO_ERROR = -4,    /* a backing device failed, or cannot be opened */
    ZC_CORRUPT = -5      /* stored bytes are not what was stored */
} zc_status;

/*
 * The reason of a failure as text.  Every options struct ends with `reason`,
 * a buffer of the caller's of `reason_size` bytes.  A call that fails writes
 * one sentence there, always terminated, cut to the size: the field, its value
 * and what is allowed, or the path and the system's own words.  A call that
 * succeeds, or has nothing to add to its status, leaves an empty string.
 * Nothing is written where the struct itself cannot be read: its struct_size
 * is smaller than a size_t or larger than ZC_STRUCT_SIZE_MAX.
 */
#define ZC_REASON_SIZE 256 /* enough for any of ours, a long path apart */
#define ZC_STRUCT_SIZE_MAX 4096

/* The identifier of a status as text, "ZC_OK"; never NULL. */
ZC_API const char *zc_status_name(zc_status status);

/* One sentence for a person; never NULL. */
ZC_API const char *zc_status_describe(zc_status status);

/*
 * A swap entry: the name of one slot on one swap device, as the kernel's
 * swp_entry_t.  Slots are reused, so it is a name and never an identity.  The
 * offset is in its low 58 bits, the type (which device) above them.
 */
typedef struct zc_swp {
    uint64_t value;
} zc_swp;

#define ZC_SWP_TYPE_SHIFT 58
#define ZC_SWP_TYPE_COUNT 32 /* the kernel's MAX_SWAPFILES_SHIFT is 5 */
#define ZC_SWP_TYPE_MAX 63   /* what fits; no cache has a type from 32 on */
#define ZC_SWP_OFFSET_MASK ((UINT64_C(1) << ZC_SWP_TYPE_SHIFT) - 1)

static inline zc_swp zc_swp_make(unsigned type, uint64_t offset)
{
    zc_swp slot;

    /* A type that has no room here must not become another, valid one. */
    if (type > ZC_SWP_TYPE_MAX)
        type = ZC_SWP_TYPE_MAX;
    slot.value = ((uint64_t)type << ZC_SWP_TYPE_SHIFT) |
                 (offset & ZC_SWP_OFFSET_MASK);
    return slot;
}

static inline unsigned zc_swp_type(zc_swp slot)
{
    return (unsigned)(slot.value >> ZC_SWP_TYPE_SHIFT);
}

static inline uint64_t zc_swp_offset(zc_swp slot)
{
    return slot.value & ZC_SWP_OFFSET_MASK;
}

/*
 * A handle names an object in a pool wherever the object moves.  Zero is never
 * a handle.  What the bits mean is the pool's affair.
 */
typedef struct zc_handle {
    uint64_t value;
} zc_handle;

/*
 * Owners: what the kernel calls a memcg, a small integer that comes with a
 * store.
 */
#define ZC_OWNER_COUNT 1024

/* Page sizes a pool or a cache can be made for: powers of two, in bytes. */
#define ZC_PAGE_SIZE_MIN 4096
#define ZC_PAGE_SIZE_MAX 65536

ZC_END_DECLS

#endif
