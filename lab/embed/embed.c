/* SPDX-License-Identifier: MIT */
/*
 * embed.c - scenarios of user code (include/zcache/lab.h) as scenarios of the
 * lab.
 */
#define ZC_LAB 1
#include <zcache/lab.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/inject.h"
#include "cli/zcrace.h"
#include "embed.h"
#include "platform/execution.h"
#include "platform/lab_platform.h"
#include "platform/statics.h"
#include "watch/calls.h"
#include "watch/tsan.h"

#define SCENARIOS 64
#define NAME_MAX_BYTES 60
#define MESSAGE_BYTES 256

struct embedded {
    const struct zc_lab_scenario *own;
    struct lab_scenario scenario;
    struct lab_actor actors[ZC_LAB_ACTORS];
};

static struct embedded embedded[SCENARIOS];
static const struct lab_scenario *list[SCENARIOS + 1];
static const char *const no_rules[] = {NULL};

/* Rules of the scenarios that are broken, at their place among all that are;
 * empty: it is one of the library's. */
static char broken[LAB_RULES_BROKEN][LAB_RULE_CHARS];
static const struct embedded *made;

/* --- executions ------------------------------------------------------ */

static void begin(void)
{
    lab_tsan_observer.begin();
    lab_platform_reset();
    lab_embed_reset();
}

static void granted(const struct lab_granted *step)
{
    lab_tsan_observer.step(step);
}

static void spawned(int parent, int child)
{
    lab_tsan_observer.spawned(parent, child);
}

static const struct lab_observer observer = {
    .begin = begin,
    .step = granted,
    .spawned = spawned,
    .calls = lab_calls_of,
    .name_calls = lab_calls_name,
};

/* The library's bit for each bit of enum zc_lab_failure. */
static uint32_t inject_points(unsigned may_fail)
{
    static const struct {
        unsigned bit;
        enum zc_inject_point point;
    } words[] = {
        {ZC_LAB_MALLOC, ZC_INJECT_MALLOC},
        {ZC_LAB_PAGES, ZC_INJECT_PAGES},
        {ZC_LAB_READ, ZC_INJECT_READ},
        {ZC_LAB_COMPRESS, ZC_INJECT_COMPRESS},
        {ZC_LAB_WRITE, ZC_INJECT_WRITE},
    };
    uint32_t points = 0;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((may_fail & words[i].bit) != 0)
            points |= UINT32_C(1) << words[i].point;
    }
    return points;
}

static void setup(void *context)
{
    const struct embedded *at = context;
    const struct zc_lab_scenario *own = at->own;

    if (made != at) {
        made = NULL;
        lab_embed_forget();
        if (!lab_make_once(own->setup, own->context))
            return;
        made = at;
    }
    lab_region_restore();
    lab_inject_points = inject_points(own->may_fail);
    (void)lab_run_part(own->begin, own->context);
}

static void run_actor(void *context)
{
    const struct embedded *at = context;
    const struct zc_lab_scenario *own = at->own;

    own->actors[lab_thread() - 1].run(own->context);
}

static void finish(void *context)
{
    const struct embedded *at = context;

    lab_inject_points = 0;
    if (lab_run_part(at->own->finish, at->own->context))
        lab_region_check_empty();
}

/* --- rules ----------------------------------------------------------- */

bool zc_lab_holds(const char *rule)
{
    for (int i = 0; i < LAB_RULES_BROKEN; i++) {
        if (strcmp(broken[i], rule) == 0 && rule[0] != '\0') {
            lab_rule_missed(i);
            return false;
        }
    }
    return true;
}

static bool is_own_rule(const char *rule)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        for (const char *const *own = list[i]->rules; *own != NULL; own++) {
            if (strcmp(*own, rule) == 0)
                return true;
        }
    }
    return false;
}

static bool break_rule(const char *rules)
{
    char rule[LAB_RULE_CHARS];

    lab_observe(&observer);
    lab_catch_faults();
    lab_symbols_find();
    made = NULL;
    memset(broken, 0, sizeof(broken));
    (void)lab_break_rule(NULL);
    for (unsigned i = 0; lab_rule_next(&rules, rule); i++) {
        if (i < LAB_RULES_BROKEN && is_own_rule(rule)) {
            memcpy(broken[i], rule, sizeof(rule));
        } else if (!lab_break_one(rule, i)) {
            (void)lab_break_rule(NULL);
            memset(broken, 0, sizeof(broken));
            return false;
        }
    }
    return true;
}

/* --- what the code says ---------------------------------------------- */

