/* SPDX-License-Identifier: MIT */
/* plugin.c - a plug-in that has the library inside and shows none of it. */
#include <zcache/zcache.h>

const char *plugin_version(void);

const char *plugin_version(void)
{
    struct zc_cache *cache;

    if (zc_cache_create(NULL, &cache) != ZC_OK)
        return "none";
    zc_cache_destroy(cache);
    return zc_version();
}
