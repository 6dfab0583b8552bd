/* SPDX-License-Identifier: MIT */
/* of_cache.c - what the options of a cache, an owner and a writeback do. */
#include <lz4.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if ZC_WITH_ZSTD
#include <zstd.h>
#endif

#include "effects.h"
#include "spy.h"

#define PAGE ((uint64_t)ZC_PAGE_SIZE_MIN)
#define MIB (UINT64_C(1) << 20)

/* --- pages ----------------------------------------------------------- */

/* Bytes that a load writes, the first and the last different from before. */
static uint64_t bytes_loaded(unsigned page_size)
{
    static unsigned char back[4 * ZC_PAGE_SIZE_MAX];
    struct zc_cache *cache =
        cache_of((struct zc_cache_options){.page_size = page_size});
    size_t end = sizeof(back);

    store(cache, 7, page_same(UINT64_C(0x0101010101010101), ZC_PAGE_SIZE_MAX));
    memset(back, 0xee, sizeof(back));
    MUST_BE_OK(zc_cache_load(cache, zc_swp_make(0, 7), back));
    while (end > 0 && back[end - 1] == 0xee)
        end--;
    return end;
}

/* Offsets that hold a page. */
static uint64_t slots_usable(unsigned slot_count)
{
    struct zc_cache *cache =
        cache_of((struct zc_cache_options){.slot_count = slot_count});
    uint64_t usable = 0;

    for (uint64_t i = 0; i < 4096; i++) {
        if (zc_cache_store(cache, zc_swp_make(0, i), page_text(i)) == ZC_OK)
            usable += comes_back(cache, i, page_text(i));
    }
    return usable;
}

static uint64_t objects_of_same_filled(unsigned no_same_filled)
{
    struct zc_cache *cache = cache_of((struct zc_cache_options){
        .no_same_filled = no_same_filled, .pool_ops = &spy_pool});

    for (uint64_t i = 0; i < 10; i++)
        store(cache, i, page_same(i, PAGE));
    return spy.pool_puts;
}

/* Whether the object of a page is the page itself. */
static uint64_t object_is_raw(unsigned raw_from)
{
    store(cache_of((struct zc_cache_options){.raw_from = raw_from,
                                             .pool_ops = &spy_pool}),
          0, page_text(1));
    return spy.object_size == PAGE &&
           memcmp(spy.object, page_text(1), PAGE) == 0;
}

/* --- the limit ------------------------------------------------------- */

/* Stores pages that do not compress until one is refused; how many. */
static uint64_t fill(struct zc_cache *cache)
{
    uint64_t count = 0;

    while (zc_cache_store(cache, zc_swp_make(0, count), page_noise(count)) ==
           ZC_OK)
        count++;
    for (uint64_t i = 0; i < count; i++)
        MUST(comes_back(cache, i, page_noise(i)));
    return count;
}

static uint64_t bytes_within_limit(unsigned limit)
{
    return PAGE * fill(cache_of((struct zc_cache_options){
                      .limit_bytes = limit, .placement = ZC_PLACEMENT_KERNEL}));
}

/* Percent of the full pool's pages that are left when it accepts again. */
static uint64_t percent_accepted(unsigned threshold)
{
    struct zc_cache *cache = cache_of(
        (struct zc_cache_options){.limit_bytes = 4 * MIB,
                                  .accept_threshold_percent = threshold,
                                  .placement = ZC_PLACEMENT_KERNEL});
    const uint64_t full = fill(cache);
    uint64_t left = full;

    do {
        left--;
        MUST_BE_OK(zc_cache_invalidate(cache, zc_swp_make(0, left)));
    } while (left > 0 && zc_cache_store(cache, zc_swp_make(0, full),
                                        page_noise(full)) != ZC_OK);
    return (100 * left + full / 2) / full;
}

/* --- the compressor -------------------------------------------------- */

static const char *const codecs[] = {NULL, "lz4", "zstd", "copy", "spy"};

enum {
    BY_DEFAULT,
    BY_LZ4,
    BY_ZSTD,
    BY_COPY,
    BY_SPY
};

static bool is_page(const void *bytes, uint64_t token)
{
    return memcmp(bytes, page_text(token), PAGE) == 0;
}

