/* SPDX-License-Identifier: MIT */
/* hidden.c - it is not compiled for the lab, and has a state of its own. */
#include "hidden.h"

int hidden_shared;

int hidden_count(void)
{
    static int count;

    return ++count;
}

void hidden_add(int *to)
{
    ++*to;
}
