/* SPDX-License-Identifier: MIT */
/*
 * options.h - structs that grow: the caller's may be older or newer than ours.
 *
 * Copy-in: fields that the caller's struct lacks become zero, and fields that
 * this version does not know must be zero.  Copy-out writes no more bytes than
 * the caller's struct has.
 */
#ifndef ZC_BASE_OPTIONS_H
#define ZC_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <zcache/types.h>

/* The compiler checks the arguments of a printf()-like function. */
#if defined(__GNUC__)
#define ZC_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ZC_PRINTF(text, first)
#endif

/*
 * Copies the caller's struct into ours of `own_size` bytes.  NULL means all
 * zero.  ZC_OK; ZC_INVALID: struct_size is too small to hold itself, or above
 * ZC_STRUCT_SIZE_MAX, so it was never set; ZC_UNSUPPORTED: a field that this
 * version does not know is not zero.
 */
zc_status zc_options_copy_in(void *own, size_t own_size, const void *caller);

/* zc_options_copy_in() for a struct with a reason, which becomes the empty
 * string, or says why the copy failed.  `own` is a pointer to our struct. */
#define ZC_OPTIONS_READ(own, caller)                                           \
    zc_options_read((own), sizeof(*(own)), (caller), &(own)->reason,           \
                    &(own)->reason_size)
zc_status zc_options_read(void *own, size_t own_size, const void *caller,
                          char **reason, size_t *reason_size);

/*
 * Writes a reason as printf() would, cut to the size, and returns `status`:
 *
 *     return ZC_REFUSE(options, ZC_INVALID, "chain_length: %u is not ...", n);
 *
 * `options` points to any struct with a reason.
 */
#define ZC_REFUSE(options, status, ...)                                        \
    zc_refuse((options)->reason, (options)->reason_size, (status), __VA_ARGS__)
zc_status zc_refuse(char *reason, size_t reason_size, zc_status status,
                    const char *format, ...) ZC_PRINTF(4, 5);

/* For a plug-in that failed and gave no reason: writes its kind (`what`), its
 * name (NULL: none) and the meaning of the status. */
zc_status zc_refuse_for(char *reason, size_t reason_size, zc_status status,
                        const char *what, const char *name);

/* Whether struct_size was set: it can hold itself, and is not above
 * ZC_STRUCT_SIZE_MAX. */
bool zc_options_has_size(const void *caller);

/*
 * Copies our struct to the caller's, as far as the caller's struct_size
 * reaches; struct_size stays as it is.  ZC_OK; ZC_INVALID: NULL, or a
 * struct_size too small to hold itself or above ZC_STRUCT_SIZE_MAX.
 */
zc_status zc_options_copy_out(void *caller, const void *own, size_t own_size);

/* Zero becomes the default.  ZC_OK; ZC_INVALID: not a page size. */
zc_status zc_options_check_page_size(size_t *page_size_inout);

#endif
