/* SPDX-License-Identifier: MIT */
/* support_rig.c - see support_rig.h. */
#include "support_rig.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "support_test.h"

/* ---- begin and end ---- */

static void last_put(void *context, zc_swp slot)
{
    struct rig *rig = context;

    (void)zc_zswap_invalidate(&rig->zswap, slot);
    zc_backing_discard(rig->swap.devices[0].backing, zc_swp_offset(slot));
}

static struct zc_folio *alloc_folio(void *context, bool may_reclaim)
{
    struct rig *rig = context;
    struct zc_folio *folio = calloc(1, sizeof(*folio));

    (void)may_reclaim;
    if (folio == NULL)
        return NULL;
    folio->data = malloc(rig->page_size);
    if (folio->data == NULL) {
        free(folio);
        return NULL;
    }
    zc_atomic_u32_store_relaxed(&folio->references, 1);
    (void)zc_atomic_u32_add(&rig->folios, 1);
    return folio;
}

static void free_folio(void *context, struct zc_folio *folio)
{
    struct rig *rig = context;

    (void)zc_atomic_u32_add(&rig->folios, UINT32_MAX);
    free(folio->data);
    free(folio);
}

struct rig_options rig_defaults(void)
{
    support_use_halves();
    return (struct rig_options){
        .cache = {.struct_size = sizeof(struct zc_cache_options),
                  .compressor_name = "halves",
                  .context_count = 2,
                  .lru_mode = ZC_LRU_ENTRY},
    };
}

void rig_device_on(struct rig *rig, unsigned io_workers)
{
    assert_status(
        zc_swap_device_on(
            &rig->swap, 0,
            ZC_SWAP_OPTIONS(.backing_ops = &rig_device_ops, .backing_user = rig,
                            .slot_count = RIG_SLOTS, .io_workers = io_workers)),
        ZC_OK);
}

void rig_init(struct rig *rig, const struct rig_options *options)
{
    struct zc_cache_options cache = options->cache;

    memset(rig, 0, sizeof(*rig));
    cache.slot_count = RIG_SLOTS;
    assert_status(zc_zswap_check_options(&cache), ZC_OK);
    assert_status(zc_zswap_init(&rig->zswap, &cache), ZC_OK);
    rig->page_size = rig->zswap.page_size;
    rig->swap.page_size = rig->page_size;
    rig->swap.last_put = last_put;
    rig->swap.context = rig;
    rig->swap.frames = (struct zc_folio_frames){
        .alloc = alloc_folio, .free = free_folio, .context = rig};
    assert_status(zc_swap_init(&rig->swap), ZC_OK);
    rig->pageio.zswap = &rig->zswap;
    rig->pageio.swap = &rig->swap;
    rig->pageio.writes_max = cache.writes_max;
    rig->pageio.stats = &rig->zswap.stats;
    assert_status(zc_pageio_init(&rig->pageio), ZC_OK);
    assert_status(zc_shrinker_init(&rig->shrinker, &rig->pageio,
                                   cache.shrink_worker != 0),
                  ZC_OK);
    if (!options->has_no_make_room) {
        rig->zswap.make_room = zc_shrinker_make_room;
        rig->zswap.context = &rig->shrinker;
    }
    rig->device.rig = rig;
    rig->device.maker = pthread_self();
    pthread_mutex_init(&rig->device.lock, NULL);
    pthread_cond_init(&rig->device.changed, NULL);
    rig_device_on(rig, options->io_workers);
}

static void check_nothing_left(struct rig *rig)
{
    const struct zc_swap_device *device = &rig->swap.devices[0];
    const struct zc_entries *entries = &rig->zswap.entries;

    assert_int_equal(zc_counter_read(&device->used), 0);
    assert_int_equal(zc_counter_read(&device->cached), 0);
    assert_int_equal(zc_counter_read(&device->stuck), 0);
    assert_int_equal(zc_atomic_u32_load_relaxed(&device->users), ZC_DEVICE_ON);
    assert_int_equal(zc_atomic_u32_load_relaxed(&rig->pageio.writes), 0);
    assert_int_equal(zc_zswap_stored_pages(&rig->zswap), 0);
    assert_int_equal(entries->pool_ops->page_count(entries->pool), 0);
    assert_int_equal(rig->device.strange, 0);
}

