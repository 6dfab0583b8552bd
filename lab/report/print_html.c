/* SPDX-License-Identifier: MIT */
/*
 * print_html.c - a trace as a page: its rows as a sequence diagram, with a
 * slider that shows the state after each step, and its story.
 *
 * The rows are those of --steps, the story is that of --story, and the script
 * of the page reads the rows as --format json has them.  Without scripts the
 * page is the diagram and the story.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream() where POSIX alone is not enough */
#endif

#include "page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

static struct lab_picture picture;

/* --- text ------------------------------------------------------------ */

static void put_character(FILE *out, unsigned char c)
{
    static const char marks[] = "&<>\"";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    const char *mark = c == '\0' ? NULL : strchr(marks, c);

    if (mark != NULL)
        (void)fputs(names[mark - marks], out);
    else if ((c < 0x20 && c != '\n') || c == 0x7f)
        (void)fprintf(out, "\\x%02x", c);
    else
        (void)fputc(c, out);
}

void lab_html_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        put_character(out, (unsigned char)*text);
}

void lab_html_element(FILE *out, const char *name, const char *attributes,
                      const char *text)
{
    (void)fprintf(out, "<%s%s>", name, attributes);
    lab_html_text(out, text);
    (void)fprintf(out, "</%s>\n", name);
}

/* What a printer of this kind writes, as a text to free; never NULL. */
static char *text_of(void (*print)(FILE *out, const struct lab_story *story),
                     const struct lab_story *story)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        abort();
    print(out, story);
    if (fclose(out) != 0)
        abort();
    return text;
}

static void put_lines(FILE *out, const char *const *lines)
{
    for (; *lines != NULL; lines++)
        (void)fputs(*lines, out);
}

void lab_page_begin(FILE *out, const char *title)
{
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                "<meta charset=\"utf-8\"/>\n"
                "<meta name=\"viewport\" content=\"width=device-width\"/>\n",
                out);
    lab_html_element(out, "title", "", title);
    (void)fputs("<style>\n", out);
    put_lines(out, lab_page_css);
    (void)fputs("</style>\n</head>\n<body>\n", out);
    lab_html_element(out, "h1", "", title);
}

void lab_page_end(FILE *out)
{
    (void)fputs("</body>\n</html>\n", out);
}

/* --- what it is about ------------------------------------------------ */

static const char *sentence_of(const struct lab_rule_book *rules,
                               const char *rule)
{
    const char *name;

    for (unsigned i = 0; rules != NULL && (name = rules->identifier(i)) != NULL;
         i++) {
        if (strcmp(name, rule) == 0)
            return rules->sentence(i);
    }
    return "";
}

static void put_rules(FILE *out, const struct lab_page *page)
{
    const char *rest = page->story->trace->broken;
    char rule[LAB_RULE_CHARS];

    while (lab_rule_next(&rest, rule)) {
        const char *sentence = sentence_of(page->rules, rule);

        (void)fputs("<p>Broken: <code>", out);
        lab_html_text(out, rule);
        (void)fprintf(out, "</code>%s", sentence[0] == '\0' ? "" : ", ");
        lab_html_text(out, sentence);
        (void)fputs("</p>\n", out);
    }
}

static bool fails(const struct lab_trace *trace)
{
    return trace->outcome != LAB_COMPLETE_RUN && trace->what != NULL;
}

static void put_verdict(FILE *out, const struct lab_page *page)
{
    const struct lab_trace *trace = page->story->trace;

    if (!fails(trace)) {
        lab_html_element(out, "p", " id=\"verdict\"",
                         "No schedule fails. This is one of them.");
        return;
    }
    lab_html_element(out, "p", " id=\"verdict\" class=\"bad\"",
                     picture.problem);
    (void)fprintf(out, "<p>%u preemption%s. ", trace->preemptions,
                  trace->preemptions == 1 ? "" : "s");
    if (trace->marked_step == 0)
        (void)fputs("Every schedule fails: no concurrency is needed.", out);
    else
        (void)fprintf(out,
                      "After <a href=\"#step=%u\">step %u</a> every "
                      "continuation fails.",
                      trace->marked_step, trace->marked_step);
    (void)fputs("</p>\n", out);
}

