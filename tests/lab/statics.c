/* SPDX-License-Identifier: MIT */
/*
 * statics.c - state that no execution allocates: static variables, stacks,
 * thread-local variables, and what is out of the lab's sight.  No scenario has
 * a begin().  tests/lab/check-statics has the expected answers.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <zcache/lab.h>

#include "hidden.h"

#define ACTOR(name) static void name(__attribute__((unused)) void *context)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take(const char *rule)
{
    if (zc_lab_holds(rule))
        (void)pthread_mutex_lock(&lock);
}

static void give(const char *rule)
{
    if (zc_lab_holds(rule))
        (void)pthread_mutex_unlock(&lock);
}

/* --- a counter ------------------------------------------------------- */

static int counter;        /* [lock], .bss */
static int limit = 2;      /* [lock], .data */
static atomic_int tickets; /* taken */
static int times_taken[2]; /* [lock] */

ACTOR(count)
{
    int seen;

    take("COUNTS_UNDER_LOCK");
    seen = counter;
    counter = seen + 1;
    limit--;
    give("COUNTS_UNDER_LOCK");
}

ACTOR(check_count)
{
    assert(counter == 2 && limit == 0);
}

/* Each execution begins with the first ticket. */
ACTOR(take_ticket)
{
    int ticket = atomic_fetch_add(&tickets, 1);

    assert(ticket == 0 || ticket == 1);
    (void)pthread_mutex_lock(&lock);
    times_taken[ticket]++;
    (void)pthread_mutex_unlock(&lock);
}

ACTOR(check_tickets)
{
    assert(times_taken[0] == 1 && times_taken[1] == 1);
}

/* --- two variables in order ------------------------------------------ */

static int first;
static int second;

ACTOR(set_both)
{
    take("SETS_UNDER_LOCK");
    first = 1;
    second = -1;
    give("SETS_UNDER_LOCK");
}

ACTOR(check_both)
{
    int sum;

    take("SETS_UNDER_LOCK");
    sum = first + second;
    give("SETS_UNDER_LOCK");
    assert(sum == 0);
}

/* --- a driver that is stopped while it is used ----------------------- */

static struct driver {
    int users; /* [lock] */
    int stopping;
    atomic_int stopped;
} driver = {.users = 1};

static void leave_driver(void)
{
    int left;

    (void)pthread_mutex_lock(&lock);
    left = --driver.users;
    (void)pthread_mutex_unlock(&lock);
    if (left == 0)
        atomic_store(&driver.stopped, 1);
}

ACTOR(use_driver)
{
    int refused;

    take("ENTERS_UNDER_LOCK");
    refused = driver.stopping;
    give("ENTERS_UNDER_LOCK");
    if (refused)
        return;
    (void)pthread_mutex_lock(&lock);
    refused = driver.stopping && zc_lab_holds("LOOKS_AGAIN");
    driver.users += !refused;
    (void)pthread_mutex_unlock(&lock);
    if (refused)
        return;
    assert(!atomic_load(&driver.stopped));
    leave_driver();
}

ACTOR(stop_driver)
{
    (void)pthread_mutex_lock(&lock);
    driver.stopping = 1;
    (void)pthread_mutex_unlock(&lock);
    leave_driver();
}

/* --- stacks ---------------------------------------------------------- */

static int *lent; /* [lock] */

ACTOR(lend)
{
    int own = 0;
    int seen;

    (void)pthread_mutex_lock(&lock);
    lent = &own;
    (void)pthread_mutex_unlock(&lock);
    zc_lab_point("lent");
    (void)pthread_mutex_lock(&lock);
    lent = NULL;
    (void)pthread_mutex_unlock(&lock);
    seen = own;
    assert(seen == 0 || seen == 7);
}

ACTOR(borrow)
{
    int *found;

    (void)pthread_mutex_lock(&lock);
    found = lent;
    if (zc_lab_holds("WRITES_UNDER_LOCK") && found != NULL)
        *found = 7;
    (void)pthread_mutex_unlock(&lock);
    if (!zc_lab_holds("WRITES_UNDER_LOCK") && found != NULL)
        *found = 7;
}

