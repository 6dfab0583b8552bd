/* SPDX-License-Identifier: MIT */
/* history.c - is there an order of operations that explains the answers? */
#include "history.h"

#include <stdio.h>
#include <string.h>

#include "engine/explore.h"
#include "engine/touch.h"

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
static bool names_pages; /* a slot is a page of a space: 10 * space + page */

void lab_history_reset(void)
{
    kept = 0;
    names_pages = false;
    lab_history_restore();
}

void lab_history_name_pages(void)
{
    names_pages = true;
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
    lab_calls_forget();
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
    lab_call_begins();
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
    lab_call_ended();
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

static bool is_answer(const struct operation *operation)
{
    return operation->kind == LAB_LOAD || operation->kind == LAB_TAKE;
}

/* Does an order explain the operations without this one?  also: or without
 * this one and another one. */
static bool explains_without(uint32_t left, unsigned wrong, bool also)
{
    left &= ~(UINT32_C(1) << wrong);
    if (!also)
        return explain(left, LAB_NO_VERSION);
    for (unsigned i = 0; i < count; i++) {
        if ((left >> i & 1) != 0 && operations[i].kind != LAB_STORE &&
            explain(left & ~(UINT32_C(1) << i), LAB_NO_VERSION))
            return true;
    }
    return false;
}

/* The wrong answer, the latest if there are several; NULL: it is not one alone,
 * nor one of two. */
static const struct operation *find_wrong(uint32_t left)
{
    const struct operation *wrong = NULL;

    for (unsigned also = 0; also < 2 && wrong == NULL; also++) {
        for (unsigned i = 0; i < count; i++) {
            const struct operation *operation = &operations[i];

            if ((left >> i & 1) != 0 && is_answer(operation) &&
                (wrong == NULL || operation->begun > wrong->begun) &&
                explains_without(left, i, also != 0))
                wrong = operation;
        }
    }
    return wrong;
}

static bool was_stored(uint32_t left, unsigned version)
{
    for (unsigned i = 0; i < count; i++) {
        if ((left >> i & 1) != 0 && operations[i].kind == LAB_STORE &&
            operations[i].version == version)
            return true;
    }
    return false;
}

/* "slot 7", or "A:0" of the memory of a machine. */
static const char *name_of(unsigned slot)
{
    static char text[24];

    if (names_pages)
        (void)snprintf(text, sizeof(text), "%c:%u", 'A' + (int)(slot / 10),
                       slot % 10);
    else
        (void)snprintf(text, sizeof(text), "slot %u", slot);
    return text;
}

/* Fails, as what is wrong with the answer. */
static void fail_by(const struct operation *wrong, uint32_t left)
{
    if (wrong->status != ZC_OK)
        lab_fail("page lost", "%s: it was stored, and is nowhere",
                 name_of(wrong->slot));
    else if (was_stored(left, wrong->version))
        lab_fail("stale page",
                 "%s: version %u is read, and is not the last one stored",
                 name_of(wrong->slot), wrong->version);
    else
        lab_fail("page that was never there",
                 "%s: version %u is read, and was never stored",
                 name_of(wrong->slot), wrong->version);
}

static void say(const struct operation *operation)
{
    static const char *const verbs[] = {[LAB_STORE] = "store",
                                        [LAB_LOAD] = "load",
                                        [LAB_TAKE] = "take",
                                        [LAB_INVALIDATE] = "invalidate"};
    const char *answer = zc_status_name(operation->status);
    char thread[24];

    if (operation->thread <= 0)
        (void)snprintf(thread, sizeof(thread), "%s",
                       operation < operations + kept ? "before:"
                                                     : "at the end:");
    else
        (void)snprintf(thread, sizeof(thread), "CPU#%d", operation->thread);
    if (operation->status == ZC_OK && operation->kind != LAB_INVALIDATE)
        lab_detail("%s %s(%s): version %u", thread, verbs[operation->kind],
                   name_of(operation->slot), operation->version);
    else
        lab_detail("%s %s(%s): %s", thread, verbs[operation->kind],
                   name_of(operation->slot), answer);
}

void lab_history_check(void)
{
    const struct operation *wrong;
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
        wrong = find_wrong(left);
        if (wrong != NULL)
            fail_by(wrong, left);
        else
            lab_fail("answers that no order explains",
                     "%s: G1 to G3 do not hold", name_of(operations[i].slot));
        return;
    }
}