/* Which of the libraries makes the page of what was put into the pool. */
static uint64_t codec_of_object(unsigned codec)
{
    static char bytes[ZC_PAGE_SIZE_MIN];

#if !ZC_WITH_ZSTD
    if (codec == BY_ZSTD)
        effect_skip("zstd is not built in");
#endif
    store(cache_of((struct zc_cache_options){.compressor_name = codecs[codec],
                                             .pool_ops = &spy_pool}),
          0, page_text(1));
    if (LZ4_decompress_safe((const char *)spy.object, bytes,
                            (int)spy.object_size, (int)PAGE) == (int)PAGE &&
        is_page(bytes, 1))
        return BY_LZ4;
#if ZC_WITH_ZSTD
    if (ZSTD_decompress(bytes, PAGE, spy.object, spy.object_size) == PAGE &&
        is_page(bytes, 1))
        return BY_ZSTD;
#endif
    MUST(spy.object_size == PAGE && is_page(spy.object, 1));
    return BY_COPY;
}

static uint64_t level_used(unsigned level)
{
    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    store(cache_of((struct zc_cache_options){.compressor_name = "spy",
                                             .compressor_level = (int)level}),
          0, page_text(0));
    return spy.compress_level;
}

static uint64_t contexts_made(unsigned count)
{
    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    (void)cache_of((struct zc_cache_options){.compressor_name = "spy",
                                             .context_count = count});
    return spy.contexts_created;
}

/* What a load says of a page of which a byte was changed in its place. */
static bool damage(void *context, zc_handle handle, const void *data,
                   size_t size)
{
    (void)context;
    (void)handle;
    MUST(size == PAGE);
    ((unsigned char *)(uintptr_t)data)[99] ^= 1;
    return true;
}

static uint64_t finds_damage(unsigned checksums)
{
    static unsigned char back[ZC_PAGE_SIZE_MIN];
    struct zc_cache *cache =
        cache_of((struct zc_cache_options){.checksums = checksums});
    zc_status status;

    store(cache, 3, page_noise(3));
    MUST_BE_OK(zc_zspool_iterate(zc_cache_zspool(cache), damage, NULL));
    status = zc_cache_load(cache, zc_swp_make(0, 3), back);
    MUST(status == ZC_CORRUPT || status == ZC_OK);
    return status == ZC_CORRUPT;
}

/* --- the pool behind ------------------------------------------------- */

static uint64_t pools_made(unsigned plugged)
{
    (void)cache_of(
        (struct zc_cache_options){.pool_ops = plugged != 0 ? &spy_pool : NULL});
    return spy.pool_creates;
}

static uint64_t pool_user_seen(unsigned user)
{
    static char users[2];

    (void)cache_of((struct zc_cache_options){.pool_ops = &spy_pool,
                                             .pool_user = &users[user]});
    return (uint64_t)((char *)spy.pool_config.user - users);
}

/* --- write-back ------------------------------------------------------ */

/* Bytes of the file that a cache has while it lives, plus 1; 0: none. */
static uint64_t file_made(unsigned has_path)
{
    char path[96];
    struct stat status;
    struct zc_cache *cache;

    (void)snprintf(path, sizeof(path), "%s/swap", effect_directory());
    cache = cache_of((struct zc_cache_options){
        .slot_count = 64, .backing_path = has_path != 0 ? path : NULL});
    MUST(stat(path, &status) != 0);
    if (!effect_open_file(path, &status))
        return 0;
    zc_cache_destroy(cache);
    MUST(!effect_open_file(path, &status));
    return 1;
}

static struct zc_cache *cache_on_file(struct zc_cache_options options)
{
    static char path[96];

    (void)snprintf(path, sizeof(path), "%s/swap", effect_directory());
    options.backing_path = path;
    options.slot_count = 4096;
    return cache_of(options);
}

static uint64_t threads_of_io_workers(unsigned io_workers)
{
    const uint64_t before = effect_threads();

    (void)cache_on_file((struct zc_cache_options){.io_workers = io_workers});
    return effect_threads() - before;
}

static uint64_t threads_of_shrink_worker(unsigned shrink_worker)
{
    const uint64_t before = effect_threads();

    (void)cache_on_file(
        (struct zc_cache_options){.shrink_worker = shrink_worker});
    return effect_threads() - before;
}

