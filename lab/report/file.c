/* SPDX-License-Identifier: MIT */
/* file.c - a file that gets its name when it is complete. */
#include "page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_CHARS 4096

/* Opens a file with a name of its own in the folder of `path`; -1: errno. */
static int open_beside(const char *path, char name[PATH_CHARS])
{
    const char *slash = strrchr(path, '/');
    const int length = slash == NULL ? 0 : (int)(slash + 1 - path);
    struct stat status;
    int used;

    if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode) &&
        !S_ISLNK(status.st_mode)) {
        errno = ENOTSUP;
        return -1;
    }
    used = snprintf(name, PATH_CHARS, "%.*s.zcrace-%ld", length, path,
                    (long)getpid());
    if (used < 0 || used >= PATH_CHARS) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                0666);
}

static int write_all(int file, const char *text, size_t size)
{
    while (size != 0) {
        const ssize_t part = write(file, text, size);

        if (part < 0 && errno != EINTR)
            return errno;
        if (part > 0) {
            text += part;
            size -= (size_t)part;
        }
    }
    return 0;
}

int lab_file_write(const char *path, const char *text, size_t size)
{
    char name[PATH_CHARS];
    int file;
    int error;

    (void)signal(SIGXFSZ, SIG_IGN); /* it becomes EFBIG */
    file = open_beside(path, name);
    if (file < 0)
        return errno;
    error = write_all(file, text, size);
    if (close(file) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(name, path) != 0)
        error = errno;
    if (error != 0)
        (void)unlink(name);
    return error;
}

int lab_file_check(const char *path)
{
    char name[PATH_CHARS];
    const int file = open_beside(path, name);

    if (file < 0)
        return errno;
    (void)close(file);
    (void)unlink(name);
    return 0;
}

int lab_folder_make(const char *path)
{
    const struct dirent *entry;
    DIR *folder;
    int error = 0;

    if (mkdir(path, 0777) == 0)
        return 0;
    if (errno != EEXIST)
        return errno;
    folder = opendir(path);
    if (folder == NULL)
        return errno;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            error = ENOTEMPTY;
    }
    (void)closedir(folder);
    return error;
}
