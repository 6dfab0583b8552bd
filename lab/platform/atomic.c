/* SPDX-License-Identifier: MIT */
/*
 * atomic.c - the atomics as steps.
 *
 * What counts references is a GET, a PUT or a TRY_GET, which commute as long as
 * no limit is near.  Any other change is an RMW.
 *
 * Initialising a word that no other thread knows is no step but a plain write:
 * if another thread does know the word, that is a race.
 *
 * A settled word is read without a step, because no thread writes it again.
 */
#include "platform/atomic.h"

#include "engine/met.h"
#include "lab_platform.h"
#include "site.h"
#include "watch/tsan.h"

#define CALLER __builtin_return_address(0)

/* "&entry->references" becomes "references" in the diagram. */
static const char *short_name(const char *name)
{
    const char *found = name;
    const char *at;

    for (at = name; *at != '\0'; at++) {
        if (*at == '.' || *at == '&')
            found = at + 1;
        else if (at[0] == '-' && at[1] == '>')
            found = at + 2;
    }
    return found;
}

void lab_name_word(const void *word, const char *name)
{
    if (lab_recording() && lab_object_number(word) == 0)
        (void)lab_object(word, short_name(name), -1, -1);
}

static void announce(unsigned kind, const void *word, size_t size,
                     const char *name, const struct lab_site *site,
                     const void *pc)
{
    unsigned writes = (kind & 0xffu) == LAB_READ ? 0 : LAB_ACCESS_WRITE;

    if (!lab_quiet) {
        lab_name_word(word, name);
        lab_robust_comes(false, (kind & ~0xffu) == 0 ? NULL : pc);
        lab_step(kind, word, site);
        lab_platform_failed(); /* a loop of finish does not end */
    }
    lab_access(word, size, LAB_ACCESS_ATOMIC | writes, pc);
}

/* A pointer into the region is shown, and hashed, by its offset. */
static uint64_t shown(const void *pointer)
{
    size_t offset = lab_region_offset(pointer);

    if (pointer == NULL)
        return 0;
    return offset < LAB_STACKS_AT ? offset + 1 : UINT64_MAX;
}

/* False: no step was needed. */
static bool read_step(const void *word, size_t size, unsigned flags,
                      const char *name, const struct lab_site *site,
                      const void *pc)
{
    if (lab_quiet)
        return false;
    if (flags == 0)
        lab_met(LAB_MET_RELAXED, pc);
    if (!lab_word_has(word, LAB_MARK_FINAL)) {
        announce(LAB_READ | flags, word, size, name, site, pc);
        return true;
    }
    lab_access(word, size, LAB_ACCESS_ATOMIC, pc);
    lab_clock_acquire(word);
    return false;
}

static void change_step(const void *word, size_t size, const char *name,
                        const struct lab_site *site, const void *pc)
{
    announce(LAB_RMW | LAB_ACQUIRE | LAB_RELEASE, word, size, name, site, pc);
}

/* A compare-exchange, or the load in its place. */
static void exchange_step(const void *word, size_t size, const char *name,
                          bool is_split, const struct lab_site *site,
                          const void *pc)
{
    if (!is_split)
        change_step(word, size, name, site, pc);
    else
        announce(LAB_READ | LAB_ACQUIRE, word, size, name, site, pc);
}

/* The store after it. */
static void store_step(const void *word, size_t size, const char *name,
                       const struct lab_site *site, const void *pc)
{
    lab_site_is_between(true);
    announce(LAB_WRITE | LAB_RELEASE, word, size, name, site, pc);
    lab_site_is_between(false);
}

/* The value that a load found or a store left. */
static void tell(uint64_t value)
{
    if (!lab_quiet)
        lab_value(value);
}

/* The result of a read-modify-write. */
static void changed_to(bool changed, uint64_t value)
{
    if (lab_quiet)
        return;
    lab_clock_exchanged(changed);
    if (!changed)
        lab_unchanged();
    lab_value(value);
}

static void exchanged(bool is_split, bool changed, uint64_t value)
{
    if (is_split)
        tell(value);
    else
        changed_to(changed, value);
}

/* ---- each word ---- */

