/* SPDX-License-Identifier: MIT */
/*
 * dense_compact.c - emptying segments into the holes of others.
 *
 * Evacuate: the emptiest segment, the victim, is isolated: its spans leave the
 * bins, so that no object is placed in it.  Its objects are moved, each into
 * the tightest span elsewhere.  When the last has moved, the segment goes back
 * to the system.
 *
 * Slide: if no span is long enough, the objects of another segment are moved
 * down, so that its free spans become one; each segment at most once in a
 * round.
 *
 * A step works on one group: the one with the most free space.  An object that
 * fits nowhere else in that group goes to another group.
 *
 * A round begins when about one percent of all granules is free, and at least
 * as many as a segment has.  It ends when half of that is left, when many
 * victims in a row could not be emptied, or when twice as many objects were
 * moved as there are.  The last ends it also if other threads allocate and free
 * all the time.
 *
 * A put that the limit would refuse slides a segment too:
 * zc_dense_make_span().
 *
 * Why it cannot go wrong.  The compacting thread holds the group's lock for at
 * most STEP_OBJECTS moves or one slide.
 *
 * The compacting thread and a reader: the pin word of the segment that objects
 * are moved out of, or that is slid, is LOCKED meanwhile (WALK_EXCLUDES_MOVE),
 * so no thread reads the bytes that move.  The segment that receives an object
 * needs no LOCKED: the object is copied into a free span, which no reader
 * reads.
 *
 * The compacting thread and a thread that frees the object: a free holds the
 * lock of the object's group.  An object that goes to another group moves with
 * the locks of both groups held, so the freeing thread finds the object in one
 * of them, and the object stays there until the unlock.  Otherwise the free
 * could give up the old place, where another object may be by then.  The second
 * lock is only tried: two locks of one rank have no order, so two threads that
 * wait for each other's lock would deadlock.
 *
 * The compacting thread and a thread that places an object: the victim is
 * isolated from its choice until it is released or put back, also between
 * steps, but not between calls.  So no object is placed in a segment that is
 * being emptied.
 */
#include "pool/dense.h"

#include "platform/memory.h"

#define STEP_OBJECTS 16
#define VICTIM_FAILURES_MAX 64 /* in a row; then the round ends */
#define SCAN_MAX 32            /* segments looked at per fullness list */
#define OTHERS_MAX 8           /* groups that are tried for one object */

/*
 * A round begins when this part of all granules is free, and ends when half as
 * much is.  To compact the rest would take many moves, and allocations and
 * frees would soon open new holes.
 */
#define BEGIN_FREE_PART 96
#define END_FREE_PART (2 * BEGIN_FREE_PART)

static bool was_tried(const struct zc_zspool *pool,
                      const struct zc_zspage *zspage)
{
    return zspage->round == pool->round;
}

/* The emptiest of the first few segments of the emptiest list that has one.  A
 * segment that is longer than all free space is skipped: its objects may not
 * fit elsewhere. */
static struct zc_zspage *find_victim(const struct zc_zspool *pool,
                                     struct zc_group *group,
                                     uint64_t free_granules)
{
    struct zc_zspage *best = NULL;
    struct zc_zspage *zspage;
    struct zc_list *link;
    unsigned fullness;
    unsigned scanned;

    for (fullness = 1; fullness < ZC_FULLNESS_GROUPS - 1; fullness++) {
        scanned = 0;
        for (link = group->fullness[fullness].next;
             link != &group->fullness[fullness] && scanned < SCAN_MAX;
             link = link->next, scanned++) {
            zspage = ZC_CONTAINER(link, struct zc_zspage, link);
            if (was_tried(pool, zspage) ||
                zc_segment_granules(zspage) > free_granules)
                continue;
            if (best == NULL || zspage->used < best->used)
                best = zspage;
        }
        if (best != NULL)
            return best;
    }
    return NULL;
}

/* Ends the isolation of a segment: allocations find its spans again. */
static void restore_victim(struct zc_zspool *pool, struct zc_group *group,
                           struct zc_zspage *victim)
{
    struct zc_segment segment = zc_segment_of(pool, group, victim);

