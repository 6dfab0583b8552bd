/* SPDX-License-Identifier: MIT */
/*
 * now.h - `zcache estimate --now`: what compresses memory on this machine now,
 * and what is wrong with it.
 *
 * now_read.c reads the kernel's files into struct now, now_judge.c and
 * now_judge_zram.c find what is wrong in it and read nothing, now_groups.c does
 * both for control groups, now_estimate.c compares it with an estimate, and
 * now_print.c prints all.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_NOW_H
#define ZCACHE_TOOL_ESTIMATE_NOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "estimate/report.h"

/* A number of the kernel.  Not known: this kernel does not have it, or this
 * program may not read it. */
struct now_number {
    bool known;
    uint64_t value;
};

/* Where a number stands. */
enum now_place {
    NOW_PARAMETERS, /* /sys/module/zswap/parameters, a file each */
    NOW_DEBUGFS,    /* zswap/ in debugfs, a file each */
    NOW_VMSTAT,     /* /proc/vmstat, a line each */
    NOW_MEMINFO,    /* /proc/meminfo, a line each; kept in bytes */
    NOW_CGROUP,     /* memory.stat of the cgroup2 root, a line each */
    NOW_PLACES
};

enum now_figure {
    NOW_MAX_POOL_PERCENT,
    NOW_ACCEPT_THRESHOLD_PERCENT,
    NOW_POOL_LIMIT_HIT,
    NOW_WRITTEN_BACK_PAGES,
    NOW_REJECT_RECLAIM_FAIL,
    NOW_REJECT_ALLOC_FAIL,
    NOW_REJECT_KMEMCACHE_FAIL,
    NOW_REJECT_COMPRESS_FAIL,
    NOW_REJECT_COMPRESS_POOR,
    NOW_DECOMPRESS_FAIL,
    NOW_POOL_TOTAL_SIZE,
    NOW_STORED_PAGES,
    NOW_STORED_INCOMPRESSIBLE_PAGES,
    NOW_PSWPIN,
    NOW_PSWPOUT,
    NOW_ZSWPIN,
    NOW_ZSWPOUT,
    NOW_ZSWPWB,
    NOW_MEM_TOTAL,
    NOW_SWAP_TOTAL,
    NOW_SWAP_FREE,
    NOW_ZSWAP,
    NOW_ZSWAPPED,
    NOW_CGROUP_ZSWAP,
    NOW_CGROUP_ZSWAPPED,
    NOW_FIGURES
};

/* The kernel's name of a figure, and where it stands. */
struct now_name {
    const char *name;
    int place;
};
extern const struct now_name now_figure_names[NOW_FIGURES];

/* The files of a zram device; the numbers of one stand in a line. */
enum now_zram_place {
    NOW_DISKSIZE,
    NOW_MM_STAT,
    NOW_IO_STAT,
    NOW_BD_STAT,
    NOW_ZRAM_PLACES
};

enum now_zram_figure {
    NOW_ZRAM_DISKSIZE,
    NOW_ZRAM_ORIG,
    NOW_ZRAM_COMPR,
    NOW_ZRAM_USED,
    NOW_ZRAM_LIMIT,
    NOW_ZRAM_USED_MAX,
    NOW_ZRAM_SAME,
    NOW_ZRAM_COMPACTED,
    NOW_ZRAM_HUGE,
    NOW_ZRAM_HUGE_SINCE,
    NOW_ZRAM_FAILED_READS,
    NOW_ZRAM_FAILED_WRITES,
    NOW_ZRAM_INVALID_IO,
    NOW_ZRAM_NOTIFY_FREE,
    NOW_ZRAM_BD_COUNT,
    NOW_ZRAM_BD_READS,
    NOW_ZRAM_BD_WRITES,
    NOW_ZRAM_FIGURES
};
extern const struct now_name now_zram_names[NOW_ZRAM_FIGURES];
extern const char *const now_zram_files[NOW_ZRAM_PLACES];

struct now_zram {
    char *name;      /* "zram0" */
    char *algorithm; /* the one in brackets; "" if it is not known */
    char *backing;   /* of backing_dev; "" if there is no such file */
    struct now_number figures[NOW_ZRAM_FIGURES];
};

struct now_swap {
    char *path; /* as in /proc/swaps, where a blank is \040 */
    char *type;
    uint64_t size; /* bytes */
    uint64_t used;
    bool negative; /* the priority is below 0 */
    uint64_t priority;
    bool zram;
};

/* What came of the folder zswap in debugfs. */
enum now_debugfs {
    NOW_DEBUGFS_READ,
    NOW_DEBUGFS_NOT_MOUNTED,
    NOW_DEBUGFS_NOT_PERMITTED,
    NOW_DEBUGFS_NO_ZSWAP /* mounted, and there is no such folder */
};

