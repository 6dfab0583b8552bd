/* SPDX-License-Identifier: MIT */
/* test_vm_frame.c - page frames: free, charged, by age, isolated. */
#include "support_device.h"
#include "support_test.h"
#include "support_threads.h"
#include "support_vm.h"

#include "base/inject.h"
#include "vm/vm.h"

#define FRAMES 64

static struct support_vm machine;
static struct zc_vm_space *space;

static void begin(uint64_t pages)
{
    const struct support_vm_kind kind = {.frames = FRAMES};

    machine = support_vm_make(&kind);
    space = support_vm_space(&machine, pages);
}

static void end(void)
{
    zc_vm_space_destroy(space);
    support_vm_end(&machine);
}

static struct zc_vm_frame *get(unsigned owner)
{
    return zc_frame_alloc(machine.vm, owner, ZC_FRAME_MAY_WAIT);
}

static void put(struct zc_vm_frame *frame)
{
    zc_folio_put(&machine.cache->swap, &frame->folio);
}

static uint64_t charged(unsigned owner)
{
    uint64_t frames;

    zc_spinlock_lock(&machine.vm->frames_lock);
    frames = machine.vm->owners[owner].frames;
    zc_spinlock_unlock(&machine.vm->frames_lock);
    return frames;
}

TEST(a_new_frame_is_nobodys_but_charged)
{
    struct zc_vm_frame *frame;

    begin(1);
    frame = get(3);
    assert_non_null(frame);
    assert_int_equal(frame->owner, 3);
    assert_int_equal(charged(3), 1);
    assert_int_equal(zc_atomic_u32_load_relaxed(&frame->folio.references), 1);
    assert_int_equal(zc_atomic_u32_load_relaxed(&frame->folio.flags), 0);
    assert_true(zc_list_is_empty(&frame->age));
    assert_int_equal(support_vm_stats(&machine).frames_free, FRAMES - 1);
    put(frame);
    assert_int_equal(charged(3), 0);
    /* The warmest one comes first. */
    assert_ptr_equal(get(4), frame);
    put(frame);
    end();
}

TEST(the_last_frames_are_for_reclaim)
{
    struct zc_vm_frame *frames[FRAMES];
    struct zc_folio *folio;
    unsigned count = 0;

    begin(1);
    while (count < FRAMES && (frames[count] = get(0)) != NULL)
        count++;
    assert_int_equal(count, FRAMES - machine.vm->reserve);
    assert_int_equal(machine.vm->reserve, 4);
    assert_null(zc_frame_alloc_folio(machine.vm, true));
    folio = zc_frame_alloc_folio(machine.vm, false);
    assert_non_null(folio);
    assert_int_equal(charged(ZC_OWNER_COUNT), 1);
    zc_folio_put(&machine.cache->swap, folio);
    while (count > 0)
        put(frames[--count]);
    end();
}

TEST(an_owner_at_his_limit_gets_no_frame)
{
    struct zc_vm_frame *frames[4];
    unsigned i;

    begin(1);
    assert_status(zc_vm_set_owner_limit(machine.vm, 5, 3), ZC_OK);
    for (i = 0; i < 3; i++)
        frames[i] = get(5);
    assert_non_null(frames[2]);
    assert_null(get(5));
    assert_false(zc_frame_make_room(machine.vm, 5, ZC_FRAME_MAY_WAIT));
    frames[3] = get(6);
    assert_non_null(frames[3]);
    put(frames[3]);
    put(frames[2]);
    assert_true(zc_frame_make_room(machine.vm, 5, ZC_FRAME_NO_WAIT));
    frames[2] = get(5);
    assert_non_null(frames[2]);
    assert_status(zc_vm_set_owner_limit(machine.vm, 5, 0), ZC_OK);
    frames[3] = get(5);
    assert_non_null(frames[3]);
    for (i = 0; i < 4; i++)
        put(frames[i]);
    end();
}

TEST(a_frame_can_change_its_owner)
{
    struct zc_vm_frame *frame;
    unsigned owner = 99;

    begin(1);
    support_vm_write(space, 0, 1);
    frame = support_vm_frame(space, 0);
    zc_frame_charge(machine.vm, frame, 9);
    assert_int_equal(charged(0), 0);
    assert_int_equal(charged(9), 1);
    support_vm_check(&machine);
    assert_true(zc_frame_next_owner(machine.vm, &owner));
    assert_int_equal(owner, 9);
    zc_frame_charge(machine.vm, frame, 9);
    assert_int_equal(charged(9), 1);
    support_vm_check(&machine);
    end();
}

TEST(owners_take_turns)
{
    struct zc_vm_space *other;
    unsigned owner = 99;

    begin(1);
    assert_false(zc_frame_next_owner(machine.vm, &owner));
    other = support_vm_space_of(&machine, 7, 1, 0);
    support_vm_write(space, 0, 1);
    support_vm_write(other, 0, 1);
    assert_true(zc_frame_next_owner(machine.vm, &owner));
    assert_int_equal(owner, 0);
    assert_true(zc_frame_next_owner(machine.vm, &owner));
    assert_int_equal(owner, 7);
    assert_true(zc_frame_next_owner(machine.vm, &owner));
    assert_int_equal(owner, 0);
    zc_vm_space_destroy(other);
    assert_true(zc_frame_next_owner(machine.vm, &owner));
    assert_int_equal(owner, 0);
    end();
}

