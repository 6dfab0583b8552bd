/* SPDX-License-Identifier: MIT */
/*
 * support_bump.h - the simplest pool one can write, and a spy.
 *
 * Objects lie one behind another and no byte is used twice, so a freed object
 * that is touched again is recognised: the process ends with a message.  A
 * control, handed over as pool_user, says how it shall misbehave and counts
 * what the cache did; it is only changed while no other thread uses the pool.
 */
#ifndef ZC_TESTS_SUPPORT_BUMP_H
#define ZC_TESTS_SUPPORT_BUMP_H

#include <zcache/pool.h>

struct support_bump_control {
    /* What it shall do. */
    zc_status create_status;
    zc_status put_status;
    zc_status read_status;
    bool has_page_count;    /* page_count is what it says it has */
    uint64_t page_count;    /* pages */
    size_t huge_class_size; /* 0: the page size */
    size_t read_less;       /* bytes by which a read is short */

    /* What it saw. */
    struct zc_pool_config config;
    unsigned creates;
    unsigned destroys;
    unsigned puts; /* that were served */
    unsigned frees;
    unsigned reads;       /* begun */
    unsigned reads_ended; /* and ended */
};

extern const struct zc_pool_ops support_bump_pool;

#endif
