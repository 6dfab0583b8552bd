/* SPDX-License-Identifier: MIT */
/*
 * test_tool_folder.h - a folder for each test of a part of the program that
 * reads files of /proc and /sys: TEST_WITH(name, set_up, tear_down).
 */
#ifndef ZCACHE_TEST_TOOL_FOLDER_H
#define ZCACHE_TEST_TOOL_FOLDER_H

#include "support_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tool.h"

static char directory[64];

/* An empty folder, and no messages. */
static int set_up(void **state)
{
    (void)state;
    message_set_quiet(true);
    (void)snprintf(directory, sizeof(directory), "/tmp/zcache-test-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    char cleaning[96];

    (void)state;
    message_set_quiet(false);
    (void)snprintf(cleaning, sizeof(cleaning), "rm -rf '%s'", directory);
    return system(cleaning); /* NOLINT(cert-env33-c): our own name */
}

/* A file below the folder, open to be read and written; it is made, and the
 * folders above it, where they are missing. */
static int make_file(const char *name, int flags)
{
    char path[256];
    int file;

    for (const char *slash = strchr(name, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        (void)snprintf(path, sizeof(path), "%s/%.*s", directory,
                       (int)(slash - name), name);
        (void)mkdir(path, 0700);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = open(path, O_RDWR | O_CREAT | flags, 0600);
    assert_true(file >= 0);
    return file;
}

static void put_at(int file, const void *bytes, size_t size, uint64_t offset)
{
    assert_int_equal(pwrite(file, bytes, size, (off_t)offset), size);
}

/* A new file of that text. */
static void put_text(const char *name, const char *text)
{
    int file = make_file(name, O_TRUNC);

    put_at(file, text, strlen(text), 0);
    (void)close(file);
}

#endif
