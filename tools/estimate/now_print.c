/* SPDX-License-Identifier: MIT */
/* now_print.c - what runs now, and what is wrong with it, as text and as JSON;
 * and the order of the three steps. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "estimate/now.h"
#include "estimate/suggestion.h"

/* Of the JSON: a reader of format 2 may meet more keys, and no fewer. */
#define JSON_FORMAT 2

/* --- text --- */

static void add_row(struct table *table, const char *name, const char *format,
                    ...) TOOL_FORMAT(3, 4);
static void add_row(struct table *table, const char *name, const char *format,
                    ...)
{
    struct text value = {0};
    va_list arguments;

    va_start(arguments, format);
    text_print_list(&value, format, arguments);
    va_end(arguments);
    table_add(table, "  %s", name);
    table_add(table, "%s", value.bytes);
    text_free(&value);
}

static void add_count(struct table *table, const struct now *now,
                      enum now_figure figure, const char *unit)
{
    char count[NOW_COUNT_SIZE];

    if (now->figures[figure].known)
        add_row(table, now_figure_names[figure].name, "%s%s",
                now_count_text(count, now->figures[figure].value), unit);
}

static void add_limit(struct table *table, const struct now *now)
{
    const uint64_t limit = now_pool_limit(now);
    char size[BYTE_TEXT_SIZE];
    char memory[BYTE_TEXT_SIZE];

    add_row(table, "limit",
            "%s (max_pool_percent %" PRIu64 " of %s); accepts again at %" PRIu64
            " %% of it",
            now_size_text(size, limit), now_value(now, NOW_MAX_POOL_PERCENT),
            now_size_text(memory, now_value(now, NOW_MEM_TOTAL)),
            now_value(now, NOW_ACCEPT_THRESHOLD_PERCENT));
    add_row(table, "pool", "%s, %.1f %% of the limit",
            now_size_text(size, now_pool_bytes(now)),
            percent_of(now_pool_bytes(now), limit));
}

static void add_stored(struct table *table, const struct now *now)
{
    const uint64_t stored = now_stored_bytes(now);
    const uint64_t pool = now_pool_bytes(now);
    char count[NOW_COUNT_SIZE];
    char size[BYTE_TEXT_SIZE];

    add_row(table, "stored", "%s pages, %s",
            now_count_text(count, stored / now->page_size),
            now_size_text(size, stored));
    if (pool != 0)
        add_row(table, "ratio", "%.2f", (double)stored / (double)pool);
}

static void print_zswap(const struct now *now, FILE *file)
{
    struct table table = {.column_count = 2, .left = 3};

    if (!now->zswap_there) {
        fputs("zswap: this kernel has none (no /sys/module/zswap)\n", file);
        return;
    }
    table_add(&table, "zswap");
    table_add(&table, "%s", now_zswap_is_on(now) ? "on" : "off");
    add_row(&table, "compressor", "%s", now->compressor);
    if (now->shrinker[0] != '\0')
        add_row(&table, "shrinker", "%s",
                now->shrinker[0] == 'Y' ? "on" : "off");
    add_limit(&table, now);
    add_stored(&table, now);
    for (int i = 0; i < NOW_FIGURES; i++) {
        if (now_figure_names[i].place == NOW_DEBUGFS &&
            i != NOW_POOL_TOTAL_SIZE && i != NOW_STORED_PAGES)
            add_count(&table, now, (enum now_figure)i, "");
    }
    table_print(&table, file);
    table_free(&table);
}

static void print_swaps(const struct now *now, FILE *file)
{
    struct table table = {.column_count = 5, .left = 3};

    if (now->swap_count == 0) {
        fputs("\nno swap device\n", file);
        return;
    }
    table_add(&table, "swap device");
    table_add(&table, "type");
    table_add(&table, "size");
    table_add(&table, "used");
    table_add(&table, "priority");
    for (size_t i = 0; i < now->swap_count; i++) {
        const struct now_swap *swap = &now->swaps[i];
        char size[BYTE_TEXT_SIZE];

        table_add(&table, "  %s", swap->path);
        table_add(&table, "%s", swap->type);
        table_add(&table, "%s", now_size_text(size, swap->size));
        table_add(&table, "%s", now_size_text(size, swap->used));
        table_add(&table, "%s%" PRIu64, swap->negative ? "-" : "",
                  swap->priority);
    }
    fputc('\n', file);
    table_print(&table, file);
    table_free(&table);
}

