/* SPDX-License-Identifier: MIT */
/*
 * now_read.c - the kernel's files about zswap, zram and swap, into struct now.
 *
 * A file that is not there leaves its numbers unknown: kernels differ in what
 * they have.  A file that holds something else than its numbers is an error.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/tool.h"
#include "estimate/now.h"

/* The largest of these files is /proc/vmstat, of some KiB. */
#define FILE_BYTES_MOST ((size_t)1 << 20)
#define PARAMETERS "/sys/module/zswap/parameters/"

const struct now_name now_figure_names[NOW_FIGURES] = {
    [NOW_MAX_POOL_PERCENT] = {"max_pool_percent", NOW_PARAMETERS},
    [NOW_ACCEPT_THRESHOLD_PERCENT] = {"accept_threshold_percent",
                                      NOW_PARAMETERS},
    [NOW_POOL_LIMIT_HIT] = {"pool_limit_hit", NOW_DEBUGFS},
    [NOW_WRITTEN_BACK_PAGES] = {"written_back_pages", NOW_DEBUGFS},
    [NOW_REJECT_RECLAIM_FAIL] = {"reject_reclaim_fail", NOW_DEBUGFS},
    [NOW_REJECT_ALLOC_FAIL] = {"reject_alloc_fail", NOW_DEBUGFS},
    [NOW_REJECT_KMEMCACHE_FAIL] = {"reject_kmemcache_fail", NOW_DEBUGFS},
    [NOW_REJECT_COMPRESS_FAIL] = {"reject_compress_fail", NOW_DEBUGFS},
    [NOW_REJECT_COMPRESS_POOR] = {"reject_compress_poor", NOW_DEBUGFS},
    [NOW_DECOMPRESS_FAIL] = {"decompress_fail", NOW_DEBUGFS},
    [NOW_POOL_TOTAL_SIZE] = {"pool_total_size", NOW_DEBUGFS},
    [NOW_STORED_PAGES] = {"stored_pages", NOW_DEBUGFS},
    [NOW_STORED_INCOMPRESSIBLE_PAGES] = {"stored_incompressible_pages",
                                         NOW_DEBUGFS},
    [NOW_PSWPIN] = {"pswpin", NOW_VMSTAT},
    [NOW_PSWPOUT] = {"pswpout", NOW_VMSTAT},
    [NOW_ZSWPIN] = {"zswpin", NOW_VMSTAT},
    [NOW_ZSWPOUT] = {"zswpout", NOW_VMSTAT},
    [NOW_ZSWPWB] = {"zswpwb", NOW_VMSTAT},
    [NOW_MEM_TOTAL] = {"MemTotal", NOW_MEMINFO},
    [NOW_SWAP_TOTAL] = {"SwapTotal", NOW_MEMINFO},
    [NOW_SWAP_FREE] = {"SwapFree", NOW_MEMINFO},
    [NOW_ZSWAP] = {"Zswap", NOW_MEMINFO},
    [NOW_ZSWAPPED] = {"Zswapped", NOW_MEMINFO},
    [NOW_CGROUP_ZSWAP] = {"zswap", NOW_CGROUP},
    [NOW_CGROUP_ZSWAPPED] = {"zswapped", NOW_CGROUP},
};

const char *const now_zram_files[NOW_ZRAM_PLACES] = {
    [NOW_DISKSIZE] = "disksize",
    [NOW_MM_STAT] = "mm_stat",
    [NOW_IO_STAT] = "io_stat",
    [NOW_BD_STAT] = "bd_stat",
};