void rig_end(struct rig *rig)
{
    struct zc_swap_device *device = &rig->swap.devices[0];
    uint64_t offset = 0;

    zc_shrinker_destroy(&rig->shrinker);
    rig_let_go(rig);
    rig_settle(rig);
    zc_swap_device_stop(device);
    while (zc_swap_device_next(device, &offset))
        rig_forget(rig, rig_slot(offset));
    /* Frees the records of folios that are gone. */
    assert_int_equal(zc_pageio_retry(&rig->pageio, UINT32_MAX), 0);
    check_nothing_left(rig);
    zc_pageio_destroy(&rig->pageio);
    zc_swap_device_end(&rig->swap, device);
    assert_int_equal(zc_atomic_u32_load_relaxed(&rig->folios), 0);
    zc_swap_destroy(&rig->swap);
    zc_zswap_destroy(&rig->zswap);
    pthread_cond_destroy(&rig->device.changed);
    pthread_mutex_destroy(&rig->device.lock);
}

/* ---- slots ---- */

/* The page that is stored now makes the folio's bytes obsolete. */
static void give_up_folio(struct rig *rig, struct zc_folio *folio)
{
    if (folio == NULL)
        return;
    zc_folio_wait_writeback(&rig->swap, folio);
    zc_pageio_forget_stuck(&rig->pageio, folio);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
}

zc_status rig_store(struct rig *rig, zc_swp slot, const void *page,
                    unsigned owner)
{
    struct zc_folio *folio;
    zc_status status;

    status = support_slot_claim(&rig->swap, slot, &folio);
    if (status != ZC_OK)
        return status;
    status = zc_zswap_store(&rig->zswap, slot, page, owner, false);
    give_up_folio(rig, folio);
    zc_slot_set_zero(zc_slot_find(&rig->swap, slot), false);
    if (status != ZC_OK && !zc_zswap_owner_forbids(&rig->zswap, owner))
        status = zc_pageio_write_device(
            &rig->pageio, zc_slot_find(rig->pageio.swap, slot), page);
    support_slot_release(&rig->swap, slot, folio, status == ZC_OK);
    return status;
}

/* Reads a slot that is claimed. */
static zc_status read_claimed(struct rig *rig, zc_swp slot,
                              const struct zc_folio *folio, void *page_out)
{
    zc_status status = zc_zswap_load(&rig->zswap, slot, page_out);

    if (status != ZC_MISSING)
        return status;
    if (folio != NULL && zc_folio_has(folio, ZC_FOLIO_UPTODATE)) {
        memcpy(page_out, folio->data, rig->page_size);
        return ZC_OK;
    }
    if (zc_slot_count(zc_slot_find(&rig->swap, slot)) == 0)
        return ZC_MISSING;
    if (zc_slot_is_zero(zc_slot_find(&rig->swap, slot))) {
        memset(page_out, 0, rig->page_size);
        return ZC_OK;
    }
    return zc_pageio_read_device(
        &rig->pageio, zc_slot_find(rig->pageio.swap, slot), page_out);
}

zc_status rig_read(struct rig *rig, zc_swp slot, void *page_out)
{
    struct zc_folio *folio;
    zc_status status;

    if (zc_slot_count(zc_slot_find(&rig->swap, slot)) == 0)
        return ZC_MISSING;
    status = support_slot_claim(&rig->swap, slot, &folio);
    if (status != ZC_OK)
        return status;
    status = read_claimed(rig, slot, folio, page_out);
    support_slot_release(&rig->swap, slot, folio,
                         zc_slot_count(zc_slot_find(&rig->swap, slot)) != 0);
    return status;
}

zc_status rig_take(struct rig *rig, zc_swp slot, void *page_out)
{
    struct zc_folio *folio;
    zc_status status;

    if (zc_slot_count(zc_slot_find(&rig->swap, slot)) == 0)
        return ZC_MISSING;
    status = support_slot_claim(&rig->swap, slot, &folio);
    if (status != ZC_OK)
        return status;
    status = read_claimed(rig, slot, folio, page_out);
    if (status == ZC_OK)
        give_up_folio(rig, folio);
    support_slot_release(&rig->swap, slot, folio,
                         status != ZC_OK && status != ZC_MISSING);
    return status;
}

void rig_forget(struct rig *rig, zc_swp slot)
{
    struct zc_folio *folio;

    if (support_slot_claim(&rig->swap, slot, &folio) != ZC_OK)
        return;
    give_up_folio(rig, folio);
    support_slot_release(&rig->swap, slot, folio, false);
}

void rig_set_for(struct rig *rig, uint64_t offset, enum support_kind kind,
                 unsigned owner)
{
    char page[ZC_PAGE_SIZE_MAX];

    support_make_page(page, rig->page_size, kind, offset);
    assert_status(rig_store(rig, rig_slot(offset), page, owner), ZC_OK);
}

