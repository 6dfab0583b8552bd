/* SPDX-License-Identifier: MIT */
/*
 * support_reclaim.h - herds: the objects of a pool that keeps its zspages by
 * age, known by index, for zc_zspool_reclaim() to evict.
 *
 * herd_evict() fails the test unless it gets each live object once, with a
 * valid handle and the right bytes.  Assertions are CMocka's: main thread only.
 */
#ifndef ZC_TESTS_SUPPORT_RECLAIM_H
#define ZC_TESTS_SUPPORT_RECLAIM_H

#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#define HERD_MAX 2048

struct herd;

typedef void (*herd_action)(struct herd *herd, unsigned index);

struct herd {
    struct zc_zspool *pool;
    unsigned count;
    zc_handle handles[HERD_MAX];
    size_t sizes[HERD_MAX];
    bool freed[HERD_MAX];
    unsigned seen[HERD_MAX];  /* how often evict got it */
    unsigned order[HERD_MAX]; /* what each call got */
    unsigned calls;           /* of evict */
    unsigned busy_at;         /* this call frees nothing: ZC_BUSY; 0: none */
    unsigned busy_from;       /* so do all from this one on */
    herd_action before;       /* called by evict before it frees, or NULL */
    herd_action instead;      /* in place of freeing */
    herd_action after;
};

static inline void herd_init(struct herd *herd,
                             const struct support_shape *shape)
{
    memset(herd, 0, sizeof(*herd));
    herd->pool = support_pool_with(shape, 1);
}

/* ---- the herd ---- */

/* Adds an object by put, not by alloc; returns its index. */
static inline unsigned herd_add(struct herd *herd, size_t size)
{
    static char bytes[ZC_PAGE_SIZE_MAX];
    const unsigned index = herd->count;

    assert_true(index < HERD_MAX);
    support_stamp(bytes, size, index, 0);
    assert_status(zc_zspool_put(herd->pool, bytes, size, &herd->handles[index]),
                  ZC_OK);
    herd->sizes[index] = size;
    herd->count++;
    return index;
}

static inline void herd_free(struct herd *herd, unsigned index)
{
    assert_false(herd->freed[index]);
    support_object_free(herd->pool, herd->handles[index]);
    herd->freed[index] = true;
}

static inline struct zc_zspage *herd_zspage(const struct herd *herd,
                                            unsigned index)
{
    return support_zspage_of(herd->pool, herd->handles[index]);
}

/* Objects of that size that fit in a zspage. */
static inline unsigned herd_per_zspage(const struct zc_zspool *pool,
                                       size_t size)
{
    if (pool->placement == ZC_PLACEMENT_DENSE)
        return pool->segment_pages * ZC_DENSE_GRANULES_PER_PAGE /
               zc_dense_granules(zc_dense_of(&pool->groups[0]), size);
    return zc_group_of(pool, size)->slot_count;
}

/* Fills so many zspages of an empty pool; returns the objects in each, n.
 * The first n objects are in the first zspage, the next n in the next, and so
 * on. */
static inline unsigned herd_fill(struct herd *herd, size_t size,
                                 unsigned zspages)
{
    const unsigned each = herd_per_zspage(herd->pool, size);
    unsigned i;

    for (i = 0; i < zspages * each; i++)
        (void)herd_add(herd, size);
    for (i = 0; i < zspages * each; i++)
        assert_ptr_equal(herd_zspage(herd, i),
                         herd_zspage(herd, i / each * each));
    assert_int_equal(support_stats(herd->pool).zspages, zspages);
    return each;
}

/* ---- evict ---- */

static inline unsigned herd_find(const struct herd *herd, zc_handle handle)
{
    unsigned i;

    for (i = 0; i < herd->count; i++)
        if (herd->handles[i].value == handle.value)
            return i;
    fail_msg("evict got %#llx, which is no handle",
             (unsigned long long)handle.value);
    return 0;
}

