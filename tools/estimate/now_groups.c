/* SPDX-License-Identifier: MIT */
/*
 * now_groups.c - control groups that may not use zswap, or not as much as they
 * would, or whose pages it may not write back: found below the mount of
 * cgroup2, and judged.  docs/estimate-now.md has the rules.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "estimate/now.h"

/* A group tree deeper than this is a loop of links. */
#define DEPTH_MOST 64

/* Percent. */
#define FULL_SHARE 90 /* of its limit: a group counts as full */
#define KEPT_SHARE 20 /* of the pool belongs to groups without writeback */

#define BYTES_LEAST ((uint64_t)4 << 20)
#define NAMED_MOST 3 /* groups that a finding names */

/* A file of one number; 0 if it is absent. */
static bool read_number(struct now_reader *reader, const char *folder,
                        const char *name, uint64_t *number_out)
{
    const int error = now_read_file(reader, folder, name);
    struct now_number number = {0};

    if (!now_may_go_on(reader, error) ||
        (error == 0 &&
         !now_keep_number(reader, name, reader->text.bytes, 1, &number)))
        return false;
    *number_out = number.value;
    return true;
}

/* Bytes of the pages that the group has in zswap. */
static bool read_stored(struct now_reader *reader, const char *folder,
                        uint64_t *bytes_out)
{
    const int error = now_read_file(reader, folder, "memory.stat");
    struct now_number number = {0};
    const char *line;

    if (!now_may_go_on(reader, error))
        return false;
    line = error == 0 ? now_find_line(reader->text.bytes, "zswapped") : NULL;
    if (line != NULL && !now_keep_number(reader, "zswapped", line, 1, &number))
        return false;
    *bytes_out = number.value;
    return true;
}

static bool add_group(struct now_reader *reader, const char *folder,
                      const char *path, struct now_group group)
{
    struct now *now = reader->now;
    uint64_t stored = 0;
    uint64_t swapped = 0;

    if (!read_stored(reader, folder, &stored) ||
        !read_number(reader, folder, "memory.swap.current", &swapped) ||
        !read_number(reader, folder, "memory.zswap.current",
                     &group.zswap_bytes))
        return false;
    group.path = memory_copy_text(path);
    group.past_bytes = swapped > stored ? swapped - stored : 0;
    now->groups = memory_make_room(now->groups, now->group_count,
                                   &now->group_capacity, sizeof(*now->groups));
    now->groups[now->group_count++] = group;
    return true;
}

/* Adds the group if it is limited, or if it has no writeback and those above it
 * have: those below have none either. */
static bool look_at(struct now_reader *reader, const char *folder,
                    const char *path, bool *has_no_writeback)
{
    struct now_group group = {0};
    struct now_number limit = {0};
    bool is_new = false;
    int error = now_read_file(reader, folder, "memory.zswap.max");

    if (!now_may_go_on(reader, error))
        return false;
    group.is_limited = error == 0 && strcmp(reader->text.bytes, "max\n") != 0;
    if (group.is_limited && !now_keep_number(reader, "memory.zswap.max",
                                             reader->text.bytes, 1, &limit))
        return false;
    group.limit = limit.value;
    error = now_read_file(reader, folder, "memory.zswap.writeback");
    if (!now_may_go_on(reader, error))
        return false;
    if (error == 0 && strcmp(reader->text.bytes, "0\n") == 0) {
        group.has_no_writeback = true;
        is_new = !*has_no_writeback;
        *has_no_writeback = true;
    }
    return (!group.is_limited && !is_new) ||
           add_group(reader, folder, path, group);
}

/* The group of that path, "" for the first, and those below it. */
static bool read_groups(struct now_reader *reader, const char *path,
                        bool has_no_writeback, int depth)
{
    struct text folder = {0};
    struct text real = {0};
    const struct dirent *entry;
    DIR *directory = NULL;
    bool good;

    text_print(&folder, "%s%s/", reader->now->groups_path, path);
    text_print(&real, "%s%s", reader->now->root, folder.bytes);
    good = look_at(reader, folder.bytes, path, &has_no_writeback);
    if (good && depth < DEPTH_MOST)
        directory = opendir(real.bytes);
    while (good && directory != NULL && (entry = readdir(directory)) != NULL) {
        struct text below = {0};
        struct stat status;

        if (entry->d_name[0] == '.')
            continue;
        text_print(&below, "%s%s", real.bytes, entry->d_name);
        if (lstat(below.bytes, &status) == 0 && S_ISDIR(status.st_mode)) {
            below.length = 0;
            text_print(&below, "%s/%s", path, entry->d_name);
            good =
                read_groups(reader, below.bytes, has_no_writeback, depth + 1);
        }
        text_free(&below);
    }
    if (directory != NULL)
        (void)closedir(directory);
    text_free(&real);
    text_free(&folder);
    return good;
}

static int compare_groups(const void *left, const void *right)
{
    return strcmp(((const struct now_group *)left)->path,
                  ((const struct now_group *)right)->path);
}

bool now_read_groups(struct now_reader *reader)
{
    struct now *now = reader->now;

    if (now->groups_path != NULL && !read_groups(reader, "", false, 0))
        return false;
    if (now->group_count > 1)
        qsort(now->groups, now->group_count, sizeof(*now->groups),
              compare_groups);
    return true;
}

const char *now_group_name(const struct now_group *group)
{
    return group->path[0] == '\0' ? "/" : group->path;
}

/* --- what is wrong --- */

