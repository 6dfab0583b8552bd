/* SPDX-License-Identifier: MIT */
/* corpus.c - see corpus.h. */
#include "corpus.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".pages"

/* The name without its suffix, or false if it has another. */
static bool program_name(const char *file, char name_out[CORPUS_NAME_MAX + 1])
{
    size_t length = strlen(file);

    if (length <= strlen(SUFFIX) ||
        strcmp(file + length - strlen(SUFFIX), SUFFIX) != 0)
        return false;
    length -= strlen(SUFFIX);
    if (length > CORPUS_NAME_MAX)
        return false;
    memcpy(name_out, file, length);
    name_out[length] = '\0';
    return true;
}

static int open_pages(const char *folder, const char *name, uint32_t limit,
                      uint32_t *count_out)
{
    struct stat status;
    char path[4096];
    uint64_t count;
    int file;

    (void)snprintf(path, sizeof(path), "%s/%s" SUFFIX, folder, name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        die("cannot read %s: %s", path, strerror(errno));
    count = (uint64_t)status.st_size / PAGE_BYTES;
    *count_out = limit != 0 && count > limit ? limit : (uint32_t)count;
    return file;
}

static int compare_programs(const void *a, const void *b)
{
    return strcmp(((const struct corpus_program *)a)->name,
                  ((const struct corpus_program *)b)->name);
}

static void list_programs(struct corpus *corpus, const char *folder,
                          const char *only)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    if (directory == NULL)
        die("cannot read %s: %s", folder, strerror(errno));
    while ((entry = readdir(directory)) != NULL) {
        struct corpus_program *program =
            &corpus->programs[corpus->program_count];

        if (corpus->program_count == CORPUS_PROGRAMS_MAX ||
            !program_name(entry->d_name, program->name))
            continue;
        if (only == NULL || strcmp(only, program->name) == 0)
            corpus->program_count++;
    }
    (void)closedir(directory);
    if (corpus->program_count == 0)
        die("%s has no *" SUFFIX, folder);
    qsort(corpus->programs, corpus->program_count, sizeof(corpus->programs[0]),
          compare_programs);
}

/* Page cache, not anonymous memory: not counted as memory of a store. */
static void map_pages(const struct corpus *corpus,
                      const struct corpus_program *program, int file)
{
    size_t bytes = (size_t)program->count * PAGE_BYTES;

    if (bytes != 0 &&
        mmap(corpus->pages + (size_t)program->first * PAGE_BYTES, bytes,
             PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file,
             0) == MAP_FAILED)
        die("cannot map %s: %s", program->name, strerror(errno));
    (void)close(file);
}

void corpus_open(struct corpus *corpus, const char *folder, const char *only,
                 uint32_t limit)
{
    int files[CORPUS_PROGRAMS_MAX];
    unsigned i;

    memset(corpus, 0, sizeof(*corpus));
    list_programs(corpus, folder, only);
    for (i = 0; i < corpus->program_count; i++) {
        struct corpus_program *program = &corpus->programs[i];

        files[i] = open_pages(folder, program->name, limit, &program->count);
        program->first = corpus->count;
        corpus->count += program->count;
    }
    if (corpus->count == 0)
        die("the files of %s are empty", folder);
    corpus->mapped_bytes = (size_t)corpus->count * PAGE_BYTES;
    corpus->pages = mmap(NULL, corpus->mapped_bytes, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (corpus->pages == MAP_FAILED)
        die("no address space for %s", folder);
    for (i = 0; i < corpus->program_count; i++)
        map_pages(corpus, &corpus->programs[i], files[i]);
}

/* Words of a small vocabulary mixed with noise: LZ4 compresses the page to
 * between a twentieth of its size and all of it. */
static void generate_page(unsigned char *page, uint64_t *random)
{
    uint32_t noise = random_below(random, 101);
    uint64_t vocabulary[16];
    uint64_t word;
    size_t at;

    for (at = 0; at < 16; at++)
        vocabulary[at] = random_next(random);
    for (at = 0; at < PAGE_BYTES; at += sizeof(word)) {
        word = random_below(random, 100) < noise
                   ? random_next(random)
                   : vocabulary[random_below(random, 16)];
        memcpy(page + at, &word, sizeof(word));
    }
}

void corpus_generate(struct corpus *corpus, uint32_t count)
{
    uint64_t random = 88172645463325252u;
    uint32_t i;

    memset(corpus, 0, sizeof(*corpus));
    corpus->count = count;
    corpus->mapped_bytes = (size_t)count * PAGE_BYTES;
    corpus->pages = map_memory(corpus->mapped_bytes);
    for (i = 0; i < count; i++) {
        if (i % 100 != 7) /* which stay same-filled */
            generate_page(corpus->pages + (size_t)i * PAGE_BYTES, &random);
    }
    memcpy(corpus->programs[0].name, "generated", sizeof("generated"));
    corpus->programs[0].count = count;
    corpus->program_count = 1;
}

const void *corpus_page(const struct corpus *corpus, uint32_t index)
{
    return corpus->pages + (size_t)index * PAGE_BYTES;
}

bool page_is_same_filled(const void *page)
{
    return memcmp(page, (const char *)page + sizeof(uint64_t),
                  PAGE_BYTES - sizeof(uint64_t)) == 0;
}
