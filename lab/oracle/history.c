/* SPDX-License-Identifier: MIT */
/* history.c - is there an order of operations that explains the answers? */
#include "history.h"

#include <string.h>

#include "engine/explore.h"

#define OPERATIONS 32

struct operation {
    enum lab_operation_kind kind;
    unsigned slot;
    unsigned version; /* stored, or returned */
    zc_status status;
    int thread;
    unsigned begun; /* 0: no step of it yet */
    unsigned ended;
};

static struct operation operations[OPERATIONS];
static unsigned count;
static unsigned kept; /* the first ones, kept for every execution */
static unsigned now;  /* the time of the latest step or end */
static struct operation *current[LAB_THREADS];

void lab_history_reset(void)
{
    kept = 0;
    lab_history_restore();
}

void lab_history_keep(void)
{
    kept = count;
}

void lab_history_restore(void)
{
    count = kept;
    now = 2 * OPERATIONS; /* after all that was kept */
    memset(current, 0, sizeof(current));
    if (kept == 0)
        now = 0;
}

/* An operation begins with its first step: what its thread does before that
 * looks the same if it is done later. */
void lab_history_step(int thread)
{
    now++;
    if (current[thread] != NULL && current[thread]->begun == 0)
        current[thread]->begun = now;
}

void lab_history_begin(enum lab_operation_kind kind, unsigned slot,
                       unsigned version)
{
    int thread = lab_thread();

    if (count == OPERATIONS || thread < 0) {
        lab_fail("history too long", "more than %d operations", OPERATIONS);
        return;
    }
    operations[count] = (struct operation){
        .kind = kind, .slot = slot, .version = version, .thread = thread};
    current[thread] = &operations[count++];
}

void lab_history_end(zc_status status, unsigned version)
{
    int thread = lab_thread();
    struct operation *operation = thread < 0 ? NULL : current[thread];

    if (operation == NULL)
        return;
    current[thread] = NULL;
    operation->status = status;
    if (operation->kind != LAB_STORE)
        operation->version = version;
    operation->ended = ++now;
    if (operation->begun == 0)
        operation->begun = now;
}

/* Can the operation come next when the slot has this page?  Then *page is the
 * page after it. */
static bool fits(const struct operation *operation, unsigned *page)
{
    bool found = operation->status == ZC_OK;

    if (operation->kind == LAB_STORE) {
        *page = found ? operation->version : LAB_NO_VERSION;
        return true;
    }
    if (operation->status == ZC_BUSY)
        return true;
    if (!found)
        return operation->status == ZC_MISSING && *page == LAB_NO_VERSION;
    if (*page == LAB_NO_VERSION ||
        (operation->kind != LAB_INVALIDATE && operation->version != *page))
        return false;
    if (operation->kind != LAB_LOAD)
        *page = LAB_NO_VERSION;
    return true;
}

/* True if no other operation that is left ended before this one began. */
static bool may_be_next(const struct operation *operation, uint32_t left)
{
    for (unsigned i = 0; i < count; i++) {
        if ((left >> i & 1) != 0 && operations[i].ended < operation->begun)
            return false;
    }
    return true;
}

static bool explain(uint32_t left, unsigned page)
{
    if (left == 0)
        return true;
    for (unsigned i = 0; i < count; i++) {
        unsigned next = page;

        if ((left >> i & 1) != 0 && may_be_next(&operations[i], left) &&
            fits(&operations[i], &next) &&
            explain(left & ~(UINT32_C(1) << i), next))
            return true;
    }
    return false;
}

static void say(const struct operation *operation)
{
    static const char *const verbs[] = {[LAB_STORE] = "store",
                                        [LAB_LOAD] = "load",
                                        [LAB_TAKE] = "take",
                                        [LAB_INVALIDATE] = "invalidate"};
    const char *answer = zc_status_name(operation->status);

    if (operation->status == ZC_OK && operation->kind != LAB_INVALIDATE)
        lab_detail("CPU#%d %s(%u): version %u", operation->thread,
                   verbs[operation->kind], operation->slot, operation->version);
    else
        lab_detail("CPU#%d %s(%u): %s", operation->thread,
                   verbs[operation->kind], operation->slot, answer);
}

void lab_history_check(void)
{
    uint32_t checked = 0;

    for (unsigned i = 0; i < count; i++) {
        uint32_t left = 0;

        if ((checked >> i & 1) != 0)
            continue;
        for (unsigned k = i; k < count; k++) {
            if (operations[k].slot == operations[i].slot)
                left |= UINT32_C(1) << k;
        }
        checked |= left;
        if (explain(left, LAB_NO_VERSION))
            continue;
        for (unsigned k = i; k < count; k++) {
            if ((left >> k & 1) != 0)
                say(&operations[k]);
        }
        lab_fail("answers that no order explains",
                 "slot %u: G1 to G3 do not hold", operations[i].slot);
        return;
    }
}
