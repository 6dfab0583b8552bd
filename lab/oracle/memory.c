/* SPDX-License-Identifier: MIT */
/*
 * memory.c - freed memory is not touched, nor what lies between blocks; a
 * failure names the calls that allocated and freed the block.
 *
 * Marks say of every eight bytes whether an object owns them.  A journal of
 * what began and ended where is read only to explain a failure.  Both belong to
 * one execution.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr() */
#endif

#include "memory.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/mutant.h"
#include "platform/lab_platform.h"
#include "watch/tsan.h"

#define WORD_BYTES 8u
#define PAGE_WORDS (LAB_PAGE_BYTES / WORD_BYTES)
#define JOURNAL 8192
#define PLACE_BYTES 256
#define PLACES 8 /* texts that may be in use at a time */
#define PLACES_AT_ONCE 32
#define OFFSET_CHARS 24

struct page {
    uint8_t whole; /* mark of the whole page, unless fine */
    bool fine;
    uint8_t marks[PAGE_WORDS];
};

struct event {
    size_t offset;
    size_t size;
    const char *what;
    const void *pc;
    unsigned step;
    int thread;
    unsigned mark; /* 0: the life of `what` begins */
};

char lab_region[LAB_HEAP_BYTES] __attribute__((aligned(65536)));
bool lab_reuse;

/* Most of it is never touched. */
static struct page pages[LAB_REGION_PAGES];
static struct page kept[LAB_REGION_PAGES];
static uint32_t executions[LAB_REGION_PAGES]; /* each of `pages` is of */
static bool is_kept[LAB_REGION_PAGES];        /* else as at first */
static unsigned kept_events;
static struct event journal[JOURNAL];
static unsigned event_count;
static uint32_t execution;

void lab_marks_reset(void)
{
    execution++;
    event_count = kept_events;
}

void lab_marks_forget(void)
{
    memset(is_kept, 0, sizeof(is_kept));
    kept_events = 0;
    lab_marks_reset();
}

void lab_marks_keep(void)
{
    for (size_t i = 0; i < LAB_REGION_PAGES; i++) {
        if (executions[i] != execution)
            continue;
        kept[i] = pages[i];
        is_kept[i] = true;
    }
    kept_events = event_count;
}

/* A page at the beginning of an execution.  At first the region is in no block,
 * and what has no blocks is no one's outside. */
static const struct page *page_before(size_t page)
{
    static const struct page outside = {.whole = LAB_MARK_OUTSIDE};
    static const struct page plain = {.whole = 0};

    if (is_kept[page])
        return &kept[page];
    return page < LAB_HEAP_PAGES && !LAB_MUTANT(SPACE_IN_BLOCK) ? &outside
                                                                : &plain;
}

/* A page to read. */
static const struct page *see_page(size_t word)
{
    size_t page = word / PAGE_WORDS;

    return executions[page] == execution ? &pages[page] : page_before(page);
}

/* A page to change. */
static struct page *page_at(size_t word)
{
    struct page *page = &pages[word / PAGE_WORDS];
    const struct page *from;

    if (executions[word / PAGE_WORDS] == execution)
        return page;
    from = page_before(word / PAGE_WORDS);
    executions[word / PAGE_WORDS] = execution;
    page->whole = from->whole;
    page->fine = from->fine;
    if (from->fine)
        memcpy(page->marks, from->marks, sizeof(page->marks));
    return page;
}

static void make_fine(struct page *page)
{
    if (page->fine)
        return;
    memset(page->marks, page->whole, sizeof(page->marks));
    page->fine = true;
}

static void mark_words(size_t word, size_t end, uint8_t mark)
{
    while (word < end) {
        struct page *page = page_at(word);
        size_t in_page = word % PAGE_WORDS;
        size_t count = PAGE_WORDS - in_page;

        if (count > end - word)
            count = end - word;
        if (count == PAGE_WORDS) {
            page->whole = mark;
            page->fine = false;
        } else {
            make_fine(page);
            memset(page->marks + in_page, mark, count);
        }
        word += count;
    }
}

static void note(size_t offset, size_t size, unsigned mark, const char *what,
                 const void *pc)
{
    struct event *event;

    if (event_count == JOURNAL)
        return; /* the explanation becomes shorter */
    event = &journal[event_count++];
    event->offset = offset;
    event->size = size;
    event->what = what;
    event->pc = pc;
    event->step = lab_now();
    event->thread = lab_thread();
    event->mark = mark;
}

