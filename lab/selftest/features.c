/* SPDX-License-Identifier: MIT */
/*
 * features.c - everything but counting interleavings: misuse of locks, waiting,
 * choices, later threads, oracles, crashes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/locals.h"
#include "selftest.h"

static const struct lab_site here = {NULL, "feature", "features.c", 1};

static int locks[3];
static int word;
static int other;
static int private[4];
static int sum;
static struct lab_result result;

static void setup(void *context)
{
    (void)context;
    word = other = sum = 0;
    memset(private, 0, sizeof(private));
}

struct feature {
    const char *name;
    void (*run[3])(void *);
    void (*setup)(void *);
    void (*finish)(void *);
    unsigned budget;
    unsigned luck, timeouts; /* budgets: of weak exchanges, of time limits */
    unsigned step_limit;
    bool coalesce;
    bool forked;   /* not disposable */
    bool isolated; /* disposable, in worker processes all the same */
    /* What a complete search finds. */
    uint64_t complete;
    uint64_t failures;
    enum lab_outcome outcome; /* of the first failure */
    const char *what;
};

/* --- locks ----------------------------------------------------------- */

static void lock_twice(void *context)
{
    (void)context;
    lab_lock(&locks[0], &here);
    lab_lock(&locks[0], &here);
}

static void unlock_free(void *context)
{
    (void)context;
    lab_unlock(&locks[0], &here);
}

static void lock_and_keep(void *context)
{
    (void)context;
    lab_lock(&locks[0], &here);
}

static void section(void *context)
{
    (void)context;
    lab_lock(&locks[0], &here);
    lab_unlock(&locks[0], &here);
}

static void setup_ranks(void *context)
{
    setup(context);
    lab_object(&locks[0], "outer", -1, 1);
    lab_object(&locks[1], "inner", -1, 2);
}

static void wrong_order(void *context)
{
    (void)context;
    lab_lock(&locks[1], &here);
    lab_lock(&locks[0], &here);
    lab_unlock(&locks[0], &here);
    lab_unlock(&locks[1], &here);
}

static void right_order(void *context)
{
    (void)context;
    lab_lock(&locks[0], &here);
    lab_lock(&locks[1], &here);
    lab_unlock(&locks[1], &here);
    lab_unlock(&locks[0], &here);
}

static void left_by_setup(void *context)
{
    setup(context);
    lab_lock(&locks[0], &here);
}

/* --- waiting --------------------------------------------------------- */

static bool word_is_set(const void *argument)
{
    (void)argument;
    return word != 0;
}

static void set_word(void *context)
{
    (void)context;
    lab_step(LAB_WRITE, &word, &here);
    word = 1;
}

static void spin_politely(void *context)
{
    (void)context;
    for (;;) {
        lab_step(LAB_READ, &word, &here);
        if (word != 0)
            return;
        lab_relax(&here);
    }
}

static void spin(void *context)
{
    (void)context;
    do
        lab_step(LAB_READ, &word, &here);
    while (word == 0);
}

static bool never(const void *argument)
{
    (void)argument;
    return false;
}

static void lock_and_set(void *context)
{
    (void)context;
    lab_lock(&locks[0], &here);
    lab_step(LAB_WRITE, &word, &here);
    word = 1;
    lab_await(LAB_WAIT, &other, never, NULL, &here);
}

static void destroy(void *context)
{
    (void)context;
    lab_await(LAB_WAIT, &word, word_is_set, NULL, &here);
    lab_object_end(&locks[0]);
}

static void unlock_theirs(void *context)
{
    (void)context;
    lab_await(LAB_WAIT, &word, word_is_set, NULL, &here);
    lab_unlock(&locks[0], &here);
}

static bool other_is_set(const void *argument)
{
    (void)argument;
    return other != 0;
}

static void wait_for_other(void *context)
{
    (void)context;
    lab_step(LAB_WRITE, &other, &here);
    other = 0;
    lab_await(LAB_WAIT, &other, other_is_set, NULL, &here);
}

static void wake_other(void *context)
{
    (void)context;
    lab_step(LAB_WAKE, &other, &here);
    other = 1;
}

