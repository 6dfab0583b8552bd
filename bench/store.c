/* SPDX-License-Identifier: MIT */
/* store.c - see store.h. */
#include "store.h"

#include <string.h>

static const struct store_ops *const stores[] = {
    &store_dense,   &store_kernel, &store_malloc,
#ifdef __linux__
    &store_zram,
#endif
#ifdef BENCH_WITH_ROCKSDB
    &store_rocksdb,
#endif
};

const struct store_ops *store_find(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (strcmp(stores[i]->name, name) == 0)
            return stores[i];
    }
    return NULL;
}
