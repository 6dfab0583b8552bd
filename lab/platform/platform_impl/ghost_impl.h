/* SPDX-License-Identifier: MIT */
/* ghost_impl.h - the lab receives the annotations of ghost.h. */
#ifndef ZC_PLATFORM_GHOST_IMPL_H
#define ZC_PLATFORM_GHOST_IMPL_H

#include "engine/explore.h"

void lab_ghost_born(const void *memory, size_t size, const char *what,
                    const struct lab_site *site);
void lab_ghost_dead(const void *memory, size_t size, const char *what,
                    const struct lab_site *site);
void lab_ghost_use(const void *bytes, size_t size, bool writes,
                   const struct lab_site *site);

#define zc_ghost_born(memory, size, what)                                      \
    lab_ghost_born((memory), (size), (what), LAB_SITE("alloc"))
#define zc_ghost_dead(memory, size, what)                                      \
    lab_ghost_dead((memory), (size), (what), LAB_SITE("free"))
#define zc_ghost_begin_read(bytes, size, what)                                 \
    lab_ghost_use((bytes), (size), false, LAB_SITE(what))
#define zc_ghost_end_read(bytes, size, what)                                   \
    lab_ghost_use((bytes), (size), false, LAB_SITE(what))
#define zc_ghost_begin_write(bytes, size, what)                                \
    lab_ghost_use((bytes), (size), true, LAB_SITE(what))
#define zc_ghost_end_write(bytes, size, what)                                  \
    lab_ghost_use((bytes), (size), true, LAB_SITE(what))

#endif
