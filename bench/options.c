/* SPDX-License-Identifier: MIT */
/* options.c - see options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "\n"
    "  --corpus FOLDER    pages of live programs, NAME.pages each\n"
    "  --program NAME     only this one of them\n"
    "  --limit PAGES      of each program\n"
    "  --generated PAGES  made up pages instead (default 2000)\n"
    "  --backend NAME     what stores\n"
    "  --rounds COUNT     how often a comparison is repeated\n"
    "  --large ENTRIES    of a large cache\n"
    "  --segment BYTES    of a segment of dense placement\n"
    "  --seed NUMBER      of what is done at random\n"
    "  --count            only what one thread does: valgrind counts\n"
    "  --pool FILE        with a pool for zcache-bench\n"
    "  --wait             for a line on standard input after each phase\n";

static const struct option long_options[] = {
    {"backend", required_argument, NULL, 'b'},
    {"count", no_argument, NULL, 'C'},
    {"corpus", required_argument, NULL, 'c'},
    {"generated", required_argument, NULL, 'g'},
    {"help", no_argument, NULL, 'h'},
    {"large", required_argument, NULL, 'L'},
    {"limit", required_argument, NULL, 'l'},
    {"pool", required_argument, NULL, 'P'},
    {"program", required_argument, NULL, 'p'},
    {"rounds", required_argument, NULL, 'r'},
    {"seed", required_argument, NULL, 's'},
    {"segment", required_argument, NULL, 'S'},
    {"wait", no_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
};

static uint32_t parse_count(const char *text, const char *what)
{
    uint64_t count = parse_number(text, what);

    if (count > UINT32_MAX / 2)
        die("%s: %s is too much", what, text);
    return (uint32_t)count;
}

static void take_number(struct bench_options *options, int option,
                        const char *text)
{
    if (option == 'g')
        options->generated = parse_count(text, "--generated");
    else if (option == 'L')
        options->large = parse_count(text, "--large");
    else if (option == 'l')
        options->limit = parse_count(text, "--limit");
    else if (option == 'r')
        options->rounds = parse_count(text, "--rounds");
    else if (option == 's')
        options->seed = parse_number(text, "--seed") + 1;
    else
        options->segment_bytes = (size_t)parse_number(text, "--segment");
}

/* A second value would hide the first. */
static void check_once(const struct option *option, const char *before,
                       const char *text)
{
    if (before != NULL && option->has_arg == no_argument)
        die("--%s is given twice, and once is possible", option->name);
    if (before != NULL)
        die("--%s is given twice, \"%s\" and \"%s\", and 1 value is possible",
            option->name, before, text);
}

void options_read(struct bench_options *options, int argc, char **argv,
                  const char *usage)
{
    const char *given[sizeof(long_options) / sizeof(long_options[0])] = {NULL};
    int option;
    int row;

    if (options->generated == 0)
        options->generated = 2000;
    if (options->seed == 0)
        options->seed = 1;
    while ((option = getopt_long(argc, argv, "", long_options, &row)) != -1) {
        if (option == 'h') {
            printf("%s\n%s", usage, help);
            exit(0);
        }
        if (option == '?')
            exit(2);
        check_once(&long_options[row], given[row], optarg);
        given[row] = optarg == NULL ? "" : optarg;
        if (option == 'b')
            options->backend = optarg;
        else if (option == 'c')
            options->corpus_folder = optarg;
        else if (option == 'p')
            options->program = optarg;
        else if (option == 'C')
            options->counts = true;
        else if (option == 'P')
            options->pool = optarg;
        else if (option == 'w')
            options->waits = true;
        else
            take_number(options, option, optarg);
    }
    for (; optind < argc; optind++) {
        if (options->word_count ==
            sizeof(options->words) / sizeof(options->words[0]))
            die("too many arguments");
        options->words[options->word_count++] = argv[optind];
    }
}

void options_open_corpus(const struct bench_options *options,
                         struct corpus *corpus)
{
    if (options->corpus_folder == NULL)
        corpus_generate(corpus, options->generated);
    else
        corpus_open(corpus, options->corpus_folder, options->program,
                    options->limit);
}
