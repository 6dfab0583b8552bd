/* SPDX-License-Identifier: MIT */
/*
 * test_vm_check.c - the check finds each disagreement, and says which.
 *
 * Each case breaks one thing of a machine that agrees with itself, expects to
 * be told, and mends it.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support_machine.h"

static struct zc_vm_table *table;

/* Page 0 is out, 1 and 3 present, all shared with a child. */
static void begin(void)
{
    machine_begin(&(const struct support_vm_kind){.slots = 100}, 8);
    table = zc_vm_table_find(space, 0);
    support_vm_write(space, 0, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(space, 1, 1);
    support_vm_write(space, 3, 1);
    fork_space();
    support_vm_check(&machine);
}

#define TEST_OF_CHECK(name) TEST_BETWEEN(name, begin(), machine_end())

/* It is found, and the text has this in it. */
static void expect_found(const char *words)
{
    char text[200] = "";

    assert_status(zc_vm_check(machine.vm, text, sizeof(text)), ZC_CORRUPT);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, text);
    assert_status(zc_vm_check(machine.vm, NULL, 0), ZC_CORRUPT);
}

/* Damage that is found, and mended. */
#define FINDS(damage, mend, words)                                             \
    do {                                                                       \
        damage;                                                                \
        expect_found(words);                                                   \
        mend;                                                                  \
    } while (0)

static void with_entry(unsigned index, zc_pte pte, const char *words)
{
    const zc_pte before = table->entries[index];

    table->entries[index] = pte;
    expect_found(words);
    table->entries[index] = before;
    support_vm_check(&machine);
}