static void wait_a_while(void *context)
{
    (void)context;
    if (!lab_await_timed(LAB_WAIT, &word, word_is_set, NULL, &here))
        lab_fail("timeout", "%s", "");
}

static void wait_and_shrug(void *context)
{
    (void)context;
    (void)lab_await_timed(LAB_WAIT, &word, word_is_set, NULL, &here);
}

static void set_other(void *context)
{
    (void)context;
    lab_step(LAB_WRITE, &other, &here);
    other = 1;
}

static void await_both(void *context)
{
    (void)context;
    for (;;) {
        lab_round_begin();
        lab_step(LAB_READ, &word, &here);
        if (word != 0) {
            lab_step(LAB_READ, &other, &here);
            if (other != 0)
                return;
        }
        if (!lab_round_in_vain())
            lab_fail("round", "%s", "");
    }
}

static void assume_set(void *context)
{
    (void)context;
    lab_step(LAB_READ, &word, &here);
    if (word == 0)
        lab_exclude();
}

static void poll_lock(void *context)
{
    (void)context;
    do
        lab_state(1);
    while (!lab_trylock(&locks[0], &here));
    lab_unlock(&locks[0], &here);
}

static void poll_locked(void *context)
{
    (void)context;
    for (int seen = 0; seen == 0;) {
        lab_state(1);
        lab_lock(&locks[0], &here);
        seen = sum;
        lab_state(2);
        lab_unlock(&locks[0], &here);
    }
}

/* --- choices --------------------------------------------------------- */

static void try_luck(void *context)
{
    (void)context;
    lab_step(LAB_READ, &word, &here);
    private[lab_thread()] = lab_happens(LAB_WEAK);
}

static void choose_two(void *context)
{
    int *mine = &private[lab_thread()];

    (void)context;
    lab_step(LAB_WRITE, mine, &here);
    *mine = (int)lab_choose(2, "alloc");
    lab_step(LAB_READ, mine, &here);
}

static void pick_three(void *context)
{
    (void)context;
    lab_step(LAB_POINT, NULL, &here);
    sum = (int)lab_pick(3, "waiter");
}

static void both_failed(void *context)
{
    (void)context;
    if (private[1] + private[2] > 1)
        lab_fail("both failed", "%s", "");
}

/* --- counts ---------------------------------------------------------- */

static void setup_three(void *context)
{
    setup(context);
    word = 3;
    lab_step(LAB_WRITE, &word, &here);
    lab_value(3);
}

static void put(void *context)
{
    (void)context;
    lab_step(LAB_PUT, &word, &here);
    word--;
    lab_value((uint64_t)word);
}

static void get_and_put(void *context)
{
    (void)context;
    lab_step(LAB_GET, &word, &here);
    word++;
    lab_value((uint64_t)word);
    put(context);
}

/* --- threads --------------------------------------------------------- */

static void parent(void *context)
{
    int child;

    (void)context;
    child = lab_spawn(set_word, NULL, "child");
    lab_join(child, &here);
    if (word != 1)
        lab_fail("joined too early", "%s", "");
}

/* --- oracles --------------------------------------------------------- */

static void check_even(void *argument)
{
    (void)argument;
    if (sum % 2 != 0)
        lab_fail("odd", "%d", sum);
}

static void setup_oracle(void *context)
{
    setup(context);
    lab_oracle("even", check_even, NULL, &locks[0]);
}

static void add_twice(void *context)
{
    (void)context;
    lab_lock(&locks[0], &here);
    sum++;
    lab_step(LAB_POINT, NULL, &here);
    sum++;
    lab_unlock(&locks[0], &here);
}

static void add_once(void *context)
{
    (void)context;
    lab_lock(&locks[0], &here);
    sum++;
    lab_unlock(&locks[0], &here);
}

/* --- crashes --------------------------------------------------------- */

static void crash_if_set(void *context)
{
    (void)context;
    lab_step(LAB_READ, &word, &here);
    if (word != 0)
        abort();
}

static void exit_if_set(void *context)
{
    (void)context;
    lab_step(LAB_READ, &word, &here);
    if (word != 0)
        exit(0);
}

static void leave_if_set(void *context)
{
    (void)context;
    lab_step(LAB_READ, &word, &here);
    if (word != 0)
        lab_thread_exit();
    lab_step(LAB_READ, &word, &here);
}