/* Pages on a file when all that can be was written back. */
static uint64_t file_pages(unsigned lru_mode)
{
    struct zc_cache *cache =
        cache_on_file((struct zc_cache_options){.lru_mode = lru_mode});
    struct stat status;
    char path[96];
    zc_status shrunk;

    store_texts(cache, 0, 100);
    shrunk = zc_cache_shrink(cache, 1000, NULL);
    MUST(shrunk == ZC_OK || shrunk == ZC_AGAIN || shrunk == ZC_UNSUPPORTED);
    (void)snprintf(path, sizeof(path), "%s/swap", effect_directory_name());
    MUST(effect_open_file(path, &status));
    return (uint64_t)status.st_size / PAGE;
}

/* --- dropping -------------------------------------------------------- */

static struct {
    uint64_t count;
    uint64_t whole; /* with the page that was stored there */
    const void *user;
} told;

static void be_told(void *user, zc_swp slot, const void *page)
{
    told.count++;
    told.whole += page != NULL &&
                  memcmp(page, page_noise(zc_swp_offset(slot)), PAGE) == 0;
    told.user = user;
}

static void fill_dropping(struct zc_cache_options options)
{
    struct zc_cache *cache;

    options.lru_mode = ZC_LRU_DROP;
    options.limit_bytes = MIB;
    cache = cache_of(options);
    for (uint64_t i = 0; i < 300; i++)
        store(cache, i, page_noise(i));
}

/* Stores, of 1000 in a pool of 256 pages, that are taken. */
static uint64_t taken_of_noise(unsigned lru_mode)
{
    struct zc_cache *cache = cache_of(
        (struct zc_cache_options){.lru_mode = lru_mode, .limit_bytes = MIB});
    uint64_t count = 0;

    for (uint64_t i = 0; i < 1000; i++)
        count += zc_cache_store(cache, zc_swp_make(0, i), page_noise(i)) ==
                 ZC_OK;
    return count;
}

static uint64_t pages_told_of(unsigned is_set)
{
    fill_dropping(
        (struct zc_cache_options){.dropped = is_set != 0 ? be_told : NULL});
    return told.count;
}

static uint64_t user_told(unsigned is_set)
{
    fill_dropping((struct zc_cache_options){
        .dropped = be_told, .dropped_user = is_set != 0 ? &told : NULL});
    MUST(told.count > 0);
    return told.user == &told;
}

static uint64_t whole_pages_told(unsigned dropped_pages)
{
    fill_dropping((struct zc_cache_options){.dropped = be_told,
                                            .dropped_pages = dropped_pages});
    return told.whole;
}

/* A cache that writes back to the spy. */
static struct zc_cache *cache_on_spy(struct zc_cache_options options,
                                     unsigned io_workers)
{
    struct zc_cache *cache;

    options.slot_count = 4096;
    cache = cache_of(options);
    MUST(device_of(cache, (struct zc_swap_options){.backing_ops = &spy_device,
                                                   .io_workers = io_workers}) ==
         0);
    return cache;
}

static uint64_t written_at_shrink(unsigned lru_mode)
{
    struct zc_cache *cache =
        cache_on_spy((struct zc_cache_options){.lru_mode = lru_mode}, 0);
    zc_status status;

    store_texts(cache, 0, 100);
    status = zc_cache_shrink(cache, 1000, NULL);
    MUST(status == ZC_OK || status == ZC_AGAIN || status == ZC_UNSUPPORTED);
    return spy.device_writes;
}

/* Pages of noise that are on the device at once, as the pool refuses them. */
static uint64_t noise_written_at_store(unsigned lru_mode)
{
    struct zc_cache *cache =
        cache_on_spy((struct zc_cache_options){.lru_mode = lru_mode}, 0);

    for (uint64_t i = 0; i < 10; i++)
        store(cache, i, page_noise(i));
    return spy.device_writes;
}

/* Pages that a shrink of `goal` pool pages writes, of 100 that were just
 * stored. */
static uint64_t written_by_shrink(struct zc_cache_options options,
                                  uint64_t goal)
{
    struct zc_cache *cache;
    zc_status status;

    options.lru_mode = ZC_LRU_ENTRY;
    options.placement = ZC_PLACEMENT_KERNEL;
    cache = cache_on_spy(options, 0);
    store_texts(cache, 0, 100);
    status = zc_cache_shrink(cache, goal, NULL);
    MUST(status == ZC_OK || status == ZC_AGAIN);
    return spy.device_writes;
}

