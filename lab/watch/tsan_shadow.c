/* SPDX-License-Identifier: MIT */
/*
 * tsan_shadow.c - the accesses that later ones are compared with.
 *
 * For each eight bytes it keeps accesses: bytes, thread, time, place.  A byte
 * of an earlier access is dropped when the new one covers it and is ordered
 * after it, because whatever races with it races with the new one too.  Nothing
 * else is dropped.  A new access of a thread covers what the thread did of the
 * same kind before, so that MOST accesses are all that a word can have.
 */
#include "tsan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/mutant.h"
#include "platform/lab_platform.h"

#define WORD_BYTES 8u
#define FEW 5 /* accesses that a word has room for; more are elsewhere */
#define KINDS 4
#define MOST ((LAB_THREADS - 1) * WORD_BYTES * KINDS)
#define PAGE_WORDS (LAB_PAGE_BYTES / WORD_BYTES)
#define NEAR_NULL ((uintptr_t)1 << 20) /* below every program */

struct access {
    uint32_t tick;
    int32_t place; /* distance of the program counter from here */
    uint8_t bytes; /* a bit each */
    uint8_t thread;
    uint8_t access;
};

struct word {
    uint32_t execution;
    uint16_t count;
    uint16_t room;       /* of `more`; 0: they are in `few` */
    struct access *more; /* kept for later executions */
    struct access few[FEW];
};

struct page {
    uint32_t execution; /* the last one with an access here */
    struct word words[PAGE_WORDS];
};

static struct page *pages[LAB_REGION_PAGES];
static uint32_t execution;

void lab_shadow_reset(void)
{
    execution++;
}

static const char here[1];

static int32_t place_of(const void *pc)
{
    return (int32_t)((const char *)pc - here);
}

/* Whether nothing of a page was accessed in this execution. */
static bool is_untouched(const struct page *page)
{
    return page == NULL || page->execution != execution;
}

/* The accesses of a word, to add one. */
static struct word *word_at(size_t word)
{
    struct page **page = &pages[word / PAGE_WORDS];
    struct word *found;

    if (*page == NULL) {
        *page = calloc(1, sizeof(**page));
        if (*page == NULL)
            abort();
    }
    (*page)->execution = execution;
    found = &(*page)->words[word % PAGE_WORDS];
    if (found->execution != execution) {
        found->execution = execution;
        found->count = 0;
    }
    return found;
}

static const char *verb_of(unsigned access)
{
    if ((access & LAB_ACCESS_ATOMIC) != 0)
        return "atomic access";
    return (access & LAB_ACCESS_WRITE) != 0 ? "write" : "read";
}

/* Out of line, so that the comparison stays short. */
__attribute__((noinline)) static void report(const void *memory,
                                             const struct access *before,
                                             int thread, unsigned access,
                                             const void *pc)
{
    size_t offset;
    const char *name;

    if (before->tick <= lab_clocks[thread].ticks[before->thread]) {
        lab_doubt_order(); /* not in this order */
        return;
    }
    if (lab_is_passed("data race"))
        return;
    name = lab_memory_name(memory, &offset);
    lab_detail("%s by CPU#%d at %s, %s", verb_of(before->access),
               before->thread, lab_place_of(here + before->place),
               lab_when(lab_step_of(before->tick)));
    lab_detail("%s by CPU#%d at %s, now", verb_of(access), thread,
               lab_place_of(pc));
    lab_memory_describe(memory);
    lab_note_earlier(before->thread, lab_step_of(before->tick),
                     (before->access & LAB_ACCESS_WRITE) != 0 ? "writes"
                                                              : "reads",
                     name, here + before->place);
    lab_note_access((access & LAB_ACCESS_WRITE) != 0, name, pc);
    lab_fail("data race", "on %s+%zu: nothing orders CPU#%d and CPU#%d", name,
             offset, before->thread, thread);
}

/* An access of this thread, as it is compared and kept. */
struct now {
    struct access access; /* but for the bytes */
    const uint32_t *known;
    const void *pc;
};

/* Whether they conflict and are not ordered. */
static bool races(const struct access *before, const struct now *now,
                  uint8_t bytes)
{
    return before->tick > now->known[before->thread] &&
           (before->bytes & bytes) != 0 &&
           ((before->access | now->access.access) & LAB_ACCESS_WRITE) != 0 &&
           (before->access & now->access.access & LAB_ACCESS_ATOMIC) == 0 &&
           before->thread != now->access.thread;
}

