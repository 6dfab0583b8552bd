/* SPDX-License-Identifier: MIT */
/*
 * locks.c - how long a call holds which locks, and which of these the threads
 * share: the part of a call that more processors do not make faster.
 *
 * The program takes the place of pthread_mutex_lock() and its companions and
 * reads the clock after a lock is taken and before it is given back.  Two
 * threads work in turns, each on a processor and on slots of its own, so that
 * no lock is waited for; a lock that both took is a shared one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT, processors of a thread */
#endif

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "options.h"
#include "resident.h"

#define THREADS 2
#define SHARD_SLOTS (1u << 14) /* a shard of the tree has so many slots */
#define TAKEN_PART 8      /* of the slots: so few that no segment empties */
#define HELD_MAX 8        /* locks that one thread holds at a time */
#define LOCKS_MAX 4096    /* a power of two */
#define INTERRUPTED 50000 /* ns: a longer hold was off its processor */

/* How the library lays out its locks (src/platform/posix): for the name. */
struct named_lock {
    pthread_mutex_t native;
    int rank;
    const char *name;
};

struct lock_record {
    const void *lock; /* NULL: free */
    const char *name;
    unsigned takers; /* a bit for each thread */
    uint64_t times;
    uint64_t held; /* ticks */
};

struct held_lock {
    const void *lock;
    uint64_t since; /* ticks */
};

static _Thread_local struct {
    struct held_lock held[HELD_MAX];
    unsigned count;
} mine;

static struct lock_record records[LOCKS_MAX];
static volatile bool records_on; /* written while the threads stand still */
static volatile unsigned worker;
static double ticks_per_ns;
static uint64_t clock_ticks; /* what the two readings cost */

static int (*real_lock)(pthread_mutex_t *mutex);
static int (*real_trylock)(pthread_mutex_t *mutex);
static int (*real_unlock)(pthread_mutex_t *mutex);

static uint64_t ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    return now_ns();
#endif
}

static void find_real(void)
{
    *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    *(void **)&real_trylock = dlsym(RTLD_NEXT, "pthread_mutex_trylock");
    *(void **)&real_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
}

static struct lock_record *record_of(const void *lock)
{
    size_t i = ((uintptr_t)lock >> 3) * 2654435761u % LOCKS_MAX;

    while (records[i].lock != NULL && records[i].lock != lock)
        i = (i + 1) % LOCKS_MAX;
    if (records[i].lock == NULL) {
        records[i].lock = lock;
        records[i].name = ((const struct named_lock *)lock)->name;
    }
    return &records[i];
}

static void note_taken(const void *lock)
{
    struct held_lock *held = &mine.held[mine.count++];

    held->lock = lock;
    held->since = ticks();
}

static void note_given_back(const void *lock, uint64_t now)
{
    struct lock_record *record = record_of(lock);
    uint64_t held = 0;
    unsigned i;

    for (i = 0; i < mine.count && mine.held[i].lock != lock; i++)
        continue;
    if (i == mine.count)
        return;
    held = now - mine.held[i].since;
    mine.held[i] = mine.held[--mine.count];
    if ((double)held > INTERRUPTED * ticks_per_ns)
        return;
    record->takers |= 1u << worker;
    record->times++;
    record->held += held > clock_ticks ? held - clock_ticks : 0;
}

static int take_lock(int (**real)(pthread_mutex_t *), pthread_mutex_t *mutex)
{
    int error;

    if (*real == NULL)
        find_real();
    error = (*real)(mutex);
    if (records_on && error == 0)
        note_taken(mutex);
    return error;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    return take_lock(&real_lock, mutex);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    return take_lock(&real_trylock, mutex);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    const uint64_t now = ticks();
    int error;

    if (real_lock == NULL)
        find_real();
    error = real_unlock(mutex);
    if (records_on && error == 0)
        note_given_back(mutex, now);
    return error;
}

/* ---- the work ---- */

struct trial;
typedef void slot_call(struct trial *trial, uint32_t slot);

struct trial {
    struct resident resident;
    uint32_t *orders[THREADS]; /* of the slots of each thread */
    uint32_t turn;             /* how many of them a thread works on */
    uint64_t random;
    slot_call *call;
    uint64_t spent_ns; /* by the threads in their turns, on a processor */
};

static const void *any_page(struct trial *trial)
{
    const struct resident *resident = &trial->resident;

    return corpus_page(
        resident->corpus,
        resident->pages[random_below(&trial->random, resident->page_count)]);
}

static void store(struct trial *trial, uint32_t slot)
{
    must(zc_cache_store(trial->resident.cache, zc_swp_make(0, slot),
                        any_page(trial)),
         "zc_cache_store");
}

static void load(struct trial *trial, uint32_t slot)
{
    unsigned char page[PAGE_BYTES];

    must(zc_cache_load(trial->resident.cache, zc_swp_make(0, slot), page),
         "zc_cache_load");
}

static void take(struct trial *trial, uint32_t slot)
{
    unsigned char page[PAGE_BYTES];

    must(zc_cache_take(trial->resident.cache, zc_swp_make(0, slot), page),
         "zc_cache_take");
}

