/* SPDX-License-Identifier: MIT */
/* site.c - what is noted of acquisitions, and which one is switched off. */
#include "site.h"

struct lab_sites lab_sites;

bool lab_site_is_inside(int thread)
{
    return lab_sites.is_inside == NULL || lab_sites.is_inside(thread);
}

const char *lab_site_kind_name(enum lab_site_kind kind)
{
    static const char *const names[LAB_SITE_KINDS] = {
        [LAB_SITE_LOCK] = "lock",         [LAB_SITE_TRYLOCK] = "trylock",
        [LAB_SITE_BUSY] = "busy",         [LAB_SITE_GET] = "get",
        [LAB_SITE_EXCHANGE] = "exchange", [LAB_SITE_RECHECK] = "recheck",
    };

    return kind < LAB_SITE_KINDS ? names[kind] : "";
}
