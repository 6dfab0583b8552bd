/* SPDX-License-Identifier: MIT */
/*
 * now_judge.c - what is wrong with the zswap of a machine, by its figures.
 *
 * Each finding has one function, one rule, and the figures that made it true.
 * docs/estimate-now.md has the rules.  Shares below the bounds here are what
 * any machine has.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "estimate/now.h"
#include "estimate/suggestion.h"

#define PARAMETER(name) "/sys/module/zswap/parameters/" name

/* Percent. */
#define LIMIT_SHARE 1 /* of the pages offered were refused by the limit */
#define PAST_SHARE 10 /* of the pages swapped out went past zswap */
#define POOR_SHARE 20 /* of the pages stored did not compress */
#define GAP_SHARE 20  /* of the pool is neither data nor needed */
#define POOL_PERCENT_MOST 50 /* the largest pool that is proposed */

/* So few pages say nothing. */
#define PAGES_LEAST 1000
#define GAP_BYTES_LEAST ((uint64_t)4 << 20)

struct now_finding *now_add_finding(struct now_findings *findings,
                                    const char *id)
{
    struct now_finding *finding;

    findings->list = memory_make_room(findings->list, findings->count,
                                      &findings->capacity,
                                      sizeof(*findings->list));
    finding = &findings->list[findings->count++];
    *finding = (struct now_finding){.id = id};
    return finding;
}

void now_findings_free(struct now_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        text_free(&findings->list[i].sentences);
        text_free(&findings->list[i].commands);
    }
    free(findings->list);
    *findings = (struct now_findings){0};
}

uint64_t now_value(const struct now *now, enum now_figure figure)
{
    return now->figures[figure].known ? now->figures[figure].value : 0;
}

bool now_zswap_is_on(const struct now *now)
{
    return now->zswap_there && now->enabled[0] == 'Y';
}

size_t now_count_swaps(const struct now *now, bool zram)
{
    size_t count = 0;

    for (size_t i = 0; i < now->swap_count; i++)
        count += now->swaps[i].zram == zram;
    return count;
}

uint64_t now_pool_limit(const struct now *now)
{
    const uint64_t pages = now_value(now, NOW_MEM_TOTAL) / now->page_size;

    return pages * now_value(now, NOW_MAX_POOL_PERCENT) / 100 * now->page_size;
}

uint64_t now_pool_bytes(const struct now *now)
{
    return now->figures[NOW_POOL_TOTAL_SIZE].known
               ? now_value(now, NOW_POOL_TOTAL_SIZE)
               : now_value(now, NOW_ZSWAP);
}

uint64_t now_stored_bytes(const struct now *now)
{
    return now->figures[NOW_STORED_PAGES].known
               ? now_value(now, NOW_STORED_PAGES) * now->page_size
               : now_value(now, NOW_ZSWAPPED);
}

uint64_t now_pages_past(const struct now *now)
{
    const uint64_t out = now_value(now, NOW_PSWPOUT);
    const uint64_t written_back = now_value(now, NOW_ZSWPWB);

    return out > written_back ? out - written_back : 0;
}

char *now_size_text(char *text, uint64_t bytes)
{
    (void)snprintf(text, BYTE_TEXT_SIZE, "%.1f MiB",
                   (double)bytes / (double)(1 << 20));
    return text;
}

char *now_count_text(char *text, uint64_t count)
{
    char digits[NOW_COUNT_SIZE];
    const int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *end = text;

    for (int i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
    return text;
}

bool now_is_share(uint64_t part, uint64_t whole, unsigned percent)
{
    return whole != 0 && percent_of(part, whole) >= percent;
}

/* Bytes on swap devices that are no zram. */
static uint64_t bytes_on_disks(const struct now *now)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < now->swap_count; i++) {
        if (!now->swaps[i].zram)
            bytes += now->swaps[i].used;
    }
    return bytes;
}

/*
 * A limit that all that is in swap now would not reach, if it compressed as
 * what is in the pool does.  A slot of a device is in use for each page, the
 * pages in zswap included.
 */
