/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_kernel_reclaim.c - headers under reclaim and the free list after
 * it, in kernel placement; huge objects, whose header is not among their bytes.
 */
#include "kernel_placement.h"
#include "support_reclaim.h"
#include "support_test.h"

#define SIZE 700 /* 17 slots in 3 pages */
#define SLOTS 17

static uint64_t header_of(const struct herd *herd, unsigned index)
{
    struct zc_group *group = group_of_size(herd->pool, herd->sizes[index]);
    uint64_t header;

    zc_spinlock_lock(&group->lock);
    header =
        zc_slot_header(&herd->pool->arena, group, herd_zspage(herd, index),
                       support_location_of(herd->pool, herd->handles[index]));
    zc_spinlock_unlock(&group->lock);
    return header;
}

/* ---- headers ---- */

static void check_allocated(struct herd *herd, unsigned index)
{
    assert_int_equal(header_of(herd, index),
                     herd->handles[index].value | ZC_OBJECT_ALLOCATED);
}

static void check_deferred(struct herd *herd, unsigned index)
{
    assert_int_equal(header_of(herd, index),
                     herd->handles[index].value | ZC_OBJECT_DEFERRED);
}

TEST_OF_HERD_IN(a_free_under_reclaim_says_deferred_in_the_header,
                SUPPORT_KERNEL)
{
    struct herd *herd = *state;

    (void)herd_fill(herd, SIZE, 1);
    herd->before = check_allocated;
    herd->after = check_deferred;
    (void)herd_reclaim(herd, 1, ZC_OK);
}

static void free_list_is_untouched(struct herd *herd, unsigned index)
{
    const struct zc_zspage *zspage = herd_zspage(herd, index);

    /* All slots were taken, so the list was empty and stays so. */
    assert_int_equal(zspage->first_free, ZC_SLOT_NONE);
    assert_true(zspage->isolated);
    assert_true(zspage->reclaimed);
    assert_true(zc_list_is_empty(&zspage->link));
    assert_true(zc_list_is_empty(&zspage->lru));
    assert_int_equal(zspage->objects, SLOTS - herd->calls);
}

TEST_OF_HERD_IN(a_free_under_reclaim_does_not_enter_the_free_list,
                SUPPORT_KERNEL)
{
    struct herd *herd = *state;

    assert_int_equal(herd_fill(herd, SIZE, 1), SLOTS);
    herd->after = free_list_is_untouched;
    (void)herd_reclaim(herd, 1, ZC_OK);
}

TEST_OF_HERD_IN(objects_are_evicted_in_the_order_of_their_slots, SUPPORT_KERNEL)
{
    struct herd *herd = *state;
    unsigned i;

    (void)herd_fill(herd, SIZE, 1);
    herd_free(herd, 0);
    herd_free(herd, 7);
    herd_free(herd, 16);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_int_equal(herd->calls, SLOTS - 3);
    for (i = 1; i < herd->calls; i++)
        assert_true(herd->order[i - 1] < herd->order[i]);
}

/* ---- the free list after a failure ---- */

/* The free slots of a zspage, in the order of the list. */
static unsigned free_slots(const struct herd *herd,
                           const struct zc_zspage *zspage,
                           uint32_t slots_out[SLOTS])
{
    struct zc_group *group = group_of_size(herd->pool, SIZE);
    uint32_t next = zspage->first_free;
    unsigned count = 0;
    uint64_t header;

    zc_spinlock_lock(&group->lock);
    while (next != ZC_SLOT_NONE) {
        assert_true(count < SLOTS);
        slots_out[count++] = next;
        header = zc_slot_header(
            &herd->pool->arena, group, zspage,
            zc_slot_location(&herd->pool->arena, group, zspage, next));
        next = (uint16_t)(header >> 3);
    }
    zc_spinlock_unlock(&group->lock);
    return count;
}

/* Object i was in slot i; the freed are the list, lowest first. */
static void check_list(const struct herd *herd, const struct zc_zspage *zspage)
{
    uint32_t slots[SLOTS];
    const unsigned count = free_slots(herd, zspage, slots);
    unsigned found = 0;
    unsigned i;

    for (i = 0; i < SLOTS; i++)
        if (herd->freed[i]) {
            assert_true(found < count);
            assert_int_equal(slots[found++], i);
        }
    assert_int_equal(found, count);
}

static unsigned also_freed; /* a bit for each object */

/* On the first call another thread frees some, highest first. */
static void free_also(struct herd *herd, unsigned index)
{
    unsigned i;

    if (herd->calls != 1)
        return;
    for (i = SLOTS; i-- > 0;)
        if ((also_freed >> i & 1) != 0 && i != index)
            herd_free(herd, i);
}