    victim->isolated = false;
    zc_segment_bin_all(&segment);
    zc_group_insert(group, victim,
                    zc_fullness_of(victim->used, segment.granules));
    zc_dense_of(group)->victim = NULL;
}

/* Granules, in several groups. */
struct totals {
    uint64_t capacity;
    uint64_t free;
};

/*
 * Chooses the group of the next victim: the one with the most free space of
 * those that are not done in this round.  *others_out: the sums of all other
 * groups.
 */
static unsigned choose_group(struct zc_zspool *pool, struct totals *others_out)
{
    struct totals all = {0, 0};
    struct totals best = {0, 0};
    unsigned chosen = 0;
    struct zc_group *group;
    struct zc_dense *dense;
    struct totals own;
    unsigned i;

    for (i = 0; i < pool->segment_groups && pool->segment_groups > 1; i++) {
        group = &pool->groups[i];
        dense = zc_dense_of(group);
        zc_spinlock_lock(&group->lock);
        own.capacity = dense->capacity;
        own.free = dense->capacity - dense->used;
        zc_spinlock_unlock(&group->lock);
        all.capacity += own.capacity;
        all.free += own.free;
        if (!dense->is_done && (zc_dense_of(&pool->groups[chosen])->is_done ||
                                own.free >= best.free)) {
            chosen = i;
            best = own;
        }
    }
    others_out->capacity = all.capacity - best.capacity;
    others_out->free = all.free - best.free;
    return chosen;
}

static zc_status choose_victim(struct zc_zspool *pool, struct zc_group *group,
                               const struct totals *others)
{
    struct zc_dense *dense = zc_dense_of(group);
    struct zc_segment segment;
    struct zc_zspage *victim;
    const uint64_t free_granules = others->free + dense->capacity - dense->used;
    const uint64_t capacity = others->capacity + dense->capacity;
    unsigned part;

    part = dense->moved == 0 ? BEGIN_FREE_PART : END_FREE_PART;
    if (free_granules < capacity / part || dense->moved > 2 * group->objects)
        return ZC_OK;
    victim = find_victim(pool, group, free_granules);
    if (victim == NULL)
        return ZC_OK;
    segment = zc_segment_of(pool, group, victim);
    zc_segment_unbin_all(&segment);
    zc_group_remove(group, victim);
    victim->isolated = true;
    victim->round = pool->round;
    dense->victim = victim;
    return ZC_AGAIN;
}

/*
 * Moves the object at `from` to the span at `location` in another segment.  The
 * caller holds the locks of both groups.
 */
static void move_object(const struct zc_segment *segment, uint32_t from,
                        uint32_t length, struct zc_group *group,
                        uint64_t location)
{
    struct zc_zspool *pool = segment->pool;
    struct zc_segment target = zc_segment_around(pool, group, location);
    uint32_t to = zc_segment_granule(&target, location);
    char *source = zc_segment_at(segment, from);
    uint32_t cell = zc_dense_word(source) >> ZC_DENSE_WORD_SHIFT;
    struct zc_cell_view view;

    zc_handles_view_at(&pool->handles, cell, &view);
    zc_dense_carve(&target, to, length, cell);
    memcpy(zc_segment_at(&target, to) + ZC_DENSE_HEADER_BYTES,
           source + ZC_DENSE_HEADER_BYTES, view.size);
    zc_handles_move(&pool->handles, cell, location);
    zc_dense_erase(segment, from, length);
    segment->group->objects--;
    segment->group->payload_bytes -= view.size;
    group->objects++;
    group->payload_bytes += view.size;
}

/* Finds a span in another group and returns that group, locked; NULL: none
 * found. */
static struct zc_group *find_elsewhere(const struct zc_segment *segment,
                                       uint32_t length, uint64_t *location_out)
    ZC_NO_LOCK_ANALYSIS
{
    struct zc_zspool *pool = segment->pool;
    const unsigned count = pool->segment_groups;
    const unsigned own = (unsigned)(segment->group - pool->groups);
    struct zc_group *other;
    unsigned i;

    for (i = 1; i < count && i <= OTHERS_MAX; i++) {
        other = &pool->groups[(own + i) % count];
        if (!zc_spinlock_trylock(&other->lock))
            continue;
        if (zc_span_find(zc_dense_of(other), length, location_out))
            return other;
        zc_spinlock_unlock(&other->lock);
    }
    return NULL;
}

