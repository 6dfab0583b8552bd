/* SPDX-License-Identifier: MIT */
/*
 * spin.c - a loop that only looks waits for what it looks at.
 *
 * A thread whose local state is what it was before an earlier step, and that
 * changed nothing since, went round in vain: it will do the same again until
 * another thread changes something that it read on the way.  So it waits for
 * that.  The states are equal, not alike: a loop that counts its tries is not
 * taken for one that does not.
 *
 * An execution in which such a thread goes on later shows nothing new: without
 * the round in vain it is an execution too, with the same steps of all others,
 * and that one is explored.  So a search for every trace drops it.  One in
 * which the thread waits to the end is a livelock.
 *
 * Where the local state is not known, a thread that yields waits for a change
 * of what it read; so does one that read the same word SAME_LOOKS times, and
 * that is noted, because it may have gone on by itself.
 */
#include "engine.h"

#include <string.h>

#include "met.h"
#include "mutant.h"

#define SAME_LOOKS 24

bool lab_written;

/* --- the local state ------------------------------------------------- */

void lab_state(uint64_t state)
{
    if (lab_run.active && !lab_run.in_oracle)
        lab_run.thread[lab_run.current].state = state;
}

void lab_state_and(uint64_t more)
{
    struct lab_thread_state *thread = &lab_run.thread[lab_run.current];

    if (thread->state != 0)
        thread->state = lab_mix(thread->state, more) | 1;
}

