/* SPDX-License-Identifier: MIT */
/* failure.c - the kind of each failure that an oracle reports. */
#include "failure.h"

#include <stddef.h>
#include <string.h>

#include "trace.h"

#define NAME(enumerator, name) [LAB_FAILURE_##enumerator] = (name),

static const char *const names[] = {
    [LAB_FAILURE_NONE] = "any failure",
    LAB_FAILURES(NAME)[LAB_FAILURE_NO_RACE] = "any failure but a data race"};

/* Every text that the lab itself gives to lab_fail(). */
static const struct {
    const char *what;
    enum lab_failure failure;
} reports[] = {
    {"use after free", LAB_FAILURE_USE_AFTER_FREE},
    {"use of free space", LAB_FAILURE_USE_AFTER_FREE},
    {"object reclaimed while it is read", LAB_FAILURE_USE_AFTER_FREE},
    {"double free", LAB_FAILURE_USE_AFTER_FREE},

    {"out of bounds", LAB_FAILURE_OUT_OF_BOUNDS},

    {"memory leak", LAB_FAILURE_LEAK},
    {"handle cell leaked", LAB_FAILURE_LEAK},
    {"pool pages leaked", LAB_FAILURE_LEAK},
    {"chunk lost", LAB_FAILURE_LEAK},
    {"zspage lost", LAB_FAILURE_LEAK},

    {"lock taken twice", LAB_FAILURE_HANG},
    {"lock left behind", LAB_FAILURE_HANG},
    {"setup or finish waits", LAB_FAILURE_HANG},
    {"ended with a lock held", LAB_FAILURE_HANG},

    {"page lost", LAB_FAILURE_LOST_PAGE},
    {"stored page is lost", LAB_FAILURE_LOST_PAGE},
    {"stale page", LAB_FAILURE_STALE_PAGE},
    {"page of another slot", LAB_FAILURE_WRONG_PAGE},
    {"page that was never there", LAB_FAILURE_WRONG_PAGE},
    {"page without a stamp", LAB_FAILURE_WRONG_PAGE},
    {"page of mixed versions", LAB_FAILURE_WRONG_PAGE},
    {"half an unmap", LAB_FAILURE_WRONG_PAGE},
    {"answers that no order explains", LAB_FAILURE_WRONG_PAGE},

    {"object has other bytes", LAB_FAILURE_WRONG_BYTES},
    {"visitor sees no object", LAB_FAILURE_WRONG_BYTES},
    {"handle of no object", LAB_FAILURE_WRONG_BYTES},
    {"handle leads nowhere", LAB_FAILURE_WRONG_BYTES},
    {"object cannot be read", LAB_FAILURE_WRONG_BYTES},

    {"object cannot be freed", LAB_FAILURE_MISCOUNT},
    {"header without a cell", LAB_FAILURE_MISCOUNT},
    {"cell leads elsewhere", LAB_FAILURE_MISCOUNT},
    {"both tags", LAB_FAILURE_MISCOUNT},
    {"header of an earlier object", LAB_FAILURE_MISCOUNT},
    {"zspage miscounted", LAB_FAILURE_MISCOUNT},
    {"zspage not in the LRU", LAB_FAILURE_MISCOUNT},
    {"chunk miscounted", LAB_FAILURE_MISCOUNT},
    {"kept pages miscounted", LAB_FAILURE_MISCOUNT},
    {"tags lost", LAB_FAILURE_MISCOUNT},
    {"tags cannot be changed", LAB_FAILURE_MISCOUNT},
    {"owner forgotten", LAB_FAILURE_MISCOUNT},
    {"deferred object left behind", LAB_FAILURE_MISCOUNT},
    {"free list broken", LAB_FAILURE_MISCOUNT},
    {"segment has gaps", LAB_FAILURE_MISCOUNT},
    {"free cells miscounted", LAB_FAILURE_MISCOUNT},
    {"leaf miscounted", LAB_FAILURE_MISCOUNT},
    {"shard miscounted", LAB_FAILURE_MISCOUNT},
    {"reference miscounted", LAB_FAILURE_MISCOUNT},
    {"the machine does not agree with itself", LAB_FAILURE_MISCOUNT},

    {"data race", LAB_FAILURE_DATA_RACE},
    {"assertion failed", LAB_FAILURE_ASSERTION},

    {"freed entry is linked", LAB_FAILURE_MISCOUNT},
    {"linked entry without a reference", LAB_FAILURE_MISCOUNT},

    {"fault", LAB_FAILURE_CRASH},
    {"lock that was never made", LAB_FAILURE_CRASH},
    {"wild access", LAB_FAILURE_CRASH},
    {"abort", LAB_FAILURE_CRASH},
    {"exit called", LAB_FAILURE_CRASH},
    {"stack overflow", LAB_FAILURE_CRASH},
    {"thread ended", LAB_FAILURE_CRASH},
    {"free of what was never allocated", LAB_FAILURE_CRASH},
    {"unmap of what is not mapped", LAB_FAILURE_CRASH},

    {"lock destroyed while held", LAB_FAILURE_MISUSE},
    {"condition destroyed", LAB_FAILURE_MISUSE},
    {"lock order", LAB_FAILURE_MISUSE},
    {"lock not held", LAB_FAILURE_MISUSE},
    {"lock of another thread", LAB_FAILURE_MISUSE},
    {"bit lock not held", LAB_FAILURE_MISUSE},
    {"waits under a spinlock", LAB_FAILURE_MISUSE},
    {"device ended twice", LAB_FAILURE_MISUSE},

    {"mutex that the lab does not have", LAB_FAILURE_MISUSE},
    {"waits with a mutex taken twice", LAB_FAILURE_MISUSE},
    {"wrong condition", LAB_FAILURE_MISUSE},

    {"16-byte atomic", LAB_FAILURE_OTHER},
    {"misaligned atomic", LAB_FAILURE_OTHER},
    {"out of the lab's memory", LAB_FAILURE_OTHER},
    {"too many objects", LAB_FAILURE_OTHER},
    {"history too long", LAB_FAILURE_OTHER},
    {"no shard to watch", LAB_FAILURE_OTHER},
    {"reclaim failed", LAB_FAILURE_OTHER},
    {"no limit", LAB_FAILURE_OTHER},
    {"compaction failed", LAB_FAILURE_OTHER},
    {"walk ended early", LAB_FAILURE_OTHER},
};

