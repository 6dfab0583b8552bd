/* SPDX-License-Identifier: MIT */
/* json.c - the writer of JSON. */
#include "common/json.h"

#include <inttypes.h>
#include <string.h>

#include "common/text.h"

/* Writes what separates two values: comma, line end, indentation. */
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
    json_signed(json, false, number);
}

void json_signed(struct json *json, bool negative, uint64_t number)
{
    begin_value(json);
    fprintf(json->file, "%s%" PRIu64, negative ? "-" : "", number);
}

void json_thousandths(struct json *json, uint64_t thousandths)
{
    begin_value(json);
    fprintf(json->file, "%" PRIu64 ".%03u", thousandths / 1000,
            (unsigned)(thousandths % 1000));
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
        size_t size = text_character_size((const char *)bytes);

        if (size == 0)
            fputs("\\ufffd", file);
        else if (size == 1)
            write_ascii(file, *bytes);
        else if (text_is_control((const char *)bytes)) /* U+0080 to U+009F */
            fprintf(file, "\\u%04x", (unsigned)bytes[1]);
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
