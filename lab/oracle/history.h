/* SPDX-License-Identifier: MIT */
/*
 * history.h - the calls of a cache and their answers, checked against its
 * guarantees G1 to G3.
 *
 * Every call is an operation with a beginning, an end and an answer.  There
 * must be an order of all operations of a slot that keeps the order of those
 * that did not overlap, and in which a slot that simply remembers its last page
 * gives the same answers (Wing and Gong, 1993).
 */
#ifndef LAB_ORACLE_HISTORY_H
#define LAB_ORACLE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include <zcache/types.h>

enum lab_operation_kind {
    LAB_STORE,
    LAB_LOAD,
    LAB_TAKE,
    LAB_INVALIDATE
};

#define LAB_NO_VERSION 0u /* the slot has no page */

void lab_history_reset(void);
/* Keeps the operations so far as the beginning of every later execution;
 * restores them. */
void lab_history_keep(void);
void lab_history_restore(void);
/* A step was granted to this thread: its operation has begun. */
void lab_history_step(int thread);

/* An operation of this thread; `version` is what a store stores. */
void lab_history_begin(enum lab_operation_kind kind, unsigned slot,
                       unsigned version);
/* It ended; `version` is what a load or take gave. */
void lab_history_end(zc_status status, unsigned version);

/* From here on a slot is a page of a space, 10 * space + page, called A:0. */
void lab_history_name_pages(void);

/* A failure if no order explains the answers: a page that is lost, stale or was
 * never there, if one answer alone is wrong. */
void lab_history_check(void);

#endif
