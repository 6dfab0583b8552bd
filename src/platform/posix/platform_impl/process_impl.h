/* SPDX-License-Identifier: MIT */
/* process_impl.h - process.h over a page that the system wipes in a child. */
#ifndef ZC_PLATFORM_PROCESS_IMPL_H
#define ZC_PLATFORM_PROCESS_IMPL_H

#include <stdint.h>
#include <sys/types.h>

#define ZC_PROCESS_IS_OWN 1u /* another value: the number decides */

struct zc_process_mark {
    /* Points to ZC_PROCESS_IS_OWN in a page that the system wipes in a child.
     * Where there is no such page it points to `by_number`, which has another
     * value. */
    const uint32_t *word;
    uint32_t by_number;
    pid_t number;
};

/* Asked where the word is not ZC_PROCESS_IS_OWN. */
bool zc_process_has_other_number(const struct zc_process_mark *mark);

static inline bool zc_process_is_child(const struct zc_process_mark *mark)
{
    return *mark->word != ZC_PROCESS_IS_OWN &&
           zc_process_has_other_number(mark);
}

#endif
