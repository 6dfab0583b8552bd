/* SPDX-License-Identifier: MIT */
/*
 * options.h - options with named fields, in C and in C++.
 *
 * ZC_OPTIONS(zc_cache_options, .limit_bytes = 1 << 20) is a pointer to such a
 * struct: the named fields and struct_size are set, the others are zero.  Each
 * options struct has a macro of its own over this one: ZC_CACHE_OPTIONS(...).
 *
 * The struct lives in C until the end of the block, in C++ until the end of the
 * full expression.  So in C++ write the macro as the argument of the call, as
 * all examples do.  C++ also wants the fields in the order of the struct.
 */
#ifndef ZCACHE_OPTIONS_H
#define ZCACHE_OPTIONS_H

#ifdef __cplusplus

/*
 * Named fields are an extension before C++20.  The fields that are not named
 * are zero on purpose, but gcc warns of them unless the macro comes from a
 * system header, and clang from version 19 on warns even then.
 */
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC system_header
#define ZC_EXTENSION __extension__
#else
#define ZC_EXTENSION
#endif

#if defined(__clang__)
#define ZC_LIFETIMEBOUND [[clang::lifetimebound]]
#define ZC_UNNAMED_ARE_ZERO                                                    \
    _Pragma("clang diagnostic push")                                           \
        _Pragma("clang diagnostic ignored \"-Wmissing-field-initializers\"")
#define ZC_UNNAMED_END _Pragma("clang diagnostic pop")
#else
#define ZC_LIFETIMEBOUND
#define ZC_UNNAMED_ARE_ZERO
#define ZC_UNNAMED_END
#endif

extern "C++" { /* also where this is included in extern "C" */
template <typename Options>
inline const Options *zc_options_address(
    const Options &options ZC_LIFETIMEBOUND) noexcept
{
    return &options;
}
}

#define ZC_OPTIONS(type, ...)                                                  \
    (ZC_UNNAMED_ARE_ZERO ZC_EXTENSION zc_options_address(                      \
        type{.struct_size = sizeof(type), __VA_ARGS__}) ZC_UNNAMED_END)

#else

#define ZC_OPTIONS(type, ...)                                                  \
    (&(const struct type){.struct_size = sizeof(struct type), __VA_ARGS__})

#endif

#endif
