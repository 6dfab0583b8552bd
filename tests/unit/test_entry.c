/* SPDX-License-Identifier: MIT */
/* test_entry.c - entries: made, filled, read, and freed by the last put. */
#include "support_bump.h"
#include "support_cache.h"
#include "support_process.h"
#include "support_test.h"

#include "base/inject.h"
#include "zswap.h"

#define PAGE 4096

/* Entries over a spying pool, without a cache. */
struct fixture {
    struct support_bump_control control;
    struct zc_generations generations;
    struct zc_lru lru;
    struct zc_entries entries;
};

static void begin(struct fixture *fixture, bool checksums)
{
    struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = PAGE,
        .user = &fixture->control,
    };

    memset(fixture, 0, sizeof(*fixture));
    support_use_halves();
    assert_status(
        zc_generations_init(&fixture->generations, PAGE, 1, "halves", 1),
        ZC_OK);
    fixture->entries.checksums = checksums;
    fixture->entries.page_size = PAGE;
    fixture->entries.pool_ops = &support_bump_pool;
    fixture->entries.put_beyond = support_bump_pool.put;
    fixture->entries.generations = &fixture->generations;
    fixture->entries.lru = &fixture->lru;
    assert_status(zc_lru_init(&fixture->lru, &fixture->entries), ZC_OK);
    assert_status(support_bump_pool.create(&config, &fixture->entries.pool),
                  ZC_OK);
    assert_status(zc_entries_init(&fixture->entries), ZC_OK);
}

static void end(struct fixture *fixture)
{
    assert_int_equal(fixture->control.puts, fixture->control.frees);
    assert_int_equal(fixture->control.reads, fixture->control.reads_ended);
    zc_lru_destroy(&fixture->lru);
    zc_entries_destroy(&fixture->entries);
    support_bump_pool.destroy(fixture->entries.pool);
    zc_generations_destroy(&fixture->generations);
}

static struct zc_entry *new_entry(struct fixture *fixture, uint64_t offset)
{
    struct zc_entry *entry = NULL;

    assert_status(zc_entry_create_filled(&fixture->entries,
                                         zc_swp_make(3, offset), 0, 0, &entry),
                  ZC_OK);
    return entry;
}

/* Records ever used. */
static uint32_t used(const struct fixture *fixture)
{
    return zc_atomic_u32_load_relaxed(&fixture->entries.handles->used);
}

/* An entry whose object is the first `size` bytes of some noise. */
static struct zc_entry *new_object(struct fixture *fixture, size_t size,
                                   unsigned flags)
{
    struct zc_entry *entry = NULL;
    char bytes[PAGE];

    support_make_page(bytes, PAGE, SUPPORT_NOISE, 5);
    assert_status(zc_entry_create(&fixture->entries, zc_swp_make(3, 1), 0,
                                  bytes, size, false, &entry),
                  ZC_OK);
    assert_status(zc_entry_set_object(&fixture->entries, entry,
                                      zc_generations_get(&fixture->generations),
                                      bytes, size, flags),
                  ZC_OK);
    return entry;
}

TEST(a_new_entry_is_its_makers_and_named_by_its_slot)
{
    struct fixture fixture;
    struct zc_entry *entry;

    begin(&fixture, false);

    entry = new_entry(&fixture, 77);

    assert_int_equal(zc_entry_slot(entry).value, zc_swp_make(3, 77).value);
    assert_int_equal(zc_atomic_u32_load_relaxed(&entry->references), 1);
    zc_entry_put(&fixture.entries, entry);
    end(&fixture);
}

TEST(slot_and_owner_share_a_word_and_no_bit)
{
    const zc_swp slot =
        zc_swp_make(ZC_SWP_TYPE_COUNT - 1, ZC_SLOT_COUNT_MAX - 1);
    struct zc_entry *entry = NULL;
    struct fixture fixture;

    begin(&fixture, false);

    assert_status(zc_entry_create_filled(&fixture.entries, slot,
                                         ZC_OWNER_COUNT - 1, 0, &entry),
                  ZC_OK);

    assert_int_equal(zc_entry_slot(entry).value, slot.value);
    assert_int_equal(zc_entry_owner(entry), ZC_OWNER_COUNT - 1);
    zc_entry_put(&fixture.entries, entry);
    end(&fixture);
}

/* Ages or none, the count is the count. */
TEST(a_load_s_put_is_a_put)
{
    struct fixture fixture;
    struct zc_entry *entry;
    unsigned keeps_ages;

    for (keeps_ages = 0; keeps_ages < 2; keeps_ages++) {
        begin(&fixture, false);
        fixture.entries.keeps_ages = keeps_ages != 0;
        entry = new_object(&fixture, PAGE / 2, 0);
        if (keeps_ages != 0)
            zc_lru_add(&fixture.lru, entry);
        zc_entry_get(entry);
        (void)zc_atomic_u32_and(&entry->references, ~ZC_ENTRY_REFERENCED);

        zc_entry_put_used(&fixture.entries, entry);

        assert_int_equal(zc_entry_count(entry), 1);
        assert_int_equal((zc_atomic_u32_load_relaxed(&entry->references) &
                          ZC_ENTRY_REFERENCED) != 0,
                         keeps_ages);
        assert_int_equal(fixture.control.frees, 0);
        zc_entry_put_used(&fixture.entries, entry);
        assert_int_equal(fixture.control.frees, 1);
        assert_int_equal(zc_lru_count(&fixture.lru, 0), 0);
        end(&fixture);
    }
}

