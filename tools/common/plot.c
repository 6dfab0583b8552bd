/* SPDX-License-Identifier: MIT */
/*
 * plot.c - pictures, drawn by gnuplot.
 *
 * gnuplot reads its script and data from a pipe and writes the picture to its
 * standard output, which is the file: so no file name needs quoting.  Its
 * standard error is a file without a name, of which a failure shows the last
 * line.
 */
#include "common/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/new_file.h"

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);

    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

/* Does some directory of PATH have a gnuplot? */
static bool have_gnuplot(void)
{
    const char *path = getenv("PATH");
    bool found = false;

    while (path != NULL && !found) {
        size_t length = strcspn(path, ":");
        struct text program = {0};
        struct stat status;

        text_print(&program, "%.*s/gnuplot", (int)length, path);
        found = stat(program.bytes, &status) == 0 && S_ISREG(status.st_mode) &&
                access(program.bytes, X_OK) == 0;
        text_free(&program);
        path = path[length] == ':' ? path + length + 1 : NULL;
    }
    return found;
}

static struct new_file picture_of(const char *path)
{
    return (struct new_file){
        .option = "--plot: ", .path = path, .mode = 0666, .may_replace = true};
}

bool plot_check(const char *path)
{
    struct new_file file = picture_of(path);

    if (!ends_with(path, ".svg") && !ends_with(path, ".png")) {
        message_error("--plot: %s ends neither in .svg nor in .png", path);
        return false;
    }
    if (!have_gnuplot()) {
        message_error("--plot: gnuplot is not installed (nothing of that name "
                      "in PATH)");
        return false;
    }
    return new_file_check(&file);
}

#define WIDTH 1200

static void write_head(bool svg, unsigned height, FILE *file)
{
    if (svg)
        fprintf(file, "set terminal svg size %d,%u background 'white'\n", WIDTH,
                height);
    else
        fprintf(file,
                "if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) "
                "set terminal pngcairo size %d,%u; "
                "else set terminal png size %d,%u\n",
                WIDTH, height, WIDTH, height);
    fprintf(file, "set encoding utf8\n");
}

/* Starts gnuplot: it reads the script from a pipe and writes to `output`, and
 * its messages to `messages`; -1: nowhere. */
static pid_t start_gnuplot(int output, int messages, int *script_out)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        return -1;
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        (void)dup2(ends[0], STDIN_FILENO);
        (void)dup2(output, STDOUT_FILENO);
        if (messages < 0)
            messages = open("/dev/null", O_WRONLY);
        (void)dup2(messages, STDERR_FILENO);
        /* Its text is UTF-8, which it does not know in another locale. */
        (void)setenv("LC_ALL", "C.UTF-8", 1);
        (void)execlp("gnuplot", "gnuplot", "-", (char *)NULL);
        _exit(127);
    }
    (void)close(ends[0]);
    if (pid < 0)
        (void)close(ends[1]);
    else
        *script_out = ends[1];
    return pid;
}

struct drawing {
    plot_writer write_script;
    const void *context;
    unsigned height;
    bool svg;
};

static bool draw(const struct drawing *drawing, int output, int messages)
{
    void (*before)(int);
    int script = -1;
    int status = -1;
    pid_t pid = start_gnuplot(output, messages, &script);
    pid_t ended;
    FILE *file;

    if (pid < 0)
        return false;
    /* If gnuplot ends early, SIGPIPE must not end this program. */
    before = signal(SIGPIPE, SIG_IGN);
    file = fdopen(script, "w");
    if (file == NULL) {
        (void)close(script);
    } else {
        write_head(drawing->svg, drawing->height, file);
        drawing->write_script(drawing->context, file);
        (void)fclose(file);
    }
    do {
        ended = waitpid(pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    (void)signal(SIGPIPE, before);
    return status == 0;
}

/* The last line that is not blank, after a colon. */
static void append_last_line(struct text *text, FILE *file)
{
    char line[256] = "";
    char last[256] = "";

    rewind(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " \t")] != '\0')
            memcpy(last, line, sizeof(last));
    }
    if (last[0] != '\0')
        text_print(text, ": %s", last);
}

bool plot_draw(const char *path, unsigned height, plot_writer write_script,
               const void *context)
{
    const struct drawing drawing = {.write_script = write_script,
                                    .context = context,
                                    .height = height,
                                    .svg = ends_with(path, ".svg")};
    struct new_file file = picture_of(path);
    struct text reason = {0};
    FILE *messages;
    bool good;

    if (!new_file_open(&file))
        return false;
    messages = tmpfile();
    good = draw(&drawing, file.descriptor,
                messages == NULL ? -1 : fileno(messages));
    if (!good && messages != NULL)
        append_last_line(&reason, messages);
    if (messages != NULL)
        (void)fclose(messages);
    if (good)
        return new_file_keep(&file);
    new_file_drop(&file);
    message_error("--plot: gnuplot could not draw %s%s", path,
                  reason.length == 0 ? "" : reason.bytes);
    text_free(&reason);
    return false;
}
