/* SPDX-License-Identifier: MIT */
/* suggestion.c - the rules of docs/estimate.md, which numbers them. */
#include "estimate/suggestion.h"

#include <inttypes.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)

/* Rule 5: where so many pages do not compress, a swap device takes them out of
 * memory. */
#define RAW_PERCENT_FOR_DEVICE 25

/* Rule 9: below so much of the memory available, or from so many hundredths of
 * a percent of waiting on, memory is short. */
#define SHORT_AVAILABLE_PERCENT 10
#define SHORT_PRESSURE_HUNDREDTHS 100

/* Rules 6 and 7. */
#define DEVICE_RESERVE_PERCENT 110
#define LIMIT_RESERVE_PERCENT 120

/* What it is for: with --cold the pages of the longest age, else NULL, which
 * is all pages. */
static const struct report_cold *cold_of(const struct report *report)
{
    return report->cold == NULL
               ? NULL
               : &report->cold_ages[report->cold->age_count - 1];
}

/* Of the pages that are judged, all of them and not those of a sample. */
static struct report_whole whole_of(const struct report *report,
                                    const struct run_result *result)
{
    const struct report_cold *cold = cold_of(report);

    return cold == NULL ? report_whole(report, result)
                        : report_whole_share(report, &cold->part,
                                             (size_t)(result - report->results),
                                             report->scale);
}

/* As far as they were measured. */
static uint64_t bytes_of(const struct report *report)
{
    const struct report_cold *cold = cold_of(report);

    return (cold == NULL ? report->census.pages : cold->part.census.pages) *
           report->page_size;
}

double suggestion_cost(const struct report *report,
                       const struct run_result *result)
{
    return whole_of(report, result).cost;
}

/* Of the pool; 0 where each page is known. */
static double error_of(const struct report *report,
                       const struct run_result *result)
{
    const struct report_cold *cold = cold_of(report);

    return cold == NULL ? 0.0
                        : report_pool_error(report, cold,
                                            (size_t)(result - report->results));
}

double suggestion_saving(const struct report *report,
                         const struct run_result *result)
{
    const struct report_whole whole = whole_of(report, result);

    return report_saved_percent(&whole);
}

double suggestion_pool_bytes(const struct report *report,
                             const struct run_result *result)
{
    return whole_of(report, result).pool +
           error_of(report, result) * report->scale;
}

/* Rounded up to whole MiB. */
static uint64_t whole_mib(double bytes)
{
    uint64_t mib = (uint64_t)(bytes / (double)MIB);

    return (mib + ((double)(mib * MIB) < bytes)) * MIB;
}

static unsigned percent_above(double part, double whole)
{
    unsigned percent = (unsigned)(100.0 * part / whole);

    return percent + ((double)percent * whole / 100.0 < part);
}

/* The parameters of what was chosen, scaled up from the sample. */
static void set_sizes(struct suggestion *suggestion,
                      const struct report *report)
{
    const double bytes = (double)bytes_of(report) * report->scale;

    if (report->cold != NULL)
        suggestion->cold_seconds =
            report->cold->ages[report->cold->age_count - 1].seconds;
    suggestion->bytes = (uint64_t)bytes;
    suggestion->swap_device_bytes =
        whole_mib(bytes * DEVICE_RESERVE_PERCENT / 100);
    suggestion->disksize_bytes = suggestion->swap_device_bytes;
    if (suggestion->zram != NULL)
        suggestion->mem_limit_bytes =
            whole_mib(whole_of(report, suggestion->zram).pool *
                      LIMIT_RESERVE_PERCENT / 100);
    if (suggestion->raw != NULL)
        suggestion->raw_percent = (uint64_t)percent_of(
            suggestion->raw->raw_pages, report->census.pages);
    if (suggestion->zswap == NULL)
        return;
    if (report->memory_bytes != 0)
        suggestion->max_pool_percent = percent_above(
            suggestion_pool_bytes(report, suggestion->zswap),
            (double)report->memory_bytes * SUGGEST_ACCEPT_PERCENT / 100);
}

/* Rule 5: does zswap fit this machine, if its pool does, and not zram? */
static bool zswap_fits(const struct suggestion *suggestion,
                       const struct report *report)
{
    return suggestion->max_pool_percent <= 100 &&
           (report->swap_device_bytes != 0 ||
            suggestion->raw_percent >= RAW_PERCENT_FOR_DEVICE);
}