void rig_set(struct rig *rig, uint64_t offset, enum support_kind kind)
{
    rig_set_for(rig, offset, kind, 0);
}

void rig_expect(struct rig *rig, uint64_t offset, enum support_kind kind)
{
    char page[ZC_PAGE_SIZE_MAX];

    assert_status(rig_read(rig, rig_slot(offset), page), ZC_OK);
    assert_true(support_is_page(page, rig->page_size, kind, offset));
}

/* ---- where a page is ---- */

bool rig_has_entry(struct rig *rig, uint64_t offset)
{
    struct zc_entry *entry = zc_tree_get(&rig->zswap.tree, rig_slot(offset));

    if (entry == NULL)
        return false;
    zc_zswap_put(&rig->zswap, entry);
    return true;
}

bool rig_has_written(struct rig *rig, uint64_t offset)
{
    bool written;

    pthread_mutex_lock(&rig->device.lock);
    written = rig->device.written[offset];
    pthread_mutex_unlock(&rig->device.lock);
    return written;
}

struct zc_folio *rig_folio(struct rig *rig, uint64_t offset)
{
    return zc_swapcache_look_up(zc_slot_find(&rig->swap, rig_slot(offset)));
}

bool rig_is_cached(struct rig *rig, uint64_t offset)
{
    struct zc_folio *folio = rig_folio(rig, offset);

    if (folio == NULL)
        return false;
    zc_swapcache_put(&rig->swap, rig_slot(offset), folio);
    return true;
}

struct zc_zswap_token rig_token(struct rig *rig, uint64_t offset,
                                bool by_handle)
{
    struct zc_entry *entry = zc_tree_get(&rig->zswap.tree, rig_slot(offset));
    struct zc_zswap_token token = {.by_handle = by_handle};

    assert_non_null(entry);
    if (by_handle)
        token.handle = zc_entry_handle(&rig->zswap.entries, entry);
    else
        token.index = zc_entry_index(&rig->zswap.entries, entry);
    zc_zswap_put(&rig->zswap, entry);
    return token;
}

zc_status rig_write_back(struct rig *rig, uint64_t offset)
{
    const struct zc_zswap_token token = rig_token(rig, offset, false);

    return zc_writeback_page(&rig->pageio, rig_slot(offset), &token);
}

uint64_t rig_stat(const struct rig *rig, enum zc_stat stat)
{
    return zc_stats_sum(&rig->zswap.stats, stat);
}

uint64_t rig_stuck(const struct rig *rig)
{
    return zc_counter_read(&rig->swap.devices[0].stuck);
}

uint64_t rig_charged(const struct rig *rig, unsigned owner)
{
    const struct zc_owner *record = zc_lru_find_owner(&rig->zswap.lru, owner);

    return record == NULL ? 0 : zc_counter_read(&record->charged_bytes);
}

struct zc_folio *rig_make_stuck(struct rig *rig, uint64_t offset)
{
    struct zc_folio *folio;

    rig_hold(rig);
    assert_status(rig_write_back(rig, offset), ZC_OK);
    rig_wait_for_waiting(rig, 1);
    folio = rig_folio(rig, offset);
    assert_non_null(folio);
    zc_folio_lock(&rig->swap, folio);
    rig_fail_writes(rig, 1);
    rig_let_go(rig);
    rig_settle(rig);
    assert_true(zc_folio_has(folio, ZC_FOLIO_STUCK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_false(zc_folio_has(folio, ZC_FOLIO_WRITEBACK));
    return folio;
}

/* ---- another thread ---- */

static void *run_thread(void *argument)
{
    struct rig_thread *thread = argument;

    thread->run(thread->context);
    zc_atomic_u32_store_release(&thread->is_done, 1);
    return NULL;
}

void rig_thread_start(struct rig_thread *thread, void (*run)(void *context),
                      void *context)
{
    thread->run = run;
    thread->context = context;
    zc_atomic_u32_store_relaxed(&thread->is_done, 0);
    if (pthread_create(&thread->thread, NULL, run_thread, thread) != 0)
        abort();
}

bool rig_thread_waits(struct rig_thread *thread)
{
    const struct timespec pause = {.tv_nsec = 30000000};

    (void)nanosleep(&pause, NULL);
    return zc_atomic_u32_load_acquire(&thread->is_done) == 0;
}

void rig_thread_join(struct rig_thread *thread)
{
    (void)pthread_join(thread->thread, NULL);
}
