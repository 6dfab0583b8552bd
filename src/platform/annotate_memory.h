/* SPDX-License-Identifier: MIT */
/*
 * annotate_memory.h - annotations that tell the race lab what it cannot see
 * itself.
 *
 * Outside the lab they do nothing and cost nothing.
 * platform_impl/annotate_memory_impl.h defines them.
 */
#ifndef ZC_PLATFORM_ANNOTATE_MEMORY_H
#define ZC_PLATFORM_ANNOTATE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/atomic.h"

/* For memory that is used again without zc_free(): an object in it begins, or
 * ends, here.  `what` names the object. */
ZC_INLINE void zc_annotate_object_begin(const void *memory, size_t size,
                                        const char *what);
ZC_INLINE void zc_annotate_object_end(const void *memory, size_t size,
                                      const char *what);

/* True: the caller may reuse a free object.  False: it takes fresh memory, so
 * that a use of an old reference to the free object is detected. */
ZC_INLINE bool zc_annotate_may_reuse(void);

/* The word has its final value. */
ZC_INLINE void zc_annotate_final(const zc_atomic_pointer *word);

/* Around a codec, which takes long and which no compiler instruments: the bytes
 * are read, or written, from begin to end. */
ZC_INLINE void zc_annotate_read_begin(const void *bytes, size_t size,
                                      const char *what);
ZC_INLINE void zc_annotate_read_end(const void *bytes, size_t size,
                                    const char *what);
ZC_INLINE void zc_annotate_write_begin(void *bytes, size_t size,
                                       const char *what);
ZC_INLINE void zc_annotate_write_end(void *bytes, size_t size,
                                     const char *what);

/* Code that is not instrumented has just written these bytes. */
ZC_INLINE void zc_annotate_written(void *bytes, size_t size);

/*
 * ZC_PROCESS_VARIABLE is a part of the definition of each variable that the
 * library has once in a process: the lab restores these for each execution.
 *
 *     static ZC_PROCESS_VARIABLE zc_atomic_u32 pools_made;
 */
#include "platform_impl/annotate_memory_impl.h"

#endif
