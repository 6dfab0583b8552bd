/* SPDX-License-Identifier: MIT */
/* cold_look.c - a look at each page, by its contents. */
#define XXH_INLINE_ALL

#include "estimate/cold_look.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Pages read at once: 1 MiB of 4 KiB pages. */
#define READ_PAGES 256

struct cold_look *cold_look_begin(const struct source *source,
                                  unsigned char number)
{
    const size_t pages = (size_t)source->page_count;
    struct cold_look *look = memory_allocate(1, sizeof(*look));

    *look = (struct cold_look){
        .number = number,
        .page_size = source->page_size,
        .hashes = memory_allocate(pages, sizeof(*look->hashes)),
        .since = memory_allocate(pages, sizeof(*look->since))};
    return look;
}

void cold_look_free(struct cold_look *look)
{
    if (look == NULL)
        return;
    free(look->spans);
    free(look->hashes);
    free(look->since);
    free(look);
}

static int compare_spans(const void *left, const void *right)
{
    const struct cold_span *a = left;
    const struct cold_span *b = right;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return (a->address > b->address) - (a->address < b->address);
}

void cold_look_end(struct cold_look *look)
{
    if (look->span_count != 0)
        qsort(look->spans, look->span_count, sizeof(*look->spans),
              compare_spans);
}

static bool is_in(const struct cold_look *look, size_t span, long pid,
                  uint64_t address)
{
    const struct cold_span *one = &look->spans[span];

    return span < look->span_count && one->pid == pid &&
           address >= one->address &&
           (address - one->address) / look->page_size < one->page_count;
}

bool cold_look_find(const struct cold_look *look, long pid, uint64_t address,
                    size_t *hint, size_t *index_out)
{
    size_t from = 0;
    size_t to = look->span_count;

    if (!is_in(look, *hint, pid, address)) {
        /* The last span that does not begin behind the page. */
        while (from < to) {
            const size_t middle = from + (to - from) / 2;
            const struct cold_span *span = &look->spans[middle];

            if (span->pid < pid ||
                (span->pid == pid && span->address <= address))
                from = middle + 1;
            else
                to = middle;
        }
        if (from == 0 || !is_in(look, from - 1, pid, address))
            return false;
        *hint = from - 1;
    }
    *index_out =
        look->spans[*hint].first +
        (size_t)((address - look->spans[*hint].address) / look->page_size);
    return true;
}

void cold_look_add(struct cold_look *look, struct cold_look *before, long pid,
                   uint64_t address, uint64_t hash, bool idle)
{
    const size_t index = look->page_count++;
    struct cold_span *last = NULL;
    size_t old;

    if (look->span_count != 0)
        last = &look->spans[look->span_count - 1];
    if (last == NULL || last->pid != pid ||
        last->address + last->page_count * look->page_size != address) {
        look->spans = memory_make_room(look->spans, look->span_count,
                                       &look->span_capacity,
                                       sizeof(*look->spans));
        last = &look->spans[look->span_count++];
        *last =
            (struct cold_span){.pid = pid, .address = address, .first = index};
    }
    last->page_count++;
    look->hashes[index] = hash;
    look->since[index] = look->number;
    if (before == NULL ||
        !cold_look_find(before, pid, address, &look->hint, &old))
        return;
    if (idle && before->hashes[old] == hash)
        look->since[index] = before->since[old];
    else
        look->touched[before->since[old]]++;
}

bool cold_look_contents(struct cold_look *look, struct cold_look *before,
                        struct source *source, struct progress *progress)
{
    unsigned char *buffer = memory_allocate(READ_PAGES, source->page_size);
    struct source_cursor cursor;
    struct source_pages pages;

    progress_stage(progress, "", "", "looking");
    source_cursor_begin(&cursor, source, SAMPLE_ALL);
    while (source_cursor_read(&cursor, buffer, READ_PAGES, &pages)) {
        const size_t origin = source->mappings[pages.mapping].origin;

        for (uint64_t i = 0; i < pages.count; i++)
            cold_look_add(look, before, source->origins[origin].pid,
                          pages.address + i * source->page_size,
                          XXH3_64bits(buffer + (size_t)i * source->page_size,
                                      source->page_size),
                          true);
        progress_show(progress, look->page_count, source->page_count,
                      look->page_count, "pages");
    }
    free(buffer);
    return !cursor.failed;
}
