/* SPDX-License-Identifier: MIT */
/* zcrace_run.c - what the commands of zcrace do. */
#include "zcrace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/page.h"
#include "report/verdict.h"
#include "selftest/selftest.h"

/* Default limits of the search for the shortest failure, and of the count. */
#define BOUND_MOST 3
#define BOUND_EXECUTIONS 10000
#define COUNT_EXECUTIONS 20000

#define TURN_MILLISECONDS 2000
#define PAGE_MILLISECONDS 600000 /* so that executions limit it, not time */
#define TEXT_COLUMNS 79

static struct lab_result found;
static struct lab_result whole;
static struct lab_trace trace;
static struct lab_schedule schedule;

/* --- scenarios and rules --------------------------------------------- */

static const char *scenario_name(const void *list, unsigned index)
{
    const struct lab_scenario *scenario = lab_scenario_at(index);

    (void)list;
    return scenario == NULL ? NULL : scenario->program.name;
}

static const char *rule_name(const void *list, unsigned index)
{
    return ((const struct lab_scenario *)list)->rules[index];
}

/* False: said on stderr which of the rules cannot be broken. */
static bool break_rules(const struct lab_scenario *scenario, const char *rules)
{
    const char *rest = rules;
    char rule[LAB_RULE_CHARS];
    unsigned count = 0;

    for (; lab_rule_next(&rest, rule); count++) {
        if (lab_rule_index(rules, rule) != (int)count) {
            zcrace_say("the rule \"%s\" is given twice", rule);
            return false;
        }
        if (rule[0] == '\0' || !scenario->break_rule(rule)) {
            zcrace_say("%s does not know the rule \"%s\"",
                       scenario->program.name, rule);
            zcrace_say_near(rule, rule_name, scenario);
            return false;
        }
    }
    if (rules != NULL && (count == 0 || count > LAB_RULES_BROKEN ||
                          rules[strlen(rules) - 1] == ',')) {
        zcrace_say("--break takes 1 to %d rules, as \"A,B\", not \"%s\"",
                   LAB_RULES_BROKEN, rules);
        return false;
    }
    return scenario->break_rule(rules);
}

const struct lab_scenario *zcrace_prepare(const char *name, const char *broken,
                                          struct lab_program *program)
{
    const struct lab_scenario *scenario = lab_scenario_find(name);

    if (scenario == NULL) {
        zcrace_say("there is no scenario \"%s\"; %s list has all", name,
                   zcrace_name());
        zcrace_say_near(name, scenario_name, NULL);
        return NULL;
    }
    *program = scenario->program;
    program->broken = broken;
    program->known = lab_scenario_known(scenario, broken);
    program->isolated = true;
    return break_rules(scenario, broken) ? scenario : NULL;
}

void zcrace_give_luck(struct lab_program *program, const unsigned *luck,
                      unsigned given)
{
    program->luck_given = given;
    for (unsigned i = 0; i < LAB_LUCKS; i++) {
        if ((given >> i & 1) != 0)
            program->luck[i] = luck[i];
    }
}

int zcrace_list(const struct zcrace *request)
{
    const struct lab_scenario *scenario;

    (void)request;
    for (unsigned i = 0; (scenario = lab_scenario_at(i)) != NULL; i++) {
        (void)printf("%-28s %s\n", scenario->program.name, scenario->summary);
        for (unsigned j = 0; scenario->rules[j] != NULL; j++)
            (void)printf("    --break %s\n", scenario->rules[j]);
    }
    return ZCRACE_SILENT;
}

/* --- progress -------------------------------------------------------- */

static void show_progress(void *argument, uint64_t executions,
                          uint64_t failures, double seconds)
{
    const char *name = argument;

    (void)fprintf(stderr,
                  "\r%s: %" PRIu64 " schedules, %" PRIu64 " fail, %.0f/s   ",
                  name, executions, failures,
                  seconds > 0 ? (double)executions / seconds : 0.0);
    (void)fflush(stderr);
}

static void watch(struct lab_options *options, const char *name)
{
    options->progress = NULL;
    if (isatty(STDERR_FILENO) == 0)
        return;
    options->progress = show_progress;
    options->progress_argument = (void *)(uintptr_t)name;
}

static void erase(const struct lab_options *options)
{
    if (options->progress != NULL)
        (void)fprintf(stderr, "\r%70s\r", "");
}

