/* SPDX-License-Identifier: MIT */
/*
 * process.c - process.h: a page with MADV_WIPEONFORK, else the process number.
 *
 * The number alone would cost a system call at each question.  It can also be
 * wrong: when the process that made the mark has ended, a child of its child
 * may get the same number.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* madvise() */
#endif

#include "platform/process.h"

#include <sys/mman.h>
#include <unistd.h>

#include "platform/memory.h"

zc_status zc_process_mark_init(struct zc_process_mark *mark)
{
    const size_t bytes = zc_pages_system_size();
    uint32_t *page = zc_pages_map(bytes, bytes);

    if (page == NULL)
        return ZC_NO_MEMORY;
    mark->number = getpid();
    mark->by_number = ZC_PROCESS_IS_OWN + 1;
    mark->word = &mark->by_number;
#if defined(MADV_WIPEONFORK)
    if (madvise(page, bytes, MADV_WIPEONFORK) == 0) {
        *page = ZC_PROCESS_IS_OWN;
        mark->word = page;
        return ZC_OK;
    }
#endif
    zc_pages_unmap(page, bytes);
    return ZC_OK;
}

static bool has_page(const struct zc_process_mark *mark)
{
    return mark->word != &mark->by_number;
}

void zc_process_mark_destroy(struct zc_process_mark *mark)
{
    if (has_page(mark))
        zc_pages_unmap((void *)(uintptr_t)mark->word, zc_pages_system_size());
}

size_t zc_process_mark_bytes(const struct zc_process_mark *mark)
{
    return has_page(mark) ? zc_pages_system_size() : 0;
}

bool zc_process_has_other_number(const struct zc_process_mark *mark)
{
    return has_page(mark) || getpid() != mark->number;
}
