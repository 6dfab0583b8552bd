/* SPDX-License-Identifier: MIT */
/*
 * effects.c - runs the table of effects.h.
 *
 *     test_effects [--list] [NAME...]
 *
 * --list prints STRUCT.FIELD and the values of each row, which
 * ./every_option compares with the headers.  Names, or parts of them,
 * choose rows.  Exit status: 0 each row holds in all of its three runs; 1 one
 * does not.
 */
#include "effects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_SECONDS 120 /* for an observation */

static const struct effect *const tables[] = {
    effects_cache, effects_compressor, effects_pool,   effects_backing,
    effects_vm,    effects_zspool,     effects_reason, effects_recompress,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* What an observation came to; a child sends it. */
struct sight {
    enum {
        SEEN = 1,
        SKIPPED,
        BROKEN
    } state;
    uint64_t number;
    char text[160];
};

static int report_to;

/* --- in the child ---------------------------------------------------- */

static _Noreturn void report(const struct sight *sight)
{
    if (write(report_to, sight, sizeof(*sight)) != (ssize_t)sizeof(*sight))
        _exit(3);
    effect_directory_end();
    _exit(0); /* what was observed is left as it is: no leak */
}

_Noreturn void effect_skip(const char *why)
{
    struct sight sight = {.state = SKIPPED};

    (void)snprintf(sight.text, sizeof(sight.text), "%s", why);
    report(&sight);
}

_Noreturn void effect_broken(const char *what, const char *file, int line)
{
    struct sight sight = {.state = BROKEN};

    (void)snprintf(sight.text, sizeof(sight.text), "%s:%d: not so: %s", file,
                   line, what);
    report(&sight);
}

/* --- in the parent --------------------------------------------------- */

static struct sight observe(const struct effect *row, unsigned value)
{
    struct sight sight = {.state = BROKEN, .text = "it ended early"};
    int ends[2];
    pid_t child;

    if (pipe(ends) != 0 || fflush(stdout) != 0 || (child = fork()) < 0) {
        perror("test_effects");
        exit(1);
    }
    if (child == 0) {
        struct sight seen = {.state = SEEN};

        (void)close(ends[0]);
        report_to = ends[1];
        (void)alarm(PATIENCE_SECONDS);
        seen.number = row->observe(value);
        report(&seen);
    }
    (void)close(ends[1]);
    if (read(ends[0], &sight, sizeof(sight)) != (ssize_t)sizeof(sight))
        sight = (struct sight){.state = BROKEN, .text = "it ended early"};
    (void)close(ends[0]);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return sight;
}

static bool is_nearly(uint64_t number, uint64_t expected)
{
    return number <= expected && number >= expected - expected / 10;
}

static bool holds(const struct effect *row, uint64_t a, uint64_t b)
{
    const uint64_t for_a = row->first_expected;
    const uint64_t for_b = row->second_expected;

    switch (row->relation) {
    case IS:
        return a == for_a && b == for_b;
    case NEARLY:
        return is_nearly(a, for_a) && is_nearly(b, for_b);
    case AT_MOST:
        return a <= for_a && b >= for_b;
    case AT_LEAST:
        return a >= for_a && b <= for_b;
    }
    return false;
}

enum verdict {
    HOLDS,
    FAILS,
    SKIPS
};

static void say_row(const struct effect *row, const char *what)
{
    printf("%s: %s.%s, A = %s, B = %s", what, row->owner, row->option,
           row->first_text, row->second_text);
}

/* One of the three runs. */
static enum verdict run(const struct effect *row, const char *name,
                        unsigned first, unsigned second, bool must_hold)
{
    const struct sight a = observe(row, first);
    const struct sight b = observe(row, second);
    const struct sight *odd = a.state != SEEN ? &a : &b;

    if (odd->state != SEEN) {
        say_row(row, odd->state == SKIPPED ? "SKIPPED" : "FAIL");
        printf(": run %s: %s\n", name, odd->text);
        return odd->state == SKIPPED ? SKIPS : FAILS;
    }
    if (holds(row, a.number, b.number) == must_hold)
        return HOLDS;
    say_row(row, "FAIL");
    printf(": run %s %s: saw %" PRIu64 " and %" PRIu64 ", for (A, B) %" PRIu64
           " and %" PRIu64 " are expected%s: %s\n",
           name, must_hold ? "must pass, and fails" : "must fail, and passes",
           a.number, b.number, row->first_expected, row->second_expected,
           row->relation == NEARLY     ? " as ceilings"
           : row->relation == AT_MOST  ? " as ceiling and floor"
           : row->relation == AT_LEAST ? " as floor and ceiling"
                                       : "",
           row->why);
    return FAILS;
}

static enum verdict run_row(const struct effect *row)
{
    enum verdict verdict = run(row, "(A, B)", row->first, row->second, true);

    if (verdict == HOLDS)
        verdict = run(row, "(A, A)", row->first, row->first, false);
    if (verdict == HOLDS)
        verdict = run(row, "(B, A)", row->second, row->first, false);
    return verdict;
}

static bool is_chosen(const struct effect *row, int count, char **names)
{
    char name[128];

    (void)snprintf(name, sizeof(name), "%s.%s", row->owner, row->option);
    for (int i = 0; i < count; i++) {
        if (strstr(name, names[i]) != NULL)
            return true;
    }
    return count == 0;
}

int main(int argc, char **argv)
{
    const bool is_list = argc == 2 && strcmp(argv[1], "--list") == 0;
    unsigned counts[3] = {0};

    for (size_t i = 0; i < TABLES; i++) {
        for (const struct effect *row = tables[i]; row->owner != NULL; row++) {
            if (is_list)
                printf("%s.%s\t%s\t%s\n", row->owner, row->option,
                       row->first_text, row->second_text);
            else if (is_chosen(row, argc - 1, argv + 1))
                counts[run_row(row)]++;
        }
    }
    if (is_list)
        return 0;
    printf("%u rows hold in their three runs, %u fail, %u SKIPPED\n",
           counts[HOLDS], counts[FAILS], counts[SKIPS]);
    return counts[FAILS] == 0 && counts[HOLDS] + counts[SKIPS] != 0 ? 0 : 1;
}
