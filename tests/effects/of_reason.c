/* SPDX-License-Identifier: MIT */
/*
 * of_reason.c - the reason of a call that fails, in every struct that has one.
 *
 * With NULL nothing is written; with a buffer there is a text that names the
 * field, terminated within its size.
 */
#include <string.h>
#include <zcache/vm.h>

#include "effects.h"
#include "spy.h"

#define ROOM 512
#define MARK '#'

static char text[ROOM];
static const char *field; /* that the text shall name */

/* Length of a text that names the field; 0: nothing was written. */
static uint64_t judge(zc_status status, size_t size)
{
    const char *end;

    MUST(status != ZC_OK);
    if (text[0] == MARK)
        return 0;
    end = memchr(text, '\0', size);
    MUST(end != NULL);
    for (size_t i = size; i < ROOM; i++)
        MUST(text[i] == MARK);
    MUST(strncmp(text, field,
                 size - 1 < strlen(field) ? size - 1 : strlen(field)) == 0);
    return (uint64_t)(end - text);
}

/* Two observers: one of the buffer, given or not, and one of its size; the
 * longest text that fits is counted as the whole of it. */
#define GIVEN_AND_SIZE(name)                                                   \
    static uint64_t name##_given(unsigned given)                               \
    {                                                                          \
        return name(given != 0 ? text : NULL, ZC_REASON_SIZE) != 0;            \
    }                                                                          \
    static uint64_t name##_of_size(unsigned size)                              \
    {                                                                          \
        const uint64_t length = name(text, size);                              \
                                                                               \
        return length == size - 1 ? length : ROOM;                             \
    }

/* A call that fails for a field of its options. */
#define OBSERVERS(name, owner, call, wrong_field, ...)                         \
    static uint64_t name(char *reason, size_t size)                            \
    {                                                                          \
        const struct owner options = {.struct_size = sizeof(options),          \
                                      .wrong_field = __VA_ARGS__,              \
                                      .reason = reason,                        \
                                      .reason_size = size};                    \
                                                                               \
        field = #wrong_field;                                                  \
        memset(text, MARK, sizeof(text));                                      \
        return judge(call, size);                                              \
    }                                                                          \
    GIVEN_AND_SIZE(name)

#define ROWS(name, owner)                                                      \
    EFFECT(owner, reason, 0, 1, name##_given, IS, 0, 1,                        \
           "a text that begins with the field's name"),                        \
        EFFECT(owner, reason_size, 6, ZC_REASON_SIZE, name##_of_size, IS, 5,   \
               ROOM, "cut to the size, or whole")

static struct zc_cache *cache(void)
{
    return cache_of((struct zc_cache_options){.slot_count = 64});
}

static struct zc_cache *made;
static struct zc_vm *vm;
static struct zc_zspool *pool;
static unsigned type;

OBSERVERS(of_cache, zc_cache_options, zc_cache_create(&options, &made),
          page_size, 5000)
OBSERVERS(of_owner, zc_owner_options, zc_cache_set_owner(cache(), 1, &options),
          no_writeback, 2)
OBSERVERS(of_writeback, zc_writeback_options,
          zc_cache_writeback(cache_of((struct zc_cache_options){
                                 .lru_mode = ZC_LRU_ENTRY}),
                             &options, NULL),
          min_age_seconds, ZC_AGE_SECONDS_MAX + 1)
OBSERVERS(of_recompress, zc_recompress_options,
          zc_cache_recompress(cache(), &options, NULL), retry, 2)
OBSERVERS(of_swap, zc_swap_options, zc_swap_on(cache(), &options, &type),
          slot_order, 99)
OBSERVERS(of_vm, zc_vm_options, zc_vm_create(NULL, &options, &vm), frame_count,
          3)
OBSERVERS(of_zspool, zc_zspool_options, zc_zspool_create(&options, &pool),
          chain_length, 99)

/* No field of a budget can be wrong; a newer struct may be. */
static uint64_t of_budget(char *reason, size_t size)
{
    const struct {
        struct zc_compact_budget budget;
        uint64_t unknown;
    } newer = {.budget = {.struct_size = sizeof(newer),
                          .reason = reason,
                          .reason_size = size},
               .unknown = 1};

    field = "struct_size";
    memset(text, MARK, sizeof(text));
    MUST_BE_OK(zc_zspool_create(NULL, &pool));
    return judge(zc_zspool_compact(pool, &newer.budget, NULL), size);
}

GIVEN_AND_SIZE(of_budget)

const struct effect effects_reason[] = {
    ROWS(of_cache, zc_cache_options),
    ROWS(of_owner, zc_owner_options),
    ROWS(of_writeback, zc_writeback_options),
    ROWS(of_recompress, zc_recompress_options),
    ROWS(of_swap, zc_swap_options),
    ROWS(of_vm, zc_vm_options),
    ROWS(of_zspool, zc_zspool_options),
    ROWS(of_budget, zc_compact_budget),
    EFFECTS_END};
