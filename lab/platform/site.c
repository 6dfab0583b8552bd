/* SPDX-License-Identifier: MIT */
/*
 * site.c - acquisitions are noted, or one of them is switched off.
 *
 * What a thread has is kept in a list of its own, with the frames of the calls
 * in which it took it.  The release shows which of these have returned
 * meanwhile: these are wrappers, and belong to the place.
 *
 * A recheck is a load, under what the thread has taken, of a word that it saw
 * before it took that; but for one that a compare-exchange follows, which looks
 * once more.
 */
#include "site.h"

#include <string.h>

#include "lab_platform.h"
#include "oracle/memory.h"
#include "watch/calls.h"

#define HELD 64
#define WORDS 64 /* that a thread remembers */
#define COUNT_BITS UINT32_C(0xffff)
#define FRAMES (LAB_SITE_CALLERS + 1)

struct held {
    const void *object;
    uint32_t amount;
    bool is_lock; /* or bits of one; else references */
    bool is_loose;
    unsigned number;          /* of the thread's acquisitions */
    struct lab_site_seen *at; /* or NULL */
    unsigned depth;
    unsigned frames[FRAMES]; /* the innermost first */
};

struct look {
    const void *word;
    uint64_t value;
    unsigned number;          /* acquisitions before it */
    struct lab_site_seen *at; /* or NULL */
};

struct owner {
    unsigned count;
    unsigned number;
    bool is_split; /* between the load and the store of an exchange */
    struct held held[HELD];
    unsigned looked;
    struct look looks[WORDS];
};

static struct owner owners[LAB_THREADS];

bool lab_site_has_loose;

static bool is_object(const void *object)
{
    for (unsigned i = 0; i < lab_sites.object_count; i++) {
        if (lab_sites.objects[i] == object)
            return true;
    }
    return false;
}

static struct look *find_look(struct owner *owner, const void *word)
{
    unsigned kept = owner->looked < WORDS ? owner->looked : WORDS;

    for (unsigned i = 0; i < kept; i++) {
        if (owner->looks[i].word == word)
            return &owner->looks[i];
    }
    return NULL;
}

/* The site that is switched off takes this object. */
static void learn(const void *object)
{
    if (!is_object(object) && lab_sites.object_count < LAB_SITE_OBJECTS)
        lab_sites.objects[lab_sites.object_count++] = object;
}

static bool is_inside(int thread)
{
    const struct owner *owner = &owners[thread];
    unsigned looked = owner->looked < WORDS ? owner->looked : WORDS;

    if (owner->is_split)
        return true;
    for (unsigned i = 0; i < owner->count; i++) {
        if (owner->held[i].is_loose || is_object(owner->held[i].object))
            return true;
    }
    if (lab_sites.off.kind != LAB_SITE_RECHECK)
        return false;
    for (unsigned i = 0; i < looked; i++) {
        if (is_object(owner->looks[i].word))
            return true;
    }
    return false;
}

void lab_site_reset(void)
{
    lab_site_has_loose = false;
    if (!lab_sites.is_on)
        return;
    for (unsigned i = 0; i < LAB_THREADS; i++) {
        owners[i].count = 0;
        owners[i].number = 0;
        owners[i].looked = 0;
        owners[i].is_split = false;
    }
    lab_sites.is_inside = is_inside;
}

/* NULL: nothing is of interest now. */
static struct owner *this_owner(void)
{
    int thread = lab_thread();

    if (!lab_sites.is_on || lab_quiet || thread <= 0 || lab_in_oracle())
        return NULL;
    return &owners[thread];
}

/* --- places ---------------------------------------------------------- */

static void fill_place(struct lab_site_place *place, enum lab_site_kind kind,
                       const void *pc)
{
    memset(place, 0, sizeof(*place));
    place->kind = kind;
    place->pc = pc;
    (void)lab_callers_of(lab_thread(), place->callers, LAB_SITE_CALLERS);
}

