/* SPDX-License-Identifier: MIT */
/*
 * html.c - text and pictures of a page.
 *
 * A picture is inline SVG of rectangles, lines and texts, without a script and
 * without anything from elsewhere.
 */
#include "estimate/html.h"

#include <inttypes.h>
#include <stdlib.h>

/* Of a picture, in its own unit. */
#define WIDTH 760
#define BAR_ROW 42
#define BAR_TOP 20
#define BAR_HEIGHT 14
#define SIZES_HEIGHT 300
#define SIZES_LEFT 80
#define SIZES_BOTTOM 260

static void write_escaped(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        case '\'':
            fputs("&#39;", file);
            break;
        default:
            fputc(*text, file);
            break;
        }
    }
}

void html_text(FILE *file, const char *text)
{
    struct text visible = {0};

    text_append_visible(&visible, text);
    if (visible.length != 0)
        write_escaped(file, visible.bytes);
    text_free(&visible);
}

bool html_lines(FILE *file, void (*print)(const struct report *, FILE *),
                const struct report *report)
{
    char *lines = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&lines, &size);
    bool good;

    if (memory == NULL)
        return false;
    print(report, memory);
    good = fclose(memory) == 0;
    if (good && size != 0) {
        fputs("<pre>", file);
        write_escaped(file, lines + (lines[0] == '\n'));
        fputs("</pre>\n", file);
    }
    free(lines);
    return good;
}

static void open_picture(FILE *file, size_t height, const char *title)
{
    fprintf(file, "<svg viewBox=\"0 0 %d %zu\" role=\"img\">\n<title>", WIDTH,
            height);
    html_text(file, title);
    fputs("</title>\n", file);
}

static void write_bar(FILE *file, const struct bar *bar, size_t top,
                      double scale)
{
    const double whole = scale * (double)bar->whole;

    fprintf(file, "<text x=\"0\" y=\"%zu\">", top + BAR_HEIGHT);
    html_text(file, bar->label.bytes);
    fprintf(file, "</text><text x=\"%d\" y=\"%zu\" text-anchor=\"end\">", WIDTH,
            top + BAR_HEIGHT);
    html_text(file, bar->figure.bytes);
    fputs("</text>\n", file);
    fprintf(file,
            "<rect class=\"free\" x=\"0\" y=\"%zu\" width=\"%.1f\" "
            "height=\"%d\"/>"
            "<rect class=\"cost\" x=\"0\" y=\"%zu\" width=\"%.1f\" "
            "height=\"%d\"/>\n",
            top + BAR_TOP, whole, BAR_HEIGHT, top + BAR_TOP,
            scale * (double)bar->cost, BAR_HEIGHT);
    fprintf(file,
            "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%zu\" "
            "y2=\"%zu\"/>\n",
            whole, whole, top + BAR_TOP - 2, top + BAR_TOP + BAR_HEIGHT + 2);
}

static void write_key(FILE *file, const char *color, const char *meaning)
{
    fprintf(file, "<span style=\"color: %s\">&#9632;</span> ", color);
    html_text(file, meaning);
    fputs("&#160;&#160; ", file);
}

void html_bars(FILE *file, const struct bars *bars)
{
    /* The line at the end of the longest is inside. */
    const double scale = (WIDTH - 1.0) / (double)bars->most;

    open_picture(file, BAR_ROW * bars->count, bars->title.bytes);
    for (size_t i = 0; i < bars->count; i++)
        write_bar(file, &bars->rows[i], BAR_ROW * i, scale);
    fputs("</svg>\n<p class=\"key\">", file);
    write_key(file, "#2b6cb0", "pool and metadata");
    write_key(file, "#b7dfb9", "would come free");
    fputs("The dark line is the uncompressed size.</p>\n", file);
}

/* 1, 2 or 5 times a power of ten: at most 5 of them are below `most`. */
static uint64_t step_below(uint64_t most)
{
    uint64_t step = 1;

    for (unsigned i = 0; most / step > 5; i++)
        step = i % 3 == 1 ? step / 2 * 5 : step * 2;
    return step;
}

static double place_of_size(const struct report *report, size_t size)
{
    return SIZES_LEFT + (WIDTH - 20.0 - SIZES_LEFT) * (double)size /
                            (double)report->page_size;
}

static double place_of_count(uint64_t most, uint64_t count)
{
    return SIZES_BOTTOM - (SIZES_BOTTOM - 10.0) * (double)count / (double)most;
}

static void write_axes(FILE *file, const struct report *report, uint64_t most)
{
    const uint64_t step = step_below(most);

    for (uint64_t count = 0; count <= most; count += step) {
        const double y = place_of_count(most, count);

        fprintf(file,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
                "y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%" PRIu64 "</text>\n",
                SIZES_LEFT, WIDTH - 20, y, y, SIZES_LEFT - 6, y + 4.0, count);
    }
    for (size_t i = 0; i <= 8; i++) {
        const size_t size = i * report->page_size / 8;
        const double x = place_of_size(report, size);

        fprintf(file,
                "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" "
                "y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" "
                "text-anchor=\"middle\">%zu</text>\n",
                x, x, SIZES_BOTTOM, SIZES_BOTTOM + 5, x, SIZES_BOTTOM + 20,
                size);
    }
    fprintf(file,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">bytes of an "
            "object</text>\n",
            (WIDTH + SIZES_LEFT) / 2, SIZES_HEIGHT - 4);
}

/* A step of sizes has its count on all of it. */
static void write_steps(FILE *file, const struct report *report,
                        const struct run_result *result, uint64_t most,
                        const char *color)
{
    fprintf(file,
            "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
            "d=\"M%d %d",
            color, SIZES_LEFT, SIZES_BOTTOM);
    for (size_t step = 0; step < result->histogram_count; step++)
        fprintf(file, "V%.1fH%.1f",
                place_of_count(most, result->histogram[step]),
                place_of_size(report, (step + 1) * RUN_HISTOGRAM_STEP));
    fprintf(file, "V%d\"/>\n", SIZES_BOTTOM);
}

void html_object_sizes(FILE *file, const struct report *report)
{
    static const char *const colors[] = {"#2b6cb0", "#c05621", "#2f855a",
                                         "#805ad5", "#b83280", "#975a16",
                                         "#00838f", "#4a5568"};
    const size_t color_count = sizeof(colors) / sizeof(colors[0]);
    const uint64_t most = report_most_objects(report);
    size_t color = 0;

    open_picture(file, SIZES_HEIGHT, "Objects by size");
    write_axes(file, report, most);
    for (size_t i = 0; i < report->result_count; i++) {
        if (report_is_first_of_codec(report, i))
            write_steps(file, report, &report->results[i], most,
                        colors[color++ % color_count]);
    }
    fputs("</svg>\n<p class=\"key\">", file);
    color = 0;
    for (size_t i = 0; i < report->result_count; i++) {
        if (report_is_first_of_codec(report, i))
            write_key(file, colors[color++ % color_count],
                      report->results[i].codec->label);
    }
    fprintf(file, "Objects in steps of %d bytes.</p>\n", RUN_HISTOGRAM_STEP);
}