static void propose_limit(const struct now *now, struct now_finding *finding)
{
    const double stored = (double)now_stored_bytes(now);
    const double pool = (double)now_pool_bytes(now);
    const double memory = (double)now_value(now, NOW_MEM_TOTAL);
    const double swapped = (double)bytes_on_disks(now);
    double percent;
    char size[BYTE_TEXT_SIZE];

    if (stored <= 0 || swapped <= stored)
        return;
    percent = ceil(100.0 * swapped * (pool / stored) / memory / 0.9);
    if (percent > POOL_PERCENT_MOST) {
        text_print_sentence(
            &finding->sentences,
            "All that is in swap now (%s) would take a pool of %.0f %% of "
            "memory, so a larger limit alone is no answer.",
            now_size_text(size, (uint64_t)swapped), percent);
        return;
    }
    text_print_sentence(&finding->sentences,
                        "A limit of %u %% has room for all that is in swap now "
                        "(%s).",
                        (unsigned)percent,
                        now_size_text(size, (uint64_t)swapped));
    text_print(&finding->commands,
               "echo %u > " PARAMETER("max_pool_percent") "\n",
               (unsigned)percent);
}

/* Did many pages go past zswap?  Over zram, the kernel counts both alike. */
static bool many_went_past(const struct now *now)
{
    const uint64_t past = now_pages_past(now);

    return now_count_swaps(now, true) == 0 && past >= PAGES_LEAST &&
           now_is_share(past, past + now_value(now, NOW_ZSWPOUT), PAST_SHARE);
}

/* Was a good part of the pages offered refused at the very limit? */
static bool limit_was_hit(const struct now *now)
{
    const uint64_t hit = now_value(now, NOW_POOL_LIMIT_HIT);

    return hit >= PAGES_LEAST &&
           now_is_share(hit, hit + now_value(now, NOW_ZSWPOUT), LIMIT_SHARE);
}

/* May zswap be refusing pages now, until the pool has come down? */
static bool is_full(const struct now *now)
{
    return now_is_share(now_pool_bytes(now), now_pool_limit(now),
                        (unsigned)now_value(now, NOW_ACCEPT_THRESHOLD_PERCENT));
}

static uint64_t pages_written_back(const struct now *now)
{
    return now->figures[NOW_WRITTEN_BACK_PAGES].known
               ? now_value(now, NOW_WRITTEN_BACK_PAGES)
               : now_value(now, NOW_ZSWPWB);
}

static void say_limit(const struct now *now, struct now_finding *finding,
                      const char *meaning)
{
    char hit[NOW_COUNT_SIZE];
    char written[NOW_COUNT_SIZE];
    char failed[NOW_COUNT_SIZE];
    char past[NOW_COUNT_SIZE];
    char limit[BYTE_TEXT_SIZE];

    now_count_text(past, now_pages_past(now));
    now_count_text(written, pages_written_back(now));
    if (limit_was_hit(now))
        text_print_sentence(
            &finding->sentences,
            "%s stores refused at the limit (pool_limit_hit), %s pages "
            "written back (written_back_pages): %s %s pages went to the "
            "devices past zswap (pswpout less zswpwb).",
            now_count_text(hit, now_value(now, NOW_POOL_LIMIT_HIT)), written,
            meaning, past);
    else
        text_print_sentence(
            &finding->sentences,
            "The pool is full, %s pages went to the devices past zswap "
            "(pswpout less zswpwb), and %s pages were written back (zswpwb): "
            "%s",
            past, written, meaning);
    text_print_sentence(
        &finding->sentences,
        "The limit is %s (max_pool_percent %" PRIu64
        "); once it is reached, pages are refused until the pool is down to "
        "%" PRIu64 " %% of it (accept_threshold_percent).",
        now_size_text(limit, now_pool_limit(now)),
        now_value(now, NOW_MAX_POOL_PERCENT),
        now_value(now, NOW_ACCEPT_THRESHOLD_PERCENT));
    if (now->figures[NOW_REJECT_RECLAIM_FAIL].known)
        text_print_sentence(
            &finding->sentences,
            "%s tries to write a page back failed (reject_reclaim_fail).",
            now_count_text(failed, now_value(now, NOW_REJECT_RECLAIM_FAIL)));
}

/*
 * The limit was reached: were cold pages written back, or new ones refused?
 * Returns true if it found something.
 *
 * pool_limit_hit alone does not tell: a pool that has come a little below its
 * limit, and not yet to the accept threshold, refuses all and counts nothing.
 */
