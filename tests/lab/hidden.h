/* SPDX-License-Identifier: MIT */
/* hidden.h - a library that the lab does not see into, for statics.c. */
#ifndef TESTS_LAB_HIDDEN_H
#define TESTS_LAB_HIDDEN_H

extern int hidden_shared;

#endif
