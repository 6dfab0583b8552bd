/* SPDX-License-Identifier: MIT */
/*
 * strangers.c - the lab over one scenario, whose fields are given in front of
 * the lab's own words:
 *
 *     effects_strangers FIELD=VALUE... COMMAND [OPTION]...
 *
 * Numbers are values of their field; of a function, 0 is NULL, and of a budget
 * for what happens for no reason, ZC_LAB_NEVER.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zcache/lab.h>
#include <zcache/swap.h>
#include <zcache/zcache.h>

struct shared {
    atomic_int word;
    bool ready; /* [lock] */
    void *kept;
};

static int contexts[2];
static struct shared *shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int begun;
static unsigned failed_mallocs; /* begin() sets it */

#define RUNS(name) static void name(__attribute__((unused)) void *context)

/* --- what runs ------------------------------------------------------- */

RUNS(setup)
{
    shared = calloc(1, sizeof(*shared));
    if (shared != NULL)
        zc_lab_name(&shared->word, "word");
}

RUNS(begin)
{
    begun = 1;
    failed_mallocs = 0;
}

RUNS(finish)
{
    if (shared != NULL)
        free(shared->kept);
    free(shared);
}

/* Fails for a context, or a part before it, that is not as it should be. */
static void check_before(void *context)
{
    zc_lab_point("look");
    if (context == &contexts[1])
        zc_lab_fail("context", "the second");
    if (shared == NULL)
        zc_lab_fail("setup", "did not run");
    if (begun == 0)
        zc_lab_fail("begin", "did not run");
    if (!zc_lab_holds("OWN_RULE"))
        zc_lab_fail("rule", "is broken");
}

RUNS(nothing)
{
    zc_lab_point("nothing");
}

/* Writes 1, then 2.  To see 1 and then 2, the reader must be preempted between
 * its loads, and the writer between its stores. */
RUNS(write_twice)
{
    atomic_store(&shared->word, 1);
    atomic_store(&shared->word, 2);
}

RUNS(read_twice)
{
    if (atomic_load(&shared->word) == 1 && atomic_load(&shared->word) == 2)
        zc_lab_fail("seen", "both");
}

RUNS(allocate_twice)
{
    for (int i = 0; i < 2; i++) {
        void *memory = malloc(16);

        failed_mallocs += memory == NULL;
        free(memory);
    }
    zc_lab_point("allocated");
    if (failed_mallocs == 2)
        zc_lab_fail("malloc", "failed twice");
}

RUNS(allocate)
{
    void *memory = malloc(16);

    if (memory == NULL)
        zc_lab_fail("malloc", "failed");
    free(memory);
}

RUNS(signal_it)
{
    (void)pthread_mutex_lock(&lock);
    shared->ready = true;
    (void)pthread_cond_signal(&changed);
    (void)pthread_mutex_unlock(&lock);
}

RUNS(wait_timed)
{
    const struct timespec until = {0, 0};

    (void)pthread_mutex_lock(&lock);
    while (!shared->ready) {
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0)
            zc_lab_fail("timeout", "happened");
    }
    (void)pthread_mutex_unlock(&lock);
}

RUNS(wait_once)
{
    (void)pthread_mutex_lock(&lock);
    if (!shared->ready)
        (void)pthread_cond_wait(&changed, &lock);
    if (!shared->ready)
        zc_lab_fail("spurious", "happened");
    (void)pthread_mutex_unlock(&lock);
}

RUNS(exchange_weakly)
{
    int expected = 0;

    if (!atomic_compare_exchange_weak(&shared->word, &expected, 1))
        zc_lab_fail("weak", "happened");
}

RUNS(malloc_again)
{
    void *memory = malloc(16);
    const uintptr_t before = (uintptr_t)memory;

    free(memory);
    memory = malloc(16);
    if ((uintptr_t)memory == before)
        zc_lab_fail("reuse", "happened");
    free(memory);
}

RUNS(take_pages)
{
    struct zc_zspool *pool = NULL;
    zc_handle handle;

    if (zc_zspool_create(NULL, &pool) != ZC_OK ||
        zc_zspool_put(pool, "a", 1, &handle) != ZC_OK)
        zc_lab_fail("pages", "were refused");
    zc_zspool_destroy(pool);
}

/* A page goes into a cache, out to its device, and comes back: how far it gets
 * is seen from outside. */
static void send_page(const char *what)
{
    static char page[4096];
    struct zc_cache *cache = NULL;
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    unsigned type = 0;

    for (size_t i = 0; i < sizeof(page); i++)
        page[i] = (char)(i % 64);
    if (zc_cache_create(ZC_CACHE_OPTIONS(.slot_count = 16, .context_count = 1,
                                         .lru_mode = ZC_LRU_ENTRY),
                        &cache) != ZC_OK ||
        zc_swap_on(cache, NULL, &type) != ZC_OK ||
        zc_cache_store(cache, zc_swp_make(type, 1), page) != ZC_OK)
        zc_lab_fail("page", "was not stored");
    (void)zc_cache_writeback(cache, NULL, NULL);
    if (zc_cache_load(cache, zc_swp_make(type, 1), page) != ZC_OK &&
        strcmp(what, "read") == 0)
        zc_lab_fail("read", "failed");
    (void)zc_cache_get_stats(cache, &stats);
    if (stats.write_errors != 0 && strcmp(what, "write") == 0)
        zc_lab_fail("write", "failed");
    if (stats.compress_fail != 0 && strcmp(what, "compress") == 0)
        zc_lab_fail("compressor", "failed");
    zc_cache_destroy(cache);
}

