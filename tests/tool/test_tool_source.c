/* SPDX-License-Identifier: MIT */
/*
 * test_tool_source.c - which pages a source has, what a sample takes of them,
 * and what is said where they are gone.  Processes are files that look like
 * /proc.
 */
#include "test_tool_folder.h"

#include "common/snapshot.h"
#include "common/system.h"

#define PAGE UINT64_C(4096)

/* Words of pagemap. */
#define PRESENT (UINT64_C(1) << 63)
#define SWAPPED (UINT64_C(1) << 62)
#define OF_FILE (UINT64_C(1) << 61)
#define EXCLUSIVE (UINT64_C(1) << 56)

#define TEST_OF_SOURCE(name) TEST_WITH(name, set_up, tear_down)

/* Process 7: its maps, and files that are open for more. */
static int pagemap;
static int mem;
static struct source source;
static struct snapshot snapshot;

static void make_process(const char *maps)
{
    put_text("7/smaps", maps);
    put_text("7/comm", "na\"me\n");
    pagemap = make_file("7/pagemap", O_TRUNC);
    mem = make_file("7/mem", O_TRUNC);
}

/* One page: its word, and content that starts with its number. */
static void put_page(uint64_t number, uint64_t word)
{
    unsigned char content[PAGE] = {0};

    memcpy(content, &number, sizeof(number));
    put_at(pagemap, &word, sizeof(word), number * sizeof(word));
    put_at(mem, content, sizeof(content), number * PAGE);
}

static void open_process(size_t page_size, enum process_outcome expected)
{
    long pid = 7;
    struct pid_list list = {.pids = &pid, .count = 1};
    struct process_request request = {
        .pids = &list, .page_size = page_size, .proc = directory};
    struct process_tally tally = {0};

    assert_int_equal(process_open(&source, &request, &tally), expected);
}

static void close_process(void)
{
    source_close(&source);
    (void)close(pagemap);
    (void)close(mem);
}

/* Takes a sample, which must be that; the caller frees what it has. */
static void take(uint64_t sample, enum snapshot_outcome expected)
{
    struct progress progress = {0};

    assert_int_equal(snapshot_take(&snapshot, &source, sample, &progress),
                     expected);
}

/* The number that a page of the snapshot starts with. */
static uint64_t number_at(uint64_t index)
{
    uint64_t number;

    memcpy(&number, snapshot.bytes + index * snapshot.page_size,
           sizeof(number));
    return number;
}

static const char *name_of(size_t mapping)
{
    return source.names[source.mappings[mapping].name];
}

static void expect_note(const char *text)
{
    assert_non_null(strstr(source.note.bytes, text));
}

TEST_OF_SOURCE(only_private_anonymous_present_pages_are_found)
{
    static const struct {
        uint64_t page;
        uint64_t word;
        bool is_found;
    } pages[] = {
        {0x10, PRESENT | EXCLUSIVE | 1, true},
        {0x11, 0, false},
        {0x12, PRESENT | EXCLUSIVE | 2, true},
        {0x13, SWAPPED, false},
        {0x14, PRESENT | OF_FILE | 3, false},
        {0x20, PRESENT | EXCLUSIVE | 4, true},
        {0x21, PRESENT | EXCLUSIVE | 5, false},
        {0x30, PRESENT | EXCLUSIVE | 6, true},
        {0x31, PRESENT, true},
        {0x40, PRESENT | EXCLUSIVE | 7, false},
    };
    uint64_t found = 0;

    make_process("10000-16000 rw-p 00000000 00:00 0          [heap]\n"
                 "20000-21000 rw-p 00000000 fe:01 77         /lib/a b.so\n"
                 "21000-22000 r--s 00000000 fe:01 77         /lib/a b.so\n"
                 "30000-32000 rw-p 00000000 00:00 0 \n"
                 "40000-41000 r--p 00000000 00:00 0          [vvar]\n");
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        put_page(pages[i].page, pages[i].word);
    open_process(PAGE, PROCESS_OK);
    assert_string_equal(source.label, "pid 7 (na\"me)");
    assert_int_equal(source.page_count, 5);
    take(SAMPLE_ALL, SNAPSHOT_OK);
    assert_int_equal(snapshot.page_count, 5);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (pages[i].is_found)
            assert_int_equal(number_at(found++), pages[i].page);
    }
    assert_int_equal(snapshot.span_count, 4); /* the heap has a hole */
    assert_true(snapshot.spans[1].address == 0x12 * PAGE);
    assert_string_equal(name_of(snapshot.spans[0].mapping), "[heap]");
    assert_string_equal(name_of(snapshot.spans[2].mapping), "/lib/a b.so");
    assert_string_equal(name_of(snapshot.spans[3].mapping), "[anon]");
    assert_int_equal(source.note.length, 0);
    snapshot_free(&snapshot);
    close_process();
}

