/* SPDX-License-Identifier: MIT */
/* number.c - strict parsing of numbers in options, and numbers with units. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>

#include "common/text.h"

/* The digits at *cursor; false where there are none or they do not fit. */
static bool take_digits(const char **cursor, uint64_t *number_out)
{
    const char *first = *cursor;
    uint64_t number = 0;

    for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++) {
        uint64_t digit = (uint64_t)(**cursor - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (*cursor == first)
        return false;
    *number_out = number;
    return true;
}

bool number_parse(const char *text, uint64_t least, uint64_t most,
                  uint64_t *number_out)
{
    uint64_t number;

    if (!take_digits(&text, &number) || *text != '\0')
        return false;
    if (number < least || number > most)
        return false;
    *number_out = number;
    return true;
}

bool number_parse_signed(const char *text, int least, int most, int *number_out)
{
    bool negative = *text == '-';
    uint64_t size;
    int number;

    if (!number_parse(text + (negative ? 1 : 0), 0, INT_MAX, &size))
        return false;
    number = negative ? -(int)size : (int)size;
    if (number < least || number > most)
        return false;
    *number_out = number;
    return true;
}

bool number_parse_thousandths(const char *text, uint64_t least, uint64_t most,
                              uint64_t *thousandths_out)
{
    uint64_t whole;
    uint64_t part = 0;

    if (!take_digits(&text, &whole) || whole > UINT64_MAX / 1000 - 1)
        return false;
    if (*text == '.') {
        uint64_t scale = 100;

        for (text++; *text >= '0' && *text <= '9' && scale != 0; text++) {
            part += (uint64_t)(*text - '0') * scale;
            scale /= 10;
        }
        if (scale == 100)
            return false;
    }
    if (*text != '\0')
        return false;
    whole = whole * 1000 + part;
    if (whole < least || whole > most)
        return false;
    *thousandths_out = whole;
    return true;
}

struct byte_unit byte_unit_for(uint64_t bytes)
{
    if (bytes >= UINT64_C(10) << 30)
        return (struct byte_unit){"GiB", 1073741824.0};
    if (bytes >= UINT64_C(10) << 20)
        return (struct byte_unit){"MiB", 1048576.0};
    return (struct byte_unit){"KiB", 1024.0};
}

char *byte_text(char *text, uint64_t bytes)
{
    struct byte_unit unit = byte_unit_for(bytes);

    (void)snprintf(text, BYTE_TEXT_SIZE, "%.1f %s", (double)bytes / unit.bytes,
                   unit.name);
    return text;
}

int64_t tenths_of(double bytes, double unit)
{
    return (int64_t)rint(bytes / unit * 10.0);
}

char *tenths_text(char *text, int64_t tenths)
{
    const uint64_t size = (uint64_t)(tenths < 0 ? -tenths : tenths);

    (void)snprintf(text, BYTE_TEXT_SIZE, "%s%" PRIu64 ".%u",
                   tenths < 0 ? "-" : "", size / 10, (unsigned)(size % 10));
    return text;
}

int number_compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

int double_compare(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;

    return (a > b) - (a < b);
}

double percent_of(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}
