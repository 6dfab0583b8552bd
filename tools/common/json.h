/* SPDX-License-Identifier: MIT */
/*
 * json.h - a writer of JSON that places commas and line ends.
 *
 * The caller opens and closes in pairs and gives a key before each value
 * inside an object.
 */
#ifndef ZCACHE_TOOL_JSON_H
#define ZCACHE_TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The state of a writer; start with {.file = stdout}. */
struct json {
    FILE *file;
    unsigned depth;
    bool follows;   /* a value precedes at this depth */
    bool after_key; /* the next value belongs to a key */
};

void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);
void json_key(struct json *json, const char *key);
void json_number(struct json *json, uint64_t number);
void json_signed(struct json *json, bool negative, uint64_t number);
void json_thousandths(struct json *json, uint64_t thousandths);

/* Any bytes: each one that is not UTF-8 becomes U+FFFD. */
void json_string(struct json *json, const char *text);

#endif
