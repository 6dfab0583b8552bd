/* SPDX-License-Identifier: MIT */
/*
 * toys.c - founding races in miniature, as scenarios: the explorer and its
 * diagrams can be tried without the library.
 */
#include <stddef.h>
#include <string.h>

#include "engine/scenario.h"

/* A step that does not name its function. */
#define TOY_SITE(verb_)                                                        \
    (&(const struct lab_site){(verb_), NULL, __FILE__, __LINE__})

static char broken[LAB_RULES_BROKEN * LAB_RULE_CHARS]; /* a list */

static bool holds(const char *rule)
{
    int place = lab_rule_index(broken, rule);

    lab_rule_missed(place);
    return place < 0;
}

static bool is_among(const char *rule, const char *const *rules)
{
    for (; *rules != NULL; rules++) {
        if (strcmp(rule, *rules) == 0)
            return true;
    }
    return false;
}

static bool break_among(const char *list, const char *const *rules)
{
    const char *rest = list;
    char rule[LAB_RULE_CHARS];

    broken[0] = '\0';
    while (lab_rule_next(&rest, rule)) {
        if (!is_among(rule, rules))
            return false;
    }
    if (list != NULL && strlen(list) < sizeof(broken))
        memcpy(broken, list, strlen(list) + 1);
    return true;
}

/* --- an entry, as the tree holds it ---------------------------------- */

static struct {
    int shard;
    bool linked;
    bool freed;
    int references;
    int freed_by;
} toy;

static void setup_entry(void *context)
{
    (void)context;
    memset(&toy, 0, sizeof(toy));
    toy.linked = true;
    toy.references = 1;
    lab_object(&toy.shard, "shard", 0, -1);
    lab_opening("entry at 0:7, 1 ref");
}

static void use(const char *function)
{
    lab_note("%s()", function);
    if (!toy.freed)
        return;
    lab_detail("entry: allocated before start, freed by CPU#%d", toy.freed_by);
    lab_fail("entry used after free", "by %s()", function);
}

static void get_entry(void)
{
    use("zc_entry_get");
    toy.references++;
    lab_comment("%d refs", toy.references);
}

static void put_entry(void)
{
    use("zc_entry_put");
    toy.references--;
    toy.freed = toy.references == 0;
    toy.freed_by = lab_thread();
    if (toy.freed)
        lab_comment("0 refs, freed");
    else
        lab_comment("%d ref%s", toy.references, toy.references == 1 ? "" : "s");
}

/* Unlinks the entry; the thread that unlinks it drops the tree's reference. */
static void forget_entry(void)
{
    bool unlinked;

    use("zc_tree_unlink");
    unlinked = toy.linked;
    toy.linked = false;
    if (!unlinked)
        lab_comment("not linked");
    if (unlinked || !holds("TREE_REF_DROPPED_BY_UNLINKER"))
        put_entry();
}

static void lock_shard(void)
{
    lab_lock(&toy.shard, TOY_SITE("spin_lock"));
}

static void unlock_shard(void)
{
    lab_unlock(&toy.shard, TOY_SITE("spin_unlock"));
}

static void take(void *context)
{
    bool found;

    (void)context;
    lock_shard();
    found = toy.linked;
    if (found)
        get_entry();
    else
        lab_note("not found");
    unlock_shard();
    if (!found)
        return;
    lab_step(LAB_POINT, NULL, TOY_SITE("decompress"));
    lock_shard();
    if (!holds("OWN_REF_OUTLIVES_INVALIDATE"))
        put_entry();
    forget_entry();
    if (holds("OWN_REF_OUTLIVES_INVALIDATE"))
        put_entry();
    unlock_shard();
}

static void invalidate(void *context)
{
    (void)context;
    lock_shard();
    if (toy.linked)
        forget_entry();
    else
        lab_note("not found");
    unlock_shard();
}

static void check_entry(void *context)
{
    (void)context;
    if (toy.references != 0)
        lab_fail("references at the end", "%d", toy.references);
}

static const char *const entry_rules[] = {"OWN_REF_OUTLIVES_INVALIDATE",
                                          "TREE_REF_DROPPED_BY_UNLINKER", NULL};

static bool break_entry(const char *rule)
{
    return break_among(rule, entry_rules);
}

static const struct lab_actor take_invalidate[] = {
    {"zc_cache_take(0:7)", take}, {"zc_cache_invalidate(0:7)", invalidate}};
static const struct lab_actor take_take_invalidate[] = {
    {"zc_cache_take(0:7)", take},
    {"zc_cache_take(0:7)", take},
    {"zc_cache_invalidate(0:7)", invalidate}};

static const struct lab_scenario double_invalidate = {
    .summary = "an exclusive load and an invalidate of one entry",
    .program = {.name = "toy-double-invalidate",
                .setup = setup_entry,
                .finish = check_entry,
                .actors = take_invalidate,
                .actor_count = 2,
                .disposable = true},
    .break_rule = break_entry,
    .rules = entry_rules,
    .bound = LAB_NO_BOUND,
};

