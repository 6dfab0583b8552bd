/* SPDX-License-Identifier: MIT */
/*
 * report_codecs.c - which of the measured codecs the kernel has.
 */
#include <string.h>

#include "estimate/report.h"

enum system_has report_kernel_has(const struct report *report,
                                  const struct run_result *result)
{
    return result->target == RUN_LIBRARY
               ? SYSTEM_HAS
               : system_has_codec(&report->codecs, result->target == RUN_ZRAM,
                                  result->codec->name);
}

bool report_may_use(const struct report *report,
                    const struct run_result *result)
{
    return report->is_elsewhere ||
           report_kernel_has(report, result) != SYSTEM_HAS_NOT;
}

const char *report_if_has(const struct report *report,
                          const struct run_result *result)
{
    if (result->target == RUN_LIBRARY)
        return "";
    if (report->is_elsewhere)
        return " (if that kernel has it)";
    return report_kernel_has(report, result) == SYSTEM_MAY_HAVE
               ? " (if this kernel has it)"
               : "";
}

void report_say_list(const struct report *report, enum run_target target,
                     struct text *text)
{
    const struct system_codecs *codecs = &report->codecs;

    if (target == RUN_ZRAM) {
        text_print(text, " (comp_algorithm: ");
        text_append_visible(text, codecs->zram);
        text_print(text, ")");
    } else {
        text_print(text, " (/proc/crypto: %s; %s)",
                   codecs->zswap[0] == '\0' ? "none" : codecs->zswap,
                   codecs->may_load ? "modules counted"
                                    : "it loads no modules");
    }
}

/* Is this the first row of its name for its target? */
static bool is_first(const struct report *report, size_t at)
{
    const struct run_result *result = &report->results[at];

    for (size_t i = 0; i < at; i++) {
        const struct run_result *other = &report->results[i];

        if (other->target == result->target &&
            strcmp(other->codec->name, result->codec->name) == 0)
            return false;
    }
    return true;
}

void report_say_codecs(const struct report *report, struct text *text)
{
    for (unsigned target = RUN_ZSWAP; target <= RUN_ZRAM; target++) {
        const char *before = "";

        for (size_t i = 0; i < report->result_count; i++) {
            const struct run_result *result = &report->results[i];

            if (result->target != target || !is_first(report, i) ||
                strcmp(result->codec->name, "copy") == 0 ||
                report_kernel_has(report, result) != SYSTEM_HAS_NOT)
                continue;
            if (before[0] == '\0' && text->length != 0)
                text_print(text, " ");
            text_print(text, "%s", before);
            text_append_visible(text, result->codec->name);
            before = ", ";
        }
        if (before[0] == '\0')
            continue;
        text_print(text, ": not in this kernel's %s",
                   run_target_name((enum run_target)target, 0));
        report_say_list(report, (enum run_target)target, text);
        text_print(text, report->is_elsewhere
                             ? "; a file may be of a machine that has it."
                             : "; the rows stay, and no line to type has it.");
    }
}
