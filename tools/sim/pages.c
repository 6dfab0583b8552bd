/* SPDX-License-Identifier: MIT */
/* pages.c - the contents of simulated pages. */
#include "sim/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/queue.h"
#include "sim/random.h"

#define MADE_PAGES 1024
#define PIECE 32 /* bytes of generated pages that are noise or not */
#define WORD sizeof(uint64_t)

/* ---- loading ---- */

/* Pieces of noise between equal pieces. */
static void make_page(unsigned char *page, size_t page_size, uint64_t percent,
                      struct sim_random *random)
{
    const uint64_t common = sim_random_next(random);
    uint64_t owed = 0;

    for (size_t at = 0; at < page_size; at += PIECE) {
        bool is_noise;

        owed += 100 - percent;
        is_noise = owed >= 100;
        if (is_noise)
            owed -= 100;
        for (size_t i = 0; i < PIECE; i += WORD) {
            uint64_t word = is_noise ? sim_random_next(random) : common;

            memcpy(page + at + i, &word, WORD);
        }
    }
}

static bool make_up(struct sim_corpus *corpus, const struct sim_config *config)
{
    const size_t page_size = (size_t)sim_number(config, SIM_PAGE_SIZE);
    struct sim_random random = {sim_number(config, SIM_SEED)};
    void *bytes = mmap(NULL, MADE_PAGES * page_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (bytes == MAP_FAILED) {
        message_error("no memory for %d pages of %zu bytes: %s", MADE_PAGES,
                      page_size, strerror(errno));
        return false;
    }
    corpus->label = memory_copy_text("made up");
    corpus->base = (struct snapshot){.bytes = bytes,
                                     .mapped_bytes = MADE_PAGES * page_size,
                                     .page_size = page_size,
                                     .page_count = MADE_PAGES};
    for (size_t i = 0; i < MADE_PAGES; i++)
        make_page(corpus->base.bytes + i * page_size, page_size,
                  sim_number(config, SIM_COMPRESSIBILITY), &random);
    return true;
}

static bool take_source(struct sim_corpus *corpus, struct source *source,
                        bool quiet)
{
    enum snapshot_outcome outcome;
    struct progress progress;

    progress_begin(&progress, quiet, source->page_size, source->page_count);
    progress_stage(&progress, "", "", "reading");
    outcome = snapshot_take(&corpus->base, source, SAMPLE_ALL, &progress);
    progress_end(&progress);
    if (outcome == SNAPSHOT_NOTHING)
        message_error("%s ended before a page of it was read", source->label);
    if (outcome != SNAPSHOT_OK)
        return false;
    if (source->note.length != 0)
        message_note("%s", source->note.bytes);
    corpus->label = memory_copy_text(source->label);
    return true;
}

static bool copy_source(struct sim_corpus *corpus,
                        const struct sim_config *config, bool quiet)
{
    const size_t page_size = (size_t)sim_number(config, SIM_PAGE_SIZE);
    char *files[] = {NULL};
    struct source_choice choice = {.pids = sim_text(config, SIM_PID)};
    struct source_queue queue;
    struct source source;
    bool good;

    if (sim_text(config, SIM_PAGES) != NULL) {
        files[0] = memory_copy_text(sim_text(config, SIM_PAGES));
        choice.files = files;
        choice.file_count = 1;
    }
    good = source_queue_open(&queue, &source, &choice, page_size);
    if (good) {
        good = take_source(corpus, &source, quiet);
        source_close(&source);
    }
    source_queue_free(&queue);
    free(files[0]);
    return good;
}

/* Are the pages read, not generated? */
static bool is_from_source(const struct sim_config *config)
{
    return sim_text(config, SIM_PAGES) != NULL ||
           sim_text(config, SIM_PID) != NULL;
}

static bool is_same_filled(const unsigned char *page, size_t page_size)
{
    return memcmp(page, page + WORD, page_size - WORD) == 0;
}

bool sim_corpus_load(struct sim_corpus *corpus, const struct sim_config *config,
                     bool quiet)
{
    *corpus = (struct sim_corpus){0};
    if (!(is_from_source(config) ? copy_source(corpus, config, quiet)
                                 : make_up(corpus, config)))
        return false;
    corpus->same_filled = memory_allocate((size_t)corpus->base.page_count, 1);
    for (size_t i = 0; i < corpus->base.page_count; i++)
        corpus->same_filled[i] =
            is_same_filled(corpus->base.bytes + i * corpus->base.page_size,
                           corpus->base.page_size);
    return true;
}

void sim_corpus_free(struct sim_corpus *corpus)
{
    free(corpus->label);
    free(corpus->same_filled);
    snapshot_free(&corpus->base);
    *corpus = (struct sim_corpus){0};
}

bool sim_corpus_serves(const struct sim_config *config,
                       const struct sim_config *other)
{
    if (sim_number(config, SIM_PAGE_SIZE) != sim_number(other, SIM_PAGE_SIZE) ||
        !sim_same_text(config, other, SIM_PAGES) ||
        !sim_same_text(config, other, SIM_PID))
        return false;
    if (is_from_source(config))
        return true;
    return sim_number(config, SIM_SEED) == sim_number(other, SIM_SEED) &&
           sim_number(config, SIM_COMPRESSIBILITY) ==
               sim_number(other, SIM_COMPRESSIBILITY);
}

/* ---- versions ---- */

static size_t base_of(const struct sim_corpus *corpus, uint64_t index)
{
    return (size_t)(index % corpus->base.page_count);
}

static uint64_t word_of(const struct sim_page *page)
{
    return sim_mix(sim_mix(page->name) + page->version);
}

bool sim_page_stamp(const struct sim_corpus *corpus,
                    const struct sim_page *page, void *stamp_out,
                    size_t *offset_out)
{
    const uint64_t word = word_of(page);

    if (corpus->same_filled[base_of(corpus, page->index)])
        return false;
    memcpy(stamp_out, &word, WORD);
    *offset_out =
        (size_t)(sim_mix(page->index) % (corpus->base.page_size / WORD)) * WORD;
    return true;
}

static bool begins_with_zeros(const void *bytes)
{
    static const unsigned char zeros[WORD];

    return memcmp(bytes, zeros, WORD) == 0;
}

void sim_page_fill(const struct sim_corpus *corpus, const struct sim_page *page,
                   void *bytes)
{
    const size_t page_size = corpus->base.page_size;
    const size_t base = base_of(corpus, page->index);
    const uint64_t word = word_of(page);
    unsigned char stamp[SIM_STAMP_BYTES];
    size_t offset;

    if (page->version == 0) {
        memset(bytes, 0, page_size);
        return;
    }
    memcpy(bytes, corpus->base.bytes + base * page_size, page_size);
    if (sim_page_stamp(corpus, page, stamp, &offset)) {
        memcpy((unsigned char *)bytes + offset, stamp, sizeof(stamp));
    } else if (page->version % 2 == 0 || !begins_with_zeros(bytes)) {
        for (size_t at = 0; at < page_size; at += WORD)
            memcpy((unsigned char *)bytes + at, &word, WORD);
    }
}