/* Moves the object at `at` to the span that fits best; false: there is none. */
static bool move_away(const struct zc_segment *segment, uint32_t at,
                      uint32_t length) ZC_NO_LOCK_ANALYSIS
{
    struct zc_group *other;
    uint64_t location;

    if (zc_span_find(segment->dense, length, &location)) {
        move_object(segment, at, length, segment->group, location);
        return true;
    }
    other = find_elsewhere(segment, length, &location);
    if (other == NULL)
        return false;
    move_object(segment, at, length, other, location);
    zc_spinlock_unlock(&other->lock);
    return true;
}

/*
 * Moves objects out of the victim.  ZC_OK: it is empty; ZC_AGAIN: the step
 * ends, and there are more; ZC_MISSING: the rest fit nowhere; *length_out is
 * the length of one of them.
 */
static zc_status evacuate_segment(const struct zc_segment *segment,
                                  uint64_t most,
                                  struct zc_compact_result *result,
                                  uint32_t *length_out)
{
    uint32_t kept_end = 0; /* end of the last object that stays */
    unsigned moved = 0;
    uint32_t at = 0;
    uint32_t length;
    uint32_t word;

    while (segment->zspage->used > 0 && at < segment->granules) {
        word = zc_dense_word(zc_segment_at(segment, at));
        length = zc_dense_length(segment, word);
        if (!zc_dense_is_object(word)) {
            at += length;
        } else if (moved == STEP_OBJECTS || result->objects_moved >= most) {
            return ZC_AGAIN;
        } else if (!move_away(segment, at, length)) {
            *length_out = length;
            at += length;
            kept_end = at;
        } else {
            at = kept_end; /* the span that begins there is longer now */
            result->objects_moved++;
            moved++;
        }
    }
    return segment->zspage->used > 0 ? ZC_MISSING : ZC_OK;
}

/* Moves an object within its segment to a lower place; the two may overlap. */
static void move_down(const struct zc_segment *segment, uint32_t from,
                      uint32_t to)
{
    struct zc_handles *handles = &segment->pool->handles;
    uint32_t word = zc_dense_word(zc_segment_at(segment, from));
    struct zc_cell_view view;

    zc_handles_view_at(handles, word >> ZC_DENSE_WORD_SHIFT, &view);
    memmove(zc_segment_at(segment, to), zc_segment_at(segment, from),
            ZC_DENSE_HEADER_BYTES + view.size);
    zc_dense_set_word(zc_segment_at(segment, to), word & ~ZC_DENSE_PREV_FREE);
    zc_handles_move(handles, word >> ZC_DENSE_WORD_SHIFT,
                    zc_segment_location(segment, to));
}

/* Moves the objects of a segment down: its free granules become one span, at
 * its end or in front of the first object that the budget left.  Its pin word
 * is LOCKED. */
static void slide_segment(const struct zc_segment *segment, uint64_t most,
                          struct zc_compact_result *result)
{
    uint32_t from = 0;
    uint32_t to = 0;
    uint32_t length;
    uint32_t word;

    zc_segment_unbin_all(segment);
    zc_memory_open(segment->memory,
                   zc_dense_bytes(segment->dense, segment->granules));
    for (; from < segment->granules; from += length) {
        word = zc_dense_word(zc_segment_at(segment, from));
        length = zc_dense_length(segment, word);
        if (!zc_dense_is_object(word))
            continue;
        if (from != to) {
            if (result->objects_moved >= most)
                break;
            move_down(segment, from, to);
            result->objects_moved++;
        }
        to += length;
    }
    if (to < from)
        zc_span_write(segment, to, from - to);
    zc_segment_bin_all(segment);
}

/*
 * Finds a segment that has `length` free granules in all, and slides it.
 * Begins with the emptiest list, and at the head of each.  A segment that was
 * checked goes to the tail, so that the next step checks others.  `once`: skips
 * segments that this round has slid already.
 */