void zc_lab_fail(const char *what, const char *format, ...)
{
    char message[MESSAGE_BYTES] = "";
    va_list arguments;

    if (lab_recording()) {
        va_start(arguments, format);
        (void)vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
    }
    lab_fail(what, "%s", message);
    lab_platform_failed();
}

void zc_lab_point(const char *what)
{
    const struct lab_site site = {what, "", "", 0};

    if (!lab_quiet)
        lab_step(LAB_POINT, NULL, &site);
}

unsigned zc_lab_choose(unsigned n, const char *what)
{
    return lab_thread() > 0 ? lab_choose(n, what) : 0;
}

void zc_lab_assume(bool condition)
{
    if (condition || lab_thread() < 0)
        return;
    lab_exclude();
    lab_platform_failed();
}

void zc_lab_await(bool (*condition)(void *), void *argument)
{
    for (;;) {
        lab_round_begin();
        if (condition(argument) || lab_quiet)
            return;
        if (lab_thread() == 0)
            lab_fail("setup or finish waits", "%s", "for a condition");
        else if (!lab_round_in_vain())
            lab_fail("wrong condition",
                     "zc_lab_await() needs one that reads "
                     "atomics, up to 64, and writes nothing");
        lab_platform_failed();
    }
}

void zc_lab_note(const char *text)
{
    if (!lab_quiet)
        lab_note("%s", text);
}

void zc_lab_enter(const char *call)
{
    if (!lab_quiet)
        lab_enter("%s", call);
}

void zc_lab_leave(void)
{
    if (!lab_quiet)
        lab_leave();
}

/* --- the program ----------------------------------------------------- */

static bool wrong(const struct zc_lab_scenario *own, const char *what)
{
    (void)fprintf(stderr, "zc_lab_main: scenario \"%s\": %s\n",
                  own->name == NULL ? "" : own->name, what);
    return false;
}

static bool check(const struct zc_lab_scenario *own)
{
    if (own->struct_size != sizeof(*own))
        return wrong(own, "struct_size is not that of this lab");
    if (own->name == NULL || own->name[0] == '\0' ||
        strlen(own->name) > NAME_MAX_BYTES || strchr(own->name, ':') != NULL)
        return wrong(own, "its name is empty, too long or has a colon");
    if (own->actors == NULL || own->actor_count == 0 ||
        own->actor_count > ZC_LAB_ACTORS)
        return wrong(own, "it needs 1 to 16 actors");
    for (unsigned i = 0; i < own->actor_count; i++) {
        if (own->actors[i].run == NULL)
            return wrong(own, "an actor does nothing");
    }
    return true;
}

static unsigned budget(unsigned given, unsigned usual)
{
    if (given == ZC_LAB_NEVER)
        return 0;
    return given == 0 ? usual : given;
}

static void adopt(struct embedded *at, const struct zc_lab_scenario *own)
{
    at->own = own;
    for (unsigned i = 0; i < own->actor_count; i++) {
        at->actors[i].title =
            own->actors[i].title == NULL ? "" : own->actors[i].title;
        at->actors[i].run = run_actor;
    }
    at->scenario = (struct lab_scenario){
        .summary = own->summary == NULL ? "" : own->summary,
        .program = {.name = own->name,
                    .context = at,
                    .setup = setup,
                    .finish = finish,
                    .actors = at->actors,
                    .actor_count = own->actor_count,
                    .failure_budget = own->failures,
                    .luck = {[LAB_SPURIOUS] = budget(own->spurious, 1),
                             [LAB_TIMEOUT] = budget(own->timeouts, 1),
                             [LAB_WEAK] = budget(own->weak, 1),
                             [LAB_REUSE] = budget(own->reuse, 0)},
                    .disposable = true,
                    .left = lab_region_left},
        .break_rule = break_rule,
        .rules = own->rules == NULL ? no_rules : own->rules,
        .bound = own->bound == 0 ? LAB_NO_BOUND : own->bound,
        .story = own->story == NULL ? "" : own->story,
    };
}

int zc_lab_main(int argc, char **argv,
                const struct zc_lab_scenario *const *scenarios)
{
    size_t count = 0;

    for (; scenarios[count] != NULL; count++) {
        if (count == SCENARIOS) {
            (void)fprintf(stderr, "zc_lab_main: more than %d scenarios\n",
                          SCENARIOS);
            return ZCRACE_USAGE;
        }
        if (!check(scenarios[count]))
            return ZCRACE_USAGE;
        adopt(&embedded[count], scenarios[count]);
        list[count] = &embedded[count].scenario;
    }
    list[count] = NULL;
    lab_outside_noted = true;
    lab_statics_add_locals(__builtin_frame_address(0), argv);
    lab_registry_set(list, NULL);
    return zcrace_main(argc, argv);
}
