/* SPDX-License-Identifier: MIT */
/*
 * holder.c - a process to be measured: it holds pages of a known kind, prints
 * "ready", and waits until it is killed, for two minutes at most.
 *
 *     holder PAGES [fork]
 *
 * A quarter of PAGES is never written but read, a quarter is zeros, a quarter
 * one page over and over, and a quarter pages that are all different.  With
 * `fork` a child holds the very same pages, and its number follows "ready".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/* A page that compresses, and is like no page of another seed. */
static void fill(unsigned char *page, size_t page_size, size_t seed)
{
    for (size_t at = 0; at < page_size; at++)
        page[at] = (unsigned char)(at % 64 < 8 ? seed >> at % 8 : at % 64);
    memcpy(page, &seed, sizeof(seed));
}

int main(int argc, char **argv)
{
    const size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    size_t quarter;
    volatile unsigned char *touched;
    unsigned char *pages;
    pid_t child = 0;

    if (argc < 2)
        return 2;
    quarter = strtoul(argv[1], NULL, 10) / 4;
    pages = mmap(NULL, 4 * quarter * page_size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return 2;
        /* In huge pages, what is only read would come with what is written. */
#ifdef MADV_NOHUGEPAGE
    (void)madvise(pages, 4 * quarter * page_size, MADV_NOHUGEPAGE);
#endif
    touched = pages;
    for (size_t i = 0; i < quarter; i++) {
        (void)touched[i * page_size];
        touched[(quarter + i) * page_size] = 0;
        fill(pages + (2 * quarter + i) * page_size, page_size, 7);
        fill(pages + (3 * quarter + i) * page_size, page_size, 1000 + i);
    }
    if (argc > 2 && strcmp(argv[2], "fork") == 0)
        child = fork();
    if (child < 0)
        return 2;
    if (child > 0)
        printf("ready %ld\n", (long)child);
    else if (argc == 2)
        printf("ready\n");
    (void)fflush(stdout);
    (void)sleep(120);
    return 0;
}