TEST_OF_SOURCE(anonymous_memory_behind_the_data_of_a_file_is_its_bss)
{
    make_process("20000-21000 rw-p 00000000 fe:01 77         /bin/x\n"
                 "21000-22000 rw-p 00000000 00:00 0 \n"
                 "23000-24000 rw-p 00000000 00:00 0 \n"
                 "30000-31000 r--p 00000000 fe:01 78         /data\n"
                 "31000-32000 rw-p 00000000 00:00 0 \n");
    put_page(0x21, PRESENT | EXCLUSIVE | 5);
    put_page(0x23, PRESENT | EXCLUSIVE | 6);
    put_page(0x31, PRESENT | EXCLUSIVE | 7);
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(source.extent_count, 3);
    assert_string_equal(name_of(source.extents[2].mapping), "[anon]");
    assert_string_equal(name_of(source.extents[0].mapping), "/bin/x [bss]");
    assert_string_equal(name_of(source.extents[1].mapping), "[anon]");
    close_process();
}

TEST_OF_SOURCE(a_frame_that_is_shared_counts_once)
{
    make_process("10000-20000 rw-p 00000000 00:00 0          [heap]\n");
    for (unsigned i = 0; i < 12; i++)
        put_page(0x10 + i, PRESENT | (500 + i % 4));
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(source.page_count, 4);
    expect_note("8 pages");
    close_process();
}

TEST_OF_SOURCE(the_kernel_says_what_it_never_swaps)
{
    static const struct {
        const char *details;
        enum left_out reason;
    } kinds[] = {
        {"VmFlags: rd wr mr mw me lo ac \n", LEFT_OUT_LOCKED},
        {"VmFlags: rd wr mr mw me ac dp \n", LEFT_OUT_DROPPABLE},
        {"LazyFree:              12 kB\nVmFlags: rd wr \n", LEFT_OUT_FREED},
        {"Private_Hugetlb:       12 kB\nVmFlags: rd wr ht \n",
         LEFT_OUT_HUGETLB},
    };
    struct text maps = {0};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        text_print(&maps, "%zx0000-%zx3000 rw-p 00000000 00:00 0 \n%s", i + 1,
                   i + 1, kinds[i].details);
    text_print(&maps, "50000-51000 rw-p 00000000 00:00 0 \nVmFlags: io pf \n"
                      "60000-61000 rw-p 00000000 00:00 0 \nVmFlags: rd wr \n");
    make_process(maps.bytes);
    text_free(&maps);
    for (uint64_t page = 0; page < 3; page++) {
        for (uint64_t kind = 1; kind <= 6; kind++)
            put_page(kind * 16 + page, PRESENT | EXCLUSIVE | (1 + page));
    }
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(source.page_count, 1);
    assert_int_equal(source.extents[0].address, 0x60 * PAGE);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        assert_int_equal(source.origins[0].left_out_bytes[kinds[i].reason],
                         3 * PAGE);
    close_process();
}

