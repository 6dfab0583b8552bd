/* SPDX-License-Identifier: MIT */
/*
 * text.h - growing text, whole files, strict parsing of numbers, and the table
 * of a report.
 */
#ifndef ZCACHE_TOOL_TEXT_H
#define ZCACHE_TOOL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/tool.h"

/* Growing text; all zero is empty.  `bytes` is NULL or ends with a NUL. */
struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

void text_append(struct text *text, const char *bytes, size_t length);
void text_print(struct text *text, const char *format, ...) TOOL_FORMAT(2, 3);
void text_print_list(struct text *text, const char *format, va_list arguments)
    TOOL_FORMAT(2, 0);
void text_free(struct text *text);

/* Appends a sentence, with a space between it and the one before. */
void text_print_sentence(struct text *text, const char *format, ...)
    TOOL_FORMAT(2, 3);

/* Cuts the part before the next comma off a list; NULL: none is left.  An empty
 * part is one too. */
char *text_cut_part(char **list_inout);

/*
 * The number of bytes of the UTF-8 character at `text`; 0 if it is none: a
 * stray or missing continuation byte, an overlong form, a surrogate, or beyond
 * U+10FFFF.  The NUL at the end is no continuation byte, so it is never passed.
 */
size_t text_character_size(const char *text);

/* Is the character at `text` a control character: below U+0020, U+007F, or
 * U+0080 to U+009F, which some terminals take for an escape sequence? */
bool text_is_control(const char *text);

/* Appends the text; each byte of a control character, or of invalid UTF-8,
 * becomes \xNN, which is visible on a terminal. */
void text_append_visible(struct text *text, const char *from);
void text_print_visible(FILE *file, const char *from);

/* Prints in lines of at most TEXT_WIDTH columns, broken at blanks. */
#define TEXT_WIDTH 78
void text_print_wrapped(FILE *file, const char *from, unsigned indent);

/* Appends all of a file that has no size of its own (/proc, a pipe).  0 or
 * errno; EFBIG: it has more than `most` bytes. */
int text_append_file(struct text *text, const char *path, size_t most);

/* Most bytes of a file of /proc. */
#define PROC_BYTES_MOST ((size_t)1 << 30)

/* Is it a character device, which may never end (/dev/zero)? */
bool is_character_device(const char *path);

/*
 * Strict parsing of an option's argument: digits only, with nothing around
 * them, within the bounds.  For anything else false, and nothing is written.
 */
bool number_parse(const char *text, uint64_t least, uint64_t most,
                  uint64_t *number_out);
bool number_parse_signed(const char *text, int least, int most,
                         int *number_out);

/* "12.5" as 12500: a decimal with up to three digits after the point. */
bool number_parse_thousandths(const char *text, uint64_t least, uint64_t most,
                              uint64_t *thousandths_out);

/* A number with a suitable unit. */
struct byte_unit {
    const char *name; /* "KiB" */
    double bytes;
};
struct byte_unit byte_unit_for(uint64_t bytes);

/* "12.5 MiB", for one number alone; text must hold BYTE_TEXT_SIZE. */
#define BYTE_TEXT_SIZE 32
char *byte_text(char *text, uint64_t bytes);

/* A size as it is printed, in tenths of a unit: what is computed of sizes that
 * stand beside it is computed of these, so that it adds up for a reader. */
int64_t tenths_of(double bytes, double unit);
char *tenths_text(char *text, int64_t tenths); /* "-0.3", BYTE_TEXT_SIZE */

/* For qsort(), of uint64_t and of double: the least first. */
int number_compare(const void *left, const void *right);
int double_compare(const void *left, const void *right);

/* Part of whole in percent; 0 of nothing. */
double percent_of(uint64_t part, uint64_t whole);

/* A table: cells in reading order; the first row is the heading. */
struct table {
    size_t column_count;
    unsigned left; /* a bit for each left-aligned column */
    char **cells;
    size_t cell_count;
    size_t capacity;
};

/* A cell is printed by the rules of text_append_visible(). */
void table_add(struct table *table, const char *format, ...) TOOL_FORMAT(2, 3);
void table_print(const struct table *table, FILE *file);
void table_free(struct table *table);

#endif
