/* SPDX-License-Identifier: MIT */
/* variant.h - the codecs and levels that an estimate compares. */
#ifndef ZCACHE_TOOL_VARIANT_H
#define ZCACHE_TOOL_VARIANT_H

#include "common/kernel_codec.h"
#include "common/words.h"

struct codec_choice {
    char *label; /* as it was written: "zstd:1" */
    char *name;  /* "zstd"; the kernel's own name of its codec */
    int level;   /* ZC_LEVEL_DEFAULT if none was written */
    const struct zc_compressor *compressor;
    struct kernel_codec *kernel;       /* NULL: a codec of the library */
    const struct codec_choice *second; /* of --recompress; NULL: none */
};

struct codec_list {
    const char *option; /* NULL: "--codec" */
    bool may_be_kernel; /* "kernel:NAME" is possible */
    struct codec_choice *choices;
    size_t count;
    size_t capacity;
};

/* The default codec, and the default list of codecs: of "lz4" and of
 * "lzo,lz4,zstd" those that are built in, and "copy" if none is. */
const char *codec_default(void);
const char *codec_list_default(void);

/* Appends the names of those built in: "lz4, copy". */
void codec_names(struct text *text);

/* Parses "lz4,zstd:1"; false, and an error shown that lists the codecs.  The
 * first two fields are the caller's; codec_list_free() keeps them. */
bool codec_list_parse(struct codec_list *list, const char *text);
void codec_list_free(struct codec_list *list);

/* "kernel" */
const char *placement_name(unsigned placement);

#endif