TEST_OF_SOURCE(as_many_pages_are_left_out_as_were_given_up)
{
    make_process("10000-1a000 rw-p 00000000 00:00 0 \nLazyFree:  16 kB\n");
    for (uint64_t page = 0; page < 10; page++)
        put_page(0x10 + page, PRESENT | EXCLUSIVE);
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(source.page_count, 6);
    assert_int_equal(source.origins[0].left_out_bytes[LEFT_OUT_FREED],
                     4 * PAGE);
    expect_note("evenly spread");
    close_process();
}

/* Mounts: 5 is a tmpfs, 6 one without swap, 7 a disk. */
static void make_mounts(void)
{
    static const char mounts[] =
        "30 1 0:5 / /tmp rw,nosuid - tmpfs tmpfs rw,size=1k\n"
        "31 1 0:6 / /run rw - tmpfs tmpfs rw,noswap\n"
        "32 1 0:7 / / rw - ext4 /dev/vda rw\n";

    put_text("self/mountinfo", mounts);
}

TEST_OF_SOURCE(shared_memory_counts_once_by_its_place)
{
    make_mounts();
    make_process("10000-14000 rw-s 00000000 00:05 77         /tmp/a\n"
                 "20000-22000 r--s 00002000 00:05 77         /tmp/a\n"
                 "30000-32000 rw-s 00000000 00:06 77         /run/a\n"
                 "40000-42000 rw-s 00000000 00:07 77         /a\n"
                 "50000-52000 r--p 00000000 00:05 78         /tmp/b\n");
    /* Another process may map a page after the first was looked at. */
    for (uint64_t page = 0; page < 4; page++)
        put_page(0x10 + page, PRESENT | OF_FILE | EXCLUSIVE);
    for (uint64_t start = 0x20; start <= 0x50; start += 0x10) {
        put_page(start, PRESENT | OF_FILE);
        put_page(start + 1, PRESENT | OF_FILE);
    }
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(source.page_count, 6);
    assert_int_equal(source.origins[0].shared_pages, 6);
    assert_int_equal(source.origins[0].left_out_bytes[LEFT_OUT_NOSWAP],
                     2 * PAGE);
    expect_note("2 pages that several mappings share were counted once");
    close_process();
}

TEST_OF_SOURCE(shared_memory_in_no_page_table_is_read_from_its_file)
{
    int file;

    if (sysconf(_SC_PAGESIZE) != (long)PAGE)
        skip();
    make_mounts();
    make_process("10000-14000 rw-s 00000000 00:05 77         /tmp/a\n"
                 "20000-23000 r--s 00002000 00:05 77         /tmp/a\n"
                 "30000-32000 rw-s 00000000 00:06 78         /run/a\n");
    put_page(0x11, PRESENT | OF_FILE);
    put_page(0x22, 0);
    put_page(0x31, 0);
    file = make_file("7/map_files/10000-14000", 0);
    for (uint64_t page = 0; page < 4; page++)
        put_at(file, &(uint64_t){100 + page}, sizeof(page), page * PAGE);
    (void)close(file);
    /* The same file, whose fifth page begins only. */
    file = make_file("7/map_files/20000-23000", 0);
    put_at(file, &(uint64_t){104}, sizeof(uint64_t), 4 * PAGE);
    (void)close(file);
    file = make_file("7/map_files/30000-32000", 0);
    put_at(file, &(uint64_t){105}, sizeof(uint64_t), PAGE);
    (void)close(file);
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(source.page_count, 5);
    assert_int_equal(source.origins[0].shared_pages, 5);
    assert_true(source.origins[0].left_out_bytes[LEFT_OUT_NOSWAP] >= PAGE);
    take(SAMPLE_ALL, SNAPSHOT_OK);
    assert_int_equal(snapshot.page_count, 5);
    assert_int_equal(number_at(0), 0x11);
    assert_int_equal(number_at(1), 100);
    assert_int_equal(number_at(2), 102);
    assert_int_equal(number_at(3), 103);
    assert_int_equal(number_at(4), 104);
    snapshot_free(&snapshot);
    close_process();
}