static void add_zram(struct table *table, const struct now_zram *zram)
{
    static const enum now_zram_figure sizes[] = {
        NOW_ZRAM_DISKSIZE, NOW_ZRAM_ORIG, NOW_ZRAM_COMPR, NOW_ZRAM_USED};
    const struct now_number *figures = zram->figures;
    char text[BYTE_TEXT_SIZE];

    table_add(table, "  %s", zram->name);
    table_add(table, "%s", zram->algorithm);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        table_add(table, "%s", now_size_text(text, figures[sizes[i]].value));
    table_add(table, "%s",
              figures[NOW_ZRAM_LIMIT].value == 0
                  ? "none"
                  : now_size_text(text, figures[NOW_ZRAM_LIMIT].value));
    if (figures[NOW_ZRAM_USED].value == 0)
        table_add(table, "-");
    else
        table_add(table, "%.2f",
                  (double)figures[NOW_ZRAM_ORIG].value /
                      (double)figures[NOW_ZRAM_USED].value);
    table_add(table, "%s", now_count_text(text, figures[NOW_ZRAM_SAME].value));
    table_add(table, "%s", now_count_text(text, figures[NOW_ZRAM_HUGE].value));
}

static void print_zrams(const struct now *now, FILE *file)
{
    static const char *const headings[] = {
        "zram device", "algorithm", "disksize", "orig", "compr",
        "mem_used",    "limit",     "ratio",    "same", "huge"};
    const size_t columns = sizeof(headings) / sizeof(headings[0]);
    struct table table = {.column_count = columns, .left = 3};
    size_t unused = 0;

    for (size_t i = 0; i < columns; i++)
        table_add(&table, "%s", headings[i]);
    for (size_t i = 0; i < now->zram_count; i++) {
        if (now->zrams[i].figures[NOW_ZRAM_DISKSIZE].value == 0)
            unused++;
        else
            add_zram(&table, &now->zrams[i]);
    }
    fputc('\n', file);
    if (unused != now->zram_count)
        table_print(&table, file);
    for (size_t i = 0; i < now->zram_count; i++) {
        if (now->zrams[i].figures[NOW_ZRAM_DISKSIZE].value == 0)
            fprintf(file, "zram device %s is there, and not set up\n",
                    now->zrams[i].name);
    }
    if (now->zram_count == 0)
        fprintf(file, "no zram device%s\n",
                now->zram_here.is_loaded ? "; zram is loaded"
                                         : ", and zram is not loaded");
    table_free(&table);
}

static void print_groups(const struct now *now, FILE *file)
{
    struct table table = {.column_count = 5, .left = 1};
    char text[BYTE_TEXT_SIZE];

    if (now->group_count == 0)
        return;
    table_add(&table, "control group");
    table_add(&table, "memory.zswap.max");
    table_add(&table, "writeback");
    table_add(&table, "in the pool");
    table_add(&table, "past zswap");
    for (size_t i = 0; i < now->group_count; i++) {
        const struct now_group *group = &now->groups[i];

        table_add(&table, "  %s", now_group_name(group));
        table_add(&table, "%s",
                  group->is_limited ? now_size_text(text, group->limit)
                                    : "max");
        table_add(&table, "%s", group->has_no_writeback ? "off" : "on");
        table_add(&table, "%s", now_size_text(text, group->zswap_bytes));
        table_add(&table, "%s", now_size_text(text, group->past_bytes));
    }
    fputc('\n', file);
    table_print(&table, file);
    table_free(&table);
}

static void print_events(const struct now *now, FILE *file)
{
    static const char *const meanings[NOW_FIGURES] = {
        [NOW_PSWPIN] = "read from swap devices",
        [NOW_PSWPOUT] = "written to swap devices, those of zswpwb too",
        [NOW_ZSWPIN] = "loaded from zswap",
        [NOW_ZSWPOUT] = "stored in zswap",
        [NOW_ZSWPWB] = "written by zswap from its pool to a device"};
    struct table table = {.column_count = 3, .left = 5};
    char count[NOW_COUNT_SIZE];

    table_add(&table, "since boot");
    table_add(&table, "pages");
    table_add(&table, " that were");
    for (int i = 0; i < NOW_FIGURES; i++) {
        if (meanings[i] == NULL || !now->figures[i].known)
            continue;
        table_add(&table, "  %s", now_figure_names[i].name);
        table_add(&table, "%s", now_count_text(count, now->figures[i].value));
        table_add(&table, " %s", meanings[i]);
    }
    table_add(&table, "  pswpout less zswpwb");
    table_add(&table, "%s", now_count_text(count, now_pages_past(now)));
    table_add(&table, " written to a device and never in zswap");
    fputc('\n', file);
    table_print(&table, file);
    table_free(&table);
}

