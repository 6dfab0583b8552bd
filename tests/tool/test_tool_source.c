/* SPDX-License-Identifier: MIT */
/*
 * test_tool_source.c - which pages a source has, what a sample takes of them,
 * and what is said where they are gone.  Processes are files that look like
 * /proc.
 */
#include "support_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/snapshot.h"
#include "common/system.h"

#define PAGE UINT64_C(4096)

/* Words of pagemap. */
#define PRESENT (UINT64_C(1) << 63)
#define SWAPPED (UINT64_C(1) << 62)
#define OF_FILE (UINT64_C(1) << 61)
#define EXCLUSIVE (UINT64_C(1) << 56)

static char directory[64];
static char cleaning[96];

static int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/zcache-test-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    (void)snprintf(cleaning, sizeof(cleaning), "rm -rf '%s'", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return system(cleaning); /* NOLINT(cert-env33-c): our own name */
}

static int create(const char *name)
{
    char path[256];
    int file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    return file;
}

static void put(int file, const void *bytes, size_t size, uint64_t offset)
{
    assert_int_equal(pwrite(file, bytes, size, (off_t)offset), size);
}

/* A process 7 with these maps; pagemap and mem stay open for more. */
static void make_process(const char *maps, int *pagemap_out, int *mem_out)
{
    char path[256];
    int file;

    (void)snprintf(path, sizeof(path), "%s/7", directory);
    (void)mkdir(path, 0700);
    file = create("7/maps");
    put(file, maps, strlen(maps), 0);
    (void)close(file);
    file = create("7/comm");
    put(file, "na\"me\n", 6, 0);
    (void)close(file);
    *pagemap_out = create("7/pagemap");
    *mem_out = create("7/mem");
}

/* One page: its word, and content that starts with its number. */
static void put_page(int pagemap, int mem, uint64_t number, uint64_t word)
{
    unsigned char content[PAGE] = {0};

    memcpy(content, &number, sizeof(number));
    put(pagemap, &word, sizeof(word), number * sizeof(word));
    put(mem, content, sizeof(content), number * PAGE);
}

static enum process_outcome open_process(struct source *source,
                                         size_t page_size)
{
    long pid = 7;
    struct pid_list list = {.pids = &pid, .count = 1};
    struct process_request request = {
        .pids = &list, .page_size = page_size, .proc = directory};
    struct process_tally tally = {0};

    return process_open(source, &request, &tally);
}

/* The number that a page of the snapshot starts with. */
static uint64_t number_at(const struct snapshot *snapshot, uint64_t index)
{
    uint64_t number;

    memcpy(&number, snapshot->bytes + index * snapshot->page_size,
           sizeof(number));
    return number;
}

