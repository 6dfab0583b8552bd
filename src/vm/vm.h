/* SPDX-License-Identifier: MIT */
/*
 * vm.h - the parts of a simulated machine.
 *
 *   vm.c           the machine: make, end, statistics
 *   vm/space.c     address spaces: make, map, unmap, exit
 *   vm/table.c     page tables and their entries
 *   vm/frame.c     frames: free ones, references, age, owners
 *   vm/rmap.c      from a frame to the entries that map it
 *   vm/access.c    read, write, touch: the processor
 *   vm/fault.c     first touch, write to a shared page
 *   vm/swapin.c    a fault on a swap entry
 *   vm/reclaim.c   frames out: second chance, unmap, page I/O
 *   vm/fork.c  vm/ksm.c  vm/swapoff.c  vm/check.c
 *
 * Locks, outermost first: a space's mappings (mutex), a folio, a page table, a
 * frame's mappings, the frames of the machine, a cluster of slots.  A thread
 * sleeps for the lock of one folio at a time, and only tries that of any other.
 */
#ifndef ZC_VM_VM_H
#define ZC_VM_VM_H

#include <zcache/vm.h>

#include "base/list.h"
#include "cache/cache.h"
#include "platform/thread.h"

#define ZC_TABLE_SHIFT 9
#define ZC_TABLE_ENTRIES (1u << ZC_TABLE_SHIFT)

/*
 * A page table entry: 64 bits.  With PRESENT the upper part is the number of a
 * frame, with SWAP a slot; with neither, nothing was ever written.
 */
enum zc_pte_bit {
    ZC_PTE_MAPPED = 1u << 0, /* part of a mapping; without it all bits are 0 */
    ZC_PTE_PRESENT = 1u << 1,
    ZC_PTE_WRITE = 1u << 2,
    ZC_PTE_DIRTY = 1u << 3,
    ZC_PTE_ACCESSED = 1u << 4,
    ZC_PTE_SWAP = 1u << 5,
    ZC_PTE_LOCKED = 1u << 6, /* mlock */
};

#define ZC_PTE_KEPT (ZC_PTE_MAPPED | ZC_PTE_LOCKED) /* kept while swapped out */
#define ZC_PTE_SHIFT 8
#define ZC_PTE_TYPE_SHIFT 59 /* of a slot; its offset is below 2^51 */

typedef uint64_t zc_pte;

struct zc_vm_table;

/* Names one entry of one table. */
struct zc_vm_place {
    struct zc_vm_table *table; /* NULL: none */
    unsigned index;
};

/* Memory of tables is not freed before the machine ends. */
struct zc_vm_table {
    struct zc_spinlock lock;
    struct zc_vm_space *space;      /* the one that uses it; set before it is */
    uint64_t first;                 /* published, as the number of entry 0 */
    struct zc_vm_table *next_spare; /* [vm->lock] */
    struct zc_vm_table *older; /* of the space; set before it is published */
    zc_pte entries[ZC_TABLE_ENTRIES]; /* [lock] */
    /* The next mapping of the frame that an entry maps.  [rmap lock of that
     * frame] */
    struct zc_vm_place next[ZC_TABLE_ENTRIES];
};

struct zc_vm_space {
    struct zc_vm *vm;
    struct zc_list link; /* [vm->lock] */
    unsigned owner;
    uint64_t family; /* one number for spaces that are forks of one another */
    uint64_t page_count;
    struct zc_mutex mappings; /* map, unmap, fork, exit: one at a time */
    /* Tables.  Each is set once, released, which pairs with the acquire in the
     * look-up, and stays until the space ends. */
    zc_atomic_pointer *tables;
    /* All tables as a list, for walks over those that exist.  Set by the holder
     * of `mappings`, released; pairs with zc_vm_tables(). */
    zc_atomic_pointer newest;
};

struct zc_vm_frame {
    struct zc_folio folio; /* first: folios of this machine are frames */
    struct zc_list age; /* [frames lock] its owner's list, free, or no list */
    /* The owner that is charged.  [folio lock and frames lock] to write, either
     * to read. */
    unsigned owner;
    bool is_isolated; /* [frames lock] reclaim has it, and will list it */
    struct zc_vm_place mappings; /* [rmap lock] */
    uint32_t mapped;             /* [rmap lock] */
    /* Its home (vm/rmap.c): a page of a family of spaces; family 0: none.
     * [folio lock] */
    uint64_t home_family;
    uint64_t home_page;
};