/* Why debugfs was not read, or NULL. */
static const char *debugfs_reason(const struct now *now)
{
    switch (now->debugfs) {
    case NOW_DEBUGFS_NOT_MOUNTED:
        return "debugfs is not mounted (mount -t debugfs none "
               "/sys/kernel/debug)";
    case NOW_DEBUGFS_NOT_PERMITTED:
        return "debugfs may be read by root only";
    case NOW_DEBUGFS_NO_ZSWAP:
        return now->zswap_there
                   ? "there is no zswap in debugfs, as before zswap is first "
                     "switched on"
                   : NULL;
    case NOW_DEBUGFS_READ:
        break;
    }
    return NULL;
}

/* What the figures do not say. */
static void say_limits(const struct now *now, const struct report *report,
                       struct text *text)
{
    const char *reason = debugfs_reason(now);

    text_print_sentence(text, "All counters are since boot: what grows now is "
                              "seen by looking twice.");
    if (reason != NULL)
        text_print_sentence(text, "Not read: what zswap refused, and why; %s.",
                            reason);
    if (now->groups_path == NULL)
        text_print_sentence(text,
                            "There are no limits of control groups "
                            "(memory.zswap.max, memory.zswap.writeback): no "
                            "cgroup2 is mounted.");
    if (report == NULL || report->cold == NULL)
        text_print_sentence(text, "Not looked at: which pages are cold.");
    if (now->shortage.total != 0) {
        text_append(text, " ", 1);
        suggestion_say_shortage(&now->shortage, text);
    }
}

/* The command that answers what is not in the kernel's figures. */
static void print_measurement(const struct now *now, FILE *file)
{
    const bool compresses = now_zswap_is_on(now) ||
                            now_count_swaps(now, true) != 0;
    struct text text = {0};

    text_print(&text,
               "%s, and which pages are cold, is measured by root, in a minute "
               "and the time to compress all pages:",
               compresses
                   ? "Whether another compressor or limit would be better"
                   : "What this would save, the compressor, the sizes, "
                     "zswap or zram");
    text_print_wrapped(file, text.bytes, 0);
    text_free(&text);
    fprintf(file, "    # zcache estimate %s--all --cold 60\n",
            compresses ? "--now " : "");
}

static void print_findings(const struct now *now, const struct report *report,
                           const struct now_findings *findings, FILE *file)
{
    struct text limits = {0};

    fputc('\n', file);
    say_limits(now, report, &limits);
    text_print_wrapped(file, limits.bytes, 0);
    text_free(&limits);
    fputc('\n', file);
    if (findings->count == 0)
        fputs("Nothing is wrong by these figures.\n\n", file);
    for (size_t i = 0; i < findings->count; i++) {
        const struct now_finding *finding = &findings->list[i];
        const char *line = finding->commands.bytes;

        fprintf(file, "%s:\n", finding->id);
        text_print_wrapped(file, finding->sentences.bytes, 2);
        while (line != NULL && *line != '\0') {
            const size_t length = strcspn(line, "\n");

            fprintf(file, "    # %.*s\n", (int)length, line);
            line += length + 1;
        }
        if (report == NULL || i + 1 < findings->count)
            fputc('\n', file);
    }
    if (report == NULL)
        print_measurement(now, file);
}

static void print_text(const struct now *now, const struct report *report,
                       const struct now_findings *findings, FILE *file)
{
    print_zswap(now, file);
    print_swaps(now, file);
    print_zrams(now, file);
    print_groups(now, file);
    print_events(now, file);
    if (report != NULL)
        now_print_estimate(now, report, file);
    print_findings(now, report, findings, file);
}

/* --- JSON --- */

static void put_string(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    json_string(json, text);
}