void lab_state_of_caller(const void *frame, size_t saved)
{
    const struct lab_thread_state *thread = &lab_run.thread[lab_run.current];
    const char *at = (const char *)frame - saved;
    uint64_t hash = 1;
    uint64_t word;

    if (!lab_run.active || lab_run.in_oracle || lab_run.current == 0)
        return;
    for (; at + sizeof(word) <= (const char *)thread->stack;
         at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    lab_state(hash == 0 ? 1 : hash);
}

bool lab_on_stack(const void *memory)
{
    uintptr_t at = (uintptr_t)memory;

    return lab_run.active && lab_run.current != 0 &&
           at >= (uintptr_t)__builtin_frame_address(0) &&
           at < (uintptr_t)lab_run.thread[lab_run.current].stack;
}

/* --- what a thread looked at ----------------------------------------- */

static bool is_look(unsigned kind)
{
    return kind == LAB_READ || kind == LAB_RMW || kind == LAB_TRY_GET ||
           kind == LAB_LOCK || kind == LAB_UNLOCK || kind == LAB_TRYLOCK ||
           kind == LAB_RELAX || kind == LAB_POINT;
}

/* Keeps the pending step, which is done, as a look. */
static void keep_look(struct lab_thread_state *thread)
{
    const struct lab_pending *step = &thread->pending;
    struct lab_look *look;

    if (thread->look_count == LAB_LOOKS) {
        thread->changes++; /* too much for one round */
        thread->look_count = LAB_LOOKS / 2;
        memmove(&thread->looks[0], &thread->looks[LAB_LOOKS / 2],
                sizeof(thread->looks) / 2);
    }
    look = &thread->looks[thread->look_count++];
    look->state = step->state;
    look->object = step->object;
    look->bytes = step->bytes;
    look->kind = (uint8_t)(step->kind & 0xffu);
    look->chosen = thread->chose;
    look->version = lab_object_version(step->object, step->bytes);
}

/* A lock that this thread took and released is as it was: the changes of other
 * threads are what counts. */
static void renew_looks(struct lab_thread_state *thread, unsigned lock)
{
    unsigned version = lab_object_version(lock, 1);

    for (unsigned i = 0; i < thread->look_count; i++) {
        struct lab_look *look = &thread->looks[i];

        if (look->object == lock && look->version == version - 1)
            look->version = version;
    }
}

static bool is_unchanged(const struct lab_look *look)
{
    return look->version == lab_object_version(look->object, look->bytes);
}

/* Would the thread go on if it ran the round again? */
static bool has_changed(const struct lab_thread_state *thread)
{
    for (unsigned i = LAB_MUTANT(LAST_LOOK_ONLY) ? thread->look_count - 1
                                                 : thread->round;
         i < thread->look_count; i++) {
        if (thread->looks[i].chosen || !is_unchanged(&thread->looks[i]))
            return true;
    }
    return false;
}

/* Has it read this word very often, with nothing changed? */
static bool looks_again(const struct lab_thread_state *thread)
{
    const struct lab_pending *step = &thread->pending;
    unsigned same = 0;

    if (!lab_objects[step->object].in_word)
        return false;
    for (unsigned i = 0; i < thread->look_count; i++) {
        const struct lab_look *look = &thread->looks[i];

        if (!is_unchanged(look))
            return false;
        same += look->object == step->object && look->bytes == step->bytes;
    }
    return same >= SAME_LOOKS;
}

static void forget_looks(struct lab_thread_state *thread)
{
    thread->look_count = 0;
    thread->changes++;
}

/* It does not wait with a lock that it took on the way: it would keep others
 * from what it waits for. */
static bool holds_from(const struct lab_thread_state *thread, unsigned round)
{
    for (unsigned i = round; i < thread->look_count; i++) {
        unsigned kind = thread->looks[i].kind;

        if ((kind == LAB_LOCK || kind == LAB_TRYLOCK) &&
            lab_objects[thread->looks[i].object].holder == lab_run.current)
            return true;
    }
    return false;
}

static void start_waiting(struct lab_thread_state *thread, enum lab_spin how,
                          unsigned round)
{
    thread->spin = how;
    thread->round = round;
    lab_run.spinning++;
    lab_run.guessed += how == LAB_SPIN_GUESSED;
}

void lab_spin_announce(struct lab_thread_state *thread)
{
    const struct lab_pending *step = &thread->pending;
    unsigned kind = step->kind & 0xffu;

    if (lab_written)
        forget_looks(thread);
    if (!is_look(kind) || thread->look_count == 0 ||
        LAB_MUTANT(SPIN_NOT_NOTICED))
        return;
    if (thread->in_vain) {
        start_waiting(thread, LAB_SPIN_IN_VAIN, 0);
        return;
    }
    for (unsigned i = thread->look_count; i > 0 && step->state != 0; i--) {
        const struct lab_look *look = &thread->looks[i - 1];

        if ((look->state == step->state || LAB_MUTANT(STATE_FORGOTTEN)) &&
            look->kind == kind && look->object == step->object &&
            look->bytes == step->bytes && !holds_from(thread, i - 1)) {
            start_waiting(thread, LAB_SPIN_IN_VAIN, i - 1);
            return;
        }
    }
    if (kind == LAB_RELAX && step->state == 0)
        start_waiting(thread, LAB_SPIN_GUESSED, 0);
    else if (looks_again(thread)) {
        lab_met(LAB_MET_SPIN, step->pc);
        start_waiting(thread, LAB_SPIN_GUESSED, 0);
    }
}

void lab_spin_grant(struct lab_thread_state *thread)
{
    unsigned kind = thread->pending.kind & 0xffu;

    lab_written = false;
    thread->in_vain = false;
    thread->chose = false;
    if (thread->spin != LAB_SPIN_NONE) {
        lab_run.spinning--;
        lab_run.guessed -= thread->spin == LAB_SPIN_GUESSED;
        thread->spin = LAB_SPIN_NONE;
        thread->look_count = 0;
    }
    thread->looked = thread->look_count;
    if (!is_look(kind) || kind == LAB_RMW || kind == LAB_TRY_GET) {
        forget_looks(thread); /* lab_spin_unchanged() takes it back */
        return;
    }
    if (kind == LAB_LOCK || kind == LAB_UNLOCK ||
        (kind == LAB_TRYLOCK && thread->took))
        renew_looks(thread, thread->pending.object);
    keep_look(thread);
}

void lab_spin_unchanged(struct lab_thread_state *thread)
{
    thread->look_count = thread->looked;
    thread->changes--;
    keep_look(thread);
}

void lab_spin_chosen(struct lab_thread_state *thread)
{
    thread->chose = true;
    if (thread->look_count > 0)
        thread->looks[thread->look_count - 1].chosen = true;
}

bool lab_spin_can_run(const struct lab_thread_state *thread)
{
    if (thread->spin == LAB_SPIN_NONE)
        return true;
    if (thread->spin == LAB_SPIN_IN_VAIN && lab_run.strategy->spinners_stay &&
        !lab_run.unrecorded)
        return false;
    return has_changed(thread);
}

bool lab_spin_is_over(void)
{
    for (int i = 1; i <= lab_run.threads && lab_run.spinning > 0; i++) {
        const struct lab_thread_state *thread = &lab_run.thread[i];

        if (!thread->finished && thread->spin == LAB_SPIN_IN_VAIN &&
            has_changed(thread) && !LAB_MUTANT(ROUNDS_IN_VAIN_COUNT))
            return true;
    }
    return false;
}

/* --- rounds that the program names ----------------------------------- */

void lab_round_begin(void)
{
    struct lab_thread_state *thread = &lab_run.thread[lab_run.current];

    lab_written = false;
    thread->changes = 0;
    if (!thread->in_vain) /* else it waits for these */
        thread->look_count = 0;
}

bool lab_round_in_vain(void)
{
    struct lab_thread_state *thread = &lab_run.thread[lab_run.current];

    thread->in_vain = thread->look_count > 0 && thread->changes == 0 &&
                      !lab_written;
    return thread->in_vain;
}
