/* SPDX-License-Identifier: MIT */
/*
 * cold.h - which pages were not touched for so many seconds (--cold).
 *
 * The processes are looked at several times, by one of three means:
 *
 *     idle        each page, by the kernel's idle page tracking (cold_idle.c)
 *     contents    each page, by contents that stay the same (cold_look.c)
 *     referenced  each mapping, by Referenced of smaps after clear_refs
 *                 (cold_referenced.c)
 *
 * Then the pages that were cold are watched for some more seconds, to count
 * those that are touched again.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_COLD_H
#define ZCACHE_TOOL_ESTIMATE_COLD_H

#include "common/progress.h"
#include "common/queue.h"

#define COLD_AGES_MOST 8
#define COLD_SECONDS_MOST 86400

/* Cold pages are watched for the shortest age, and at most so long. */
#define COLD_WATCH_SECONDS_MOST 10

enum cold_means {
    COLD_IDLE,
    COLD_CONTENTS,
    COLD_REFERENCED
};

/* What is asked for. */
struct cold_request {
    uint64_t seconds[COLD_AGES_MOST]; /* ascending */
    size_t age_count;                 /* 0: nothing */
    bool clear_refs;

    /* For tests: a folder instead of the root, and what waits until a time in
     * nanoseconds, and returns the time. */
    const char *root;
    uint64_t (*wait)(void *context, uint64_t due);
    void *wait_context;
};

/* Pages of one age. */
struct cold_age {
    uint64_t seconds;  /* as asked for */
    uint64_t observed; /* nanoseconds that they were seen untouched, at least */
    uint64_t watched;  /* nanoseconds after that */
    uint64_t again;    /* of all its pages, those touched while watched */
};

struct cold_look;
struct cold_reading;
struct cold_sharing;

struct cold {
    enum cold_means means;
    struct cold_age ages[COLD_AGES_MOST];
    size_t age_count;
    size_t ended;                  /* processes that ended meanwhile */
    struct cold_look *look;        /* by page: when the ages were known */
    struct cold_reading *readings; /* by mapping: two of each age */
    struct cold_sharing *sharing;  /* by mapping: shared memory */
};

/* Parses "10,60"; false, and an error shown. */
bool cold_parse(struct cold_request *request, const char *text);

/*
 * Looks at all processes of the queue, in `source`, for as long as the oldest
 * age takes and the watching after it.  The source is opened anew, as what the
 * queue has at the end.  False, and an error shown, with the source closed.
 */
bool cold_watch(struct cold *cold, const struct cold_request *request,
                struct source_queue *queue, struct source *source, bool quiet);
void cold_free(struct cold *cold);

/* Of a page: the number of ages, from the first, that it is cold for.  The
 * place of the last call is in *hint, 0 at first. */
size_t cold_page_ages(const struct cold *cold, long pid, uint64_t address,
                      size_t *hint);

/* Of a mapping of the source: the part of its pages that is cold for an age. */
double cold_mapping_part(const struct cold *cold, const struct source *source,
                         size_t mapping, size_t age);

#endif
