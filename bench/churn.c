/* SPDX-License-Identifier: MIT */
/*
 * churn.c - alloc and free of the pool against those of a malloc, at a constant
 * number of objects with the sizes of a corpus: each step frees a random object
 * and allocates another.  No bytes are written.
 *
 * The malloc is mimalloc, opened by name so that both run in turns in one
 * process, or the library that the argument names.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <zcache/zspool.h>

#include "codec.h"
#include "json.h"
#include "options.h"
#include "resident.h"
#include "rounds.h"

#define STEPS_PER_ROUND (1u << 17)
#define STEPS_COUNTED (1u << 13) /* where valgrind counts */

struct step {
    uint32_t slot;
    uint32_t size;
};

struct trial {
    struct zc_zspool *pool;
    zc_handle *handles;
    void **blocks;
    void *(*allocate)(size_t size);
    void (*release)(void *block);
    const uint32_t *sizes;
    uint32_t count;
    struct step *steps;
    uint32_t step_count; /* a round */
    uint64_t random;
};

static void open_malloc(struct trial *trial, const char *name)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        fprintf(stderr, "bench: %s\n", dlerror());
        exit(77);
    }
    *(void **)&trial->allocate = dlsym(library, "mi_malloc");
    *(void **)&trial->release = dlsym(library, "mi_free");
    if (trial->allocate == NULL || trial->release == NULL) {
        *(void **)&trial->allocate = dlsym(library, "malloc");
        *(void **)&trial->release = dlsym(library, "free");
    }
    if (trial->allocate == NULL || trial->release == NULL)
        die("%s has no malloc", name);
}

static void choose_steps(void *context)
{
    struct trial *trial = context;
    uint32_t i;

    for (i = 0; i < trial->step_count; i++) {
        trial->steps[i].slot = random_below(&trial->random, trial->count);
        trial->steps[i].size =
            trial->sizes[random_below(&trial->random, trial->count)];
    }
}

static void churn_ours(void *context, uint32_t first, uint32_t count)
{
    struct trial *trial = context;
    uint32_t i;

    for (i = first; i < first + count; i++) {
        zc_handle *handle = &trial->handles[trial->steps[i].slot];

        must(zc_zspool_free(trial->pool, *handle), "free");
        must(zc_zspool_alloc(trial->pool, trial->steps[i].size, handle),
             "alloc");
    }
}

static void churn_theirs(void *context, uint32_t first, uint32_t count)
{
    struct trial *trial = context;
    uint32_t i;

    for (i = first; i < first + count; i++) {
        void **block = &trial->blocks[trial->steps[i].slot];

        trial->release(*block);
        *block = trial->allocate(trial->steps[i].size);
        if (*block == NULL)
            die("malloc");
    }
}

static void fill(struct trial *trial, const struct corpus *corpus)
{
    unsigned char buffer[CODEC_BUFFER_BYTES];
    uint32_t *pages;
    uint32_t *sizes;
    uint32_t i;

    trial->count = resident_choose_pages(corpus, &pages);
    sizes = map_memory(trial->count * sizeof(*sizes));
    trial->sizes = sizes;
    trial->handles = map_memory(trial->count * sizeof(*trial->handles));
    trial->blocks = map_memory(trial->count * sizeof(*trial->blocks));
    trial->steps = map_memory(trial->step_count * sizeof(*trial->steps));
    for (i = 0; i < trial->count; i++) {
        sizes[i] =
            (uint32_t)codec_compress(corpus_page(corpus, pages[i]), buffer);
        must(zc_zspool_alloc(trial->pool, sizes[i], &trial->handles[i]),
             "alloc");
        trial->blocks[i] = trial->allocate(sizes[i]);
        if (trial->blocks[i] == NULL)
            die("malloc");
    }
}

/* Enough steps for a steady state. */
static void warm_up(struct trial *trial)
{
    uint32_t done;

    for (done = 0; done < 3 * trial->count; done += trial->step_count) {
        choose_steps(trial);
        churn_ours(trial, 0, trial->step_count);
        churn_theirs(trial, 0, trial->step_count);
    }
}

int main(int argc, char **argv)
{
    struct bench_options options = {.rounds = 15, .backend = "dense"};
    struct trial trial = {.random = 1};
    struct json json = {.file = NULL};
    struct rounds_result result;
    struct corpus corpus;

    options_read(&options, argc, argv,
                 "usage: bench_churn [OPTION]... [LIBRARY]\n"
                 "Pool alloc and free against malloc and free; --backend dense "
                 "or kernel.");
    options_open_corpus(&options, &corpus);
    open_malloc(&trial, options.word_count == 0 ? "libmimalloc.so.2"
                                                : options.words[0]);
    must(zc_zspool_create(
             ZC_ZSPOOL_OPTIONS(.placement = placement_named(options.backend),
                               .segment_bytes = options.segment_bytes),
             &trial.pool),
         "create");
    trial.random = options.seed;
    trial.step_count = options.counts ? STEPS_COUNTED : STEPS_PER_ROUND;
    fill(&trial, &corpus);
    warm_up(&trial);
    rounds_run(&result, options.rounds, trial.step_count, choose_steps,
               churn_ours, churn_theirs, &trial);
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    rounds_json(&json, "churn", &result);
    json_end(&json);
    zc_zspool_destroy(trial.pool);
    return 0;
}
