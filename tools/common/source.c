/* SPDX-License-Identifier: MIT */
/* source.c - reads a source from front to end, whole or sampled. */
#include "common/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct source_origin *source_add_origin(struct source *source)
{
    struct source_origin *origin;

    source->origins = memory_make_room(source->origins, source->origin_count,
                                       &source->origin_capacity,
                                       sizeof(*source->origins));
    origin = &source->origins[source->origin_count++];
    *origin = (struct source_origin){0};
    return origin;
}

size_t source_add_mapping(struct source *source,
                          const struct source_mapping *mapping)
{
    source->mappings = memory_make_room(source->mappings, source->mapping_count,
                                        &source->mapping_capacity,
                                        sizeof(*source->mappings));
    source->mappings[source->mapping_count] = *mapping;
    return source->mapping_count++;
}

void source_add(struct source *source, const struct source_extent *extent)
{
    struct source_extent *last = NULL;
    const struct source_mapping *mapping;
    struct source_origin *origin;

    if (extent->page_count == 0)
        return;
    mapping = &source->mappings[extent->mapping];
    origin = &source->origins[mapping->origin];
    source->page_count += extent->page_count;
    origin->page_count += extent->page_count;
    if (mapping->shared)
        origin->shared_pages += extent->page_count;
    if (source->extent_count != 0)
        last = &source->extents[source->extent_count - 1];
    if (last != NULL && last->mapping == extent->mapping &&
        last->address + last->page_count * source->page_size ==
            extent->address) {
        last->page_count += extent->page_count;
        return;
    }
    source->extents = memory_make_room(source->extents, source->extent_count,
                                       &source->extent_capacity,
                                       sizeof(*source->extents));
    source->extents[source->extent_count++] = *extent;
}

size_t source_name(struct source *source, const char *name)
{
    /* From the end: mappings of one name are mostly adjacent. */
    for (size_t i = source->name_count; i-- > 0;) {
        if (strcmp(source->names[i], name) == 0)
            return i;
    }
    source->names = memory_make_room(source->names, source->name_count,
                                     &source->name_capacity,
                                     sizeof(*source->names));
    source->names[source->name_count] = memory_copy_text(name);
    return source->name_count++;
}

static size_t origin_of(const struct source *source,
                        const struct source_extent *extent)
{
    return source->mappings[extent->mapping].origin;
}

static void free_origin(struct source_origin *origin)
{
    free(origin->label);
    free(origin->name);
}

void source_drop_origin(struct source *source)
{
    const size_t last = source->origin_count - 1;

    while (source->extent_count != 0 &&
           origin_of(source, &source->extents[source->extent_count - 1]) ==
               last)
        source->extent_count--;
    while (source->mapping_count != 0 &&
           source->mappings[source->mapping_count - 1].origin == last)
        source->mapping_count--;
    source->page_count -= source->origins[last].page_count;
    free_origin(&source->origins[last]);
    source->origin_count = last;
}

void source_close(struct source *source)
{
    if (source->finish != NULL)
        source->finish(source);
    for (size_t i = 0; i < source->name_count; i++)
        free(source->names[i]);
    for (size_t i = 0; i < source->origin_count; i++)
        free_origin(&source->origins[i]);
    free(source->names);
    free(source->origins);
    free(source->mappings);
    free(source->extents);
    free(source->label);
    text_free(&source->note);
    *source = (struct source){0};
}

/*
 * Run r is taken where r * sample passes the next multiple of SAMPLE_ALL: the
 * runs are evenly spread, always the same, and the first is always taken.
 */
static bool sample_takes_run(uint64_t run, uint64_t sample)
{
    uint64_t before = (run * sample + SAMPLE_ALL - 1) / SAMPLE_ALL;
    uint64_t after = ((run + 1) * sample + SAMPLE_ALL - 1) / SAMPLE_ALL;

    return after > before;
}

uint64_t sample_page_count(uint64_t page_count, uint64_t sample)
{
    uint64_t taken = 0;

    if (sample == SAMPLE_ALL)
        return page_count;
    for (uint64_t first = 0; first < page_count; first += SAMPLE_RUN_PAGES) {
        uint64_t left = page_count - first;

        if (sample_takes_run(first / SAMPLE_RUN_PAGES, sample))
            taken += left < SAMPLE_RUN_PAGES ? left : SAMPLE_RUN_PAGES;
    }
    return taken;
}

void source_cursor_begin(struct source_cursor *cursor, struct source *source,
                         uint64_t sample)
{
    *cursor = (struct source_cursor){.source = source, .sample = sample};
}

