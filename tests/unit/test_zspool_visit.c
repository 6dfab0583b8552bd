/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_visit.c - walks over all objects: each is shown once, whole, and
 * stays until it has been seen; in both placements.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_reclaim.h"
#include "support_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 1000
#define OBJECTS 60 /* several pages */

/* ---- walks ---- */

struct frees {
    struct zc_zspool *pool;
    zc_handle handles[OBJECTS];
    zc_handle added[2 * OBJECTS];
    unsigned seen[OBJECTS];
    unsigned total;
    unsigned end_after; /* visits; 0: never */
    unsigned nested;    /* calls of iterate around this one */
};

static unsigned find(const struct frees *frees, zc_handle handle)
{
    unsigned i;

    for (i = 0; i < OBJECTS; i++)
        if (frees->handles[i].value == handle.value)
            return i;
    fail_msg("visited %#llx, which is no handle",
             (unsigned long long)handle.value);
    return 0;
}

static void fill(struct frees *frees, struct zc_zspool *pool)
{
    memset(frees, 0, sizeof(*frees));
    frees->pool = pool;
    support_objects_new(pool, SIZE, OBJECTS, frees->handles);
}

static bool count_visit(void *context, zc_handle handle, const void *data,
                        size_t size)
{
    struct frees *frees = context;
    const unsigned index = find(frees, handle);

    assert_int_equal(size, SIZE);
    assert_true(support_has_stamp(data, size, index, 0));
    frees->seen[index]++;
    return ++frees->total != frees->end_after;
}

TEST_ON_BOTH(iterating_visits_every_object_once_with_its_bytes)
{
    struct frees frees = {0};
    unsigned i;

    assert_status(zc_zspool_iterate(pool, count_visit, &frees), ZC_OK);
    assert_int_equal(frees.total, 0);
    fill(&frees, pool);
    for (i = 0; i < OBJECTS; i += 3) {
        support_object_free(pool, frees.handles[i]);
        frees.seen[i] = 1; /* not to be seen */
    }
    assert_status(zc_zspool_iterate(pool, count_visit, &frees), ZC_OK);
    for (i = 0; i < OBJECTS; i++)
        assert_int_equal(frees.seen[i], 1);
}

/* Also at the last object. */
TEST_ON_BOTH(a_visit_can_end_the_walk)
{
    static const unsigned visits[] = {10, OBJECTS};
    struct frees frees;
    unsigned i;

    fill(&frees, pool);
    for (i = 0; i < 2; i++) {
        frees.total = 0;
        frees.end_after = visits[i];
        assert_status(zc_zspool_iterate(pool, count_visit, &frees), ZC_AGAIN);
        assert_int_equal(frees.total, visits[i]);
    }
}

/* They are then not visited, and the rest once; and makes others. */
static bool free_the_next(void *context, zc_handle handle, const void *data,
                          size_t size)
{
    struct frees *frees = context;
    unsigned owner = OBJECTS;
    unsigned other;

    while (owner-- > 0 && frees->handles[owner].value != handle.value)
        ;
    if (owner >= OBJECTS)
        return true; /* one that was added */
    other = (owner + 1) % OBJECTS;
    assert_int_equal(frees->seen[owner]++, 0);
    if (frees->seen[other] == 0) {
        support_object_free(frees->pool, frees->handles[other]);
        frees->seen[other] = 2;
    }
    (void)support_object_new(frees->pool, SIZE, owner, 1);
    (void)zc_zspool_compact(frees->pool, NULL, NULL);
    assert_true(support_has_stamp(data, size, owner, 0));
    return true;
}

TEST_ON_BOTH(a_visit_may_free_other_objects_and_call_the_pool)
{
    struct frees frees;
    unsigned i;

    fill(&frees, pool);
    assert_status(zc_zspool_iterate(pool, free_the_next, &frees), ZC_OK);
    for (i = 0; i < OBJECTS; i++) {
        assert_int_not_equal(frees.seen[i], 0);
        if (frees.seen[i] == 1)
            support_object_check(pool, frees.handles[i], SIZE, i, 0);
    }
}

