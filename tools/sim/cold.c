/* SPDX-License-Identifier: MIT */
/* cold.c - writeback by age, and recompression, of a simulation. */
#include "sim/cold.h"

#include "common/variant.h"
#include "sim/config.h"

#define UNITS_MOST 1024 /* of the clock in the greater age */

static uint64_t recompress_age(const struct sim_config *config)
{
    return sim_text(config, SIM_RECOMPRESS) == NULL
               ? 0
               : sim_number(config, SIM_RECOMPRESS_AGE);
}

void sim_cold_begin(struct sim_cold *cold, const struct sim_config *config)
{
    uint64_t age = sim_number(config, SIM_WRITEBACK_AGE);

    if (age < recompress_age(config))
        age = recompress_age(config);
    cold->config = config;
    cold->unit = age == 0 ? 0 : (age + UNITS_MOST - 1) / UNITS_MOST;
    atomic_init(&cold->now, 0);
    atomic_init(&cold->recompresses, 0);
    atomic_init(&cold->writes_back, 0);
    atomic_init(&cold->failed, 0);
}

uint32_t sim_cold_clock(void *user)
{
    struct sim_cold *cold = user;

    if (cold->unit == 0)
        return 0;
    return (uint32_t)(atomic_load_explicit(&cold->now, memory_order_relaxed) /
                      cold->unit);
}

static unsigned units_of(const struct sim_cold *cold, uint64_t age)
{
    return (unsigned)((age + cold->unit - 1) / cold->unit);
}

static void show(struct sim_cold *cold, zc_status status, const char *what)
{
    if (status != ZC_OK && status != ZC_AGAIN &&
        atomic_exchange(&cold->failed, 1) == 0)
        message_error("%s: %s", what, zc_status_describe(status));
}

static void write_back(struct sim_cold *cold, struct zc_cache *cache,
                       unsigned owner)
{
    const struct sim_config *config = cold->config;
    const struct zc_writeback_options options = {
        .struct_size = sizeof(options),
        .budget_bytes = sim_number(config, SIM_WRITEBACK_BUDGET) *
                        sim_number(config, SIM_PAGE_SIZE),
        .min_age_seconds =
            units_of(cold, sim_number(config, SIM_WRITEBACK_AGE)),
        .one_owner = 1,
        .owner = owner};

    show(cold, zc_cache_writeback(cache, &options, NULL), "--writeback-age");
}

static void recompress(struct sim_cold *cold, struct zc_cache *cache)
{
    const struct sim_config *config = cold->config;
    struct codec_list codecs = {.option = "--recompress"};
    struct zc_recompress_options options = {
        .struct_size = sizeof(options),
        .budget_pages = sim_number(config, SIM_RECOMPRESS_BUDGET),
        .min_age_seconds = units_of(cold, recompress_age(config))};

    if (codec_list_parse(&codecs, sim_text(config, SIM_RECOMPRESS))) {
        options.compressor_name = codecs.choices[0].name;
        options.compressor_level = codecs.choices[0].level;
        show(cold, zc_cache_recompress(cache, &options, NULL), "--recompress");
    }
    codec_list_free(&codecs);
}

/* Is it the end of a stretch of so many accesses? */
static bool is_time(uint64_t now, uint64_t age)
{
    return age != 0 && now % age == 0;
}

void sim_cold_step(struct sim_cold *cold, struct zc_cache *cache,
                   unsigned owner_count)
{
    const uint64_t writeback_age = sim_number(cold->config, SIM_WRITEBACK_AGE);
    uint64_t now;
    unsigned owner;

    if (cold->unit == 0)
        return;
    now = atomic_fetch_add_explicit(&cold->now, 1, memory_order_relaxed) + 1;
    if (is_time(now, recompress_age(cold->config)) &&
        atomic_exchange(&cold->recompresses, 1) == 0) {
        recompress(cold, cache);
        atomic_store(&cold->recompresses, 0);
    }
    if (is_time(now, writeback_age) &&
        atomic_exchange(&cold->writes_back, 1) == 0) {
        for (owner = 0; owner < owner_count; owner++)
            write_back(cold, cache, owner);
        atomic_store(&cold->writes_back, 0);
    }
}
