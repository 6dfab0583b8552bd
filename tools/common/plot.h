/* SPDX-License-Identifier: MIT */
/* plot.h - pictures, drawn by gnuplot. */
#ifndef ZCACHE_TOOL_PLOT_H
#define ZCACHE_TOOL_PLOT_H

#include <stdbool.h>
#include <stdio.h>

/* Finds out early that a picture cannot be drawn: false, and an error shown. */
bool plot_check(const char *path);

/* Writes data and commands; terminal and encoding are set already. */
typedef void (*plot_writer)(const void *context, FILE *file);

/* Draws to a path that was checked, so many pixels high.  False, and an error
 * shown; the warnings of gnuplot are not shown. */
bool plot_draw(const char *path, unsigned height, plot_writer write_script,
               const void *context);

#endif
