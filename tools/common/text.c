/* SPDX-License-Identifier: MIT */
/* text.c - growing text, whole files, and tables. */
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 16384

static void reserve(struct text *text, size_t extra)
{
    size_t wanted = text->length + extra + 1;

    if (wanted <= text->capacity)
        return;
    text->capacity = wanted < 2 * text->capacity ? 2 * text->capacity : wanted;
    text->bytes = memory_resize(text->bytes, text->capacity, 1);
}

void text_append(struct text *text, const char *bytes, size_t length)
{
    reserve(text, length);
    if (length != 0)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_print_list(struct text *text, const char *format, va_list arguments)
{
    va_list again;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        return;
    reserve(text, (size_t)length);
    (void)vsnprintf(text->bytes + text->length, (size_t)length + 1, format,
                    arguments);
    text->length += (size_t)length;
}

void text_print(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text_print_list(text, format, arguments);
    va_end(arguments);
}

void text_print_sentence(struct text *text, const char *format, ...)
{
    va_list arguments;

    if (text->length != 0)
        text_append(text, " ", 1);
    va_start(arguments, format);
    text_print_list(text, format, arguments);
    va_end(arguments);
}

size_t text_character_size(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size;
    uint32_t code;

    if (bytes[0] < 0x80)
        return 1;
    if (bytes[0] >= 0xc2 && bytes[0] < 0xe0)
        size = 2;
    else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0)
        size = 3;
    else if (bytes[0] >= 0xf0 && bytes[0] < 0xf5)
        size = 4;
    else
        return 0;
    code = bytes[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3fu);
    }
    if (code < least[size] || code > 0x10ffff)
        return 0;
    if (code >= 0xd800 && code <= 0xdfff)
        return 0;
    return size;
}

bool text_is_control(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;

    return bytes[0] < 0x20 || bytes[0] == 0x7f ||
           (bytes[0] == 0xc2 && bytes[1] < 0xa0);
}

void text_append_visible(struct text *text, const char *from)
{
    /* An empty text has NULL bytes. */
    while (from != NULL && *from != '\0') {
        size_t size = text_character_size(from);
        bool visible = size != 0 && !text_is_control(from);

        if (size == 0)
            size = 1;
        for (size_t i = 0; !visible && i < size; i++)
            text_print(text, "\\x%02x", (unsigned)(unsigned char)from[i]);
        if (visible)
            text_append(text, from, size);
        from += size;
    }
}

void text_print_visible(FILE *file, const char *from)
{
    struct text text = {0};

    text_append_visible(&text, from);
    fputs(text.bytes == NULL ? "" : text.bytes, file);
    text_free(&text);
}

/* The length of the longest line that ends at a blank and fits. */
static size_t wrap_length(const char *from, size_t width)
{
    size_t length = strlen(from);
    size_t end = width;

    if (length <= width)
        return length;
    while (end > 0 && from[end] != ' ')
        end--;
    if (end == 0)
        end = strcspn(from, " ");
    return end;
}

void text_print_wrapped(FILE *file, const char *from, unsigned indent)
{
    while (*from != '\0') {
        size_t length = wrap_length(from, TEXT_WIDTH - indent);

        fprintf(file, "%*s%.*s\n", (int)indent, "", (int)length, from);
        from += length;
        from += strspn(from, " ");
    }
}

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

char *text_cut_part(char **list_inout)
{
    char *part = *list_inout;
    char *comma = part == NULL ? NULL : strchr(part, ',');

    *list_inout = comma == NULL ? NULL : comma + 1;
    if (comma != NULL)
        *comma = '\0';
    return part;
}

int text_append_file(struct text *text, const char *path, size_t most)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    const size_t before = text->length;
    int error = 0;

    if (file < 0)
        return errno;
    for (;;) {
        ssize_t got;

        reserve(text, READ_SIZE);
        got = read(file, text->bytes + text->length, READ_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = errno;
        if (got <= 0)
            break;
        text->length += (size_t)got;
        if (text->length - before > most) {
            error = EFBIG;
            break;
        }
    }
    text->bytes[text->length] = '\0';
    (void)close(file);
    return error;
}

bool is_character_device(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISCHR(status.st_mode);
}

void table_add(struct table *table, const char *format, ...)
{
    struct text raw = {0};
    struct text cell = {0};
    va_list arguments;

    va_start(arguments, format);
    text_print_list(&raw, format, arguments);
    va_end(arguments);
    text_append(&cell, "", 0);
    text_append_visible(&cell, raw.bytes);
    text_free(&raw);
    table->cells = memory_make_room(table->cells, table->cell_count,
                                    &table->capacity, sizeof(*table->cells));
    table->cells[table->cell_count++] = cell.bytes;
}

/* The columns of a text on a terminal: one per character, not per byte. */
static size_t width_of(const char *cell)
{
    size_t width = 0;

    for (; *cell != '\0'; cell++) {
        if (((unsigned char)*cell & 0xc0) != 0x80)
            width++;
    }
    return width;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t widest = 0;

    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t width = width_of(table->cells[i]);

        if (width > widest)
            widest = width;
    }
    return widest;
}

void table_print(const struct table *table, FILE *file)
{
    size_t *widths;

    if (table->column_count == 0)
        return;
    widths = memory_allocate(table->column_count, sizeof(*widths));
    for (size_t column = 0; column < table->column_count; column++)
        widths[column] = column_width(table, column);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        bool last = column + 1 == table->column_count;
        size_t blanks = widths[column] - width_of(table->cells[i]);
        bool left = (table->left >> column & 1) != 0;

        for (size_t blank = 0; !left && blank < blanks; blank++)
            fputc(' ', file);
        fputs(table->cells[i], file);
        for (size_t blank = 0; left && !last && blank < blanks; blank++)
            fputc(' ', file);
        fputs(last ? "\n" : left ? "  " : " ", file);
    }
    free(widths);
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->cell_count = 0;
    table->capacity = 0;
}
