/* SPDX-License-Identifier: MIT */
/* objects.c - a hash table of objects, with free places in between. */
#include "sim/objects.h"

#include <stdlib.h>
#include <string.h>

#include "common/tool.h"
#include "sim/random.h"

#define FIRST_PLACES 1024

static size_t find(const struct sim_objects *objects, uint64_t name)
{
    size_t place = (size_t)sim_mix(name) & (objects->place_count - 1);

    while (objects->numbers[place] != 0 && objects->names[place] != name)
        place = (place + 1) & (objects->place_count - 1);
    return place;
}

static void grow(struct sim_objects *objects)
{
    struct sim_objects larger = {.count = objects->count};

    larger.place_count = objects->place_count == 0 ? FIRST_PLACES
                                                   : 2 * objects->place_count;
    larger.names = memory_allocate(larger.place_count, sizeof(*larger.names));
    larger.numbers =
        memory_allocate(larger.place_count, sizeof(*larger.numbers));
    memset(larger.numbers, 0, larger.place_count * sizeof(*larger.numbers));
    for (size_t i = 0; i < objects->place_count; i++) {
        size_t place;

        if (objects->numbers[i] == 0)
            continue;
        place = find(&larger, objects->names[i]);
        larger.names[place] = objects->names[i];
        larger.numbers[place] = objects->numbers[i];
    }
    free(objects->names);
    free(objects->numbers);
    objects->names = larger.names;
    objects->numbers = larger.numbers;
    objects->place_count = larger.place_count;
}

uint64_t sim_objects_number(struct sim_objects *objects, uint64_t name)
{
    size_t place;

    if (objects->count >= objects->place_count / 2)
        grow(objects);
    place = find(objects, name);
    if (objects->numbers[place] == 0) {
        objects->names[place] = name;
        objects->numbers[place] = ++objects->count;
    }
    return objects->numbers[place] - 1;
}

void sim_objects_free(struct sim_objects *objects)
{
    free(objects->names);
    free(objects->numbers);
    *objects = (struct sim_objects){0};
}
