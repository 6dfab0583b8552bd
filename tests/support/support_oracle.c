/* SPDX-License-Identifier: MIT */
/* support_oracle.c - see support_oracle.h. */
#include "support_oracle.h"

#include <stddef.h>
#include <string.h>

#include "support_test.h"

#define NEVER UINT64_MAX

void support_oracle_init(struct support_oracle *oracle,
                         atomic_uint_fast64_t *clock)
{
    memset(oracle, 0, sizeof(*oracle));
    assert_int_equal(pthread_mutex_init(&oracle->lock, NULL), 0);
    oracle->clock = clock;
}

void support_oracle_fini(struct support_oracle *oracle)
{
    assert_int_equal(pthread_mutex_destroy(&oracle->lock), 0);
}

static uint64_t now(struct support_oracle *oracle)
{
    return atomic_fetch_add(oracle->clock, 1) + 1;
}

static struct support_event *event_at(struct support_oracle *oracle,
                                      uint64_t event)
{
    return &oracle->events[event % SUPPORT_ORACLE_EVENTS];
}

/* The caller holds the lock. */
static uint64_t begin_event(struct support_oracle *oracle, uint64_t version)
{
    uint64_t event = oracle->count++;

    *event_at(oracle, event) = (struct support_event){
        .version = version, .begin = now(oracle), .known = NEVER};
    return event;
}

uint64_t support_oracle_store(struct support_oracle *oracle,
                              uint64_t *version_out)
{
    uint64_t event;

    (void)pthread_mutex_lock(&oracle->lock);
    *version_out = ++oracle->last_version;
    event = begin_event(oracle, *version_out);
    (void)pthread_mutex_unlock(&oracle->lock);
    return event;
}

uint64_t support_oracle_remove(struct support_oracle *oracle)
{
    uint64_t event;

    (void)pthread_mutex_lock(&oracle->lock);
    event = begin_event(oracle, 0);
    (void)pthread_mutex_unlock(&oracle->lock);
    return event;
}

void support_oracle_end(struct support_oracle *oracle, uint64_t event,
                        enum support_outcome outcome)
{
    struct support_event *own = event_at(oracle, event);
    uint64_t end;

    (void)pthread_mutex_lock(&oracle->lock);
    end = now(oracle);
    /* Otherwise a later event has replaced it. */
    if (oracle->count - event <= SUPPORT_ORACLE_EVENTS) {
        own->is_over = true;
        own->is_void = outcome == SUPPORT_NOTHING;
        if (outcome == SUPPORT_GONE) {
            own->version = 0;
            own->known = end;
        } else if (own->known > end) {
            own->known = end;
        }
    }
    (void)pthread_mutex_unlock(&oracle->lock);
}

uint64_t support_oracle_read(struct support_oracle *oracle)
{
    return now(oracle);
}

static unsigned event_count(const struct support_oracle *oracle)
{
    return oracle->count < SUPPORT_ORACLE_EVENTS ? (unsigned)oracle->count
                                                 : SUPPORT_ORACLE_EVENTS;
}

static struct support_event *find(struct support_oracle *oracle,
                                  uint64_t version)
{
    unsigned i;

    for (i = 0; i < event_count(oracle); i++)
        if (oracle->events[i].version == version)
            return &oracle->events[i];
    return NULL;
}

/* Did a change surely happen after `known` and before `begin`?  Counts stores
 * only, or all changes. */
static bool has_between(const struct support_oracle *oracle, uint64_t known,
                        uint64_t begin, bool stores_only)
{
    const struct support_event *event;
    unsigned i;

    for (i = 0; i < event_count(oracle); i++) {
        event = &oracle->events[i];
        if (event->is_void || (stores_only && event->version == 0))
            continue;
        if (event->begin > known && event->known < begin)
            return true;
    }
    return false;
}

/* Did every remembered event begin after `begin`? */
static bool has_forgotten(const struct support_oracle *oracle, uint64_t begin)
{
    unsigned i;

    if (oracle->count <= SUPPORT_ORACLE_EVENTS)
        return false;
    for (i = 0; i < event_count(oracle); i++)
        if (oracle->events[i].begin < begin)
            return false;
    return true;
}

static bool may_be_absent(const struct support_oracle *oracle, uint64_t begin)
{
    const struct support_event *event;
    unsigned i;

    if (!has_between(oracle, 0, begin, true))
        return true;
    for (i = 0; i < event_count(oracle); i++) {
        event = &oracle->events[i];
        if (event->is_void)
            continue;
        /* A removal under way may be done already; a store may fail. */
        if (!event->is_over)
            return true;
        if (event->version == 0 &&
            !has_between(oracle, event->known, begin, true))
            return true;
    }
    return false;
}

static const char *check_version(struct support_oracle *oracle, uint64_t begin,
                                 uint64_t version, bool takes)
{
    struct support_event *event = find(oracle, version);
    uint64_t end;

    if (event == NULL)
        return has_forgotten(oracle, begin) ? NULL : "a page of long ago";
    if (has_between(oracle, event->known, begin, false))
        return event->is_gone ? "a page after it was taken"
                              : "a page after something newer";
    if (takes && event->is_gone)
        return "a page that was taken before";
    event->is_gone = event->is_gone || takes;
    end = now(oracle);
    if (event->known > end)
        event->known = end;
    return NULL;
}

const char *support_oracle_found(struct support_oracle *oracle, uint64_t begin,
                                 uint64_t version, bool takes)
{
    const char *wrong = NULL;

    (void)pthread_mutex_lock(&oracle->lock);
    if (version != 0)
        wrong = check_version(oracle, begin, version, takes);
    else if (!may_be_absent(oracle, begin) && !has_forgotten(oracle, begin))
        wrong = "nothing, where a page was stored";
    (void)pthread_mutex_unlock(&oracle->lock);
    return wrong;
}
