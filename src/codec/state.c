/* SPDX-License-Identifier: MIT */
/* state.c - contexts that are one block of memory, as LZ4's are. */
#include "codec/codec.h"
#include "platform/memory.h"

zc_status zc_compress_state_create(size_t size, void **context_out)
{
    void *state = zc_malloc(size);

    if (state == NULL)
        return ZC_NO_MEMORY;
    *context_out = state;
    return ZC_OK;
}

void zc_compress_state_destroy(void *context)
{
    zc_free(context);
}

size_t zc_compress_state_size(const void *context)
{
    return zc_malloc_size(context);
}
