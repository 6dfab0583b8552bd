/* SPDX-License-Identifier: MIT */
/*
 * capture.c - `zcache capture`: writes a process's pages to a file in the order
 * of their addresses, so that estimates and tests can be repeated.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zcache/zcache.h>

#include "common/arguments.h"
#include "common/new_file.h"
#include "common/progress.h"

/* Pages copied at once: 1 MiB of 4 KiB pages. */
#define COPY_PAGES 256

static const char help[] =
    "usage: zcache capture [OPTION]... --pid PID OUT\n"
    "       zcache capture [OPTION]... OUT -- COMMAND [ARG]...\n"
    "\n"
    "Writes the pages in memory that could be swapped, of a process or of a\n"
    "command and its children, to the file OUT, raw and in address order.\n"
    "They may hold secrets: the file is new, readable by its owner only, and\n"
    "has its name once it is whole.\n"
    "\n"
    "  --pid PID          the process\n"
    "  -- COMMAND [ARG]   run the command, and capture it and its children\n"
    "  --after SECONDS    ... after this time (default 5), then end it\n"
    "  --sample PERCENT   only this part, in runs of 256 pages\n"
    "  --page-size BYTES  4096 (default), 8192, 16384, 32768 or 65536\n"
    "  --force            replace OUT if it exists\n"
    "  --quiet            no progress and no notes\n"
    "  --help, --version\n"
    "\n"
    "exit status: 0 written; 2 error, and OUT is as it was\n";

struct capture_options {
    struct source_choice sources;
    const char *out_path;
    size_t page_size;
    uint64_t sample;
    struct text pids; /* of --pid */
    bool force;
    bool quiet;
};

enum capture_parse {
    CAPTURE_RUN,
    CAPTURE_SHOWN,
    CAPTURE_WRONG
};

