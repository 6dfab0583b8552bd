/* SPDX-License-Identifier: MIT */
/* test_swapslots_cluster.c - clusters are made where slots are used. */
#include "support_swap.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"

#define SLOT_COUNT SUPPORT_SLOTS_MOST
#define CLUSTERS 64

static const uint64_t firsts[] = {
    0,
    512,
    UINT64_C(1) << 18,
    UINT64_C(1) << 27,
    (UINT64_C(1) << 27) + (UINT64_C(1) << 18),
    SLOT_COUNT - 512,
};

#define FIRSTS (sizeof(firsts) / sizeof(firsts[0]))

TEST(a_cluster_is_of_512_slots_and_of_no_others)
{
    struct support_swap support;
    struct zc_swap_device *device;
    struct zc_cluster *made[FIRSTS];
    size_t i;
    size_t j;

    support_swap_begin(&support);
    support_swap_on(&support, 0, SLOT_COUNT);
    device = &support.swap.devices[0];

    for (i = 0; i < FIRSTS; i++) {
        assert_null(zc_cluster_find(device, firsts[i]));
        made[i] = zc_cluster_make(device, firsts[i] + 7);
        assert_non_null(made[i]);
        for (j = 0; j < i; j++)
            assert_ptr_not_equal(made[i], made[j]);
    }
    for (i = 0; i < FIRSTS; i++) {
        assert_ptr_equal(zc_cluster_find(device, firsts[i]), made[i]);
        assert_ptr_equal(zc_cluster_find(device, firsts[i] + 511), made[i]);
        assert_ptr_equal(zc_cluster_make(device, firsts[i] + 511), made[i]);
    }
    assert_null(zc_cluster_find(device, 1024));
    assert_null(zc_cluster_find(device, (UINT64_C(1) << 27) - 1));
    support_swap_end(&support);
}

TEST(the_next_one_is_found_from_anywhere_before_it)
{
    struct support_swap support;
    struct zc_swap_device *device;
    uint64_t offset = 0;
    size_t i;

    support_swap_begin(&support);
    support_swap_on(&support, 0, SLOT_COUNT);
    device = &support.swap.devices[0];
    assert_null(zc_cluster_next(device, &offset));
    assert_int_equal(offset, 0);
    for (i = 0; i < FIRSTS; i++)
        assert_non_null(zc_cluster_make(device, firsts[i]));

    for (i = 1; i < FIRSTS; i++) {
        offset = firsts[i - 1] + 512;
        assert_ptr_equal(zc_cluster_next(device, &offset),
                         zc_cluster_find(device, firsts[i]));
        assert_int_equal(offset, firsts[i]);
        offset = firsts[i] + 5;
        assert_non_null(zc_cluster_next(device, &offset));
        assert_int_equal(offset, firsts[i] + 5);
    }
    offset = SLOT_COUNT;
    assert_null(zc_cluster_next(device, &offset));
    support_swap_end(&support);
}

TEST(no_memory_leaves_what_can_be_used_later)
{
    struct support_swap support;
    struct zc_swap_device *device;
    struct zc_cluster *cluster = NULL;
    unsigned failures = 0;

    support_swap_begin(&support);
    support_swap_on(&support, 0, SLOT_COUNT);
    device = &support.swap.devices[0];

    while (cluster == NULL) {
        zc_inject_arm(ZC_INJECT_MALLOC, failures, 1);
        cluster = zc_cluster_make(device, firsts[failures]);
        zc_inject_disarm();
        if (cluster == NULL) {
            assert_null(zc_cluster_find(device, firsts[failures]));
            failures++;
        }
    }
    assert_true(failures > 0);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 2);
    assert_status(zc_cluster_add_folios(device, cluster), ZC_NO_MEMORY);
    assert_status(zc_cluster_add_overflow(device, cluster), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_status(zc_cluster_add_folios(device, cluster), ZC_OK);
    assert_status(zc_cluster_add_overflow(device, cluster), ZC_OK);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 2);
    assert_status(zc_cluster_add_folios(device, cluster), ZC_OK);
    assert_status(zc_cluster_add_overflow(device, cluster), ZC_OK);
    assert_int_equal(zc_inject_failures(), 0);
    zc_inject_disarm();
    support_swap_end(&support);
}

struct making {
    struct support_swap support;
    struct zc_cluster *made[4][CLUSTERS];
};

static void make_all(struct support_worker *worker)
{
    struct making *making = worker->context;
    struct zc_swap_device *device = &making->support.swap.devices[0];
    unsigned i;

    for (i = 0; i < CLUSTERS; i++) {
        making->made[worker->index][i] =
            zc_cluster_make(device, (uint64_t)i << 18);
        if (making->made[worker->index][i] == NULL)
            support_mistake(worker, "no cluster %u", i);
        else
            (void)zc_cluster_add_folios(device, making->made[worker->index][i]);
    }
}

TEST(of_several_who_make_one_all_get_the_same)
{
    static struct making making;
    struct support_crew crew;
    unsigned worker;
    unsigned i;

    support_swap_begin(&making.support);
    support_swap_on(&making.support, 0, SLOT_COUNT);
    support_crew_init(&crew);
    for (worker = 0; worker < 4; worker++)
        support_crew_add(&crew, make_all, &making);

    support_crew_run(&crew, 0);

    for (worker = 1; worker < 4; worker++)
        for (i = 0; i < CLUSTERS; i++)
            assert_ptr_equal(making.made[worker][i], making.made[0][i]);
    support_swap_end(&making.support);
}
