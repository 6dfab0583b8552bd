/* SPDX-License-Identifier: MIT */
/* support_rig.c - see support_rig.h. */
#include "support_rig.h"

#include <sched.h>
#include <stdlib.h>

#include "support_test.h"

struct rig rig;

/* ---- begin and end ---- */

static void last_put(void *context, zc_swp slot)
{
    (void)context;
    (void)zc_zswap_invalidate(&rig.zswap, slot);
    zc_backing_discard(rig.swap.devices[0].backing, zc_swp_offset(slot));
}

static struct zc_folio *alloc_folio(void *context, bool may_reclaim)
{
    struct zc_folio *folio = calloc(1, sizeof(*folio));

    (void)context;
    (void)may_reclaim;
    if (folio == NULL)
        return NULL;
    folio->data = malloc(rig.page_size);
    if (folio->data == NULL) {
        free(folio);
        return NULL;
    }
    zc_atomic_u32_store_relaxed(&folio->references, 1);
    (void)zc_atomic_u32_add(&rig.folios, 1);
    return folio;
}

static void free_folio(void *context, struct zc_folio *folio)
{
    (void)context;
    (void)zc_atomic_u32_add(&rig.folios, UINT32_MAX);
    free(folio->data);
    free(folio);
}

void rig_device_on(unsigned io_workers)
{
    assert_status(
        zc_swap_device_on(&rig.swap, 0,
                          ZC_SWAP_OPTIONS(.backing_ops = &support_device_ops,
                                          .backing_user = &rig.device,
                                          .slot_count = RIG_SLOTS,
                                          .io_workers = io_workers)),
        ZC_OK);
}

static void begin_zswap(struct zc_cache_options cache)
{
    support_use_halves();
    cache.struct_size = sizeof(cache);
    cache.slot_count = RIG_SLOTS;
    cache.context_count = 2;
    if (cache.compressor_name == NULL)
        cache.compressor_name = "halves";
    if (cache.lru_mode == ZC_LRU_DEFAULT)
        cache.lru_mode = ZC_LRU_ENTRY;
    assert_status(zc_zswap_check_options(&cache), ZC_OK);
    assert_status(zc_zswap_init(&rig.zswap, &cache), ZC_OK);
    rig.pageio.writes_max = cache.writes_max;
}

void rig_begin(const struct rig_options *options)
{
    memset(&rig, 0, sizeof(rig));
    begin_zswap(options->cache);
    rig.page_size = rig.zswap.page_size;
    rig.swap.page_size = rig.page_size;
    rig.swap.last_put = last_put;
    rig.swap.frames = (struct zc_folio_frames){alloc_folio, free_folio, NULL};
    assert_status(zc_swap_init(&rig.swap), ZC_OK);
    rig.pageio.zswap = &rig.zswap;
    rig.pageio.swap = &rig.swap;
    rig.pageio.stats = &rig.zswap.stats;
    assert_status(zc_pageio_init(&rig.pageio), ZC_OK);
    assert_status(zc_shrinker_init(&rig.shrinker, &rig.pageio, &options->cache),
                  ZC_OK);
    if (!options->has_no_make_room) {
        rig.zswap.make_room = zc_shrinker_make_room;
        rig.zswap.context = &rig.shrinker;
    }
    support_device_init(&rig.device);
    rig_device_on(options->io_workers);
}

static void check_nothing_left(void)
{
    const struct zc_swap_device *device = &rig.swap.devices[0];

    assert_int_equal(zc_counter_read(&device->used), 0);
    assert_int_equal(zc_counter_read(&device->cached), 0);
    assert_int_equal(zc_counter_read(&device->stuck), 0);
    assert_int_equal(rig_users(), 0);
    assert_int_equal(rig_writes_under_way(), 0);
    assert_int_equal(zc_zswap_stored_pages(&rig.zswap), 0);
    assert_int_equal(rig_pool_pages(), 0);
}

void rig_end(void)
{
    struct zc_swap_device *device = &rig.swap.devices[0];
    uint64_t offset = 0;

    zc_shrinker_destroy(&rig.shrinker);
    support_device_let_go(&rig.device);
    rig_settle();
    zc_swap_device_stop(device);
    while (zc_swap_device_next(device, &offset))
        rig_forget(offset);
    /* Frees the records of folios that are gone. */
    assert_int_equal(zc_pageio_retry(&rig.pageio, UINT32_MAX), 0);
    check_nothing_left();
    zc_pageio_destroy(&rig.pageio);
    zc_swap_device_end(&rig.swap, device);
    assert_int_equal(zc_atomic_u32_load_relaxed(&rig.folios), 0);
    zc_swap_destroy(&rig.swap);
    zc_zswap_destroy(&rig.zswap);
    support_device_fini(&rig.device);
}

