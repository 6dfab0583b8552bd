/* SPDX-License-Identifier: MIT */
/* test_zspool_handle.c - what a handle stands for, and which ones are caught.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"

#define GENERATION_SHIFT 32
#define TAG_SHIFT 47

/* The free cells of a test with one thread. */
static struct zc_cells own_cells;

/* Handles, with own_cells empty. */
static zc_status init(struct zc_handles *handles, size_t page_size)
{
    own_cells = (struct zc_cells){0, 0};
    return zc_handles_init(handles, page_size, 0);
}

/* Handles of a pool of the smallest pages. */
static int set_up(void **state)
{
    static struct zc_handles handles;

    *state = &handles;
    return init(&handles, ZC_PAGE_SIZE_MIN) == ZC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    zc_inject_disarm();
    zc_handles_destroy(*state);
    return 0;
}

static zc_handle take(struct zc_handles *handles)
{
    zc_handle handle = {0};
    zc_status status;

    while ((status = zc_handles_take(handles, &own_cells, &handle)) == ZC_AGAIN)
        assert_status(zc_handles_reserve(handles), ZC_OK);
    assert_status(status, ZC_OK);
    return handle;
}

static zc_handle take_and_set(struct zc_handles *handles, uint64_t location,
                              size_t size)
{
    zc_handle handle = take(handles);

    zc_handles_set(handles, handle, location, size);
    return handle;
}

/* Every operation by handle, all with the same answer. */
static void assert_all(struct zc_handles *handles, zc_handle handle,
                       zc_status expected)
{
    struct zc_cell_view view = {1, 2, 3};
    unsigned previous = 77;

    assert_status(zc_handles_look(handles, handle, &view), expected);
    assert_status(zc_handles_change_tags(handles, handle, 0, 1, &previous),
                  expected);
    assert_status(zc_handles_free(handles, &own_cells, handle), expected);
    assert_int_equal(view.location, 1);
    assert_int_equal(view.size, 2);
    assert_int_equal(view.tags, 3);
    assert_int_equal(previous, 77);
}

TEST_WITH(a_cell_says_what_was_set_for_every_extreme, set_up, tear_down)
{
    static const uint64_t locations[] = {0, 1, ZC_BITS(0, 35), 0x2aaaaaaaa};
    static const size_t sizes[] = {1, 2, 2048, 4095, 4096};
    struct zc_handles *handles = *state;
    struct zc_cell_view view;
    zc_handle handle;
    unsigned i;
    unsigned j;

    for (i = 0; i < 4; i++)
        for (j = 0; j < 5; j++) {
            handle = take_and_set(handles, locations[i], sizes[j]);
            assert_int_not_equal(handle.value, 0);
            assert_status(zc_handles_look(handles, handle, &view), ZC_OK);
            assert_int_equal(view.location, locations[i]);
            assert_int_equal(view.size, sizes[j]);
            assert_int_equal(view.tags, 0);
        }
}

TEST_WITH(every_page_size_has_room_for_its_objects, set_up, tear_down)
{
    struct zc_handles handles = {0};
    struct zc_cell_view view;
    zc_handle handle;
    size_t page_size;

    for (page_size = ZC_PAGE_SIZE_MIN; page_size <= ZC_PAGE_SIZE_MAX;
         page_size *= 2) {
        assert_status(init(&handles, page_size), ZC_OK);
        handle = take_and_set(&handles, ZC_BITS(0, 35), page_size);
        assert_status(zc_handles_look(&handles, handle, &view), ZC_OK);
        assert_int_equal(view.size, page_size);
        assert_int_equal(view.location, ZC_BITS(0, 35));
        assert_status(zc_handles_free(&handles, &own_cells, handle), ZC_OK);
        assert_all(&handles, handle, ZC_STALE);
        zc_handles_destroy(&handles);
    }
}

TEST_WITH(handles_leave_three_bits_for_the_tags_of_headers, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    unsigned i;

    for (i = 0; i < 100; i++)
        assert_int_equal(take_and_set(handles, i, 1).value & 7, 0);
}

