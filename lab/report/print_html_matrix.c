/* SPDX-License-Identifier: MIT */
/* print_html_matrix.c - the matrix as a page, whose cells lead to theirs. */
#include "page.h"

#include <inttypes.h>
#include <string.h>

static const struct lab_scenario *scenario_of(const struct lab_matrix *matrix,
                                              unsigned scenario)
{
    return matrix->plan->scenarios[scenario];
}

void lab_page_name(const char *scenario, const char *rule, char *text,
                   size_t size)
{
    (void)snprintf(text, size, "%s--%s.html", scenario,
                   rule == NULL ? "none" : rule);
}

/* The address of a cell's page, at the step after which all fails. */
static void put_address(FILE *out, const struct lab_matrix *matrix,
                        unsigned scenario, unsigned rule)
{
    const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);
    const char *name = scenario_of(matrix, scenario)->program.name;
    char page[256];

    if (!cell->fails) {
        (void)fprintf(out, "#%s", name);
        return;
    }
    lab_page_name(name, matrix->plan->rules->identifier(rule), page,
                  sizeof(page));
    (void)fprintf(out, "%s#", page);
    if (cell->marked_step == 0)
        (void)fputs("verdict", out);
    else
        (void)fprintf(out, "step=%u", cell->marked_step);
}

static void put_cell(FILE *out, const struct lab_matrix *matrix,
                     unsigned scenario, unsigned rule)
{
    const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);

    if (cell->state == LAB_CELL_WAITS) {
        (void)fputs("<td></td>", out);
        return;
    }
    (void)fprintf(out, "<td%s><a href=\"",
                  cell->fails ? " class=\"fails\"" : "");
    put_address(out, matrix, scenario, rule);
    (void)fputs("\" title=\"", out);
    lab_html_text(out, scenario_of(matrix, scenario)->program.name);
    (void)fputs(": ", out);
    lab_html_text(out, cell->fails ? cell->what : "none fails");
    (void)fprintf(out, "\">%c</a></td>", lab_cell_mark(cell));
}

static void put_grid(FILE *out, const struct lab_matrix *matrix)
{
    const struct lab_rule_book *rules = matrix->plan->rules;

    (void)fputs("<div class=\"wide\"><table class=\"grid\">\n<thead><tr><th>"
                "</th>",
                out);
    for (unsigned i = 0; i < matrix->scenarios; i++) {
        const char *name = scenario_of(matrix, i)->program.name;

        (void)fprintf(out, "<th><a href=\"#%s\">%s</a></th>", name, name);
    }
    (void)fputs("</tr></thead>\n<tbody>\n", out);
    for (unsigned rule = 0; rule < matrix->rules; rule++) {
        (void)fputs("<tr><th title=\"", out);
        lab_html_text(out, rules->sentence(rule));
        (void)fprintf(out, "\"><code>%s</code></th>", rules->identifier(rule));
        for (unsigned i = 0; i < matrix->scenarios; i++)
            put_cell(out, matrix, i, rule);
        (void)fputs("</tr>\n", out);
    }
    (void)fputs("</tbody></table></div>\n<p class=\"soft\">", out);
    lab_html_text(out, lab_matrix_legend);
    (void)fputs("</p>\n", out);
}

static void put_counts(FILE *out, const struct lab_cell *cell)
{
    (void)fprintf(out, "%" PRIu64 " of %" PRIu64 " traces fail%s (",
                  cell->failing, cell->traces,
                  lab_cell_is_sequential(cell) ? ", sequential" : "");
    lab_cell_print_extent(cell, out);
    (void)fputc(')', out);
}

static void put_failures(FILE *out, const struct lab_matrix *matrix,
                         unsigned scenario)
{
    for (unsigned rule = 0; rule < matrix->rules; rule++) {
        const struct lab_cell *cell = lab_matrix_cell(matrix, scenario, rule);

        if (!cell->fails)
            continue;
        (void)fputs("<li><a href=\"", out);
        put_address(out, matrix, scenario, rule);
        (void)fprintf(out, "\"><code>%s</code></a>: ",
                      matrix->plan->rules->identifier(rule));
        lab_html_text(out, cell->what);
        (void)fprintf(out, ", %u preemption%s, %u steps; ", cell->preemptions,
                      cell->preemptions == 1 ? "" : "s", cell->steps);
        put_counts(out, cell);
        (void)fputs("</li>\n", out);
    }
}

static void put_scenario(FILE *out, const struct lab_matrix *matrix,
                         unsigned scenario)
{
    const struct lab_scenario *own = scenario_of(matrix, scenario);
    const struct lab_cell *cell =
        lab_matrix_cell(matrix, scenario, matrix->rules);

    (void)fprintf(out, "<h2 id=\"%s\">%s</h2>\n", own->program.name,
                  own->program.name);
    lab_html_element(out, "p", "", own->summary);
    if (own->story != NULL && own->story[0] != '\0')
        lab_html_element(out, "p", " class=\"soft\"", own->story);
    (void)fputs("<ul>\n<li>every rule in force: ", out);
    if (cell->fails) {
        (void)fputs("<a class=\"bad\" href=\"", out);
        put_address(out, matrix, scenario, matrix->rules);
        (void)fputs("\">fails</a>, ", out);
    }
    put_counts(out, cell);
    if (cell->met != 0) {
        (void)fputs("; not explored: ", out);
        (void)lab_cell_print_met(cell, out);
    }
    (void)fputs("</li>\n", out);
    put_failures(out, matrix, scenario);
    (void)fputs("</ul>\n", out);
}

void lab_matrix_print_html(const struct lab_matrix *matrix, FILE *out)
{
    lab_page_begin(out, "Rules and scenarios");
    (void)fputs("<p>Which scenario fails with which rule broken. A cell leads "
                "to its page: the shortest failing schedule, step by step.</p>"
                "\n",
                out);
    put_grid(out, matrix);
    for (unsigned i = 0; i < matrix->scenarios; i++)
        put_scenario(out, matrix, i);
    lab_page_end(out);
}
