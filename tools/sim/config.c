/* SPDX-License-Identifier: MIT */
/* config.c - reads the values of parameters and checks that they fit together.
 */
#include "sim/config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zcache/swap.h>
#include <zcache/vm.h>
#include <zcache/zcache.h>

#include "common/arguments.h"
#include "common/variant.h"

#define PERCENT_ALL 100000 /* thousandths */
#define PERCENT_MOST (1000 * UINT64_C(1000))
#define FORK_EVERY_STANDARD 1000
#define LARGE (UINT64_C(1) << 40)

/* ---- the table ---- */

/* Macros for the rows of parameters.h.  The words of a choice are an array of
 * static storage, because they initialise the table. */
#define HEADING(text) .heading = (text)
#define KIND(kind_, least_, most_)                                             \
    .kind = SIM_KIND_##kind_, .least = (least_), .most = (most_)
#define TEXT KIND(TEXT, 0, 0)
#define COUNT(least, most) KIND(COUNT, least, most)
#define COLUMN(least) KIND(COLUMN, least, 1000)
#define THOUSANDTHS(least, most) KIND(THOUSANDTHS, least, most)
#define PERCENT(least) KIND(THOUSANDTHS, least, PERCENT_ALL)
#define PART(least) KIND(PART, least, UINT64_C(1) << 32)
#define BYTES KIND(BYTES, 0, UINT64_C(1) << 50)
#define CHOICE(...)                                                            \
    .kind = SIM_KIND_CHOICE,                                                   \
    .words = ((const struct word[]){__VA_ARGS__, {NULL, 0}})
#define PLACEMENT_CHOICE .kind = SIM_KIND_CHOICE
#define SWITCH CHOICE({"off", SIM_OFF}, {"on", SIM_ON})
#define SWITCH_OR_AUTO                                                         \
    CHOICE({"off", SIM_OFF}, {"on", SIM_ON}, {"auto", SIM_AUTO})
#define COUNT_OR_WORD(least, most, ...)                                        \
    COUNT(least, most), .words = ((const struct word[]){__VA_ARGS__, {NULL, 0}})
#define ROW(identifier, name_, argument_, standard_, help_, ...)               \
    [SIM_##identifier] = {.name = (name_),                                     \
                          .argument = (argument_),                             \
                          .standard = (standard_),                             \
                          .help = (help_),                                     \
                          __VA_ARGS__},

const struct sim_parameter_info sim_parameters[SIM_PARAMETERS] = {
    SIM_PARAMETER_TABLE(ROW)};

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

const struct word *sim_words(const struct sim_parameter_info *info)
{
    return info->words != NULL ? info->words : placement_words();
}

static bool take_word(const struct sim_parameter_info *info, const char *text,
                      uint64_t *number_out)
{
    unsigned value;

    if (!words_find(sim_words(info), text, &value))
        return false;
    *number_out = value;
    return true;
}

static bool take_value(const struct sim_parameter_info *info,
                       struct sim_value *value, const char *text)
{
    switch (info->kind) {
    case SIM_KIND_TEXT:
        return *text != '\0';
    case SIM_KIND_COUNT:
        return number_parse(text, info->least, info->most, &value->number) ||
               (info->words != NULL && take_word(info, text, &value->number));
    case SIM_KIND_THOUSANDTHS:
        return number_parse_thousandths(text, info->least, info->most,
                                        &value->number);
    case SIM_KIND_PART:
        return take_percent(value, text) ||
               number_parse(text, info->least, info->most, &value->number);
    case SIM_KIND_BYTES:
        return take_percent(value, text) ||
               take_bytes(info, text, &value->number);
    case SIM_KIND_COLUMN:
        value->is_name = text[strspn(text, "0123456789")] != '\0';
        return value->is_name ||
               number_parse(text, info->least, info->most, &value->number);
    case SIM_KIND_CHOICE:
        break;
    }
    return take_word(info, text, &value->number);
}

