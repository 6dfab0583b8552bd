/* SPDX-License-Identifier: MIT */
/*
 * test_kernel_compact.c - kernel placement is compacted without a pause while
 * threads allocate, write, read and free.
 */
#include "kernel_placement.h"

#include <pthread.h>

/* Few classes of few slots: much to compact. */
static const size_t mixed_sizes[] = {500, 500, 500, 500, 1000, 1000, 3600};

#define WORKER_OBJECTS 500
#define WORKER_STEPS 60000

struct worker {
    struct zc_zspool *pool;
    uint64_t seed;
    uint64_t wrong; /* judged by the main thread */
    zc_atomic_u32 done;
    zc_handle handles[WORKER_OBJECTS];
    size_t sizes[WORKER_OBJECTS];
};

static bool turn_over(struct worker *worker, unsigned i)
{
    unsigned char bytes[4096];
    size_t size = mixed_sizes[next_random(&worker->seed) % 7];
    struct zc_zspool_read read;
    bool right;
    size_t j;

    if (worker->sizes[i] == 0) {
        for (j = 0; j < size; j++)
            bytes[j] = stamp_byte(i, j);
        worker->sizes[i] = size;
        return zc_zspool_alloc(worker->pool, size, &worker->handles[i]) ==
                   ZC_OK &&
               zc_zspool_write(worker->pool, worker->handles[i], bytes, size) ==
                   ZC_OK;
    }
    if (zc_zspool_read_begin(worker->pool, worker->handles[i], &read) != ZC_OK)
        return false;
    right = read.size == worker->sizes[i] && has_stamp(read.data, read.size, i);
    zc_zspool_read_end(worker->pool, &read);
    if (next_random(&worker->seed) % 2 == 0)
        return right;
    worker->sizes[i] = 0;
    return right && zc_zspool_free(worker->pool, worker->handles[i]) == ZC_OK;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    unsigned step;

    for (step = 0; step < WORKER_STEPS; step++)
        if (!turn_over(worker,
                       (unsigned)(next_random(&worker->seed) % WORKER_OBJECTS)))
            worker->wrong++;
    zc_atomic_u32_store_release(&worker->done, 1);
    return NULL;
}

TEST(objects_are_whole_while_threads_come_and_go)
{
    static struct worker workers[2];
    struct zc_zspool *pool = kernel_pool();
    pthread_t threads[2];
    unsigned i;

    for (i = 0; i < 2; i++) {
        workers[i].pool = pool;
        workers[i].seed = 7 + i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]),
                         0);
    }
    while (zc_atomic_u32_load_acquire(&workers[0].done) == 0 ||
           zc_atomic_u32_load_acquire(&workers[1].done) == 0)
        assert_int_equal(zc_zspool_compact(pool, NULL, NULL), ZC_OK);
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(workers[0].wrong + workers[1].wrong, 0);
    assert_true(zc_counter_read(&pool->objects_moved) > 0);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}
