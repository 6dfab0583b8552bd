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
    const char *name;

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
};

/*
 * A file or a block device; `user` is a const struct zc_backing_file *, read at
 * open only.  The page of slot n is at n times the page size, so the file is as
 * long as the highest slot that was written, and has holes where none was.
 * Space is not given back before close.  A write beyond the limits of the
 * process (RLIMIT_FSIZE) also gets it the signal SIGXFSZ.
 *
 * open: ZC_OK; ZC_INVALID: no path, or it names neither a file nor a block
 * device; ZC_IO_ERROR: it cannot be made or opened, another process or cache
 * uses it, a block device has fewer bytes than the slots, or `preallocate` does
 * not find the space; ZC_UNSUPPORTED: `direct`, and the file system cannot;
 * ZC_NO_MEMORY.  A file that this open made is removed again on any of these.
 */
ZC_API extern const struct zc_backing_ops zc_backing_file;

struct zc_backing_file {
    size_t struct_size; /* sizeof(struct zc_backing_file) */
    /* Made with mode 0600 if it is not there, and emptied, at open and at
     * close, if it is.  A block device keeps its length. */
    const char *path;
    unsigned preallocate; /* 1: take the whole file's space at open */
    unsigned datasync;    /* 1: fdatasync() after every write */
    unsigned direct;      /* 1: O_DIRECT, past the system's page cache */
    unsigned keep;        /* 1: the file stays as it is at close; 0: its name
                             is removed */
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
