/* SPDX-License-Identifier: MIT */
/* message.c - messages to the user, and the end without memory. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define FIRST_CAPACITY 16

static const char *command_name = "zcache";
static bool notes_hidden;

void message_set_command(const char *name)
{
    command_name = name;
}

void message_set_quiet(bool quiet)
{
    notes_hidden = quiet;
}

/* One line; control characters in names do not reach the terminal. */
static void print_line(const char *kind, const char *format, va_list arguments)
    TOOL_FORMAT(2, 0);

static void print_line(const char *kind, const char *format, va_list arguments)
{
    struct text line = {0};
    struct text visible = {0};

    text_print_list(&line, format, arguments);
    text_append_visible(&visible, line.bytes);
    fprintf(stderr, "%s: %s%s\n", command_name, kind, visible.bytes);
    text_free(&line);
    text_free(&visible);
}

void message_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line("", format, arguments);
    va_end(arguments);
}

void message_note(const char *format, ...)
{
    va_list arguments;

    if (notes_hidden)
        return;
    va_start(arguments, format);
    print_line("note: ", format, arguments);
    va_end(arguments);
}

void message_status(zc_status status, const char *reason, const char *format,
                    ...)
{
    struct text what = {0};
    va_list arguments;

    va_start(arguments, format);
    text_print_list(&what, format, arguments);
    va_end(arguments);
    message_error("%s: %s", what.bytes,
                  *reason != '\0' ? reason : zc_status_describe(status));
    text_free(&what);
}

bool message_finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    message_error("cannot write the result: %s", strerror(errno));
    return false;
}

void *memory_allocate(size_t count, size_t size)
{
    return memory_resize(NULL, count, size);
}

void *memory_resize(void *memory, size_t count, size_t size)
{
    void *resized = NULL;

    if (count == 0)
        count = 1;
    if (count <= SIZE_MAX / size)
        resized = realloc(memory, count * size);
    if (resized == NULL) {
        fprintf(stderr, "%s: out of memory: %zu times %zu bytes\n",
                command_name, count, size);
        exit(TOOL_ERROR);
    }
    return resized;
}

char *memory_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(memory_allocate(size, 1), text, size);
}

void *memory_make_room(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    return memory_resize(array, *capacity, size);
}
