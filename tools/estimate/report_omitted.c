/* SPDX-License-Identifier: MIT */
/*
 * report_omitted.c - what an answer does not count: a line and a JSON field for
 * each kind.
 */
#include "estimate/report_omitted.h"

#include <inttypes.h>

#include "common/system.h"

/* In the order of enum left_out. */
static const struct {
    const char *key;
    const char *meaning;
} kinds[LEFT_OUT_REASONS] = {
    {"locked_bytes", "locked in memory (mlock, SHM_LOCK): never swapped"},
    {"freed_bytes", "given up by MADV_FREE: dropped, not swapped"},
    {"hugetlb_bytes", "in pages of hugetlbfs: never swapped"},
    {"droppable_bytes", "MAP_DROPPABLE: dropped, not swapped"},
    {"noswap_bytes", "in a tmpfs mounted with noswap: never swapped"},
    {"unreadable_bytes", "could not be read (unmapped meanwhile)"},
    {"lost_bytes", "of processes and files that ended while they were read"},
};

/* Everything that is left out, of one origin or of all. */
static struct source_origin sum_of(const struct source *source)
{
    struct source_origin sum = {0};

    for (size_t i = 0; i < source->origin_count; i++) {
        const struct source_origin *origin = &source->origins[i];

        sum.page_count += origin->page_count;
        sum.shared_pages += origin->shared_pages;
        sum.swapped_bytes += origin->swapped_bytes;
        sum.may_not_swap |= origin->may_not_swap;
        sum.may_not_zswap |= origin->may_not_zswap;
        for (size_t kind = 0; kind < LEFT_OUT_REASONS; kind++)
            sum.left_out_bytes[kind] += origin->left_out_bytes[kind];
    }
    return sum;
}

static void put(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

void report_put_omitted(struct json *json, const struct source_origin *origin)
{
    put(json, "shared_pages", origin->shared_pages);
    put(json, "swapped_bytes", origin->swapped_bytes);
    put(json, "may_not_swap", origin->may_not_swap);
    put(json, "may_not_zswap", origin->may_not_zswap);
    json_key(json, "not_counted");
    json_open(json, '{');
    for (size_t kind = 0; kind < LEFT_OUT_REASONS; kind++)
        put(json, kinds[kind].key, origin->left_out_bytes[kind]);
    json_close(json, '}');
}

void report_put_all_omitted(struct json *json, const struct source *source)
{
    const struct process_tally *tally = &source->processes_left_out;
    struct source_origin sum = sum_of(source);

    report_put_omitted(json, &sum);
    put(json, "unmapped_shared_bytes", source->unmapped_shared_bytes);
    json_key(json, "processes_not_read");
    json_open(json, '{');
    put(json, "not_permitted", tally->not_permitted);
    put(json, "ended", tally->gone);
    put(json, "without_memory", tally->empty);
    put(json, "other_namespaces", tally->foreign);
    put(json, "same_address_space", tally->same_space);
    json_close(json, '}');
}

static void print_bytes(FILE *file, uint64_t bytes, const char *meaning)
{
    char size[BYTE_TEXT_SIZE];

    if (bytes != 0)
        fprintf(file, "%14s  %s\n", byte_text(size, bytes), meaning);
}

static void print_count(FILE *file, size_t count, const char *meaning)
{
    if (count != 0)
        fprintf(file, "%4zu process%s  %s\n", count, count == 1 ? "  " : "es",
                meaning);
}

void report_print_omitted(const struct source *source, FILE *file)
{
    const struct process_tally *tally = &source->processes_left_out;
    struct source_origin sum = sum_of(source);
    struct text permission = {0};
    uint64_t any = sum.swapped_bytes + source->unmapped_shared_bytes +
                   tally->not_permitted + tally->gone + tally->foreign +
                   tally->same_space;

    for (size_t kind = 0; kind < LEFT_OUT_REASONS; kind++)
        any += sum.left_out_bytes[kind];
    if (any == 0)
        return;
    fprintf(file, "\nNot counted:\n");
    print_bytes(file, sum.swapped_bytes, "in swap already: not read back");
    for (size_t kind = 0; kind < LEFT_OUT_REASONS; kind++)
        print_bytes(file, sum.left_out_bytes[kind], kinds[kind].meaning);
    print_bytes(file, source->unmapped_shared_bytes,
                "of shared memory, mapped by no process here or never written");
    if (tally->not_permitted != 0)
        text_print(&permission, "not permitted (%s)", system_read_permission());
    print_count(file, tally->not_permitted, permission.bytes);
    text_free(&permission);
    print_count(file, tally->gone, "ended before they were read");
    print_count(file, tally->foreign, "of other PID namespaces");
    print_count(file, tally->same_space,
                "counted with another, whose address space it has (vfork, "
                "CLONE_VM)");
}
