/* SPDX-License-Identifier: MIT */
/*
 * support_bump.h - the simplest possible pool, and a spy.
 *
 * Objects lie one behind another and no byte is used twice, so a use of a freed
 * object is detected: the process ends with a message.  A control, passed as
 * pool_user, says how the pool misbehaves and counts what the cache did.  It is
 * changed only while no other thread uses the pool.
 */
#ifndef ZC_TESTS_SUPPORT_BUMP_H
#define ZC_TESTS_SUPPORT_BUMP_H

#include <zcache/pool.h>

struct support_bump_control {
    /* How the pool behaves. */
    zc_status create_status;
    zc_status put_status;
    zc_status read_status;
    bool has_page_count;    /* report page_count as its pages */
    uint64_t page_count;    /* pages */
    size_t huge_class_size; /* 0: the page size */
    size_t read_less;       /* bytes by which a read is short */

    /* What the pool saw. */
    struct zc_pool_config config;
    unsigned creates;
    unsigned destroys;
    unsigned puts; /* that succeeded */
    unsigned frees;
    unsigned reads;       /* begun */
    unsigned reads_ended; /* and ended */
};

extern const struct zc_pool_ops support_bump_pool;

#endif
