/* SPDX-License-Identifier: MIT */
/* options.c - the command line of `zcache estimate`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zcache/zcache.h>

#include "common/arguments.h"
#include "common/plot.h"
#include "common/text.h"
#include "estimate/estimate.h"

/* Lines of sources in a report. */
#define TOP_DEFAULT 20
#define TOP_MOST 1000000

static const char help[] =
    "usage: zcache estimate [OPTION]... FILE...\n"
    "       zcache estimate [OPTION]... --pid PID[,PID]...\n"
    "       zcache estimate [OPTION]... --all\n"
    "       zcache estimate [OPTION]... --cgroup PATH\n"
    "       zcache estimate [OPTION]... -- COMMAND [ARG]...\n"
    "       zcache estimate --now [--json]\n"
    "       zcache estimate --now [OPTION]... FILE... | --all | ...\n"
    "\n"
    "What compressed swap would make of this memory: stores all of it in one\n"
    "pool, loads it back, compares it, and says what the pool took.\n"
    "\n"
    "what to measure\n"
    "  FILE               the file, cut in pages\n"
    "  --pid PID[,PID]    resident anonymous pages of these processes\n"
    "  --all              of every process that may be read\n"
    "  --cgroup PATH      of the processes of a control group and those below\n"
    "  -- COMMAND [ARG]   run the command, and measure it and its children\n"
    "  --after SECONDS    ... after this time (default 5), then end it\n"
    "  --sample PERCENT   only this part, in runs of 256 pages\n"
    "  --now              say what zswap and zram do on this machine now,\n"
    "                     what is wrong, and what to type; with one of these\n"
    "                     also where an estimate of it says otherwise\n"
    "  --root FOLDER      ... of a recorded tree of /proc and /sys\n"
    "  --cold AGE[,AGE]   which pages were not touched for so many seconds\n"
    "  --clear-refs       ... by Referenced of each mapping, which sees reads\n"
    "\n"
    "how to store it\n"
    "  --codec LIST       NAME[:LEVEL],... (default lzo,lz4,zstd if built in)\n"
    "                     or kernel:NAME, of the running kernel (root)\n"
    "  --recompress A,B   zram with two codecs: B for what it makes smaller\n"
    "  --for LIST         zswap,zram (default), library\n"
    "  --chain PAGES      of zsmalloc, 4 to 16 (default the kernel's)\n"
    "  --page-size BYTES  4096 (default), 8192, 16384, 32768 or 65536\n"
    "  --threads COUNT    1 (default) to 256\n"
    "\n"
    "how to show it\n"
    "  --json             for programs\n"
    "  --classes          with the class table of each pool\n"
    "  --by mapping       with a table of heap, stack, files ...\n"
    "  --top COUNT        the lines of so many sources (default 20)\n"
    "  --legend           with the meaning of each word\n"
    "  --plot FILE        also draw FILE.svg or FILE.png (needs gnuplot)\n"
    "  --html FILE        also write it all as one page with its pictures\n"
    "  --quiet            no progress and no notes\n"
    "  --help, --version\n"
    "\n"
    "exit status: 0 every page came back as it was; 1 one did not; 2 error\n";

enum option_value {
    OPTION_HELP = 'h',
    OPTION_AFTER = 256,
    OPTION_ALL,
    OPTION_BY,
    OPTION_CGROUP,
    OPTION_CHAIN,
    OPTION_CLASSES,
    OPTION_CLEAR_REFS,
    OPTION_CODEC,
    OPTION_COLD,
    OPTION_FOR,
    OPTION_HTML,
    OPTION_JSON,
    OPTION_LEGEND,
    OPTION_NOW,
    OPTION_PAGE_SIZE,
    OPTION_PID,
    OPTION_PLOT,
    OPTION_QUIET,
    OPTION_RECOMPRESS,
    OPTION_ROOT,
    OPTION_SAMPLE,
    OPTION_THREADS,
    OPTION_TOP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"after", required_argument, NULL, OPTION_AFTER},
    {"all", no_argument, NULL, OPTION_ALL},
    {"by", required_argument, NULL, OPTION_BY},
    {"cgroup", required_argument, NULL, OPTION_CGROUP},
    {"chain", required_argument, NULL, OPTION_CHAIN},
    {"classes", no_argument, NULL, OPTION_CLASSES},
    {"clear-refs", no_argument, NULL, OPTION_CLEAR_REFS},
    {"codec", required_argument, NULL, OPTION_CODEC},
    {"cold", required_argument, NULL, OPTION_COLD},
    {"for", required_argument, NULL, OPTION_FOR},
    {"help", no_argument, NULL, OPTION_HELP},
    {"html", required_argument, NULL, OPTION_HTML},
    {"json", no_argument, NULL, OPTION_JSON},
    {"legend", no_argument, NULL, OPTION_LEGEND},
    {"now", no_argument, NULL, OPTION_NOW},
    {"page-size", required_argument, NULL, OPTION_PAGE_SIZE},
    {"pid", required_argument, NULL, OPTION_PID},
    {"plot", required_argument, NULL, OPTION_PLOT},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"recompress", required_argument, NULL, OPTION_RECOMPRESS},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"sample", required_argument, NULL, OPTION_SAMPLE},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"top", required_argument, NULL, OPTION_TOP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* A number of an option; false, and an error shown. */
