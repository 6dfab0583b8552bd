/* SPDX-License-Identifier: MIT */
/* json.c - see json.h. */
#include "json.h"

#include <inttypes.h>

static FILE *file_of(const struct json *json)
{
    return json->file == NULL ? stdout : json->file;
}

static void element(struct json *json, const char *key)
{
    if ((json->has_element >> json->depth & 1u) != 0)
        (void)fputc(',', file_of(json));
    json->has_element |= 1u << json->depth;
    if (key != NULL)
        fprintf(file_of(json), "\"%s\":", key);
}

static void open_bracket(struct json *json, const char *key, int bracket)
{
    if (json->depth != 0)
        element(json, key);
    (void)fputc(bracket, file_of(json));
    json->depth++;
    json->has_element &= ~(1u << json->depth);
}

static void close_bracket(struct json *json, int bracket)
{
    (void)fputc(bracket, file_of(json));
    json->depth--;
    if (json->depth == 0) {
        (void)fputc('\n', file_of(json));
        (void)fflush(file_of(json));
    }
}

void json_begin(struct json *json, const char *key)
{
    open_bracket(json, key, '{');
}

void json_end(struct json *json)
{
    close_bracket(json, '}');
}

void json_begin_array(struct json *json, const char *key)
{
    open_bracket(json, key, '[');
}

void json_end_array(struct json *json)
{
    close_bracket(json, ']');
}

void json_number(struct json *json, const char *key, uint64_t value)
{
    element(json, key);
    fprintf(file_of(json), "%" PRIu64, value);
}

void json_real(struct json *json, const char *key, double value)
{
    element(json, key);
    fprintf(file_of(json), "%.6g", value);
}

void json_text(struct json *json, const char *key, const char *value)
{
    element(json, key);
    fprintf(file_of(json), "\"%s\"", value);
}

void json_histogram(struct json *json, const char *key,
                    const struct histogram *histogram)
{
    json_begin(json, key);
    json_number(json, "count", histogram->count);
    json_real(json, "mean_ns", histogram_mean(histogram));
    json_number(json, "p50_ns", histogram_quantile(histogram, 0.5));
    json_number(json, "p99_ns", histogram_quantile(histogram, 0.99));
    json_number(json, "p999_ns", histogram_quantile(histogram, 0.999));
    json_number(json, "max_ns", histogram->max);
    json_end(json);
}
