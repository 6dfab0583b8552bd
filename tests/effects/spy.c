/* SPDX-License-Identifier: MIT */
/* spy.c - the plug-ins; the pool is over the C library's malloc(). */
#include "spy.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "effects.h"
#include "support_content.h"

struct spy spy;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t met = PTHREAD_COND_INITIALIZER;

/* --- the pool -------------------------------------------------------- */

static bool holds_reads;
static unsigned reads_held;

void spy_hold_reads(void)
{
    holds_reads = true;
}

void spy_await_read(void)
{
    (void)pthread_mutex_lock(&lock);
    while (reads_held == 0)
        (void)pthread_cond_wait(&met, &lock);
    (void)pthread_mutex_unlock(&lock);
}

void spy_let_go(void)
{
    (void)pthread_mutex_lock(&lock);
    holds_reads = false;
    (void)pthread_cond_broadcast(&met);
    (void)pthread_mutex_unlock(&lock);
}

static void hold_read(void)
{
    (void)pthread_mutex_lock(&lock);
    reads_held++;
    (void)pthread_cond_broadcast(&met);
    while (holds_reads)
        (void)pthread_cond_wait(&met, &lock);
    reads_held--;
    (void)pthread_mutex_unlock(&lock);
}

static zc_status pool_create(const struct zc_pool_config *config,
                             void **pool_out)
{
    spy.pool_config = *config;
    spy.pool_creates++;
    return zc_pool_malloc.create(config, pool_out);
}

static zc_status pool_put(void *pool, const void *data, size_t size,
                          zc_handle *handle_out)
{
    spy.pool_puts++;
    spy.pool_payload += size;
    spy.object_size = size;
    memcpy(spy.object, data, size);
    return zc_pool_malloc.put(pool, data, size, handle_out);
}

static zc_status pool_read_begin(void *pool, zc_handle handle,
                                 struct zc_zspool_read *read_out)
{
    hold_read();
    return zc_pool_malloc.read_begin(pool, handle, read_out);
}

/* With this size almost every page is stored raw. */
size_t spy_huge_class_size(const void *pool)
{
    (void)pool;
    return 64;
}

static zc_status pool_compact(void *pool,
                              const struct zc_compact_budget *budget,
                              struct zc_compact_result *result_out)
{
    (void)pool;
    (void)budget;
    (void)result_out;
    spy.pool_compacts++;
    return ZC_OK;
}

static zc_status pool_reclaim(void *pool, zc_zspool_evict evict, void *context,
                              uint64_t page_goal, uint64_t *pages_out)
{
    (void)pool;
    (void)evict;
    (void)context;
    (void)page_goal;
    *pages_out = 0;
    spy.pool_reclaims++;
    return ZC_AGAIN;
}

/* --- the device ------------------------------------------------------ */

static zc_status device_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    spy.device_config = *config;
    spy.device_opens++;
    return zc_backing_memory.open(config, backing_out);
}

/* Waits until as many writes are here as shall meet, or a while. */
static void meet(void)
{
    struct timespec end;

    MUST(clock_gettime(CLOCK_REALTIME, &end) == 0);
    end.tv_nsec += spy.meet_ms % 1000 * 1000000L;
    end.tv_sec += spy.meet_ms / 1000 + end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    (void)pthread_cond_broadcast(&met);
    while (spy.most_under_way < spy.meet &&
           pthread_cond_timedwait(&met, &lock, &end) != ETIMEDOUT)
        continue;
}

static zc_status device_write(void *backing, uint64_t slot, const void *page)
{
    (void)pthread_mutex_lock(&lock);
    if (spy.device_writes < SPY_TRANSFERS) {
        spy.written[spy.device_writes] = slot;
        memcpy(&spy.tokens[spy.device_writes], page, sizeof(uint64_t));
    }
    spy.device_writes++;
    if (++spy.under_way > spy.most_under_way)
        spy.most_under_way = spy.under_way;
    if (spy.meet != 0)
        meet();
    spy.under_way--;
    (void)pthread_mutex_unlock(&lock);
    return zc_backing_memory.write(backing, slot, page);
}

static zc_status device_read(void *backing, uint64_t slot, void *page_out)
{
    (void)pthread_mutex_lock(&lock);
    spy.device_reads++;
    (void)pthread_mutex_unlock(&lock);
    return zc_backing_memory.read(backing, slot, page_out);
}

static void device_discard(void *backing, uint64_t slot)
{
    (void)pthread_mutex_lock(&lock);
    spy.device_discards++;
    (void)pthread_mutex_unlock(&lock);
    zc_backing_memory.discard(backing, slot);
}

