/* SPDX-License-Identifier: MIT */
/* process_impl.h - nothing in the lab forks between two steps. */
#ifndef ZC_LAB_PROCESS_IMPL_H
#define ZC_LAB_PROCESS_IMPL_H

struct zc_process_mark {
    char nothing;
};

static inline zc_status zc_process_mark_init(struct zc_process_mark *mark)
{
    (void)mark;
    return ZC_OK;
}

static inline void zc_process_mark_destroy(struct zc_process_mark *mark)
{
    (void)mark;
}

static inline size_t zc_process_mark_bytes(const struct zc_process_mark *mark)
{
    (void)mark;
    return 0;
}

static inline bool zc_process_is_child(const struct zc_process_mark *mark)
{
    (void)mark;
    return false;
}

#endif
