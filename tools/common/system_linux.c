/* SPDX-License-Identifier: MIT */
/* system_linux.c - the list of processes, and the available memory. */
#include "common/system.h"

#ifdef ZCACHE_TOOL_WITH_ARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A configuration of a kernel has some 300 KiB. */
#define CONFIG_BYTES_MOST ((size_t)16 << 20)

/* CAP_SYS_PTRACE of linux/capability.h. */
#define CAPABILITY_PTRACE 19

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

/* What a configuration of the kernel says; 0 if it does not. */
static unsigned parse_chain_length(const struct text *text)
{
    static const char key[] = "\nCONFIG_ZSMALLOC_CHAIN_SIZE=";
    const char *line = text->length == 0 ? NULL : strstr(text->bytes, key);
    char digits[4] = "";
    uint64_t length = 0;

    if (line == NULL)
        return 0;
    line += sizeof(key) - 1;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(line, "\n"),
                   line);
    (void)number_parse(digits, 4, 16, &length);
    return (unsigned)length;
}

#ifdef ZCACHE_TOOL_WITH_ARCHIVE
static void unpack(const struct text *packed, struct text *text)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    char bytes[4096];
    la_ssize_t got;

    (void)archive_read_support_filter_gzip(archive);
    (void)archive_read_support_format_raw(archive);
    if (archive_read_open_memory(archive, packed->bytes, packed->length) ==
            ARCHIVE_OK &&
        archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        while ((got = archive_read_data(archive, bytes, sizeof(bytes))) > 0 &&
               text->length < CONFIG_BYTES_MOST)
            text_append(text, bytes, (size_t)got);
    }
    (void)archive_read_free(archive);
}
#else
static void unpack(const struct text *packed, struct text *text)
{
    (void)packed;
    (void)text;
}
#endif

static unsigned read_chain_length(const char *path)
{
    const size_t length = strlen(path);
    struct text file = {0};
    struct text unpacked = {0};
    unsigned chain = 0;

    if (text_append_file(&file, path, CONFIG_BYTES_MOST) == 0) {
        if (strcmp(path + length - 3, ".gz") == 0)
            unpack(&file, &unpacked);
        else
            text_append(&unpacked, file.bytes, file.length);
        chain = parse_chain_length(&unpacked);
    }
    text_free(&file);
    text_free(&unpacked);
    return chain;
}

struct system_chain system_find_chain(void)
{
    static const char *const paths[] = {"/proc/config.gz", "/boot/config-%s",
                                        "/lib/modules/%s/config"};
    struct system_chain chain = {0};
    struct utsname name;

    if (uname(&name) != 0)
        return chain;
    for (size_t i = 0; chain.length == 0 && i < sizeof(paths) / sizeof(*paths);
         i++) {
        const char *mark = strstr(paths[i], "%s");
        const size_t before = mark == NULL ? strlen(paths[i])
                                           : (size_t)(mark - paths[i]);

        (void)snprintf(chain.path, sizeof(chain.path), "%.*s%s%s", (int)before,
                       paths[i], mark == NULL ? "" : name.release,
                       mark == NULL ? "" : mark + 2);
        chain.length = read_chain_length(chain.path);
    }
    if (chain.length != 0)
        chain.origin = CHAIN_READ;
    return chain;
}

struct system_shortage system_find_shortage(void)
{
    static const char key[] = "avg300=";
    const uint64_t swap = read_meminfo("\nSwapTotal:");
    const uint64_t swap_free = read_meminfo("\nSwapFree:");
    struct system_shortage shortage = {
        .total = read_meminfo("MemTotal:"),
        .available = read_meminfo("\nMemAvailable:"),
        .swap_used = swap > swap_free ? swap - swap_free : 0};
    struct text text = {0};
    const char *line;

    /* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
    if (text_append_file(&text, "/proc/pressure/memory", PROC_BYTES_MOST) ==
            0 &&
        text.length != 0 && (line = strstr(text.bytes, key)) != NULL) {
        shortage.knows_pressure = true;
        shortage.pressure =
            (unsigned)(strtod(line + sizeof(key) - 1, NULL) * 100.0 + 0.5);
    }
    text_free(&text);
    return shortage;
}

const char *system_read_permission(void)
{
    static const char key[] = "\nCapEff:";
    struct text text = {0};
    uint64_t capabilities = 0;

    if (geteuid() != 0)
        return "root, or CAP_SYS_PTRACE, may read them";
    if (text_append_file(&text, "/proc/self/status", PROC_BYTES_MOST) == 0 &&
        text.length != 0 && strstr(text.bytes, key) != NULL)
        capabilities =
            strtoull(strstr(text.bytes, key) + sizeof(key) - 1, NULL, 16);
    text_free(&text);
    return (capabilities >> CAPABILITY_PTRACE & 1) != 0
               ? "not even to root: a security module or user namespace"
               : "not even to root: it has no CAP_SYS_PTRACE here";
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
