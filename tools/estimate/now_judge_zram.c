/* SPDX-License-Identifier: MIT */
/* now_judge_zram.c - what is wrong with the zram devices of a machine, by their
 * figures; as in now_judge.c, a function and a rule for each finding. */
#include <inttypes.h>
#include <string.h>

#include "estimate/now.h"

/* Percent. */
#define SIZE_SHARE 25 /* a disksize of so much of memory needs a limit */
#define FULL_SHARE 95 /* a device, or its limit, counts as full */
#define HUGE_SHARE 20 /* of the pages stored did not compress */
#define GAP_SHARE 20  /* of the pool is no data */

#define BYTES_LEAST ((uint64_t)4 << 20)

/* Under so many bytes the ratio of a device says nothing. */
#define SAMPLE_BYTES_LEAST ((uint64_t)64 << 20)

static uint64_t value(const struct now_zram *zram, enum now_zram_figure figure)
{
    return zram->figures[figure].known ? zram->figures[figure].value : 0;
}

/* The device in /proc/swaps, or NULL. */
static const struct now_swap *find_swap(const struct now *now,
                                        const struct now_zram *zram)
{
    for (size_t i = 0; i < now->swap_count; i++) {
        const struct now_swap *swap = &now->swaps[i];

        if (swap->zram &&
            strcmp(swap->path + sizeof("/dev/") - 1, zram->name) == 0)
            return swap;
    }
    return NULL;
}

/* The limit to set: what the whole device would take at its present ratio and a
 * fifth more, or half of memory while there is too little in it to say. */
static void judge_no_limit(const struct now *now, const struct now_zram *zram,
                           struct now_findings *findings)
{
    const uint64_t memory = now_value(now, NOW_MEM_TOTAL);
    const uint64_t size = value(zram, NOW_ZRAM_DISKSIZE);
    const uint64_t orig = value(zram, NOW_ZRAM_ORIG);
    double limit = (double)memory / 2;
    struct now_finding *finding;
    char disk[BYTE_TEXT_SIZE];

    if (!zram->figures[NOW_ZRAM_LIMIT].known ||
        value(zram, NOW_ZRAM_LIMIT) != 0 ||
        !now_is_share(size, memory, SIZE_SHARE))
        return;
    if (orig >= SAMPLE_BYTES_LEAST) {
        const double wanted =
            (double)size * ((double)value(zram, NOW_ZRAM_USED) / (double)orig) *
            1.2;

        limit = wanted < limit ? wanted : limit;
    }
    finding = now_add_finding(findings, "zram_without_limit");
    text_print_sentence(
        &finding->sentences,
        "%s has no limit of memory (mem_limit 0) and a disksize of %s, "
        "%.0f %% of memory: with pages that do not compress it takes all of "
        "that.",
        zram->name, now_size_text(disk, size), percent_of(size, memory));
    text_print(&finding->commands,
               "echo %" PRIu64 "M > /sys/block/%s/mem_limit\n",
               (uint64_t)(limit / 1048576.0) + 1, zram->name);
}

static void judge_refusals(const struct now_zram *zram,
                           struct now_findings *findings)
{
    const uint64_t limit = value(zram, NOW_ZRAM_LIMIT);
    const uint64_t used = value(zram, NOW_ZRAM_USED);
    const uint64_t failed = value(zram, NOW_ZRAM_FAILED_WRITES);
    const bool full = limit != 0 && now_is_share(used, limit, FULL_SHARE);
    struct now_finding *finding;
    char count[NOW_COUNT_SIZE];
    char size[BYTE_TEXT_SIZE];
    char most[BYTE_TEXT_SIZE];

    if (!full && failed == 0)
        return;
    finding = now_add_finding(findings, "zram_refuses");
    if (full)
        text_print_sentence(
            &finding->sentences,
            "%s takes %s of the %s that it may take (mem_limit): it refuses "
            "pages, and these stay in memory.",
            zram->name, now_size_text(size, used), now_size_text(most, limit));
    if (failed != 0)
        text_print_sentence(&finding->sentences,
                            "%s refused %s writes (failed_writes).", zram->name,
                            now_count_text(count, failed));
    if (full)
        text_print(&finding->commands,
                   "echo %" PRIu64 "M > /sys/block/%s/mem_limit\n",
                   (limit + limit / 4) >> 20, zram->name);
}

static void judge_huge(const struct now *now, const struct now_zram *zram,
                       struct now_findings *findings)
{
    const uint64_t huge = value(zram, NOW_ZRAM_HUGE) * now->page_size;
    const uint64_t orig = value(zram, NOW_ZRAM_ORIG);
    struct now_finding *finding;
    char count[NOW_COUNT_SIZE];
    char size[BYTE_TEXT_SIZE];

