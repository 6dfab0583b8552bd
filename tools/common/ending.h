/* SPDX-License-Identifier: MIT */
/*
 * ending.h - what is undone when the program ends by a signal, or by exit() in
 * the middle of its work.
 *
 * A thing that must not be left behind is made between ending_block() and
 * ending_unblock(), with ending_add() in between: no signal comes before the
 * program knows what to undo.  One thread calls these functions, and only when
 * the program has no other.
 */
#ifndef ZCACHE_TOOL_ENDING_H
#define ZCACHE_TOOL_ENDING_H

#include <signal.h>

/* Blocks the signals that end the program. */
void ending_block(sigset_t *old_out);
void ending_unblock(const sigset_t *old);

/*
 * From now on until ending_remove() the function is called before the end, in
 * this process only and not in a child.  It makes only calls that are safe in a
 * signal handler.  SIGXFSZ does not end the program meanwhile: the write fails.
 */
typedef void ending_undo(void);
void ending_add(ending_undo *undo);
void ending_remove(ending_undo *undo);

#endif