/* --- both are what they are over, but for what is recorded ------------- */

struct zc_pool_ops spy_pool;
struct zc_backing_ops spy_device;

__attribute__((constructor)) static void make_spies(void)
{
    spy_pool = zc_pool_malloc;
    spy_pool.name = "spy";
    spy_pool.create = pool_create;
    spy_pool.put = pool_put;
    spy_pool.read_begin = pool_read_begin;
    spy_pool.compact = pool_compact;
    spy_pool.reclaim = pool_reclaim;
    spy_pool.set_limit = NULL;
    spy_pool.put_beyond = NULL;
    spy_device = zc_backing_memory;
    spy_device.name = "spy";
    spy_device.open = device_open;
    spy_device.write = device_write;
    spy_device.read = device_read;
    spy_device.discard = device_discard;
}

/* --- the compressor -------------------------------------------------- */

/* A page becomes its first bytes, so only one of one word comes back. */
static size_t compressed_size(void)
{
    return spy.compressed_size != 0 ? spy.compressed_size : 100;
}

static zc_status context_create(const struct zc_compressor *self,
                                size_t page_size, int level, void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    spy.contexts_created++;
    *context_out = malloc(1);
    return *context_out == NULL ? ZC_NO_MEMORY : ZC_OK;
}

static void context_destroy(void *context)
{
    spy.contexts_destroyed++;
    free(context);
}

static size_t context_size(const void *context)
{
    (void)context;
    return 12345678;
}

static zc_status compress(void *context, int level, const void *page,
                          size_t page_size, void *data_out, size_t capacity,
                          size_t *size_out)
{
    (void)context;
    (void)page_size;
    MUST(capacity >= compressed_size());
    spy.compress_level = (unsigned)level;
    memcpy(data_out, page, compressed_size());
    *size_out = compressed_size();
    return ZC_OK;
}

static zc_status decompress(void *context, const void *data, size_t size,
                            void *page_out, size_t page_size)
{
    spy.decompressed_without_context += context == NULL;
    if (size != compressed_size())
        return ZC_CORRUPT;
    for (size_t at = 0; at < page_size; at += 8)
        memcpy((char *)page_out + at, data, 8);
    return ZC_OK;
}

struct zc_compressor spy_compressor = {
    .struct_size = sizeof(spy_compressor),
    .name = "spy",
    .level_min = 1,
    .level_max = 9,
    .level_default = 5,
    .context_create = context_create,
    .context_destroy = context_destroy,
    .context_size = context_size,
    .compress = compress,
    .decompress = decompress,
};

/* --- pages ----------------------------------------------------------- */

static unsigned char page[ZC_PAGE_SIZE_MAX];

const void *page_same(uint64_t word, size_t page_size)
{
    for (size_t at = 0; at < page_size; at += sizeof(word))
        memcpy(page + at, &word, sizeof(word));
    return page;
}

static const void *page_filled(uint64_t token, unsigned percent)
{
    struct support_random random = {.state = token + 1};

    support_fill_page(page, ZC_PAGE_SIZE_MIN, percent, &random);
    memcpy(page, &token, sizeof(token));
    return page;
}

const void *page_text(uint64_t token)
{
    return page_filled(token, 33);
}

const void *page_noise(uint64_t token)
{
    return page_filled(token, 100);
}

/* --- caches ---------------------------------------------------------- */

struct zc_cache *cache_of(struct zc_cache_options options)
{
    struct zc_cache *cache = NULL;

    options.struct_size = sizeof(options);
    MUST_BE_OK(zc_cache_create(&options, &cache));
    return cache;
}

unsigned device_of(struct zc_cache *cache, struct zc_swap_options options)
{
    unsigned type = 0;

    options.struct_size = sizeof(options);
    MUST_BE_OK(zc_swap_on(cache, &options, &type));
    return type;
}

void store(struct zc_cache *cache, uint64_t offset, const void *bytes)
{
    MUST_BE_OK(zc_cache_store(cache, zc_swp_make(0, offset), bytes));
}

void store_texts(struct zc_cache *cache, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        store(cache, i, page_text(i));
}

bool comes_back(struct zc_cache *cache, uint64_t offset, const void *bytes)
{
    static unsigned char back[ZC_PAGE_SIZE_MIN];

    return zc_cache_load(cache, zc_swp_make(0, offset), back) == ZC_OK &&
           memcmp(back, bytes, sizeof(back)) == 0;
}
