/* SPDX-License-Identifier: MIT */
/*
 * now_estimate.c - what runs on this machine beside what an estimate of its
 * pages suggests: `zcache estimate --now SOURCE`.  docs/estimate-now.md has the
 * rules.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/now.h"
#include "estimate/suggestion.h"

/* A parameter, as it is and as the estimate has it. */
struct row {
    struct text what;
    struct text now;
    struct text estimate;
};

struct comparison {
    struct row *rows;
    size_t count;
    size_t capacity;
    struct text remark; /* what was not compared */
};

static struct row *add_row(struct comparison *comparison)
{
    comparison->rows = memory_make_room(comparison->rows, comparison->count,
                                        &comparison->capacity,
                                        sizeof(*comparison->rows));
    comparison->rows[comparison->count] = (struct row){0};
    return &comparison->rows[comparison->count++];
}

static void comparison_free(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++) {
        text_free(&comparison->rows[i].what);
        text_free(&comparison->rows[i].now);
        text_free(&comparison->rows[i].estimate);
    }
    free(comparison->rows);
    text_free(&comparison->remark);
}

/* The row of a codec of the kernel; NULL if it was not measured. */
static const struct run_result *find_result(const struct report *report,
                                            enum run_target target,
                                            const char *codec)
{
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        if (result->target == target && result->codec->second == NULL &&
            strcmp(result->codec->name, codec) == 0)
            return result;
    }
    return NULL;
}

/* What zswap or a zram device would have by the estimate: what it has, unless
 * the suggested one is clearly better. */
static const struct run_result *better_one(const struct report *report,
                                           enum run_target target,
                                           const char *codec)
{
    const struct run_result *has = find_result(report, target, codec);

    if (has != NULL && choice_is_as_good(report, has))
        return has;
    return target == RUN_ZSWAP ? report->suggestion->zswap
                               : report->suggestion->zram;
}

/* For what was measured, and what is in zswap already. */
static double needed_percent(const struct now *now, const struct report *report,
                             const struct run_result *result)
{
    const double pool = suggestion_pool_bytes(report, result) +
                        (double)now_pool_bytes(now);

    return ceil(100.0 * pool / (double)now_value(now, NOW_MEM_TOTAL) /
                (SUGGEST_ACCEPT_PERCENT / 100.0));
}

/* Is this device in use as swap? */
static bool is_swap(const struct now *now, const struct now_zram *zram)
{
    for (size_t i = 0; i < now->swap_count; i++) {
        if (now->swaps[i].zram &&
            strcmp(now->swaps[i].path + strlen("/dev/"), zram->name) == 0)
            return true;
    }
    return false;
}

static bool has_verdict(const struct report *report)
{
    return report->suggestion->kind == SUGGEST_ZSWAP ||
           report->suggestion->kind == SUGGEST_ZRAM;
}

static void add_codec(struct comparison *comparison,
                      const struct report *report, enum run_target target,
                      const char *what, const char *codec)
{
    const struct run_result *better = better_one(report, target, codec);
    struct row *row;

    if (codec[0] == '\0') /* not known */
        return;
    row = add_row(comparison);
    text_append_visible(&row->what, what);
    text_append_visible(&row->now, codec);
    text_print(&row->estimate, "%s", better->codec->name);
    if (find_result(report, target, codec) == NULL) {
        text_print(&comparison->remark,
                   "%sNot compared, because it was not measured: ",
                   comparison->remark.length == 0 ? "" : " ");
        text_append_visible(&comparison->remark, codec);
        text_print(&comparison->remark, " (--codec kernel:");
        text_append_visible(&comparison->remark, codec);
        text_print(&comparison->remark, ",... measures it, as root).");
    }
}

static void add_zswap(struct comparison *comparison, const struct now *now,
                      const struct report *report)
{
    const struct run_result *better =
        better_one(report, RUN_ZSWAP, now->compressor);
    struct row *row;

    add_codec(comparison, report, RUN_ZSWAP, "compressor", now->compressor);
    row = add_row(comparison);
    text_print(&row->what, "max_pool_percent");
    text_print(&row->now, "%" PRIu64, now_value(now, NOW_MAX_POOL_PERCENT));
    text_print(&row->estimate, "%.0f", needed_percent(now, report, better));
    row = add_row(comparison);
    text_print(&row->what, "accept_threshold_percent");
    text_print(&row->now, "%" PRIu64,
               now_value(now, NOW_ACCEPT_THRESHOLD_PERCENT));
    text_print(&row->estimate, "%d", SUGGEST_ACCEPT_PERCENT);
}

