/* SPDX-License-Identifier: MIT */
/*
 * assert.h - checks for bugs of this library, never for bad input or failures
 * of the system.
 *
 * ZC_ASSERT is on in debug and test builds.  In others the expression is
 * compiled, so that nothing becomes unused, but not evaluated.  One fact per
 * assertion, no side effects.
 */
#ifndef ZC_BASE_ASSERT_H
#define ZC_BASE_ASSERT_H

#ifndef ZC_DEBUG_CHECKS
#define ZC_DEBUG_CHECKS 0
#endif

/* In the lab a failed assertion may be passed over, to see what comes of it. */
#ifndef ZC_ASSERT_NORETURN
#define ZC_ASSERT_NORETURN _Noreturn
#endif

/* Prints the place and ends the process; implemented by the platform. */
ZC_ASSERT_NORETURN void zc_assert_fail(const char *expression, const char *file,
                                       int line);

#define ZC_ASSERT(expression)                                                  \
    do {                                                                       \
        if (ZC_DEBUG_CHECKS && !(expression))                                  \
            zc_assert_fail(#expression, __FILE__, __LINE__);                   \
    } while (0)

#endif
