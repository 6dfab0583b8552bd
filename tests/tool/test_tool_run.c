/* SPDX-License-Identifier: MIT */
/*
 * test_tool_run.c - an estimate sees every page that does not come back as it
 * was: tests damage the pool between storing and loading.
 */
#include "support_content.h"
#include "support_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/inject.h"
#include "estimate/estimate.h"

#define PAGE_SIZE 4096
#define PAGE_COUNT 300

/* Flips one bit in each of this many objects. */
struct damage {
    unsigned wanted;
    unsigned done;
};

static bool damage_object(void *context, zc_handle handle, const void *data,
                          size_t size)
{
    struct damage *damage = context;
    /* The last bytes of LZ4 and of a raw page are literals. */
    unsigned char *byte = (unsigned char *)(uintptr_t)data + size - 1;

    (void)handle;
    if (damage->done == damage->wanted)
        return false;
    *byte ^= 0x40;
    damage->done++;
    return true;
}

static void damage_pool(struct zc_zspool *pool, void *context)
{
    (void)zc_zspool_iterate(pool, damage_object, context);
}

static void fill_pages(unsigned char *bytes)
{
    struct support_random random = {2};

    for (unsigned i = 0; i < PAGE_COUNT; i++)
        support_fill_page(bytes + (size_t)i * PAGE_SIZE, PAGE_SIZE, 10 + i % 80,
                          &random);
}

static unsigned char pages[PAGE_COUNT * PAGE_SIZE];
static struct snapshot snapshot = {
    .bytes = pages, .page_size = PAGE_SIZE, .page_count = PAGE_COUNT};
static struct codec_list codecs;

static struct run_request request_of(const char *codec, unsigned target,
                                     unsigned placement, unsigned threads)
{
    fill_pages(pages);
    assert_true(codec_list_parse(&codecs, codec));
    return (struct run_request){.snapshot = &snapshot,
                                .codec = &codecs.choices[0],
                                .target = (enum run_target)target,
                                .placement = placement,
                                .chain_length = 8,
                                .thread_count = threads};
}

/* Mismatches where so many objects were damaged. */
static uint64_t mismatches_of(const char *codec, unsigned target,
                              unsigned placement, unsigned threads,
                              unsigned damaged)
{
    struct damage damage = {.wanted = damaged};
    struct run_request request = request_of(codec, target, placement, threads);
    struct run_result result;
    uint64_t objects = 0;

    request.want_classes = true;
    request.want_histogram = true;
    request.before_load = damage_pool;
    request.before_load_context = &damage;
    assert_true(run_configuration(&request, &result));
    assert_int_equal(damage.done, damage.wanted);
    for (size_t i = 0; i < result.histogram_count; i++)
        objects += result.histogram[i];
    assert_int_equal(objects, PAGE_COUNT);
    assert_non_null(strstr(result.classes, "class"));
    run_result_free(&result);
    codec_list_free(&codecs);
    return result.mismatches;
}

TEST(as_many_pages_are_reported_as_were_damaged)
{
    static const unsigned counts[] = {0, 1, 7, 64, 65, PAGE_COUNT};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (unsigned threads = 1; threads <= 4; threads++) {
            for (unsigned target = RUN_ZSWAP; target <= RUN_LIBRARY; target++)
                assert_int_equal(mismatches_of("copy", target,
                                               ZC_PLACEMENT_DENSE, threads,
                                               counts[i]),
                                 counts[i]);
            assert_int_equal(mismatches_of("copy", RUN_LIBRARY,
                                           ZC_PLACEMENT_KERNEL, threads,
                                           counts[i]),
                             counts[i]);
        }
    }
}

TEST(damage_to_compressed_pages_is_reported)
{
    if (zc_compressor_find("lz4") == NULL)
        skip();
    assert_int_equal(
        mismatches_of("lz4", RUN_LIBRARY, ZC_PLACEMENT_DENSE, 1, 23), 23);
    /* And what does not decode. */
    zc_inject_arm(ZC_INJECT_DECOMPRESS, 10, 5);
    assert_int_equal(
        mismatches_of("lz4", RUN_LIBRARY, ZC_PLACEMENT_DENSE, 1, 0), 5);
    assert_int_equal(zc_inject_failures(), 5);
    zc_inject_disarm();
}

TEST(without_memory_there_is_no_result)
{
    struct run_request request =
        request_of("copy", RUN_LIBRARY, ZC_PLACEMENT_DENSE, 2);
    struct run_result result;
    bool good = false;
    uint32_t passages;

    for (passages = 0; !good; passages++) {
        zc_inject_arm(ZC_INJECT_PAGES, passages, 1000);
        good = run_configuration(&request, &result);
        assert_true(good == (zc_inject_failures() == 0));
        zc_inject_disarm();
    }
    assert_true(passages > 1);
    assert_int_equal(result.mismatches, 0);
    run_result_free(&result);
    codec_list_free(&codecs);
}

/* Everything from the command line on; standard output goes to a file. */
static int estimate_file(const char *file, const char *output,
                         struct damage *damage)
{
    static const char *const given[] = {"estimate", "--json", "--codec",
                                        "copy",     "--for",  "zram"};
    char *words[8] = {NULL};
    struct estimate_options options;
    int before = dup(STDOUT_FILENO);
    int out = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int result;

    for (size_t i = 0; i < 6; i++)
        words[i] = memory_copy_text(given[i]);
    words[6] = memory_copy_text(file);
    assert_int_equal(estimate_parse(&options, 7, words), ESTIMATE_RUN);
    options.before_load = damage_pool;
    options.before_load_context = damage;
    (void)fflush(stdout);
    assert_true(dup2(out, STDOUT_FILENO) >= 0);
    result = estimate_run(&options);
    (void)fflush(stdout);
    (void)dup2(before, STDOUT_FILENO);
    (void)close(before);
    (void)close(out);
    estimate_options_free(&options);
    for (size_t i = 0; i < 7; i++)
        free(words[i]);
    return result;
}

TEST(the_exit_status_tells_of_damage)
{
    char input[] = "/tmp/zcache-test-XXXXXX";
    char output[] = "/tmp/zcache-test-XXXXXX";
    struct damage none = {0};
    struct damage some = {.wanted = 9};
    struct text text = {0};
    int file = mkstemp(input);

    fill_pages(pages);
    assert_int_equal(write(file, pages, sizeof(pages)), sizeof(pages));
    (void)close(file);
    (void)close(mkstemp(output));

    assert_int_equal(estimate_file(input, output, &none), TOOL_FINE);
    assert_int_equal(estimate_file(input, output, &some), TOOL_MISMATCH);

    assert_int_equal(text_append_file(&text, output, 1 << 20), 0);
    assert_non_null(strstr(text.bytes, "\"mismatches\": 9\n"));
    text_free(&text);
    (void)unlink(input);
    (void)unlink(output);
}