/* In the order of each file. */
const struct now_name now_zram_names[NOW_ZRAM_FIGURES] = {
    [NOW_ZRAM_DISKSIZE] = {"disksize", NOW_DISKSIZE},
    [NOW_ZRAM_ORIG] = {"orig_data_size", NOW_MM_STAT},
    [NOW_ZRAM_COMPR] = {"compr_data_size", NOW_MM_STAT},
    [NOW_ZRAM_USED] = {"mem_used_total", NOW_MM_STAT},
    [NOW_ZRAM_LIMIT] = {"mem_limit", NOW_MM_STAT},
    [NOW_ZRAM_USED_MAX] = {"mem_used_max", NOW_MM_STAT},
    [NOW_ZRAM_SAME] = {"same_pages", NOW_MM_STAT},
    [NOW_ZRAM_COMPACTED] = {"pages_compacted", NOW_MM_STAT},
    [NOW_ZRAM_HUGE] = {"huge_pages", NOW_MM_STAT},
    [NOW_ZRAM_HUGE_SINCE] = {"huge_pages_since", NOW_MM_STAT},
    [NOW_ZRAM_FAILED_READS] = {"failed_reads", NOW_IO_STAT},
    [NOW_ZRAM_FAILED_WRITES] = {"failed_writes", NOW_IO_STAT},
    [NOW_ZRAM_INVALID_IO] = {"invalid_io", NOW_IO_STAT},
    [NOW_ZRAM_NOTIFY_FREE] = {"notify_free", NOW_IO_STAT},
    [NOW_ZRAM_BD_COUNT] = {"bd_count", NOW_BD_STAT},
    [NOW_ZRAM_BD_READS] = {"bd_reads", NOW_BD_STAT},
    [NOW_ZRAM_BD_WRITES] = {"bd_writes", NOW_BD_STAT},
};

int now_read_file(struct now_reader *reader, const char *folder,
                  const char *name)
{
    reader->path.length = 0;
    text_print(&reader->path, "%s%s%s", reader->now->root, folder, name);
    reader->text.length = 0;
    text_append(&reader->text, "", 0);
    return text_append_file(&reader->text, reader->path.bytes, FILE_BYTES_MOST);
}

/* Is the file absent: never there, gone meanwhile, or not for this program? */
static bool is_absent(int error)
{
    return error == ENOENT || error == ENODEV || error == ENOTDIR ||
           error == EACCES || error == EPERM;
}

bool now_may_go_on(const struct now_reader *reader, int error)
{
    if (error == 0 || is_absent(error))
        return true;
    message_error("%s: %s", reader->path.bytes, strerror(error));
    return false;
}

/* The number at *cursor, after blanks, with a blank or the end behind it. */
static bool take_number(const char **cursor, uint64_t *number_out)
{
    unsigned long long number;
    char *end;

    *cursor += strspn(*cursor, " \t");
    if (**cursor < '0' || **cursor > '9')
        return false;
    errno = 0;
    number = strtoull(*cursor, &end, 10);
    if (errno != 0 || strchr(" \t\n", *end) == NULL)
        return false; /* strchr() finds the NUL at the end too */
    *cursor = end;
    *number_out = number;
    return true;
}

/* Shows that there is no number; `text` may go on with other lines. */
static bool no_number(const struct now_reader *reader, const char *name,
                      const char *text)
{
    message_error("%s: %s: \"%.*s\" is no number", reader->path.bytes, name,
                  (int)strcspn(text, "\n"), text);
    return false;
}

bool now_keep_number(const struct now_reader *reader, const char *name,
                     const char *text, uint64_t unit, struct now_number *number)
{
    const char *cursor = text;

    if (!take_number(&cursor, &number->value) ||
        number->value > UINT64_MAX / unit)
        return no_number(reader, name, text);
    number->value *= unit;
    number->known = true;
    return true;
}

/* Figures that have a file each. */
static bool read_files(struct now_reader *reader, enum now_place place,
                       const char *folder)
{
    for (int i = 0; i < NOW_FIGURES; i++) {
        const struct now_name *name = &now_figure_names[i];
        int error;

        if (name->place != (int)place)
            continue;
        error = now_read_file(reader, folder, name->name);
        if (!now_may_go_on(reader, error))
            return false;
        if (error == 0 &&
            !now_keep_number(reader, name->name, reader->text.bytes, 1,
                             &reader->now->figures[i]))
            return false;
    }
    return true;
}