static uint64_t written_for_a_page(unsigned policy)
{
    return written_by_shrink((struct zc_cache_options){.shrink_policy = policy},
                             1);
}

static uint64_t written_by_looks(unsigned looks)
{
    return written_by_shrink(
        (struct zc_cache_options){.shrink_policy = ZC_SHRINK_6_18,
                                  .shrink_looks = looks},
        1000);
}

static uint64_t written_by_looks_of_all(unsigned looks)
{
    return written_by_shrink((struct zc_cache_options){.shrink_looks = looks},
                             1000);
}

/* The most percent of its limit that the pool has, where every page takes a
 * page of it. */
static uint64_t percent_at_most(unsigned policy)
{
    struct zc_cache *cache = cache_on_spy(
        (struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY,
                                  .placement = ZC_PLACEMENT_KERNEL,
                                  .limit_bytes = 100 * PAGE,
                                  .shrink_policy = policy,
                                  .shrink_looks = ZC_SHRINK_LOOKS_ALL},
        0);
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    uint64_t most = 0;

    for (uint64_t i = 0; i < 300; i++) {
        store(cache, i, page_noise(i));
        MUST_BE_OK(zc_cache_get_stats(cache, &stats));
        if (stats.pool_total_size / PAGE > most)
            most = stats.pool_total_size / PAGE;
    }
    return most;
}

/* Pages that are written to give back a third of a pool of which every second
 * object is gone. */
static uint64_t written_for_third(unsigned compact)
{
    struct zc_cache *cache =
        cache_on_spy((struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY,
                                               .placement = ZC_PLACEMENT_KERNEL,
                                               .shrink_compact = compact},
                     0);
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    store_texts(cache, 0, 2000);
    for (uint64_t i = 0; i < 2000; i += 2)
        MUST_BE_OK(zc_cache_invalidate(cache, zc_swp_make(0, i)));
    MUST_BE_OK(zc_cache_get_stats(cache, &stats));
    MUST_BE_OK(zc_cache_shrink(cache, stats.pool_total_size / PAGE / 3, NULL));
    return spy.device_writes;
}

static uint64_t writes_at_once(unsigned writes_max)
{
    struct zc_cache *cache =
        cache_on_spy((struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY,
                                               .writes_max = writes_max},
                     8);
    zc_status status;

    /* As many as may will meet; one too many has some time to come. */
    spy.meet = 4;
    spy.meet_ms = writes_max < spy.meet ? 100 : 60000;
    store_texts(cache, 0, 4);
    status = zc_cache_shrink(cache, 1000, NULL);
    MUST(status == ZC_OK || status == ZC_AGAIN);
    /* Waits for what is under way. */
    MUST_BE_OK(zc_cache_invalidate_range(cache, zc_swp_make(0, 0), 4));
    return spy.most_under_way;
}

/* --- owners ---------------------------------------------------------- */

static void set_owner(struct zc_cache *cache, unsigned owner,
                      struct zc_owner_options options)
{
    options.struct_size = sizeof(options);
    MUST_BE_OK(zc_cache_set_owner(cache, owner, &options));
}

/* Bytes of objects that an owner has in the pool when it is refused. */
static uint64_t bytes_of_owner(unsigned limit)
{
    struct zc_cache *cache =
        cache_of((struct zc_cache_options){.pool_ops = &spy_pool});
    uint64_t stored = 0;

    set_owner(cache, 5, (struct zc_owner_options){.limit_bytes = limit});
    while (zc_cache_store_for(cache, 5, zc_swp_make(0, spy.pool_puts),
                              page_text(spy.pool_puts)) == ZC_OK)
        stored = spy.pool_payload;
    return stored;
}

static uint64_t written_of_owner(unsigned no_writeback)
{
    struct zc_cache *cache =
        cache_on_spy((struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY}, 0);

    set_owner(cache, 5,
              (struct zc_owner_options){.no_writeback = no_writeback});
    for (uint64_t i = 0; i < 20; i++)
        MUST_BE_OK(
            zc_cache_store_for(cache, 5, zc_swp_make(0, i), page_text(i)));
    (void)zc_cache_writeback(cache, NULL, NULL);
    return spy.device_writes;
}

/* --- writeback ------------------------------------------------------- */

