/* SPDX-License-Identifier: MIT */
/* options.c - the command line of `zcache sim`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/arguments.h"
#include "common/plot.h"
#include "common/variant.h"
#include "sim/sim.h"

#define JOBS_MOST 4096
#define REPEAT_MOST 1000
#define HELP_COLUMN 32

static const char help_head[] =
    "usage: zcache sim [OPTION]...\n"
    "       zcache sim --sweep [--print] [OPTION]...\n"
    "       zcache sim --merge FILE...\n"
    "\n"
    "Runs the whole stack: threads use address spaces of more pages than\n"
    "there are frames, over a compressed pool with a limit and a device\n"
    "behind it.  Every byte that is read is verified.\n";

static const char help_tail[] =
    "\nmany runs\n"
    "  --sweep                       every option above may be a list A,B\n"
    "  --jobs COUNT                  runs at a time; if not given, as many as\n"
    "                                there are processors for their threads\n"
    "  --repeat COUNT                runs of each point; if not given, 1\n"
    "  --print                       the commands of a sweep instead of it\n"
    "  --merge FILE...               join the JSON of several runs\n"
    "\nhow to show it\n"
    "  --json                        for programs\n"
    "  --csv                         the time line; of a sweep, its lines\n"
    "  --plot FILE                   also draw FILE.svg or .png (gnuplot)\n"
    "  --quiet                       no progress and no notes\n"
    "  --help, --version\n"
    "\n"
    "exit status: 0 every page came back as it was; 1 one did not; 2 error\n";

/* A parameter has the value PARAMETER_FIRST plus its number. */
enum option_value {
    OPTION_HELP = 'h',
    OPTION_CSV = 256,
    OPTION_JOBS,
    OPTION_JSON,
    OPTION_MERGE,
    OPTION_PLOT,
    OPTION_PRINT,
    OPTION_QUIET,
    OPTION_REPEAT,
    OPTION_SWEEP,
    OPTION_VERSION,
    PARAMETER_FIRST
};

static const struct option plain_options[] = {
    {"csv", no_argument, NULL, OPTION_CSV},
    {"help", no_argument, NULL, OPTION_HELP},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"json", no_argument, NULL, OPTION_JSON},
    {"merge", no_argument, NULL, OPTION_MERGE},
    {"plot", required_argument, NULL, OPTION_PLOT},
    {"print", no_argument, NULL, OPTION_PRINT},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"repeat", required_argument, NULL, OPTION_REPEAT},
    {"sweep", no_argument, NULL, OPTION_SWEEP},
    {"version", no_argument, NULL, OPTION_VERSION},
};

#define PLAIN_COUNT (sizeof(plain_options) / sizeof(plain_options[0]))

static void make_long_options(struct option *long_options)
{
    memcpy(long_options, plain_options, sizeof(plain_options));
    for (int i = 0; i < SIM_PARAMETERS; i++)
        long_options[PLAIN_COUNT + (size_t)i] =
            (struct option){.name = sim_parameters[i].name,
                            .has_arg = required_argument,
                            .val = PARAMETER_FIRST + i};
    long_options[PLAIN_COUNT + SIM_PARAMETERS] = (struct option){0};
}

static void print_help_line(enum sim_parameter parameter)
{
    const struct sim_parameter_info *info = &sim_parameters[parameter];
    const char *standard = sim_standard(parameter);
    struct text line = {0};

    text_print(&line, "  --%s ", info->name);
    if (info->argument != NULL)
        text_print(&line, "%s", info->argument);
    else
        words_list(&line, sim_words(info), "|");
    while (line.length < HELP_COLUMN)
        text_append(&line, " ", 1);
    if (line.bytes[line.length - 1] != ' ')
        text_append(&line, " ", 1);
    if (info->help != NULL)
        text_print(&line, "%s", info->help);
    else if (parameter == SIM_CODEC)
        codec_names(&line);
    else
        words_list(&line, sim_words(info), ", ");
    if (standard != NULL)
        text_print(&line, " (%s)", standard);
    puts(line.bytes);
    text_free(&line);
}

static void print_help(void)
{
    fputs(help_head, stdout);
    for (int i = 0; i < SIM_PARAMETERS; i++) {
        if (sim_parameters[i].heading != NULL)
            printf("\n%s\n", sim_parameters[i].heading);
        print_help_line((enum sim_parameter)i);
    }
    fputs(help_tail, stdout);
}

/* "out" means out.svg. */
static bool take_plot(struct sim_options *options, const char *text)
{
    struct text path = {0};
    const char *slash = strrchr(text, '/');
    const char *last = slash == NULL ? text : slash + 1;

    text_print(&path, "%s%s", text,
               strchr(last, '.') == NULL && *last != '\0' ? ".svg" : "");
    free(options->plot_path);
    options->plot_path = path.bytes;
    return plot_check(path.bytes);
}

static bool take_number(const char *option, const char *text, uint64_t most,
                        uint64_t *number_out)
{
    if (number_parse(text, 1, most, number_out))
        return true;
    message_error("--%s: \"%s\" is no number from 1 to %" PRIu64, option, text,
                  most);
    return false;
}

