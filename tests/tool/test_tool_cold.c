/* SPDX-License-Identifier: MIT */
/*
 * test_tool_cold.c - which pages are cold, by each of the means.  The process
 * is files that look like /proc and /sys, time passes when the program waits,
 * and what happens at which time is written down.
 */
#include "test_tool_folder.h"

#include <inttypes.h>

#include "estimate/cold.h"

#define PAGE UINT64_C(4096)
#define SECOND UINT64_C(1000000000)
#define PAGE_FIRST UINT64_C(0x100) /* its number in the address space */
#define PAGE_COUNT 16

/* Pages 8 to 11 are one huge page, and so are 12 to 15. */
#define HUGE_FIRST 8
#define HUGE_PAGES 4

/* The frame of a page.  The bitmap is a file, which loses the marks of a word
 * when that is written again, so each word is turned to once: all frames are in
 * one, or the small pages are in several. */
static bool in_one_word;

static uint64_t frame_of(uint64_t page)
{
    if (in_one_word)
        return page < HUGE_FIRST ? 199 - page : 192 + page;
    return page < HUGE_FIRST ? 200 - 13 * page : 64 + page;
}

static uint64_t head_of(uint64_t page)
{
    return page < HUGE_FIRST ? page : page / HUGE_PAGES * HUGE_PAGES;
}

#define TEST_OF_COLD(name) TEST_WITH(name, set_up, tear_down)

static void put(const char *name, const void *bytes, size_t size,
                uint64_t offset)
{
    int file = make_file(name, 0);

    put_at(file, bytes, size, offset);
    (void)close(file);
}

static uint64_t word_at(const char *name, uint64_t index)
{
    uint64_t word = 0;
    int file = make_file(name, 0);

    (void)pread(file, &word, sizeof(word), (off_t)(index * sizeof(word)));
    (void)close(file);
    return word;
}

/* --- what happens in the process --- */
static const char bitmap[] = "sys/kernel/mm/page_idle/bitmap";

static struct {
    bool has_bitmap;
    bool referenced[PAGE_COUNT];
    uint64_t time;
} world;

/* smaps: one mapping, of which so many pages are referenced. */
static void write_smaps(void)
{
    char text[512];
    unsigned count = 0;

    for (size_t i = 0; i < PAGE_COUNT; i++)
        count += world.referenced[i];
    (void)snprintf(text, sizeof(text),
                   "00100000-00110000 rw-p 00000000 00:00 0 \n"
                   "Size:  64 kB\nRss:  %3u kB\nReferenced:  %3u kB\n"
                   "Anonymous:  %3u kB\nLazyFree:  0 kB\nVmFlags: rd wr mr \n",
                   4 * PAGE_COUNT, 4 * count, 4 * PAGE_COUNT);
    put_text("proc/7/smaps", text);
}

static void read_page(uint64_t page)
{
    const uint64_t frame = frame_of(head_of(page));
    uint64_t word = word_at(bitmap, frame / 64) & ~(UINT64_C(1) << frame % 64);

    if (world.has_bitmap)
        put(bitmap, &word, sizeof(word), frame / 64 * sizeof(word));
    world.referenced[page] = true;
    write_smaps();
}

static void write_page(uint64_t page, uint64_t content)
{
    read_page(page);
    put("proc/7/mem", &content, sizeof(content),
        (PAGE_FIRST + page) * PAGE + 16);
}

/* At each second, which page is read, written, or written as it was first. */
enum act {
    READ,
    WRITE,
    RESTORE
};
struct happening {
    uint64_t second;
    uint64_t page;
    enum act act;
};

static const struct happening *history;
static size_t history_count;
static size_t happened;

