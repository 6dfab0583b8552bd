/* SPDX-License-Identifier: MIT */
/* test_zspool_arena.c - page frames go out, and back to the system. */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"

#include "base/inject.h"
#include "platform/memory.h"

#define PAGE ((size_t)ZC_PAGE_SIZE_MIN)

static int set_up(void **state)
{
    static struct zc_arena arena;

    memset(&arena, 0, sizeof(arena)); /* as in a new pool */
    *state = &arena;
    return zc_arena_init(&arena, PAGE, 0, 0) == ZC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    zc_inject_disarm();
    zc_arena_destroy(*state);
    return 0;
}

static uint64_t pages_of(const struct zc_arena *arena)
{
    return zc_arena_pages(arena);
}

static struct zc_zspage *get(struct zc_arena *arena, uint32_t pages)
{
    struct zc_zspage *zspage = NULL;

    assert_status(zc_arena_get(arena, pages, pages, pages, &zspage), ZC_OK);
    assert_int_equal(zspage->pages, pages);
    return zspage;
}

TEST_WITH(a_zspage_comes_locked_without_group_and_writable, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    uint32_t pages;
    struct zc_zspage *zspage;
    char *memory;

    for (pages = 1; pages <= ZC_SEGMENT_PAGES_MAX; pages += 9) {
        zspage = get(arena, pages);
        memory = zc_zspage_memory(arena, zspage);
        assert_null(zc_atomic_pointer_load_relaxed(&zspage->group));
        assert_false(zc_zspage_trylock(zspage));
        assert_int_equal((uintptr_t)memory % PAGE, 0);
        memset(memory, 1, pages * PAGE);
        zc_arena_put(arena, zspage);
    }
    assert_int_equal(pages_of(arena), 0);
}

TEST_WITH(zspages_of_all_lengths_do_not_overlap, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    struct zc_zspage *zspages[600];
    unsigned count = 0;
    char *memory;
    unsigned round;
    uint32_t pages;
    unsigned i;

    for (round = 0; round < 30; round++)
        for (pages = 1; pages <= 20; pages++) {
            zspages[count] = get(arena, pages);
            memory = zc_zspage_memory(arena, zspages[count]);
            memset(memory, (int)(count % 251), pages * PAGE);
            count++;
        }
    assert_int_equal(pages_of(arena), 30 * 210);
    assert_int_equal(zc_counter_read(&arena->zspages), count);
    for (i = 0; i < count; i++) {
        memory = zc_zspage_memory(arena, zspages[i]);
        pages = i % 20 + 1;
        assert_int_equal((unsigned char)memory[0], i % 251);
        assert_int_equal((unsigned char)memory[pages * PAGE - 1], i % 251);
        assert_memory_equal(memory, memory + 1, pages * PAGE - 1);
        zc_arena_put(arena, zspages[i]);
    }
}

TEST_WITH(a_location_leads_to_its_zspage_and_its_address, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    struct zc_zspage *zspages[300];
    uint64_t location;
    uint64_t units;
    uint32_t pages;
    unsigned i;

    for (i = 0; i < 300; i++) {
        pages = i % 3 * 7 + 2; /* 2, 9, 16 */
        zspages[i] = get(arena, pages);
        location = zc_zspage_location(arena, zspages[i]);
        for (units = 0; units < pages * PAGE / ZC_UNIT_BYTES; units += 61) {
            assert_ptr_equal(zc_location_zspage(arena, location + units),
                             zspages[i]);
            assert_ptr_equal(zc_location_address(arena, location + units),
                             zc_zspage_memory(arena, zspages[i]) +
                                 units * ZC_UNIT_BYTES);
        }
    }
    for (i = 0; i < 300; i++)
        zc_arena_put(arena, zspages[i]);
}

TEST_WITH(lower_zspages_of_a_chunk_go_out_first, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    struct zc_zspage *zspages[32];
    unsigned i;

    for (i = 0; i < 32; i++) {
        zspages[i] = get(arena, 16);
        assert_int_equal(zspages[i]->slot, i);
        assert_int_equal(zspages[i]->chunk, 0);
    }
    assert_int_equal(get(arena, 16)->chunk, 1);
    assert_int_equal(get(arena, 4)->chunk, 2);
}

TEST_WITH(a_zspage_that_comes_back_is_not_resident, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    struct zc_zspage *kept = get(arena, 16);
    struct zc_zspage *zspage = get(arena, 16);
    char *memory = zc_zspage_memory(arena, zspage);

    memset(memory, 7, 16 * PAGE);
    zc_arena_put(arena, zspage);
    assert_int_equal(support_resident_pages(memory, 16 * PAGE), 0);

    assert_ptr_equal(get(arena, 16), zspage);
    assert_int_equal(memory[5 * PAGE], 0);
    zc_arena_put(arena, zspage);
    zc_arena_put(arena, kept);
}

TEST_WITH(a_chunk_of_which_nothing_is_out_is_unmapped, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    struct zc_zspage *first = get(arena, 16);
    struct zc_zspage *second = get(arena, 16);
    char *memory = zc_zspage_memory(arena, first);

    zc_arena_put(arena, first);
    assert_true(support_is_mapped(memory));
    zc_arena_put(arena, second);
    assert_false(support_is_mapped(memory));
    assert_null(zc_chunk_memory(zc_arena_chunk(arena, 0)));
}

