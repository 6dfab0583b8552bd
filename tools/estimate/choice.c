/* SPDX-License-Identifier: MIT */
/* choice.c - which codec. */
#include "estimate/choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/suggestion.h"
#include "estimate/times.h"

/* Percentage points of saving that are worth a slower codec. */
#define POINTS_WORTH_TIME 5.0

/* The first passes were up to 0.07 wrong, on a machine that was never quiet. */
#define NEAR_THE_EDGE 0.15

/* The standard deviation of normal errors by their median. */
#define DEVIATION_OF_MEDIAN 1.4826

static double time_of(const struct run_result *result)
{
    return (double)(result->store_nanoseconds + result->load_nanoseconds);
}

static double median_of(double *numbers, size_t count)
{
    qsort(numbers, count, sizeof(*numbers), double_compare);
    return numbers[(count - 1) / 2];
}

static double divide(double time, double by)
{
    return by > 0.0 ? time / by : 1.0;
}

/* The part of its time that another one takes. */
static double ratio_of(const struct run_result *result,
                       const struct run_result *than)
{
    return divide(time_of(result), time_of(than));
}

/* Twice the standard error of that: in each pass both were beside each other,
 * so the ratios of the passes tell, and not the times. */
static double spread_of(const struct run_result *result,
                        const struct run_result *than)
{
    const size_t count = result->pass_count;
    double ratios[TIMES_PASSES_MOST];
    double median;

    if (count == 0)
        return 0.0;
    for (size_t i = 0; i < count; i++)
        ratios[i] = divide((double)result->passes[i], (double)than->passes[i]);
    median = median_of(ratios, count);
    for (size_t i = 0; i < count; i++)
        ratios[i] = fabs(ratios[i] - median);
    return 2.0 * DEVIATION_OF_MEDIAN * median_of(ratios, count) /
           sqrt((double)count);
}

static bool is_faster(const struct run_result *result,
                      const struct run_result *than)
{
    return ratio_of(result, than) <
           CHOICE_BOUND - fmax(CHOICE_ZONE, spread_of(result, than));
}

/* Of one that is not faster: is it near to it? */
static bool is_tie(const struct run_result *result,
                   const struct run_result *than)
{
    return ratio_of(result, than) <=
           CHOICE_BOUND + fmax(CHOICE_ZONE, spread_of(result, than));
}

/* No kernel has the codec that copies; and two codecs need what starts the
 * second, and until then a pool of the first. */
static bool is_candidate(const struct run_result *result,
                         enum run_target target)
{
    return result->target == target && result->codec->second == NULL &&
           strcmp(result->codec->name, "copy") != 0;
}

/* What the kernel does not have is none either. */
static bool may_suggest(const struct report *report,
                        const struct run_result *result, enum run_target target)
{
    return is_candidate(result, target) && report_may_use(report, result);
}

/* Percentage points. */
static double saves_more(const struct report *report,
                         const struct run_result *result,
                         const struct run_result *than)
{
    return suggestion_saving(report, result) - suggestion_saving(report, than);
}

/* Does it save almost as much as the best one of its target? */
static bool saves_enough(const struct report *report,
                         const struct run_result *result,
                         const struct run_result *best)
{
    return may_suggest(report, result, best->target) &&
           saves_more(report, best, result) < POINTS_WORTH_TIME &&
           (suggestion_saving(report, result) >= SUGGEST_POINTS_LEAST ||
            suggestion_saving(report, best) < SUGGEST_POINTS_LEAST);
}

/* Of those that save enough and are faster, the one that takes the least part
 * of the time; NULL: none is. */
static const struct run_result *find_faster(const struct report *report,
                                            const struct run_result *result,
                                            const struct run_result *best)
{
    const struct run_result *faster = NULL;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *other = &report->results[i];

        if (saves_enough(report, other, best) && is_faster(other, result) &&
            (faster == NULL || time_of(other) < time_of(faster)))
            faster = other;
    }
    return faster;
}