/* Shows the possible values. */
static void explain(const struct sim_parameter_info *info, const char *text)
{
    struct text limits = {0};

    switch (info->kind) {
    case SIM_KIND_TEXT:
        text_print(&limits, "nothing; it needs a %s", info->argument);
        break;
    case SIM_KIND_THOUSANDTHS:
        text_print(&limits, "no number from %.10g to %.10g",
                   (double)info->least / 1e3, (double)info->most / 1e3);
        break;
    case SIM_KIND_COLUMN:
    case SIM_KIND_COUNT:
        text_print(&limits, "no number from %" PRIu64 " to %" PRIu64,
                   info->least, info->most);
        if (info->words == NULL)
            break;
        text_print(&limits, ", and is none of ");
        words_list(&limits, sim_words(info), " and ");
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
        text_print(&limits, "none of ");
        words_list(&limits, sim_words(info), ", ");
        break;
    }
    message_error("--%s: \"%s\" is %s%s", info->name, text, limits.bytes,
                  strchr(text, ',') == NULL ? "" : "; a list needs --sweep");
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

const char *sim_standard(enum sim_parameter parameter)
{
    return parameter == SIM_CODEC ? codec_default()
                                  : sim_parameters[parameter].standard;
}

void sim_config_init(struct sim_config *config)
{
    *config = (struct sim_config){0};
    for (unsigned i = 0; i < SIM_PARAMETERS; i++) {
        const char *standard = sim_standard((enum sim_parameter)i);

        if (standard == NULL)
            continue;
        (void)sim_config_set(config, (enum sim_parameter)i, standard);
        config->values[i].is_given = false;
    }
}

bool sim_is_model(const struct sim_config *config)
{
    const uint64_t policy = sim_number(config, SIM_POLICY);

    return policy == ZC_SHRINK_BATCH || policy == ZC_SHRINK_PROACTIVE;
}

bool sim_same_text(const struct sim_config *config,
                   const struct sim_config *other, enum sim_parameter parameter)
{
    const char *text = sim_text(config, parameter);
    const char *other_text = sim_text(other, parameter);

    if (text == NULL || other_text == NULL)
        return text == other_text;
    return strcmp(text, other_text) == 0;
}

uint64_t sim_amount(const struct sim_config *config,
                    enum sim_parameter parameter, uint64_t whole)
{
    const struct sim_value *value = &config->values[parameter];

    if (!value->is_percent)
        return value->number;
    return (uint64_t)((double)whole * (double)value->number / PERCENT_ALL);
}

/* ---- all values together ---- */

static bool check_codec(const char *option, const char *text)
{
    struct codec_list list = {.option = option};
    bool good = strchr(text, ',') == NULL;

    if (!good)
        message_error("%s: \"%s\" is more than 1 codec; a list needs --sweep",
                      option, text);
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

/* Ages are kept in one mode of the LRU; a budget is of something. */
static bool check_cold(const struct sim_value *values)
{
    const bool writes = values[SIM_WRITEBACK_AGE].number != 0;
    const char *codec = values[SIM_RECOMPRESS].text;

    if (codec != NULL && !check_codec("--recompress", codec))
        return false;
    if (values[SIM_WRITEBACK_BUDGET].is_given && !writes) {
        message_error("--writeback-budget %s: nothing is written back by age "
                      "without --writeback-age of 1 or more",
                      values[SIM_WRITEBACK_BUDGET].text);
        return false;
    }
    if (codec == NULL && (values[SIM_RECOMPRESS_AGE].is_given ||
                          values[SIM_RECOMPRESS_BUDGET].is_given)) {
        message_error("%s: nothing is compressed again without --recompress",
                      values[SIM_RECOMPRESS_AGE].is_given
                          ? "--recompress-age"
                          : "--recompress-budget");
        return false;
    }
    if ((writes || codec != NULL) && values[SIM_LRU].number != ZC_LRU_ENTRY) {
        message_error("%s: ages are kept with --lru entry only, and not with "
                      "%s",
                      writes ? "--writeback-age" : "--recompress",
                      values[SIM_LRU].text);
        return false;
    }
    return true;
}

bool sim_config_check(struct sim_config *config)
{
    struct sim_value *values = config->values;

    if (!check_codec("--codec", values[SIM_CODEC].text) ||
        !check_device(values[SIM_DEVICE].text))
        return false;
    if (!check_cold(values))
        return false;
    if (values[SIM_PID].text != NULL && !check_pid(values[SIM_PID].text))
        return false;
    if (values[SIM_PID].text != NULL && values[SIM_PAGES].text != NULL) {
        message_error("--pages %s and --pid %s: 2 kinds of pages are given, "
                      "and 1 is possible",
                      values[SIM_PAGES].text, values[SIM_PID].text);
        return false;
    }
    if (values[SIM_RAW_FROM].number > values[SIM_PAGE_SIZE].number) {
        message_error("--raw-from %s: a page has %" PRIu64 " bytes",
                      values[SIM_RAW_FROM].text, values[SIM_PAGE_SIZE].number);
        return false;
    }
    if (values[SIM_ACCESS].number == SIM_ACCESS_FORK &&
        !values[SIM_FORK_EVERY].is_given)
        values[SIM_FORK_EVERY].number = FORK_EVERY_STANDARD;
    /* After a fork parent and child would both report a damaged page. */
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