TEST_WITH(a_freed_handle_is_stale_for_everything, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle handle = take_and_set(handles, 5, 6);

    assert_status(zc_handles_free(handles, &own_cells, handle), ZC_OK);
    assert_all(handles, handle, ZC_STALE);
}

TEST_WITH(a_freed_handle_stays_stale_when_its_cell_is_used_again, set_up,
          tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle old = take_and_set(handles, 5, 6);
    zc_handle fresh;

    assert_status(zc_handles_free(handles, &own_cells, old), ZC_OK);
    fresh = take_and_set(handles, 7, 8);

    assert_int_equal(zc_handle_cell(fresh), zc_handle_cell(old));
    assert_int_not_equal(fresh.value, old.value);
    assert_all(handles, old, ZC_STALE);
    assert_status(zc_handles_free(handles, &own_cells, fresh), ZC_OK);
}

TEST_WITH(a_handle_that_was_taken_but_never_set_is_not_live, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    struct zc_cell_view view;
    zc_handle handle = take(handles);
    zc_handle found;

    assert_int_not_equal(zc_handles_look(handles, handle, &view), ZC_OK);
    assert_false(zc_handles_at(handles, zc_handle_cell(handle), &found));
}

TEST_WITH(a_handle_that_is_put_back_is_taken_again_as_it_was, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle first = take(handles);

    zc_handles_put_back(handles, &own_cells, first);
    assert_int_equal(take(handles).value, first.value);
    assert_int_equal(zc_atomic_u32_load_relaxed(&handles->used), 1);
}

TEST_WITH(foreign_handles_are_invalid_for_everything, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    const zc_handle live = take_and_set(handles, 5, 6);
    zc_handle foreign;
    unsigned bit;

    foreign.value = 0;
    assert_all(handles, foreign, ZC_INVALID);
    foreign.value = UINT64_MAX;
    assert_all(handles, foreign, ZC_INVALID);
    foreign.value = live.value & UINT32_MAX; /* truncated */
    assert_all(handles, foreign, ZC_INVALID);
    foreign.value = live.value >> 32;
    assert_all(handles, foreign, ZC_INVALID);

    /* A header's tags, an even generation, a cell never used, a wrong tag. */
    for (bit = 0; bit < 3; bit++) {
        foreign.value = live.value | UINT64_C(1) << bit;
        assert_all(handles, foreign, ZC_INVALID);
    }
    foreign.value = live.value ^ UINT64_C(1) << GENERATION_SHIFT;
    assert_all(handles, foreign, ZC_INVALID);
    for (bit = ZC_HANDLE_CELL_SHIFT;
         bit < ZC_HANDLE_CELL_SHIFT + ZC_HANDLE_CELL_BITS; bit++) {
        foreign.value = live.value ^ UINT64_C(1) << bit;
        assert_all(handles, foreign, ZC_INVALID);
    }
    for (bit = TAG_SHIFT; bit < 64; bit++) {
        foreign.value = live.value ^ UINT64_C(1) << bit;
        assert_all(handles, foreign, ZC_INVALID);
    }
    assert_status(zc_handles_free(handles, &own_cells, live), ZC_OK);
}

TEST_WITH(no_change_of_one_bit_makes_another_live_handle, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    struct zc_cell_view view;
    zc_handle live[64];
    zc_handle changed;
    unsigned bit;
    unsigned i;

    for (i = 0; i < 64; i++)
        live[i] = take_and_set(handles, i, 1);
    for (i = 0; i < 64; i++)
        for (bit = 0; bit < 64; bit++) {
            changed.value = live[i].value ^ UINT64_C(1) << bit;
            /* Only the cell's number names another object. */
            if (zc_handles_look(handles, changed, &view) == ZC_OK)
                assert_int_equal(changed.value,
                                 live[zc_handle_cell(changed)].value);
        }
}

