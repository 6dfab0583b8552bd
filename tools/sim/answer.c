/* SPDX-License-Identifier: MIT */
/* answer.c - what a sweep says, as a table, as CSV and as JSON. */
#include "sim/answer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/plot.h"
#include "sim/sim.h"

#define MIB 1048576.0
/* Equal is what differs by this part of all pages. */
#define SAVED_EQUAL 100
#define NAMED_MOST 8 /* points in the verdict */

/* ---- one run ---- */

int64_t sim_saved_bytes(const struct sim_config *config,
                        const struct sim_result *result)
{
    const int64_t page_size = (int64_t)sim_number(config, SIM_PAGE_SIZE);

    return ((int64_t)result->plan.total_pages -
            (int64_t)result->plan.frame_count) *
               page_size -
           (int64_t)result->pool_bytes_most -
           (int64_t)result->accounting.metadata_bytes;
}

uint64_t sim_time_at(const struct sim_result *result,
                     const struct sim_cost *cost, size_t pass)
{
    const uint64_t counts[SIM_COST_KINDS] = {
        [SIM_COST_COMPRESS] = result->codec.compress_calls,
        [SIM_COST_DECOMPRESS] = result->codec.decompress_calls,
        [SIM_COST_WRITE] = result->swap.pages_written,
        [SIM_COST_READ] = result->swap.pages_read};
    uint64_t sum = 0;

    for (size_t i = 0; i < SIM_COST_KINDS; i++)
        sum += counts[i] * cost->nanoseconds[i][pass];
    return sum;
}

/* ---- which points no other beats ---- */

static double per_access(uint64_t number, const struct sim_result *result)
{
    return result->counts.ops == 0
               ? 0.0
               : (double)number / (double)result->counts.ops;
}

/* How much better one is: more than 0, or less. */
struct margin {
    int64_t saved; /* bytes */
    double time;   /* nanoseconds of an access */
};

static struct margin compare(const struct sim_point *one,
                             const struct sim_point *other, size_t run,
                             size_t pass)
{
    const struct sim_result *result = one->runs[run];
    const struct sim_result *other_result = other->runs[run];

    return (struct margin){
        .saved = sim_saved_bytes(one->config, result) -
                 sim_saved_bytes(other->config, other_result),
        .time = per_access(sim_time_at(other_result, &other->cost, pass),
                           other_result) -
                per_access(sim_time_at(result, &one->cost, pass), result)};
}

static bool beats(const struct sim_answer *answer, const struct sim_point *one,
                  const struct sim_point *other)
{
    const int64_t equal = (int64_t)(other->runs[0]->plan.total_pages *
                                    sim_number(other->config, SIM_PAGE_SIZE) /
                                    SAVED_EQUAL);
    bool saves_more = true;
    bool takes_less = true;

    for (size_t run = 0; run < answer->run_count; run++) {
        for (size_t pass = 0; pass < SIM_COST_PASSES; pass++) {
            const struct margin margin = compare(one, other, run, pass);

            if (margin.saved < -equal || margin.time < 0.0)
                return false;
            saves_more = saves_more && margin.saved > equal;
            takes_less = takes_less && margin.time > 0.0;
        }
    }
    return saves_more || takes_less;
}

void sim_answer_judge(struct sim_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct sim_point *point = &answer->points[i];

        point->is_unbeaten = true;
        for (size_t k = 0; k < answer->count && point->is_unbeaten; k++)
            point->is_unbeaten = !beats(answer, &answer->points[k], point);
    }
}

/* ---- figures of all samples ---- */

/* The median of some numbers, and half the way from least to most. */
struct figure {
    double median;
    double spread;
};

static struct figure figure_of(double *numbers, size_t count)
{
    qsort(numbers, count, sizeof(*numbers), double_compare);
    return (struct figure){.median = numbers[count / 2],
                           .spread = (numbers[count - 1] - numbers[0]) / 2};
}

enum figure_kind {
    SAVED,     /* MiB */
    WRITTEN,   /* pages, in 1000 accesses */
    REFAULTS,  /* pages, in 1000 accesses */
    TIME,      /* microseconds of an access */
    THROUGHPUT /* accesses per second */
};

