/* SPDX-License-Identifier: MIT */
/*
 * state.c - how entries, slots, folios and zspages are, in words: for pages.
 *
 * Between steps no list is half changed.  What was seen once in an execution is
 * shown until its end, also when it is freed.
 */
#include "state.h"

#include <stdio.h>
#include <string.h>

#include "engine/explore.h"
#include "memory.h"
#include "pool.h"
#include "vm/vm.h"

#define SLOTS 8   /* of type 0, from the first */
#define SEEN 8    /* objects of a kind */
#define LISTED 64 /* zspages of a list, at most */
#define TEXT 112

struct seen {
    const void *objects[SEEN];
    unsigned count;
};

static struct seen entries, folios, zspages;
static bool slots[SLOTS];

void lab_state_reset(void)
{
    entries.count = folios.count = zspages.count = 0;
    memset(slots, 0, sizeof(slots));
}

static void see(struct seen *seen, const void *object)
{
    for (unsigned i = 0; i < seen->count; i++) {
        if (seen->objects[i] == object)
            return;
    }
    if (object != NULL && seen->count < SEEN)
        seen->objects[seen->count++] = object;
}

/* Adds a word to a list of words. */
static void add(char text[TEXT], bool holds, const char *word)
{
    const size_t used = strlen(text);

    if (holds)
        (void)snprintf(text + used, TEXT - used, "%s%s", used == 0 ? "" : ", ",
                       word);
}

static void add_number(char text[TEXT], const char *word, unsigned long number)
{
    char both[48];

    (void)snprintf(both, sizeof(both), "%s %lu", word, number);
    add(text, true, both);
}

static void add_slot(char text[TEXT], zc_swp slot)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "%u:%llu", zc_swp_type(slot),
                   (unsigned long long)zc_swp_offset(slot));
    add(text, true, name);
}

static void say(const char *kind, unsigned number, const char *text)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "%s %u", kind, number);
    lab_say_state(name, "%s", text);
}

/* --- entries --------------------------------------------------------- */

static void say_lru(char text[TEXT], const struct zc_zswap *zswap,
                    const struct zc_entry *entry)
{
    const uint32_t index = zc_entry_index(&zswap->entries, entry);
    const struct zc_lru_link *link;
    const struct zc_owner *owner;

    if (!zswap->entries.keeps_ages)
        return;
    link = zc_records_at(&zswap->entries.links, index);
    owner = zswap->lru.owners[zc_entry_owner(entry)].value;
    if (link->colder == 0 && link->hotter == 0)
        add(text, true, "not on the LRU");
    else
        add(text, true,
            owner != NULL && owner->coldest == index + 1 ? "coldest of the LRU"
                                                         : "on the LRU");
    add(text, (entry->references.value & ZC_ENTRY_REFERENCED) != 0,
        "referenced");
}

static void say_entries(const struct zc_cache *cache)
{
    const struct zc_zswap *zswap = &cache->zswap;

    for (unsigned i = 0; i < SLOTS; i++) {
        const uint32_t found = lab_entry_at(cache, zc_swp_make(0, i));

        if (found != 0)
            see(&entries, zc_entry_at(&zswap->entries, found - 1));
    }
    for (unsigned i = 0; i < entries.count; i++) {
        const struct zc_entry *entry = entries.objects[i];
        const uint32_t index = zc_entry_index(&zswap->entries, entry);
        char text[TEXT] = "";

        if (lab_word_has(&entry->slot_and_owner, LAB_MARK_DEAD)) {
            say("entry", i + 1, "freed");
            continue;
        }
        add_slot(text, zc_entry_slot(entry));
        add_number(text, "references",
                   entry->references.value & ZC_ENTRY_COUNT_MASK);
        add(text, true,
            lab_entry_at(cache, zc_entry_slot(entry)) == index + 1
                ? "in the tree"
                : "not in the tree");
        say_lru(text, zswap, entry);
        say("entry", i + 1, text);
    }
}

/* --- slots and folios ------------------------------------------------ */

static void say_slot(const struct zc_cluster *cluster, unsigned slot)
    ZC_NO_LOCK_ANALYSIS
{
    const unsigned flags = cluster->flags[slot];
    struct zc_folio *const *cached = cluster->folios.value;
    char name[32];
    char text[TEXT] = "";

    slots[slot] = slots[slot] || flags != 0 || cluster->counts[slot] != 0;
    if (!slots[slot])
        return;
    if (cached != NULL && (flags & ZC_SLOT_CACHED) != 0)
        see(&folios, cached[slot]);
    add_number(text, "count", cluster->counts[slot]);
    add(text, (flags & ZC_SLOT_CACHED) != 0, "in the swap cache");
    add(text, (flags & ZC_SLOT_PINNED) != 0, "bare pin");
    add(text, (flags & ZC_SLOT_FREEING) != 0, "freeing");
    add(text, (flags & ZC_SLOT_WAITERS) != 0, "waited for");
    (void)snprintf(name, sizeof(name), "slot 0:%u", slot);
    lab_say_state(name, "%s", text);
}

static void say_slots(const struct zc_cache *cache)
{
    const struct zc_swap_device *device = &cache->swap.devices[0];
    const struct zc_cluster *cluster;

    if ((device->users.value & ZC_DEVICE_ON) == 0)
        return;
    cluster = lab_sparse_find(&device->clusters, 0);
    for (unsigned i = 0; cluster != NULL && i < SLOTS; i++)
        say_slot(cluster, i);
}

