/* SPDX-License-Identifier: MIT */
/*
 * support_machine.h - tests over one machine: it is made before the test and
 * ended after it, and then every count agrees and every frame is free.
 *
 *     TEST_OF_MACHINE(what_holds, 8, .frames = 64, .synchronous = 1) { ... }
 *
 * has a machine of that kind and a space of 8 pages of owner 0 (0: no space).
 */
#ifndef ZC_TESTS_SUPPORT_MACHINE_H
#define ZC_TESTS_SUPPORT_MACHINE_H

#include "support_test.h"
#include "support_vm.h"

#include "vm/vm.h"

extern struct support_vm machine;
extern struct zc_vm_space *space;
/* A second space, if the test makes one; it is ended after the test. */
extern struct zc_vm_space *other;

void machine_begin(const struct support_vm_kind *kind, uint64_t pages);
void machine_end(void);

#define TEST_OF_MACHINE(name, pages, ...)                                      \
    TEST_BETWEEN(                                                              \
        name,                                                                  \
        machine_begin(&(const struct support_vm_kind){__VA_ARGS__}, pages),    \
        machine_end())

/* The same, of a small machine of all defaults. */
#define TEST_IN_SPACE(name, pages) TEST_OF_MACHINE(name, pages, .frames = 64)

/*
 * What happens in the middle of a fault, once, on the thread of the fault: the
 * first time that a page is decompressed (of a machine with .compressor =
 * "meanwhile") or written to the device (.backing_ops = &meanwhile_device).
 * No lock is held then but that of a folio or a pin of a slot.
 */
extern void (*meanwhile)(void);
extern struct zc_backing_ops meanwhile_device;
/* The compressor finds so many pages corrupt, after what happens meanwhile. */
extern unsigned meanwhile_corrupt;

/* Page `page` of a space has the stamp of its number and `sequence`. */
void expect_page(struct zc_vm_space *of, uint64_t page, uint64_t sequence);
/* Touches a page, which must be possible; what the access had to do. */
enum zc_fault_kind touch(struct zc_vm_space *of, uint64_t page, bool is_write);
bool is_out(struct zc_vm_space *of, uint64_t page);
bool is_writable(struct zc_vm_space *of, uint64_t page);
void fork_space(void); /* `other` is the child of `space` */
void end_space(struct zc_vm_space **of);

/* Counters, and slots in use. */
struct zc_vm_stats stats(void);
uint64_t slots_used(void);
uint64_t frames_of(unsigned owner); /* that are charged to it */
/* Entries that name the slot of a page that is out. */
uint32_t slot_count(struct zc_vm_space *of, uint64_t page);

#endif
