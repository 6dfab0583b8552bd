/* SPDX-License-Identifier: MIT */
/* arguments.c - the arguments of options that subcommands share. */
#include "common/arguments.h"

#include <stdlib.h>
#include <string.h>
#include <zcache/zcache.h>

int arguments_split_command(int argc, char **argv, char ***words_out)
{
    *words_out = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            *words_out = argv + i + 1;
            return i;
        }
    }
    return argc;
}

bool arguments_parse_page_size(const char *text, size_t *page_size_out)
{
    char *copy = memory_copy_text(text);
    size_t length = strlen(copy);
    uint64_t scale = 1;
    uint64_t size = 0;
    bool good;

    if (length > 1 && (copy[length - 1] == 'K' || copy[length - 1] == 'k')) {
        copy[length - 1] = '\0';
        scale = 1024;
    }
    good = number_parse(copy, 1, ZC_PAGE_SIZE_MAX, &size);
    free(copy);
    size *= scale;
    if (good && size >= ZC_PAGE_SIZE_MIN && size <= ZC_PAGE_SIZE_MAX &&
        (size & (size - 1)) == 0) {
        *page_size_out = (size_t)size;
        return true;
    }
    message_error("--page-size: \"%s\" is none of 4096, 8192, 16384, 32768 "
                  "and 65536",
                  text);
    return false;
}

bool arguments_parse_sample(const char *text, uint64_t *sample_out)
{
    if (number_parse_thousandths(text, 1, SAMPLE_ALL, sample_out))
        return true;
    message_error("--sample: \"%s\" is no percentage from 0.001 to 100", text);
    return false;
}

bool arguments_parse_after(const char *text, uint64_t *milliseconds_out)
{
    if (number_parse_thousandths(text, 0, AFTER_SECONDS_MOST * UINT64_C(1000),
                                 milliseconds_out))
        return true;
    message_error("--after: \"%s\" is no number of seconds from 0 to %d", text,
                  AFTER_SECONDS_MOST);
    return false;
}

/* Of getopt_long(): '-': it returns 1 for a word that is no option; ':': it
 * tells a missing argument from an unknown option, and prints nothing. */
static const char short_options[] = "-:h";

static bool adds_up(int option, const int *lists)
{
    while (*lists != 0 && *lists != option)
        lists++;
    return *lists != 0;
}

/* False, and an error shown: an option that was given before. */
static bool may_follow(const struct option *option, const char *before,
                       const char *text)
{
    if (before == NULL)
        return true;
    if (option->has_arg == no_argument)
        message_error("--%s is given twice, and once is possible",
                      option->name);
    else
        message_error("--%s is given twice, \"%s\" and \"%s\", and 1 value is "
                      "possible",
                      option->name, before, text);
    return false;
}

bool arguments_begin(struct arguments *arguments, int argc, char **argv,
                     const struct option *options, const int *lists)
{
    const char *given[ARGUMENTS_MOST] = {NULL};
    int row = -1;
    int option;

    *arguments = (struct arguments){argc, argv, options};
    optind = 1;
    while ((option = getopt_long(argc, argv, short_options, options, &row)) !=
           -1) {
        /* Without a row it is a word, -h, or wrong. */
        if (row >= 0 && !adds_up(option, lists)) {
            const char *text = optarg == NULL ? "" : optarg;

            if (!may_follow(&options[row], given[row], text))
                return false;
            given[row] = text;
        }
        row = -1;
    }
    optind = 1;
    return true;
}

int arguments_next(struct arguments *arguments)
{
    const int option = getopt_long(arguments->argc, arguments->argv,
                                   short_options, arguments->options, NULL);

    if (option == ':')
        message_error("option %s needs an argument; see --help",
                      arguments->argv[optind - 1]);
    else if (option == '?')
        message_error("there is no option %s, or it takes no argument; see "
                      "--help",
                      arguments->argv[optind - 1]);
    return option == ':' ? '?' : option;
}

const char *arguments_add(struct text *all, const char *text)
{
    text_print(all, "%s%s", all->length == 0 ? "" : ",", text);
    return all->bytes;
}

void arguments_print_version(void)
{
    printf("zcache %s\n", zc_version());
}