static bool slide_one_segment(struct zc_zspool *pool, struct zc_group *group,
                              uint32_t length, uint64_t most, bool once,
                              struct zc_compact_result *result)
{
    struct zc_segment segment;
    struct zc_zspage *zspage;
    struct zc_list *list;
    unsigned fullness;
    unsigned scanned;

    for (fullness = 1; fullness < ZC_FULLNESS_GROUPS - 1; fullness++) {
        list = &group->fullness[fullness];
        for (scanned = 0; scanned < SCAN_MAX && !zc_list_is_empty(list);
             scanned++) {
            zspage = ZC_CONTAINER(list->next, struct zc_zspage, link);
            zc_list_remove(&zspage->link);
            zc_list_add_last(list, &zspage->link);
            if ((once && was_tried(pool, zspage)) ||
                zc_segment_granules(zspage) - zspage->used < length ||
                !zc_zspage_trylock(zspage))
                continue;
            if (once)
                zspage->round = pool->round;
            segment = zc_segment_of(pool, group, zspage);
            slide_segment(&segment, most, result);
            zc_zspage_unlock(zspage);
            return true;
        }
    }
    return false;
}

/*
 * Makes room for an object of `length` granules; false: no segment has so many
 * free granules.  A step checks SCAN_MAX segments of each list, so after the
 * steps that the longest list takes all segments have been checked.
 */
static bool make_room(struct zc_zspool *pool, struct zc_group *group,
                      uint32_t length, uint64_t most,
                      struct zc_compact_result *result)
{
    struct zc_dense *dense = zc_dense_of(group);
    uint64_t longest = 0;
    unsigned fullness;

    if (length >= dense->min_unsatisfiable)
        return false;
    if (slide_one_segment(pool, group, length, most, true, result)) {
        dense->scans = 0;
        return true;
    }
    for (fullness = 1; fullness < ZC_FULLNESS_GROUPS - 1; fullness++)
        if (group->zspages[fullness] > longest)
            longest = group->zspages[fullness];
    dense->scans++;
    if ((uint64_t)dense->scans * SCAN_MAX < longest)
        return true; /* not all are checked yet */
    dense->scans = 0;
    dense->min_unsatisfiable = length;
    return false;
}

static void end_round(struct zc_zspool *pool)
{
    struct zc_dense *dense;
    unsigned i;

    for (i = 0; i < pool->segment_groups; i++) {
        dense = zc_dense_of(&pool->groups[i]);
        dense->is_done = false;
        dense->failures = 0;
        dense->scans = 0;
        dense->moved = 0;
        dense->min_unsatisfiable = UINT32_MAX;
    }
    pool->round++;
}

/* Marks this group as done in this round; ZC_OK: all groups are, and the round
 * ends. */
static zc_status end_group(struct zc_zspool *pool, struct zc_dense *dense)
{
    unsigned i;

    dense->is_done = true;
    for (i = 0; i < pool->segment_groups; i++)
        if (!zc_dense_of(&pool->groups[i])->is_done)
            return ZC_AGAIN;
    end_round(pool);
    return ZC_OK;
}

/*
 * Gives the victim up: it cannot be emptied now.  Its free granules are made
 * one span, into which an object of a later victim may fit.  True: the round
 * goes on.
 */
static bool give_up(struct zc_zspool *pool, struct zc_group *group,
                    uint64_t most, struct zc_compact_result *result)
{
    struct zc_dense *dense = zc_dense_of(group);
    struct zc_zspage *victim = dense->victim;
    struct zc_segment segment = zc_segment_of(pool, group, victim);

    restore_victim(pool, group, victim);
    if (victim->used > 0 && zc_zspage_trylock(victim)) {
        slide_segment(&segment, most, result);
        zc_zspage_unlock(victim);
    }
    dense->failures++;
    return dense->failures < VICTIM_FAILURES_MAX;
}