static const struct option long_options[] = {
    {"after", required_argument, NULL, 'a'},
    {"force", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {"page-size", required_argument, NULL, 's'},
    {"pid", required_argument, NULL, 'p'},
    {"quiet", no_argument, NULL, 'q'},
    {"sample", required_argument, NULL, 'm'},
    {"version", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

static bool take_out(struct capture_options *options, const char *path)
{
    if (options->out_path == NULL) {
        options->out_path = path;
        return true;
    }
    message_error("two files to write, %s and %s, are given, and 1 is "
                  "possible",
                  options->out_path, path);
    return false;
}

static enum capture_parse take_option(struct capture_options *options,
                                      int option)
{
    bool good = true;

    if (option == 'h') {
        fputs(help, stdout);
        return CAPTURE_SHOWN;
    }
    if (option == 'v') {
        arguments_print_version();
        return CAPTURE_SHOWN;
    }
    if (option == 'a')
        good =
            arguments_parse_after(optarg, &options->sources.after_milliseconds);
    else if (option == 's')
        good = arguments_parse_page_size(optarg, &options->page_size);
    else if (option == 'm')
        good = arguments_parse_sample(optarg, &options->sample);
    else if (option == 'p')
        options->sources.pids = arguments_add(&options->pids, optarg);
    else if (option == 'f')
        options->force = true;
    else if (option == 'q')
        options->quiet = true;
    else
        good = take_out(options, optarg);
    return good ? CAPTURE_RUN : CAPTURE_WRONG;
}

static bool check_together(const struct capture_options *options)
{
    const struct source_choice *sources = &options->sources;

    if (sources->words != NULL && sources->words[0] == NULL) {
        message_error("there is no command after --");
        return false;
    }
    if (source_choice_kinds(sources) != 1) {
        message_error("give either --pid PID or -- COMMAND; see --help");
        return false;
    }
    if (sources->pids != NULL && strchr(sources->pids, ',') != NULL) {
        message_error("--pid: \"%s\" are several processes, and 1 is possible",
                      sources->pids);
        return false;
    }
    if (options->out_path == NULL) {
        message_error("the file to write is missing; see --help");
        return false;
    }
    return true;
}

static enum capture_parse parse(struct capture_options *options, int argc,
                                char **argv)
{
    static const int lists[] = {'p', 0};
    struct arguments arguments;
    int option;

    *options = (struct capture_options){.page_size = ZC_PAGE_SIZE_MIN,
                                        .sample = SAMPLE_ALL};
    options->sources.after_milliseconds = AFTER_MILLISECONDS_DEFAULT;
    argc = arguments_split_command(argc, argv, &options->sources.words);
    if (!arguments_begin(&arguments, argc, argv, long_options, lists))
        return CAPTURE_WRONG;
    while ((option = arguments_next(&arguments)) != -1) {
        enum capture_parse taken;

        if (option == '?')
            return CAPTURE_WRONG;
        taken = take_option(options, option);
        if (taken != CAPTURE_RUN)
            return taken;
    }
    return check_together(options) ? CAPTURE_RUN : CAPTURE_WRONG;
}

static bool write_all(int out, const char *path, const unsigned char *bytes,
                      size_t size)
{
    while (size != 0) {
        ssize_t put = write(out, bytes, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            message_error("cannot write %s: %s", path, strerror(errno));
            return false;
        }
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

/* Copies every page of the source to an open file; the count in *pages_out. */
static bool copy_pages(const struct capture_options *options,
                       struct source *source, int out, uint64_t *pages_out)
{
    unsigned char *buffer = memory_allocate(COPY_PAGES, source->page_size);
    uint64_t total = sample_page_count(source->page_count, options->sample);
    struct source_cursor cursor;
    struct progress progress;
    uint64_t done = 0;
    bool good = true;

    progress_begin(&progress, options->quiet, source->page_size, total);
    progress_stage(&progress, "", "", "copying");
    source_cursor_begin(&cursor, source, options->sample);
    while (good) {
        struct source_pages pages;

        if (!source_cursor_read(&cursor, buffer, COPY_PAGES, &pages))
            break;
        good = write_all(out, options->out_path, buffer,
                         (size_t)pages.count * source->page_size);
        done += pages.count;
        progress_step(&progress, done);
    }
    progress_end(&progress);
    free(buffer);
    if (good && !cursor.failed && done == 0)
        message_error("%s: it ended before a page of it was read",
                      source->label);
    source_cursor_note(&cursor, &source->note);
    *pages_out = done;
    return good && !cursor.failed && done != 0;
}

static bool capture_source(const struct capture_options *options,
                           struct source_queue *queue, struct source *source,
                           struct new_file *file)
{
    uint64_t pages = 0;
    bool good = copy_pages(options, source, file->descriptor, &pages);

    source_queue_read(queue);
    if (!good) {
        new_file_drop(file);
        return false;
    }
    if (!new_file_keep(file))
        return false;
    if (source->note.length != 0)
        message_note("%s", source->note.bytes);
    message_note("%s: %" PRIu64 " pages of %zu bytes in %s", source->label,
                 pages, source->page_size, options->out_path);
    return true;
}

static int capture(const struct capture_options *options)
{
    struct new_file file = {.option = "",
                            .path = options->out_path,
                            .mode = S_IRUSR | S_IWUSR,
                            .may_replace = options->force};
    struct source_queue queue;
    struct source source;
    int result = TOOL_ERROR;

    message_set_quiet(options->quiet);
    if (!new_file_open(&file))
        return TOOL_ERROR;
    if (source_queue_open(&queue, &source, &options->sources,
                          options->page_size)) {
        if (capture_source(options, &queue, &source, &file))
            result = TOOL_FINE;
        source_close(&source);
    } else {
        new_file_drop(&file);
    }
    source_queue_free(&queue);
    return result;
}

int capture_main(int argc, char **argv)
{
    struct capture_options options;
    int result = TOOL_ERROR;

    message_set_command("zcache capture");
    switch (parse(&options, argc, argv)) {
    case CAPTURE_RUN:
        result = capture(&options);
        break;
    case CAPTURE_SHOWN:
        result = message_finish_output() ? TOOL_FINE : TOOL_ERROR;
        break;
    case CAPTURE_WRONG:
        break;
    }
    text_free(&options.pids);
    return result;
}