/* Which of the two fits this machine, of those that were measured. */
static const struct run_result *choose_target(
    const struct suggestion *suggestion, const struct report *report)
{
    if (suggestion->zram == NULL && suggestion->zswap == NULL)
        return suggestion->choices[RUN_LIBRARY].result;
    if (suggestion->zram == NULL)
        return suggestion->zswap;
    return suggestion->zswap != NULL && zswap_fits(suggestion, report)
               ? suggestion->zswap
               : suggestion->zram;
}

/* Of zswap and zram the one that saves more where the chosen one saves too
 * little: the other may save enough. */
static void take_best(struct suggestion *suggestion,
                      const struct report *report)
{
    if (suggestion->chosen == NULL ||
        suggestion_saving(report, suggestion->chosen) >= SUGGEST_POINTS_LEAST)
        return;
    for (unsigned target = RUN_ZSWAP; target <= RUN_ZRAM; target++) {
        const struct choice *choice = &suggestion->choices[target];
        const struct run_result *best = choice->slow == NULL ? choice->result
                                                             : choice->slow;

        if (best != NULL &&
            suggestion_saving(report, best) >= SUGGEST_POINTS_LEAST)
            best = choice->result;
        if (best != NULL && suggestion_saving(report, best) >
                                suggestion_saving(report, suggestion->chosen))
            suggestion->chosen = best;
    }
}

static enum suggestion_kind kind_of(const struct suggestion *suggestion,
                                    const struct report *report)
{
    if (report_mismatches(report) != 0)
        return SUGGEST_NOTHING_WRONG;
    if (bytes_of(report) < REPORT_BYTES_LEAST)
        return SUGGEST_TOO_SMALL;
    if (suggestion->chosen == NULL &&
        (suggestion->choices[RUN_ZSWAP].absent != NULL ||
         suggestion->choices[RUN_ZRAM].absent != NULL))
        return SUGGEST_NO_CODEC;
    if (suggestion->chosen == NULL ||
        suggestion_saving(report, suggestion->chosen) < SUGGEST_POINTS_LEAST)
        return SUGGEST_NOT;
    if (suggestion->chosen->target == RUN_LIBRARY)
        return SUGGEST_LIBRARY;
    return suggestion->chosen->target == RUN_ZRAM ? SUGGEST_ZRAM
                                                  : SUGGEST_ZSWAP;
}

struct suggestion suggestion_make(const struct report *report)
{
    struct suggestion suggestion = {0};

    for (unsigned target = 0; target < RUN_TARGETS; target++)
        suggestion.choices[target] =
            choice_make(report, (enum run_target)target);
    suggestion.zswap = suggestion.choices[RUN_ZSWAP].result;
    suggestion.zram = suggestion.choices[RUN_ZRAM].result;
    suggestion.raw = suggestion.zram != NULL ? suggestion.zram
                     : suggestion.zswap != NULL
                         ? suggestion.zswap
                         : suggestion.choices[RUN_LIBRARY].result;
    set_sizes(&suggestion, report);
    suggestion.chosen = choose_target(&suggestion, report);
    take_best(&suggestion, report);
    suggestion.kind = kind_of(&suggestion, report);
    if (suggestion.kind == SUGGEST_NOTHING_WRONG)
        suggestion.chosen = NULL;
    return suggestion;
}

/* "every page compresses", of the pages that were measured. */
static void say_raw(const struct suggestion *suggestion, struct text *text)
{
    if (suggestion->raw->raw_pages == 0)
        text_print(text, "every page compresses");
    else if (suggestion->raw_percent == 0)
        text_print(text, "less than 1 %% of the pages do not compress");
    else
        text_print(text, "%" PRIu64 " %% of the pages do not compress",
                   suggestion->raw_percent);
}

/* Of one that the rule would not take: why it is there. */
static void say_only(const struct suggestion *suggestion, enum run_target other,
                     struct text *text)
{
    const char *name = run_target_name(other, 0);

    if (suggestion->choices[other].result != NULL)
        text_print(text, ", and %s would save less than %.0f %%", name,
                   SUGGEST_POINTS_LEAST);
    else if (suggestion->choices[other].absent != NULL)
        text_print(text,
                   ", and this kernel's %s has none of the codecs that were "
                   "measured",
                   name);
    else
        text_print(text, ", and %s was not measured", name);
}

