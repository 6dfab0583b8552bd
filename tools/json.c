/* SPDX-License-Identifier: MIT */
/* json.c - the writer of JSON. */
#include "json.h"

#include <inttypes.h>
#include <string.h>

/* What stands between one value and the next: comma, line end, indent. */
static void begin_value(struct json *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->follows)
        fputc(',', json->file);
    if (json->depth != 0)
        fprintf(json->file, "\n%*s", (int)(2 * json->depth), "");
    json->follows = true;
}

void json_open(struct json *json, char bracket)
{
    begin_value(json);
    fputc(bracket, json->file);
    json->depth++;
    json->follows = false;
}

void json_close(struct json *json, char bracket)
{
    json->depth--;
    if (json->follows)
        fprintf(json->file, "\n%*s", (int)(2 * json->depth), "");
    fputc(bracket, json->file);
    json->follows = true;
    if (json->depth == 0)
        fputc('\n', json->file);
}

void json_number(struct json *json, uint64_t number)
{
    begin_value(json);
    fprintf(json->file, "%" PRIu64, number);
}

void json_thousandths(struct json *json, uint64_t thousandths)
{
    begin_value(json);
    fprintf(json->file, "%" PRIu64 ".%03u", thousandths / 1000,
            (unsigned)(thousandths % 1000));
}

/*
 * How many bytes the UTF-8 character at `bytes` has, or 0 where there is none:
 * a stray or missing follower, an overlong form, a surrogate, or beyond
 * U+10FFFF.  The NUL at the end is no follower, so it is never passed.
 */
static size_t character_size(const unsigned char *bytes)
{
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

static void write_ascii(FILE *file, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        fprintf(file, "\\%c", byte);
    else if (byte == '\n')
        fputs("\\n", file);
    else if (byte == '\t')
        fputs("\\t", file);
    else if (byte < 0x20 || byte == 0x7f)
        fprintf(file, "\\u%04x", (unsigned)byte);
    else
        fputc(byte, file);
}

static void write_string(FILE *file, const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;

    fputc('"', file);
    while (*bytes != '\0') {
        size_t size = character_size(bytes);

        if (size == 0)
            fputs("\\ufffd", file);
        else if (size == 1)
            write_ascii(file, *bytes);
        else
            fwrite(bytes, 1, size, file);
        bytes += size == 0 ? 1 : size;
    }
    fputc('"', file);
}

void json_string(struct json *json, const char *text)
{
    begin_value(json);
    write_string(json->file, text);
}

void json_key(struct json *json, const char *key)
{
    begin_value(json);
    write_string(json->file, key);
    fputs(": ", json->file);
    json->after_key = true;
}
