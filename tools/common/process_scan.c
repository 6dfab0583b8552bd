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

/* Files of shared memory as identifiers: those of a device by their inode; and
 * System V segments, which are numbered in each IPC namespace. */
#define DEVICE_SHIFT 40
#define SEGMENT_BIT (UINT64_C(1) << 63)
#define SEGMENT_SPACE_SHIFT 32
#define IPC_SPACE_BIT (UINT64_C(1) << 62)

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

/* The IPC namespace of the current process. */
static uint64_t ipc_space(const struct process_scan *scan)
{
    struct text path = {0};
    char name[64] = "";
    uint64_t number = 0;

    text_print(&path, "%s/ns/ipc", scan->directory);
    if (readlink(path.bytes, name, sizeof(name) - 1) > 0)
        number = strtoull(name + strcspn(name, "0123456789"), NULL, 10);
    text_free(&path);
    return number;
}

/* A number for the file of the current mapping. */
static uint64_t number_file(struct process_scan *scan)
{
    const struct process_mapping *mapping = &scan->mapping;
    uint64_t name = mapping->device << DEVICE_SHIFT ^ mapping->inode;

    if (strncmp(mapping->path, "/SYSV", 5) == 0)
        name = SEGMENT_BIT | mapping->inode |
               identifiers_number(&scan->files, IPC_SPACE_BIT | ipc_space(scan))
                   << SEGMENT_SPACE_SHIFT;
    return identifiers_number(&scan->files, name);
}

/* The name of a place in bytes. */
static uint64_t place_name(const struct process_scan *scan, uint64_t file,
                           uint64_t place)
{
    return PLACE_BIT | file << PLACE_FILE_SHIFT |
           place / scan->system_page_size;
}

/* Is this page of shared memory new? */
static bool is_new_place(struct process_scan *scan, uint64_t address)
{
    const struct process_request *request = scan->request;
    const uint64_t name = place_name(
        scan, scan->file, scan->mapping.offset + address - scan->mapping.start);
    const bool counts = is_new(scan, name);

    if (request->see_shared != NULL)
        request->see_shared(request->see_context, scan->source, scan->index,
                            identifiers_number(&scan->seen, name));
    return counts;
}

/* Is this page to be counted? */
static bool word_counts(struct process_scan *scan, uint64_t word,
                        uint64_t address)
{
    if ((word & (WORD_PRESENT | WORD_SWAPPED)) != WORD_PRESENT ||
        ((word & WORD_FILE) != 0 && !scan->kind.is_shared))
        return false;
    if ((word & WORD_FILE) != 0)
        return is_new_place(scan, address);
    if ((word & WORD_EXCLUSIVE) != 0)
        return true;
    if ((word & WORD_FRAME) != 0)
        return is_new(scan, word & WORD_FRAME);
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

/* Remembers a mapping of shared memory for process_scan_rest(). */
static void remember(struct process_scan *scan)
{
    const struct process_mapping *mapping = &scan->mapping;
    struct text path = {0};

    text_print(&path, "%s/map_files/%" PRIx64 "-%" PRIx64, scan->directory,
               mapping->start, mapping->end);
    shared_mappings_add(&scan->mapped, &(struct shared_mapping){
                                           .path = path.bytes,
                                           .mapping = scan->index,
                                           .file = scan->file,
                                           .from = mapping->offset,
                                           .to = mapping->offset +
                                                 mapping->end - mapping->start,
                                           .reason = scan->kind.reason});
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
            if (scan->kind.is_shared)
                scan->file = number_file(scan);
            if (!scan_mapping(scan))
                return errno;
            if (scan->kind.is_shared && mapping->permissions[3] == 's')
                remember(scan);
        }
        before = *mapping;
    }
    return 0;
}

void process_scan_begin(struct process_scan *scan, struct source *source,
                        const char *proc, const struct process_request *request)
{
    struct text path = {0};

    *scan = (struct process_scan){
        .source = source,
        .proc = proc,
        .request = request,
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

    scan->directory = directory;
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

/* Pages of a mapping that are in no page table. */
struct rest {
    struct process_scan *scan;
    const struct shared_mapping *shared;
    size_t mapping; /* their own; SIZE_MAX: there is none yet */
};

static void take_rest(void *context, uint64_t place)
{
    struct rest *rest = context;
    const struct shared_mapping *shared = rest->shared;
    struct process_scan *scan = rest->scan;
    struct source *source = scan->source;
    struct source_mapping mapping = source->mappings[shared->mapping];
    const uint64_t seen = scan->seen.count;

    if (identifiers_number(&scan->seen,
                           place_name(scan, shared->file, place)) != seen)
        return;
    if (shared->reason != LEFT_OUT_REASONS) {
        source->origins[mapping.origin].left_out_bytes[shared->reason] +=
            scan->system_page_size;
        return;
    }
    mapping.in_no_table = true;
    if (rest->mapping == SIZE_MAX)
        rest->mapping = source_add_mapping(source, &mapping);
    source_add(source, &(struct source_extent){.address = mapping.start +
                                                          place - shared->from,
                                               .page_count = 1,
                                               .mapping = rest->mapping});
}

void process_scan_rest(struct process_scan *scan, struct shared_files *files)
{
    /* A larger page may be in a page table in part. */
    if (scan->source->page_size != scan->system_page_size)
        return;
    for (size_t i = 0; i < scan->mapped.count; i++) {
        struct shared_mapping *shared = &scan->mapped.mappings[i];
        struct rest rest = {
            .scan = scan, .shared = shared, .mapping = SIZE_MAX};
        int file;

        if (shared_mappings_walked(&scan->mapped, shared))
            continue;
        file = shared_file_open(shared->path);
        if (file < 0) {
            scan->unseen |= errno == EPERM || errno == EACCES;
            continue;
        }
        shared_file_walk(file, shared->from, shared->to, scan->system_page_size,
                         take_rest, &rest);
        shared->walked = true;
        if (rest.mapping == SIZE_MAX)
            (void)close(file);
        else
            shared_files_add(files,
                             &(struct shared_file){.mapping = rest.mapping,
                                                   .file = file,
                                                   .from = shared->from});
    }
}

void process_scan_note(const struct process_scan *scan)
{
    struct source *source = scan->source;

    if (scan->repeated != 0)
        text_print_sentence(&source->note,
                            "%" PRIu64 " pages that several mappings share "
                            "were counted once.",
                            scan->repeated);
    if (scan->unseen)
        text_print_sentence(&source->note,
                            "Shared memory counts as far as these processes "
                            "have it in their page tables; with CAP_SYS_ADMIN "
                            "all that they have mapped would count.");
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
    shared_mappings_free(&scan->mapped);
    identifiers_free(&scan->seen);
    identifiers_free(&scan->files);
    if (scan->page_flags >= 0)
        (void)close(scan->page_flags);
}