static bool parse_count(const char *option, const char *text, uint64_t least,
                        uint64_t most, uint64_t *count_out)
{
    if (number_parse(text, least, most, count_out))
        return true;
    message_error("%s: \"%s\" is no number from %" PRIu64 " to %" PRIu64,
                  option, text, least, most);
    return false;
}

/* "zswap,zram" */
static bool parse_for(const char *text, unsigned *targets_out)
{
    char *words = memory_copy_text(text);
    char *rest = words;
    char *part;
    bool good = true;

    *targets_out = 0;
    while (good && (part = text_cut_part(&rest)) != NULL) {
        unsigned target;

        good = words_find(run_target_words(), part, &target);
        if (good)
            *targets_out |= 1u << target;
        else
            message_error("--for: there is no \"%s\"; there are: zswap, zram, "
                          "library",
                          part);
    }
    free(words);
    return good;
}

static bool parse_by(const char *text, bool *by_mapping_out)
{
    if (strcmp(text, "mapping") != 0) {
        message_error("--by: there is no \"%s\"; there is: mapping", text);
        return false;
    }
    *by_mapping_out = true;
    return true;
}

/* "lz4,zstd:3": the row of the first, which has the second. */
static bool parse_recompress(struct codec_list *list, const char *text)
{
    list->option = "--recompress";
    list->may_be_kernel = true;
    if (!codec_list_parse(list, text))
        return false;
    if (list->count != 2) {
        message_error("--recompress: \"%s\" has %zu %s, and 2 are needed: "
                      "FIRST,SECOND",
                      text, list->count, list->count == 1 ? "codec" : "codecs");
        return false;
    }
    free(list->choices[0].label);
    list->choices[0].label = memory_copy_text(text);
    list->choices[0].second = &list->choices[1];
    return true;
}

/* An option that takes a number; false, and an error shown. */
static bool take_number(struct estimate_options *options, int option,
                        const char *text)
{
    uint64_t count = 0;
    bool good;

    switch (option) {
    case OPTION_CHAIN:
        good = parse_count("--chain", text, 4, 16, &count);
        options->chain_length = (unsigned)count;
        return good;
    case OPTION_TOP:
        good = parse_count("--top", text, 1, TOP_MOST, &count);
        options->top = (size_t)count;
        return good;
    default:
        good = parse_count("--threads", text, 1, TOOL_THREADS_MOST, &count);
        options->thread_count = (unsigned)count;
        return good;
    }
}

/* An option that takes an argument; false, and an error shown. */
static bool take_argument(struct estimate_options *options, int option,
                          const char *text)
{
    switch (option) {
    case OPTION_AFTER:
        return arguments_parse_after(text,
                                     &options->sources.after_milliseconds);
    case OPTION_BY:
        return parse_by(text, &options->by_mapping);
    case OPTION_CGROUP:
        options->sources.cgroups[options->sources.cgroup_count++] = text;
        return true;
    case OPTION_CODEC:
        return codec_list_parse(&options->codecs,
                                arguments_add(&options->codec_names, text));
    case OPTION_COLD:
        return cold_parse(&options->cold,
                          arguments_add(&options->cold_ages, text));
    case OPTION_FOR:
        return parse_for(arguments_add(&options->target_names, text),
                         &options->targets);
    case OPTION_HTML:
        options->html_path = text;
        return true;
    case OPTION_PAGE_SIZE:
        return arguments_parse_page_size(text, &options->page_size);
    case OPTION_PID:
        options->sources.pids = arguments_add(&options->pids, text);
        return true;
    case OPTION_PLOT:
        options->plot_path = text;
        return true;
    case OPTION_RECOMPRESS:
        return parse_recompress(&options->recompress, text);
    case OPTION_ROOT:
        options->root = text;
        return true;
    case OPTION_SAMPLE:
        return arguments_parse_sample(text, &options->sample);
    default:
        return take_number(options, option, text);
    }
}