static struct comparison compare(const struct now *now,
                                 const struct report *report)
{
    struct comparison comparison = {0};

    if (!has_verdict(report)) {
        text_print(&comparison.remark, "Nothing is compared: %s.",
                   report->suggestion->kind == SUGGEST_NOTHING_WRONG
                       ? "pages came back wrong"
                   : report->suggestion->kind == SUGGEST_TOO_SMALL
                       ? "less than 4 MiB are too small to judge alone"
                   : report->suggestion->kind == SUGGEST_NO_CODEC
                       ? "this kernel has none of the codecs that were measured"
                       : "it saves less than 10 %");
        return comparison;
    }
    if (now_zswap_is_on(now) && report->suggestion->zswap != NULL)
        add_zswap(&comparison, now, report);
    for (size_t i = 0; i < now->zram_count; i++) {
        const struct now_zram *zram = &now->zrams[i];
        struct text what = {0};

        if (!is_swap(now, zram) || report->suggestion->zram == NULL)
            continue;
        text_print(&what, "comp_algorithm of %s", zram->name);
        add_codec(&comparison, report, RUN_ZRAM, what.bytes, zram->algorithm);
        text_free(&what);
    }
    return comparison;
}

/* --- what is said --- */

static struct now_finding *finding_of(struct now_findings *findings,
                                      struct now_finding **one)
{
    if (*one == NULL)
        *one = now_add_finding(findings, "estimate_differs");
    return *one;
}

static double microseconds(const struct report *report,
                           const struct run_result *result)
{
    return (double)(result->store_nanoseconds + result->load_nanoseconds) /
           1e3 / (double)report->census.pages;
}

/* False if what runs is as good, or was not measured. */
static bool judge_codec(const struct report *report, enum run_target target,
                        const char *what, const char *codec,
                        struct now_finding **finding,
                        struct now_findings *findings)
{
    const struct run_result *has = find_result(report, target, codec);
    const struct run_result *better = better_one(report, target, codec);

    if (has == NULL || has == better)
        return false;
    text_print_sentence(
        &finding_of(findings, finding)->sentences,
        "%s has %s, which saves %.1f %% of what was measured and takes %.2f "
        "microseconds a page, out and in; %s saves %.1f %% and takes %.2f.",
        what, has->codec->name, suggestion_saving(report, has),
        microseconds(report, has), better->codec->name,
        suggestion_saving(report, better), microseconds(report, better));
    return true;
}

static void judge_zswap(const struct now *now, const struct report *report,
                        struct now_finding **finding,
                        struct now_findings *findings)
{
    const struct run_result *better =
        better_one(report, RUN_ZSWAP, now->compressor);
    const double percent = needed_percent(now, report, better);

    if (judge_codec(report, RUN_ZSWAP, "zswap", now->compressor, finding,
                    findings))
        text_print(&(*finding)->commands,
                   "echo %s > /sys/module/zswap/parameters/compressor\n",
                   better->codec->name);
    if (percent <= (double)now_value(now, NOW_MAX_POOL_PERCENT))
        return;
    text_print_sentence(
        &finding_of(findings, finding)->sentences,
        "max_pool_percent is %" PRIu64
        ": for what was measured and what is in zswap now, %.0f are needed, "
        "with %s%s",
        now_value(now, NOW_MAX_POOL_PERCENT), percent, better->codec->name,
        percent > 100 ? ", and 100 are the most." : ".");
    if (percent <= 100)
        text_print(&(*finding)->commands,
                   "echo %.0f > /sys/module/zswap/parameters/"
                   "max_pool_percent\n",
                   percent);
}

/* Returns whether there is such a device. */
static bool judge_zram(const struct now *now, const struct report *report,
                       struct now_finding **finding,
                       struct now_findings *findings)
{
    bool any = false;

