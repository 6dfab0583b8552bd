/* SPDX-License-Identifier: MIT */
/*
 * stores.c - one store in one process, through the phases of a page store.
 *
 *   fill       every slot, in the order of the corpus
 *   overwrite  every slot three times, in random order, with another page
 *   compact    as far as the store can
 *   half       a random half of the slots is freed
 *   compact    again
 *
 * After fill and after each compaction every page is loaded, in random order,
 * and compared.  Each operation is timed by itself.  With --wait the process
 * prints "phase NAME" and waits for a line, so that the driver can measure its
 * memory from outside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "options.h"
#include "store.h"

#define NOT_STORED UINT32_MAX

struct trial {
    const struct store_ops *ops;
    void *store;
    const struct bench_options *options;
    struct corpus corpus;
    uint32_t *pages; /* by slot: which page it holds */
    uint32_t *order;
    uint32_t live;
    unsigned char *buffer; /* a page, aligned */
    uint64_t random;
    struct json json;
    struct histogram stores;
    struct histogram loads;
    uint64_t mismatches;
};

/* Lets the driver measure this process now. */
static void announce(const struct trial *trial, const char *phase)
{
    char line[16];

    if (!trial->options->waits)
        return;
    printf("phase %s\n", phase);
    (void)fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        die("the driver does not answer");
}

static void put(struct trial *trial, uint32_t slot, uint32_t page)
{
    uint64_t start = now_ns();

    trial->ops->put(trial->store, slot, corpus_page(&trial->corpus, page));
    histogram_add(&trial->stores, now_ns() - start);
    trial->pages[slot] = page;
}

static void load_all(struct trial *trial)
{
    uint32_t count = trial->corpus.count;
    uint32_t i;

    shuffle(trial->order, count, &trial->random);
    for (i = 0; i < count; i++) {
        uint32_t slot = trial->order[i];
        uint64_t start;
        bool got;

        if (trial->pages[slot] == NOT_STORED)
            continue;
        start = now_ns();
        got = trial->ops->get(trial->store, slot, trial->buffer);
        histogram_add(&trial->loads, now_ns() - start);
        if (!got || memcmp(trial->buffer,
                           corpus_page(&trial->corpus, trial->pages[slot]),
                           PAGE_BYTES) != 0)
            trial->mismatches++;
    }
}

/* Writes the results of the phase, and ends it. */
static void report(struct trial *trial, const char *phase, uint64_t compact_ns)
{
    struct store_usage usage = {0};

    trial->ops->usage(trial->store, &usage);
    json_begin(&trial->json, phase);
    json_number(&trial->json, "pages", trial->live);
    json_number(&trial->json, "payload_bytes", usage.payload_bytes);
    json_number(&trial->json, "pool_bytes", usage.pool_bytes);
    json_number(&trial->json, "metadata_bytes", usage.metadata_bytes);
    if (compact_ns != 0)
        json_real(&trial->json, "compact_ms", (double)compact_ns / 1e6);
    if (trial->stores.count != 0)
        json_histogram(&trial->json, "store", &trial->stores);
    if (trial->loads.count != 0)
        json_histogram(&trial->json, "load", &trial->loads);
    json_end(&trial->json);
    memset(&trial->stores, 0, sizeof(trial->stores));
    memset(&trial->loads, 0, sizeof(trial->loads));
}

static void fill(struct trial *trial)
{
    uint32_t i;

    for (i = 0; i < trial->corpus.count; i++)
        put(trial, i, i);
    trial->live = trial->corpus.count;
}

static void overwrite(struct trial *trial)
{
    uint32_t count = trial->corpus.count;
    unsigned pass;
    uint32_t i;

    for (pass = 0; pass < 3; pass++) {
        shuffle(trial->order, count, &trial->random);
        for (i = 0; i < count; i++)
            put(trial, trial->order[i], random_below(&trial->random, count));
    }
}

static void forget_half(struct trial *trial)
{
    uint32_t count = trial->corpus.count;
    uint32_t i;

    shuffle(trial->order, count, &trial->random);
    for (i = 0; i < count / 2; i++) {
        trial->ops->forget(trial->store, trial->order[i]);
        trial->pages[trial->order[i]] = NOT_STORED;
        trial->live--;
    }
}

static uint64_t compact(struct trial *trial)
{
    uint64_t start = now_ns();

    if (trial->ops->compact == NULL)
        return 0;
    (void)trial->ops->compact(trial->store);
    return now_ns() - start;
}

static void run_phases(struct trial *trial)
{
    uint64_t compact_ns;

    announce(trial, "ready");
    fill(trial);
    announce(trial, "fill");
    load_all(trial);
    report(trial, "fill", 0);

    overwrite(trial);
    announce(trial, "overwrite");
    report(trial, "overwrite", 0);
    compact_ns = compact(trial);
    announce(trial, "overwrite_compacted");
    load_all(trial);
    report(trial, "overwrite_compacted", compact_ns);

    forget_half(trial);
    announce(trial, "half");
    report(trial, "half", 0);
    compact_ns = compact(trial);
    announce(trial, "half_compacted");
    load_all(trial);
    report(trial, "half_compacted", compact_ns);
}

static void create(struct trial *trial, const struct bench_options *options)
{
    uint32_t count;
    const char *why = NULL;

    trial->options = options;
    options_open_corpus(options, &trial->corpus);
    count = trial->corpus.count;
    trial->ops =
        store_find(options->backend == NULL ? "dense" : options->backend);
    if (trial->ops == NULL)
        die("there is no store \"%s\" in this build", options->backend);
    trial->pages = map_memory(count * sizeof(*trial->pages));
    trial->order = map_memory(count * sizeof(*trial->order));
    trial->buffer = map_memory(PAGE_BYTES);
    trial->random = options->seed;
    trial->store = trial->ops->create(count, &why);
    if (trial->store == NULL) {
        fprintf(stderr, "bench: %s: %s\n", trial->ops->name, why);
        exit(77);
    }
}

int main(int argc, char **argv)
{
    static struct trial trial;
    static char text[1 << 16]; /* the results, until the end */
    struct bench_options options = {0};

    options_read(&options, argc, argv,
                 "usage: bench_stores [OPTION]...\n"
                 "One --backend (dense, kernel, malloc, zram, rocksdb) through "
                 "all phases.");
    create(&trial, &options);
    memset(text, 0, sizeof(text));
    trial.json.file = fmemopen(text, sizeof(text), "w");
    if (trial.json.file == NULL)
        die("no memory");
    json_begin(&trial.json, NULL);
    json_text(&trial.json, "backend", trial.ops->name);
    json_begin(&trial.json, "phases");
    run_phases(&trial);
    json_end(&trial.json);
    json_number(&trial.json, "mismatches", trial.mismatches);
    json_end(&trial.json);
    (void)fclose(trial.json.file);
    fputs(text, stdout);
    trial.ops->destroy(trial.store);
    return trial.mismatches == 0 ? 0 : 1;
}