/* --- commands -------------------------------------------------------- */

/* Columns of the terminal, as far as a diagram uses them. */
static unsigned text_width(void)
{
    const char *columns = getenv("COLUMNS");
    const long number = columns == NULL ? 0 : strtol(columns, NULL, 10);

    if (number <= 0 || number > LAB_WIDTH_MOST)
        return LAB_WIDTH_MOST;
    return number < LAB_WIDTH_LEAST ? LAB_WIDTH_LEAST : (unsigned)number;
}

static void fill_story(const struct zcrace *request, struct lab_story *story)
{
    static char text[LAB_REPLAY_CHARS];

    story->trace = &trace;
    story->steps = request->steps;
    story->width = text_width();
    if (lab_replay_format(&trace, &schedule, text))
        story->replay = text;
}

static void print(const struct zcrace *request, struct lab_story *story)
{
    fill_story(request, story);
    request->print(stdout, story);
}

/* The page, if one is asked for; returns the status, or USAGE without it. */
static int write_page(const struct zcrace *request,
                      const struct lab_scenario *scenario,
                      struct lab_story *story, int status)
{
    const struct lab_page page = {
        .scenario = scenario, .story = story, .rules = zcrace_rules()};

    if (request->html == NULL)
        return status;
    fill_story(request, story);
    if (!zcrace_wrote(request->html, lab_page_write(&page, request->html)))
        return ZCRACE_USAGE;
    return status;
}

/* A text in lines of at most so many columns. */
static void print_wrapped(const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        const size_t word = strcspn(text, " ");

        if (column != 0 && column + 1 + word > TEXT_COLUMNS) {
            (void)putchar('\n');
            column = 0;
        }
        column +=
            (size_t)printf("%s%.*s", column == 0 ? "" : " ", (int)word, text);
        text += word;
        text += strspn(text, " ");
    }
    (void)putchar('\n');
}

int zcrace_show(const struct zcrace *request)
{
    const struct lab_scenario *scenario;
    struct lab_program program;
    struct lab_story story = {.trace = &trace};

    scenario = zcrace_prepare(request->name, request->broken, &program);
    if (scenario == NULL)
        return ZCRACE_USAGE;
    zcrace_give_luck(&program, request->luck, request->luck_given);
    schedule.count = 0;
    program.isolated = !request->threads;
    (void)lab_record(&program, request->threads, &schedule, &trace);
    (void)printf("%s: %s\n", program.name, scenario->summary);
    if (scenario->story != NULL && scenario->story[0] != '\0')
        print_wrapped(scenario->story);
    (void)putchar('\n');
    story.steps = request->steps;
    story.width = text_width();
    request->print(stdout, &story);
    return trace.outcome == LAB_COMPLETE_RUN ? ZCRACE_SILENT : ZCRACE_FOUND;
}

static struct lab_options options_for(const struct zcrace *request,
                                      const struct lab_scenario *scenario)
{
    struct lab_options options = request->options;

    if (options.mode == LAB_SLEEP && scenario->bound != LAB_NO_BOUND &&
        !request->unbounded) {
        options.mode = LAB_BOUND;
        options.bound = scenario->bound;
    }
    options.count_traces = options.mode >= LAB_WALK;
    options.compare = true;
    watch(&options, scenario->program.name);
    return options;
}

/* --- the time for the command ---------------------------------------- */

static uint64_t end; /* by lab_clock(); 0: no limit */

static void begin_time(const struct zcrace *request)
{
    uint64_t limit = request->options.milliseconds;

    end = limit == 0 ? 0 : lab_clock() + limit * UINT64_C(1000000);
}

static bool has_time(void)
{
    return end == 0 || lab_clock() < end;
}

/* Milliseconds that are left, one at least, or `most`; 0: no limit. */
static uint64_t time_left(uint64_t most)
{
    uint64_t now = lab_clock();
    uint64_t left = now >= end ? 1 : (end - now) / 1000000 + 1;

    if (end == 0)
        return most;
    return most != 0 && most < left ? most : left;
}

/* --- searches -------------------------------------------------------- */

static unsigned missed; /* broken rules that code asked for, in any search */

static bool explore(const struct lab_program *program,
                    const struct lab_options *options,
                    struct lab_result *result)
{
    struct lab_options own = *options;
    bool fine;

