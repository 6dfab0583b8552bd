/* SPDX-License-Identifier: MIT */
/*
 * team.h - the same work on several threads at once, timed by the wall from the
 * common start to the last end.
 */
#ifndef ZCACHE_BENCH_TEAM_H
#define ZCACHE_BENCH_TEAM_H

#include "support.h"

#define TEAM_MAX 16

typedef void (*team_work)(void *context, unsigned member);

/* Seconds. */
double team_run(unsigned members, team_work work, void *context);

#endif
