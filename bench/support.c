/* SPDX-License-Identifier: MIT */
/* support.c - see support.h. */
#include "support.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

void die(const char *format, ...)
{
    va_list arguments;

    fputs("bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

void must(zc_status status, const char *what)
{
    if (status != ZC_OK)
        die("%s: %s", what, zc_status_name(status));
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time) != 0)
        die("no clock: %s", strerror(errno));
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t thread_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(((random_next(state) >> 32) * bound) >> 32);
}

void shuffle(uint32_t *order, uint32_t count, uint64_t *random)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        uint32_t other = random_below(random, i + 1);

        order[i] = order[other];
        order[other] = i;
    }
}

void *map_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        die("no memory for %zu bytes", bytes);
    memset(memory, 1, bytes);
    memset(memory, 0, bytes);
    return memory;
}

void unmap_memory(void *memory, size_t bytes)
{
    (void)munmap(memory, bytes);
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

double median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    if (count % 2 != 0)
        return values[count / 2];
    return (values[count / 2 - 1] + values[count / 2]) / 2;
}

uint64_t parse_number(const char *text, const char *what)
{
    unsigned long long number;
    char *end;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-')
        die("%s: \"%s\" is no number", what, text);
    return number;
}
