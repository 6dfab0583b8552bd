/* SPDX-License-Identifier: MIT */
/*
 * world.h - the parts that scenarios over the library are made of.
 *
 * A scenario has a setup, some threads and perhaps a finish of its own.  Around
 * them the world builds everything again, and at the end destroys the cache and
 * the pool and checks that all answers, counts and memory add up.
 *
 * A page carries its slot and version all over.  So a page that is read tells
 * which one it is, or that it is a mixture.
 */
#ifndef LAB_WORLD_H
#define LAB_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zcache/vm.h>
#include <zcache/zcache.h>
#include <zcache/zspool.h>

#include "engine/explore.h"
#include "oracle/pool.h"
#include "scenarios.h"
#include "zswap.h"

#define WORLD_PAGE ((size_t)4096)
#define WORLD_OBJECTS 20
#define WORLD_SPACES 3
#define WORLD_FRAMES 16
#define WORLD_SEGMENT_PAGES 4 /* of dense placement */

struct world_object {
    zc_handle handle;
    size_t size;
    unsigned content; /* the seed of its bytes */
    unsigned tags;
};

/* All that a scenario uses; every setup builds it again. */
struct world {
    struct zc_cache *cache;
    struct zc_zspool *pool; /* a pool by itself, or NULL */
    struct world_object objects[WORLD_OBJECTS];
    struct zc_lru_candidate candidate; /* for writeback, of setup */
    struct zc_vm *vm;                  /* or NULL */
    struct zc_vm_space *spaces[WORLD_SPACES];
    struct zc_folio *held[WORLD_FRAMES];
};

extern struct world world;

/* What a program's context points to. */
struct world_case {
    void (*setup)(void);  /* once: its result is kept for all executions */
    void (*begin)(void);  /* in each execution, or NULL: the scenario's own */
    const char *opening;  /* first line of the diagram, or NULL */
    void (*finish)(void); /* or NULL: the last calls and checks */
    bool reuse;           /* free entries and cells may be used again */
    uint32_t inject;      /* bits of enum zc_inject_point that may fail */
};

extern const char *const world_no_rules[]; /* of a scenario that lists none */

/* For every program over the library; context: a struct world_case. */
void world_setup(void *context);
void world_finish(void *context);
bool world_break(const char *rule);

#define WORLD_PROGRAM(name_, actors_, case_)                                   \
    .name = (name_), .context = (void *)(uintptr_t)(case_),                    \
    .setup = world_setup, .finish = world_finish, .actors = (actors_),         \
    .actor_count = sizeof(actors_) / sizeof((actors_)[0]), .disposable = true, \
    .watched = true

/* Of an execution, where a rule that is broken makes a thread spin for ever: as
 * many are a livelock.  Three times the most that any of these has else. */
#define WORLD_STEPS 1000u

/* --- a cache --------------------------------------------------------- */

/* Makes the cache, page size WORLD_PAGE, a context per thread; zero fields of
 * the options are the world's. */
void world_cache(enum zc_placement placement, const char *compressor);
/* The same with kernel placement, LZ4, and so many contexts. */
void world_cache_of_contexts(unsigned contexts);
/* Watches the shard of these slots; a page is stored there. */
void world_watch_cache(void);

/* The calls, on slot 0:slot: their answers are noted and their pages checked.
 * They return the status. */
zc_status world_store(unsigned slot, unsigned version);
zc_status world_load(unsigned slot);
zc_status world_take(unsigned slot);
zc_status world_invalidate(unsigned slot);
zc_status world_set_compressor(const char *name);
/* With the current compressor; ZC_AGAIN: a page was used meanwhile. */
zc_status world_recompress(void);

/* Versions from here on are of pages that compress little, or not at all. */
#define WORLD_MIDDLE 50u
#define WORLD_RAW 100u

/* --- a cache with a device ------------------------------------------- */

#define WORLD_SLOTS 4 /* of the device */

/*
 * Makes a cache that keeps an LRU of entries, and a device in memory as type 0;
 * the thread that asks for I/O does it itself.
 */
void world_disk(void);
/* The two halves of world_disk(); the second with I/O workers, which need
 * threads, so not in setup. */