const char *lab_failure_name(enum lab_failure failure)
{
    return names[failure];
}

enum lab_failure lab_failure_of(const char *what)
{
    for (size_t i = 0; what != NULL && i < sizeof(reports) / sizeof(reports[0]);
         i++) {
        if (strcmp(reports[i].what, what) == 0)
            return reports[i].failure;
    }
    return LAB_FAILURE_OTHER;
}

bool lab_failure_is(enum lab_failure failure, enum lab_failure known)
{
    if (known == LAB_FAILURE_NO_RACE)
        return failure != LAB_FAILURE_NONE && failure != LAB_FAILURE_DATA_RACE;
    if (known == LAB_FAILURE_NONE || failure == known)
        return failure != LAB_FAILURE_NONE;
    return known == LAB_FAILURE_WRONG_PAGE && failure == LAB_FAILURE_STALE_PAGE;
}

bool lab_failure_may_pass(enum lab_failure failure)
{
    switch (failure) {
    case LAB_FAILURE_USE_AFTER_FREE:
    case LAB_FAILURE_OUT_OF_BOUNDS:
    case LAB_FAILURE_LEAK:
    case LAB_FAILURE_LOST_PAGE:
    case LAB_FAILURE_STALE_PAGE:
    case LAB_FAILURE_WRONG_PAGE:
    case LAB_FAILURE_WRONG_BYTES:
    case LAB_FAILURE_MISCOUNT:
    case LAB_FAILURE_DATA_RACE:
    case LAB_FAILURE_ASSERTION:
        return true;
    default:
        return false;
    }
}

enum lab_failure lab_failure_of_outcome(enum lab_outcome outcome,
                                        const char *what)
{
    switch (outcome) {
    case LAB_COMPLETE_RUN:
    case LAB_BLOCKED:
        return LAB_FAILURE_NONE;
    case LAB_DEADLOCK:
    case LAB_LOST_WAKEUP:
        return LAB_FAILURE_HANG;
    case LAB_LIVELOCK:
        return LAB_FAILURE_LIVELOCK;
    case LAB_CRASHED:
        return LAB_FAILURE_CRASH;
    default:
        return lab_failure_of(what);
    }
}
