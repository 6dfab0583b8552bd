/* SPDX-License-Identifier: MIT */
/* trace_input.c - the bytes and the lines of a trace; see trace_input.h. */
#include "sim/trace_input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ZCACHE_TOOL_WITH_ARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif

#define BLOCK_BYTES 65536
#define LINE_MOST ((size_t)1 << 20)

/* ---- blocks ---- */

#ifdef ZCACHE_TOOL_WITH_ARCHIVE

static la_ssize_t read_block(struct archive *archive, void *client,
                             const void **block_out)
{
    struct trace_input *input = client;
    ssize_t got = read(input->file, input->block, BLOCK_BYTES);

    if (got < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    *block_out = input->block;
    return got;
}

static bool fail(struct trace_input *input)
{
    const char *reason = archive_error_string(input->archive);

    input->failed = true;
    message_error("--trace: cannot read %s: %s", input->path,
                  reason == NULL ? "no reason is known" : reason);
    return false;
}

/* Format "raw" is one file, which is all that the filters give. */
static bool begin(struct trace_input *input)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    int result;

    input->archive = archive;
    /* The warning that a filter is a program of its own says nothing here. */
    (void)archive_read_support_filter_bzip2(archive);
    (void)archive_read_support_filter_gzip(archive);
    (void)archive_read_support_filter_lz4(archive);
    (void)archive_read_support_filter_xz(archive);
    (void)archive_read_support_filter_zstd(archive);
    (void)archive_read_support_format_empty(archive);
    (void)archive_read_support_format_raw(archive);
    if (archive_read_open(archive, input, NULL, read_block, NULL) != ARCHIVE_OK)
        return fail(input);
    result = archive_read_next_header(archive, &entry);
    input->ended = result == ARCHIVE_EOF;
    return result == ARCHIVE_OK || result == ARCHIVE_EOF || fail(input);
}

static void next_block(struct trace_input *input)
{
    const void *bytes = NULL;
    la_int64_t offset;
    int result;

    do {
        input->left = 0;
        result = archive_read_data_block(input->archive, &bytes, &input->left,
                                         &offset);
    } while (result == ARCHIVE_OK && input->left == 0);
    input->at = bytes;
    if (result == ARCHIVE_OK)
        return;
    input->left = 0;
    input->ended = true;
    if (result != ARCHIVE_EOF)
        (void)fail(input);
}

static void end(struct trace_input *input)
{
    if (input->archive != NULL)
        (void)archive_read_free(input->archive);
}

#else

static ssize_t read_block(struct trace_input *input, size_t from)
{
    ssize_t got = read(input->file, input->block + from, BLOCK_BYTES - from);

    if (got >= 0)
        return got;
    input->failed = true;
    message_error("--trace: cannot read %s: %s", input->path, strerror(errno));
    return 0;
}

/* The program that decompresses what begins so, or NULL. */
static const char *compressed_by(const unsigned char *bytes)
{
    static const struct {
        const char *program;
        const char *begins; /* with these bytes; 4 at least are there */
        size_t size;
    } kinds[] = {{"zstd", "\x28\xb5\x2f\xfd", 4},
                 {"gzip", "\x1f\x8b", 2},
                 {"xz", "\xfd\x37zX", 4},
                 {"bzip2", "BZh", 3},
                 {"lz4", "\x04\x22\x4d\x18", 4}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (memcmp(bytes, kinds[i].begins, kinds[i].size) == 0)
            return kinds[i].program;
    }
    /* A skippable frame: pzstd begins with one. */
    return bytes[0] >> 4 == 5 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0
               ? "zstd"
               : NULL;
}

