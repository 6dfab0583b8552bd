/* SPDX-License-Identifier: MIT */
/* print_json.c - everything that was recorded, for other programs. */
#include "picture.h"

#include <inttypes.h>

#include "verdict.h"

void lab_json_string(FILE *out, const char *text)
{
    if (text == NULL) {
        (void)fprintf(out, "null");
        return;
    }
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            (void)fprintf(out, "\\%c", c);
        else if (c < 0x20)
            (void)fprintf(out, "\\u%04x", c);
        else
            (void)fputc(c, out);
    }
    (void)fputc('"', out);
}

static void put_member(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, "  \"%s\": ", name);
    lab_json_string(out, text);
    (void)fprintf(out, ",\n");
}

static void put_row(FILE *out, const struct lab_trace *trace,
                    const struct lab_row *row)
{
    static const char *const kinds[LAB_KINDS] = {
        [LAB_READ] = "read",         [LAB_WRITE] = "write",
        [LAB_RMW] = "rmw",           [LAB_LOCK] = "lock",
        [LAB_UNLOCK] = "unlock",     [LAB_TRYLOCK] = "trylock",
        [LAB_WAIT] = "wait",         [LAB_WAKE] = "wake",
        [LAB_GET] = "get",           [LAB_PUT] = "put",
        [LAB_TRY_GET] = "try_get",   [LAB_SUBMIT] = "submit",
        [LAB_COMPLETE] = "complete", [LAB_ALLOC] = "alloc",
        [LAB_FREE] = "free",         [LAB_RELAX] = "relax",
        [LAB_SPAWN] = "spawn",       [LAB_JOIN] = "join",
        [LAB_END] = "end",           [LAB_POINT] = "point",
        [LAB_CHOOSE] = "choose",     [LAB_NOTE] = "note",
        [LAB_ENTER] = "enter",       [LAB_LEAVE] = "leave",
    };
    char name[LAB_LINE_CHARS];
    char object[64];

    lab_row_name(row, trace, name);
    (void)fprintf(out,
                  "    {\"thread\": %d, \"step\": %u, \"kind\": \"%s\", "
                  "\"depth\": %d, \"object\": %u, \"text\": ",
                  row->thread, row->step, kinds[row->kind], row->depth,
                  row->object);
    lab_json_string(out, name);
    lab_row_object(row, object, sizeof(object));
    if (object[0] != '\0') {
        (void)fprintf(out, ", \"name\": ");
        lab_json_string(out, object);
    }
    if (row->has_value)
        (void)fprintf(out, ", \"value\": %" PRIu64, row->value);
    if (row->state != 0) {
        (void)fprintf(out, ", \"state\": ");
        lab_json_string(out, lab_trace_text(trace, row->state));
    }
    if (row->comment != 0) {
        (void)fprintf(out, ", \"comment\": ");
        lab_json_string(out, lab_trace_text(trace, row->comment));
    }
    if (row->function != NULL) {
        (void)fprintf(out, ", \"function\": ");
        lab_json_string(out, row->function);
        (void)fprintf(out, ", \"file\": ");
        lab_json_string(out, row->file);
        (void)fprintf(out, ", \"line\": %d", row->line);
    }
    (void)fprintf(out, ", \"preemption\": %s}",
                  row->preemption ? "true" : "false");
}

static void put_result(FILE *out, const char *name,
                       const struct lab_result *result)
{
    if (result == NULL)
        return;
    (void)fprintf(out,
                  "  \"%s\": {\"executions\": %" PRIu64
                  ", \"complete\": %" PRIu64 ", \"asleep\": %" PRIu64
                  ", \"traces\": %" PRIu64 ", \"failing_traces\": %" PRIu64
                  ", \"failures\": %" PRIu64 ", \"finished\": %s, ",
                  name, result->executions, result->complete, result->blocked,
                  result->traces, result->failing_traces, result->failures,
                  result->finished ? "true" : "false");
    if (result->is_bounded)
        (void)fprintf(out, "\"bound\": %u, ", result->bound);
    if (!result->finished && result->estimate > 0)
        (void)fprintf(out, "\"estimate\": %.3g, ", result->estimate);
    (void)fprintf(out,
                  "\"seconds\": %.3f, \"verdict\": \"%s\", "
                  "\"not_explored\": ",
                  result->seconds,
                  lab_is_complete(result) ? "complete" : "explored");
    lab_print_met_json(out, &result->met);
    (void)fprintf(out, "},\n");
}

void lab_print_silence_json(FILE *out, const struct lab_program *program,
                            const struct lab_result *result)
{
    (void)fprintf(out, "{\n");
    put_member(out, "scenario", program->name);
    put_member(out, "broken", program->broken);
    put_result(out, "explored", result);
    (void)fprintf(out, "  \"outcome\": \"complete\"\n}\n");
}

void lab_print_json(FILE *out, const struct lab_story *story)
{
    const struct lab_trace *trace = story->trace;

    (void)fprintf(out, "{\n");
    put_member(out, "scenario", trace->program);
    put_member(out, "broken", trace->broken);
    put_member(out, "outcome", lab_outcome_name(trace->outcome));
    put_member(out, "what", trace->what);
    put_member(out, "message", lab_trace_text(trace, trace->message));
    put_member(out, "opening", lab_trace_text(trace, trace->opening));
    put_member(out, "detail", lab_trace_text(trace, trace->detail));
    if (trace->state != 0)
        put_member(out, "state", lab_trace_text(trace, trace->state));
    put_member(out, "replay", story->replay);
    put_result(out, "explored", story->broken);
    put_result(out, "every_rule_in_force", story->whole);
    (void)fprintf(out,
                  "  \"preemptions\": %u,\n  \"switches\": %u,\n"
                  "  \"hash\": \"%08x\",\n  \"lost_from_step\": %u,\n"
                  "  \"failed_row\": %u,\n  \"threads\": [",
                  trace->preemptions, trace->switches, trace->hash,
                  trace->marked_step, trace->failed_row);
    for (unsigned i = 1; i <= trace->thread_count; i++) {
        (void)fprintf(out, "%s", i == 1 ? "" : ", ");
        lab_json_string(out, trace->titles[i]);
    }
    (void)fprintf(out, "],\n  \"rows\": [\n");
    for (unsigned i = 0; i < trace->row_count; i++) {
        put_row(out, trace, &trace->rows[i]);
        (void)fprintf(out, "%s\n", i + 1 < trace->row_count ? "," : "");
    }
    (void)fprintf(out, "  ]\n}\n");
}
