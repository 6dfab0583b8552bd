/* SPDX-License-Identifier: MIT */
/*
 * new_file.c - a file that gets its name when it is complete.
 *
 * The end of the program removes the unfinished file by name (ending.h).
 */
#include "common/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ending.h"

#define NAMES_TRIED 100

static char *unfinished; /* [signals blocked] its temporary name, or NULL */

static void remove_unfinished(void)
{
    (void)unlink(unfinished);
}

/* The file has its name or is gone. */
static void forget_unfinished(void)
{
    ending_remove(remove_unfinished);
    free(unfinished);
    unfinished = NULL;
}

/* False, and an error shown, if a file exists that may not be replaced. */
static bool name_is_free(const struct new_file *file)
{
    struct stat status;

    if (lstat(file->path, &status) != 0)
        return true; /* other errors appear when it is made */
    if (!file->may_replace) {
        message_error("%s%s exists, and is not overwritten; --force replaces "
                      "it",
                      file->option, file->path);
        return false;
    }
    if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode))
        return true;
    message_error("%s%s is no regular file, and only one can be replaced",
                  file->option, file->path);
    return false;
}

static bool show_error(const struct new_file *file, int error)
{
    message_error("%scannot write %s: %s", file->option, file->path,
                  strerror(error));
    return false;
}

/* Makes a file with an unused name in the directory of `path`. */
static char *make_file(const struct new_file *file, int *descriptor_out)
{
    const char *slash = strrchr(file->path, '/');
    const int length = slash == NULL ? 0 : (int)(slash + 1 - file->path);
    struct text name = {0};

    *descriptor_out = -1;
    for (unsigned i = 0; i < NAMES_TRIED && *descriptor_out < 0; i++) {
        text_free(&name);
        text_print(&name, "%.*s.zcache-%ld-%u", length, file->path,
                   (long)getpid(), i);
        *descriptor_out = open(
            name.bytes, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            (mode_t)file->mode);
        if (*descriptor_out < 0 && errno != EEXIST)
            break;
    }
    if (*descriptor_out >= 0)
        return name.bytes;
    (void)show_error(file, errno);
    text_free(&name);
    return NULL;
}

bool new_file_open(struct new_file *file)
{
    sigset_t old;

    if (!name_is_free(file))
        return false;
    ending_block(&old);
    unfinished = make_file(file, &file->descriptor);
    if (unfinished != NULL)
        ending_add(remove_unfinished);
    ending_unblock(&old);
    return unfinished != NULL;
}

/* Gives the file its name; 0 or errno. */
static int give_name(const struct new_file *file)
{
    struct stat status;

    if (file->may_replace)
        return rename(unfinished, file->path) == 0 ? 0 : errno;
    /* link() never replaces a file that was made meanwhile; rename() does. */
    if (link(unfinished, file->path) == 0) {
        (void)unlink(unfinished);
        return 0;
    }
    if (errno == EEXIST || lstat(file->path, &status) == 0)
        return EEXIST;
    /* A file system without links. */
    return rename(unfinished, file->path) == 0 ? 0 : errno;
}

bool new_file_keep(struct new_file *file)
{
    int error = close(file->descriptor) == 0 ? 0 : errno;

    if (error == 0)
        error = give_name(file);
    if (error != 0) {
        (void)unlink(unfinished);
        (void)show_error(file, error);
    }
    forget_unfinished();
    return error == 0;
}

void new_file_drop(struct new_file *file)
{
    (void)close(file->descriptor);
    (void)unlink(unfinished);
    forget_unfinished();
}

bool new_file_check(struct new_file *file)
{
    if (!new_file_open(file))
        return false;
    new_file_drop(file);
    return true;
}
