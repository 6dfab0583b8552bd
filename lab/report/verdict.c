/* SPDX-License-Identifier: MIT */
/* verdict.c - how far a search went, in words. */
#include "verdict.h"

#include <string.h>

#include "picture.h"

#define PLACES_SHOWN 4

/* One of a kind, and how many of it begin the sentence. */
static const struct {
    const char *one;
    const char *many;
    const char *rest;
} kinds[LAB_METS] = {
    [LAB_MET_RELAXED] = {"relaxed atomic", "relaxed atomics", "run in order"},
    [LAB_MET_FENCE] = {"fence", "fences", "run in order"},
    [LAB_MET_ORDER] = {"acquire or release atomic",
                       "acquire or release atomics", "may pass a store"},
    [LAB_MET_TIMED_WAIT] = {"timed wait", "timed waits", "never ran out"},
    [LAB_MET_CONDITION_WAIT] = {"condition wait", "condition waits",
                                "never woken for nothing"},
    [LAB_MET_WEAK_EXCHANGE] = {"weak compare-exchange",
                               "weak compare-exchanges",
                               "never failed for nothing"},
    [LAB_MET_REUSE] = {"malloc() after a free()", "malloc()s after a free()",
                       "never given the freed block"},
    [LAB_MET_SPIN] = {"long loop", "long loops", "taken to wait"},
    [LAB_MET_UNWATCHED] = {"place in memory", "places in memory",
                           "shared and not watched"},
    [LAB_MET_OVERFLOW] = {"place in memory", "places in memory",
                          "of which accesses were forgotten"},
    [LAB_MET_FILE] = {"use of files", "uses of files",
                      "left to the next execution"},
};

const char *lab_met_words(enum lab_met what)
{
    return kinds[what].many;
}

static bool is_met(const struct lab_met_notes *met)
{
    for (unsigned i = 0; i < LAB_METS; i++) {
        if (met->kinds[i].count != 0)
            return true;
    }
    return false;
}

bool lab_is_complete(const struct lab_result *result)
{
    return result->finished && !result->is_bounded && !result->table_full &&
           !result->unpredictable && !is_met(&result->met);
}

void lab_print_extent(FILE *out, const struct lab_result *result)
{
    if (lab_is_complete(result))
        (void)fprintf(out, "complete");
    else if (!result->finished)
        (void)fprintf(out, "explored in part");
    else if (result->is_bounded)
        (void)fprintf(out, "explored up to %u preemption%s", result->bound,
                      result->bound == 1 ? "" : "s");
    else
        (void)fprintf(out, "explored");
}

/* The places of one kind.  Inlined code has several of one name, which count
 * once. */
struct places {
    char names[LAB_MET_PLACES][LAB_MET_CHARS];
    unsigned count;
    unsigned nameless;
};

static bool has_name(const struct places *places, const char *name)
{
    for (unsigned i = 0; i < places->count; i++) {
        if (strcmp(places->names[i], name) == 0)
            return true;
    }
    return false;
}

static void name_places(struct places *places, enum lab_met what,
                        const struct lab_met_kind *kind)
{
    static char names[LAB_MET_PLACES][LAB_MET_CHARS];

    places->count = 0;
    places->nameless = 0;
    if (lab_met_names == NULL)
        places->nameless = kind->places;
    else if (kind->places != 0)
        lab_met_names(what, kind->place, kind->places, names);
    for (unsigned i = 0; i < kind->places - places->nameless; i++) {
        if (!has_name(places, names[i]))
            memcpy(places->names[places->count++], names[i], sizeof(names[i]));
    }
}

/* "4 relaxed atomics run in order (a.c:12, b.c:3, ...)". */
static void print_kind(FILE *out, enum lab_met what,
                       const struct lab_met_kind *kind)
{
    static struct places places;
    unsigned number;

    name_places(&places, what, kind);
    number = places.count + places.nameless;
    if (number != 0)
        (void)fprintf(out, "%u %s", number,
                      kind->places == LAB_MET_PLACES ? "or more " : "");
    (void)fprintf(out, "%s %s",
                  number == 1 ? kinds[what].one : kinds[what].many,
                  kinds[what].rest);
    for (unsigned i = 0; i < places.count && i < PLACES_SHOWN; i++)
        (void)fprintf(out, "%s%s", i == 0 ? " (" : ", ", places.names[i]);
    if (places.count != 0)
        (void)fprintf(out, "%s)", number > PLACES_SHOWN ? ", ..." : "");
}

void lab_print_met(FILE *out, const struct lab_met_notes *met, unsigned width)
{
    char text[(PLACES_SHOWN + 2) * LAB_MET_CHARS];

    for (unsigned i = 0; i < LAB_METS; i++) {
        FILE *line;

        if (met->kinds[i].count == 0)
            continue;
        line = fmemopen(text, sizeof(text), "w");
        if (line == NULL)
            return;
        (void)fprintf(line, "not explored: ");
        print_kind(line, (enum lab_met)i, &met->kinds[i]);
        (void)fclose(line);
        lab_print_wrapped(out, text, width == 0 ? LAB_WIDTH_MOST : width);
    }
}

void lab_print_met_json(FILE *out, const struct lab_met_notes *met)
{
    static struct places places;
    const char *before = "";

    (void)fputc('[', out);
    for (unsigned i = 0; i < LAB_METS; i++) {
        if (met->kinds[i].count == 0)
            continue;
        (void)fprintf(out, "%s{\"what\": \"%s %s\", \"places\": [", before,
                      kinds[i].many, kinds[i].rest);
        name_places(&places, (enum lab_met)i, &met->kinds[i]);
        for (unsigned j = 0; j < places.count; j++) {
            (void)fprintf(out, "%s", j == 0 ? "" : ", ");
            lab_json_string(out, places.names[j]);
        }
        (void)fprintf(out, "]}");
        before = ", ";
    }
    (void)fputc(']', out);
}