static double number_of(const struct sim_point *point,
                        const struct sim_result *result, enum figure_kind kind,
                        size_t pass)
{
    switch (kind) {
    case SAVED:
        return (double)sim_saved_bytes(point->config, result) / MIB;
    case WRITTEN:
        return 1e3 * per_access(result->swap.pages_written, result);
    case REFAULTS:
        return 1e3 *
               per_access(result->cache.zswpin + result->cache.disk_swapins,
                          result);
    case TIME:
        return per_access(sim_time_at(result, &point->cost, pass), result) /
               1e3;
    case THROUGHPUT:
        break;
    }
    return (double)result->ops_per_second;
}

static struct figure point_figure(const struct sim_answer *answer,
                                  const struct sim_point *point,
                                  enum figure_kind kind)
{
    const size_t passes = kind == TIME ? SIM_COST_PASSES : 1;
    double *numbers =
        memory_allocate(answer->run_count * passes, sizeof(*numbers));
    struct figure figure;
    size_t count = 0;

    for (size_t run = 0; run < answer->run_count; run++) {
        for (size_t pass = 0; pass < passes; pass++)
            numbers[count++] = number_of(point, point->runs[run], kind, pass);
    }
    figure = figure_of(numbers, count);
    free(numbers);
    return figure;
}

/* ---- the table ---- */

/* The values of a point that other points have otherwise: "lz4 10%". */
static void append_values(const struct sim_answer *answer,
                          const struct sim_point *point, bool with_names,
                          struct text *text)
{
    const size_t before = text->length;

    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        if (!answer->changes[p])
            continue;
        if (text->length != before)
            text_append(text, " ", 1);
        if (with_names)
            text_print(text, "%s ", sim_parameters[p].name);
        text_append_visible(text,
                            sim_text(point->config, (enum sim_parameter)p));
    }
    if (text->length == before)
        text_print(text, "the only point");
}

static void add_figures(const struct sim_answer *answer,
                        const struct sim_point *point, struct table *table)
{
    const struct figure time = point_figure(answer, point, TIME);
    const struct figure throughput = point_figure(answer, point, THROUGHPUT);

    table_add(table, "%.2f", point_figure(answer, point, SAVED).median);
    table_add(table, "%.1f", point_figure(answer, point, WRITTEN).median);
    table_add(table, "%.1f", point_figure(answer, point, REFAULTS).median);
    table_add(table, "%.3f", time.median);
    table_add(table, "%.3f", time.spread);
    table_add(table, "%.0f", throughput.median);
    if (answer->run_count == 1)
        table_add(table, "?");
    else
        table_add(table, "%.0f", throughput.spread);
    table_add(table, "%s", point->is_unbeaten ? "yes" : "no");
}

static void add_heading(const struct sim_answer *answer, struct table *table)
{
    static const char *const headings[] = {
        "saved MiB", "written/k", "refaults/k", "us/access",
        "us +-",     "ops/s",     "ops/s +-",   "unbeaten"};

    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        if (!answer->changes[p])
            continue;
        if (table->cell_count < 32)
            table->left |= 1u << table->cell_count;
        table_add(table, "%s", sim_parameters[p].name);
    }
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        table_add(table, "%s", headings[i]);
}

static void add_values(const struct sim_answer *answer,
                       const struct sim_point *point, struct table *table)
{
    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        if (answer->changes[p])
            table_add(table, "%s",
                      sim_text(point->config, (enum sim_parameter)p));
    }
}

static void print_verdict(const struct sim_answer *answer, FILE *file)
{
    struct text line = {0};
    size_t unbeaten = 0;

    for (size_t i = 0; i < answer->count; i++) {
        if (!answer->points[i].is_unbeaten)
            continue;
        unbeaten++;
        if (unbeaten > NAMED_MOST)
            continue;
        text_print(&line, unbeaten == 1 ? "" : "; ");
        append_values(answer, &answer->points[i], true, &line);
    }
    fprintf(file, "\nno other point beats %zu of %zu: %s%s\n", unbeaten,
            answer->count, line.bytes,
            unbeaten > NAMED_MOST ? "; and more" : "");
    text_free(&line);
}