void lab_memory_begin(const void *memory, size_t size, const char *what,
                      const void *pc)
{
    size_t offset = lab_region_offset(memory);

    if (offset >= LAB_REGION_BYTES)
        return;
    if (lab_thread() > 0 && !lab_in_oracle())
        lab_touched(memory, size, true);
    if (size != 0)
        mark_words(offset / WORD_BYTES,
                   (offset + size + WORD_BYTES - 1) / WORD_BYTES, 0);
    note(offset, size, 0, what, pc);
}

void lab_memory_bound(const void *memory, size_t size, size_t room)
{
    size_t offset = lab_region_offset(memory);
    size_t end = offset + size;
    size_t inside = end % WORD_BYTES;
    unsigned mark = LAB_MARK_OUTSIDE | (unsigned)inside
                                           << LAB_MARK_INSIDE_SHIFT;

    if (inside != 0 && !LAB_MUTANT(END_ROUNDED))
        mark_words(end / WORD_BYTES, end / WORD_BYTES + 1, (uint8_t)mark);
    mark_words((end + WORD_BYTES - 1) / WORD_BYTES,
               (offset + room) / WORD_BYTES, LAB_MARK_OUTSIDE);
}

void lab_memory_end(const void *memory, size_t size, unsigned mark,
                    const char *what, const void *pc)
{
    size_t offset = lab_region_offset(memory);

    if (offset >= LAB_REGION_BYTES || size == 0)
        return;
    if (lab_thread() > 0 && !lab_in_oracle())
        lab_shadow_check(memory, size, LAB_ACCESS_WRITE, pc);
    mark_words((offset + WORD_BYTES - 1) / WORD_BYTES,
               (offset + size) / WORD_BYTES, (uint8_t)mark);
    note(offset, size, mark, what, pc);
}

void lab_mark_word(const void *word, unsigned mark)
{
    size_t at = lab_region_offset(word) / WORD_BYTES;
    struct page *page;

    if (at >= LAB_REGION_BYTES / WORD_BYTES)
        return;
    page = page_at(at);
    make_fine(page);
    page->marks[at % PAGE_WORDS] |= (uint8_t)mark;
}

static uint8_t marks_of(size_t word)
{
    const struct page *page = see_page(word);

    return page->fine ? page->marks[word % PAGE_WORDS] : page->whole;
}

bool lab_word_has(const void *word, unsigned mark)
{
    size_t at = lab_region_offset(word) / WORD_BYTES;

    return at < LAB_REGION_BYTES / WORD_BYTES && (marks_of(at) & mark) != 0;
}

/* --- explanations ---------------------------------------------------- */

/* The last event of this kind that covers the place, before `end`; end: none.
 */
static unsigned last_event(size_t offset, bool begins, unsigned end)
{
    unsigned i = end;

    while (i-- > 0) {
        const struct event *event = &journal[i];

        if (offset - event->offset < event->size &&
            (event->mark == 0) == begins)
            return i;
    }
    return end;
}

const char *lab_memory_name(const void *memory, size_t *offset_out)
{
    size_t offset = lab_region_offset(memory);
    unsigned at = last_event(offset, true, event_count);

    if (at == event_count)
        return lab_statics_name(memory, offset_out);
    *offset_out = offset - journal[at].offset;
    return journal[at].what;
}

const char *lab_when(unsigned step)
{
    static char text[32];

    if (step == 0)
        return "before its first step";
    (void)snprintf(text, sizeof(text), "step %u", step);
    return text;
}

static void say_when(char text[PLACE_BYTES], const struct event *event)
{
    if (event->thread <= 0)
        (void)snprintf(text, PLACE_BYTES, "before start");
    else
        (void)snprintf(text, PLACE_BYTES, "by CPU#%d at %s, %s", event->thread,
                       lab_place_of(event->pc), lab_when(event->step));
}

/* What lived there since this event. */
static void describe(unsigned begun)
{
    const struct event *event = &journal[begun];
    unsigned ended = last_event(event->offset, false, event_count);
    char begin_text[PLACE_BYTES];
    char end_text[PLACE_BYTES];

    say_when(begin_text, event);
    if (ended == event_count || ended < begun) {
        lab_detail("%s: allocated %s", event->what, begin_text);
        return;
    }
    say_when(end_text, &journal[ended]);
    lab_detail("%s: allocated %s, freed %s", event->what, begin_text, end_text);
}

void lab_memory_describe(const void *memory)
{
    unsigned begun = last_event(lab_region_offset(memory), true, event_count);

    if (lab_recording() && begun != event_count)
        describe(begun);
}

