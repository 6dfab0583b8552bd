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
 * Thread-safety: read and write are called from any thread, several at once,
 * but never two at a time for one slot where one of them is a write.
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
};

struct zc_backing_ops {
    size_t struct_size; /* sizeof(struct zc_backing_ops) */
    const char *name;

    /* ZC_OK; ZC_INVALID, ZC_NO_MEMORY, ZC_IO_ERROR, ZC_UNSUPPORTED. */
    zc_status (*open)(const struct zc_backing_config *config,
                      void **backing_out);
    void (*close)(void *backing); /* nothing is under way */

    /*
     * The page of one slot, whole.  ZC_OK, or ZC_IO_ERROR, also for a full
     * device; then the slot's content is undefined.  A slot is read only after
     * it was written.
     */
    zc_status (*write)(void *backing, uint64_t slot, const void *page);
    zc_status (*read)(void *backing, uint64_t slot, void *page_out);

    /* The slot's content is not needed any more: a hint.  NULL: ignored. */
    void (*discard)(void *backing, uint64_t slot);
};

/* A file; `user` is a const struct zc_backing_file *, read at open only. */
ZC_API extern const struct zc_backing_ops zc_backing_file;

struct zc_backing_file {
    size_t struct_size;
    /* Made if it is not there, and emptied if it is; a block device is used as
     * it is. */
    const char *path;
    unsigned preallocate; /* 1: take the whole file's space at open */
    unsigned datasync;    /* 1: fdatasync() after every write */
    unsigned direct;      /* 1: O_DIRECT, past the system's page cache */
    unsigned keep;        /* 0: the name is removed at close */
};

/* Memory, uncompressed, made where it is written; `user` is not used. */
ZC_API extern const struct zc_backing_ops zc_backing_memory;

/*
 * Misfortune, for tests and experiments: another device behind a set of
 * mistakes.  `user` is a const struct zc_backing_faults *, read at open only.
 * With one caller its mistakes are the same at each run of one seed.
 */
ZC_API extern const struct zc_backing_ops zc_backing_faulty;

struct zc_backing_faults {
    size_t struct_size;
    const struct zc_backing_ops *ops; /* the device behind; NULL: memory */
    void *user;                       /* for it */
    uint64_t seed;
    uint32_t write_errors; /* so many of a million writes fail */
    uint32_t read_errors;  /* so many of a million reads fail */
    uint64_t full_after;   /* only so many slots can be in use; 0: all */
    uint64_t latency_ns;   /* each transfer takes at least so long */
};

ZC_END_DECLS

#endif
