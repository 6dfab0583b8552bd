/* SPDX-License-Identifier: MIT */
/* report_plot.c - a report as a picture. */
#include <inttypes.h>

#include "common/plot.h"
#include "estimate/report.h"

/* Block names: $h0, $h1 ... one histogram for each codec; $pool. */
static void write_data(const struct report *sum, FILE *file)
{
    for (size_t i = 0; i < sum->result_count; i++) {
        const struct run_result *result = &sum->results[i];

        fprintf(file, "$h%zu << EOD\n", i);
        for (size_t size = 0; size < result->histogram_count; size++)
            fprintf(file, "%zu %" PRIu64 "\n", size * RUN_HISTOGRAM_STEP,
                    result->histogram[size]);
        fprintf(file, "EOD\n");
    }
    fprintf(file, "$pool << EOD\n");
    for (size_t i = 0; i < sum->result_count; i++) {
        const struct run_result *result = &sum->results[i];
        uint64_t rest = result->pool_bytes > result->payload_bytes
                            ? result->pool_bytes - result->payload_bytes
                            : 0;

        fprintf(file, "\"%s %s\" %.3f %.3f %.3f\n", result->codec->label,
                placement_name(result->placement),
                (double)result->payload_bytes / 1048576.0,
                (double)rest / 1048576.0,
                (double)result->metadata_bytes / 1048576.0);
    }
    fprintf(file, "EOD\n");
}

/* One histogram per codec: its placements hold the same objects. */
static void write_histograms(const struct report *sum, FILE *file)
{
    bool first = true;

    fprintf(file,
            "set title 'Objects by size'\n"
            "set xlabel 'bytes of an object'\n"
            "set ylabel 'objects in steps of %d bytes'\n"
            "set xrange [0:%zu]\nset yrange [0:*]\nset key top left\n"
            "plot ",
            RUN_HISTOGRAM_STEP, sum->page_size);
    for (size_t i = 0; i < sum->result_count; i++) {
        bool seen = false;

        for (size_t before = 0; before < i; before++)
            seen |= sum->results[before].codec == sum->results[i].codec;
        if (seen)
            continue;
        fprintf(file, "%s$h%zu using 1:2 with fsteps title '%s'",
                first ? "" : ", ", i, sum->results[i].codec->label);
        first = false;
    }
    fputc('\n', file);
}

static void write_script(const void *context, FILE *file)
{
    const struct report *sum = context;
    double bytes = (double)(sum->census.pages * sum->page_size);

    write_data(sum, file);
    fprintf(file, "set multiplot layout 1,2\n");
    write_histograms(sum, file);
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

bool report_plot(const struct report_list *list, const char *path)
{
    struct report sum;
    bool good;

    report_sum(&sum, list);
    good = plot_draw(path, write_script, &sum);
    report_free(&sum);
    return good;
}
