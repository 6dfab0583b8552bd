/* SPDX-License-Identifier: MIT */
/*
 * holder.c - a process to be measured: it holds pages of a known kind, prints
 * "ready", and waits until it is killed, for ten minutes at most.
 *
 *     holder PAGES [KIND]
 *
 * A quarter of PAGES is never written but read, a quarter is zeros, a quarter
 * one page over and over, and a quarter pages that are all different.  With the
 * KIND `fork` a child holds the same pages, and its number follows "ready"; the
 * child of `clone` and `vfork` has the same address space.
 * The other kinds hold PAGES pages that are all different, in memory that the
 * kernel treats in a way of its own: see the table at the end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#ifndef SHM_LOCK
#define SHM_LOCK 11
#endif

static size_t page_size;
static const char *argument; /* the path of the kinds that have one */

/* A page that compresses, and is like no page of another seed. */
static void fill(unsigned char *page, size_t seed)
{
    for (size_t at = 0; at < page_size; at++)
        page[at] = (unsigned char)(at % 64 < 8 ? seed >> at % 8 : at % 64);
    memcpy(page, &seed, sizeof(seed));
}

static void fill_all(unsigned char *pages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fill(pages + i * page_size, 1000 + i);
}

/* New pages; NULL without. */
static unsigned char *map(size_t count, int flags, int file)
{
    void *pages =
        mmap(NULL, count * page_size, PROT_READ | PROT_WRITE, flags, file, 0);

    if (pages == MAP_FAILED)
        return NULL;
        /* In huge pages, what is only read would come with what is written. */
#ifdef MADV_NOHUGEPAGE
    (void)madvise(pages, count * page_size, MADV_NOHUGEPAGE);
#endif
    return pages;
}

