/* SPDX-License-Identifier: MIT */
/*
 * backing.h - where pages go that leave memory: a file, memory, or your own
 * device.
 *
 * A backing device is an array of slots of one page each.  It is turned on by
 * zc_swap_on() (swap.h), or by zc_cache_options.backing_path.  What is on a
 * device is scratch: meaningless after the device is turned off.
 *
 * Thread-safety: read, write and discard are called from any thread, several at
 * once, but two of them run on one slot at a time only if both are reads.
 * Blocking: they may block; the library makes I/O asynchronous around them,
 * with worker threads where the swap options ask for some.  They must not call
 * the cache that they serve.
 *
 * Fork: a child calls none of them except leave_in_child, once, if it destroys
 * the cache.
 */
#ifndef ZCACHE_BACKING_H
#define ZCACHE_BACKING_H

#include <zcache/types.h>

ZC_BEGIN_DECLS

struct zc_backing_ops;

/*
 * A file or a block device; `user` is a const struct zc_backing_file *, read at
 * open only.  The page of slot n is at n times the page size, so the file is as
 * long as the highest slot that was written, and has holes where none was.
 * Space is not given back before close.  A write beyond the limits of the
 * process (RLIMIT_FSIZE) also sends it the signal SIGXFSZ.
 *
 * What is there already is not touched unless `use_existing` says so.  Nothing
 * makes a file shorter, or removes a file that this device did not make:
 *
 *   a directory             a scratch file in it that has no name
 *   a name that is free     a new file of that name, mode 0600 less the umask,
 *                           whose name is removed again at once; `keep`: stays
 *   a name that is taken    refused; so is a symbolic link, wherever it leads
 *   with use_existing       the file or block device that is there, also
 *                           through a symbolic link; pages go over its bytes,
 *                           and a file gets longer where a slot is beyond its
 *                           end
 *
 * A file without a name leaves nothing when the program is killed.  Its space
 * is given back when the last process that has it open (a child after fork()
 * counts) has closed it or ended; zc_swap_stats.disk_bytes says how much it is.
 * A file is locked by flock() while it is used; a block device is opened
 * exclusively, where the system can do that.
 *
 * open: ZC_OK; ZC_INVALID: no path, or one that the table refuses, or the slots
 * are more bytes than a file can have; ZC_IO_ERROR: it cannot be made or
 * opened, another process or cache uses it, a block device has fewer bytes than
 * the slots, or `preallocate` does not find the space; ZC_UNSUPPORTED:
 * `direct`, and the file system cannot; ZC_NO_MEMORY.  The reason is the path
 * and what is wrong with it.  With any of these a file that this open made is
 * removed again; one that was there may have got longer by `preallocate`.
 * Follows swapon(2) of a swap file or a partition.
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

/*
 * Memory, uncompressed; a page is made when its slot is first written and given
 * back at discard.  `user` is not used.  open: ZC_OK; ZC_NO_MEMORY.  Follows
 * brd, the RAM block device.
 */
ZC_API extern const struct zc_backing_ops zc_backing_memory;

/* --- a device of your own -------------------------------------------- */

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
     * Opens the device; the config is valid until it returns.  ZC_OK;
     * ZC_INVALID, ZC_NO_MEMORY, ZC_IO_ERROR, ZC_UNSUPPORTED, and then nothing
     * is left of the device.
     */
    zc_status (*open)(const struct zc_backing_config *config,
                      void **backing_out);
    void (*close)(void *backing); /* nothing is under way */

    /*
     * Transfers the page of one slot, whole.  The bytes are valid until the
     * call returns, and may lie at any address.  ZC_OK, or ZC_IO_ERROR, also
     * for a full device (any other status is taken as that).  After a failed
     * write the content of the slot is undefined, after a failed read that of
     * page_out.  A slot is read only after it was written, and not after it was
     * discarded.
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
     * device is still the parent's, and so is everything outside this process:
     * a file is neither written nor removed nor unlocked.  Locks may be held
     * for ever and transfers be half done, so the function takes and waits for
     * none.  It may close the descriptors of the child and unmap memory.
     * NULL: nothing is done.
     */
    void (*leave_in_child)(void *backing);
};

/* --- fault injection, for tests and experiments ---------------------- */

/*
 * Another device behind injected faults.  `user` is a const struct
 * zc_backing_faults *, read at open only; NULL: no faults.  With one caller the
 * faults are the same in each run of one seed; those of reads do not depend on
 * how many writes there were, nor the reverse.
 *
 * A write that fails may have left a part of the page on the device.
 *
 * open: ZC_OK; ZC_INVALID: more than a million errors of a million; what the
 * device behind says; ZC_NO_MEMORY; ZC_UNSUPPORTED.  Follows
 * CONFIG_FAIL_MAKE_REQUEST and dm-flakey.
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
