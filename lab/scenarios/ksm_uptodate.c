/* SPDX-License-Identifier: MIT */
/*
 * ksm_uptodate.c - a merged page whose bytes are lost and whose read fails.
 *
 * A:0 and B:0 were one frame and are swapped out to the device.  B has swapped
 * it in, to a folio that is still in the swap cache.  The folio loses its bytes
 * (the memory reports an error) and has to be read again before A copies it.
 */
#include "base/inject.h"
#include "world.h"

static void setup(void)
{
    world_machine(ZC_SWAP_IN_BYPASS, 1);
    world_refuse(); /* pages go to the device */
    world_space(0, 1);
    world_space(1, 1);
    world_write(0, 0, 1);
    world_write(1, 0, 1);
    world_merge(0, 1, 0);
    (void)world_swap_out(0, 1);
    (void)world_read_page(1, 0);
    world_lose_bytes(1, 0);
}

static void read_page(void *context)
{
    (void)context;
    (void)world_read_page(0, 0);
}

static void read_again(void)
{
    (void)world_read_page(0, 0);
}

static const struct world_case own = {
    .setup = setup,
    .finish = read_again,
    .opening =
        "B:0 is A:0 too, swapped out to 0:0; its frame has lost its bytes",
    .inject = 1u << ZC_INJECT_READ};

static const struct lab_actor two[] = {
    {"zc_vm_read(A:0)", read_page},
    {"zc_vm_read(A:0)", read_page},
};

static const char *const rules_ksm_uptodate[] = {"UPTODATE_BEFORE_COPY", NULL};
static const enum lab_failure known_ksm_uptodate[] = {LAB_FAILURE_WRONG_PAGE};
static const uint8_t least_ksm_uptodate[] = {0};

const struct lab_scenario scenario_ksm_uptodate = {
    .summary = "swap-in || swap-in of a merged page that may not be readable",
    .program = {WORLD_PROGRAM("ksm-uptodate", two, &own), .coalesce = true,
                .failure_budget = 1},
    .break_rule = world_break,
    .rules = rules_ksm_uptodate,
    .bound = LAB_NO_BOUND,
    .story =
        "A page of the swap cache that has to be copied is not up to date, and "
        "reading it fails.  A fault that copies it before it asks has a copy "
        "of junk, and nothing tells the copy from a page that was read.",
    .origin = "mm: fix swapin race condition, 4969c1192d15, 2010: the order of "
              "PageUptodate and the copy",
    .known = known_ksm_uptodate,
    .least = least_ksm_uptodate,
};
