/* SPDX-License-Identifier: MIT */
/*
 * tsan_c11.c - C11 atomics as steps.
 *
 * A relaxed operation orders nothing, but its order among the other operations
 * on its word is explored all the same: sequential consistency is assumed, and
 * the verdict says that there was one.  A fence is no step: what it orders is
 * known to the race detector alone.
 */
#include "embed/embed.h"
#include "engine/met.h"
#include "platform/lab_platform.h"
#include "tsan.h"

/* How compilers number the orders. */
enum {
    RELAXED,
    CONSUME,
    ACQUIRE,
    RELEASE,
    ACQ_REL,
    SEQ_CST
};

#define SMALL ((uint64_t)1 << 32) /* larger values may be addresses */

static unsigned done_flags; /* of the step between begin and end */
static unsigned done_kind;
static bool kept; /* it wrote the same value again */

/* A load releases nothing, and a store acquires nothing, of any order. */
static unsigned flags_of(unsigned kind, int order)
{
    unsigned set = 0;

    if (kind != LAB_WRITE &&
        (order == CONSUME || order == ACQUIRE || order >= ACQ_REL))
        set |= LAB_ACQUIRE;
    if (kind != LAB_READ && order >= RELEASE)
        set |= LAB_RELEASE;
    return set;
}

static const char *verb_of(unsigned kind)
{
    if (kind == LAB_READ)
        return "atomic_load";
    return kind == LAB_WRITE ? "atomic_store" : "atomic_change";
}

void lab_c11_begin(unsigned kind, const void *word, size_t size, int order,
                   const void *pc)
{
    const struct lab_site site = {verb_of(kind), "", "", 0};
    unsigned writes = kind == LAB_READ ? 0 : LAB_ACCESS_WRITE;
    const char *name = lab_given_name(word);

    if (lab_quiet)
        return;
    if (order == RELAXED)
        lab_met(LAB_MET_RELAXED, pc);
    if (name != NULL && lab_object_number(word) == 0)
        (void)lab_object(word, name, -1, -1);
    lab_robust_comes(order == SEQ_CST, order == RELAXED ? NULL : pc);
    lab_step_bytes(kind | flags_of(kind, order), word, size, &site, pc);
    kept = false;
    /* Other threads ran meanwhile and may have set these. */
    done_kind = kind;
    done_flags = flags_of(kind, order);
    lab_access(word, size, LAB_ACCESS_ATOMIC | writes, pc);
}

bool lab_c11_fails(const void *pc)
{
    if (lab_quiet)
        return false;
    if (lab_luck_budget(LAB_WEAK) == 0)
        lab_met(LAB_MET_WEAK_EXCHANGE, pc);
    return lab_happens(LAB_WEAK);
}

void lab_c11_keep(bool value)
{
    kept = value;
}

void lab_c11_failed(int order, const void *pc)
{
    if (order == RELAXED)
        lab_met(LAB_MET_RELAXED, pc);
    lab_robust_comes(order == SEQ_CST, order == RELAXED ? NULL : pc);
    done_flags = flags_of(LAB_READ, order);
}

void lab_c11_end(bool changed, uint64_t value)
{
    size_t offset = lab_region_offset((const void *)(uintptr_t)value);

    if (lab_quiet)
        return;
    if (done_kind == LAB_RMW) {
        lab_clock_exchanged_as(changed, done_flags);
        if (!changed || kept)
            lab_unchanged();
    }
    /* Addresses differ from run to run. */
    if (value >= SMALL)
        value = offset < LAB_STACKS_AT ? SMALL + offset : UINT64_MAX;
    lab_value(value);
}

void lab_c11_fence(int order, const void *pc)
{
    if (lab_quiet)
        return;
    lab_met(LAB_MET_FENCE, pc);
    lab_clock_fence(flags_of(LAB_RMW, order));
}