static void get_too_often(void *context)
{
    zc_entry_get(context);
}

/* Else the count would run into the age. */
TEST(a_count_that_is_full_is_a_mistake)
{
    struct fixture fixture;
    struct zc_entry *entry;
    unsigned i;

    begin(&fixture, false);
    entry = new_entry(&fixture, 1);
    for (i = 1; i < ZC_ENTRY_COUNT_MASK; i++)
        zc_entry_get(entry);
    assert_int_equal(zc_entry_count(entry), ZC_ENTRY_COUNT_MASK);

    support_assert_aborts(get_too_often, entry, "before", "entry.c");

    for (i = 0; i < ZC_ENTRY_COUNT_MASK; i++)
        zc_entry_put(&fixture.entries, entry);
    end(&fixture);
}

/* What stands in front of the page in an object is no part of the page. */
TEST(a_prefix_is_skipped_and_summed)
{
    struct fixture fixture;
    struct zc_entry *entry;
    char wanted[PAGE];
    char page[PAGE];

    begin(&fixture, true);
    fixture.entries.prefix_bytes = 8;
    support_make_page(wanted, PAGE, SUPPORT_NOISE, 5);
    entry = new_object(&fixture, 8 + PAGE / 2, 0);

    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_OK);
    assert_memory_equal(page, wanted + 8, PAGE / 2);
    zc_entry_put(&fixture.entries, entry);
    end(&fixture);
}

TEST(an_entry_is_found_by_its_index)
{
    struct zc_entry *kept[3000];
    struct fixture fixture;
    uint32_t i;

    begin(&fixture, false);
    for (i = 0; i < 3000; i++)
        kept[i] = new_entry(&fixture, i);

    for (i = 0; i < 3000; i++) {
        assert_int_equal(zc_entry_index(&fixture.entries, kept[i]), i);
        assert_ptr_equal(zc_entry_at(&fixture.entries, i), kept[i]);
        assert_int_equal(zc_swp_offset(zc_entry_slot(kept[i])), i);
    }
    for (i = 0; i < 3000; i++)
        zc_entry_put(&fixture.entries, kept[i]);
    end(&fixture);
}

TEST(freed_entries_are_used_again_before_new_ones)
{
    struct zc_entry *kept[100];
    struct fixture fixture;
    unsigned i;

    begin(&fixture, false);
    for (i = 0; i < 100; i++)
        kept[i] = new_entry(&fixture, i);
    for (i = 0; i < 100; i++)
        zc_entry_put(&fixture.entries, kept[i]);

    for (i = 0; i < 100; i++)
        kept[i] = new_entry(&fixture, i);

    assert_int_equal(used(&fixture), 100);
    for (i = 0; i < 100; i++)
        zc_entry_put(&fixture.entries, kept[i]);
    end(&fixture);
}

TEST(the_last_put_frees_object_and_generation)
{
    struct fixture fixture;
    struct zc_entry *entry;

    begin(&fixture, false);
    entry = new_object(&fixture, PAGE / 2, 0);
    assert_status(zc_generations_change(&fixture.generations, "copy", 0),
                  ZC_OK);
    zc_entry_get(entry);

    zc_entry_put(&fixture.entries, entry);
    assert_int_equal(fixture.control.frees, 0);
    assert_int_equal(zc_generations_count(&fixture.generations), 2);

    zc_entry_put(&fixture.entries, entry);
    assert_int_equal(fixture.control.frees, 1);
    assert_int_equal(zc_generations_count(&fixture.generations), 1);
    end(&fixture);
}

TEST(a_filled_entry_has_no_object)
{
    const uint64_t word = UINT64_C(0x0123456789abcdef);
    struct fixture fixture;
    struct zc_entry *entry;
    uint64_t page[PAGE / 8];
    unsigned i;

    begin(&fixture, true);

    assert_status(zc_entry_create_filled(&fixture.entries, zc_swp_make(3, 1), 0,
                                         word, &entry),
                  ZC_OK);

    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_OK);
    for (i = 0; i < PAGE / 8; i++)
        assert_int_equal(page[i], word);
    zc_entry_put(&fixture.entries, entry);
    assert_int_equal(fixture.control.puts, 0);
    assert_int_equal(fixture.control.reads, 0);
    end(&fixture);
}

