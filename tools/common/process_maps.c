/* SPDX-License-Identifier: MIT */
/*
 * process_maps.c - the reading of /proc/PID/smaps and of mountinfo.
 *
 * pagemap alone does not say whether a page can be swapped.  smaps says it of a
 * mapping: VmFlags lo (locked), ht (hugetlb), dp (droppable), io and pf (a
 * device's memory), and the sum LazyFree.  Shared memory is told from page
 * cache by the device of its file: every file of a tmpfs is shared memory, and
 * so are those of the mount inside the kernel that memfd_create(), shmget() and
 * shared anonymous mappings use.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create() */
#endif

#include "common/process_maps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* SHM_LOCKED of linux/shm.h, in the mode of /proc/sysvipc/shm. */
#define SHM_LOCKED_MODE 02000

static uint64_t device_key(uint64_t major_number, uint64_t minor_number)
{
    return major_number << 32 | minor_number;
}

/* The first line of a mapping: "start-end rwxp offset dev inode   path". */
static bool parse_head(char *line, struct process_mapping *mapping)
{
    uint64_t major_number;
    char *cursor;

    *mapping = (struct process_mapping){.start = strtoull(line, &cursor, 16)};
    if (*cursor++ != '-')
        return false;
    mapping->end = strtoull(cursor, &cursor, 16);
    if (*cursor++ != ' ' || strlen(cursor) < 5)
        return false;
    memcpy(mapping->permissions, cursor, 4);
    mapping->offset = strtoull(cursor + 4, &cursor, 16);
    major_number = strtoull(cursor, &cursor, 16);
    if (*cursor++ != ':')
        return false;
    mapping->device = device_key(major_number, strtoull(cursor, &cursor, 16));
    mapping->inode = strtoull(cursor, &cursor, 10);
    mapping->path = cursor + strspn(cursor, " ");
    return mapping->start < mapping->end;
}

/* The bytes of "Name:   12 kB". */
static uint64_t kilobytes(const char *line)
{
    return strtoull(strchr(line, ':') + 1, NULL, 10) * 1024;
}

static bool begins(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* One of the lines below the first one. */
static void parse_detail(const char *line, struct process_mapping *mapping)
{
    if (begins(line, "LazyFree:")) {
        mapping->lazy_free = kilobytes(line);
    } else if (begins(line, "Private_Hugetlb:") ||
               begins(line, "Shared_Hugetlb:")) {
        mapping->hugetlb += kilobytes(line);
    } else if (begins(line, "Rss:")) {
        mapping->resident = kilobytes(line);
    } else if (begins(line, "Anonymous:")) {
        mapping->anonymous = kilobytes(line);
    } else if (begins(line, "Referenced:")) {
        mapping->referenced = kilobytes(line);
    } else if (begins(line, "VmFlags:")) {
        mapping->is_locked = strstr(line, " lo") != NULL;
        mapping->is_hugetlb = strstr(line, " ht") != NULL;
        mapping->is_droppable = strstr(line, " dp") != NULL;
        mapping->is_device = strstr(line, " io") != NULL ||
                             strstr(line, " pf") != NULL;
    }
}

/* The end of a line, which becomes the end of a text. */
static char *cut_line(char *line)
{
    char *end = strchr(line, '\n');

    if (end == NULL)
        return line + strlen(line);
    *end = '\0';
    return end + 1;
}

/* Details begin with a capital letter, mappings with a hexadecimal digit. */
static bool is_detail(const char *line)
{
    return *line >= 'A' && *line <= 'Z';
}

bool process_mapping_next(char **rest, struct process_mapping *mapping)
{
    char *line = *rest;
    bool good = false;

    while (*line != '\0' && !good) {
        char *next = cut_line(line);

        good = !is_detail(line) && parse_head(line, mapping);
        line = next;
    }
    while (good && is_detail(line)) {
        char *next = cut_line(line);

        parse_detail(line, mapping);
        line = next;
    }
    *rest = line;
    return good;
}

static void add_device(struct shared_memory *shared, uint64_t device,
                       bool is_noswap)
{
    for (size_t i = 0; i < shared->device_count; i++) {
        if (shared->devices[i].device == device)
            return;
    }
    shared->devices = memory_make_room(shared->devices, shared->device_count,
                                       &shared->device_capacity,
                                       sizeof(*shared->devices));
    shared->devices[shared->device_count].device = device;
    shared->devices[shared->device_count++].is_noswap = is_noswap;
}

/* A line of mountinfo: "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS ... - TYPE
 * SOURCE OPTIONS". */
static void add_mount(struct shared_memory *shared, char *line)
{
    char *type = strstr(line, " - ");
    char *cursor = line;
    uint64_t major_number;

    if (type == NULL ||
        (!begins(type, " - tmpfs ") && !begins(type, " - devtmpfs ")))
        return;
    (void)strtoull(cursor, &cursor, 10);
    (void)strtoull(cursor, &cursor, 10);
    major_number = strtoull(cursor, &cursor, 10);
    if (*cursor == ':')
        add_device(shared,
                   device_key(major_number, strtoull(cursor + 1, NULL, 10)),
                   strstr(type, "noswap") != NULL);
}

void shared_memory_add_mounts(struct shared_memory *shared,
                              const char *directory)
{
    struct text path = {0};
    struct text text = {0};

    text_print(&path, "%s/mountinfo", directory);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0 &&
        text.length != 0) {
        for (char *line = text.bytes; *line != '\0';) {
            char *next = cut_line(line);

            add_mount(shared, line);
            line = next;
        }
    }
    text_free(&path);
    text_free(&text);
}

