/* SPDX-License-Identifier: MIT */
/* world_vm.c - a simulated machine. */
#include "world_internal.h"

void world_empty_vm(void)
{
    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        zc_vm_space_destroy(world.spaces[i]);
        world.spaces[i] = NULL;
    }
}
