/* SPDX-License-Identifier: MIT */
/*
 * support_test.h - CMocka with the headers that it needs, and statuses by name.
 *
 * A failed assertion on any thread but the main thread ends the process, so
 * workers record (support_threads.h) and the main thread judges.
 */
#ifndef ZC_TESTS_SUPPORT_TEST_H
#define ZC_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <zcache/types.h>

/* Does a sanitizer change memory use and speed? */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SUPPORT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SUPPORT_SANITIZED 1
#endif
#endif
#ifndef SUPPORT_SANITIZED
#define SUPPORT_SANITIZED 0
#endif

/* Fails with the call and both names unless it returns `expected`. */
#define assert_status(call, expected)                                          \
    support_assert_status((call), (expected), #call, __FILE__, __LINE__)

static inline void support_assert_status(zc_status actual, zc_status expected,
                                         const char *call, const char *file,
                                         int line)
{
    if (actual == expected)
        return;
    print_error("%s is %s, not %s\n", call, zc_status_name(actual),
                zc_status_name(expected));
    _fail(file, line);
}

#endif
