/* SPDX-License-Identifier: MIT */
/* touch.c - the memory that one step's thread accessed until its next step. */
#include "touch.h"

#include <stddef.h>
#include <string.h>

#include "explore.h"
#include "mutant.h"

struct lab_touch *lab_touching;

void lab_touch_clear(struct lab_touch *touch)
{
    touch->reads = touch->writes = 0;
    touch->count = 0;
    touch->too_much = false;
}

static uint64_t signature(uintptr_t from, uint32_t size)
{
    uintptr_t first = from / 8;
    uintptr_t last = (from + size - 1) / 8;
    uint64_t bits = 0;

    if (last - first >= 64)
        return UINT64_MAX;
    for (; first <= last; first++)
        bits |= UINT64_C(1)
                << ((uint64_t)first * UINT64_C(0x9e3779b97f4a7c15) >> 58);
    return bits;
}

/* Widens the range by the access; false: they are apart, or of two kinds. */
static bool widen(struct lab_range *range, uintptr_t from, uint32_t size,
                  bool writes)
{
    uintptr_t end = range->from + range->size;
    uintptr_t stop = from + size;

    if (from >= range->from && stop <= end && range->writes >= writes)
        return true;
    if (range->writes != writes || from > end || stop < range->from)
        return false;
    if (from < range->from)
        range->from = from;
    if (stop > end)
        end = stop;
    range->size = (uint32_t)(end - range->from);
    return true;
}

void lab_touch_add(struct lab_touch *touch, uintptr_t from, uint32_t size,
                   bool writes)
{
    if (touch->too_much || size == 0 ||
        (!writes && LAB_MUTANT(SECTION_READS_FORGOTTEN)))
        return;
    if (writes)
        touch->writes |= signature(from, size);
    else
        touch->reads |= signature(from, size);
    for (unsigned i = touch->count; i > 0; i--) {
        if (widen(&touch->ranges[i - 1], from, size, writes))
            return;
    }
    if (touch->count == LAB_RANGES) {
        touch->too_much = true;
        return;
    }
    touch->ranges[touch->count++] =
        (struct lab_range){.from = from, .size = size, .writes = writes};
}

void lab_touch_merge(struct lab_touch *touch, const struct lab_touch *other)
{
    for (unsigned i = 0; i < other->count; i++)
        lab_touch_add(touch, other->ranges[i].from, other->ranges[i].size,
                      other->ranges[i].writes);
    touch->too_much = touch->too_much || other->too_much;
}

bool lab_touch_conflict(const struct lab_touch *a, const struct lab_touch *b)
{
    if (LAB_MUTANT(SECTIONS_COMMUTE))
        return false;
    if (a->too_much || b->too_much)
        return true;
    if ((a->writes & (b->reads | b->writes)) == 0 &&
        (b->writes & a->reads) == 0)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        const struct lab_range *one = &a->ranges[i];

        for (unsigned k = 0; k < b->count; k++) {
            const struct lab_range *two = &b->ranges[k];

            if ((one->writes || two->writes) &&
                one->from < two->from + two->size &&
                two->from < one->from + one->size)
                return true;
        }
    }
    return false;
}

void lab_touched(const void *memory, size_t size, bool writes)
{
    if (lab_touching == NULL)
        return;
    if (size > UINT32_MAX)
        lab_touching->too_much = true;
    else
        lab_touch_add(lab_touching, (uintptr_t)memory, (uint32_t)size, writes);
}

/* --- calls ----------------------------------------------------------- */

static bool begun[LAB_THREADS];
static bool over[LAB_THREADS];

void lab_calls_forget(void)
{
    memset(begun, 0, sizeof(begun));
    memset(over, 0, sizeof(over));
}

void lab_call_begins(void)
{
    if (lab_thread() > 0)
        begun[lab_thread()] = true;
}

void lab_call_ended(void)
{
    if (lab_thread() > 0)
        over[lab_thread()] = true;
}

bool lab_call_is_begun(int thread)
{
    return begun[thread];
}

void lab_call_is_under_way(int thread)
{
    begun[thread] = false;
    over[thread] = false;
}

bool lab_call_is_ended(int thread)
{
    return over[thread];
}