/* The notes of a place; NULL: none are made. */
static struct lab_site_seen *note(enum lab_site_kind kind,
                                  const struct lab_site *site, const void *pc)
{
    struct lab_site_notes *notes = lab_sites.notes;
    struct lab_site_place place;
    struct lab_site_seen *seen;

    if (notes == NULL)
        return NULL;
    fill_place(&place, kind, pc);
    for (unsigned i = 0; i < notes->count; i++) {
        seen = &notes->seen[i];
        if (memcmp(&seen->place, &place, sizeof(place)) == 0)
            return seen;
    }
    if (notes->count == LAB_SITES_MOST) {
        notes->is_full = true;
        return NULL;
    }
    seen = &notes->seen[notes->count++];
    seen->place = place;
    seen->site = *site;
    return seen;
}

/* Is this place switched off? */
static bool is_off(enum lab_site_kind kind, const void *pc)
{
    struct lab_site_place place;

    if (!lab_sites.is_off || lab_sites.off.kind != kind ||
        lab_sites.off.pc != pc)
        return false;
    fill_place(&place, kind, pc);
    if (memcmp(place.callers, lab_sites.off.callers,
               lab_sites.levels * sizeof(place.callers[0])) != 0)
        return false;
    return true;
}

/* --- what a thread has ----------------------------------------------- */

/* How many of the calls around an acquisition have returned since.  What is
 * kept for longer has a home of its own: then it is the first of them. */
static unsigned levels_of(const struct held *held)
{
    unsigned level = 0;

    while (level < LAB_SITE_CALLERS && level < held->depth &&
           lab_call_frame(lab_thread(), held->depth - 1 - level) !=
               held->frames[level])
        level++;
    return level == LAB_SITE_CALLERS ? 1 : level;
}

static struct held *keep(struct owner *owner, const void *object,
                         uint32_t amount, bool is_lock)
{
    struct held *held;

    owner->number++;
    if (owner->count == HELD)
        return NULL;
    held = &owner->held[owner->count++];
    memset(held, 0, sizeof(*held));
    held->object = object;
    held->amount = amount;
    held->is_lock = is_lock;
    held->number = owner->number;
    held->depth = lab_call_depth(lab_thread());
    for (unsigned i = 0; i < FRAMES && i < held->depth; i++)
        held->frames[i] = lab_call_frame(lab_thread(), held->depth - 1 - i);
    return held;
}

/* The latest that fits; NULL: none does. */
static struct held *find(struct owner *owner, const void *object,
                         uint32_t amount, bool is_loose)
{
    for (unsigned i = owner->count; i > 0; i--) {
        struct held *held = &owner->held[i - 1];

        if (held->object == object && held->amount == amount &&
            held->is_loose == is_loose)
            return held;
    }
    return NULL;
}

static void drop(struct owner *owner, struct held *held)
{
    size_t after = (size_t)(&owner->held[owner->count] - held) - 1;

    memmove(held, held + 1, after * sizeof(*held));
    owner->count--;
}

/* A step in place of one that is not made. */
static void step_instead(const struct lab_site *site)
{
    lab_step(LAB_POINT, NULL, site);
    if (lab_recording())
        lab_comment("switched off");
}

static void update_loose(void)
{
    lab_site_has_loose = false;
    for (unsigned i = 1; i < LAB_THREADS; i++) {
        for (unsigned k = 0; k < owners[i].count; k++)
            lab_site_has_loose =
                lab_site_has_loose ||
                (owners[i].held[k].is_loose && owners[i].held[k].is_lock);
    }
}

/* True: this place is switched off. */
static bool take(struct owner *owner, enum lab_site_kind kind,
                 const void *object, uint32_t amount,
                 const struct lab_site *site, const void *pc)
{
    struct held *held = keep(owner, object, amount, kind != LAB_SITE_GET);

    if (held == NULL) /* a loop takes it again and again */
        return false;
    held->is_loose = is_off(kind, pc);
    if (held->is_loose) {
        learn(object);
        update_loose();
    } else {
        held->at = note(kind, site, pc);
    }
    return held->is_loose;
}

