/* SPDX-License-Identifier: MIT */
/* park.c - park.h by waiting for a condition on the word. */
#include "platform/park.h"

#include <string.h>

#include "lab_platform.h"
#include "oracle/memory.h"
#include "site.h"
#include "watch/tsan.h"

#define CALLER __builtin_return_address(0)

/* A word and the bits that must be clear in it. */
struct clear_bits {
    const zc_atomic_u32 *word;
    uint32_t bits;
};

zc_status zc_parking_init(struct zc_parking *parking)
{
    memset(parking, 0, sizeof(*parking));
    return ZC_OK;
}

void zc_parking_destroy(struct zc_parking *parking)
{
    int i;

    for (i = 0; i < LAB_THREADS; i++)
        ZC_ASSERT(parking->words[i] == NULL);
}

static bool is_woken(const void *argument)
{
    const void *const *word = argument;

    return *word == NULL;
}

void lab_park_while(struct zc_parking *parking, const zc_atomic_u32 *word,
                    uint32_t value, const char *name,
                    const struct lab_site *site)
{
    const void **mine;

    zc_may_block();
    if (lab_u32_load(word, LAB_ACQUIRE, name, site) != value)
        return;
    /* The check above and the registration are one step. */
    mine = &parking->words[lab_thread()];
    *mine = word;
    lab_await(LAB_WAIT | LAB_ACQUIRE, word, is_woken, mine, site);
}

void lab_unpark_all(struct zc_parking *parking, const zc_atomic_u32 *word,
                    const char *name, const struct lab_site *site)
{
    int i;

    (void)name;
    if (lab_quiet)
        return; /* no thread sleeps */
    lab_step(LAB_WAKE | LAB_RELEASE, word, site);
    for (i = 0; i < LAB_THREADS; i++)
        if (parking->words[i] == word)
            parking->words[i] = NULL;
}

static bool is_clear(const void *argument)
{
    const struct clear_bits *clear = argument;

    return (clear->word->value & clear->bits) == 0;
}

void lab_bit_lock(zc_atomic_u32 *word, uint32_t bit, const char *name,
                  const struct lab_site *site)
{
    struct clear_bits clear = {word, bit};

    zc_may_block();
    if (lab_site_take(LAB_SITE_LOCK, word, bit, site, CALLER))
        return;
    if (!lab_quiet) {
        lab_name_word(word, name);
        lab_robust_comes(false, CALLER);
        lab_await(LAB_RMW | LAB_ACQUIRE, word, is_clear, &clear, site);
    }
    lab_access(word, sizeof(*word), LAB_ACCESS_ATOMIC | LAB_ACCESS_WRITE,
               CALLER);
    word->value |= bit;
    if (lab_quiet)
        return;
    lab_clock_exchanged(true);
    lab_value(word->value);
}

bool lab_bit_trylock(zc_atomic_u32 *word, uint32_t bit, const char *name,
                     const struct lab_site *site)
{
    bool taken;

    if (lab_site_is_busy(site, CALLER))
        return false;
    if (lab_site_is_open(word, bit, site, CALLER))
        return true;
    taken = (lab_u32_or(word, bit, name, site) & bit) == 0;
    if (taken)
        (void)lab_site_take(LAB_SITE_TRYLOCK, word, bit, site, CALLER);
    return taken;
}

void lab_bit_unlock(zc_atomic_u32 *word, uint32_t bit, const char *name,
                    const struct lab_site *site)
{
    uint32_t before;

    if (lab_site_give(word, bit, (word->value & bit) != 0, site))
        return;
    before = lab_u32_and(word, ~bit, name, site);
    if ((before & bit) == 0)
        lab_fail("bit lock not held", "bit %#x of %s", bit, name);
}

void lab_bit_wait_clear(zc_atomic_u32 *word, uint32_t bit, const char *name,
                        const struct lab_site *site)
{
    struct clear_bits clear = {word, bit};

    if (lab_quiet)
        return;
    zc_may_block();
    lab_name_word(word, name);
    lab_robust_comes(false, CALLER);
    lab_await(LAB_READ | LAB_ACQUIRE, word, is_clear, &clear, site);
    lab_access(word, sizeof(*word), LAB_ACCESS_ATOMIC, CALLER);
    lab_value(word->value);
}
