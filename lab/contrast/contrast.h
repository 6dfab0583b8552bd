/* SPDX-License-Identifier: MIT */
/* contrast.h - what the files of the contrast share. */
#ifndef LAB_CONTRAST_H
#define LAB_CONTRAST_H

#include <stdbool.h>

/* How a process that ran rounds ends. */
enum {
    CONTRAST_DONE = 0,
    CONTRAST_FAILED = 3, /* a check of the scenario or of the world */
    CONTRAST_TSAN = 66   /* the sanitizer's report */
};

/* Sets the number of this thread: 0 is setup and finish. */
void contrast_be(int thread);
/* Sets the thread number of the note that is being replayed to the oracle. */
void contrast_replay_as(int thread);

#endif
