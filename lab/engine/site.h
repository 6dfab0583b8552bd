/* SPDX-License-Identifier: MIT */
/*
 * site.h - the acquisitions of a program, and the one that is switched off.
 *
 * A site is a place in the code where a lock or a reference is taken, a word is
 * compared and exchanged, or is read again under a lock.  A release is part of
 * its acquisition.  The platform tells of each of them (platform/site.h), and
 * asks whether this one is switched off; the report looks whether the scenarios
 * then fail (report/sites.h).
 */
#ifndef LAB_ENGINE_SITE_H
#define LAB_ENGINE_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "explore.h"

enum lab_site_kind {
    LAB_SITE_LOCK,     /* not taken; its unlock does nothing */
    LAB_SITE_TRYLOCK,  /* always succeeds, and takes nothing */
    LAB_SITE_BUSY,     /* the same place: always fails */
    LAB_SITE_GET,      /* not counted; its put does nothing */
    LAB_SITE_EXCHANGE, /* load, compare, store */
    LAB_SITE_RECHECK,  /* the value that this thread saw before */
    LAB_SITE_KINDS
};

#define LAB_SITE_CALLERS 4
#define LAB_SITES_MOST 4096 /* of a scenario */
#define LAB_SITE_OBJECTS 32

/* Where it is: a place in a function, and where that function was called
 * from, and so on. */
struct lab_site_place {
    enum lab_site_kind kind;
    const void *pc;
    const void *callers[LAB_SITE_CALLERS];
};

/* What executions showed of a place. */
struct lab_site_seen {
    struct lab_site_place place;
    struct lab_site site;
    /* Callers that belong to it: the release was not in the function itself. */
    unsigned levels;
    bool is_released; /* by the same thread */
    bool is_compared; /* a look, and the next access is a compare-exchange */
};

/* Notes of executions. */
struct lab_site_notes {
    unsigned count;
    bool is_full;
    struct lab_site_seen seen[LAB_SITES_MOST];
};

struct lab_sites {
    bool is_on;                   /* one of these is there: */
    struct lab_site_notes *notes; /* where executions note places, or NULL */
    bool is_off;                  /* a place is switched off: */
    struct lab_site_place off;
    unsigned levels; /* so many of its callers count */
    /* What is taken there, as far as executions have shown. */
    unsigned object_count;
    const void *objects[LAB_SITE_OBJECTS];
    /* Of the platform. */
    bool (*is_inside)(int thread);
};

extern struct lab_sites lab_sites;

/* Is this thread where it would be excluded, or excludes others, if the site
 * were not switched off?  Only there an interruption is of interest; which
 * objects are taken there must be known. */
bool lab_site_is_inside(int thread);

const char *lab_site_kind_name(enum lab_site_kind kind);

#endif
