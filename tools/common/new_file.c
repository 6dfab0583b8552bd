/* SPDX-License-Identifier: MIT */
/*
 * new_file.c - a file that gets its name when it is whole.
 *
 * The name that the signal handler removes is set while the signals are
 * blocked, so that no signal comes between the file and its name.
 */
#include "common/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_TRIED 100

/* Those that end the program, and the one that a file too large brings. */
static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGTERM,
                              SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGABRT,
                              SIGBUS,  SIGFPE,  SIGILL,  SIGSEGV, SIGXFSZ};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static char *unfinished; /* [signals blocked] its name, or NULL */
static pid_t owner;      /* a child of ours has nothing to remove */
static struct sigaction before[SIGNALS];

static void remove_unfinished(void)
{
    if (unfinished != NULL && getpid() == owner)
        (void)unlink(unfinished);
}

static void remove_and_end(int number)
{
    remove_unfinished();
    (void)raise(number); /* when this returns, with its own effect */
}

static void go_on(int number)
{
    (void)number; /* the write fails with EFBIG */
}

static void block_signals(sigset_t *old)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaddset(&set, signals[i]);
    (void)sigprocmask(SIG_BLOCK, &set, old);
}

/* With the signals blocked.  One that is ignored stays so (nohup). */
static void catch_signals(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_handler = remove_and_end,
                                   .sa_flags = (int)SA_RESETHAND};

        (void)sigemptyset(&action.sa_mask);
        if (signals[i] == SIGXFSZ)
            action = (struct sigaction){.sa_handler = go_on};
        (void)sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
    }
}

/* It has its name, or is gone: signals do as before. */
static void release_signals(void)
{
    sigset_t old;

    block_signals(&old);
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaction(signals[i], &before[i], NULL);
    free(unfinished);
    unfinished = NULL;
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
}

/* What is there already may be replaced, or it is an error. */
static bool name_is_free(const struct new_file *file)
{
    struct stat status;

    if (lstat(file->path, &status) != 0)
        return true; /* what else is wrong is seen when it is made */
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

/* A file of a name that nothing has, in the directory of `path`. */
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
    static bool registered;
    sigset_t old;

    if (!name_is_free(file))
        return false;
    /* Without memory the program ends in the middle. */
    if (!registered)
        registered = atexit(remove_unfinished) == 0;
    owner = getpid();
    block_signals(&old);
    unfinished = make_file(file, &file->descriptor);
    if (unfinished != NULL)
        catch_signals();
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    return unfinished != NULL;
}

/* 0 or errno. */
static int give_name(const struct new_file *file)
{
    struct stat status;

    if (file->may_replace)
        return rename(unfinished, file->path) == 0 ? 0 : errno;
    /* A link never replaces what came meanwhile; rename() does. */
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
    release_signals();
    return error == 0;
}

void new_file_drop(struct new_file *file)
{
    (void)close(file->descriptor);
    (void)unlink(unfinished);
    release_signals();
}