const char *now_find_line(const char *text, const char *name)
{
    const size_t length = strlen(name);

    for (; *text != '\0'; text += text[0] == '\n') {
        if (strncmp(text, name, length) == 0 &&
            strchr(" :\t", text[length]) != NULL && text[length] != '\0')
            return text + length + 1;
        text += strcspn(text, "\n");
    }
    return NULL;
}

/* Figures that are lines of one file.  Its errno in *error_out. */
static bool read_lines(struct now_reader *reader, enum now_place place,
                       const char *path, uint64_t unit, int *error_out)
{
    *error_out = now_read_file(reader, path, "");
    if (!now_may_go_on(reader, *error_out))
        return false;
    for (int i = 0; i < NOW_FIGURES; i++) {
        const struct now_name *name = &now_figure_names[i];
        const char *line;

        if (name->place != (int)place)
            continue;
        line = now_find_line(reader->text.bytes, name->name);
        if (line != NULL && !now_keep_number(reader, name->name, line, unit,
                                             &reader->now->figures[i]))
            return false;
    }
    return true;
}

/* The word at *cursor, in memory of its own; "" at the end of a line. */
static char *take_word(const char **cursor)
{
    const char *word = *cursor + strspn(*cursor, " \t");
    const size_t length = strcspn(word, " \t\n");
    char *copy = memory_allocate(length + 1, 1);

    memcpy(copy, word, length);
    copy[length] = '\0';
    *cursor = word + length;
    return copy;
}

/* The first word of a file; "" if it is absent. */
static bool read_word(struct now_reader *reader, const char *folder,
                      const char *name, char **word_out)
{
    const int error = now_read_file(reader, folder, name);
    const char *cursor;

    if (!now_may_go_on(reader, error))
        return false;
    cursor = error == 0 ? reader->text.bytes : "";
    free(*word_out);
    *word_out = take_word(&cursor);
    return true;
}

static bool read_zswap(struct now_reader *reader)
{
    struct now *now = reader->now;

    if (!read_word(reader, PARAMETERS, "enabled", &now->enabled) ||
        !read_word(reader, PARAMETERS, "compressor", &now->compressor) ||
        !read_word(reader, PARAMETERS, "shrinker_enabled", &now->shrinker))
        return false;
    now->zswap_there = now->enabled[0] != '\0';
    return read_files(reader, NOW_PARAMETERS, PARAMETERS);
}

/* Where the first of a type is mounted, says /proc/mounts; NULL if nowhere. */
static bool find_mount(struct now_reader *reader, const char *wanted,
                       char **path_out)
{
    const int error = now_read_file(reader, "/proc/mounts", "");
    const char *cursor = reader->text.bytes;

    *path_out = NULL;
    if (!now_may_go_on(reader, error))
        return false;
    while (error == 0 && *cursor != '\0' && *path_out == NULL) {
        char *device = take_word(&cursor);
        char *path = take_word(&cursor);
        char *type = take_word(&cursor);

        if (strcmp(type, wanted) == 0) {
            *path_out = path;
            path = NULL;
        }
        free(device);
        free(path);
        free(type);
        cursor += strcspn(cursor, "\n");
        cursor += *cursor == '\n';
    }
    return true;
}

static bool read_debugfs(struct now_reader *reader)
{
    struct now *now = reader->now;
    struct text folder = {0};
    bool good;
    int error;

    now->debugfs = NOW_DEBUGFS_NOT_MOUNTED;
    if (!find_mount(reader, "debugfs", &now->debugfs_path))
        return false;
    if (now->debugfs_path == NULL)
        return true;
    text_print(&folder, "%s/zswap/", now->debugfs_path);
    error = now_read_file(reader, folder.bytes, "stored_pages");
    if (error == 0)
        now->debugfs = NOW_DEBUGFS_READ;
    else if (error == EACCES || error == EPERM)
        now->debugfs = NOW_DEBUGFS_NOT_PERMITTED;
    else
        now->debugfs = NOW_DEBUGFS_NO_ZSWAP;
    good = read_files(reader, NOW_DEBUGFS, folder.bytes);
    text_free(&folder);
    return good;
}

