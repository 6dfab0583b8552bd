/* SPDX-License-Identifier: MIT */
/* export.h - which symbols leave the library, and what callers must check. */
#ifndef ZCACHE_EXPORT_H
#define ZCACHE_EXPORT_H

/*
 * ZC_API marks every exported function.  A program that links the static
 * library, or the shared one on any ELF or Mach-O system, needs to define
 * nothing.
 */
#if defined(__GNUC__)
#define ZC_API __attribute__((visibility("default")))
#define ZC_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ZC_API
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
