/* SPDX-License-Identifier: MIT */
/*
 * types.h - what every other header uses: status, swap entry, handle.
 *
 * Thread-safety: everything here is a value, or a function of its arguments
 * alone that does not block.
 */
#ifndef ZCACHE_TYPES_H
#define ZCACHE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zcache/export.h>

ZC_BEGIN_DECLS

/*
 * The result of a call.  Zero is success.  A positive value is an outcome that
 * a correct program meets and handles; a negative value is a failure.
 *
 * A function writes its outputs (parameters named *_out) only when it returns
 * ZC_OK, or ZC_AGAIN: then they say how much of the work is done.  Three
 * functions write more: zc_cache_load() and zc_cache_take() decompress into the
 * caller's page and may leave any bytes there when they fail; zc_vm_check()
 * writes a text with ZC_CORRUPT.
 */
typedef enum zc_status {
    ZC_OK = 0,

    ZC_MISSING = 1,  /* what the caller asked for is not there */
    ZC_BUSY = 2,     /* in use now; the call did not wait for it */
    ZC_STALE = 3,    /* a handle of this pool whose object was freed */
    ZC_REJECTED = 4, /* a limit or a setting refuses it; nothing is kept */
    ZC_AGAIN = 5,    /* less is done than was asked; a later call may do more */

    ZC_NO_MEMORY = -1,   /* the system refused memory */
    ZC_INVALID = -2,     /* an argument is not valid; nothing changed */
    ZC_UNSUPPORTED = -3, /* not possible in this build or here, or too new */
    ZC_IO_ERROR = -4,    /* a backing device failed, or cannot be opened */
    ZC_CORRUPT = -5      /* stored bytes are not what was stored */
} zc_status;

/* The identifier of a status, "ZC_OK"; a static text, never NULL. */
ZC_API const char *zc_status_name(zc_status status);

/* A sentence in English about a status; a static text, never NULL. */
ZC_API const char *zc_status_describe(zc_status status);

/*
 * The reason of a failure as text.  Every options struct ends with `reason`, a
 * buffer of the caller of `reason_size` bytes.  A call that fails writes one
 * sentence there, cut to the size and always ended by a NUL: the field, its
 * value and what is allowed, or the path and the message of the system.  A call
 * that succeeds, or has nothing to add to its status, writes an empty string.
 * Nothing is written where the struct itself cannot be read: its struct_size is
 * smaller than a size_t or larger than ZC_STRUCT_SIZE_MAX.
 */
#define ZC_REASON_SIZE 256 /* enough for every reason without a long path */
#define ZC_STRUCT_SIZE_MAX 4096

/*
 * A swap entry: the name of one slot on one swap device, as the kernel's
 * swp_entry_t.  Slots are reused, so it is a name and never an identity.  The
 * low 58 bits are the offset, the bits above them the type, which says which
 * device.
 */
typedef struct zc_swp {
    uint64_t value;
} zc_swp;

#define ZC_SWP_TYPE_SHIFT 58
#define ZC_SWP_TYPE_COUNT 32 /* the kernel's MAX_SWAPFILES_SHIFT is 5 */
#define ZC_SWP_TYPE_MAX 63   /* the largest that fits; no cache has 32 to 63 */
#define ZC_SWP_OFFSET_MASK ((UINT64_C(1) << ZC_SWP_TYPE_SHIFT) - 1)

/*
 * The swap entry of a type and an offset.  A type above ZC_SWP_TYPE_MAX becomes
 * ZC_SWP_TYPE_MAX, which no cache has.  Bits of the offset above the 58 are
 * dropped.  Follows swp_entry().
 */
static inline zc_swp zc_swp_make(unsigned type, uint64_t offset)
{
    zc_swp slot;

    /* A type that does not fit must not become another, valid one. */
    if (type > ZC_SWP_TYPE_MAX)
        type = ZC_SWP_TYPE_MAX;
    slot.value = ((uint64_t)type << ZC_SWP_TYPE_SHIFT) |
                 (offset & ZC_SWP_OFFSET_MASK);
    return slot;
}

/* The type of a swap entry.  Follows swp_type(). */
static inline unsigned zc_swp_type(zc_swp slot)
{
    return (unsigned)(slot.value >> ZC_SWP_TYPE_SHIFT);
}

/* The offset of a swap entry, in slots.  Follows swp_offset(). */
static inline uint64_t zc_swp_offset(zc_swp slot)
{
    return slot.value & ZC_SWP_OFFSET_MASK;
}

/*
 * A handle names an object in a pool wherever the object moves.  Zero is never
 * a handle.  Only the pool knows what the bits mean.
 */
typedef struct zc_handle {
    uint64_t value;
} zc_handle;

/* Owners are numbers from 0 to ZC_OWNER_COUNT - 1 that a store may give with
 * its page: what a memcg is to the kernel. */
#define ZC_OWNER_COUNT 1024

/* Bytes of a page: a power of two in this range, fixed for a pool or cache. */
#define ZC_PAGE_SIZE_MIN 4096
#define ZC_PAGE_SIZE_MAX 65536

ZC_END_DECLS

#endif
