/* SPDX-License-Identifier: MIT */
/* report_plot.c - a report as a picture. */
#include <inttypes.h>

#include "common/plot.h"
#include "estimate/report.h"

/* Block names: $h0, $h1 ... one histogram for each codec; $pool. */
static void write_data(const struct report *report, FILE *file)
{
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        fprintf(file, "$h%zu << EOD\n", i);
        for (size_t size = 0; size < result->histogram_count; size++)
            fprintf(file, "%zu %" PRIu64 "\n", size * RUN_HISTOGRAM_STEP,
                    result->histogram[size]);
        fprintf(file, "EOD\n");
    }
    fprintf(file, "$pool << EOD\n");
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];
        uint64_t rest = result->pool_bytes > result->payload_bytes
                            ? result->pool_bytes - result->payload_bytes
                            : 0;

        fprintf(file, "\"%s %s\" %.3f %.3f %.3f\n", result->codec->label,
                run_target_name(result->target, result->placement),
                (double)result->payload_bytes / 1048576.0,
                (double)rest / 1048576.0,
                (double)result->metadata_bytes / 1048576.0);
    }
    fprintf(file, "EOD\n");
}

/* One histogram per codec: the first of its configurations. */
static void write_histograms(const struct report *report, FILE *file)
{
    bool first = true;

    fprintf(file,
            "set title 'Objects by size'\n"
            "set xlabel 'bytes of an object'\n"
            "set ylabel 'objects in steps of %d bytes'\n"
            "set xrange [0:%zu]\nset yrange [0:*]\nset key top left\n"
            "plot ",
            RUN_HISTOGRAM_STEP, report->page_size);
    for (size_t i = 0; i < report->result_count; i++) {
        bool seen = false;

        for (size_t before = 0; before < i; before++)
            seen |= report->results[before].codec == report->results[i].codec;
        if (seen)
            continue;
        fprintf(file, "%s$h%zu using 1:2 with fsteps title '%s'",
                first ? "" : ", ", i, report->results[i].codec->label);
        first = false;
    }
    fputc('\n', file);
}

static void write_script(const void *context, FILE *file)
{
    const struct report *report = context;
    double bytes = (double)(report->census.pages * report->page_size);

    write_data(report, file);
    fprintf(file, "set multiplot layout 1,2\n");
    write_histograms(report, file);
    fprintf(file,
            "set title 'The pool, of %.1f MiB of pages'\n"
            "set xlabel ''\nset ylabel 'MiB'\n"
            "set xrange [*:*]\nset yrange [0:*]\n"
            "set key above horizontal\n"
            "set style data histograms\nset style histogram rowstacked\n"
            "set style fill solid 0.7\nset boxwidth 0.7\n"
            "set xtics rotate by -30\n"
            "plot $pool using 2:xtic(1) title 'payload', "
            "$pool using 3 title 'headers and gaps', "
            "$pool using 4 title 'metadata'\n"
            "unset multiplot\n",
            bytes / 1048576.0);
}

bool report_plot(const struct report *report, const char *path)
{
    return plot_draw(path, write_script, report);
}
