/* SPDX-License-Identifier: MIT */
/* status.c - the names and meanings of zc_status. */
#include <stddef.h>

#include <zcache/types.h>

struct status_text {
    zc_status status;
    const char *name;
    const char *description;
};

static const struct status_text texts[] = {
    {ZC_OK, "ZC_OK", "done"},
    {ZC_MISSING, "ZC_MISSING", "what was asked for is not there"},
    {ZC_BUSY, "ZC_BUSY", "in use now, and not waited for"},
    {ZC_STALE, "ZC_STALE", "the object of this handle is gone"},
    {ZC_REJECTED, "ZC_REJECTED", "refused by a limit or a setting"},
    {ZC_AGAIN, "ZC_AGAIN",
     "less is done than was asked; a later call may do more"},
    {ZC_NO_MEMORY, "ZC_NO_MEMORY", "the system has no memory to give"},
    {ZC_INVALID, "ZC_INVALID", "an argument is not valid"},
    {ZC_UNSUPPORTED, "ZC_UNSUPPORTED",
     "not possible in this build or here, or from a newer version"},
    {ZC_IO_ERROR, "ZC_IO_ERROR",
     "a backing device failed, or cannot be opened"},
    {ZC_CORRUPT, "ZC_CORRUPT", "the stored bytes are damaged"},
};

static const struct status_text *find_text(zc_status status)
{
    static const struct status_text unknown = {ZC_OK, "ZC_UNKNOWN",
                                               "not a status of this version"};
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return &texts[i];
    return &unknown;
}

const char *zc_status_name(zc_status status)
{
    return find_text(status)->name;
}

const char *zc_status_describe(zc_status status)
{
    return find_text(status)->description;
}