/* zswap or zram: rule 5. */
static void give_reason(const struct suggestion *suggestion,
                        const struct report *report, struct text *text)
{
    const bool zswap = zswap_fits(suggestion, report);

    if (suggestion->kind == SUGGEST_LIBRARY)
        return;
    text_print(text, " %s fits here", zswap ? "zswap" : "zram");
    if (!zswap && suggestion->max_pool_percent > 100)
        text_print(text, ": the pool would be larger than 90 %% "
                         "of the memory, which zswap does not allow");
    else if (!zswap) {
        text_print(text, ": there is no swap device on a disk, "
                         "which zswap needs, and ");
        say_raw(suggestion, text);
    } else if (report->swap_device_bytes != 0) {
        text_print(text, ": there is a swap device on a disk, "
                         "where it puts what is coldest");
    } else {
        text_print(text, ", with a new swap device: ");
        say_raw(suggestion, text);
        text_print(text, ", and from a device they can leave the memory");
    }
    if (zswap != (suggestion->kind == SUGGEST_ZSWAP))
        say_only(suggestion, zswap ? RUN_ZSWAP : RUN_ZRAM, text);
    text_print(text, " (rule 5).");
}

bool suggestion_is_short(const struct system_shortage *shortage)
{
    return percent_of(shortage->available, shortage->total) <
               SHORT_AVAILABLE_PERCENT ||
           (shortage->knows_pressure &&
            shortage->pressure >= SHORT_PRESSURE_HUNDREDTHS);
}

void suggestion_say_shortage(const struct system_shortage *shortage,
                             struct text *text)
{
    const bool is_short = suggestion_is_short(shortage);
    const struct byte_unit unit = byte_unit_for(shortage->total);
    char size[BYTE_TEXT_SIZE];

    if (shortage->total == 0)
        return;
    text_print(text,
               "Memory is %s now: %.1f of %.1f %s are available "
               "(MemAvailable), ",
               is_short ? "short" : "not short",
               (double)shortage->available / unit.bytes,
               (double)shortage->total / unit.bytes, unit.name);
    if (shortage->knows_pressure)
        text_print(text,
                   "processes waited for memory in %u.%02u %% of the last 5 "
                   "minutes (/proc/pressure/memory), ",
                   shortage->pressure / 100, shortage->pressure % 100);
    if (shortage->swap_used == 0)
        text_print(text, "and no swap is used");
    else
        text_print(text, "and %s of swap are used",
                   byte_text(size, shortage->swap_used));
    text_print(text, is_short ? "."
                              : ": nothing has to be saved now; what is to "
                                "type is for when it is.");
}

static void print_for(const struct suggestion *suggestion, struct text *text)
{
    char size[BYTE_TEXT_SIZE];

    if (suggestion->cold_seconds == 0)
        text_print(text, ", for all swappable pages.");
    else
        text_print(
            text, ", for the %s that were not touched for %" PRIu64 " s.",
            byte_text(size, suggestion->bytes), suggestion->cold_seconds);
}

static void print_too_small(const struct suggestion *suggestion,
                            const struct report *report, struct text *text)
{
    const bool sampled = report->sample != SAMPLE_ALL;

    if (suggestion->cold_seconds == 0)
        text_print(text, sampled ? "The sample" : "This");
    else
        text_print(text, "What was not touched for %" PRIu64 " s%s",
                   suggestion->cold_seconds, sampled ? " of the sample" : "");
    text_print(text, " is too small to judge alone: under 4 MiB the pool is "
                     "mostly partly filled.");
}

/* None of the measured codecs is there: which to measure. */
static void print_no_codec(const struct suggestion *suggestion,
                           const struct report *report, struct text *text)
{
    static const char *const library[] = {"lzo", "lz4", "zstd", "lz4hc"};
    struct text names = {0};

    for (size_t i = 0; i < sizeof(library) / sizeof(library[0]); i++) {
        if (system_has_codec(&report->codecs, true, library[i]) == SYSTEM_HAS ||
            system_has_codec(&report->codecs, false, library[i]) == SYSTEM_HAS)
            text_print(&names, "%s%s", names.length == 0 ? "" : ",",
                       library[i]);
    }
    text_print(text, "Suggestion: none: this kernel has none of the codecs "
                     "that were measured.");
    for (unsigned target = RUN_ZSWAP; target <= RUN_ZRAM; target++) {
        if (suggestion->choices[target].absent == NULL)
            continue;
        text_print(text, " Its %s has others",
                   run_target_name((enum run_target)target, 0));
        report_say_list(report, (enum run_target)target, text);
        text_print(text, ".");
    }
    if (names.length != 0)
        text_print(text, " --codec %s measures what it has.", names.bytes);
    text_print(text, " --codec kernel:NAME measures one of its zram's, as "
                     "root.");
    text_free(&names);
}

