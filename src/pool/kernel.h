/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - slots: what the files of kernel placement share, and what dense
 * placement uses for its zspages of one page.
 *
 * A zspage is cut into slots of equal size.  A slot begins with a header word:
 *
 *    63                                  3 2       0
 *   +-------------------------------------+---------+
 *   |           handle, upper bits        |   001   |   in use
 *   +-------------------------------------+---------+
 *   |     next free slot, or all ones     |   000   |   free
 *   +-------------------------------------+---------+
 *
 * and its payload follows.  The header of a huge object, which fills its page,
 * is in the zspage's descriptor.  A location names a slot by its first byte,
 * wherever the header is.
 */
#ifndef ZC_POOL_KERNEL_H
#define ZC_POOL_KERNEL_H

#include "zspool.h"

/* The end of a free list; a full zspage has no other. */
#define ZC_SLOT_NONE UINT16_MAX

static inline uint64_t zc_slot_location(const struct zc_arena *arena,
                                        const struct zc_group *size_class,
                                        const struct zc_zspage *zspage,
                                        uint32_t index)
{
    return zc_zspage_location(arena, zspage) +
           (uint64_t)index * (size_class->slot_bytes / ZC_UNIT_BYTES);
}

/* The header word of a slot.  Group lock held, as for all that follow. */
uint64_t zc_slot_header(const struct zc_arena *arena,
                        const struct zc_group *size_class,
                        const struct zc_zspage *zspage, uint64_t location)
    ZC_REQUIRES(size_class->lock);

/*
 * Takes the first free slot of a zspage that has one, for an object of that
 * size; returns its location.  Fullness and the group's counters are the
 * caller's.
 */
uint64_t zc_slot_take(const struct zc_arena *arena,
                      const struct zc_group *size_class,
                      struct zc_zspage *zspage, uint64_t header, size_t size)
    ZC_REQUIRES(size_class->lock);

/* Frees a slot: the opposite of zc_slot_take(). */
void zc_slot_put(const struct zc_arena *arena,
                 const struct zc_group *size_class, struct zc_zspage *zspage,
                 uint64_t location) ZC_REQUIRES(size_class->lock);

/* Writes the header word of a slot. */
void zc_slot_set_header(const struct zc_arena *arena,
                        const struct zc_group *size_class,
                        struct zc_zspage *zspage, uint64_t location,
                        uint64_t header) ZC_REQUIRES(size_class->lock);

/* Puts a slot at the head of the free list, whatever its header says. */
void zc_slot_link(const struct zc_arena *arena,
                  const struct zc_group *size_class, struct zc_zspage *zspage,
                  uint32_t index) ZC_REQUIRES(size_class->lock);

/* Address of an object's first byte. */
char *zc_slot_payload(const struct zc_arena *arena,
                      const struct zc_group *size_class, uint64_t location);

/* Puts a zspage on the list that its number of objects asks for. */
void zc_kernel_sort(struct zc_group *size_class, struct zc_zspage *zspage)
    ZC_REQUIRES(size_class->lock);

extern const struct zc_group_ops zc_size_class_ops;

/* A group of slots of so many bytes, in zspages of so many pages. */
zc_status zc_size_class_init(const struct zc_zspool *pool, size_t bytes,
                             uint32_t pages, unsigned index,
                             struct zc_group *size_class);

/* zc_placement_ops.place, in a group. */
zc_status zc_slot_place(struct zc_zspool *pool, struct zc_group *size_class,
                        size_t size, bool beyond, zc_handle *handle_out,
                        struct zc_object_ref *ref_out);

/* zc_group_ops.detach, zc_placement_ops.compact_step */
void zc_kernel_detach(struct zc_zspool *pool, struct zc_group *size_class,
                      struct zc_zspage *zspage) ZC_REQUIRES(size_class->lock);
zc_status zc_kernel_compact_step(struct zc_zspool *pool, uint64_t most,
                                 struct zc_compact_result *result);

/* ---- pool/kernel_reclaim.c: see struct zc_group_ops ---- */

bool zc_kernel_next(struct zc_zspool *pool, struct zc_zspage *zspage,
                    uint32_t *place_inout, zc_handle *handle_out);
void zc_kernel_isolate(struct zc_zspool *pool, struct zc_zspage *zspage);
zc_status zc_kernel_defer(struct zc_zspool *pool,
                          const struct zc_object_ref *ref);
bool zc_kernel_is_deferred(struct zc_zspool *pool,
                           const struct zc_object_ref *ref);
void zc_kernel_undefer(struct zc_zspool *pool, const struct zc_object_ref *ref);
void zc_kernel_end_reclaim(struct zc_zspool *pool, struct zc_zspage *zspage,
                           bool rebuild);

/* Zspages of the size_class, those under reclaim too. */
static inline uint64_t zc_kernel_zspages(const struct zc_group *size_class)
    ZC_REQUIRES(size_class->lock)
{
    uint64_t zspages = size_class->reclaimed;
    unsigned fullness;

    for (fullness = 0; fullness < ZC_FULLNESS_GROUPS; fullness++)
        zspages += size_class->zspages[fullness];
    return zspages;
}

/* Zspages that the group would not need if its objects were moved together. */
uint64_t zc_kernel_spare_zspages(const struct zc_group *size_class)
    ZC_REQUIRES(size_class->lock);

#endif
