/* SPDX-License-Identifier: MIT */
/*
 * embed.c - what a user's sources may use, each once right and, with a rule
 * broken, once wrong; tests/lab/check-embed has the expected answers.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/lab.h>

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_int flag;
    int data;  /* by flag, or [lock] */
    int *more; /* [lock] */
};

static struct shared *shared;

static void setup(void *context)
{
    (void)context;
    shared = calloc(1, sizeof(*shared));
    assert(shared != NULL && shared->data == 0);
    (void)pthread_mutex_init(&shared->lock, NULL);
    (void)pthread_cond_init(&shared->changed, NULL);
    zc_lab_name(&shared->flag, "flag");
}

static void finish(void *context)
{
    (void)context;
    assert(shared->data == 42);
    (void)pthread_cond_destroy(&shared->changed);
    (void)pthread_mutex_destroy(&shared->lock);
    if (zc_lab_holds("FREES_ALL"))
        free(shared);
    if (!zc_lab_holds("ENDS_LAST"))
        shared->data = 0;
}

/* --- a message by an atomic ------------------------------------------ */

static void send(void *context)
{
    (void)context;
    shared->data = 42;
    atomic_store_explicit(&shared->flag, 1,
                          zc_lab_holds("RELEASES") ? memory_order_release
                                                   : memory_order_relaxed);
}

static void receive(void *context)
{
    (void)context;
    while (atomic_load_explicit(&shared->flag, memory_order_acquire) == 0)
        (void)sched_yield();
    assert(shared->data == 42);
}

/* --- and by a condition ---------------------------------------------- */

static void signal_it(void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&shared->lock);
    shared->data = 42;
    if (zc_lab_holds("SIGNALS"))
        (void)pthread_cond_signal(&shared->changed);
    (void)pthread_mutex_unlock(&shared->lock);
}

static void wait_for_it(void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&shared->lock);
    while (shared->data == 0)
        (void)pthread_cond_wait(&shared->changed, &shared->lock);
    (void)pthread_mutex_unlock(&shared->lock);
}

/* --- memory ---------------------------------------------------------- */

static void grow(void *context)
{
    int *more;

    (void)context;
    (void)pthread_mutex_lock(&shared->lock);
    more = realloc(shared->more, 2 * sizeof(*more));
    if (more == NULL) {
        shared->data = zc_lab_holds("SURVIVES") ? 42 : 41;
    } else {
        more[1] = 42;
        shared->more = more;
    }
    (void)pthread_mutex_unlock(&shared->lock);
}

static void use(void *context)
{
    const int *more;

    (void)context;
    if (pthread_mutex_trylock(&shared->lock) == EBUSY)
        return;
    more = shared->more;
    if (!zc_lab_holds("USES_UNDER_LOCK"))
        (void)pthread_mutex_unlock(&shared->lock);
    zc_lab_point("pause");
    assert(more[0] == 1);
    if (zc_lab_holds("USES_UNDER_LOCK"))
        (void)pthread_mutex_unlock(&shared->lock);
}

static void setup_memory(void *context)
{
    setup(context);
    shared->more = malloc(sizeof(int));
    assert(shared->more != NULL);
    shared->more[0] = 1;
}

static void finish_memory(void *context)
{
    if (shared->data == 0)
        shared->data = shared->more[1];
    free(shared->more);
    finish(context);
}

/* --- the list -------------------------------------------------------- */

static const struct zc_lab_actor by_atomic[] = {{"send", send},
                                                {"receive", receive}};
static const struct zc_lab_actor by_condition[] = {{"signal", signal_it},
                                                   {"wait", wait_for_it}};
static const struct zc_lab_actor by_memory[] = {{"grow", grow}, {"use", use}};

static const char *const atomic_rules[] = {"RELEASES", "FREES_ALL", "ENDS_LAST",
                                           NULL};
static const char *const condition_rules[] = {"SIGNALS", NULL};
static const char *const memory_rules[] = {"USES_UNDER_LOCK", "SURVIVES", NULL};

static const struct zc_lab_scenario atomics = {
    .struct_size = sizeof(atomics),
    .name = "atomics",
    .setup = setup,
    .actors = by_atomic,
    .actor_count = 2,
    .finish = finish,
    .rules = atomic_rules,
};

static const struct zc_lab_scenario conditions = {
    .struct_size = sizeof(conditions),
    .name = "conditions",
    .setup = setup,
    .actors = by_condition,
    .actor_count = 2,
    .finish = finish,
    .rules = condition_rules,
};

static const struct zc_lab_scenario memory = {
    .struct_size = sizeof(memory),
    .name = "memory",
    .setup = setup_memory,
    .actors = by_memory,
    .actor_count = 2,
    .finish = finish_memory,
    .rules = memory_rules,
    .may_fail = ZC_LAB_MALLOC,
    .failures = 1,
};

int main(int argc, char **argv)
{
    static const struct zc_lab_scenario nameless = {
        .struct_size = sizeof(nameless), .name = "a:b"};
    static const struct zc_lab_scenario *const wrong[] = {&nameless, NULL};
    static const struct zc_lab_scenario *const scenarios[] = {
        &atomics, &conditions, &memory, NULL};

    if (argc == 2 && strcmp(argv[1], "wrong") == 0)
        return zc_lab_main(argc, argv, wrong);
    return zc_lab_main(argc, argv, scenarios);
}
