/* SPDX-License-Identifier: MIT */
/* support_process.c - see support_process.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mincore() */
#endif

#include "support_process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support_test.h"

#define CHILD_SECONDS 120 /* that a child may take on the slowest machine */

/* How a child ended. */
struct end {
    bool exited;      /* else by a signal */
    int number;       /* exit status or signal */
    char errors[512]; /* what it wrote to stderr, as text */
};

uint64_t support_smaps_bytes(const char *field)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    uint64_t kib = 0;
    char line[256];

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoull(line + strlen(field), NULL, 10);
    (void)fclose(file);
    return kib * 1024;
}

uint64_t support_resident_bytes(void)
{
    return support_smaps_bytes("Rss:");
}

uint64_t support_mapped_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[256] = "";

    if (file == NULL)
        return 0;
    if (fgets(line, sizeof(line), file) == NULL)
        line[0] = '\0';
    (void)fclose(file);
    return strtoull(line, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* glibc's malloc maps nothing for small blocks once it has grown.  Other
 * allocators map and unmap, but less than the library's own least mapping. */
#if defined(__GLIBC__)
#define MALLOC_MAPS 0
#else
#define MALLOC_MAPS (UINT64_C(1) << 20)
#endif

void support_assert_mapped(uint64_t expected)
{
    const uint64_t least = expected > MALLOC_MAPS ? expected - MALLOC_MAPS : 0;

    if (!SUPPORT_SANITIZED)
        assert_in_range(support_mapped_bytes(), least, expected + MALLOC_MAPS);
}

size_t support_resident_pages(const void *memory, size_t bytes)
{
    const size_t system_size = (size_t)sysconf(_SC_PAGESIZE);
    const size_t pages = bytes / system_size;
    unsigned char *states = calloc(pages, 1);
    size_t resident = 0;
    size_t i;

    assert_non_null(states);
    assert_int_equal(mincore((void *)(uintptr_t)memory, bytes, states), 0);
    for (i = 0; i < pages; i++)
        resident += states[i] & 1;
    free(states);
    return resident;
}

bool support_is_mapped(const void *memory)
{
    const uintptr_t system_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char state;

    return mincore((void *)((uintptr_t)memory / system_size * system_size), 1,
                   &state) == 0;
}

static _Noreturn void be_child(void (*action)(void *context), void *context,
                               int errors)
{
    const struct rlimit no_core = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGABRT, SIG_DFL);
    (void)alarm(CHILD_SECONDS);
    (void)dup2(errors, STDERR_FILENO);
    (void)close(errors);
    action(context);
    fflush(stdout);
    _exit(0);
}

static void read_text(int file, char *text, size_t capacity)
{
    char rest[64];
    size_t length = 0;
    ssize_t got;

    for (;;) {
        if (length + 1 < capacity)
            got = read(file, text + length, capacity - 1 - length);
        else
            got = read(file, rest, sizeof(rest));
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        if (got > 0 && length + 1 < capacity)
            length += (size_t)got;
    }
    text[length] = '\0';
}

static void run(void (*action)(void *context), void *context,
                struct end *end_out)
{
    int ends[2];
    int how = 0;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    child = fork();
    if (child == 0)
        be_child(action, context, ends[1]);
    (void)close(ends[1]);
    assert_true(child > 0);
    read_text(ends[0], end_out->errors, sizeof(end_out->errors));
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    end_out->exited = WIFEXITED(how);
    end_out->number = WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how);
}

void support_run_child(void (*action)(void *context), void *context)
{
    struct end end;

    run(action, context, &end);
    assert_string_equal(end.errors, "");
    assert_true(end.exited);
    assert_int_equal(end.number, 0);
}

void support_check(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s", what);
    _exit(1);
}

void support_run_children(struct support_worker *worker,
                          void (*action)(void *context))
{
    struct end how;

    while (!support_is_stopped(worker)) {
        run(action, NULL, &how);
        if (!how.exited || how.number != 0)
            support_mistake(worker, "child %u %d: %s", (unsigned)how.exited,
                            how.number, how.errors);
        worker->operations++;
    }
}

void support_assert_aborts(void (*action)(void *context), void *context,
                           const char *text, const char *other_text)
{
    struct end end;

    run(action, context, &end);
    if (end.exited || end.number != SIGABRT)
        fail_msg("ended by %s %d, not by abort(): %s",
                 end.exited ? "exit" : "signal", end.number, end.errors);
    if (strstr(end.errors, text) == NULL ||
        strstr(end.errors, other_text) == NULL)
        fail_msg("'%s' and '%s' are not in: %s", text, other_text, end.errors);
}
