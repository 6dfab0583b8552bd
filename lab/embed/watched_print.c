/* SPDX-License-Identifier: MIT */
/*
 * watched_print.c - the functions that print into memory, of watched code.
 *
 * The format is parsed for the strings among the arguments, which are read.
 * Arguments that are named by position (%1$s) are not looked at.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vasprintf() */
#endif

#include "watched.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

/* What stands between % and the letter. */
struct conversion {
    size_t most; /* the precision; SIZE_MAX: none */
    char length; /* h, l, j, z, t, L; H is hh, q is ll; 0: none */
    char letter; /* 0: not understood */
};

/* A number in the format, or an argument. */
static int number(const char **at, va_list *arguments)
{
    int value = 0;

    if (**at == '*') {
        (*at)++;
        return va_arg(*arguments, int);
    }
    for (; **at >= '0' && **at <= '9' && value < INT_MAX / 10 - 1; (*at)++)
        value = 10 * value + (**at - '0');
    return value;
}

static char length_of(const char **at)
{
    char length = **at;

    if (length == '\0' || strchr("hlqjztL", length) == NULL)
        return 0;
    (*at)++;
    if (**at != length || (length != 'h' && length != 'l'))
        return length;
    (*at)++;
    return length == 'h' ? 'H' : 'q';
}

/* Parses behind the %, and leaves *at at the letter. */
static struct conversion parse(const char **at, va_list *arguments)
{
    struct conversion found = {.most = SIZE_MAX};

    *at += strspn(*at, "-+ #0'I");
    (void)number(at, arguments);
    if (**at == '.') {
        int most;

        (*at)++;
        most = number(at, arguments);
        if (most >= 0)
            found.most = (size_t)most;
    }
    found.length = length_of(at);
    found.letter = **at;
    return found;
}

static void skip_integer(char length, va_list *arguments)
{
    switch (length) {
    case 'l':
        (void)va_arg(*arguments, long);
        break;
    case 'q':
        (void)va_arg(*arguments, long long);
        break;
    case 'j':
        (void)va_arg(*arguments, intmax_t);
        break;
    case 'z':
        (void)va_arg(*arguments, size_t);
        break;
    case 't':
        (void)va_arg(*arguments, ptrdiff_t);
        break;
    default:
        (void)va_arg(*arguments, int);
        break;
    }
}

/* What %n writes. */
static void write_count(char length, va_list *arguments, const void *pc)
{
    const size_t sizes[] = {
        ['H'] = sizeof(char),      ['h'] = sizeof(short),
        ['l'] = sizeof(long),      ['q'] = sizeof(long long),
        ['j'] = sizeof(intmax_t),  ['z'] = sizeof(size_t),
        ['t'] = sizeof(ptrdiff_t),
    };
    const void *count = va_arg(*arguments, void *);

    lab_writes(count, length == 0 ? sizeof(int) : sizes[(unsigned char)length],
               pc);
}

/* Takes the arguments of one conversion; false: it is not understood. */
static bool take(const struct conversion *is, va_list *arguments,
                 const void *pc)
{
    switch (is->letter) {
    case '%':
    case 'm':
        return true;
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
    case 'c':
        skip_integer(is->letter == 'c' ? 0 : is->length, arguments);
        return true;
    case 's':
    case 'p': {
        const char *text = va_arg(*arguments, const char *);

        if (is->letter == 's' && is->length != 'l' && text != NULL)
            (void)lab_reads_most(text, is->most, pc);
        return true;
    }
    case 'n':
        write_count(is->length, arguments, pc);
        return true;
    default:
        if (is->letter == '\0' || strchr("aAeEfFgG", is->letter) == NULL)
            return false;
        if (is->length == 'L')
            (void)va_arg(*arguments, long double);
        else
            (void)va_arg(*arguments, double);
        return true;
    }
}

LAB_PRINTF(1, 0)
static void read_arguments(const char *format, va_list from, const void *pc)
{
    const char *at = format;
    va_list arguments;

    (void)lab_reads_string(format, pc);
    va_copy(arguments, from);
    while ((at = strchr(at, '%')) != NULL) {
        struct conversion is;

        at++;
        is = parse(&at, &arguments);
        if (!take(&is, &arguments, pc))
            break;
        at++;
    }
    va_end(arguments);
}

LAB_PRINTF(3, 0)
static int print(char *to, size_t size, const char *format, va_list arguments,
                 const void *pc)
{
    int length;

    read_arguments(format, arguments, pc);
    length = vsnprintf(to, size, format, arguments);
    if (size != 0 && length >= 0)
        lab_writes(to, (size_t)length < size ? (size_t)length + 1 : size, pc);
    return length;
}

/* Prints into a block of its own. */
LAB_PRINTF(2, 0)
static int print_new(char **to, const char *format, va_list arguments,
                     const void *pc)
{
    va_list again;
    char *text = NULL;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length >= 0)
        text = lab_embed_take((size_t)length + 1, pc);
    if (text == NULL)
        return -1;
    lab_writes(to, sizeof(*to), pc);
    *to = text;
    return print(text, (size_t)length + 1, format, arguments, pc);
}

LAB_PRINTF(3, 0)
int zc_lab_vsnprintf(char *to, size_t size, const char *format,
                     va_list arguments)
{
    return print(to, size, format, arguments, CALLER);
}

LAB_PRINTF(3, 4)
int zc_lab_snprintf(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = print(to, size, format, arguments, CALLER);
    va_end(arguments);
    return length;
}

LAB_PRINTF(2, 0)
int zc_lab_vsprintf(char *to, const char *format, va_list arguments)
{
    return print(to, INT_MAX, format, arguments, CALLER);
}

LAB_PRINTF(2, 3)
int zc_lab_sprintf(char *to, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = print(to, INT_MAX, format, arguments, CALLER);
    va_end(arguments);
    return length;
}

LAB_PRINTF(2, 0)
int zc_lab_vasprintf(char **to, const char *format, va_list arguments)
{
    return print_new(to, format, arguments, CALLER);
}

LAB_PRINTF(2, 3)
int zc_lab_asprintf(char **to, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = print_new(to, format, arguments, CALLER);
    va_end(arguments);
    return length;
}
