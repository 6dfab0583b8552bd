/* SPDX-License-Identifier: MIT */
/* world_internal.h - what the files of the world share. */
#ifndef LAB_WORLD_INTERNAL_H
#define LAB_WORLD_INTERNAL_H

#include "platform/lab_platform.h"
#include "world.h"

/* Shows a call of the library in the diagram; world_leave() shows its end. */
#define WORLD_ENTER(...)                                                       \
    do {                                                                       \
        if (!lab_quiet)                                                        \
            lab_enter(__VA_ARGS__);                                            \
    } while (0)

void world_leave(void);

uint64_t world_mix(uint64_t value);
/* Bytes made of a seed, the same again after `repeat` of them. */
void world_fill(char *bytes, size_t size, uint64_t seed, size_t repeat);

/* The page of a slot in this version; made once for all executions. */
const char *world_page(unsigned slot, unsigned version);
/* Is it what a device has where nothing was ever written? */
bool world_is_lost(const char *page);
/* The version of a page that was read; fails if it is not wholly one of this
 * slot. */
unsigned world_check_page(unsigned slot, const char *page);

/* A failure if page tables, counts, frames and slots do not agree. */
void world_check_vm(void);
/* Ends all spaces of the machine, before it is destroyed. */
void world_empty_vm(void);

/* A failure of this name unless the status is ZC_OK. */
void world_must(zc_status status, const char *what);

#endif
