/* SPDX-License-Identifier: MIT */
/*
 * memory.c - freed memory is not touched; a failure names the call that freed
 * it.
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

#include "platform/lab_platform.h"
#include "watch/tsan.h"

#define WORD_BYTES 8u
#define PAGE_WORDS (LAB_PAGE_BYTES / WORD_BYTES)
#define JOURNAL 8192
#define PLACE_BYTES 256
#define PLACES 8 /* texts that may be in use at a time */

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
static bool is_kept[LAB_REGION_PAGES];        /* not all zero in `kept` */
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
    for (size_t i = 0; i < LAB_REGION_PAGES; i++) {
        if (is_kept[i])
            memset(&kept[i], 0, sizeof(kept[i]));
    }
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

/* A page to read: of this execution, or as it was kept. */
static const struct page *see_page(size_t word)
{
    size_t page = word / PAGE_WORDS;

    return executions[page] == execution ? &pages[page] : &kept[page];
}

/* A page to change. */
static struct page *page_at(size_t word)
{
    struct page *page = &pages[word / PAGE_WORDS];
    const struct page *from = &kept[word / PAGE_WORDS];

    if (executions[word / PAGE_WORDS] == execution)
        return page;
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

    if (offset >= LAB_REGION_BYTES || size == 0)
        return;
    mark_words(offset / WORD_BYTES,
               (offset + size + WORD_BYTES - 1) / WORD_BYTES, 0);
    note(offset, size, 0, what, pc);
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

static void say_when(char text[PLACE_BYTES], const struct event *event)
{
    if (event->thread <= 0)
        (void)snprintf(text, PLACE_BYTES, "before start");
    else
        (void)snprintf(text, PLACE_BYTES, "by CPU#%d at %s, step %u",
                       event->thread, lab_place_of(event->pc), event->step);
}

void lab_memory_describe(const void *memory)
{
    size_t offset = lab_region_offset(memory);
    unsigned begun = last_event(offset, true, event_count);
    unsigned ended = last_event(offset, false, event_count);
    char begin_text[PLACE_BYTES];
    char end_text[PLACE_BYTES];

    if (!lab_recording() || begun == event_count)
        return;
    say_when(begin_text, &journal[begun]);
    if (ended == event_count || ended < begun) {
        lab_detail("%s: allocated %s", journal[begun].what, begin_text);
        return;
    }
    say_when(end_text, &journal[ended]);
    lab_detail("%s: allocated %s, freed %s", journal[begun].what, begin_text,
               end_text);
}

/* Asks addr2line for "function\nfile:line\n" of a place in this program.  A
 * program that was found through PATH has no usable name: /proc has it. */
static bool ask_symbolizer(const char *program, size_t offset, char *function,
                           char *line, int size)
{
    char command[PLACE_BYTES + 64];
    char self[64];
    FILE *pipe;
    bool answered;

    if (strchr(program, '/') == NULL) {
        (void)snprintf(self, sizeof(self), "/proc/%ld/exe", (long)getpid());
        program = self;
    }
    (void)snprintf(command, sizeof(command),
                   "addr2line -f -s -e '%s' %#zx 2>/dev/null", program, offset);
    pipe = popen(command, "r");
    if (pipe == NULL)
        return false;
    answered = fgets(function, size, pipe) != NULL &&
               fgets(line, size, pipe) != NULL && function[0] != '?';
    (void)pclose(pipe);
    function[strcspn(function, "\n")] = '\0';
    line[strcspn(line, "\n ")] = '\0';
    return answered;
}

const char *lab_place_of(const void *pc)
{
    return lab_recording() ? lab_place_name(pc) : "?";
}

const char *lab_place_name(const void *pc)
{
    static char texts[PLACES][PLACE_BYTES];
    static unsigned next;
    char *text = texts[next++ % PLACES];
    char function[PLACE_BYTES / 2 - 4];
    char line[PLACE_BYTES / 2 - 4];
    Dl_info info;

    if (pc == NULL || dladdr(pc, &info) == 0)
        return "?";
    if (ask_symbolizer(info.dli_fname,
                       (size_t)((const char *)pc - (char *)info.dli_fbase) - 1,
                       function, line, (int)sizeof(function)))
        (void)snprintf(text, PLACE_BYTES, "%s (%s)", function, line);
    else
        (void)snprintf(text, PLACE_BYTES, "%s",
                       info.dli_sname == NULL ? "?" : info.dli_sname);
    return text;
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

static void report(size_t word, bool writes, const void *pc)
{
    const char *memory = lab_region_at(word * WORD_BYTES);
    bool dead = (marks_of(word) & LAB_MARK_DEAD) != 0;
    const char *what = dead ? "use after free" : "use of free space";
    size_t offset;
    const char *name;

    if (lab_is_passed(what))
        return;
    name = lab_memory_name(memory, &offset);
    lab_memory_describe(memory);
    lab_detail("%s by CPU#%d at %s, now", writes ? "write" : "read",
               lab_thread(), lab_place_of(pc));
    note_end(memory);
    lab_note_access(writes, name, pc);
    lab_fail(what, "of %s+%zu", name, offset);
    lab_platform_failed();
}

bool lab_memory_check(const void *memory, size_t size, bool writes,
                      const void *pc)
{
    size_t offset = lab_region_offset(memory);
    size_t word = offset / WORD_BYTES;
    size_t end = (offset + size + WORD_BYTES - 1) / WORD_BYTES;
    const struct page *page;

    for (; word < end; word++) {
        page = see_page(word);
        if (!page->fine && (page->whole & LAB_MARK_NOBODYS) == 0) {
            word |= PAGE_WORDS - 1;
            continue;
        }
        if ((marks_of(word) & LAB_MARK_NOBODYS) == 0)
            continue;
        report(word, writes, pc);
        return false;
    }
    return true;
}
