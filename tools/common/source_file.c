/* SPDX-License-Identifier: MIT */
/* source_file.c - a file, or a block device, as a source of pages. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SEEK_DATA */
#endif

#include "common/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The state of a source: the descriptor of each origin. */
struct file_state {
    int *descriptors;
    size_t count;
};

/* How many of so many bytes from here are a hole; 0 where that is unknown. */
static size_t hole_at(int descriptor, uint64_t address, size_t bytes)
{
#ifdef SEEK_DATA
    off_t data = lseek(descriptor, (off_t)address, SEEK_DATA);

    if (data < 0 && errno == ENXIO) /* only a hole follows */
        data = lseek(descriptor, 0, SEEK_END);
    if (data <= (off_t)address)
        return 0;
    return (uint64_t)data - address < bytes ? (size_t)((uint64_t)data - address)
                                            : bytes;
#else
    (void)descriptor, (void)address, (void)bytes;
    return 0;
#endif
}

/* Makes bytes zero.  Those of a new copy are, and are not written. */
static void clear(unsigned char *bytes, size_t count)
{
    if (bytes[0] != 0 || memcmp(bytes, bytes + 1, count - 1) != 0)
        memset(bytes, 0, count);
}

static int64_t read_file(struct source *source, size_t mapping,
                         uint64_t address, void *buffer, size_t bytes)
{
    const struct file_state *state = source->state;
    const size_t origin = source->mappings[mapping].origin;
    const int descriptor = state->descriptors[origin];
    size_t done = 0;

    while (done < bytes) {
        unsigned char *at = (unsigned char *)buffer + done;
        size_t hole = hole_at(descriptor, address + done, bytes - done);
        ssize_t got;

        if (hole != 0) {
            clear(at, hole);
            done += hole;
            continue;
        }
        got = pread(descriptor, at, bytes - done, (off_t)(address + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            message_error("cannot read %s at byte %" PRIu64 ": %s",
                          source->origins[origin].label, address + done,
                          strerror(errno));
            return SOURCE_READ_FAILED;
        }
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

static void finish_files(struct source *source)
{
    struct file_state *state = source->state;

    for (size_t i = 0; i < state->count; i++)
        (void)close(state->descriptors[i]);
    free(state->descriptors);
    free(state);
}

/* The size of a file that has pages; false, and an error shown, for others. */
static bool file_size(int descriptor, const char *path, uint64_t *size_out)
{
    struct stat status;
    off_t size;

    if (fstat(descriptor, &status) != 0) {
        message_error("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        message_error("%s is a directory; give the files in it", path);
        return false;
    }
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
        message_error("%s is neither a file nor a block device; save what it "
                      "gives to a file first",
                      path);
        return false;
    }
    size = S_ISREG(status.st_mode) ? status.st_size
                                   : lseek(descriptor, 0, SEEK_END);
    if (size < 0) {
        message_error("cannot find the size of %s: %s", path, strerror(errno));
        return false;
    }
    if (size == 0) {
        message_error("%s is empty: 0 bytes, and at least 1 is needed", path);
        return false;
    }
    *size_out = (uint64_t)size;
    return true;
}

/* One more file of the source. */
static bool add_file(struct source *source, const char *path)
{
    /* O_NONBLOCK: otherwise opening a FIFO waits for its writer. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct file_state *state = source->state;
    const size_t page_size = source->page_size;
    struct source_origin *origin;
    uint64_t size;

    if (descriptor < 0) {
        message_error("cannot open %s: %s", path, strerror(errno));
        return false;
    }
    if (!file_size(descriptor, path, &size)) {
        (void)close(descriptor);
        return false;
    }
    state->descriptors[state->count++] = descriptor;
    origin = source_add_origin(source);
    origin->label = memory_copy_text(path);
    origin->name = memory_copy_text(path);
    source_add(source, &(struct source_extent){
                           .page_count = (size + page_size - 1) / page_size,
                           .mapping = source_add_mapping(
                               source, &(struct source_mapping){
                                           .origin = source->origin_count - 1,
                                           .name = source_name(source, path),
                                           .end = size})});
    if (size % page_size != 0)
        text_print_sentence(&source->note,
                            "The last page of %s is short (%" PRIu64
                            " of %zu bytes) and was filled up with zeros.",
                            path, size % page_size, page_size);
    return true;
}

bool source_open_files(struct source *source, char *const *paths, size_t count,
                       size_t page_size)
{
    struct file_state *state = memory_allocate(1, sizeof(*state));
    struct text label = {0};

    *state = (struct file_state){
        .descriptors = memory_allocate(count, sizeof(*state->descriptors))};
    *source = (struct source){.page_size = page_size,
                              .read = read_file,
                              .finish = finish_files,
                              .state = state};
    for (size_t i = 0; i < count; i++) {
        if (!add_file(source, paths[i])) {
            source_close(source);
            return false;
        }
    }
    if (count == 1)
        text_print(&label, "%s", paths[0]);
    else
        text_print(&label, "%zu files", count);
    source->label = label.bytes;
    return true;
}
