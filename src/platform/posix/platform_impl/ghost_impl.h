/* SPDX-License-Identifier: MIT */
/* ghost_impl.h - outside the lab the annotations do nothing. */
#ifndef ZC_PLATFORM_GHOST_IMPL_H
#define ZC_PLATFORM_GHOST_IMPL_H

static inline void zc_ghost_born(const void *memory, size_t size,
                                 const char *what)
{
    (void)memory;
    (void)size;
    (void)what;
}

static inline void zc_ghost_dead(const void *memory, size_t size,
                                 const char *what)
{
    (void)memory;
    (void)size;
    (void)what;
}

static inline bool zc_ghost_reuses(void)
{
    return true;
}

static inline void zc_ghost_settled(const zc_atomic_pointer *word)
{
    (void)word;
}

static inline void zc_ghost_begin_read(const void *bytes, size_t size,
                                       const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_ghost_end_read(const void *bytes, size_t size,
                                     const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_ghost_begin_write(void *bytes, size_t size,
                                        const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_ghost_end_write(void *bytes, size_t size,
                                      const char *what)
{
    (void)bytes;
    (void)size;
    (void)what;
}

static inline void zc_ghost_written(void *bytes, size_t size)
{
    (void)bytes;
    (void)size;
}

#endif
