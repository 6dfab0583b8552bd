/* SPDX-License-Identifier: MIT */
/*
 * writeback.c - the cost of cold pages on a device, against the same by hand.
 *
 *   write   writing pages back / decompressing and pwrite() of the same pages,
 *           into a file in the system's page cache
 *   load    a load of a page that was written back / pread() of one, both from
 *           the page cache (thread time), and both past it (wall time)
 *   steady  stores while each pushes out another page, to memory / stores alone
 *   lru     pool pages freed per page written, by entries or zspages by age
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT */
#endif

#include "writeback.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "resident.h"

#define DIRECT_PAGES 2048u
#define DIRECT_BATCH 32u

/* Larger objects than this are stored raw by both placements, and refused with
 * lru_mode zspage. */
#define OBJECT_BYTES_MAX 3000u

struct copy {
    const void *data;
    size_t size;
};

/* Ours and theirs over the same pages. */
struct pair {
    struct writeback_bench *bench;
    struct zc_cache *cache;
    int file;            /* theirs */
    struct copy *copies; /* compressed, by slot */
    uint32_t *order;     /* of slots to load */
    unsigned char *page;
};

/* ---- shared by the parts ---- */

struct zc_cache *writeback_open(const struct writeback_bench *bench,
                                unsigned lru_mode, uint64_t limit_bytes,
                                unsigned shrink_worker,
                                const struct zc_backing_ops *ops, void *user)
{
    struct zc_cache *cache;
    unsigned type;
    zc_status status;

    must(zc_cache_create(ZC_CACHE_OPTIONS(.placement = bench->placement,
                                          .compressor_name = "lz4",
                                          .limit_bytes = limit_bytes,
                                          .slot_count = bench->count,
                                          .lru_mode = lru_mode,
                                          .shrink_worker = shrink_worker),
                         &cache),
         "zc_cache_create");
    status = zc_swap_on(
        cache, ZC_SWAP_OPTIONS(.backing_ops = ops, .backing_user = user),
        &type);
    if (status == ZC_UNSUPPORTED) {
        zc_cache_destroy(cache);
        return NULL;
    }
    must(status, "zc_swap_on");
    return cache;
}

void writeback_fill(const struct writeback_bench *bench, struct zc_cache *cache)
{
    uint32_t slot;

    for (slot = 0; slot < bench->count; slot++)
        must(zc_cache_store(cache, zc_swp_make(0, slot),
                            writeback_page(bench, slot)),
             "zc_cache_store");
}

struct zc_cache_stats writeback_stats(const struct zc_cache *cache)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    must(zc_cache_get_stats(cache, &stats), "stats");
    return stats;
}

static void choose_pages(struct writeback_bench *bench)
{
    static unsigned char buffer[CODEC_BUFFER_BYTES];
    uint32_t i;

    bench->pages = map_memory(bench->corpus.count * sizeof(*bench->pages));
    for (i = 0; i < bench->corpus.count; i++) {
        const void *page = corpus_page(&bench->corpus, i);

        if (!page_is_same_filled(page) &&
            codec_compress(page, buffer) <= OBJECT_BYTES_MAX)
            bench->pages[bench->count++] = i;
    }
    if (bench->count < 2)
        die("hardly a page compresses");
}

static void name_file(const struct writeback_bench *bench, const char *stem,
                      char path_out[512])
{
    (void)snprintf(path_out, 512, "%s/writeback-%ld-%s.pages", bench->folder,
                   (long)getpid(), stem);
}

/* For theirs: a file with every page in it, already unlinked. */
static int make_file(const struct writeback_bench *bench)
{
    char path[512];
    uint32_t slot;
    int file;

    name_file(bench, "theirs", path);
    file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        die("%s cannot be made", path);
    (void)unlink(path);
    for (slot = 0; slot < bench->count; slot++)
        if (pwrite(file, writeback_page(bench, slot), PAGE_BYTES,
                   (off_t)slot * PAGE_BYTES) != PAGE_BYTES)
            die("%s cannot be written", path);
    return file;
}

/* ---- write ---- */

static void compress_all(struct pair *pair)
{
    const uint32_t count = pair->bench->count;
    unsigned char *room = map_memory((size_t)count * OBJECT_BYTES_MAX);
    unsigned char buffer[CODEC_BUFFER_BYTES];
    uint32_t slot;

    pair->copies = map_memory(count * sizeof(*pair->copies));
    for (slot = 0; slot < count; slot++) {
        struct copy *copy = &pair->copies[slot];

        copy->size = codec_compress(writeback_page(pair->bench, slot), buffer);
        copy->data = room;
        memcpy(room, buffer, copy->size);
        room += copy->size;
    }
}

static void fill_again(void *context)
{
    struct pair *pair = context;

    writeback_fill(pair->bench, pair->cache);
}

/* The coldest `count` pages: those that were stored first. */
static void write_ours(void *context, uint32_t first, uint32_t count)
{
    struct pair *pair = context;
    const struct zc_writeback_options options = {
        .struct_size = sizeof(options),
        .budget_bytes = (uint64_t)count * PAGE_BYTES,
    };
    size_t bytes;

    (void)first;
    must(zc_cache_writeback(pair->cache, &options, &bytes),
         "zc_cache_writeback");
    if (bytes != (size_t)count * PAGE_BYTES)
        die("%zu bytes written back instead of %u pages", bytes, count);
}

