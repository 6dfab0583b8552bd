/* SPDX-License-Identifier: MIT */
/* outside.c - what the system says, and clocks that the test moves. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "effects.h"

/* --- a directory ----------------------------------------------------- */

static char directory[64];

void effect_directory_end(void)
{
    DIR *stream = directory[0] == '\0' ? NULL : opendir(directory);
    struct dirent *entry;

    while (stream != NULL && (entry = readdir(stream)) != NULL)
        (void)unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream != NULL)
        (void)closedir(stream);
    (void)rmdir(directory);
}

/* Under the working directory: a build folder is on a real file system. */
const char *effect_directory(void)
{
    (void)snprintf(directory, sizeof(directory), "effects-XXXXXX");
    MUST(mkdtemp(directory) != NULL);
    return directory;
}

const char *effect_directory_name(void)
{
    return directory;
}

/* --- threads --------------------------------------------------------- */

uint64_t effect_threads(void)
{
    DIR *stream = opendir("/proc/self/task");
    uint64_t count = 0;
    const struct dirent *entry;

    if (stream == NULL)
        effect_skip("/proc/self/task is not there");
    while ((entry = readdir(stream)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(stream);
    return count;
}

/* --- the clock and other calls --------------------------------------- */

static bool is_simulated;
static uint64_t now_ns;
static uint64_t step;
static uint64_t slept_ns;

void effect_clock_begin(uint64_t step_ns)
{
    is_simulated = true;
    now_ns = UINT64_C(1000000000000);
    step = step_ns;
}

void effect_clock_move(uint64_t ns)
{
    now_ns += ns;
}

uint64_t effect_clock_slept_ns(void)
{
    return slept_ns;
}

/* The linker puts these in the place of the system's (--wrap). */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!is_simulated)
        return __real_clock_gettime(clock, now);
    now_ns += step;
    now->tv_sec = (time_t)(now_ns / 1000000000u);
    now->tv_nsec = (long)(now_ns % 1000000000u);
    return 0;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
    const uint64_t ns = (uint64_t)time->tv_sec * 1000000000u +
                        (uint64_t)time->tv_nsec;

    if (!is_simulated)
        return __real_nanosleep(time, rest);
    now_ns += ns;
    slept_ns += ns;
    return 0;
}

bool effect_open_file(const char *path, struct stat *status_out)
{
    char name[64];
    char target[256];
    ssize_t size;

    for (int file = 3; file < 256; file++) {
        (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
        size = readlink(name, target, sizeof(target) - 1);
        if (size <= 0)
            continue;
        target[size] = '\0';
        if (strstr(target, path) != NULL)
            return fstat(file, status_out) == 0;
    }
    return false;
}