TEST_WITH(the_record_of_an_unmapped_chunk_is_used_again, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    struct zc_zspage *zspage;
    uint64_t bytes = 0;
    unsigned i;

    for (i = 0; i < 50; i++) {
        zspage = get(arena, 8);
        zc_arena_put(arena, zspage);
        if (i == 0)
            bytes = arena->descriptor_bytes;
    }
    assert_int_equal(arena->chunk_count, 1);
    assert_int_equal(arena->descriptor_bytes, bytes);

    /* Only for the same length: descriptors never change their meaning. */
    zc_arena_put(arena, get(arena, 9));
    assert_int_equal(arena->chunk_count, 2);
}

TEST_WITH(descriptors_stay_when_their_chunk_is_unmapped, set_up, tear_down)
{
    struct zc_arena *arena = *state;
    struct zc_zspage *zspage = get(arena, 8);
    uint64_t location = zc_zspage_location(arena, zspage);

    zc_arena_put(arena, zspage);
    assert_ptr_equal(zc_location_zspage(arena, location), zspage);
    assert_false(zc_zspage_trylock(zspage));
    assert_null(zc_atomic_pointer_load_acquire(&zspage->group));
}

TEST_WITH(the_limit_is_kept_to_the_page, set_up, tear_down)
{
    struct zc_zspage *zspage = NULL;
    struct zc_zspage *first;
    struct zc_arena arena = {0};

    assert_status(zc_arena_init(&arena, PAGE, 10 * PAGE + PAGE - 1, 0), ZC_OK);
    first = get(&arena, 7);
    assert_status(zc_arena_get(&arena, 4, 4, 4, &zspage), ZC_REJECTED);
    assert_null(zspage);
    assert_int_equal(pages_of(&arena), 7);
    zspage = get(&arena, 3);
    assert_status(zc_arena_get(&arena, 1, 1, 1, &zspage), ZC_REJECTED);
    zc_arena_put(&arena, first);
    first = get(&arena, 4);
    assert_int_equal(pages_of(&arena), 7);
    zc_arena_put(&arena, first);
    zc_arena_put(&arena, zspage);
    zc_arena_destroy(&arena);
}

TEST_WITH(a_limit_below_a_page_admits_nothing, set_up, tear_down)
{
    struct zc_zspage *zspage = NULL;
    struct zc_arena arena = {0};

    assert_status(zc_arena_init(&arena, PAGE, PAGE - 1, 0), ZC_OK);
    assert_status(zc_arena_get(&arena, 1, 1, 1, &zspage), ZC_REJECTED);
    zc_arena_destroy(&arena);
}

/* Fails each allocation that a first zspage needs; says how many there are. */
static unsigned fail_each(enum zc_inject_point point)
{
    struct zc_zspage *zspage = NULL;
    struct zc_arena arena = {0};
    uint32_t countdown = 0;
    bool failed;

    do {
        assert_status(zc_arena_init(&arena, PAGE, 0, 0), ZC_OK);
        zc_inject_arm(point, countdown, 1);
        failed = zc_arena_get(&arena, 8, 8, 8, &zspage) != ZC_OK;
        assert_int_equal(zc_inject_failures(), failed);
        zc_inject_disarm();
        if (failed) {
            assert_null(zspage);
            assert_int_equal(pages_of(&arena), 0);
            assert_int_equal(zc_counter_read(&arena.zspages), 0);
            zspage = get(&arena, 8);
        }
        assert_int_equal(pages_of(&arena), 8);
        /* What the failed try had made is used. */
        assert_int_equal(arena.chunk_count, 1);
        zc_arena_put(&arena, zspage);
        zspage = NULL;
        zc_arena_destroy(&arena);
        countdown++;
    } while (failed);
    return countdown - 1;
}

TEST_WITH(no_memory_leaves_nothing_charged, set_up, tear_down)
{
    assert_int_equal(fail_each(ZC_INJECT_MALLOC), 1); /* descriptors */
    assert_int_equal(fail_each(ZC_INJECT_PAGES), 2);  /* record, frames */
}

TEST_WITH(large_pages_are_aligned_to_themselves, set_up, tear_down)
{
    struct zc_zspage *zspage;
    struct zc_arena arena = {0};
    size_t page_size;

    for (page_size = ZC_PAGE_SIZE_MIN; page_size <= ZC_PAGE_SIZE_MAX;
         page_size *= 2) {
        assert_status(zc_arena_init(&arena, page_size, 0, 0), ZC_OK);
        zspage = get(&arena, 3);
        assert_int_equal(
            (uintptr_t)zc_zspage_memory(&arena, zspage) % page_size, 0);
        zspage = get(&arena, 3);
        memset(zc_zspage_memory(&arena, zspage), 1, 3 * page_size);
        zc_arena_destroy(&arena);
    }
}

TEST_WITH(destroying_gives_everything_back_that_is_out, set_up, tear_down)
{
    struct zc_arena arena = {0};
    uint64_t before = 0;
    unsigned round;
    unsigned i;

    for (round = 0; round < 2; round++) {
        before = support_mapped_bytes();
        assert_status(zc_arena_init(&arena, PAGE, 0, 0), ZC_OK);
        for (i = 0; i < 100; i++)
            (void)get(&arena, 16);
        zc_arena_destroy(&arena);
    }
    support_assert_mapped(before);
}
