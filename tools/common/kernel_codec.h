/* SPDX-License-Identifier: MIT */
/*
 * kernel_codec.h - the codecs of the running kernel, through a zram device.
 *
 * The device is made by hot_add for each use and removed after it, also by a
 * signal that ends the program; a device that exists is never touched.  The
 * codec is a struct zc_compressor: an object names the slot of the device that
 * has the page, and has the size that the kernel's object has.  A size that
 * takes a page alone (3625 and more of 4096, with chains of 8) is a page's: the
 * kernel does not tell it.
 */
#ifndef ZCACHE_TOOL_KERNEL_CODEC_H
#define ZCACHE_TOOL_KERNEL_CODEC_H

#include <zcache/compressor.h>

#include "common/text.h"

/* What a codec of the kernel is called: "kernel:lzo-rle". */
#define KERNEL_CODEC_PREFIX "kernel:"

struct kernel_codec;

/*
 * Finds "lzo-rle" or "zstd:9" in the running kernel.  NULL, and an error shown
 * behind the name of the option: there is no zram, no right to add a device, or
 * no such codec.
 */
struct kernel_codec *kernel_codec_find(const char *option, const char *name);
void kernel_codec_free(struct kernel_codec *codec); /* NULL: nothing */

const struct zc_compressor *kernel_codec_compressor(
    const struct kernel_codec *codec);

/* The level that was written; ZC_LEVEL_DEFAULT: none. */
int kernel_codec_level(const struct kernel_codec *codec);

/*
 * Makes the device, for so many pages, on the only thread of the program.
 * Between these calls the compressor works, on any threads.  False, and an
 * error shown.
 */
bool kernel_codec_begin(struct kernel_codec *codec, uint64_t pages);
void kernel_codec_end(struct kernel_codec *codec);

/*
 * The time since the last call, of all threads together, that is no part of the
 * codec: for each page the least that a page of zeros took, which is the block
 * layer's (tried every few pages), that of asking for the size, and that of
 * waiting for another thread.
 */
uint64_t kernel_codec_overhead(struct kernel_codec *codec);

/* Appends sentences about what was compressed since kernel_codec_begin(). */
void kernel_codec_describe(const struct kernel_codec *codec, struct text *text);

#endif