/* Frames of one owner by age. */
struct zc_vm_owner {
    struct zc_list turn;        /* [frames lock] vm->turns, or no list */
    struct zc_list cold_to_hot; /* [frames lock] */
    uint64_t frames;            /* [frames lock] charged, on the list or not */
    uint64_t limit;             /* [frames lock] UINT64_MAX: none */
};

enum zc_vm_counter {
    ZC_VM_FAULTS, /* ZC_FAULT_KINDS of them */
    ZC_VM_FAULT_RETRIES = ZC_VM_FAULTS + ZC_FAULT_KINDS,
    ZC_VM_PIN_WAITS,
    ZC_VM_SWAPPED_OUT,
    ZC_VM_RECLAIM_SCANNED,
    ZC_VM_RECLAIM_FREED,
    ZC_VM_DIRECT_RECLAIMS,
    ZC_VM_PAGES_MERGED,
    ZC_VM_PAGES_FORKED,
    ZC_VM_KSM_COPIES,
    ZC_VM_INSTALLS_FAILED,
    ZC_VM_COUNTERS
};

#define ZC_RMAP_LOCKS 64 /* a power of two; frames are hashed to them */

struct zc_vm {
    struct zc_cache *cache;
    size_t page_size;
    unsigned swap_in; /* enum zc_swap_in_policy, resolved */
    uint64_t frame_count;
    char *memory; /* of the frames, in order */
    struct zc_vm_frame *frames;
    struct zc_spinlock rmap_locks[ZC_RMAP_LOCKS];

    struct zc_spinlock frames_lock;
    struct zc_list free;        /* [frames_lock] */
    uint64_t free_count;        /* [frames_lock] */
    uint64_t reserve;           /* frames that only reclaim itself takes */
    uint64_t low;               /* fewer free frames wake the reclaimer, */
    uint64_t high;              /* which frees up to so many */
    struct zc_vm_owner *owners; /* [frames_lock] ZC_OWNER_COUNT of them */
    struct zc_list turns; /* [frames_lock] round robin of owners with frames */

    struct zc_mutex lock;
    struct zc_list spaces;            /* [lock] */
    uint64_t space_count;             /* [lock] */
    uint64_t families;                /* [lock] numbers given out */
    struct zc_vm_table *spare_tables; /* [lock] of spaces that have ended */
    /* 1: a swapoff may sleep, on this word.  Pairs with itself, and with the
     * locks that vm/swapoff.c names. */
    zc_atomic_u32 swapoff_waits;

    /* kswapd, where there is one. */
    bool has_reclaimer;
    struct zc_mutex reclaimer_lock;
    struct zc_condition reclaimer_changed; /* any of these */
    bool is_wanted;                        /* [reclaimer_lock] */
    bool is_busy;                          /* [reclaimer_lock] */
    bool is_ending;                        /* [reclaimer_lock] */
    unsigned holders;                      /* [reclaimer_lock] */
    struct zc_thread reclaimer;

    zc_counter counters[ZC_VM_COUNTERS];
};

static inline void zc_vm_count(struct zc_vm *vm, unsigned counter)
{
    zc_counter_add(&vm->counters[counter], 1);
}

static inline void zc_vm_count_fault(struct zc_vm *vm, enum zc_fault_kind kind)
{
    zc_vm_count(vm, ZC_VM_FAULTS + (unsigned)kind);
}

static inline struct zc_swap *zc_vm_swap(const struct zc_vm *vm)
{
    return &vm->cache->swap;
}

static inline struct zc_vm_frame *zc_frame_of(struct zc_folio *folio)
{
    return ZC_CONTAINER(folio, struct zc_vm_frame, folio);
}

/* --- entries: vm/table.c --------------------------------------------- */

zc_pte zc_pte_of_slot(zc_swp slot);
zc_swp zc_pte_slot(zc_pte pte);
zc_pte zc_pte_of_frame(const struct zc_vm *vm, const struct zc_vm_frame *frame);
struct zc_vm_frame *zc_pte_frame(const struct zc_vm *vm, zc_pte pte);

/* Whether an entry is the same, but for the accessed and dirty bits. */
static inline bool zc_pte_same(zc_pte a, zc_pte b)
{
    return ((a ^ b) & ~(zc_pte)(ZC_PTE_ACCESSED | ZC_PTE_DIRTY)) == 0;
}

/* The table of a page, made if it is not there; NULL: no memory.  May block.
 * The caller holds the space's mappings, or, in a fork, no other thread has the
 * space yet. */