static bool has_model(const struct sim_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (sim_is_model(answer->points[i].config))
            return true;
    }
    return false;
}

void sim_answer_print(const struct sim_answer *answer, FILE *file)
{
    struct table table = {0};

    add_heading(answer, &table);
    table.column_count = table.cell_count;
    for (size_t i = 0; i < answer->count; i++) {
        add_values(answer, &answer->points[i], &table);
        add_figures(answer, &answer->points[i], &table);
    }
    table_print(&table, file);
    table_free(&table);
    print_verdict(answer, file);
    fputc('\n', file);
    sim_costs_print(answer->costs, file);
    fputs("saved: all pages less frames, metadata, and the pool when largest; "
          "written, refaults:\n"
          "pages to the device, and from it and the pool, in 1000 accesses; "
          "us/access: the\n"
          "counts of a run times these costs; unbeaten: no point saves as much "
          "in less time,\n"
          "or more in as little, in every pass (1 % of all pages counts as "
          "equal)\n",
          file);
    if (answer->run_count == 1)
        fputs("one run of each point: how much runs differ is not known; "
              "--repeat 3 shows it\n",
              file);
    if (has_model(answer))
        fputs(SIM_MODEL_NOTE "\n", file);
}

/* ---- as CSV, with counters of the first run ---- */

static const char *const csv_counters[] = {"ops",
                                           "faults",
                                           "pool_bytes",
                                           "zswpout",
                                           "zswpin",
                                           "zswpwb",
                                           "reject_pool_limit",
                                           "disk_swapins",
                                           "device_pages_written",
                                           "device_pages_read",
                                           "compress_calls",
                                           "decompress_calls",
                                           "mismatches"};

#define CSV_COUNTERS (sizeof(csv_counters) / sizeof(csv_counters[0]))

void sim_answer_print_csv(const struct sim_answer *answer, FILE *file)
{
    struct table table = {0};

    add_heading(answer, &table);
    for (size_t k = 0; k < CSV_COUNTERS; k++)
        table_add(&table, "%s", csv_counters[k]);
    table.column_count = table.cell_count;
    for (size_t i = 0; i < answer->count; i++) {
        const struct sim_point *point = &answer->points[i];

        add_values(answer, point, &table);
        add_figures(answer, point, &table);
        for (size_t k = 0; k < CSV_COUNTERS; k++)
            table_add(&table, "%" PRIu64,
                      sim_number_named(point->runs[0], csv_counters[k]));
    }
    for (size_t i = 0; i < table.cell_count; i++)
        fprintf(file, "%s%c", table.cells[i],
                (i + 1) % table.column_count == 0 ? '\n' : ',');
    table_free(&table);
}

/* ---- as JSON ---- */

static void print_passes(struct json *json, const char *key,
                         const uint64_t *numbers)
{
    json_key(json, key);
    json_open(json, '[');
    for (size_t pass = 0; pass < SIM_COST_PASSES; pass++)
        json_number(json, numbers[pass]);
    json_close(json, ']');
}

void sim_answer_json(const struct sim_point *point,
                     const struct sim_result *result, struct json *json)
{
    static const char *const keys[SIM_COST_KINDS] = {
        [SIM_COST_COMPRESS] = "compress_ns",
        [SIM_COST_DECOMPRESS] = "decompress_ns",
        [SIM_COST_WRITE] = "write_ns",
        [SIM_COST_READ] = "read_ns"};
    const int64_t saved = sim_saved_bytes(point->config, result);
    uint64_t times[SIM_COST_PASSES];

    json_key(json, "answer");
    json_open(json, '{');
    json_key(json, "saved_bytes");
    json_signed(json, saved < 0, (uint64_t)(saved < 0 ? -saved : saved));
    for (size_t i = 0; i < SIM_COST_KINDS; i++)
        print_passes(json, keys[i], point->cost.nanoseconds[i]);
    for (size_t pass = 0; pass < SIM_COST_PASSES; pass++)
        times[pass] = sim_time_at(result, &point->cost, pass);
    print_passes(json, "time_ns", times);
    json_key(json, "unbeaten");
    json_number(json, point->is_unbeaten ? 1 : 0);
    json_close(json, '}');
}