/* The mount inside the kernel: a file of our own is on it. */
static void add_kernel_mount(struct shared_memory *shared)
{
    int file = memfd_create("zcache", MFD_CLOEXEC);
    struct stat status;

    if (file < 0)
        return;
    if (fstat(file, &status) == 0)
        add_device(shared,
                   device_key(major(status.st_dev), minor(status.st_dev)),
                   false);
    (void)close(file);
}

/* A line of sysvipc/shm: "key shmid perms ...". */
static void add_segment(struct shared_memory *shared, char *line)
{
    char *cursor = line;
    uint64_t number;

    (void)strtoull(cursor, &cursor, 10);
    number = strtoull(cursor, &cursor, 10);
    if ((strtoull(cursor, NULL, 8) & SHM_LOCKED_MODE) == 0)
        return;
    shared->locked = memory_make_room(shared->locked, shared->locked_count,
                                      &shared->locked_capacity,
                                      sizeof(*shared->locked));
    shared->locked[shared->locked_count++] = number;
}

void shared_memory_find(struct shared_memory *shared, const char *proc)
{
    struct text path = {0};
    struct text text = {0};

    add_kernel_mount(shared);
    text_print(&path, "%s/self", proc);
    shared_memory_add_mounts(shared, path.bytes);
    path.length = 0;
    text_print(&path, "%s/sysvipc/shm", proc);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0 &&
        text.length != 0) {
        for (char *line = cut_line(text.bytes); *line != '\0';) {
            char *next = cut_line(line);

            add_segment(shared, line);
            line = next;
        }
    }
    text_free(&path);
    text_free(&text);
}

void shared_memory_free(struct shared_memory *shared)
{
    free(shared->devices);
    free(shared->locked);
    *shared = (struct shared_memory){0};
}

static const struct shared_device *find_device(
    const struct shared_memory *shared, const struct process_mapping *mapping)
{
    if (mapping->inode == 0 && mapping->path[0] != '/')
        return NULL;
    for (size_t i = 0; i < shared->device_count; i++) {
        if (shared->devices[i].device == mapping->device)
            return &shared->devices[i];
    }
    return NULL;
}

/* A SysV segment that SHM_LOCK holds in memory. */
static bool is_locked_segment(const struct process_mapping *mapping,
                              const struct shared_memory *shared)
{
    if (!begins(mapping->path, "/SYSV"))
        return false;
    for (size_t i = 0; i < shared->locked_count; i++) {
        if (shared->locked[i] == mapping->inode)
            return true;
    }
    return false;
}

/* The kernel's own pages in a process. */
static bool is_of_kernel(const struct process_mapping *mapping)
{
    static const char *const names[] = {"[vvar", "[vdso", "[vsyscall",
                                        "[uprobes"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (begins(mapping->path, names[i]))
            return true;
    }
    return false;
}

struct mapping_kind mapping_kind_of(const struct process_mapping *mapping,
                                    const struct shared_memory *shared)
{
    const struct shared_device *device = find_device(shared, mapping);
    struct mapping_kind kind = {.is_shared = device != NULL,
                                .reason = LEFT_OUT_REASONS};

    kind.is_left_out = is_of_kernel(mapping) || mapping->is_device ||
                       mapping->is_hugetlb ||
                       (mapping->permissions[3] != 'p' && !kind.is_shared);
    if (mapping->is_hugetlb)
        kind.reason = LEFT_OUT_HUGETLB;
    else if (mapping->is_locked || is_locked_segment(mapping, shared))
        kind.reason = LEFT_OUT_LOCKED;
    else if (mapping->is_droppable)
        kind.reason = LEFT_OUT_DROPPABLE;
    else if (device != NULL && device->is_noswap)
        kind.reason = LEFT_OUT_NOSWAP;
    return kind;
}
