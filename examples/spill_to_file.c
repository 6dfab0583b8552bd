/* SPDX-License-Identifier: MIT */
/*
 * spill_to_file.c - stores gigabytes of pages in a little memory and a file.
 *
 *   example_spill_to_file [OPTION]...
 *     --gib N               so many GiB of pages, 0.0625 (64 MiB)
 *     --pages FILE          the pages of this file, instead of generated ones;
 *                           with --gib again and again
 *     --limit-mib N         memory for compressed pages, 256; 8 where neither
 *                           --gib nor --pages is given
 *     --file PATH           where cold pages go, spill-PID.pages
 *     --workers N           threads that write, 0
 *     --errors PER_MILLION  so many writes of a million fail
 *     --full-after-slots N  the disk of the file is full after so many slots
 *
 * Every page that the cache took is loaded again at the end and compared.  A
 * page that differs is lost, and the exit status is 1.  A page that the cache
 * refused is not lost: a program would have kept it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zcache/swap.h>
#include <zcache/zcache.h>

#define PAGE_BYTES 4096u
#define MIB ((uint64_t)1 << 20)
#define PAGES_MAX (UINT64_C(1) << 32) /* 16 TiB */
#define SEED 20240317

struct options {
    double gib; /* 0: not given */
    const char *pages;
    uint64_t limit_mib; /* 0: not given */
    const char *file;
    unsigned workers;
    uint32_t errors;
    uint64_t full_after;
};

/* Where pages come from. */
struct source {
    FILE *file; /* NULL: generated */
    uint64_t file_pages;
    uint64_t count;
};

/* How many pages came to which end. */
struct result {
    uint64_t stored;
    uint64_t refused;
    uint64_t verified;
    uint64_t lost;
    double store_seconds; /* in the cache, without generating pages */
    double load_seconds;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "spill_to_file: %s: %s\n", what, why);
    exit(2);
}

static void must(zc_status status, const char *what)
{
    if (status != ZC_OK)
        die(what, zc_status_describe(status));
}

/* ---- options ---- */

static uint64_t whole(const char *option, const char *text, uint64_t least,
                      uint64_t most)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    char why[128];

    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number >= least &&
        number <= most)
        return number;
    (void)snprintf(why, sizeof(why),
                   "'%.40s' is not a number from %llu to %llu", text,
                   (unsigned long long)least, (unsigned long long)most);
    die(option, why);
    return 0;
}

static double gibibytes(const char *text)
{
    const double most = (double)PAGES_MAX * PAGE_BYTES / (1024.0 * (double)MIB);
    char *end;
    double number = strtod(text, &end);
    char why[128];

    if (end != text && *end == '\0' && number > 0 && number <= most)
        return number;
    (void)snprintf(why, sizeof(why), "'%.40s' is not a number above 0, to %g",
                   text, most);
    die("--gib", why);
    return 0;
}

static void read_options(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"gib", required_argument, NULL, 'g'},
        {"pages", required_argument, NULL, 'p'},
        {"limit-mib", required_argument, NULL, 'l'},
        {"file", required_argument, NULL, 'f'},
        {"workers", required_argument, NULL, 'w'},
        {"errors", required_argument, NULL, 'e'},
        {"full-after-slots", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    bool given[sizeof(known) / sizeof(known[0])] = {false};
    int option;
    int row;

    while ((option = getopt_long(argc, argv, "", known, &row)) != -1) {
        if (option != '?' && given[row])
            die(known[row].name, "given twice");
        if (option != '?')
            given[row] = true;
        if (option == 'g')
            options->gib = gibibytes(optarg);
        else if (option == 'p')
            options->pages = optarg;
        else if (option == 'l')
            options->limit_mib = whole("--limit-mib", optarg, 1, 1 << 20);
        else if (option == 'f')
            options->file = optarg;
        else if (option == 'w')
            options->workers = (unsigned)whole("--workers", optarg, 0, 64);
        else if (option == 'e')
            options->errors = (uint32_t)whole("--errors", optarg, 0, 1000000);
        else if (option == 's')
            options->full_after =
                whole("--full-after-slots", optarg, 1, PAGES_MAX);
        else
            exit(2); /* getopt has said why */
    }
    if (optind < argc)
        die(argv[optind], "not an option");
    if (options->limit_mib == 0)
        options->limit_mib = options->gib == 0 && options->pages == NULL ? 8
                                                                         : 256;
}

