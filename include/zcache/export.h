/* SPDX-License-Identifier: MIT */
/*
 * export.h - the attributes of the declarations, and C linkage.
 *
 * A compiler without such attributes compiles the headers all the same: the
 * macros are then empty.  Users of the library define none of them.
 */
#ifndef ZCACHE_EXPORT_H
#define ZCACHE_EXPORT_H

/* gcc, clang, and compilers that say that they have these attributes. */
#if defined(__GNUC__)
#define ZC_HAS_GNU_ATTRIBUTES
#elif defined(__has_attribute)
#if __has_attribute(visibility) && __has_attribute(warn_unused_result) &&      \
    __has_attribute(format)
#define ZC_HAS_GNU_ATTRIBUTES
#endif
#endif

/*
 * ZC_API marks every function of the interface.  The shared library exports
 * these functions and nothing else.  The static library is built with
 * ZC_STATIC: a program or plug-in that is linked with it does not export them,
 * so two plug-ins of one program can each have a copy of their own.
 */
#if defined(ZC_HAS_GNU_ATTRIBUTES) && !defined(ZC_STATIC)
#define ZC_API __attribute__((visibility("default")))
#else
#define ZC_API
#endif

/* The compiler warns where a caller ignores the result of such a function. */
#if defined(ZC_HAS_GNU_ATTRIBUTES)
#define ZC_MUST_CHECK __attribute__((warn_unused_result))
#elif defined(__cplusplus) && __cplusplus >= 201703L
#define ZC_MUST_CHECK [[nodiscard]]
#elif defined(_MSVC_LANG) && _MSVC_LANG >= 201703L
#define ZC_MUST_CHECK [[nodiscard]]
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#define ZC_MUST_CHECK [[nodiscard]]
#elif defined(_MSC_VER)
#include <sal.h>
#define ZC_MUST_CHECK _Check_return_
#else
#define ZC_MUST_CHECK
#endif

/* Arguments that are checked against the format, as those of printf(). */
#if defined(ZC_HAS_GNU_ATTRIBUTES)
#define ZC_PRINTF_LIKE(format_at, first_at)                                    \
    __attribute__((format(printf, format_at, first_at)))
#else
#define ZC_PRINTF_LIKE(format_at, first_at)
#endif

#ifdef __cplusplus
#define ZC_BEGIN_DECLS extern "C" {
#define ZC_END_DECLS }
#else
#define ZC_BEGIN_DECLS
#define ZC_END_DECLS
#endif

#endif