/* Of a target the codec that saves most; NULL if none was measured. */
static const struct run_result *find_best(const struct report *report,
                                          enum run_target target)
{
    const struct run_result *best = NULL;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        if (may_suggest(report, result, target) &&
            (best == NULL ||
             suggestion_cost(report, result) < suggestion_cost(report, best)))
            best = result;
    }
    return best;
}

/* The codec that saves most of all, if the kernel does not have it, and no
 * other one saves as much. */
static const struct run_result *find_absent(const struct report *report,
                                            enum run_target target,
                                            const struct run_result *best)
{
    const struct run_result *most = best;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        if (is_candidate(result, target) && !report_may_use(report, result) &&
            (most == NULL ||
             suggestion_cost(report, result) < suggestion_cost(report, most)))
            most = result;
    }
    return most == best ? NULL : most;
}

/* Of a target the codec that saves most of those that save enough and than
 * which none of these is faster. */
static const struct run_result *find_choice(const struct report *report,
                                            const struct run_result *best)
{
    const struct run_result *choice = NULL;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        if (saves_enough(report, result, best) &&
            find_faster(report, result, best) == NULL &&
            (choice == NULL ||
             suggestion_cost(report, result) < suggestion_cost(report, choice)))
            choice = result;
    }
    return choice;
}

/* The nearest of those that save less and are almost fast enough. */
static const struct run_result *find_tie(const struct report *report,
                                         const struct run_result *choice)
{
    const struct run_result *nearest = NULL;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *other = &report->results[i];

        if (other != choice && saves_enough(report, other, choice) &&
            saves_more(report, choice, other) >= 0.0 && is_tie(other, choice) &&
            (nearest == NULL || time_of(other) < time_of(nearest)))
            nearest = other;
    }
    return nearest;
}

struct choice choice_make(const struct report *report, enum run_target target)
{
    const struct run_result *best = find_best(report, target);
    struct choice choice = {.absent = find_absent(report, target, best)};

    if (best == NULL)
        return choice;
    choice.result = find_choice(report, best);
    if (choice.result == best) {
        choice.reason = CHOICE_TIE;
        choice.fast = find_tie(report, best);
    } else {
        choice.reason = CHOICE_FASTER;
        choice.fast = find_faster(report, best, best);
    }
    if (choice.fast == NULL) {
        choice.reason = CHOICE_SAVES_MOST;
        return choice;
    }
    choice.slow = best;
    choice.ratio = ratio_of(choice.fast, best);
    choice.spread = spread_of(choice.fast, best);
    return choice;
}

bool choice_is_as_good(const struct report *report,
                       const struct run_result *result)
{
    const struct run_result *best = find_best(report, result->target);

    return best != NULL && saves_enough(report, result, best) &&
           find_faster(report, result, best) == NULL;
}

/* Could more passes say otherwise of these two? */
static bool is_open(const struct run_result *result,
                    const struct run_result *than)
{
    return fabs(ratio_of(result, than) - (CHOICE_BOUND - CHOICE_ZONE)) <
           NEAR_THE_EDGE + spread_of(result, than);
}

bool choice_needs_passes(const struct report *report)
{
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];
        const struct run_result *best = find_best(report, result->target);

        for (size_t j = 0; j < report->result_count && best != NULL; j++) {
            if (j != i && saves_enough(report, result, best) &&
                saves_enough(report, &report->results[j], best) &&
                is_open(result, &report->results[j]))
                return true;
        }
    }
    return false;
}

