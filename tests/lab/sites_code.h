/* SPDX-License-Identifier: MIT */
/* sites_code.h - code with acquisitions that are needed, or not. */
#ifndef TESTS_LAB_SITES_CODE_H
#define TESTS_LAB_SITES_CODE_H

void sites_make(void); /* once, before each scenario */
void sites_free(void);

/* What actors do; each takes no argument. */
void sites_add(void *context);
void sites_add_twice_locked(void *context);
void sites_add_by_call(void *context);
void sites_add_by_needless_call(void *context);
void sites_wait(void *context);
void sites_signal(void *context);
void sites_use(void *context);
void sites_unlink(void *context);
void sites_try_to_add(void *context);
void sites_must_add(void *context);
void sites_exchange(void *context);
void sites_exchange_locked(void *context);
void sites_exchange_once(void *context);
void sites_take_if_free(void *context);
void sites_write(void *context);
void sites_read(void *context);
void sites_hold(void *context);
void sites_meet_holder(void *context);
void sites_bit_add(void *context);

/* Finishes: what was added is there. */
void sites_check_two(void);
void sites_check_nothing(void);

#endif