static void put_head(FILE *out, const struct lab_page *page)
{
    const struct lab_scenario *scenario = page->scenario;

    lab_html_element(out, "p", "", scenario->summary);
    if (scenario->story != NULL && scenario->story[0] != '\0')
        lab_html_element(out, "p", " class=\"soft\"", scenario->story);
    put_rules(out, page);
    put_verdict(out, page);
    if (page->story->replay == NULL)
        return;
    (void)fputs("<p>Replay: <code id=\"replay\">", out);
    lab_html_text(out, page->story->replay);
    (void)fputs("</code> <button class=\"only\" id=\"copy\" type=\"button\">"
                "copy</button></p>\n",
                out);
}

/* --- the diagram ----------------------------------------------------- */

static unsigned step_of(const struct lab_line *line)
{
    return picture.trace->rows[line->row].step;
}

/* A cell for each thread; of those but `thread` an empty one. */
static void put_cells(FILE *out, int thread, const char *cell)
{
    for (int i = 1; i < LAB_THREADS; i++) {
        if (!picture.shown[i])
            continue;
        (void)fprintf(out, "<td class=\"life\">");
        if (i == thread)
            (void)fputs(cell, out);
        (void)fputs("</td>", out);
    }
}

/* Why the thread of the line before does not go on: a row of its own. */
static void put_turn(FILE *out, const struct lab_line *before,
                     const struct lab_line *line)
{
    const struct lab_trace *trace = picture.trace;
    const bool right = before->thread < line->thread;
    const char *why = "ends";

    for (unsigned i = before->row; i <= line->row; i++) {
        const struct lab_row *row = &trace->rows[i];

        if (row->preemption && row->thread != before->thread)
            why = "preempted";
        else if (row->switched && (row->blocked >> before->thread & 1) != 0)
            why = "waits";
    }
    (void)fputs("<tr class=\"turn\"><td></td>", out);
    for (int i = 1; i < LAB_THREADS; i++) {
        const int low = right ? before->thread : line->thread;
        const int high = right ? line->thread : before->thread;

        if (!picture.shown[i])
            continue;
        (void)fprintf(out, "<td class=\"life c%d%s\">", line->thread % 4,
                      i < low || i > high ? "" : " over");
        if (i == before->thread)
            (void)fprintf(out, "<div>%s%s%s</div>", right ? "" : "&#8592; ",
                          why, right ? " &#8594;" : "");
        (void)fputs("</td>", out);
    }
    (void)fputs("</tr>\n", out);
}

/* The number of a step stands beside the first of its lines, whose name in the
 * address it is. */
static void put_line(FILE *out, const struct lab_line *line, bool is_first)
{
    const unsigned step = step_of(line);
    char *cell = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&cell, &size);

    if (text == NULL)
        abort();
    (void)fprintf(text, "<div style=\"--d:%u\">", line->depth);
    lab_html_text(text, line->text);
    if (line->comment[0] != '\0') {
        (void)fputs(" <i>// ", text);
        lab_html_text(text, line->comment);
        (void)fputs("</i>", text);
    }
    (void)fputs("</div>", text);
    if (fclose(text) != 0)
        abort();
    (void)fprintf(out, "<tr class=\"c%d%s%s\" data-step=\"%u\"",
                  line->thread % 4, line->is_call ? " call" : "",
                  line->problem ? " problem" : "", step);
    if (is_first)
        (void)fprintf(out, " id=\"step=%u\"><td class=\"n\">%u</td>", step,
                      step);
    else
        (void)fputs("><td class=\"n\"></td>", out);
    put_cells(out, line->thread, cell);
    (void)fputs("</tr>\n", out);
    free(cell);
    if (line->marked)
        (void)fprintf(out,
                      "<tr class=\"mark\"><td></td><td colspan=\"%u\">from "
                      "here every continuation fails</td></tr>\n",
                      picture.columns);
}

static void put_diagram(FILE *out, const struct lab_trace *trace)
{
    (void)fputs("<table class=\"steps\">\n<thead><tr><th class=\"n\"></th>",
                out);
    for (int i = 1; i < LAB_THREADS; i++) {
        if (!picture.shown[i])
            continue;
        (void)fprintf(out, "<th class=\"col c%d\">", i % 4);
        lab_html_text(out, picture.heading[i]);
        (void)fputs("</th>", out);
    }
    (void)fputs("</tr></thead>\n<tbody>\n", out);
    for (unsigned i = 0; i < picture.line_count; i++) {
        const struct lab_line *line = &picture.lines[i];

        if (i > 0 && line[-1].thread != line->thread && !line->waits)
            put_turn(out, line - 1, line);
        put_line(out, line, i == 0 || step_of(line - 1) != step_of(line));
    }
    (void)fputs("</tbody></table>\n", out);
    if (picture.truncated || trace->truncated)
        lab_html_element(out, "p", " class=\"bad\"",
                         "(too long: not all of it is shown)");
}