/* ---- pages ---- */

static void open_source(struct source *source, const struct options *options)
{
    double gib = options->gib;
    struct stat info;

    source->file = NULL;
    if (options->pages != NULL) {
        source->file = fopen(options->pages, "rb");
        if (source->file == NULL || fstat(fileno(source->file), &info) != 0)
            die(options->pages, "cannot be read");
        source->file_pages = (uint64_t)info.st_size / PAGE_BYTES;
        source->count = source->file_pages;
        if (source->file_pages == 0)
            die(options->pages, "has not one page");
        if (gib == 0)
            return;
    }
    if (gib == 0)
        gib = 0.0625;
    source->count = (uint64_t)(gib * 1024.0 * (double)MIB / PAGE_BYTES);
    if (source->count == 0)
        die("--gib", "that is not one page");
}

/*
 * A page as programs have them: some noise, some text, and zeros; from an
 * eighth to more than half of it does not compress.
 */
static void make_page(unsigned char *page, uint64_t number)
{
    uint64_t random = (number + SEED) * UINT64_C(0x9e3779b97f4a7c15);
    const size_t noise = 512 + (size_t)(random >> 40) % 2048;
    size_t i;

    for (i = 0; i < noise; i += sizeof(random)) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        memcpy(page + i, &random, sizeof(random));
    }
    memset(page + noise, 0, PAGE_BYTES - noise);
    for (i = noise; i + 64 <= PAGE_BYTES; i += 96)
        (void)snprintf((char *)page + i, 64, "page %llu, line %u",
                       (unsigned long long)number, (unsigned)i);
}

/* The n-th page, the same at each call unless the file changes. */
static void get_page(const struct source *source, uint64_t number,
                     unsigned char *page)
{
    if (source->file == NULL) {
        make_page(page, number);
        return;
    }
    number %= source->file_pages;
    if (fseeko(source->file, (off_t)(number * PAGE_BYTES), SEEK_SET) != 0 ||
        fread(page, PAGE_BYTES, 1, source->file) != 1)
        die("--pages", "a page cannot be read");
}

/* ---- the run ---- */

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct zc_cache *open_cache(const struct options *options,
                                   uint64_t count)
{
    /* The devices read these structs only while they are opened. */
    struct zc_backing_file file = {.struct_size = sizeof(file),
                                   .path = options->file};
    struct zc_backing_faults faults = {
        .struct_size = sizeof(faults),
        .ops = &zc_backing_file,
        .user = &file,
        .seed = SEED,
        .write_errors = options->errors,
        .full_after = options->full_after,
    };
    const uint64_t limit = options->limit_mib * MIB;
    struct zc_cache *cache;
    unsigned type;

    if (options->errors == 0 && options->full_after == 0) {
        must(zc_cache_create(ZC_CACHE_OPTIONS(.limit_bytes = limit,
                                              .slot_count = count,
                                              .backing_path = options->file,
                                              .io_workers = options->workers),
                             &cache),
             options->file);
        return cache;
    }
    must(zc_cache_create(ZC_CACHE_OPTIONS(.limit_bytes = limit,
                                          .slot_count = count,
                                          .lru_mode = ZC_LRU_ENTRY),
                         &cache),
         "a cache");
    must(zc_swap_on(cache,
                    ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_faulty,
                                    .backing_user = &faults,
                                    .io_workers = options->workers),
                    &type),
         options->file);
    return cache;
}