static enum estimate_parse take_option(struct estimate_options *options,
                                       int option)
{
    switch (option) {
    case OPTION_HELP:
        fputs(help, stdout);
        return ESTIMATE_SHOWN;
    case OPTION_VERSION:
        arguments_print_version();
        return ESTIMATE_SHOWN;
    case OPTION_ALL:
        options->sources.all = true;
        return ESTIMATE_RUN;
    case OPTION_CLEAR_REFS:
        options->cold.clear_refs = true;
        return ESTIMATE_RUN;
    case OPTION_CLASSES:
        options->classes = true;
        return ESTIMATE_RUN;
    case OPTION_JSON:
        options->json = true;
        return ESTIMATE_RUN;
    case OPTION_LEGEND:
        options->legend = true;
        return ESTIMATE_RUN;
    case OPTION_NOW:
        options->now = true;
        return ESTIMATE_RUN;
    case OPTION_QUIET:
        options->quiet = true;
        return ESTIMATE_RUN;
    default:
        return take_argument(options, option, optarg) ? ESTIMATE_RUN
                                                      : ESTIMATE_WRONG;
    }
}

/* --now alone measures nothing, so an option about measuring is a mistake; with
 * a source it shows the machine, so one about showing the source is. */
static bool goes_with_now(const struct estimate_options *options, int option)
{
    if (source_choice_kinds(&options->sources) != 0)
        return option != OPTION_BY && option != OPTION_CLASSES &&
               option != OPTION_FOR && option != OPTION_HTML &&
               option != OPTION_LEGEND && option != OPTION_PLOT &&
               option != OPTION_RECOMPRESS && option != OPTION_TOP;
    return option == OPTION_NOW || option == OPTION_ROOT ||
           option == OPTION_JSON || option == OPTION_QUIET ||
           (option == OPTION_PAGE_SIZE && options->root != NULL);
}

/* Is --now given with nothing else that it would ignore?  `given` is a set of
 * options, a bit for each from OPTION_AFTER on. */
static bool check_now(const struct estimate_options *options, unsigned given)
{
    const bool measures = source_choice_kinds(&options->sources) != 0;

    for (const struct option *row = long_options; row->name != NULL; row++) {
        if (row->val < OPTION_AFTER ||
            (given & 1u << (row->val - OPTION_AFTER)) == 0 ||
            goes_with_now(options, row->val))
            continue;
        if (measures)
            message_error("--%s does not go with --now, which shows the "
                          "machine and not the source",
                          row->name);
        else
            message_error(row->val == OPTION_PAGE_SIZE
                              ? "--%s goes with --now only for a tree of "
                                "--root"
                              : "--%s does not go with --now, which measures "
                                "nothing without a source",
                          row->name);
        return false;
    }
    return true;
}

/* Is a file named twice?  Its pages would count as duplicates. */
static bool check_sources(const struct source_choice *sources)
{
    for (size_t i = 0; i < sources->file_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(sources->files[i], sources->files[j]) == 0) {
                message_error("%s is named twice", sources->files[i]);
                return false;
            }
        }
    }
    return true;
}

/* Can the files be written that the options name? */
static bool check_files(const struct estimate_options *options)
{
    const char *plot = options->plot_path;
    const char *html = options->html_path;

    if (plot != NULL && html != NULL && strcmp(plot, html) == 0) {
        message_error("--plot and --html are both %s", plot);
        return false;
    }
    return (plot == NULL || plot_check(plot)) &&
           (html == NULL || report_html_check(html));
}

/* Do the given options fit together? */
static bool check_together(const struct estimate_options *options,
                           bool after_given)
{
    const struct source_choice *sources = &options->sources;
    unsigned kinds = source_choice_kinds(sources);

    if (sources->words != NULL && sources->words[0] == NULL) {
        message_error("there is no command after --");
        return false;
    }
    if (kinds == 0) {
        message_error("nothing to measure: give FILE..., --pid, --all, "
                      "--cgroup or -- COMMAND; see --help");
        return false;
    }
    if (kinds > 1) {
        message_error("%u kinds of source are given, and 1 is possible: "
                      "FILE..., --pid, --all, --cgroup or -- COMMAND",
                      kinds);
        return false;
    }
    if (after_given && sources->words == NULL) {
        message_error("--after is for -- COMMAND only");
        return false;
    }
    if (options->cold.clear_refs && options->cold.age_count == 0) {
        message_error("--clear-refs is for --cold only");
        return false;
    }
    if (options->cold.age_count != 0 && sources->file_count != 0) {
        message_error("--cold is for processes; %s is a file",
                      sources->files[0]);
        return false;
    }
    return check_sources(sources) && check_files(options);
}