/* ---- an object that is being put ---- */

/* A put whose data are readable up to a page boundary: there it waits, in the
 * middle of its copy, until the main thread has looked on. */
static struct {
    struct zc_zspool *pool;
    char *data;
    char *page; /* the one that cannot be read yet */
    size_t page_bytes;
    size_t size;
    zc_handle handle;
    zc_status status;
    atomic_bool stopped;
    atomic_bool go_on;
} half_put;

static void wait_in_the_copy(int signal_number)
{
    (void)signal_number;
    atomic_store(&half_put.stopped, true);
    while (!atomic_load(&half_put.go_on))
        (void)sched_yield();
    (void)mprotect(half_put.page, half_put.page_bytes, PROT_READ);
}

static void *put_half(void *context)
{
    (void)context;
    half_put.status = zc_zspool_put(half_put.pool, half_put.data, half_put.size,
                                    &half_put.handle);
    return NULL;
}

static void prepare_half_put(struct zc_zspool *pool, size_t size)
{
    char *memory;

    half_put.pool = pool;
    half_put.page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    half_put.size = size;
    memory = mmap(NULL, 2 * half_put.page_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    half_put.page = memory + half_put.page_bytes;
    half_put.data = half_put.page - size / 2;
    support_stamp(half_put.data, size, 7, 7);
    assert_int_equal(mprotect(half_put.page, half_put.page_bytes, PROT_NONE),
                     0);
    atomic_store(&half_put.stopped, false);
    atomic_store(&half_put.go_on, false);
}

static bool count_whole(void *context, zc_handle handle, const void *data,
                        size_t size)
{
    unsigned *visited = context;

    (void)handle;
    assert_true(support_has_stamp(data, size, 7, 7));
    (*visited)++;
    return true;
}

TEST_ON_BOTH(an_object_is_visited_when_put_has_written_it)
{
    const struct sigaction wait = {.sa_handler = wait_in_the_copy};
    struct sigaction before;
    unsigned visited = 0;
    pthread_t thread;

    prepare_half_put(pool, 3000);
    assert_int_equal(sigaction(SIGSEGV, &wait, &before), 0);
    assert_int_equal(pthread_create(&thread, NULL, put_half, NULL), 0);
    while (!atomic_load(&half_put.stopped))
        (void)sched_yield();
    assert_status(zc_zspool_iterate(pool, count_whole, &visited), ZC_OK);
    assert_int_equal(visited, 0);
    /* Nor does it move, nor get lost, before it is there. */
    assert_status(zc_zspool_compact(pool, NULL, NULL), ZC_OK);
    assert_int_equal(support_stats(pool).objects, 1);
    atomic_store(&half_put.go_on, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);

    assert_status(half_put.status, ZC_OK);
    assert_status(zc_zspool_iterate(pool, count_whole, &visited), ZC_OK);
    assert_int_equal(visited, 1);
    support_object_check(pool, half_put.handle, 3000, 7, 7);
    support_object_free(pool, half_put.handle);
    support_pool_check_empty(pool);
    (void)munmap(half_put.page - half_put.page_bytes, 2 * half_put.page_bytes);
}

/* ---- an object that is freed ---- */

static void assert_stale(struct zc_zspool *pool, zc_handle handle)
{
    struct zc_zspool_read read;
    char bytes[SIZE] = {0};
    size_t size;

    assert_status(zc_zspool_free(pool, handle), ZC_STALE);
    assert_status(zc_zspool_change_tags(pool, handle, 0, 1, NULL), ZC_STALE);
    assert_status(zc_zspool_object_size(pool, handle, &size), ZC_STALE);
    assert_status(zc_zspool_write(pool, handle, bytes, SIZE), ZC_STALE);
    assert_status(zc_zspool_read_begin(pool, handle, &read), ZC_STALE);
}

/* Whatever room was given back, these take it. */
static void add_objects(struct frees *frees)
{
    support_objects_new(frees->pool, SIZE, 2 * OBJECTS, frees->added);
}

static void free_added(struct frees *frees)
{
    support_objects_free(frees->pool, 2 * OBJECTS, frees->added);
}

static bool free_what_is_shown(void *context, zc_handle handle,
                               const void *data, size_t size)
{
    struct frees *frees = context;
    const unsigned index = find(frees, handle);

    assert_int_equal(frees->seen[index]++, 0);
    frees->total++;
    assert_status(zc_zspool_change_tags(frees->pool, handle, 0, 3, NULL),
                  ZC_OK);
    support_object_free(frees->pool, handle);
    assert_stale(frees->pool, handle);
    add_objects(frees);
    (void)zc_zspool_compact(frees->pool, NULL, NULL);
    assert_true(support_has_stamp(data, size, index, 0));
    assert_stale(frees->pool, handle);
    free_added(frees);
    assert_true(support_has_stamp(data, size, index, 0));
    return true;
}

TEST_ON_BOTH(a_visited_object_can_be_freed_and_stays_until_it_was_seen)
{
    struct frees frees;
    unsigned i;

    fill(&frees, pool);
    assert_status(zc_zspool_iterate(pool, free_what_is_shown, &frees), ZC_OK);
    assert_int_equal(frees.total, OBJECTS);
    for (i = 0; i < OBJECTS; i++)
        assert_stale(pool, frees.handles[i]);
    support_pool_check_empty(pool);
}

static bool free_in_the_inner_walk(void *context, zc_handle handle,
                                   const void *data, size_t size)
{
    struct frees *frees = context;
    const unsigned index = find(frees, handle);

    if (frees->nested == 2) {
        if (frees->seen[index] == 1) {
            support_object_free(frees->pool, handle);
            frees->seen[index] = 2;
        }
        return true;
    }
    frees->seen[index] = 1;
    frees->nested++;
    assert_status(zc_zspool_iterate(frees->pool, free_in_the_inner_walk, frees),
                  ZC_OK);
    frees->nested--;
    assert_int_equal(frees->seen[index], 2);
    add_objects(frees);
    assert_true(support_has_stamp(data, size, index, 0));
    free_added(frees);
    return false;
}

TEST_ON_BOTH(it_stays_for_the_last_of_several_visitors)
{
    struct frees frees;
    unsigned i;

    fill(&frees, pool);
    frees.nested = 1;
    assert_status(zc_zspool_iterate(pool, free_in_the_inner_walk, &frees),
                  ZC_AGAIN);
    assert_int_equal(support_stats(pool).objects, OBJECTS - 1);
    support_pool_check(pool);
    for (i = 0; i < OBJECTS; i++)
        if (frees.seen[i] == 0)
            support_object_free(pool, frees.handles[i]);
    support_pool_check_empty(pool);
}

/* ---- a visitor that takes its time, on another thread ---- */

static struct {
    struct zc_zspool *pool;
    zc_handle handle; /* of the object that it keeps */
    unsigned owner;
    atomic_bool inside;
    atomic_bool go_on;
    bool was_whole;
    pthread_t thread;
} slow;

static bool keep_it(void *context, zc_handle handle, const void *data,
                    size_t size)
{
    (void)context;
    if (handle.value != slow.handle.value)
        return true;
    atomic_store(&slow.inside, true);
    while (!atomic_load(&slow.go_on))
        (void)sched_yield();
    slow.was_whole = support_has_stamp(data, size, slow.owner, 0);
    return false;
}

static void *walk_slowly(void *context)
{
    (void)context;
    (void)zc_zspool_iterate(slow.pool, keep_it, NULL);
    return NULL;
}

/* Returns when the visitor has the object. */
static void start_slow_visit(struct zc_zspool *pool, zc_handle handle,
                             unsigned owner)
{
    slow.pool = pool;
    slow.handle = handle;
    slow.owner = owner;
    atomic_store(&slow.inside, false);
    atomic_store(&slow.go_on, false);
    assert_int_equal(pthread_create(&slow.thread, NULL, walk_slowly, NULL), 0);
    while (!atomic_load(&slow.inside))
        (void)sched_yield();
}

static void end_slow_visit(void)
{
    atomic_store(&slow.go_on, true);
    assert_int_equal(pthread_join(slow.thread, NULL), 0);
    assert_true(slow.was_whole);
}

TEST_ON_BOTH(the_last_object_of_a_zspage_takes_it_along_when_it_was_seen)
{
    zc_handle handle = support_object_new(pool, SIZE, 3, 0);
    const uint64_t pages = zc_zspool_page_count(pool);

    start_slow_visit(pool, handle, 3);
    support_object_free(pool, handle);
    assert_stale(pool, handle);
    assert_int_equal(zc_zspool_page_count(pool), pages);
    end_slow_visit();
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(a_zspage_in_use_again_stays_when_a_freed_object_was_seen)
{
    zc_handle handle = support_object_new(pool, SIZE, 3, 0);
    zc_handle other;

    start_slow_visit(pool, handle, 3);
    support_object_free(pool, handle);
    other = support_object_new(pool, SIZE, 4, 0);
    end_slow_visit();
    support_object_check(pool, other, SIZE, 4, 0);
    support_pool_check(pool);
    assert_int_equal(support_stats(pool).objects, 1);
    support_object_free(pool, other);
    support_pool_check_empty(pool);
}

/* ---- under reclaim ---- */

#define VISITED_CALL 3 /* of evict: a visitor comes before the object goes */

static void start_visit(struct herd *herd, unsigned index)
{
    if (herd->calls == VISITED_CALL)
        start_slow_visit(herd->pool, herd->handles[index], index);
}

TEST_OF_HERD(an_object_evicted_under_a_visitor_stays_until_it_was_seen)
{
    const unsigned each = herd_fill(herd, SIZE, 1);
    const uint64_t pages = zc_zspool_page_count(herd->pool);
    unsigned visited;

    herd->before = start_visit;
    (void)herd_reclaim(herd, 1, ZC_AGAIN);
    visited = herd->order[VISITED_CALL - 1];
    /* All have gone but the one that is being looked at. */
    assert_int_equal(herd->calls, each);
    assert_int_equal(support_stats(herd->pool).objects, 1);
    assert_stale(herd->pool, herd->handles[visited]);
    /* With it they fill two zspages, so its own serves the others at once. */
    while (herd->count < 3 * each - 1)
        (void)herd_add(herd, SIZE);
    (void)zc_zspool_compact(herd->pool, NULL, NULL);
    end_slow_visit();
    assert_int_equal(support_stats(herd->pool).objects, 2 * each - 1);
    assert_int_equal(zc_zspool_page_count(herd->pool), 2 * pages);
    herd_check(herd);
}

static void end_visit_early(struct herd *herd, unsigned index)
{
    (void)index;
    if (herd->calls == VISITED_CALL)
        end_slow_visit();
}

TEST_OF_HERD(a_visit_that_ends_before_reclaim_leaves_nothing_behind)
{
    (void)herd_fill(herd, SIZE, 1);
    herd->before = start_visit;
    herd->after = end_visit_early;
    (void)herd_reclaim(herd, 1, ZC_OK);
    herd_check(herd);
}

static bool is_not_freed(void *context, zc_handle handle, const void *data,
                         size_t size)
{
    struct herd *herd = context;
    const unsigned index = herd_find(herd, handle);

    assert_false(herd->freed[index]);
    assert_true(support_has_stamp(data, size, index, 0));
    return true;
}

static void walk_now(struct herd *herd, unsigned index)
{
    (void)index;
    assert_status(zc_zspool_iterate(herd->pool, is_not_freed, herd), ZC_OK);
}

TEST_OF_HERD(what_was_freed_under_reclaim_is_not_visited)
{
    (void)herd_fill(herd, SIZE, 2);
    herd->after = walk_now;
    (void)herd_reclaim(herd, 1, ZC_OK);
}
