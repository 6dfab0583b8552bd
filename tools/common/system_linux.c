/* SPDX-License-Identifier: MIT */
/* system_linux.c - the list of processes, and the available memory. */
#include "common/system.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

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

uint64_t system_total_memory(void)
{
    return read_meminfo("MemTotal:");
}

/* A line of /proc/swaps: "NAME TYPE KILOBYTES ...", by tabs and spaces. */
uint64_t system_swap_devices(void)
{
    struct text text = {0};
    uint64_t bytes = 0;
    char *rest;

    if (text_append_file(&text, "/proc/swaps", PROC_BYTES_MOST) == 0 &&
        text.length != 0) {
        rest = text.bytes;
        for (char *line = strtok_r(rest, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            const char *size = line + strcspn(line, " \t");

            size += strspn(size, " \t");
            size += strcspn(size, " \t");
            if (line[0] == '/' && strstr(line, "/zram") == NULL)
                bytes += strtoull(size, NULL, 10) * 1024;
        }
    }
    text_free(&text);
    return bytes;
}

uint64_t system_shared_memory(void)
{
    return read_meminfo("\nShmem:");
}

/* Of a configuration of the kernel; 0 if it is not there. */
static unsigned read_chain_length(const char *path)
{
    static const char key[] = "\nCONFIG_ZSMALLOC_CHAIN_SIZE=";
    struct text text = {0};
    uint64_t length = 0;
    char *line;

    if (text_append_file(&text, path, PROC_BYTES_MOST) == 0 &&
        text.length != 0) {
        line = strstr(text.bytes, key);
        if (line != NULL) {
            line += sizeof(key) - 1;
            line[strcspn(line, "\n")] = '\0';
            (void)number_parse(line, 4, 16, &length);
        }
    }
    text_free(&text);
    return (unsigned)length;
}

unsigned system_chain_length(void)
{
    struct utsname name;
    struct text path = {0};
    unsigned length;

    if (uname(&name) != 0)
        return 0;
    text_print(&path, "/boot/config-%s", name.release);
    length = read_chain_length(path.bytes);
    path.length = 0;
    text_print(&path, "/lib/modules/%s/config", name.release);
    if (length == 0)
        length = read_chain_length(path.bytes);
    text_free(&path);
    return length;
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

void system_end_with(long parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if ((long)getppid() != parent) /* the parent ended before the call */
        (void)raise(SIGTERM);
}
