/* SPDX-License-Identifier: MIT */
/*
 * nbd_direct.c - a plug-in of nbdkit without nbdkit: random reads of 4 KiB a
 * second by 1, 2 and 4 threads that call the plug-in itself.  What the protocol
 * and the client cost is left out.
 *
 *     bench_nbd_direct IMAGE PLUGIN.so [KEY=VALUE...]
 *
 * The disk has the size of the image, and is filled with it.  Each read is
 * compared with the image.  The processor time is that of the reading threads.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "team.h"

#define BLOCK 4096
#define THREADS 4
#define SECONDS 2

static const struct nbdkit_plugin *plugin;
static const char *image;
static uint64_t blocks;

/* --- what plug-ins call ---------------------------------------------- */

void nbdkit_error(const char *format, ...)
{
    fprintf(stderr, "bench: the plug-in says: %s\n", format);
}

void nbdkit_debug(const char *format, ...)
{
    (void)format;
}

void nbdkit_set_error(int number)
{
    (void)number;
}

int64_t nbdkit_parse_size(const char *text)
{
    char *rest;
    const int64_t size = strtoll(text, &rest, 10);

    return *rest == 'K' ? size << 10 : *rest == 'M' ? size << 20 : size;
}

int nbdkit_parse_bool(const char *text)
{
    return *text == '1';
}

char *nbdkit_absolute_path(const char *path)
{
    return realpath(path, NULL);
}

const char *nbdkit_strdup_intern(const char *text)
{
    return strdup(text);
}

const char *nbdkit_strndup_intern(const char *text, size_t size)
{
    return strndup(text, size);
}

int nbdkit_add_extent(struct nbdkit_extents *extents, uint64_t offset,
                      uint64_t length, uint32_t type)
{
    (void)extents;
    (void)offset;
    (void)length;
    (void)type;
    return 0;
}

/* --- the disk -------------------------------------------------------- */

static void map_image(const char *path)
{
    const int file = open(path, O_RDONLY);
    struct stat about;
    void *map;

    if (file < 0 || fstat(file, &about) != 0 || about.st_size < BLOCK)
        die("the image cannot be read");
    blocks = (uint64_t)about.st_size / BLOCK;
    map = mmap(NULL, blocks * BLOCK, PROT_READ, MAP_PRIVATE, file, 0);
    if (map == MAP_FAILED)
        die("the image cannot be mapped");
    image = map;
}

static void load_plugin(const char *path)
{
    void *library = dlopen(path, RTLD_LAZY);
    struct nbdkit_plugin *(*init)(void);

    if (library == NULL)
        die("%s", dlerror());
    *(void **)&init = dlsym(library, "plugin_init");
    if (init == NULL)
        die("no plugin_init");
    plugin = init();
    if (plugin->load != NULL)
        plugin->load();
}

static void set_parameters(char **words)
{
    char size[32];
    char *value;

    snprintf(size, sizeof(size), "%" PRIu64, blocks * BLOCK);
    if (plugin->config("size", size) != 0)
        exit(EXIT_FAILURE);
    for (; *words != NULL; words++) {
        value = strchr(*words, '=');
        if (value == NULL)
            die("KEY=VALUE");
        *value = '\0';
        if (plugin->config(*words, value + 1) != 0)
            exit(EXIT_FAILURE);
    }
    if (plugin->config_complete() != 0 ||
        (plugin->get_ready != NULL && plugin->get_ready() != 0) ||
        (plugin->after_fork != NULL && plugin->after_fork() != 0))
        exit(EXIT_FAILURE);
}

/* --- reads ----------------------------------------------------------- */

struct reader {
    void *handle;
    uint64_t seed;
    uint64_t reads;
    double processor_seconds;
};

static double processor_seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void read_blocks(void *context, unsigned member)
{
    struct reader *reader = (struct reader *)context + member;
    const uint64_t end = now_ns() + SECONDS * UINT64_C(1000000000);
    char block[BLOCK];
    uint64_t at;

    /* The clock is no part of what is measured. */
    while (reader->reads % 64 != 0 || now_ns() < end) {
        reader->seed = reader->seed * UINT64_C(6364136223846793005) + 1;
        at = (reader->seed >> 20) % blocks * BLOCK;
        if (plugin->pread(reader->handle, block, BLOCK, at, 0) != 0 ||
            memcmp(block, image + at, BLOCK) != 0)
            die("a block differs");
        reader->reads++;
    }
    reader->processor_seconds = processor_seconds();
}

static void measure(void *handle, unsigned threads)
{
    struct reader readers[THREADS];
    double seconds, processor = 0;
    uint64_t reads = 0;
    unsigned i;

    for (i = 0; i < threads; i++)
        readers[i] = (struct reader){.handle = handle, .seed = i};
    seconds = team_run(threads, read_blocks, readers);
    for (i = 0; i < threads; i++) {
        reads += readers[i].reads;
        processor += readers[i].processor_seconds;
    }
    printf("%u threads: %.0f reads a second, %.2f us of a processor each\n",
           threads, (double)reads / seconds, 1e6 * processor / (double)reads);
}

int main(int argc, char **argv)
{
    uint64_t at;
    void *handle;

    if (argc < 3)
        die("IMAGE PLUGIN.so [KEY=VALUE...]");
    map_image(argv[1]);
    load_plugin(argv[2]);
    set_parameters(argv + 3);
    handle = plugin->open(0);
    for (at = 0; at < blocks * BLOCK; at += BLOCK)
        if (plugin->pwrite(handle, image + at, BLOCK, at, 0) != 0)
            die("a write fails");
    measure(handle, 1);
    measure(handle, 2);
    measure(handle, 4);
    return EXIT_SUCCESS;
}
