/* SPDX-License-Identifier: MIT */
/*
 * page.h - a trace, or the matrix, as a page for a browser.
 *
 * A page is one file that needs nothing from elsewhere, and is well-formed XML
 * too.  Its bytes depend on the program alone.
 */
#ifndef LAB_PAGE_H
#define LAB_PAGE_H

#include "engine/scenario.h"
#include "matrix.h"
#include "picture.h"

struct lab_page {
    const struct lab_scenario *scenario;
    const struct lab_story *story;
    const struct lab_rule_book *rules; /* for their sentences, or NULL */
    bool in_matrix;                    /* beside its index.html */
};

/* From page/, a string for each line; ends with NULL. */
extern const char *const lab_page_css[];
extern const char *const lab_page_js[];

/* --- print_html.c ---------------------------------------------------- */

/* Opens a page up to its heading, and closes it. */
void lab_page_begin(FILE *out, const char *title);
void lab_page_end(FILE *out);
/* A text, shown as it is, whatever is in it. */
void lab_html_text(FILE *out, const char *text);
/* An element with such a text in it; attributes as in " class=\"bad\"". */
void lab_html_element(FILE *out, const char *name, const char *attributes,
                      const char *text);

void lab_print_page(FILE *out, const struct lab_page *page);
/* Writes the page to a file; 0 or errno. */
int lab_page_write(const struct lab_page *page, const char *path);

/* --- print_html_matrix.c --------------------------------------------- */

/* The name of a cell's page. */
void lab_page_name(const char *scenario, const char *rule, char *text,
                   size_t size);
/* The table, each cell a link to its page, or to what is said below of its
 * scenario. */
void lab_matrix_print_html(const struct lab_matrix *matrix, FILE *out);

/* --- file.c ---------------------------------------------------------- */

/*
 * Writes a file under another name in its folder, which then gets its own: an
 * older file is whole until then.  A link is replaced and not followed.  0 or
 * errno; ENOTSUP: what is there is no regular file.
 */
int lab_file_write(const char *path, const char *text, size_t size);
/* Could the file be written?  0 or errno. */
int lab_file_check(const char *path);
/* Makes a folder unless there is an empty one; 0 or errno. */
int lab_folder_make(const char *path);

#endif