static void put_steps(FILE *out, const struct lab_trace *trace)
{
    (void)fputs("<h2>Steps</h2>\n", out);
    if (trace->opening != 0) {
        (void)fputs("<p class=\"soft\">before: ", out);
        lab_html_text(out, lab_trace_text(trace, trace->opening));
        (void)fputs("</p>\n", out);
    }
    (void)fputs("<div class=\"beside\"><div>\n", out);
    put_diagram(out, trace);
    if (fails(trace)) {
        lab_html_element(out, "p", " class=\"bad\"", picture.problem);
        if (trace->detail != 0)
            lab_html_element(out, "pre", "",
                             lab_trace_text(trace, trace->detail));
    }
    (void)fputs(
        "</div>\n<div class=\"panel only\">\n"
        "<div class=\"bar\"><button id=\"back\" type=\"button\" "
        "aria-label=\"a step back\">&#9664;</button>"
        "<input id=\"slider\" type=\"range\" min=\"0\" aria-label=\"step\"/>"
        "<button id=\"on\" type=\"button\" aria-label=\"a step on\">&#9654;"
        "</button></div>\n"
        "<div>step <span id=\"number\"></span> "
        "<span id=\"fate\"></span></div>\n"
        "<code id=\"at\"></code>\n<div id=\"state\"></div>\n"
        "<p class=\"soft\">Arrow keys move by a step, page up and down by ten. "
        "Marked is what the step changed.</p>\n</div></div>\n",
        out);
}

/* --- the whole ------------------------------------------------------- */

static void put_story(FILE *out, const struct lab_story *story)
{
    struct lab_story told = *story;
    char *text;

    told.steps = false;
    told.stable = false;
    told.width = 0;
    text = text_of(lab_print_columns, &told);
    (void)fputs("<h2>Story</h2>\n<pre id=\"story\">", out);
    lab_html_text(out, text);
    free(text);
    if (story->whole == NULL && story->broken != NULL) {
        FILE *lines = open_memstream(&text, &(size_t){0});

        if (lines == NULL)
            abort();
        lab_print_met(lines, &story->broken->met, 0);
        if (fclose(lines) != 0)
            abort();
        lab_html_text(out, text);
        free(text);
    }
    (void)fputs("</pre>\n", out);
}

/* As JSON; the characters that mean something in a page are escaped.  Counts
 * are left out, because they have seconds beside them. */
static void put_data(FILE *out, const struct lab_story *story)
{
    const struct lab_story bare = {.trace = story->trace,
                                   .replay = story->replay};
    char *text = text_of(lab_print_json, &bare);

    (void)fputs("<script id=\"trace\" type=\"application/json\">\n", out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '<' || *c == '>' || *c == '&' || *c == 0x7f)
            (void)fprintf(out, "\\u%04x", (unsigned)*c);
        else
            (void)fputc(*c, out);
    }
    (void)fputs("</script>\n<script>\n", out);
    put_lines(out, lab_page_js);
    (void)fputs("</script>\n", out);
    free(text);
}

void lab_print_page(FILE *out, const struct lab_page *page)
{
    const struct lab_trace *trace = page->story->trace;
    struct lab_story steps = *page->story;
    char title[2 * LAB_LINE_CHARS];

    steps.steps = true;
    lab_picture_draw(&picture, &steps);
    (void)snprintf(title, sizeof(title), "%s%s%s", trace->program,
                   trace->broken == NULL ? "" : ", broken: ",
                   trace->broken == NULL ? "" : trace->broken);
    lab_page_begin(out, title);
    if (page->in_matrix)
        (void)fprintf(out, "<p><a href=\"index.html\">the matrix</a></p>\n");
    put_head(out, page);
    put_steps(out, trace);
    put_story(out, page->story);
    put_data(out, page->story);
    lab_page_end(out);
}

int lab_page_write(const struct lab_page *page, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int error;

    if (out == NULL)
        return errno;
    lab_print_page(out, page);
    error = fclose(out) == 0 ? lab_file_write(path, text, size) : errno;
    free(text);
    return error;
}