static bool judge_limit(const struct now *now, struct now_findings *findings)
{
    const bool hit = limit_was_hit(now);
    const bool full = is_full(now) && many_went_past(now);
    const uint64_t hits = hit ? now_value(now, NOW_POOL_LIMIT_HIT) : 0;
    const uint64_t past = full ? now_pages_past(now) : 0;
    const bool inverted = pages_written_back(now) <
                          (hits > past ? hits : past) / 2;
    struct now_finding *finding;

    if (!hit && !full)
        return false;
    finding = now_add_finding(findings, inverted ? "refused_not_written_back"
                                                 : "limit_reached");
    say_limit(now, finding,
              inverted
                  ? "newer pages go to disk while cold ones stay in memory."
                  : "the pool is too small for what is swapped, and gives its "
                    "cold pages to the disk.");
    if (inverted)
        text_print_sentence(
            &finding->sentences,
            "What changes that: a limit that the pool does not reach%s.",
            now->shrinker[0] == 'N'
                ? ", and the shrinker (shrinker_enabled is N), which writes "
                  "cold pages back while memory is short, before the limit is "
                  "reached"
                : "");
    propose_limit(now, finding);
    if (inverted && now->shrinker[0] == 'N')
        text_print(&finding->commands,
                   "echo Y > " PARAMETER("shrinker_enabled") "\n");
    return true;
}

/* Pages that went to a disk and were never offered to the pool, or refused for
 * another reason than its limit. */
static void judge_past(const struct now *now, struct now_findings *findings)
{
    const uint64_t past = now_pages_past(now);
    const uint64_t stored = now_value(now, NOW_ZSWPOUT);
    const uint64_t refused = now_value(now, NOW_POOL_LIMIT_HIT) +
                             now_value(now, NOW_REJECT_ALLOC_FAIL) +
                             now_value(now, NOW_REJECT_KMEMCACHE_FAIL) +
                             now_value(now, NOW_REJECT_COMPRESS_FAIL) +
                             now_value(now, NOW_REJECT_COMPRESS_POOR);
    struct now_finding *finding;
    char count[NOW_COUNT_SIZE];
    char zswap[NOW_COUNT_SIZE];
    char sum[NOW_COUNT_SIZE];

    if (!many_went_past(now))
        return;
    finding = now_add_finding(findings, "past_zswap");
    text_print_sentence(
        &finding->sentences,
        "%s pages went to the devices past zswap (pswpout less zswpwb), %s "
        "into it (zswpout).",
        now_count_text(count, past), now_count_text(zswap, stored));
    if (now->debugfs == NOW_DEBUGFS_READ)
        text_print_sentence(
            &finding->sentences,
            "Its counters of refusals say %s; the others went out while zswap "
            "was off, were refused while a full pool came down to its accept "
            "threshold, or belong to control groups that may not use zswap "
            "(memory.zswap.max).",
            now_count_text(sum, refused));
    else
        text_print_sentence(&finding->sentences,
                            "Why is in debugfs, which was not read.");
}

static void judge_no_memory(const struct now *now,
                            struct now_findings *findings)
{
    const uint64_t failed = now_value(now, NOW_REJECT_ALLOC_FAIL) +
                            now_value(now, NOW_REJECT_KMEMCACHE_FAIL);
    struct now_finding *finding;
    char count[NOW_COUNT_SIZE];

    if (failed < PAGES_LEAST ||
        !now_is_share(failed, failed + now_value(now, NOW_ZSWPOUT),
                      LIMIT_SHARE))
        return;
    finding = now_add_finding(findings, "no_memory_for_pool");
    text_print_sentence(
        &finding->sentences,
        "%s pages were refused because there was no memory for them "
        "(reject_alloc_fail, reject_kmemcache_fail): zswap takes what is free "
        "and does not reclaim for it. Reclaim that begins earlier leaves it "
        "more.",
        now_count_text(count, failed));
    text_print(&finding->commands, "sysctl vm.watermark_scale_factor=50\n");
}

static void judge_decompression(const struct now *now,
                                struct now_findings *findings)
{
    const uint64_t failed = now_value(now, NOW_DECOMPRESS_FAIL);
    char count[NOW_COUNT_SIZE];

