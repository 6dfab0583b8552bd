/* SPDX-License-Identifier: MIT */
/*
 * process_scan.c - the reading of /proc/PID/pagemap.
 *
 * smaps lists the mappings; pagemap has one word for each of their pages.
 * Large reservations are mostly holes: where the system can list the present
 * regions (PAGEMAP_SCAN, Linux 6.7), only those are examined.
 */
#include "common/process_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * A word of pagemap, Documentation/admin-guide/mm/pagemap.rst:
 *
 *    63       62      61          56                    54        0
 *   +---------+-------+----------+----+-----------+----+-----------+
 *   | present | swap  | file or  | .. | exclusive | .. |   frame   |
 *   |         |       |  shmem   |    |           |    |           |
 *   +---------+-------+----------+----+-----------+----+-----------+
 *
 * The frame is 0 for readers without CAP_SYS_ADMIN.
 */
#define WORD_PRESENT (UINT64_C(1) << 63)
#define WORD_SWAPPED (UINT64_C(1) << 62)
#define WORD_FILE (UINT64_C(1) << 61)
#define WORD_EXCLUSIVE (UINT64_C(1) << 56)
#define WORD_FRAME ((UINT64_C(1) << 55) - 1)

#define WORDS_AT_ONCE 4096

/* PAGEMAP_SCAN as in linux/fs.h since 6.7; older headers lack it. */
struct scan_argument {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};
struct scan_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};
/* ioctl()'s request: unsigned long in glibc, int in POSIX and musl. */
#if defined(__GLIBC__)
typedef unsigned long scan_request;
#else
typedef int scan_request;
#endif
#define SCAN_REQUEST ((scan_request)_IOWR('f', 16, struct scan_argument))
#define SCAN_FILE (1u << 2)
#define SCAN_PRESENT (1u << 3)
#define SCAN_ZERO_PAGE (1u << 5)
#define REGIONS_AT_ONCE 256

/* Bits of kpageflags, linux/kernel-page-flags.h. */
#define FLAG_SWAPBACKED (UINT64_C(1) << 14)

/* Places in files of shared memory as identifiers: no frame has this bit. */
#define PLACE_BIT (UINT64_C(1) << 63)
#define PLACE_FILE_SHIFT 40

/*
 * Adds resident pages, widened to whole pages of the source's size; or counts
 * them where they are left out.
 */
static void add_pages(struct process_scan *scan, uint64_t start, uint64_t end,
                      enum left_out reason)
{
    struct source *source = scan->source;
    const uint64_t size = source->page_size;

    if (reason != LEFT_OUT_REASONS) {
        source->origins[source->origin_count - 1].left_out_bytes[reason] +=
            end - start;
        return;
    }
    start = start / size * size;
    end = (end + size - 1) / size * size;
    if (start < scan->scanned_to)
        start = scan->scanned_to;
    if (start >= end)
        return;
    scan->scanned_to = end;
    source_add(source,
               &(struct source_extent){.address = start,
                                       .page_count = (end - start) / size,
                                       .mapping = scan->index});
}

/* Is this name new? */
static bool is_new(struct process_scan *scan, uint64_t name)
{
    const uint64_t seen = scan->seen.count;

    if (identifiers_number(&scan->seen, name) == seen)
        return true;
    scan->repeated++;
    return false;
}

/* A page of shared memory by its file and its place there. */
static bool is_new_place(struct process_scan *scan, uint64_t address)
{
    const struct process_mapping *mapping = &scan->mapping;
    const uint64_t file = identifiers_number(
        &scan->files, mapping->device << 40 ^ mapping->inode);
    const uint64_t place = (mapping->offset + address - mapping->start) /
                           scan->system_page_size;

    scan->by_place++;
    return is_new(scan, PLACE_BIT | file << PLACE_FILE_SHIFT | place);
}

/* Is this page to be counted? */
static bool word_counts(struct process_scan *scan, uint64_t word,
                        uint64_t address)
{
    if ((word & (WORD_PRESENT | WORD_SWAPPED)) != WORD_PRESENT ||
        ((word & WORD_FILE) != 0 && !scan->kind.is_shared))
        return false;
    if ((word & WORD_EXCLUSIVE) != 0)
        return true;
    if ((word & WORD_FRAME) != 0)
        return is_new(scan, word & WORD_FRAME);
    if ((word & WORD_FILE) != 0)
        return is_new_place(scan, address);
    scan->unknown++;
    return true;
}

/*
 * Could this page be one that MADV_FREE gave up?  Its flag says so, but stays
 * when the page is written again; without flags every page could be.
 */
