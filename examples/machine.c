/* SPDX-License-Identifier: MIT */
/*
 * machine.c - a simulated machine: spaces with more pages than there are
 * frames, over a compressed cache and a device.
 *
 * Two spaces have an owner each, as processes have a control group.  One owner
 * has few frames, so its pages are swapped out while the other's stay.  Two
 * pages of equal content are merged into one frame, and a write separates them
 * again.  At the end the device is turned off, which brings every page back,
 * and zc_vm_check() compares the tables of the machine with each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/vm.h>

#define PAGES UINT64_C(300)
#define FEW_FRAMES 64u

enum owner {
    OWNER_SMALL,
    OWNER_LARGE
};

static void must(zc_status status, const char *what)
{
    if (status == ZC_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, zc_status_describe(status));
    exit(EXIT_FAILURE);
}

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "it does not hold: %s\n", what);
    exit(EXIT_FAILURE);
}

static struct zc_vm_space *make_space(struct zc_vm *vm, enum owner owner)
{
    struct zc_vm_space *space;
    uint64_t page;

    must(zc_vm_space_create(vm, owner, PAGES, &space), "a space");
    must(zc_vm_map(space, 0, PAGES, 0), "its pages");
    for (page = 0; page < PAGES; page++)
        must(zc_vm_write(space, page, 0, &page, sizeof(page), NULL), "a write");
    return space;
}

/* Reads every page; returns how many had to be swapped in. */
static unsigned count_swapped(struct zc_vm_space *space)
{
    enum zc_fault_kind kind;
    unsigned swapped = 0;
    uint64_t page;
    uint64_t found;

    for (page = 0; page < PAGES; page++) {
        must(zc_vm_read(space, page, 0, &found, sizeof(found), &kind),
             "a read");
        expect(found == page, "a page is as it was written");
        swapped += kind == ZC_FAULT_POOL || kind == ZC_FAULT_DEVICE ||
                   kind == ZC_FAULT_CACHED;
    }
    return swapped;
}

/* Equal pages of the two spaces share one frame until a write. */
static void merge(struct zc_vm_space *small, struct zc_vm_space *large)
{
    const uint64_t other = 99;
    enum zc_fault_kind kind;

    must(zc_vm_touch(small, 7, true, NULL), "a page that is present");
    must(zc_vm_touch(large, 7, true, NULL), "and its like");
    must(zc_vm_merge(small, 7, large, 7), "a merge");
    must(zc_vm_write(small, 7, 0, &other, sizeof(other), &kind), "a write");
    expect(kind == ZC_FAULT_COPY, "the writer gets a copy");
    must(zc_vm_write(small, 7, 0, &(uint64_t){7}, sizeof(other), NULL),
         "a write");
}

int main(void)
{
    struct zc_vm_stats stats = {.struct_size = sizeof(stats)};
    struct zc_vm_space *small;
    struct zc_vm_space *large;
    struct zc_vm *vm;
    char why[200];
    unsigned type;

    must(zc_vm_create(NULL, ZC_VM_OPTIONS(.frame_count = 4 * PAGES), &vm),
         "a machine");
    must(zc_swap_on(zc_vm_cache(vm),
                    ZC_SWAP_OPTIONS(.slot_count = 4 * PAGES, .managed = 1),
                    &type),
         "a device");
    must(zc_vm_set_owner_limit(vm, OWNER_SMALL, FEW_FRAMES), "a limit");
    small = make_space(vm, OWNER_SMALL);
    large = make_space(vm, OWNER_LARGE);
    printf("of %llu pages that are read, swapped in: %u of the owner with %u "
           "frames, %u of the other\n",
           (unsigned long long)PAGES, count_swapped(small), FEW_FRAMES,
           count_swapped(large));
    expect(count_swapped(large) == 0, "one owner's limit is not the other's");

    merge(small, large);
    (void)zc_vm_reclaim(vm, OWNER_LARGE, 50, NULL);
    expect(count_swapped(large) != 0, "reclaim took some of the other");

    must(zc_vm_set_owner_limit(vm, OWNER_SMALL, 0), "no limit");
    must(zc_vm_unmap(large, 0, PAGES / 2), "an end of half a space");
    must(zc_vm_swap_off(vm, type), "swapoff");
    expect(count_swapped(small) == 0, "every page is back");
    if (zc_vm_check(vm, why, sizeof(why)) != ZC_OK) {
        fprintf(stderr, "the machine does not agree with itself: %s\n", why);
        return EXIT_FAILURE;
    }
    must(zc_vm_get_stats(vm, &stats), "statistics");
    printf("%llu pages swapped out, %llu merged\n",
           (unsigned long long)stats.swapped_out,
           (unsigned long long)stats.pages_merged);
    zc_vm_space_destroy(small);
    zc_vm_space_destroy(large);
    zc_vm_destroy(vm);
    return EXIT_SUCCESS;
}