static bool begin(struct trace_input *input)
{
    const char *program;
    ssize_t got;

    do {
        got = read_block(input, input->block_size);
        input->block_size += (size_t)got;
    } while (got != 0 && input->block_size < 4);
    program = input->block_size < 4 ? NULL : compressed_by(input->block);
    if (program == NULL)
        return !input->failed;
    message_error("--trace: %s is compressed, and this program was built "
                  "without libarchive; use %s -dc %s | zcache sim --trace "
                  "/dev/stdin",
                  input->path, program, input->path);
    return false;
}

static void next_block(struct trace_input *input)
{
    input->at = input->block;
    input->left = input->block_size;
    input->block_size = 0;
    if (input->left == 0)
        input->left = (size_t)read_block(input, 0);
    input->ended = input->left == 0;
}

static void end(struct trace_input *input)
{
    (void)input;
}

#endif

bool trace_input_open(struct trace_input *input, const char *path)
{
    *input = (struct trace_input){.path = path, .file = -1};
    if (is_character_device(path)) {
        message_error("--trace: %s is a device, which may never end; give a "
                      "file or a pipe",
                      path);
        return false;
    }
    input->file = open(path, O_RDONLY | O_CLOEXEC);
    if (input->file < 0) {
        message_error("--trace: cannot open %s: %s", path, strerror(errno));
        return false;
    }
    input->block = memory_allocate(BLOCK_BYTES, 1);
    return begin(input);
}

void trace_input_close(struct trace_input *input)
{
    end(input);
    free(input->block);
    if (input->file >= 0)
        (void)close(input->file);
}

/* Is a byte left?  Reads the next block if none is. */
static bool has_more(struct trace_input *input)
{
    if (input->left == 0 && !input->ended)
        next_block(input);
    return input->left != 0;
}

static void skip(struct trace_input *input, size_t size)
{
    input->at += size;
    input->left -= size;
}

size_t trace_input_bytes(struct trace_input *input, unsigned char *bytes_out,
                         size_t size)
{
    size_t done = 0;

    while (done < size && has_more(input)) {
        size_t part = size - done < input->left ? size - done : input->left;

        memcpy(bytes_out + done, input->at, part);
        skip(input, part);
        done += part;
    }
    return done;
}

/* ---- lines ---- */

static bool is_text(unsigned char byte)
{
    return (byte >= ' ' && byte != 0x7f) || byte == '\t';
}

static bool fail_line(struct trace_input *input, size_t length)
{
    input->failed = true;
    if (length > LINE_MOST)
        message_error("--trace: %s, line %" PRIu64 " has more than %zu bytes, "
                      "the most that a line may have",
                      input->path, input->line, LINE_MOST);
    else
        message_error("--trace: %s, line %" PRIu64 " is no text: its byte %zu "
                      "is 0x%02x",
                      input->path, input->line, length + 1, *input->at);
    return false;
}

/* A byte order mark says that UTF-8 follows. */
static void remove_bom(struct text *line, size_t at)
{
    if (strncmp(line->bytes + at, "\xef\xbb\xbf", 3) != 0)
        return;
    line->length -= 3;
    memmove(line->bytes + at, line->bytes + at + 3, line->length - at + 1);
}

bool trace_input_line(struct trace_input *input, struct text *line)
{
    const size_t before = line->length;
    bool any = false;

    if (input->after_cr && has_more(input) && *input->at == '\n')
        skip(input, 1);
    input->after_cr = false;
    while (has_more(input)) {
        size_t count = 0;

        if (!any)
            input->line++;
        any = true;
        while (count < input->left && is_text(input->at[count]))
            count++;
        text_append(line, (const char *)input->at, count);
        skip(input, count);
        if (line->length - before > LINE_MOST)
            return fail_line(input, line->length - before);
        if (input->left == 0)
            continue;
        if (*input->at != '\n' && *input->at != '\r')
            return fail_line(input, line->length - before);
        input->after_cr = *input->at == '\r';
        skip(input, 1);
        break;
    }
    if (!any || input->failed)
        return false;
    text_append(line, "", 0);
    if (input->line == 1)
        remove_bom(line, before);
    return true;
}
