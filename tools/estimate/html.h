/* SPDX-License-Identifier: MIT */
/*
 * html.h - text and pictures of a page.  The page is also well-formed XML.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_HTML_H
#define ZCACHE_TOOL_ESTIMATE_HTML_H

#include "estimate/report_picture.h"

/* A text from outside, by the rules of text_append_visible(): shown as it is,
 * whatever is in it. */
void html_text(FILE *file, const char *text);

/* What print() writes, as lines of one width; nothing if it writes nothing.
 * False without memory. */
bool html_lines(FILE *file, void (*print)(const struct report *, FILE *),
                const struct report *report);

void html_bars(FILE *file, const struct bars *bars);

/* One line for each codec: how many objects have which size. */
void html_object_sizes(FILE *file, const struct report *report);

#endif