TEST_OF_SOURCE(limits_of_control_groups_are_found_below_their_mount)
{
    char mounts[512];

    make_process("10000-11000 rw-p 00000000 00:00 0          [heap]\n");
    put_page(0x10, PRESENT | EXCLUSIVE | 1);
    (void)snprintf(mounts, sizeof(mounts),
                   "30 1 0:8 / %s/v1 rw - cgroup cgroup rw,memory\n"
                   "31 1 0:9 / %s/v2 rw - cgroup2 none rw\n",
                   directory, directory);
    put_text("self/mountinfo", mounts);
    put_text("7/cgroup", "3:memory:/other\n0::/run/a\n");
    put_text("v2/run/a/memory.swap.max", "max\n");
    put_text("v2/run/a/memory.zswap.max", "0\n");
    open_process(PAGE, PROCESS_OK);
    assert_false(source.origins[0].may_not_swap);
    assert_true(source.origins[0].may_not_zswap);
    source_close(&source);
    put_text("v2/run/memory.swap.max", "0\n");
    open_process(PAGE, PROCESS_OK);
    assert_true(source.origins[0].may_not_swap);
    expect_note("memory.swap.max");
    close_process();
}

TEST_OF_SOURCE(a_process_lives_on_without_its_main_thread)
{
    char from[256];
    char to[256];

    make_process("10000-11000 rw-p 00000000 00:00 0          [heap]\n");
    put_page(0x10, PRESENT | EXCLUSIVE | 1);
    put_text("7/statm", "0 0 0 0 0 0 0\n");
    put_text("7/task/7/statm", "0 0 0 0 0 0 0\n");
    put_text("7/task/8/statm", "9 9 0 0 0 0 0\n");
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = {"smaps", "pagemap", "mem"};

        (void)snprintf(from, sizeof(from), "%s/7/%s", directory, names[i]);
        (void)snprintf(to, sizeof(to), "%s/7/task/8/%s", directory, names[i]);
        assert_int_equal(rename(from, to), 0);
    }
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(source.page_count, 1);
    close_process();
}

TEST_OF_SOURCE(a_process_that_ends_leaves_what_was_read)
{
    make_process("100000-200000 rw-p 00000000 00:00 0          [heap]\n");
    for (unsigned i = 0; i < 100; i++)
        put_page(0x100 + i, PRESENT | EXCLUSIVE | (1 + i));
    open_process(PAGE, PROCESS_OK);
    assert_int_equal(ftruncate(mem, (off_t)((0x100 + 60) * PAGE)), 0);
    take(SAMPLE_ALL, SNAPSHOT_OK);
    assert_int_equal(snapshot.page_count, 60);
    expect_note("40 of 100 pages are missing");
    snapshot_free(&snapshot);
    assert_int_equal(ftruncate(mem, 0), 0);
    take(SAMPLE_ALL, SNAPSHOT_NOTHING);
    close_process();
}

TEST_OF_SOURCE(a_process_without_pages_is_empty)
{
    make_process("");
    open_process(PAGE, PROCESS_EMPTY);
    (void)close(pagemap);
    (void)close(mem);
}

TEST_OF_SOURCE(larger_pages_are_whole_and_never_counted_twice)
{
    if (sysconf(_SC_PAGESIZE) != (long)PAGE)
        skip();
    /* Two mappings meet inside one page of 16 KiB. */
    make_process("10000-12000 rw-p 00000000 00:00 0          [heap]\n"
                 "12000-19000 rw-p 00000000 00:00 0 \n");
    put_page(0x11, PRESENT | EXCLUSIVE | 1);
    put_page(0x12, PRESENT | EXCLUSIVE | 2);
    put_page(0x18, PRESENT | EXCLUSIVE | 3);
    put_page(0x1b, 0);
    open_process(4 * PAGE, PROCESS_OK);
    assert_int_equal(source.page_count, 2);
    take(SAMPLE_ALL, SNAPSHOT_OK);
    assert_int_equal(snapshot.page_count, 2);
    assert_int_equal(number_at(0), 0);
    assert_int_equal(number_at(1), 0x18);
    snapshot_free(&snapshot);
    close_process();
}