static enum sim_parse take_option(struct sim_options *options, int option)
{
    switch (option) {
    case OPTION_HELP:
        print_help();
        return SIM_SHOWN;
    case OPTION_VERSION:
        arguments_print_version();
        return SIM_SHOWN;
    case OPTION_CSV:
        options->csv = true;
        break;
    case OPTION_JOBS:
        return take_number("jobs", optarg, JOBS_MOST, &options->jobs)
                   ? SIM_RUN
                   : SIM_WRONG;
    case OPTION_REPEAT:
        return take_number("repeat", optarg, REPEAT_MOST, &options->repeat)
                   ? SIM_RUN
                   : SIM_WRONG;
    case OPTION_JSON:
        options->json = true;
        break;
    case OPTION_MERGE:
        options->merge = true;
        break;
    case OPTION_PLOT:
        return take_plot(options, optarg) ? SIM_RUN : SIM_WRONG;
    case OPTION_PRINT:
        options->print = true;
        break;
    case OPTION_QUIET:
        options->quiet = true;
        break;
    case OPTION_SWEEP:
        options->sweep = true;
        break;
    default:
        options->texts[option - PARAMETER_FIRST] = optarg;
        break;
    }
    return SIM_RUN;
}

static bool check_merge(const struct sim_options *options)
{
    if (options->file_count == 0) {
        message_error("--merge: 0 files are given, and at least 1 is needed");
        return false;
    }
    if (options->sweep || options->print || options->jobs != 0 ||
        options->csv || options->plot_path != NULL) {
        message_error("--merge does not go with --sweep, --print, --jobs, "
                      "--csv or --plot: it joins the JSON of runs that were "
                      "made");
        return false;
    }
    for (int i = 0; i < SIM_PARAMETERS; i++) {
        if (options->texts[i] != NULL) {
            message_error("--merge does not go with --%s %s: it joins the JSON "
                          "of runs that were made",
                          sim_parameters[i].name, options->texts[i]);
            return false;
        }
    }
    return true;
}

static bool explain_interval(const struct sim_options *options,
                             const char *needed)
{
    message_error("--interval %s does nothing here: it needs %s",
                  options->texts[SIM_INTERVAL], needed);
    return false;
}

/* Do the given options fit together? */
static bool check_together(const struct sim_options *options)
{
    if (options->merge)
        return check_merge(options);
    if (options->file_count != 0) {
        message_error("\"%s\" is no option; pages come from a file with "
                      "--pages FILE",
                      options->files[0]);
        return false;
    }
    if (options->json && options->csv) {
        message_error("--json and --csv: 2 kinds of output are given, and 1 "
                      "is possible");
        return false;
    }
    if (options->print && !options->sweep) {
        message_error("--print is for --sweep only");
        return false;
    }
    if (options->jobs != 0 && !options->sweep) {
        message_error("--jobs is for --sweep only");
        return false;
    }
    if (options->print && (options->json || options->csv ||
                           options->jobs != 0 || options->plot_path != NULL)) {
        message_error("--print does not go with --json, --csv, --jobs or "
                      "--plot: it prints commands, which run nothing");
        return false;
    }
    if (options->sweep && options->texts[SIM_INTERVAL] != NULL)
        return explain_interval(options, "a run without --sweep");
    if (options->repeat != 0 && !options->sweep) {
        message_error("--repeat is for --sweep only");
        return false;
    }
    return true;
}

static bool set_all(struct sim_options *options)
{
    for (int i = 0; i < SIM_PARAMETERS; i++) {
        if (options->texts[i] != NULL &&
            !sim_config_set(&options->config, (enum sim_parameter)i,
                            options->texts[i]))
            return false;
    }
    if (options->texts[SIM_INTERVAL] != NULL && !options->csv &&
        options->plot_path == NULL)
        return explain_interval(options, "--csv or --plot");
    return sim_config_check(&options->config) &&
           sim_all_do_something(&options->config, 1, 0);
}

enum sim_parse sim_parse(struct sim_options *options, int argc, char **argv)
{
    static const int lists[] = {0}; /* --sweep has its own */
    struct option long_options[PLAIN_COUNT + SIM_PARAMETERS + 1];
    struct arguments arguments;
    int option;

    *options = (struct sim_options){0};
    sim_config_init(&options->config);
    options->files = memory_allocate((size_t)argc, sizeof(char *));
    make_long_options(long_options);
    if (!arguments_begin(&arguments, argc, argv, long_options, lists))
        return SIM_WRONG;
    while ((option = arguments_next(&arguments)) != -1) {
        enum sim_parse parse;

        if (option == '?')
            return SIM_WRONG;
        if (option == 1) {
            options->files[options->file_count++] = optarg;
            continue;
        }
        parse = take_option(options, option);
        if (parse != SIM_RUN)
            return parse;
    }
    while (optind < argc) /* after a "--" */
        options->files[options->file_count++] = argv[optind++];
    if (!check_together(options))
        return SIM_WRONG;
    if (options->sweep || options->merge)
        return SIM_RUN;
    return set_all(options) ? SIM_RUN : SIM_WRONG;
}

void sim_options_free(struct sim_options *options)
{
    free(options->files);
    free(options->plot_path);
    *options = (struct sim_options){0};
}
