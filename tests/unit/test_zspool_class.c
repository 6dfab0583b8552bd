/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_class.c - the class table against the kernel's numbers.
 *
 * Two rules made the kernel's tables.  Today's takes the chain that wastes the
 * fewest bytes behind its last slot.  Until 6.3 it was the chain with the
 * highest used percentage, rounded down, where the shortest of equals won; the
 * table printed in the kernel's Documentation/mm/zsmalloc.rst was made with
 * that one and has not been made again.  Both are computed here, so that a
 * reader who compares us with that page sees which of the two is out of date.
 */
#include <stddef.h>
#include <stdint.h>

#include "support_test.h"

#include "zspool.h"

typedef uint32_t (*chain_rule)(size_t page_size, unsigned chain_length,
                               size_t class_bytes);

/* What a whole class table comes to. */
struct summary {
    unsigned clusters;     /* classes that are not merged away */
    size_t huge_watermark; /* largest class with more than a page or object */
};

static uint32_t used_percent_chain(size_t page_size, unsigned chain_length,
                                   size_t class_bytes)
{
    size_t highest = 0;
    uint32_t chain = 1;
    uint32_t pages;
    size_t bytes;
    size_t percent;

    for (pages = 1; pages <= chain_length; pages++) {
        bytes = pages * page_size;
        percent = (bytes - bytes % class_bytes) * 100 / bytes;
        if (percent > highest) {
            highest = percent;
            chain = pages;
        }
    }
    return chain;
}

static struct summary summarise(size_t page_size, unsigned chain_length,
                                chain_rule rule)
{
    struct summary summary = {0, 0};
    size_t previous_objects = 0;
    uint32_t previous_chain = 0;
    unsigned index = zc_class_count(page_size);
    size_t class_bytes;
    size_t objects;
    uint32_t chain;

    while (index-- > 0) {
        class_bytes = zc_class_bytes(page_size, index);
        chain = rule(page_size, chain_length, class_bytes);
        objects = chain * page_size / class_bytes;
        if (chain != previous_chain || objects != previous_objects)
            summary.clusters++;
        if (summary.huge_watermark == 0 && chain != 1 && objects != 1)
            summary.huge_watermark = class_bytes;
        previous_chain = chain;
        previous_objects = objects;
    }
    return summary;
}

static const struct {
    unsigned chain_length;
    unsigned clusters;        /* today's rule */
    unsigned clusters_before; /* used percent; also printed in zsmalloc.rst */
    size_t huge_watermark;    /* the same by both */
} conformance[] = {
    {4, 69, 69, 3264},    {5, 86, 86, 3408},    {6, 94, 93, 3504},
    {7, 110, 112, 3584},  {8, 119, 123, 3632},  {9, 136, 140, 3680},
    {10, 141, 143, 3712}, {11, 153, 159, 3744}, {12, 159, 164, 3776},
    {13, 173, 180, 3792}, {14, 179, 183, 3808}, {15, 186, 188, 3840},
    {16, 192, 191, 3840},
};

#define CONFORMANCE_ROWS (sizeof(conformance) / sizeof(conformance[0]))

TEST(chains_of_4_to_16_make_the_clusters_of_the_kernel)
{
    struct summary summary;
    size_t i;

    assert_int_equal(CONFORMANCE_ROWS, ZC_CHAIN_MAX - ZC_CHAIN_MIN + 1);
    for (i = 0; i < CONFORMANCE_ROWS; i++) {
        summary = summarise(4096, conformance[i].chain_length, zc_class_chain);

        assert_int_equal(summary.clusters, conformance[i].clusters);
        assert_int_equal(summary.huge_watermark, conformance[i].huge_watermark);
    }
}

TEST(the_kernel_documents_table_is_the_used_percent_rule)
{
    struct summary summary;
    size_t i;

    for (i = 0; i < CONFORMANCE_ROWS; i++) {
        summary =
            summarise(4096, conformance[i].chain_length, used_percent_chain);

        assert_int_equal(summary.clusters, conformance[i].clusters_before);
        assert_int_equal(summary.huge_watermark, conformance[i].huge_watermark);
    }
}

TEST(the_two_rules_differ_for_the_documents_example_208)
{
    assert_int_equal(used_percent_chain(4096, 4, 208), 2);
    assert_int_equal(2 * 4096 % 208, 80);
    assert_int_equal(zc_class_chain(4096, 4, 208), 3);
    assert_int_equal(3 * 4096 % 208, 16);
}

TEST(classes_go_from_32_bytes_in_steps_to_a_page)
{
    assert_int_equal(zc_class_count(4096), 255);
    assert_int_equal(zc_class_bytes(4096, 0), 32);
    assert_int_equal(zc_class_bytes(4096, 1), 48);
    assert_int_equal(zc_class_bytes(4096, 30), 512);
    assert_int_equal(zc_class_bytes(4096, 225), 3632);
    assert_int_equal(zc_class_bytes(4096, 253), 4080);
    assert_int_equal(zc_class_bytes(4096, 254), 4096);
}

