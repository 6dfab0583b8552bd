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

void arguments_explain(int result, char **argv, int next)
{
    if (result == ':')
        message_error("option %s needs an argument; see --help",
                      argv[next - 1]);
    else
        message_error("there is no option %s, or it takes no argument; see "
                      "--help",
                      argv[next - 1]);
}

void arguments_print_version(void)
{
    printf("zcache %s\n", zc_version());
}
