/* SPDX-License-Identifier: MIT */
/*
 * options.h - structs that grow: the caller's struct_size against ours.
 *
 * Copy-in takes what the caller has: what is missing is zero, and an unknown
 * tail must be zero.  Copy-out writes no more than the caller has room for.
 */
#ifndef ZC_BASE_OPTIONS_H
#define ZC_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <zcache/types.h>

/* Lets the compiler hold the arguments of a printf()-like function against its
 * format. */
#if defined(__GNUC__)
#define ZC_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ZC_PRINTF(text, first)
#endif

/*
 * Copies the caller's struct into ours of `own_size` bytes.  NULL means all
 * zero.  ZC_OK; ZC_INVALID: a struct_size too small to hold itself, or above
 * ZC_STRUCT_SIZE_MAX, so that it was never set; ZC_UNSUPPORTED: a tail we do
 * not know is not zero.
 */
zc_status zc_options_copy_in(void *own, size_t own_size, const void *caller);

/*
 * The same for a struct that ends with a reason, which becomes the empty
 * string, or says why the copy failed.  `own` is a pointer to our struct.
 */
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

/*
 * The same for a plug-in's failure that has no reason yet: which plug-in of
 * that name (NULL: none) did not do it, and what the status means.
 */
zc_status zc_refuse_for(char *reason, size_t reason_size, zc_status status,
                        const char *what, const char *name);

/* Whether a struct's struct_size is one that was set: not too small to hold
 * itself, nor above ZC_STRUCT_SIZE_MAX. */
bool zc_options_has_size(const void *caller);

/*
 * Copies ours to the caller's as far as its struct_size reaches, which stays.
 * ZC_OK; ZC_INVALID: NULL, or a struct_size too small to hold itself or above
 * ZC_STRUCT_SIZE_MAX.
 */
zc_status zc_options_copy_out(void *caller, const void *own, size_t own_size);

/* Zero becomes the default.  ZC_OK; ZC_INVALID: not a page size. */
zc_status zc_options_check_page_size(size_t *page_size_inout);

#endif
