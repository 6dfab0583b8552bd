/* SPDX-License-Identifier: MIT */
/* team.c - see team.h. */
#include "team.h"

#include <pthread.h>

struct member {
    pthread_t thread;
    pthread_barrier_t *start;
    team_work work;
    void *context;
    unsigned number;
    uint64_t begin;
    uint64_t end;
};

static void *run_member(void *opaque)
{
    struct member *member = opaque;

    (void)pthread_barrier_wait(member->start);
    member->begin = now_ns();
    member->work(member->context, member->number);
    member->end = now_ns();
    return NULL;
}

double team_run(unsigned members, team_work work, void *context)
{
    struct member all[TEAM_MAX];
    pthread_barrier_t start;
    uint64_t begin = UINT64_MAX;
    uint64_t end = 0;
    unsigned i;

    if (members == 0 || members > TEAM_MAX ||
        pthread_barrier_init(&start, NULL, members) != 0)
        die("a team of %u", members);
    for (i = 0; i < members; i++) {
        all[i] = (struct member){
            .start = &start, .work = work, .context = context, .number = i};
        if (pthread_create(&all[i].thread, NULL, run_member, &all[i]) != 0)
            die("no thread");
    }
    for (i = 0; i < members; i++) {
        (void)pthread_join(all[i].thread, NULL);
        if (all[i].begin < begin)
            begin = all[i].begin;
        if (all[i].end > end)
            end = all[i].end;
    }
    (void)pthread_barrier_destroy(&start);
    return (double)(end - begin) / 1e9;
}
