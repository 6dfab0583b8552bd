/* SPDX-License-Identifier: MIT */
/*
 * site.h - what the platform does at an acquisition that may be switched off.
 *
 * A lock that is switched off is not taken.  Its thread goes on as if it had
 * it: the unlock, and the unlock and lock of a wait, do nothing.  A word of
 * which a thread has bits or references that it did not take looks to that
 * thread as if it had taken them.  Any other thread sees the word as it is.
 *
 * Within such a section each access to memory is a step, because another thread
 * may come between two of them.
 */
#ifndef LAB_PLATFORM_SITE_H
#define LAB_PLATFORM_SITE_H

#include <stddef.h>

#include "engine/site.h"

/* Before an execution. */
void lab_site_reset(void);

/* This thread takes the object: a lock (amount 0), these bits of a word, or so
 * many references at a word.  True: the site is switched off, a step was made,
 * and nothing else is to be done. */
bool lab_site_take(enum lab_site_kind kind, const void *object, uint32_t amount,
                   const struct lab_site *site, const void *pc);
/* It gives it back.  True: it was not taken; a step was made.  is_held: this
 * thread has what it gives back. */
bool lab_site_give(const void *object, uint32_t amount, bool is_held,
                   const struct lab_site *site);
/* Does this thread hold the lock, without having taken it? */
bool lab_site_is_loose(const void *object);

/* Is this try always in vain, or never?  Then a step was made. */
bool lab_site_is_busy(const struct lab_site *site, const void *pc);
bool lab_site_is_open(const void *object, uint32_t amount,
                      const struct lab_site *site, const void *pc);
/* Is this compare-exchange a load and a store? */
bool lab_site_is_split(const void *word, const struct lab_site *site,
                       const void *pc);
/* The thread has loaded, and not stored yet. */
void lab_site_is_between(bool is);

/* The value of a word as this thread sees it. */
void lab_site_view(const void *word, void *value, size_t size);
/* The same for a load, which may be a recheck. */
void lab_site_look(const void *word, void *value, size_t size,
                   const struct lab_site *site, const void *pc);
/* The thread has seen this value: a compare-exchange has failed. */
void lab_site_saw(const void *word, const void *value, size_t size);
/* The thread leaves the word with this value, where it saw `before` (NULL: it
 * did not look): what is to be written. */
void lab_site_leave(const void *word, const void *before, void *value,
                    size_t size, const struct lab_site *site, const void *pc);

/* A thread has a lock that it did not take: its accesses are steps. */
extern bool lab_site_has_loose;
void lab_site_access(const void *memory, const void *pc);

#endif
