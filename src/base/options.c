/* SPDX-License-Identifier: MIT */
/* options.c - copying structs that grow; see options.h. */
#include "base/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

static size_t stamped_size(const void *stamped)
{
    size_t size;

    memcpy(&size, stamped, sizeof(size));
    return size;
}

/* A size that was never set is usually far too large. */
bool zc_options_has_size(const void *caller)
{
    size_t size = stamped_size(caller);

    return size >= sizeof(size) && size <= ZC_STRUCT_SIZE_MAX;
}

zc_status zc_options_copy_in(void *own, size_t own_size, const void *caller)
{
    const unsigned char *bytes = caller;
    size_t size;
    size_t i;

    memset(own, 0, own_size);
    if (caller == NULL)
        return ZC_OK;
    if (!zc_options_has_size(caller))
        return ZC_INVALID;
    size = stamped_size(caller);
    memcpy(own, caller, size < own_size ? size : own_size);
    for (i = own_size; i < size; i++)
        if (bytes[i] != 0)
            return ZC_UNSUPPORTED;
    return ZC_OK;
}

zc_status zc_options_read(void *own, size_t own_size, const void *caller,
                          char **reason, size_t *reason_size)
{
    zc_status status = zc_options_copy_in(own, own_size, caller);

    if (status == ZC_UNSUPPORTED)
        return zc_refuse(*reason, *reason_size, status,
                         "struct_size: %zu is more than the %zu bytes that "
                         "this version knows, and one of the others is set",
                         stamped_size(caller), own_size);
    /* If the struct could not be read, these are still NULL and 0. */
    return zc_refuse(*reason, *reason_size, status, "%s", "");
}

zc_status zc_refuse(char *reason, size_t reason_size, zc_status status,
                    const char *format, ...)
{
    va_list arguments;

    if (reason == NULL || reason_size == 0)
        return status;
    va_start(arguments, format);
    (void)vsnprintf(reason, reason_size, format, arguments);
    va_end(arguments);
    return status;
}

zc_status zc_refuse_for(char *reason, size_t reason_size, zc_status status,
                        const char *what, const char *name)
{
    if (reason == NULL || reason_size == 0 || reason[0] != '\0')
        return status;
    return zc_refuse(reason, reason_size, status,
                     "%s \"%s\" cannot be made: %s", what,
                     name == NULL ? "" : name, zc_status_describe(status));
}

zc_status zc_options_copy_out(void *caller, const void *own, size_t own_size)
{
    size_t size;

    if (caller == NULL || !zc_options_has_size(caller))
        return ZC_INVALID;
    size = stamped_size(caller);
    if (size > own_size) {
        memset((unsigned char *)caller + own_size, 0, size - own_size);
        memcpy(caller, own, own_size);
    } else {
        memcpy(caller, own, size);
    }
    memcpy(caller, &size, sizeof(size));
    return ZC_OK;
}

zc_status zc_options_check_page_size(size_t *page_size_inout)
{
    if (*page_size_inout == 0)
        *page_size_inout = ZC_PAGE_SIZE_MIN;
    if (!zc_is_power_of_two(*page_size_inout) ||
        *page_size_inout < ZC_PAGE_SIZE_MIN ||
        *page_size_inout > ZC_PAGE_SIZE_MAX)
        return ZC_INVALID;
    return ZC_OK;
}