/* Stores 30 pages of owner 1, and 10 of owner 2 a hundred seconds later.
 * Returns 100 for each page of owner 1 that is written, and 1 for each of owner
 * 2. */
static uint64_t written_back(struct zc_writeback_options options)
{
    struct zc_cache *cache;
    uint64_t sum = 0;

    effect_clock_begin(0);
    cache =
        cache_on_spy((struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY}, 0);
    for (uint64_t i = 0; i < 40; i++) {
        if (i == 30)
            effect_clock_move(UINT64_C(100000000000));
        MUST_BE_OK(zc_cache_store_for(cache, i < 30 ? 1 : 2, zc_swp_make(0, i),
                                      page_text(i)));
    }
    effect_clock_move(UINT64_C(1000000000));
    options.struct_size = sizeof(options);
    MUST_BE_OK(zc_cache_writeback(cache, &options, NULL));
    for (unsigned i = 0; i < spy.device_writes; i++)
        sum += spy.tokens[i] < 30 ? 100 : 1;
    return sum;
}

static uint64_t written_in_budget(unsigned budget)
{
    return written_back((struct zc_writeback_options){
        .budget_bytes = budget, .one_owner = 1, .owner = 1});
}

static uint64_t written_of_age(unsigned seconds)
{
    return written_back(
        (struct zc_writeback_options){.min_age_seconds = seconds});
}

static uint64_t written_of_one_owner(unsigned one_owner)
{
    return written_back(
        (struct zc_writeback_options){.one_owner = one_owner, .owner = 2});
}

static uint64_t written_of_that_owner(unsigned owner)
{
    return written_back(
        (struct zc_writeback_options){.one_owner = 1, .owner = owner});
}

#define CACHE(...) EFFECT(zc_cache_options, __VA_ARGS__)
#define OWNER(...) EFFECT(zc_owner_options, __VA_ARGS__)
#define WRITEBACK(...) EFFECT(zc_writeback_options, __VA_ARGS__)

