/* SPDX-License-Identifier: MIT */
/*
 * statics.c - static variables, as memory that is watched and restored.
 *
 * A program of zcache_add_lab() has two sources of the lab around its own, and
 * they give the bounds of its variables (cmake/ZcacheLab.cmake).  The variables
 * of the explorer, of the C library and of all others are elsewhere.
 */
#include "statics.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "engine/explore.h"
#include "engine/locals.h"
#include "oracle/memory.h"
#include "platform/annotate_memory.h"

#define AREAS 6
#define LOCALS_MOST ((size_t)1 << 20)

struct area {
    char *memory;
    size_t bytes;
    size_t offset; /* LAB_UNWATCHED: none */
    bool is_stack;
    char *first; /* at the start of the program */
    char *kept;
};

static struct area areas[AREAS];
static unsigned area_count;
static size_t offsets_used;
static bool opened;

/* Of zcache_add_lab(): first and last of data, bss, and thread-local data and
 * bss of the calling thread. */
#define ENDS 8
void zc_lab_statics(void *ends[ENDS]) __attribute__((weak));

/* The linker's names of the section of ZC_PROCESS_VARIABLE. */
extern char __start_zc_process[] __attribute__((weak));
extern char __stop_zc_process[] __attribute__((weak));

/* --- what there is --------------------------------------------------- */

/* Offsets that are as far from a page's beginning as the memory is. */
static size_t new_offset(const char *memory, size_t bytes)
{
    size_t at = zc_round_up(offsets_used, LAB_PAGE_BYTES) +
                (uintptr_t)memory % LAB_PAGE_BYTES;

    if (at + bytes > LAB_STACKS_AT - LAB_STATICS_AT)
        return LAB_UNWATCHED;
    offsets_used = at + bytes;
    return LAB_STATICS_AT + at;
}

static void add(char *from, const char *to, bool watched)
{
    struct area *area = &areas[area_count];

    if (from == NULL || to <= from || area_count == AREAS)
        return;
    area->memory = from;
    area->bytes = (size_t)(to - from);
    area->offset = LAB_UNWATCHED;
    if (watched)
        area->offset = new_offset(from, area->bytes);
    area->first = malloc(area->bytes);
    area->kept = malloc(area->bytes);
    if (area->first == NULL || area->kept == NULL)
        abort();
    memcpy(area->first, from, area->bytes);
    memcpy(area->kept, from, area->bytes);
    area_count++;
}

void lab_statics_add_locals(void *from, void *to)
{
    if (to <= from || (size_t)((char *)to - (char *)from) > LOCALS_MOST)
        return;
    areas[area_count].is_stack = true;
    add(from, to, true);
}

/* What a new thread finds in its thread-local variables. */
static void *look(void *copies)
{
    void *ends[ENDS];

    zc_lab_statics(ends);
    for (unsigned i = 0; i < 2; i++) {
        const char *from = ends[4 + 2 * i];

        memcpy(((char **)copies)[i], from,
               (size_t)((char *)ends[5 + 2 * i] - from));
    }
    return NULL;
}

static void add_thread_locals(void *ends[ENDS])
{
    char *copies[2];
    pthread_t thread;

    for (unsigned i = 0; i < 2; i++) {
        size_t bytes =
            (size_t)((char *)ends[5 + 2 * i] - (char *)ends[4 + 2 * i]);

        copies[i] = malloc(bytes);
        if (copies[i] == NULL ||
            !lab_locals_add(ends[4 + 2 * i], bytes, copies[i]))
            abort();
        add(ends[4 + 2 * i], ends[5 + 2 * i], false);
    }
    if (pthread_create(&thread, NULL, look, copies) != 0)
        abort();
    (void)pthread_join(thread, NULL);
}

static void open_all(void)
{
    void *ends[ENDS];

    opened = true;
    add(__start_zc_process, __stop_zc_process, true);
    if (zc_lab_statics == NULL)
        return;
    zc_lab_statics(ends);
    add(ends[0], ends[1], true);
    add(ends[2], ends[3], true);
    if (ends[5] > ends[4] && ends[7] > ends[6])
        add_thread_locals(ends);
}

/* --- restoring ------------------------------------------------------- */

/* Writes only where something differs: most pages are never written. */
static void put_back(char *memory, const char *from, size_t bytes)
{
    size_t at = 0;

    while (at < bytes) {
        size_t count = LAB_PAGE_BYTES;

        if (count > bytes - at)
            count = bytes - at;
        if (memcmp(memory + at, from + at, count) != 0)
            memcpy(memory + at, from + at, count);
        at += count;
    }
}

void lab_statics_reset(void)
{
    if (!opened)
        open_all();
    for (unsigned i = 0; i < area_count; i++)
        put_back(areas[i].memory, areas[i].first, areas[i].bytes);
}

void lab_statics_keep(void)
{
    for (unsigned i = 0; i < area_count; i++)
        put_back(areas[i].kept, areas[i].memory, areas[i].bytes);
}

void lab_statics_restore(void)
{
    for (unsigned i = 0; i < area_count; i++)
        put_back(areas[i].memory, areas[i].kept, areas[i].bytes);
}

/* --- names ----------------------------------------------------------- */

static const char *stack_name(size_t thread)
{
    static char names[LAB_THREADS][24];

    (void)snprintf(names[thread], sizeof(names[0]), "the stack of CPU#%zu",
                   thread);
    return names[thread];
}

const char *lab_statics_name(const void *memory, size_t *offset_out)
{
    size_t offset = lab_statics_offset(memory);
    const char *name;

    *offset_out = offset;
    if (offset >= LAB_STACKS_AT && offset < LAB_REGION_BYTES) {
        *offset_out = (offset - LAB_STACKS_AT) % LAB_STACK_BYTES;
        return stack_name((offset - LAB_STACKS_AT) / LAB_STACK_BYTES);
    }
    for (unsigned i = 0; i < area_count; i++) {
        size_t at = offset - areas[i].offset;

        if (areas[i].is_stack && at < areas[i].bytes) {
            *offset_out = at;
            return "the stack of main()";
        }
    }
    name = lab_recording() ? lab_symbol_of(memory, offset_out) : NULL;
    return name == NULL ? "memory" : name;
}

/* --- offsets --------------------------------------------------------- */

size_t lab_statics_offset(const void *memory)
{
    size_t offset = lab_stack_offset(memory);

    if (offset != SIZE_MAX)
        return LAB_STACKS_AT + offset;
    for (unsigned i = 0; i < area_count; i++) {
        offset = (size_t)((uintptr_t)memory - (uintptr_t)areas[i].memory);
        if (offset < areas[i].bytes && areas[i].offset != LAB_UNWATCHED)
            return areas[i].offset + offset;
    }
    return LAB_UNWATCHED;
}

const char *lab_region_at(size_t offset)
{
    if (offset >= LAB_STACKS_AT)
        return lab_stack_at(offset - LAB_STACKS_AT);
    for (unsigned i = 0; i < area_count; i++) {
        if (offset - areas[i].offset < areas[i].bytes)
            return areas[i].memory + (offset - areas[i].offset);
    }
    return lab_region + offset;
}
