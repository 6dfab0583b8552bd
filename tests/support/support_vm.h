/* SPDX-License-Identifier: MIT */
/* support_vm.h - machines with a managed device, for tests. */
#ifndef ZC_TESTS_SUPPORT_VM_H
#define ZC_TESTS_SUPPORT_VM_H

#include <zcache/swap.h>
#include <zcache/vm.h>
#include <zcache/zcache.h>

#include "support_content.h"

struct support_vm {
    struct zc_vm *vm;
    struct zc_cache *cache; /* of vm */
    unsigned type;          /* of its device */
};

/* The options of a test's machine; zero: a small one without failures. */
struct support_vm_kind {
    uint64_t frames;
    uint64_t slots;
    uint64_t limit_bytes; /* of the pool */
    unsigned lru_mode;
    unsigned placement;
    unsigned checksums;
    const char *compressor;
    unsigned synchronous;
    unsigned swap_in;
    unsigned io_workers;
    unsigned background_reclaim;
    unsigned slot_order;
    const struct zc_backing_ops *backing_ops;
    void *backing_user;
};

struct support_vm support_vm_make(const struct support_vm_kind *kind);
/* Checks that all counts agree, then ends the machine. */
void support_vm_end(struct support_vm *machine);
/* Fails the test if counts do not agree.  Nothing else may run. */
void support_vm_check(struct support_vm *machine);

struct zc_vm_space *support_vm_space(struct support_vm *machine,
                                     uint64_t pages);
/* The same, charged to an owner and perhaps ZC_VM_LOCKED. */
struct zc_vm_space *support_vm_space_of(struct support_vm *machine,
                                        unsigned owner, uint64_t pages,
                                        unsigned flags);

/* Swaps out all pages that can be; the first round clears the marks of use. */
void support_vm_reclaim_all(struct support_vm *machine);

struct zc_vm_stats support_vm_stats(struct support_vm *machine);
/* Slots in use on the machine's device. */
uint64_t support_vm_slots_used(struct support_vm *machine);

/* A page's entry as it is now; the slot of a swapped-out page; the frame of a
 * present page.  The test ends if there is none. */
uint64_t support_vm_entry(struct zc_vm_space *space, uint64_t page);
zc_swp support_vm_slot(struct zc_vm_space *space, uint64_t page);
struct zc_vm_frame *support_vm_frame(struct zc_vm_space *space, uint64_t page);

/* Stamps a page; expects the stamp to be there. */
void support_vm_write(struct zc_vm_space *space, uint64_t page,
                      uint64_t sequence);
enum zc_fault_kind support_vm_expect(struct zc_vm_space *space, uint64_t page,
                                     uint64_t owner, uint64_t sequence);
void support_vm_expect_zeros(struct zc_vm_space *space, uint64_t page);

/* A page that is half noise; the stamp is at its beginning. */
#define SUPPORT_VM_PAGE 4096
void support_vm_fill(void *page, uint64_t owner, uint64_t sequence);
bool support_vm_is(const void *page, uint64_t owner, uint64_t sequence);

#endif
