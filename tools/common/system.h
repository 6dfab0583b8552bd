/* SPDX-License-Identifier: MIT */
/*
 * system.h - what only some systems support: reading other processes.
 *
 * Linux reads /proc (system_linux.c, process.c, command.c).  Elsewhere the same
 * functions say that it is not supported (system_none.c).  Files work
 * everywhere.
 */
#ifndef ZCACHE_TOOL_SYSTEM_H
#define ZCACHE_TOOL_SYSTEM_H

#include "common/source.h"

/* Bytes available without swapping; 0 if unknown. */
uint64_t system_available_memory(void);

/* Bytes of memory; 0 if unknown. */
uint64_t system_total_memory(void);

/* Bytes of the swap devices that are in use, but those of zram. */
uint64_t system_swap_devices(void);

/* Bytes of shared memory and tmpfs in memory, mapped or not; 0 if unknown. */
uint64_t system_shared_memory(void);

/* The longest chain of pages of zsmalloc. */
enum system_chain_origin {
    CHAIN_UNKNOWN, /* the length is 0, or the kernel's default */
    CHAIN_READ,    /* of the configuration of the running kernel */
    CHAIN_GIVEN    /* --chain */
};

struct system_chain {
    unsigned length;
    enum system_chain_origin origin;
    char path[160]; /* of the configuration */
};

struct system_chain system_find_chain(void);

/* zram on this machine, or on that of a recorded tree ("": this one). */
struct system_zram {
    bool is_loaded;
    char unset[32]; /* the first device without a disksize: "zram0"; "" */
};

struct system_zram system_find_zram(const char *root);

/*
 * The codecs that zram and zswap of a machine have, or those of a recorded
 * tree's ("": this one): words with a blank between.  A list that is not known
 * to be whole has those that are surely there.
 */
struct system_codecs {
    bool knows_zram;
    bool knows_zswap;
    bool may_load; /* modules: zswap's list has those that are installed */
    char zram[256];
    char zswap[256];
};

struct system_codecs system_find_codecs(const char *root);

enum system_has {
    SYSTEM_MAY_HAVE, /* not known */
    SYSTEM_HAS,
    SYSTEM_HAS_NOT
};

enum system_has system_has_codec(const struct system_codecs *codecs, bool zram,
                                 const char *name);

/* Is memory short?  All zero: not known. */
struct system_shortage {
    uint64_t total; /* MemTotal, bytes */
    uint64_t available;
    uint64_t swap_used;
    bool knows_pressure;
    unsigned pressure; /* hundredths of a percent: some avg300 */
};

struct system_shortage system_find_shortage(void);

/* What it takes to read a process that this program was not permitted to. */
const char *system_read_permission(void);

/* Processes by number. */
struct pid_list {
    long *pids;
    size_t count;
    size_t capacity;
    size_t foreign; /* those that were met and have no number here */
};

void pid_list_add(struct pid_list *list, long pid);
void pid_list_free(struct pid_list *list);

/* Sorts, and keeps each once. */
void pid_list_sort(struct pid_list *list);

/* Every process but this one, in order.  False, and an error shown. */
bool system_list_all(struct pid_list *list);

/*
 * The processes of a control group and of the groups below it, in order: a
 * directory, a path as /proc/PID/cgroup has it, or one below /sys/fs/cgroup.
 * False, and an error shown.
 */
bool system_list_cgroup(struct pid_list *list, const char *path);

/* The largest possible process number. */
#define PID_MOST 2147483647

/* The outcome of opening a process. */
enum process_outcome {
    PROCESS_OK,
    PROCESS_GONE,          /* no process has that number (any more) */
    PROCESS_NOT_PERMITTED, /* this program may not read it */
    PROCESS_EMPTY,         /* nothing that could be swapped, or the kernel's */
    PROCESS_SAME_SPACE,    /* its address space is that of an earlier one */
    PROCESS_FAILED         /* an error, which was shown */
};

/* Processes that are opened as one source. */
struct process_request {
    const struct pid_list *pids;
    const char *label; /* NULL: "pid 7 (sh)", or "2 processes" */
    size_t page_size;
    const char *proc; /* NULL: "/proc" */

    /* NULL, or called for each page of shared memory that a page table has: the
     * mapping that has it there, and a number of the page. */
    void (*see_shared)(void *context, const struct source *source,
                       size_t mapping, uint64_t page);
    void *see_context;
};

/* Does a process exist, and may this program read it?  Does not read it. */
enum process_outcome process_check(long pid);

/*
 * Finds the pages of processes that are in memory and could be swapped; an
 * origin is a process that has some, or that has others instead.  PROCESS_OK if
 * there are pages; otherwise the outcome of the last one.  Only
 * PROCESS_FAILED shows an error.
 */
enum process_outcome process_open(struct source *source,
                                  const struct process_request *request,
                                  struct process_tally *tally);

/* Shows why a process could not be opened. */
void process_explain(enum process_outcome outcome, long pid);

/* A child calls it: the child gets SIGTERM when its parent ends. */
void system_end_with(long parent);

/* A command that this program started. */
struct command {
    char **words;
    long guard; /* the process that ends it; 0: none */
    int report; /* the pipe from the guard */
};

/*
 * Starts a command, with its output to standard error, and waits for that time.
 * False, and an error shown, if it could not start or ended earlier.
 */
bool command_start(struct command *command, char **words,
                   uint64_t milliseconds);

/* The command and all its descendants now. */
bool command_list(const struct command *command, struct pid_list *list);

/* Ends the command and its descendants; a note says so. */
void command_stop(struct command *command);

#endif
