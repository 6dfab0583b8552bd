/* SPDX-License-Identifier: MIT */
/*
 * custom_pool.c - an allocator of your own behind the cache, compared with the
 * two that are built in.
 *
 * It is a buddy allocator of half pages and whole pages: simple, and wasteful.
 * The cache calls only the functions of struct zc_pool_ops.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/zcache.h>

#define PAGE_BYTES 4096
#define PAGE_COUNT 2000

/* One page; objects of more than half a page take both halves. */
struct frame {
    struct frame *next; /* [lock] the next frame with one half free */
    unsigned used;      /* [lock] halves in use, as bits */
    size_t sizes[2];
    char *bytes;
};

struct halves {
    pthread_mutex_t lock;
    struct frame *partial; /* [lock] frames with one half free */
    size_t page_size;
    uint64_t *most;   /* [lock] of the program: the most pages there were */
    uint64_t pages;   /* [lock] */
    uint64_t payload; /* [lock] */
};

static zc_status halves_create(const struct zc_pool_config *config,
                               void **pool_out)
{
    struct halves *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return ZC_NO_MEMORY;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return ZC_NO_MEMORY;
    }
    pool->page_size = config->page_size;
    pool->most = config->user; /* pool_user, which the program gave */
    *pool_out = pool;
    return ZC_OK;
}

static void halves_destroy(void *pool)
{
    struct halves *own = pool;

    /* The cache frees every object before. */
    (void)pthread_mutex_destroy(&own->lock);
    free(own);
}

static struct frame *new_frame(struct halves *pool)
{
    struct frame *frame = calloc(1, sizeof(*frame));

    if (frame == NULL)
        return NULL;
    frame->bytes = malloc(pool->page_size);
    if (frame->bytes == NULL) {
        free(frame);
        return NULL;
    }
    pool->pages++;
    if (pool->pages > *pool->most)
        *pool->most = pool->pages;
    return frame;
}

/* A handle is the address of the frame, and in bit 0 which half. */
static struct frame *frame_of(zc_handle handle)
{
    return (struct frame *)(uintptr_t)(handle.value & ~UINT64_C(1));
}

static unsigned half_of(zc_handle handle)
{
    return handle.value & 1;
}

static zc_status halves_put(void *pool, const void *data, size_t size,
                            zc_handle *handle_out)
{
    struct halves *own = pool;
    const bool is_whole = size > own->page_size / 2;
    struct frame *frame = NULL;
    unsigned half = 0;

    (void)pthread_mutex_lock(&own->lock);
    if (!is_whole && own->partial != NULL) {
        frame = own->partial;
        own->partial = frame->next;
        half = frame->used == 1;
    } else {
        frame = new_frame(own);
        if (frame != NULL && !is_whole) {
            frame->next = own->partial;
            own->partial = frame;
        }
    }
    if (frame != NULL) {
        frame->used |= is_whole ? 3u : 1u << half;
        frame->sizes[half] = size;
        memcpy(frame->bytes + half * own->page_size / 2, data, size);
        own->payload += size;
        handle_out->value = (uintptr_t)frame | half;
    }
    (void)pthread_mutex_unlock(&own->lock);
    return frame != NULL ? ZC_OK : ZC_NO_MEMORY;
}

static void remove_partial(struct halves *pool, const struct frame *frame)
{
    struct frame **link = &pool->partial;

    while (*link != NULL && *link != frame)
        link = &(*link)->next;
    if (*link != NULL)
        *link = frame->next;
}

static void halves_free(void *pool, zc_handle handle)
{
    struct halves *own = pool;
    struct frame *frame = frame_of(handle);
    const unsigned half = half_of(handle);

    (void)pthread_mutex_lock(&own->lock);
    own->payload -= frame->sizes[half];
    if (frame->sizes[half] > own->page_size / 2)
        frame->used = 0;
    else
        frame->used &= ~(1u << half);
    if (frame->used == 0) {
        remove_partial(own, frame);
        own->pages--;
        free(frame->bytes);
        free(frame);
    } else {
        frame->next = own->partial;
        own->partial = frame;
    }
    (void)pthread_mutex_unlock(&own->lock);
}