    own.milliseconds = time_left(0);
    if (options->mode == LAB_SLEEP)
        fine = lab_explore_all(program, &own, result);
    else
        fine = lab_explore(program, &own, result);
    if (program->broken != NULL)
        missed |= result->missed;
    erase(options);
    return fine;
}

/* Says which broken rules no code asked for; true: there is one. */
static bool say_unasked(const struct lab_program *program, bool finished)
{
    const char *rest = program->broken;
    char rule[LAB_RULE_CHARS];
    bool said = false;

    for (unsigned i = 0; lab_rule_next(&rest, rule); i++) {
        if ((missed >> i & 1) != 0)
            continue;
        zcrace_say("%s %s asks for %s%s", program->name,
                   finished ? "never" : "has not yet", rule,
                   finished ? ": breaking it changes nothing" : "");
        said = true;
    }
    return said;
}

static void print_silence(const struct zcrace *request,
                          const struct lab_program *program)
{
    if (request->print == lab_print_json) {
        lab_print_silence_json(stdout, program, &found);
        return;
    }
    (void)printf("%s%s%s: %" PRIu64 " schedule%s, %" PRIu64
                 " trace%s, none fails (",
                 program->name, request->broken == NULL ? "" : ", broken: ",
                 request->broken == NULL ? "" : request->broken,
                 found.executions, found.executions == 1 ? "" : "s",
                 found.traces, found.traces == 1 ? "" : "s");
    lab_print_extent(stdout, &found);
    if (!found.finished)
        (void)printf(": %s", has_time() ? "schedules by chance" : "time is up");
    (void)printf(")\n");
    if (!found.finished && found.estimate > 0)
        (void)printf("explored %" PRIu64 " of about %.2g schedules\n",
                     found.executions, found.estimate);
    lab_print_met(stdout, &found.met, text_width());
    if (found.pct_bound > 0)
        (void)printf("a failure of depth %u is hit with a probability of "
                     "%.3g a schedule, or more\n",
                     request->options.pct_depth, found.pct_bound);
}

static int end_silent(const struct zcrace *request,
                      const struct lab_scenario *scenario,
                      const struct lab_program *program)
{
    struct lab_story story = {.trace = &trace};
    bool unasked = say_unasked(program, found.finished);

    if (unasked && found.finished)
        return ZCRACE_USAGE;
    print_silence(request, program);
    *(program->broken == NULL ? &story.whole : &story.broken) = &found;
    schedule.count = 0;
    if (request->html != NULL)
        (void)lab_record(program, request->threads, &schedule, &trace);
    return write_page(request, scenario, &story,
                      lab_is_complete(&found) ? ZCRACE_SILENT : ZCRACE_IN_PART);
}

/* Runs one bound after another: the first that fails as the bug is known for
 * has the fewest preemptions; if none does, the first that fails.  False: no
 * affordable bound fails. */
static bool find_shortest(const struct lab_program *program,
                          const struct lab_options *options)
{
    static struct lab_result spare;
    struct lab_options bounded = *options;
    bool goes_on = true;

    spare.failures = 0;
    bounded.mode = LAB_BOUND;
    bounded.executions = BOUND_EXECUTIONS;
    for (bounded.bound = 0; goes_on && bounded.bound <= BOUND_MOST;
         bounded.bound++) {
        goes_on = explore(program, &bounded, &found);
        if (goes_on && found.failures != 0 &&
            (program->known == LAB_FAILURE_NONE || found.known != 0))
            return true;
        if (goes_on && found.failures != 0 && spare.failures == 0)
            spare = found;
        goes_on = goes_on && found.finished && has_time();
    }
    if (spare.failures != 0)
        found = spare;
    return spare.failures != 0;
}

/* Counts the traces that fail, and checks that none fails under every rule. */
static void count(const struct zcrace *request,
                  const struct lab_scenario *scenario,
                  struct lab_program *program,
                  const struct lab_options *options, struct lab_story *story)
{
    struct lab_options counted = *options;

    story->broken = &found;
    if (counted.mode == LAB_SLEEP && has_time()) {
        counted.executions = COUNT_EXECUTIONS;
        (void)explore(program, &counted, &found);
    }
    if (request->broken == NULL)
        return;
    (void)say_unasked(program, found.finished);
    if (!has_time() || !scenario->break_rule(NULL))
        return;
    program->broken = NULL;
    program->known = LAB_FAILURE_NONE;
    if (explore(program, options, &whole))
        story->whole = &whole;
}

