/* SPDX-License-Identifier: MIT */
/*
 * backing.h - where pages go that leave memory: a file, memory, or your own.
 *
 * A backing device is an array of slots of one page each.  Its functions block;
 * the library makes I/O asynchronous around them, with worker threads where the
 * swap options ask for some (swap.h).
 *
 * What is on a device is scratch: meaningless after the device is turned off.
 *
 * Thread-safety: read, write and discard are called from any thread, several at
 * once, but never two at a time for one slot where one of them is not a read.
 * They may block.  They may not call back into the cache that they serve.
 *
 * Fork: a child calls none of them but leave_in_child, once, if it destroys the
 * cache.
 */
#ifndef ZCACHE_BACKING_H
#define ZCACHE_BACKING_H

#include <zcache/types.h>

ZC_BEGIN_DECLS

/* What the library tells a backing device when it opens it. */
struct zc_backing_config {
    size_t struct_size;
    size_t page_size;
    uint64_t slot_count;
    void *user; /* of the swap options */

    /* Where open says why it failed (types.h); of the swap options. */
    char *reason;
    size_t reason_size;
};

struct zc_backing_ops {
    size_t struct_size; /* sizeof(struct zc_backing_ops) */
    const char *name;   /* in the reason of an open() that gave none */

    /*
     * The config is good until it returns.  ZC_OK; ZC_INVALID, ZC_NO_MEMORY,
     * ZC_IO_ERROR, ZC_UNSUPPORTED, and then nothing is left of it.
     */
    zc_status (*open)(const struct zc_backing_config *config,
                      void **backing_out);
    void (*close)(void *backing); /* nothing is under way */

    /*
     * The page of one slot, whole; the bytes are good until it returns, and
     * may lie at any address.  ZC_OK, or ZC_IO_ERROR, also for a full device
     * (anything else is taken as that); then the slot's content is undefined,
     * or what was to be read is.  A slot is read only after it was written,
     * and not after it was discarded.
     */
    zc_status (*write)(void *backing, uint64_t slot, const void *page);
    zc_status (*read)(void *backing, uint64_t slot, void *page_out);

    /* The slot's content is not needed any more: a hint.  NULL: ignored. */
    void (*discard)(void *backing, uint64_t slot);

    /* Bytes that the device takes on disk now, for zc_swap_get_stats(); from
     * any thread.  NULL: not known. */
    uint64_t (*disk_bytes)(void *backing);

    /*
     * Instead of close, where a child after fork() destroys the cache.  The
     * device is still the parent's, and so is all that is outside this process:
     * a file is neither written nor removed nor unlocked.  Locks may be held
     * for ever and transfers be half done, so none is taken or waited for; what
     * is left to do is to close the child's descriptors, and to unmap memory.
     * NULL: nothing is done.
     */
    void (*leave_in_child)(void *backing);
};

/*
 * A file or a block device; `user` is a const struct zc_backing_file *, read at
 * open only.  The page of slot n is at n times the page size, so the file is as
 * long as the highest slot that was written, and has holes where none was.
 * Space is not given back before close.  A write beyond the limits of the
 * process (RLIMIT_FSIZE) also gets it the signal SIGXFSZ.
 *
 * What is there already is not touched unless `use_existing` says so, and
 * nothing makes a file shorter or removes one that it has not made:
 *
 *   a directory             a scratch file in it that has no name
 *   a name that is free     a new file of that name, mode 0600 less the umask,
 *                           whose name is removed again at once; `keep`: stays
 *   a name that is taken    refused; a symbolic link is too, wherever it leads
 *   with use_existing       the file or block device that is there, also
 *                           through a symbolic link; pages go over its bytes,
 *                           and a file gets longer where a slot is beyond its
 *                           end
 *
 * A file without a name leaves nothing when the program is killed.  Its space
 * is given back when the last process that has it open, a child after fork()
 * too, has closed it or ended; zc_swap_stats.disk_bytes says how much it is.
 * A file is locked by flock() while it is used; a block device is opened
 * exclusively, where the system can do that.
 *
 * open: ZC_OK; ZC_INVALID: no path, or one that the table refuses, or the slots
 * are more bytes than a file can have; ZC_IO_ERROR: it cannot be made or
 * opened, another process or cache uses it, a block device has fewer bytes than
 * the slots, or `preallocate` does not find the space; ZC_UNSUPPORTED:
 * `direct`, and the file system cannot; ZC_NO_MEMORY.  The reason is the path
 * and what is wrong with it.  A file that this open made is removed again on
 * any of these; one that was there may have got longer by `preallocate`.
 */
ZC_API extern const struct zc_backing_ops zc_backing_file;

struct zc_backing_file {
    size_t struct_size; /* sizeof(struct zc_backing_file) */
    const char *path;
    unsigned preallocate; /* 1: take the whole file's space at open */
    unsigned direct;      /* 1: O_DIRECT, past the system's page cache */
    /* 1: a new file keeps its name, and its bytes at close; not in a directory.
     * An existing file stays in any case. */
    unsigned keep;
    unsigned use_existing; /* 1: path is a file or a block device that is there
                              and whose bytes may be overwritten */
};

/* Memory, uncompressed, made where it is written, given back at discard; `user`
 * is not used.  open: ZC_OK; ZC_NO_MEMORY, also where pointers have 4 bytes and
 * there are 2^39 slots or more. */
ZC_API extern const struct zc_backing_ops zc_backing_memory;

/*
 * Misfortune, for tests and experiments: another device behind a set of
 * mistakes.  `user` is a const struct zc_backing_faults *, read at open only;
 * NULL: no mistakes.  With one caller its mistakes are the same at each run of
 * one seed; those of reads do not depend on how many writes there were, nor
 * the other way round.
 *
 * A write that fails may have left a part of the page on the device.
 *
 * open: ZC_OK; ZC_INVALID: more than a million errors of a million; what the
 * device behind says; ZC_NO_MEMORY; ZC_UNSUPPORTED.
 */
ZC_API extern const struct zc_backing_ops zc_backing_faulty;

struct zc_backing_faults {
    size_t struct_size;               /* sizeof(struct zc_backing_faults) */
    const struct zc_backing_ops *ops; /* the device behind; NULL: memory */
    void *user;                       /* for it */
    uint64_t seed;
    uint32_t write_errors; /* so many of a million writes fail */
    uint32_t read_errors;  /* so many of a million reads fail */
    /* Slots that can be in use, from a write to their discard; a write to one
     * more fails.  0: all. */
    uint64_t full_after;
    uint64_t latency_ns; /* each transfer takes at least so long */
};

ZC_END_DECLS

#endif