/* A control group with a limit of zswap, or without writeback. */
struct now_group {
    char *path; /* below the mount: "/web"; "" is the first one */
    bool is_limited;
    uint64_t limit;        /* memory.zswap.max, in bytes */
    bool has_no_writeback; /* memory.zswap.writeback is 0 */
    uint64_t zswap_bytes;  /* memory.zswap.current: of the pool */
    uint64_t past_bytes;   /* memory.swap.current less zswapped */
};

struct now {
    const char *root; /* "" or a recorded tree */
    size_t page_size;
    bool zswap_there; /* /sys/module/zswap/parameters/enabled */
    char *enabled;    /* "Y", "N"; "" if it is not known */
    char *compressor;
    char *shrinker;
    enum now_debugfs debugfs;
    char *debugfs_path; /* where it is mounted */
    struct now_number figures[NOW_FIGURES];
    struct now_swap *swaps;
    size_t swap_count;
    size_t swap_capacity;
    bool is_measured; /* an estimate of a source is beside it */
    struct system_zram zram_here;
    struct system_shortage shortage; /* of this machine, not of a tree */
    struct now_zram *zrams;
    size_t zram_count;
    size_t zram_capacity;
    char *groups_path; /* where cgroup2 is mounted; NULL: nowhere */
    struct now_group *groups;
    size_t group_count;
    size_t group_capacity;
};

/* Reads a machine.  False, and an error shown: a file holds what is no number,
 * or the folder is no recorded tree. */
bool now_read(struct now *now, const char *root, size_t page_size);
void now_free(struct now *now);

/* What is wrong: in sentences, with what to type. */
struct now_finding {
    const char *id;
    struct text sentences;
    struct text commands; /* one a line */
};

struct now_findings {
    struct now_finding *list;
    size_t count;
    size_t capacity;
};

void now_judge(const struct now *now, struct now_findings *findings);
void now_findings_free(struct now_findings *findings);

/* --- between the files that read --- */

struct now_reader {
    struct now *now;
    struct text path; /* of the file read last, for messages */
    struct text text; /* what it has, or "" */
};

/* Reads a file below the root.  0 or errno. */
int now_read_file(struct now_reader *reader, const char *folder,
                  const char *name);

/* False, and an error shown, if the file could not be read and is not absent
 * either. */
bool now_may_go_on(const struct now_reader *reader, int error);

/* The number that a text begins with, times `unit`.  False, and an error shown,
 * if it is none. */
bool now_keep_number(const struct now_reader *reader, const char *name,
                     const char *text, uint64_t unit,
                     struct now_number *number);

/* What follows a name at the beginning of a line, or NULL. */
const char *now_find_line(const char *text, const char *name);

bool now_read_groups(struct now_reader *reader);

/* --- between the files that judge and print --- */

struct now_finding *now_add_finding(struct now_findings *findings,
                                    const char *id);
void now_judge_zram(const struct now *now, struct now_findings *findings);
void now_judge_groups(const struct now *now, bool limit_was_reached,
                      struct now_findings *findings);
const char *now_group_name(const struct now_group *group); /* "/web", "/" */

/* The value; 0 if it is not known. */
uint64_t now_value(const struct now *now, enum now_figure figure);

/* Is the zswap of this machine on? */
bool now_zswap_is_on(const struct now *now);

/* Swap devices that are zram, or are not. */
size_t now_count_swaps(const struct now *now, bool zram);

/* The limit of the pool in bytes, as the kernel has it; 0 if not known. */
uint64_t now_pool_limit(const struct now *now);

/* Bytes of the pool, and of the pages stored in it: of debugfs, or of
 * /proc/meminfo, which everyone may read. */
uint64_t now_pool_bytes(const struct now *now);
uint64_t now_stored_bytes(const struct now *now);

/* Pages that went to devices past zswap: pswpout less zswpwb. */
uint64_t now_pages_past(const struct now *now);

/* Is the part at least so many percent of the whole, and not of nothing? */
bool now_is_share(uint64_t part, uint64_t whole, unsigned percent);

/* "4821.0 MiB": always MiB, so that what stands beside each other compares;
 * text must hold BYTE_TEXT_SIZE. */
char *now_size_text(char *text, uint64_t bytes);

/* "97,863"; text must hold NOW_COUNT_SIZE. */
#define NOW_COUNT_SIZE 32
char *now_count_text(char *text, uint64_t count);

/* Where an estimate says otherwise than what runs: the finding, and what was
 * compared. */
void now_judge_estimate(const struct now *now, const struct report *report,
                        struct now_findings *findings);
void now_print_estimate(const struct now *now, const struct report *report,
                        FILE *file);
void now_put_estimate(const struct now *now, const struct report *report,
                      struct json *json);

/* The whole of `zcache estimate --now`, with the estimate of a source or NULL.
 * Returns an enum tool_exit. */
int now_run(const char *root, size_t page_size, bool json,
            const struct report *report);

#endif