/* Prints the failure as soon as it is known; in text the counts go below. */
static int tell(const struct zcrace *request,
                const struct lab_scenario *scenario,
                struct lab_program *program, const struct lab_options *options,
                struct lab_story *story)
{
    const bool is_text = request->print != lab_print_json;

    if (is_text) {
        print(request, story);
        (void)fflush(stdout);
    }
    count(request, scenario, program, options, story);
    if (is_text)
        lab_print_counts(stdout, story);
    else
        print(request, story);
    return write_page(request, scenario, story, ZCRACE_FOUND);
}

/* Executions depend on earlier ones, so that what was counted means nothing. */
static int tell_difference(const struct lab_program *program)
{
    (void)printf("%s: %" PRIu64 " schedules, and they depend on each other "
                 "(not complete)\n"
                 "problem: not repeatable: %s\n"
                 "With --reference no execution meets what another one left.\n",
                 program->name, found.executions, found.difference);
    return ZCRACE_FOUND;
}

int zcrace_run(const struct zcrace *request)
{
    struct lab_story story = {.broken = NULL};
    const struct lab_scenario *scenario;
    struct lab_program program;
    struct lab_options options;
    bool shortest = false;

    scenario = zcrace_prepare(request->name, request->broken, &program);
    if (scenario == NULL)
        return ZCRACE_USAGE;
    if (request->html != NULL &&
        !zcrace_wrote(request->html, lab_file_check(request->html)))
        return ZCRACE_USAGE;
    begin_time(request);
    zcrace_give_luck(&program, request->luck, request->luck_given);
    program.fresh = request->reference;
    options = options_for(request, scenario);
    if (request->broken != NULL && request->options.mode == LAB_SLEEP)
        shortest = find_shortest(&program, &options);
    if (shortest) {
        story.cut_short = !found.finished;
        schedule = found.best;
        lab_find_turn(&program, &schedule, LAB_TURN_EXECUTIONS,
                      time_left(request->html == NULL ? TURN_MILLISECONDS
                                                      : PAGE_MILLISECONDS),
                      &trace);
        return tell(request, scenario, &program, &options, &story);
    }
    if (has_time() && !explore(&program, &options, &found))
        return ZCRACE_USAGE;
    if (found.difference[0] != '\0')
        return tell_difference(&program);
    if (found.unpredictable)
        zcrace_say("%s does not do the same twice", program.name);
    if (found.failures == 0)
        return end_silent(request, scenario, &program);
    story.cut_short =
        !lab_minimise(&program, &found.best,
                      time_left(request->html == NULL ? 0 : PAGE_MILLISECONDS),
                      &schedule, &trace);
    return tell(request, scenario, &program, &options, &story);
}

int zcrace_replay(const struct zcrace *request)
{
    static struct lab_replay replay;
    struct lab_program program;
    struct lab_story story = {.trace = &trace};
    const char *wrong = lab_replay_parse(request->name, &replay);

    if (wrong != NULL) {
        zcrace_say("not a replay string: %s", wrong);
        return ZCRACE_USAGE;
    }
    if (zcrace_prepare(replay.name,
                       replay.broken[0] == '\0' ? NULL : replay.broken,
                       &program) == NULL)
        return ZCRACE_USAGE;
    program.isolated = !request->threads;
    zcrace_give_luck(&program, replay.luck, replay.luck_given);
    if (!lab_record(&program, request->threads, &replay.schedule, &trace)) {
        zcrace_say("diverged at %s", lab_trace_text(&trace, trace.message));
        return ZCRACE_USAGE;
    }
    schedule = replay.schedule;
    print(request, &story);
    if (trace.hash != replay.hash) {
        zcrace_say("the same decisions, but other steps: hash %08x, the string "
                   "has %08x",
                   trace.hash, replay.hash);
        return ZCRACE_USAGE;
    }
    return trace.outcome == LAB_COMPLETE_RUN ? ZCRACE_SILENT : ZCRACE_FOUND;
}

int zcrace_selftest(const struct zcrace *request)
{
    struct selftest test = {.out = stdout, .verbose = true};

    if (request->speed)
        return zcrace_speed();
    (void)selftest_all(&test);
    (void)printf("%u facts hold, %u do not\n", test.held, test.wrong);
    return test.wrong == 0 ? ZCRACE_SILENT : ZCRACE_FOUND;
}