const struct effect effects_cache[] = {
    CACHE(page_size, 4096, 65536, bytes_loaded, IS, 4096, 65536,
          "a load writes one page and no byte behind it"),
    CACHE(page_size, 0, 16384, bytes_loaded, IS, 4096, 16384, "0 means 4096"),
    CACHE(limit_bytes, MIB, 4 * MIB, bytes_within_limit, NEARLY, MIB, 4 * MIB,
          "noise takes its own bytes, and the pool is never over"),
    CACHE(accept_threshold_percent, 50, 80, percent_accepted, IS, 50, 80,
          "so much of the limit may be full when stores go on"),
    CACHE(accept_threshold_percent, 0, 30, percent_accepted, IS, 90, 30,
          "0 means 90"),
    CACHE(compressor_name, BY_LZ4, BY_ZSTD, codec_of_object, IS, BY_LZ4,
          BY_ZSTD, "that library itself decodes the object"),
    CACHE(compressor_name, BY_DEFAULT, BY_COPY, codec_of_object, IS, BY_LZ4,
          BY_COPY, "NULL means lz4; copy puts the page itself"),
    CACHE(compressor_level, 2, 7, level_used, IS, 2, 7,
          "the compressor is called with it"),
    CACHE(compressor_level, 0, 7, level_used, IS, 5, 7,
          "0 means the compressor's own"),
    CACHE(context_count, 1, 3, contexts_made, IS, 1, 3,
          "the compressor is asked for so many"),
    CACHE(slot_count, 10, 1000, slots_usable, IS, 10, 1000,
          "offsets run from 0 to slot_count - 1"),
    CACHE(checksums, 0, 1, finds_damage, IS, 0, 1,
          "a changed byte of a raw page is found by a checksum only"),
    CACHE(no_same_filled, 0, 1, objects_of_same_filled, IS, 0, 10,
          "a page of one word has no object, unless told otherwise"),
    CACHE(no_same_filled, 1, 2, objects_of_same_filled, IS, 10, 9,
          "of ten words one is zero"),
    CACHE(raw_from, 0, 1, object_is_raw, IS, 0, 1,
          "text gets smaller, but not smaller than 1 byte"),
    CACHE(pool_ops, 0, 1, pools_made, IS, 0, 1, "a plugged-in pool is made"),
    CACHE(pool_user, 0, 1, pool_user_seen, IS, 0, 1, "create is handed it"),
    CACHE(backing_path, 0, 1, file_made, IS, 0, 1,
          "a file without a name is open exactly while the cache lives"),
    CACHE(io_workers, 0, 3, threads_of_io_workers, IS, 0, 3,
          "the system has so many more threads"),
    CACHE(lru_mode, ZC_LRU_DEFAULT, ZC_LRU_NONE, file_pages, AT_LEAST, 90, 0,
          "with a backing_path the default is entry; none writes nothing"),
    CACHE(lru_mode, ZC_LRU_DEFAULT, ZC_LRU_ENTRY, written_at_shrink, AT_MOST, 0,
          100, "without a backing_path the default is none"),
    CACHE(lru_mode, ZC_LRU_DEFAULT, ZC_LRU_ZSPAGE, written_at_shrink, AT_MOST,
          0, 90, "zspages are emptied"),
    CACHE(lru_mode, ZC_LRU_ENTRY, ZC_LRU_ZSPAGE, noise_written_at_store, IS, 0,
          10, "zspage refuses pages that do not compress: to the device"),
    CACHE(lru_mode, ZC_LRU_ENTRY, ZC_LRU_DROP, taken_of_noise, AT_MOST, 256,
          1000, "without a device entry refuses; drop makes room"),
    CACHE(dropped, 0, 1, pages_told_of, AT_MOST, 0, 44,
          "300 do not fit into 256"),
    CACHE(dropped_user, 0, 1, user_told, IS, 0, 1, "dropped is handed it"),
    CACHE(dropped_pages, 0, 1, whole_pages_told, AT_MOST, 0, 44,
          "each page comes as it was stored"),
    CACHE(shrink_worker, 0, 1, threads_of_shrink_worker, IS, 0, 1,
          "the system has one more thread"),
    CACHE(shrink_policy, ZC_SHRINK_DEFAULT, ZC_SHRINK_6_18, written_for_a_page,
          AT_LEAST, 1, 0, "16 looks are second chances, of 100 pages"),
    CACHE(shrink_policy, ZC_SHRINK_ALL, ZC_SHRINK_BATCH, written_for_a_page,
          AT_MOST, 27, 28, "what the batch has begun it ends: 4 * 32 - 100"),
    CACHE(shrink_policy, ZC_SHRINK_PROACTIVE, ZC_SHRINK_6_18, percent_at_most,
          IS, 92, 100, "a run begins above 91 %, or at the limit"),
    CACHE(shrink_looks, 1, 50, written_by_looks, IS, 0, 100,
          "twice 50 looks are second chances, the next ones write"),
    CACHE(shrink_looks, 0, ZC_SHRINK_LOOKS_ALL, written_by_looks, IS, 0, 100,
          "0 means that of 6.18"),
    CACHE(shrink_looks, 0, 1, written_by_looks_of_all, IS, 100, 0,
          "0 means that of the default policy"),
    CACHE(shrink_compact, ZC_SHRINK_COMPACT_ON, ZC_SHRINK_COMPACT_OFF,
          written_for_third, AT_MOST, 100, 300,
          "pages made of holes need not be written"),
    CACHE(shrink_compact, ZC_SHRINK_COMPACT_DEFAULT, ZC_SHRINK_COMPACT_OFF,
          written_for_third, AT_MOST, 100, 300, "the default compacts"),
    CACHE(writes_max, 1, 4, writes_at_once, IS, 1, 4,
          "the device sees at most so many writes at once"),
    OWNER(limit_bytes, 16 * PAGE, 64 * PAGE, bytes_of_owner, NEARLY, 17 * PAGE,
          65 * PAGE, "the sum of the objects' sizes when one is refused"),
    OWNER(no_writeback, 0, 1, written_of_owner, IS, 20, 0,
          "no page of it comes to the device"),
    WRITEBACK(budget_bytes, 0, 7 * PAGE, written_in_budget, IS, 3000, 700,
              "so many pages are written"),
    WRITEBACK(min_age_seconds, 0, 50, written_of_age, IS, 3010, 3000,
              "pages stored one second ago stay"),
    WRITEBACK(one_owner, 0, 1, written_of_one_owner, IS, 3010, 10,
              "only pages of owner 2 are written"),
    WRITEBACK(owner, 1, 2, written_of_that_owner, IS, 3000, 10,
              "only pages of that owner are written"),
    EFFECTS_END};