    if (failed == 0)
        return;
    text_print_sentence(
        &now_add_finding(findings, "decompress_fail")->sentences,
        "%s loads failed to decompress (decompress_fail): those pages are "
        "lost. The memory or the compressor's driver is at fault.",
        now_count_text(count, failed));
}

/* Kernels that store such pages count those in the pool; older ones refuse
 * them, and count the refusals. */
static void judge_incompressible(const struct now *now,
                                 struct now_findings *findings)
{
    const uint64_t raw = now_value(now, NOW_STORED_INCOMPRESSIBLE_PAGES);
    const uint64_t stored = now_value(now, NOW_STORED_PAGES);
    const uint64_t poor = now_value(now, NOW_REJECT_COMPRESS_POOR);
    const uint64_t offered = poor + now_value(now, NOW_ZSWPOUT);
    const bool in_pool = raw >= PAGES_LEAST &&
                         now_is_share(raw, stored, POOR_SHARE);
    const bool refused = poor >= PAGES_LEAST &&
                         now_is_share(poor, offered, POOR_SHARE);
    struct now_finding *finding;
    char part[NOW_COUNT_SIZE];
    char whole[NOW_COUNT_SIZE];

    if (!in_pool && !refused)
        return;
    finding = now_add_finding(findings, "incompressible");
    if (in_pool)
        text_print_sentence(
            &finding->sentences,
            "%s of the %s pages in zswap (%.1f %%) do not compress "
            "(stored_incompressible_pages): each takes a whole page of the "
            "pool and saves nothing.",
            now_count_text(part, raw), now_count_text(whole, stored),
            percent_of(raw, stored));
    if (refused)
        text_print_sentence(
            &finding->sentences,
            "%s of %s pages offered (%.1f %%) were refused because they did "
            "not compress (reject_compress_poor), and went to the device "
            "after the compressor had tried.",
            now_count_text(part, poor), now_count_text(whole, offered),
            percent_of(poor, offered));
    text_print_sentence(
        &finding->sentences,
        "A control group that has mostly such pages is better off with "
        "memory.zswap.max = 0. Whose they are, and whether another compressor "
        "makes them smaller, is measured by:");
    text_print(&finding->commands,
               "zcache estimate --all --codec lz4,zstd:3\n");
}

/* The payload of the pool is known from the control groups, if all that is
 * stored is charged to them. */
static void judge_compaction(const struct now *now,
                             struct now_findings *findings)
{
    const uint64_t payload = now_value(now, NOW_CGROUP_ZSWAP);
    const uint64_t charged = now_value(now, NOW_CGROUP_ZSWAPPED);
    const uint64_t pool = now_pool_bytes(now);
    const uint64_t stored = now_stored_bytes(now);
    char have[BYTE_TEXT_SIZE];
    char hold[BYTE_TEXT_SIZE];

    if (payload == 0 || pool <= payload || charged < stored / 100 * 95 ||
        pool - payload < GAP_BYTES_LEAST ||
        !now_is_share(pool - payload, pool, GAP_SHARE))
        return;
    text_print_sentence(
        &now_add_finding(findings, "compaction")->sentences,
        "The pool is %s and holds %s of compressed data (zswap in "
        "memory.stat): %.1f %% of it is gaps. The kernel compacts it while "
        "memory is short; there is nothing to type.",
        now_size_text(have, pool), now_size_text(hold, payload),
        percent_of(pool - payload, pool));
}

/* zswap is on, and no page ever comes to it, or each is compressed twice. */
static void judge_devices(const struct now *now, struct now_findings *findings)
{
    const uint64_t megabytes = (now_pool_limit(now) * 3 >> 20) + 1;
    struct now_finding *finding;
    char limit[BYTE_TEXT_SIZE];

    if (now->swap_count == 0) {
        finding = now_add_finding(findings, "no_swap_device");
        text_print_sentence(
            &finding->sentences,
            "zswap is on and there is no swap device: zswap gets only pages on "
            "their way to one, so it gets none. Each page in zswap keeps a "
            "slot of the device; for a pool of %s and pages that shrink to a "
            "third, that is %" PRIu64 " MiB.",
            now_size_text(limit, now_pool_limit(now)), megabytes);
        text_print(&finding->commands,
                   "dd if=/dev/zero of=/swapfile bs=1M count=%" PRIu64 "\n"
                   "chmod 600 /swapfile\n"
                   "mkswap /swapfile\n"
                   "swapon /swapfile\n",
                   megabytes);
    }
    if (now_count_swaps(now, true) == 0)
        return;
    finding = now_add_finding(findings, "zswap_before_zram");
    text_print_sentence(
        &finding->sentences,
        "zswap is on in front of zram: a page that zswap refuses or writes "
        "back is compressed a second time, in a second pool, and a page in "
        "zswap keeps a slot of zram that it does not use. One of the two is "
        "enough.");
    text_print(&finding->commands, "echo N > " PARAMETER("enabled") "\n");
}

