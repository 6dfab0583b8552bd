/* SPDX-License-Identifier: MIT */
/*
 * support_pool.h - pools of every shape, objects with stamps, and a check of
 * the whole pool.
 *
 * Assertions are CMocka's: main thread only, and when no other thread uses the
 * pool.
 */
#ifndef ZC_TESTS_SUPPORT_POOL_H
#define ZC_TESTS_SUPPORT_POOL_H

#include "pool/dense.h"
#include "zspool.h"

/* The options of a pool; 0: the default. */
struct support_shape {
    const char *name;
    enum zc_placement placement;
    size_t page_size;
    unsigned chain_length;
    uint32_t segment_pages;
    uint64_t limit_pages;
};

/* Both placements, every page size, and the extremes of the other options. */
extern const struct support_shape support_shapes[];
extern const unsigned support_shape_count;

/* The default pool of either placement. */
#define SUPPORT_DENSE (&support_shapes[0])
#define SUPPORT_KERNEL (&support_shapes[1])

/* Dense pools with known segments: 16 pages of 4 KiB, and 4 pages of 64 KiB. */
#define SUPPORT_DENSE_16 (&support_shapes[2])
#define SUPPORT_DENSE_64K (&support_shapes[3])

struct zc_zspool *support_pool_new(const struct support_shape *shape);
struct zc_zspool *support_pool_with(const struct support_shape *shape,
                                    unsigned keep_lru);

/* Checks and destroys it. */
void support_pool_end(struct zc_zspool *pool);

/*
 * Tests in both placements, in segments that the test knows, in kernel
 * placement, and in every shape: `pool` is a fresh one, and afterwards it is
 * checked and destroyed.
 */
#define TEST_ON_BOTH(name)                                                     \
    TEST_POOL(name)                                                            \
    TEST_ON(name, name##_in_dense, " (dense)", SUPPORT_DENSE)                  \
    TEST_ON(name, name##_in_kernel, " (kernel)", SUPPORT_KERNEL)               \
    static void name(struct zc_zspool *pool)
#define TEST_ON_DENSE(name)                                                    \
    TEST_POOL(name)                                                            \
    TEST_ON(name, name##_in_dense, "", SUPPORT_DENSE_16)                       \
    static void name(struct zc_zspool *pool)
#define TEST_ON_KERNEL(name)                                                   \
    TEST_POOL(name)                                                            \
    TEST_ON(name, name##_in_kernel, "", SUPPORT_KERNEL)                        \
    static void name(struct zc_zspool *pool)
#define TEST_ON_ALL(name)                                                      \
    static void name(struct zc_zspool *pool);                                  \
    TEST(name##_in_all)                                                        \
    {                                                                          \
        support_on_all_shapes(name);                                           \
    }                                                                          \
    static void name(struct zc_zspool *pool)

#define TEST_POOL(name)                                                        \
    static void name(struct zc_zspool *pool);                                  \
    static void name##_of(void **state)                                        \
    {                                                                          \
        name(*state);                                                          \
    }
#define TEST_ON(name, unique, suffix, shape)                                   \
    TEST_REGISTER_AS(unique, name##_of, #name suffix, support_pool_setup,      \
                     support_pool_teardown, shape)

int support_pool_setup(void **state);
int support_pool_teardown(void **state);
void support_on_all_shapes(void (*test)(struct zc_zspool *pool));

size_t support_page_size(const struct support_shape *shape);

/* Bytes of one zspage of that shape for objects of that size. */
size_t support_zspage_bytes(const struct zc_zspool *pool, size_t size);

/* Pages that an object of a size needs when no existing page has room. */
uint64_t support_pages_for(const struct zc_zspool *pool, size_t size);

/* An object with a stamp (support_content.h). */
zc_handle support_object_new(struct zc_zspool *pool, size_t size,
                             uint64_t owner, uint64_t sequence);

/* Fails unless the object has that size and stamp. */
void support_object_check(struct zc_zspool *pool, zc_handle handle, size_t size,
                          uint64_t owner, uint64_t sequence);

void support_object_free(struct zc_zspool *pool, zc_handle handle);

uint64_t support_location_of(const struct zc_zspool *pool, zc_handle handle);
struct zc_zspage *support_zspage_of(const struct zc_zspool *pool,
                                    zc_handle handle);

struct zc_zspool_stats support_stats(const struct zc_zspool *pool);

/* `count` objects of one size, owned by their index.  A handle of 0 is of one
 * that was freed. */
void support_objects_new(struct zc_zspool *pool, size_t size, unsigned count,
                         zc_handle *handles_out);
void support_objects_check(struct zc_zspool *pool, size_t size, unsigned count,
                           const zc_handle *handles);
void support_objects_free(struct zc_zspool *pool, unsigned count,
                          zc_handle *handles);

/* The same, all but every `keep`-th freed again. */
void support_sparse_objects(struct zc_zspool *pool, size_t size, unsigned count,
                            unsigned keep, zc_handle *handles_out);

/* Compacts until a whole round is done; returns the sum of all calls. */
struct zc_compact_result support_compact(
    struct zc_zspool *pool, const struct zc_compact_budget *budget);

/*
 * Walks every cell, group, zspage, span and chunk, and fails unless
 *
 *   every live cell leads to a header that leads back; all free cells are in
 *   their list; free + in use is the number of objects of a zspage; no header
 *   has both tags; free spans are never adjacent, know their length at both
 *   ends and are in their bin; every zspage is on the list of its fullness; an
 *   empty zspage exists only for its readers; and the statistics and the class
 *   table say what was found.
 */
void support_pool_check(struct zc_zspool *pool);

/* Also fails unless the pool is empty: no object and no page. */
void support_pool_check_empty(struct zc_zspool *pool);

#endif