/* Marks the pages that the cache took in is_stored[]. */
static void store_all(struct zc_cache *cache, const struct source *source,
                      unsigned char *is_stored, struct result *result)
{
    unsigned char page[PAGE_BYTES];
    zc_status status;
    double start;
    uint64_t i;

    for (i = 0; i < source->count; i++) {
        get_page(source, i, page);
        start = seconds();
        status = zc_cache_store(cache, zc_swp_make(0, i), page);
        result->store_seconds += seconds() - start;
        is_stored[i] = status == ZC_OK;
        if (status == ZC_OK)
            result->stored++;
        else
            result->refused++;
    }
}

/* Loads and compares every page, coldest first. */
static void load_all(struct zc_cache *cache, const struct source *source,
                     const unsigned char *is_stored, struct result *result)
{
    unsigned char wanted[PAGE_BYTES];
    unsigned char page[PAGE_BYTES];
    zc_status status;
    double start;
    uint64_t i;

    for (i = 0; i < source->count; i++) {
        start = seconds();
        status = zc_cache_load(cache, zc_swp_make(0, i), page);
        result->load_seconds += seconds() - start;
        if (is_stored[i] == 0) {
            /* The cache refused it, and has no older page of the slot. */
            if (status != ZC_MISSING)
                die("a refused page", zc_status_name(status));
            continue;
        }
        get_page(source, i, wanted);
        if (status == ZC_OK && memcmp(page, wanted, PAGE_BYTES) == 0) {
            result->verified++;
            continue;
        }
        if (result->lost++ == 0)
            fprintf(stderr, "page %llu is lost: %s\n", (unsigned long long)i,
                    status == ZC_OK ? "other bytes" : zc_status_name(status));
    }
}

static void print_rate(const char *what, uint64_t pages, double took)
{
    const double mib = (double)pages * PAGE_BYTES / (double)MIB;

    printf("%-13s %10llu   %.0f MiB/s\n", what, (unsigned long long)pages,
           took > 0 ? mib / took : 0.0);
}

static void print_result(struct zc_cache *cache, const struct options *options,
                         const struct result *result)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    must(zc_cache_get_stats(cache, &stats), "statistics");
    print_rate("stored", result->stored, result->store_seconds);
    printf("%-13s %10llu\n", "refused", (unsigned long long)result->refused);
    printf("%-13s %10llu   and %llu that went past memory\n", "written back",
           (unsigned long long)stats.zswpwb,
           (unsigned long long)stats.disk_writes);
    printf("%-13s %10llu   of the device, and %llu pages stored again\n",
           "write errors", (unsigned long long)stats.write_errors,
           (unsigned long long)stats.stored_again);
    printf("%-13s %10llu   pages, in %llu KiB of %llu\n", "in memory",
           (unsigned long long)stats.stored_pages,
           (unsigned long long)stats.pool_total_size / 1024,
           (unsigned long long)options->limit_mib * 1024);
    print_rate("verified", result->verified, result->load_seconds);
    printf("%-13s %10llu\n", "lost", (unsigned long long)result->lost);
}

int main(int argc, char **argv)
{
    struct options options = {.file = NULL};
    struct result result = {0};
    struct source source;
    struct zc_cache *cache;
    unsigned char *is_stored;
    char file[64];

    (void)snprintf(file, sizeof(file), "spill-%ld.pages", (long)getpid());
    options.file = file;
    read_options(&options, argc, argv);
    open_source(&source, &options);
    is_stored = calloc(source.count, 1);
    if (is_stored == NULL)
        die("a list of pages", "no memory");

    cache = open_cache(&options, source.count);
    store_all(cache, &source, is_stored, &result);
    load_all(cache, &source, is_stored, &result);
    print_result(cache, &options, &result);

    zc_cache_destroy(cache);
    free(is_stored);
    if (source.file != NULL)
        (void)fclose(source.file);
    return result.lost == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