static inline zc_status herd_evict(void *context, zc_handle handle)
{
    struct herd *herd = context;
    const unsigned index = herd_find(herd, handle);

    assert_false(herd->freed[index]);
    support_object_check(herd->pool, handle, herd->sizes[index], index, 0);
    assert_true(herd->calls < HERD_MAX);
    herd->order[herd->calls++] = index;
    herd->seen[index]++;
    if (herd->before != NULL)
        herd->before(herd, index);
    if (herd->calls == herd->busy_at ||
        (herd->busy_from != 0 && herd->calls >= herd->busy_from))
        return ZC_BUSY;
    if (herd->instead != NULL)
        herd->instead(herd, index);
    else
        herd_free(herd, index);
    if (herd->after != NULL)
        herd->after(herd, index);
    return ZC_OK;
}

/* Reclaims; returns the pages given back, which the pool must have lost. */
static inline uint64_t herd_reclaim(struct herd *herd, uint64_t page_goal,
                                    zc_status expected)
{
    const uint64_t before = zc_zspool_page_count(herd->pool);
    uint64_t pages = 77;

    assert_status(
        zc_zspool_reclaim(herd->pool, herd_evict, herd, page_goal, &pages),
        expected);
    assert_int_equal(zc_zspool_page_count(herd->pool), before - pages);
    return pages;
}

/* ---- checks ---- */

/* Every zspage is in the age list once, and none is under reclaim. */
static inline void herd_check_ages(struct zc_zspool *pool)
{
    const struct zc_zspage *zspage;
    struct zc_list *link;
    uint64_t count = 0;

    for (link = pool->lru.next; link != &pool->lru; link = link->next) {
        assert_ptr_equal(link->next->previous, link);
        zspage = ZC_CONTAINER(link, struct zc_zspage, lru);
        assert_non_null(zc_atomic_pointer_load_relaxed(&zspage->group));
        assert_false(zspage->reclaimed);
        count++;
    }
    assert_int_equal(count, support_stats(pool).zspages);
}

/* While no other thread runs: the pool is consistent, and each object has its
 * bytes or is stale. */
static inline void herd_check(struct herd *herd)
{
    uint64_t payload_bytes = 0;
    uint64_t objects = 0;
    struct zc_zspool_read read;
    unsigned i;

    support_pool_check(herd->pool);
    herd_check_ages(herd->pool);
    for (i = 0; i < herd->count; i++) {
        if (herd->freed[i]) {
            assert_status(
                zc_zspool_read_begin(herd->pool, herd->handles[i], &read),
                ZC_STALE);
            assert_status(zc_zspool_free(herd->pool, herd->handles[i]),
                          ZC_STALE);
            continue;
        }
        support_object_check(herd->pool, herd->handles[i], herd->sizes[i], i,
                             0);
        payload_bytes += herd->sizes[i];
        objects++;
    }
    assert_int_equal(support_stats(herd->pool).objects, objects);
    assert_int_equal(support_stats(herd->pool).payload_bytes, payload_bytes);
}

/* The same, and all objects that are left can be freed. */
static inline void herd_end(struct herd *herd)
{
    unsigned i;

    herd_check(herd);
    for (i = 0; i < herd->count; i++)
        if (!herd->freed[i])
            herd_free(herd, i);
    support_pool_check_empty(herd->pool);
    assert_true(zc_list_is_empty(&herd->pool->lru));
    zc_zspool_destroy(herd->pool);
}

/* ---- tests in a fresh pool: `herd` is ended afterwards ---- */

#define TEST_OF_HERD(name)                                                     \
    TEST_HERD(name)                                                            \
    HERD_ON(name, name##_in_dense, " (dense)", SUPPORT_DENSE_16)               \
    HERD_ON(name, name##_in_kernel, " (kernel)", SUPPORT_KERNEL)               \
    static void name(struct herd *herd)
#define TEST_OF_HERD_IN(name, shape)                                           \
    TEST_HERD(name)                                                            \
    HERD_ON(name, name##_in_one, "", shape)                                    \
    static void name(struct herd *herd)

#define TEST_HERD(name)                                                        \
    static void name(struct herd *herd);                                       \
    static void name##_of(void **state)                                        \
    {                                                                          \
        name(*state);                                                          \
    }
#define HERD_ON(name, unique, suffix, shape)                                   \
    TEST_REGISTER_AS(unique, name##_of, #name suffix, herd_setup,              \
                     herd_teardown, shape)

static inline int herd_setup(void **state)
{
    static struct herd herd;

    herd_init(&herd, *state);
    *state = &herd;
    return 0;
}

static inline int herd_teardown(void **state)
{
    herd_end(*state);
    return 0;
}

#endif
