/* SPDX-License-Identifier: MIT */
/* zcrace.c - the command line: which command is meant, and its options. */
#include "zcrace.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: zcrace COMMAND [OPTION]...\n"
    "\n"
    "  list             the scenarios and the rules that each is there for\n"
    "  show NAME        one execution of a scenario, as a diagram\n"
    "  run NAME         explore a scenario; print the shortest failure\n"
    "  replay STRING    run one schedule again\n"
    "  matrix [NAME]    every scenario, or one, with each rule broken\n"
    "  selftest         is the explorer right?\n"
    "\n"
    "  --break RULE     with this rule broken (show, run)\n"
    "  --bound K        all schedules with up to K preemptions, instead of\n"
    "                   every trace\n"
    "  --random N       N schedules by chance\n"
    "  --seed S         another sequence of them (1)\n"
    "  --pct D          priorities with D - 1 changes, instead of a walk\n"
    "  --pos            a priority for each step, instead of a walk\n"
    "  --threads        on real threads, for a debugger (run, replay)\n"
    "  --time SECONDS   stop then\n"
    "  --jobs N         processes at a time (matrix)\n"
    "  --check FOLDER   compare with what is recorded there (matrix)\n"
    "  --record FOLDER  record there (matrix)\n"
    "  --format=FORMAT  columns, mail or json\n"
    "  --speed          executions a second, of a toy and of each scenario\n"
    "                   (selftest)\n"
    "  --help\n"
    "\n"
    "Exit status: 0 nothing was found, 1 something was, 2 wrong usage.\n";

static bool wrong(const char *what, const char *text)
{
    (void)fprintf(stderr, "zcrace: %s \"%s\"; zcrace --help lists all\n", what,
                  text);
    return false;
}

static bool take_number(const char *option, const char *text, uint64_t limit,
                        uint64_t *number)
{
    char *end = NULL;
    unsigned long long value = 0;

    if (text != NULL && text[0] >= '0' && text[0] <= '9')
        value = strtoull(text, &end, 10);
    if (end == NULL || *end != '\0' || value > limit) {
        (void)fprintf(
            stderr, "zcrace: %s wants a number up to %llu, not \"%s\"\n",
            option, (unsigned long long)limit, text == NULL ? "" : text);
        return false;
    }
    *number = value;
    return true;
}

static bool take_format(const char *format, struct zcrace *request)
{
    if (strcmp(format, "columns") == 0)
        request->print = lab_print_columns;
    else if (strcmp(format, "mail") == 0)
        request->print = lab_print_mail;
    else if (strcmp(format, "json") == 0)
        request->print = lab_print_json;
    else
        return wrong("there are the formats columns, mail and json, not",
                     format);
    return true;
}

/* An option with a number. */
static bool take_numeric(const char *option, const char *value,
                         struct zcrace *request)
{
    struct lab_options *options = &request->options;
    uint64_t number;

    if (strcmp(option, "--seed") == 0)
        return take_number(option, value, UINT64_MAX / 2, &options->seed);
    if (strcmp(option, "--time") == 0) {
        if (!take_number(option, value, 1000000, &number))
            return false;
        options->milliseconds = number * 1000;
        return true;
    }
    if (strcmp(option, "--bound") == 0) {
        if (!take_number(option, value, 1000, &number))
            return false;
        options->mode = LAB_BOUND;
        options->bound = (unsigned)number;
        request->has_bound = true;
        return true;
    }
    if (strcmp(option, "--jobs") == 0) {
        if (!take_number(option, value, 64, &number))
            return false;
        request->jobs = (unsigned)number;
        return true;
    }
    if (strcmp(option, "--random") == 0) {
        if (options->mode < LAB_WALK)
            options->mode = LAB_WALK;
        return take_number(option, value, UINT64_MAX / 2, &options->executions);
    }
    if (!take_number(option, value, LAB_BOUNDS, &number))
        return false;
    options->mode = LAB_PCT;
    options->pct_depth = (unsigned)number;
    return true;
}

static bool is_numeric(const char *option)
{
    static const char *const options[] = {"--seed",   "--time", "--bound",
                                          "--random", "--pct",  "--jobs"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(option, options[i]) == 0)
            return true;
    }
    return false;
}

/* An option with a text; where it belongs, NULL: none such. */
static const char **place_for(const char *option, struct zcrace *request)
{
    if (strcmp(option, "--break") == 0)
        return &request->broken;
    if (strcmp(option, "--check") == 0)
        return &request->check;
    return strcmp(option, "--record") == 0 ? &request->record : NULL;
}

/* One option; *index moves past its value. */
static bool take_option(int argc, char **argv, int *index,
                        struct zcrace *request)
{
    const char *option = argv[*index];
    const char *value = *index + 1 < argc ? argv[*index + 1] : NULL;
    const char **place = place_for(option, request);

    if (strncmp(option, "--format=", 9) == 0)
        return take_format(option + 9, request);
    if (strcmp(option, "--threads") == 0) {
        request->threads = request->options.threads = true;
        return true;
    }
    if (strcmp(option, "--speed") == 0) {
        request->speed = true;
        return true;
    }
    if (strcmp(option, "--pos") == 0) {
        request->options.mode = LAB_POS;
        return true;
    }
    if (place != NULL) {
        if (value == NULL)
            return wrong(place == &request->broken
                             ? "a rule is expected after"
                             : "a folder is expected after",
                         option);
        *place = value;
    } else if (is_numeric(option)) {
        if (!take_numeric(option, value, request))
            return false;
    } else {
        return wrong("there is no option", option);
    }
    ++*index;
    return true;
}

bool zcrace_parse(int argc, char **argv, struct zcrace *request)
{
    memset(request, 0, sizeof(*request));
    request->command = argv[1];
    request->print = lab_print_columns;
    request->options.seed = 1;
    for (int i = 2; i < argc; i++) {
        if (argv[i][0] == '-') {
            if (!take_option(argc, argv, &i, request))
                return false;
        } else if (request->name == NULL) {
            request->name = argv[i];
        } else {
            return wrong("one name is enough:", argv[i]);
        }
    }
    return true;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return true;
    }
    return argc == 2 && strcmp(argv[1], "help") == 0;
}

enum operand {
    NO_NAME,
    A_NAME,
    MAYBE_A_NAME
};

static const struct {
    const char *name;
    enum operand operand;
    int (*run)(const struct zcrace *request);
} commands[] = {
    {"list", NO_NAME, zcrace_list},
    {"show", A_NAME, zcrace_show},
    {"run", A_NAME, zcrace_run},
    {"replay", A_NAME, zcrace_replay},
    {"matrix", MAYBE_A_NAME, zcrace_matrix},
    {"selftest", NO_NAME, zcrace_selftest},
};

int zcrace_main(int argc, char **argv)
{
    static struct zcrace request;

    if (argc < 2) {
        (void)fputs(help, stderr);
        return ZCRACE_USAGE;
    }
    if (wants_help(argc, argv)) {
        (void)fputs(help, stdout);
        return ZCRACE_SILENT;
    }
    if (!zcrace_parse(argc, argv, &request))
        return ZCRACE_USAGE;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(request.command, commands[i].name) != 0)
            continue;
        if (commands[i].operand == MAYBE_A_NAME ||
            (commands[i].operand == A_NAME) == (request.name != NULL))
            return commands[i].run(&request);
        (void)wrong(commands[i].operand == A_NAME ? "a name is expected after"
                                                  : "no name is expected after",
                    commands[i].name);
        return ZCRACE_USAGE;
    }
    (void)wrong("there is no command", request.command);
    return ZCRACE_USAGE;
}
