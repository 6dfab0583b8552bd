/* SPDX-License-Identifier: MIT */
/* process_impl.h - process.h over a page that the system wipes in a child. */
#ifndef ZC_PLATFORM_PROCESS_IMPL_H
#define ZC_PLATFORM_PROCESS_IMPL_H

#include <stdint.h>
#include <sys/types.h>

#define ZC_PROCESS_IS_OWN 1u /* no other value is that for certain */

struct zc_process_mark {
    /* ZC_PROCESS_IS_OWN in a page that a child finds wiped; where there is no
     * such page, `by_number`, which says that the process's number decides. */
    const uint32_t *word;
    uint32_t by_number;
    pid_t number;
};

/* Where the word alone does not decide. */
bool zc_process_has_other_number(const struct zc_process_mark *mark);

static inline bool zc_process_is_child(const struct zc_process_mark *mark)
{
    return *mark->word != ZC_PROCESS_IS_OWN &&
           zc_process_has_other_number(mark);
}

#endif