/* `shown` is how a value is shown. */
/* NOLINTBEGIN(bugprone-macro-parentheses): types, parameters, no values */
#define LAB_ATOMIC_DEFINE(name, atomic, type, shown)                           \
    void atomic##_init(atomic *word, type value)                               \
    {                                                                          \
        lab_access(word, sizeof(*word), LAB_ACCESS_WRITE, CALLER);             \
        word->value = value;                                                   \
    }                                                                          \
                                                                               \
    type lab_##name##_load(const atomic *word, unsigned flags,                 \
                           const char *text, const struct lab_site *site)      \
    {                                                                          \
        bool stepped =                                                         \
            read_step(word, sizeof(*word), flags, text, site, CALLER);         \
        type value = word->value;                                              \
                                                                               \
        if (lab_sites.is_on)                                                   \
            lab_site_look(word, &value, sizeof(value), site, CALLER);          \
        if (stepped)                                                           \
            tell(shown(value));                                                \
        return value;                                                          \
    }                                                                          \
                                                                               \
    void lab_##name##_store(atomic *word, type value, unsigned flags,          \
                            const char *text, const struct lab_site *site)     \
    {                                                                          \
        if (flags == 0)                                                        \
            lab_met(LAB_MET_RELAXED, CALLER);                                  \
        announce(LAB_WRITE | flags, word, sizeof(*word), text, site, CALLER);  \
        word->value = value;                                                   \
        if (lab_sites.is_on)                                                   \
            lab_site_leave(word, NULL, &value, sizeof(value), site, CALLER);   \
        tell(shown(value));                                                    \
    }                                                                          \
                                                                               \
    bool lab_##name##_exchange_if(atomic *word, type *expected, type value,    \
                                  const char *text,                            \
                                  const struct lab_site *site)                 \
    {                                                                          \
        bool split = lab_sites.is_on && lab_site_is_split(word, site, CALLER); \
        type seen;                                                             \
                                                                               \
        exchange_step(word, sizeof(*word), text, split, site, CALLER);         \
        seen = word->value;                                                    \
        if (lab_sites.is_on)                                                   \
            lab_site_view(word, &seen, sizeof(seen));                          \
        if (seen != *expected) {                                               \
            *expected = seen;                                                  \
            if (lab_sites.is_on)                                               \
                lab_site_saw(word, &seen, sizeof(seen));                       \
            exchanged(split, false, shown(seen));                              \
            return false;                                                      \
        }                                                                      \
        if (split)                                                             \
            store_step(word, sizeof(*word), text, site, CALLER);               \
        if (lab_sites.is_on)                                                   \
            lab_site_leave(word, &seen, &value, sizeof(value), site, CALLER);  \
        word->value = value;                                                   \
        exchanged(split, true, shown(value));                                  \
        return true;                                                           \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

LAB_ATOMIC_DEFINE(u32, zc_atomic_u32, uint32_t, )
LAB_ATOMIC_DEFINE(u64, zc_atomic_u64, uint64_t, )
LAB_ATOMIC_DEFINE(pointer, zc_atomic_pointer, void *, shown)

/* ---- 32 bits ---- */

/* A reference that is not taken, or not dropped. */
static bool is_left_out(const zc_atomic_u32 *atomic, uint32_t value,
                        uint32_t *before_out, const struct lab_site *site,
                        const void *pc)
{
    const bool is_get = value <= UINT32_MAX / 2;
    const bool is_out =
        is_get ? lab_site_take(LAB_SITE_GET, atomic, value, site, pc)
               : lab_site_give(atomic, (uint32_t)0 - value, true, site);

    if (!is_out)
        return false;
    lab_access(atomic, sizeof(*atomic), LAB_ACCESS_ATOMIC, pc);
    *before_out = atomic->value;
    lab_site_view(atomic, before_out, sizeof(*before_out));
    /* The view has it after a get, and no more after a put. */
    *before_out -= value;
    return true;
}

/* An add, a get or a put was a look at the word, too. */
static void view_add(zc_atomic_u32 *atomic, uint32_t *before, uint32_t value,
                     const struct lab_site *site, const void *pc)
{
    uint32_t after;

    if (!lab_sites.is_on)
        return;
    lab_site_view(atomic, before, sizeof(*before));
    after = *before + value;
    lab_site_leave(atomic, NULL, &after, sizeof(after), site, pc);
}

uint32_t lab_u32_add(zc_atomic_u32 *atomic, uint32_t value, const char *name,
                     const struct lab_site *site)
{
    struct lab_site named = *site;
    uint32_t before;

    if (value == 1 || value == UINT32_MAX)
        named.verb = value == 1 ? "atomic_inc" : "atomic_dec";
    if (lab_sites.is_on && is_left_out(atomic, value, &before, &named, CALLER))
        return before;
    change_step(atomic, sizeof(*atomic), name, &named, CALLER);
    before = atomic->value;
    atomic->value = before + value;
    changed_to(true, atomic->value);
    view_add(atomic, &before, value, site, CALLER);
    return before;
}

/* ---- counts of references ---- */

static void count_step(unsigned kind, const zc_atomic_u32 *atomic,
                       uint32_t limit, const char *name,
                       const struct lab_site *site, const void *pc)
{
    if (!lab_quiet) {
        lab_name_word(atomic, name);
        lab_robust_comes(false, pc);
        lab_step_count(kind | LAB_ACQUIRE | LAB_RELEASE, atomic, limit, site);
        lab_platform_failed();
    }
    lab_access(atomic, sizeof(*atomic), LAB_ACCESS_ATOMIC | LAB_ACCESS_WRITE,
               pc);
}

/* The same, where the places of an exchange can be switched off. */
static bool get_by_exchange(zc_atomic_u32 *atomic, uint32_t limit,
                            const char *name, const struct lab_site *site,
                            const void *pc)
{
    const bool split = lab_site_is_split(atomic, site, pc);
    uint32_t seen;
    uint32_t left;

    exchange_step(atomic, sizeof(*atomic), name, split, site, pc);
    seen = atomic->value;
    lab_site_view(atomic, &seen, sizeof(seen));
    if (seen <= limit) {
        exchanged(split, false, seen);
        return false;
    }
    if (split)
        store_step(atomic, sizeof(*atomic), name, site, pc);
    left = seen + 1;
    lab_site_leave(atomic, &seen, &left, sizeof(left), site, pc);
    atomic->value = left;
    exchanged(split, true, left);
    return true;
}

uint32_t lab_u32_get(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                     const struct lab_site *site)
{
    uint32_t before;

    if (lab_sites.is_on && is_left_out(atomic, 1, &before, site, CALLER))
        return before & bits;
    count_step(LAB_GET, atomic, 0, name, site, CALLER);
    before = atomic->value++;
    tell(atomic->value & bits);
    view_add(atomic, &before, 1, site, CALLER);
    return before & bits;
}

uint32_t lab_u32_put(zc_atomic_u32 *atomic, uint32_t bits, uint32_t limit,
                     const char *name, const struct lab_site *site)
{
    uint32_t before;

    if (lab_sites.is_on &&
        is_left_out(atomic, UINT32_MAX, &before, site, CALLER))
        return (before - 1) & bits;
    count_step(LAB_PUT, atomic, limit, name, site, CALLER);
    before = atomic->value--;
    tell(atomic->value & bits);
    if ((atomic->value & bits) <= limit)
        lab_clock_last_put();
    view_add(atomic, &before, UINT32_MAX, site, CALLER);
    return (before - 1) & bits;
}

bool lab_u32_get_above(zc_atomic_u32 *atomic, uint32_t limit, const char *name,
                       const struct lab_site *site)
{
    bool got;

    if (lab_sites.is_on)
        return get_by_exchange(atomic, limit, name, site, CALLER);
    count_step(LAB_TRY_GET, atomic, limit, name, site, CALLER);
    got = atomic->value > limit;
    atomic->value += got ? 1 : 0;
    if (lab_quiet)
        return got;
    lab_clock_got(got);
    if (!got)
        lab_unchanged();
    tell(atomic->value);
    if (!got && lab_recording())
        lab_comment("refused");
    return got;
}

uint32_t lab_u32_or(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                    const struct lab_site *site)
{
    uint32_t before;

    change_step(atomic, sizeof(*atomic), name, site, CALLER);
    before = atomic->value;
    atomic->value = before | bits;
    changed_to(true, atomic->value);
    if (lab_sites.is_on)
        lab_site_view(atomic, &before, sizeof(before));
    return before;
}

uint32_t lab_u32_and(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                     const struct lab_site *site)
{
    uint32_t before;

    change_step(atomic, sizeof(*atomic), name, site, CALLER);
    before = atomic->value;
    atomic->value = before & bits;
    changed_to(true, atomic->value);
    if (lab_sites.is_on)
        lab_site_view(atomic, &before, sizeof(before));
    return before;
}

/* ---- counters: no steps ---- */

void zc_counter_add(zc_counter *counter, uint64_t value)
{
    lab_region_note_write(counter, sizeof(*counter));
    counter->value += value;
}

void zc_counter_subtract(zc_counter *counter, uint64_t value)
{
    lab_region_note_write(counter, sizeof(*counter));
    counter->value -= value;
}

uint64_t zc_counter_read(const zc_counter *counter)
{
    return counter->value;
}