TEST(frames_are_isolated_coldest_first)
{
    struct zc_vm_frame *frames[3];
    unsigned i;

    begin(3);
    for (i = 0; i < 3; i++)
        support_vm_write(space, i, 1);
    for (i = 0; i < 3; i++) {
        frames[i] = zc_frame_isolate(machine.vm, 0);
        assert_ptr_equal(frames[i], support_vm_frame(space, i));
        assert_true(frames[i]->is_isolated);
        /* A thread that maps it meanwhile does not put it on the list. */
        zc_frame_age(machine.vm, frames[i]);
        assert_true(zc_list_is_empty(&frames[i]->age));
    }
    assert_null(zc_frame_isolate(machine.vm, 0));
    assert_null(zc_frame_isolate(machine.vm, 1));
    zc_frame_put_back(machine.vm, frames[1]);
    zc_frame_put_back(machine.vm, frames[0]);
    zc_frame_put_back(machine.vm, frames[2]);
    put(frames[0]);
    put(frames[1]);
    put(frames[2]);
    assert_ptr_equal(zc_frame_isolate(machine.vm, 0), frames[1]);
    zc_frame_put_back(machine.vm, frames[1]);
    put(frames[1]);
    support_vm_check(&machine);
    end();
}

/* A page in the swap cache that nothing maps: dirty, and its write refused. */
static struct zc_vm_frame *leave_in_cache(void)
{
    const struct zc_owner_options miser = {
        .struct_size = sizeof(miser), .limit_bytes = 1, .no_writeback = 1};
    struct zc_vm_frame *frame;

    support_vm_write(space, 1, 1);
    support_vm_reclaim_all(&machine);
    support_vm_write(space, 0, 1);
    frame = support_vm_frame(space, 0);
    assert_status(zc_cache_set_owner(machine.cache, 0, &miser), ZC_OK);
    support_vm_reclaim_all(&machine);
    assert_true((support_vm_entry(space, 0) & ZC_PTE_SWAP) != 0);
    assert_int_equal(zc_atomic_u32_load_relaxed(&frame->folio.references), 1);
    assert_true(zc_folio_has(&frame->folio, ZC_FOLIO_SWAPCACHE));
    return frame;
}

TEST(a_frame_of_the_cache_alone_is_had_by_name)
{
    struct zc_vm_frame *frame;
    zc_swp slot;

    begin(2);
    frame = leave_in_cache();
    slot = frame->folio.swap;
    assert_ptr_equal(zc_frame_isolate(machine.vm, 0), frame);
    assert_true(frame->is_isolated);
    assert_int_equal(zc_atomic_u32_load_relaxed(&frame->folio.references), 2);
    zc_frame_put_back(machine.vm, frame);
    zc_swapcache_put(&machine.cache->swap, slot, &frame->folio);
    support_vm_check(&machine);
    (void)support_vm_expect(space, 0, 0, 1);
    end();
}

TEST(a_slot_is_given_up_only_without_a_count)
{
    struct zc_folio *folio;

    begin(2);
    folio = &leave_in_cache()->folio;
    zc_folio_get(folio);
    assert_true(zc_folio_trylock(folio));
    assert_false(zc_frame_give_up_slot(machine.vm, folio));
    assert_status(zc_vm_unmap(space, 0, 1), ZC_OK);
    assert_int_equal(support_vm_slots_used(&machine), 2);
    assert_true(zc_frame_give_up_slot(machine.vm, folio));
    assert_int_equal(support_vm_slots_used(&machine), 1);
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    zc_folio_unlock(&machine.cache->swap, folio);
    zc_folio_put(&machine.cache->swap, folio);
    end();
}

/* ---- waiting for writes ---- */

#define HELD 20

static struct support_device device;

/* Every page goes to a device whose writes stand still. */
static void begin_held(void)
{
    struct support_vm_kind kind = {.frames = FRAMES,
                                   .io_workers = 1,
                                   .backing_ops = &support_device_ops,
                                   .backing_user = &device};
    uint64_t page;

    support_device_init(&device);
    machine = support_vm_make(&kind);
    assert_status(zc_cache_set_limit(machine.cache, 1, 0), ZC_OK);
    space = support_vm_space(&machine, FRAMES);
    for (page = 0; page < HELD; page++)
        support_vm_write(space, page, 1);
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, HELD), ZC_OK);
    support_device_hold(&device);
    /* Marks, and then a few on their way. */
    (void)zc_vm_reclaim(machine.vm, 0, 3, NULL);
    support_device_await_held(&device, 1);
}

static void end_held(void)
{
    uint64_t page;

    for (page = 0; page < HELD; page++)
        (void)support_vm_expect(space, page, page, 1);
    end();
    support_device_fini(&device);
}

/* A caller with a folio locked must not wait: a write may wait for that folio.
 */
TEST(who_must_not_wait_does_not)
{
    begin_held();
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 1), ZC_OK);
    assert_null(zc_frame_alloc(machine.vm, 0, ZC_FRAME_NO_WAIT));
    support_device_let_go(&device);
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 0), ZC_OK);
    end_held();
}

static struct zc_vm_frame *had;

static void wait_for_frame(struct support_worker *worker)
{
    had = zc_frame_alloc(machine.vm, 0, ZC_FRAME_MAY_WAIT);
    if (had == NULL)
        support_mistake(worker, "no frame, though one is being written");
}

static void let_go_later(struct support_worker *worker)
{
    const struct timespec pause = {.tv_nsec = 50000000};

    (void)worker;
    (void)nanosleep(&pause, NULL);
    support_device_let_go(&device);
}

TEST(who_may_wait_gets_what_is_written)
{
    struct support_crew crew;

    begin_held();
    /* The waiting thread needs all of them. */
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 1), ZC_OK);
    support_crew_init(&crew);
    support_crew_add(&crew, wait_for_frame, NULL);
    support_crew_add(&crew, let_go_later, NULL);
    support_crew_run(&crew, 0);
    put(had);
    assert_status(zc_vm_set_owner_limit(machine.vm, 0, 0), ZC_OK);
    end_held();
}
