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

/*
 * TEST(what_holds) { ... }: a test that registers itself, in the order of the
 * file; `state` is what its set-up left.  The program needs no main().
 */
#define TEST(name) TEST_WITH(name, NULL, NULL)
#define TEST_AFTER(name, tear_down) TEST_WITH(name, NULL, tear_down)
#define TEST_WITH(name, set_up, tear_down)                                     \
    static void name(void **state);                                            \
    TEST_REGISTER(name, #name, set_up, tear_down, NULL)                        \
    static void name(__attribute__((unused)) void **state)

/* TEST_BETWEEN(what_holds, begin(), end()) { ... }: between these calls. */
#define TEST_BETWEEN(name, begin, end)                                         \
    static void name(void);                                                    \
    static void name##_between(__attribute__((unused)) void **state)           \
    {                                                                          \
        begin;                                                                 \
        name();                                                                \
        end;                                                                   \
    }                                                                          \
    TEST_REGISTER(name##_between, #name, NULL, NULL, NULL)                     \
    static void name(void)

/* Registers `function` under a name; TEST_REGISTER_AS() several times. */
#define TEST_REGISTER(function, text, set_up, tear_down, initial)              \
    TEST_REGISTER_AS(function##_registered, function, text, set_up, tear_down, \
                     initial)
#define TEST_REGISTER_AS(unique, function, text, set_up, tear_down, initial)   \
    __attribute__((constructor)) static void unique(void)                      \
    {                                                                          \
        support_test_add(&(const struct CMUnitTest){                           \
            text, function, set_up, tear_down, (void *)(uintptr_t)(initial)}); \
    }

void support_test_add(const struct CMUnitTest *test);

#endif
