/* SPDX-License-Identifier: MIT */
/* main.c - the program zcache: calls the subcommand. */
#include <string.h>

#include "common/arguments.h"

static const char help[] =
    "usage: zcache COMMAND [OPTION]...\n"
    "\n"
    "  estimate   what compressed swap would make of a file or a process\n"
    "  capture    write a process's pages to a file\n"
    "  sim        run the whole stack: spaces, pool, device, faults\n"
    "  help       this text, or that of a command: zcache help estimate\n"
    "\n"
    "  --help, --version\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} subcommands[] = {
    {"estimate", estimate_main},
    {"capture", capture_main},
    {"sim", sim_main},
};

static int run_subcommand(const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        if (strcmp(name, subcommands[i].name) == 0)
            return subcommands[i].run(argc, argv);
    }
    message_error("there is no command \"%s\"; there are: estimate, capture, "
                  "sim, help",
                  name);
    return TOOL_ERROR;
}

/* "zcache help estimate" is "zcache estimate --help". */
static int run_help(int argc, char **argv)
{
    static char option[] = "--help";
    char *words[] = {NULL, option, NULL};

    if (argc > 1) {
        words[0] = argv[1];
        return run_subcommand(argv[1], 2, words);
    }
    fputs(help, stdout);
    return message_finish_output() ? TOOL_FINE : TOOL_ERROR;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return TOOL_ERROR;
    }
    if (strcmp(argv[1], "help") == 0)
        return run_help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return run_help(1, argv);
    if (strcmp(argv[1], "--version") == 0) {
        arguments_print_version();
        return message_finish_output() ? TOOL_FINE : TOOL_ERROR;
    }
    return run_subcommand(argv[1], argc - 1, argv + 1);
}