TEST_OF_CHECK(entries_are_of_one_kind)
{
    const zc_pte swap = zc_pte_of_slot(support_vm_slot(space, 0));
    const zc_pte present = support_vm_entry(space, 1);

    const struct {
        unsigned index;
        zc_pte pte;
        const char *words;
    } cases[] = {
        {5, swap, "outside of any mapping"},
        {0, swap | ZC_PTE_MAPPED | ZC_PTE_PRESENT, "both present"},
        {5, ZC_PTE_MAPPED | ZC_PTE_DIRTY, "nothing behind it"},
        {5, ZC_PTE_MAPPED | zc_pte_of_slot(zc_swp_make(7, 0)),
         "type 7, which is off"},
        {5, ZC_PTE_MAPPED | zc_pte_of_slot(zc_swp_make(0, 100)),
         "beyond its device"},
        {5, ZC_PTE_MAPPED | zc_pte_of_slot(zc_swp_make(0, 99)),
         "free, 1 entries name it"},
        {5, ZC_PTE_MAPPED | ZC_PTE_PRESENT | UINT64_C(64) << ZC_PTE_SHIFT,
         "of frame 64 of 64"},
        {5, ZC_PTE_MAPPED | swap, "count 2, 3 entries name it"},
        {0, ZC_PTE_MAPPED, "count 2, 1 entries name it"},
        {5, present, "entries map it, it counts 2"},
        {1, present | ZC_PTE_WRITE, "shared, and written to"},
        {1, ZC_PTE_MAPPED, "entries map it, it counts 2"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        with_entry(cases[i].index, cases[i].pte, cases[i].words);
}

TEST_OF_CHECK(tables_are_where_they_belong)
{
    FINDS(table->first = 512, table->first = 0,
          "a table that is not of its place");
    FINDS(table->space = other, table->space = space,
          "a table that is not of its place");
    FINDS(machine.vm->space_count++, machine.vm->space_count--,
          "2 spaces, counted as 3");
}

TEST_OF_CHECK(frames_know_their_mappings)
{
    struct zc_vm_frame *frame = support_vm_frame(space, 1);
    struct zc_vm_frame *third = support_vm_frame(space, 3);
    struct zc_vm_place first = frame->mappings;

    FINDS(frame->mapped++, frame->mapped--, "2 entries map it, it counts 3");
    FINDS(frame->mappings.table = NULL, frame->mappings = first,
          "knows 0 mappings of 2");
    FINDS(frame->mappings = third->mappings, frame->mappings = first,
          "a mapping that is not");
    /* A ring. */
    FINDS(first.table->next[first.index] = first,
          first.table->next[first.index].table = table,
          "knows 3 mappings of 2");
}

TEST_OF_CHECK(frames_have_the_references_they_should)
{
    struct zc_vm_frame *frame = support_vm_frame(space, 1);

    FINDS(zc_folio_get(&frame->folio),
          zc_folio_put(&machine.cache->swap, &frame->folio),
          "3 references, 2 mapped, 0 cached, 0 kept");
    FINDS(zc_folio_set(&frame->folio, ZC_FOLIO_LOCKED),
          zc_folio_clear(&frame->folio, ZC_FOLIO_LOCKED), ": locked");
    FINDS(frame->is_isolated = true, frame->is_isolated = false, ": isolated");
}

TEST_OF_CHECK(frames_are_on_one_list)
{
    struct zc_vm_frame *frame = support_vm_frame(space, 1);
    struct zc_vm *vm = machine.vm;
    struct zc_list *free = vm->free.next;

    zc_list_remove(&frame->age);
    expect_found("in use, on no list");
    zc_list_add_last(&vm->owners[4].cold_to_hot, &frame->age);
    expect_found("of owner 0 on the list of owner 4");
    zc_list_remove(&frame->age);
    zc_list_add_last(&vm->free, &frame->age);
    expect_found("free frames, counted as");
    vm->free_count++;
    expect_found("in use, among the free");
    vm->free_count--;
    zc_list_remove(&frame->age);
    zc_list_add_last(&vm->owners[0].cold_to_hot, &frame->age);
    zc_list_remove(free);
    vm->free_count--;
    expect_found("free, on no list");
    zc_list_add_first(&vm->free, free);
    vm->free_count++;
    zc_list_remove(&vm->owners[0].turn);
    expect_found("owner 0 has frames and no turn");
    zc_list_add_last(&vm->turns, &vm->owners[0].turn);
}

TEST_OF_CHECK(owners_are_charged_what_is_theirs)
{
    struct zc_vm_owner *owners = machine.vm->owners;

    FINDS(owners[0].frames++, owners[0].frames--,
          "owner 0 has 2 frames, and is charged 3");
    FINDS(owners[ZC_OWNER_COUNT].frames++, owners[ZC_OWNER_COUNT].frames--,
          "and is charged 1");
}

TEST_OF_CHECK(slots_are_in_use_for_a_reason)
{
    struct zc_swap *swap = &machine.cache->swap;
    struct zc_zswap *zswap = &machine.cache->zswap;
    const zc_swp slot = support_vm_slot(space, 0);
    char page[SUPPORT_VM_PAGE];
    struct zc_folio *folio;

    support_vm_fill(page, 1, 1);
    FINDS(assert_status(zc_slot_dup(swap, slot), ZC_OK),
          zc_slot_drop(swap, slot), "count 3, 2 entries name it");
    assert_status(zc_slot_pin(swap, zc_slot_find(swap, slot), NULL), ZC_OK);
    FINDS(zc_slot_set_zero(zc_slot_find(swap, slot), true),
          zc_slot_set_zero(zc_slot_find(swap, slot), false),
          "all zeros, and stored");
    zc_slot_unpin(swap, zc_slot_find(swap, slot));
    /* Stored under a slot without a count. */
    assert_status(zc_zswap_store(zswap, zc_swp_make(0, 50), page, 0, true),
                  ZC_OK);
    expect_found("2 pages stored, 1 of them for slots in use");
    assert_status(zc_zswap_invalidate(zswap, zc_swp_make(0, 50)), ZC_OK);
    /* A folio under another name. */
    assert_status(zc_swapcache_create(swap, zc_slot_find(swap, slot), &folio),
                  ZC_OK);
    FINDS(folio->swap = zc_swp_make(0, 512), folio->swap = slot,
          "a folio of another slot");
    zc_swapcache_delete(swap, folio);
    zc_folio_unlock(swap, folio);
    zc_folio_put(swap, folio);
    /* Used by a pin alone. */
    assert_status(zc_slot_pin(swap, zc_slot_find(swap, slot), NULL), ZC_OK);
    assert_status(zc_vm_unmap(space, 0, 1), ZC_OK);
    assert_status(zc_vm_unmap(other, 0, 1), ZC_OK);
    expect_found("in use, with neither a count nor a folio");
    zc_slot_unpin(swap, zc_slot_find(swap, slot));
}

/* Bytes of address space that the process has now. */
static rlim_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    assert_int_equal(fclose(file), 0);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* What a check may take, of machines far smaller than that. */
#define ROOM ((rlim_t)64 << 20)

/* A device of default size has 2^32 slots, and few are in use: a check takes
 * memory for those, and finds what is wrong with any of the others. */
TEST(a_check_takes_memory_for_what_is_in_use)
{
    const zc_swp last = zc_swp_make(0, (UINT64_C(1) << 32) - 1);
    struct rlimit before;
    struct rlimit limited;

    if (access("/proc/self/statm", R_OK) != 0)
        skip();
    assert_status(zc_vm_create(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY),
                               ZC_VM_OPTIONS(.frame_count = 64), &machine.vm),
                  ZC_OK);
    machine.cache = zc_vm_cache(machine.vm);
    assert_status(
        zc_swap_on(machine.cache, ZC_SWAP_OPTIONS(.managed = 1), &machine.type),
        ZC_OK);
    space = support_vm_space(&machine, 8);
    table = zc_vm_table_find(space, 0);
    support_vm_write(space, 0, 1);
    support_vm_write(space, 1, 1);
    support_vm_reclaim_all(&machine);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limited = before;
    limited.rlim_cur = address_space() + ROOM;
    assert_int_equal(setrlimit(RLIMIT_AS, &limited), 0);
    support_vm_check(&machine);
    with_entry(5, ZC_PTE_MAPPED | zc_pte_of_slot(last),
               "slot 0:4294967295: free, 1 entries name it");
    with_entry(5, ZC_PTE_MAPPED | zc_pte_of_slot(zc_swp_make(0, 1u << 31)),
               "slot 0:2147483648: free, 1 entries name it");
    with_entry(5, ZC_PTE_MAPPED | zc_pte_of_slot(support_vm_slot(space, 1)),
               "count 1, 2 entries name it");
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    machine_end();
}

TEST_OF_CHECK(the_text_is_cut_to_its_room)
{
    char text[8] = "1234567";

    machine.vm->space_count++;
    assert_status(zc_vm_check(machine.vm, text, 5), ZC_CORRUPT);
    assert_string_equal(text, "2 sp");
    assert_string_equal(text + 5, "67");
    machine.vm->space_count--;
    assert_status(zc_vm_check(machine.vm, NULL, 1), ZC_INVALID);
    assert_status(zc_vm_check(NULL, text, 1), ZC_INVALID);
}

/* Each check falls while frames are on their way out. */
TEST_OF_MACHINE(the_reclaimer_waits_for_it, 500, .frames = 256,
                .background_reclaim = 1)
{
    uint64_t page;

    for (page = 0; page < 1500; page++) {
        support_vm_write(space, page % 500, page);
        if (page >= 200)
            support_vm_check(&machine);
    }
}