static void only_private_anonymous_present_pages_are_found(void **state)
{
    static const uint64_t found[] = {0x10, 0x12, 0x20, 0x30, 0x31};
    struct progress progress = {0};
    struct snapshot snapshot;
    struct source source;
    int pagemap;
    int mem;

    (void)state;
    make_process("10000-16000 rw-p 00000000 00:00 0          [heap]\n"
                 "20000-21000 rw-p 00000000 fe:01 77         /lib/a b.so\n"
                 "21000-22000 r--s 00000000 fe:01 77         /lib/a b.so\n"
                 "30000-32000 rw-p 00000000 00:00 0 \n"
                 "40000-41000 r--p 00000000 00:00 0          [vvar]\n",
                 &pagemap, &mem);
    put_page(pagemap, mem, 0x10, PRESENT | EXCLUSIVE | 1);
    put_page(pagemap, mem, 0x11, 0);
    put_page(pagemap, mem, 0x12, PRESENT | EXCLUSIVE | 2);
    put_page(pagemap, mem, 0x13, SWAPPED);
    put_page(pagemap, mem, 0x14, PRESENT | OF_FILE | 3);
    put_page(pagemap, mem, 0x20, PRESENT | EXCLUSIVE | 4);
    put_page(pagemap, mem, 0x21, PRESENT | EXCLUSIVE | 5);
    put_page(pagemap, mem, 0x30, PRESENT | EXCLUSIVE | 6);
    put_page(pagemap, mem, 0x31, PRESENT);
    put_page(pagemap, mem, 0x40, PRESENT | EXCLUSIVE | 7);

    assert_int_equal(open_process(&source, PAGE), PROCESS_OK);
    assert_string_equal(source.label, "pid 7 (na\"me)");
    assert_int_equal(source.page_count, 5);
    assert_int_equal(snapshot_take(&snapshot, &source, SAMPLE_ALL, &progress),
                     SNAPSHOT_OK);

    assert_int_equal(snapshot.page_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(number_at(&snapshot, i), found[i]);
    assert_int_equal(snapshot.span_count, 3);
    assert_string_equal(source.names[snapshot.spans[0].name], "[heap]");
    assert_string_equal(source.names[snapshot.spans[1].name], "/lib/a b.so");
    assert_string_equal(source.names[snapshot.spans[2].name], "[anon]");
    assert_int_equal(source.note.length, 0);
    snapshot_free(&snapshot);
    source_close(&source);
    (void)close(pagemap);
    (void)close(mem);
}

static void anonymous_memory_behind_a_file_is_its_bss(void **state)
{
    struct source source;
    int pagemap;
    int mem;

    (void)state;
    make_process("20000-21000 rw-p 00000000 fe:01 77         /bin/x\n"
                 "21000-22000 rw-p 00000000 00:00 0 \n"
                 "23000-24000 rw-p 00000000 00:00 0 \n",
                 &pagemap, &mem);
    put_page(pagemap, mem, 0x21, PRESENT | EXCLUSIVE | 5);
    put_page(pagemap, mem, 0x23, PRESENT | EXCLUSIVE | 6);

    assert_int_equal(open_process(&source, PAGE), PROCESS_OK);

    assert_int_equal(source.extent_count, 2);
    assert_string_equal(source.names[source.extents[0].name], "/bin/x [bss]");
    assert_string_equal(source.names[source.extents[1].name], "[anon]");
    source_close(&source);
    (void)close(pagemap);
    (void)close(mem);
}

static void a_frame_that_is_shared_counts_once(void **state)
{
    struct source source;
    int pagemap;
    int mem;

    (void)state;
    make_process("10000-20000 rw-p 00000000 00:00 0          [heap]\n",
                 &pagemap, &mem);
    for (unsigned i = 0; i < 12; i++)
        put_page(pagemap, mem, 0x10 + i, PRESENT | (500 + i % 4));

    assert_int_equal(open_process(&source, PAGE), PROCESS_OK);

    assert_int_equal(source.page_count, 4);
    assert_non_null(strstr(source.note.bytes, "8 pages"));
    source_close(&source);
    (void)close(pagemap);
    (void)close(mem);
}

static void a_process_that_ends_leaves_what_was_read(void **state)
{
    struct progress progress = {0};
    struct snapshot snapshot;
    struct source source;
    int pagemap;
    int mem;

    (void)state;
    message_set_quiet(true);
    make_process("100000-200000 rw-p 00000000 00:00 0          [heap]\n",
                 &pagemap, &mem);
    for (unsigned i = 0; i < 100; i++)
        put_page(pagemap, mem, 0x100 + i, PRESENT | EXCLUSIVE | (1 + i));

    assert_int_equal(open_process(&source, PAGE), PROCESS_OK);
    assert_int_equal(ftruncate(mem, (off_t)((0x100 + 60) * PAGE)), 0);
    assert_int_equal(snapshot_take(&snapshot, &source, SAMPLE_ALL, &progress),
                     SNAPSHOT_OK);
    assert_int_equal(snapshot.page_count, 60);
    assert_non_null(strstr(source.note.bytes, "40 of 100 pages are missing"));
    snapshot_free(&snapshot);

    assert_int_equal(ftruncate(mem, 0), 0);
    assert_int_equal(snapshot_take(&snapshot, &source, SAMPLE_ALL, &progress),
                     SNAPSHOT_NOTHING);
    source_close(&source);
    (void)close(pagemap);
    (void)close(mem);
    message_set_quiet(false);
}

static void a_process_without_pages_is_empty(void **state)
{
    struct source source;
    int pagemap;
    int mem;

    (void)state;
    make_process("", &pagemap, &mem);
    assert_int_equal(open_process(&source, PAGE), PROCESS_EMPTY);
    (void)close(pagemap);
    (void)close(mem);
    assert_int_equal(remove_directory(NULL), 0);
    assert_int_equal(make_directory(NULL), 0);
}

static void larger_pages_are_whole_and_never_counted_twice(void **state)
{
    struct progress progress = {0};
    struct snapshot snapshot;
    struct source source;
    int pagemap;
    int mem;

    (void)state;
    if (sysconf(_SC_PAGESIZE) != (long)PAGE)
        skip();
    /* Two mappings meet inside one page of 16 KiB. */
    make_process("10000-12000 rw-p 00000000 00:00 0          [heap]\n"
                 "12000-19000 rw-p 00000000 00:00 0 \n",
                 &pagemap, &mem);
    put_page(pagemap, mem, 0x11, PRESENT | EXCLUSIVE | 1);
    put_page(pagemap, mem, 0x12, PRESENT | EXCLUSIVE | 2);
    put_page(pagemap, mem, 0x18, PRESENT | EXCLUSIVE | 3);
    put_page(pagemap, mem, 0x1b, 0);

    assert_int_equal(open_process(&source, 4 * PAGE), PROCESS_OK);
    assert_int_equal(source.page_count, 2);
    assert_int_equal(snapshot_take(&snapshot, &source, SAMPLE_ALL, &progress),
                     SNAPSHOT_OK);

    assert_int_equal(snapshot.page_count, 2);
    assert_int_equal(number_at(&snapshot, 0), 0);
    assert_int_equal(number_at(&snapshot, 1), 0x18);
    snapshot_free(&snapshot);
    source_close(&source);
    (void)close(pagemap);
    (void)close(mem);
}

static void samples_are_whole_runs_spread_evenly(void **state)
{
    (void)state;
    assert_int_equal(sample_page_count(1000, SAMPLE_ALL), 1000);
    assert_int_equal(sample_page_count(UINT64_C(256) * 100, SAMPLE_ALL / 10),
                     UINT64_C(256) * 10);
    assert_int_equal(sample_page_count(UINT64_C(256) * 3, SAMPLE_ALL / 2),
                     UINT64_C(256) * 2);
    /* The first run is always taken, and the last may be short. */
    assert_int_equal(sample_page_count(5, 1), 5);
    assert_int_equal(sample_page_count(UINT64_C(256) * 1000, 1), 256);
    assert_int_equal(sample_page_count(256 + 7, SAMPLE_ALL - 1), 256 + 7);
}

/* A file of pages that start with their numbers. */
static int make_file(char *path, size_t path_size, uint64_t pages)
{
    int file = create("pages");

    (void)snprintf(path, path_size, "%s/pages", directory);
    for (uint64_t i = 0; i < pages; i++)
        put(file, &i, sizeof(i), i * PAGE);
    assert_int_equal(ftruncate(file, (off_t)(pages * PAGE)), 0);
    return file;
}

static void what_is_counted_is_what_is_read(void **state)
{
    static const uint64_t samples[] = {1, 333, 25000, 50000, 99999, SAMPLE_ALL};
    struct progress progress = {0};
    char path[256];
    int file = make_file(path, sizeof(path), UINT64_C(256) * 9 + 100);

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct snapshot snapshot;
        struct source source;
        uint64_t wanted =
            sample_page_count(UINT64_C(256) * 9 + 100, samples[i]);

        assert_true(source_open_file(&source, path, PAGE));
        assert_int_equal(
            snapshot_take(&snapshot, &source, samples[i], &progress),
            SNAPSHOT_OK);
        assert_int_equal(snapshot.page_count, wanted);
        for (uint64_t page = 1; page < wanted; page++) {
            uint64_t step = number_at(&snapshot, page) -
                            number_at(&snapshot, page - 1);

            assert_true(step == 1 || step % SAMPLE_RUN_PAGES == 1);
        }
        snapshot_free(&snapshot);
        source_close(&source);
    }
    (void)close(file);
}