/*
 * The compacting thread sets LOCKED in the pin word of the victim, the segment
 * that it empties; false: the victim has readers.  If all its objects are gone,
 * the last reader must release it.  Readers unpin at any time: one CAS sets
 * LOCKED if there are none, else RELEASE, and is repeated if the word has
 * changed.  In two steps the last reader could unpin between them, and neither
 * thread would release the victim.
 */
static bool lock_victim(struct zc_zspage *victim)
{
    if (victim->used == 0)
        return zc_zspage_try_release(victim);
    return zc_zspage_trylock(victim);
}

/* One step with the victim; true: it is empty, detached, and LOCKED. */
static bool step_victim(struct zc_zspool *pool, struct zc_group *group,
                        uint64_t most, struct zc_compact_result *result,
                        zc_status *status_out)
{
    struct zc_zspage *victim = zc_dense_of(group)->victim;
    struct zc_segment segment = zc_segment_of(pool, group, victim);
    uint32_t length = 0;
    zc_status status;

    *status_out = ZC_AGAIN;
    if (!lock_victim(victim)) {
        if (!give_up(pool, group, most, result))
            *status_out = ZC_OK;
        return false;
    }
    status = evacuate_segment(&segment, most, result, &length);
    if (status == ZC_OK) {
        zc_dense_detach(pool, group, victim);
        segment.dense->victim = NULL;
        segment.dense->failures = 0;
        return true;
    }
    zc_zspage_unlock(victim);
    if (status == ZC_MISSING && !make_room(pool, group, length, most, result) &&
        !give_up(pool, group, most, result))
        *status_out = ZC_OK;
    return false;
}

bool zc_dense_make_span(struct zc_zspool *pool, struct zc_group *group,
                        uint32_t length)
{
    struct zc_compact_result result = {0};
    bool is_made;

    if (zc_dense_of(group)->capacity - zc_dense_of(group)->used < length)
        return false;
    is_made =
        slide_one_segment(pool, group, length, UINT64_MAX, false, &result);
    zc_counter_add(&pool->objects_moved, result.objects_moved);
    return is_made;
}

zc_status zc_dense_compact_step(struct zc_zspool *pool, uint64_t most,
                                struct zc_compact_result *result)
{
    const uint64_t moved_before = result->objects_moved;
    struct zc_zspage *emptied = NULL;
    struct totals others = {0, 0};
    zc_status status = ZC_OK;
    struct zc_group *group;
    struct zc_dense *dense;

    if (pool->round == 0)
        end_round(pool); /* segments begin with round 0 */
    if (zc_dense_of(&pool->groups[pool->cursor])->victim == NULL)
        pool->cursor = choose_group(pool, &others);
    group = &pool->groups[pool->cursor];
    dense = zc_dense_of(group);
    zc_spinlock_lock(&group->lock);
    /* A step that chooses a victim also begins to empty it: otherwise, with a
     * very short time budget, each call would only choose one. */
    if (dense->victim != NULL ||
        choose_victim(pool, group, &others) == ZC_AGAIN) {
        emptied = dense->victim;
        if (!step_victim(pool, group, most, result, &status))
            emptied = NULL;
    }
    dense->moved += result->objects_moved - moved_before;
    if (status == ZC_OK)
        status = end_group(pool, dense);
    zc_spinlock_unlock(&group->lock);

    if (emptied != NULL) {
        result->pages_freed += emptied->pages;
        zc_arena_release(&pool->arena, emptied);
    }
    return status;
}

void zc_dense_compact_pause(struct zc_zspool *pool,
                            struct zc_compact_result *result)
{
    struct zc_group *group = &pool->groups[pool->cursor];
    struct zc_zspage *victim;
    bool emptied = false;

    zc_spinlock_lock(&group->lock);
    victim = zc_dense_of(group)->victim;
    if (victim != NULL) {
        victim->round = 0; /* not tried to its end: another call may */
        restore_victim(pool, group, victim);
        emptied = victim->used == 0 && zc_zspage_try_release(victim);
        if (emptied)
            group->ops->detach(pool, group, victim);
    }
    zc_spinlock_unlock(&group->lock);
    if (emptied) {
        result->pages_freed += victim->pages;
        zc_arena_release(&pool->arena, victim);
    }
}
