/* SPDX-License-Identifier: MIT */
/*
 * registry.c - the names of the compressors of this process.
 *
 * The only global of the library.  A registration takes the first free place by
 * compare and swap and is never removed, so a look-up needs no lock.  The loser
 * of the race for a place searches all names again before it tries the next
 * place, so no name is registered twice.
 */
#include <zcache/compressor.h>

#include <string.h>

#include "base/options.h"
#include "platform/annotate_memory.h"
#include "platform/atomic.h"

/*
 * The built-in ones, in the order of compressor.h; NAME is zc_compressor_NAME
 * of codec/NAME.c.  The first is the default of a cache.
 */
#ifdef ZC_WITH_LZ4
#define LZ4_CODECS(X) X(lz4) X(lz4hc)
#else
#define LZ4_CODECS(X)
#endif
#ifdef ZC_WITH_ZSTD
#define ZSTD_CODECS(X) X(zstd)
#else
#define ZSTD_CODECS(X)
#endif
#define CODECS(X) LZ4_CODECS(X) ZSTD_CODECS(X) X(copy)

#define DECLARE(name) extern const struct zc_compressor zc_compressor_##name;
#define ADDRESS(name) &zc_compressor_##name,

CODECS(DECLARE)
static const struct zc_compressor *const built_in[] = {CODECS(ADDRESS)};

#define BUILT_IN_COUNT (sizeof(built_in) / sizeof(built_in[0]))

/* Set once, by exchange_if; pairs with the acquire in get_registered(). */
static ZC_PROCESS_VARIABLE zc_atomic_pointer registered[ZC_COMPRESSORS_MAX];

static const struct zc_compressor *get_registered(unsigned index)
{
    return zc_atomic_pointer_load_acquire(&registered[index]);
}

const struct zc_compressor *zc_compressor_get(unsigned index)
{
    if (index < BUILT_IN_COUNT)
        return built_in[index];
    if (index < BUILT_IN_COUNT + ZC_COMPRESSORS_MAX)
        return get_registered(index - (unsigned)BUILT_IN_COUNT);
    return NULL;
}

const struct zc_compressor *zc_compressor_find(const char *name)
{
    const struct zc_compressor *compressor;
    unsigned i;

    if (name == NULL)
        return NULL;
    for (i = 0; (compressor = zc_compressor_get(i)) != NULL; i++)
        if (strcmp(compressor->name, name) == 0)
            return compressor;
    return NULL;
}

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    size_t length;

    if (name == NULL)
        return false;
    length = strspn(name, allowed);
    return length > 0 && length <= ZC_COMPRESSOR_NAME_MAX &&
           name[length] == '\0';
}

static zc_status check_compressor(const struct zc_compressor *compressor)
{
    struct zc_compressor own;
    zc_status status;

    if (compressor == NULL)
        return ZC_INVALID;
    status = zc_options_copy_in(&own, sizeof(own), compressor);
    if (status != ZC_OK)
        return status;
    /* The pointer is kept, so every field we read must be there. */
    if (compressor->struct_size < sizeof(own) || !is_name(own.name) ||
        own.compress == NULL || own.decompress == NULL ||
        (own.context_create == NULL) != (own.context_destroy == NULL) ||
        own.level_min > own.level_max || own.level_default < own.level_min ||
        own.level_default > own.level_max ||
        (own.flags & ~ZC_COMPRESSOR_SHARED_DECOMPRESS) != 0)
        return ZC_INVALID;
    return ZC_OK;
}

zc_status zc_compressor_register(const struct zc_compressor *compressor)
{
    zc_status status = check_compressor(compressor);
    void *expected;
    unsigned i;

    if (status != ZC_OK)
        return status;
    for (i = 0; i < ZC_COMPRESSORS_MAX; i++) {
        if (zc_compressor_find(compressor->name) != NULL)
            return ZC_INVALID;
        expected = NULL;
        /* The registry hands out const pointers only. */
        if (zc_atomic_pointer_exchange_if(&registered[i], &expected,
                                          (void *)(uintptr_t)compressor))
            return ZC_OK;
    }
    return ZC_REJECTED;
}