void world_lru_cache(void);
/* ZC_OK, or ZC_BUSY: another change is under way. */
zc_status world_device_on(unsigned workers);
/* A cache that drops its coldest pages, and tells which; with the pages, or
 * without.  It has no device. */
void world_drop_cache(bool with_pages);
/* The same whose pool keeps an LRU of zspages (lru = zspage). */
void world_disk_of_zspages(enum zc_placement placement);
/* world_disk() with a compressor that needs its context to decompress, as zstd
 * does, and with one context. */
void world_disk_one_context(void);
/* From here on there is no room for more pages than are stored. */
void world_limit(void);
/* The coldest entries have no second chance left. */
void world_make_cold(void);
/* So many seconds pass. */
void world_grow_old(unsigned seconds);
/* zc_cache_writeback() of pages of that age. */
void world_write_older(unsigned seconds);
/* Stores a page of setup and writes it back. */
void world_store_cold(unsigned slot, unsigned version);

/* What a shrink does with one candidate: the coldest entry of the list.
 * ZC_MISSING: there is none. */
zc_status world_writeback(void);
/* What a shrink does with the coldest zspage, once. */
void world_reclaim(void);
/* The two halves of world_writeback(): setup picks the candidate, a thread
 * writes it back later. */
void world_choose(void);
zc_status world_write_candidate(void);
/* Drops it; the cache is that of world_drop_cache(). */
zc_status world_drop_candidate(void);
/* Turns the device off; the pages that it hands back are kept, and count as
 * taken. */
zc_status world_swap_off(void);

/* --- a machine ------------------------------------------------------- */

/*
 * Makes a cache with a synchronous device of so many slots as type 0, and a
 * machine over it with the fewest frames.  Spaces are A, B, C: 0, 1, 2.
 */
void world_machine(unsigned swap_in, unsigned slots);
/* The same, whose cache keeps an LRU of entries and so can shrink. */
void world_machine_with_lru(unsigned swap_in, unsigned slots);
/* That too, with a device that is not synchronous: a page that was swapped in
 * keeps its slot. */
void world_machine_slow(unsigned slots);
/* Takes all free frames but reclaim's own; gives them back. */
void world_hold_frames(void);
void world_release_frames(void);
/* A space of so many mapped pages, owned by the owner of the same number. */
void world_space(unsigned space, unsigned pages);

/* Accesses of a whole page; what is read is checked against what was written
 * to this page of this space. */
void world_write(unsigned space, unsigned page, unsigned version);
zc_status world_read_page(unsigned space, unsigned page);
/* The page has this version from here on, by fork or merge. */
void world_inherit(unsigned space, unsigned page, unsigned version);

/* From here on the cache stores no page. */
void world_refuse(void);
/* Overwrites a present page's frame; its folio is then not up to date. */
void world_lose_bytes(unsigned space, unsigned page);

void world_unmap(unsigned space, unsigned page);
void world_fork(unsigned space, unsigned child);
/* Makes one frame of equal pages of two spaces. */
void world_merge(unsigned space, unsigned other, unsigned page);
/* Frames of one owner, or of all. */
zc_status world_swap_out(unsigned owner, unsigned frames);
/* Makes a machine with so many slots and one page, A:0, swapped out. */
void world_page_out(unsigned swap_in, unsigned slots);
void world_machine_off(void);

/* --- a pool ---------------------------------------------------------- */

void world_pool(enum zc_placement placement, bool keep_lru);
/* A dense one with a group of segments for each of so many processors. */
void world_pool_groups(unsigned groups);
/* A dense one with segments that grow once. */
void world_pool_growing(void);
/* Puts, frees, reads (twice under one pin) object `index`. */
void world_put(unsigned index, size_t size);
void world_free(unsigned index);
zc_status world_read(unsigned index);
void world_compact(void);
/* The same, that moves so many objects at most. */
void world_compact_some(unsigned objects);
/* Sets tags of an object.  The finish fails unless an object that was not freed
 * has these. */
void world_tag(unsigned index, unsigned tags);
void world_check_tags(unsigned index);
/* Visits every object; each must have the bytes of an object that was put, and
 * keep them during the visit. */
void world_iterate(void);
/* Reads an object from evict, by its handle; checks its bytes. */
void world_read_handle(zc_handle handle);
int world_object_of(zc_handle handle); /* -1: none */

#endif
