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
    {ZC_MISSING, "ZC_MISSING", "nothing is stored under that name"},
    {ZC_BUSY, "ZC_BUSY", "somebody else is using it"},
    {ZC_STALE, "ZC_STALE", "the object of this handle is gone"},
    {ZC_REJECTED, "ZC_REJECTED", "refused by a limit"},
    {ZC_AGAIN, "ZC_AGAIN", "partly done; call again for the rest"},
    {ZC_NO_MEMORY, "ZC_NO_MEMORY", "the system has no memory to give"},
    {ZC_INVALID, "ZC_INVALID", "an argument is out of its range"},
    {ZC_UNSUPPORTED, "ZC_UNSUPPORTED", "not built in, or too new"},
    {ZC_IO_ERROR, "ZC_IO_ERROR", "the backing device failed"},
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