/* Bytes from a block to a place outside it. */
static size_t distance_of(const struct event *event, size_t offset)
{
    if (offset < event->offset)
        return event->offset - offset;
    return offset - (event->offset + event->size);
}

/* Is the later event nearer?  A block that is given again is what it is now. */
static bool is_nearer(const struct event *later, const struct event *event,
                      size_t offset)
{
    if (later->offset == event->offset && later->what == event->what)
        return true;
    return distance_of(later, offset) < distance_of(event, offset);
}

/* The beginning of the block next to a place outside all; event_count: none. */
static unsigned nearest_event(size_t offset)
{
    unsigned nearest = event_count;

    for (unsigned i = 0; i < event_count; i++) {
        if (journal[i].mark == 0 &&
            (nearest == event_count ||
             is_nearer(&journal[i], &journal[nearest], offset)))
            nearest = i;
    }
    return nearest;
}

/* A place to name, and its name. */
struct place {
    const char *program; /* NULL: none has it */
    const char *symbol;  /* of the dynamic loader; may be NULL */
    size_t offset;
    char name[PLACE_BYTES];
};

static void find_place(struct place *place, const void *pc)
{
    Dl_info info;

    memset(place, 0, sizeof(*place));
    if (pc == NULL || dladdr(pc, &info) == 0)
        return;
    place->program = info.dli_fname;
    place->symbol = info.dli_sname;
    place->offset = (size_t)((const char *)pc - (char *)info.dli_fbase) - 1;
}

/* Reads "function\nfile:line\n" of each place. */
static void read_answers(FILE *pipe, struct place *places, unsigned count)
{
    char function[PLACE_BYTES / 2 - 4];
    char line[PLACE_BYTES / 2 - 4];

    for (unsigned i = 0; i < count; i++) {
        if (fgets(function, (int)sizeof(function), pipe) == NULL ||
            fgets(line, (int)sizeof(line), pipe) == NULL)
            return;
        function[strcspn(function, "\n")] = '\0';
        line[strcspn(line, "\n ")] = '\0';
        if (function[0] != '?')
            (void)snprintf(places[i].name, PLACE_BYTES, "%s (%s)", function,
                           line);
    }
}

/* Asks addr2line for some places of one program, all at once.  A program that
 * was found through PATH has no usable name: /proc has it. */
static void ask_symbolizer(struct place *places, unsigned count)
{
    const char *program = places[0].program;
    char command[PLACE_BYTES + 64 + PLACES_AT_ONCE * OFFSET_CHARS];
    char self[64];
    size_t used;
    FILE *pipe;

    if (strchr(program, '/') == NULL) {
        (void)snprintf(self, sizeof(self), "/proc/%ld/exe", (long)getpid());
        program = self;
    }
    (void)snprintf(command, PLACE_BYTES + 64,
                   "exec 2>/dev/null; addr2line -f -s -e '%s'", program);
    for (unsigned i = 0; i < count; i++) {
        used = strlen(command);
        (void)snprintf(command + used, OFFSET_CHARS, " %#zx", places[i].offset);
    }
    pipe = popen(command, "r");
    if (pipe == NULL)
        return;
    read_answers(pipe, places, count);
    (void)pclose(pipe);
}

static void name_places(struct place *places, unsigned count)
{
    unsigned next;

    for (unsigned i = 0; i < count; i = next) {
        next = i + 1;
        if (places[i].program == NULL)
            continue;
        while (next < count && next - i < PLACES_AT_ONCE &&
               places[next].program == places[i].program)
            next++;
        ask_symbolizer(&places[i], next - i);
    }
    for (unsigned i = 0; i < count; i++) {
        if (places[i].name[0] == '\0')
            (void)snprintf(places[i].name, PLACE_BYTES, "%s",
                           places[i].symbol == NULL ? "?" : places[i].symbol);
    }
}

const char *lab_place_of(const void *pc)
{
    return lab_recording() ? lab_place_name(pc) : "?";
}

const char *lab_place_name(const void *pc)
{
    static struct place places[PLACES];
    static unsigned next;
    struct place *place = &places[next++ % PLACES];

    find_place(place, pc);
    name_places(place, 1);
    return place->name;
}

void lab_place_names(const void *const *pc, unsigned count, char *names,
                     size_t size)
{
    static struct place places[PLACES_AT_ONCE];

    for (unsigned from = 0; from < count; from += PLACES_AT_ONCE) {
        unsigned part = count - from < PLACES_AT_ONCE ? count - from
                                                      : PLACES_AT_ONCE;

        for (unsigned i = 0; i < part; i++)
            find_place(&places[i], pc[from + i]);
        name_places(places, part);
        for (unsigned i = 0; i < part; i++)
            (void)snprintf(names + (from + i) * size, size, "%s",
                           places[i].name);
    }
}