static bool may_be_freed(const struct process_scan *scan, uint64_t word)
{
    const uint64_t frame = word & WORD_FRAME;
    uint64_t flags;

    if ((word & (WORD_PRESENT | WORD_FILE)) != WORD_PRESENT)
        return false;
    if (frame == 0 || scan->page_flags < 0 ||
        pread(scan->page_flags, &flags, sizeof(flags),
              (off_t)(frame * sizeof(flags))) != (ssize_t)sizeof(flags))
        return true;
    return (flags & FLAG_SWAPBACKED) == 0;
}

/* Is the turn of this candidate?  So many of all, evenly spread. */
static bool is_freed(struct process_scan *scan)
{
    const uint64_t before = scan->candidate++ * scan->freed;

    return (before + scan->freed) / scan->candidates >
           before / scan->candidates;
}

/* Takes one page of the mapping. */
static void take_page(struct process_scan *scan, uint64_t word,
                      uint64_t address)
{
    enum left_out reason = scan->kind.reason;

    if (scan->freed != 0 && may_be_freed(scan, word)) {
        if (scan->counts_candidates)
            scan->candidates++;
        else if (is_freed(scan))
            reason = LEFT_OUT_FREED;
    }
    if (!scan->counts_candidates && word_counts(scan, word, address))
        add_pages(scan, address, address + scan->system_page_size, reason);
}

/* Examines each page of a region; false if pagemap could not be read. */
static bool scan_words(struct process_scan *scan, uint64_t start, uint64_t end)
{
    static uint64_t words[WORDS_AT_ONCE];
    const uint64_t size = scan->system_page_size;

    while (start < end) {
        uint64_t pages = (end - start) / size;
        size_t bytes = pages < WORDS_AT_ONCE ? (size_t)pages * sizeof(words[0])
                                             : sizeof(words);
        ssize_t got = pread(scan->pagemap, words, bytes,
                            (off_t)(start / size * sizeof(words[0])));

        if (got < (ssize_t)sizeof(words[0]))
            return got == 0;
        for (size_t i = 0; i < (size_t)got / sizeof(words[0]); i++) {
            take_page(scan, words[i], start);
            start += size;
        }
    }
    return true;
}

/* The present regions of a mapping that may count, by PAGEMAP_SCAN. */
static bool scan_regions(struct process_scan *scan, uint64_t start,
                         uint64_t end, bool *supported_out)
{
    static struct scan_region regions[REGIONS_AT_ONCE];
    const uint64_t without = SCAN_ZERO_PAGE |
                             (scan->kind.is_shared ? 0 : SCAN_FILE);
    struct scan_argument argument = {
        .size = sizeof(argument),
        .end = end,
        .vec = (uint64_t)(uintptr_t)regions,
        .vec_len = REGIONS_AT_ONCE,
        .category_inverted = without,
        .category_mask = SCAN_PRESENT | without,
        .return_mask = SCAN_PRESENT,
    };

    *supported_out = true;
    while (start < end) {
        int count;

        argument.start = start;
        argument.walk_end = start;
        count = ioctl(scan->pagemap, SCAN_REQUEST, &argument);
        if (count < 0) {
            *supported_out = false;
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (!scan_words(scan, regions[i].start, regions[i].end))
                return false;
        }
        if (argument.walk_end <= start)
            break;
        start = argument.walk_end;
    }
    return true;
}

/* Examines a range of the mapping; false, and an errno. */
static bool scan_range(struct process_scan *scan, uint64_t start, uint64_t end)
{
    bool supported;

    errno = 0;
    return scan_regions(scan, start, end, &supported) ||
           (!supported && scan_words(scan, start, end));
}

/* Examines a mapping, twice where MADV_FREEd pages must be found in it. */
static bool scan_mapping(struct process_scan *scan)
{
    const struct process_mapping *mapping = &scan->mapping;

    scan->freed = mapping->lazy_free / scan->system_page_size;
    scan->candidates = 0;
    scan->candidate = 0;
    if (scan->freed != 0) {
        scan->counts_candidates = true;
        if (!scan_range(scan, mapping->start, mapping->end))
            return false;
        if (scan->freed > scan->candidates)
            scan->freed = scan->candidates;
        if (scan->freed < scan->candidates)
            scan->spread += scan->freed;
    }
    scan->counts_candidates = false;
    return scan_range(scan, mapping->start, mapping->end);
}

/*
 * The name of a mapping in the tables; `before` is the mapping before it.  A
 * .bss follows the writable data of its file.
 */
