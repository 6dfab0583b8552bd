/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_compressor.c - compressors that change while pages of the older
 * ones are stored: these stay readable, and drain.
 */
#include "support_front.h"

#include <stdlib.h>

#include "base/inject.h"
#include "support_threads.h"

#define SETTINGS_MAX 255 /* in use at a time, as zcache.h says */

static void change(const char *name, int level)
{
    assert_status(zc_cache_set_compressor(cache, name, level), ZC_OK);
}

TEST_OF_CACHE(pages_of_an_older_compressor_stay_readable_and_drain)
{
    static const char *const names[] = {"lz4", "lz4hc", "copy"};
    unsigned i;

    for (i = 0; i < 3; i++) {
        change(names[i], 0);
        store(2 * i, SUPPORT_TEXT, 2 * i);
        store(2 * i + 1, SUPPORT_NOISE, i);
    }
    assert_int_equal(cache_stat(generations), 3);
    for (i = 0; i < 3; i++) {
        expect(2 * i, SUPPORT_TEXT, 2 * i);
        expect(2 * i + 1, SUPPORT_NOISE, i);
    }
    forget(0);
    assert_int_equal(cache_stat(generations), 3);
    forget(1);
    assert_int_equal(cache_stat(generations), 2);
    store(2, SUPPORT_TEXT, 9);
    store(3, SUPPORT_TEXT, 9);
    assert_int_equal(cache_stat(generations), 1);
}

/* Raw pages hold their generation as well; same-filled ones hold none. */
TEST_OF_CACHE(a_same_filled_page_holds_no_compressor)
{
    store(0, SUPPORT_SAME, 1);
    change("copy", 0);
    assert_int_equal(cache_stat(generations), 1);
    expect(0, SUPPORT_SAME, 1);
}

TEST_OF_CACHE(a_level_is_a_compressor_of_its_own_and_can_come_again)
{
    renew(ZC_CACHE_OPTIONS(.compressor_name = "halves"));
    store(0, SUPPORT_HALVES, 0);
    /* The default level is the compressor's own: nothing changes. */
    change(NULL, ZC_LEVEL_DEFAULT);
    change("halves", 1);
    assert_int_equal(cache_stat(generations), 1);
    change(NULL, 2);
    assert_int_equal(cache_stat(generations), 2);
    store(1, SUPPORT_HALVES, 1);
    /* One that still drains is taken again. */
    change(NULL, 1);
    assert_int_equal(cache_stat(generations), 2);
    store(1, SUPPORT_HALVES, 2);
    assert_int_equal(cache_stat(generations), 1);
    assert_int_equal(cache_stat(payload_bytes), 2 * 2048);
    /* What was taken in one life of it is dropped in the next. */
    forget(0);
    forget(1);
    change("lz4", 0);
    assert_int_equal(cache_stat(generations), 1);
}

TEST_OF_CACHE(a_bad_compressor_or_level_changes_nothing)
{
    static const struct {
        const char *name;
        int level;
        zc_status status;
    } rows[] = {{"none", 0, ZC_UNSUPPORTED},
                {"lz4", -1, ZC_INVALID},
                {"lz4", 65538, ZC_INVALID},
                {NULL, -1, ZC_INVALID},
                {"halves", 1001, ZC_INVALID}};
    uint64_t payload;
    unsigned i;

    store(0, SUPPORT_TEXT, 1);
    payload = cache_stat(payload_bytes);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_status(
            zc_cache_set_compressor(cache, rows[i].name, rows[i].level),
            rows[i].status);
    assert_int_equal(cache_stat(generations), 1);
    store(0, SUPPORT_TEXT, 1);
    assert_int_equal(cache_stat(payload_bytes), payload);
}

TEST_OF_CACHE(more_than_255_settings_in_use_are_rejected)
{
    unsigned i;

    renew(ZC_CACHE_OPTIONS(.context_count = 1));
    for (i = 0; i < SETTINGS_MAX; i++) {
        change(NULL, (int)i + 1);
        store_pages(i, 1);
    }
    assert_int_equal(cache_stat(generations), SETTINGS_MAX);
    assert_status(zc_cache_set_compressor(cache, NULL, 256), ZC_REJECTED);
    assert_int_equal(cache_stat(generations), SETTINGS_MAX);
    change(NULL, 17);
    expect_pages(0, SETTINGS_MAX);
    forget(99);
    assert_int_equal(cache_stat(generations), SETTINGS_MAX - 1);
    change(NULL, 256);
    assert_int_equal(cache_stat(generations), SETTINGS_MAX);
    expect_pages(100, SETTINGS_MAX - 100);
}

