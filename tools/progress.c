/* SPDX-License-Identifier: MIT */
/* progress.c - the line on the terminal. */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS UINT64_C(1000000000)
#define REDRAW_NANOSECONDS (NANOSECONDS / 5)

uint64_t clock_nanoseconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress, bool quiet, uint64_t page_size,
                    uint64_t page_total)
{
    *progress = (struct progress){0};
    progress->shown = !quiet && isatty(STDERR_FILENO) == 1;
    progress->page_size = page_size;
    progress->page_total = page_total;
    progress->began = clock_nanoseconds();
    progress->stage_began = progress->began;
}

void progress_stage(struct progress *progress, const char *codec,
                    const char *placement, const char *verb)
{
    (void)snprintf(progress->stage, sizeof(progress->stage), "%s%s%s%s%s",
                   codec, *codec == '\0' ? "" : " ", placement,
                   *codec == '\0' ? "" : ": ", verb);
    progress->stage_began = clock_nanoseconds();
}

void progress_step(struct progress *progress, uint64_t pages)
{
    uint64_t now;
    double seconds;
    double rate;
    double left;
    uint64_t done;

    if (!progress->shown)
        return;
    now = clock_nanoseconds();
    if (now - progress->last_drawn < REDRAW_NANOSECONDS)
        return;
    progress->last_drawn = now;
    done = progress->page_done + pages;
    if (done == 0 || done > progress->page_total)
        return;
    seconds = (double)(now - progress->stage_began) / 1e9;
    rate = (double)pages * (double)progress->page_size / 1048576.0;
    rate = seconds > 0.0 ? rate / seconds : 0.0;
    left = (double)(now - progress->began) / 1e9 / (double)done *
           (double)(progress->page_total - done);
    fprintf(stderr, "\r\033[K%3.0f %%  %s  %.0f MiB/s  %.0f s left",
            100.0 * (double)done / (double)progress->page_total,
            progress->stage, rate, left);
    fflush(stderr);
    progress->line_stands = true;
}

void progress_stage_end(struct progress *progress, uint64_t pages)
{
    progress->page_done += pages;
}

void progress_end(struct progress *progress)
{
    if (!progress->line_stands)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->line_stands = false;
}