struct zc_vm_table *zc_vm_table_make(struct zc_vm_space *space, uint64_t page);
/* Keeps a table of an ended space for reuse; frees all that are kept. */
void zc_vm_table_spare(struct zc_vm *vm, struct zc_vm_table *table);
void zc_vm_tables_free(struct zc_vm *vm);

/* The table of a page, or NULL. */
struct zc_vm_table *zc_vm_table_find(const struct zc_vm_space *space,
                                     uint64_t page);
/* The newest table of a space, which begins the list of all, or NULL.  Tables
 * stay while the space does.  Tables made later are not on this list. */
static inline struct zc_vm_table *zc_vm_tables(const struct zc_vm_space *space)
{
    return zc_atomic_pointer_load_acquire(&space->newest);
}
/* How many entries of a table are pages of a space; the last table may have
 * fewer than all. */
static inline unsigned zc_vm_table_pages(const struct zc_vm_space *space,
                                         const struct zc_vm_table *table)
{
    const uint64_t rest = space->page_count - table->first;

    return rest < ZC_TABLE_ENTRIES ? (unsigned)rest : ZC_TABLE_ENTRIES;
}
static inline unsigned zc_vm_index(uint64_t page)
{
    return (unsigned)(page & (ZC_TABLE_ENTRIES - 1));
}

/* --- frames: vm/frame.c ---------------------------------------------- */

/* Whether an allocation may wait for writes: not with a folio locked. */
enum zc_frame_wait {
    ZC_FRAME_NO_WAIT,
    ZC_FRAME_MAY_WAIT
};

/*
 * A frame with one reference, not mapped, on no list, charged to the owner;
 * reclaims if none is free.  NULL: nothing can be freed.  The caller holds no
 * lock but perhaps a folio's, and then only with ZC_FRAME_NO_WAIT.
 */
struct zc_vm_frame *zc_frame_alloc(struct zc_vm *vm, unsigned owner,
                                   enum zc_frame_wait wait);

/* Brings an owner below its limit, for a frame that is charged to it later.
 * False: it stays at the limit.  Same locks as above. */
bool zc_frame_make_room(struct zc_vm *vm, unsigned owner,
                        enum zc_frame_wait wait);

/* For the swap cache: zc_folio_frames. */
struct zc_folio *zc_frame_alloc_folio(void *context, bool may_reclaim);
void zc_frame_free_folio(void *context, struct zc_folio *folio);

/* Puts a frame at the hot end of its owner's list, if it is on no list and not
 * isolated. */
void zc_frame_age(struct zc_vm *vm, struct zc_vm_frame *frame);

/* Charges a frame to another owner.  The folio is locked, or no other thread
 * can reach it. */
void zc_frame_charge(struct zc_vm *vm, struct zc_vm_frame *frame,
                     unsigned owner);

/* The coldest frame of an owner with a reference, off its list and isolated, or
 * NULL. */
struct zc_vm_frame *zc_frame_isolate(struct zc_vm *vm, unsigned owner);
/* Ends the isolation: puts the frame at the hot end.  The reference stays. */
void zc_frame_put_back(struct zc_vm *vm, struct zc_vm_frame *frame);

/*
 * Takes a locked folio out of the swap cache if its slot has no count and no
 * write of it is under way.  True: done, and it is dirty.  The caller has a
 * reference to the folio, and needs none to the device.
 */
bool zc_frame_try_free_slot(struct zc_vm *vm, struct zc_folio *folio);

/* The next owner that has frames, in turn; false: none. */
bool zc_frame_next_owner(struct zc_vm *vm, unsigned *owner_out);

uint64_t zc_frames_free(struct zc_vm *vm);

/* --- reverse mapping: vm/rmap.c -------------------------------------- */

/* The caller holds the table's lock, and has put the frame into the entry. */
void zc_rmap_add(struct zc_vm *vm, struct zc_vm_frame *frame,
                 struct zc_vm_place place);
/* The same for a frame that no other thread can reach yet.  Whatever leads
 * another thread to it (the entry, the list by age) is guarded by a lock that
 * this thread drops later. */
void zc_rmap_begin(struct zc_vm_frame *frame, struct zc_vm_place place);
/* The caller holds the table's lock, and changes the entry under it. */
void zc_rmap_remove(struct zc_vm *vm, struct zc_vm_frame *frame,
                    struct zc_vm_place place);
/* The newest mapping, as a name; a table of NULL: there is none, which is exact
 * only while no thread can add one. */
