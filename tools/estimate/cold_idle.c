/* SPDX-License-Identifier: MIT */
/*
 * cold_idle.c - a look at each page, by the kernel's idle page tracking.
 *
 * A bit of the bitmap stands for a page frame.  This program sets it; the
 * kernel clears it when the page is accessed.  The bitmap is read and written
 * in words of 64 bits, and a 0 that is written changes nothing.  The frame of a
 * page is in pagemap, for readers with CAP_SYS_ADMIN.  Of a huge page, which is
 * accessed as a whole, only the first frame has a bit; kpageflags says which
 * frames are such pages.
 */
#include <fcntl.h>
#include <unistd.h>

#include "estimate/cold_look.h"

#define BITMAP "/sys/kernel/mm/page_idle/bitmap"

/* Of a word of pagemap. */
#define WORD_PRESENT (UINT64_C(1) << 63)
#define WORD_FRAME ((UINT64_C(1) << 55) - 1)

/* Of a word of kpageflags: a frame of a huge page that is not its first. */
#define WORD_TAIL (UINT64_C(1) << 16)

#define WORD_NONE UINT64_MAX

static int open_below(const char *root, const char *path, int flags)
{
    struct text text = {0};
    int descriptor;

    text_print(&text, "%s%s", root, path);
    descriptor = open(text.bytes, flags | O_CLOEXEC);
    text_free(&text);
    return descriptor;
}

/* Opens the pagemap of a process, unless it is open. */
static void turn_to(struct cold_idle *idle, long pid)
{
    struct text path = {0};

    if (idle->pid == pid)
        return;
    if (idle->pid != 0 && idle->pagemap >= 0)
        (void)close(idle->pagemap);
    text_print(&path, "/proc/%ld/pagemap", pid);
    idle->pagemap = open_below(idle->root, path.bytes, O_RDONLY);
    idle->pid = pid;
    text_free(&path);
}

/* The frame of a system page; 0: hidden, or not in memory. */
static uint64_t frame_of(struct cold_idle *idle, long pid, uint64_t address)
{
    uint64_t word;
    const off_t offset =
        (off_t)(address / idle->system_page_size * sizeof(word));

    turn_to(idle, pid);
    if (pread(idle->pagemap, &word, sizeof(word), offset) !=
            (ssize_t)sizeof(word) ||
        (word & WORD_PRESENT) == 0)
        return 0;
    return word & WORD_FRAME;
}

bool cold_idle_open(struct cold_idle *idle, const char *root,
                    const struct source *source)
{
    const struct source_extent *first = &source->extents[0];
    const size_t origin = source->mappings[first->mapping].origin;

    *idle = (struct cold_idle){
        .root = root,
        .bitmap = open_below(root, BITMAP, O_RDWR),
        .kpageflags = open_below(root, "/proc/kpageflags", O_RDONLY),
        .system_page_size = (uint64_t)sysconf(_SC_PAGESIZE),
        .word_index = WORD_NONE};
    if (idle->bitmap >= 0 &&
        frame_of(idle, source->origins[origin].pid, first->address) != 0)
        return true;
    cold_idle_close(idle);
    return false;
}

/* Writes the marks of the word at hand. */
static bool flush(struct cold_idle *idle)
{
    const off_t offset = (off_t)(idle->word_index * sizeof(idle->marks));
    bool good = true;

    if (idle->marks != 0)
        good = pwrite(idle->bitmap, &idle->marks, sizeof(idle->marks),
                      offset) == (ssize_t)sizeof(idle->marks);
    idle->marks = 0;
    return good;
}

/* Is the bit of the frame set?  It will be. */
static bool test_and_mark(struct cold_idle *idle, uint64_t frame, bool *good)
{
    const uint64_t index = frame / 64;
    const uint64_t bit = UINT64_C(1) << frame % 64;

    if (index != idle->word_index) {
        *good = flush(idle) && *good;
        idle->word_index = index;
        if (pread(idle->bitmap, &idle->word, sizeof(idle->word),
                  (off_t)(index * sizeof(idle->word))) !=
            (ssize_t)sizeof(idle->word))
            idle->word = 0;
    }
    idle->marks |= bit;
    return (idle->word & bit) != 0;
}

static bool is_tail(const struct cold_idle *idle, uint64_t frame)
{
    uint64_t word;

    return pread(idle->kpageflags, &word, sizeof(word),
                 (off_t)(frame * sizeof(word))) == (ssize_t)sizeof(word) &&
           (word & WORD_TAIL) != 0;
}

/* Is the frame idle?  The answer of a huge page is that of its first frame: its
 * frames follow each other in the address space, so the word stays at hand. */
static bool is_idle(struct cold_idle *idle, uint64_t frame, bool *good)
{
    uint64_t head = frame;

    while (is_tail(idle, head))
        head = head == idle->last_frame + 1 ? idle->last_head : head - 1;
    idle->last_frame = frame;
    idle->last_head = head;
    return test_and_mark(idle, head, good);
}

/* Is every system page of a page that is in memory idle? */
static bool page_is_idle(struct cold_idle *idle, long pid, uint64_t address,
                         uint64_t size, bool *good)
{
    bool found = false;
    bool all = true;

    for (uint64_t at = 0; at < size; at += idle->system_page_size) {
        const uint64_t frame = frame_of(idle, pid, address + at);

        if (frame == 0)
            continue;
        found = true;
        all = is_idle(idle, frame, good) && all;
    }
    return found && all;
}

bool cold_look_idle(struct cold_look *look, struct cold_look *before,
                    struct cold_idle *idle, const struct source *source)
{
    const uint64_t size = source->page_size;
    bool good = true;

    idle->word_index = WORD_NONE; /* read anew */
    idle->last_head = 0;
    idle->last_frame = 0;
    for (size_t i = 0; i < source->extent_count; i++) {
        const struct source_extent *extent = &source->extents[i];
        const size_t origin = source->mappings[extent->mapping].origin;
        const long pid = source->origins[origin].pid;

        for (uint64_t page = 0; page < extent->page_count; page++) {
            const uint64_t address = extent->address + page * size;
            cold_look_add(look, before, pid, address, 0,
                          page_is_idle(idle, pid, address, size, &good));
        }
    }
    good = flush(idle) && good;
    if (!good)
        message_error("cannot write %s%s", idle->root, BITMAP);
    return good;
}

void cold_idle_close(struct cold_idle *idle)
{
    if (idle->pid != 0 && idle->pagemap >= 0)
        (void)close(idle->pagemap);
    if (idle->bitmap >= 0)
        (void)close(idle->bitmap);
    if (idle->kpageflags >= 0)
        (void)close(idle->kpageflags);
    *idle = (struct cold_idle){0};
}
