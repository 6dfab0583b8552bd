/* SPDX-License-Identifier: MIT */
/*
 * report_plot.c - a report as a picture, drawn by gnuplot.
 *
 * gnuplot reads its script and data from a pipe and writes the picture to its
 * standard output, which is the file: no name is ever quoted for anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);

    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

/* Whether some directory of PATH has a gnuplot. */
static bool have_gnuplot(void)
{
    const char *path = getenv("PATH");
    bool found = false;

    while (path != NULL && !found) {
        size_t length = strcspn(path, ":");
        struct text program = {0};

        text_print(&program, "%.*s/gnuplot", (int)length, path);
        found = access(program.bytes, X_OK) == 0;
        text_free(&program);
        path = path[length] == ':' ? path + length + 1 : NULL;
    }
    return found;
}

/* Finds out early that the file cannot be written. */
static bool can_write(const char *path)
{
    bool existed = access(path, F_OK) == 0;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    if (file < 0) {
        message_error("--plot: cannot write %s: %s", path, strerror(errno));
        return false;
    }
    (void)close(file);
    if (!existed)
        (void)unlink(path);
    return true;
}

bool report_plot_check(const char *path)
{
    if (!ends_with(path, ".svg") && !ends_with(path, ".png")) {
        message_error("--plot: %s ends neither in .svg nor in .png", path);
        return false;
    }
    if (!have_gnuplot()) {
        message_error("--plot: gnuplot is not installed (nothing of that name "
                      "in PATH)");
        return false;
    }
    return can_write(path);
}

/* Block names: $h0, $h1 ... one histogram for each codec; $pool. */
static void write_data(const struct report *sum, FILE *file)
{
    for (size_t i = 0; i < sum->result_count; i++) {
        const struct run_result *result = &sum->results[i];

        fprintf(file, "$h%zu << EOD\n", i);
        for (size_t size = 0; size < result->histogram_count; size++)
            fprintf(file, "%zu %" PRIu64 "\n", size * RUN_HISTOGRAM_STEP,
                    result->histogram[size]);
        fprintf(file, "EOD\n");
    }
    fprintf(file, "$pool << EOD\n");
    for (size_t i = 0; i < sum->result_count; i++) {
        const struct run_result *result = &sum->results[i];
        uint64_t rest = result->pool_bytes > result->payload_bytes
                            ? result->pool_bytes - result->payload_bytes
                            : 0;

        fprintf(file, "\"%s %s\" %.3f %.3f %.3f\n", result->codec->label,
                placement_name(result->placement),
                (double)result->payload_bytes / 1048576.0,
                (double)rest / 1048576.0,
                (double)result->metadata_bytes / 1048576.0);
    }
    fprintf(file, "EOD\n");
}

/* One histogram per codec: its placements hold the same objects. */
static void write_histograms(const struct report *sum, FILE *file)
{
    bool first = true;

    fprintf(file,
            "set title 'Objects by size'\n"
            "set xlabel 'bytes of an object'\n"
            "set ylabel 'objects in steps of %d bytes'\n"
            "set xrange [0:%zu]\nset yrange [0:*]\nset key top left\n"
            "plot ",
            RUN_HISTOGRAM_STEP, sum->page_size);
    for (size_t i = 0; i < sum->result_count; i++) {
        bool seen = false;

        for (size_t before = 0; before < i; before++)
            seen |= sum->results[before].codec == sum->results[i].codec;
        if (seen)
            continue;
        fprintf(file, "%s$h%zu using 1:2 with fsteps title '%s'",
                first ? "" : ", ", i, sum->results[i].codec->label);
        first = false;
    }
    fputc('\n', file);
}

static void write_script(const struct report *sum, bool svg, FILE *file)
{
    double bytes = (double)(sum->census.pages * sum->page_size);

    write_data(sum, file);
    if (svg)
        fprintf(file, "set terminal svg size 1200,520 background 'white'\n");
    else
        fprintf(file, "if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) "
                      "set terminal pngcairo size 1200,520; "
                      "else set terminal png size 1200,520\n");
    fprintf(file, "set encoding utf8\nset multiplot layout 1,2\n");
    write_histograms(sum, file);
    fprintf(file,
            "set title 'The pool, of %.1f MiB of pages'\n"
            "set xlabel ''\nset ylabel 'MiB'\n"
            "set xrange [*:*]\nset yrange [0:*]\n"
            "set key above horizontal\n"
            "set style data histograms\nset style histogram rowstacked\n"
            "set style fill solid 0.7\nset boxwidth 0.7\n"
            "set xtics rotate by -30\n"
            "plot $pool using 2:xtic(1) title 'payload', "
            "$pool using 3 title 'headers and gaps', "
            "$pool using 4 title 'metadata'\n"
            "unset multiplot\n",
            bytes / 1048576.0);
}

/* gnuplot with our script at its input and the picture at its output. */
static pid_t start_gnuplot(int output, int *script_out)
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

static bool draw(const struct report *sum, bool svg, int output)
{
    void (*before)(int);
    int script = -1;
    int status = -1;
    pid_t pid = start_gnuplot(output, &script);
    pid_t ended;
    FILE *file;

    if (pid < 0)
        return false;
    /* A gnuplot that ends early must not end us. */
    before = signal(SIGPIPE, SIG_IGN);
    file = fdopen(script, "w");
    if (file == NULL) {
        (void)close(script);
    } else {
        write_script(sum, svg, file);
        (void)fclose(file);
    }
    do {
        ended = waitpid(pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    (void)signal(SIGPIPE, before);
    return status == 0;
}

bool report_plot(const struct report_list *list, const char *path)
{
    struct report sum;
    int output = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good;

    if (output < 0) {
        message_error("--plot: cannot write %s: %s", path, strerror(errno));
        return false;
    }
    report_sum(&sum, list);
    good = draw(&sum, ends_with(path, ".svg"), output);
    report_free(&sum);
    if (close(output) != 0)
        good = false;
    if (!good) {
        (void)unlink(path);
        message_error("--plot: gnuplot could not draw %s", path);
    }
    return good;
}
