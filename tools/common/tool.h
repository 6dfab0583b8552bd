/* SPDX-License-Identifier: MIT */
/*
 * tool.h - what the subcommands of the program share: exit statuses and
 * messages.
 *
 * Results go to standard output, everything else to standard error.  A
 * subcommand writes results only when it has all of them, so that an error
 * never leaves half a table that looks complete.
 */
#ifndef ZCACHE_TOOL_H
#define ZCACHE_TOOL_H

#include <stdbool.h>
#include <stdio.h>
#include <zcache/types.h>

/* The exit status of the process. */
enum tool_exit {
    TOOL_FINE = 0,     /* every page came back as it was */
    TOOL_MISMATCH = 1, /* a page came back different, or not at all */
    TOOL_ERROR = 2     /* bad usage or input; nothing was printed */
};

/* Most of --threads. */
#define TOOL_THREADS_MOST 256

#if defined(__GNUC__)
#define TOOL_FORMAT(format_index, first_index)                                 \
    __attribute__((format(printf, format_index, first_index)))
#else
#define TOOL_FORMAT(format_index, first_index)
#endif

/* The subcommands; argv[0] is the subcommand's own name. */
int estimate_main(int argc, char **argv);
int capture_main(int argc, char **argv);
int sim_main(int argc, char **argv);

/* The name in front of each message: "zcache estimate". */
void message_set_command(const char *name);

/* Quiet: only errors are shown, no notes (--quiet). */
void message_set_quiet(bool quiet);

/* One line to standard error: an error, or a note about a result. */
void message_error(const char *format, ...) TOOL_FORMAT(1, 2);
void message_note(const char *format, ...) TOOL_FORMAT(1, 2);

/* Shows a failure of the library and its reason, or without one the meaning of
 * the status. */
void message_status(zc_status status, const char *reason, const char *format,
                    ...) TOOL_FORMAT(3, 4);

/* False, and an error shown, if standard output could not be written. */
bool message_finish_output(void);

/* Memory that never fails: without memory the process ends with TOOL_ERROR. */
void *memory_allocate(size_t count, size_t size);
void *memory_resize(void *memory, size_t count, size_t size);
char *memory_copy_text(const char *text);

/*
 * Makes room for one more element at the end of a growing array of `count`;
 * returns the array, which may have moved.
 */
void *memory_make_room(void *array, size_t count, size_t *capacity,
                       size_t size);

#endif