static void set_defaults(struct estimate_options *options)
{
    *options = (struct estimate_options){.page_size = ZC_PAGE_SIZE_MIN,
                                         .sample = SAMPLE_ALL,
                                         .targets = ESTIMATE_FOR_DEFAULT,
                                         .thread_count = 1,
                                         .top = TOP_DEFAULT};
    options->codecs.may_be_kernel = true;
    options->sources.after_milliseconds = AFTER_MILLISECONDS_DEFAULT;
}

/* Is there something left to do? */
static bool check_codecs(const struct estimate_options *options)
{
    const struct codec_choice *codec = &options->codecs.choices[0];

    for (size_t i = 0; i < options->codecs.count; i++) {
        for (unsigned target = RUN_ZSWAP; target <= RUN_LIBRARY; target++) {
            if ((options->targets >> target & 1) != 0 &&
                codec_fits(&options->codecs.choices[i],
                           (enum run_target)target))
                return true;
        }
    }
    if (codec->kernel != NULL && (options->targets & 1u << RUN_ZSWAP) == 0)
        message_error("--for library: \"%s\" is the kernel's; zswap and zram "
                      "have it",
                      codec->label);
    else
        message_error("--for zswap: zswap takes a codec and no level, and "
                      "\"%s\" has one; zram takes levels",
                      codec->label);
    return false;
}

/* The first codec of the kernel that the options name, or NULL. */
static const struct codec_choice *find_kernel_codec(
    const struct estimate_options *options)
{
    const struct codec_list *const lists[] = {&options->codecs,
                                              &options->recompress};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            if (lists[i]->choices[j].kernel != NULL)
                return &lists[i]->choices[j];
        }
    }
    return NULL;
}

/* Do the codecs fit the other options? */
static bool check_with_codecs(const struct estimate_options *options)
{
    const struct codec_choice *codec = find_kernel_codec(options);
    const size_t page_size = (size_t)sysconf(_SC_PAGESIZE);

    if (codec != NULL && options->page_size != page_size) {
        message_error("--page-size: %zu is not possible with \"%s\": pages of "
                      "this kernel have %zu bytes",
                      options->page_size, codec->label, page_size);
        return false;
    }
    if (options->recompress.count != 0 &&
        (options->targets & 1u << RUN_ZRAM) == 0) {
        message_error("--recompress is for zram, which --for does not name");
        return false;
    }
    return check_codecs(options);
}

enum estimate_parse estimate_parse(struct estimate_options *options, int argc,
                                   char **argv)
{
    static const int lists[] = {OPTION_CGROUP, OPTION_CODEC, OPTION_COLD,
                                OPTION_FOR,    OPTION_PID,   0};
    struct arguments arguments;
    bool after_given = false;
    unsigned given = 0; /* a bit for each option from OPTION_AFTER on */
    int option;

    set_defaults(options);
    argc = arguments_split_command(argc, argv, &options->sources.words);
    options->sources.files = memory_allocate((size_t)argc, sizeof(char *));
    options->sources.cgroups = memory_allocate((size_t)argc, sizeof(char *));
    if (!arguments_begin(&arguments, argc, argv, long_options, lists))
        return ESTIMATE_WRONG;
    while ((option = arguments_next(&arguments)) != -1) {
        enum estimate_parse parse;

        if (option == '?')
            return ESTIMATE_WRONG;
        if (option == 1) {
            options->sources.files[options->sources.file_count++] = optarg;
            continue;
        }
        after_given |= option == OPTION_AFTER;
        if (option >= OPTION_AFTER)
            given |= 1u << (option - OPTION_AFTER);
        parse = take_option(options, option);
        if (parse != ESTIMATE_RUN)
            return parse;
    }
    if (options->now && !check_now(options, given))
        return ESTIMATE_WRONG;
    if (options->now && source_choice_kinds(&options->sources) == 0)
        return ESTIMATE_RUN;
    if (options->root != NULL && !options->now) {
        message_error("--root is for --now only");
        return ESTIMATE_WRONG;
    }
    if (!check_together(options, after_given))
        return ESTIMATE_WRONG;
    if (options->codecs.count == 0 &&
        !codec_list_parse(&options->codecs, codec_list_default()))
        return ESTIMATE_WRONG;
    return check_with_codecs(options) ? ESTIMATE_RUN : ESTIMATE_WRONG;
}
