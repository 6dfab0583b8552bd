/* SPDX-License-Identifier: MIT */
/* support_front.c - see support_front.h. */
#include "support_front.h"

#include "cache/cache.h"
#include "support_call.h"
#include "support_threads.h"

#define SOON_NS 3000000
#define LOOK_NS 200000
#define LOOKS_MAX 300000 /* a minute */

struct zc_cache *cache;
unsigned swap_type;
struct support_device disk;
struct support_bump_control spied;

static bool has_device;
static bool ends_soon;
static struct support_call ender;

void end(void)
{
    if (has_device)
        support_device_let_go(&disk);
    if (ends_soon)
        support_call_join(&ender);
    zc_cache_destroy(cache);
    if (has_device)
        support_device_fini(&disk);
    assert_int_equal(spied.frees, spied.puts);
    assert_int_equal(spied.reads, spied.reads_ended);
    assert_int_equal(spied.destroys, spied.creates);
    memset(&spied.config, 0,
           sizeof(spied) - offsetof(struct support_bump_control, config));
    cache = NULL;
    has_device = false;
    ends_soon = false;
    swap_type = 0;
}

void renew(const struct zc_cache_options *options)
{
    struct zc_cache_options own = {.struct_size = sizeof(own)};

    end();
    if (options != NULL)
        own = *options;
    own.pool_user = &spied;
    cache = support_cache_create(&own);
}

void renew_over(enum support_over over)
{
    const struct zc_cache_options options = support_cache_options(over);

    renew(&options);
}

void renew_device(const struct zc_cache_options *options,
                  const struct zc_swap_options *swap_options)
{
    struct zc_swap_options own = {.struct_size = sizeof(own)};

    renew(options);
    if (swap_options != NULL)
        own = *swap_options;
    own.backing_ops = &support_device_ops;
    own.backing_user = &disk;
    support_device_init(&disk);
    has_device = true;
    assert_status(zc_swap_on(cache, &own, &swap_type), ZC_OK);
}

void renew_device_with(unsigned io_workers)
{
    renew_device(
        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY,
                         .pool_ops = &support_bump_pool),
        ZC_SWAP_OPTIONS(.slot_count = DEVICE_SLOTS, .io_workers = io_workers));
}

int begin_cache(void **state)
{
    (void)state;
    memset(&spied, 0, sizeof(spied));
    support_use_halves();
    renew(NULL);
    return 0;
}

int begin_device(void **state)
{
    (void)begin_cache(state);
    renew_device_with(0);
    return 0;
}

int end_cache(void **state)
{
    (void)state;
    end();
    return 0;
}

/* ---- pages ---- */

zc_swp at(uint64_t offset)
{
    return zc_swp_make(swap_type, offset);
}

zc_status try_store(uint64_t offset, enum support_kind kind, uint64_t seed)
{
    return support_try_store(cache, at(offset), kind, seed);
}

zc_status try_store_for(unsigned owner, uint64_t offset, enum support_kind kind,
                        uint64_t seed)
{
    char page[ZC_PAGE_SIZE_MAX];

    support_make_page(page, support_cache_page_size(cache), kind, seed);
    return zc_cache_store_for(cache, owner, at(offset), page);
}

zc_status try_load(uint64_t offset)
{
    char page[ZC_PAGE_SIZE_MAX];

    return zc_cache_load(cache, at(offset), page);
}

zc_status try_take(uint64_t offset)
{
    char page[ZC_PAGE_SIZE_MAX];

    return zc_cache_take(cache, at(offset), page);
}

void store(uint64_t offset, enum support_kind kind, uint64_t seed)
{
    assert_status(try_store(offset, kind, seed), ZC_OK);
}

void store_for(unsigned owner, uint64_t first, uint64_t count)
{
    uint64_t i;

    for (i = first; i < first + count; i++)
        assert_status(try_store_for(owner, i, SUPPORT_TEXT, i), ZC_OK);
}

void expect(uint64_t offset, enum support_kind kind, uint64_t seed)
{
    support_expect(cache, at(offset), kind, seed);
}

void expect_missing(uint64_t offset)
{
    assert_status(try_load(offset), ZC_MISSING);
}

void expect_taken(uint64_t offset, enum support_kind kind, uint64_t seed)
{
    char page[ZC_PAGE_SIZE_MAX];

    assert_status(zc_cache_take(cache, at(offset), page), ZC_OK);
    assert_true(
        support_is_page(page, support_cache_page_size(cache), kind, seed));
}

void forget(uint64_t offset)
{
    assert_status(zc_cache_invalidate(cache, at(offset)), ZC_OK);
}

void store_pages(uint64_t first, uint64_t count)
{
    store_for(0, first, count);
}

void expect_pages(uint64_t first, uint64_t count)
{
    uint64_t i;

    for (i = first; i < first + count; i++)
        expect(i, SUPPORT_TEXT, i);
}

struct zc_cache_accounting accounting(void)
{
    struct zc_cache_accounting parts = {.struct_size = sizeof(parts)};

    assert_status(zc_cache_account(cache, &parts), ZC_OK);
    return parts;
}

struct zc_swap_stats device_stats(void)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_swap_get_stats(cache, swap_type, &stats), ZC_OK);
    return stats;
}

/* ---- places ---- */

/* Waits until no write is under way. */
static void await_writes(void)
{
    const zc_atomic_u32 *writes = &cache->pageio.writes;
    unsigned looks = 0;

    while (zc_atomic_u32_load_acquire(writes) != 0) {
        if (++looks == LOOKS_MAX)
            fail_msg("a write does not end");
        support_sleep_ns(LOOK_NS);
    }
}

void write_all_back(void)
{
    assert_status(zc_cache_writeback(cache, NULL, NULL), ZC_OK);
    await_writes();
}

unsigned count_on_device(uint64_t first, uint64_t count)
{
    unsigned found = 0;
    uint64_t i;

    for (i = first; i < first + count; i++)
        found += support_device_has(&disk, i);
    return found;
}

void put(uint64_t offset, uint64_t seed, enum place place)
{
    store(offset, SUPPORT_TEXT, seed);
    switch (place) {
    case ON_DEVICE:
        write_all_back();
        break;
    case UNDER_WRITEBACK:
        support_device_hold(&disk);
        assert_status(zc_cache_writeback(cache, NULL, NULL), ZC_OK);
        support_device_await_held(&disk, 1);
        break;
    case STUCK:
        atomic_store(&disk.fails_writes, true);
        spied.put_status = ZC_NO_MEMORY;
        (void)zc_cache_writeback(cache, NULL, NULL);
        await_writes();
        spied.put_status = ZC_OK;
        atomic_store(&disk.fails_writes, false);
        assert_true(device_stat(stuck_folios) > 0);
        break;
    case IN_MEMORY:
    case PLACE_COUNT:
        break;
    }
}

void let_writes_end(void)
{
    support_device_let_go(&disk);
    await_writes();
}

static void end_writes(void *unused)
{
    (void)unused;
    support_sleep_ns(SOON_NS);
    support_device_let_go(&disk);
}

void let_writes_end_soon(void)
{
    support_call_start(&ender, end_writes, NULL);
    ends_soon = true;
}