static const struct lab_scenario three = {
    .summary = "two exclusive loads and an invalidate of one entry",
    .program = {.name = "toy-three",
                .setup = setup_entry,
                .finish = check_entry,
                .actors = take_take_invalidate,
                .actor_count = 3,
                .disposable = true},
    .break_rule = break_entry,
    .rules = entry_rules,
    .bound = LAB_NO_BOUND,
};

/* --- an address is no identity --------------------------------------- */

static struct {
    int shard;
    int linked; /* the entry at the slot, 0: none */
    int stored; /* what is stored in the entry at the slot now */
    int next;
    bool wrong;
} slot;

static void setup_slot(void *context)
{
    (void)context;
    memset(&slot, 0, sizeof(slot));
    slot.linked = 1;
    slot.stored = 1;
    slot.next = 2;
    lab_object(&slot.shard, "shard", 0, -1);
    lab_opening("entry 1 at 0:7 holds page A");
}

/* Looks, writes back what it saw, looks again, and forgets the entry. */
static void write_back(void *context)
{
    int candidate;
    int page;

    (void)context;
    lab_lock(&slot.shard, TOY_SITE("spin_lock"));
    candidate = slot.linked;
    page = slot.stored;
    lab_note("candidate = entry %d", candidate);
    lab_unlock(&slot.shard, TOY_SITE("spin_unlock"));
    lab_step(LAB_POINT, NULL, TOY_SITE("decompress"));
    lab_lock(&slot.shard, TOY_SITE("spin_lock"));
    lab_note("still entry %d?", candidate);
    if (slot.linked == candidate) {
        lab_comment("yes");
        slot.linked = 0;
        if (slot.stored != page)
            lab_fail("stale page written", "page %c instead of %c",
                     'A' + page - 1, 'A' + slot.stored - 1);
    }
    lab_unlock(&slot.shard, TOY_SITE("spin_unlock"));
}

static void invalidate_and_store(void *context)
{
    bool reused;

    (void)context;
    lab_lock(&slot.shard, TOY_SITE("spin_lock"));
    lab_note("unlink and free entry %d", slot.linked);
    slot.linked = 0;
    lab_unlock(&slot.shard, TOY_SITE("spin_unlock"));
    /* A reference keeps the entry from being freed, and so reused. */
    reused = lab_pick(2, "entry reused") == 1 && !holds("ENTRY_KNOWN_BY_REF");
    lab_lock(&slot.shard, TOY_SITE("spin_lock"));
    slot.linked = reused ? 1 : slot.next++;
    slot.stored = 2;
    lab_note("link entry %d", slot.linked);
    lab_comment("page B");
    lab_unlock(&slot.shard, TOY_SITE("spin_unlock"));
}

static const char *const reuse_rules[] = {"ENTRY_KNOWN_BY_REF", NULL};

static bool break_reuse(const char *rule)
{
    return break_among(rule, reuse_rules);
}

static const struct lab_actor reuse_actors[] = {
    {"writeback", write_back}, {"invalidate; store", invalidate_and_store}};

static const struct lab_scenario reuse = {
    .summary = "writeback and a slot stored anew, in the same entry",
    .program = {.name = "toy-reuse",
                .setup = setup_slot,
                .actors = reuse_actors,
                .actor_count = 2,
                .disposable = true},
    .break_rule = break_reuse,
    .rules = reuse_rules,
    .bound = LAB_NO_BOUND,
};

/* --- a folio lock ---------------------------------------------------- */

static int folio;
static int tree;

static void setup_locks(void *context)
{
    (void)context;
    lab_object(&folio, "folio", 7, -1);
    lab_object(&tree, "tree", -1, -1);
}

static void folio_then_tree(void *context)
{
    (void)context;
    lab_lock(&folio, TOY_SITE("folio_lock"));
    lab_lock(&tree, TOY_SITE("spin_lock"));
    lab_unlock(&tree, TOY_SITE("spin_unlock"));
    lab_unlock(&folio, TOY_SITE("folio_unlock"));
}

static void tree_then_folio(void *context)
{
    (void)context;
    lab_lock(&tree, TOY_SITE("spin_lock"));
    if (holds("WRITEBACK_PINS_FIRST"))
        lab_unlock(&tree, TOY_SITE("spin_unlock"));
    lab_lock(&folio, TOY_SITE("folio_lock"));
    lab_unlock(&folio, TOY_SITE("folio_unlock"));
    if (!holds("WRITEBACK_PINS_FIRST"))
        lab_unlock(&tree, TOY_SITE("spin_unlock"));
}

static const char *const lock_rules[] = {"WRITEBACK_PINS_FIRST", NULL};

static bool break_locks(const char *rule)
{
    return break_among(rule, lock_rules);
}

static const struct lab_actor lock_actors[] = {{"fault", folio_then_tree},
                                               {"writeback", tree_then_folio}};

static const struct lab_scenario deadlock = {
    .summary = "a folio locked under the tree lock",
    .program = {.name = "toy-deadlock",
                .setup = setup_locks,
                .actors = lock_actors,
                .actor_count = 2,
                .disposable = true},
    .break_rule = break_locks,
    .rules = lock_rules,
    .bound = LAB_NO_BOUND,
};

const struct lab_scenario *const lab_toy_scenarios[] = {
    &double_invalidate, &three, &reuse, &deadlock, NULL};
