/* SPDX-License-Identifier: MIT */
/* live_pages.c - see live_pages.h. */
#include "live_pages.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES 4096

void live_pages_init(struct live_pages *live, uint32_t capacity)
{
    void *memory = mmap(NULL, (size_t)capacity * PAGE_BYTES,
                        PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0);

    if (memory == MAP_FAILED) {
        fputs("no memory for live pages\n", stderr);
        exit(1);
    }
    *live = (struct live_pages){.pages = memory, .capacity = capacity};
}

void live_pages_free(struct live_pages *live)
{
    (void)munmap(live->pages, (size_t)live->capacity * PAGE_BYTES);
}

static void *next_page(struct live_pages *live)
{
    return live->pages + (size_t)live->count * PAGE_BYTES;
}

/* The pages of one mapping that pagemap calls present. */
static void take_mapping(struct live_pages *live, int memory, int pagemap,
                         uint64_t start, uint64_t end, uint32_t limit)
{
    uint64_t at;

    for (at = start; at < end && live->count < limit; at += PAGE_BYTES) {
        uint64_t entry = 0;

        if (pread(pagemap, &entry, sizeof(entry),
                  (off_t)(at / PAGE_BYTES * sizeof(entry))) !=
            (ssize_t)sizeof(entry))
            return;
        if (entry >> 63 == 0)
            continue;
        if (pread(memory, next_page(live), PAGE_BYTES, (off_t)at) == PAGE_BYTES)
            live->count++;
    }
}

/* A private, writable mapping of nothing: "START-END rw-p 0 00:00 0 [heap]". */
static int is_anonymous(const char *line, uint64_t *start, uint64_t *end)
{
    char access[8];
    uint64_t inode;

    return sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %" SCNu64, start,
                  end, access, &inode) == 4 &&
           strcmp(access, "rw-p") == 0 && inode == 0;
}

static int open_of(pid_t process, const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)process, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void take_process(struct live_pages *live, pid_t process, uint32_t limit)
{
    int memory = open_of(process, "mem");
    int pagemap = open_of(process, "pagemap");
    int maps_file = open_of(process, "maps");
    FILE *maps = maps_file < 0 ? NULL : fdopen(maps_file, "r");
    char line[512];
    uint64_t start;
    uint64_t end;

    while (memory >= 0 && pagemap >= 0 && maps != NULL &&
           fgets(line, sizeof(line), maps) != NULL) {
        if (is_anonymous(line, &start, &end))
            take_mapping(live, memory, pagemap, start, end, limit);
    }
    if (maps != NULL)
        (void)fclose(maps);
    if (memory >= 0)
        (void)close(memory);
    if (pagemap >= 0)
        (void)close(pagemap);
}

/* Starts the command, with a pipe at each end.  -1: it could not be. */
static pid_t start(const char *command, int *input_out, int *output_out)
{
    int input[2];
    int output[2];
    pid_t process;

    if (pipe(input) != 0)
        return -1;
    if (pipe(output) != 0) {
        (void)close(input[0]);
        (void)close(input[1]);
        return -1;
    }
    process = fork();
    if (process == 0) {
        (void)dup2(input[0], STDIN_FILENO);
        (void)dup2(output[1], STDOUT_FILENO);
        (void)close(input[1]);
        (void)close(output[0]);
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    (void)close(input[0]);
    (void)close(output[1]);
    *input_out = input[1];
    *output_out = output[0];
    return process;
}

uint32_t live_pages_take(struct live_pages *live, const char *command,
                         uint32_t limit)
{
    uint32_t before = live->count;
    uint32_t end = before + limit;
    pid_t process;
    int output;
    int input;
    char ready;

    if (end > live->capacity)
        end = live->capacity;
    process = start(command, &input, &output);
    if (process < 0)
        return 0;
    if (read(output, &ready, 1) == 1)
        take_process(live, process, end);
    (void)close(input);
    (void)close(output);
    (void)waitpid(process, NULL, 0);
    return live->count - before;
}

uint32_t live_pages_read(struct live_pages *live, const char *path)
{
    uint32_t before = live->count;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return 0;
    while (live->count < live->capacity &&
           read(file, next_page(live), PAGE_BYTES) == PAGE_BYTES)
        live->count++;
    (void)close(file);
    return live->count - before;
}