/* ---- contexts ---- */

/* A compressor that watches its contexts. */
struct watched {
    atomic_bool in_use;
};

static atomic_uint created;
static atomic_uint destroyed;
static atomic_uint overlaps; /* two users of one context at a time */

static zc_status watched_create(const struct zc_compressor *self,
                                size_t page_size, int level, void **context_out)
{
    struct watched *watched =
        zc_inject(ZC_INJECT_MALLOC) ? NULL : calloc(1, sizeof(*watched));

    (void)self;
    (void)page_size;
    (void)level;
    if (watched == NULL)
        return ZC_NO_MEMORY;
    atomic_fetch_add(&created, 1);
    *context_out = watched;
    return ZC_OK;
}

static void enter(struct watched *watched)
{
    if (atomic_exchange(&watched->in_use, true))
        atomic_fetch_add(&overlaps, 1);
}

static void watched_destroy(void *context)
{
    enter(context);
    atomic_fetch_add(&destroyed, 1);
    free(context);
}

/* A page of one byte, repeated. */
static zc_status watched_decompress(void *context, const void *data,
                                    size_t size, void *page_out,
                                    size_t page_size)
{
    struct watched *watched = context;

    enter(watched);
    memset(page_out, *(const char *)data, page_size);
    atomic_store(&watched->in_use, false);
    return size == 1 ? ZC_OK : ZC_CORRUPT;
}

static zc_status watched_compress(void *context, int level, const void *page,
                                  size_t page_size, void *data_out,
                                  size_t capacity, size_t *size_out)
{
    (void)level;
    (void)page_size;
    (void)capacity;
    *size_out = 1;
    return watched_decompress(context, page, 1, data_out, 1);
}

static void use_watched(void)
{
    static const struct zc_compressor watched = {
        .struct_size = sizeof(watched),
        .name = "watched",
        .level_min = 1,
        .level_max = 2,
        .level_default = 1,
        .context_create = watched_create,
        .context_destroy = watched_destroy,
        .compress = watched_compress,
        .decompress = watched_decompress,
    };

    if (zc_compressor_find("watched") == NULL)
        assert_status(zc_compressor_register(&watched), ZC_OK);
    atomic_store(&created, 0);
    atomic_store(&destroyed, 0);
    atomic_store(&overlaps, 0);
    renew(ZC_CACHE_OPTIONS(.context_count = 2, .no_same_filled = 1));
}

TEST_OF_CACHE(contexts_end_with_their_last_page)
{
    use_watched();
    change("watched", 0);
    assert_int_equal(created, 2);
    store(0, SUPPORT_ZERO, 0);
    change("copy", 0);
    assert_int_equal(destroyed, 0);
    forget(0);
    assert_int_equal(destroyed, 2);
}

TEST_OF_CACHE(a_change_without_memory_changes_nothing)
{
    uint32_t countdown;
    zc_status status;

    use_watched();
    for (countdown = 0;; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        status = zc_cache_set_compressor(cache, "watched", 0);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_int_equal(created, destroyed);
        assert_int_equal(cache_stat(generations), 1);
        store(0, SUPPORT_TEXT, 1);
        expect(0, SUPPORT_TEXT, 1);
    }
    /* The generation, its contexts, and of each the buffer and the codec. */
    assert_int_equal(countdown, 2 + 2 * 2);
}

static void use_contexts(struct support_worker *worker)
{
    char page[4096];
    unsigned i;

    memset(page, (int)worker->index, sizeof(page));
    for (i = 0; i < 4000; i++) {
        if (worker->index == 0 && i % 16 == 0 &&
            zc_cache_set_compressor(cache, "watched", (int)(i / 16 % 2) + 1) !=
                ZC_OK)
            support_mistake(worker, "no change, turn %u", i);
        if (zc_cache_store(cache, at(worker->index), page) != ZC_OK ||
            zc_cache_load(cache, at(worker->index), page) != ZC_OK ||
            page[4095] != (char)worker->index)
            support_mistake(worker, "no page, turn %u", i);
    }
}

/* CONTEXT_OUTLIVES_USER */
TEST_OF_CACHE(a_context_has_one_user_and_outlives_it)
{
    unsigned i;

    use_watched();
    change("watched", 2);
    support_crowd(4, use_contexts, NULL, 0);
    for (i = 0; i < 4; i++)
        forget(i);
    assert_int_equal(overlaps, 0);
    assert_int_equal(cache_stat(generations), 1);
    assert_int_equal(created - destroyed, 2);
    end();
    assert_int_equal(created, destroyed);
}
