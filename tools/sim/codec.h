/* SPDX-License-Identifier: MIT */
/*
 * codec.h - a compressor in front of the real one, which measures its time and
 * damages pages on request.  The simulation damages those that no compressor
 * sees.
 *
 * There is one per process, so a process runs one simulation at a time.
 */
#ifndef ZCACHE_TOOL_SIM_CODEC_H
#define ZCACHE_TOOL_SIM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_CODEC_NAME "timed"

struct sim_codec_times {
    uint64_t compress_calls;
    uint64_t compress_ns; /* of processor time */
    uint64_t decompress_calls;
    uint64_t decompress_ns;
    uint64_t damaged;     /* damaged pages, all */
    uint64_t damaged_raw; /* of them: never compressed */
};

/*
 * Puts it in front of the compressor of that name.  The next `damage` pages
 * that come out of the pool get one wrong bit each.  Nothing may run meanwhile.
 * False, and an error shown.
 */
bool sim_codec_begin(const char *name, uint64_t damage);

/* How many pages this thread has decompressed. */
uint64_t sim_codec_decompressed(void);

/* Is a page to be damaged that was not decompressed?  Then one byte of it gets
 * another value; the caller damages the page, or says that it could not. */
bool sim_codec_damage_raw(const void *page, size_t page_size, size_t *at_out,
                          unsigned char *byte_out);
void sim_codec_spare_raw(void);

/* No more damage from here on. */
void sim_codec_end_damage(void);

struct sim_codec_times sim_codec_times(void);

#endif
