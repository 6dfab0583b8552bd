/* SPDX-License-Identifier: MIT */
/* hidden.h - a library that the lab does not see into, for statics.c. */
#ifndef TESTS_LAB_HIDDEN_H
#define TESTS_LAB_HIDDEN_H

/* How often this process has called it. */
int hidden_count(void);
/* Adds one to what the caller has. */
void hidden_add(int *to);

extern int hidden_shared;

#endif
