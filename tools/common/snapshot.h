/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - a copy in memory of a source's pages at one time.
 *
 * A live process changes during the measurement.  So its pages are copied once,
 * and every codec and placement works on the same copy.  Every page that is
 * loaded is compared with it.
 */
#ifndef ZCACHE_TOOL_SNAPSHOT_H
#define ZCACHE_TOOL_SNAPSHOT_H

#include <stdint.h>

#include "common/progress.h"
#include "common/source.h"

/* Pages that lie one after another in one mapping. */
struct snapshot_span {
    uint64_t first_page; /* index in the snapshot */
    uint64_t page_count;
    uint64_t address; /* of the first page, in its origin */
    size_t mapping;   /* index into the source's mappings */
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
    SNAPSHOT_NOTHING, /* the source ended before any page was read */
    SNAPSHOT_FAILED   /* an error, which was shown */
};

/*
 * Copies the pages of a source that `sample` takes, and appends what is missing
 * to the source's note.
 */
enum snapshot_outcome snapshot_take(struct snapshot *snapshot,
                                    struct source *source, uint64_t sample,
                                    struct progress *progress);

void snapshot_free(struct snapshot *snapshot);

static inline unsigned char *snapshot_page(const struct snapshot *snapshot,
                                           uint64_t index)
{
    return snapshot->bytes + (size_t)index * snapshot->page_size;
}

#endif
