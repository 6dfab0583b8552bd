/* SPDX-License-Identifier: MIT */
/*
 * pages.h - what is in the pages of a simulation, at every moment.
 *
 * Base pages come from a file, a process, or are made up.  Each simulated page
 * has one of them, a name and a version.  Version 0 was never written and is
 * zeros.  Each later one is the base page with 8 bytes that are made of name
 * and version, always at the same place, so that it compresses as the base page
 * does.  A page of one repeated word stays one, of a word that is made of name
 * and version; but every second version of a page of zeros is zeros again.
 */
#ifndef ZCACHE_TOOL_SIM_PAGES_H
#define ZCACHE_TOOL_SIM_PAGES_H

#include "common/snapshot.h"
#include "sim/config.h"

#define SIM_STAMP_BYTES 8

struct sim_corpus {
    char *label;
    struct snapshot base;
    bool *same_filled; /* of each base page */
};

/* False, and an error shown. */
bool sim_corpus_load(struct sim_corpus *corpus, const struct sim_config *config,
                     bool quiet);
void sim_corpus_free(struct sim_corpus *corpus);

/* Whether both would load the same pages. */
bool sim_corpus_serves(const struct sim_config *config,
                       const struct sim_config *other);

/* Which page it is. */
struct sim_page {
    uint64_t index; /* of all pages of all spaces: which base page it has */
    uint64_t name;  /* its own */
    uint32_t version;
};

void sim_page_fill(const struct sim_corpus *corpus, const struct sim_page *page,
                   void *bytes);

/* The bytes that differ between versions, and where they are; false: all of
 * the page does. */
bool sim_page_stamp(const struct sim_corpus *corpus,
                    const struct sim_page *page, void *stamp_out,
                    size_t *offset_out);

#endif