static void print_saving(double percent, struct text *text)
{
    if (percent < 0.0)
        text_print(text, "would take %.1f %% more", -percent);
    else
        text_print(text, "would save %.1f %%", percent);
}

/* What is suggested, for what, and why. */
static void print_sentences(const struct suggestion *suggestion,
                            const struct report *report, FILE *file)
{
    const struct run_result *chosen = suggestion->chosen;
    struct text text = {0};

    switch (suggestion->kind) {
    case SUGGEST_NOTHING_WRONG:
        text_print(&text, "Suggestion: none, because pages came back wrong; "
                          "that is a fault of the program or of the machine.");
        break;
    case SUGGEST_TOO_SMALL:
        print_too_small(suggestion, report, &text);
        break;
    case SUGGEST_NO_CODEC:
        print_no_codec(suggestion, report, &text);
        break;
    case SUGGEST_NOT:
        text_print(&text, "Suggestion: do not compress this");
        if (chosen == NULL) {
            text_print(&text, ".");
            break;
        }
        text_print(&text, "; the best, %s in %s, ", chosen->codec->label,
                   run_target_name(chosen->target, chosen->placement));
        print_saving(suggestion_saving(report, chosen), &text);
        print_for(suggestion, &text);
        break;
    default:
        text_print(&text, "Suggestion: %s, %s%s, saves %.1f %%",
                   run_target_name(chosen->target, chosen->placement),
                   chosen->codec->label, report_if_has(report, chosen),
                   suggestion_saving(report, chosen));
        print_for(suggestion, &text);
        choice_print(&suggestion->choices[chosen->target], report, &text);
        give_reason(suggestion, report, &text);
        if (report->shortage.total != 0 &&
            suggestion->kind != SUGGEST_LIBRARY) {
            text_print(&text, " ");
            suggestion_say_shortage(&report->shortage, &text);
        }
        break;
    }
    text_print_wrapped(file, text.bytes, 0);
    text_free(&text);
}

/* Bytes that are whole MiB, as options have them. */
static uint64_t in_mib(uint64_t bytes)
{
    return bytes / MIB;
}

static void print_zswap(const struct suggestion *suggestion,
                        const struct report *report, FILE *file)
{
    static const char folder[] = "/sys/module/zswap/parameters";

    fprintf(file, "\n  # a swap device of %" PRIu64 " MiB or more; ",
            in_mib(suggestion->swap_device_bytes));
    if (report->swap_device_bytes == 0)
        fprintf(file, "there is none\n");
    else
        fprintf(file, "there are %" PRIu64 " MiB\n",
                in_mib(report->swap_device_bytes));
    if (report->swap_device_bytes < suggestion->swap_device_bytes)
        fprintf(file,
                "  fallocate -l %" PRIu64 "M /swapfile && chmod 600 /swapfile\n"
                "  mkswap /swapfile && swapon /swapfile\n",
                in_mib(suggestion->swap_device_bytes -
                       report->swap_device_bytes / MIB * MIB));
    fprintf(file,
            "  echo %s >%s/compressor\n  echo %u >%s/max_pool_percent\n"
            "  echo %d >%s/accept_threshold_percent\n  echo Y >%s/enabled\n",
            suggestion->zswap->codec->name, folder,
            suggestion->max_pool_percent, folder, SUGGEST_ACCEPT_PERCENT,
            folder, folder);
}

void suggestion_print_zram(const struct suggestion_zram *device,
                           const struct system_zram *here, struct text *text)
{
    /* All devices are in use: the kernel makes one more, and says which. */
    const bool adds = here->is_loaded && here->unset[0] == '\0';
    const char *name = adds                     ? "zram$n"
                       : here->unset[0] != '\0' ? here->unset
                                                : "zram0";

    if (!here->is_loaded)
        text_print(text, "modprobe zram num_devices=1\n");
    if (adds)
        text_print(text, "n=$(cat /sys/class/zram-control/hot_add)\n");
    if (device->algorithm != NULL)
        text_print(text, "echo %s >/sys/block/%s/comp_algorithm\n",
                   device->algorithm, name);
    if (device->algorithm != NULL && device->level != ZC_LEVEL_DEFAULT)
        text_print(text,
                   "echo 'algo=%s level=%d' >/sys/block/%s/algorithm_params\n",
                   device->algorithm, device->level, name);
    text_print(text,
               "echo %" PRIu64 "M >/sys/block/%s/disksize\n"
               "echo %" PRIu64 "M >/sys/block/%s/mem_limit\n"
               "mkswap /dev/%s && swapon -p 100 /dev/%s\n",
               in_mib(device->disksize_bytes), name,
               in_mib(device->mem_limit_bytes), name, name, name);
}

