/* SPDX-License-Identifier: MIT */
/*
 * pages.h - the contents of all pages of a simulation at any time.
 *
 * Base pages come from a file or a process, or are generated.  Each simulated
 * page has a base page, a name and a version.  Version 0 was never written and
 * is zeros.  Each later version is the base page with 8 bytes that follow from
 * name and version, always at the same place, so that it compresses like the
 * base page.  A page of one repeated word stays such a page, with a word that
 * follows from name and version; but every second version of a page of zeros is
 * zeros again.
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

/* Would both load the same pages? */
bool sim_corpus_serves(const struct sim_config *config,
                       const struct sim_config *other);

/* The identity of a page. */
struct sim_page {
    uint64_t index; /* among all pages of all spaces; chooses the base page */
    uint64_t name;  /* its own */
    uint32_t version;
};

void sim_page_fill(const struct sim_corpus *corpus, const struct sim_page *page,
                   void *bytes);

/* The bytes that differ between versions, and their offset; false: the whole
 * page differs. */
bool sim_page_stamp(const struct sim_corpus *corpus,
                    const struct sim_page *page, void *stamp_out,
                    size_t *offset_out);

#endif