TEST_WITH(random_handles_are_hardly_ever_of_this_pool, set_up, tear_down)
{
    struct support_random random = {support_seed(0xf00d)};
    struct zc_handles *handles = *state;
    struct zc_cell_view view;
    zc_handle handle;
    unsigned i;

    for (i = 0; i < 1000; i++)
        (void)take_and_set(handles, i, 1);
    for (i = 0; i < 200000; i++) {
        handle.value = support_random_next(&random);
        assert_int_not_equal(zc_handles_look(handles, handle, &view), ZC_OK);
    }
}

TEST_WITH(another_pools_handles_are_invalid, set_up, tear_down)
{
    static struct zc_handles others[4];
    zc_handle live[4];
    unsigned i;
    unsigned j;

    for (i = 0; i < 4; i++) {
        assert_status(init(&others[i], ZC_PAGE_SIZE_MIN), ZC_OK);
        live[i] = take_and_set(&others[i], 1, 1);
    }
    for (i = 0; i < 4; i++)
        for (j = 0; j < 4; j++)
            if (i != j)
                assert_all(&others[i], live[j], ZC_INVALID);
    for (i = 0; i < 4; i++)
        zc_handles_destroy(&others[i]);
}

/* As many pools in a row as the header promises have tags of their own. */
TEST(tags_repeat_after_as_many_pools_as_promised)
{
    static bool seen[1u << (64 - TAG_SHIFT)];
    struct zc_handles handles = {0};
    unsigned i;

    memset(seen, 0, sizeof(seen));
    for (i = 0; i < sizeof(seen); i++) {
        assert_status(init(&handles, ZC_PAGE_SIZE_MIN), ZC_OK);
        assert_false(seen[handles.pool_tag >> TAG_SHIFT]);
        seen[handles.pool_tag >> TAG_SHIFT] = true;
        assert_int_equal(handles.pool_tag << (64 - TAG_SHIFT), 0);
        zc_handles_destroy(&handles);
    }
    assert_status(init(&handles, ZC_PAGE_SIZE_MIN), ZC_OK);
    assert_true(seen[handles.pool_tag >> TAG_SHIFT]);
    zc_handles_destroy(&handles);
}

/* The count the header promises, 16384 at 4 KiB and 1024 at 64 KiB. */
static void check_wrap(size_t page_size, unsigned reuses)
{
    struct zc_handles handles = {0};
    zc_handle first;
    zc_handle handle;
    unsigned i;

    assert_status(init(&handles, page_size), ZC_OK);
    first = take_and_set(&handles, 3, 4);
    assert_status(zc_handles_free(&handles, &own_cells, first), ZC_OK);
    for (i = 1; i < reuses; i++) {
        handle = take_and_set(&handles, 5, 6);
        assert_int_equal(zc_handle_cell(handle), zc_handle_cell(first));
        assert_int_not_equal(handle.value, first.value);
        assert_status(zc_handles_free(&handles, &own_cells, first), ZC_STALE);
        assert_status(zc_handles_free(&handles, &own_cells, handle), ZC_OK);
    }
    handle = take_and_set(&handles, 7, 8);
    assert_int_equal(handle.value, first.value);
    assert_status(zc_handles_free(&handles, &own_cells, handle), ZC_OK);
    zc_handles_destroy(&handles);
}

TEST_WITH(generations_wrap_after_as_many_reuses_as_promised, set_up, tear_down)
{
    check_wrap(4096, 16384);
    check_wrap(8192, 8192);
    check_wrap(65536, 1024);
}

TEST_WITH(tags_are_cleared_then_set_in_one_step, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle handle = take_and_set(handles, ZC_BITS(0, 35), 4096);
    struct zc_cell_view view;
    unsigned before;
    unsigned clear;
    unsigned set;
    unsigned previous;

    for (before = 0; before < 4; before++)
        for (clear = 0; clear < 4; clear++)
            for (set = 0; set < 4; set++) {
                assert_status(
                    zc_handles_change_tags(handles, handle, 3, before, NULL),
                    ZC_OK);
                assert_status(zc_handles_change_tags(handles, handle, clear,
                                                     set, &previous),
                              ZC_OK);
                assert_int_equal(previous, before);
                assert_status(zc_handles_look(handles, handle, &view), ZC_OK);
                assert_int_equal(view.tags, (before & ~clear) | set);
                assert_int_equal(view.location, ZC_BITS(0, 35));
                assert_int_equal(view.size, 4096);
            }
}

