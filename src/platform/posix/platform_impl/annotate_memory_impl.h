/* SPDX-License-Identifier: MIT */
/* annotate_memory_impl.h - outside the lab the annotations do nothing. */
#ifndef ZC_PLATFORM_ANNOTATE_MEMORY_IMPL_H
#define ZC_PLATFORM_ANNOTATE_MEMORY_IMPL_H

#define ZC_PROCESS_VARIABLE

static inline void zc_annotate_object_begin(const void *memory, size_t size,
                                            const char *what)
{
    (void)memory;
    (void)size;
    (void)what;
}

static inline void zc_annotate_object_end(const void *memory, size_t size,
                                          const char *what)
{
    (void)memory;
    (void)size;
    (void)what;
}

static inline bool zc_annotate_may_reuse(void)
{
    return true;
}

static inline void zc_annotate_final(const zc_atomic_pointer *word)
{
    (void)word;
}

static inline void zc_annotate_read_begin(const void *bytes, size_t size,
                                          const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_annotate_read_end(const void *bytes, size_t size,
                                        const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_annotate_write_begin(void *bytes, size_t size,
                                           const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_annotate_write_end(void *bytes, size_t size,
                                         const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_annotate_written(void *bytes, size_t size)
{
    (void)bytes;
    (void)size;
}

#endif
