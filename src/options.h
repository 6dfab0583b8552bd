/* SPDX-License-Identifier: MIT */
/*
 * options.h - structs that grow: the caller's struct_size against ours.
 *
 * Copy-in takes what the caller has: what is missing is zero, and an unknown
 * tail must be zero.  Copy-out writes no more than the caller has room for.
 */
#ifndef ZC_OPTIONS_H
#define ZC_OPTIONS_H

#include <stddef.h>

#include <zcache/types.h>

/*
 * Copies the caller's struct into ours of `own_size` bytes.  NULL means all
 * zero.  ZC_OK; ZC_INVALID: a struct_size too small to hold itself;
 * ZC_UNSUPPORTED: a tail we do not know is not zero.
 */
zc_status zc_options_copy_in(void *own, size_t own_size, const void *caller);

/*
 * Copies ours to the caller's as far as its struct_size reaches, which stays.
 * ZC_OK; ZC_INVALID: NULL, or a struct_size too small to hold itself.
 */
zc_status zc_options_copy_out(void *caller, const void *own, size_t own_size);

/* Zero becomes the default.  ZC_OK; ZC_INVALID: not a page size. */
zc_status zc_options_check_page_size(size_t *page_size_inout);

#endif
