/* SPDX-License-Identifier: MIT */
/*
 * cold.c - when to look, and what the looks say.
 *
 * By page, ages of 10 and 60 seconds are known after one wait of 60: with looks
 * at 0, 50 and 60.  One more look, 10 seconds later, finds the cold pages that
 * are touched again.  By mapping, what is referenced adds up after one clear,
 * so each age has two readings: at its end, and at the end of its watching.
 */
#include "estimate/cold.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "estimate/cold_look.h"

#define SECOND UINT64_C(1000000000)

/* How often the line on the terminal changes. */
#define STEP (SECOND / 5)

bool cold_parse(struct cold_request *request, const char *text)
{
    char *words = memory_copy_text(text);
    char *rest = words;
    char *part;
    uint64_t before = 0;
    bool good = true;

    request->age_count = 0;
    while (good && (part = text_cut_part(&rest)) != NULL) {
        uint64_t seconds = 0;

        good = false;
        if (!number_parse(part, 1, COLD_SECONDS_MOST, &seconds))
            message_error("--cold: \"%s\" is no number of seconds from 1 to "
                          "%d",
                          part, COLD_SECONDS_MOST);
        else if (seconds <= before)
            message_error("--cold: %" PRIu64 " follows %" PRIu64
                          "; each age must be larger than the one before",
                          seconds, before);
        else if (request->age_count == COLD_AGES_MOST)
            message_error("--cold: \"%s\" has more than %d ages", text,
                          COLD_AGES_MOST);
        else
            good = true;
        if (good)
            request->seconds[request->age_count++] = seconds;
        before = seconds;
    }
    free(words);
    return good;
}

/* What a watch works with. */
struct watch {
    struct cold *cold;
    const struct cold_request *request;
    struct source_queue *queue;
    struct source *source;
    const char *root;
    struct progress progress;
    uint64_t end; /* about when it will have ended */
    size_t named; /* of the processes that ended, those asked for by number */
};

static void sleep_for(uint64_t nanoseconds)
{
    struct timespec rest = {.tv_sec = (time_t)(nanoseconds / SECOND),
                            .tv_nsec = (long)(nanoseconds % SECOND)};

    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
}

/* Waits until `due`, at once if it is 0; returns the time. */
static uint64_t wait_until(struct watch *watch, uint64_t due)
{
    uint64_t now;

    if (watch->request->wait != NULL)
        return watch->request->wait(watch->request->wait_context, due);
    for (now = clock_nanoseconds(); now < due; now = clock_nanoseconds()) {
        progress_wait(&watch->progress,
                      watch->end > now ? watch->end - now : 0);
        sleep_for(due - now < STEP || !watch->progress.shown ? due - now
                                                             : STEP);
    }
    return now;
}

/* How long cold pages are watched. */
static uint64_t watch_time(const struct cold_request *request)
{
    const uint64_t shortest = request->seconds[0];

    return SECOND * (shortest < COLD_WATCH_SECONDS_MOST
                         ? shortest
                         : COLD_WATCH_SECONDS_MOST);
}

static bool has_pid(const struct source *source, long pid)
{
    for (size_t i = 0; i < source->origin_count; i++) {
        if (source->origins[i].pid == pid)
            return true;
    }
    return false;
}

/* Opens the source as it is now.  False, and an error shown, without it. */
static bool open_again(struct watch *watch)
{
    struct source old = *watch->source;

    if (!source_queue_again(watch->queue, watch->source)) {
        *watch->source = (struct source){0};
        source_close(&old);
        return false;
    }
    for (size_t i = 0; i < old.origin_count; i++) {
        if (has_pid(watch->source, old.origins[i].pid))
            continue;
        watch->cold->ended++;
        watch->named += watch->queue->choice->pids != NULL;
    }
    source_close(&old);
    return true;
}

/* A process that ended during the looks is said with them: a number that was
 * asked for is still looked up, and not found, after it. */
static void say_ended_once(const struct watch *watch)
{
    struct process_tally *tally = &watch->source->processes_left_out;

    tally->gone -= watch->named < tally->gone ? watch->named : tally->gone;
}

/* The looks at pages: of the ages, the oldest first, then the last two. */
struct looks {
    struct cold_look *before;
    struct cold_look *look;
    struct cold_idle idle;
    uint64_t began[COLD_LOOKS_MOST];
    uint64_t ended[COLD_LOOKS_MOST];
};

/* The age that a look begins. */
static size_t age_of_look(const struct cold *cold, size_t number)
{
    return cold->age_count - 1 - number;
}

/* When a look is due; all looks before it have ended. */
static uint64_t look_due(const struct watch *watch, const struct looks *looks,
                         size_t number)
{
    const uint64_t *seconds = watch->request->seconds;
    const size_t ages = watch->cold->age_count;
    uint64_t due = 0;

    if (number == 0)
        return 0;
    if (number < ages)
        return looks->ended[0] +
               SECOND * (seconds[ages - 1] -
                         seconds[age_of_look(watch->cold, number)]);
    if (number > ages)
        return looks->ended[ages] + watch_time(watch->request);
    for (size_t i = 0; i < ages; i++) {
        const uint64_t one = looks->ended[i] +
                             SECOND * seconds[age_of_look(watch->cold, i)];

        if (one > due)
            due = one;
    }
    return due;
}

