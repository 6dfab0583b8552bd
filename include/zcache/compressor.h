/* SPDX-License-Identifier: MIT */
/*
 * compressor.h - how a page is made smaller: the built-in codecs, and yours.
 *
 * Built in, as far as their libraries were found at build time:
 *   "lz4"    level 1 to 65537, default 1; it is the acceleration
 *   "lz4hc"  level 3 to 12, default 9
 *   "zstd"   level -7 to 19, default 3
 *   "copy"   no compression; for tests and as an example
 *
 * Thread-safety: any thread, any time; registration and look-up may run
 * together, and none of these functions blocks.  Two callbacks of one context
 * never run at the same time; callbacks of different contexts may, on any
 * threads.  A compressor with ZC_COMPRESSOR_SHARED_DECOMPRESS decompresses with
 * a NULL context, on many threads at once.
 */
#ifndef ZCACHE_COMPRESSOR_H
#define ZCACHE_COMPRESSOR_H

#include <zcache/types.h>

ZC_BEGIN_DECLS

/* The level that stands for the default of a compressor. */
#define ZC_LEVEL_DEFAULT 0

/* Most compressor settings (a compressor and a level) that one cache has in use
 * at a time; one stays in use until the last page compressed with it goes. */
#define ZC_GENERATIONS_MAX 255

struct zc_compressor;

/* The compressor of that name; NULL: there is none.  Never freed. */
ZC_API const struct zc_compressor *zc_compressor_find(const char *name);

/* The index-th compressor, from 0, the built-in ones first, then in order of
 * registration; NULL ends.  Never freed. */
ZC_API const struct zc_compressor *zc_compressor_get(unsigned index);

/* --- a compressor of your own ---------------------------------------- */

/* Decompression needs no context and may run on many threads at once. */
#define ZC_COMPRESSOR_SHARED_DECOMPRESS 1u

#define ZC_COMPRESSOR_NAME_MAX 31 /* bytes without the final NUL */
#define ZC_COMPRESSORS_MAX 32     /* that a process can register */

/*
 * A compressor.  The struct and its name must live as long as the process:
 * registration keeps the pointer.  Callbacks must not call the cache.  Pages
 * and compressed bytes may lie at any address.
 */
struct zc_compressor {
    size_t struct_size; /* sizeof(struct zc_compressor) */
    const char *name;   /* letters, digits, '-', '_' and '.' */
    unsigned flags;     /* ZC_COMPRESSOR_* */
    int level_min;
    int level_max;
    int level_default; /* taken when no level is given */

    /*
     * Makes what one processor needs to compress and decompress pages of
     * page_size.  ZC_OK or ZC_NO_MEMORY.  NULL: no context is needed, and the
     * other callbacks get NULL.
     */
    zc_status (*context_create)(const struct zc_compressor *self,
                                size_t page_size, int level,
                                void **context_out);

    /* Ends a context.  NULL exactly if context_create is NULL. */
    void (*context_destroy)(void *context);

    /* Bytes a context holds now, for accounting; NULL means not known. */
    size_t (*context_size)(const void *context);

    /*
     * Compresses one page into at most `capacity` bytes, which is twice the
     * page size.  ZC_OK: *size_out is 1 to capacity; any other status: the
     * page is counted as a compression failure and stored raw.
     */
    zc_status (*compress)(void *context, int level, const void *page,
                          size_t page_size, void *data_out, size_t capacity,
                          size_t *size_out);

    /*
     * The reverse, into exactly page_size bytes.  It must not trust `data`:
     * ZC_CORRUPT where `data` does not decode to a whole page, and never a byte
     * written outside page_out.
     */
    zc_status (*decompress)(void *context, const void *data, size_t size,
                            void *page_out, size_t page_size);
};

/*
 * Makes a compressor known to the process by its name, for good.
 *
 * ZC_OK; ZC_INVALID: a callback is missing, the name is bad or taken, or the
 * levels are out of order; ZC_UNSUPPORTED: a newer struct; ZC_REJECTED:
 * ZC_COMPRESSORS_MAX are registered.  Follows crypto_register_acomp().
 */
ZC_API ZC_MUST_CHECK zc_status
zc_compressor_register(const struct zc_compressor *compressor);

ZC_END_DECLS

#endif