/* No page can be swapped.  What can be typed without a measurement: a zram
 * device of half of the memory, which may take a quarter of it. */
static void say_no_swap(const struct now *now, struct now_finding *finding)
{
    const uint64_t out = now_value(now, NOW_PSWPOUT);
    const uint64_t stored = now_value(now, NOW_ZSWPOUT);
    const uint64_t memory = now_value(now, NOW_MEM_TOTAL);
    const struct suggestion_zram device = {.disksize_bytes = memory / 2,
                                           .mem_limit_bytes = memory / 4};
    char count[NOW_COUNT_SIZE];
    char other[NOW_COUNT_SIZE];

    text_print_sentence(
        &finding->sentences,
        "There is no swap device, and zswap is off: nothing can be swapped "
        "now, and nothing is compressed.");
    if (out + stored != 0)
        text_print_sentence(
            &finding->sentences,
            "Swap was used earlier: since boot %s pages were written to swap "
            "devices (pswpout), and %s went into zswap (zswpout).",
            now_count_text(count, out), now_count_text(other, stored));
    if (now->is_measured) {
        text_print_sentence(&finding->sentences,
                            "What to do about it is for the estimate to say.");
        return;
    }
    text_print_sentence(
        &finding->sentences,
        "These lines make a zram device swap, with the compressor that it has: "
        "for pages of half of the memory, of which it may take a quarter. "
        "Better sizes, the compressor, and zram or zswap come from a "
        "measurement, below.");
    suggestion_print_zram(&device, &now->zram_here, &finding->commands);
}

/* Pages go to a disk as they are. */
static void judge_off(const struct now *now, struct now_findings *findings)
{
    struct now_finding *finding;
    char out[NOW_COUNT_SIZE];
    char in[NOW_COUNT_SIZE];

    if (now->swap_count == 0) {
        for (size_t i = 0; i < now->zram_count; i++) {
            if (now->zrams[i].figures[NOW_ZRAM_DISKSIZE].value != 0)
                return;
        }
        finding = now_add_finding(findings, "no_swap");
        say_no_swap(now, finding);
        return;
    }
    if (now_count_swaps(now, true) != 0)
        return;
    finding =
        now_add_finding(findings, now->zswap_there ? "zswap_off" : "no_zswap");
    text_print_sentence(
        &finding->sentences,
        "Swap is on a disk and %s: since boot %s pages were written to it as "
        "they are (pswpout), and %s read back (pswpin).",
        now->zswap_there ? "zswap is off"
                         : "this kernel has no zswap (no "
                           "/sys/module/zswap; CONFIG_ZSWAP)",
        now_count_text(out, now_value(now, NOW_PSWPOUT)),
        now_count_text(in, now_value(now, NOW_PSWPIN)));
    if (now->zswap_there)
        text_print(&finding->commands, "echo Y > " PARAMETER("enabled") "\n");
}

void now_judge(const struct now *now, struct now_findings *findings)
{
    *findings = (struct now_findings){0};
    if (now_zswap_is_on(now)) {
        bool limit_was_reached;

        judge_devices(now, findings);
        limit_was_reached = judge_limit(now, findings);
        if (!limit_was_reached)
            judge_past(now, findings);
        now_judge_groups(now, limit_was_reached, findings);
        judge_no_memory(now, findings);
        judge_incompressible(now, findings);
        judge_compaction(now, findings);
    } else {
        judge_off(now, findings);
    }
    judge_decompression(now, findings);
    now_judge_zram(now, findings);
}
