/* SPDX-License-Identifier: MIT */
/*
 * memory.h - which memory belongs to which allocation.
 *
 * All memory of the library comes from one region (platform/memory.c), which is
 * used from its beginning in every execution and never twice in one.  Freed
 * memory is marked dead; touching it is a failure, which names the calls that
 * allocated and freed it.  What no block covers is outside: the space between
 * two of them, the last bytes of eight beyond an odd size, and all that was
 * never given out.
 *
 * All watched memory has an offset: the region first, then the static variables
 * of the program (platform/statics.c), then stacks.  Only the region has an
 * outside.
 */
#ifndef LAB_ORACLE_MEMORY_H
#define LAB_ORACLE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_PAGE_SHIFT 12
#define LAB_PAGE_BYTES (1u << LAB_PAGE_SHIFT)
#define LAB_HEAP_BYTES ((size_t)48 << 20)
#define LAB_STATICS_AT LAB_HEAP_BYTES
#define LAB_STACKS_AT (LAB_STATICS_AT + ((size_t)16 << 20))
#define LAB_REGION_BYTES (LAB_STACKS_AT + ((size_t)8 << 20))
#define LAB_REGION_PAGES (LAB_REGION_BYTES >> LAB_PAGE_SHIFT)
#define LAB_UNWATCHED (SIZE_MAX / 2) /* the offset of other memory */
#define LAB_HEAP_PAGES (LAB_HEAP_BYTES >> LAB_PAGE_SHIFT)

extern char lab_region[LAB_HEAP_BYTES];

/* The offset of memory beside lab_region (platform/statics.c). */
size_t lab_statics_offset(const void *memory);

/* The offset of watched memory; at or above LAB_REGION_BYTES: not watched. */
static inline size_t lab_region_offset(const void *memory)
{
    size_t offset = (size_t)((uintptr_t)memory - (uintptr_t)lab_region);

    return offset < LAB_HEAP_BYTES ? offset : lab_statics_offset(memory);
}

/* The watched memory at an offset. */
const char *lab_region_at(size_t offset);

/* Pages that were written since the region was kept; see lab_region_keep(). */
extern uint8_t lab_region_dirty[LAB_HEAP_PAGES];

static inline void lab_region_note_write(const void *memory, size_t size)
{
    size_t offset = (size_t)((uintptr_t)memory - (uintptr_t)lab_region);
    size_t page = offset >> LAB_PAGE_SHIFT;

    if (offset >= LAB_HEAP_BYTES)
        return;
    for (; page <= (offset + size - 1) >> LAB_PAGE_SHIFT; page++) {
        if (page < LAB_HEAP_PAGES)
            lab_region_dirty[page] = 1;
    }
}

#define LAB_POISON 0x6bu /* what freed memory is filled with */
#define LAB_FRESH 0xa5u  /* and memory that nothing has written yet */

/* Marks of eight bytes each. */
#define LAB_MARK_CLOSED 1u   /* of a pool, in no object */
#define LAB_MARK_DEAD 2u     /* freed */
#define LAB_MARK_FINAL 4u    /* an atomic whose value is final */
#define LAB_MARK_OUTSIDE 16u /* in no block */
#define LAB_MARK_NOBODYS (LAB_MARK_CLOSED | LAB_MARK_DEAD | LAB_MARK_OUTSIDE)
/* Beside OUTSIDE, from this bit up: so many first bytes are in a block. */
#define LAB_MARK_INSIDE_SHIFT 5

/* Begins an execution with the marks and the history that were kept. */
void lab_marks_reset(void);
void lab_marks_forget(void);
void lab_marks_keep(void);

/*
 * Begins or ends the life of [memory, memory + size) as `what`; an end leaves
 * that mark.  Every use must be ordered before an end.
 */
void lab_memory_begin(const void *memory, size_t size, const char *what,
                      const void *pc);
void lab_memory_end(const void *memory, size_t size, unsigned mark,
                    const char *what, const void *pc);

/* Marks what follows the first `size` bytes of so much room as outside. */
void lab_memory_bound(const void *memory, size_t size, size_t room);

/* Adds a mark to the word; tests for one. */
void lab_mark_word(const void *word, unsigned mark);
bool lab_word_has(const void *word, unsigned mark);

/* False, and a failure, if any of the memory belongs to no object. */
bool lab_memory_check(const void *memory, size_t size, bool writes,
                      const void *pc);

/* Lines below the diagram: what lives, or lived last, at this address. */
void lab_memory_describe(const void *memory);
/* Its name, and the offset in it; "memory" if it has none. */
const char *lab_memory_name(const void *memory, size_t *offset_out);

/* The same for memory that no event is known of; slow.  The static variable at
 * an address: NULL: none is known. */
const char *lab_statics_name(const void *memory, size_t *offset_out);
const char *lab_symbol_of(const void *address, size_t *offset_out);
/* Finds the names; before fork(), so that they lie in both processes. */
void lab_symbols_find(void);
/* A name for memory that is not watched: "hidden+4". */
const char *lab_data_name(const void *address);

/* Where a program counter is: "zc_entry_put (entry.c:112)".  Slow, and only
 * while a trace is recorded; else "?". */
const char *lab_place_of(const void *pc);
const char *lab_place_name(const void *pc); /* always */
/* The same for several, into names of `size` bytes each; much faster. */
void lab_place_names(const void *const *pc, unsigned count, char *names,
                     size_t size);

/* "step 6", or "before its first step"; until the next call. */
const char *lab_when(unsigned step);

/* A row of the diagram for an access that is no step: "free_entry() writes
 * entry". */
void lab_note_access(bool writes, const char *name, const void *pc);
/* The same for what a thread did at an earlier step; verb: "reads". */
void lab_note_earlier(int thread, unsigned step, const char *verb,
                      const char *name, const void *pc);

/* --- platform/memory.c ----------------------------------------------- */

/* Empties the region; restores what was kept. */
void lab_region_reset(void);
void lab_region_restore(void);
/* Keeps the region, its marks and its history as the beginning of every later
 * execution. */
void lab_region_keep(void);
/* What an execution changed in the region unseen, so that it is not restored;
 * NULL: nothing. */
const char *lab_region_left(void);
/* zc_malloc() and zc_free() for a caller at pc, without injected failures. */
void *lab_take(size_t size, const void *pc);
void lab_give_back(void *memory, const void *pc);
/* Gives a freed block again, for as many bytes; is it large enough, and not
 * larger than need be? */
void lab_take_again(void *memory, size_t size, const void *pc);
bool lab_takes_as_much(const void *memory, size_t size);
/* A failure if the library has not given everything back. */
void lab_region_check_empty(void);

/* --- free lists ------------------------------------------------------ */

/* True: the explorer chooses whether a free object (an entry or a handle cell)
 * is used again.  False: never, so that stale names are found. */
extern bool lab_reuse;

#endif
