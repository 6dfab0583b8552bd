/* SPDX-License-Identifier: MIT */
/* inject.c - failures as choices of the explorer, for src/base/inject.c. */
#include "base/inject.h"

#include "engine/explore.h"

#include "lab_platform.h"

uint32_t lab_inject_points;

static const char *const names[ZC_INJECT_POINT_COUNT] = {
    [ZC_INJECT_MALLOC] = "malloc",     [ZC_INJECT_PAGES] = "pages",
    [ZC_INJECT_COMPRESS] = "compress", [ZC_INJECT_DECOMPRESS] = "decompress",
    [ZC_INJECT_THREAD] = "thread",     [ZC_INJECT_READ] = "read",
    [ZC_INJECT_WRITE] = "write",       [ZC_INJECT_SHORT] = "short",
    [ZC_INJECT_FRAME] = "frame",       [ZC_INJECT_INSTALL] = "install",
};

bool zc_inject(enum zc_inject_point point)
{
    if ((lab_inject_points >> point & 1) == 0 || lab_thread() <= 0)
        return false;
    return lab_choose(2, names[point]) != 0;
}

void zc_inject_arm(enum zc_inject_point point, uint32_t countdown,
                   uint32_t repeat)
{
    (void)countdown;
    (void)repeat;
    lab_inject_points |= UINT32_C(1) << point;
}

void zc_inject_disarm(void)
{
    lab_inject_points = 0;
}

uint32_t zc_inject_failures(void)
{
    return 0;
}