static void make_process(bool has_bitmap)
{
    static const char maps[] = "00100000-00110000 rw-p 00000000 00:00 0 \n";
    static const char status[] = "Name:\tseven\nVmSwap:\t       0 kB\n";

    memset(&world, 0, sizeof(world));
    world.has_bitmap = has_bitmap;
    world.time = 1000 * SECOND;
    put_text("proc/7/maps", maps);
    put_text("proc/7/status", status);
    put_text("proc/7/comm", "seven\n");
    put_text("proc/7/clear_refs", "");
    if (has_bitmap)
        put(bitmap, &(uint64_t){0}, sizeof(uint64_t), 3 * sizeof(uint64_t));
    for (uint64_t page = 0; page < PAGE_COUNT; page++) {
        uint64_t word = UINT64_C(1) << 63 | UINT64_C(1) << 56 | frame_of(page);
        uint64_t tail = page != head_of(page) ? UINT64_C(1) << 16 : 0;
        unsigned char content[PAGE] = {(unsigned char)page};

        put("proc/7/pagemap", &word, sizeof(word),
            (PAGE_FIRST + page) * sizeof(word));
        put("proc/kpageflags", &tail, sizeof(tail),
            frame_of(page) * sizeof(tail));
        put("proc/7/mem", content, PAGE, (PAGE_FIRST + page) * PAGE);
        world.referenced[page] = true;
    }
    write_smaps();
}

/* Lets time pass, and with it what happens before `due`. */
static uint64_t pass_time(void *context, uint64_t due)
{
    (void)context;
    if (word_at("proc/7/clear_refs", 0) == '1') {
        put_text("proc/7/clear_refs", "0");
        memset(world.referenced, 0, sizeof(world.referenced));
        write_smaps();
    }
    for (; happened < history_count &&
           (1000 + history[happened].second) * SECOND < due;
         happened++) {
        world.time = (1000 + history[happened].second) * SECOND;
        if (history[happened].act == READ)
            read_page(history[happened].page);
        else
            write_page(history[happened].page,
                       history[happened].act == WRITE ? world.time : 0);
    }
    if (due > world.time)
        world.time = due;
    return world.time;
}

/* --- a watch of process 7 for these ages --- */
static struct cold cold;
static struct source source;

static bool watch(const char *ages, bool clear_refs)
{
    static char proc[96];
    char pids[] = "7";
    const struct source_choice choice = {.pids = pids};
    struct source_queue queue = {
        .choice = &choice, .page_size = PAGE, .proc = proc};
    struct cold_request request = {
        .clear_refs = clear_refs, .root = directory, .wait = pass_time};
    bool good;

    (void)snprintf(proc, sizeof(proc), "%s/proc", directory);
    assert_true(cold_parse(&request, ages));
    assert_true(source_queue_again(&queue, &source));
    assert_int_equal(source.page_count, PAGE_COUNT);
    happened = 0;
    good = cold_watch(&cold, &request, &queue, &source, true);
    source_queue_free(&queue);
    return good;
}

static void end_watch(void)
{
    cold_free(&cold);
    source_close(&source);
}

/* Of each page, how many of the ages it is cold for. */
static void expect_pages(const char *ages)
{
    size_t hint = 0;

    for (size_t page = 0; page < PAGE_COUNT; page++) {
        const uint64_t address = (PAGE_FIRST + page) * PAGE;

        if (cold_page_ages(&cold, 7, address, &hint) !=
            (size_t)(ages[page] - '0'))
            fail_msg("page %zu is cold for %zu ages", page,
                     cold_page_ages(&cold, 7, address, &hint));
    }
    assert_int_equal(cold_page_ages(&cold, 8, PAGE_FIRST * PAGE, &hint), 0);
    assert_int_equal(
        cold_page_ages(&cold, 7, (PAGE_FIRST + PAGE_COUNT) * PAGE, &hint), 0);
}

/*
 * Ages of 2 and 6 seconds: looks at 0, 4, 6, and, after 2 seconds of watching,
 * at 8.
 */
static const struct happening two_ages[] = {
    {1, 1, READ}, {1, 4, WRITE}, {3, 12, READ}, {5, 2, WRITE},
    {5, 9, READ}, {7, 3, READ},  {7, 4, WRITE}, {7, 2, WRITE},
};

static void play(const struct happening *happenings, size_t count)
{
    history = happenings;
    history_count = count;
}

#define PLAY(happenings)                                                       \
    play(happenings, sizeof(happenings) / sizeof(*(happenings)))

static void expect_times(void)
{
    assert_int_equal(cold.age_count, 2);
    assert_int_equal(cold.ages[0].seconds, 2);
    assert_int_equal(cold.ages[1].seconds, 6);
    assert_true(cold.ages[0].observed == 2 * SECOND);
    assert_true(cold.ages[1].observed == 6 * SECOND);
    for (size_t i = 0; i < 2; i++)
        assert_true(cold.ages[i].watched == 2 * SECOND);
    assert_int_equal(cold.ended, 0);
}

