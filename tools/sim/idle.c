/* SPDX-License-Identifier: MIT */
/*
 * idle.c - which options do nothing beside others.
 *
 * An option that is given and does nothing would make a reader believe that it
 * was tried.  trace.c and trace_csv.c know those of traces.
 */
#include <string.h>
#include <zcache/zcache.h>

#include "common/tool.h"
#include "sim/config.h"

static bool is_choice(const struct sim_config *config,
                      enum sim_parameter parameter, uint64_t choice)
{
    return sim_number(config, parameter) == choice;
}

static const char *needed_to_access(const struct sim_config *config,
                                    enum sim_parameter parameter)
{
    if (sim_text(config, SIM_TRACE) != NULL)
        return "no --trace";
    if (parameter == SIM_SKEW &&
        !is_choice(config, SIM_ACCESS, SIM_ACCESS_ZIPF))
        return "--access zipf";
    if ((parameter == SIM_PHASE_SIZE || parameter == SIM_PHASE_OPS) &&
        !is_choice(config, SIM_ACCESS, SIM_ACCESS_PHASES))
        return "--access phases";
    return NULL;
}

static const char *needed_to_shrink(const struct sim_config *config,
                                    enum sim_parameter parameter)
{
    if (is_choice(config, SIM_POOL_LIMIT, 0))
        return "a --pool-limit";
    if (parameter == SIM_ACCEPT_THRESHOLD)
        return NULL;
    if (is_choice(config, SIM_LRU, ZC_LRU_NONE))
        return "--lru entry";
    if ((parameter == SIM_POLICY || parameter == SIM_SHRINK_LOOKS) &&
        !is_choice(config, SIM_LRU, ZC_LRU_ENTRY))
        return "--lru entry";
    return NULL;
}

const char *sim_needed_for(const struct sim_config *config,
                           enum sim_parameter parameter)
{
    const bool is_memory = strcmp(sim_text(config, SIM_DEVICE), "memory") == 0;

    switch (parameter) {
    case SIM_COMPRESSIBILITY:
        if (sim_text(config, SIM_PAGES) != NULL)
            return "no --pages";
        return sim_text(config, SIM_PID) != NULL ? "no --pid" : NULL;
    case SIM_ACCESS:
    case SIM_SKEW:
    case SIM_PHASE_SIZE:
    case SIM_PHASE_OPS:
        return needed_to_access(config, parameter);
    case SIM_ACCEPT_THRESHOLD:
    case SIM_SHRINK_WORKER:
    case SIM_SHRINK_COMPACT:
    case SIM_SHRINK_LOOKS:
    case SIM_POLICY:
        return needed_to_shrink(config, parameter);
    case SIM_RAW_FROM:
        return is_choice(config, SIM_LRU, ZC_LRU_ZSPAGE) ? "--lru entry or none"
                                                         : NULL;
    case SIM_SWAP_IN:
        return is_choice(config, SIM_SYNCHRONOUS, SIM_OFF) ||
                       (is_choice(config, SIM_SYNCHRONOUS, SIM_AUTO) &&
                        !is_memory)
                   ? "--synchronous on"
                   : NULL;
    default:
        return NULL;
    }
}

bool sim_all_do_something(const struct sim_config *first, size_t count,
                          size_t distance)
{
    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        const struct sim_value *value = &first->values[p];
        const char *needed = NULL;

        for (size_t i = 0; value->is_given && i < count; i++) {
            const void *config = (const char *)first + i * distance;

            needed = sim_needed_for(config, (enum sim_parameter)p);
            if (needed == NULL)
                break;
        }
        if (needed != NULL) {
            message_error("--%s %s does nothing here: it needs %s",
                          sim_parameters[p].name, value->text, needed);
            return false;
        }
    }
    return true;
}