static void print_zram(const struct suggestion *suggestion,
                       const struct report *report, FILE *file)
{
    const struct codec_choice *codec = suggestion->zram->codec;
    const struct suggestion_zram device = {
        .algorithm = codec->name,
        .level = codec->level,
        .disksize_bytes = suggestion->disksize_bytes,
        .mem_limit_bytes = suggestion->mem_limit_bytes};
    struct text lines = {0};

    suggestion_print_zram(&device, &report->zram, &lines);
    fputc('\n', file);
    for (const char *line = lines.bytes; *line != '\0';) {
        const size_t length = strcspn(line, "\n") + 1;

        fprintf(file, "  %.*s", (int)length, line);
        line += length;
    }
    text_free(&lines);
}

void suggestion_print(const struct suggestion *suggestion,
                      const struct report *report, FILE *file)
{
    print_sentences(suggestion, report, file);
    if (suggestion->kind == SUGGEST_ZSWAP)
        print_zswap(suggestion, report, file);
    else if (suggestion->kind == SUGGEST_ZRAM)
        print_zram(suggestion, report, file);
}

static void put(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

static void put_zswap(struct json *json, const struct suggestion *suggestion)
{
    json_key(json, "zswap");
    json_open(json, '{');
    json_key(json, "compressor");
    json_string(json, suggestion->zswap->codec->name);
    choice_put(&suggestion->choices[RUN_ZSWAP], json);
    put(json, "max_pool_percent", suggestion->max_pool_percent);
    put(json, "accept_threshold_percent", SUGGEST_ACCEPT_PERCENT);
    put(json, "swap_device_bytes", suggestion->swap_device_bytes);
    json_close(json, '}');
}

static void put_zram(struct json *json, const struct suggestion *suggestion)
{
    const struct codec_choice *codec = suggestion->zram->codec;
    struct text params = {0};

    json_key(json, "zram");
    json_open(json, '{');
    json_key(json, "comp_algorithm");
    json_string(json, codec->name);
    if (codec->level != ZC_LEVEL_DEFAULT) {
        text_print(&params, "level=%d", codec->level);
        json_key(json, "algorithm_params");
        json_string(json, params.bytes);
        text_free(&params);
    }
    choice_put(&suggestion->choices[RUN_ZRAM], json);
    put(json, "disksize_bytes", suggestion->disksize_bytes);
    put(json, "mem_limit_bytes", suggestion->mem_limit_bytes);
    json_close(json, '}');
}

void suggestion_put_shortage(const struct system_shortage *shortage,
                             struct json *json)
{
    if (shortage->total == 0)
        return;
    json_key(json, "memory");
    json_open(json, '{');
    put(json, "is_short", suggestion_is_short(shortage));
    put(json, "total_bytes", shortage->total);
    put(json, "available_bytes", shortage->available);
    put(json, "swap_used_bytes", shortage->swap_used);
    if (shortage->knows_pressure) {
        json_key(json, "some_avg300");
        json_thousandths(json, (uint64_t)shortage->pressure * 10);
    }
    json_close(json, '}');
}

void suggestion_put(const struct suggestion *suggestion,
                    const struct report *report, struct json *json)
{
    static const char *const kinds[] = {
        "none",  "too small", "no codec", "do not compress",
        "zswap", "zram",      "library"};

    json_key(json, "suggestion");
    json_open(json, '{');
    json_key(json, "use");
    json_string(json, kinds[suggestion->kind]);
    if (suggestion->cold_seconds != 0)
        put(json, "cold_seconds", suggestion->cold_seconds);
    put(json, "bytes", suggestion->bytes);
    put(json, "raw_percent", suggestion->raw_percent);
    suggestion_put_shortage(&report->shortage, json);
    if (suggestion->zswap != NULL)
        put_zswap(json, suggestion);
    if (suggestion->zram != NULL)
        put_zram(json, suggestion);
    json_close(json, '}');
}
