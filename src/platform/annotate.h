/* SPDX-License-Identifier: MIT */
/*
 * annotate.h - lock requirements that the compiler checks.
 *
 * clang -Wthread-safety checks these; other compilers ignore them.  A struct
 * that an annotation names must be a complete type.
 */
#ifndef ZC_PLATFORM_ANNOTATE_H
#define ZC_PLATFORM_ANNOTATE_H

#if defined(__clang__)
#define ZC_ANNOTATE(x) __attribute__((x))
#else
#define ZC_ANNOTATE(x)
#endif

#define ZC_CAPABILITY(name) ZC_ANNOTATE(capability(name))
#define ZC_ACQUIRE(...) ZC_ANNOTATE(acquire_capability(__VA_ARGS__))
#define ZC_TRY_ACQUIRE(...) ZC_ANNOTATE(try_acquire_capability(__VA_ARGS__))
#define ZC_RELEASE(...) ZC_ANNOTATE(release_capability(__VA_ARGS__))
#define ZC_REQUIRES(...) ZC_ANNOTATE(requires_capability(__VA_ARGS__))
#define ZC_EXCLUDES(...) ZC_ANNOTATE(locks_excluded(__VA_ARGS__))
#define ZC_NO_LOCK_ANALYSIS ZC_ANNOTATE(no_thread_safety_analysis)

#endif