static void check_rebuilt(struct herd *herd, unsigned busy_at)
{
    const struct zc_zspage *zspage;
    unsigned stays = 0;
    unsigned i;

    (void)herd_fill(herd, SIZE, 1);
    zspage = herd_zspage(herd, 0);
    herd_free(herd, 9); /* free before: the list had another order */
    herd_free(herd, 2);
    herd->before = free_also;
    herd->busy_at = busy_at;
    herd->busy_from = busy_at;
    (void)herd_reclaim(herd, 1, ZC_AGAIN);
    check_list(herd, zspage);
    herd_check(herd);
    /* And is taken from, lowest first. */
    for (i = 0; i < SLOTS; i++) {
        stays += !herd->freed[i];
        if (herd->freed[i])
            assert_int_equal(
                location_of(herd->pool, herd->handles[herd_add(herd, SIZE)]),
                zc_slot_location(&herd->pool->arena,
                                 group_of_size(herd->pool, SIZE), zspage, i));
    }
    assert_true(stays > 0);
    assert_int_equal(support_stats(herd->pool).zspages, 1);
}

TEST(a_failed_reclaim_rebuilds_the_list_in_slot_order)
{
    static const unsigned others[] = {0, 1u << 16, 1u << 1 | 1u << 5 | 1u << 12,
                                      0xf000};
    static struct herd herd;
    unsigned busy_at;
    unsigned i;

    for (i = 0; i < 4; i++)
        for (busy_at = 1; busy_at <= 10; busy_at++) {
            also_freed = others[i];
            herd_init(&herd, SUPPORT_KERNEL);
            check_rebuilt(&herd, busy_at);
            herd_end(&herd);
        }
}

/* The last slot of the last page too: no slot is forgotten. */
TEST_OF_HERD_IN(a_failure_at_the_last_slot_leaves_all_others_free,
                SUPPORT_KERNEL)
{
    struct herd *herd = *state;
    uint32_t slots[SLOTS];

    (void)herd_fill(herd, SIZE, 1);
    herd->busy_at = SLOTS;
    herd->busy_from = SLOTS;
    (void)herd_reclaim(herd, 1, ZC_AGAIN);
    assert_int_equal(free_slots(herd, herd_zspage(herd, SLOTS - 1), slots),
                     SLOTS - 1);
    assert_int_equal(herd_zspage(herd, SLOTS - 1)->fullness,
                     zc_fullness_of(1, SLOTS));
}

/* ---- huge objects ---- */

static void huge_bytes_are_all_there(struct herd *herd, unsigned index)
{
    support_object_check(herd->pool, herd->handles[index], herd->sizes[index],
                         index, 0);
}

static void huge_is_deferred(struct herd *herd, unsigned index)
{
    huge_bytes_are_all_there(herd, index);
    check_deferred(herd, index);
}

TEST_OF_HERD_IN(a_huge_object_keeps_every_byte_until_it_is_gone, SUPPORT_KERNEL)
{
    struct herd *herd = *state;
    unsigned i;

    for (i = 0; i < 6; i++)
        (void)herd_add(herd, i % 2 == 0 ? 4096 : 3700);
    assert_int_equal(zc_zspool_page_count(herd->pool), 6);
    herd->before = huge_bytes_are_all_there;
    herd->after = huge_is_deferred;
    assert_int_equal(herd_reclaim(herd, 4, ZC_OK), 4);
    herd_check(herd);
    /* What stays is as it was, after a failure too. */
    herd->busy_at = herd->calls + 1;
    herd->busy_from = herd->calls + 1;
    assert_int_equal(herd_reclaim(herd, 2, ZC_AGAIN), 0);
    check_allocated(herd, 4);
    check_allocated(herd, 5);
}

static struct zc_zspool_read pinned;

static void pin(struct herd *herd, unsigned index)
{
    assert_status(
        zc_zspool_read_begin(herd->pool, herd->handles[index], &pinned), ZC_OK);
}

TEST_OF_HERD_IN(a_huge_zspage_left_to_its_reader_is_free, SUPPORT_KERNEL)
{
    struct herd *herd = *state;
    const unsigned index = herd_add(herd, 4096);
    const struct zc_zspage *zspage = herd_zspage(herd, index);

    herd->before = pin;
    assert_int_equal(herd_reclaim(herd, 1, ZC_AGAIN), 0);
    herd_check(herd);
    assert_int_equal(zspage->first_free, 0);
    assert_int_equal(zspage->huge_header & ZC_OBJECT_TAGS, 0);
    assert_ptr_equal(herd_zspage(herd, herd_add(herd, 4096)), zspage);
    zc_zspool_read_end(herd->pool, &pinned);
    herd_check(herd);
}

/* ---- classes ---- */

TEST_OF_HERD_IN(a_zspage_of_another_class_may_be_the_coldest, SUPPORT_KERNEL)
{
    struct herd *herd = *state;

    (void)herd_add(herd, 100);
    (void)herd_add(herd, 2000);
    (void)herd_add(herd, 4096);
    (void)herd_add(herd, 100);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_true(herd->freed[1]);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_true(herd->freed[2]);
    (void)herd_reclaim(herd, 1, ZC_OK);
    assert_true(herd->freed[0] && herd->freed[3]);
}