TEST(objects_of_one_byte_to_a_page_are_read_back)
{
    struct fixture fixture;
    struct zc_entry *entry;
    char wanted[PAGE];
    char page[PAGE];

    begin(&fixture, true);
    support_make_page(wanted, PAGE, SUPPORT_NOISE, 5);

    entry = new_object(&fixture, PAGE, ZC_ENTRY_RAW);
    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_OK);
    assert_memory_equal(page, wanted, PAGE);
    zc_entry_put(&fixture.entries, entry);

    entry = new_object(&fixture, PAGE / 2, 0);
    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_OK);
    assert_memory_equal(page, wanted, PAGE / 2);
    assert_memory_equal(page + PAGE / 2, wanted, PAGE / 2);
    zc_entry_put(&fixture.entries, entry);

    entry = new_object(&fixture, 1, 0);
    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_CORRUPT);
    zc_entry_put(&fixture.entries, entry);
    end(&fixture);
}

TEST(a_pool_that_lends_less_or_nothing_is_corrupt)
{
    struct fixture fixture;
    struct zc_entry *entry;
    char page[PAGE];

    begin(&fixture, false);
    entry = new_object(&fixture, PAGE, ZC_ENTRY_RAW);

    fixture.control.read_less = 1;
    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_CORRUPT);
    fixture.control.read_less = 0;
    fixture.control.read_status = ZC_IO_ERROR;
    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_CORRUPT);

    fixture.control.read_status = ZC_OK;
    assert_status(zc_entry_read(&fixture.entries, entry, page), ZC_OK);
    zc_entry_put(&fixture.entries, entry);
    end(&fixture);
}

TEST(a_sum_is_of_the_object_and_goes_with_its_place)
{
    struct fixture fixture;
    struct zc_zspool_read read;
    struct zc_entry *first;
    struct zc_entry *second;
    char page[PAGE];
    char *bytes;

    begin(&fixture, true);
    first = new_object(&fixture, PAGE / 2, 0);
    second = new_object(&fixture, PAGE, ZC_ENTRY_RAW);
    assert_status(support_bump_pool.read_begin(
                      fixture.entries.pool,
                      zc_entry_handle(&fixture.entries, second), &read),
                  ZC_OK);
    bytes = (void *)(uintptr_t)read.data;
    bytes[PAGE - 1] ^= 1;
    support_bump_pool.read_end(fixture.entries.pool, &read);

    assert_status(zc_entry_read(&fixture.entries, first, page), ZC_OK);
    assert_status(zc_entry_read(&fixture.entries, second, page), ZC_CORRUPT);
    bytes[PAGE - 1] ^= 1;
    assert_status(zc_entry_read(&fixture.entries, second, page), ZC_OK);

    zc_entry_put(&fixture.entries, first);
    zc_entry_put(&fixture.entries, second);
    end(&fixture);
}

/* Records first, then sums: each can be refused, and asked for again. */
TEST(an_entry_without_memory_can_be_asked_for_again)
{
    struct zc_generation *generation;
    struct zc_entry *entry = NULL;
    const char byte = 1;
    struct fixture fixture;

    begin(&fixture, true);

    zc_inject_arm(ZC_INJECT_PAGES, 0, UINT32_MAX);
    assert_status(zc_entry_create(&fixture.entries, zc_swp_make(0, 1), 0, &byte,
                                  1, false, &entry),
                  ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_null(entry);
    assert_int_equal(used(&fixture), 0);

    assert_status(zc_entry_create(&fixture.entries, zc_swp_make(0, 1), 0, &byte,
                                  1, false, &entry),
                  ZC_OK);
    generation = zc_generations_get(&fixture.generations);
    zc_inject_arm(ZC_INJECT_PAGES, 0, UINT32_MAX);
    assert_status(
        zc_entry_set_object(&fixture.entries, entry, generation, &byte, 1, 0),
        ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_int_equal(fixture.control.frees, 1);
    zc_generation_put(&fixture.generations, generation);

    entry = new_object(&fixture, PAGE, ZC_ENTRY_RAW);
    assert_int_equal(used(&fixture), 1);
    zc_entry_put(&fixture.entries, entry);
    end(&fixture);
}

TEST(the_bytes_are_32_for_each_and_8_with_a_sum)
{
    struct zc_entry *kept[5000];
    struct fixture fixture;
    unsigned checksums;
    unsigned each;
    unsigned i;

    for (checksums = 0; checksums < 2; checksums++) {
        begin(&fixture, checksums != 0);
        each = checksums != 0 ? 40 : 32;
        assert_int_equal(zc_entries_bytes(&fixture.entries), 0);
        for (i = 0; i < 5000; i++)
            kept[i] = new_entry(&fixture, i);

        assert_in_range(zc_entries_bytes(&fixture.entries), 5000 * each,
                        5000 * each + 6 * 4096);

        for (i = 0; i < 5000; i++)
            zc_entry_put(&fixture.entries, kept[i]);
        end(&fixture);
    }
}