static void write_theirs(void *context, uint32_t first, uint32_t count)
{
    struct pair *pair = context;
    uint32_t slot;

    for (slot = first; slot < first + count; slot++) {
        const struct copy *copy = &pair->copies[slot];

        codec_decompress(copy->data, copy->size, pair->page);
        if (pwrite(pair->file, pair->page, PAGE_BYTES,
                   (off_t)slot * PAGE_BYTES) != PAGE_BYTES)
            die("pwrite failed");
    }
}

/* ---- load ---- */

static void load_ours(void *context, uint32_t first, uint32_t count)
{
    struct pair *pair = context;
    uint32_t i;

    for (i = first; i < first + count; i++)
        must(zc_cache_load(pair->cache, zc_swp_make(0, pair->order[i]),
                           pair->page),
             "zc_cache_load");
}

static void load_theirs(void *context, uint32_t first, uint32_t count)
{
    struct pair *pair = context;
    uint32_t i;

    for (i = first; i < first + count; i++)
        if (pread(pair->file, pair->page, PAGE_BYTES,
                  (off_t)pair->order[i] * PAGE_BYTES) != PAGE_BYTES)
            die("pread failed");
}

static double time_wall(rounds_work work, struct pair *pair, uint32_t first,
                        uint32_t count)
{
    uint64_t start = now_ns();

    work(pair, first, count);
    return (double)(now_ns() - start);
}

/* Wall time: the disk takes most of it. */
static void measure_direct(struct pair *pair, struct json *json)
{
    const uint32_t pages =
        pair->bench->count < DIRECT_PAGES ? pair->bench->count : DIRECT_PAGES;
    double ours[ROUNDS_MAX] = {0};
    double theirs[ROUNDS_MAX] = {0};
    struct rounds_result result;
    unsigned round;
    uint32_t i;

    for (round = 0; round < pair->bench->rounds; round++)
        /* cppcheck takes the count for 0. */
        // cppcheck-suppress knownConditionTrueFalse
        for (i = 0; i < pages; i += DIRECT_BATCH) {
            uint32_t batch = pages - i < DIRECT_BATCH ? pages - i
                                                      : DIRECT_BATCH;

            ours[round] += time_wall(load_ours, pair, i, batch);
            theirs[round] += time_wall(load_theirs, pair, i, batch);
        }
    rounds_summarize(&result, pair->bench->rounds, pages, ours, theirs);
    rounds_json(json, "load_direct", &result);
}

static void measure_files(struct writeback_bench *bench, struct json *json,
                          bool is_direct)
{
    char path[512];
    struct zc_backing_file options = {
        .struct_size = sizeof(options), .path = path, .direct = is_direct};
    struct pair pair = {.bench = bench};
    struct rounds_result result;
    uint32_t i;

    name_file(bench, "ours", path);
    pair.cache =
        writeback_open(bench, ZC_LRU_ENTRY, 0, 0, &zc_backing_file, &options);
    if (pair.cache == NULL) {
        json_text(json, "load_direct", "not on this file system");
        return;
    }
    pair.page = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
    pair.order = map_memory(bench->count * sizeof(*pair.order));
    if (pair.page == NULL)
        die("no page");
    pair.file = make_file(bench);
    for (i = 0; i < bench->count; i++)
        pair.order[i] = i;
    shuffle(pair.order, bench->count, &bench->random);
    if (is_direct) {
        writeback_fill(bench, pair.cache);
        must(zc_cache_writeback(pair.cache, NULL, NULL), "zc_cache_writeback");
#ifdef O_DIRECT
        (void)fsync(pair.file);
        (void)fcntl(pair.file, F_SETFL, O_DIRECT);
#endif
        measure_direct(&pair, json);
    } else {
        compress_all(&pair);
        rounds_run(&result, bench->rounds, bench->count, fill_again, write_ours,
                   write_theirs, &pair);
        rounds_json(json, "write", &result);
        rounds_run(&result, bench->rounds, bench->count, NULL, load_ours,
                   load_theirs, &pair);
        rounds_json(json, "load", &result);
    }
    if (writeback_stats(pair.cache).disk_swapins == 0)
        die("no page was read from the device");
    (void)close(pair.file);
    free(pair.page);
    zc_cache_destroy(pair.cache);
}

int main(int argc, char **argv)
{
    struct bench_options options = {.rounds = 5, .backend = "dense"};
    struct writeback_bench bench = {.folder = "."};
    struct json json = {.file = NULL};

    options_read(
        &options, argc, argv,
        "usage: bench_writeback [OPTION]... [FOLDER]\n"
        "Cold pages on a device; --backend dense or kernel.  Files go\n"
        "to FOLDER, and are gone at the end.");
    if (options.rounds == 0 || options.rounds > ROUNDS_MAX)
        die("--rounds: 1 to %d", ROUNDS_MAX);
    if (options.word_count > 1)
        die("one folder, not %u", options.word_count);
    if (options.word_count == 1)
        bench.folder = options.words[0];
    bench.placement = placement_named(options.backend);
    bench.rounds = options.rounds;
    bench.random = options.seed;
    options_open_corpus(&options, &bench.corpus);
    choose_pages(&bench);

    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    json_number(&json, "pages", bench.count);
    measure_files(&bench, &json, false);
    if (!options.counts) {
        measure_files(&bench, &json, true);
        writeback_steady(&bench, &json);
        writeback_lru(&bench, &json);
    }
    json_end(&json);
    return 0;
}
