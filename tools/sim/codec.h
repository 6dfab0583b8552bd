/* SPDX-License-Identifier: MIT */
/*
 * codec.h - a compressor in front of the real one, which measures its time and
 * damages pages on request.
 *
 * There is one per process, so a process runs one simulation at a time.
 */
#ifndef ZCACHE_TOOL_SIM_CODEC_H
#define ZCACHE_TOOL_SIM_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_CODEC_NAME "timed"

struct sim_codec_times {
    uint64_t compress_calls;
    uint64_t compress_ns; /* of processor time */
    uint64_t decompress_calls;
    uint64_t decompress_ns;
    uint64_t damaged; /* damaged pages */
};

/*
 * Puts it in front of the compressor of that name.  The next `damage`
 * decompressed pages get one wrong bit each.  Nothing may run meanwhile.
 * False, and an error shown.
 */
bool sim_codec_begin(const char *name, uint64_t damage);

/* No more damage from here on. */
void sim_codec_end_damage(void);

struct sim_codec_times sim_codec_times(void);

#endif