/* Objects never move, so there is nothing to pin. */
static zc_status halves_read_begin(void *pool, zc_handle handle,
                                   struct zc_zspool_read *read_out)
{
    const struct halves *own = pool;
    const struct frame *frame = frame_of(handle);

    read_out->data = frame->bytes + half_of(handle) * own->page_size / 2;
    read_out->size = frame->sizes[half_of(handle)];
    read_out->pin = NULL;
    return ZC_OK;
}

static void halves_read_end(void *pool, struct zc_zspool_read *read)
{
    (void)pool;
    (void)read;
}

/* Called at every store, from any thread. */
static uint64_t halves_page_count(const void *pool)
{
    struct halves *own = (struct halves *)(uintptr_t)pool;
    uint64_t pages;

    (void)pthread_mutex_lock(&own->lock);
    pages = own->pages;
    (void)pthread_mutex_unlock(&own->lock);
    return pages;
}

static void halves_usage(const void *pool, struct zc_pool_usage *usage_out)
{
    struct halves *own = (struct halves *)(uintptr_t)pool;

    (void)pthread_mutex_lock(&own->lock);
    usage_out->pages = own->pages;
    usage_out->payload_bytes = own->payload;
    usage_out->handle_bytes = 0;
    usage_out->metadata_bytes = sizeof(*own) +
                                own->pages * sizeof(struct frame);
    (void)pthread_mutex_unlock(&own->lock);
}

static const struct zc_pool_ops halves_ops = {
    .struct_size = sizeof(halves_ops),
    .name = "halves",
    .create = halves_create,
    .destroy = halves_destroy,
    .put = halves_put,
    .free = halves_free,
    .read_begin = halves_read_begin,
    .read_end = halves_read_end,
    .page_count = halves_page_count,
    .usage = halves_usage,
};

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "it does not hold: %s\n", what);
    exit(EXIT_FAILURE);
}

/* From a sixth of the page to almost all of it does not compress. */
static void make_page(unsigned char *page, uint32_t number)
{
    uint32_t noise = 640 + number * 7919 % 3400;
    uint32_t random = number + 1;
    unsigned i;

    for (i = 0; i < PAGE_BYTES; i++) {
        random = random * 1664525 + 1013904223;
        page[i] = i < noise ? (unsigned char)(random >> 24) : 7;
    }
}

static void check_pages(struct zc_cache *cache)
{
    unsigned char page[PAGE_BYTES];
    unsigned char back[PAGE_BYTES];
    uint32_t i;

    for (i = 0; i < PAGE_COUNT; i++) {
        make_page(page, i);
        expect(zc_cache_load(cache, zc_swp_make(0, i), back) == ZC_OK &&
                   memcmp(page, back, sizeof(page)) == 0,
               "every page comes back as it was");
    }
}

/* The bytes that one pool needs for the same pages. */
static uint64_t measure(const struct zc_pool_ops *ops, uint64_t *most)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    unsigned char page[PAGE_BYTES];
    struct zc_cache *cache;
    uint32_t i;

    expect(zc_cache_create(ZC_CACHE_OPTIONS(.pool_ops = ops, .pool_user = most),
                           &cache) == ZC_OK,
           "a cache over this pool");
    for (i = 0; i < 2 * PAGE_COUNT; i++) {
        make_page(page, i % PAGE_COUNT);
        expect(zc_cache_store(cache, zc_swp_make(0, i % PAGE_COUNT), page) ==
                   ZC_OK,
               "a page is stored");
    }
    check_pages(cache);
    expect(zc_cache_get_stats(cache, &stats) == ZC_OK, "statistics");
    printf("%-8s %6.3f pool bytes per byte of payload\n", ops->name,
           (double)stats.pool_total_size / (double)stats.payload_bytes);
    zc_cache_destroy(cache);
    return stats.pool_total_size;
}

int main(void)
{
    uint64_t most = 0;
    uint64_t dense = measure(&zc_pool_zspool, NULL);
    uint64_t blocks = measure(&zc_pool_malloc, NULL);
    uint64_t buddies = measure(&halves_ops, &most);

    printf("halves had %llu pages at most\n", (unsigned long long)most);

    expect(dense < buddies, "the zspool packs better than halves of pages");
    expect(blocks < buddies, "and so does malloc");
    return EXIT_SUCCESS;
}
