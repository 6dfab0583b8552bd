/* SPDX-License-Identifier: MIT */
/* identifiers.c - a hash table of names with linear probing. */
#include "common/identifiers.h"

#include <stdlib.h>
#include <string.h>

#include "common/tool.h"

#define FIRST_PLACES 1024

static size_t find_place(const struct identifiers *ids, uint64_t name)
{
    /* Fibonacci hashing, of the upper half too: neighbours go far apart. */
    const uint64_t hash = (name ^ (name >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    size_t place = (size_t)(hash >> 32) & (ids->place_count - 1);

    while (ids->numbers[place] != 0 && ids->names[place] != name)
        place = (place + 1) & (ids->place_count - 1);
    return place;
}

static void grow(struct identifiers *ids)
{
    struct identifiers larger = {.count = ids->count};

    larger.place_count = ids->place_count == 0 ? FIRST_PLACES
                                               : 2 * ids->place_count;
    larger.names = memory_allocate(larger.place_count, sizeof(*larger.names));
    larger.numbers =
        memory_allocate(larger.place_count, sizeof(*larger.numbers));
    memset(larger.numbers, 0, larger.place_count * sizeof(*larger.numbers));
    for (size_t i = 0; i < ids->place_count; i++) {
        size_t place;

        if (ids->numbers[i] == 0)
            continue;
        place = find_place(&larger, ids->names[i]);
        larger.names[place] = ids->names[i];
        larger.numbers[place] = ids->numbers[i];
    }
    free(ids->names);
    free(ids->numbers);
    ids->names = larger.names;
    ids->numbers = larger.numbers;
    ids->place_count = larger.place_count;
}

uint64_t identifiers_number(struct identifiers *ids, uint64_t name)
{
    size_t place;

    if (ids->count >= ids->place_count / 2)
        grow(ids);
    place = find_place(ids, name);
    if (ids->numbers[place] == 0) {
        ids->names[place] = name;
        ids->numbers[place] = ++ids->count;
    }
    return ids->numbers[place] - 1;
}

void identifiers_free(struct identifiers *ids)
{
    free(ids->names);
    free(ids->numbers);
    *ids = (struct identifiers){0};
}
