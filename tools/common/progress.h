/* SPDX-License-Identifier: MIT */
/*
 * progress.h - one line on the terminal with the progress of the work: its
 * rate, and the time that is left.  Nothing if standard error is no terminal.
 */
#ifndef ZCACHE_TOOL_PROGRESS_H
#define ZCACHE_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Work on `page_total` pages, in one or more stages. */
struct progress {
    bool shown;
    bool line_stands; /* the line has text that must be erased */
    uint64_t page_size;
    uint64_t page_total;  /* of all stages */
    uint64_t page_done;   /* before this stage */
    uint64_t began;       /* nanoseconds */
    uint64_t stage_began; /* nanoseconds */
    uint64_t last_drawn;  /* nanoseconds */
    char stage[64];
};

/* Nanoseconds of a clock that only goes forward. */
uint64_t clock_nanoseconds(void);

/* Shown only if standard error is a terminal, and not when `quiet`. */
void progress_begin(struct progress *progress, bool quiet, uint64_t page_size,
                    uint64_t page_total);

/* Opens the next stage: "lz4 dense: storing". */
void progress_stage(struct progress *progress, const char *codec,
                    const char *placement, const char *verb);

/* `pages` of this stage are done; draws a few times a second. */
void progress_step(struct progress *progress, uint64_t pages);

/*
 * Work that is not counted in pages: `done` of `whole` (0: unknown) of this
 * stage, which has made `count` of a unit ("accesses").  Draws a few times a
 * second.
 */
void progress_show(struct progress *progress, uint64_t done, uint64_t whole,
                   uint64_t count, const char *unit);

/* Nothing is done for about so long; draws a few times a second. */
void progress_wait(struct progress *progress, uint64_t nanoseconds);

/* This stage has ended: it had `pages`. */
void progress_stage_end(struct progress *progress, uint64_t pages);

/* Erases the line. */
void progress_end(struct progress *progress);

#endif