RUNS(compress_page)
{
    send_page("compress");
}

RUNS(read_page)
{
    send_page("read");
}

RUNS(write_page)
{
    send_page("write");
}

static const struct {
    const char *name;
    struct zc_lab_actor actors[2];
} kinds[] = {
    {"quiet", {{"quiet(A)", check_before}, {"quiet(B)", nothing}}},
    {"other", {{"other(A)", nothing}, {"other(B)", check_before}}},
    {"twice", {{"write", write_twice}, {"read", read_twice}}},
    {"malloc", {{"malloc", allocate}, {"nothing", nothing}}},
    {"mallocs", {{"malloc", allocate_twice}, {"nothing", nothing}}},
    {"compress", {{"compress", compress_page}, {"nothing", nothing}}},
    {"read", {{"read", read_page}, {"nothing", nothing}}},
    {"write", {{"write", write_page}, {"nothing", nothing}}},
    {"pages", {{"pages", take_pages}, {"nothing", nothing}}},
    {"wait", {{"wait", wait_once}, {"signal", signal_it}}},
    {"timed", {{"wait", wait_timed}, {"signal", signal_it}}},
    {"weak", {{"weak", exchange_weakly}, {"nothing", nothing}}},
    {"again", {{"again", malloc_again}, {"nothing", nothing}}},
};

/* --- the scenario ---------------------------------------------------- */

static const char *const no_rules[] = {NULL};
static const char *const own_rules[] = {"OWN_RULE", NULL};

static struct zc_lab_actor actors[2];
static struct zc_lab_scenario scenario = {
    .struct_size = sizeof(scenario),
    .name = "one",
    .summary = "the first summary",
    .context = &contexts[0],
    .setup = setup,
    .begin = begin,
    .actors = actors,
    .actor_count = 2,
    .finish = finish,
    .rules = no_rules,
};

static void set_actors(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            memcpy(actors, kinds[i].actors, sizeof(actors));
    }
}

static void set_field(const char *field, const char *value)
{
    const unsigned number = (unsigned)strtoul(value, NULL, 10);
    const unsigned often = number == 0 ? ZC_LAB_NEVER : number;

    if (strcmp(field, "name") == 0)
        scenario.name = value;
    else if (strcmp(field, "summary") == 0)
        scenario.summary = value;
    else if (strcmp(field, "story") == 0)
        scenario.story = value;
    else if (strcmp(field, "context") == 0)
        scenario.context = &contexts[number];
    else if (strcmp(field, "setup") == 0)
        scenario.setup = number == 0 ? NULL : setup;
    else if (strcmp(field, "begin") == 0)
        scenario.begin = number == 0 ? NULL : begin;
    else if (strcmp(field, "finish") == 0)
        scenario.finish = number == 0 ? NULL : finish;
    else if (strcmp(field, "actors") == 0)
        set_actors(value);
    else if (strcmp(field, "title") == 0)
        actors[0].title = value;
    else if (strcmp(field, "run") == 0)
        actors[0].run = number == 0 ? nothing : check_before;
    else if (strcmp(field, "actor_count") == 0)
        scenario.actor_count = number;
    else if (strcmp(field, "rules") == 0)
        scenario.rules = number == 0 ? no_rules : own_rules;
    else if (strcmp(field, "bound") == 0)
        scenario.bound = number;
    else if (strcmp(field, "may_fail") == 0)
        scenario.may_fail = number;
    else if (strcmp(field, "failures") == 0)
        scenario.failures = number;
    else if (strcmp(field, "spurious") == 0)
        scenario.spurious = often;
    else if (strcmp(field, "timeouts") == 0)
        scenario.timeouts = often;
    else if (strcmp(field, "weak") == 0)
        scenario.weak = often;
    else if (strcmp(field, "reuse") == 0)
        scenario.reuse = often;
    else
        exit(3);
}

int main(int argc, char **argv)
{
    static const struct zc_lab_scenario *const scenarios[] = {&scenario, NULL};
    int first = 1;

    set_actors("quiet");
    for (; first < argc; first++) {
        char *equals = strchr(argv[first], '=');

        if (equals == NULL || argv[first][0] == '-')
            break;
        *equals = '\0';
        set_field(argv[first], equals + 1);
    }
    argv[first - 1] = argv[0];
    return zc_lab_main(argc - first + 1, argv + first - 1, scenarios);
}
