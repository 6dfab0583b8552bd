/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - the pages of a source as they were at one time, in our memory.
 *
 * A live process changes while it is looked at.  Its pages are therefore
 * copied once, and every codec and placement then works on the same copy, with
 * which every page that comes back is compared.
 */
#ifndef ZCACHE_TOOL_SNAPSHOT_H
#define ZCACHE_TOOL_SNAPSHOT_H

#include <stdint.h>

#include "common/progress.h"
#include "common/source.h"

/* Pages of one mapping, one after the other. */
struct snapshot_span {
    uint64_t first_page;
    uint64_t page_count;
    size_t name; /* which of the source's names */
};

struct snapshot {
    unsigned char *bytes;
    size_t mapped_bytes;
    size_t page_size;
    uint64_t page_count;
    struct snapshot_span *spans; /* in order, without gaps */
    size_t span_count;
    size_t span_capacity;
};

enum snapshot_outcome {
    SNAPSHOT_OK,
    SNAPSHOT_NOTHING, /* it ended before a page of it was read */
    SNAPSHOT_FAILED   /* an error, which was shown */
};

/*
 * Copies what `sample` takes of a source, and appends to the source's note
 * what went missing.
 */
enum snapshot_outcome snapshot_take(struct snapshot *snapshot,
                                    struct source *source, uint64_t sample,
                                    struct progress *progress);

void snapshot_free(struct snapshot *snapshot);

#endif