/* Why a codec that takes less time than the chosen one was not chosen. */
static void say_faster(const struct choice *choice, const struct report *report,
                       const struct run_result *other, struct text *text)
{
    const struct run_result *best = choice->slow == NULL ? choice->result
                                                         : choice->slow;
    const char *label = choice->result->codec->label;

    if (saves_more(report, best, other) < POINTS_WORTH_TIME &&
        !saves_enough(report, other, best))
        text_print(text,
                   " %s takes %.2f of the time of %s, and saves less than "
                   "%.0f %%, which is not worth it (rule 4).",
                   other->codec->label, ratio_of(other, choice->result), label,
                   SUGGEST_POINTS_LEAST);
    else if (!saves_enough(report, other, best))
        text_print(text,
                   " %s takes %.2f of the time of %s, and saves %.1f points "
                   "less than %s: %.0f or more are too many, however fast it "
                   "is.",
                   other->codec->label, ratio_of(other, choice->result), label,
                   saves_more(report, best, other), best->codec->label,
                   POINTS_WORTH_TIME);
    else
        text_print(text,
                   " %s takes %.2f of the time of %s, and saves %.1f points "
                   "less: that is not under %.1f of its time, so it is not "
                   "clearly faster.",
                   other->codec->label, ratio_of(other, choice->result), label,
                   saves_more(report, choice->result, other), CHOICE_BOUND);
}

/* Each codec that takes less time than the chosen one, and was not named. */
static void say_all_faster(const struct choice *choice,
                           const struct report *report, struct text *text)
{
    size_t others = 0;
    size_t said = 0;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *other = &report->results[i];

        if (other == choice->result ||
            !may_suggest(report, other, choice->result->target))
            continue;
        others++;
        if (other == choice->fast || other == choice->slow ||
            ratio_of(other, choice->result) >= 1.0)
            continue;
        say_faster(choice, report, other, text);
        said++;
    }
    if (choice->reason == CHOICE_SAVES_MOST && others != 0 && said == 0)
        text_print(text, " It saves most, and no other is faster.");
    if (others != 0)
        text_print(text, " That is rule 3 of docs/estimate.md%s.",
                   report_cold_ages(report) == 0
                       ? ""
                       : "; the points are of the cold pages");
}

void choice_print(const struct choice *choice, const struct report *report,
                  struct text *text)
{
    const double points = choice->reason == CHOICE_SAVES_MOST
                              ? 0.0
                              : saves_more(report, choice->slow, choice->fast);

    if (choice->reason == CHOICE_TIE)
        text_print(text,
                   " %s saves %.1f points less and takes %.2f of the time of "
                   "%s, spread %.2f: a tie, because the bound is %.1f, and "
                   "what is within %.2f of it is no clear difference.",
                   choice->fast->codec->label, points, choice->ratio,
                   choice->slow->codec->label, choice->spread, CHOICE_BOUND,
                   fmax(CHOICE_ZONE, choice->spread));
    else if (choice->reason == CHOICE_FASTER)
        text_print(text,
                   " %s saves %.1f points more, but %s takes %.2f of its time, "
                   "spread %.2f: under %.1f is clearly faster, and less than "
                   "%.0f points are not worth that.",
                   choice->slow->codec->label, points,
                   choice->fast->codec->label, choice->ratio, choice->spread,
                   CHOICE_BOUND, POINTS_WORTH_TIME);
    say_all_faster(choice, report, text);
    if (choice->absent != NULL) {
        text_print(text,
                   " %s would save %.1f points more, but this kernel's "
                   "%s does not have it",
                   choice->absent->codec->label,
                   saves_more(report, choice->absent, choice->result),
                   run_target_name(choice->absent->target, 0));
        report_say_list(report, choice->absent->target, text);
        text_print(text, ".");
    }
}

static void put_part(struct json *json, const char *key, double part)
{
    json_key(json, key);
    json_thousandths(json, (uint64_t)(part * 1000.0 + 0.5));
}

void choice_put(const struct choice *choice, struct json *json)
{
    static const char *const reasons[] = {"saves most", "tie", "faster"};

    json_key(json, "reason");
    json_string(json, reasons[choice->reason]);
    if (choice->reason == CHOICE_SAVES_MOST)
        return;
    json_key(json, "fast");
    json_string(json, choice->fast->codec->label);
    json_key(json, "slow");
    json_string(json, choice->slow->codec->label);
    put_part(json, "time_ratio", choice->ratio);
    put_part(json, "time_ratio_spread", choice->spread);
}
