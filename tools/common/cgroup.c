/* SPDX-License-Identifier: MIT */
/* cgroup.c - control groups: their mounts, their processes, their limits. */
#include "common/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/system.h"

/* A group tree deeper than this is a loop of links. */
#define GROUP_DEPTH_MOST 64

/* The field of that number, from 0, of a line whose fields have one space
 * between them; the field ends the text. */
static char *field_of(char *line, unsigned number)
{
    while (number-- != 0 && line != NULL) {
        line = strchr(line, ' ');
        if (line != NULL)
            line++;
    }
    if (line != NULL)
        line[strcspn(line, " \n")] = '\0';
    return line;
}

static void add_mount(struct cgroup_mounts *mounts, char *line)
{
    const char *type = strstr(line, " - cgroup");
    bool is_version_2 = type != NULL && strncmp(type, " - cgroup2 ", 11) == 0;
    const char *point;
    char *first;

    if (type == NULL)
        return;
    point = field_of(line, 4);
    if (point == NULL)
        return;
    mounts->points = memory_make_room(mounts->points, mounts->count,
                                      &mounts->capacity,
                                      sizeof(*mounts->points));
    mounts->points[mounts->count++] = memory_copy_text(point);
    if (!is_version_2 || mounts->has_version_2)
        return;
    mounts->has_version_2 = true;
    first = mounts->points[0];
    mounts->points[0] = mounts->points[mounts->count - 1];
    mounts->points[mounts->count - 1] = first;
}

void cgroup_find_mounts(struct cgroup_mounts *mounts, const char *proc)
{
    struct text path = {0};
    struct text text = {0};
    char *rest;

    *mounts = (struct cgroup_mounts){0};
    text_print(&path, "%s/self/mountinfo", proc);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0 &&
        text.length != 0) {
        rest = text.bytes;
        for (char *line = strtok_r(rest, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest))
            add_mount(mounts, line);
    }
    text_free(&path);
    text_free(&text);
}

void cgroup_free_mounts(struct cgroup_mounts *mounts)
{
    for (size_t i = 0; i < mounts->count; i++)
        free(mounts->points[i]);
    free(mounts->points);
    *mounts = (struct cgroup_mounts){0};
}

/* The group of version 2 of a process, "/a/b", from its line "0::/a/b"; false
 * without. */
static bool read_group(const char *directory, struct text *group)
{
    struct text path = {0};
    struct text text = {0};
    const char *line = NULL;

    text_print(&path, "%s/cgroup", directory);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0 &&
        text.length != 0) {
        line = strncmp(text.bytes, "0::", 3) == 0 ? text.bytes
                                                  : strstr(text.bytes, "\n0::");
        if (line != NULL) {
            line = strchr(line, '/');
            if (line != NULL)
                text_append(group, line, strcspn(line, "\n"));
        }
    }
    text_free(&path);
    text_free(&text);
    return line != NULL;
}

bool cgroup_limit_is_zero(const struct cgroup_mounts *mounts,
                          const char *directory, const char *file)
{
    struct text group = {0};
    bool is_zero = false;
    bool goes_on = mounts->has_version_2 && read_group(directory, &group);

    while (goes_on && !is_zero) {
        struct text path = {0};
        struct text limit = {0};
        char *slash = strrchr(group.bytes, '/');

        text_print(&path, "%s%s/%s", mounts->points[0], group.bytes, file);
        is_zero = text_append_file(&limit, path.bytes, PROC_BYTES_MOST) == 0 &&
                  limit.length != 0 && strcmp(limit.bytes, "0\n") == 0;
        text_free(&path);
        text_free(&limit);
        goes_on = slash != NULL && group.bytes[0] != '\0';
        if (slash != NULL)
            *slash = '\0';
    }
    text_free(&group);
    return is_zero;
}

/* The processes of one group.  0, or an errno. */
static int add_group(struct pid_list *list, const char *path)
{
    struct text file = {0};
    struct text pids = {0};
    char *rest;
    int error;

    text_print(&file, "%s/cgroup.procs", path);
    error = text_append_file(&pids, file.bytes, PROC_BYTES_MOST);
    text_free(&file);
    if (error == 0) {
        rest = pids.bytes;
        for (char *line = strtok_r(rest, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            uint64_t pid;

            if (strcmp(line, "0") == 0)
                list->foreign++; /* of another PID namespace */
            else if (number_parse(line, 1, PID_MOST, &pid) &&
                     (long)pid != (long)getpid())
                pid_list_add(list, (long)pid);
        }
    }
    text_free(&pids);
    return error;
}

/* A group and those below it.  0, or an errno of the top one. */
static int add_groups(struct pid_list *list, const char *path, int depth)
{
    int error = add_group(list, path);
    const struct dirent *entry;
    DIR *directory;

    if (error != 0 || depth == GROUP_DEPTH_MOST)
        return error;
    directory = opendir(path);
    if (directory == NULL)
        return errno;
    while ((entry = readdir(directory)) != NULL) {
        struct text below = {0};
        struct stat status;

        if (entry->d_name[0] == '.')
            continue;
        text_print(&below, "%s/%s", path, entry->d_name);
        if (lstat(below.bytes, &status) == 0 && S_ISDIR(status.st_mode))
            (void)add_groups(list, below.bytes, depth + 1);
        text_free(&below);
    }
    (void)closedir(directory);
    return 0;
}

/* The path below each mount, that of version 2 first.  0, or an errno. */
static int add_below_mounts(struct pid_list *list, const char *path)
{
    struct cgroup_mounts mounts;
    int error = ENOENT;

    cgroup_find_mounts(&mounts, "/proc");
    for (size_t i = 0; i < mounts.count && error != 0; i++) {
        struct text below = {0};

        text_print(&below, "%s/%s", mounts.points[i],
                   path[0] == '/' ? path + 1 : path);
        error = add_groups(list, below.bytes, 0);
        text_free(&below);
    }
    cgroup_free_mounts(&mounts);
    return error;
}

bool system_list_cgroup(struct pid_list *list, const char *path)
{
    int error = add_groups(list, path, 0);

    if (error == ENOENT || error == ENOTDIR)
        error = add_below_mounts(list, path);
    if (error == ENOENT || error == ENOTDIR) {
        struct text below = {0}; /* "unified/web", "memory/web" */

        text_print(&below, "/sys/fs/cgroup/%s", path);
        if (add_groups(list, below.bytes, 0) == 0)
            error = 0;
        text_free(&below);
    }
    if (error != 0) {
        message_error("cgroup %s: cannot read cgroup.procs there, below a "
                      "mount of cgroup2 or cgroup in /proc/self/mountinfo, or "
                      "below /sys/fs/cgroup: %s",
                      path, strerror(error));
        return false;
    }
    if (list->count == 0) {
        if (list->foreign != 0)
            message_error("cgroup %s: all of its %zu processes are of other "
                          "PID namespaces, and have no number here",
                          path, list->foreign);
        else
            message_error("cgroup %s: there is no process in it", path);
        return false;
    }
    pid_list_sort(list);
    return true;
}