/* ---- slots ---- */

/* The page that is stored now makes the folio's bytes obsolete. */
static void give_up_folio(struct zc_folio *folio)
{
    if (folio == NULL)
        return;
    zc_folio_wait_writeback(&rig.swap, folio);
    zc_pageio_forget_stuck(&rig.pageio, folio);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
}

zc_status rig_store(uint64_t offset, const void *page, unsigned owner)
{
    const zc_swp slot = rig_slot(offset);
    struct zc_folio *folio;
    zc_status status;

    status = support_slot_claim(&rig.swap, slot, &folio);
    if (status != ZC_OK)
        return status;
    status = zc_zswap_store(&rig.zswap, slot, page, owner, false);
    give_up_folio(folio);
    zc_slot_set_zero(rig_at(offset), false);
    if (status != ZC_OK && !zc_zswap_owner_forbids(&rig.zswap, owner))
        status = zc_pageio_write_device(&rig.pageio, rig_at(offset), page);
    support_slot_release(&rig.swap, slot, folio, status == ZC_OK);
    return status;
}

/* Reads a slot that is claimed. */
static zc_status read_claimed(uint64_t offset, const struct zc_folio *folio,
                              void *page_out)
{
    zc_status status = zc_zswap_load(&rig.zswap, rig_slot(offset), page_out);

    if (status != ZC_MISSING)
        return status;
    if (folio != NULL && zc_folio_has(folio, ZC_FOLIO_UPTODATE)) {
        memcpy(page_out, folio->data, rig.page_size);
        return ZC_OK;
    }
    if (zc_slot_count(rig_at(offset)) == 0)
        return ZC_MISSING;
    if (zc_slot_is_zero(rig_at(offset))) {
        memset(page_out, 0, rig.page_size);
        return ZC_OK;
    }
    return zc_pageio_read_device(&rig.pageio, rig_at(offset), page_out);
}

static zc_status read_slot(uint64_t offset, bool takes, void *page_out)
{
    struct zc_folio *folio;
    zc_status status;

    if (zc_slot_count(rig_at(offset)) == 0)
        return ZC_MISSING;
    status = support_slot_claim(&rig.swap, rig_slot(offset), &folio);
    if (status != ZC_OK)
        return status;
    status = read_claimed(offset, folio, page_out);
    takes = takes && status == ZC_OK;
    if (takes)
        give_up_folio(folio);
    support_slot_release(&rig.swap, rig_slot(offset), folio,
                         !takes && status != ZC_MISSING);
    return status;
}

zc_status rig_read(uint64_t offset, void *page_out)
{
    return read_slot(offset, false, page_out);
}

zc_status rig_take(uint64_t offset, void *page_out)
{
    return read_slot(offset, true, page_out);
}

void rig_forget(uint64_t offset)
{
    struct zc_folio *folio;

    if (support_slot_claim(&rig.swap, rig_slot(offset), &folio) != ZC_OK)
        return;
    give_up_folio(folio);
    support_slot_release(&rig.swap, rig_slot(offset), folio, false);
}

void rig_set(uint64_t offset, enum support_kind kind)
{
    rig_set_for(offset, kind, 0);
}

void rig_set_for(uint64_t offset, enum support_kind kind, unsigned owner)
{
    char page[ZC_PAGE_SIZE_MAX];

    support_make_page(page, rig.page_size, kind, offset);
    assert_status(rig_store(offset, page, owner), ZC_OK);
}

void rig_expect(uint64_t offset, enum support_kind kind)
{
    char page[ZC_PAGE_SIZE_MAX];

    assert_status(rig_read(offset, page), ZC_OK);
    assert_true(support_is_page(page, rig.page_size, kind, offset));
}

void rig_fill(unsigned first, unsigned count, unsigned owner)
{
    unsigned i;

    for (i = first; i < first + count; i++)
        rig_set_for(i, SUPPORT_HALVES, owner);
}

void rig_expect_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        rig_expect(i, SUPPORT_HALVES);
}

void rig_pin_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        assert_status(zc_slot_pin(&rig.swap, rig_at(i), NULL), ZC_OK);
}

void rig_unpin_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        zc_slot_unpin(&rig.swap, rig_at(i));
}

/* ---- where a page is ---- */

