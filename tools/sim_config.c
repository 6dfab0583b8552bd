/* SPDX-License-Identifier: MIT */
/* sim_config.c - the table of parameters, and how their values are read. */
#include "sim_config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zcache/vm.h>

#include "arguments.h"
#include "run.h"

#define PERCENT_ALL 100000 /* thousandths */
#define PERCENT_MOST (1000 * UINT64_C(1000))
#define LARGE (UINT64_C(1) << 40)
#define FORK_EVERY_STANDARD 1000

static const char *const switch_words[] = {"off", "on", NULL};
static const char *const auto_words[] = {"off", "on", "auto", NULL};
static const char *const access_words[] = {"uniform", "zipf", "scan",
                                           "phases",  "fork", NULL};
static const char *const format_words[] = {"auto", "oracleGeneral", "csv",
                                           "text", NULL};
/* In the order of the library's enums, whose 0 is the default. */
static const char *const swap_in_words[] = {"default", "cached", "bypass",
                                            "store-again", NULL};
static const char *const lru_words[] = {"default", "none", "entry", "zspage",
                                        NULL};
static const char *const placement_words[] = {"default", "kernel", "dense",
                                              NULL};
static const char *const order_words[] = {"default", "lowest", "last-freed",
                                          "round-robin", NULL};