static bool may_not_zswap(const struct now_group *group)
{
    return group->is_limited && group->limit == 0 &&
           group->past_bytes >= BYTES_LEAST;
}

static bool is_at_its_limit(const struct now_group *group)
{
    return group->is_limited &&
           now_is_share(group->zswap_bytes, group->limit, FULL_SHARE) &&
           group->past_bytes >= BYTES_LEAST;
}

static bool keeps_its_pages(const struct now_group *group)
{
    return group->has_no_writeback;
}

/* Could a shell take the path for something else than a path? */
static bool is_plain(const char *path)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "0123456789/_-.:@+,=\\";

    return path[strspn(path, letters)] == '\0';
}

/* The groups of a finding. */
struct matches {
    size_t count;
    uint64_t zswap_bytes;
    uint64_t past_bytes;
    struct text names; /* of the first ones: "/a, /b and 7 more" */
};

/* Is a group above it one too?  Its figures have those of this one. */
static bool is_below_one(const struct now *now, size_t group,
                         bool (*is_one)(const struct now_group *group))
{
    for (size_t i = 0; i < group; i++) {
        const size_t length = strlen(now->groups[i].path);

        if (is_one(&now->groups[i]) &&
            strncmp(now->groups[i].path, now->groups[group].path, length) ==
                0 &&
            now->groups[group].path[length] == '/')
            return true;
    }
    return false;
}

static struct matches find(const struct now *now,
                           bool (*is_one)(const struct now_group *group))
{
    struct matches found = {0};

    for (size_t i = 0; i < now->group_count; i++) {
        const struct now_group *group = &now->groups[i];

        if (!is_one(group) || is_below_one(now, i, is_one))
            continue;
        found.zswap_bytes += group->zswap_bytes;
        found.past_bytes += group->past_bytes;
        if (found.count < NAMED_MOST) {
            text_print(&found.names, "%s", found.count == 0 ? "" : ", ");
            text_append_visible(&found.names, now_group_name(group));
        }
        found.count++;
    }
    if (found.count > NAMED_MOST)
        text_print(&found.names, " and %zu more", found.count - NAMED_MOST);
    return found;
}

/* A line for each group that is named, and that may stand in one. */
static void add_commands(const struct now *now, struct now_finding *finding,
                         bool (*is_one)(const struct now_group *group),
                         const char *value, const char *file)
{
    size_t count = 0;

    for (size_t i = 0; i < now->group_count && count < NAMED_MOST; i++) {
        const char *path = now->groups[i].path;

        if (!is_one(&now->groups[i]) || is_below_one(now, i, is_one))
            continue;
        count++;
        if (is_plain(path))
            text_print(&finding->commands, "echo %s > '%s%s/%s'\n", value,
                       now->groups_path, path, file);
    }
}

static void judge_forbidden(const struct now *now,
                            struct now_findings *findings)
{
    struct matches found = find(now, may_not_zswap);
    struct now_finding *finding;
    char size[BYTE_TEXT_SIZE];

    if (found.count != 0) {
        finding = now_add_finding(findings, "group_may_not_zswap");
        text_print_sentence(
            &finding->sentences,
            "Control groups that may not use zswap (memory.zswap.max 0): %s. "
            "%s of theirs is in swap and not in zswap (memory.swap.current "
            "less zswapped). Where that is not meant:",
            found.names.bytes, now_size_text(size, found.past_bytes));
        add_commands(now, finding, may_not_zswap, "max", "memory.zswap.max");
    }
    text_free(&found.names);
}

static void judge_full(const struct now *now, struct now_findings *findings)
{
    struct matches found = find(now, is_at_its_limit);
    struct now_finding *finding;
    char pool[BYTE_TEXT_SIZE];
    char size[BYTE_TEXT_SIZE];

    if (found.count != 0) {
        finding = now_add_finding(findings, "group_limit_reached");
        text_print_sentence(
            &finding->sentences,
            "Control groups at their limit of zswap (memory.zswap.max): %s. "
            "They have %s in the pool, and %s of theirs is in swap and not in "
            "zswap: refused, or written back. Without a limit of their own, "
            "max_pool_percent is the limit:",
            found.names.bytes, now_size_text(pool, found.zswap_bytes),
            now_size_text(size, found.past_bytes));
        add_commands(now, finding, is_at_its_limit, "max", "memory.zswap.max");
    }
    text_free(&found.names);
}

static void judge_kept(const struct now *now, struct now_findings *findings)
{
    struct matches found = find(now, keeps_its_pages);
    struct now_finding *finding;
    char pool[BYTE_TEXT_SIZE];

    if (found.zswap_bytes >= BYTES_LEAST &&
        now_is_share(found.zswap_bytes, now_pool_bytes(now), KEPT_SHARE)) {
        finding = now_add_finding(findings, "group_without_writeback");
        text_print_sentence(
            &finding->sentences,
            "The limit of the pool was reached, and %s of it (%.0f %%) may not "
            "be written back: it belongs to control groups with "
            "memory.zswap.writeback 0: %s. A page of theirs that zswap refuses "
            "stays in memory.",
            now_size_text(pool, found.zswap_bytes),
            percent_of(found.zswap_bytes, now_pool_bytes(now)),
            found.names.bytes);
        add_commands(now, finding, keeps_its_pages, "1",
                     "memory.zswap.writeback");
    }
    text_free(&found.names);
}

void now_judge_groups(const struct now *now, bool limit_was_reached,
                      struct now_findings *findings)
{
    judge_forbidden(now, findings);
    judge_full(now, findings);
    if (limit_was_reached)
        judge_kept(now, findings);
}