static void expect_idle_pages(void)
{
    make_process(true);
    PLAY(two_ages);
    assert_true(watch("2,6", false));
    assert_int_equal(cold.means, COLD_IDLE);
    expect_times();
    expect_pages("2102122200001111");
    assert_int_equal(cold.ages[0].again, 2); /* 3 and 4 */
    assert_int_equal(cold.ages[1].again, 1); /* 3 */
    end_watch();
}

TEST_OF_COLD(idle_page_tracking_sees_reads_and_writes_of_each_page)
{
    expect_idle_pages();
}

TEST_OF_COLD(idle_page_tracking_reads_the_bitmap_anew_in_each_look)
{
    in_one_word = true;
    expect_idle_pages();
    in_one_word = false;
}

TEST_OF_COLD(only_frames_of_the_process_are_marked_idle)
{
    uint64_t frames[4] = {0};

    make_process(true);
    PLAY(two_ages);
    assert_true(watch("1", false));
    for (uint64_t page = 0; page < PAGE_COUNT; page++)
        frames[frame_of(head_of(page)) / 64] |= UINT64_C(1)
                                                << frame_of(head_of(page)) % 64;
    for (uint64_t i = 0; i < 4; i++)
        assert_true((word_at(bitmap, i) & ~frames[i]) == 0);
    end_watch();
}

TEST_OF_COLD(contents_see_writes_of_each_page)
{
    make_process(false);
    PLAY(two_ages);
    assert_true(watch("2,6", false));
    assert_int_equal(cold.means, COLD_CONTENTS);
    expect_times();
    expect_pages("2202122222222222");
    assert_int_equal(cold.ages[0].again, 1); /* 4 */
    assert_int_equal(cold.ages[1].again, 0);
    end_watch();
}

TEST_OF_COLD(a_page_that_gets_its_contents_back_is_not_cold)
{
    /* Changed before the look at 4, and back before that at 6. */
    static const struct happening one[] = {{1, 5, WRITE}, {5, 5, RESTORE}};

    make_process(false);
    PLAY(one);
    assert_true(watch("2,6", false));
    expect_pages("2222202222222222");
    end_watch();
}

TEST_OF_COLD(referenced_sees_reads_and_writes_of_a_mapping)
{
    make_process(true);
    PLAY(two_ages);
    assert_true(watch("2,6", true));
    assert_int_equal(cold.means, COLD_REFERENCED);
    expect_times();
    /* 1 and 4 by the second 2; 12 too by 4; 2 and 9 by 6; 3 by 8. */
    assert_true(cold_mapping_part(&cold, &source, 0, 0) == 14.0 / 16.0);
    assert_true(cold_mapping_part(&cold, &source, 0, 1) == 11.0 / 16.0);
    source.mappings[0].start++; /* one that was not there */
    assert_true(cold_mapping_part(&cold, &source, 0, 0) == 0.0);
    assert_int_equal(cold.ages[0].again, 1);
    assert_int_equal(cold.ages[1].again, 1);
    end_watch();
}

TEST_OF_COLD(what_cannot_be_cleared_is_an_error)
{
    char path[96];

    make_process(false);
    (void)snprintf(path, sizeof(path), "%s/proc/7/clear_refs", directory);
    assert_int_equal(unlink(path), 0);
    assert_false(watch("1", true));
    cold_free(&cold);
}

TEST_OF_COLD(cold_pages_are_watched_for_ten_seconds_at_most)
{
    make_process(false);
    PLAY(two_ages);
    assert_true(watch("60", false));
    assert_true(cold.ages[0].observed == 60 * SECOND);
    assert_true(cold.ages[0].watched == 10 * SECOND);
    end_watch();
}

TEST(ages_are_parsed_strictly)
{
    static const char *const wrong[] = {
        "",   "0",     "x",   "-1",  "1.5",  "1,",
        ",1", "86401", "2,1", "1,1", "1 ,2", "1,2,3,4,5,6,7,8,9"};
    struct cold_request request = {0};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(cold_parse(&request, wrong[i]));
    assert_true(cold_parse(&request, "1,2,3,4,5,6,7,86400"));
    assert_int_equal(request.age_count, COLD_AGES_MOST);
    assert_true(request.seconds[7] == 86400);
}