/* Moves forward by pages of this extent, to the next extent at its end. */
static void advance(struct source_cursor *cursor, uint64_t pages)
{
    cursor->index += pages;
    cursor->page += pages;
    if (cursor->page == cursor->source->extents[cursor->extent].page_count) {
        cursor->extent++;
        cursor->page = 0;
    }
}

/* How many of the next `pages` pages the sample takes. */
static uint64_t sampled_pages(const struct source_cursor *cursor,
                              uint64_t pages)
{
    uint64_t taken = 0;
    uint64_t index = cursor->index;
    uint64_t end = index + pages;

    while (index < end) {
        uint64_t run = index / SAMPLE_RUN_PAGES;
        uint64_t run_end = (run + 1) * SAMPLE_RUN_PAGES;

        if (run_end > end)
            run_end = end;
        if (sample_takes_run(run, cursor->sample))
            taken += run_end - index;
        index = run_end;
    }
    return taken;
}

/* Notes that pages of this extent's origin are missing. */
static void miss(const struct source_cursor *cursor, enum left_out reason,
                 uint64_t pages)
{
    struct source *source = cursor->source;
    size_t origin = origin_of(source, &source->extents[cursor->extent]);

    source->origins[origin].left_out_bytes[reason] += pages * source->page_size;
}

/* Skips the remaining extents of an origin that is gone. */
static void skip_origin(struct source_cursor *cursor)
{
    const struct source *source = cursor->source;
    size_t origin = origin_of(source, &source->extents[cursor->extent]);

    cursor->ended_origins++;
    while (cursor->extent < source->extent_count &&
           origin_of(source, &source->extents[cursor->extent]) == origin) {
        uint64_t left = source->extents[cursor->extent].page_count -
                        cursor->page;
        uint64_t lost = sampled_pages(cursor, left);

        cursor->lost += lost;
        miss(cursor, LEFT_OUT_LOST, lost);
        advance(cursor, left);
    }
}

/* How many pages to read at once from here; 0: the sample skips this run. */
static uint64_t pages_at_once(const struct source_cursor *cursor,
                              uint64_t page_limit, uint64_t *left_out)
{
    uint64_t extent_left = cursor->source->extents[cursor->extent].page_count -
                           cursor->page;
    uint64_t run = cursor->index / SAMPLE_RUN_PAGES;
    uint64_t run_left = (run + 1) * SAMPLE_RUN_PAGES - cursor->index;
    uint64_t pages = extent_left < run_left ? extent_left : run_left;

    *left_out = pages;
    if (!sample_takes_run(run, cursor->sample))
        return 0;
    return pages < page_limit ? pages : page_limit;
}

bool source_cursor_read(struct source_cursor *cursor, void *buffer,
                        uint64_t page_limit, struct source_pages *pages_out)
{
    struct source *source = cursor->source;

    while (!cursor->failed && cursor->extent < source->extent_count) {
        const struct source_extent *extent = &source->extents[cursor->extent];
        uint64_t left_out;
        uint64_t pages = pages_at_once(cursor, page_limit, &left_out);
        uint64_t address = extent->address + cursor->page * source->page_size;
        size_t bytes = (size_t)pages * source->page_size;
        int64_t got;

        if (pages == 0) {
            advance(cursor, left_out);
            continue;
        }
        got = source->read(source, extent->mapping, address, buffer, bytes);
        if (got == SOURCE_READ_FAILED) {
            cursor->failed = true;
        } else if (got == SOURCE_READ_HOLE) {
            cursor->holes++;
            miss(cursor, LEFT_OUT_UNREADABLE, 1);
            advance(cursor, 1);
        } else if (got == SOURCE_READ_ENDED) {
            skip_origin(cursor);
        } else {
            pages = ((uint64_t)got + source->page_size - 1) / source->page_size;
            bytes = (size_t)pages * source->page_size;
            memset((char *)buffer + got, 0, bytes - (size_t)got);
            *pages_out = (struct source_pages){
                .count = pages, .mapping = extent->mapping, .address = address};
            advance(cursor, pages);
            return true;
        }
    }
    return false;
}

void source_cursor_note(const struct source_cursor *cursor, struct text *note)
{
    uint64_t all =
        sample_page_count(cursor->source->page_count, cursor->sample);

    if (cursor->lost != 0)
        text_print_sentence(
            note,
            "Incomplete: %zu of %zu sources ended or became shorter while they "
            "were read; %" PRIu64 " of %" PRIu64 " pages are missing.",
            cursor->ended_origins, cursor->source->origin_count, cursor->lost,
            all);
}
