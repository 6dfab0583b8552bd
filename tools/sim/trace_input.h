/* SPDX-License-Identifier: MIT */
/*
 * trace_input.h - the bytes and the lines of a trace, decompressed.
 *
 * A file or a pipe is read as it comes, a block at a time.  Its content says
 * whether it is compressed, by zstd, gzip, xz, bzip2 or lz4; a program that was
 * built without libarchive refuses such a file.
 */
#ifndef ZCACHE_TOOL_SIM_TRACE_INPUT_H
#define ZCACHE_TOOL_SIM_TRACE_INPUT_H

#include "common/text.h"

struct trace_input {
    const char *path;
    int file;
    bool failed;             /* an error was shown */
    bool ended;              /* no block is left to read */
    bool after_cr;           /* a LF now belongs to the line before */
    uint64_t line;           /* of the last line, from 1 */
    const unsigned char *at; /* what is decompressed and not taken yet */
    size_t left;
    unsigned char *block; /* as read from the file */
    size_t block_size;    /* bytes in it, if it was read ahead */
    void *archive;        /* of libarchive */
};

/* False, and an error shown.  Either way trace_input_close() ends it. */
bool trace_input_open(struct trace_input *input, const char *path);
void trace_input_close(struct trace_input *input);

/* Up to `size` bytes; fewer at the end, or after an error, which was shown. */
size_t trace_input_bytes(struct trace_input *input, unsigned char *bytes_out,
                         size_t size);

/*
 * Appends the next line without its end, which is LF, CR LF or CR.  False at
 * the end, or after an error, which was shown: the line is too long, or has a
 * control character that text has not.
 */
bool trace_input_line(struct trace_input *input, struct text *line);

#endif
