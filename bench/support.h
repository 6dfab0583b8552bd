/* SPDX-License-Identifier: MIT */
/*
 * support.h - for every benchmark: time, random numbers, memory, errors.
 *
 * A benchmark that cannot go on prints the reason on standard error and ends
 * the process: a half measured figure is worse than none.
 */
#ifndef ZCACHE_BENCH_SUPPORT_H
#define ZCACHE_BENCH_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zcache/types.h>

#define PAGE_BYTES 4096

#if defined(__GNUC__)
#define BENCH_FORMAT(format_index, first_index)                                \
    __attribute__((format(printf, format_index, first_index)))
#define BENCH_NO_RETURN __attribute__((noreturn))
#else
#define BENCH_FORMAT(format_index, first_index)
#define BENCH_NO_RETURN
#endif

/* Ends the process with one line and status 2. */
BENCH_NO_RETURN void die(const char *format, ...) BENCH_FORMAT(1, 2);

/* Ends the process unless the status is ZC_OK. */
void must(zc_status status, const char *what);

/* Nanoseconds since some time: wall time, and time of this thread. */
uint64_t now_ns(void);
uint64_t thread_ns(void);

/* xorshift64*; `state` begins as anything but 0. */
uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t bound);

/* Fills order[] with 0 to count - 1 at random. */
void shuffle(uint32_t *order, uint32_t count, uint64_t *random);

/*
 * Zeroed and resident memory that is not of malloc(), so that the malloc under
 * test is measured alone.  unmap_memory() frees it.
 */
void *map_memory(size_t bytes);
void unmap_memory(void *memory, size_t bytes);

/* The middle one of `count` values, which it sorts. */
double median(double *values, unsigned count);

/* A whole number from text; ends the process if it is none. */
uint64_t parse_number(const char *text, const char *what);

#endif
