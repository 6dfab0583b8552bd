/* SPDX-License-Identifier: MIT */
/* export.h - which symbols leave the library, and what callers must check. */
#ifndef ZCACHE_EXPORT_H
#define ZCACHE_EXPORT_H

/*
 * ZC_API marks every function of the interface.  The shared library exports
 * them and nothing else.  The static library is built with ZC_STATIC: what it
 * is linked into does not export them, so two plug-ins of one program can each
 * have a copy of their own.  Users of the library define nothing.
 */
#if defined(__GNUC__) && !defined(ZC_STATIC)
#define ZC_API __attribute__((visibility("default")))
#else
#define ZC_API
#endif

/* What a caller must look at. */
#if defined(__GNUC__)
#define ZC_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ZC_MUST_CHECK
#endif

#ifdef __cplusplus
#define ZC_BEGIN_DECLS extern "C" {
#define ZC_END_DECLS }
#else
#define ZC_BEGIN_DECLS
#define ZC_END_DECLS
#endif

#endif