static void put_number(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

/* The known figures of a place, under the kernel's names. */
static void put_figures(struct json *json, const struct now_name *names,
                        const struct now_number *figures, int count, int place)
{
    for (int i = 0; i < count; i++) {
        if (names[i].place == place && figures[i].known)
            put_number(json, names[i].name, figures[i].value);
    }
}

static void put_zswap(struct json *json, const struct now *now)
{
    static const char *const states[] = {
        [NOW_DEBUGFS_READ] = "read",
        [NOW_DEBUGFS_NOT_MOUNTED] = "not mounted",
        [NOW_DEBUGFS_NOT_PERMITTED] = "not permitted",
        [NOW_DEBUGFS_NO_ZSWAP] = "no zswap"};

    json_key(json, "parameters");
    json_open(json, '{');
    if (now->zswap_there) {
        put_string(json, "enabled", now->enabled);
        put_string(json, "compressor", now->compressor);
        if (now->shrinker[0] != '\0')
            put_string(json, "shrinker_enabled", now->shrinker);
    }
    put_figures(json, now_figure_names, now->figures, NOW_FIGURES,
                NOW_PARAMETERS);
    json_close(json, '}');
    put_string(json, "debugfs_state", states[now->debugfs]);
    put_number(json, "pool_limit_bytes", now_pool_limit(now));
    put_number(json, "pool_bytes", now_pool_bytes(now));
    put_number(json, "stored_bytes", now_stored_bytes(now));
    put_number(json, "pages_past_zswap", now_pages_past(now));
}

static void put_places(struct json *json, const struct now *now)
{
    static const char *const keys[NOW_PLACES] = {
        [NOW_DEBUGFS] = "debugfs",
        [NOW_VMSTAT] = "vmstat",
        [NOW_MEMINFO] = "meminfo_bytes",
        [NOW_CGROUP] = "cgroup_bytes"};

    for (int place = 0; place < NOW_PLACES; place++) {
        if (keys[place] == NULL)
            continue;
        json_key(json, keys[place]);
        json_open(json, '{');
        put_figures(json, now_figure_names, now->figures, NOW_FIGURES, place);
        json_close(json, '}');
    }
}

static void put_swaps(struct json *json, const struct now *now)
{
    json_key(json, "swaps");
    json_open(json, '[');
    for (size_t i = 0; i < now->swap_count; i++) {
        const struct now_swap *swap = &now->swaps[i];

        json_open(json, '{');
        put_string(json, "path", swap->path);
        put_string(json, "type", swap->type);
        put_number(json, "size_bytes", swap->size);
        put_number(json, "used_bytes", swap->used);
        json_key(json, "priority");
        json_signed(json, swap->negative, swap->priority);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_zrams(struct json *json, const struct now *now)
{
    json_key(json, "zram");
    json_open(json, '[');
    for (size_t i = 0; i < now->zram_count; i++) {
        const struct now_zram *zram = &now->zrams[i];

        json_open(json, '{');
        put_string(json, "name", zram->name);
        put_string(json, "comp_algorithm", zram->algorithm);
        if (zram->backing[0] != '\0')
            put_string(json, "backing_dev", zram->backing);
        for (int place = 0; place < NOW_ZRAM_PLACES; place++)
            put_figures(json, now_zram_names, zram->figures, NOW_ZRAM_FIGURES,
                        place);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_groups(struct json *json, const struct now *now)
{
    json_key(json, "groups");
    json_open(json, '[');
    for (size_t i = 0; i < now->group_count; i++) {
        const struct now_group *group = &now->groups[i];

        json_open(json, '{');
        put_string(json, "path", now_group_name(group));
        if (group->is_limited)
            put_number(json, "zswap_max_bytes", group->limit);
        put_number(json, "writeback", !group->has_no_writeback);
        put_number(json, "zswap_bytes", group->zswap_bytes);
        put_number(json, "past_zswap_bytes", group->past_bytes);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_findings(struct json *json, const struct now_findings *findings)
{
    json_key(json, "findings");
    json_open(json, '[');
    for (size_t i = 0; i < findings->count; i++) {
        struct now_finding *finding = &findings->list[i];
        char *line = finding->commands.bytes;

        json_open(json, '{');
        put_string(json, "id", finding->id);
        put_string(json, "text", finding->sentences.bytes);
        json_key(json, "commands");
        json_open(json, '[');
        while (line != NULL && *line != '\0') {
            char *end = strchr(line, '\n');

            *end = '\0';
            json_string(json, line);
            line = end + 1;
        }
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void print_json(const struct now *now, const struct report *report,
                       const struct now_findings *findings, FILE *file)
{
    struct json json = {.file = file};
    struct text limits = {0};

    say_limits(now, report, &limits);
    json_open(&json, '{');
    put_number(&json, "format", JSON_FORMAT);
    put_number(&json, "page_size", now->page_size);
    put_zswap(&json, now);
    put_places(&json, now);
    put_swaps(&json, now);
    put_zrams(&json, now);
    suggestion_put_shortage(&now->shortage, &json);
    put_groups(&json, now);
    if (report != NULL)
        now_put_estimate(now, report, &json);
    put_findings(&json, findings);
    put_string(&json, "note", limits.bytes);
    json_close(&json, '}');
    text_free(&limits);
}

int now_run(const char *root, size_t page_size, bool json,
            const struct report *report)
{
    struct now now;
    struct now_findings findings = {0};
    int result = TOOL_ERROR;

    if (now_read(&now, root, page_size)) {
        now.is_measured = report != NULL;
        now_judge(&now, &findings);
        if (report != NULL)
            now_judge_estimate(&now, report, &findings);
        if (json)
            print_json(&now, report, &findings, stdout);
        else
            print_text(&now, report, &findings, stdout);
        result = message_finish_output() ? TOOL_FINE : TOOL_ERROR;
    }
    now_findings_free(&findings);
    now_free(&now);
    return result;
}