static size_t name_mapping(struct source *source,
                           const struct process_mapping *mapping,
                           const struct process_mapping *before)
{
    struct text name = {0};
    size_t index;

    if (mapping->path[0] != '\0')
        text_print(&name, "%s", mapping->path);
    else if (before->end == mapping->start && before->path[0] == '/' &&
             strncmp(before->permissions, "rw-p", 4) == 0 &&
             mapping->permissions[1] == 'w')
        text_print(&name, "%s [bss]", before->path);
    else
        text_print(&name, "[anon]");
    index = source_name(source, name.bytes);
    text_free(&name);
    return index;
}

/* All mappings of `text`, that of smaps.  0, or an errno. */
static int scan_mappings(struct process_scan *scan, char *text)
{
    struct process_mapping before = {.path = ""};
    struct process_mapping *const mapping = &scan->mapping;
    struct source *source = scan->source;
    const size_t origin = source->origin_count - 1;

    while (process_mapping_next(&text, mapping)) {
        scan->kind = mapping_kind_of(mapping, &scan->shared);
        if (mapping->is_hugetlb)
            source->origins[origin].left_out_bytes[LEFT_OUT_HUGETLB] +=
                mapping->hugetlb;
        if (!scan->kind.is_left_out) {
            scan->index = source_add_mapping(
                source, &(struct source_mapping){
                            .origin = origin,
                            .name = name_mapping(source, mapping, &before),
                            .start = mapping->start,
                            .end = mapping->end,
                            .shared = scan->kind.is_shared});
            if (!scan_mapping(scan))
                return errno;
        }
        before = *mapping;
    }
    return 0;
}

void process_scan_begin(struct process_scan *scan, struct source *source,
                        const char *proc)
{
    struct text path = {0};

    *scan = (struct process_scan){
        .source = source,
        .proc = proc,
        .system_page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
    shared_memory_find(&scan->shared, proc);
    text_print(&path, "%s/kpageflags", proc);
    scan->page_flags = open(path.bytes, O_RDONLY | O_CLOEXEC);
    text_free(&path);
}

/* Is the process in a mount namespace of its own? */
static bool has_own_mounts(const struct process_scan *scan,
                           const char *directory)
{
    struct text path = {0};
    char ours[64] = "";
    char its[64] = "";
    bool good;

    text_print(&path, "%s/self/ns/mnt", scan->proc);
    good = readlink(path.bytes, ours, sizeof(ours) - 1) > 0;
    path.length = 0;
    text_print(&path, "%s/ns/mnt", directory);
    good = good && readlink(path.bytes, its, sizeof(its) - 1) > 0;
    text_free(&path);
    return good && strcmp(ours, its) != 0;
}

int process_scan(struct process_scan *scan, const char *directory)
{
    struct text path = {0};
    struct text maps = {0};
    int error;

    scan->scanned_to = 0;
    if (has_own_mounts(scan, directory))
        shared_memory_add_mounts(&scan->shared, directory);
    text_print(&path, "%s/smaps", directory);
    error = text_append_file(&maps, path.bytes, PROC_BYTES_MOST);
    if (error != 0)
        goto free_texts;
    path.length = 0;
    text_print(&path, "%s/pagemap", directory);
    scan->pagemap = open(path.bytes, O_RDONLY | O_CLOEXEC);
    if (scan->pagemap < 0) {
        error = errno;
        goto free_texts;
    }
    if (maps.length != 0)
        error = scan_mappings(scan, maps.bytes);
    (void)close(scan->pagemap);

free_texts:
    text_free(&maps);
    text_free(&path);
    return error;
}

void process_scan_note(const struct process_scan *scan)
{
    struct source *source = scan->source;

    if (scan->repeated != 0)
        text_print_sentence(&source->note,
                            "%" PRIu64 " pages that several mappings share "
                            "were counted once.",
                            scan->repeated);
    if (scan->by_place != 0)
        text_print_sentence(&source->note,
                            "Pages of shared memory were told apart by their "
                            "place in its file, because frames are shown only "
                            "with CAP_SYS_ADMIN.");
    if (scan->unknown != 0 && source->origin_count > 1)
        text_print_sentence(&source->note,
                            "%" PRIu64 " pages are shared (after fork, or by "
                            "KSM) and may be counted more than once; with "
                            "CAP_SYS_ADMIN they would not be.",
                            scan->unknown);
    if (scan->spread != 0)
        text_print_sentence(&source->note,
                            "Which pages MADV_FREE gave up is not known of "
                            "%" PRIu64 "; so many of their mappings, evenly "
                            "spread, are left out.",
                            scan->spread);
}

void process_scan_end(struct process_scan *scan)
{
    shared_memory_free(&scan->shared);
    identifiers_free(&scan->seen);
    identifiers_free(&scan->files);
    if (scan->page_flags >= 0)
        (void)close(scan->page_flags);
}
