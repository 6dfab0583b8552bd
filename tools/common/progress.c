/* SPDX-License-Identifier: MIT */
/* progress.c - the line on the terminal. */
#include "common/progress.h"

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

/* Is it time to draw the line?  The time is in *now_out. */
static bool is_due(struct progress *progress, uint64_t *now_out)
{
    if (!progress->shown)
        return false;
    *now_out = clock_nanoseconds();
    if (*now_out - progress->last_drawn < REDRAW_NANOSECONDS)
        return false;
    progress->last_drawn = *now_out;
    return true;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t whole,
                   uint64_t count, const char *unit)
{
    uint64_t now;
    double seconds;
    double rate;

    if (!is_due(progress, &now))
        return;
    seconds = (double)(now - progress->stage_began) / 1e9;
    rate = seconds > 0.0 ? (double)count / seconds : 0.0;
    fprintf(stderr, "\r\033[K%s  %.*f %s/s", progress->stage,
            rate < 10.0 ? 2 : 0, rate, unit);
    if (whole != 0 && done != 0 && done <= whole)
        fprintf(stderr, "  %.0f %%  %.0f s left",
                100.0 * (double)done / (double)whole,
                seconds / (double)done * (double)(whole - done));
    fflush(stderr);
    progress->line_stands = true;
}

void progress_step(struct progress *progress, uint64_t pages)
{
    uint64_t now;
    double seconds;
    double rate;
    double left;
    uint64_t done;

    if (!is_due(progress, &now))
        return;
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

void progress_wait(struct progress *progress, uint64_t nanoseconds)
{
    uint64_t now;

    if (!is_due(progress, &now))
        return;
    fprintf(stderr, "\r\033[Kwaiting  %.0f s left", (double)nanoseconds / 1e9);
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
