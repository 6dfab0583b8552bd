/* SPDX-License-Identifier: MIT */
/* annotate_memory_impl.h - the lab receives the annotations of
 * annotate_memory.h. */
#ifndef ZC_PLATFORM_ANNOTATE_MEMORY_IMPL_H
#define ZC_PLATFORM_ANNOTATE_MEMORY_IMPL_H

#include "engine/explore.h"

#define ZC_PROCESS_VARIABLE __attribute__((section("zc_process")))

void lab_annotate_object_begin(const void *memory, size_t size,
                               const char *what, const struct lab_site *site);
void lab_annotate_object_end(const void *memory, size_t size, const char *what,
                             const struct lab_site *site);
void lab_annotate_use(const void *bytes, size_t size, bool writes,
                      const struct lab_site *site);

#define zc_annotate_object_begin(memory, size, what)                           \
    lab_annotate_object_begin((memory), (size), (what), LAB_SITE("alloc"))
#define zc_annotate_object_end(memory, size, what)                             \
    lab_annotate_object_end((memory), (size), (what), LAB_SITE("free"))
#define zc_annotate_read_begin(bytes, size, what)                              \
    lab_annotate_use((bytes), (size), false, LAB_SITE(what))
#define zc_annotate_read_end(bytes, size, what)                                \
    lab_annotate_use((bytes), (size), false, LAB_SITE(what))
#define zc_annotate_write_begin(bytes, size, what)                             \
    lab_annotate_use((bytes), (size), true, LAB_SITE(what))
#define zc_annotate_write_end(bytes, size, what)                               \
    lab_annotate_use((bytes), (size), true, LAB_SITE(what))

#endif