static void unset_after(void *context)
{
    (void)context;
    lab_step(LAB_WRITE, &word, &here);
    word = 1;
    lab_step(LAB_WRITE, &word, &here);
    word = 0;
}

static void two_steps(void *context)
{
    (void)context;
    lab_step(LAB_WRITE, &private[lab_thread()], &here);
    lab_step(LAB_WRITE, &word, &here);
}

/* clang-format off */
static const struct feature features[] = {
    {"lock taken twice", {lock_twice}, .complete = 1, .failures = 1,
     .outcome = LAB_FAILED, .what = "lock taken twice"},
    {"lock not held", {unlock_free}, .complete = 1, .failures = 1,
     .outcome = LAB_FAILED, .what = "lock not held"},
    {"lock of another thread", {lock_and_set, unlock_theirs}, .complete = 1,
     .failures = 1, .outcome = LAB_FAILED, .what = "lock of another thread"},
    {"ended with a lock", {lock_and_keep}, .complete = 1, .failures = 1,
     .outcome = LAB_FAILED, .what = "ended with a lock held"},
    {"setup left a lock", {section}, .setup = left_by_setup, .complete = 1,
     .failures = 1, .outcome = LAB_DEADLOCK, .what = "deadlock"},
    {"lock destroyed", {lock_and_set, destroy}, .complete = 1, .failures = 1,
     .outcome = LAB_FAILED, .what = "lock destroyed while held"},
    {"ranks", {right_order, right_order}, .setup = setup_ranks, .complete = 2},
    {"wrong rank", {wrong_order}, .setup = setup_ranks, .complete = 1,
     .failures = 1, .outcome = LAB_FAILED, .what = "lock order"},
    {"coalesced", {section, section, section}, .coalesce = true,
     .complete = 6},
    {"polite loop", {set_word, spin_politely}, .step_limit = 50,
     .complete = 2},
    {"two loops that relax", {set_word, spin_politely, spin_politely},
     .step_limit = 50, .complete = 4},
    {"loop without end", {spin}, .step_limit = 50, .complete = 1,
     .failures = 1, .outcome = LAB_LIVELOCK, .what = "livelock"},
    {"lost wake-up", {wait_for_other, wake_other}, .complete = 2,
     .failures = 1, .outcome = LAB_LOST_WAKEUP, .what = "lost wake-up"},
    {"time passes", {wait_and_shrug}, .complete = 1},
    {"time runs out", {wait_a_while}, .complete = 1, .failures = 1,
     .outcome = LAB_FAILED, .what = "timeout"},
    {"time may run out", {wait_a_while, set_word}, .budget = 1, .complete = 2,
     .failures = 1, .outcome = LAB_FAILED, .what = "timeout"},
    {"time does not run out", {wait_a_while, set_word}, .complete = 1},
    {"one failure", {choose_two, choose_two}, .budget = 1, .complete = 3,
     .finish = both_failed},
    {"two failures", {choose_two, choose_two}, .budget = 2, .complete = 4,
     .failures = 1, .finish = both_failed, .outcome = LAB_FAILED,
     .what = "both failed"},
    {"no failure", {choose_two, choose_two}, .complete = 1},
    {"a free choice", {pick_three}, .complete = 3},
    {"luck", {try_luck, try_luck}, .luck = 1, .complete = 3,
     .finish = both_failed},
    {"time runs out by luck", {wait_a_while, set_word}, .timeouts = 1,
     .complete = 2, .failures = 1, .outcome = LAB_FAILED, .what = "timeout"},
    {"rounds", {await_both, set_word, set_other}, .step_limit = 50,
     .complete = 1},
    {"rounds without end", {await_both, set_word}, .step_limit = 50,
     .complete = 1, .failures = 1, .outcome = LAB_LIVELOCK, .what = "livelock"},
    {"excluded", {assume_set, two_steps, set_word}, .complete = 3},
    {"a lock that is polled", {poll_lock, section}, .step_limit = 50,
     .complete = 2},
    {"never under a lock", {poll_locked, section}, .step_limit = 50,
     .complete = 1, .failures = 1, .outcome = LAB_LIVELOCK, .what = "livelock"},
    {"three puts", {put, put, put}, .setup = setup_three, .complete = 3},
    {"gets and puts", {get_and_put, get_and_put, get_and_put},
     .setup = setup_three, .complete = 1},
    {"a child", {parent}, .complete = 1},
    {"two parents", {parent, parent}, .complete = 4},
    {"an oracle that holds", {add_twice, add_twice}, .setup = setup_oracle,
     .complete = 2},
    {"an oracle that does not", {add_twice, add_once}, .setup = setup_oracle,
     .complete = 2, .failures = 2, .outcome = LAB_FAILED, .what = "odd"},
    {"a crash", {crash_if_set, unset_after}, .forked = true, .complete = 3,
     .failures = 1, .outcome = LAB_CRASHED, .what = "crash"},
    {"a crash, isolated", {crash_if_set, unset_after}, .isolated = true,
     .complete = 3, .failures = 1, .outcome = LAB_CRASHED, .what = "crash"},
    {"an exit", {exit_if_set, unset_after}, .isolated = true, .complete = 3,
     .failures = 1, .outcome = LAB_CRASHED, .what = "exit called"},
    {"a thread that leaves", {leave_if_set, unset_after}, .complete = 5},
    {"asleep to the end", {two_steps, two_steps, two_steps}, .forked = true,
     .complete = 6},
};
/* clang-format on */

