/* SPDX-License-Identifier: MIT */
/*
 * process_scan.c - the reading of /proc/PID/maps and /proc/PID/pagemap.
 *
 * maps lists the mappings; pagemap has one word for each of their pages.  Large
 * reservations are mostly holes: where the system can list the present regions
 * (PAGEMAP_SCAN, Linux 6.7), only those are examined.
 */
#include "common/process_scan.h"

#include <errno.h>
#include <fcntl.h>
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

/* A line of maps. */
struct mapping {
    uint64_t start;
    uint64_t end;
    char permissions[5];
    const char *path; /* "" if it has none */
};

/* Adds resident pages, widened to whole pages of the source's size. */
static void add_pages(struct process_scan *scan, uint64_t start, uint64_t end,
                      size_t mapping)
{
    const uint64_t size = scan->source->page_size;

    start = start / size * size;
    end = (end + size - 1) / size * size;
    if (start < scan->scanned_to)
        start = scan->scanned_to;
    if (start >= end)
        return;
    scan->scanned_to = end;
    source_add(scan->source,
               &(struct source_extent){.address = start,
                                       .page_count = (end - start) / size,
                                       .mapping = mapping});
}

/* Is this page to be counted? */
static bool word_counts(struct process_scan *scan, uint64_t word)
{
    const uint64_t seen = scan->seen.count;

    if ((word & (WORD_PRESENT | WORD_SWAPPED | WORD_FILE)) != WORD_PRESENT)
        return false;
    if ((word & WORD_EXCLUSIVE) != 0)
        return true;
    if ((word & WORD_FRAME) == 0) {
        scan->unknown++;
        return true;
    }
    if (identifiers_number(&scan->seen, word & WORD_FRAME) == seen)
        return true;
    scan->repeated++;
    return false;
}

/* Examines each page of a region; false if pagemap could not be read. */
static bool scan_words(struct process_scan *scan, uint64_t start, uint64_t end,
                       size_t mapping)
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
            if (word_counts(scan, words[i]))
                add_pages(scan, start, start + size, mapping);
            start += size;
        }
    }
    return true;
}

/* The present anonymous regions of a mapping, by PAGEMAP_SCAN. */
static bool scan_regions(struct process_scan *scan, uint64_t start,
                         uint64_t end, size_t mapping, bool *supported_out)
{
    static struct scan_region regions[REGIONS_AT_ONCE];
    struct scan_argument argument = {
        .size = sizeof(argument),
        .end = end,
        .vec = (uint64_t)(uintptr_t)regions,
        .vec_len = REGIONS_AT_ONCE,
        .category_inverted = SCAN_FILE | SCAN_ZERO_PAGE,
        .category_mask = SCAN_PRESENT | SCAN_FILE | SCAN_ZERO_PAGE,
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
            if (!scan_words(scan, regions[i].start, regions[i].end, mapping))
                return false;
        }
        if (argument.walk_end <= start)
            break;
        start = argument.walk_end;
    }
    return true;
}

/* One line of maps: "start-end rwxp offset dev inode   path". */
static bool parse_mapping(char *line, struct mapping *mapping)
{
    char *cursor;

    mapping->start = strtoull(line, &cursor, 16);
    if (*cursor++ != '-')
        return false;
    mapping->end = strtoull(cursor, &cursor, 16);
    if (*cursor++ != ' ' || strlen(cursor) < 5)
        return false;
    memcpy(mapping->permissions, cursor, 4);
    mapping->permissions[4] = '\0';
    cursor += 4;
    for (int field = 0; field < 3; field++) {
        cursor += strspn(cursor, " ");
        cursor += strcspn(cursor, " ");
    }
    cursor += strspn(cursor, " ");
    mapping->path = cursor;
    return mapping->start < mapping->end;
}

/* False for mappings whose pages are never swapped, or are the kernel's own. */
static bool mapping_counts(const struct mapping *mapping)
{
    static const char *const left_out[] = {"[vvar", "[vdso", "[vsyscall",
                                           "[uprobes", "/anon_hugepage"};

    if (mapping->permissions[3] != 'p')
        return false;
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        if (strncmp(mapping->path, left_out[i], strlen(left_out[i])) == 0)
            return false;
    }
    return true;
}

/* The name of a mapping in the tables; `before` is the mapping before it. */
static size_t name_mapping(struct source *source, const struct mapping *mapping,
                           const struct mapping *before)
{
    struct text name = {0};
    size_t index;

    if (mapping->path[0] != '\0')
        text_print(&name, "%s", mapping->path);
    else if (before->end == mapping->start && before->path[0] == '/')
        text_print(&name, "%s [bss]", before->path);
    else
        text_print(&name, "[anon]");
    index = source_name(source, name.bytes);
    text_free(&name);
    return index;
}

/* All mappings of `maps`, the text of that file.  0, or an errno. */
static int scan_mappings(struct process_scan *scan, char *maps)
{
    struct mapping before = {.path = ""};
    char *rest = maps;
    char *line;

    for (line = strtok_r(maps, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct mapping mapping;
        bool supported;
        size_t index;

        if (!parse_mapping(line, &mapping))
            continue;
        if (mapping_counts(&mapping)) {
            index = source_add_mapping(
                scan->source,
                &(struct source_mapping){
                    .origin = scan->source->origin_count - 1,
                    .name = name_mapping(scan->source, &mapping, &before),
                    .start = mapping.start,
                    .end = mapping.end});
            errno = 0;
            if (!scan_regions(scan, mapping.start, mapping.end, index,
                              &supported) &&
                (supported ||
                 !scan_words(scan, mapping.start, mapping.end, index)))
                return errno;
        }
        before = mapping;
    }
    return 0;
}

int process_scan(struct process_scan *scan, long pid)
{
    struct text path = {0};
    struct text maps = {0};
    int error;

    scan->scanned_to = 0;
    scan->system_page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    text_print(&path, "%s/%ld/maps", scan->proc, pid);
    error = text_append_file(&maps, path.bytes, PROC_BYTES_MOST);
    if (error != 0)
        goto free_texts;
    path.length = 0;
    text_print(&path, "%s/%ld/pagemap", scan->proc, pid);
    scan->pagemap = open(path.bytes, O_RDONLY | O_CLOEXEC);
    if (scan->pagemap < 0) {
        error = errno;
        goto free_texts;
    }
    error = scan_mappings(scan, maps.bytes);
    (void)close(scan->pagemap);

free_texts:
    text_free(&maps);
    text_free(&path);
    return error;
}