/* Whether the new access makes those bytes of an earlier one superfluous that
 * both have. */
static bool hides(const struct now *now, const struct access *before)
{
    if (before->tick > now->known[before->thread] &&
        !LAB_MUTANT(HIDDEN_UNORDERED))
        return false;
    return before->access == now->access.access ||
           now->access.access == LAB_ACCESS_WRITE || LAB_MUTANT(HIDDEN_BY_READ);
}

/* The same but for the bytes: a loop over them. */
static bool is_same(const struct access *one, const struct access *two)
{
    return one->tick == two->tick && one->place == two->place &&
           one->thread == two->thread && one->access == two->access;
}

static struct access *accesses_of(struct word *word)
{
    return word->room == 0 ? word->few : word->more;
}

/* The first of these bytes of a word, of which there are some. */
static const char *first_byte(size_t word, unsigned bytes)
{
    return lab_region_at(word * WORD_BYTES + (size_t)__builtin_ctz(bytes));
}

static void check_word(size_t word, uint8_t bytes, const struct now *now)
{
    struct word *found = &pages[word / PAGE_WORDS]->words[word % PAGE_WORDS];
    const struct access *accesses;

    if (found->execution != execution)
        return;
    accesses = accesses_of(found);
    for (uint32_t i = 0; i < found->count; i++) {
        if (!races(&accesses[i], now, bytes))
            continue;
        report(first_byte(word, accesses[i].bytes & bytes), &accesses[i],
               now->access.thread, now->access.access, now->pc);
        return;
    }
}

/* Makes room for one access more. */
static void grow(struct word *word)
{
    size_t room = word->room == 0 ? 4 * FEW : 2 * (size_t)word->room;

    if (room > MOST)
        room = MOST;
    word->more = realloc(word->more, room * sizeof(*word->more));
    if (word->more == NULL)
        abort();
    if (word->room == 0)
        memcpy(word->more, word->few, sizeof(word->few));
    word->room = (uint16_t)room;
}

static void add(struct word *word, const struct access *own)
{
    if (LAB_MUTANT(FULL_WORD_FORGETS) && word->count == FEW)
        accesses_of(word)[0] = accesses_of(word)[--word->count];
    if (word->count == (word->room == 0 ? FEW : word->room))
        grow(word);
    accesses_of(word)[word->count++] = *own;
}

/* Compares the access with earlier ones and keeps it. */
static void note_word(size_t word, uint8_t bytes, const struct now *now)
{
    struct word *found = word_at(word);
    struct access *before = accesses_of(found);
    struct access *kept = before;
    struct access own = now->access;
    const struct access *end = before + found->count;

    own.bytes = bytes;
    for (; before < end; before++) {
        if (races(before, now, bytes))
            report(first_byte(word, before->bytes & bytes), before, own.thread,
                   own.access, now->pc);
        if (hides(now, before)) {
            if ((before->bytes & ~bytes) == 0)
                continue;
            before->bytes &= (uint8_t)~bytes;
            if (is_same(before, &own)) {
                own.bytes |= LAB_MUTANT(LOOP_FORGOTTEN) ? 0 : before->bytes;
                continue;
            }
        }
        if (kept != before)
            *kept = *before;
        kept++;
    }
    found->count = (uint16_t)(kept - accesses_of(found));
    add(found, &own);
}

/* Bytes [from, to) of a word as bits. */
static uint8_t bits_of(size_t from, size_t to)
{
    return (uint8_t)((0xffu << from) & (0xffu >> (WORD_BYTES - to)));
}

static struct now now_of(int thread, unsigned access, const void *pc)
{
    struct now now = {
        .access = {.tick = lab_clocks[thread].ticks[thread],
                   .place = place_of(pc),
                   .thread = (uint8_t)thread,
                   .access = (uint8_t)access},
        .known = lab_orders_less ? lab_weak_clocks[thread].ticks
                                 : lab_clocks[thread].ticks,
        .pc = pc,
    };

    if ((access & LAB_ACCESS_ATOMIC) != 0)
        now.access.tick &= ~1u; /* the time of the step itself */
    return now;
}