bool rig_has_entry(uint64_t offset)
{
    return zc_tree_find(&rig.zswap.tree, rig_slot(offset)) != NULL;
}

bool rig_has_written(uint64_t offset)
{
    return support_device_has(&rig.device, offset);
}

struct zc_folio *rig_folio(uint64_t offset)
{
    return zc_swapcache_look_up(rig_at(offset));
}

bool rig_is_cached(uint64_t offset)
{
    struct zc_folio *folio = rig_folio(offset);

    if (folio == NULL)
        return false;
    zc_swapcache_put(&rig.swap, rig_slot(offset), folio);
    return true;
}

struct zc_zswap_token rig_token(uint64_t offset, bool by_handle)
{
    struct zc_entry *entry = zc_tree_find(&rig.zswap.tree, rig_slot(offset));
    struct zc_zswap_token token = {.by_handle = by_handle};

    assert_non_null(entry);
    if (by_handle)
        token.handle = zc_entry_handle(&rig.zswap.entries, entry);
    else
        token.index = zc_entry_index(&rig.zswap.entries, entry);
    return token;
}

zc_status rig_write_back(uint64_t offset)
{
    const struct zc_zswap_token token = rig_token(offset, false);

    return zc_writeback_page(&rig.pageio, NULL, rig_slot(offset), &token);
}

uint64_t rig_stat(enum zc_stat stat)
{
    return zc_stats_sum(&rig.zswap.stats, stat);
}

unsigned rig_entries(unsigned first, unsigned count)
{
    unsigned entries = 0;
    unsigned i;

    for (i = first; i < first + count; i++)
        entries += rig_has_entry(i);
    return entries;
}

uint64_t rig_pool_pages(void)
{
    const struct zc_entries *entries = &rig.zswap.entries;

    return entries->pool_ops->page_count(entries->pool);
}

void rig_forbid(unsigned owner)
{
    zc_atomic_u32_store_relaxed(
        &zc_lru_owner(&rig.zswap.lru, owner)->no_writeback, 1);
}

uint64_t rig_stuck(void)
{
    return zc_counter_read(&rig.swap.devices[0].stuck);
}

uint64_t rig_charged(unsigned owner)
{
    const struct zc_owner *record = zc_lru_find_owner(&rig.zswap.lru, owner);

    return record == NULL ? 0 : zc_striped_sum(&record->charged_bytes);
}

struct zc_folio *rig_get(uint64_t offset)
{
    struct zc_folio *folio = NULL;
    bool created;

    assert_status(zc_swapcache_get(&rig.swap, rig_at(offset), &folio, &created),
                  ZC_OK);
    return folio;
}

void rig_put(uint64_t offset, struct zc_folio *folio)
{
    zc_swapcache_put(&rig.swap, rig_slot(offset), folio);
}

void rig_unlock(uint64_t offset, struct zc_folio *folio)
{
    zc_folio_unlock(&rig.swap, folio);
    rig_put(offset, folio);
}

struct zc_folio *rig_make_stuck(uint64_t offset)
{
    struct zc_folio *folio;

    rig_set(offset, SUPPORT_HALVES);
    support_device_hold(&rig.device);
    assert_status(rig_write_back(offset), ZC_OK);
    support_device_await_held(&rig.device, 1);
    folio = rig_folio(offset);
    assert_non_null(folio);
    zc_folio_lock(&rig.swap, folio);
    atomic_store(&rig.device.failing_writes, 1);
    support_device_let_go(&rig.device);
    rig_settle();
    assert_true(zc_folio_has(folio, ZC_FOLIO_STUCK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_false(zc_folio_has(folio, ZC_FOLIO_WRITEBACK));
    return folio;
}

uint32_t rig_users(void)
{
    return zc_atomic_u32_load_relaxed(&rig.swap.devices[0].users) &
           ~ZC_DEVICE_ON;
}

void rig_look(uint64_t slot)
{
    struct zc_folio *folio = rig_folio(slot);

    rig.seen.calls++;
    rig.seen.has_entry = rig_has_entry(slot);
    rig.seen.users = rig_users();
    if (folio == NULL)
        return;
    rig.seen.is_cached = zc_folio_has(folio, ZC_FOLIO_WRITEBACK) &&
                         zc_folio_has(folio, ZC_FOLIO_UPTODATE) &&
                         !zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_DIRTY);
    rig_put(slot, folio);
}

void rig_settle(void)
{
    while (rig_writes_under_way() != 0 ||
           zc_backing_in_flight(rig.swap.devices[0].backing) != 0)
        sched_yield();
}