bool lab_site_take(enum lab_site_kind kind, const void *object, uint32_t amount,
                   const struct lab_site *site, const void *pc)
{
    struct owner *owner = this_owner();

    if (owner == NULL || !take(owner, kind, object, amount, site, pc))
        return false;
    step_instead(site);
    return true;
}

/* Another thread may release what one has not taken. */
static bool give_for_another(const void *object, uint32_t amount)
{
    for (unsigned i = 1; i < LAB_THREADS; i++) {
        struct held *held = find(&owners[i], object, amount, true);

        if (held == NULL || !held->is_lock)
            continue;
        drop(&owners[i], held);
        return true;
    }
    return false;
}

/* The unlock that follows a lock of the same thread that was taken belongs to
 * that. */
static bool was_taken_since(struct owner *owner, const void *object,
                            uint32_t amount, const struct held *loose)
{
    const struct held *taken = find(owner, object, amount, false);

    return loose->is_lock && taken != NULL && taken > loose;
}

static void note_release(struct owner *owner, struct held *held)
{
    if (held->at != NULL) {
        unsigned levels = levels_of(held);

        held->at->is_released = true;
        if (levels > held->at->levels)
            held->at->levels = levels;
    }
    drop(owner, held);
}

/* True: it was not taken. */
static bool give(struct owner *owner, const void *object, uint32_t amount,
                 bool is_held)
{
    struct held *held = find(owner, object, amount, true);
    bool is_loose = false;

    if (held != NULL && !was_taken_since(owner, object, amount, held)) {
        drop(owner, held);
        is_loose = true;
    } else if ((held = find(owner, object, amount, false)) != NULL) {
        note_release(owner, held);
    } else if (!is_held) {
        is_loose = give_for_another(object, amount);
    }
    if (is_loose)
        update_loose();
    return is_loose;
}

bool lab_site_give(const void *object, uint32_t amount, bool is_held,
                   const struct lab_site *site)
{
    struct owner *owner = this_owner();

    if (owner == NULL || !give(owner, object, amount, is_held))
        return false;
    step_instead(site);
    return true;
}

bool lab_site_is_loose(const void *object)
{
    struct owner *owner = this_owner();

    return owner != NULL && lab_site_has_loose &&
           find(owner, object, 0, true) != NULL;
}

bool lab_site_is_busy(const struct lab_site *site, const void *pc)
{
    if (this_owner() == NULL)
        return false;
    (void)note(LAB_SITE_BUSY, site, pc);
    if (!is_off(LAB_SITE_BUSY, pc))
        return false;
    step_instead(site);
    return true;
}

bool lab_site_is_open(const void *object, uint32_t amount,
                      const struct lab_site *site, const void *pc)
{
    struct owner *owner = this_owner();
    struct held *held;

    if (owner == NULL || !is_off(LAB_SITE_TRYLOCK, pc))
        return false;
    held = keep(owner, object, amount, true);
    if (held == NULL)
        return false;
    held->is_loose = true;
    learn(object);
    update_loose();
    step_instead(site);
    return true;
}

bool lab_site_is_split(const void *word, const struct lab_site *site,
                       const void *pc)
{
    struct owner *owner = this_owner();
    struct look *look;

    if (owner == NULL)
        return false;
    look = find_look(owner, word);
    if (look != NULL && look->at != NULL)
        look->at->is_compared = true;
    (void)note(LAB_SITE_EXCHANGE, site, pc);
    return is_off(LAB_SITE_EXCHANGE, pc);
}

void lab_site_is_between(bool is)
{
    struct owner *owner = this_owner();

    if (owner != NULL)
        owner->is_split = is;
}

/* --- words ----------------------------------------------------------- */

/* What a thread has of a word and did not take. */
static void loose_of(const struct owner *owner, const void *word,
                     uint32_t *count_out, uint32_t *bits_out)
{
    *count_out = 0;
    *bits_out = 0;
    for (unsigned i = 0; i < owner->count; i++) {
        const struct held *held = &owner->held[i];

        if (held->object != word || !held->is_loose)
            continue;
        if (held->is_lock)
            *bits_out |= held->amount;
        else
            *count_out += held->amount;
    }
}