TEST(larger_pages_have_larger_steps)
{
    assert_int_equal(zc_class_count(8192), 256);
    assert_int_equal(zc_class_bytes(8192, 1), 64);
    assert_int_equal(zc_class_count(16384), 257);
    assert_int_equal(zc_class_bytes(16384, 1), 96);
    assert_int_equal(zc_class_bytes(16384, 255), 16352);
    assert_int_equal(zc_class_bytes(16384, 256), 16384);
    assert_int_equal(zc_class_count(65536), 257);
    assert_int_equal(zc_class_bytes(65536, 1), 288);
    assert_int_equal(zc_class_bytes(65536, 256), 65536);
}

TEST(larger_pages_make_the_clusters_of_the_kernel)
{
    assert_int_equal(summarise(16384, 8, zc_class_chain).clusters, 121);
    assert_int_equal(summarise(16384, 8, zc_class_chain).huge_watermark,
                     14553 + 7);
    assert_int_equal(summarise(65536, 8, zc_class_chain).clusters, 123);
}

TEST(a_request_counts_with_its_header)
{
    assert_int_equal(zc_class_of_size(4096, 1), 0);
    assert_int_equal(zc_class_of_size(4096, 24), 0);
    assert_int_equal(zc_class_of_size(4096, 25), 1);
    assert_int_equal(zc_class_of_size(4096, 40), 1);
    assert_int_equal(zc_class_of_size(4096, 41), 2);
    assert_int_equal(zc_class_of_size(4096, 3624), 225);
    assert_int_equal(zc_class_of_size(4096, 3625), 226);
}

TEST(a_request_of_a_page_is_of_the_last_class)
{
    assert_int_equal(zc_class_of_size(4096, 4072), 253);
    assert_int_equal(zc_class_of_size(4096, 4073), 254);
    assert_int_equal(zc_class_of_size(4096, 4088), 254);
    assert_int_equal(zc_class_of_size(4096, 4089), 254);
    assert_int_equal(zc_class_of_size(4096, 4096), 254);
    assert_int_equal(zc_class_of_size(16384, 16384), 256);
    assert_int_equal(zc_class_of_size(65536, 65536), 256);
}

TEST(every_request_fits_the_smallest_class_that_holds_it)
{
    size_t page_size;
    size_t size;
    unsigned index;
    unsigned last;

    for (page_size = 4096; page_size <= 65536; page_size *= 2) {
        last = zc_class_count(page_size) - 1;
        for (size = 1; size <= page_size; size++) {
            index = zc_class_of_size(page_size, size);

            assert_in_range(index, 0, last);
            if (index < last)
                assert_true(zc_class_bytes(page_size, index) >= size + 8);
            if (index > 0)
                assert_true(zc_class_bytes(page_size, index - 1) < size + 8);
        }
    }
}

TEST(powers_of_two_need_no_chain)
{
    size_t bytes;

    for (bytes = 32; bytes <= 4096; bytes *= 2)
        assert_int_equal(zc_class_chain(4096, 16, bytes), 1);
}

TEST(the_shortest_of_equally_good_chains_is_taken)
{
    /* 48 divides 3 pages, and 6, 9, 12 and 15 as well. */
    assert_int_equal(zc_class_chain(4096, 16, 48), 3);
    /* One page alone wastes the least. */
    assert_int_equal(zc_class_chain(4096, 8, 4080), 1);
}

TEST(the_tail_of_the_table_is_that_of_the_kernel)
{
    static const struct {
        size_t class_bytes;
        uint32_t pages;
        size_t objects;
    } tail[] = {
        {3184, 7, 9}, {3264, 4, 5}, {3408, 5, 6}, {3504, 6, 7},
        {3584, 7, 8}, {3632, 8, 9}, {4096, 1, 1},
    };
    size_t pages;
    size_t i;

    for (i = 0; i < sizeof(tail) / sizeof(tail[0]); i++) {
        pages = zc_class_chain(4096, 8, tail[i].class_bytes);

        assert_int_equal(pages, tail[i].pages);
        assert_int_equal(pages * 4096 / tail[i].class_bytes, tail[i].objects);
    }
}

TEST(class_1568_stands_alone_from_chain_5_on)
{
    /* At chain 4 it comes to the same as 1632: 2 pages, 5 objects. */
    assert_int_equal(zc_class_chain(4096, 4, 1568), 2);
    assert_int_equal(zc_class_chain(4096, 4, 1632), 2);
    assert_int_equal(2 * 4096 / 1568, 2 * 4096 / 1632);

    assert_int_equal(zc_class_chain(4096, 8, 1568), 5);
    assert_int_equal(5 * 4096 / 1568, 13);
    assert_int_equal(5 * 4096 % 1568, 96);
}
