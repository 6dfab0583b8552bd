/* SPDX-License-Identifier: MIT */
/* variant.c - the lists of codecs and placements in options. */
#include "common/variant.h"

#include <stdlib.h>
#include <string.h>
#include <zcache/zcache.h>

#include "common/text.h"
#include "common/words.h"

const char *codec_default(void)
{
    return zc_compressor_get(0)->name; /* the default of a cache */
}

const char *codec_list_default(void)
{
    static char list[sizeof("lzo,lz4,zstd")];
    static const char *const names[] = {"lzo", "lz4", "zstd"};

    list[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (zc_compressor_find(names[i]) == NULL)
            continue;
        if (list[0] != '\0')
            strcat(list, ",");
        strcat(list, names[i]);
    }
    return list[0] == '\0' ? codec_default() : list;
}

void codec_names(struct text *text)
{
    const struct zc_compressor *compressor;

    for (unsigned i = 0; (compressor = zc_compressor_get(i)) != NULL; i++)
        text_print(text, "%s%s", i == 0 ? "" : ", ", compressor->name);
}

static const char *option_of(const struct codec_list *list)
{
    return list->option == NULL ? "--codec" : list->option;
}

static void explain_unknown_codec(const struct codec_list *list,
                                  const char *name)
{
    struct text known = {0};

    codec_names(&known);
    if (list->may_be_kernel)
        text_print(&known, "; as root also " KERNEL_CODEC_PREFIX "NAME");
    message_error("%s: there is no codec \"%s\"; there are: %s",
                  option_of(list), name, known.bytes);
    text_free(&known);
}

static bool parse_kernel_codec(const struct codec_list *list,
                               struct codec_choice *choice, const char *name)
{
    choice->kernel = kernel_codec_find(option_of(list), name);
    if (choice->kernel == NULL)
        return false;
    free(choice->name);
    choice->name = memory_copy_text(name);
    choice->name[strcspn(name, ":")] = '\0';
    choice->level = kernel_codec_level(choice->kernel);
    choice->compressor = kernel_codec_compressor(choice->kernel);
    return true;
}

/* One element of the list: "lz4", "zstd:1" or "kernel:lzo-rle". */
static bool parse_codec(const struct codec_list *list,
                        struct codec_choice *choice, const char *word)
{
    const size_t prefix = strlen(KERNEL_CODEC_PREFIX);
    const struct zc_compressor *compressor;
    char *colon;

    *choice = (struct codec_choice){.label = memory_copy_text(word),
                                    .name = memory_copy_text(word),
                                    .level = ZC_LEVEL_DEFAULT};
    if (list->may_be_kernel && strncmp(word, KERNEL_CODEC_PREFIX, prefix) == 0)
        return parse_kernel_codec(list, choice, word + prefix);
    colon = strchr(choice->name, ':');
    if (colon != NULL)
        *colon = '\0';
    compressor = choice->compressor = zc_compressor_find(choice->name);
    if (compressor == NULL) {
        explain_unknown_codec(list, choice->name);
        return false;
    }
    if (colon == NULL ||
        number_parse_signed(colon + 1, compressor->level_min,
                            compressor->level_max, &choice->level))
        return true;
    message_error("%s: %s has no level \"%s\"; its levels are %d to %d, and "
                  "%d if none is given",
                  option_of(list), choice->name, colon + 1,
                  compressor->level_min, compressor->level_max,
                  compressor->level_default);
    return false;
}

bool codec_list_parse(struct codec_list *list, const char *text)
{
    char *words = memory_copy_text(text);
    char *rest = words;
    char *part;
    bool good = true;

    codec_list_free(list);
    while (good && (part = text_cut_part(&rest)) != NULL) {
        struct codec_choice *choice;

        list->choices = memory_make_room(list->choices, list->count,
                                         &list->capacity,
                                         sizeof(*list->choices));
        choice = &list->choices[list->count++];
        good = parse_codec(list, choice, part);
    }
    free(words);
    return good;
}

void codec_list_free(struct codec_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->choices[i].label);
        free(list->choices[i].name);
        kernel_codec_free(list->choices[i].kernel);
    }
    free(list->choices);
    list->choices = NULL;
    list->count = list->capacity = 0;
}

const char *placement_name(unsigned placement)
{
    return zc_placement_name(placement);
}