void lab_site_view(const void *word, void *value, size_t size)
{
    struct owner *owner = this_owner();
    uint32_t count;
    uint32_t bits;
    uint32_t own;

    if (owner == NULL || owner->count == 0 || size != sizeof(own))
        return;
    loose_of(owner, word, &count, &bits);
    memcpy(&own, value, sizeof(own));
    own = (own + count) | bits;
    memcpy(value, &own, sizeof(own));
}

static void remember(struct owner *owner, const void *word, const void *value,
                     size_t size, struct lab_site_seen *at)
{
    struct look *look = find_look(owner, word);

    if (look == NULL)
        look = &owner->looks[owner->looked++ % WORDS];
    look->word = word;
    look->value = 0;
    memcpy(&look->value, value, size);
    look->number = owner->number;
    look->at = at;
}

/* Has the thread taken something since, that it still has? */
static bool has_taken_since(const struct owner *owner, const struct look *look)
{
    for (unsigned i = owner->count; i > 0; i--) {
        if (owner->held[i - 1].number > look->number)
            return true;
    }
    return false;
}

void lab_site_look(const void *word, void *value, size_t size,
                   const struct lab_site *site, const void *pc)
{
    struct owner *owner = this_owner();
    struct lab_site_seen *at = NULL;
    const struct look *look;

    if (owner == NULL)
        return;
    lab_site_view(word, value, size);
    look = find_look(owner, word);
    if (look != NULL && has_taken_since(owner, look)) {
        if (memcmp(&look->value, value, size) != 0)
            at = note(LAB_SITE_RECHECK, site, pc);
        if (is_off(LAB_SITE_RECHECK, pc)) {
            learn(word);
            memcpy(value, &look->value, size);
            return; /* it has not looked */
        }
    }
    remember(owner, word, value, size, at);
}

void lab_site_saw(const void *word, const void *value, size_t size)
{
    struct owner *owner = this_owner();

    if (owner != NULL)
        remember(owner, word, value, size, NULL);
}

/* A reference is taken or dropped by an exchange. */
static void change_count(struct owner *owner, const void *word, uint32_t before,
                         uint32_t after, const struct lab_site *site,
                         const void *pc)
{
    const uint32_t change = (after & COUNT_BITS) - (before & COUNT_BITS);

    if (change == 1)
        (void)take(owner, LAB_SITE_GET, word, 1, site, pc);
    else if (change == UINT32_MAX)
        (void)give(owner, word, 1, true);
}

void lab_site_leave(const void *word, const void *before, void *value,
                    size_t size, const struct lab_site *site, const void *pc)
{
    struct owner *owner = this_owner();
    uint32_t was;
    uint32_t left;
    uint32_t real;
    uint32_t count;
    uint32_t bits;

    if (owner == NULL)
        return;
    remember(owner, word, value, size, NULL);
    if (size != sizeof(left) || before == NULL)
        return;
    memcpy(&was, before, sizeof(was));
    memcpy(&left, value, sizeof(left));
    change_count(owner, word, was, left, site, pc);
    memcpy(&real, word, sizeof(real));
    loose_of(owner, word, &count, &bits);
    left = ((left - count) & ~bits) | (real & bits);
    memcpy(value, &left, sizeof(left));
}

/* --- accesses -------------------------------------------------------- */

void lab_site_access(const void *memory, const void *pc)
{
    struct owner *owner = this_owner();

    (void)pc;
    if (owner == NULL || lab_region_offset(memory) >= LAB_STACKS_AT)
        return;
    for (unsigned i = 0; i < owner->count; i++) {
        if (owner->held[i].is_loose && owner->held[i].is_lock) {
            lab_step(LAB_POINT, NULL, LAB_SITE("access"));
            return;
        }
    }
}