void lab_shadow_check(const void *memory, size_t size, unsigned access,
                      const void *pc)
{
    struct now now;
    size_t at = lab_region_offset(memory);
    size_t end = at + size;

    lab_touched(memory, size, (access & LAB_ACCESS_WRITE) != 0);
    if (lab_orders_less)
        lab_weak_access(memory, size, (access & LAB_ACCESS_WRITE) != 0);
    now = now_of(lab_thread(), access, pc);
    while (at < end) {
        size_t word = at / WORD_BYTES;
        size_t stop = (word + 1) * WORD_BYTES;

        if (stop > end)
            stop = end;
        if (is_untouched(pages[word / PAGE_WORDS])) {
            at = (word / PAGE_WORDS + 1) * LAB_PAGE_BYTES;
            continue;
        }
        check_word(word, bits_of(at % WORD_BYTES, stop - word * WORD_BYTES),
                   &now);
        at = stop;
    }
}

static void note(int thread, size_t at, size_t size, unsigned access,
                 const void *pc)
{
    struct now now = now_of(thread, access, pc);
    size_t end = at + size;

    while (at < end) {
        size_t word = at / WORD_BYTES;
        size_t stop = (word + 1) * WORD_BYTES;

        if (stop > end)
            stop = end;
        note_word(word, bits_of(at % WORD_BYTES, stop - word * WORD_BYTES),
                  &now);
        at = stop;
    }
}

/* Whether the upper half of an address is this byte again and again. */
static bool is_filled(uintptr_t address, uintptr_t byte)
{
    const unsigned half = sizeof(address) * 4;

    return address >> half == UINTPTR_MAX / 0xffu * byte >> half;
}

/* A wild address: near NULL, or read from memory that is freed or fresh. */
static bool is_wild(uintptr_t address)
{
    return address < NEAR_NULL || is_filled(address, LAB_POISON) ||
           is_filled(address, LAB_FRESH);
}

/*
 * Most accesses to a stack are by its own thread, and no other ever uses it.
 * They are not kept until another thread does.  Then the execution is run once
 * more: whether one of them races, it shows then.
 */
static unsigned shared_stacks; /* set of threads */

static bool is_private(const void *memory)
{
    return (uintptr_t)memory - lab_own_stack < LAB_STACK_BYTES &&
           (shared_stacks >> (unsigned)lab_thread() & 1) == 0;
}

static void note_stack(size_t offset, int thread)
{
    unsigned owner = (unsigned)((offset - LAB_STACKS_AT) / LAB_STACK_BYTES);

    if ((int)owner == thread || (shared_stacks >> owner & 1) != 0)
        return;
    shared_stacks |= 1u << owner;
    lab_repeat();
}

void lab_access(const void *memory, size_t size, unsigned access,
                const void *pc)
{
    size_t offset;
    int thread;

    if (is_private(memory))
        return;
    offset = lab_region_offset(memory);
    if (lab_quiet) {
        if ((access & LAB_ACCESS_WRITE) != 0)
            lab_region_note_write(memory, size);
        return;
    }
    if (offset >= LAB_REGION_BYTES) {
        if (is_wild((uintptr_t)memory) && !lab_in_oracle()) {
            lab_fail("wild access", "at address %#zx, %s", (size_t)memory,
                     lab_place_of(pc));
            lab_platform_failed();
        }
        if (access == LAB_ACCESS_WRITE && !lab_on_stack(memory))
            lab_written = true;
        if (lab_thread() > 0 && !lab_in_oracle()) {
            lab_touched(memory, size, (access & LAB_ACCESS_WRITE) != 0);
            lab_outside_access(memory, size, (access & LAB_ACCESS_WRITE) != 0);
        }
        return;
    }
    if ((access & LAB_ACCESS_WRITE) != 0)
        lab_region_note_write(memory, size);
    if (access == LAB_ACCESS_WRITE && !lab_on_stack(memory))
        lab_written = true;
    if (lab_in_oracle() ||
        !lab_memory_check(memory, size, (access & LAB_ACCESS_WRITE) != 0, pc))
        return;
    thread = lab_thread();
    if (thread > 0 && offset >= LAB_STACKS_AT)
        note_stack(offset, thread);
    if (thread > 0) {
        lab_touched(memory, size, (access & LAB_ACCESS_WRITE) != 0);
        if (lab_orders_less)
            lab_weak_access(memory, size, (access & LAB_ACCESS_WRITE) != 0);
        note(thread, offset, size, access, pc);
    }
}
