/* SPDX-License-Identifier: MIT */
/*
 * custom_device.c - a swap device of your own behind the cache.
 *
 * Pages that the cache has no room for are striped over three "disks", which
 * are plain memory here.  They are scrambled with a key on the way, so that no
 * readable bytes of the program are on a disk.  (The scrambling shows where
 * encryption would go; it is not encryption.)
 *
 * The cache calls only the functions of struct zc_backing_ops.  Two calls run
 * on one slot at a time only if both read, and this device has no data but its
 * slots: so it needs no lock.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/swap.h>
#include <zcache/zcache.h>

#define PAGE_BYTES 4096u
#define PAGE_COUNT 4000u
#define LIMIT_BYTES (1u << 20)
#define DISKS 3u

struct disk {
    unsigned char *bytes;
    atomic_uint writes;
    atomic_uint reads;
};

/* The device: the cache gets its address and passes it to each function. */
struct stripes {
    uint64_t key;
    size_t page_size;
    struct disk disks[DISKS];
};

static void stripes_close(void *backing)
{
    struct stripes *stripes = backing;
    unsigned i;

    for (i = 0; i < DISKS; i++) {
        free(stripes->disks[i].bytes);
        stripes->disks[i].bytes = NULL;
    }
}

static zc_status stripes_open(const struct zc_backing_config *config,
                              void **backing_out)
{
    struct stripes *stripes = config->user;
    const size_t rows = (size_t)(config->slot_count / DISKS) + 1;
    unsigned i;

    stripes->page_size = config->page_size;
    for (i = 0; i < DISKS; i++) {
        stripes->disks[i].bytes = calloc(rows, config->page_size);
        if (stripes->disks[i].bytes != NULL)
            continue;
        stripes_close(stripes);
        return ZC_NO_MEMORY;
    }
    *backing_out = stripes;
    return ZC_OK;
}

static struct disk *disk_of(struct stripes *stripes, uint64_t slot)
{
    return &stripes->disks[slot % DISKS];
}

static unsigned char *place_of(struct stripes *stripes, uint64_t slot)
{
    return disk_of(stripes, slot)->bytes +
           (size_t)(slot / DISKS) * stripes->page_size;
}

/* The same function scrambles and unscrambles. */
static void scramble(const struct stripes *stripes, uint64_t slot,
                     const unsigned char *from, unsigned char *to)
{
    uint64_t noise = (stripes->key ^ slot) * 6364136223846793005u + 1;
    size_t i;

    for (i = 0; i < stripes->page_size; i++) {
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        to[i] = from[i] ^ (unsigned char)(noise >> 56);
    }
}

static zc_status stripes_write(void *backing, uint64_t slot, const void *page)
{
    struct stripes *stripes = backing;

    scramble(stripes, slot, page, place_of(stripes, slot));
    atomic_fetch_add(&disk_of(stripes, slot)->writes, 1);
    return ZC_OK;
}

static zc_status stripes_read(void *backing, uint64_t slot, void *page_out)
{
    struct stripes *stripes = backing;

    scramble(stripes, slot, place_of(stripes, slot), page_out);
    atomic_fetch_add(&disk_of(stripes, slot)->reads, 1);
    return ZC_OK;
}

/* Clears a page that is not needed any more. */
static void stripes_discard(void *backing, uint64_t slot)
{
    struct stripes *stripes = backing;

    memset(place_of(stripes, slot), 0, stripes->page_size);
}

static const struct zc_backing_ops stripes_ops = {
    .struct_size = sizeof(stripes_ops),
    .name = "stripes",
    .open = stripes_open,
    .close = stripes_close,
    .write = stripes_write,
    .read = stripes_read,
    .discard = stripes_discard,
};

static void fail(const char *what, zc_status status)
{
    fprintf(stderr, "%s: %s (%s)\n", what, zc_status_describe(status),
            zc_status_name(status));
    exit(EXIT_FAILURE);
}

static void must(zc_status status, const char *what)
{
    if (status != ZC_OK)
        fail(what, status);
}

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "it does not hold: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Text that a reader of the disk could recognise, and numbers. */
static void make_page(char *page, unsigned number)
{
    unsigned at;

    memset(page, 0, PAGE_BYTES);
    for (at = 0; at < PAGE_BYTES; at += 64)
        (void)snprintf(page + at, 64, "secret %u, record %u, value %u", number,
                       at / 64, ((number + at) * 2654435761u) >> at % 13);
}

static void check_page(const char *page, unsigned number)
{
    char wanted[PAGE_BYTES];

    make_page(wanted, number);
    expect(memcmp(page, wanted, PAGE_BYTES) == 0,
           "every page comes back as it was");
}

static void show_disks(const struct stripes *stripes)
{
    const char *word = "secret";
    const size_t bytes = PAGE_COUNT / DISKS * (size_t)PAGE_BYTES;
    unsigned total = 0;
    unsigned i;
    size_t at;

    for (i = 0; i < DISKS; i++) {
        const struct disk *disk = &stripes->disks[i];

        printf("disk %u: %u pages written, %u read\n", i,
               atomic_load(&disk->writes), atomic_load(&disk->reads));
        expect(atomic_load(&disk->writes) > 0, "every disk gets its share");
        total += atomic_load(&disk->writes);
        for (at = 0; at + strlen(word) <= bytes; at++)
            expect(memcmp(disk->bytes + at, word, strlen(word)) != 0,
                   "no secret lies on a disk as it is");
    }
    expect(total > PAGE_COUNT / 4, "most pages do not fit, and go to a disk");
}

/* Called once for every page that is still stored when the device is turned
 * off. */
static zc_status take_back(void *context, zc_swp slot, const void *page)
{
    unsigned *count = context;

    check_page(page, (unsigned)zc_swp_offset(slot));
    ++*count;
    return ZC_OK;
}

int main(void)
{
    static struct stripes stripes = {.key = 0x5ec7e7};
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    char page[PAGE_BYTES];
    struct zc_cache *cache;
    unsigned back = 0;
    unsigned type;
    unsigned i;

    must(zc_cache_create(ZC_CACHE_OPTIONS(.limit_bytes = LIMIT_BYTES,
                                          .lru_mode = ZC_LRU_ENTRY),
                         &cache),
         "create");
    must(zc_swap_on(cache,
                    ZC_SWAP_OPTIONS(.backing_ops = &stripes_ops,
                                    .backing_user = &stripes,
                                    .slot_count = PAGE_COUNT, .io_workers = 2),
                    &type),
         "swap on");

    for (i = 0; i < PAGE_COUNT; i++) {
        make_page(page, i);
        must(zc_cache_store(cache, zc_swp_make(type, i), page), "store");
    }
    for (i = 0; i < PAGE_COUNT; i++) {
        must(zc_cache_load(cache, zc_swp_make(type, i), page), "load");
        check_page(page, i);
    }
    must(zc_cache_get_stats(cache, &stats), "stats");
    printf("%u pages, %llu of them in %llu KiB of memory\n", PAGE_COUNT,
           (unsigned long long)stats.stored_pages,
           (unsigned long long)stats.pool_total_size / 1024);
    expect(stats.stored_pages < PAGE_COUNT, "memory is not enough for all");
    show_disks(&stripes);

    must(zc_swap_off(cache, type, take_back, &back), "swap off");
    printf("%u pages came back when the device was turned off\n", back);
    expect(back == PAGE_COUNT, "all of them");
    zc_cache_destroy(cache);
    return EXIT_SUCCESS;
}
