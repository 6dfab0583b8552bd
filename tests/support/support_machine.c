/* SPDX-License-Identifier: MIT */
/* support_machine.c - see support_machine.h. */
#include "support_machine.h"

#include <zcache/compressor.h>

#include "base/inject.h"

struct support_vm machine;
struct zc_vm_space *space;
struct zc_vm_space *other;
void (*meanwhile)(void);
unsigned meanwhile_corrupt;
struct zc_backing_ops meanwhile_device;

static void act(void)
{
    void (*action)(void) = meanwhile;

    meanwhile = NULL;
    if (action != NULL)
        action();
}

static zc_status write_meanwhile(void *backing, uint64_t slot, const void *page)
{
    act();
    return zc_backing_memory.write(backing, slot, page);
}

static zc_status decompress_meanwhile(void *context, const void *data,
                                      size_t size, void *page_out,
                                      size_t page_size)
{
    act();
    if (meanwhile_corrupt != 0) {
        meanwhile_corrupt--;
        return ZC_CORRUPT;
    }
    return zc_compressor_find("lz4")->decompress(context, data, size, page_out,
                                                 page_size);
}

/* Calls of the compressor's decompression hold no context. */
static void make_plug_ins(void)
{
    static struct zc_compressor compressor;

    meanwhile_device = zc_backing_memory;
    meanwhile_device.write = write_meanwhile;
    if (zc_compressor_find("meanwhile") != NULL)
        return;
    compressor = *zc_compressor_find("lz4");
    assert_true((compressor.flags & ZC_COMPRESSOR_SHARED_DECOMPRESS) != 0);
    compressor.name = "meanwhile";
    compressor.decompress = decompress_meanwhile;
    assert_status(zc_compressor_register(&compressor), ZC_OK);
}

void machine_begin(const struct support_vm_kind *kind, uint64_t pages)
{
    make_plug_ins();
    zc_inject_disarm(); /* where a test has failed */
    meanwhile = NULL;
    machine = support_vm_make(kind);
    space = pages == 0 ? NULL : support_vm_space(&machine, pages);
    other = NULL;
}

void machine_end(void)
{
    assert_null(meanwhile);
    assert_int_equal(meanwhile_corrupt, 0);
    support_vm_check(&machine);
    end_space(&other);
    end_space(&space);
    support_vm_end(&machine);
}

void expect_page(struct zc_vm_space *of, uint64_t page, uint64_t sequence)
{
    (void)support_vm_expect(of, page, page, sequence);
}

enum zc_fault_kind touch(struct zc_vm_space *of, uint64_t page, bool is_write)
{
    enum zc_fault_kind kind = ZC_FAULT_KINDS;

    assert_status(zc_vm_touch(of, page, is_write, &kind), ZC_OK);
    return kind;
}

bool is_out(struct zc_vm_space *of, uint64_t page)
{
    return (support_vm_entry(of, page) & ZC_PTE_SWAP) != 0;
}

bool is_writable(struct zc_vm_space *of, uint64_t page)
{
    return (support_vm_entry(of, page) & ZC_PTE_WRITE) != 0;
}

void fork_space(void)
{
    assert_status(zc_vm_fork(space, &other), ZC_OK);
}

void end_space(struct zc_vm_space **of)
{
    zc_vm_space_destroy(*of);
    *of = NULL;
}

struct zc_vm_stats stats(void)
{
    return support_vm_stats(&machine);
}

uint64_t slots_used(void)
{
    return support_vm_slots_used(&machine);
}

uint64_t frames_of(unsigned owner)
{
    uint64_t frames;

    zc_spinlock_lock(&machine.vm->frames_lock);
    frames = machine.vm->owners[owner].frames;
    zc_spinlock_unlock(&machine.vm->frames_lock);
    return frames;
}

uint32_t slot_count(struct zc_vm_space *of, uint64_t page)
{
    return zc_slot_count(
        zc_slot_find(&machine.cache->swap, support_vm_slot(of, page)));
}