    if (huge < BYTES_LEAST || !now_is_share(huge, orig, HUGE_SHARE))
        return;
    finding = now_add_finding(findings, "zram_incompressible");
    text_print_sentence(
        &finding->sentences,
        "%s pages of %s do not compress (huge_pages), %s or %.1f %% of what it "
        "holds: each takes a whole page and saves nothing.",
        now_count_text(count, value(zram, NOW_ZRAM_HUGE)), zram->name,
        now_size_text(size, huge), percent_of(huge, orig));
    if (zram->backing[0] != '\0' && strcmp(zram->backing, "none") != 0) {
        text_print_sentence(&finding->sentences,
                            "Its backing device can take them.");
        text_print(&finding->commands, "echo huge > /sys/block/%s/writeback\n",
                   zram->name);
    } else {
        text_print_sentence(
            &finding->sentences,
            "%s, so they stay. Whether another compressor makes them smaller "
            "is measured by:",
            zram->backing[0] != '\0' ? "It has no backing device (backing_dev)"
                                     : "This kernel has no backing devices "
                                       "(CONFIG_ZRAM_WRITEBACK)");
        text_print(&finding->commands,
                   "zcache estimate --all --codec lz4,zstd:3\n");
    }
}

static void judge_gaps(const struct now_zram *zram,
                       struct now_findings *findings)
{
    const uint64_t used = value(zram, NOW_ZRAM_USED);
    const uint64_t data = value(zram, NOW_ZRAM_COMPR);
    struct now_finding *finding;
    char have[BYTE_TEXT_SIZE];
    char hold[BYTE_TEXT_SIZE];

    if (used <= data || used - data < BYTES_LEAST ||
        !now_is_share(used - data, used, GAP_SHARE))
        return;
    finding = now_add_finding(findings, "zram_compaction");
    text_print_sentence(
        &finding->sentences,
        "%s takes %s (mem_used_total) for %s of compressed data "
        "(compr_data_size): %.1f %% of it is gaps, which compaction closes.",
        zram->name, now_size_text(have, used), now_size_text(hold, data),
        percent_of(used - data, used));
    text_print(&finding->commands, "echo 1 > /sys/block/%s/compact\n",
               zram->name);
}

static bool is_before(const struct now_swap *a, const struct now_swap *b)
{
    if (a->negative != b->negative)
        return b->negative;
    return a->negative ? a->priority < b->priority : a->priority > b->priority;
}

/* A disk beside zram: which is filled first, and what when that is full? */
static void judge_disk_beside(const struct now *now,
                              const struct now_zram *zram,
                              struct now_findings *findings)
{
    const struct now_swap *swap = find_swap(now, zram);

    for (size_t i = 0; swap != NULL && i < now->swap_count; i++) {
        const struct now_swap *disk = &now->swaps[i];
        char size[BYTE_TEXT_SIZE];
        struct now_finding *finding;

        if (disk->zram)
            continue;
        if (!is_before(swap, disk)) {
            finding = now_add_finding(findings, "zram_after_disk");
            text_print_sentence(
                &finding->sentences,
                "%s does not come before %s (priority %s%" PRIu64
                " and %s%" PRIu64 "): pages go to the disk while zram has "
                "room.",
                zram->name, disk->path, swap->negative ? "-" : "",
                swap->priority, disk->negative ? "-" : "", disk->priority);
            text_print(&finding->commands,
                       "swapoff /dev/%s\nswapon -p 100 /dev/%s\n", zram->name,
                       zram->name);
        } else if (now_is_share(swap->used, swap->size, FULL_SHARE) &&
                   disk->used != 0) {
            finding = now_add_finding(findings, "zram_full");
            text_print_sentence(
                &finding->sentences,
                "%s is full (%.0f %%) and %s is on %s: newer pages go to disk "
                "while cold ones stay in memory. What changes that: a larger "
                "disksize, a backing device for zram, or zswap over the disk "
                "instead of zram.",
                zram->name, percent_of(swap->used, swap->size),
                now_size_text(size, disk->used), disk->path);
        }
    }
}

void now_judge_zram(const struct now *now, struct now_findings *findings)
{
    for (size_t i = 0; i < now->zram_count; i++) {
        const struct now_zram *zram = &now->zrams[i];

        if (value(zram, NOW_ZRAM_DISKSIZE) == 0)
            continue; /* not set up */
        judge_no_limit(now, zram, findings);
        judge_refusals(zram, findings);
        judge_huge(now, zram, findings);
        judge_gaps(zram, findings);
        judge_disk_beside(now, zram, findings);
    }
}
