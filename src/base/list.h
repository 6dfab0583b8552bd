/* SPDX-License-Identifier: MIT */
/*
 * list.h - a circular list of links that live inside their objects.
 *
 * The caller holds whatever lock guards the list.  A link is either on one
 * list or points at itself.
 */
#ifndef ZC_BASE_LIST_H
#define ZC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct zc_list {
    struct zc_list *next;
    struct zc_list *previous;
};

/* The object around a link. */
#define ZC_CONTAINER(link, type, member)                                       \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void zc_list_init(struct zc_list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool zc_list_is_empty(const struct zc_list *list)
{
    return list->next == list;
}

static inline void zc_list_add_first(struct zc_list *list, struct zc_list *link)
{
    link->next = list->next;
    link->previous = list;
    list->next->previous = link;
    list->next = link;
}

static inline void zc_list_add_last(struct zc_list *list, struct zc_list *link)
{
    zc_list_add_first(list->previous, link);
}

static inline void zc_list_remove(struct zc_list *link)
{
    link->next->previous = link->previous;
    link->previous->next = link->next;
    zc_list_init(link);
}

#endif
