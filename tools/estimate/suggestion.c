/* SPDX-License-Identifier: MIT */
/*
 * suggestion.c - the codec to take, with the reason in a sentence.
 *
 * It is the fastest of those whose saving is within a few points of the best.
 * A larger saving counts more than speed.
 */
#include "estimate/report.h"

/* Percentage points that justify a slower codec. */
#define POINTS_WORTH_TIME 5.0

/* A smaller saving, in percent, is not worth the faults. */
#define POINTS_WORTH_ANYTHING 10.0

static double saving_of(const struct report *report,
                        const struct run_result *result)
{
    uint64_t bytes = report->census.pages * report->page_size;

    return 100.0 - percent_of(run_result_cost(result), bytes);
}

/* Microseconds to store and load one page. */
static double time_of(const struct report *report,
                      const struct run_result *result)
{
    return (double)(result->store_nanoseconds + result->load_nanoseconds) /
           1e3 / (double)report->census.pages;
}

static const struct run_result *find_best(const struct report *report)
{
    const struct run_result *best = &report->results[0];

    for (size_t i = 1; i < report->result_count; i++) {
        if (run_result_cost(&report->results[i]) < run_result_cost(best))
            best = &report->results[i];
    }
    return best;
}

/* The better of the measured placements of a codec. */
static const struct run_result *better_placement(
    const struct report *report, const struct run_result *result)
{
    const struct run_result *better = result;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *other = &report->results[i];

        if (other->codec == result->codec &&
            run_result_cost(other) < run_result_cost(better))
            better = other;
    }
    return better;
}

/* The fastest result that saves almost as much as the best. */
static const struct run_result *find_choice(const struct report *report,
                                            const struct run_result *best)
{
    const struct run_result *choice = best;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result =
            better_placement(report, &report->results[i]);

        if (saving_of(report, best) - saving_of(report, result) <
                POINTS_WORTH_TIME &&
            time_of(report, result) < time_of(report, choice))
            choice = result;
    }
    return choice;
}

static const struct run_result *find_fastest(const struct report *report)
{
    const struct run_result *fastest =
        better_placement(report, &report->results[0]);

    for (size_t i = 1; i < report->result_count; i++) {
        const struct run_result *result =
            better_placement(report, &report->results[i]);

        if (time_of(report, result) < time_of(report, fastest))
            fastest = result;
    }
    return fastest;
}

static void give_reason(const struct report *report,
                        const struct run_result *choice,
                        const struct run_result *best, struct text *text)
{
    const struct run_result *fastest = find_fastest(report);

    if (choice->codec != best->codec)
        text_print(text,
                   "; %s would save %.1f points more, and take %.1f times as "
                   "long",
                   best->codec->label,
                   saving_of(report, best) - saving_of(report, choice),
                   time_of(report, best) / time_of(report, choice));
    else if (choice->codec != fastest->codec)
        text_print(text,
                   "; %s takes %.1f us less out and in, and saves %.1f points "
                   "less",
                   fastest->codec->label,
                   time_of(report, choice) - time_of(report, fastest),
                   saving_of(report, choice) - saving_of(report, fastest));
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *other = &report->results[i];

        if (other->codec == choice->codec && other != choice)
            text_print(text, "; %s saves %.1f %%",
                       run_target_name(other->target, other->placement),
                       saving_of(report, other));
    }
    text_print(text, ".");
}

const struct run_result *report_suggest(const struct report *report,
                                        struct text *text)
{
    const struct run_result *best = find_best(report);
    const struct run_result *choice;

    for (size_t i = 0; i < report->result_count; i++) {
        if (report->results[i].mismatches != 0) {
            text_print(text, "Suggestion: none, because pages came back "
                             "wrong; that is a fault of the program or of the "
                             "machine.");
            return NULL;
        }
    }
    if (report->census.pages * report->page_size < REPORT_BYTES_LEAST) {
        text_print(text, "This is too small to judge alone: under 4 MiB the "
                         "pool is mostly partly filled.");
        return best;
    }
    if (run_result_cost(best) >= report->census.pages * report->page_size) {
        text_print(text, "Suggestion: do not compress this; it would take "
                         "more room than it takes now.");
        return best;
    }
    if (saving_of(report, best) < POINTS_WORTH_ANYTHING) {
        text_print(text,
                   "Suggestion: do not compress this; the best, %s in "
                   "%s, would save %.1f %%.",
                   best->codec->label,
                   run_target_name(best->target, best->placement),
                   saving_of(report, best));
        return best;
    }
    choice = find_choice(report, best);
    text_print(text, "Suggestion: %s, %s, saves %.1f %%", choice->codec->label,
               run_target_name(choice->target, choice->placement),
               saving_of(report, choice));
    give_reason(report, choice, best, text);
    return choice;
}