static bool take_look(struct watch *watch, struct looks *looks, size_t number)
{
    bool good;

    looks->began[number] = wait_until(watch, look_due(watch, looks, number));
    if (number != 0 && !open_again(watch))
        return false;
    if (number == 0)
        watch->cold->means =
            cold_idle_open(&looks->idle, watch->root, watch->source)
                ? COLD_IDLE
                : COLD_CONTENTS;
    looks->look = cold_look_begin(watch->source, (unsigned char)number);
    good = watch->cold->means == COLD_IDLE
               ? cold_look_idle(looks->look, looks->before, &looks->idle,
                                watch->source)
               : cold_look_contents(looks->look, looks->before, watch->source,
                                    &watch->progress);
    cold_look_end(looks->look);
    looks->ended[number] = wait_until(watch, 0);
    return good;
}

static bool watch_pages(struct watch *watch)
{
    struct cold *cold = watch->cold;
    const size_t last = cold->age_count;
    struct looks looks = {0};
    bool good = true;

    for (size_t number = 0; good && number <= last + 1; number++) {
        if (looks.before != cold->look)
            cold_look_free(looks.before);
        looks.before = looks.look;
        looks.look = NULL;
        good = take_look(watch, &looks, number);
        if (number == last)
            cold->look = looks.look;
    }
    for (size_t age = 0; good && age < cold->age_count; age++) {
        const size_t begun_by = age_of_look(cold, age);

        cold->ages[age].observed = looks.began[last] - looks.ended[begun_by];
        cold->ages[age].watched = looks.began[last + 1] - looks.began[last];
        for (size_t since = 0; since <= begun_by; since++)
            cold->ages[age].again += looks.look->touched[since];
    }
    if (looks.before != cold->look)
        cold_look_free(looks.before);
    if (looks.look != cold->look)
        cold_look_free(looks.look);
    if (cold->means == COLD_IDLE)
        cold_idle_close(&looks.idle);
    return good;
}

/* Two readings of each age, at its end (even) and after its watching (odd). */
static uint64_t reading_due(const struct watch *watch, size_t reading)
{
    return SECOND * watch->request->seconds[reading / 2] +
           (reading % 2 == 0 ? 0 : watch_time(watch->request));
}

/* The reading that is due first of those not taken yet. */
static size_t next_reading(const struct watch *watch, const bool *taken)
{
    size_t next = SIZE_MAX;

    for (size_t i = 0; i < 2 * watch->cold->age_count; i++) {
        if (!taken[i] && (next == SIZE_MAX ||
                          reading_due(watch, i) < reading_due(watch, next)))
            next = i;
    }
    return next;
}

static bool watch_mappings(struct watch *watch)
{
    struct cold *cold = watch->cold;
    const size_t count = 2 * cold->age_count;
    uint64_t began[2 * COLD_AGES_MOST];
    bool taken[2 * COLD_AGES_MOST] = {false};
    uint64_t cleared;

    cold->means = COLD_REFERENCED;
    if (!cold_referenced_clear(watch->root, watch->source))
        return false;
    cleared = wait_until(watch, 0);
    cold->readings = memory_allocate(count, sizeof(*cold->readings));
    for (size_t i = 0; i < count; i++)
        cold->readings[i] = (struct cold_reading){0};
    for (size_t i = 0; i < count; i++) {
        const size_t next = next_reading(watch, taken);

        taken[next] = true;
        began[next] = wait_until(watch, cleared + reading_due(watch, next));
        cold_referenced_read(&cold->readings[next], watch->root, watch->source);
    }
    for (size_t age = 0; age < cold->age_count; age++) {
        cold->ages[age].observed = began[2 * age] - cleared;
        cold->ages[age].watched = began[2 * age + 1] - began[2 * age];
    }
    return true;
}

bool cold_watch(struct cold *cold, const struct cold_request *request,
                struct source_queue *queue, struct source *source, bool quiet)
{
    struct watch watch = {.cold = cold,
                          .request = request,
                          .queue = queue,
                          .source = source,
                          .root = request->root == NULL ? "" : request->root};
    bool good;

    *cold = (struct cold){.age_count = request->age_count};
    for (size_t i = 0; i < request->age_count; i++)
        cold->ages[i].seconds = request->seconds[i];
    progress_begin(&watch.progress, quiet, source->page_size, 0);
    watch.end = clock_nanoseconds() + watch_time(request) +
                SECOND * request->seconds[request->age_count - 1];
    good = request->clear_refs ? watch_mappings(&watch) : watch_pages(&watch);
    if (request->clear_refs)
        cold_sharing_begin(cold, queue);
    good = good && open_again(&watch);
    if (good)
        say_ended_once(&watch);
    if (good && request->clear_refs)
        cold_referenced_end(cold, queue, source);
    progress_end(&watch.progress);
    if (!good)
        source_close(source);
    return good;
}

void cold_free(struct cold *cold)
{
    cold_look_free(cold->look);
    if (cold->readings != NULL) {
        for (size_t i = 0; i < 2 * cold->age_count; i++)
            cold_reading_free(&cold->readings[i]);
    }
    free(cold->readings);
    cold_sharing_free(cold->sharing);
    *cold = (struct cold){0};
}

size_t cold_page_ages(const struct cold *cold, long pid, uint64_t address,
                      size_t *hint)
{
    size_t index;

    if (!cold_look_find(cold->look, pid, address, hint, &index))
        return 0;
    return cold->age_count - cold->look->since[index];
}
