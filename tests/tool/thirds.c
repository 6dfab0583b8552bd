/* SPDX-License-Identifier: MIT */
/*
 * thirds.c - a process with pages of known ages: it prints "ready" when it has
 * used all of them once, and goes on until it is killed, for ten minutes at
 * most.
 *
 *     thirds PAGES FOLDER
 *
 * The files cold, warm and hot of the folder are mapped, private and all
 * written, so the pages are the process's own.  Then hot is written and warm is
 * read, again and again; cold is not touched.  The file rounds has the longest
 * time of such a round so far, in nanoseconds: a time of twice that has a whole
 * round in it, however busy the machine is.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

static uint64_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void *map(const char *folder, const char *name, size_t bytes, int flags)
{
    char path[4096];
    int file;
    void *mapped;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ftruncate(file, (off_t)bytes) != 0)
        exit(2);
    mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    if (mapped == MAP_FAILED)
        exit(2);
    (void)close(file);
    return mapped;
}

/* A third of so many pages, each a different one that compresses to half. */
static volatile unsigned char *make(const char *folder, const char *name,
                                    size_t page_size, size_t pages)
{
    unsigned char *third = map(folder, name, page_size * pages, MAP_PRIVATE);
    uint64_t random = (uint64_t)(unsigned char)name[0];

    for (size_t at = 0; at < page_size * pages; at++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        third[at] =
            at % page_size < page_size / 2 ? (unsigned char)(random >> 56) : 7;
    }
    return third;
}

int main(int argc, char **argv)
{
    const size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    const struct timespec rest = {.tv_nsec = 20000000};
    const uint64_t began = now();
    volatile uint64_t *longest;
    volatile unsigned char *warm;
    volatile unsigned char *hot;
    uint64_t before;
    size_t pages;

    if (argc != 3)
        return 2;
    pages = strtoul(argv[1], NULL, 10);
    longest = map(argv[2], "rounds", page_size, MAP_SHARED);
    (void)make(argv[2], "cold", page_size, pages);
    warm = make(argv[2], "warm", page_size, pages);
    hot = make(argv[2], "hot", page_size, pages);
    printf("ready\n");
    (void)fflush(stdout);
    for (before = now(); before - began < 600 * SECOND;) {
        uint64_t after;

        for (size_t i = 0; i < pages; i++) {
            hot[i * page_size]++;
            (void)warm[i * page_size];
        }
        (void)nanosleep(&rest, NULL);
        after = now();
        if (after - before > *longest)
            *longest = after - before;
        before = after;
    }
    return 0;
}
