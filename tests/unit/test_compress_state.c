/* SPDX-License-Identifier: MIT */
/* test_compress_state.c - contexts that are one block of memory. */
#include "support_test.h"

#include "base/inject.h"
#include "codec/codec.h"

TEST(a_state_is_a_block_of_its_size)
{
    void *context = NULL;

    assert_status(zc_compress_state_create(5000, &context), ZC_OK);
    memset(context, 1, 5000);
    assert_in_range(zc_compress_state_size(context), 5000, 5100);
    zc_compress_state_destroy(context);
}

TEST(without_memory_there_is_none)
{
    void *context = &context;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_compress_state_create(5000, &context), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_ptr_equal(context, &context);
}