const struct sim_parameter_info sim_parameters[SIM_PARAMETERS] = {
    [SIM_PAGES] = {.name = "pages",
                   .argument = "FILE",
                   .heading = "what is in the pages",
                   .help = "those of a file, or of a zcache capture"},
    [SIM_PID] = {.name = "pid",
                 .argument = "PID",
                 .help = "those of a live process"},
    [SIM_COMPRESSIBILITY] = {.name = "compressibility",
                             .argument = "PERCENT",
                             .help = "else made up, to shrink by this much",
                             .standard = "60",
                             .kind = SIM_KIND_COUNT,
                             .most = 100},
    [SIM_PAGE_SIZE] = {.name = "page-size",
                       .argument = "BYTES",
                       .help = "4096 to 65536",
                       .standard = "4096"},
    [SIM_ACCESS] = {.name = "access",
                    .argument = "WORD",
                    .heading = "how they are used",
                    .help = "uniform, zipf, scan, phases, fork",
                    .standard = "zipf",
                    .kind = SIM_KIND_CHOICE,
                    .words = access_words},
    [SIM_WRITES] = {.name = "writes",
                    .argument = "PERCENT",
                    .help = "of the accesses are writes",
                    .standard = "30",
                    .kind = SIM_KIND_THOUSANDTHS,
                    .most = PERCENT_ALL},
    [SIM_SKEW] = {.name = "skew",
                  .argument = "NUMBER",
                  .help = "of zipf",
                  .standard = "0.99",
                  .kind = SIM_KIND_THOUSANDTHS,
                  .least = 1,
                  .most = 10000},
    [SIM_PHASE_SIZE] = {.name = "phase-size",
                        .argument = "PERCENT",
                        .help = "of a space that a phase uses",
                        .standard = "20",
                        .kind = SIM_KIND_THOUSANDTHS,
                        .least = 1,
                        .most = PERCENT_ALL},
    [SIM_PHASE_OPS] = {.name = "phase-ops",
                       .argument = "COUNT",
                       .help = "accesses of a thread in one phase",
                       .standard = "50000",
                       .kind = SIM_KIND_COUNT,
                       .least = 1,
                       .most = LARGE},
    [SIM_FORK_EVERY] = {.name = "fork-every",
                        .argument = "COUNT",
                        .help = "accesses between forks; 0: none",
                        .standard = "0",
                        .kind = SIM_KIND_COUNT,
                        .most = LARGE},
    [SIM_TRACE] = {.name = "trace",
                   .argument = "FILE",
                   .help = "accesses as in this trace"},
    [SIM_TRACE_FORMAT] = {.name = "trace-format",
                          .argument = "WORD",
                          .help = "auto, oracleGeneral, csv, text",
                          .standard = "auto",
                          .kind = SIM_KIND_CHOICE,
                          .words = format_words},
    [SIM_TRACE_ID] = {.name = "trace-id-column",
                      .argument = "NUMBER",
                      .help = "of csv",
                      .standard = "2",
                      .kind = SIM_KIND_COUNT,
                      .least = 1,
                      .most = 1000},
    [SIM_TRACE_OP] = {.name = "trace-op-column",
                      .argument = "NUMBER",
                      .help = "of csv; 0: reads and writes by --writes",
                      .standard = "0",
                      .kind = SIM_KIND_COUNT,
                      .most = 1000},
    [SIM_SPACES] = {.name = "spaces",
                    .argument = "COUNT",
                    .heading = "the machine",
                    .help = "address spaces; one per thread if not given",
                    .kind = SIM_KIND_COUNT,
                    .least = 1,
                    .most = 4096},
    [SIM_SPACE_PAGES] = {.name = "space-pages",
                         .argument = "COUNT",
                         .help = "pages of a space",
                         .kind = SIM_KIND_COUNT,
                         .least = 1,
                         .most = UINT64_C(1) << 32},
    [SIM_THREADS] = {.name = "threads",
                     .argument = "COUNT",
                     .help = "1 to 256",
                     .standard = "1",
                     .kind = SIM_KIND_COUNT,
                     .least = 1,
                     .most = RUN_THREADS_MOST},
    [SIM_FRAMES] = {.name = "frames",
                    .argument = "COUNT|PERCENT%",
                    .help = "page frames, or a part of all pages",
                    .standard = "25%",
                    .kind = SIM_KIND_PART,
                    .least = 16,
                    .most = UINT64_C(1) << 32},
    [SIM_BACKGROUND_RECLAIM] = {.name = "background-reclaim",
                                .argument = "on|off",
                                .help = "a thread reclaims (kswapd)",
                                .standard = "off",
                                .kind = SIM_KIND_CHOICE,
                                .words = switch_words},
    [SIM_SWAP_IN] = {.name = "swap-in",
                     .argument = "WORD",
                     .help = "default, cached, bypass, store-again",
                     .standard = "default",
                     .kind = SIM_KIND_CHOICE,
                     .words = swap_in_words},
    [SIM_POOL_LIMIT] = {.name = "pool-limit",
                        .argument = "BYTES|PERCENT%",
                        .heading = "the compressed pool",
                        .help = "0: none; or a part of all pages' bytes",
                        .standard = "20%",
                        .kind = SIM_KIND_BYTES,
                        .most = UINT64_C(1) << 50},
    [SIM_ACCEPT_THRESHOLD] = {.name = "accept-threshold",
                              .argument = "PERCENT",
                              .help = "of the limit, once it was reached",
                              .standard = "90",
                              .kind = SIM_KIND_COUNT,
                              .least = 1,
                              .most = 100},
    [SIM_CODEC] = {.name = "codec",
                   .argument = "NAME[:LEVEL]",
                   .help = "lz4, lz4hc, zstd, copy",
                   .standard = "lz4"},
    [SIM_LRU] = {.name = "lru",
                 .argument = "WORD",
                 .help = "entry, zspage, none",
                 .standard = "entry",
                 .kind = SIM_KIND_CHOICE,
                 .words = lru_words},
    [SIM_PLACEMENT] = {.name = "placement",
                       .argument = "WORD",
                       .help = "dense, kernel",
                       .standard = "dense",
                       .kind = SIM_KIND_CHOICE,
                       .words = placement_words},
    [SIM_SHRINK_WORKER] = {.name = "shrink-worker",
                           .argument = "on|off",
                           .help = "a thread writes back at the limit",
                           .standard = "off",
                           .kind = SIM_KIND_CHOICE,
                           .words = switch_words},
    [SIM_DEVICE] = {.name = "device",
                    .argument = "WORD",
                    .heading = "the device",
                    .help = "memory, file, file:PATH",
                    .standard = "memory"},
    [SIM_SLOTS] = {.name = "slots",
                   .argument = "COUNT|PERCENT%",
                   .help = "of the device, or a part of all pages",
                   .standard = "200%",
                   .kind = SIM_KIND_PART,
                   .least = 1,
                   .most = UINT64_C(1) << 32},
    [SIM_SLOT_ORDER] = {.name = "slot-order",
                        .argument = "WORD",
                        .help = "round-robin, lowest, last-freed",
                        .standard = "default",
                        .kind = SIM_KIND_CHOICE,
                        .words = order_words},
    [SIM_SYNCHRONOUS] = {.name = "synchronous",
                         .argument = "on|off|auto",
                         .help = "faults read it themselves; auto: memory",
                         .standard = "auto",
                         .kind = SIM_KIND_CHOICE,
                         .words = auto_words},
    [SIM_IO_WORKERS] = {.name = "io-workers",
                        .argument = "COUNT",
                        .help = "threads that do its I/O, 0 to 64",
                        .standard = "0",
                        .kind = SIM_KIND_COUNT,
                        .most = 64},
    [SIM_LATENCY] = {.name = "latency",
                     .argument = "MICROSECONDS",
                     .help = "more for each transfer",
                     .standard = "0",
                     .kind = SIM_KIND_THOUSANDTHS,
                     .most = UINT64_C(10000000) * 1000},
    [SIM_READ_ERRORS] = {.name = "read-errors",
                         .argument = "PERCENT",
                         .help = "of its reads fail",
                         .standard = "0",
                         .kind = SIM_KIND_THOUSANDTHS,
                         .most = PERCENT_ALL},
    [SIM_WRITE_ERRORS] = {.name = "write-errors",
                          .argument = "PERCENT",
                          .help = "of its writes fail",
                          .standard = "0",
                          .kind = SIM_KIND_THOUSANDTHS,
                          .most = PERCENT_ALL},
    [SIM_SECONDS] = {.name = "seconds",
                     .argument = "NUMBER",
                     .heading = "how long",
                     .help = "10, if neither --ops nor --trace is given",
                     .kind = SIM_KIND_THOUSANDTHS,
                     .least = 1,
                     .most = UINT64_C(31536000) * 1000},
    [SIM_OPS] = {.name = "ops",
                 .argument = "COUNT",
                 .help = "accesses of all threads together",
                 .kind = SIM_KIND_COUNT,
                 .least = 1,
                 .most = UINT64_C(1) << 50},
    [SIM_SEED] = {.name = "seed",
                  .argument = "NUMBER",
                  .help = "of all that is random",
                  .standard = "1",
                  .kind = SIM_KIND_COUNT,
                  .most = UINT64_MAX},
    [SIM_CORRUPT] = {.name = "corrupt",
                     .argument = "COUNT",
                     .help = "damages pages on their way, to be found",
                     .standard = "0",
                     .kind = SIM_KIND_COUNT,
                     .most = UINT64_C(1) << 32},
    [SIM_INTERVAL] = {.name = "interval",
                      .argument = "SECONDS",
                      .help = "of the time line, 0.001 to 3600",
                      .standard = "0.1",
                      .kind = SIM_KIND_THOUSANDTHS,
                      .least = 1,
                      .most = UINT64_C(3600) * 1000},
};