/* "/dev/zram7" */
static bool is_zram(const char *path)
{
    static const char start[] = "/dev/zram";
    const char *digits = path + sizeof(start) - 1;

    return strncmp(path, start, sizeof(start) - 1) == 0 && *digits != '\0' &&
           digits[strspn(digits, "0123456789")] == '\0';
}

static bool take_swap(const struct now_reader *reader, const char **cursor)
{
    struct now *now = reader->now;
    const char *line = *cursor;
    struct now_swap swap = {0};
    bool good;

    swap.path = take_word(cursor);
    swap.type = take_word(cursor);
    swap.zram = is_zram(swap.path);
    good = take_number(cursor, &swap.size) && take_number(cursor, &swap.used);
    *cursor += strspn(*cursor, " \t");
    swap.negative = **cursor == '-';
    *cursor += swap.negative;
    good = good && take_number(cursor, &swap.priority) &&
           swap.size < UINT64_MAX / 1024 && swap.used < UINT64_MAX / 1024;
    if (!good) {
        message_error("%s: \"%.*s\" is no swap device", reader->path.bytes,
                      (int)strcspn(line, "\n"), line);
        free(swap.path);
        free(swap.type);
        return false;
    }
    swap.size *= 1024;
    swap.used *= 1024;
    now->swaps = memory_make_room(now->swaps, now->swap_count,
                                  &now->swap_capacity, sizeof(*now->swaps));
    now->swaps[now->swap_count++] = swap;
    return true;
}

static bool read_swaps(struct now_reader *reader)
{
    const int error = now_read_file(reader, "/proc/swaps", "");
    const char *cursor = reader->text.bytes;

    if (!now_may_go_on(reader, error))
        return false;
    /* The first line is the heading. */
    cursor += strcspn(cursor, "\n");
    while (cursor[0] == '\n' && cursor[1] != '\0') {
        cursor++;
        if (!take_swap(reader, &cursor))
            return false;
        cursor += strcspn(cursor, "\n");
    }
    return true;
}

/* The numbers of one file of a device.  Older kernels have fewer. */
static bool read_zram_file(struct now_reader *reader, const char *folder,
                           struct now_zram *zram, enum now_zram_place place)
{
    const int error = now_read_file(reader, folder, now_zram_files[place]);
    const char *cursor = reader->text.bytes;

    if (!now_may_go_on(reader, error))
        return false;
    for (int i = 0; error == 0 && i < NOW_ZRAM_FIGURES; i++) {
        if (now_zram_names[i].place != (int)place)
            continue;
        cursor += strspn(cursor, " \t\n");
        if (*cursor == '\0')
            break;
        if (!take_number(&cursor, &zram->figures[i].value))
            return no_number(reader, now_zram_names[i].name, cursor);
        zram->figures[i].known = true;
    }
    return true;
}

/* "lzo [lz4] zstd" -> "lz4"; one alone may stand without brackets. */
static bool read_algorithm(struct now_reader *reader, const char *folder,
                           char **algorithm_out)
{
    char *start;
    char *name;

    if (!read_word(reader, folder, "comp_algorithm", algorithm_out))
        return false;
    start = strchr(reader->text.bytes, '[');
    if (start == NULL)
        return true;
    start++;
    start[strcspn(start, "]")] = '\0';
    name = memory_copy_text(start);
    free(*algorithm_out);
    *algorithm_out = name;
    return true;
}