static unsigned char *map_anonymous(size_t count)
{
    return map(count, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static unsigned char *hold_locked(size_t count)
{
    unsigned char *pages = map_anonymous(count);

    return pages != NULL && mlock(pages, count * page_size) == 0 ? pages : NULL;
}

static unsigned char *hold_droppable(size_t count)
{
    return map(count, MAP_DROPPABLE | MAP_ANONYMOUS, -1);
}

static unsigned char *hold_huge(size_t count)
{
    return map(count, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

static unsigned char *hold_shared(size_t count)
{
    return map(count, MAP_SHARED | MAP_ANONYMOUS, -1);
}

/* A file of that size, mapped twice. */
static unsigned char *map_twice(size_t count, int file)
{
    unsigned char *second;

    if (file < 0 || ftruncate(file, (off_t)(count * page_size)) != 0)
        return NULL;
    second = map(count, MAP_SHARED, file);
    if (second == NULL)
        return NULL;
    fill_all(second, count);
    return map(count, MAP_SHARED, file);
}

static unsigned char *hold_memfd(size_t count)
{
    return map_twice(count, memfd_create("held", 0));
}

static unsigned char *hold_file(size_t count)
{
    return map_twice(count, open(argument, O_RDWR | O_CREAT, 0600));
}

static unsigned char *attach(size_t count, int command)
{
    int segment = shmget(IPC_PRIVATE, count * page_size, IPC_CREAT | 0600);
    void *pages = shmat(segment, NULL, 0);

    if (command != IPC_RMID && shmctl(segment, command, NULL) != 0)
        pages = NULL;
    (void)shmctl(segment, IPC_RMID, NULL);
    return pages == NULL || pages == (void *)-1 ? NULL : pages;
}

static unsigned char *hold_sysv(size_t count)
{
    return attach(count, IPC_RMID);
}

static unsigned char *hold_sysv_locked(size_t count)
{
    return attach(count, SHM_LOCK);
}

static unsigned char *hold_quarters(size_t count)
{
    size_t quarter = count / 4;
    unsigned char *pages = map_anonymous(4 * quarter);
    volatile unsigned char *touched = pages;

    for (size_t i = 0; pages != NULL && i < quarter; i++) {
        (void)touched[i * page_size];
        touched[(quarter + i) * page_size] = 0;
        fill(pages + (2 * quarter + i) * page_size, 7);
        fill(pages + (3 * quarter + i) * page_size, 1000 + i);
    }
    return pages;
}

/* Stays on the processor that it is on. */
static bool stay_here(void)
{
    cpu_set_t here;
    int processor = sched_getcpu();

    CPU_ZERO(&here);
    if (processor < 0 || processor >= CPU_SETSIZE)
        return false;
    CPU_SET((size_t)processor, &here);
    return sched_setaffinity(0, sizeof(here), &here) == 0;
}

/*
 * Gives the pages up, as the kernel then counts them.  Each processor has a
 * queue of pages for it to flag, and flags them when the queue is full or when
 * the next call begins.  So one processor writes the pages and gives them up,
 * and a second call flags the last of them.
 */
static bool give_up(unsigned char *pages, size_t count)
{
    const size_t bytes = count * page_size;

    return madvise(pages, bytes, MADV_FREE) == 0 &&
           madvise(pages, bytes, MADV_FREE) == 0;
}

static int wait_for_the_end(void)
{
    (void)fflush(stdout);
    (void)sleep(600);
    return 0;
}

/* A child in the same address space says its number. */
static int hold_too(void *context)
{
    (void)context;
    printf("ready %ld\n", (long)getpid());
    return wait_for_the_end();
}

/* The parent only waits: the two share what stdio has too. */
static int hold_by_two(const char *kind)
{
    static char stack[1 << 18];
    const int flags = CLONE_VM | SIGCHLD |
                      (strcmp(kind, "vfork") == 0 ? CLONE_VFORK : 0);

    if (clone(hold_too, stack + sizeof(stack), flags, NULL) < 0)
        return 2;
    (void)sleep(120);
    return 0;
}

/* What a process does when its main thread has ended. */
static void *live_on(void *context)
{
    (void)context;
    exit(wait_for_the_end());
}

static const struct {
    const char *name;
    unsigned char *(*hold)(size_t count);
} kinds[] = {
    {"", hold_quarters},           {"fork", hold_quarters},
    {"locked", hold_locked},       {"freed", map_anonymous}, /* MADV_FREEd */
    {"half-freed", map_anonymous}, /* ... and half of it written again */
    {"droppable", hold_droppable}, {"huge", hold_huge},
    {"shared", hold_shared},       {"memfd", hold_memfd}, /* mapped twice */
    {"file", hold_file}, /* PATH, mapped twice */
    {"sysv", hold_sysv},           {"sysv-locked", hold_sysv_locked},
    {"leader", map_anonymous}, /* the main thread ends */
    {"left", hold_shared},     /* in memory, and not in its page table */
    {"clone", map_anonymous},      {"vfork", map_anonymous},
};

static unsigned char *hold(const char *kind, size_t count)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, kind) == 0)
            return kinds[i].hold(count);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 2 ? argv[2] : "";
    size_t count;
    unsigned char *pages;
    pthread_t thread;
    pid_t child = 0;

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    argument = argc > 3 ? argv[3] : "";
    if (argc < 2)
        return 2;
    count = strtoul(argv[1], NULL, 10);
    pages = hold(kind, count);
    if (pages == NULL)
        return 2;
    if (strstr(kind, "freed") != NULL && !stay_here())
        return 2;
    if (kind[0] != '\0' && strcmp(kind, "fork") != 0)
        fill_all(pages, count);
    if (strstr(kind, "freed") != NULL && !give_up(pages, count))
        return 2;
    if (strcmp(kind, "half-freed") == 0)
        fill_all(pages, count / 2);
    if (strcmp(kind, "left") == 0 &&
        madvise(pages, count * page_size, MADV_DONTNEED) != 0)
        return 2;
    if (strcmp(kind, "clone") == 0 || strcmp(kind, "vfork") == 0)
        return hold_by_two(kind);
    if (strcmp(kind, "fork") == 0)
        child = fork();
    if (child < 0)
        return 2;
    if (child > 0)
        printf("ready %ld\n", (long)child);
    else if (strcmp(kind, "fork") != 0)
        printf("ready\n");
    if (strcmp(kind, "leader") == 0) {
        (void)fflush(stdout);
        if (pthread_create(&thread, NULL, live_on, NULL) == 0)
            pthread_exit(NULL);
    }
    return wait_for_the_end();
}