struct zc_vm_place zc_rmap_first(struct zc_vm *vm, struct zc_vm_frame *frame);
/* The next older one.  The caller holds the lock of the place's table, and the
 * entry maps the frame. */
struct zc_vm_place zc_rmap_next(struct zc_vm *vm, struct zc_vm_frame *frame,
                                struct zc_vm_place place);
/* These three: the caller holds the folio's lock. */
/* The frame is read for this page: makes it the frame's home, if it has
 * none. */
void zc_rmap_set_home(struct zc_vm_frame *frame,
                      const struct zc_vm_space *space, uint64_t page);
/* Makes this page the frame's home: no other page has the frame. */
void zc_rmap_reset_home(struct zc_vm_frame *frame, struct zc_vm_place place);
/* Whether a swap-in by this page of this space has to copy the frame. */
bool zc_rmap_needs_copy(const struct zc_vm_frame *frame,
                        const struct zc_vm_space *space, uint64_t page);

/* --- spaces: vm/space.c ---------------------------------------------- */

/* zc_vm_space_create() without its checks; family 0: a new one. */
zc_status zc_vm_space_make(struct zc_vm *vm, unsigned owner,
                           uint64_t page_count, uint64_t family,
                           struct zc_vm_space **space_out);

/* --- faults ---------------------------------------------------------- */

/* One read or write of a processor. */
struct zc_vm_access {
    struct zc_vm_space *space;
    uint64_t page;
    size_t offset;
    size_t size;
    bool is_write;
    void *bytes_out;   /* of a read, or NULL */
    const void *bytes; /* of a write, or NULL */
};

/* Does the access if the entry allows it.  True: done.  The caller holds the
 * lock of the entry's table. */
bool zc_vm_access_now(const struct zc_vm_access *access, zc_pte *entry);

/* One fault as it is being handled. */
struct zc_vm_fault {
    struct zc_vm_space *space;
    struct zc_vm_table *table;
    unsigned index;
    uint64_t page;
    zc_pte pte; /* as it was when the access failed */
    bool is_write;
    bool is_done; /* the access was done with the entry's change */
    enum zc_fault_kind kind;
    const struct zc_vm_access *access; /* NULL: the caller does none */
};

/* Makes the page present.  ZC_OK; ZC_AGAIN: another thread was faster, or is
 * about to be; after both look at the entry again.  Else as zc_vm_read(). */
zc_status zc_vm_handle_fault(struct zc_vm_fault *fault);
/* zc_vm_handle_fault() for a swap entry. */
zc_status zc_vm_swap_in(struct zc_vm_fault *fault);

/* Puts a frame into an entry that is still fault->pte, and on its owner's list,
 * and does the access if the new entry allows it (fault->is_done).  The
 * caller's reference becomes the mapping's.  False: the entry has changed, and
 * nothing is done.  `is_new`: no other thread can reach the frame yet, and its
 * reverse mapping is set without a lock. */
bool zc_vm_install(struct zc_vm_fault *fault, struct zc_vm_frame *frame,
                   zc_pte bits, bool is_new);

/* The frame to map for a locked cached folio, with a reference for the caller:
 * the folio's own, or a copy if it is a merged page of another place.  NULL: no
 * frame. */
struct zc_vm_frame *zc_vm_frame_for(struct zc_vm_fault *fault,
                                    struct zc_folio *folio);

/* Drops what an entry that was cleared referred to; no spinlock is held. */
void zc_vm_drop_pte(struct zc_vm *vm, zc_pte pte);

/* --- swapoff: vm/swapoff.c ------------------------------------------- */

/* Drops a swap count that the caller has and no entry has. */
void zc_vm_drop_count(struct zc_vm *vm, zc_swp slot);
/* Called after the caller has put such a count into an entry. */
void zc_vm_wake_swapoff(struct zc_vm *vm);

/* --- reclaim --------------------------------------------------------- */

/* Frees frames of an owner, or of all (ZC_OWNER_COUNT).  Returns how many, with
 * those whose write is under way.  Waits for no write. */
uint64_t zc_vm_shrink(struct zc_vm *vm, unsigned owner, uint64_t goal);

zc_status zc_vm_reclaimer_start(struct zc_vm *vm);
void zc_vm_reclaimer_stop(struct zc_vm *vm);
void zc_vm_reclaimer_wake(struct zc_vm *vm);
/* From hold to release the reclaimer does nothing; hold waits for its round. */
void zc_vm_reclaimer_hold(struct zc_vm *vm);
void zc_vm_reclaimer_release(struct zc_vm *vm);

#endif