/* One thread's turn, on a processor of its own where there is one. */
static void *take_turn(void *argument)
{
    struct trial *trial = argument;
    cpu_set_t processors;
    uint64_t start;
    uint32_t i;

    CPU_ZERO(&processors);
    CPU_SET(worker % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &processors);
    (void)sched_setaffinity(0, sizeof(processors), &processors);
    start = thread_ns();
    for (i = 0; i < trial->turn; i++)
        trial->call(trial, trial->orders[worker][i]);
    trial->spent_ns += thread_ns() - start;
    return NULL;
}

/* Both threads, one after the other; returns the time of a call, ns. */
static double take_turns(struct trial *trial, slot_call *call)
{
    unsigned i;

    trial->call = call;
    trial->spent_ns = 0;
    for (i = 0; i < THREADS; i++) {
        pthread_t thread;

        worker = i;
        if (pthread_create(&thread, NULL, take_turn, trial) != 0)
            die("no thread");
        (void)pthread_join(thread, NULL);
    }
    return (double)trial->spent_ns / ((double)THREADS * trial->turn);
}

/* ---- the report ---- */

struct share {
    double calls;
    double call_ns;
};

/* The locks of one name, either those that both threads took or the others;
 * returns their share of a call. */
static double report_name(struct json *json, const char *name, bool shared,
                          const struct share *of)
{
    double times = 0;
    double held = 0;
    size_t i;

    for (i = 0; i < LOCKS_MAX; i++) {
        if (records[i].times == 0 || strcmp(records[i].name, name) != 0 ||
            (records[i].takers == (1u << THREADS) - 1) != shared)
            continue;
        times += (double)records[i].times;
        held += (double)records[i].held;
    }
    if (times == 0)
        return 0;
    json_begin(json, NULL);
    json_text(json, "lock", name);
    json_text(json, "by", shared ? "both threads" : "one thread");
    json_real(json, "times", times / of->calls);
    held /= of->calls * ticks_per_ns;
    json_real(json, "ns", held);
    json_real(json, "share", held / of->call_ns);
    json_end(json);
    return shared ? held / of->call_ns : 0;
}

/* True: a record before it has the same name. */
static bool is_told(size_t index)
{
    size_t i;

    for (i = 0; i < index; i++)
        if (records[i].lock != NULL &&
            strcmp(records[i].name, records[index].name) == 0)
            return true;
    return false;
}

static void report(struct json *json, const char *key, const struct share *of)
{
    double shared = 0;
    size_t i;

    json_begin(json, key);
    json_real(json, "call_ns", of->call_ns);
    json_begin_array(json, "locks");
    for (i = 0; i < LOCKS_MAX; i++) {
        if (records[i].lock == NULL || is_told(i))
            continue;
        (void)report_name(json, records[i].name, false, of);
        shared += report_name(json, records[i].name, true, of);
    }
    json_end_array(json);
    json_real(json, "shared", shared);
    json_end(json);
}

/* `undo`, if any, makes the slots ready for the next turns. */
static void measure(struct json *json, const char *key, struct trial *trial,
                    slot_call *call, slot_call *undo)
{
    struct share of = {.calls = (double)THREADS * trial->turn};

    of.call_ns = take_turns(trial, call);
    if (undo != NULL)
        (void)take_turns(trial, undo);
    memset(records, 0, sizeof(records));
    records_on = true;
    (void)take_turns(trial, call);
    records_on = false;
    report(json, key, &of);
}

static void calibrate(void)
{
    const uint64_t start_ns = now_ns();
    const uint64_t start = ticks();
    unsigned i;

    clock_ticks = UINT64_MAX;
    for (i = 0; i < 1000000; i++) {
        uint64_t first = ticks();
        uint64_t both = ticks() - first;

        clock_ticks = both < clock_ticks ? both : clock_ticks;
    }
    ticks_per_ns = (double)(ticks() - start) / (double)(now_ns() - start_ns);
}

/* The threads' slots meet where a shard begins, if there is more than one. */
static void share_slots(struct trial *trial)
{
    uint32_t share = trial->resident.count / THREADS;
    uint32_t i;
    uint32_t k;

    if (share >= SHARD_SLOTS)
        share -= share % SHARD_SLOTS;
    trial->turn = share;
    for (i = 0; i < THREADS; i++) {
        trial->orders[i] = map_memory(share * sizeof(*trial->orders[i]));
        shuffle(trial->orders[i], share, &trial->random);
        for (k = 0; k < share; k++)
            trial->orders[i][k] += i * share;
    }
}

int main(int argc, char **argv)
{
    struct bench_options options = {.backend = "dense"};
    struct trial trial = {.random = 1};
    struct json json = {.file = NULL};
    struct corpus corpus;
    uint32_t *pages;
    uint32_t count;

    options_read(&options, argc, argv,
                 "usage: bench_locks [OPTION]...\n"
                 "Locks of a call, and how long it holds them; --backend dense "
                 "or kernel.");
    options_open_corpus(&options, &corpus);
    trial.random = options.seed;
    count = resident_choose_pages(&corpus, &pages);
    resident_fill(&trial.resident, placement_named(options.backend), &corpus,
                  pages, count, count);
    share_slots(&trial);
    calibrate();
    (void)take_turns(&trial, store); /* free space is now scattered */
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    measure(&json, "over", &trial, store, NULL);
    measure(&json, "load", &trial, load, NULL);
    trial.turn /= TAKEN_PART;
    measure(&json, "take", &trial, take, store);
    measure(&json, "hole", &trial, store, take);
    json_end(&json);
    resident_destroy(&trial.resident);
    return 0;
}