TEST_WITH(a_new_handle_has_no_tags_of_the_cells_old_life, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    struct zc_cell_view view;
    zc_handle handle = take_and_set(handles, 1, 2);

    assert_status(zc_handles_change_tags(handles, handle, 0, 3, NULL), ZC_OK);
    assert_status(zc_handles_free(handles, &own_cells, handle), ZC_OK);
    handle = take_and_set(handles, 1, 2);
    assert_status(zc_handles_look(handles, handle, &view), ZC_OK);
    assert_int_equal(view.tags, 0);
}

TEST_WITH(a_move_changes_the_location_only, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle handle = take_and_set(handles, 11, 4096);
    struct zc_cell_view view;

    assert_status(zc_handles_change_tags(handles, handle, 0, 2, NULL), ZC_OK);
    zc_handles_move(handles, zc_handle_cell(handle), ZC_BITS(0, 35));
    assert_status(zc_handles_look(handles, handle, &view), ZC_OK);
    assert_int_equal(view.location, ZC_BITS(0, 35));
    assert_int_equal(view.size, 4096);
    assert_int_equal(view.tags, 2);
    zc_handles_move(handles, zc_handle_cell(handle), 0);
    zc_handles_view_at(handles, zc_handle_cell(handle), &view);
    assert_int_equal(view.location, 0);
    assert_int_equal(view.size, 4096);
    assert_int_equal(view.tags, 2);
}

TEST_WITH(a_cell_leads_to_the_handle_of_its_live_object, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle live = take_and_set(handles, 1, 2);
    zc_handle found = {1};

    assert_true(zc_handles_at(handles, zc_handle_cell(live), &found));
    assert_int_equal(found.value, live.value);
    assert_status(zc_handles_free(handles, &own_cells, live), ZC_OK);
    found.value = 1;
    assert_false(zc_handles_at(handles, zc_handle_cell(live), &found));
    assert_false(zc_handles_at(handles, 1000, &found));
    assert_false(zc_handles_at(handles, UINT32_MAX, &found));
    assert_int_equal(found.value, 1);
}

TEST_WITH(freed_cells_are_used_before_new_ones, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle live[3000];
    unsigned i;

    for (i = 0; i < 3000; i++)
        live[i] = take_and_set(handles, i, 1);
    for (i = 0; i < 3000; i += 2)
        assert_status(zc_handles_free(handles, &own_cells, live[i]), ZC_OK);
    for (i = 0; i < 1500; i++)
        (void)take_and_set(handles, i, 1);
    assert_int_equal(zc_atomic_u32_load_relaxed(&handles->used), 3000);
    assert_int_equal(zc_handles_bytes(handles),
                     zc_records_bytes(&handles->cells, 3000));
}

TEST_WITH(cells_at_hand_are_few_and_the_others_are_the_pools, set_up, tear_down)
{
    struct zc_handles *handles = *state;
    struct zc_cells other = {0, 0};
    zc_handle live[100];
    zc_handle handle = {0};
    unsigned i;

    for (i = 0; i < 100; i++)
        live[i] = take_and_set(handles, i, 1);
    for (i = 0; i < 100; i++) {
        assert_status(zc_handles_free(handles, &own_cells, live[i]), ZC_OK);
        assert_in_range(own_cells.count, 1, 15);
    }
    /* Another list gets these cells, but for the few in own_cells. */
    for (i = 0; i < 100 - own_cells.count; i++)
        assert_status(zc_handles_take(handles, &other, &handle), ZC_OK);
    assert_int_equal(zc_atomic_u32_load_relaxed(&handles->used), 100);
    assert_status(zc_handles_take(handles, &other, &handle), ZC_OK);
    assert_int_equal(zc_atomic_u32_load_relaxed(&handles->used), 101);
}