static void say_folio(char text[TEXT], const struct zc_folio *folio)
{
    static const char *const names[] = {"locked", "waiters",   "uptodate",
                                        "dirty",  "writeback", "swapcache",
                                        "stuck"};
    const uint32_t flags = folio->flags.value;

    add_number(text, "references", folio->references.value);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        add(text, (flags >> i & 1) != 0, names[i]);
    if ((flags & ZC_FOLIO_SWAPCACHE) != 0)
        add_slot(text, folio->swap);
}

static void say_folios(void)
{
    for (unsigned i = 0; i < folios.count; i++) {
        const struct zc_folio *folio = folios.objects[i];
        char text[TEXT] = "";

        if (lab_word_has(&folio->references, LAB_MARK_DEAD))
            add(text, true, "freed");
        else
            say_folio(text, folio);
        say("folio", i + 1, text);
    }
}

/* --- a machine: its folios are frames -------------------------------- */

static void say_frames(const struct zc_vm *vm) ZC_NO_LOCK_ANALYSIS
{
    for (unsigned i = 0; i < vm->frame_count; i++) {
        const struct zc_vm_frame *frame = &vm->frames[i];
        char text[TEXT] = "";

        if (frame->mapped != 0 || frame->folio.flags.value != 0)
            see(&folios, frame);
        for (unsigned k = 0; k < folios.count; k++) {
            if (folios.objects[k] != frame)
                continue;
            say_folio(text, &frame->folio);
            add_number(text, "mapped", frame->mapped);
            add(text, frame->is_isolated, "isolated");
            add(text, zc_list_is_empty(&frame->age), "on no list");
            say("frame", i, text);
        }
    }
}

static void say_page(const struct zc_vm *vm, char space, unsigned page,
                     zc_pte pte)
{
    char name[32];
    char text[TEXT] = "";

    if ((pte & ZC_PTE_PRESENT) != 0)
        add_number(text, "frame",
                   (unsigned long)(zc_pte_frame(vm, pte) - vm->frames));
    else if ((pte & ZC_PTE_SWAP) != 0)
        add_slot(text, zc_pte_slot(pte));
    else
        add(text, true, "nothing");
    add(text, (pte & ZC_PTE_WRITE) != 0, "writable");
    add(text, (pte & ZC_PTE_DIRTY) != 0, "dirty");
    (void)snprintf(name, sizeof(name), "page table %c:%u", space, page);
    lab_say_state(name, "%s", text);
}

void lab_state_of_space(const struct zc_vm_space *space, char name)
    ZC_NO_LOCK_ANALYSIS
{
    const struct zc_vm_table *table = space->tables[0].value;

    for (unsigned i = 0; table != NULL && i < space->page_count; i++)
        say_page(space->vm, name, i, table->entries[i]);
}

/* --- zspages --------------------------------------------------------- */

static void see_zspages(struct zc_group *group) ZC_NO_LOCK_ANALYSIS
{
    for (unsigned i = 0; i < ZC_FULLNESS_GROUPS; i++) {
        struct zc_list *list = &group->fullness[i];
        struct zc_list *link = list->next;

        for (unsigned k = 0; link != list && k < LISTED; k++) {
            see(&zspages, ZC_CONTAINER(link, struct zc_zspage, link));
            link = link->next;
        }
    }
}

static void say_zspage(unsigned number, const struct zc_zspage *zspage)
    ZC_NO_LOCK_ANALYSIS
{
    static const char *const lists[ZC_FULLNESS_GROUPS] = {
        "on list 0 %",  "on list 10 %", "on list 20 %", "on list 30 %",
        "on list 40 %", "on list 50 %", "on list 60 %", "on list 70 %",
        "on list 80 %", "on list 90 %", "on list 99 %", "on list 100 %"};
    const uint32_t bits = UINT32_C(3) << 30; /* LOCKED, RELEASE: pool/pin.c */
    const struct zc_group *group = zspage->group.value;
    char text[TEXT] = "";

    if (group == NULL) {
        say("zspage", number, "given back");
        return;
    }
    add_number(text, "group", group->index);
    add_number(text, "objects", zspage->objects);
    add_number(text, "pins", zspage->pin.value & ~bits);
    add(text, (zspage->pin.value >> 31 & 1) != 0, "locked");
    add(text, (zspage->pin.value >> 30 & 1) != 0, "to be released");
    add(text, zspage->reclaimed, "under reclaim");
    if (zspage->isolated || zspage->reclaimed)
        add(text, true, "on no list");
    else
        add(text, true, lists[zspage->fullness % ZC_FULLNESS_GROUPS]);
    say("zspage", number, text);
}

void lab_state_of_pool(struct zc_zspool *pool)
{
    for (unsigned i = 0; i < pool->group_count; i++)
        see_zspages(&pool->groups[i]);
    for (unsigned i = 0; i < zspages.count; i++)
        say_zspage(i + 1, zspages.objects[i]);
}

/* --- a cache --------------------------------------------------------- */

void lab_state_of_cache(const struct zc_cache *cache, const struct zc_vm *vm)
{
    say_entries(cache);
    say_slots(cache);
    if (vm == NULL)
        say_folios();
    else
        say_frames(vm);
    if (cache->zswap.entries.zspool != NULL)
        lab_state_of_pool(cache->zswap.entries.zspool);
}
