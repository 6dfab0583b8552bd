/* SPDX-License-Identifier: MIT */
/*
 * report_plot.c - a report as a picture: what would come free in each
 * configuration, the sizes of the objects, and the cold pages of each age.
 *
 * Bars lie, so that each label has a line of its own, and the margin grows with
 * the longest.
 */
#include <inttypes.h>

#include "common/plot.h"
#include "estimate/report_picture.h"

/* In pixels. */
#define BAR_HEIGHT 30
#define BARS_FRAME 130 /* title, axis, key */
#define SIZES_HEIGHT 400

struct picture {
    const struct report *report;
    struct bars results;
    struct bars cold; /* no rows without --cold */
    unsigned height;  /* of all panels, of which `top` was used */
    unsigned top;
};

static unsigned height_of(const struct bars *bars)
{
    return bars->count == 0 ? 0
                            : BARS_FRAME + BAR_HEIGHT * (unsigned)bars->count;
}

/* The next panel, below the one before. */
static void begin_panel(struct picture *picture, unsigned height, FILE *file)
{
    picture->top += height;
    fprintf(file, "set size 1,%.4f\nset origin 0,%.4f\n",
            (double)height / picture->height,
            1.0 - (double)picture->top / picture->height);
}

/* A block of data: each row's place, whole, cost, end, figure. */
static void write_bars_data(const struct bars *bars, const char *block,
                            FILE *file)
{
    fprintf(file, "$%s << EOD\n", block);
    for (size_t i = 0; i < bars->count; i++) {
        const struct bar *bar = &bars->rows[i];
        const uint64_t end = bar->cost > bar->whole ? bar->cost : bar->whole;

        fprintf(file, "%zu %.3f %.3f %.3f \"%s\"\n", i,
                (double)bar->whole / bars->unit.bytes,
                (double)bar->cost / bars->unit.bytes,
                (double)end / bars->unit.bytes, bar->figure.bytes);
    }
    fprintf(file, "EOD\n");
}

static void write_bars(struct picture *picture, const struct bars *bars,
                       const char *block, FILE *file)
{
    write_bars_data(bars, block, file);
    begin_panel(picture, height_of(bars), file);
    fprintf(file,
            "set title '%s, in %s'\nunset ylabel\n"
            "set xrange [0:%.3f]\nset yrange [%.1f:-0.6]\n"
            "set xtics autofreq nomirror\nset ytics nomirror (",
            bars->title.bytes, bars->unit.name,
            1.7 * (double)bars->most / bars->unit.bytes,
            (double)bars->count - 0.4);
    for (size_t i = 0; i < bars->count; i++)
        fprintf(file, "%s\"%s\" %zu", i == 0 ? "" : ", ",
                bars->rows[i].label.bytes, i);
    fprintf(file,
            ")\nset key bmargin center horizontal\n"
            "set style fill solid 1.0 noborder\n"
            "plot $%s using (0):1:(0):2:($1-0.35):($1+0.35) "
            "with boxxyerror lc rgb '#b7dfb9' title 'would come free', "
            "$%s using (0):1:(0):3:($1-0.35):($1+0.35) "
            "with boxxyerror lc rgb '#2b6cb0' title 'pool and metadata', "
            "$%s using 2:($1-0.42):(0):(0.84) with vectors nohead lw 2 "
            "lc rgb '#333333' title 'uncompressed', "
            "$%s using 4:1:5 with labels left offset 1,0 notitle\n",
            block, block, block, block);
}

/* One histogram for each codec; a step of sizes has its count on all of it. */
static void write_sizes(struct picture *picture, FILE *file)
{
    const struct report *report = picture->report;
    bool first = true;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        fprintf(file, "$h%zu << EOD\n", i);
        for (size_t step = 0; step < result->histogram_count; step++)
            fprintf(file, "%zu %" PRIu64 "\n", step * RUN_HISTOGRAM_STEP,
                    result->histogram[step]);
        fprintf(file, "%zu 0\nEOD\n",
                result->histogram_count * RUN_HISTOGRAM_STEP);
    }
    begin_panel(picture, SIZES_HEIGHT, file);
    fprintf(file,
            "set title 'Objects by size, in bytes'\n"
            "set ylabel 'objects in steps of %d bytes'\n"
            "set xrange [0:%zu]\nset yrange [0:%.1f]\n"
            "set xtics %zu nomirror\nset ytics autofreq nomirror\n"
            "set key bmargin center horizontal\nplot ",
            RUN_HISTOGRAM_STEP, report->page_size,
            1.05 * (double)report_most_objects(report), report->page_size / 8);
    for (size_t i = 0; i < report->result_count; i++) {
        if (!report_is_first_of_codec(report, i))
            continue;
        fprintf(file, "%s$h%zu using 1:2 with steps lw 2 title \"%s\"",
                first ? "" : ", ", i, report->results[i].codec->label);
        first = false;
    }
    fputc('\n', file);
}

static void write_script(const void *context, FILE *file)
{
    struct picture picture = *(const struct picture *)context;

    fprintf(file, "set termoption noenhanced\nset border 3\nset multiplot\n");
    write_bars(&picture, &picture.results, "results", file);
    if (picture.cold.count != 0)
        write_bars(&picture, &picture.cold, "cold", file);
    write_sizes(&picture, file);
    fprintf(file, "unset multiplot\n");
}

bool report_plot(const struct report *report, const char *path)
{
    struct picture picture = {.report = report,
                              .results = bars_of_results(report)};
    bool good;

    if (report->cold != NULL)
        picture.cold = bars_of_cold(report, report->shown);
    picture.height = height_of(&picture.results) + height_of(&picture.cold) +
                     SIZES_HEIGHT;
    good = plot_draw(path, picture.height, write_script, &picture);
    bars_free(&picture.results);
    bars_free(&picture.cold);
    return good;
}