static bool read_zram(struct now_reader *reader, const char *name)
{
    struct now *now = reader->now;
    struct text folder = {0};
    struct now_zram *zram;
    bool good;

    now->zrams = memory_make_room(now->zrams, now->zram_count,
                                  &now->zram_capacity, sizeof(*now->zrams));
    zram = &now->zrams[now->zram_count++];
    *zram = (struct now_zram){.name = memory_copy_text(name)};
    text_print(&folder, "/sys/block/%s/", name);
    good = read_algorithm(reader, folder.bytes, &zram->algorithm) &&
           read_word(reader, folder.bytes, "backing_dev", &zram->backing);
    for (int i = 0; good && i < NOW_ZRAM_PLACES; i++)
        good =
            read_zram_file(reader, folder.bytes, zram, (enum now_zram_place)i);
    text_free(&folder);
    return good;
}

static int compare_zrams(const void *left, const void *right)
{
    const char *a = ((const struct now_zram *)left)->name;
    const char *b = ((const struct now_zram *)right)->name;
    const size_t length_a = strlen(a);
    const size_t length_b = strlen(b);

    if (length_a != length_b)
        return length_a < length_b ? -1 : 1;
    return strcmp(a, b);
}

static bool read_zrams(struct now_reader *reader)
{
    struct now *now = reader->now;
    struct dirent *entry;
    bool good = true;
    DIR *folder;

    reader->path.length = 0;
    text_print(&reader->path, "%s/sys/block", now->root);
    folder = opendir(reader->path.bytes);
    if (folder == NULL)
        return now_may_go_on(reader, errno);
    while (good && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, "zram", 4) == 0)
            good = read_zram(reader, entry->d_name);
    }
    (void)closedir(folder);
    if (now->zram_count > 1)
        qsort(now->zrams, now->zram_count, sizeof(*now->zrams), compare_zrams);
    return good;
}

static bool read_all(struct now_reader *reader)
{
    int error;

    if (!read_lines(reader, NOW_MEMINFO, "/proc/meminfo", 1024, &error))
        return false;
    if (error != 0 || !reader->now->figures[NOW_MEM_TOTAL].known) {
        message_error("%s: %s%s", reader->path.bytes,
                      error != 0 ? strerror(error) : "it has no MemTotal",
                      reader->now->root[0] != '\0'
                          ? "; --root needs a tree that has /proc and /sys"
                          : "");
        return false;
    }
    return read_lines(reader, NOW_VMSTAT, "/proc/vmstat", 1, &error) &&
           read_lines(reader, NOW_CGROUP, "/sys/fs/cgroup/memory.stat", 1,
                      &error) &&
           read_zswap(reader) && read_debugfs(reader) && read_swaps(reader) &&
           read_zrams(reader) &&
           find_mount(reader, "cgroup2", &reader->now->groups_path) &&
           now_read_groups(reader);
}

bool now_read(struct now *now, const char *root, size_t page_size)
{
    struct now_reader reader = {.now = now};
    bool good;

    *now = (struct now){.root = root, .page_size = page_size};
    good = read_all(&reader);
    now->zram_here = system_find_zram(root);
    if (root[0] == '\0')
        now->shortage = system_find_shortage();
    text_free(&reader.path);
    text_free(&reader.text);
    return good;
}

void now_free(struct now *now)
{
    for (size_t i = 0; i < now->swap_count; i++) {
        free(now->swaps[i].path);
        free(now->swaps[i].type);
    }
    for (size_t i = 0; i < now->zram_count; i++) {
        free(now->zrams[i].name);
        free(now->zrams[i].algorithm);
        free(now->zrams[i].backing);
    }
    for (size_t i = 0; i < now->group_count; i++)
        free(now->groups[i].path);
    free(now->groups);
    free(now->groups_path);
    free(now->swaps);
    free(now->zrams);
    free(now->enabled);
    free(now->compressor);
    free(now->shrinker);
    free(now->debugfs_path);
    *now = (struct now){0};
}