TEST_WITH(no_memory_for_cells_is_no_memory_and_later_there_is, set_up,
          tear_down)
{
    struct zc_handles *handles = *state;
    zc_handle handle = {99};

    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    assert_status(zc_handles_take(handles, &own_cells, &handle), ZC_AGAIN);
    assert_status(zc_handles_reserve(handles), ZC_NO_MEMORY);
    assert_status(zc_handles_take(handles, &own_cells, &handle), ZC_AGAIN);
    assert_int_equal(handle.value, 99);
    assert_status(zc_handles_reserve(handles), ZC_OK);
    assert_status(zc_handles_take(handles, &own_cells, &handle), ZC_OK);
}

/* ---- threads ---- */

#define RACED 2000

struct race {
    struct zc_handles *handles;
    struct zc_cells cells[3]; /* of each worker */
    zc_handle raced[RACED];
};

static void free_them_all(struct support_worker *worker)
{
    struct race *race = worker->context;
    zc_status status;
    unsigned i;

    for (i = 0; i < RACED; i++) {
        status = zc_handles_free(race->handles, &race->cells[worker->index],
                                 race->raced[i]);
        if (status == ZC_OK)
            worker->operations++;
        else if (status != ZC_STALE)
            support_mistake(worker, "free is %s", zc_status_name(status));
    }
}

TEST_WITH(of_all_who_free_a_handle_one_does, set_up, tear_down)
{
    static struct race race;
    struct support_crew crew;
    unsigned crew_left = 3;
    uint64_t freed = 0;
    unsigned i;

    race.handles = *state;
    memset(race.cells, 0, sizeof(race.cells));
    for (i = 0; i < RACED; i++)
        race.raced[i] = take_and_set(race.handles, i, 1);
    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, free_them_all, &race);
    support_crew_run(&crew, 0);

    for (i = 0; i < 3; i++)
        freed += crew.workers[i].operations;
    assert_int_equal(freed, RACED);
    /* And every cell is free once, wherever it is at hand. */
    for (i = 0; i < RACED; i++) {
        while (own_cells.first == 0 && race.handles->first_free == 0 &&
               crew_left > 0)
            own_cells = race.cells[--crew_left];
        race.raced[i] = take_and_set(race.handles, i, 1);
    }
    assert_int_equal(zc_atomic_u32_load_relaxed(&race.handles->used), RACED);
}

/* Counts how often it was the one to set the tag, and clears it again. */
static void win_the_tag(struct support_worker *worker)
{
    struct race *race = worker->context;
    unsigned previous;
    unsigned i;

    for (i = 0; i < 20000; i++) {
        (void)zc_handles_change_tags(race->handles, race->raced[0], 0, ZC_TAG_1,
                                     &previous);
        if ((previous & ZC_TAG_1) != 0)
            continue;
        /* No other thread is here. */
        race->raced[1].value++;
        worker->operations++;
        (void)zc_handles_change_tags(race->handles, race->raced[0], ZC_TAG_1, 0,
                                     NULL);
    }
}

static void move_it(struct support_worker *worker)
{
    struct race *race = worker->context;
    unsigned i;

    for (i = 0; i < 20000; i++)
        zc_handles_move(race->handles, zc_handle_cell(race->raced[0]), i);
}

TEST_WITH(a_tag_is_set_by_one_at_a_time_while_the_object_moves, set_up,
          tear_down)
{
    static struct race race;
    struct support_crew crew;
    struct zc_cell_view view;

    race.handles = *state;
    race.raced[0] = take_and_set(race.handles, 1, 1);
    race.raced[1].value = 0;
    support_crew_init(&crew);
    support_crew_add(&crew, win_the_tag, &race);
    support_crew_add(&crew, win_the_tag, &race);
    support_crew_add(&crew, move_it, &race);
    support_crew_run(&crew, 0);

    assert_int_equal(race.raced[1].value,
                     crew.workers[0].operations + crew.workers[1].operations);
    assert_status(zc_handles_look(race.handles, race.raced[0], &view), ZC_OK);
    assert_int_equal(view.location, 19999);
    assert_int_equal(view.tags, 0);
}
