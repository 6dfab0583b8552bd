/* SPDX-License-Identifier: MIT */
/*
 * statics.h - the memory of a program that it does not allocate.
 *
 * These are the static variables of the sources of zcache_add_lab(), those of
 * the library (ZC_PROCESS_VARIABLE), the locals of main() and the thread-local
 * variables of the main thread.  All are restored before each execution, byte
 * by byte; all but the last are watched.  The stacks of fibers are watched and
 * not restored: an execution begins with new ones.
 *
 * Not restored are the variables of other libraries, and memory of mmap().
 */
#ifndef LAB_STATICS_H
#define LAB_STATICS_H

/* The locals of main() lie between these addresses, where that can be known.
 * Called before any execution. */
void lab_statics_add_locals(void *from, void *to);

/* Puts back how all of it was at the start of the program, or when it was
 * kept. */
void lab_statics_reset(void);
void lab_statics_keep(void);
void lab_statics_restore(void);

#endif