    for (size_t i = 0; i < now->zram_count; i++) {
        const struct now_zram *zram = &now->zrams[i];

        if (!is_swap(now, zram))
            continue;
        any = true;
        if (report->suggestion->zram != NULL && has_verdict(report) &&
            judge_codec(report, RUN_ZRAM, zram->name, zram->algorithm, finding,
                        findings))
            text_print_sentence(&(*finding)->sentences,
                                "A zram device takes another one only before "
                                "its disksize is set: after swapoff and "
                                "reset.");
    }
    return any;
}

/* What does not run at all, or is not worth it. */
static void judge_use(const struct report *report, bool is_compressed,
                      struct now_finding **finding,
                      struct now_findings *findings)
{
    const struct suggestion *suggestion = report->suggestion;
    const struct run_result *chosen = suggestion->chosen;
    const double saving = chosen == NULL ? 0.0
                                         : suggestion_saving(report, chosen);

    if (suggestion->kind == SUGGEST_NOT && is_compressed && chosen != NULL)
        text_print_sentence(
            &finding_of(findings, finding)->sentences,
            "What was measured is not worth compressing: the best, %s in %s, "
            "%s %.1f %%%s.",
            chosen->codec->label,
            run_target_name(chosen->target, chosen->placement),
            saving < 0.0 ? "takes" : "saves", fabs(saving),
            saving < 0.0 ? " more" : "");
    if (has_verdict(report) && !is_compressed)
        text_print_sentence(
            &finding_of(findings, finding)->sentences,
            "Nothing is compressed here now, and %s with %s%s saves %.1f %% of "
            "what was measured; the estimate without --now has all lines to "
            "type.",
            run_target_name(chosen->target, chosen->placement),
            chosen->codec->label, report_if_has(report, chosen),
            suggestion_saving(report, chosen));
}

void now_judge_estimate(const struct now *now, const struct report *report,
                        struct now_findings *findings)
{
    struct now_finding *finding = NULL;
    const bool zswap = now_zswap_is_on(now);
    bool zram;

    if (zswap && report->suggestion->zswap != NULL && has_verdict(report))
        judge_zswap(now, report, &finding, findings);
    zram = judge_zram(now, report, &finding, findings);
    judge_use(report, zswap || zram, &finding, findings);
}

void now_print_estimate(const struct now *now, const struct report *report,
                        FILE *file)
{
    struct comparison comparison = compare(now, report);
    struct table table = {.column_count = 3, .left = 1};
    char size[BYTE_TEXT_SIZE];

    fprintf(file, "\nestimate of ");
    text_print_visible(file, report->source->label);
    fprintf(file, ": %s%s\n", now_size_text(size, report->suggestion->bytes),
            report->cold == NULL ? "" : " that are cold");
    table_add(&table, "  of it");
    table_add(&table, "now");
    table_add(&table, "estimate");
    for (size_t i = 0; i < comparison.count; i++) {
        table_add(&table, "  %s", comparison.rows[i].what.bytes);
        table_add(&table, "%s", comparison.rows[i].now.bytes);
        table_add(&table, "%s", comparison.rows[i].estimate.bytes);
    }
    if (comparison.count != 0)
        table_print(&table, file);
    table_free(&table);
    if (comparison.remark.length != 0)
        text_print_wrapped(file, comparison.remark.bytes, 2);
    comparison_free(&comparison);
}

void now_put_estimate(const struct now *now, const struct report *report,
                      struct json *json)
{
    struct comparison comparison = compare(now, report);

    json_key(json, "estimate");
    json_open(json, '{');
    json_key(json, "source");
    json_string(json, report->source->label);
    json_key(json, "pages");
    json_number(json, report->census.pages);
    suggestion_put(report->suggestion, report, json);
    json_key(json, "compared");
    json_open(json, '[');
    for (size_t i = 0; i < comparison.count; i++) {
        json_open(json, '{');
        json_key(json, "what");
        json_string(json, comparison.rows[i].what.bytes);
        json_key(json, "now");
        json_string(json, comparison.rows[i].now.bytes);
        json_key(json, "estimate");
        json_string(json, comparison.rows[i].estimate.bytes);
        json_close(json, '}');
    }
    json_close(json, ']');
    if (comparison.remark.length != 0) {
        json_key(json, "remark");
        json_string(json, comparison.remark.bytes);
    }
    json_close(json, '}');
    comparison_free(&comparison);
}
