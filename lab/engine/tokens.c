/* SPDX-License-Identifier: MIT */
/*
 * tokens.c - the back end of real threads: only the one with the token runs.
 *
 * It makes the same decisions in the same order, but each thread of the program
 * is a system thread, so that debuggers and sanitizers work as usual.  An
 * abandoned thread jumps back to its first function and returns.
 */
#include "engine.h"

#include <pthread.h>
#include <setjmp.h>

struct place {
    pthread_t thread;
    pthread_cond_t turn;
    bool has_turn; /* [token] */
    bool made;
    void (*entry)(int);
    jmp_buf start;
};

static pthread_mutex_t token = PTHREAD_MUTEX_INITIALIZER;
static struct place places[LAB_THREADS];
static bool abandoned; /* [token] */
static bool ready;

static void get_ready(void)
{
    if (ready)
        return;
    ready = true;
    for (int i = 0; i < LAB_THREADS; i++)
        (void)pthread_cond_init(&places[i].turn, NULL);
}

static void wait_for_turn(int number)
{
    struct place *place = &places[number];
    bool give_up;

    (void)pthread_mutex_lock(&token);
    while (!place->has_turn)
        (void)pthread_cond_wait(&place->turn, &token);
    place->has_turn = false;
    give_up = abandoned && number != 0;
    (void)pthread_mutex_unlock(&token);
    if (give_up)
        longjmp(place->start, 1); /* NOLINT: nothing there needs unwinding */
}

static void give_turn(int number)
{
    (void)pthread_mutex_lock(&token);
    places[number].has_turn = true;
    (void)pthread_cond_signal(&places[number].turn);
    (void)pthread_mutex_unlock(&token);
}

static void *place_main(void *argument)
{
    struct place *place = argument;
    int number = (int)(place - places);

    if (setjmp(place->start) == 0) { /* NOLINT */
        wait_for_turn(number);
        place->entry(number);
    }
    return NULL;
}

static bool create(int thread, void (*entry)(int))
{
    struct place *place = &places[thread];

    get_ready();
    place->entry = entry;
    place->has_turn = false;
    place->made = pthread_create(&place->thread, NULL, place_main, place) == 0;
    return place->made;
}

static void switch_to(int from, int to)
{
    give_turn(to);
    wait_for_turn(from);
}

static void leave(int from, int to)
{
    (void)from;
    give_turn(to);
}

static void clear(void)
{
    (void)pthread_mutex_lock(&token);
    abandoned = true;
    (void)pthread_mutex_unlock(&token);
    for (int i = 1; i < LAB_THREADS; i++) {
        if (!places[i].made)
            continue;
        give_turn(i);
        (void)pthread_join(places[i].thread, NULL);
        places[i].made = false;
    }
    abandoned = false;
    for (int i = 0; i < LAB_THREADS; i++)
        places[i].has_turn = false;
}

const struct lab_back_end lab_tokens = {
    .create = create,
    .switch_to = switch_to,
    .leave = leave,
    .clear = clear,
};