static void a_file_that_becomes_shorter_leaves_what_was_read(void **state)
{
    struct progress progress = {0};
    struct snapshot snapshot;
    struct source source;
    char path[256];
    int file = make_file(path, sizeof(path), 50);

    (void)state;
    message_set_quiet(true);
    assert_true(source_open_file(&source, path, PAGE));
    assert_int_equal(ftruncate(file, (off_t)(20 * PAGE + 5)), 0);

    assert_int_equal(snapshot_take(&snapshot, &source, SAMPLE_ALL, &progress),
                     SNAPSHOT_OK);

    assert_int_equal(snapshot.page_count, 21);
    assert_int_equal(number_at(&snapshot, 20), 20);
    assert_non_null(strstr(source.note.bytes, "29 of 50 pages are missing"));
    snapshot_free(&snapshot);
    source_close(&source);
    (void)close(file);
    message_set_quiet(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_private_anonymous_present_pages_are_found),
        cmocka_unit_test(anonymous_memory_behind_a_file_is_its_bss),
        cmocka_unit_test(a_frame_that_is_shared_counts_once),
        cmocka_unit_test(a_process_that_ends_leaves_what_was_read),
        cmocka_unit_test(a_process_without_pages_is_empty),
        cmocka_unit_test(larger_pages_are_whole_and_never_counted_twice),
        cmocka_unit_test(samples_are_whole_runs_spread_evenly),
        cmocka_unit_test(what_is_counted_is_what_is_read),
        cmocka_unit_test(a_file_that_becomes_shorter_leaves_what_was_read),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
