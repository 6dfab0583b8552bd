/* SPDX-License-Identifier: MIT */
/* system_linux.c - the list of processes, and the available memory. */
#include "common/system.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* A group tree deeper than this is a loop of links. */
#define CGROUP_DEPTH_MOST 64

/* A figure of /proc/meminfo in bytes; 0 if unknown. */
static uint64_t read_meminfo(const char *key)
{
    struct text text = {0};
    uint64_t bytes = 0;
    const char *line;

    if (text_append_file(&text, "/proc/meminfo", PROC_BYTES_MOST) == 0) {
        line = strstr(text.bytes, key);
        if (line != NULL)
            bytes = strtoull(line + strlen(key), NULL, 10) * 1024;
    }
    text_free(&text);
    return bytes;
}

uint64_t system_available_memory(void)
{
    return read_meminfo("\nMemAvailable:");
}

uint64_t system_shared_memory(void)
{
    return read_meminfo("\nShmem:");
}

unsigned system_chain_length(void)
{
    static const char key[] = "\nCONFIG_ZSMALLOC_CHAIN_SIZE=";
    struct utsname name;
    struct text path = {0};
    struct text text = {0};
    uint64_t length = SYSTEM_CHAIN_DEFAULT;
    char *line;

    if (uname(&name) != 0)
        return SYSTEM_CHAIN_DEFAULT;
    text_print(&path, "/boot/config-%s", name.release);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0) {
        line = strstr(text.bytes, key);
        if (line != NULL) {
            line += sizeof(key) - 1;
            line[strcspn(line, "\n")] = '\0';
            (void)number_parse(line, 4, 16, &length);
        }
    }
    text_free(&path);
    text_free(&text);
    return (unsigned)length;
}

bool system_list_all(struct pid_list *list)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    uint64_t pid;

    if (directory == NULL) {
        message_error("cannot read /proc: %s", strerror(errno));
        return false;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (number_parse(entry->d_name, 1, PID_MOST, &pid) &&
            (long)pid != (long)getpid())
            pid_list_add(list, (long)pid);
    }
    (void)closedir(directory);
    pid_list_sort(list);
    return true;
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

            if (number_parse(line, 1, PID_MOST, &pid) &&
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

    if (error != 0 || depth == CGROUP_DEPTH_MOST)
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

bool system_list_cgroup(struct pid_list *list, const char *path)
{
    struct text below = {0};
    int error = add_groups(list, path, 0);

    if (error == ENOENT || error == ENOTDIR) {
        text_print(&below, CGROUP_ROOT "/%s", path);
        if (add_groups(list, below.bytes, 0) == 0)
            error = 0;
        text_free(&below);
    }
    if (error != 0) {
        message_error("cgroup %s: cannot read cgroup.procs there or below "
                      "%s: %s",
                      path, CGROUP_ROOT, strerror(error));
        return false;
    }
    if (list->count == 0) {
        message_error("cgroup %s: there is no process in it", path);
        return false;
    }
    pid_list_sort(list);
    return true;
}

void system_end_with(long parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if ((long)getppid() != parent) /* the parent ended before the call */
        (void)raise(SIGTERM);
}
