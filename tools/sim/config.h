/* SPDX-License-Identifier: MIT */
/*
 * config.h - the values of the parameters of one simulation.
 *
 * Each parameter is an option of the command line with the same name, and may
 * be a list in a sweep.  All are written into the result, so that the run can
 * be repeated.
 */
#ifndef ZCACHE_TOOL_SIM_CONFIG_H
#define ZCACHE_TOOL_SIM_CONFIG_H

#include "common/words.h"
#include "sim/parameters.h"

/* In the order of the help. */
enum sim_parameter {
#define SIM_IDENTIFIER(identifier, ...) SIM_##identifier,
    SIM_PARAMETER_TABLE(SIM_IDENTIFIER)
#undef SIM_IDENTIFIER
    SIM_PARAMETERS
};

enum sim_kind {
    SIM_KIND_TEXT,        /* checked where it is used */
    SIM_KIND_COUNT,       /* a whole number */
    SIM_KIND_THOUSANDTHS, /* a decimal, in thousandths */
    SIM_KIND_PART,        /* a count, or a percentage of all pages */
    SIM_KIND_BYTES,       /* bytes with K, M or G, or a percentage of them */
    SIM_KIND_COLUMN,      /* a whole number, or any other word: a name */
    SIM_KIND_CHOICE       /* one of some words; the number is its meaning */
};

struct sim_parameter_info {
    const char *name;     /* without the "--" */
    const char *argument; /* "COUNT"; NULL: the words of a choice */
    const char *help;     /* NULL: the words of a choice */
    const char *standard; /* the default, or NULL: not given */
    /* Of a choice; NULL: the placements.  Of a count: what it may be too. */
    const struct word *words;
    uint64_t least;
    uint64_t most;
    enum sim_kind kind;
    const char *heading; /* a line of the help before it, or NULL */
};

extern const struct sim_parameter_info sim_parameters[SIM_PARAMETERS];

/* The words of a choice. */
const struct word *sim_words(const struct sim_parameter_info *info);

/* The default as text, or NULL; of the codec: the default of this build. */
const char *sim_standard(enum sim_parameter parameter);

struct sim_value {
    const char *text; /* as it was given; NULL: not given */
    uint64_t number;
    bool is_percent; /* the number is thousandths of a percent */
    bool is_name;    /* of a column, and no number */
    bool is_given;   /* by the user, not the default */
};

struct sim_config {
    struct sim_value values[SIM_PARAMETERS];
};

/* Sets every parameter to its default. */
void sim_config_init(struct sim_config *config);

/* Sets one; false, and an error shown with the value and the limit. */
bool sim_config_set(struct sim_config *config, enum sim_parameter parameter,
                    const char *text);

/* Do the values fit together?  Sets those that follow from others. */
bool sim_config_check(struct sim_config *config);

static inline uint64_t sim_number(const struct sim_config *config,
                                  enum sim_parameter parameter)
{
    return config->values[parameter].number;
}

static inline const char *sim_text(const struct sim_config *config,
                                   enum sim_parameter parameter)
{
    return config->values[parameter].text;
}

/* What the parameter needs to do anything ("--access zipf"); NULL: nothing that
 * is not so. */
const char *sim_needed_for(const struct sim_config *config,
                           enum sim_parameter parameter);

/* Do all parameters that are given do something, each in one at least of these
 * configurations, which are a distance apart?  False, and an error shown. */
bool sim_all_do_something(const struct sim_config *first, size_t count,
                          size_t distance);

/* Is the policy a patch that no kernel has? */
bool sim_is_model(const struct sim_config *config);
#define SIM_MODEL_NOTE                                                         \
    "the policies batch and proactive are models of patches: no kernel was "   \
    "beside them"

/* Is the text of the parameter the same in both, or absent in both? */
bool sim_same_text(const struct sim_config *config,
                   const struct sim_config *other,
                   enum sim_parameter parameter);

/* The number, or that share of `whole`. */
uint64_t sim_amount(const struct sim_config *config,
                    enum sim_parameter parameter, uint64_t whole);

#endif