static struct lab_program program_of(const struct feature *feature,
                                     struct lab_actor actors[3])
{
    struct lab_program program = {
        .name = feature->name,
        .setup = feature->setup == NULL ? setup : feature->setup,
        .finish = feature->finish,
        .actors = actors,
        .failure_budget = feature->budget,
        .luck = {[LAB_WEAK] = feature->luck, [LAB_TIMEOUT] = feature->timeouts},
        .step_limit = feature->step_limit,
        .coalesce = feature->coalesce,
        .disposable = !feature->forked,
        .isolated = feature->isolated,
    };

    for (unsigned i = 0; i < 3 && feature->run[i] != NULL; i++) {
        actors[i].title = feature->name;
        actors[i].run = feature->run[i];
        program.actor_count = i + 1;
    }
    return program;
}

static void try(struct selftest *test, const struct feature *feature,
                enum lab_mode mode, bool threads)
{
    struct lab_actor actors[3];
    struct lab_program program = program_of(feature, actors);
    struct lab_options options = {.mode = mode, .threads = threads};

    /* A search that never ends is cut off. */
    options.executions = 20000;
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test,
                        result.traces == feature->complete &&
                            result.failures == feature->failures,
                        "%s: %" PRIu64 " traces, %" PRIu64
                        " fail, expected %" PRIu64 " and %" PRIu64,
                        feature->name, result.complete, result.failures,
                        feature->complete, feature->failures);
    (void)selftest_fact(test, !result.unpredictable, "%s: unpredictable",
                        feature->name);
    if (feature->failures == 0 || result.failures == 0)
        return;
    (void)selftest_fact(test,
                        result.first_outcome == feature->outcome &&
                            strcmp(result.first_what, feature->what) == 0,
                        "%s: \"%s\", expected \"%s\"", feature->name,
                        result.first_what, feature->what);
}

/* --- random modes ---------------------------------------------------- */

static void lose_update(void *context)
{
    int seen;

    (void)context;
    lab_step(LAB_READ, &word, &here);
    seen = word;
    lab_step(LAB_WRITE, &word, &here);
    word = seen + 1;
}

static void check_two(void *context)
{
    (void)context;
    if (word != 2)
        lab_fail("lost update", "%d", word);
}

static int calls;

/* The result depends on earlier executions, not only on the schedule. */
static void depend_on_before(void *context)
{
    (void)context;
    lab_step(LAB_READ, &word, &here);
    lab_value((uint64_t)calls++);
}

static _Thread_local int own = 1;

/* A thread-local variable that another thread has changed is a failure. */
static void use_own(void *context)
{
    (void)context;
    if (own != 1)
        lab_fail("not its own", "%d", own);
    own = 1 + lab_thread();
    lab_step(LAB_POINT, NULL, &here);
    if (own != 1 + lab_thread())
        lab_fail("not its own", "%d", own);
}