/* ---- reading one value ---- */

static bool take_percent(struct sim_value *value, const char *text)
{
    size_t length = strlen(text);
    char *copy;
    bool good;

    if (length == 0 || text[length - 1] != '%')
        return false;
    copy = memory_copy_text(text);
    copy[length - 1] = '\0';
    good = number_parse_thousandths(copy, 1, PERCENT_MOST, &value->number);
    free(copy);
    value->is_percent = good;
    return good;
}

static bool take_bytes(const struct sim_parameter_info *info, const char *text,
                       uint64_t *number_out)
{
    static const char suffixes[] = "KMG";
    size_t length = strlen(text);
    char *copy = memory_copy_text(text);
    unsigned shift = 0;
    const char *suffix;
    bool good;

    suffix = length == 0 ? NULL : strchr(suffixes, text[length - 1]);
    if (suffix != NULL && *suffix != '\0') {
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        copy[length - 1] = '\0';
    }
    good = number_parse(copy, info->least, info->most >> shift, number_out);
    free(copy);
    if (good)
        *number_out <<= shift;
    return good;
}

static bool take_word(const struct sim_parameter_info *info, const char *text,
                      uint64_t *number_out)
{
    for (uint64_t i = 0; info->words[i] != NULL; i++) {
        if (strcmp(info->words[i], text) == 0) {
            *number_out = i;
            return true;
        }
    }
    return false;
}

static bool take_value(const struct sim_parameter_info *info,
                       struct sim_value *value, const char *text)
{
    switch (info->kind) {
    case SIM_KIND_TEXT:
        return *text != '\0';
    case SIM_KIND_COUNT:
        return number_parse(text, info->least, info->most, &value->number);
    case SIM_KIND_THOUSANDTHS:
        return number_parse_thousandths(text, info->least, info->most,
                                        &value->number);
    case SIM_KIND_PART:
        return take_percent(value, text) ||
               number_parse(text, info->least, info->most, &value->number);
    case SIM_KIND_BYTES:
        return take_percent(value, text) ||
               take_bytes(info, text, &value->number);
    case SIM_KIND_CHOICE:
        break;
    }
    return take_word(info, text, &value->number);
}

