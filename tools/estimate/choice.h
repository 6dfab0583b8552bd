/* SPDX-License-Identifier: MIT */
/*
 * choice.h - rule 3 of docs/estimate.md: which codec, for zswap or zram.
 *
 * Sizes are the same in each run, times are not.  So a time counts where it is
 * clearly less, by more than a zone and by more than its spread, and near that
 * bound more passes are made until it is known well enough.  At the upper edge
 * of the zone nothing changes; only at its lower edge does the suggestion.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_CHOICE_H
#define ZCACHE_TOOL_ESTIMATE_CHOICE_H

#include "estimate/report.h"

/* A codec is faster than another one where it takes less than this part of the
 * time of it, by more than the zone. */
#define CHOICE_BOUND 0.8
#define CHOICE_ZONE 0.02

enum choice_reason {
    CHOICE_SAVES_MOST, /* and none that saves almost as much is near */
    CHOICE_TIE,        /* it saves more than `fast`, which is not faster */
    CHOICE_FASTER      /* `slow` saves more, and `fast` is faster */
};

/* `fast` takes `ratio`, give or take `spread`, of the time of `slow`. */
struct choice {
    const struct run_result *result; /* NULL: none was measured, or is there */
    const struct run_result *absent; /* it saves more than all, and the kernel
                                        does not have it; or NULL */
    enum choice_reason reason;
    const struct run_result *fast;
    const struct run_result *slow;
    double ratio;
    double spread;
};

struct choice choice_make(const struct report *report, enum run_target target);

/* Does it save almost as much as the best of its target, and is none of those
 * that do faster? */
bool choice_is_as_good(const struct report *report,
                       const struct run_result *result);

/* Are two codecs so near to the bound, or their times so disturbed, that more
 * passes are needed to tell? */
bool choice_needs_passes(const struct report *report);

/* Appends a sentence with the reason, if there is one. */
void choice_print(const struct choice *choice, const struct report *report,
                  struct text *text);
void choice_put(const struct choice *choice, struct json *json);

#endif
