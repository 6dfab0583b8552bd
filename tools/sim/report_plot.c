/* SPDX-License-Identifier: MIT */
/* report_plot.c - the time line of a run as a picture. */
#include <inttypes.h>

#include "common/plot.h"
#include "sim/sim.h"

/* Columns: seconds, accesses and faults per second, pool and payload in MiB,
 * swapped in from pool and device, written back, per second. */
static void write_data(const struct sim_timeline *timeline, FILE *file)
{
    fprintf(file, "$run << EOD\n");
    for (size_t i = 1; i < timeline->count; i++) {
        const struct sim_sample *now = &timeline->samples[i];
        const struct sim_sample *before = now - 1;
        const double seconds = (double)(now->time_ns - before->time_ns) / 1e9;

        if (seconds <= 0.0)
            continue;
        fprintf(file, "%.4f %.1f %.1f %.4f %.4f %.1f %.1f %.1f\n",
                (double)now->time_ns / 1e9,
                (double)(now->ops - before->ops) / seconds,
                (double)(now->faults - before->faults) / seconds,
                (double)now->pool_bytes / 1048576.0,
                (double)now->payload_bytes / 1048576.0,
                (double)(now->zswpin - before->zswpin) / seconds,
                (double)(now->disk_swapins - before->disk_swapins) / seconds,
                (double)(now->zswpwb - before->zswpwb) / seconds);
    }
    fprintf(file, "EOD\n");
}

static void write_script(const void *context, FILE *file)
{
    write_data(context, file);
    fputs("set multiplot layout 1,3\n"
          "set xlabel 'seconds'\nset yrange [0:*]\n"
          "set key above\nset style data lines\n"
          "set title 'Per second'\n"
          "plot $run using 1:2 title 'accesses', "
          "$run using 1:3 title 'faults'\n"
          "set title 'The pool, MiB'\n"
          "plot $run using 1:4 title 'pool', $run using 1:5 title 'objects'\n"
          "set title 'Pages per second'\n"
          "plot $run using 1:6 title 'from the pool', "
          "$run using 1:7 title 'from the device', "
          "$run using 1:8 title 'written back'\n"
          "unset multiplot\n",
          file);
}

bool sim_report_plot(const struct sim_timeline *timeline, const char *path)
{
    if (timeline->count < 2) {
        message_error("--plot: the run has %zu samples, and at least 2 are "
                      "needed; a smaller --interval gives more",
                      timeline->count);
        return false;
    }
    return plot_draw(path, write_script, timeline);
}