TEST(samples_are_whole_runs_spread_evenly)
{
    static const struct {
        uint64_t pages;
        uint64_t sample;
        uint64_t expected;
    } cases[] = {
        {1000, SAMPLE_ALL, 1000},
        {256 * 100, SAMPLE_ALL / 10, 256 * 10},
        {256 * 3, SAMPLE_ALL / 2, 256 * 2},
        /* The first run is always taken, and the last may be short. */
        {5, 1, 5},
        {256 * 1000, 1, 256},
        {256 + 7, SAMPLE_ALL - 1, 256 + 7},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(sample_page_count(cases[i].pages, cases[i].sample),
                         cases[i].expected);
}

/* A file of pages that start with their numbers is the source. */
static int open_file(uint64_t pages)
{
    char path[256];
    char *paths[1];
    int file = make_file("pages", O_TRUNC);

    (void)snprintf(path, sizeof(path), "%s/pages", directory);
    for (uint64_t i = 0; i < pages; i++)
        put_at(file, &i, sizeof(i), i * PAGE);
    assert_int_equal(ftruncate(file, (off_t)(pages * PAGE)), 0);
    paths[0] = path;
    assert_true(source_open_files(&source, paths, 1, PAGE));
    return file;
}

TEST_OF_SOURCE(what_is_counted_is_what_is_read)
{
    static const uint64_t samples[] = {1, 333, 25000, 50000, 99999, SAMPLE_ALL};
    const uint64_t pages = 256 * 9 + 100;
    int file = open_file(pages);

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        uint64_t wanted = sample_page_count(pages, samples[i]);

        take(samples[i], SNAPSHOT_OK);
        assert_int_equal(snapshot.page_count, wanted);
        for (uint64_t page = 1; page < wanted; page++) {
            uint64_t step = number_at(page) - number_at(page - 1);

            assert_true(step == 1 || step % SAMPLE_RUN_PAGES == 1);
        }
        snapshot_free(&snapshot);
    }
    source_close(&source);
    (void)close(file);
}

TEST_OF_SOURCE(a_file_that_becomes_shorter_leaves_what_was_read)
{
    int file = open_file(50);

    assert_int_equal(ftruncate(file, (off_t)(20 * PAGE + 5)), 0);
    take(SAMPLE_ALL, SNAPSHOT_OK);
    assert_int_equal(snapshot.page_count, 21);
    assert_int_equal(number_at(20), 20);
    expect_note("29 of 50 pages are missing");
    snapshot_free(&snapshot);
    source_close(&source);
    (void)close(file);
}

TEST_OF_SOURCE(a_hole_is_zeros_whatever_the_buffer_had)
{
    static unsigned char buffer[4 * 4096];
    char path[256];
    char *paths[1] = {path};
    struct source_cursor cursor;
    struct source_pages pages;
    uint64_t count = 0;
    int file = make_file("sparse", O_TRUNC);

    (void)snprintf(path, sizeof(path), "%s/sparse", directory);
    put_at(file, "data", 4, 5 * PAGE);
    assert_int_equal(ftruncate(file, (off_t)(20 * PAGE + 5)), 0);
    assert_true(source_open_files(&source, paths, 1, PAGE));
    memset(buffer, 0xff, sizeof(buffer));
    source_cursor_begin(&cursor, &source, SAMPLE_ALL);
    while (source_cursor_read(&cursor, buffer, 4, &pages)) {
        for (uint64_t i = 0; i < pages.count * PAGE; i++)
            assert_int_equal(buffer[i],
                             pages.address + i < 5 * PAGE ||
                                     pages.address + i >= 5 * PAGE + 4
                                 ? 0
                                 : "data"[i % PAGE]);
        memset(buffer, 0xff, sizeof(buffer));
        count += pages.count;
    }
    assert_int_equal(count, 21);
    source_close(&source);
    (void)close(file);
}
