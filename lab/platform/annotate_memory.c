/* SPDX-License-Identifier: MIT */
/* annotate_memory.c - the lab's side of the annotations of
 * annotate_memory.h. */
#include "platform/annotate_memory.h"

#include "lab_platform.h"
#include "watch/tsan.h"

#define CALLER __builtin_return_address(0)

void lab_annotate_object_begin(const void *memory, size_t size,
                               const char *what, const struct lab_site *site)
{
    (void)site;
    lab_memory_begin(memory, size, what, CALLER);
}

void lab_annotate_object_end(const void *memory, size_t size, const char *what,
                             const struct lab_site *site)
{
    (void)site;
    lab_memory_end(memory, size, LAB_MARK_DEAD, what, CALLER);
}

bool zc_annotate_may_reuse(void)
{
    return lab_reuse && !lab_quiet && lab_thread() > 0 &&
           lab_pick(2, "fresh") == 0;
}

void zc_annotate_final(const zc_atomic_pointer *word)
{
    lab_mark_word(word, LAB_MARK_FINAL);
}

void lab_annotate_use(const void *bytes, size_t size, bool writes,
                      const struct lab_site *site)
{
    if (lab_quiet)
        return;
    lab_step(LAB_POINT, NULL, site);
    lab_access(bytes, size, writes ? LAB_ACCESS_WRITE : 0, CALLER);
}

void zc_annotate_written(void *bytes, size_t size)
{
    lab_access(bytes, size, LAB_ACCESS_WRITE, CALLER);
}