/* ---- as a picture ---- */

/* In pixels. */
#define PLOT_HEIGHT 480
#define KEY_HEIGHT 22

/* A key in quotes: what gnuplot reads in them otherwise goes. */
static void print_label(const struct sim_answer *answer,
                        const struct sim_point *point, FILE *file)
{
    struct text label = {0};

    append_values(answer, point, true, &label);
    for (size_t i = 0; i < label.length; i++) {
        const char c = label.bytes[i];

        fputc(c == '"' || c == '\\' || c == '`' ? '?' : c, file);
    }
    text_free(&label);
}

/* In the picture, of a point: saved MiB, time in microseconds, its spread. */
struct spot {
    double saved;
    struct figure time;
};

static int compare_spots(const void *left, const void *right)
{
    return double_compare(&((const struct spot *)left)->saved,
                          &((const struct spot *)right)->saved);
}

static void write_spots(const struct spot *spots, size_t count,
                        const char *block, FILE *file)
{
    fprintf(file, "$%s << EOD\n", block);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%.6f %.6f %.6f\n", spots[i].saved, spots[i].time.median,
                spots[i].time.spread);
    fprintf(file, "EOD\n");
}

/* Blocks: $front has the points that no other beats, in the order of what they
 * save, $others the rest, and $p0 on each one of the front.  Returns how many
 * are on the front. */
static size_t write_blocks(const struct sim_answer *answer, FILE *file)
{
    struct spot *spots = memory_allocate(answer->count, sizeof(*spots));
    size_t front = 0;
    size_t rest = answer->count;

    for (size_t i = 0; i < answer->count; i++) {
        const struct sim_point *point = &answer->points[i];
        const struct spot spot = {point_figure(answer, point, SAVED).median,
                                  point_figure(answer, point, TIME)};
        char name[32];

        if (!point->is_unbeaten) {
            spots[--rest] = spot;
            continue;
        }
        (void)snprintf(name, sizeof(name), "p%zu", front);
        write_spots(&spot, 1, name, file);
        spots[front++] = spot;
    }
    qsort(spots, front, sizeof(*spots), compare_spots);
    write_spots(spots, front, "front", file);
    write_spots(spots + rest, answer->count - rest, "others", file);
    free(spots);
    return front;
}

/* Names are in the key, one a line, so that none meets another or a point. */
static void write_script(const void *context, FILE *file)
{
    const struct sim_answer *answer = context;
    const size_t front = write_blocks(answer, file);
    size_t number = 0;

    fputs("set termoption noenhanced\nset border 3\n"
          "set xtics nomirror\nset ytics nomirror\nset yrange [0:*]\n"
          "set offsets graph 0.05, graph 0.05, graph 0.1, 0\n"
          "set key bmargin left vertical Left reverse maxcols 1\n"
          "set title 'Memory saved, and what an access costs: points that no "
          "other beats, and the others'\n"
          "set xlabel 'saved, MiB'\nset ylabel 'microseconds of an access'\n"
          "plot $front using 1:2 with lines lc rgb '#999999' notitle",
          file);
    if (front < answer->count)
        fputs(", $others using 1:2:3 with yerrorbars pt 6 lc rgb '#999999' "
              "title 'beaten'",
              file);
    for (size_t i = 0; i < answer->count; i++) {
        if (!answer->points[i].is_unbeaten)
            continue;
        fprintf(file,
                ", $p%zu using 1:2:3 with yerrorbars pt 7 lc %zu title \"",
                number, number + 1);
        print_label(answer, &answer->points[i], file);
        fputc('"', file);
        number++;
    }
    fputc('\n', file);
}

bool sim_answer_plot(const struct sim_answer *answer, const char *path)
{
    unsigned height = PLOT_HEIGHT + KEY_HEIGHT;

    for (size_t i = 0; i < answer->count; i++)
        height += answer->points[i].is_unbeaten ? KEY_HEIGHT : 0;
    return plot_draw(path, height, write_script, answer);
}