/* What a value could have been. */
static void explain(const struct sim_parameter_info *info, const char *text)
{
    struct text limits = {0};

    switch (info->kind) {
    case SIM_KIND_TEXT:
        text_print(&limits, "nothing; it needs a %s", info->argument);
        break;
    case SIM_KIND_THOUSANDTHS:
        text_print(&limits, "no number from %g to %g",
                   (double)info->least / 1e3, (double)info->most / 1e3);
        break;
    case SIM_KIND_COUNT:
        text_print(&limits, "no number from %" PRIu64 " to %" PRIu64,
                   info->least, info->most);
        break;
    case SIM_KIND_BYTES:
        text_print(&limits,
                   "no number of bytes from %" PRIu64 " to %" PRIu64
                   ", also like 64M, and no percentage from 0.001%% to 1000%%",
                   info->least, info->most);
        break;
    case SIM_KIND_PART:
        text_print(&limits,
                   "no number from %" PRIu64 " to %" PRIu64
                   ", and no percentage from 0.001%% to 1000%%",
                   info->least, info->most);
        break;
    case SIM_KIND_CHOICE:
        text_print(&limits, "none of");
        for (size_t i = 0; info->words[i] != NULL; i++)
            text_print(&limits, "%s %s", i == 0 ? "" : ",", info->words[i]);
        break;
    }
    message_error("--%s: \"%s\" is %s", info->name, text, limits.bytes);
    text_free(&limits);
}

bool sim_config_set(struct sim_config *config, enum sim_parameter parameter,
                    const char *text)
{
    struct sim_value value = {.text = text, .is_given = true};

    if (parameter == SIM_PAGE_SIZE) {
        size_t size;

        if (!arguments_parse_page_size(text, &size))
            return false;
        value.number = size;
    } else if (!take_value(&sim_parameters[parameter], &value, text)) {
        explain(&sim_parameters[parameter], text);
        return false;
    }
    config->values[parameter] = value;
    return true;
}

void sim_config_init(struct sim_config *config)
{
    *config = (struct sim_config){0};
    for (unsigned i = 0; i < SIM_PARAMETERS; i++) {
        if (sim_parameters[i].standard == NULL)
            continue;
        (void)sim_config_set(config, (enum sim_parameter)i,
                             sim_parameters[i].standard);
        config->values[i].is_given = false;
    }
}

uint64_t sim_amount(const struct sim_config *config,
                    enum sim_parameter parameter, uint64_t whole)
{
    const struct sim_value *value = &config->values[parameter];

    if (!value->is_percent)
        return value->number;
    return (uint64_t)((double)whole * (double)value->number / PERCENT_ALL);
}

/* ---- all of them together ---- */

static bool check_codec(const char *text)
{
    struct codec_list list = {0};
    bool good = strchr(text, ',') == NULL;

    if (!good)
        message_error("--codec: \"%s\" is more than 1 codec; a list needs "
                      "--sweep",
                      text);
    else
        good = codec_list_parse(&list, text);
    codec_list_free(&list);
    return good;
}

static bool check_device(const char *text)
{
    if (strcmp(text, "memory") == 0 || strcmp(text, "file") == 0 ||
        (strncmp(text, "file:", 5) == 0 && text[5] != '\0'))
        return true;
    message_error("--device: \"%s\" is none of memory, file, file:PATH", text);
    return false;
}

static bool check_pid(const char *text)
{
    uint64_t pid;

    if (number_parse(text, 1, INT32_MAX, &pid))
        return true;
    message_error("--pid: \"%s\" is no process number from 1 to %d", text,
                  INT32_MAX);
    return false;
}

bool sim_config_check(struct sim_config *config)
{
    struct sim_value *values = config->values;

    if (!check_codec(values[SIM_CODEC].text) ||
        !check_device(values[SIM_DEVICE].text))
        return false;
    if (values[SIM_PID].text != NULL && !check_pid(values[SIM_PID].text))
        return false;
    if (values[SIM_PID].text != NULL && values[SIM_PAGES].text != NULL) {
        message_error("--pages %s and --pid %s: 2 kinds of pages are given, "
                      "and 1 is possible",
                      values[SIM_PAGES].text, values[SIM_PID].text);
        return false;
    }
    if (values[SIM_ACCESS].number == SIM_ACCESS_FORK &&
        values[SIM_FORK_EVERY].number == 0)
        values[SIM_FORK_EVERY].number = FORK_EVERY_STANDARD;
    /* A copy that a child also has would be reported by each of the two. */
    if (values[SIM_CORRUPT].number != 0 && values[SIM_FORK_EVERY].number != 0) {
        message_error("--corrupt %" PRIu64 ": forks would multiply the damage; "
                      "it is possible with 0 accesses between forks only",
                      values[SIM_CORRUPT].number);
        return false;
    }
    if (!values[SIM_OPS].is_given && !values[SIM_SECONDS].is_given &&
        values[SIM_TRACE].text == NULL)
        values[SIM_SECONDS].number = 10000;
    if (!values[SIM_SPACES].is_given)
        values[SIM_SPACES].number = values[SIM_THREADS].number;
    return true;
}