static void try_own(struct selftest *test)
{
    static const struct feature feature = {
        "thread-local", {use_own, use_own}, .complete = 1};
    static const int initial = 1;
    static bool added;

    if (!added)
        (void)lab_locals_add(&own, sizeof(own), &initial);
    added = true;
    try(test, &feature, LAB_SLEEP, false);
    try(test, &feature, LAB_SLEEP, true);
}

/* Executions that depend on earlier ones, and processes of their own. */
static void try_reference(struct selftest *test)
{
    static const struct feature moody = {.name = "moody",
                                         .run = {depend_on_before}};
    struct lab_actor actors[3];
    struct lab_program program = program_of(&moody, actors);
    struct lab_options options = {
        .mode = LAB_WALK, .executions = 5, .check_replay = true};

    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test, result.unpredictable,
                        "a program that depends on the past is not noticed");
    options.check_replay = false;
    options.compare = true;
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test,
                        result.unpredictable && result.difference[0] != '\0',
                        "a new process shows no difference");
    program.fresh = true;
    calls = 0;
    options.compare = false;
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test, calls == 0 && result.executions == 5,
                        "executions are not in new processes");
}

static void try_random(struct selftest *test, enum lab_mode mode)
{
    static const struct feature lost = {
        "random", {lose_update, lose_update}, .finish = check_two};
    struct lab_actor actors[3];
    struct lab_program program = program_of(&lost, actors);
    struct lab_options options = {
        .mode = mode, .executions = 200, .seed = 1, .check_replay = true};
    uint64_t failures;

    (void)lab_explore(&program, &options, &result);
    failures = result.failures;
    (void)selftest_fact(test,
                        failures > 10 && failures < 200 &&
                            !result.unpredictable && result.executions == 200,
                        "mode %d: %" PRIu64 " of 200 fail", (int)mode,
                        failures);
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test, result.failures == failures,
                        "mode %d: a seed is not enough", (int)mode);
}

/* --- the failure that a bug is known for ------------------------------ */

/* Reads twice: what it finds first is no failure that is looked for. */
static void read_twice(void *context)
{
    int seen;

    (void)context;
    lab_step(LAB_READ, &word, &here);
    seen = word;
    if (seen == 0)
        lab_fail("zspage miscounted", "not looked for");
    lab_step(LAB_READ, &word, &here);
    if (seen == 0 && word == 1)
        lab_fail("stale page", "looked for");
}

static void write_one(void *context)
{
    (void)context;
    lab_step(LAB_WRITE, &word, &here);
    word = 1;
}

/* Of three traces one fails as it is known for, which takes a preemption, and
 * one otherwise, which takes none. */
static void try_known(struct selftest *test)
{
    static const struct feature twice = {.name = "known",
                                         .run = {read_twice, write_one}};
    static struct lab_trace trace;
    struct lab_actor actors[3];
    struct lab_program program = program_of(&twice, actors);
    struct lab_options options = {.mode = LAB_BOUND, .bound = 0};

    program.known = LAB_FAILURE_STALE_PAGE;
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test,
                        result.failures == 1 && result.known == 0 &&
                            strcmp(result.first_what, "zspage miscounted") == 0,
                        "known: what was passed over is no failure");
    options.bound = 1;
    (void)lab_explore(&program, &options, &result);
    (void)lab_record(&program, false, &result.best, &trace);
    (void)selftest_fact(test,
                        result.known == 1 && trace.what != NULL &&
                            strcmp(trace.what, "stale page") == 0 &&
                            trace.preemptions == 1,
                        "known: another failure was kept");
    program.known = LAB_FAILURE_NONE;
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test,
                        result.known == 0 &&
                            strcmp(result.first_what, "zspage miscounted") == 0,
                        "known: a failure was passed over for nothing");
}

void selftest_features(struct selftest *test)
{
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        try(test, &features[i], LAB_SLEEP, false);
        try(test, &features[i], LAB_SLEEP, true);
        try(test, &features[i], LAB_SOURCE, false);
    }
    try_known(test);
    for (int mode = LAB_WALK; mode <= LAB_PCT; mode++)
        try_random(test, (enum lab_mode)mode);
    try_own(test);
    try_reference(test);
}