/* The name of the function alone. */
static void function_of(const void *pc, char function[PLACE_BYTES])
{
    (void)snprintf(function, PLACE_BYTES, "%s", lab_place_of(pc));
    function[strcspn(function, " ")] = '\0';
}

void lab_note_access(bool writes, const char *name, const void *pc)
{
    char function[PLACE_BYTES];

    if (!lab_recording() || lab_thread() <= 0)
        return;
    function_of(pc, function);
    lab_note("%s() %s %s", function, writes ? "writes" : "reads", name);
}

void lab_note_earlier(int thread, unsigned step, const char *verb,
                      const char *name, const void *pc)
{
    char function[PLACE_BYTES];

    if (!lab_recording())
        return;
    function_of(pc, function);
    lab_note_at(thread, step, "%s() %s %s", function, verb, name);
}

/* Shows where the object at this place was freed, if a thread freed it. */
static void note_end(const void *memory)
{
    const unsigned at =
        last_event(lab_region_offset(memory), false, event_count);

    if (at != event_count)
        lab_note_earlier(journal[at].thread, journal[at].step, "frees",
                         journal[at].what, journal[at].pc);
}

/* --- the check ------------------------------------------------------- */

static void say_access(const char *name, bool writes, const void *pc)
{
    lab_detail("%s by CPU#%d at %s, now", writes ? "write" : "read",
               lab_thread(), lab_place_of(pc));
    lab_note_access(writes, name, pc);
}

static void report_outside(size_t at, bool writes, const void *pc)
{
    unsigned nearest = nearest_event(at);
    const struct event *block = &journal[nearest];

    if (nearest == event_count) {
        say_access("memory", writes, pc);
        lab_fail("out of bounds", "of memory that was never allocated");
        return;
    }
    if (lab_recording())
        describe(nearest);
    say_access(block->what, writes, pc);
    if (at < block->offset)
        lab_fail(
            "out of bounds", "of %s-%zu: %zu before the first of its %zu bytes",
            block->what, block->offset - at, block->offset - at, block->size);
    else
        lab_fail("out of bounds",
                 "of %s+%zu: %zu past the last of its %zu bytes", block->what,
                 at - block->offset, at - block->offset - block->size + 1,
                 block->size);
}

static const char *kind_of(uint8_t mark)
{
    if ((mark & LAB_MARK_DEAD) != 0)
        return "use after free";
    return (mark & LAB_MARK_CLOSED) != 0 ? "use of free space"
                                         : "out of bounds";
}

/* Out of line, so that the check stays short. */
__attribute__((noinline)) static void report(size_t at, uint8_t mark,
                                             bool writes, const void *pc)
{
    const char *memory = lab_region_at(at);
    size_t offset;
    const char *name;

    if (lab_is_passed(kind_of(mark)))
        return;
    if ((mark & (LAB_MARK_CLOSED | LAB_MARK_DEAD)) == 0) {
        report_outside(at, writes, pc);
        lab_platform_failed();
        return;
    }
    name = lab_memory_name(memory, &offset);
    lab_memory_describe(memory);
    note_end(memory);
    say_access(name, writes, pc);
    lab_fail(kind_of(mark), "of %s+%zu", name, offset);
    lab_platform_failed();
}

/* First bytes of a word that are in a block, though it has such a mark. */
static size_t inside_of(uint8_t mark)
{
    if ((mark & LAB_MARK_NOBODYS) == LAB_MARK_OUTSIDE)
        return mark >> LAB_MARK_INSIDE_SHIFT;
    return 0;
}

bool lab_memory_check(const void *memory, size_t size, bool writes,
                      const void *pc)
{
    size_t from = lab_region_offset(memory);
    size_t to = from + size;
    size_t word = from / WORD_BYTES;

    for (; word * WORD_BYTES < to; word++) {
        const struct page *page = see_page(word);
        uint8_t mark = page->whole;
        size_t inside;

        if (page->fine)
            mark = page->marks[word % PAGE_WORDS];
        else if ((mark & LAB_MARK_NOBODYS) == 0)
            word |= PAGE_WORDS - 1;
        if ((mark & LAB_MARK_NOBODYS) == 0)
            continue;
        inside = word * WORD_BYTES + inside_of(mark);
        if (inside >= to)
            continue;
        report(inside > from ? inside : from, mark, writes, pc);
        return false;
    }
    return true;
}
