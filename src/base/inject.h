/* SPDX-License-Identifier: MIT */
/*
 * inject.h - fault injection: points where a test can make a call fail.
 *
 * A test arms a point with two numbers: `countdown` calls of zc_inject() pass,
 * and the next `repeat` calls fail.  It raises the countdown until nothing
 * fails any more.  Outside testing builds zc_inject() is the constant false.
 */
#ifndef ZC_BASE_INJECT_H
#define ZC_BASE_INJECT_H

#include <stdbool.h>
#include <stdint.h>

enum zc_inject_point {
    ZC_INJECT_MALLOC,     /* zc_malloc(), zc_calloc() */
    ZC_INJECT_PAGES,      /* zc_pages_map() */
    ZC_INJECT_COMPRESS,   /* a compressor fails on a page */
    ZC_INJECT_DECOMPRESS, /* stored bytes do not decode */
    ZC_INJECT_THREAD,     /* zc_thread_start() */
    ZC_INJECT_READ,       /* a backing device fails to read */
    ZC_INJECT_WRITE,      /* a backing device fails to write */
    ZC_INJECT_SHORT,      /* one transfer of a file stops half-way */
    ZC_INJECT_FRAME,      /* no frame for a folio */
    ZC_INJECT_INSTALL,    /* a page was read, and cannot be mapped */
    ZC_INJECT_POINT_COUNT
};

#if defined(ZC_TESTING) && ZC_TESTING
bool zc_inject(enum zc_inject_point point);
void zc_inject_arm(enum zc_inject_point point, uint32_t countdown,
                   uint32_t repeat);
void zc_inject_disarm(void);
/* Failures injected since any point was last armed or disarmed. */
uint32_t zc_inject_failures(void);
#else
static inline bool zc_inject(enum zc_inject_point point)
{
    (void)point;
    return false;
}
#endif

#endif