/* The context is a local of main(). */
static void add_to_context(void *context)
{
    int *sum = context;

    take("ADDS_UNDER_LOCK");
    ++*sum;
    give("ADDS_UNDER_LOCK");
}

static void check_context(void *context)
{
    assert(*(int *)context == 12);
}

/* --- thread-local variables ------------------------------------------ */

static _Thread_local int own_bss;
static _Thread_local int own_data = 5;
static pthread_t selves[2]; /* [lock] */
static int self_count;      /* [lock] */

ACTOR(use_own)
{
    assert(own_bss == 0 && own_data == 5 && errno == 0);
    own_bss = own_data = 6;
    errno = ERANGE;
    zc_lab_point("pause");
    assert(own_bss == 6 && own_data == 6 && errno == ERANGE);
    (void)pthread_mutex_lock(&lock);
    selves[self_count++] = pthread_self();
    (void)pthread_mutex_unlock(&lock);
}

ACTOR(check_own)
{
    assert(own_bss == 0 && own_data == 5);
    assert(!pthread_equal(selves[0], selves[1]));
}

/* --- out of sight ---------------------------------------------------- */

static atomic_int seen_outside;
static int *kept;

#define FAR 50000 /* from the beginning of what free() fills */

ACTOR(share_hidden)
{
    (void)pthread_mutex_lock(&lock);
    hidden_shared = 1;
    (void)pthread_mutex_unlock(&lock);
}

ACTOR(ask_hidden)
{
    atomic_store(&seen_outside, hidden_count() > 2);
}

ACTOR(keep_one)
{
    kept = calloc(FAR + 1, sizeof(*kept));
    assert(kept != NULL);
}

ACTOR(write_hidden)
{
    (void)pthread_mutex_lock(&lock);
    hidden_add(&kept[FAR]);
    atomic_store(&seen_outside, kept[FAR] > 2);
    (void)pthread_mutex_unlock(&lock);
}

ACTOR(free_kept)
{
    free(kept);
}

/* --- the list -------------------------------------------------------- */

#define RULES(...)                                                             \
    (const char *const[])                                                      \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }

#define SCENARIO(name_, one, two, ...)                                         \
    {                                                                          \
        .struct_size = sizeof(struct zc_lab_scenario), .name = (name_),        \
        .actors = (const struct zc_lab_actor[]){{#one, one}, {#two, two}},     \
        .actor_count = 2, __VA_ARGS__                                          \
    }

static struct zc_lab_scenario all[] = {
    SCENARIO("counter", count, count, .finish = check_count,
             .rules = RULES("COUNTS_UNDER_LOCK")),
    SCENARIO("tickets", take_ticket, take_ticket, .finish = check_tickets),
    SCENARIO("reorder", set_both, check_both,
             .rules = RULES("SETS_UNDER_LOCK")),
    SCENARIO("driver", use_driver, stop_driver,
             .rules = RULES("ENTERS_UNDER_LOCK", "LOOKS_AGAIN")),
    SCENARIO("stack", lend, borrow, .rules = RULES("WRITES_UNDER_LOCK")),
    SCENARIO("main", add_to_context, add_to_context, .finish = check_context,
             .rules = RULES("ADDS_UNDER_LOCK")),
    SCENARIO("own", use_own, use_own, .finish = check_own),
    SCENARIO("shared", share_hidden, share_hidden, ),
    SCENARIO("hidden", ask_hidden, ask_hidden, ),
    SCENARIO("written", write_hidden, write_hidden, .setup = keep_one,
             .finish = free_kept),
};

#define COUNT (sizeof(all) / sizeof(all[0]))

int main(int argc, char **argv)
{
    const struct zc_lab_scenario *list[COUNT + 1] = {NULL};
    int sum = 10;

    for (size_t i = 0; i < COUNT; i++) {
        all[i].context = &sum;
        list[i] = &all[i];
    }
    return zc_lab_main(argc, argv, list);
}
